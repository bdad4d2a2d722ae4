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
  assert_int_equal(json_array_size(json_object_get(queue, "providers")), 0);
  json_decref(queue);
  bgj_string_free(text);
  assert_ok(bgj_manager_set_rate(manager, "a \"b\"", 600, 60000, &error));
  assert_ok(bgj_manager_get_queue(manager, &text, &error));
  queue = json_loads(text, 0, NULL);
  json_t *rate = json_array_get(json_object_get(queue, "providers"), 0);
  assert_string_equal(json_string_value(json_object_get(rate, "provider")), "a \"b\"");
  assert_int_equal(json_integer_value(json_object_get(rate, "burst")), 10);
  json_decref(queue);
  bgj_string_free(text);
}

/* ---- A limit of one job of a provider is one of all ---- */

static bgj_job *of_provider(const char *key, const char *config) {
  bgj_job *job = NULL;
  assert_ok(bgj_manager_ensure(manager, "sync", key, config, 0, &job, &error));
  return job;
}

static const char of_github[] = "{\"provider\": \"github\"}";

static void a_limit_of_one_is_a_limit_of_all(void **state) {
  (void)state;
  bgj_job *jobs[6], *other = of_provider("other", "{\"provider\": \"gitlab\"}");
  bgj_job *none = of_provider("none", NULL), *held = of_provider("held", of_github);
  bgj_job *pending = of_provider("pending", of_github);
  char key[2] = "a";
  for (int i = 0; i < 6; i++, key[0]++) {
    jobs[i] = of_provider(key, of_github);
    assert_ok(bgj_job_start(jobs[i], NULL, &error));
  }
  assert_ok(bgj_job_start(other, NULL, &error));
  assert_ok(bgj_job_start(none, NULL, &error));
  assert_ok(bgj_job_start(held, NULL, &error));
  assert_ok(bgj_job_pause(held, "lunch", 0, &error));

  bgj_manager *elsewhere = open_other(NULL);
  assert_ok(bgj_job_rate_limited(job_of(elsewhere, bgj_job_id(jobs[3])), "github", 100, &error));
  int64_t first = look(jobs[0])->resume_at_ms, last = first;
  for (int i = 0; i < 6; i++) {
    const bgj_job_info *info = look(jobs[i]);
    assert_int_equal(info->status, BGJ_JOB_PAUSED);
    assert_string_equal(info->reason, "rate-limit");
    assert_non_null(strstr(info->error, "github"));
    /* One after the other, within a tenth of the wait. */
    assert_true(i == 0 || info->resume_at_ms > last);
    last = info->resume_at_ms;
    assert_in_range(last - first, 0, 10000);
  }
  assert_int_equal(look(other)->status, BGJ_JOB_RUNNING);
  assert_int_equal(look(none)->status, BGJ_JOB_RUNNING);
  assert_string_equal(look(held)->reason, "lunch");
  assert_int_equal(look(pending)->status, BGJ_JOB_PENDING);

  /* A shorter one changes nothing, a longer one moves all of them. */
  assert_ok(bgj_job_rate_limited(jobs[0], "github", 5, &error));
  assert_int_equal(look(jobs[0])->resume_at_ms, first);
  assert_ok(bgj_job_rate_limited(jobs[5], "github", 1000, &error));
  for (int i = 0; i < 6; i++) assert_true(look(jobs[i])->resume_at_ms > first + 800000);

  /* What comes later waits behind them, also for who did not see the limit. */
  close_manager();
  manager = NULL;
  bgj_job *late = job_of(elsewhere, bgj_job_id(pending));
  assert_status(BGJ_PAUSED, bgj_job_start(late, NULL, &error));
  assert_string_equal(look(late)->reason, "rate-limit");
  bgj_start_options detached = BGJ_START_OPTIONS_INIT;
  detached.flags = BGJ_START_DETACHED;
  assert_status(BGJ_PAUSED, bgj_job_start(late, &detached, &error));

  /* Until somebody says that it is over. */
  assert_ok(bgj_manager_rate_limited(elsewhere, "github", -1, &error));
  assert_int_equal(look(late)->status, BGJ_JOB_PENDING);
  assert_ok(bgj_job_start(late, NULL, &error));
}

