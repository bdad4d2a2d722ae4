/* What goes with a change of status: reasons, words, times, attempts, ownership. */
#include "support.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void a_new_job_is_pending(void **state) {
  (void)state;
  const bgj_job_info *info = look(create());
  assert_string_equal(info->type, "clone-repos");
  assert_string_equal(info->status_name, "pending");
  assert_int_equal(info->status, BGJ_JOB_PENDING);
  assert_int_equal(strlen(info->id), 8);
  assert_int_equal(strspn(info->id, "0123456789abcdef"), 8);
  assert_null(info->key);
  assert_null(info->reason);
  assert_null(info->error);
  assert_null(info->current_item);
  assert_int_equal(info->current, 0);
  assert_int_equal(info->total, 0);
  assert_int_equal(info->percentage, 0);
  assert_true(info->rate < 0);
  assert_int_equal(info->eta, -1);
  assert_int_equal(info->completed_ms, -1);
  assert_int_equal(info->resume_at_ms, -1);
  assert_int_equal(info->owner_pid, 0);
  assert_int_equal(info->owned, 0);
  assert_int_equal(info->attempts, 1);
}

static void start_makes_the_caller_the_owner(void **state) {
  (void)state;
  int64_t before = (int64_t)time(NULL) * 1000;
  bgj_job *job = running();
  const bgj_job_info *info = look(job);
  assert_string_equal(info->status_name, "running");
  assert_int_equal(info->owner_pid, getpid());
  assert_int_equal(info->owned, 1);
  assert_in_range(info->started_ms, before - 1000, before + 60000);
  assert_in_range(info->created_ms, before - 1000, info->started_ms);
  assert_int_equal(look(job_of(open_other(NULL), bgj_job_id(job)))->owned, 0);
}

static void pause_has_a_reason_and_the_newer_wins(void **state) {
  (void)state;
  bgj_job *job = create();
  assert_ok(bgj_job_pause(job, NULL, 0, &error));
  assert_string_equal(look(job)->reason, "asked");
  assert_ok(bgj_job_pause(job, "maintenance", 0, &error));
  assert_string_equal(look(job)->reason, "maintenance");
  assert_int_equal(look(job)->pause_acknowledged, 1);
  assert_ok(bgj_job_resume(job, &error));
  assert_null(look(job)->reason);
  assert_null(look(job)->error);
}

static void leave_says_why_and_anyone_may_go_on(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_leave(job, "the night is over", &error));
  assert_string_equal(look(job)->reason, "interrupted");
  assert_string_equal(look(job)->error, "the night is over");
  assert_int_equal(look(job)->owner_pid, 0);
  bgj_job *again = job_of(open_other(NULL), bgj_job_id(job));
  assert_ok(bgj_job_start(again, NULL, &error));
  assert_int_equal(look(again)->owned, 1);
  assert_null(look(again)->reason);
  assert_null(look(again)->error);
}

static void leave_keeps_a_pause(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_pause(job, "asked", 0, &error));
  assert_ok(bgj_job_leave(job, "later", &error));
  assert_string_equal(look(job)->reason, "asked");
  assert_int_equal(look(job)->pause_acknowledged, 1);
  assert_status(BGJ_PAUSED, bgj_job_start(job, NULL, &error));
}

static void a_rate_limit_says_when_it_ends(void **state) {
  (void)state;
  int64_t now = (int64_t)time(NULL) * 1000;
  bgj_job *job = running();
  assert_ok(bgj_job_rate_limited(job, "github", 7, &error));
  assert_string_equal(look(job)->status_name, "paused");
  assert_string_equal(look(job)->reason, "rate-limit");
  assert_non_null(strstr(look(job)->error, "Rate limit exceeded (retry after 7s)"));
  assert_in_range(look(job)->resume_at_ms, now + 6000, now + 60000);
  assert_ok(bgj_job_resume(job, &error));
  assert_int_equal(look(job)->resume_at_ms, -1);
  assert_ok(bgj_job_rate_limited(job, NULL, 0, &error));
  assert_non_null(strstr(look(job)->error, "retry after 60s"));
}

