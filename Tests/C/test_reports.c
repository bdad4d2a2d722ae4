/* Reports: items are a set, and the arithmetic of current, total and percentage. */
#include "support.h"

static json_t *items(bgj_job *job, const char *which) {
  return json_object_get(json_object_get(json_of(job), "progress"), which);
}

static void items_are_a_set(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_item_done(job, "a", &error));
  assert_ok(bgj_job_item_done(job, "b", &error));
  assert_ok(bgj_job_item_done(job, "a", &error));
  assert_ok(bgj_job_item_failed(job, "c", "no", &error));
  assert_ok(bgj_job_item_failed(job, "c", "still no", &error));
  assert_int_equal(look(job)->items_completed, 2);
  assert_int_equal(look(job)->items_failed, 1);
  assert_int_equal(look(job)->current, 3);
  assert_int_equal(bgj_job_is_done(job, "a"), 1);
  assert_int_equal(bgj_job_is_done(job, "c"), 0);
  assert_int_equal(bgj_job_is_done(job, "never heard of"), 0);
  char *list = json_dumps(items(job, "itemsCompleted"), 0);
  assert_same_json(list, "[\"a\", \"b\"]");
  free(list);
}

static void done_beats_failed_in_either_order(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_item_failed(job, "first failed", "no", &error));
  assert_ok(bgj_job_item_done(job, "first failed", &error));
  assert_ok(bgj_job_item_done(job, "first done", &error));
  assert_ok(bgj_job_item_failed(job, "first done", "too late", &error));
  assert_ok(bgj_job_update(job, -1, NULL, "both at once", "both at once", &error));
  assert_int_equal(look(job)->items_completed, 3);
  assert_int_equal(look(job)->items_failed, 0);
  assert_int_equal(look(job)->current, 3);
  assert_int_equal(json_array_size(items(job, "itemsFailed")), 0);
}

static void bytes_of_items_are_kept(void **state) {
  (void)state;
  static const char *const names[] = {" ", "null", "a\nb\t\"\\/", "\x01\x7f", "\xc3\xa9",
                                      "\xef\xbf\xbf", "\xed\x9f\xbf", "\xf0\x9f\x9a\x80"};
  bgj_job *job = running();
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    assert_ok(bgj_job_item_done(job, names[i], &error));
  json_t *list = json_object_get(json_object_get(state_of(job), "progress"), "itemsCompleted");
  assert_int_equal(json_array_size(list), sizeof names / sizeof *names);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    assert_string_equal(json_string_value(json_array_get(list, i)), names[i]);
  /* é in one code point and in two are different bytes, so different items. */
  assert_int_equal(bgj_job_is_done(job, "e\xcc\x81"), 0);
  assert_ok(bgj_job_item_done(job, "e\xcc\x81", &error));
  assert_int_equal(look(job)->items_completed, sizeof names / sizeof *names + 1);
}

static void an_update_says_several_things_at_once(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_update(job, 40, "e", "c", "d", &error));
  assert_int_equal(look(job)->current, 40);
  assert_string_equal(look(job)->current_item, "e");
  assert_int_equal(look(job)->items_completed, 1);
  assert_int_equal(look(job)->items_failed, 1);
  assert_ok(bgj_job_update(job, -1, NULL, NULL, NULL, &error));
  assert_string_equal(look(job)->current_item, "e");
  assert_ok(bgj_job_update(job, -1, "", NULL, NULL, &error));
  assert_null(look(job)->current_item);
  assert_int_equal(look(job)->current, 40);
}

static void an_update_is_kept_as_a_whole_or_not_at_all(void **state) {
  (void)state;
  bgj_job *job = running();
  char *before = snapshot(job);
  assert_status(BGJ_INVALID, bgj_job_update(job, 1, "x", "done", "", &error));
  assert_status(BGJ_INVALID, bgj_job_update(job, -2, "x", "done", NULL, &error));
  assert_status(BGJ_INVALID, bgj_job_update(job, 1, "\xff", "done", NULL, &error));
  char *after = snapshot(job);
  assert_string_equal(after, before);
  free(after);
  free(before);
}

