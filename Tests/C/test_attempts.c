/* Jobs that are tried again after a failure, and jobs that end their workers. */
#include "support.h"

#include <fcntl.h>
#include <unistd.h>

static test_clock now;
static bgj_manager *later;

/* A job of the queue, through a manager whose clock the test moves. */
static bgj_job *tried(int attempts, int64_t backoff_ms, int64_t most_ms) {
  bgj_options options = with_clock(&now);
  now = (test_clock){0, 0};
  later = open_other(&options);
  bgj_job *job = NULL;
  assert_ok(bgj_manager_create(later, "t", NULL, 0, &job, &error));
  bgj_queue_options queue = BGJ_QUEUE_OPTIONS_INIT;
  queue.max_attempts = attempts;
  queue.backoff_ms = backoff_ms;
  queue.backoff_max_ms = most_ms;
  assert_ok(bgj_job_enqueue(job, &queue, &error));
  return job;
}

static int64_t wait_of(bgj_job *job, int64_t before_ms) {
  assert_int_equal(look(job)->status, BGJ_JOB_PENDING);
  return look(job)->retry_at_ms - before_ms;
}

static int64_t now_ms(bgj_job *job) {
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  assert_ok(bgj_job_get_info(job, &info, &error));
  int64_t updated = info.updated_ms;
  bgj_job_info_clear(&info);
  return updated;
}

static void each_failure_waits_twice_as_long(void **state) {
  (void)state;
  bgj_job *job = tried(5, 10000, 30000);
  const int64_t most[] = {10000, 20000, 30000, 30000};
  assert_int_equal(look(job)->max_attempts, 5);
  for (int i = 0; i < 4; i++) {
    bgj_job *mine = NULL;
    assert_ok(bgj_manager_claim(later, NULL, &mine, &error));
    assert_ok(bgj_job_item_failed(mine, "a", "no", &error));
    assert_status(BGJ_RETRYING, bgj_job_fail(mine, "exit code 1", &error));
    bgj_job_release(mine);
    int64_t wait = wait_of(job, now_ms(job));
    assert_in_range(wait, most[i] / 2 - 1, most[i]);
    assert_int_equal(look(job)->failures, i + 1);
    assert_int_equal(look(job)->items_failed, 0);
    assert_string_equal(look(job)->reason, "retrying");
    assert_string_equal(look(job)->error, "exit code 1");
    assert_status(BGJ_WAITING, bgj_job_start(job, NULL, &error));
    assert_says("failed (exit code 1); it is tried again at ");
    assert_status(BGJ_TIMEOUT, bgj_manager_claim(later, NULL, &mine, &error));
    now.ahead += SECONDS(31);
  }
  assert_ok(bgj_job_start(job, NULL, &error));
  assert_null(look(job)->error);
  assert_ok(bgj_job_fail(job, "exit code 2", &error));
  assert_int_equal(look(job)->status, BGJ_JOB_FAILED);
  /* A retry gives all of them back, at once. */
  assert_ok(bgj_job_retry(job, &error));
  assert_int_equal(look(job)->failures, 0);
  assert_ok(bgj_job_start(job, NULL, &error));
  assert_status(BGJ_RETRYING, bgj_job_fail(job, NULL, &error));
  bgj_job_release(job);
}

static void only_a_failure_of_who_works_on_it_is_an_attempt(void **state) {
  (void)state;
  bgj_job *job = tried(2, 0, 0);
  /* An interruption, a pause and a rate limit are none. */
  assert_ok(bgj_job_start(job, NULL, &error));
  assert_ok(bgj_job_leave(job, NULL, &error));
  assert_ok(bgj_job_start(job, NULL, &error));
  assert_ok(bgj_job_rate_limited(job, NULL, 1, &error));
  assert_ok(bgj_job_resume(job, &error));
  assert_int_equal(look(job)->failures, 0);
  /* Who says it of another's job ends it. */
  bgj_job *other = job_of(manager, bgj_job_id(job));
  assert_ok(bgj_job_fail(other, "it must not be", &error));
  assert_int_equal(look(other)->status, BGJ_JOB_FAILED);
  assert_status(BGJ_FINISHED, bgj_job_items_done(job, (const char *const[]){"a"}, 1, &error));
  assert_ok(bgj_job_retry(job, &error));
  /* So does who says it of one that was not started, and a cancellation. */
  assert_ok(bgj_job_fail(job, NULL, &error));
  assert_int_equal(look(job)->status, BGJ_JOB_FAILED);
  assert_ok(bgj_job_retry(job, &error));
  assert_ok(bgj_job_start(job, NULL, &error));
  assert_ok(bgj_job_cancel(job, NULL, &error));
  assert_int_equal(look(job)->status, BGJ_JOB_FAILED);
  bgj_job_release(job);
}

