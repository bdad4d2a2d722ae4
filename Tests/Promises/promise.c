#include "promise.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

bgj_error fault = BGJ_ERROR_INIT;

bgj_status must(bgj_status status, const char *call, const char *file, int line) {
  if ((int)status >= 10) {
    print_error("%s: %s: %s\n", call, bgj_status_name(status), fault.message);
    _fail(file, line);
  }
  return status;
}

/* ---- Time and chance ---- */

double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

void sleep_ms(double ms) {
  if (ms <= 0) return;
  time_t seconds = (time_t)(ms / 1e3);
  struct timespec t = {seconds, (long)((ms - (double)seconds * 1e3) * 1e6)};
  while (nanosleep(&t, &t) != 0 && errno == EINTR) continue;
}

double chance(double below) {
  static bool seeded;
  if (!seeded) {
    const char *given = getenv("PROMISE_SEED");
    unsigned int seed = given ? (unsigned int)strtoul(given, NULL, 10) : (unsigned int)time(NULL);
    srandom(seed);
    print_message("PROMISE_SEED=%u\n", seed);
    seeded = true;
  }
  return below * ((double)random() / ((double)RAND_MAX + 1));
}

static int compare_numbers(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

void sort_numbers(double *numbers, int count) {
  qsort(numbers, (size_t)count, sizeof *numbers, compare_numbers);
}

/* ---- Files ---- */

char *project_new(void) {
  const char *base = getenv("TMPDIR");
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/bgjobs-promise-XXXXXX", base && *base ? base : "/tmp");
  assert_non_null(mkdtemp(path));
  return strdup(path);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where) {
  (void)info, (void)type, (void)where;
  return remove(path);
}

void project_remove(char *project) {
  nftw(project, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
  free(project);
}

static const char *path_of(const char *project, const char *below, const char *name) {
  static char paths[8][PATH_MAX];
  static int last;
  char *path = paths[last++ % 8];
  snprintf(path, PATH_MAX, "%s/.specweave/state/%s%s", project, below, name);
  return path;
}

const char *state_directory(const char *project) { return path_of(project, "", ""); }

const char *state_path(const char *project) {
  return path_of(project, "", "background-jobs.json");
}

const char *private_path(const char *project, const char *name) {
  return path_of(project, "background-jobs.d/", name);
}

static char *read_all(int fd, size_t *size) {
  size_t used = 0, room = 1 << 16;
  char *bytes = malloc(room);
  for (;;) {
    ssize_t got = read(fd, bytes + used, room - used - 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    used += (size_t)got;
    if (room - used < 1 << 15) bytes = realloc(bytes, room *= 2);
  }
  bytes[used] = 0;
  if (size) *size = used;
  return bytes;
}

char *file_read(const char *path, size_t *size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return NULL;
  char *bytes = read_all(fd, size);
  close(fd);
  return bytes;
}

static void write_all(int fd, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t put = write(fd, bytes, size);
    if (put < 0 && errno == EINTR) continue;
    assert_true(put > 0);
    bytes += put, size -= (size_t)put;
  }
}

void file_write(const char *path, const void *bytes, size_t size, double pause_ms) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  assert_true(fd >= 0);
  size_t half = pause_ms > 0 ? size / 2 : size;
  write_all(fd, bytes, half);
  sleep_ms(pause_ms);
  write_all(fd, (const char *)bytes + half, size - half);
  assert_int_equal(close(fd), 0);
}

char *project_with(const void *state, size_t size) {
  char *project = project_new();
  directory_make(state_directory(project));
  file_write(state_path(project), state, size, 0);
  return project;
}

bool file_exists(const char *path) { return access(path, F_OK) == 0; }

void directory_make(const char *path) {
  char part[PATH_MAX];
  snprintf(part, sizeof part, "%s", path);
  for (char *slash = part + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
    *slash = 0;
    mkdir(part, 0755);
  }
  mkdir(part, 0755);
  assert_true(file_exists(path));
}

char *run(int *status, const char *const arguments[]) {
  int out[2];
  assert_int_equal(pipe2(out, O_CLOEXEC), 0);
  pid_t pid = fork();
  if (pid == 0) {
    dup2(out[1], 1);
    execvp(arguments[0], (char *const *)(uintptr_t)arguments);
    _exit(127);
  }
  close(out[1]);
  char *text = read_all(out[0], NULL);
  close(out[0]);
  int ended = 0;
  while (waitpid(pid, &ended, 0) < 0 && errno == EINTR) continue;
  *status = WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended);
  return text;
}

