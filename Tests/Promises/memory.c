/*
 * Promise: when memory runs out, no call ends the process. It does its work from a reserve, or it
 * says BGJ_NO_MEMORY and has changed nothing; the same handles work afterwards. Every allocation of
 * every operation is refused in turn, once alone and once with all that follow it.
 *
 *     promise_memory [TRIES]      of an operation; 0: as many as it has allocations
 */
#include "promise.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HUGE = 20000, MANY = 500, FEW = 300, DONE = 40 };
static int tries;
static long (*refuse)(long after, int and_all);
static long (*asked)(void);

/* ---- What it is tried on ---- */

typedef struct subject {
  char *project;
  bgj_manager *manager;
  bgj_job *owned;    /* running, with few items: planned, done, failed, skipped, begun */
  bgj_job *large;    /* pending, with items enough for a file of their own */
  bgj_job *waiting;  /* pending */
  bgj_job *paused;
  bgj_job *failed;
} subject;

static const char *const keys[] = {"owned", "large", "waiting", "paused", "failed"};

static char **item_names(size_t count, const char *prefix) {
  char **names = calloc(count, sizeof *names);
  for (size_t i = 0; i < count; i++)
    if (asprintf(&names[i], "%s-%zu", prefix, i) < 0) abort();
  return names;
}

static void free_names(char **names, size_t count) {
  for (size_t i = 0; i < count; i++) free(names[i]);
  free(names);
}

static void plan(bgj_job *job, size_t count, const char *prefix) {
  char **names = item_names(count, prefix);
  MUST(bgj_job_plan(job, (const char *const *)names, count, &fault));
  free_names(names, count);
}

static void report(bgj_job *job, int from, int to) {
  for (int i = from; i < to; i++) {
    char name[32];
    snprintf(name, sizeof name, "item-%d", i);
    MUST(bgj_job_item_done(job, name, &fault));
  }
}

/* Other tools write beside us: what they have is parsed, and kept. */
static void let_another_tool_write(const char *project) {
  char *text = jq_indented(".jobs += [{id: \"other\", type: \"sync-external\", status: \"pending\","
                           " config: {a: [1, 2.5, \"\\u00e9\"]}, progress: {current: 0, total: 3}}]"
                           " | .jobs |= map(.note = \"kept\")",
                           state_path(project));
  file_write(state_path(project), text, strlen(text), 0);
  free(text);
}

static subject subject_new(void) {
  subject s = {.project = project_new()};
  s.manager = manager_open(s.project);
  bgj_job **jobs[] = {&s.owned, &s.large, &s.waiting, &s.paused, &s.failed};
  for (int i = 0; i < COUNT_OF(jobs); i++)
    MUST(bgj_manager_ensure(s.manager, "clone-repos", keys[i], "{\"url\": \"https://example.org\"}", 0,
                            jobs[i], &fault));
  plan(s.large, MANY, "item");
  plan(s.owned, FEW, "item");
  MUST(bgj_job_start(s.owned, NULL, &fault));
  report(s.owned, 0, DONE);
  MUST(bgj_job_item_failed(s.owned, "item-50", "it is gone", &fault));
  MUST(bgj_job_item_skipped(s.owned, "item-51", "there already", &fault));
  MUST(bgj_job_item_begin(s.owned, "item-60", NULL, NULL, &fault));
  MUST(bgj_job_pause(s.paused, "asked", 0, &fault));
  MUST(bgj_job_start(s.failed, NULL, &fault));
  MUST(bgj_job_item_failed(s.failed, "item-1", "broken", &fault));
  MUST(bgj_job_fail(s.failed, "no way on", &fault));
  MUST(bgj_manager_sync(s.manager, &fault));
  return s;
}

static void subject_end(subject *s) {
  bgj_job *jobs[] = {s->owned, s->large, s->waiting, s->paused, s->failed};
  for (int i = 0; i < COUNT_OF(jobs); i++) bgj_job_release(jobs[i]);
  if (s->manager) MUST(bgj_manager_close(s->manager, &fault));
  project_remove(s->project);
}

