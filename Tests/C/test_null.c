/* Every function with NULL for each of its pointers, one at a time and all at once. */
#include "support.h"

static bgj_job *job;
static bgj_job_list *list;
static bgj_item_list *items;

/* Says which line failed, and that nothing came out. */
#define INVALID(call) assert_int_equal(call, BGJ_INVALID)

static void managers(void **state) {
  (void)state;
  bgj_manager *m = NULL;
  bgj_job *j = NULL;
  bgj_job_list *l = NULL;

  INVALID(bgj_manager_open(NULL, NULL, &m, &error));
  INVALID(bgj_manager_open(project, NULL, NULL, &error));
  INVALID(bgj_manager_open(NULL, NULL, NULL, NULL));
  assert_int_equal(bgj_manager_close(NULL, &error), BGJ_OK);
  assert_int_equal(bgj_manager_close(NULL, NULL), BGJ_OK);
  int64_t wait = 0;
  char *queue = NULL;
  INVALID(bgj_manager_set_rate(NULL, "p", 1, 1, &error));
  INVALID(bgj_manager_set_rate(manager, NULL, 1, 1, &error));
  INVALID(bgj_manager_set_rate(NULL, NULL, 1, 1, NULL));
  INVALID(bgj_manager_rate_limited(NULL, "p", 1, &error));
  INVALID(bgj_manager_rate_limited(manager, NULL, 1, &error));
  INVALID(bgj_manager_permit(NULL, "p", 1, &wait, &error));
  INVALID(bgj_manager_permit(manager, NULL, 1, &wait, &error));
  INVALID(bgj_manager_permit(manager, "p", 1, NULL, &error));
  INVALID(bgj_manager_claim(NULL, NULL, &j, &error));
  INVALID(bgj_manager_claim(manager, NULL, NULL, &error));
  INVALID(bgj_manager_claim(NULL, NULL, NULL, NULL));
  INVALID(bgj_manager_set_limit(NULL, "*", 1, &error));
  INVALID(bgj_manager_set_limit(manager, NULL, 1, &error));
  INVALID(bgj_manager_set_priority_worth(NULL, 1, &error));
  INVALID(bgj_job_enqueue(NULL, NULL, &error));
  INVALID(bgj_job_add_dependency(NULL, "a", BGJ_AFTER_END, &error));
  INVALID(bgj_job_remove_dependency(NULL, "a", &error));
  INVALID(bgj_job_get_waits(NULL, &queue, &error));
  INVALID(bgj_job_get_waits(NULL, NULL, NULL));
  INVALID(bgj_manager_get_queue(NULL, &queue, &error));
  INVALID(bgj_manager_get_queue(manager, NULL, &error));
  INVALID(bgj_manager_get_queue(NULL, NULL, NULL));
  INVALID(bgj_manager_sync(NULL, &error));
  INVALID(bgj_manager_sync(NULL, NULL));

  INVALID(bgj_manager_create(NULL, "t", "{}", 0, &j, &error));
  INVALID(bgj_manager_create(manager, NULL, "{}", 0, &j, &error));
  INVALID(bgj_manager_create(manager, "t", "{}", 0, NULL, &error));
  INVALID(bgj_manager_create(NULL, NULL, NULL, 0, NULL, NULL));

  INVALID(bgj_manager_ensure(NULL, "t", "k", "{}", 0, &j, &error));
  INVALID(bgj_manager_ensure(manager, NULL, "k", "{}", 0, &j, &error));
  INVALID(bgj_manager_ensure(manager, "t", NULL, "{}", 0, &j, &error));
  INVALID(bgj_manager_ensure(manager, "t", "k", "{}", 0, NULL, &error));
  INVALID(bgj_manager_ensure(NULL, NULL, NULL, NULL, 0, NULL, NULL));

  INVALID(bgj_manager_find(NULL, "a", &j, &error));
  INVALID(bgj_manager_find(manager, NULL, &j, &error));
  INVALID(bgj_manager_find(manager, bgj_job_id(job), NULL, &error));
  INVALID(bgj_manager_find(NULL, NULL, NULL, NULL));

  INVALID(bgj_manager_list(NULL, 0, "t", &l, &error));
  INVALID(bgj_manager_list(manager, 0, "t", NULL, &error));
  INVALID(bgj_manager_list(NULL, 0, NULL, NULL, NULL));

  INVALID(bgj_manager_cleanup(NULL, 9, NULL, &error));
  INVALID(bgj_manager_cleanup(NULL, 9, NULL, NULL));
  assert_int_equal(bgj_manager_cleanup(manager, 9, NULL, NULL), BGJ_OK);
  INVALID(bgj_manager_cleanup_with(NULL, 9, 0, &l, &error));
  INVALID(bgj_manager_cleanup_with(NULL, 9, 0, NULL, NULL));
  assert_int_equal(bgj_manager_cleanup_with(manager, 9, 0, NULL, NULL), BGJ_OK);
  INVALID(bgj_manager_check(NULL, NULL, &error));
  INVALID(bgj_manager_check(NULL, NULL, NULL));
  assert_int_equal(bgj_manager_check(manager, NULL, NULL), BGJ_OK);

  assert_null(m);
  assert_null(j);
  assert_null(l);
  assert_int_equal(count_jobs(manager, 0, NULL), 1);
}

