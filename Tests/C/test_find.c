/* Finding jobs: ensure, find, list; and cleanup, after which they are not found. */
#include "support.h"

static bgj_job *ensure(bgj_manager *which, const char *type, const char *key, int64_t total) {
  bgj_job *job = NULL;
  assert_ok(bgj_manager_ensure(which, type, key, "{\"n\": 1}", total, &job, &error));
  char id[256];
  snprintf(id, sizeof id, "%s", bgj_job_id(job));
  bgj_job_release(job);
  return job_of(which, id);
}

static void ensure_gives_the_unfinished_job_of_the_key(void **state) {
  (void)state;
  bgj_job *first = ensure(manager, "t", "k", 5);
  assert_string_equal(look(first)->key, "k");
  assert_string_equal(bgj_job_id(ensure(manager, "t", "k", 9)), bgj_job_id(first));
  assert_int_equal(look(first)->total, 5);
  assert_string_not_equal(bgj_job_id(ensure(manager, "t", "other", 0)), bgj_job_id(first));
  assert_string_not_equal(bgj_job_id(ensure(manager, "other", "k", 0)), bgj_job_id(first));
  assert_string_equal(bgj_job_id(ensure(open_other(NULL), "t", "k", 0)), bgj_job_id(first));
  assert_ok(bgj_job_start(first, NULL, &error));
  assert_string_equal(bgj_job_id(ensure(manager, "t", "k", 0)), bgj_job_id(first));
  assert_ok(bgj_job_complete(first, NULL, &error));
  assert_string_not_equal(bgj_job_id(ensure(manager, "t", "k", 0)), bgj_job_id(first));
}

static void jobs_of_create_have_no_key(void **state) {
  (void)state;
  bgj_job *job = create();
  assert_string_not_equal(bgj_job_id(ensure(manager, "clone-repos", "k", 0)), bgj_job_id(job));
  assert_string_not_equal(bgj_job_id(create()), bgj_job_id(job));
}

static void find_takes_the_beginning_of_an_id(void **state) {
  (void)state;
  write_jobs("{\"jobs\": [{\"id\": \"abc\"}, {\"id\": \"abcd\"}, {\"id\": \"abcde\"},"
             " {\"id\": \"x y\\u00e9\"}]}");
  bgj_manager *other = open_other(NULL);
  bgj_job *job = NULL;
  assert_string_equal(bgj_job_id(job_of(other, "abc")), "abc");
  assert_string_equal(bgj_job_id(job_of(other, "abcd")), "abcd");
  assert_string_equal(bgj_job_id(job_of(other, "abcde")), "abcde");
  assert_string_equal(bgj_job_id(job_of(other, "x")), "x y\xc3\xa9");
  assert_status(BGJ_AMBIGUOUS, bgj_manager_find(other, "ab", &job, &error));
  assert_says("abc");
  assert_status(BGJ_NOT_FOUND, bgj_manager_find(other, "abd", &job, &error));
  assert_status(BGJ_NOT_FOUND, bgj_manager_find(other, "abcdef", &job, &error));
  assert_null(job);
}

static void find_in_an_empty_project(void **state) {
  (void)state;
  bgj_job *job = NULL;
  assert_status(BGJ_NOT_FOUND, bgj_manager_find(manager, "abc", &job, &error));
  assert_says("abc");
  assert_null(job);
}

