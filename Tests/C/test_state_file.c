/* The state file: members and their order, what is there when, and what others wrote into it. */
#include "support.h"

#include <sys/wait.h>
#include <unistd.h>

static const char *text_of(json_t *object, const char *member) {
  return json_string_value(json_object_get(object, member));
}

/* 2024-01-15T10:30:00.000Z */
static void assert_date(json_t *job, const char *member) {
  const char *date = text_of(job, member);
  int year, month, day, hour, minute, second, milliseconds, end = 0;
  if (date == NULL) fail_msg("no %s", member);
  sscanf(date, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &year, &month, &day, &hour, &minute, &second,
         &milliseconds, &end);
  if (end != 24 || date[24] != 0) fail_msg("%s is %s", member, date);
}

static void a_pending_job(void **state) {
  (void)state;
  json_t *job = state_of(create());
  assert_members(job, "id", "type", "status", "progress", "startedAt", "updatedAt", "config", NULL);
  assert_string_equal(text_of(job, "status"), "pending");
  assert_date(job, "startedAt");
  assert_date(job, "updatedAt");
  assert_null(json_object_get(job, "completedAt"));
  assert_null(json_object_get(job, "error"));
  assert_null(json_object_get(job, "result"));
  json_t *progress = json_object_get(job, "progress");
  assert_members(progress, "current", "total", "percentage", "itemsCompleted", "itemsFailed", NULL);
  assert_null(json_object_get(progress, "currentItem"));
  assert_null(json_object_get(progress, "rate"));
  assert_null(json_object_get(progress, "eta"));
}

static void a_running_job(void **state) {
  (void)state;
  test_clock clock = {0, 0};
  bgj_options options = with_clock(&clock);
  close_manager();
  assert_ok(bgj_manager_open(project, &options, &manager, &error));
  bgj_job *job = running();
  assert_ok(bgj_job_set_total(job, 100, &error));
  for (int i = 0; i < 40; i++) {
    char item[16];
    snprintf(item, sizeof item, "item-%d", i);
    clock.ahead += SECONDS(1);
    assert_ok(bgj_job_update(job, -1, "next", item, NULL, &error));
  }
  json_t *file = state_of(job), *progress = json_object_get(file, "progress");
  assert_string_equal(text_of(file, "status"), "running");
  assert_members(progress, "current", "total", "percentage", "currentItem", "itemsCompleted",
                 "itemsFailed", "rate", "eta", NULL);
  assert_int_equal(json_integer_value(json_object_get(progress, "current")), 40);
  assert_int_equal(json_integer_value(json_object_get(progress, "total")), 100);
  assert_int_equal(json_integer_value(json_object_get(progress, "percentage")), 40);
  assert_string_equal(text_of(progress, "currentItem"), "next");
  assert_true(json_is_integer(json_object_get(progress, "eta")));
  double rate = json_number_value(json_object_get(progress, "rate"));
  assert_true(rate > 0.5 && rate < 2.0);

  assert_ok(bgj_job_pause(job, NULL, 0, &error));
  progress = json_object_get(state_of(job), "progress");
  assert_null(json_object_get(progress, "rate"));
  assert_null(json_object_get(progress, "eta"));
  close_manager(); /* before its clock goes out of scope */
}

static void a_failed_job(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_item_done(job, "a", &error));
  assert_ok(bgj_job_item_failed(job, "b", "no", &error));
  assert_ok(bgj_job_fail(job, "it broke", &error));
  json_t *file = state_of(job), *progress = json_object_get(file, "progress");
  assert_string_equal(text_of(file, "status"), "failed");
  assert_string_equal(text_of(file, "error"), "it broke");
  assert_date(file, "completedAt");
  assert_string_equal(
      json_string_value(json_array_get(json_object_get(progress, "itemsCompleted"), 0)), "a");
  assert_string_equal(
      json_string_value(json_array_get(json_object_get(progress, "itemsFailed"), 0)), "b");
  assert_null(json_object_get(progress, "eta"));
}

static void the_file_is_what_get_json_says(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_item_done(job, "a", &error));
  assert_ok(bgj_job_complete(job, "[1, 2]", &error));
  json_t *file = json_deep_copy(state_of(job));
  assert_true(json_equal(file, json_of(job)));
  json_decref(file);
}

