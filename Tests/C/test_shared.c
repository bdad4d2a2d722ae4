/* Several workers on one job. */
#include "support.h"

static bgj_manager *second;
static bgj_job *one, *two; /* the same job, of two workers */

static bgj_status start_shared(bgj_job *job) {
  bgj_start_options options = BGJ_START_OPTIONS_INIT;
  options.flags = BGJ_START_SHARED;
  return bgj_job_start(job, &options, &error);
}

static void plan(size_t count) {
  char names[64][8];
  const char *items[64];
  for (size_t i = 0; i < count; i++) {
    snprintf(names[i], sizeof names[i], "i%zu", i);
    items[i] = names[i];
  }
  second = open_other(NULL);
  one = create();
  assert_ok(bgj_job_plan(one, items, count, &error));
  two = job_of(second, bgj_job_id(one));
  assert_ok(start_shared(one));
  assert_ok(start_shared(two));
}

static char *next(bgj_job *job, bgj_status expected) {
  char *item = NULL;
  assert_status(expected, bgj_job_next(job, &item, &error));
  return item;
}

static void done(bgj_job *job, char *item) {
  assert_non_null(item);
  assert_ok(bgj_job_item_done(job, item, &error));
  bgj_string_free(item);
}

static void each_item_is_for_one_worker(void **state) {
  (void)state;
  plan(40);
  assert_ok(start_shared(one));
  assert_int_equal(look(one)->workers, 2);
  assert_int_equal(look(two)->workers, 2);
  char seen[40] = {0};
  for (int i = 0; i < 40; i++) {
    char *item = next(i % 3 == 0 ? one : two, BGJ_OK);
    int number = atoi(item + 1);
    assert_int_equal(seen[number]++, 0);
    done(i % 3 == 0 ? one : two, item);
    assert_int_equal(look(one)->items_completed, i + 1);
    assert_int_equal(look(two)->items_completed, i + 1);
  }
  assert_null(next(one, BGJ_END));
  assert_null(next(two, BGJ_END));
  assert_ok(bgj_job_complete(one, NULL, &error));
  assert_ok(bgj_job_complete(two, NULL, &error));
  assert_null(next(two, BGJ_END));
  assert_int_equal(look(two)->owned, 0);
  assert_int_equal(look(two)->workers, 0);
}

static void what_is_claimed_keeps_the_job_from_its_end(void **state) {
  (void)state;
  plan(2);
  char *first = next(one, BGJ_OK), *other = next(two, BGJ_OK);
  assert_int_equal(look(one)->items_claimed, 2);
  assert_null(next(one, BGJ_WAITING));
  done(one, first);
  assert_null(next(one, BGJ_WAITING));
  assert_status(BGJ_BUSY, bgj_job_complete(one, NULL, &error));
  assert_says("2 workers");
  /* It comes back from a worker that leaves. */
  assert_ok(bgj_job_leave(two, NULL, &error));
  bgj_string_free(other);
  assert_int_equal(look(one)->workers, 1);
  assert_int_equal(look(one)->status, BGJ_JOB_RUNNING);
  done(one, next(one, BGJ_OK));
  assert_null(next(one, BGJ_END));
  assert_ok(bgj_job_complete(one, NULL, &error));
}

static void what_is_given_back_goes_to_another_one(void **state) {
  (void)state;
  plan(3);
  char *first = next(one, BGJ_OK);
  assert_string_equal(first, "i0");
  assert_ok(bgj_job_item_give_back(one, first, &error));
  bgj_string_free(first);
  /* Behind what nobody has begun. */
  const char *expected[] = {"i1", "i2", "i0"};
  for (int i = 0; i < 3; i++) {
    char *item = next(two, BGJ_OK);
    assert_string_equal(item, expected[i]);
    done(two, item);
  }
  assert_null(next(one, BGJ_END));
}

static void the_last_worker_interrupts_it(void **state) {
  (void)state;
  plan(2);
  done(one, next(one, BGJ_OK));
  bgj_string_free(next(two, BGJ_OK));
  close_other(second);
  assert_int_equal(look(one)->workers, 1);
  assert_ok(bgj_job_leave(one, "no more", &error));
  assert_int_equal(look(one)->status, BGJ_JOB_PAUSED);
  assert_string_equal(look(one)->reason, "interrupted");
  assert_string_equal(look(one)->error, "no more");
  /* Then it may be anybody's alone. */
  assert_ok(bgj_job_start(one, NULL, &error));
  assert_int_equal(look(one)->workers, 0);
  char *item = next(one, BGJ_OK);
  assert_string_equal(item, "i1");
  done(one, item);
  assert_null(next(one, BGJ_END));
}

