/*
 * Promise 2, towards other writers of the state file: what real files contain opens, and stays as
 * it is but for the one job that changed; what others write meanwhile is kept.
 *
 *     promise_files
 */
#include "promise.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Looking and comparing ---- */

/* The text with \ufffd for every escape of half a surrogate pair: what a lone one becomes. */
static char *without_lone_surrogates(const char *text) {
  char *copy = strdup(text);
  for (char *at = copy; (at = strchr(at, '\\'));) {
    unsigned int first = 0, second = 0;
    if (at[1] != 'u' || sscanf(at + 2, "%4x", &first) != 1 || (first & 0xf800) != 0xd800) {
      at += 2;
    } else if (first < 0xdc00 && sscanf(at + 6, "\\u%4x", &second) == 1 &&
               (second & 0xfc00) == 0xdc00) {
      at += 12;
    } else {
      memcpy(at, "\\ufffd", 6);
      at += 6;
    }
  }
  return copy;
}

static char *fixture(const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", FIXTURES, name);
  char *text = file_read(path, NULL);
  assert_non_null(text);
  return text;
}

/* All that must stay, as text that keeps the order of members: without what is ours, without the
 * created job, and without what a pause or resume changes in the changed one. */
static char *rest_of(const char *file, const char *changed, const char *created) {
  char filter[1024];
  snprintf(filter, sizeof filter,
           "del(.bgjobs)"
           " | if has(\"jobs\") then"
           "   .jobs |= map(select(.id != \"%s\"))"
           "   | (.jobs[] | select(.id == \"%s\")) |= del(.status, .updatedAt, .error, .bgjobs,"
           "                                              .progress.rate, .progress.eta)"
           "   else . end"
           " | if .jobs == [] then del(.jobs) else . end", created, changed);
  char *text = jq(filter, file);
  assert_non_null(text);
  return text;
}

static void assert_rest_equal(const char *project, const char *expected_file, const char *changed,
                              const char *created) {
  char *expected = rest_of(expected_file, changed, created);
  char *found = rest_of(state_path(project), changed, created);
  size_t same = 0;
  while (expected[same] && expected[same] == found[same]) same++;
  size_t from = same > 60 ? same - 60 : 0;
  if (expected[same] != found[same])
    FAILED("expected ...%.160s\n   found ...%.160s", expected + from, found + from);
  free(expected);
  free(found);
}

/* One legal change of one job of the file, if one of them can be changed. */
static bool change_one(bgj_manager *manager, char id[64]) {
  bgj_job_list *list = NULL;
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  bgj_job *job = NULL;
  MUST(bgj_manager_list(manager, BGJ_MASK_PENDING | BGJ_MASK_RUNNING, NULL, &list, &fault));
  if (bgj_job_list_count(list) == 0) {
    bgj_job_list_free(list);
    MUST(bgj_manager_list(manager, BGJ_MASK_PAUSED, NULL, &list, &fault));
  }
  bool any = bgj_job_list_count(list) > 0;
  if (any) {
    MUST(bgj_job_list_at(list, 0, &info, &fault));
    MUST(bgj_manager_find(manager, info.id, &job, &fault));
    if (info.status == BGJ_JOB_PAUSED) MUST(bgj_job_resume(job, &fault));
    else MUST(bgj_job_pause(job, NULL, 0, &fault));
    bgj_job_status before = info.status;
    MUST(bgj_job_get_info(job, &info, &fault));
    assert_int_equal(info.status, before == BGJ_JOB_PAUSED ? BGJ_JOB_PENDING : BGJ_JOB_PAUSED);
    snprintf(id, 64, "%s", info.id);
  }
  bgj_job_release(job);
  bgj_job_info_clear(&info);
  bgj_job_list_free(list);
  return any;
}