static void the_file_is_indented_by_two_spaces(void **state) {
  (void)state;
  create();
  assert_ok(bgj_manager_sync(manager, &error));
  char *text = read_file(STATE_FILE, NULL);
  assert_non_null(strstr(text, "{\n  \"jobs\": [\n    {\n      \"id\": \""));
  assert_non_null(strstr(text, "\n      \"progress\": {\n        \"current\": 0,\n"));
  free(text);
}

/* Everything a real file has that bgjobs knows nothing of. */
static const char foreign[] =
    "{\"version\": 3, \"activeJobId\": \"bf-00000001\", \"jobs\": [\n"
    "  {\"id\": \"bf-00000001\", \"type\": \"brownfield-analysis\", \"status\": \"running\","
    "   \"progress\": {\"current\": 7, \"total\": 5, \"percentage\": 100, \"phase\": \"scan\","
    "    \"itemsCompleted\": [\"a\", \"a\", \"\\u00e9\"], \"itemsFailed\": [],"
    "    \"currentItem\": \"b\", \"rate\": 1.5, \"eta\": 0},"
    "   \"startedAt\": \"2025-12-31T04:47:38+02:00\", \"updatedAt\": \"2025-12-31\","
    "   \"config\": {\"timeRangeMonths\": 999, \"projectPath\": \"C:\\\\work\\\\x\"},"
    "   \"pid\": 99999999, \"isBackground\": true, \"dependencyStatus\": \"ready\"},\n"
    "  {\"id\": \"w\", \"type\": \"import-issues\", \"status\": \"completed_with_warnings\","
    "   \"error\": \"2 warnings\", \"result\": {\"n\": 0.1}, \"extra\": [1, 2.5, null, {}]}\n"
    "], \"later\": {\"x\": 1}}";

static void what_others_wrote_stays(void **state) {
  (void)state;
  write_jobs(foreign);
  close_manager();
  assert_ok(bgj_manager_open(project, NULL, &manager, &error));
  bgj_job *other = job_of(manager, "w");
  assert_int_equal(look(other)->status, BGJ_JOB_COMPLETED);
  assert_string_equal(look(other)->status_name, "completed_with_warnings");
  assert_int_equal(look(other)->has_warnings, 1);
  assert_int_equal(count_jobs(manager, BGJ_MASK_COMPLETED, NULL), 1);
  assert_int_equal(count_jobs(manager, BGJ_MASK_OTHER, NULL), 0);
  assert_ok(bgj_job_item_done(running(), "ours", &error));

  json_t *before = json_loads(foreign, 0, NULL), *after = read_state(), *value;
  const char *key;
  assert_members(after, "version", "activeJobId", "jobs", "later", NULL);
  assert_int_equal(json_array_size(json_object_get(after, "jobs")), 3);
  json_object_foreach(before, key, value)
    if (strcmp(key, "jobs") != 0) assert_true(json_equal(json_object_get(after, key), value));
  for (size_t i = 0; i < 2; i++) {
    char *was = json_dumps(json_array_get(json_object_get(before, "jobs"), i), 0);
    char *is = json_dumps(json_array_get(json_object_get(after, "jobs"), i), 0);
    assert_string_equal(is, was);
    free(is);
    free(was);
  }
  json_decref(before);
}

static void a_running_job_of_others_is_left_alone(void **state) {
  (void)state;
  write_jobs(foreign);
  bgj_manager *other = open_other(NULL);
  bgj_job *job = job_of(other, "bf-00000001");
  assert_int_equal(look(job)->status, BGJ_JOB_RUNNING);
  assert_int_equal(look(job)->owned, 0);
  assert_int_equal(look(job)->current, 7);
  assert_string_equal(look(job)->current_item, "b");
  assert_status(BGJ_ILLEGAL_TRANSITION, bgj_job_start(job, NULL, &error));
  assert_says("bf-00000001");
  assert_says("running");
  assert_says("cancel it and retry it first");
  assert_status(BGJ_FINISHED, bgj_job_start(job_of(other, "w"), NULL, &error));
  assert_says("completed_with_warnings");
  /* It may be tried again, as one with failed items. */
  assert_ok(bgj_job_retry(job_of(other, "w"), &error));
  assert_int_equal(look(job_of(other, "w"))->status, BGJ_JOB_PENDING);
  assert_string_equal(look(job_of(other, "w"))->status_name, "pending");
  assert_int_equal(look(job_of(other, "w"))->has_warnings, 0);
}