static void list_selects_by_status_and_type(void **state) {
  (void)state;
  create();
  running();
  assert_ok(bgj_job_pause(create(), NULL, 0, &error));
  assert_ok(bgj_job_complete(running(), NULL, &error));
  assert_ok(bgj_job_fail(create(), NULL, &error));
  ensure(manager, "import-issues", "k", 0);
  assert_int_equal(count_jobs(manager, 0, NULL), 6);
  assert_int_equal(count_jobs(manager, BGJ_MASK_ALL, NULL), 6);
  assert_int_equal(count_jobs(manager, BGJ_MASK_PENDING, NULL), 2);
  assert_int_equal(count_jobs(manager, BGJ_MASK_PENDING, "import-issues"), 1);
  assert_int_equal(count_jobs(manager, BGJ_MASK_ACTIVE, NULL), 2);
  assert_int_equal(count_jobs(manager, BGJ_MASK_FINISHED, "clone-repos"), 2);
  assert_int_equal(count_jobs(manager, BGJ_MASK_FINISHED, "import-issues"), 0);
  assert_int_equal(count_jobs(manager, BGJ_MASK_OTHER, NULL), 0);
  assert_int_equal(count_jobs(manager, 0, "no such type"), 0);
}

static void list_is_a_copy_in_the_order_of_the_file(void **state) {
  (void)state;
  bgj_job *jobs[3] = {create(), create(), create()};
  bgj_job_list *list = NULL;
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  assert_ok(bgj_manager_list(manager, 0, NULL, &list, &error));
  assert_ok(bgj_job_start(jobs[1], NULL, &error));
  assert_int_equal(bgj_job_list_count(list), 3);
  for (size_t i = 0; i < 3; i++) {
    assert_ok(bgj_job_list_at(list, i, &info, &error));
    assert_string_equal(info.id, bgj_job_id(jobs[i]));
    assert_int_equal(info.status, BGJ_JOB_PENDING);
    json_t *file = json_array_get(json_object_get(read_state(), "jobs"), i);
    assert_string_equal(json_string_value(json_object_get(file, "id")), info.id);
  }
  assert_status(BGJ_NOT_FOUND, bgj_job_list_at(list, 3, &info, &error));
  assert_status(BGJ_NOT_FOUND, bgj_job_list_at(list, SIZE_MAX, &info, &error));
  bgj_job_list_free(list);
  assert_string_equal(info.id, bgj_job_id(jobs[2])); /* it outlives the list */
  bgj_job_info_clear(&info);
}

static void cleanup_removes_the_oldest_that_went_well(void **state) {
  (void)state;
  bgj_job *first = create(), *second = create(), *third = create(), *alive = create();
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  size_t removed = 99;
  assert_ok(bgj_job_complete(first, NULL, &error));
  assert_ok(bgj_job_complete(second, NULL, &error));
  assert_ok(bgj_job_complete(third, NULL, &error));
  assert_ok(bgj_manager_cleanup(manager, 3, &removed, &error));
  assert_int_equal(removed, 0);
  assert_ok(bgj_manager_cleanup(manager, 1, &removed, &error));
  assert_int_equal(removed, 2);
  assert_status(BGJ_NOT_FOUND, bgj_job_get_info(first, &info, &error));
  assert_status(BGJ_NOT_FOUND, bgj_job_get_info(second, &info, &error));
  assert_int_equal(look(third)->status, BGJ_JOB_COMPLETED);
  assert_int_equal(look(alive)->status, BGJ_JOB_PENDING);
  assert_ok(bgj_manager_cleanup(manager, 0, NULL, &error));
  assert_int_equal(count_jobs(manager, 0, NULL), 1);
}

/* Ends one in each way: well, with a failed item, failed, cancelled. */
static void end_four(bgj_job *jobs[4]) {
  for (int i = 0; i < 4; i++) jobs[i] = running();
  assert_ok(bgj_job_item_done(jobs[0], "a", &error));
  assert_ok(bgj_job_item_skipped(jobs[0], "b", NULL, &error));
  assert_ok(bgj_job_complete(jobs[0], NULL, &error));
  assert_ok(bgj_job_item_failed(jobs[1], "a", NULL, &error));
  assert_ok(bgj_job_complete(jobs[1], NULL, &error));
  assert_ok(bgj_job_fail(jobs[2], "no", &error));
  assert_ok(bgj_job_cancel(jobs[3], NULL, &error));
}

