/* Who is next: enqueue, claim, limits. */
#include "support.h"

#include <time.h>

static bgj_job *enqueued(const char *type, int priority, const char *lane) {
  bgj_job *job = NULL;
  assert_ok(bgj_manager_create(manager, type, NULL, 0, &job, &error));
  bgj_queue_options options = BGJ_QUEUE_OPTIONS_INIT;
  options.priority = priority;
  options.lane = lane;
  assert_ok(bgj_job_enqueue(job, &options, &error));
  return job;
}

static bgj_job *claimed(bgj_manager *which) {
  bgj_job *job = NULL;
  assert_ok(bgj_manager_claim(which, NULL, &job, &error));
  return job;
}

static void assert_none(bgj_status status, const char *why) {
  bgj_job *job = NULL;
  assert_status(status, bgj_manager_claim(manager, NULL, &job, &error));
  assert_null(job);
  assert_says(why);
}

static void assert_claims_by(bgj_manager *which, bgj_job *expected) {
  bgj_job *job = claimed(which);
  assert_string_equal(bgj_job_id(job), bgj_job_id(expected));
  bgj_job_release(job);
}

static void assert_claims(bgj_job *expected) { assert_claims_by(manager, expected); }

/* The only, or first, thing that it waits for. */
static json_t *wait_of(bgj_job *job, const char *what) {
  char *text = NULL;
  assert_ok(bgj_job_get_waits(job, &text, &error));
  json_t *waits = json_loads(text, 0, NULL), *first = json_array_get(waits, 0);
  bgj_string_free(text);
  assert_non_null(first);
  assert_string_equal(json_string_value(json_object_get(first, "for")), what);
  json_incref(first);
  json_decref(waits);
  return first;
}

static void assert_waits(bgj_job *job, const char *what, const char *says) {
  json_t *wait = wait_of(job, what);
  assert_non_null(strstr(json_string_value(json_object_get(wait, "text")), says));
  json_decref(wait);
}

static void only_what_was_enqueued_is_claimed(void **state) {
  (void)state;
  assert_none(BGJ_END, "no such job is in the queue");
  bgj_job *created = create();
  assert_none(BGJ_END, "no such job is in the queue");
  assert_waits(created, "start", "not in the queue");
  assert_ok(bgj_job_enqueue(created, NULL, &error));
  assert_int_equal(look(created)->enqueued, 1);
  assert_waits(created, "worker", "the next one");
  bgj_job *job = claimed(manager);
  assert_int_equal(look(job)->owned, 1);
  assert_int_equal(look(job)->status, BGJ_JOB_RUNNING);
  /* It runs: the queue is not at its end. */
  assert_none(BGJ_TIMEOUT, "paused, or run");
  assert_ok(bgj_job_complete(job, NULL, &error));
  assert_status(BGJ_FINISHED, bgj_job_enqueue(job, NULL, &error));
  assert_none(BGJ_END, "no such job is in the queue");
  bgj_job_release(job);
}

static void the_smallest_rank_is_first(void **state) {
  (void)state;
  test_clock clock = {0, 0};
  bgj_options options = with_clock(&clock);
  bgj_manager *later = open_other(&options);
  bgj_job *first = enqueued("t", 0, NULL), *low = enqueued("t", -1, NULL);
  bgj_job *high = enqueued("t", 2, NULL), *second = enqueued("t", 0, NULL);
  /* A level is worth ten minutes: an hour later five levels are not enough. */
  clock.ahead = SECONDS(3600);
  bgj_job *late = NULL;
  bgj_queue_options queue = BGJ_QUEUE_OPTIONS_INIT;
  queue.priority = 5;
  assert_ok(bgj_manager_create(later, "t", NULL, 0, &late, &error));
  assert_ok(bgj_job_enqueue(late, &queue, &error));
  assert_claims_by(later, high);
  assert_ok(bgj_manager_set_priority_worth(manager, -1, &error));
  assert_claims_by(later, late);
  assert_ok(bgj_manager_set_priority_worth(manager, 0, &error));
  assert_claims_by(later, first);
  assert_claims_by(later, low);
  assert_claims_by(later, second);
  assert_status(BGJ_INVALID, bgj_manager_set_priority_worth(manager, 315360000001, &error));
  bgj_job *jobs[] = {first, low, high, second, late};
  for (size_t i = 0; i < 5; i++) bgj_job_release(jobs[i]);
}