static void a_rate_limit_leaves_the_pause_of_a_person(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_pause(job, "asked", 0, &error));
  assert_status(BGJ_PAUSED, bgj_job_rate_limited(job, "github", 5, &error));
  assert_string_equal(look(job)->reason, "asked");
  assert_int_equal(look(job)->resume_at_ms, -1);
}

static void a_rate_limit_has_bounds(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_status(BGJ_INVALID, bgj_job_rate_limited(job, NULL, -1, &error));
  assert_status(BGJ_INVALID, bgj_job_rate_limited(job, NULL, 31 * 86400 + 1, &error));
  assert_status(BGJ_INVALID, bgj_job_rate_limited(job, NULL, INT64_MAX, &error));
  assert_int_equal(look(job)->status, BGJ_JOB_RUNNING);
  assert_ok(bgj_job_rate_limited(job, NULL, 31 * 86400, &error));
}

static void the_wait_of_the_owner_ends_a_rate_limit(void **state) {
  (void)state;
  bgj_job *job = running();
  bgj_job_status status = BGJ_JOB_OTHER;
  assert_ok(bgj_job_rate_limited(job, NULL, 1, &error));
  assert_status(BGJ_TIMEOUT, bgj_job_wait(job, BGJ_MASK_RUNNING, 10, &status, &error));
  assert_int_equal(status, BGJ_JOB_PAUSED);
  assert_int_equal(look(job)->pause_acknowledged, 1);
  assert_ok(bgj_job_wait(job, BGJ_MASK_RUNNING, 30000, &status, &error));
  assert_int_equal(status, BGJ_JOB_RUNNING);
  assert_ok(bgj_job_item_done(job, "a", &error));
}

/* What a program does that was killed while it waited for a rate limit. */
static void the_wait_of_the_next_owner_ends_a_rate_limit(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_rate_limited(job, NULL, 1, &error));
  assert_ok(bgj_job_leave(job, NULL, &error));
  bgj_job *next = job_of(open_other(NULL), bgj_job_id(job));
  assert_status(BGJ_PAUSED, bgj_job_start(next, NULL, &error));
  assert_ok(bgj_job_wait(next, BGJ_MASK_PENDING, 30000, NULL, &error));
  assert_ok(bgj_job_start(next, NULL, &error));
}

static void a_pause_with_a_time_may_be_started_after_it(void **state) {
  (void)state;
  bgj_job *job = create();
  assert_ok(bgj_job_pause(job, "asked", 1, &error));
  assert_true(look(job)->resume_at_ms > 0);
  assert_status(BGJ_PAUSED, bgj_job_start(job, NULL, &error));
  sleep_ms(1500);
  assert_ok(bgj_job_start(job, NULL, &error));
}

static void wait_gives_the_status_whatever_the_result(void **state) {
  (void)state;
  bgj_job *job = create();
  bgj_job_status status = BGJ_JOB_OTHER;
  assert_ok(bgj_job_wait(job, BGJ_MASK_PENDING, 0, &status, &error));
  assert_int_equal(status, BGJ_JOB_PENDING);
  status = BGJ_JOB_OTHER;
  assert_status(BGJ_TIMEOUT, bgj_job_wait(job, BGJ_MASK_ACTIVE, 0, &status, &error));
  assert_int_equal(status, BGJ_JOB_PENDING);
  assert_ok(bgj_job_cancel(job, NULL, &error));
  assert_status(BGJ_FINISHED, bgj_job_wait(job, BGJ_MASK_RUNNING, -1, &status, &error));
  assert_int_equal(status, BGJ_JOB_FAILED);
  assert_ok(bgj_job_wait(job, BGJ_MASK_FINISHED, -1, &status, &error));
}