/* ---- What a reader sees of it ---- */

static void tell_job(FILE *out, bgj_manager *manager, const bgj_job_info *info) {
  bgj_job *job = NULL;
  MUST(bgj_manager_find(manager, info->id, &job, &fault));
  fprintf(out, "%s %s %s %s %lld/%lld %llu %llu %llu %llu %d", info->key ? info->key : info->type,
          info->status_name, info->reason ? info->reason : "-", info->error ? info->error : "-",
          (long long)info->current, (long long)info->total,
          (unsigned long long)info->items_completed, (unsigned long long)info->items_failed,
          (unsigned long long)info->items_skipped, (unsigned long long)info->items_open,
          info->attempts);
  char *text = NULL;
  if (bgj_job_get_config(job, &text, NULL) == BGJ_OK) fprintf(out, " %s", text);
  bgj_string_free(text);
  text = NULL;
  if (bgj_job_get_cursor(job, &text, NULL) == BGJ_OK) fprintf(out, " %s", text);
  bgj_string_free(text);
  bgj_item_list *list = NULL;
  MUST(bgj_job_items(job, 0, &list, &fault));
  for (size_t i = 0; i < bgj_item_list_count(list); i++) {
    bgj_item item = BGJ_ITEM_INIT;
    MUST(bgj_item_list_at(list, i, &item, &fault));
    fprintf(out, "\n  %s %d %d %s", item.name, item.state, item.attempts, item.why ? item.why : "");
  }
  fputc('\n', out);
  bgj_item_list_free(list);
  bgj_job_release(job);
}

static int by_text(const void *one, const void *other) {
  return strcmp(*(char *const *)one, *(char *const *)other);
}

/* Sorted: another tool's job may be taken in before or behind one that is made. */
static char *told(bgj_manager *manager) {
  char *jobs[16], *all;
  size_t size, count = 0;
  bgj_job_list *list = NULL;
  MUST(bgj_manager_list(manager, 0, NULL, &list, &fault));
  for (; count < bgj_job_list_count(list); count++) {
    assert_true(count < 16);
    bgj_job_info info = BGJ_JOB_INFO_INIT;
    MUST(bgj_job_list_at(list, count, &info, &fault));
    FILE *out = open_memstream(&jobs[count], &size);
    tell_job(out, manager, &info);
    fclose(out);
    bgj_job_info_clear(&info);
  }
  bgj_job_list_free(list);
  qsort(jobs, count, sizeof *jobs, by_text);
  FILE *out = open_memstream(&all, &size);
  for (size_t i = 0; i < count; i++) {
    fputs(jobs[i], out);
    free(jobs[i]);
  }
  fclose(out);
  return all;
}

static char *told_anew(const char *project) {
  bgj_options options = BGJ_OPTIONS_INIT;
  options.flags = BGJ_OPEN_READ_ONLY;
  bgj_manager *manager = NULL;
  MUST(bgj_manager_open(project, &options, &manager, &fault));
  char *text = told(manager);
  MUST(bgj_manager_close(manager, &fault));
  return text;
}

/* ---- The operations ---- */

typedef bgj_status operation(subject *s);

