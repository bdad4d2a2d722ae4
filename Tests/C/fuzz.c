/*
 * fuzz SECONDS [SEED]: random calls with random arguments, valid ones and hostile ones, by several
 * managers on one directory, while somebody rewrites and damages its files between the calls.
 *
 * A round is a child process with a seed of its own. A signal, a hang or a broken rule of the
 * header ends everything, with that seed and the last call. With 0 seconds only the round of SEED
 * is run.
 */
#define _GNU_SOURCE
#include <bgjobs.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz_input.h"

enum { MANAGERS = 3, JOBS = 6, STEPS = 400, HANG_S = 30 };

static bgj_manager *managers[MANAGERS];
static bgj_job *jobs[JOBS];
static char project[256];

/* What the parent is told about a child that does not come back. */
static struct { char call[64]; int step; uint64_t calls; } *last;

/* ---- The rules that every call must keep ---- */

static void broken(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "fuzz: %s: ", last->call);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  _exit(1);
}

static void must_be_utf8(const char *what, const char *text) {
  json_t *string = text == NULL ? json_null() : json_string(text);
  if (string == NULL) broken("%s is not UTF-8", what);
  json_decref(string);
}

static bgj_error error = BGJ_ERROR_INIT;

static bgj_status check(bgj_status status) {
  last->calls++;
  if (strcmp(bgj_status_name(status), "BGJ_?") == 0) broken("status %d", (int)status);
  if (memchr(error.message, 0, sizeof error.message) == NULL) broken("endless message");
  must_be_utf8("the message", error.message);
  if (error.status != status || (error.message[0] != 0) != (status != BGJ_OK))
    broken("%s, but the error says %s, \"%s\"", bgj_status_name(status),
           bgj_status_name(error.status), error.message);
  return status;
}

/* Names the call for the parent and puts something into the error that a call must replace. */
#define CALL(function, ...)                                                 \
  (alarm(HANG_S), snprintf(last->call, sizeof last->call, "%s", #function), \
   last->step++,                                                            \
   error.status = (bgj_status)99, error.message[0] = '?', check(function(__VA_ARGS__, &error)))

static const char untouched[] = "untouched";

static void check_text(bgj_status status, char *text) {
  if (status >= BGJ_FINISHED) {
    if (text != untouched) broken("wrote its output with %s", bgj_status_name(status));
    return;
  }
  must_be_utf8("the output", text);
  bgj_string_free(text);
}

static void check_json(bgj_status status, char *text) {
  if (status < BGJ_FINISHED) {
    json_t *json = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (json == NULL) broken("not JSON: %.200s", text);
    json_decref(json);
  }
  check_text(status, text);
}

static void check_info(const bgj_job_info *info) {
  const char *const texts[] = {info->id, info->type, info->key, info->status_name, info->reason,
                               info->error, info->current_item};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) must_be_utf8("a text", texts[i]);
  if (info->id == NULL || info->status_name == NULL) broken("no id or no status");
  if (info->percentage < 0 || info->percentage > 100) broken("%d %%", info->percentage);
  if (info->total < 0) broken("the total is %lld", (long long)info->total);
  if (isnan(info->rate) || isinf(info->rate)) broken("the rate is %f", info->rate);
  if (info->eta < -1 || info->eta_low > info->eta || info->eta > info->eta_high)
    broken("the ETA is %lld, %lld to %lld", (long long)info->eta, (long long)info->eta_low,
           (long long)info->eta_high);
  if (info->status < BGJ_JOB_PENDING || info->status > BGJ_JOB_OTHER) broken("status");
  if (info->active_ms < 0) broken("active for %lld ms", (long long)info->active_ms);
}

/* ---- Calls ---- */

static int64_t any_clock(void *context, bgj_clock_id which) {
  (void)context, (void)which;
  return chance(20) ? any_number() : (int64_t)time(NULL) * 1000000000 + (int64_t)below(1000000000);
}

static void open_one(bgj_manager **slot) {
  bgj_options options = BGJ_OPTIONS_INIT;
  bgj_manager *fresh = (bgj_manager *)untouched;
  if (chance(30)) options.flags = chance(2) ? (unsigned int)any_number() : BGJ_OPEN_READ_ONLY;
  if (chance(30)) options.lock_timeout_ms = (int)any_number();
  if (options.lock_timeout_ms > 2000) options.lock_timeout_ms = 2000;
  if (chance(4)) options.keep_completed = (int)any_number();
  if (chance(4)) options.keep_for_s = any_number();
  if (chance(10)) options.clock = any_clock;
  if (chance(30)) options.struct_size = below(sizeof options + 1);
  const char *path = chance(40) ? any_text() : project;
  if (path != NULL && strpbrk(path, "./") != NULL) path = project; /* make nothing elsewhere */
  bgj_status status = CALL(bgj_manager_open, path, chance(4) ? &options : NULL, &fresh);
  if (status >= BGJ_FINISHED && fresh != (bgj_manager *)untouched) broken("wrote its output");
  if (status < BGJ_FINISHED) *slot = fresh;
}

