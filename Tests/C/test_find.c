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

static void cleanup_removes_the_oldest_that_are_finished(void **state) {
  (void)state;
  bgj_job *first = create(), *second = create(), *third = create(), *alive = create();
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  size_t removed = 99;
  assert_ok(bgj_job_cancel(first, NULL, &error));
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

static void complete_once(const bgj_options *options, int count, bgj_job_status end) {
  bgj_manager *other = open_other(options);
  for (int i = 0; i < count; i++) {
    bgj_job *job = NULL;
    assert_ok(bgj_manager_create(other, "t", NULL, 0, &job, &error));
    if (end == BGJ_JOB_COMPLETED) assert_ok(bgj_job_complete(job, NULL, &error));
    else assert_ok(bgj_job_fail(job, NULL, &error));
    bgj_job_release(job);
  }
}

static void completing_keeps_the_last_ten(void **state) {
  (void)state;
  complete_once(NULL, 12, BGJ_JOB_FAILED);
  complete_once(NULL, 12, BGJ_JOB_COMPLETED);
  assert_int_equal(count_jobs(manager, BGJ_MASK_COMPLETED, NULL), 10);
  assert_int_equal(count_jobs(manager, BGJ_MASK_FAILED, NULL), 12);
}

static void how_many_are_kept_is_an_option(void **state) {
  (void)state;
  bgj_options options = BGJ_OPTIONS_INIT;
  options.keep_finished = -1;
  complete_once(&options, 12, BGJ_JOB_COMPLETED);
  assert_int_equal(count_jobs(manager, BGJ_MASK_COMPLETED, NULL), 12);
  options.keep_finished = 2;
  complete_once(&options, 1, BGJ_JOB_COMPLETED);
  assert_int_equal(count_jobs(manager, BGJ_MASK_COMPLETED, NULL), 2);
}

static void a_removed_job_is_not_found(void **state) {
  (void)state;
  bgj_job *job = create();
  char *text = NULL;
  assert_ok(bgj_job_cancel(job, NULL, &error));
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
      TEST(cleanup_removes_the_oldest_that_are_finished),
      TEST(cleanup_keeps_what_another_job_needs),
      TEST(completing_keeps_the_last_ten),
      TEST(how_many_are_kept_is_an_option),
      TEST(a_removed_job_is_not_found),
  };
  return RUN_TESTS(tests);
}