static void cleanup_never_takes_what_failed_unless_told_so(void **state) {
  (void)state;
  bgj_job *jobs[4];
  bgj_job_list *list = NULL;
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  size_t removed = 99;
  end_four(jobs);
  assert_ok(bgj_manager_cleanup(manager, 0, &removed, &error));
  assert_int_equal(removed, 1);
  assert_int_equal(count_jobs(manager, BGJ_MASK_FINISHED, NULL), 3);
  assert_ok(bgj_manager_cleanup_with(manager, 0, 0, NULL, &error));
  assert_int_equal(count_jobs(manager, BGJ_MASK_FINISHED, NULL), 3);

  assert_ok(bgj_manager_cleanup_with(manager, 1, BGJ_CLEANUP_FAILED | BGJ_CLEANUP_DRY_RUN, &list,
                                     &error));
  assert_int_equal(bgj_job_list_count(list), 2);
  bgj_job_list_free(list);
  assert_int_equal(count_jobs(manager, BGJ_MASK_FINISHED, NULL), 3);
  assert_ok(bgj_manager_cleanup_with(manager, 1, BGJ_CLEANUP_FAILED, &list, &error));
  assert_int_equal(bgj_job_list_count(list), 2);
  for (size_t i = 0; i < 2; i++) {
    assert_ok(bgj_job_list_at(list, i, &info, &error));
    assert_string_equal(info.id, bgj_job_id(jobs[i + 1]));
    assert_int_equal(info.items_failed, 1 - i);
  }
  bgj_job_list_free(list);
  bgj_job_info_clear(&info);
  assert_int_equal(count_jobs(manager, BGJ_MASK_FINISHED, NULL), 1);
}

static void a_cleanup_that_cannot_be(void **state) {
  (void)state;
  bgj_options options = BGJ_OPTIONS_INIT;
  bgj_job_list *list = (bgj_job_list *)project;
  assert_ok(bgj_job_complete(create(), NULL, &error));
  options.flags = BGJ_OPEN_READ_ONLY;
  bgj_manager *viewer = open_other(&options);
  assert_status(BGJ_INVALID, bgj_manager_cleanup_with(manager, 0, 4, &list, &error));
  assert_status(BGJ_UNSUPPORTED, bgj_manager_cleanup_with(viewer, 0, 0, &list, &error));
  assert_ptr_equal(list, project);
  assert_ok(bgj_manager_cleanup_with(viewer, 0, BGJ_CLEANUP_DRY_RUN, &list, &error));
  assert_int_equal(bgj_job_list_count(list), 1);
  bgj_job_list_free(list);
}

/* ---- What is remembered of those that went ---- */

static void who_asks_for_a_removed_job_is_told_how_it_ended(void **state) {
  (void)state;
  static const char *const words[] = {"; it had completed", "; it had completed, with 1 failed",
                                      "; it had failed", "; it had failed"};
  bgj_job *jobs[4], *found = NULL;
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  bgj_job_status status;
  end_four(jobs);
  assert_ok(bgj_manager_cleanup_with(manager, 0, BGJ_CLEANUP_FAILED, NULL, &error));
  for (int round = 0; round < 2; round++) {
    bgj_manager *which = round == 0 ? manager : open_other(NULL);
    for (int i = 0; i < 4; i++) {
      char beginning[8];
      snprintf(beginning, sizeof beginning, "%.7s", bgj_job_id(jobs[i]));
      assert_status(BGJ_NOT_FOUND, bgj_manager_find(which, bgj_job_id(jobs[i]), &found, &error));
      assert_says(" was removed on 2");
      assert_says(words[i]);
      assert_status(BGJ_NOT_FOUND, bgj_manager_find(which, beginning, &found, &error));
      assert_says(bgj_job_id(jobs[i]));
      assert_status(BGJ_NOT_FOUND, bgj_job_get_info(jobs[i], &info, &error));
      assert_says(words[i]);
      /* A wait is a wait: it has ended so. */
      bgj_job_status ended = i < 2 ? BGJ_JOB_COMPLETED : BGJ_JOB_FAILED;
      assert_ok(bgj_job_wait(jobs[i], BGJ_MASK_FINISHED, -1, &status, &error));
      assert_int_equal(status, ended);
      assert_status(BGJ_FINISHED, bgj_job_wait(jobs[i], BGJ_MASK_RUNNING, -1, &status, &error));
      assert_int_equal(status, ended);
      assert_says(words[i]);
    }
    /* From the state file alone, too. */
    if (round == 0) {
      assert_ok(bgj_manager_sync(manager, &error));
      assert_int_equal(remove(path_of(STORE "/journal")), 0);
    }
  }
  assert_null(found);
  assert_status(BGJ_NOT_FOUND, bgj_manager_find(manager, "never", &found, &error));
  assert_says("there is no job never");
}

