/* Two managers on one project: an owner and a controller. To each the other is another process. */
#include "support.h"

#include <pthread.h>
#include <unistd.h>

static bgj_manager *controller;
static bgj_job *owned, *seen; /* one job, through the owner and through the controller */

static int set_up_two(void **state) {
  if (set_up(state) != 0) return -1;
  controller = open_other(NULL);
  owned = running();
  seen = job_of(controller, bgj_job_id(owned));
  return 0;
}

#define TWO(function) cmocka_unit_test_setup_teardown(function, set_up_two, tear_down)

/* The owner looks at what others did every 25 ms; a report may come before that. */
static void pass_the_owners_look(void) { sleep_ms(50); }

static void an_owned_job_is_busy(void **state) {
  (void)state;
  char pid[24];
  snprintf(pid, sizeof pid, "%ld", (long)getpid());
  assert_status(BGJ_BUSY, bgj_job_start(seen, NULL, &error));
  assert_says(pid);
  assert_status(BGJ_BUSY, bgj_job_complete(seen, NULL, &error));
  assert_says(pid);
  assert_int_equal(look(seen)->owner_pid, getpid());
  assert_int_equal(look(seen)->status, BGJ_JOB_RUNNING);
}

static void the_controller_sees_progress(void **state) {
  (void)state;
  assert_ok(bgj_job_set_total(owned, 4, &error));
  assert_ok(bgj_job_update(owned, -1, "b", "a", NULL, &error));
  assert_int_equal(look(seen)->percentage, 25);
  assert_string_equal(look(seen)->current_item, "b");
  assert_int_equal(bgj_job_is_done(seen, "a"), 1);
}

static void the_owner_learns_of_a_pause_and_of_its_end(void **state) {
  (void)state;
  assert_ok(bgj_job_pause(seen, "lunch", 0, &error));
  assert_int_equal(look(seen)->pause_acknowledged, 0);
  pass_the_owners_look();
  assert_status(BGJ_PAUSED, bgj_job_item_done(owned, "a", &error));
  assert_int_equal(look(seen)->items_completed, 1);
  assert_status(BGJ_TIMEOUT, bgj_job_wait(owned, BGJ_MASK_RUNNING, 50, NULL, &error));
  assert_int_equal(look(seen)->pause_acknowledged, 1);
  assert_ok(bgj_job_resume(seen, &error));
  assert_int_equal(look(seen)->status, BGJ_JOB_RUNNING);
  assert_ok(bgj_job_wait(owned, BGJ_MASK_RUNNING, 30000, NULL, &error));
  assert_ok(bgj_job_item_done(owned, "b", &error));
}

static void a_resume_before_the_leave_keeps_the_owner(void **state) {
  (void)state;
  assert_ok(bgj_job_pause(seen, NULL, 0, &error));
  pass_the_owners_look();
  assert_status(BGJ_PAUSED, bgj_job_advance(owned, 1, &error));
  assert_ok(bgj_job_resume(seen, &error));
  assert_status(BGJ_RESUMED, bgj_job_leave(owned, NULL, &error));
  assert_int_equal(look(owned)->owned, 1);
  assert_int_equal(look(seen)->status, BGJ_JOB_RUNNING);
  assert_ok(bgj_job_advance(owned, 1, &error));
  assert_ok(bgj_job_leave(owned, NULL, &error));
  assert_string_equal(look(seen)->reason, "interrupted");
}

static void a_paused_job_is_left_and_resumed_as_pending(void **state) {
  (void)state;
  assert_ok(bgj_job_pause(seen, NULL, 0, &error));
  pass_the_owners_look();
  assert_status(BGJ_PAUSED, bgj_job_advance(owned, 1, &error));
  assert_ok(bgj_job_leave(owned, NULL, &error));
  assert_int_equal(look(seen)->pause_acknowledged, 1);
  assert_string_equal(look(seen)->reason, "asked");
  assert_ok(bgj_job_resume(seen, &error));
  assert_int_equal(look(seen)->status, BGJ_JOB_PENDING);
  assert_ok(bgj_job_start(seen, NULL, &error));
  assert_status(BGJ_BUSY, bgj_job_start(owned, NULL, &error));
  assert_int_equal(look(owned)->current, 1);
}

static void the_owner_learns_of_the_end(void **state) {
  (void)state;
  char *item = NULL;
  assert_ok(bgj_job_item_done(owned, "before", &error));
  assert_ok(bgj_job_cancel(seen, "enough", &error));
  pass_the_owners_look();
  assert_status(BGJ_FINISHED, bgj_job_item_done(owned, "after", &error));
  assert_status(BGJ_FINISHED, bgj_job_next(owned, &item, &error));
  assert_status(BGJ_FINISHED, bgj_job_complete(owned, NULL, &error));
  assert_status(BGJ_FINISHED, bgj_job_leave(owned, NULL, &error));
  assert_int_equal(look(seen)->items_completed, 1);
  assert_string_equal(look(owned)->reason, "cancelled");
  assert_ok(bgj_job_retry(seen, &error));
  assert_ok(bgj_job_start(seen, NULL, &error));
}