static void put_job(bgj_status status, bgj_job *job) {
  if (status >= BGJ_FINISHED) {
    if (job != (bgj_job *)untouched) broken("wrote its output");
    return;
  }
  bgj_job **slot = &jobs[below(JOBS)];
  bgj_job_release(*slot);
  *slot = job;
  must_be_utf8("the id", bgj_job_id(job));
}

static void call_manager(bgj_manager **slot) {
  bgj_manager *manager = *slot;
  bgj_job *job = (bgj_job *)untouched;
  char *text = (char *)untouched;
  bgj_status status;
  switch (below(9)) {
    case 0:
      if (chance(4)) { CALL(bgj_manager_close, manager); *slot = NULL; }
      break;
    case 1: {
      int64_t wait;
      if (chance(3)) CALL(bgj_manager_set_rate, manager, any_name(), any_number(), any_number());
      if (chance(3)) CALL(bgj_manager_rate_limited, manager, any_name(), any_number());
      if (chance(3)) CALL(bgj_manager_permit, manager, any_name(), any_number(), &wait);
      static const char *const scopes[] = {"*", "type:t", "lane:l", "provider:p", "type:"};
      const char *scope = chance(2) ? scopes[below(5)] : any_name();
      if (chance(3)) CALL(bgj_manager_set_limit, manager, scope, (int)below(5) - 1);
      if (chance(9)) CALL(bgj_manager_set_priority_worth, manager, any_number());
      if (CALL(bgj_manager_get_queue, manager, &text) == BGJ_OK) bgj_string_free(text);
      bgj_claim_options claim = BGJ_CLAIM_OPTIONS_INIT;
      claim.config_member = chance(3) ? any_name() : NULL;
      claim.timeout_ms = (int64_t)below(3);
      if (chance(3)) {
        status = CALL(bgj_manager_claim, manager, &claim, &job);
        if (status == BGJ_END && job != NULL) broken("a job at the end of the queue");
        if (status != BGJ_END) put_job(status, job);
      }
      CALL(bgj_manager_sync, manager);
      break;
    }
    case 2:
      status = CALL(bgj_manager_create, manager, any_name(), any_json(), any_number(), &job);
      put_job(status, job);
      break;
    case 3:
      status = CALL(bgj_manager_ensure, manager, any_name(), any_name(), any_json(),
                    chance(2) ? 0 : any_number(), &job);
      put_job(status, job);
      break;
    case 4: {
      const char *id = chance(2) ? any_name() : bgj_job_id(jobs[below(JOBS)]);
      char beginning[8];
      snprintf(beginning, sizeof beginning, "%.*s", (int)below(8), id == NULL ? "" : id);
      status = CALL(bgj_manager_find, manager, chance(2) ? id : beginning, &job);
      put_job(status, job);
      break;
    }
    case 5:
    case 6: {
      bgj_job_list *list = (bgj_job_list *)untouched;
      bgj_job_info info = BGJ_JOB_INFO_INIT;
      status = CALL(bgj_manager_list, manager, chance(2) ? 0 : (unsigned int)any_number(),
                    chance(2) ? NULL : any_name(), &list);
      if (status >= BGJ_FINISHED) {
        if (list != (bgj_job_list *)untouched) broken("wrote its output");
        break;
      }
      for (size_t i = 0; CALL(bgj_job_list_at, list, i, &info) == BGJ_OK; i++) check_info(&info);
      CALL(bgj_job_list_at, list, (size_t)any_number(), &info);
      bgj_job_list_free(list);
      bgj_job_info_clear(&info);
      break;
    }
    case 7:
      if (chance(8)) CALL(bgj_manager_cleanup, manager, (size_t)any_number(), NULL);
      else if (chance(8))
        CALL(bgj_manager_cleanup_with, manager, (size_t)any_number(), below(5), NULL);
      break;
    default:
      status = CALL(bgj_manager_check, manager, &text);
      if (text != untouched) must_be_utf8("the report", text), bgj_string_free(text);
  }
}