static bgj_status open_one(subject *s) {
  bgj_manager *manager = NULL;
  bgj_status status = bgj_manager_open(s->project, NULL, &manager, &fault);
  return status < 10 ? bgj_manager_close(manager, &fault) : status;
}
static bgj_status reopened(subject *s) {
  bgj_manager *manager = NULL;
  bgj_job_list *list = NULL;
  bgj_status status = bgj_manager_open(s->project, NULL, &manager, &fault);
  if (status >= 10) return status;
  status = bgj_manager_list(manager, 0, NULL, &list, &fault);
  bgj_job_list_free(list);
  bgj_status closed = bgj_manager_close(manager, &fault);
  return status >= 10 ? status : closed;
}
static bgj_status create(subject *s) {
  bgj_job *job = NULL;
  bgj_status status = bgj_manager_create(s->manager, "import-issues", "{\"b\": [1, {}]}", 7, &job, &fault);
  bgj_job_release(job);
  return status;
}
static bgj_status ensure(subject *s) {
  bgj_job *job = NULL;
  bgj_status status = bgj_manager_ensure(s->manager, "import-issues", "new", NULL, 0, &job, &fault);
  bgj_job_release(job);
  return status;
}
static bgj_status ensure_known(subject *s) {
  bgj_job *job = NULL;
  bgj_status status = bgj_manager_ensure(s->manager, "clone-repos", "large", NULL, 0, &job, &fault);
  bgj_job_release(job);
  return status;
}
static bgj_status find(subject *s) {
  bgj_job *job = NULL;
  bgj_status status = bgj_manager_find(s->manager, bgj_job_id(s->paused), &job, &fault);
  bgj_job_release(job);
  return status;
}
static bgj_status list(subject *s) {
  bgj_job_list *list = NULL;
  bgj_status status = bgj_manager_list(s->manager, 0, NULL, &list, &fault);
  for (size_t i = 0; status < 10 && i < bgj_job_list_count(list); i++) {
    bgj_job_info info = BGJ_JOB_INFO_INIT;
    status = bgj_job_list_at(list, i, &info, &fault);
    bgj_job_info_clear(&info);
  }
  bgj_job_list_free(list);
  return status;
}
static bgj_status cleanup(subject *s) {
  return bgj_manager_cleanup_with(s->manager, 0, BGJ_CLEANUP_FAILED, NULL, &fault);
}
static bgj_status check(subject *s) {
  char *text = NULL;
  bgj_status status = bgj_manager_check(s->manager, &text, &fault);
  bgj_string_free(text);
  return status;
}
static bgj_status sync_all(subject *s) { return bgj_manager_sync(s->manager, &fault); }
static bgj_status publish(subject *s) {
  bgj_status status = bgj_job_item_done(s->owned, "published", &fault);
  return status < 10 ? bgj_manager_sync(s->manager, &fault) : status;
}
static bgj_status start(subject *s) { return bgj_job_start(s->waiting, NULL, &fault); }
static bgj_status start_large(subject *s) { return bgj_job_start(s->large, NULL, &fault); }
static bgj_status leave(subject *s) { return bgj_job_leave(s->owned, "a break", &fault); }
static bgj_status pause_one(subject *s) { return bgj_job_pause(s->owned, "asked", 900, &fault); }
static bgj_status limited(subject *s) {
  return bgj_job_rate_limited_until(s->owned, "github", "15m", &fault);
}
static bgj_status resume(subject *s) { return bgj_job_resume(s->paused, &fault); }
static bgj_status wait_one(subject *s) {
  return bgj_job_wait(s->paused, BGJ_MASK_PAUSED, 0, NULL, &fault);
}
static bgj_status complete(subject *s) {
  return bgj_job_complete(s->owned, "{\"stars\": [1, 2, 3]}", &fault);
}
static bgj_status fail_one(subject *s) { return bgj_job_fail(s->owned, "no network", &fault); }
static bgj_status cancel(subject *s) { return bgj_job_cancel(s->waiting, "not needed", &fault); }
static bgj_status set_config(subject *s) {
  return bgj_job_set_config(s->waiting, "{\"url\": \"https://example.com\", \"depth\": 1}", &fault);
}
static bgj_status retry(subject *s) { return bgj_job_retry(s->failed, &fault); }
static bgj_status retry_items(subject *s) {
  const char *items[] = {"item-1"};
  return bgj_job_retry_items(s->failed, items, 1, &fault);
}
static bgj_status update(subject *s) {
  return bgj_job_update(s->owned, 77, "current", "completed", "not completed", &fault);
}
static bgj_status update_detached(subject *s) {
  return bgj_job_update(s->paused, 5, NULL, "by a helper", NULL, &fault);
}
static bgj_status advance(subject *s) { return bgj_job_advance(s->owned, 3, &fault); }
static bgj_status done(subject *s) { return bgj_job_item_done(s->owned, "item-100", &fault); }
static bgj_status done_often(subject *s) {
  static int place;
  bgj_status status = BGJ_OK;
  char name[2100];
  memset(name, 'x', sizeof name);
  /* Sizes at which memory of the items is moved. */
  for (; place < 60; place++) {
    snprintf(name + 2000, 100, "-%d", place);
    status = bgj_job_item_done(s->owned, name, &fault);
    if (status >= 10) return status;
  }
  place = 0;
  return status;
}
static bgj_status item_failed(subject *s) {
  return bgj_job_item_failed(s->owned, "item-101", "no answer", &fault);
}
static bgj_status skipped(subject *s) {
  return bgj_job_item_skipped(s->owned, "a new one", "there", &fault);
}
static bgj_status begin(subject *s) {
  int64_t attempt, unended;
  return bgj_job_item_begin(s->owned, "item-102", &attempt, &unended, &fault);
}
static bgj_status give_back(subject *s) {
  return bgj_job_item_give_back(s->owned, "item-60", &fault);
}
static bgj_status set_total(subject *s) { return bgj_job_set_total(s->waiting, 55, &fault); }
static bgj_status set_cursor(subject *s) {
  return bgj_job_set_cursor(s->owned, "{\"page\": [4, 5]}", &fault);
}
static char **more;
static bgj_status plan_more(subject *s) {
  return bgj_job_plan(s->owned, (const char *const *)more, MANY, &fault);
}
static bgj_status plan_large(subject *s) {
  return bgj_job_plan(s->large, (const char *const *)more, MANY, &fault);
}
static bgj_status plan_huge(subject *s) {
  static char **huge;
  if (!huge) huge = item_names(HUGE, "huge");
  return bgj_job_plan(s->owned, (const char *const *)huge, HUGE, &fault);
}
static bgj_status set_plan(subject *s) {
  return bgj_job_set_plan(s->owned, (const char *const *)more, FEW, NULL, &fault);
}
static bgj_status next(subject *s) {
  char *item = NULL;
  bgj_status status = bgj_job_next(s->large, &item, &fault);
  bgj_string_free(item);
  return status;
}
static bgj_status info(subject *s) {
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  bgj_status status = bgj_job_get_info(s->owned, &info, &fault);
  bgj_job_info_clear(&info);
  return status;
}
static bgj_status config(subject *s) {
  char *text = NULL;
  bgj_status status = bgj_job_get_config(s->waiting, &text, &fault);
  bgj_string_free(text);
  return status;
}
static bgj_status json(subject *s) {
  char *text = NULL;
  bgj_status status = bgj_job_get_json(s->large, &text, &fault);
  bgj_string_free(text);
  return status;
}
static bgj_status items(subject *s) {
  bgj_item_list *list = NULL;
  bgj_status status = bgj_job_items(s->large, 0, &list, &fault);
  bgj_item_list_free(list);
  return status;
}