static void it_is_exclusive_or_shared(void **state) {
  (void)state;
  second = open_other(NULL);
  bgj_job *job = running(), *other = job_of(second, bgj_job_id(job));
  assert_status(BGJ_BUSY, start_shared(other));
  assert_ok(bgj_job_leave(job, NULL, &error));
  assert_ok(start_shared(other));
  assert_status(BGJ_BUSY, bgj_job_start(job, NULL, &error));
  /* Who does not work on it gets none of its items. */
  assert_null(next(job, BGJ_ILLEGAL_TRANSITION));
  assert_says("start it");
  assert_status(BGJ_ILLEGAL_TRANSITION, bgj_job_leave(job, NULL, &error));
  bgj_start_options options = BGJ_START_OPTIONS_INIT;
  options.flags = BGJ_START_SHARED | BGJ_START_DETACHED;
  assert_status(BGJ_INVALID, bgj_job_start(job, &options, &error));
  /* Nobody alone knows where it is. */
  assert_status(BGJ_ILLEGAL_TRANSITION, bgj_job_set_cursor(other, "1", &error));
  assert_ok(bgj_job_set_total(other, 9, &error));
  assert_ok(bgj_job_advance(other, 2, &error));
  assert_ok(start_shared(job));
  assert_ok(bgj_job_advance(job, 3, &error));
  assert_ok(bgj_job_set_total(job, 7, &error));
  assert_int_equal(look(job)->current, 5);
  assert_int_equal(look(job)->total, 9);
  assert_int_equal(look(other)->current, 5);
}

static void a_pause_is_for_all_of_them(void **state) {
  (void)state;
  plan(4);
  bgj_job *viewer = job_of(open_other(NULL), bgj_job_id(one));
  char *item = next(one, BGJ_OK);
  assert_ok(bgj_job_pause(viewer, NULL, 0, &error));
  assert_null(next(two, BGJ_PAUSED));
  sleep_ms(40);
  assert_status(BGJ_PAUSED, bgj_job_item_done(one, item, &error));
  bgj_string_free(item);
  bgj_job_status now;
  assert_status(BGJ_TIMEOUT, bgj_job_wait(two, BGJ_MASK_RUNNING, 0, &now, &error));
  assert_int_equal(look(viewer)->pause_acknowledged, 1);
  /* Who comes meanwhile does not start it. */
  bgj_job *third = job_of(open_other(NULL), bgj_job_id(one));
  assert_status(BGJ_PAUSED, start_shared(third));
  assert_ok(bgj_job_resume(viewer, &error));
  assert_ok(bgj_job_wait(one, BGJ_MASK_RUNNING, 1000, &now, &error));
  assert_ok(bgj_job_wait(two, BGJ_MASK_RUNNING, 1000, &now, &error));
  assert_ok(start_shared(third));
  for (int i = 0; i < 3; i++) done(third, next(third, BGJ_OK));
  assert_null(next(one, BGJ_END));
}

static void a_failure_is_the_end_for_all(void **state) {
  (void)state;
  plan(3);
  char *item = next(one, BGJ_OK);
  assert_ok(bgj_job_fail(two, "no", &error));
  assert_int_equal(look(one)->status, BGJ_JOB_FAILED);
  assert_null(next(one, BGJ_FINISHED));
  sleep_ms(40);
  assert_status(BGJ_FINISHED, bgj_job_item_done(one, item, &error));
  bgj_string_free(item);
  assert_int_equal(look(one)->workers, 0);
  assert_ok(bgj_job_retry(two, &error));
  assert_ok(start_shared(two));
  assert_ok(start_shared(one));
  for (int i = 0; i < 3; i++) done(i & 1 ? one : two, next(i & 1 ? one : two, BGJ_OK));
  assert_ok(bgj_job_complete(one, NULL, &error));
}