/* Every job is shown, in the order and with the status that the file has. */
static void assert_shown(bgj_manager *manager, const char *file) {
  char *expected = jq("[.jobs // [] | .[] | [.id, .type, .status]]", file);
  json_t *jobs = json_loads(expected, 0, NULL);
  bgj_job_list *list = NULL;
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  MUST(bgj_manager_list(manager, BGJ_MASK_ALL, NULL, &list, &fault));
  assert_int_equal(bgj_job_list_count(list), json_array_size(jobs));
  for (size_t i = 0; i < json_array_size(jobs); i++) {
    json_t *job = json_array_get(jobs, i);
    MUST(bgj_job_list_at(list, i, &info, &fault));
    assert_string_equal(info.id, json_string_value(json_array_get(job, 0)));
    assert_string_equal(info.type, json_string_value(json_array_get(job, 1)));
    assert_string_equal(info.status_name, json_string_value(json_array_get(job, 2)));
    assert_in_range(info.percentage, 0, 100);
    if (info.status != BGJ_JOB_RUNNING) assert_int_equal(info.eta, -1);
  }
  bgj_job_info_clear(&info);
  bgj_job_list_free(list);
  json_decref(jobs);
  free(expected);
}

static void create_and_complete(bgj_manager *manager, char id[64]) {
  bgj_job *job = NULL;
  MUST(bgj_manager_create(manager, "clone-repos", NULL, 3, &job, &fault));
  MUST(bgj_job_start(job, NULL, &fault));
  MUST(bgj_job_item_done(job, "ours", &fault));
  MUST(bgj_job_complete(job, NULL, &fault));
  snprintf(id, 64, "%s", bgj_job_id(job));
  bgj_job_release(job);
}

/* Gives the milliseconds that the library took for it all. */
static double survives(const char *text) {
  char *project = project_with(text, strlen(text)), *expected = without_lone_surrogates(text);
  char path[4096], changed[64] = "", created[64] = "", *seen;
  snprintf(path, sizeof path, "%s/expected.json", project);
  file_write(path, expected, strlen(expected), 0);

  double took = -now_ms();
  bgj_manager *manager = manager_open(project);
  took += now_ms();
  assert_shown(manager, path);
  seen = file_read(state_path(project), NULL);
  assert_string_equal(seen, text); /* looking writes nothing */
  free(seen);
  took -= now_ms();
  bool any = change_one(manager, changed);
  if (!any) create_and_complete(manager, created);
  MUST(bgj_manager_sync(manager, &fault));
  took += now_ms();
  assert_rest_equal(project, path, changed, created);
  MUST(bgj_manager_close(manager, &fault));
  assert_rest_equal(project, path, changed, created);

  took -= now_ms();
  manager = manager_open(project);
  if (any) create_and_complete(manager, created);
  MUST(bgj_manager_close(manager, &fault));
  took += now_ms();
  assert_rest_equal(project, path, changed, created);
  json_t *state = state_json(project);
  if (any) assert_string_not_equal(status_in(job_in_state(state, changed)), "running");
  assert_string_equal(status_in(job_in_state(state, created)), "completed");
  json_decref(state);
  int all;
  corrupt_copies(project, NULL, 0, &all);
  assert_int_equal(all, 0);
  free(expected);
  project_remove(project);
  return took;
}

/* ---- The files ---- */

static const char *const fixtures[] = {
  "dates.json",        "unknown-words.json",   "duplicates.json",      "active-job.json",
  "windows-path.json", "lone-surrogates.json", "unknown-members.json", "odd-progress.json",
  "numbers.json",      "no-jobs.json",         "empty-jobs.json",      "member-order.json"};

static void file_survives(void **name) {
  char *text = fixture(*name);
  survives(text);
  free(text);
}