static char *jq_with(const char *option, const char *filter, const char *file) {
  int status;
  const char *const arguments[] = {"jq", option, filter, file, NULL};
  char *text = run(&status, arguments);
  if (status == 0) return text;
  free(text);
  return NULL;
}

char *jq(const char *filter, const char *file) { return jq_with("-c", filter, file); }

char *jq_indented(const char *filter, const char *file) {
  char *text = jq_with("--monochrome-output", filter, file);
  if (text && *text) text[strlen(text) - 1] = 0; /* other writers end without a newline */
  return text;
}

int corrupt_copies(const char *project, const char *bytes, size_t size, int *all) {
  int same = 0, found = 0;
  const char *const places[] = {state_directory(project), private_path(project, "")};
  for (int i = 0; i < COUNT_OF(places); i++) {
    DIR *directory = opendir(places[i]);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
      if (!strstr(entry->d_name, ".corrupt-")) continue;
      found++;
      char path[PATH_MAX + 256];
      snprintf(path, sizeof path, "%s/%s", places[i], entry->d_name);
      size_t have = 0;
      char *copy = file_read(path, &have);
      if (copy && bytes && have == size && memcmp(copy, bytes, size) == 0) same++;
      free(copy);
    }
    if (directory) closedir(directory);
  }
  if (all) *all = found;
  return same;
}

/* ---- Workers ---- */

static int own(int argc, char **argv);

int role_run(const role *roles, int count, int argc, char **argv) {
  static const role shared = {"own", own};
  signal(SIGPIPE, SIG_IGN);
  for (int i = -1; argc > 1 && i < count; i++) {
    const role *candidate = i < 0 ? &shared : &roles[i];
    if (strcmp(candidate->name, argv[1]) == 0) return candidate->body(argc - 1, argv + 1);
  }
  return -1;
}

worker worker_start(const char *role_name, ...) {
  /* Not its path: inside a chroot, or behind a mount made since, that may lead nowhere. */
  char self[] = "/proc/self/exe";
  char *arguments[16] = {self, (char *)(uintptr_t)role_name};
  va_list rest;
  va_start(rest, role_name);
  for (int i = 2; i < 15 && (arguments[i] = va_arg(rest, char *)); i++) continue;
  va_end(rest);

  int in[2], out[2];
  assert_int_equal(pipe2(in, O_CLOEXEC), 0);
  assert_int_equal(pipe2(out, O_CLOEXEC), 0);
  /* Room for a whole run's output, so that a worker is never slowed down by its driver. */
  fcntl(out[1], F_SETPIPE_SZ, 1 << 20);
  pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(in[0], 0);
    dup2(out[1], 1);
    execv(self, arguments);
    _exit(127);
  }
  assert_true(pid > 0);
  close(in[0]);
  close(out[1]);
  return (worker){pid, in[1], out[0]};
}

void worker_tell(const worker *w, char command) { assert_int_equal(write(w->in, &command, 1), 1); }

void worker_hear(const worker *w, void *bytes, size_t size) {
  double until = now_ms() + 10e3;
  for (size_t have = 0; have < size;) {
    struct pollfd ready = {w->out, POLLIN, 0};
    double left = until - now_ms();
    if (left <= 0 || poll(&ready, 1, (int)left + 1) == 0) FAILED("a worker says nothing");
    ssize_t got = read(w->out, (char *)bytes + have, size - have);
    if (got == 0) FAILED("a worker ended too early");
    if (got > 0) have += (size_t)got;
  }
}

char *worker_rest(const worker *w, size_t *size) { return read_all(w->out, size); }

void worker_kill(worker *w) { kill(w->pid, SIGKILL); }

int worker_wait(worker *w) {
  int status = 0;
  while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR) continue;
  if (w->in >= 0) close(w->in);
  close(w->out);
  return status;
}