static void a_clock_that_was_ahead_starves_nobody(void **state) {
  (void)state;
  test_clock clock = {SECONDS(366 * 86400), 0};
  bgj_options options = with_clock(&clock);
  bgj_manager *ahead = open_other(&options);
  bgj_job *early = NULL;
  assert_ok(bgj_manager_create(ahead, "t", NULL, 0, &early, &error));
  bgj_queue_options queue = BGJ_QUEUE_OPTIONS_INIT;
  queue.priority = 1;
  assert_ok(bgj_job_enqueue(early, &queue, &error));
  bgj_job *later = enqueued("t", 0, NULL);
  assert_claims(early);
  bgj_job_release(early);
  bgj_job_release(later);
}

static void members_that_are_not_given_stay(void **state) {
  (void)state;
  bgj_job *job = enqueued("t", 7, "deploy");
  bgj_queue_options options = BGJ_QUEUE_OPTIONS_INIT;
  options.flags = BGJ_QUEUE_NOT_BEFORE;
  options.not_before_ms = 4102444800000;
  assert_ok(bgj_job_enqueue(job, &options, &error));
  assert_int_equal(look(job)->priority, 7);
  assert_string_equal(look(job)->lane, "deploy");
  assert_int_equal(look(job)->not_before_ms, 4102444800000);
  assert_ok(bgj_job_enqueue(job, NULL, &error));
  assert_int_equal(look(job)->priority, 7);
  assert_waits(job, "time", "2100-01-01T00:00:00.000Z");
  assert_none(BGJ_TIMEOUT, "2100-01-01T00:00:00.000Z");
  assert_status(BGJ_WAITING, bgj_job_start(job, NULL, &error));
  assert_says("2100-01-01T00:00:00.000Z");
  bgj_start_options anyway = BGJ_START_OPTIONS_INIT;
  anyway.flags = BGJ_START_ANYWAY;
  assert_ok(bgj_job_start(job, &anyway, &error));
  options = (bgj_queue_options)BGJ_QUEUE_OPTIONS_INIT;
  assert_ok(bgj_job_enqueue(job, &options, &error));
  assert_null(look(job)->lane);
  assert_int_equal(look(job)->not_before_ms, -1);
  options.priority = 1001;
  assert_status(BGJ_INVALID, bgj_job_enqueue(job, &options, &error));
  options.priority = 0;
  options.lane = "";
  assert_status(BGJ_INVALID, bgj_job_enqueue(job, &options, &error));
  options.lane = NULL;
  options.flags = 0x10;
  assert_status(BGJ_INVALID, bgj_job_enqueue(job, &options, &error));
  options.flags = 0;
  options.not_before_ms = -1;
  assert_status(BGJ_INVALID, bgj_job_enqueue(job, &options, &error));
  bgj_job_release(job);
}

static void a_full_lane_is_passed_over(void **state) {
  (void)state;
  assert_ok(bgj_manager_set_limit(manager, "lane:github", 1, &error));
  bgj_job *one = enqueued("t", 2, "github"), *two = enqueued("t", 1, "github");
  bgj_job *other = enqueued("t", 0, NULL);
  bgj_job *first = claimed(manager);
  assert_string_equal(bgj_job_id(first), bgj_job_id(one));
  json_t *wait = wait_of(two, "limit");
  assert_string_equal(json_string_value(json_object_get(wait, "scope")), "lane:github");
  assert_non_null(strstr(json_string_value(json_object_get(wait, "text")), bgj_job_id(one)));
  json_decref(wait);
  assert_claims(other);
  assert_none(BGJ_TIMEOUT, "lane:github is full, 1 of 1");
  assert_status(BGJ_WAITING, bgj_job_start(two, NULL, &error));
  /* A pause frees its place once its owner has seen it. */
  bgj_manager *somebody = open_other(NULL);
  assert_ok(bgj_job_pause(job_of(somebody, bgj_job_id(one)), NULL, 0, &error));
  assert_none(BGJ_TIMEOUT, "lane:github is full");
  assert_status(BGJ_TIMEOUT, bgj_job_wait(first, BGJ_MASK_RUNNING, 0, NULL, &error));
  assert_claims(two);
  assert_waits(one, "pause", "paused (asked)");
  bgj_job *all[] = {one, two, other, first};
  for (size_t i = 0; i < 4; i++) bgj_job_release(all[i]);
}