/* Tens of thousands of items, as one file in the wild has them; made here, since they are many. */
static void many_items_survive(void **unused) {
  (void)unused;
  static const char *const statuses[] = {"completed", "running"};
  enum { MANY = 40000 };
  char *text = malloc(2 * MANY * 64 + 4096), *end = text;
  end += sprintf(end, "{\n  \"jobs\": [");
  for (int job = 0; job < 2; job++) {
    end += sprintf(end, "%s{\"id\": \"many-%d\", \"type\": \"import-issues\", \"status\": \"%s\", "
                   "\"progress\": {\"current\": %d, \"total\": %d, \"percentage\": 100, "
                   "\"itemsCompleted\": [", job ? ", " : "", job, statuses[job], MANY, MANY);
    for (int i = 0; i < MANY; i++) {
      end += sprintf(end, "%s\"owner/\\\"näme\\\"#%d\\u00e9\"", i ? ", " : "", i);
    }
    end += sprintf(end, "], \"itemsFailed\": []}, \"startedAt\": \"2025-12-31T04:47:38.281Z\", "
                   "\"updatedAt\": \"2025-12-31T04:47:38.281Z\", \"config\": {}}");
  }
  sprintf(end, "]\n}");
  double took = survives(text);
  print_message("files: %d items, %.1f MB: opened twice and published three times in %.0f ms\n",
                2 * MANY, (double)strlen(text) / 1e6, took);
  free(text);
}

static void dates_are_understood(void **unused) {
  (void)unused;
  char *text = fixture("dates.json"), *project = project_with(text, strlen(text));
  bgj_manager *manager = manager_open(project);
  bgj_job_list *list = NULL;
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  MUST(bgj_manager_list(manager, 0, NULL, &list, &fault));
  MUST(bgj_job_list_at(list, 0, &info, &fault));
  assert_int_equal(info.started_ms, 1705314600000);
  assert_int_equal(info.completed_ms, 1705314735000);
  MUST(bgj_job_list_at(list, 1, &info, &fault));
  assert_int_equal(info.created_ms, 1705314600000);
  assert_int_equal(info.updated_ms, 1705314600500);
  MUST(bgj_job_list_at(list, 2, &info, &fault));
  assert_int_equal(info.updated_ms, 1767156458999);
  bgj_job_info_clear(&info);
  bgj_job_list_free(list);
  MUST(bgj_manager_close(manager, &fault));
  free(text);
  project_remove(project);
}

/* Items are a set: what a file has twice is done once, and going on adds to it. */
static void duplicates_go_on(void **unused) {
  (void)unused;
  char *text = fixture("duplicates.json"), *project = project_with(text, strlen(text));
  bgj_manager *manager = manager_open(project);
  bgj_job *job = NULL;
  MUST(bgj_manager_find(manager, "d0000003", &job, &fault));
  assert_int_equal(bgj_job_is_done(job, "fe"), 1);
  assert_int_equal(bgj_job_is_done(job, "docs"), 0);
  MUST(bgj_job_resume(job, &fault));
  MUST(bgj_job_start(job, NULL, &fault));
  MUST(bgj_job_item_done(job, "shared", &fault));
  MUST(bgj_job_item_done(job, "docs", &fault));
  MUST(bgj_job_complete(job, NULL, &fault));
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
  char *items = jq(".jobs[] | select(.id == \"d0000003\") | .progress.itemsCompleted | unique",
                   state_path(project));
  assert_string_equal(items, "[\"be\",\"docs\",\"fe\",\"shared\"]\n");
  free(items);
  free(text);
  project_remove(project);
}

static void running_without_owner_stays_running(void **unused) {
  (void)unused;
  char *text = fixture("unknown-words.json"), created[64];
  char *project = project_with(text, strlen(text));
  for (int i = 0; i < 2; i++) {
    bgj_manager *manager = manager_open(project);
    create_and_complete(manager, created);
    bgj_job *job = NULL;
    bgj_job_info info = BGJ_JOB_INFO_INIT;
    MUST(bgj_manager_find(manager, "c0ffee00", &job, &fault));
    MUST(bgj_job_get_info(job, &info, &fault));
    assert_int_equal(info.status, BGJ_JOB_RUNNING);
    assert_int_equal(info.owned, 0);
    assert_int_equal(bgj_job_start(job, NULL, &fault), BGJ_ILLEGAL_TRANSITION);
    bgj_job_info_clear(&info);
    bgj_job_release(job);
    MUST(bgj_manager_close(manager, &fault));
    json_t *state = state_json(project);
    assert_string_equal(status_in(job_in_state(state, "c0ffee00")), "running");
    json_decref(state);
  }
  free(text);
  project_remove(project);
}