static void its_time_may_be_said(void **state) {
  (void)state;
  bgj_job *job = tried(3, 3600000, 0);
  assert_ok(bgj_job_start(job, NULL, &error));
  assert_status(BGJ_RETRYING, bgj_job_fail(job, NULL, &error));
  assert_status(BGJ_WAITING, bgj_job_start(job, NULL, &error));
  bgj_queue_options queue = BGJ_QUEUE_OPTIONS_INIT;
  queue.flags = BGJ_QUEUE_PRIORITY;
  assert_ok(bgj_job_enqueue(job, &queue, &error));
  assert_status(BGJ_WAITING, bgj_job_start(job, NULL, &error));
  queue.flags = BGJ_QUEUE_NOT_BEFORE;
  assert_ok(bgj_job_enqueue(job, &queue, &error));
  assert_int_equal(look(job)->retry_at_ms, -1);
  assert_int_equal(look(job)->failures, 1);
  assert_ok(bgj_job_start(job, NULL, &error));
  queue.flags = BGJ_QUEUE_ATTEMPTS;
  const struct {
    int attempts;
    int64_t backoff, most;
  } wrong[] = {{-1, 0, 0}, {1001, 0, 0}, {2, -1, 0}, {2, 1, -1}, {2, 31 * 86400000LL + 1, 0}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    queue.max_attempts = wrong[i].attempts;
    queue.backoff_ms = wrong[i].backoff;
    queue.backoff_max_ms = wrong[i].most;
    assert_status(BGJ_INVALID, bgj_job_enqueue(job, &queue, &error));
  }
  bgj_job_release(job);
}

static void who_needs_it_waits_for_the_last_attempt(void **state) {
  (void)state;
  bgj_job *job = tried(2, 1, 1), *next = create();
  assert_ok(bgj_job_add_dependency(next, bgj_job_id(job), BGJ_AFTER_SUCCESS, &error));
  assert_ok(bgj_job_start(job, NULL, &error));
  assert_status(BGJ_RETRYING, bgj_job_fail(job, NULL, &error));
  assert_int_equal(look(next)->status, BGJ_JOB_PENDING);
  now.ahead += SECONDS(1);
  assert_ok(bgj_job_start(job, NULL, &error));
  assert_ok(bgj_job_fail(job, NULL, &error));
  assert_int_equal(look(next)->status, BGJ_JOB_FAILED);
  bgj_job_release(job);
}

/* Starts it for a process that ends at once, or after a report. */
static void die_on(bgj_job *job, const char *item) {
  const char *path = path_of("owner");
  int descriptor = open(path, O_RDWR | O_CREAT, 0600);
  assert_true(descriptor >= 0);
  bgj_start_options options = BGJ_START_OPTIONS_INIT;
  options.flags = BGJ_START_DETACHED | BGJ_START_OWNER_FD;
  options.owner_fd = descriptor;
  assert_ok(bgj_job_start(job, &options, &error));
  if (item) assert_ok(bgj_job_items_done(job, &item, 1, &error));
  close(descriptor);
}

static void who_kills_five_workers_in_a_minute_waits_for_a_person(void **state) {
  (void)state;
  bgj_job *job = tried(1, 0, 0), *mine = NULL;
  /* In less than a minute it is somebody who kills at random. */
  for (int i = 0; i < 9; i++) die_on(job, NULL);
  now.ahead += SECONDS(61);
  /* Progress says that it is not the job. */
  die_on(job, "a");
  for (int i = 0; i < 3; i++) {
    die_on(job, NULL);
    now.ahead += SECONDS(30);
  }
  assert_int_equal(look(job)->status, BGJ_JOB_PAUSED);
  assert_string_equal(look(job)->reason, "interrupted");
  die_on(job, NULL);
  assert_status(BGJ_END, bgj_manager_claim(later, NULL, &mine, &error));
  assert_status(BGJ_PAUSED, bgj_job_start(job, NULL, &error));
  assert_string_equal(look(job)->reason, "poison");
  assert_string_equal(look(job)->error,
                      "5 processes ended while they worked on it, without a report");
  assert_ok(bgj_job_resume(job, &error));
  assert_ok(bgj_manager_claim(later, NULL, &mine, &error));
  bgj_job_release(mine);
  bgj_job_release(job);
}

static void another_manager_and_a_compaction_see_the_same(void **state) {
  (void)state;
  bgj_job *job = tried(3, 3600000, 0);
  assert_ok(bgj_job_start(job, NULL, &error));
  assert_status(BGJ_RETRYING, bgj_job_fail(job, "no", &error));
  int64_t when = look(job)->retry_at_ms;
  assert_int_equal(look(job_of(manager, bgj_job_id(job)))->retry_at_ms, when);
  /* From the state file alone. */
  json_t *queue = json_object_get(json_object_get(state_of(job), "bgjobs"), "queue");
  assert_int_equal(json_integer_value(json_object_get(queue, "attempts")), 3);
  char id[64];
  snprintf(id, sizeof id, "%s", bgj_job_id(job));
  bgj_job_release(job);
  close_other(later);
  close_manager();
  char command[512];
  snprintf(command, sizeof command, "rm -r %s", path_of(STORE));
  assert_int_equal(system(command), 0);
  assert_ok(bgj_manager_open(project, NULL, &manager, &error));
  job = job_of(manager, id);
  assert_int_equal(look(job)->retry_at_ms, when);
  assert_int_equal(look(job)->failures, 1);
  assert_int_equal(look(job)->max_attempts, 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(each_failure_waits_twice_as_long),
      TEST(only_a_failure_of_who_works_on_it_is_an_attempt),
      TEST(its_time_may_be_said),
      TEST(who_needs_it_waits_for_the_last_attempt),
      TEST(who_kills_five_workers_in_a_minute_waits_for_a_person),
      TEST(another_manager_and_a_compaction_see_the_same),
  };
  return RUN_TESTS(tests);
}
