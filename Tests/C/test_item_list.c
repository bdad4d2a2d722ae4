/* What became of each item: bgj_job_items. */
#include "support.h"

static const char *const plan[] = {"a", "b", "c", "d"};

/* What a list says, as "done a x1; failed b x1: why". Lives until the next call. */
static const char *walk(bgj_job *job, unsigned int states) {
  static const char *const words[] = {"?", "open", "under way", "done", "failed", "skipped"};
  static char text[1024];
  bgj_item_list *list = NULL;
  bgj_item item = BGJ_ITEM_INIT;
  size_t used = 0;
  assert_ok(bgj_job_items(job, states, &list, &error));
  text[0] = 0;
  for (size_t i = 0; i < bgj_item_list_count(list); i++) {
    assert_ok(bgj_item_list_at(list, i, &item, &error));
    used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %s x%d%s%s", i ? "; " : "",
                             words[item.state], item.name, item.attempts,
                             item.why ? ": " : "", item.why ? item.why : "");
    assert_true(used < sizeof text);
  }
  bgj_item_list_free(list);
  return text;
}

static void each_item_has_a_state_and_a_reason(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_plan(job, plan, 4, &error));
  assert_ok(bgj_job_item_done(job, "d", &error));
  assert_ok(bgj_job_item_failed(job, "c", "no route", &error));
  assert_ok(bgj_job_item_failed(job, "unplanned", NULL, &error));
  assert_ok(bgj_job_item_done(job, "a", &error));
  const char *all = "done d x1; done a x1; failed c x1: no route; failed unplanned x1; open b x0";
  assert_string_equal(walk(job, 0), all);
  assert_string_equal(walk(job, BGJ_ITEM_MASK_ALL), all);
  assert_string_equal(walk(job, BGJ_ITEM_MASK_FAILED),
                      "failed c x1: no route; failed unplanned x1");
  assert_string_equal(walk(job, BGJ_ITEM_MASK_OPEN | BGJ_ITEM_MASK_DONE),
                      "done d x1; done a x1; open b x0");
  assert_string_equal(walk(job, BGJ_ITEM_MASK_UNDER_WAY), "");
  /* The same to whoever opens it anew, and after it has ended. */
  assert_ok(bgj_job_complete(job, NULL, &error));
  assert_string_equal(walk(job_of(open_other(NULL), bgj_job_id(job)), 0), all);
}

static void what_failed_and_is_done_after_all_is_done(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_item_failed(job, "a", "first", &error));
  assert_ok(bgj_job_item_failed(job, "b", "second", &error));
  assert_ok(bgj_job_item_done(job, "a", &error));
  assert_string_equal(walk(job, 0), "done a x1; failed b x1: second");
}

static void a_list_is_a_copy_with_strings_of_its_own(void **state) {
  (void)state;
  bgj_job *job = running();
  bgj_item_list *list = NULL;
  bgj_item one = BGJ_ITEM_INIT, other = BGJ_ITEM_INIT;
  assert_ok(bgj_job_item_failed(job, "a", "first", &error));
  assert_ok(bgj_job_item_failed(job, "b", "", &error));
  assert_ok(bgj_job_items(job, 0, &list, &error));
  assert_ok(bgj_job_item_done(job, "a", &error));
  assert_ok(bgj_job_cancel(job, NULL, &error));
  close_manager();
  assert_int_equal(bgj_item_list_count(list), 2);
  assert_ok(bgj_item_list_at(list, 0, &one, &error));
  assert_ok(bgj_item_list_at(list, 1, &other, &error));
  assert_int_equal(one.state, BGJ_ITEM_FAILED);
  assert_string_equal(one.name, "a");
  assert_string_equal(one.why, "first");
  assert_string_equal(other.why, "");
  assert_status(BGJ_NOT_FOUND, bgj_item_list_at(list, 2, &one, &error));
  assert_status(BGJ_NOT_FOUND, bgj_item_list_at(list, SIZE_MAX, &one, &error));
  assert_string_equal(one.name, "a");
  bgj_item_list_free(list);
}

static void an_item_is_filled_as_far_as_its_caller_knows_it(void **state) {
  (void)state;
  bgj_job *job = running();
  bgj_item_list *list = NULL;
  bgj_item item;
  assert_ok(bgj_job_item_failed(job, "a", "why", &error));
  assert_ok(bgj_job_items(job, 0, &list, &error));
  memset(&item, 0x5a, sizeof item);
  item.struct_size = offsetof(bgj_item, why);
  assert_ok(bgj_item_list_at(list, 0, &item, &error));
  assert_int_equal(item.struct_size, offsetof(bgj_item, why));
  assert_string_equal(item.name, "a");
  assert_int_equal((uintptr_t)item.why & 0xff, 0x5a);
  item.struct_size = 0;
  assert_status(BGJ_INVALID, bgj_item_list_at(list, 0, &item, &error));
  assert_says("BGJ_ITEM_INIT");
  bgj_item_list_free(list);
}

static void states_must_be_known(void **state) {
  (void)state;
  bgj_job *job = running();
  bgj_item_list *list = (bgj_item_list *)project;
  assert_status(BGJ_INVALID, bgj_job_items(job, 1, &list, &error));
  assert_status(BGJ_INVALID, bgj_job_items(job, 0x40, &list, &error));
  assert_ptr_equal(list, project);
}

static void a_list_of_another_tool_counts_once(void **state) {
  (void)state;
  write_jobs("{\"jobs\": [{\"id\": \"theirs\", \"status\": \"completed\", \"progress\": {"
             "\"itemsCompleted\": [\"b\", \"a\", \"b\", \"z\\u0000z\", \"\"],"
             "\"itemsFailed\": [\"f\", \"f\", \"a\"]}}]}");
  bgj_job *job = job_of(open_other(NULL), "theirs");
  assert_string_equal(walk(job, 0), "done b x1; done a x1; done z z x1; done  x1; failed f x1");
}

static void a_long_list(void **state) {
  (void)state;
  enum { COUNT = 20000 };
  bgj_job *job = running();
  bgj_item_list *list = NULL;
  bgj_item item = BGJ_ITEM_INIT;
  char name[16];
  for (int i = 0; i < COUNT; i++) {
    snprintf(name, sizeof name, "item-%d", i);
    if (i % 3 == 0) assert_ok(bgj_job_item_failed(job, name, name, &error));
    else assert_ok(bgj_job_item_done(job, name, &error));
  }
  assert_ok(bgj_job_items(job, BGJ_ITEM_MASK_FAILED, &list, &error));
  assert_int_equal(bgj_item_list_count(list), (COUNT + 2) / 3);
  for (int i = 0; i < COUNT; i += 3) {
    snprintf(name, sizeof name, "item-%d", i);
    assert_ok(bgj_item_list_at(list, (size_t)i / 3, &item, &error));
    assert_string_equal(item.name, name);
    assert_string_equal(item.why, name);
  }
  bgj_item_list_free(list);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(each_item_has_a_state_and_a_reason),
      TEST(what_failed_and_is_done_after_all_is_done),
      TEST(a_list_is_a_copy_with_strings_of_its_own),
      TEST(an_item_is_filled_as_far_as_its_caller_knows_it),
      TEST(states_must_be_known),
      TEST(a_list_of_another_tool_counts_once),
      TEST(a_long_list),
  };
  return RUN_TESTS(tests);
}