/* ---- Other writers at work ---- */

/* publish PROJECT: publishes the state file again and again, so that edits meet publications. */
static int publish(int argc, char **argv) {
  assert_int_equal(argc, 2);
  bgj_manager *manager = manager_open(argv[1]);
  int count = 0;
  for (struct pollfd in = {0, POLLIN, 0}; poll(&in, 1, 3) == 0; count++) {
    MUST(bgj_manager_sync(manager, &fault));
  }
  MUST(bgj_manager_close(manager, &fault));
  assert_int_equal(write(1, &count, sizeof count), sizeof count);
  return 0;
}

static void wait_for_publication(const char *project, const char *id) {
  double until = now_ms() + 5e3;
  for (bool there = false; !there;) {
    if (now_ms() > until) FAILED("job %s was never published", id);
    if (!file_exists(state_path(project))) {
      sleep_ms(5);
      continue;
    }
    json_t *state = state_json(project);
    there = job_in_state(state, id) != NULL;
    json_decref(state);
  }
}

static void edits_are_kept(void **unused) {
  (void)unused;
  enum { EDITS = 30 };
  char *project = project_new(), id[64], filter[1024];
  worker owner = owner_start(project, "edited", 1000, 0, "complete", id);
  wait_for_publication(project, id);
  worker publisher = worker_start("publish", project, NULL);
  for (int i = 0; i < EDITS; i++) {
    snprintf(filter, sizeof filter,
             ".extra_%d = {\"n\": %d} | .jobs += [{\"id\": \"their-%d\", \"type\": \"scan\","
             " \"status\": \"running\", \"progress\": {\"current\": %d, \"total\": 100},"
             " \"config\": {\"n\": %d}}]"
             " | (.jobs[] | select(.id == \"%s\")) |= (.config.round = %d | .note_%d = [%d])",
             i, i, i, i, i, id, i + 1, i, i);
    char *text = jq_indented(filter, state_path(project));
    assert_non_null(text);
    sleep_ms(chance(6));
    file_write(state_path(project), text, strlen(text), chance(2));
    free(text);
    sleep_ms(chance(20));
  }
  int publications = 0;
  close(publisher.in);
  publisher.in = -1;
  worker_hear(&publisher, &publications, sizeof publications);
  worker_end(&publisher);
  int owned = owner_end(&owner);
  char other[64];
  bgj_manager *manager = manager_open(project);
  create_and_complete(manager, other);
  MUST(bgj_manager_close(manager, &fault));

  json_t *state = state_json(project), *job = job_in_state(state, id);
  assert_string_equal(status_in(job), "completed");
  assert_int_equal(json_array_size(items_in(job)), owned);
  assert_int_equal(current_in(job), owned);
  json_t *config = json_object_get(job, "config");
  assert_int_equal(json_integer_value(json_object_get(config, "round")), EDITS);
  for (int i = 0; i < EDITS; i++) {
    char name[32];
    snprintf(name, sizeof name, "extra_%d", i);
    json_t *extra = json_object_get(state, name);
    assert_int_equal(json_integer_value(json_object_get(extra, "n")), i);
    snprintf(name, sizeof name, "note_%d", i);
    assert_int_equal(json_array_size(json_object_get(job, name)), 1);
    snprintf(name, sizeof name, "their-%d", i);
    json_t *theirs = job_in_state(state, name);
    assert_non_null(theirs);
    assert_string_equal(status_in(theirs), "running");
    assert_int_equal(current_in(theirs), i);
    assert_null(json_object_get(theirs, "bgjobs"));
  }
  json_decref(state);
  int all;
  corrupt_copies(project, NULL, 0, &all);
  assert_int_equal(all, 0);
  print_message("files: %d edits in place beside %d publications and %d reports: all kept\n", EDITS,
                publications, owned);
  project_remove(project);
}