static void who_is_paused_for_another_reason_still_tells_the_others(void **state) {
  (void)state;
  bgj_job *one = of_provider("a", of_github), *two = of_provider("b", of_github);
  assert_ok(bgj_job_start(one, NULL, &error));
  assert_ok(bgj_job_start(two, NULL, &error));
  assert_ok(bgj_job_pause(one, "lunch", 0, &error));
  assert_status(BGJ_PAUSED, bgj_job_rate_limited(one, "github", 100, &error));
  assert_string_equal(look(one)->reason, "lunch");
  assert_string_equal(look(two)->reason, "rate-limit");
  /* It is no job of that provider: nobody else hears of it. */
  bgj_job *other = of_provider("c", NULL);
  assert_ok(bgj_manager_rate_limited(manager, "github", -1, &error));
  assert_ok(bgj_job_start(other, NULL, &error));
  assert_ok(bgj_job_rate_limited(other, "github", 100, &error));
  assert_int_equal(look(two)->status, BGJ_JOB_RUNNING);
}

static void limits_of_many_providers_are_no_leak(void **state) {
  (void)state;
  char name[16];
  assert_ok(bgj_manager_set_rate(manager, "kept", 10, 1000, &error));
  for (int i = 0; i < 1100; i++) {
    snprintf(name, sizeof name, "p%d", i);
    assert_ok(bgj_manager_rate_limited(manager, name, 1000, &error));
  }
  char *text = NULL;
  assert_ok(bgj_manager_get_queue(manager, &text, &error));
  json_t *queue = json_loads(text, 0, NULL);
  assert_int_equal(json_array_size(json_object_get(queue, "providers")), 1001);
  assert_non_null(strstr(text, "\"kept\""));
  assert_non_null(strstr(text, "\"p1099\""));
  json_decref(queue);
  bgj_string_free(text);
}

static void a_limit_is_said_without_a_job(void **state) {
  (void)state;
  bgj_job *job = of_provider("a", of_github);
  assert_ok(bgj_job_start(job, NULL, &error));
  assert_status(BGJ_INVALID, bgj_manager_rate_limited(manager, "github", -2, &error));
  assert_status(BGJ_INVALID, bgj_manager_rate_limited(manager, "github", 2678401, &error));
  assert_ok(bgj_manager_rate_limited(manager, "gitlab", 0, &error));
  assert_int_equal(look(job)->status, BGJ_JOB_RUNNING);
  assert_ok(bgj_manager_set_rate(manager, "github", 10, 10000, &error));
  assert_ok(bgj_manager_rate_limited(manager, "github", 20, &error));
  assert_int_equal(look(job)->status, BGJ_JOB_PAUSED);

  /* Permits wait as well, and what a burst may have at once is not more for it. */
  int64_t wait = 0, next = 0;
  assert_ok(bgj_manager_permit(manager, "github", 1, &wait, &error));
  assert_in_range(wait, 19000, 20000);
  assert_ok(bgj_manager_permit(manager, "github", 1, &next, &error));
  assert_in_range(next - wait, 900, 1000);
  char *text = NULL;
  assert_ok(bgj_manager_get_queue(manager, &text, &error));
  assert_non_null(strstr(text, "limitedUntil"));
  bgj_string_free(text);
  assert_ok(bgj_manager_rate_limited(manager, "github", -1, &error));
  assert_int_equal(look(job)->status, BGJ_JOB_RUNNING);
}

static void a_limit_ends_by_itself(void **state) {
  (void)state;
  bgj_job *job = of_provider("a", of_github), *late = of_provider("b", of_github);
  assert_ok(bgj_job_start(job, NULL, &error));
  assert_ok(bgj_job_rate_limited(job, "github", 1, &error));
  assert_status(BGJ_PAUSED, bgj_job_start(late, NULL, &error));
  assert_ok(bgj_job_wait(job, BGJ_MASK_RUNNING, 5000, NULL, &error));
  assert_ok(bgj_job_wait(late, BGJ_MASK_PENDING, 5000, NULL, &error));
  assert_ok(bgj_job_start(late, NULL, &error));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_rate_is_one_for_all_managers),
      TEST(numbers_out_of_range_are_refused),
      TEST(the_queue_says_what_is_set),
      TEST(a_limit_of_one_is_a_limit_of_all),
      TEST(who_is_paused_for_another_reason_still_tells_the_others),
      TEST(limits_of_many_providers_are_no_leak),
      TEST(a_limit_is_said_without_a_job),
      TEST(a_limit_ends_by_itself),
  };
  return RUN_TESTS(tests);
}
