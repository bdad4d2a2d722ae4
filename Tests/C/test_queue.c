/* The queue: what all jobs and processes share. */
#include "support.h"

static void a_rate_is_one_for_all_managers(void **state) {
  (void)state;
  int64_t wait = -1;
  assert_status(BGJ_NOT_FOUND, bgj_manager_permit(manager, "github", 1, &wait, &error));
  assert_int_equal(wait, -1);
  assert_ok(bgj_manager_set_rate(manager, "github", 60, 60000, &error));
  bgj_manager *other = open_other(NULL);
  assert_ok(bgj_manager_permit(other, "github", 1, &wait, &error));
  assert_int_equal(wait, 0);
  assert_ok(bgj_manager_permit(manager, "github", 1, &wait, &error));
  assert_in_range(wait, 900, 1000);
  assert_ok(bgj_manager_permit(other, "github", 60, &wait, &error));
  assert_in_range(wait, 1800, 2000);
  /* Behind 62 s of others there is still a period and a minute. */
  assert_ok(bgj_manager_permit(manager, "github", 60, &wait, &error));
  assert_status(BGJ_WAITING, bgj_manager_permit(manager, "github", 1, &wait, &error));
  assert_in_range(wait, 1, 2000);
  assert_string_equal(bgj_status_name(BGJ_WAITING), "BGJ_WAITING");
}

static void numbers_out_of_range_are_refused(void **state) {
  (void)state;
  int64_t wait = 0;
  static const int64_t bad[][2] = {{-1, 1000}, {1000000001, 1000}, {1, 0}, {1, -1}, {1, 2678400001}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_status(BGJ_INVALID, bgj_manager_set_rate(manager, "p", bad[i][0], bad[i][1], &error));
  }
  assert_ok(bgj_manager_set_rate(manager, "p", 1000000000, 2678400000, &error));
  assert_ok(bgj_manager_permit(manager, "p", 1000000000, &wait, &error));
  assert_status(BGJ_INVALID, bgj_manager_permit(manager, "p", 1000000001, &wait, &error));
  assert_status(BGJ_INVALID, bgj_manager_permit(manager, "p", 0, &wait, &error));
  assert_status(BGJ_INVALID, bgj_manager_permit(manager, "", 1, &wait, &error));
}

static void the_queue_says_what_is_set(void **state) {
  (void)state;
  char *text = NULL;
  assert_ok(bgj_manager_get_queue(manager, &text, &error));
  json_t *queue = json_loads(text, 0, NULL);
  assert_int_equal(json_array_size(json_object_get(queue, "rates")), 0);
  json_decref(queue);
  bgj_string_free(text);
  assert_ok(bgj_manager_set_rate(manager, "a \"b\"", 600, 60000, &error));
  assert_ok(bgj_manager_get_queue(manager, &text, &error));
  queue = json_loads(text, 0, NULL);
  json_t *rate = json_array_get(json_object_get(queue, "rates"), 0);
  assert_string_equal(json_string_value(json_object_get(rate, "provider")), "a \"b\"");
  assert_int_equal(json_integer_value(json_object_get(rate, "burst")), 10);
  json_decref(queue);
  bgj_string_free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_rate_is_one_for_all_managers),
      TEST(numbers_out_of_range_are_refused),
      TEST(the_queue_says_what_is_set),
  };
  return RUN_TESTS(tests);
}
