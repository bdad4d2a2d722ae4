/*
 * Works in a project on a file system that is about to lose its power, and tells each call that was
 * acknowledged, in the order of the calls, with the time before and after it:
 *
 *     worker ROLE PROJECT JOB STEP SEED
 *
 *     BEGIN END WORD ARGUMENT...     nanoseconds of CLOCK_MONOTONIC
 *     BEGIN END ! STATUS MESSAGE     a call that failed; the worker ends
 *
 * story.py knows the same steps, and says what a job looks like after so many of them.
 */
#include <bgjobs.h>

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { PADDING = 60000, CONFIG = 20000, FAST_STEPS = 6000, ROLLER_STEPS = 4000 };

static const char *project;
static bgj_manager *manager;
static bgj_error fault = BGJ_ERROR_INIT;
static int64_t began;

/* ---- What is told ---- */

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bgj_status told(bgj_status status, const char *format, ...) {
  char line[1024];
  int size = snprintf(line, sizeof line, "%" PRId64 " %" PRId64 " ", began, now());
  if ((int)status >= 10) {
    size += snprintf(line + size, sizeof line - (size_t)size, "! %s %s", bgj_status_name(status),
                     fault.message);
  } else {
    va_list arguments;
    va_start(arguments, format);
    size += vsnprintf(line + size, sizeof line - (size_t)size, format, arguments);
    va_end(arguments);
  }
  line[size++] = '\n';
  if (write(1, line, (size_t)size) != size) exit(4);
  if ((int)status >= 10) _exit(3); /* the power has gone, or this is what the test looks for */
  return status;
}

/* Makes the call, and tells it in printf's manner. */
#define TELL(call, ...) (began = now(), told((call), __VA_ARGS__))
/* For calls that promise nothing. */
#define MUST(call) (began = now(), must(call))

static bgj_status must(bgj_status status) {
  return (int)status >= 10 ? told(status, "-") : status;
}