static void an_edit_of_others_is_taken_over(void **state) {
  (void)state;
  bgj_job *job = running();
  json_t *file = json_deep_copy(read_state());
  json_t *ours = json_array_get(json_object_get(file, "jobs"), 0);
  json_object_set_new(json_object_get(ours, "config"), "note", json_string("by hand"));
  json_object_set_new(file, "theirs", json_true());
  json_array_append_new(json_object_get(file, "jobs"),
                        json_pack("{s:s, s:s}", "id", "new", "status", "pending"));
  sleep_ms(50); /* so that the file's time differs */
  assert_int_equal(json_dump_file(file, path_of(STATE_FILE), JSON_INDENT(2)), 0);
  json_decref(file);
  assert_ok(bgj_job_item_done(job, "a", &error));
  file = read_state();
  assert_true(json_is_true(json_object_get(file, "theirs")));
  ours = json_array_get(json_object_get(file, "jobs"), 0);
  assert_string_equal(text_of(json_object_get(ours, "config"), "note"), "by hand");
  assert_int_equal(json_array_size(json_object_get(
                       json_object_get(ours, "progress"), "itemsCompleted")), 1);
  assert_int_equal(look(job_of(manager, "new"))->status, BGJ_JOB_PENDING);
  assert_ok(bgj_job_start(job_of(manager, "new"), NULL, &error));
}

static void a_newer_format_is_read_only(void **state) {
  (void)state;
  create();
  assert_ok(bgj_manager_sync(manager, &error));
  json_t *file = json_deep_copy(read_state());
  json_t *ours = json_object_get(file, "bgjobs");
  assert_true(json_is_integer(json_object_get(ours, "format")));
  json_object_set_new(ours, "format", json_integer(1000));
  close_manager();
  char *command = path_of(STORE), remove[600];
  snprintf(remove, sizeof remove, "rm -rf '%s'", command);
  assert_int_equal(system(remove), 0);
  assert_int_equal(json_dump_file(file, path_of(STATE_FILE), JSON_INDENT(2)), 0);
  json_decref(file);
  bgj_manager *other = open_other(NULL);
  bgj_job *job = NULL;
  assert_int_equal(count_jobs(other, 0, NULL), 1);
  assert_status(BGJ_UNSUPPORTED, bgj_manager_create(other, "t", NULL, 0, &job, &error));
}

/* A reader beside a writer sees one whole document at every moment. */
static void a_reader_never_sees_half_a_file(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_manager_sync(manager, &error));
  pid_t reader = fork();
  assert_true(reader >= 0);
  if (reader == 0) {
    for (int i = 0; i < 300; i++) {
      json_t *json = json_load_file(path_of(STATE_FILE), 0, NULL);
      if (json == NULL) _exit(1);
      json_decref(json);
      sleep_ms(1);
    }
    _exit(0);
  }
  int status = 0;
  for (int i = 0; waitpid(reader, &status, WNOHANG) == 0; i++) {
    char item[32];
    snprintf(item, sizeof item, "a rather long name %d", i);
    assert_ok(bgj_job_item_done(job, item, &error));
    if (i % 10 == 0) assert_ok(bgj_manager_sync(manager, &error));
  }
  assert_int_equal(status, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_pending_job),
      TEST(a_running_job),
      TEST(a_failed_job),
      TEST(the_file_is_what_get_json_says),
      TEST(the_file_is_indented_by_two_spaces),
      TEST(what_others_wrote_stays),
      TEST(a_running_job_of_others_is_left_alone),
      TEST(an_edit_of_others_is_taken_over),
      TEST(a_newer_format_is_read_only),
      TEST(a_reader_never_sees_half_a_file),
  };
  return RUN_TESTS(tests);
}