/* A writer that read long ago speaks about config, but not about a status it had not seen. */
static void stale_writer_undoes_nothing(void **unused) {
  (void)unused;
  char *project = project_new(), id[64], filter[256];
  worker owner = owner_start(project, "stale", 1000, 0, "complete", id);
  wait_for_publication(project, id);
  snprintf(filter, sizeof filter,
           ".stale = true | (.jobs[] | select(.id == \"%s\") | .config.round) = 77", id);
  char *stale = jq_indented(filter, state_path(project));
  assert_non_null(stale);

  bgj_manager *manager = manager_open(project);
  bgj_job *job = NULL;
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  MUST(bgj_manager_find(manager, id, &job, &fault));
  sleep_ms(150);
  MUST(bgj_job_pause(job, "asked", 0, &fault));
  MUST(bgj_manager_sync(manager, &fault));
  MUST(bgj_job_get_info(job, &info, &fault));
  uint64_t items = info.items_completed;
  assert_true(items > 10);
  file_write(state_path(project), stale, strlen(stale), 0);
  MUST(bgj_manager_sync(manager, &fault));
  json_t *state = state_json(project), *published = job_in_state(state, id);
  assert_string_equal(status_in(published), "paused");
  assert_true(json_array_size(items_in(published)) >= items);
  assert_true(json_is_true(json_object_get(state, "stale")));
  json_t *config = json_object_get(published, "config");
  assert_int_equal(json_integer_value(json_object_get(config, "round")), 77);
  json_decref(state);

  MUST(bgj_job_resume(job, &fault));
  int owned = owner_end(&owner);
  MUST(bgj_manager_sync(manager, &fault));
  file_write(state_path(project), stale, strlen(stale), 1);
  MUST(bgj_manager_sync(manager, &fault));
  state = state_json(project), published = job_in_state(state, id);
  assert_string_equal(status_in(published), "completed");
  assert_int_equal(json_array_size(items_in(published)), owned);
  assert_int_equal(current_in(published), owned);
  json_decref(state);
  bgj_job_info_clear(&info);
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
  print_message("files: a stale writer undid neither a pause nor the end after %d reports\n",
                owned);
  free(stale);
  project_remove(project);
}

/* The file is an inbox: by hand, a job that no one owns is paused, and a finished one removed. */
static void fresh_writer_is_heard(void **unused) {
  (void)unused;
  char *project = project_new(), done[64], filter[256];
  bgj_manager *manager = manager_open(project);
  bgj_job *job = NULL;
  MUST(bgj_manager_create(manager, "clone-repos", NULL, 3, &job, &fault));
  create_and_complete(manager, done);
  MUST(bgj_manager_sync(manager, &fault));
  snprintf(filter, sizeof filter,
           ".jobs |= map(select(.id != \"%s\")) | (.jobs[] | select(.id == \"%s\")).status = "
           "\"paused\"", done, bgj_job_id(job));
  char *text = jq_indented(filter, state_path(project));
  assert_non_null(text);
  file_write(state_path(project), text, strlen(text), 0);
  MUST(bgj_manager_sync(manager, &fault));

  bgj_job_info info = BGJ_JOB_INFO_INIT;
  MUST(bgj_job_get_info(job, &info, &fault));
  assert_int_equal(info.status, BGJ_JOB_PAUSED);
  bgj_job *gone = NULL;
  assert_int_equal(bgj_manager_find(manager, done, &gone, &fault), BGJ_NOT_FOUND);
  assert_null(gone);
  bgj_job_info_clear(&info);
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
  free(text);
  project_remove(project);
}