static void what_a_turn_finds_is_said(void **state) {
  (void)state;
  plan(40);
  /* The batch is over, and the claim of the next one meets what others did. */
  bgj_job *viewer = job_of(open_other(NULL), bgj_job_id(one));
  done(one, next(one, BGJ_OK));
  assert_ok(bgj_job_pause(viewer, NULL, 0, &error));
  assert_null(next(two, BGJ_PAUSED));
  assert_ok(bgj_job_resume(viewer, &error));
  sleep_ms(40);
  bgj_string_free(next(two, BGJ_OK));
  assert_ok(bgj_job_cancel(viewer, NULL, &error));
  sleep_ms(40);
  assert_null(next(two, BGJ_FINISHED));
}

static void an_attempt_loses_nothing(void **state) {
  (void)state;
  plan(4);
  assert_ok(bgj_job_leave(two, NULL, &error));
  bgj_queue_options queue = BGJ_QUEUE_OPTIONS_INIT;
  queue.max_attempts = 3;
  queue.backoff_ms = queue.backoff_max_ms = 1;
  assert_ok(bgj_job_enqueue(one, &queue, &error));
  done(one, next(one, BGJ_OK));
  bgj_string_free(next(one, BGJ_OK));
  assert_status(BGJ_RETRYING, bgj_job_fail(one, "no", &error));
  /* Said twice, it is the same attempt. */
  assert_status(BGJ_RETRYING, bgj_job_fail(one, "no", &error));
  assert_int_equal(look(one)->failures, 1);
  assert_int_equal(look(two)->items_completed, 1);
  sleep_ms(10);
  assert_ok(start_shared(two));
  for (int i = 0; i < 3; i++) done(two, next(two, BGJ_OK));
  assert_null(next(two, BGJ_END));
  assert_ok(bgj_job_complete(two, NULL, &error));
  assert_int_equal(look(one)->items_completed, 4);
}

static void what_is_open_again_is_given_out_again(void **state) {
  (void)state;
  plan(8);
  assert_ok(bgj_job_leave(two, NULL, &error));
  char *items[8];
  for (int i = 0; i < 8; i++) items[i] = next(one, BGJ_OK);
  for (int i = 0; i < 8; i++) {
    if (i == 1)
      assert_ok(bgj_job_item_failed(one, items[i], NULL, &error));
    else
      assert_ok(bgj_job_item_done(one, items[i], &error));
    bgj_string_free(items[i]);
  }
  assert_ok(bgj_job_complete(one, NULL, &error));
  assert_ok(bgj_job_retry(one, &error));
  assert_ok(start_shared(one));
  char *item = next(one, BGJ_OK);
  assert_string_equal(item, "i1");
  done(one, item);
  assert_null(next(one, BGJ_END));
}

static void what_was_withdrawn_is_given_to_nobody(void **state) {
  (void)state;
  plan(40);
  bgj_string_free(next(two, BGJ_OK));
  done(one, next(one, BGJ_OK));
  const char *anew[] = {"new1", "i30"};
  assert_ok(bgj_job_set_plan(one, anew, 2, NULL, &error));
  for (int i = 0; i < 2; i++) {
    char *item = next(one, BGJ_OK);
    assert_string_equal(item, anew[i]);
    done(one, item);
  }
  assert_null(next(one, BGJ_END));
  assert_null(next(two, BGJ_END));
}

static void what_is_given_back_before_it_was_had_is_had_once(void **state) {
  (void)state;
  plan(40);
  done(one, next(one, BGJ_OK));
  sleep_ms(2);
  char *item = next(one, BGJ_OK), number = item[1];
  char later[] = {'i', (char)(number + 1), 0};
  assert_ok(bgj_job_item_give_back(one, later, &error));
  bgj_string_free(item);
  int count = 0;
  for (int i = 0; i < 38; i++) {
    char *mine = next(i & 1 ? one : two, BGJ_OK);
    count += strcmp(mine, later) == 0;
    done(i & 1 ? one : two, mine);
  }
  assert_int_equal(count, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(each_item_is_for_one_worker),
      TEST(what_is_claimed_keeps_the_job_from_its_end),
      TEST(what_is_given_back_goes_to_another_one),
      TEST(the_last_worker_interrupts_it),
      TEST(it_is_exclusive_or_shared),
      TEST(a_pause_is_for_all_of_them),
      TEST(a_failure_is_the_end_for_all),
      TEST(what_a_turn_finds_is_said),
      TEST(an_attempt_loses_nothing),
      TEST(what_is_open_again_is_given_out_again),
      TEST(what_was_withdrawn_is_given_to_nobody),
      TEST(what_is_given_back_before_it_was_had_is_had_once),
  };
  return RUN_TESTS(tests);
}