static void complete_keeps_the_result_and_only_the_first(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_set_total(job, 5, &error));
  assert_ok(bgj_job_item_done(job, "a", &error));
  assert_status(BGJ_INVALID, bgj_job_complete(job, "{", &error));
  assert_ok(bgj_job_complete(job, "{\"cloned\": 1}", &error));
  assert_ok(bgj_job_complete(job, "{\"cloned\": 2}", &error));
  assert_int_equal(json_integer_value(json_object_get(
                       json_object_get(json_of(job), "result"), "cloned")), 1);
  assert_true(look(job)->completed_ms >= look(job)->started_ms);
  assert_int_equal(look(job)->owner_pid, 0);
  assert_int_equal(look(job)->current, 1);
  assert_int_equal(look(job)->percentage, 20);
}

static void fail_says_why_and_the_first_word_counts(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_fail(job, "the server is gone", &error));
  assert_ok(bgj_job_cancel(job, "never mind", &error));
  assert_string_equal(look(job)->reason, "error");
  assert_string_equal(look(job)->error, "the server is gone");
  assert_true(look(job)->completed_ms > 0);
  bgj_job *other = create();
  assert_ok(bgj_job_cancel(other, "never mind", &error));
  assert_string_equal(look(other)->status_name, "failed");
  assert_string_equal(look(other)->reason, "cancelled");
  assert_string_equal(look(other)->error, "never mind");
}

static void retry_keeps_what_is_done(void **state) {
  (void)state;
  const char *const plan[] = {"a", "b"};
  bgj_job *job = running();
  char *item = NULL;
  assert_ok(bgj_job_plan(job, plan, 2, &error));
  assert_ok(bgj_job_item_done(job, "a", &error));
  assert_ok(bgj_job_item_failed(job, "b", "no", &error));
  assert_ok(bgj_job_fail(job, "no", &error));
  assert_ok(bgj_job_retry(job, &error));
  assert_int_equal(look(job)->status, BGJ_JOB_PENDING);
  assert_int_equal(look(job)->attempts, 2);
  assert_int_equal(look(job)->items_completed, 1);
  assert_int_equal(look(job)->items_failed, 0);
  assert_int_equal(look(job)->items_open, 1);
  assert_int_equal(look(job)->current, 1);
  assert_null(look(job)->reason);
  assert_null(look(job)->error);
  assert_int_equal(look(job)->completed_ms, -1);
  assert_ok(bgj_job_start(job, NULL, &error));
  assert_ok(bgj_job_next(job, &item, &error));
  assert_string_equal(item, "b");
  bgj_string_free(item);
}

static void a_detached_job_outlives_its_manager(void **state) {
  (void)state;
  bgj_start_options detached = BGJ_START_OPTIONS_INIT;
  detached.flags = BGJ_START_DETACHED;
  bgj_job *job = create();
  assert_ok(bgj_job_start(job, &detached, &error));
  assert_int_equal(look(job)->owned, 0);
  bgj_manager *other = open_other(NULL);
  close_manager();
  bgj_job *same = job_of(other, bgj_job_id(job));
  assert_int_equal(look(same)->status, BGJ_JOB_RUNNING);
  assert_ok(bgj_job_item_done(same, "a", &error));
  assert_ok(bgj_job_update(same, 7, "b", NULL, NULL, &error));
  assert_int_equal(look(same)->current, 7);
  assert_ok(bgj_job_complete(same, NULL, &error));
}