static void current_counts_items_until_somebody_says_it(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_item_done(job, "a", &error));
  assert_ok(bgj_job_item_failed(job, "b", NULL, &error));
  assert_int_equal(look(job)->current, 2);
  assert_ok(bgj_job_update(job, 100, NULL, NULL, NULL, &error));
  assert_int_equal(look(job)->current, 100);
  assert_ok(bgj_job_item_done(job, "c", &error));
  assert_int_equal(look(job)->current, 101);
  assert_ok(bgj_job_item_done(job, "c", &error));
  assert_ok(bgj_job_item_done(job, "b", &error));
  assert_int_equal(look(job)->current, 101);
  assert_ok(bgj_job_advance(job, 10, &error));
  assert_int_equal(look(job)->current, 111);
  assert_ok(bgj_job_advance(job, -11, &error));
  assert_ok(bgj_job_advance(job, 0, &error));
  assert_int_equal(look(job)->current, 100);
  assert_ok(bgj_job_update(job, 7, NULL, NULL, NULL, &error));
  assert_int_equal(look(job)->current, 7);
}

static void advances_need_no_items(void **state) {
  (void)state;
  bgj_job *job = running();
  for (int i = 0; i < 10; i++) assert_ok(bgj_job_advance(job, 3, &error));
  assert_int_equal(look(job)->current, 30);
  assert_int_equal(look(job)->items_completed, 0);
  assert_ok(bgj_job_item_done(job, "a", &error));
  assert_int_equal(look(job)->current, 31);
}

static void percentage_is_rounded_down_and_bounded(void **state) {
  (void)state;
  static const struct { int64_t current, total; int percentage; } rows[] = {
      {0, 0, 0}, {5, 0, 0}, {0, 3, 0}, {1, 3, 33}, {2, 3, 66}, {3, 3, 100}, {999, 1000, 99},
      {4, 3, 100}, {INT64_C(9007199254740990), INT64_C(9007199254740991), 99},
  };
  bgj_job *job = running();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    assert_ok(bgj_job_set_total(job, rows[i].total, &error));
    assert_ok(bgj_job_update(job, rows[i].current, NULL, NULL, NULL, &error));
    assert_int_equal(look(job)->total, rows[i].total);
    assert_int_equal(look(job)->current, rows[i].current);
    assert_int_equal(look(job)->percentage, rows[i].percentage);
  }
}

static void what_is_reported_while_paused_is_kept(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_pause(job, NULL, 0, &error));
  assert_status(BGJ_PAUSED, bgj_job_item_done(job, "a", &error));
  assert_status(BGJ_PAUSED, bgj_job_item_failed(job, "b", NULL, &error));
  assert_status(BGJ_PAUSED, bgj_job_update(job, -1, "c", NULL, NULL, &error));
  assert_status(BGJ_PAUSED, bgj_job_advance(job, 1, &error));
  assert_status(BGJ_PAUSED, bgj_job_set_total(job, 9, &error));
  assert_status(BGJ_PAUSED, bgj_job_set_cursor(job, "1", &error));
  assert_int_equal(look(job)->status, BGJ_JOB_PAUSED);
  assert_int_equal(look(job)->current, 3);
  assert_int_equal(look(job)->total, 9);
  assert_string_equal(look(job)->current_item, "c");
}

static void what_is_reported_after_the_end_is_not_kept(void **state) {
  (void)state;
  const char *const plan[] = {"z"};
  char *item = NULL;
  bgj_job *job = running();
  assert_ok(bgj_job_item_done(job, "a", &error));
  assert_ok(bgj_job_fail(job_of(open_other(NULL), bgj_job_id(job)), NULL, &error));
  sleep_ms(50); /* the owner looks at what others did every 25 ms */
  assert_status(BGJ_FINISHED, bgj_job_item_done(job, "b", &error));
  assert_status(BGJ_FINISHED, bgj_job_item_failed(job, "b", NULL, &error));
  assert_status(BGJ_FINISHED, bgj_job_update(job, 5, "c", "d", "e", &error));
  assert_status(BGJ_FINISHED, bgj_job_advance(job, 1, &error));
  assert_status(BGJ_FINISHED, bgj_job_set_total(job, 9, &error));
  assert_status(BGJ_FINISHED, bgj_job_set_cursor(job, "1", &error));
  assert_status(BGJ_FINISHED, bgj_job_plan(job, plan, 1, &error));
  assert_status(BGJ_FINISHED, bgj_job_next(job, &item, &error));
  assert_null(item);
  assert_int_equal(look(job)->current, 1);
  assert_int_equal(look(job)->total, 0);
  assert_int_equal(look(job)->items_completed, 1);
}