static const struct {
  const char *name;
  operation *run;
  int with_others;  /* another tool has written meanwhile */
} operations[] = {
    {"open", open_one, 0},      {"reopened", reopened, 1},
    {"create", create, 0},      {"create beside another tool", create, 1},
    {"ensure", ensure, 0},      {"ensure, known", ensure_known, 0},
    {"find", find, 0},          {"list", list, 0},
    {"list beside another tool", list, 1},
    {"cleanup", cleanup, 0},    {"check", check, 0},
    {"sync", sync_all, 0},      {"sync beside another tool", sync_all, 1},
    {"publish", publish, 0},    {"start", start, 0},
    {"start, large", start_large, 0},
    {"leave", leave, 0},        {"pause", pause_one, 0},
    {"rate limited", limited, 0},
    {"resume", resume, 0},      {"wait", wait_one, 0},
    {"complete", complete, 0},  {"complete beside another tool", complete, 1},
    {"fail", fail_one, 0},          {"cancel", cancel, 0},
    {"set config", set_config, 0},
    {"retry", retry, 0},        {"retry items", retry_items, 0},
    {"update", update, 0},      {"update, detached", update_detached, 0},
    {"advance", advance, 0},    {"done", done, 0},
    {"done often", done_often, 0},
    {"failed", item_failed, 0}, {"skipped", skipped, 0},
    {"begin", begin, 0},        {"give back", give_back, 0},
    {"total", set_total, 0},    {"cursor", set_cursor, 0},
    {"plan", plan_more, 0},     {"plan, large", plan_large, 0},
    {"plan, huge", plan_huge, 0},
    {"set plan", set_plan, 0},  {"next", next, 0},
    {"info", info, 0},          {"config", config, 0},
    {"json", json, 0},          {"items", items, 0},
};