static void the_last_hundred_are_remembered(void **state) {
  (void)state;
  enum { COUNT = 103 };
  char first[COUNT][16];
  bgj_job *found = NULL;
  for (int i = 0; i < COUNT; i++) {
    bgj_job *job = NULL;
    assert_ok(bgj_manager_create(manager, "t", NULL, 0, &job, &error));
    snprintf(first[i], sizeof first[i], "%s", bgj_job_id(job));
    assert_ok(bgj_job_complete(job, NULL, &error));
    bgj_job_release(job);
    if (i % 50 == 49) assert_ok(bgj_manager_cleanup(manager, 0, NULL, &error));
  }
  assert_ok(bgj_manager_cleanup(manager, 0, NULL, &error));
  for (int i = 0; i < COUNT; i++) {
    assert_status(BGJ_NOT_FOUND, bgj_manager_find(manager, first[i], &found, &error));
    assert_says(i < COUNT - 100 ? "there is no job" : "had completed");
  }
  json_t *ours = json_object_get(read_state(), "bgjobs");
  assert_int_equal(json_array_size(json_object_get(ours, "removed")), 100);
}

static void cleanup_keeps_what_another_job_needs(void **state) {
  (void)state;
  write_jobs("{\"jobs\": ["
             "{\"id\": \"needed\", \"status\": \"completed\"},"
             "{\"id\": \"free\", \"status\": \"completed\"},"
             "{\"id\": \"waits\", \"status\": \"pending\", \"dependsOn\": [\"needed\"]}]}");
  bgj_manager *other = open_other(NULL);
  size_t removed = 0;
  assert_ok(bgj_manager_cleanup(other, 0, &removed, &error));
  assert_int_equal(removed, 1);
  job_of(other, "needed");
  job_of(other, "waits");
}

/* ---- Removed by itself ---- */

/* Completes so many, one a second. */
static void complete(bgj_manager *which, test_clock *clock, int count) {
  for (int i = 0; i < count; i++) {
    bgj_job *job = NULL;
    assert_ok(bgj_manager_create(which, "t", NULL, 0, &job, &error));
    assert_ok(bgj_job_complete(job, NULL, &error));
    bgj_job_release(job);
    clock->ahead += SECONDS(1);
  }
}

static void completing_removes_what_is_old_and_not_among_the_last(void **state) {
  (void)state;
  test_clock clock = {0};
  bgj_options options = with_clock(&clock);
  bgj_manager *other = open_other(&options);
  complete(other, &clock, 15);
  assert_int_equal(count_jobs(other, BGJ_MASK_COMPLETED, NULL), 15);
  clock.ahead += SECONDS(86400 - 60);
  complete(other, &clock, 1);
  assert_int_equal(count_jobs(other, BGJ_MASK_COMPLETED, NULL), 16);
  clock.ahead += SECONDS(60);
  complete(other, &clock, 1);
  assert_int_equal(count_jobs(other, BGJ_MASK_COMPLETED, NULL), 10);
  clock.ahead += SECONDS(10 * 86400);
  complete(other, &clock, 1);
  assert_int_equal(count_jobs(other, BGJ_MASK_COMPLETED, NULL), 10);
}