static void a_retry_waits_for_the_owner(void **state) {
  (void)state;
  assert_ok(bgj_job_cancel(seen, NULL, &error));
  assert_status(BGJ_BUSY, bgj_job_retry(seen, &error));
  assert_status(BGJ_FINISHED, bgj_job_wait(owned, BGJ_MASK_RUNNING, -1, NULL, &error));
  assert_ok(bgj_job_retry(seen, &error));
}

static void closing_interrupts(void **state) {
  (void)state;
  assert_ok(bgj_job_item_done(owned, "a", &error));
  close_manager();
  assert_int_equal(look(seen)->status, BGJ_JOB_PAUSED);
  assert_string_equal(look(seen)->reason, "interrupted");
  assert_int_equal(look(seen)->owner_pid, 0);
  assert_ok(bgj_job_start(seen, NULL, &error));
  assert_int_equal(bgj_job_is_done(seen, "a"), 1);
}

static void releasing_the_handle_is_not_leaving(void **state) {
  (void)state;
  bgj_job *same = NULL;
  assert_ok(bgj_manager_find(manager, bgj_job_id(owned), &same, &error));
  bgj_job_release(same);
  assert_status(BGJ_BUSY, bgj_job_start(seen, NULL, &error));
  assert_ok(bgj_job_item_done(owned, "a", &error));
}

static void each_job_has_an_owner_of_its_own(void **state) {
  (void)state;
  bgj_job *theirs = job_of(controller, bgj_job_id(create()));
  assert_ok(bgj_job_start(theirs, NULL, &error));
  for (int i = 0; i < 100; i++) {
    char item[16];
    snprintf(item, sizeof item, "%d", i);
    assert_ok(bgj_job_item_done(owned, item, &error));
    assert_ok(bgj_job_item_done(theirs, item, &error));
    assert_ok(bgj_job_item_done(seen, item, &error));
    snprintf(item, sizeof item, "other-%d", i);
    assert_ok(bgj_job_item_done(seen, item, &error));
  }
  assert_int_equal(look(owned)->current, 200);
  assert_int_equal(look(seen)->current, 200);
  assert_int_equal(look(theirs)->current, 100);
}

/* ---- Threads: a wait leaves the manager to others ---- */

static void *wait_for_resume(void *unused) {
  (void)unused;
  return (void *)(intptr_t)bgj_job_wait(owned, BGJ_MASK_RUNNING, 30000, NULL, NULL);
}

static void other_threads_work_during_a_wait(void **state) {
  (void)state;
  pthread_t thread;
  void *result = NULL;
  assert_ok(bgj_job_pause(owned, NULL, 0, &error));
  assert_int_equal(pthread_create(&thread, NULL, wait_for_resume, NULL), 0);
  pass_the_owners_look();
  assert_status(BGJ_PAUSED, bgj_job_item_done(owned, "a", &error));
  assert_int_equal(look(owned)->items_completed, 1);
  assert_ok(bgj_job_resume(owned, &error));
  assert_int_equal(pthread_join(thread, &result), 0);
  assert_int_equal((intptr_t)result, BGJ_OK);
}

enum { THREADS = 4, EACH = 500 };

static void *report_many(void *which) {
  for (int i = 0; i < EACH; i++) {
    char item[32], *next = NULL;
    snprintf(item, sizeof item, "%d-%d", (int)(intptr_t)which, i);
    if (bgj_job_item_done(owned, item, NULL) != BGJ_OK) return "a report";
    if (bgj_job_advance(which == NULL ? seen : owned, 1, NULL) != BGJ_OK) return "an advance";
    if (!bgj_job_is_done(owned, item)) return "is done";
    if (bgj_job_next(owned, &next, NULL) != BGJ_END) return "next";
  }
  return NULL;
}

static void any_thread_may_use_any_handle(void **state) {
  (void)state;
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, report_many, (void *)(intptr_t)i), 0);
  for (int i = 0; i < THREADS; i++) {
    void *what = NULL;
    assert_int_equal(pthread_join(threads[i], &what), 0);
    if (what != NULL) fail_msg("%s went wrong", (const char *)what);
  }
  assert_int_equal(look(owned)->items_completed, THREADS * EACH);
  assert_int_equal(look(seen)->current, 2 * THREADS * EACH);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TWO(an_owned_job_is_busy),
      TWO(the_controller_sees_progress),
      TWO(the_owner_learns_of_a_pause_and_of_its_end),
      TWO(a_resume_before_the_leave_keeps_the_owner),
      TWO(a_paused_job_is_left_and_resumed_as_pending),
      TWO(the_owner_learns_of_the_end),
      TWO(a_retry_waits_for_the_owner),
      TWO(closing_interrupts),
      TWO(releasing_the_handle_is_not_leaving),
      TWO(each_job_has_an_owner_of_its_own),
      TWO(other_threads_work_during_a_wait),
      TWO(any_thread_may_use_any_handle),
  };
  return RUN_TESTS(tests);
}