/* ---- One operation, without memory ---- */

static subject prepared(int number) {
  subject s = subject_new();
  if (operations[number].with_others) let_another_tool_write(s.project);
  return s;
}

/* What is to be seen after it, with memory enough. */
static char *expected(int number, bgj_status *status, long *allocations) {
  subject s = prepared(number);
  long before = asked();
  *status = MUST(operations[number].run(&s));
  *allocations = asked() - before;
  char *text = told_anew(s.project);
  subject_end(&s);
  return text;
}

static void same(const char *one, const char *other, const char *what, int number, long after) {
  if (strcmp(one, other) == 0) return;
  size_t place = 0;
  while (one[place] == other[place]) place++;
  size_t from = place > 60 ? place - 60 : 0;
  FAILED("%s, allocation %ld: %s: ...%.120s\n    instead of ...%.120s", operations[number].name, after,
         what, one + from, other + from);
}

static void find_preload(void) {
  *(void **)&refuse = dlsym(RTLD_DEFAULT, "fail_allocations");
  *(void **)&asked = dlsym(RTLD_DEFAULT, "allocations_asked");
  assert_true(refuse && asked);
}

/* try NUMBER AND_ALL TRIES: says each allocation before it is refused. */
static int try_one(int argc, char **argv) {
  assert_int_equal(argc, 4);
  int number = atoi(argv[1]), and_all = atoi(argv[2]);
  find_preload();
  more = item_names(MANY, "more");
  bgj_status clean;
  long allocations, most = atol(argv[3]), refusals = 0, successes = 0;
  char *after_it = expected(number, &clean, &allocations);
  long step = most > 0 && allocations > most ? allocations / most : 1;
  subject s = prepared(number);
  char *before = NULL;
  for (long after = 0;; after += step) {
    assert_int_equal(write(1, &after, sizeof after), sizeof after);
    if (!before) before = told_anew(s.project);
    refuse(after, and_all);
    bgj_status status = operations[number].run(&s);
    long refused = refuse(-1, 0);
    if (status != BGJ_NO_MEMORY && status != clean)
      FAILED("%s, allocation %ld: %s: %s", operations[number].name, after, bgj_status_name(status),
             fault.message);
    int is_done = status == clean;
    char *here = told(s.manager), *anew = told_anew(s.project);
    if (is_done || operations[number].run != done_often) {
      same(anew, is_done ? after_it : before, is_done ? "after it" : "after NO_MEMORY", number, after);
      same(here, anew, "this manager", number, after);
    }
    int set_aside;
    corrupt_copies(s.project, NULL, 0, &set_aside);
    assert_int_equal(set_aside, 0);
    free(here);
    free(anew);
    if (is_done) successes++;
    else refusals++;
    if (is_done) {
      subject_end(&s);
      s = prepared(number);
      free(before);
      before = NULL;
    }
    if (!refused) break;
  }
  print_message("%s: %ld refusals, %ld successes\n", operations[number].name, refusals, successes);
  /* The handle goes on. */
  assert_int_equal(MUST(operations[number].run(&s)), clean);
  char *anew = told_anew(s.project);
  same(anew, after_it, "the handle afterwards", number, -1);
  free(anew);
  subject_end(&s);
  free(before);
  free(after_it);
  free_names(more, MANY);
  return 0;
}