static void completing_never_removes_what_failed(void **state) {
  (void)state;
  test_clock clock = {0};
  bgj_options options = with_clock(&clock);
  bgj_manager *other = open_other(&options);
  bgj_job *jobs[4];
  end_four(jobs);
  clock.ahead += SECONDS(2 * 86400);
  complete(other, &clock, 12);
  assert_int_equal(count_jobs(other, BGJ_MASK_FINISHED, NULL), 4 + 12 - 1);
  assert_status(BGJ_NOT_FOUND, bgj_manager_find(other, bgj_job_id(jobs[0]), &jobs[0], &error));
}

static void how_many_and_how_long_are_options(void **state) {
  (void)state;
  test_clock clock = {0};
  bgj_options options = with_clock(&clock);
  options.keep_completed = -1;
  options.keep_for_s = 1;
  complete(open_other(&options), &clock, 12);
  assert_int_equal(count_jobs(manager, BGJ_MASK_COMPLETED, NULL), 12);
  options.keep_completed = 2;
  options.keep_for_s = -1;
  clock.ahead += SECONDS(1000 * 86400);
  complete(open_other(&options), &clock, 1);
  assert_int_equal(count_jobs(manager, BGJ_MASK_COMPLETED, NULL), 13);
  options.keep_for_s = 2;
  complete(open_other(&options), &clock, 1);
  assert_int_equal(count_jobs(manager, BGJ_MASK_COMPLETED, NULL), 2);
  /* An older caller's options end before it: a day. */
  options.struct_size = offsetof(bgj_options, keep_for_s);
  complete(open_other(&options), &clock, 5);
  assert_int_equal(count_jobs(manager, BGJ_MASK_COMPLETED, NULL), 7);
}

static void a_removed_job_is_not_found(void **state) {
  (void)state;
  bgj_job *job = create();
  char *text = NULL;
  assert_ok(bgj_job_complete(job, NULL, &error));
  assert_ok(bgj_manager_cleanup(manager, 0, NULL, &error));
  assert_status(BGJ_NOT_FOUND, bgj_job_get_json(job, &text, &error));
  assert_status(BGJ_NOT_FOUND, bgj_job_get_config(job, &text, &error));
  assert_status(BGJ_NOT_FOUND, bgj_job_get_cursor(job, &text, &error));
  assert_status(BGJ_FINISHED, bgj_job_wait(job, BGJ_MASK_RUNNING, -1, NULL, &error));
  assert_true(bgj_job_start(job, NULL, &error) >= BGJ_FINISHED);
  assert_true(bgj_job_item_done(job, "a", &error) >= BGJ_FINISHED);
  assert_int_equal(bgj_job_is_done(job, "a"), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(ensure_gives_the_unfinished_job_of_the_key),
      TEST(jobs_of_create_have_no_key),
      TEST(find_takes_the_beginning_of_an_id),
      TEST(find_in_an_empty_project),
      TEST(list_selects_by_status_and_type),
      TEST(list_is_a_copy_in_the_order_of_the_file),
      TEST(cleanup_removes_the_oldest_that_went_well),
      TEST(cleanup_never_takes_what_failed_unless_told_so),
      TEST(a_cleanup_that_cannot_be),
      TEST(who_asks_for_a_removed_job_is_told_how_it_ended),
      TEST(the_last_hundred_are_remembered),
      TEST(cleanup_keeps_what_another_job_needs),
      TEST(completing_removes_what_is_old_and_not_among_the_last),
      TEST(completing_never_removes_what_failed),
      TEST(how_many_and_how_long_are_options),
      TEST(a_removed_job_is_not_found),
  };
  return RUN_TESTS(tests);
}
