#define _GNU_SOURCE
#include "support.h"

#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

char project[256];
bgj_manager *manager;
bgj_error error = BGJ_ERROR_INIT;

enum { MOST = 64 };
static bgj_manager *others[MOST];
static bgj_job *jobs[MOST];
static size_t other_count, job_count;
static bgj_job_info info;
static json_t *document;

/* ---- One test ---- */

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw) {
  (void)status, (void)type, (void)ftw;
  return remove(path);
}

int set_up(void **state) {
  (void)state;
  const char *base = getenv("TMPDIR");
  snprintf(project, sizeof project, "%s/bgjobs-test-XXXXXX", base != NULL ? base : "/tmp");
  if (mkdtemp(project) == NULL) return -1;
  error = (bgj_error)BGJ_ERROR_INIT;
  info = (bgj_job_info)BGJ_JOB_INFO_INIT;
  return bgj_manager_open(project, NULL, &manager, &error) == BGJ_OK ? 0 : -1;
}

int tear_down(void **state) {
  (void)state;
  while (job_count > 0) bgj_job_release(jobs[--job_count]);
  while (other_count > 0) bgj_manager_close(others[--other_count], NULL);
  close_manager();
  bgj_job_info_clear(&info);
  json_decref(document);
  document = NULL;
  return nftw(project, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void close_manager(void) {
  bgj_manager_close(manager, NULL);
  manager = NULL;
}

bgj_manager *open_other(const bgj_options *options) {
  bgj_manager *other = NULL;
  assert_true(other_count < MOST);
  assert_ok(bgj_manager_open(project, options, &other, &error));
  return others[other_count++] = other;
}

void close_other(bgj_manager *other) {
  for (size_t i = 0; i < other_count; i++)
    if (others[i] == other) others[i] = NULL;
  assert_ok(bgj_manager_close(other, &error));
}

/* ---- Assertions ---- */

void check_status(bgj_status got, bgj_status expected, const char *call, const char *file,
                  int line) {
  if (got != expected) {
    print_error("%s\n  gave %s, expected %s: %s\n", call, bgj_status_name(got),
                bgj_status_name(expected), error.message);
    _fail(file, line);
  }
  /* 99: the call was not given the error, or its function has none. */
  if (error.status == (bgj_status)99) return;
  if (error.status != got || (error.message[0] != 0) != (got != BGJ_OK)) {
    print_error("%s\n  gave %s, and its error says %s: \"%s\"\n", call, bgj_status_name(got),
                bgj_status_name(error.status), error.message);
    _fail(file, line);
  }
}

void check_says(const char *text, const char *file, int line) {
  if (strstr(error.message, text) != NULL) return;
  print_error("the message does not say \"%s\": %s\n", text, error.message);
  _fail(file, line);
}

/* ---- Jobs ---- */

static bgj_job *kept(bgj_job *job) {
  assert_non_null(job);
  assert_true(job_count < MOST);
  return jobs[job_count++] = job;
}

bgj_job *create(void) {
  bgj_job *job = NULL;
  assert_ok(bgj_manager_create(manager, "clone-repos", NULL, 0, &job, &error));
  return kept(job);
}

bgj_job *running(void) {
  bgj_job *job = create();
  assert_ok(bgj_job_start(job, NULL, &error));
  return job;
}

bgj_job *job_of(bgj_manager *which, const char *id) {
  bgj_job *job = NULL;
  assert_ok(bgj_manager_find(which, id, &job, &error));
  return kept(job);
}

const bgj_job_info *look(bgj_job *job) {
  assert_ok(bgj_job_get_info(job, &info, &error));
  return &info;
}

size_t count_jobs(bgj_manager *which, unsigned int statuses, const char *type) {
  bgj_job_list *list = NULL;
  assert_ok(bgj_manager_list(which, statuses, type, &list, &error));
  size_t count = bgj_job_list_count(list);
  bgj_job_list_free(list);
  return count;
}

/* ---- Files ---- */

char *path_of(const char *relative) {
  /* The storage in memory has none: what is about files says nothing of it. */
  if (getenv("BGJOBS_STORAGE") != NULL) skip();
  static char paths[4][512];
  static unsigned int turn;
  char *path = paths[turn++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", project, relative);
  return path;
}

int exists(const char *relative) {
  return access(path_of(relative), F_OK) == 0;
}

void write_file(const char *relative, const void *bytes, size_t size) {
  FILE *file = fopen(path_of(relative), "w");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

char *read_file(const char *relative, size_t *size) {
  FILE *file = fopen(path_of(relative), "r");
  struct stat status;
  assert_non_null(file);
  assert_int_equal(fstat(fileno(file), &status), 0);
  char *bytes = calloc(1, (size_t)status.st_size + 1);
  assert_non_null(bytes);
  assert_int_equal(fread(bytes, 1, (size_t)status.st_size, file), status.st_size);
  fclose(file);
  if (size != NULL) *size = (size_t)status.st_size;
  return bytes;
}

void write_jobs(const char *json) {
  assert_int_equal(mkdir(path_of(".specweave"), 0777), 0);
  assert_int_equal(mkdir(path_of(".specweave/state"), 0777), 0);
  write_file(STATE_FILE, json, strlen(json));
}

/* ---- JSON ---- */

static json_t *parsed(char *text) {
  json_error_t why;
  json_decref(document);
  document = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why);
  if (document == NULL) print_error("not JSON, line %d: %s\n%s\n", why.line, why.text, text);
  assert_non_null(document);
  return document;
}

json_t *read_state(void) {
  if (manager != NULL) assert_ok(bgj_manager_sync(manager, &error));
  char *text = read_file(STATE_FILE, NULL);
  json_t *state = parsed(text);
  free(text);
  return state;
}

json_t *state_of(bgj_job *job) {
  size_t index;
  json_t *value;
  json_array_foreach(json_object_get(read_state(), "jobs"), index, value)
    if (strcmp(json_string_value(json_object_get(value, "id")), bgj_job_id(job)) == 0) return value;
  fail_msg("the job is not in the state file");
  return NULL;
}

json_t *json_of(bgj_job *job) {
  char *text = NULL;
  assert_ok(bgj_job_get_json(job, &text, &error));
  json_t *json = parsed(text);
  bgj_string_free(text);
  return json;
}

char *snapshot(bgj_job *job) {
  json_t *json = json_of(job), *progress = json_object_get(json, "progress");
  json_object_del(json, "bgjobs");
  json_object_del(progress, "rate");
  json_object_del(progress, "eta");
  return json_dumps(json, JSON_INDENT(2));
}

void assert_members(json_t *object, ...) {
  va_list names;
  va_start(names, object);
  const char *name = va_arg(names, const char *), *key;
  json_t *value;
  json_object_foreach(object, key, value)
    if (name != NULL && strcmp(key, name) == 0) name = va_arg(names, const char *);
  va_end(names);
  if (name != NULL) fail_msg("\"%s\" is missing, or not in its place", name);
}

void assert_same_json(const char *json, const char *expected) {
  json_t *left = json_loads(json, JSON_DECODE_ANY, NULL);
  json_t *right = json_loads(expected, JSON_DECODE_ANY, NULL);
  assert_non_null(right);
  if (!json_equal(left, right)) fail_msg("%s is not %s", json, expected);
  json_decref(left);
  json_decref(right);
}

/* ---- Clock ---- */

static int64_t tell(void *context, bgj_clock_id which) {
  const test_clock *clock = context;
  const clockid_t ids[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};
  struct timespec now;
  clock_gettime(ids[which], &now);
  int64_t awake = which == BGJ_CLOCK_MONOTONIC ? clock->ahead - clock->asleep : clock->ahead;
  return now.tv_sec * SECONDS(1) + now.tv_nsec + awake;
}

bgj_options with_clock(test_clock *clock) {
  bgj_options options = BGJ_OPTIONS_INIT;
  options.clock = tell;
  options.clock_context = clock;
  return options;
}

void sleep_ms(int milliseconds) {
  nanosleep(&(struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000L}, NULL);
}