static void each_scope_has_its_limit(void **state) {
  (void)state;
  static const char *const bad[] = {"", "lane:", "lane", "type", "job:x", "**", "Type:x"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_status(BGJ_INVALID, bgj_manager_set_limit(manager, bad[i], 1, &error));
    assert_says("no scope");
  }
  bgj_job *job = NULL;
  const char *config = "{\"provider\": \"git\\u0068ub\"}";
  assert_ok(bgj_manager_create(manager, "sync", config, 0, &job, &error));
  assert_ok(bgj_job_enqueue(job, NULL, &error));
  static const char *const scopes[] = {"*", "type:sync", "provider:github"};
  for (size_t i = 0; i < 3; i++) {
    assert_ok(bgj_manager_set_limit(manager, scopes[i], 0, &error));
    assert_waits(job, "limit", scopes[i]);
    assert_none(BGJ_TIMEOUT, "its limit is 0");
    assert_ok(bgj_manager_set_limit(manager, scopes[i], -1, &error));
  }
  assert_claims(job);
  bgj_job_release(job);
}

static void what_was_interrupted_is_next_again(void **state) {
  (void)state;
  bgj_job *job = enqueued("t", 0, NULL);
  bgj_manager *other = open_other(NULL);
  bgj_job *first = claimed(other);
  bgj_job_release(first);
  close_other(other);
  bgj_job *second = claimed(manager);
  assert_string_equal(bgj_job_id(second), bgj_job_id(job));
  /* And what was retried is in the queue again. */
  assert_ok(bgj_job_fail(second, "no", &error));
  assert_none(BGJ_END, "no such job is in the queue");
  assert_ok(bgj_job_retry(second, &error));
  assert_claims(job);
  bgj_job_release(job);
  bgj_job_release(second);
}

static void a_claim_is_of_what_was_asked_for(void **state) {
  (void)state;
  bgj_job *job = NULL, *found = NULL;
  assert_ok(bgj_manager_create(manager, "b", "{\"command\": []}", 0, &job, &error));
  assert_ok(bgj_job_enqueue(job, NULL, &error));
  bgj_job *plain = enqueued("a", 9, NULL);
  bgj_claim_options options = BGJ_CLAIM_OPTIONS_INIT;
  const char *types[] = {"c", "d", "b"};
  options.types = types;
  options.type_count = 2;
  assert_status(BGJ_END, bgj_manager_claim(manager, &options, &found, &error));
  options.types = NULL;
  options.config_member = "command";
  assert_ok(bgj_manager_claim(manager, &options, &found, &error));
  assert_string_equal(bgj_job_id(found), bgj_job_id(job));
  assert_ok(bgj_job_leave(found, NULL, &error));
  bgj_job_release(found);
  options.config_member = NULL;
  options.types = types;
  options.type_count = 3;
  assert_ok(bgj_manager_claim(manager, &options, &found, &error));
  assert_string_equal(bgj_job_id(found), bgj_job_id(job));
  bgj_job_release(found);
  options.flags = 0x2;
  assert_status(BGJ_INVALID, bgj_manager_claim(manager, &options, &found, &error));
  options.flags = 0;
  types[0] = NULL;
  assert_status(BGJ_INVALID, bgj_manager_claim(manager, &options, &found, &error));
  bgj_job_release(job);
  bgj_job_release(plain);
}