/* Half a file is one that is being written: nobody calls it damaged at once, nobody replaces it. */
static void half_a_file_is_waited_for(void **unused) {
  (void)unused;
  char *project = project_new(), created[64];
  bgj_manager *manager = manager_open(project);
  create_and_complete(manager, created);
  MUST(bgj_manager_sync(manager, &fault));
  char *text = jq_indented(
    ".jobs += [{\"id\": \"slow\", \"type\": \"scan\", \"status\": \"running\"}]",
    state_path(project));
  assert_non_null(text);
  size_t half = strlen(text) / 2;
  file_write(state_path(project), text, half, 0);
  bgj_job *job = NULL;
  MUST(bgj_manager_create(manager, "clone-repos", NULL, 0, &job, &fault));
  MUST(bgj_job_start(job, NULL, &fault));
  for (double until = now_ms() + 400; now_ms() < until; sleep_ms(5)) {
    char name[32];
    snprintf(name, sizeof name, "at-%.0f", now_ms());
    assert_int_equal(MUST(bgj_job_item_done(job, name, &fault)), BGJ_OK);
  }
  size_t size = 0;
  char *still = file_read(state_path(project), &size);
  assert_int_equal(size, half);
  assert_memory_equal(still, text, half);
  int all;
  corrupt_copies(project, NULL, 0, &all);
  assert_int_equal(all, 0);

  file_write(state_path(project), text, strlen(text), 0);
  MUST(bgj_manager_sync(manager, &fault));
  json_t *state = state_json(project);
  assert_string_equal(status_in(job_in_state(state, "slow")), "running");
  assert_string_equal(status_in(job_in_state(state, created)), "completed");
  assert_string_equal(status_in(job_in_state(state, bgj_job_id(job))), "running");
  json_decref(state);
  corrupt_copies(project, NULL, 0, &all);
  assert_int_equal(all, 0);
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
  free(still);
  free(text);
  project_remove(project);
}

/* finish PROJECT SOURCE: writes all of a file where half of it is, after a while. */
static int finish(int argc, char **argv) {
  assert_int_equal(argc, 3);
  size_t size;
  char *text = file_read(argv[2], &size);
  assert_int_equal(write(1, "", 1), 1);
  sleep_ms(300);
  file_write(state_path(argv[1]), text, size, 0);
  free(text);
  return 0;
}

/* The same at the very first opening, where there is nothing yet to fall back on. */
static void half_a_first_file_is_waited_for(void **unused) {
  (void)unused;
  char *text = fixture("active-job.json"), source[4096], ready;
  char *whole = strdup(text);
  text[strlen(text) / 2] = 0;
  char *project = project_with(text, strlen(text));
  snprintf(source, sizeof source, "%s/active-job.json", FIXTURES);
  worker writer = worker_start("finish", project, source, NULL);
  worker_hear(&writer, &ready, 1);
  double began = now_ms();
  bgj_manager *manager = manager_open(project);
  bgj_job *job = NULL;
  MUST(bgj_manager_find(manager, "aaaa0001", &job, &fault));
  print_message("files: opening beside half a file waited %.0f ms for the other 300\n",
                now_ms() - began);
  worker_end(&writer);
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
  char *found = file_read(state_path(project), NULL);
  assert_string_equal(found, whole);
  free(found);
  free(whole);
  free(text);
  project_remove(project);
}

int main(int argc, char **argv) {
  static const role roles[] = {{"publish", publish}, {"finish", finish}};
  int ended = role_run(roles, COUNT_OF(roles), argc, argv);
  if (ended >= 0) return ended;
  const struct CMUnitTest others[] = {
    cmocka_unit_test(many_items_survive),
    cmocka_unit_test(dates_are_understood),
    cmocka_unit_test(duplicates_go_on),
    cmocka_unit_test(running_without_owner_stays_running),
    cmocka_unit_test(edits_are_kept),
    cmocka_unit_test(stale_writer_undoes_nothing),
    cmocka_unit_test(fresh_writer_is_heard),
    cmocka_unit_test(half_a_file_is_waited_for),
    cmocka_unit_test(half_a_first_file_is_waited_for),
  };
  struct CMUnitTest tests[COUNT_OF(fixtures) + COUNT_OF(others)];
  for (int i = 0; i < COUNT_OF(fixtures); i++) {
    tests[i] = (struct CMUnitTest){fixtures[i], file_survives, NULL, NULL,
                                   (void *)(uintptr_t)fixtures[i]};
  }
  memcpy(tests + COUNT_OF(fixtures), others, sizeof others);
  return _cmocka_run_group_tests("files", tests, (size_t)COUNT_OF(tests), NULL, NULL);
}