static void walk_items(bgj_job *job) {
  bgj_item_list *list = (bgj_item_list *)untouched;
  bgj_item item = BGJ_ITEM_INIT;
  unsigned int states = chance(2) ? 0 : (unsigned int)any_number();
  bgj_status status = CALL(bgj_job_items, job, states, &list);
  if (status >= BGJ_FINISHED) {
    if (list != (bgj_item_list *)untouched) broken("wrote its output");
    return;
  }
  for (size_t i = 0; CALL(bgj_item_list_at, list, i, &item) == BGJ_OK; i++) {
    must_be_utf8("an item", item.name), must_be_utf8("why", item.why);
    if (item.state < BGJ_ITEM_OPEN || item.state > BGJ_ITEM_SKIPPED) broken("state");
    if (item.name == NULL || item.attempts < 0) broken("an item without name, or attempts");
  }
  CALL(bgj_item_list_at, list, (size_t)any_number(), &item);
  bgj_item_list_free(list);
}

static void call_job(bgj_job *job) {
  bgj_start_options options = BGJ_START_OPTIONS_INIT;
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  bgj_job_status job_status;
  char *text = (char *)untouched;
  const char *plan[8];
  bgj_status status;
  switch (below(36)) {
    case 0: case 1: case 2:
      if (chance(8)) options.flags = chance(2) ? (unsigned int)any_number() : BGJ_START_DETACHED;
      if (options.flags != 0) options.owner_pid = any_number();
      if (chance(20)) options.struct_size = below(sizeof options + 1);
      CALL(bgj_job_start, job, chance(2) ? NULL : &options);
      break;
    case 3: CALL(bgj_job_leave, job, any_text()); break;
    case 35: {
      bgj_queue_options queue = BGJ_QUEUE_OPTIONS_INIT;
      queue.flags = (unsigned int)below(chance(9) ? 99 : 16);
      queue.priority = (int)(chance(9) ? any_number() : (int64_t)below(5));
      queue.not_before_ms = chance(3) ? any_number() : 0;
      queue.max_attempts = (int)(chance(9) ? any_number() : (int64_t)below(4));
      queue.backoff_ms = chance(9) ? any_number() : (int64_t)below(9);
      queue.lane = chance(2) ? "l" : any_name();
      const char *needs = chance(3) ? any_name() : bgj_job_id(jobs[below(JOBS)]);
      if (chance(2)) CALL(bgj_job_add_dependency, job, needs, (unsigned int)below(32));
      if (chance(9)) CALL(bgj_job_remove_dependency, job, needs);
      CALL(bgj_job_enqueue, job, chance(4) ? NULL : &queue);
      if (CALL(bgj_job_get_waits, job, &text) == BGJ_OK) {
        must_be_utf8("what a job waits for", text);
        bgj_string_free(text);
      }
      break;
    }
    case 4: CALL(bgj_job_pause, job, any_name(), chance(2) ? 0 : any_number()); break;
    case 5: CALL(bgj_job_rate_limited, job, any_name(), any_number()); break;
    case 6: case 7: CALL(bgj_job_resume, job); break;
    case 8: CALL(bgj_job_wait, job, BGJ_MASK_ALL, any_number(), &job_status); break;
    case 9:
      CALL(bgj_job_wait, job, (unsigned int)any_number(), (int64_t)below(20), &job_status);
      break;
    case 10: if (chance(4)) CALL(bgj_job_complete, job, any_json()); break;
    case 11: if (chance(4)) CALL(bgj_job_fail, job, any_text()); break;
    case 12: if (chance(4)) CALL(bgj_job_cancel, job, any_text()); break;
    case 13:
      for (int i = 0; i < 2; i++) plan[i] = any_text();
      if (chance(2)) CALL(bgj_job_retry, job);
      else CALL(bgj_job_retry_items, job, plan, (size_t)below(3));
      break;
    case 14: case 15:
      CALL(bgj_job_update, job, chance(2) ? -1 : any_number(), any_text(), any_text(), any_text());
      break;
    case 16: CALL(bgj_job_advance, job, any_number()); break;
    case 17: CALL(bgj_job_item_done, job, any_text()); break;
    case 18:
      for (int i = 0; i < 8; i++) plan[i] = chance(20) ? any_text() : any_name();
      CALL(bgj_job_items_done, job, chance(50) ? NULL : plan, (size_t)below(9));
      break;
    case 19: CALL(bgj_job_item_failed, job, any_text(), any_text()); break;
    case 20: CALL(bgj_job_set_total, job, any_number()); break;
    case 21: CALL(bgj_job_set_cursor, job, any_json()); break;
    case 22: case 23:
      for (int i = 0; i < 8; i++) plan[i] = chance(20) ? any_text() : any_name();
      CALL(bgj_job_plan, job, chance(50) ? NULL : plan, (size_t)below(9));
      break;
    case 24: {
      const char *item = any_text();
      int done = bgj_job_is_done(job, item);
      if (done != 0 && done != 1) broken("is_done gave %d", done);
      break;
    }
    case 25: case 26:
      status = CALL(bgj_job_next, job, &text);
      if ((status == BGJ_END || status == BGJ_PAUSED) && text != NULL) broken("an item at the end");
      check_text(status, text);
      break;
    case 27:
      if (chance(20)) info.struct_size = below(sizeof info + 1) / 8 * 8;
      status = CALL(bgj_job_get_info, job, &info);
      if (status == BGJ_OK && info.struct_size == sizeof info) check_info(&info);
      bgj_job_info_clear(&info);
      break;
    case 29: walk_items(job); break;
    case 30: CALL(bgj_job_item_skipped, job, any_text(), any_text()); break;
    case 31: {
      int64_t attempt = 1, unended = 0;
      CALL(bgj_job_item_begin, job, any_text(), &attempt, &unended);
      if (attempt < 0 || unended < 0 || unended > attempt) broken("attempt %ld", (long)attempt);
      break;
    }
    case 32: CALL(bgj_job_item_give_back, job, any_text()); break;
    case 33: {
      size_t withdrawn = 0;
      for (int i = 0; i < 8; i++) plan[i] = chance(20) ? any_text() : any_name();
      CALL(bgj_job_set_plan, job, chance(50) ? NULL : plan, (size_t)below(9), &withdrawn);
      break;
    }
    case 28:
      status = CALL(bgj_job_get_json, job, &text);
      check_json(status, text);
      break;
    default:
      status = chance(2) ? CALL(bgj_job_get_config, job, &text)
                         : CALL(bgj_job_get_cursor, job, &text);
      check_json(status, text);
  }
}