static void a_claim_waits_until_the_queue_is_empty(void **state) {
  (void)state;
  bgj_claim_options options = BGJ_CLAIM_OPTIONS_INIT;
  bgj_job *found = NULL;
  options.timeout_ms = 30;
  assert_status(BGJ_TIMEOUT, bgj_manager_claim(manager, &options, &found, &error));
  options.timeout_ms = -1;
  options.flags = BGJ_CLAIM_UNTIL_EMPTY;
  assert_status(BGJ_END, bgj_manager_claim(manager, &options, &found, &error));
  /* A time that comes while it waits. */
  bgj_job *job = create();
  bgj_queue_options queue = BGJ_QUEUE_OPTIONS_INIT;
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  queue.not_before_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + 150;
  assert_ok(bgj_job_enqueue(job, &queue, &error));
  assert_ok(bgj_manager_claim(manager, &options, &found, &error));
  assert_string_equal(bgj_job_id(found), bgj_job_id(job));
  bgj_job_release(found);
}

static void the_queue_says_who_is_next(void **state) {
  (void)state;
  bgj_job *low = enqueued("t", -1, NULL), *high = enqueued("t", 1, "a lane");
  assert_ok(bgj_manager_set_limit(manager, "lane:a lane", 0, &error));
  char *text = NULL;
  assert_ok(bgj_manager_get_queue(manager, &text, &error));
  json_t *queue = json_loads(text, 0, NULL), *jobs = json_object_get(queue, "jobs");
  assert_int_equal(json_array_size(jobs), 2);
  json_t *first = json_array_get(jobs, 0), *waits = json_object_get(first, "waits");
  assert_string_equal(json_string_value(json_object_get(first, "id")), bgj_job_id(high));
  assert_string_equal(json_string_value(json_object_get(first, "lane")), "a lane");
  assert_int_equal(json_array_size(waits), 1);
  json_t *limit = json_array_get(json_object_get(queue, "limits"), 0);
  assert_int_equal(json_integer_value(json_object_get(limit, "most")), 0);
  assert_int_equal(json_integer_value(json_object_get(queue, "priorityWorthMs")), 600000);
  json_decref(queue);
  bgj_string_free(text);
  bgj_job_release(low);
  bgj_job_release(high);
}

static void the_queue_is_kept(void **state) {
  (void)state;
  bgj_job *job = enqueued("t", -3, "l\"1");
  assert_ok(bgj_manager_set_limit(manager, "lane:l\"1", 2, &error));
  assert_ok(bgj_manager_set_priority_worth(manager, 1000, &error));
  json_t *ours = json_object_get(state_of(job), "bgjobs");
  assert_members(json_object_get(ours, "queue"), "since", "priority", "lane", NULL);
  assert_int_equal(json_integer_value(json_object_get(
      json_object_get(read_state(), "bgjobs"), "format")), 2);
  bgj_job_release(job);
  close_manager();
  bgj_manager *again = open_other(NULL);
  char *text = NULL;
  assert_ok(bgj_manager_get_queue(again, &text, &error));
  json_t *queue = json_loads(text, 0, NULL);
  json_t *first = json_array_get(json_object_get(queue, "jobs"), 0);
  assert_int_equal(json_integer_value(json_object_get(first, "priority")), -3);
  assert_int_equal(json_integer_value(json_object_get(queue, "priorityWorthMs")), 1000);
  assert_int_equal(json_array_size(json_object_get(queue, "limits")), 1);
  json_decref(queue);
  bgj_string_free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(only_what_was_enqueued_is_claimed),
      TEST(the_smallest_rank_is_first),
      TEST(a_clock_that_was_ahead_starves_nobody),
      TEST(members_that_are_not_given_stay),
      TEST(a_full_lane_is_passed_over),
      TEST(each_scope_has_its_limit),
      TEST(what_was_interrupted_is_next_again),
      TEST(a_claim_is_of_what_was_asked_for),
      TEST(a_claim_waits_until_the_queue_is_empty),
      TEST(the_queue_says_who_is_next),
      TEST(the_queue_is_kept),
  };
  return RUN_TESTS(tests);
}