void worker_end(worker *w) {
  close(w->in);
  w->in = -1;
  int status = worker_wait(w);
  if (WIFSIGNALED(status)) FAILED("a worker was killed by signal %d", WTERMSIG(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

static bool input_closed(void) {
  struct pollfd in = {0, POLLIN, 0};
  return poll(&in, 1, 0) > 0;
}

static int own(int argc, char **argv) {
  assert_int_equal(argc, 6);
  double pace = atof(argv[3]) / 1e3;
  int items = atoi(argv[4]), done = 0;
  bgj_manager *manager = manager_open(argv[1]);
  bgj_job *job = NULL;
  MUST(bgj_manager_ensure(manager, "import-issues", argv[2], "{\"round\": 0}", 0, &job, &fault));
  assert_int_equal(MUST(bgj_job_start(job, NULL, &fault)), BGJ_OK);
  char id[64] = {0};
  snprintf(id, sizeof id, "%s", bgj_job_id(job));
  assert_int_equal(write(1, id, sizeof id), sizeof id);

  for (double next = now_ms(); items ? done < items || !input_closed() : !input_closed();) {
    if (items && done >= items) {
      sleep_ms(1);
      continue;
    }
    char name[32];
    snprintf(name, sizeof name, "own-%d", done);
    bgj_status status = MUST(bgj_job_item_done(job, name, &fault));
    done++;
    while (status == BGJ_PAUSED && !input_closed()) {
      bgj_status waited = bgj_job_wait(job, BGJ_MASK_RUNNING, 10, NULL, &fault);
      if (waited != BGJ_TIMEOUT) status = MUST(waited);
    }
    next += pace;
    sleep_ms(next - now_ms());
  }
  if (strcmp(argv[5], "complete") == 0) MUST(bgj_job_complete(job, NULL, &fault));
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
  assert_int_equal(write(1, &done, sizeof done), sizeof done);
  return 0;
}

worker owner_start(const char *project, const char *key, int pace_us, int items, const char *end,
                   char id[64]) {
  char pace[16], count[16];
  snprintf(pace, sizeof pace, "%d", pace_us);
  snprintf(count, sizeof count, "%d", items);
  worker w = worker_start("own", project, key, pace, count, end, NULL);
  worker_hear(&w, id, 64);
  return w;
}

int owner_end(worker *w) {
  int done = -1;
  close(w->in);
  w->in = -1;
  worker_hear(w, &done, sizeof done);
  worker_end(w);
  return done;
}

/* ---- The library, looked at ---- */

bgj_manager *manager_open(const char *project) {
  bgj_manager *manager = NULL;
  MUST(bgj_manager_open(project, NULL, &manager, &fault));
  return manager;
}

bgj_job *job_of_key(bgj_manager *manager, const char *key) {
  bgj_job_list *list = NULL;
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  bgj_job *job = NULL;
  MUST(bgj_manager_list(manager, BGJ_MASK_ALL, NULL, &list, &fault));
  for (size_t i = 0; !job && i < bgj_job_list_count(list); i++) {
    MUST(bgj_job_list_at(list, i, &info, &fault));
    if (info.key && strcmp(info.key, key) == 0)
      MUST(bgj_manager_find(manager, info.id, &job, &fault));
  }
  bgj_job_info_clear(&info);
  bgj_job_list_free(list);
  return job;
}

static json_t *parsed(const char *text, size_t size, const char *what) {
  json_error_t error;
  json_t *value = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
  if (!value) FAILED("%s is not JSON: line %d: %s", what, error.line, error.text);
  return value;
}

json_t *job_json(bgj_job *job) {
  char *text = NULL;
  assert_non_null(job);
  MUST(bgj_job_get_json(job, &text, &fault));
  json_t *value = parsed(text, strlen(text), "the job");
  bgj_string_free(text);
  return value;
}

json_t *state_json(const char *project) {
  size_t size = 0;
  char *text = file_read(state_path(project), &size);
  assert_non_null(text);
  json_t *value = parsed(text, size, "the state file");
  free(text);
  return value;
}

json_t *job_in_state(json_t *state, const char *id) {
  size_t index;
  json_t *job;
  json_array_foreach(json_object_get(state, "jobs"), index, job) {
    const char *found = json_string_value(json_object_get(job, "id"));
    if (found && strcmp(found, id) == 0) return job;
  }
  return NULL;
}

json_t *items_in(json_t *job) {
  return json_object_get(json_object_get(job, "progress"), "itemsCompleted");
}

int64_t current_in(json_t *job) {
  return json_integer_value(json_object_get(json_object_get(job, "progress"), "current"));
}

const char *status_in(json_t *job) {
  const char *status = json_string_value(json_object_get(job, "status"));
  return status ? status : "";
}
