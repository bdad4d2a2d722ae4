/* The operations of promise_memory. */
#include "memory_operations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- What it is tried on ---- */

static const char *const keys[] = {"owned", "large", "waiting", "paused", "failed"};

char **item_names(size_t count, const char *prefix) {
  char **names = calloc(count, sizeof *names);
  for (size_t i = 0; i < count; i++)
    if (asprintf(&names[i], "%s-%zu", prefix, i) < 0) abort();
  return names;
}

void free_names(char **names, size_t count) {
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

void let_another_tool_write(const char *project) {
  char *text = jq_indented(".jobs += [{id: \"other\", type: \"sync-external\", status: \"pending\","
                           " config: {a: [1, 2.5, \"\\u00e9\"]}, progress: {current: 0, total: 3}}]"
                           " | .jobs |= map(.note = \"surrogate\" + \"x\" * 20000)",
                           state_path(project));
  /* As Node.js writes it: jansson refuses it, so it is parsed again. */
  char *note = strstr(text, "surrogate");
  assert_non_null(note);
  memcpy(note, "\\ud800...", 9);
  file_write(state_path(project), text, strlen(text), 0);
  free(text);
}

subject subject_new(void) {
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

void subject_end(subject *s) {
  bgj_job *jobs[] = {s->owned, s->large, s->waiting, s->paused, s->failed};
  for (int i = 0; i < COUNT_OF(jobs); i++) bgj_job_release(jobs[i]);
  if (s->manager) MUST(bgj_manager_close(s->manager, &fault));
  project_remove(s->project);
}

/* ---- The operations ---- */

bgj_status open_one(subject *s) {
  bgj_manager *manager = NULL;
  bgj_status status = bgj_manager_open(s->project, NULL, &manager, &fault);
  return status < 10 ? bgj_manager_close(manager, &fault) : status;
}
bgj_status reopened(subject *s) {
  bgj_manager *manager = NULL;
  bgj_job_list *list = NULL;
  bgj_status status = bgj_manager_open(s->project, NULL, &manager, &fault);
  if (status >= 10) return status;
  status = bgj_manager_list(manager, 0, NULL, &list, &fault);
  bgj_job_list_free(list);
  bgj_status closed = bgj_manager_close(manager, &fault);
  return status >= 10 ? status : closed;
}
bgj_status create_one(subject *s) {
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
bgj_status list_jobs(subject *s) {
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
static bgj_status permit(subject *s) {
  int64_t wait = 0;
  bgj_status status = bgj_manager_set_rate(s->manager, "github", 5000, 3600000, &fault);
  return status < 10 ? bgj_manager_permit(s->manager, "github", 1, &wait, &fault) : status;
}
static bgj_status enqueue(subject *s) {
  bgj_queue_options options = BGJ_QUEUE_OPTIONS_INIT;
  options.lane = "lane";
  options.priority = 1;
  bgj_status status = bgj_manager_set_limit(s->manager, "lane:lane", 2, &fault);
  return status < 10 ? bgj_job_enqueue(s->waiting, &options, &fault) : status;
}
static bgj_status claim(subject *s) {
  bgj_job *job = NULL;
  bgj_status status = enqueue(s);
  if (status < 10) status = bgj_manager_claim(s->manager, NULL, &job, &fault);
  bgj_job_release(job);
  return status;
}
static bgj_status waits(subject *s) {
  char *text = NULL;
  bgj_status status = bgj_job_get_waits(s->waiting, &text, &fault);
  bgj_string_free(text);
  return status;
}
static bgj_status queue(subject *s) {
  char *text = NULL;
  bgj_status status = bgj_manager_get_queue(s->manager, &text, &fault);
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
static bgj_status items_done(subject *s) {
  const char *names[] = {"item-103", "a very new one", "item-104"};
  return bgj_job_items_done(s->owned, names, COUNT_OF(names), &fault);
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
static const char *const *more(void) {
  static char **names;
  if (!names) names = item_names(HUGE, "more");
  return (const char *const *)names;
}
static bgj_status plan_more(subject *s) {
  return bgj_job_plan(s->owned, more(), MANY, &fault);
}
static bgj_status plan_large(subject *s) {
  return bgj_job_plan(s->large, more(), MANY, &fault);
}
static bgj_status plan_huge(subject *s) { return bgj_job_plan(s->owned, more(), HUGE, &fault); }
static bgj_status set_plan(subject *s) {
  return bgj_job_set_plan(s->owned, more(), FEW, NULL, &fault);
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

const memory_operation operations[] = {
    {"open", open_one, 0, 0},
    {"reopened", reopened, 1, 0},
    {"create", create_one, 0, 0},
    {"create beside another tool", create_one, 1, 0},
    {"ensure", ensure, 0, 0},
    {"ensure, known", ensure_known, 0, 0},
    {"find", find, 0, 0},
    {"list", list_jobs, 0, 0},
    {"list beside another tool", list_jobs, 1, 0},
    {"cleanup", cleanup, 0, 0},
    {"check", check, 0, 0},
    {"rate", permit, 0, 1},
    {"enqueue", enqueue, 0, 1},
    {"claim", claim, 0, 1},
    {"waits", waits, 0, 0},
    {"queue", queue, 0, 0},
    {"sync", sync_all, 0, 0},
    {"sync beside another tool", sync_all, 1, 0},
    {"publish", publish, 0, 0},
    {"start", start, 0, 0},
    {"start, large", start_large, 0, 0},
    {"leave", leave, 0, 0},
    {"pause", pause_one, 0, 0},
    {"rate limited", limited, 0, 0},
    {"resume", resume, 0, 0},
    {"wait", wait_one, 0, 0},
    {"complete", complete, 0, 0},
    {"complete beside another tool", complete, 1, 0},
    {"fail", fail_one, 0, 0},
    {"cancel", cancel, 0, 0},
    {"set config", set_config, 0, 0},
    {"retry", retry, 0, 0},
    {"retry items", retry_items, 0, 0},
    {"update", update, 0, 0},
    {"update, detached", update_detached, 0, 0},
    {"advance", advance, 0, 0},
    {"done", done, 0, 0},
    {"done often", done_often, 0, 1},
    {"failed", item_failed, 0, 0},
    {"items done", items_done, 0, 0},
    {"skipped", skipped, 0, 0},
    {"begin", begin, 0, 0},
    {"give back", give_back, 0, 0},
    {"total", set_total, 0, 0},
    {"cursor", set_cursor, 0, 0},
    {"plan", plan_more, 0, 0},
    {"plan, large", plan_large, 0, 0},
    {"plan, huge", plan_huge, 0, 0},
    {"set plan", set_plan, 0, 0},
    {"next", next, 0, 0},
    {"info", info, 0, 0},
    {"config", config, 0, 0},
    {"json", json, 0, 0},
    {"items", items, 0, 0},
};

const int operation_count = COUNT_OF(operations);