static void lists(void **state) {
  (void)state;
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  assert_int_equal(bgj_job_list_count(NULL), 0);
  INVALID(bgj_job_list_at(NULL, 0, &info, &error));
  INVALID(bgj_job_list_at(list, 0, NULL, &error));
  INVALID(bgj_job_list_at(NULL, 0, NULL, NULL));
  bgj_job_list_free(NULL);
  bgj_item item = BGJ_ITEM_INIT;
  assert_int_equal(bgj_item_list_count(NULL), 0);
  INVALID(bgj_item_list_at(NULL, 0, &item, &error));
  INVALID(bgj_item_list_at(items, 0, NULL, &error));
  INVALID(bgj_item_list_at(NULL, 0, NULL, NULL));
  bgj_item_list_free(NULL);
  bgj_job_info_clear(NULL);
  bgj_string_free(NULL);
  assert_null(info.id);
}

static void lives(void **state) {
  (void)state;
  INVALID(bgj_job_start(NULL, NULL, &error));
  INVALID(bgj_job_start(NULL, NULL, NULL));
  INVALID(bgj_job_leave(NULL, "why", &error));
  INVALID(bgj_job_leave(NULL, NULL, NULL));
  INVALID(bgj_job_pause(NULL, "asked", 0, &error));
  INVALID(bgj_job_pause(NULL, NULL, 0, NULL));
  INVALID(bgj_job_rate_limited(NULL, "github", 1, &error));
  INVALID(bgj_job_rate_limited(NULL, NULL, 1, NULL));
  INVALID(bgj_job_set_config(NULL, "{}", &error));
  INVALID(bgj_job_set_config(job, NULL, NULL));
  INVALID(bgj_job_rate_limited_until(NULL, "p", "5", &error));
  INVALID(bgj_job_rate_limited_until(job, NULL, NULL, &error));
  INVALID(bgj_job_resume(NULL, &error));
  INVALID(bgj_job_resume(NULL, NULL));
  INVALID(bgj_job_wait(NULL, BGJ_MASK_ALL, -1, NULL, &error));
  INVALID(bgj_job_wait(NULL, BGJ_MASK_ALL, -1, NULL, NULL));
  INVALID(bgj_job_complete(NULL, "1", &error));
  INVALID(bgj_job_complete(NULL, NULL, NULL));
  INVALID(bgj_job_fail(NULL, "why", &error));
  INVALID(bgj_job_fail(NULL, NULL, NULL));
  INVALID(bgj_job_cancel(NULL, "why", &error));
  INVALID(bgj_job_cancel(NULL, NULL, NULL));
  INVALID(bgj_job_retry(NULL, &error));
  INVALID(bgj_job_retry(NULL, NULL));
  INVALID(bgj_job_retry_items(NULL, NULL, 0, &error));
  INVALID(bgj_job_retry_items(job, NULL, 1, &error));
  INVALID(bgj_job_retry_items(NULL, NULL, 1, NULL));
  assert_int_equal(look(job)->status, BGJ_JOB_RUNNING);
}

static void reports(void **state) {
  (void)state;
  const char *const plan[] = {"a"};
  const char *const none[] = {NULL};
  INVALID(bgj_job_update(NULL, 1, "a", "b", "c", &error));
  INVALID(bgj_job_update(NULL, 1, NULL, NULL, NULL, NULL));
  INVALID(bgj_job_advance(NULL, 1, &error));
  INVALID(bgj_job_advance(NULL, 1, NULL));
  INVALID(bgj_job_item_done(NULL, "a", &error));
  INVALID(bgj_job_item_done(job, NULL, &error));
  INVALID(bgj_job_item_done(NULL, NULL, NULL));
  INVALID(bgj_job_items_done(NULL, none, 1, &error));
  INVALID(bgj_job_items_done(job, NULL, 1, &error));
  INVALID(bgj_job_items_done(job, none, 1, &error));
  INVALID(bgj_job_item_failed(NULL, "a", "why", &error));
  INVALID(bgj_job_item_failed(job, NULL, "why", &error));
  INVALID(bgj_job_item_failed(NULL, NULL, NULL, NULL));
  INVALID(bgj_job_item_skipped(NULL, "a", "why", &error));
  INVALID(bgj_job_item_skipped(job, NULL, "why", &error));
  INVALID(bgj_job_item_skipped(NULL, NULL, NULL, NULL));
  INVALID(bgj_job_item_begin(NULL, "a", NULL, NULL, &error));
  INVALID(bgj_job_item_begin(job, NULL, NULL, NULL, &error));
  INVALID(bgj_job_item_give_back(NULL, "a", &error));
  INVALID(bgj_job_item_give_back(job, NULL, NULL));
  INVALID(bgj_job_set_plan(NULL, plan, 1, NULL, &error));
  INVALID(bgj_job_set_plan(job, NULL, 1, NULL, &error));
  INVALID(bgj_job_set_total(NULL, 1, &error));
  INVALID(bgj_job_set_total(NULL, 1, NULL));
  INVALID(bgj_job_set_cursor(NULL, "1", &error));
  INVALID(bgj_job_set_cursor(job, NULL, &error));
  INVALID(bgj_job_set_cursor(NULL, NULL, NULL));
  INVALID(bgj_job_plan(NULL, plan, 1, &error));
  INVALID(bgj_job_plan(job, NULL, 1, &error));
  INVALID(bgj_job_plan(NULL, NULL, 0, NULL));
  assert_int_equal(look(job)->current, 0);
  assert_int_equal(look(job)->total, 0);
}