static void sleep_us(long most) {
  long us = most > 0 ? random() % most : 0;
  nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

static void open_manager(void) { MUST(bgj_manager_open(project, NULL, &manager, &fault)); }

static void close_manager(void) {
  MUST(bgj_manager_close(manager, &fault));
  manager = NULL;
}

/* ---- Reports, one after the other ---- */

/* The letter of a step says what is reported: see story.py. */
static bgj_status report(bgj_job *job, char letter, int step) {
  static char text[PADDING + 100];
  char item[64];
  snprintf(item, sizeof item, "item-%d", letter == 'b' ? step + 1 : step);
  switch (letter) {
    case 'b': return bgj_job_item_begin(job, item, NULL, NULL, &fault);
    case 'd': return bgj_job_item_done(job, item, &fault);
    case 'f': return bgj_job_item_failed(job, item, "it would not", &fault);
    case 's': return bgj_job_item_skipped(job, item, "it was there", &fault);
    case 'a': return bgj_job_advance(job, 1, &fault);
    case 'c': snprintf(text, sizeof text, "{\"step\": %d}", step); break;
    default:
      snprintf(text, sizeof text, "{\"step\": %d, \"padding\": \"%0*d\"}", step, PADDING, step);
  }
  return bgj_job_set_cursor(job, text, &fault);
}

static void start(bgj_job *job, int number) {
  while (MUST(bgj_job_start(job, NULL, &fault)) == BGJ_PAUSED) {
    bgj_status waited = (began = now(), bgj_job_wait(job, BGJ_MASK_PENDING, 100, NULL, &fault));
    if (waited != BGJ_TIMEOUT) must(waited);
  }
  told(BGJ_OK, "started %d", number);
}

static bgj_job *ensure(const char *role, int number) {
  bgj_job *job = NULL;
  char key[64];
  snprintf(key, sizeof key, "%s-%d", role, number);
  bgj_status status = (began = now(),
    bgj_manager_ensure(manager, "power", key, NULL, 0, &job, &fault));
  told(status, "ensured %d %s", number, job ? bgj_job_id(job) : "-");
  return job;
}

/* Jobs of so many steps, 0: one without an end. A pace of microseconds, and how many steps come
 * without a pause between them. */
static void work(const char *role, int number, int step, const char *letters, int steps, long pace,
                 int burst) {
  open_manager();
  for (;; number++, step = 0) {
    bgj_job *job = ensure(role, number);
    start(job, number);
    for (int count = (int)strlen(letters); !steps || step < steps; step++) {
      bgj_status status =
        TELL(report(job, letters[step % count], step), "step %d %d", number, step);
      while (status == BGJ_PAUSED) {
        status = (began = now(), bgj_job_wait(job, BGJ_MASK_RUNNING, 100, NULL, &fault));
        status = status == BGJ_TIMEOUT ? BGJ_PAUSED : told(status, "waited");
      }
      if (random() % burst == 0) sleep_us(pace);
      if (pace > 100000 && random() % 16 == 0) TELL(bgj_manager_sync(manager, &fault), "synced");
    }
    TELL(bgj_job_complete(job, NULL, &fault), "completed %d", number);
    bgj_job_release(job);
  }
}

/* As the lines of a script: each opens the project, does one thing and closes it. */
static void commands(int number, int step, const char *letters) {
  for (;; step++) {
    open_manager();
    bgj_job *job = ensure("commands", number);
    bgj_job_info info = BGJ_JOB_INFO_INIT;
    MUST(bgj_job_get_info(job, &info, &fault));
    bgj_start_options detached = BGJ_START_OPTIONS_INIT;
    detached.flags = BGJ_START_DETACHED;
    if (info.status == BGJ_JOB_PENDING)
      TELL(bgj_job_start(job, &detached, &fault), "started %d", number);
    TELL(report(job, letters[(size_t)step % strlen(letters)], step), "step %d %d", number, step);
    bgj_job_info_clear(&info);
    bgj_job_release(job);
    close_manager();
    sleep_us(40000);
  }
}

/* Reports on the job of "slow", from beside its owner. */
static void helper(int number, int step) {
  open_manager();
  bgj_job *job = ensure("slow", number);
  for (;;) {
    char item[64];
    snprintf(item, sizeof item, "help-%d", step);
    bgj_status status = (began = now(), bgj_job_item_done(job, item, &fault));
    bool is_started = status != BGJ_ILLEGAL_TRANSITION;
    if (is_started) told(status, "step %d %d", number, step++);
    if (!is_started || random() % 8 == 0) sleep_us(random() % 8 ? 30000 : 1500000);
  }
}

/* ---- Changes of status ---- */

/* Pauses and resumes the job of "slow". */
static void control(int number, int step) {
  open_manager();
  bgj_job *job = ensure("slow", number);
  for (;; step++) {
    char reason[32];
    snprintf(reason, sizeof reason, "pause-%d", step);
    TELL(BGJ_OK, "resuming %d %d", number, step);
    TELL(bgj_job_resume(job, &fault), "resumed %d %d", number, step);
    sleep_us(400000);
    TELL(BGJ_OK, "pausing %d %d", number, step);
    TELL(bgj_job_pause(job, reason, 0, &fault), "paused %d %d", number, step);
    sleep_us(60000);
  }
}

static char *config_of(int number, int round) {
  static char config[CONFIG + 200];
  snprintf(config, sizeof config,
           "{\"type\": \"power\", \"number\": %d, \"round\": %d, \"padding\": \"%0*d\", "
           "\"end\": %d}", number, round, CONFIG, round, round);
  return config;
}

/* One step of a life; the letters are those of story.py. */
static bgj_status change(bgj_job *job, char letter, int number) {
  static const char *const plan[] = {"item-0", "item-1", "item-2", "item-3", "item-4"};
  char text[64];
  snprintf(text, sizeof text, "\"life %d\"", number);
  switch (letter) {
    case 'P': return bgj_job_plan(job, plan, 5, &fault);
    case 'S': return bgj_job_start(job, NULL, &fault);
    case '0': case '1': case '2':
      snprintf(text, sizeof text, "item-%c", letter);
      return bgj_job_item_done(job, text, &fault);
    case 'f': return bgj_job_item_failed(job, "item-3", "it would not", &fault);
    case 'p': return bgj_job_pause(job, "life", 0, &fault);
    case 'r': return bgj_job_resume(job, &fault);
    case 'l': return bgj_job_leave(job, "left", &fault);
    case 'L': return bgj_job_rate_limited(job, "github", 500, &fault);
    case 'C': return bgj_job_complete(job, text, &fault);
    case 'F': return bgj_job_fail(job, text, &fault);
    case 'R': return bgj_job_retry(job, &fault);
    default: return bgj_job_cancel(job, text, &fault);
  }
}

static void clean(void) {
  bgj_job_list *list = NULL;
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  TELL(BGJ_OK, "cleaning");
  TELL(bgj_manager_cleanup_with(manager, 3, BGJ_CLEANUP_FAILED, &list, &fault), "cleaned");
  for (size_t i = 0; i < bgj_job_list_count(list); i++) {
    MUST(bgj_job_list_at(list, i, &info, &fault));
    TELL(BGJ_OK, "removed %s", info.id);
  }
  bgj_job_info_clear(&info);
  bgj_job_list_free(list);
}

/* Whole lives of jobs, of four kinds in turn. */
static void lives(int number) {
  static const char *const kinds[] = {"PS012prfC", "PS01f2FRSlX", "PSp0r1X", "PS012LX"};
  open_manager();
  for (;; number++) {
    bgj_job *job = NULL;
    const char *config = config_of(number, number);
    bgj_status status = (began = now(),
      bgj_manager_create(manager, "power", config, 0, &job, &fault));
    told(status, "life %d 0 %s", number, job ? bgj_job_id(job) : "-");
    const char *letters = kinds[number % 4];
    for (int step = 0; letters[step]; step++) {
      TELL(change(job, letters[step], number), "life %d %d %s", number, step + 1, bgj_job_id(job));
      sleep_us(15000);
    }
    bgj_job_release(job);
    if (number % 8 == 7) clean();
  }
}

/* Large configs in a row: a new journal after every dozen of them. */
static void configs(int number, int step) {
  open_manager();
  bgj_job *job = ensure("configs", number);
  for (;; step++) {
    TELL(bgj_job_set_config(job, config_of(number, step), &fault), "config %d %d", number, step);
    sleep_us(20000);
  }
}

static void publish(void) {
  for (;;) {
    open_manager();
    for (int i = 0; i < 5; i++) {
      MUST(bgj_manager_sync(manager, &fault));
      sleep_us(100000);
    }
    close_manager();
  }
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
  const char *role = argv[1];
  int number = atoi(argv[3]), step = atoi(argv[4]);
  project = argv[2];
  srandom((unsigned int)strtoul(argv[5], NULL, 10));
  if (!strcmp(role, "fast")) work(role, number, step, "cbdfsa", FAST_STEPS, 20000, 300);
  if (!strcmp(role, "slow")) work(role, number, step, "cbdfsa", 0, 400000, 2);
  if (!strcmp(role, "roller")) work(role, number, step, "Bd", ROLLER_STEPS, 2000, 2);
  if (!strcmp(role, "commands")) commands(number, step, "cbdfsa");
  if (!strcmp(role, "helper")) helper(number, step);
  if (!strcmp(role, "control")) control(number, step);
  if (!strcmp(role, "lives")) lives(number);
  if (!strcmp(role, "configs")) configs(number, step);
  if (!strcmp(role, "publish")) publish();
  return 2;
}