/* Everyone who opens the store anew agrees with the two who have said it. */
static void assert_agree(bgj_job *job, bgj_job *other, int64_t current, int64_t total,
                         const char *item, const char *cursor) {
  bgj_job *const readers[] = {job, other, job_of(open_other(NULL), bgj_job_id(job))};
  for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
    char *text = NULL;
    assert_int_equal(look(readers[i])->current, current);
    assert_int_equal(look(readers[i])->total, total);
    if (item == NULL)
      assert_null(look(readers[i])->current_item);
    else
      assert_string_equal(look(readers[i])->current_item, item);
    assert_ok(bgj_job_get_cursor(readers[i], &text, &error));
    assert_string_equal(text, cursor);
    bgj_string_free(text);
  }
}

static void of_two_words_the_later_counts(void **state) {
  (void)state;
  bgj_job *job = running();
  bgj_job *other = job_of(open_other(NULL), bgj_job_id(job));
  assert_ok(bgj_job_update(other, 5, "x", NULL, NULL, &error));
  assert_ok(bgj_job_set_total(other, 9, &error));
  assert_ok(bgj_job_set_cursor(other, "5", &error));
  assert_agree(job, other, 5, 9, "x", "5");
  assert_ok(bgj_job_update(job, 6, "y", NULL, NULL, &error));
  assert_ok(bgj_job_set_total(job, 10, &error));
  assert_ok(bgj_job_set_cursor(job, "6", &error));
  assert_agree(job, other, 6, 10, "y", "6");
  assert_ok(bgj_job_update(other, 7, "z", NULL, NULL, &error));
  assert_ok(bgj_job_set_total(other, 11, &error));
  assert_ok(bgj_job_set_cursor(other, "7", &error));
  /* Behind the mark of the other's words, which its journal is read for only later. */
  assert_ok(bgj_job_update(job, 8, "", NULL, NULL, &error));
  assert_ok(bgj_job_set_total(job, 12, &error));
  assert_ok(bgj_job_set_cursor(job, "8", &error));
  assert_agree(job, other, 8, 12, NULL, "8");
  assert_ok(bgj_job_item_done(other, "a", &error));
  assert_agree(job, other, 9, 12, NULL, "8");
}

static void what_everyone_may_say(void **state) {
  (void)state;
  bgj_job *job = running();
  bgj_job *other = job_of(open_other(NULL), bgj_job_id(job));
  assert_ok(bgj_job_update(other, -1, NULL, "a", "b", &error));
  assert_ok(bgj_job_advance(other, 2, &error));
  assert_ok(bgj_job_item_done(job, "a", &error));
  assert_int_equal(look(job)->current, 4);
  assert_int_equal(look(other)->current, 4);
  assert_int_equal(look(job)->items_completed, 1);
}

static void a_pending_job_takes_a_total_and_a_plan(void **state) {
  (void)state;
  const char *const plan[] = {"a"};
  bgj_job *job = create();
  assert_ok(bgj_job_set_total(job_of(open_other(NULL), bgj_job_id(job)), 4, &error));
  assert_ok(bgj_job_plan(job, plan, 1, &error));
  assert_int_equal(look(job)->total, 4);
  assert_status(BGJ_ILLEGAL_TRANSITION, bgj_job_item_done(job, "a", &error));
  assert_says(bgj_job_id(job));
  assert_says("pending");
  assert_status(BGJ_ILLEGAL_TRANSITION, bgj_job_advance(job, 1, &error));
  assert_status(BGJ_ILLEGAL_TRANSITION, bgj_job_update(job, 1, NULL, NULL, NULL, &error));
  assert_int_equal(look(job)->current, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(items_are_a_set),
      TEST(done_beats_failed_in_either_order),
      TEST(bytes_of_items_are_kept),
      TEST(an_update_says_several_things_at_once),
      TEST(an_update_is_kept_as_a_whole_or_not_at_all),
      TEST(current_counts_items_until_somebody_says_it),
      TEST(advances_need_no_items),
      TEST(percentage_is_rounded_down_and_bounded),
      TEST(what_is_reported_while_paused_is_kept),
      TEST(what_is_reported_after_the_end_is_not_kept),
      TEST(of_two_words_the_later_counts),
      TEST(what_everyone_may_say),
      TEST(a_pending_job_takes_a_total_and_a_plan),
  };
  return RUN_TESTS(tests);
}