/* ---- Rounds ---- */

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw) {
  (void)status, (void)type, (void)ftw;
  return remove(path);
}

static void round_of(uint64_t seed) {
  set_seed(seed);
  /* Some rounds are only calls, some have other writers, some have damage as well. */
  int writers = chance(2), damage = writers && chance(2);
  for (int step = 0; step < STEPS; step++) {
    bgj_manager **manager = &managers[below(MANAGERS)];
    if (*manager == NULL) open_one(manager);
    else if (chance(3)) call_manager(manager);
    else call_job(jobs[below(JOBS)]);
    if (writers && chance(20)) strcpy(last->call, "edit_state_file"), edit_state_file(project);
    if (damage && chance(60)) strcpy(last->call, "damage_files"), damage_files(project);
    if (chance(150)) bgj_job_release(jobs[0]), jobs[0] = NULL;
  }
  for (int i = 0; i < JOBS; i++) bgj_job_release(jobs[i]);
  for (int i = 0; i < MANAGERS; i++) CALL(bgj_manager_close, managers[i]);
  if (!writers) {
    char path[512];
    snprintf(path, sizeof path, "%s/.specweave/state/background-jobs.json", project);
    json_t *state = json_load_file(path, JSON_ALLOW_NUL, NULL);
    if (state == NULL && access(path, F_OK) == 0) broken("the state file is not whole");
    json_decref(state);
  }
}

static int run(uint64_t seed) {
  const char *base = getenv("TMPDIR");
  snprintf(project, sizeof project, "%s/bgjobs-fuzz-XXXXXX", base == NULL ? "/tmp" : base);
  if (mkdtemp(project) == NULL) return perror("fuzz"), 1;
  last->step = 0;
  pid_t child = fork();
  if (child == 0) {
    if (chdir(project) == 0) round_of(seed);
    _exit(0);
  }
  int status = -1;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  nftw(project, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  if (status == 0) return 0;
  fprintf(stderr, "fuzz: seed %llu, step %d, %s: ", (unsigned long long)seed, last->step,
          last->call);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) fprintf(stderr, "it hangs\n");
  else if (WIFSIGNALED(status)) fprintf(stderr, "%s\n", strsignal(WTERMSIG(status)));
  else fprintf(stderr, "exit status %d\n", WEXITSTATUS(status));
  return 1;
}

int main(int argc, char **argv) {
  if (argc < 2) return fprintf(stderr, "usage: fuzz SECONDS [SEED]\n"), 2;
  last = mmap(NULL, sizeof *last, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (last == MAP_FAILED) return perror("fuzz"), 2;
  time_t end = time(NULL) + atoi(argv[1]);
  uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL) * 1000003;
  unsigned int rounds = 0;
  do {
    if (run(seed++) != 0) return 1;
    rounds++;
  } while (time(NULL) < end);
  printf("fuzz: %u rounds, %llu calls, next seed %llu\n", rounds, (unsigned long long)last->calls,
         (unsigned long long)seed);
  return 0;
}