/* As a shell does with `exec 9>FILE`: the lock is on what a child inherits, not on a process. */
static void a_descriptor_can_own_a_job(void **state) {
  (void)state;
  bgj_start_options held = BGJ_START_OPTIONS_INIT;
  held.flags = BGJ_START_DETACHED | BGJ_START_OWNER_FD;
  bgj_job *job = create(), *second = create();
  held.owner_fd = -1;
  assert_status(BGJ_INVALID, bgj_job_start(job, &held, &error));
  held.owner_fd = open(path_of("lock"), O_WRONLY | O_CREAT, 0600);
  assert_true(held.owner_fd >= 0);
  assert_ok(bgj_job_start(job, &held, &error));
  assert_ok(bgj_job_start(second, &held, &error));
  assert_status(BGJ_BUSY, bgj_job_start(job, NULL, &error));
  assert_int_equal(look(job)->status, BGJ_JOB_RUNNING);

  int release[2];
  assert_int_equal(pipe(release), 0);
  pid_t child = fork();
  if (child == 0) {
    char byte;
    close(release[1]);
    _exit(read(release[0], &byte, 1) != 0);
  }
  close(release[0]);
  close(held.owner_fd);
  assert_int_equal(look(job)->status, BGJ_JOB_RUNNING);
  close(release[1]);
  assert_int_equal(waitpid(child, NULL, 0), child);
  assert_int_equal(look(job)->status, BGJ_JOB_PAUSED);
  assert_string_equal(look(job)->reason, "interrupted");
  assert_ok(bgj_job_start(second, NULL, &error));
  assert_int_equal(look(second)->owned, 1);
}

/* Nobody can tell any more whether the lock is held. */
static void an_owner_whose_lock_file_is_gone_is_not_taken_for_dead(void **state) {
  (void)state;
  bgj_start_options held = BGJ_START_OPTIONS_INIT;
  held.flags = BGJ_START_DETACHED | BGJ_START_OWNER_FD;
  bgj_job *job = create();
  held.owner_fd = open(path_of("lock"), O_RDONLY | O_CREAT, 0600);
  assert_ok(bgj_job_start(job, &held, &error));
  unlink(path_of("lock"));
  assert_int_equal(look(job)->status, BGJ_JOB_RUNNING);
  write_file("lock", "", 0);
  assert_int_equal(look(job)->status, BGJ_JOB_RUNNING);
  close(held.owner_fd);
  assert_ok(bgj_job_cancel(job, NULL, &error));
}

static void a_job_outlives_its_manager_as_a_handle_only(void **state) {
  (void)state;
  bgj_job *job = running();
  char id[64];
  snprintf(id, sizeof id, "%s", bgj_job_id(job));
  close_manager();
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  assert_status(BGJ_INVALID, bgj_job_item_done(job, "a", &error));
  assert_status(BGJ_INVALID, bgj_job_get_info(job, &info, &error));
  assert_int_equal(bgj_job_is_done(job, "a"), 0);
  assert_string_equal(bgj_job_id(job), id);
  assert_string_equal(look(job_of(open_other(NULL), id))->reason, "interrupted");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_new_job_is_pending),
      TEST(start_makes_the_caller_the_owner),
      TEST(pause_has_a_reason_and_the_newer_wins),
      TEST(leave_says_why_and_anyone_may_go_on),
      TEST(leave_keeps_a_pause),
      TEST(a_rate_limit_says_when_it_ends),
      TEST(a_rate_limit_leaves_the_pause_of_a_person),
      TEST(a_rate_limit_has_bounds),
      TEST(the_wait_of_the_owner_ends_a_rate_limit),
      TEST(the_wait_of_the_next_owner_ends_a_rate_limit),
      TEST(a_pause_with_a_time_may_be_started_after_it),
      TEST(wait_gives_the_status_whatever_the_result),
      TEST(complete_keeps_the_result_and_only_the_first),
      TEST(fail_says_why_and_the_first_word_counts),
      TEST(retry_keeps_what_is_done),
      TEST(a_detached_job_outlives_its_manager),
      TEST(a_descriptor_can_own_a_job),
      TEST(an_owner_whose_lock_file_is_gone_is_not_taken_for_dead),
      TEST(a_job_outlives_its_manager_as_a_handle_only),
  };
  return RUN_TESTS(tests);
}