static void questions(void **state) {
  (void)state;
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  char *text = NULL;
  assert_int_equal(bgj_job_is_done(NULL, "a"), 0);
  assert_int_equal(bgj_job_is_done(job, NULL), 0);
  assert_int_equal(bgj_job_is_done(NULL, NULL), 0);
  INVALID(bgj_job_next(NULL, &text, &error));
  INVALID(bgj_job_next(job, NULL, &error));
  INVALID(bgj_job_next(NULL, NULL, NULL));
  INVALID(bgj_job_get_info(NULL, &info, &error));
  INVALID(bgj_job_get_info(job, NULL, &error));
  INVALID(bgj_job_get_info(NULL, NULL, NULL));
  assert_null(bgj_job_id(NULL));
  INVALID(bgj_job_get_config(NULL, &text, &error));
  INVALID(bgj_job_get_config(job, NULL, &error));
  INVALID(bgj_job_get_config(NULL, NULL, NULL));
  INVALID(bgj_job_get_cursor(NULL, &text, &error));
  INVALID(bgj_job_get_cursor(job, NULL, &error));
  INVALID(bgj_job_get_cursor(NULL, NULL, NULL));
  INVALID(bgj_job_get_json(NULL, &text, &error));
  INVALID(bgj_job_get_json(job, NULL, &error));
  INVALID(bgj_job_get_json(NULL, NULL, NULL));
  bgj_item_list *l = NULL;
  INVALID(bgj_job_items(NULL, 0, &l, &error));
  INVALID(bgj_job_items(job, 0, NULL, &error));
  INVALID(bgj_job_items(NULL, 0, NULL, NULL));
  assert_null(l);
  bgj_job_release(NULL);
  assert_null(text);
  assert_null(info.id);
}

/* The pointers that may be NULL, and mean something. */
static void optional(void **state) {
  (void)state;
  char *json = NULL;
  bgj_job *j = NULL;
  assert_int_equal(bgj_manager_create(manager, "t", NULL, 0, &j, NULL), BGJ_OK);
  bgj_job_release(j);
  assert_int_equal(bgj_manager_ensure(manager, "t", "k", NULL, 0, &j, NULL), BGJ_OK);
  bgj_job_release(j);
  assert_int_equal(bgj_job_update(job, -1, NULL, NULL, NULL, NULL), BGJ_OK);
  assert_int_equal(bgj_job_items_done(job, NULL, 0, NULL), BGJ_OK);
  assert_int_equal(bgj_job_item_failed(job, "x", NULL, NULL), BGJ_OK);
  assert_int_equal(bgj_job_item_skipped(job, "y", NULL, NULL), BGJ_OK);
  assert_int_equal(bgj_job_plan(job, NULL, 0, NULL), BGJ_OK);
  assert_int_equal(bgj_job_wait(job, BGJ_MASK_RUNNING, 0, NULL, NULL), BGJ_OK);
  assert_int_equal(bgj_job_get_json(job, &json, NULL), BGJ_OK);
  bgj_string_free(json);
  assert_int_equal(bgj_job_pause(job, NULL, 0, NULL), BGJ_OK);
  assert_int_equal(bgj_job_resume(job, NULL), BGJ_OK);
  assert_int_equal(bgj_job_rate_limited(job, NULL, 1, NULL), BGJ_OK);
  assert_int_equal(bgj_job_leave(job, NULL, NULL), BGJ_OK);
  assert_int_equal(bgj_job_fail(job, NULL, NULL), BGJ_OK);
  assert_int_equal(bgj_job_retry(job, NULL), BGJ_OK);
  assert_int_equal(bgj_job_complete(job, NULL, NULL), BGJ_OK);
}

static int set_up_all(void **state) {
  if (set_up(state) != 0) return -1;
  job = running();
  if (bgj_job_items(job, 0, &items, NULL) != BGJ_OK) return -1;
  return bgj_manager_list(manager, 0, NULL, &list, NULL) == BGJ_OK ? 0 : -1;
}

static int tear_down_all(void **state) {
  bgj_job_list_free(list);
  bgj_item_list_free(items);
  return tear_down(state);
}

#define WITH_JOB(function) cmocka_unit_test_setup_teardown(function, set_up_all, tear_down_all)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_JOB(managers), WITH_JOB(lists), WITH_JOB(lives), WITH_JOB(reports), WITH_JOB(questions),
      WITH_JOB(optional),
  };
  return RUN_TESTS(tests);
}