/* ---- Without memory for long ---- */

static bgj_status without_harm(bgj_status status) {
  if (status != BGJ_OK && status != BGJ_NO_MEMORY)
    FAILED("%s: %s", bgj_status_name(status), fault.message);
  return status;
}

/* long PROJECT: more than the reserve has. */
static int long_want(int argc, char **argv) {
  assert_int_equal(argc, 2);
  find_preload();
  subject s = {.project = argv[1], .manager = manager_open(argv[1])};
  MUST(bgj_manager_ensure(s.manager, "clone-repos", "long", NULL, 0, &s.owned, &fault));
  MUST(bgj_job_start(s.owned, NULL, &fault));
  for (int i = 0; i < MANY; i++) MUST(create(&s));
  refuse(0, 1);
  uint64_t kept = 0;
  for (int i = 0; i < 50 * MANY; i++) {
    char name[400];
    snprintf(name, sizeof name, "%0*d", 300, i);
    if (without_harm(bgj_job_item_done(s.owned, name, &fault)) == BGJ_OK) kept++;
    if (i % MANY == 0) {
      without_harm(open_one(&s));
      without_harm(reopened(&s));
      without_harm(list(&s));
      without_harm(create(&s));
    }
  }
  for (int i = 0; i < 20000; i++) without_harm(open_one(&s));
  assert_true(refuse(-1, 0) > 0);
  assert_int_equal(MUST(open_one(&s)), BGJ_OK);
  assert_true(kept < 50 * MANY);
  assert_int_equal(MUST(bgj_job_item_done(s.owned, "with memory again", &fault)), BGJ_OK);
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  for (int i = 0; i < 2; i++) {
    MUST(bgj_job_get_info(s.owned, &info, &fault));
    assert_int_equal(info.items_completed, kept + 1);
    if (i > 0) break;
    bgj_job_release(s.owned);
    MUST(bgj_manager_close(s.manager, &fault));
    s.manager = manager_open(argv[1]);
    s.owned = job_of_key(s.manager, "long");
  }
  bgj_job_info_clear(&info);
  bgj_job_release(s.owned);
  MUST(bgj_manager_close(s.manager, &fault));
  return 0;
}

static void memory_may_be_away_for_long(void **unused) {
  (void)unused;
  char *project = project_new();
  setenv("LD_PRELOAD", ALLOCATION_FAILURES, 1);
  worker w = worker_start("long", project, NULL);
  unsetenv("LD_PRELOAD");
  worker_end(&w);
  project_remove(project);
}

/* ---- All of them ---- */

static void every_allocation_may_fail(void **unused) {
  (void)unused;
  int faults = 0;
  for (int i = 0; i < COUNT_OF(operations) * 2; i++) {
    char number[16], most[16];
    snprintf(number, sizeof number, "%d", i / 2);
    snprintf(most, sizeof most, "%d", tries);
    setenv("LD_PRELOAD", ALLOCATION_FAILURES, 1);
    worker w = worker_start("try", number, i % 2 ? "1" : "0", most, NULL);
    unsetenv("LD_PRELOAD");
    size_t size;
    char *output = worker_rest(&w, &size);
    int status = worker_wait(&w);
    long last = -1;
    if (size >= sizeof last) memcpy(&last, output + size - sizeof last, sizeof last);
    free(output);
    if (WIFSIGNALED(status))
      print_error("%s: killed by signal %d at allocation %ld%s\n", operations[i / 2].name,
                  WTERMSIG(status), last, i % 2 ? " and all that follow" : "");
    if (status != 0) faults++;
  }
  assert_int_equal(faults, 0);
}

static const role roles[] = {{"try", try_one}, {"long", long_want}};

int main(int argc, char **argv) {
  int ended = role_run(roles, COUNT_OF(roles), argc, argv);
  if (ended >= 0) return ended;
  if (argc > 1) tries = atoi(argv[1]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_allocation_may_fail),
      cmocka_unit_test(memory_may_be_away_for_long),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
