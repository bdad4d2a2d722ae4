/* B after A. */
#include "support.h"

static bgj_job *make(void) {
  bgj_job *job = NULL;
  assert_ok(bgj_manager_create(manager, "t", NULL, 0, &job, &error));
  return job;
}

static void needs(bgj_job *job, bgj_job *other, unsigned int policy) {
  assert_ok(bgj_job_add_dependency(job, bgj_job_id(other), policy, &error));
}

static void assert_waits(bgj_job *job, const char *what, const char *says) {
  char *text = NULL;
  assert_ok(bgj_job_get_waits(job, &text, &error));
  json_t *waits = json_loads(text, 0, NULL), *first = json_array_get(waits, 0);
  bgj_string_free(text);
  assert_string_equal(json_string_value(json_object_get(first, "for")), what);
  assert_non_null(strstr(json_string_value(json_object_get(first, "text")), says));
  json_decref(waits);
}

/* What the other one has become, in the order of the policies: whether the job may start. */
static void each_policy(void **state) {
  (void)state;
  enum { MET, IMPOSSIBLE };
  static const struct { const char *end; int then[4]; } ends[] = {
      {"completed", {MET, MET, MET, IMPOSSIBLE}},
      {"with failed items", {MET, IMPOSSIBLE, MET, IMPOSSIBLE}},
      {"failed", {IMPOSSIBLE, IMPOSSIBLE, MET, MET}},
      {"cancelled", {IMPOSSIBLE, IMPOSSIBLE, MET, MET}},
  };
  for (size_t end = 0; end < 4; end++)
    for (unsigned int policy = 1; policy <= 4; policy++) {
      bgj_job *first = make(), *second = make(), *holding = make();
      needs(second, first, policy);
      needs(holding, first, policy | BGJ_AFTER_HOLD);
      assert_status(BGJ_WAITING, bgj_job_start(second, NULL, &error));
      assert_says(bgj_job_id(first));
      assert_waits(second, "dependency", "(pending) to ");
      assert_ok(bgj_job_start(first, NULL, &error));
      assert_waits(second, "dependency", "(running) to ");
      if (end == 1) assert_ok(bgj_job_item_failed(first, "a", NULL, &error));
      if (end < 2) assert_ok(bgj_job_complete(first, NULL, &error));
      if (end == 2) assert_ok(bgj_job_fail(first, "exit 1", &error));
      if (end == 3) assert_ok(bgj_job_cancel(first, NULL, &error));
      if (ends[end].then[policy - 1] == MET) {
        assert_ok(bgj_job_start(second, NULL, &error));
        assert_ok(bgj_job_start(holding, NULL, &error));
      } else {
        assert_int_equal(look(second)->status, BGJ_JOB_FAILED);
        assert_string_equal(look(second)->reason, "dependency");
        assert_non_null(strstr(look(second)->error, bgj_job_id(first)));
        assert_int_equal(look(holding)->status, BGJ_JOB_PENDING);
        assert_waits(holding, "dependency", "can no longer be met");
      }
      bgj_job_release(first), bgj_job_release(second), bgj_job_release(holding);
    }
}

static void a_failure_cascades_and_a_retry_mends_it(void **state) {
  (void)state;
  enum { N = 50 };
  bgj_job *jobs[N];
  for (int i = 0; i < N; i++) {
    jobs[i] = make();
    if (i > 0) needs(jobs[i], jobs[i - 1], BGJ_AFTER_SUCCESS);
  }
  bgj_job *other = make();
  needs(other, jobs[7], BGJ_AFTER_SUCCESS);
  assert_ok(bgj_job_cancel(other, "not wanted", &error));
  assert_ok(bgj_job_fail(jobs[0], "no", &error));
  assert_int_equal(count_jobs(manager, BGJ_MASK_FAILED, NULL), N + 1);
  assert_non_null(strstr(look(jobs[N - 1])->error, bgj_job_id(jobs[N - 2])));
  assert_ok(bgj_job_retry(jobs[0], &error));
  assert_int_equal(count_jobs(manager, BGJ_MASK_PENDING, NULL), N);
  assert_int_equal(look(jobs[N - 1])->attempts, 1);
  /* It was cancelled: that is not undone. */
  assert_string_equal(look(other)->reason, "cancelled");
  for (int i = 0; i < N; i++) {
    assert_ok(bgj_job_start(jobs[i], NULL, &error));
    assert_ok(bgj_job_complete(jobs[i], NULL, &error));
    bgj_job_release(jobs[i]);
  }
  bgj_job_release(other);
}

static void what_has_failed_for_it_can_be_put_up_and_freed(void **state) {
  (void)state;
  bgj_job *a = make(), *b = make(), *c = make(), *found = NULL;
  assert_ok(bgj_job_fail(a, "no", &error));
  needs(b, a, BGJ_AFTER_SUCCESS);
  assert_string_equal(look(b)->reason, "dependency");
  /* It never ran: its place in the queue can be said, and it takes part when that can come again. */
  assert_ok(bgj_job_enqueue(b, NULL, &error));
  needs(c, b, BGJ_AFTER_END);
  assert_waits(b, "dependency", "(failed: no) to complete; that can no longer be met");
  assert_status(BGJ_ILLEGAL_TRANSITION, bgj_job_retry(b, &error));
  assert_says("Retry that one");
  assert_int_equal(look(b)->attempts, 1);
  assert_status(BGJ_END, bgj_manager_claim(manager, NULL, &found, &error));
  assert_ok(bgj_job_retry(a, &error));
  assert_int_equal(look(b)->status, BGJ_JOB_PENDING);
  assert_ok(bgj_job_fail(a, "no", &error));
  assert_ok(bgj_job_remove_dependency(b, bgj_job_id(a), &error));
  assert_ok(bgj_manager_claim(manager, NULL, &found, &error));
  assert_string_equal(bgj_job_id(found), bgj_job_id(b));
  bgj_job_release(a), bgj_job_release(b), bgj_job_release(c), bgj_job_release(found);
}

static void a_circle_is_refused(void **state) {
  (void)state;
  bgj_job *a = make(), *b = make(), *c = make();
  needs(b, a, BGJ_AFTER_SUCCESS);
  needs(c, b, BGJ_AFTER_END);
  assert_status(BGJ_INVALID, bgj_job_add_dependency(a, bgj_job_id(a), BGJ_AFTER_END, &error));
  assert_says("wait for itself");
  assert_status(BGJ_INVALID, bgj_job_add_dependency(a, bgj_job_id(c), BGJ_AFTER_END, &error));
  char circle[128];
  snprintf(circle, sizeof circle, "%s waits for %s waits for %s waits for %s", bgj_job_id(a),
           bgj_job_id(c), bgj_job_id(b), bgj_job_id(a));
  assert_says(circle);
  assert_status(BGJ_NOT_FOUND, bgj_job_add_dependency(a, "nothing", BGJ_AFTER_END, &error));
  static const unsigned int bad[] = {0, 5, 0x10, 0x21, 0x15};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_status(BGJ_INVALID, bgj_job_add_dependency(a, bgj_job_id(b), bad[i], &error));
  assert_ok(bgj_job_remove_dependency(c, bgj_job_id(b), &error));
  assert_ok(bgj_job_remove_dependency(c, bgj_job_id(b), &error));
  assert_ok(bgj_job_start(c, NULL, &error));
  assert_status(BGJ_ILLEGAL_TRANSITION,
                bgj_job_add_dependency(c, bgj_job_id(b), BGJ_AFTER_END, &error));
  bgj_job_release(a), bgj_job_release(b), bgj_job_release(c);
}

static void who_is_needed_is_first(void **state) {
  (void)state;
  bgj_job *first = make(), *middle = make(), *urgent = make(), *plain = make(), *found = NULL;
  bgj_queue_options options = BGJ_QUEUE_OPTIONS_INIT;
  assert_ok(bgj_job_enqueue(plain, &options, &error));
  options.priority = -5;
  assert_ok(bgj_job_enqueue(first, &options, &error));
  assert_ok(bgj_job_enqueue(middle, &options, &error));
  needs(middle, first, BGJ_AFTER_SUCCESS);
  needs(urgent, middle, BGJ_AFTER_SUCCESS);
  options.priority = 9;
  assert_ok(bgj_job_enqueue(urgent, &options, &error));
  bgj_job *order[] = {first, middle, urgent, plain};
  for (int i = 0; i < 4; i++) {
    assert_ok(bgj_manager_claim(manager, NULL, &found, &error));
    assert_string_equal(bgj_job_id(found), bgj_job_id(order[i]));
    assert_ok(bgj_job_complete(found, NULL, &error));
    bgj_job_release(found), bgj_job_release(order[i]);
  }
}

static void it_is_in_the_file_for_others(void **state) {
  (void)state;
  bgj_job *a = make(), *b = make(), *c = make();
  needs(c, a, BGJ_AFTER_SUCCESS);
  needs(c, b, BGJ_AFTER_END | BGJ_AFTER_HOLD);
  json_t *ids = json_object_get(state_of(c), "dependsOn");
  assert_int_equal(json_array_size(ids), 2);
  assert_string_equal(json_string_value(json_array_get(ids, 1)), bgj_job_id(b));
  assert_int_equal(json_integer_value(json_object_get(
      json_object_get(read_state(), "bgjobs"), "format")), 2);
  /* Who opens it anew knows the same, and cleanup leaves what is needed. */
  assert_ok(bgj_job_complete(a, NULL, &error));
  size_t removed = 0;
  assert_ok(bgj_manager_cleanup(manager, 0, &removed, &error));
  assert_int_equal(removed, 0);
  bgj_manager *other = open_other(NULL);
  assert_waits(job_of(other, bgj_job_id(c)), "dependency", bgj_job_id(b));
  assert_ok(bgj_job_fail(b, NULL, &error));
  assert_ok(bgj_job_start(c, NULL, &error));
  assert_ok(bgj_job_complete(c, NULL, &error));
  /* It has ended: nothing is needed for it any more. */
  assert_ok(bgj_manager_cleanup(manager, 0, &removed, &error));
  assert_int_equal(removed, 2);
  bgj_job_release(a), bgj_job_release(b), bgj_job_release(c);
}

static void what_another_tool_names_holds(void **state) {
  (void)state;
  path_of("a");
  write_jobs("{\"jobs\": [{\"id\": \"a\", \"type\": \"t\", \"status\": \"pending\", \"dependsOn\": [\"b\"]},"
             " {\"id\": \"b\", \"type\": \"t\", \"status\": \"pending\", \"dependsOn\": [\"a\"]},"
             " {\"id\": \"c\", \"type\": \"t\", \"status\": \"pending\", \"dependsOn\": [\"x\"]},"
             " {\"id\": \"d\", \"type\": \"t\", \"status\": \"pending\", \"dependsOn\": [\"e\"]},"
             " {\"id\": \"e\", \"type\": \"t\", \"status\": \"failed\"}]}");
  bgj_manager *fresh = open_other(NULL);
  static const char *const says[] = {"job b (pending) to complete", "job a (pending) to complete",
                                     "there is no such job", "can no longer be met"};
  for (int i = 0; i < 4; i++) {
    char id[2] = {(char)('a' + i), 0};
    bgj_job *job = job_of(fresh, id);
    assert_waits(job, "dependency", says[i]);
    assert_status(BGJ_WAITING, bgj_job_start(job, NULL, &error));
    assert_ok(bgj_job_enqueue(job, NULL, &error));
  }
  bgj_job *found = NULL;
  assert_status(BGJ_TIMEOUT, bgj_manager_claim(fresh, NULL, &found, &error));
  bgj_start_options anyway = BGJ_START_OPTIONS_INIT;
  anyway.flags = BGJ_START_ANYWAY;
  assert_ok(bgj_job_start(job_of(fresh, "a"), &anyway, &error));
}

static void what_is_no_plain_id_is_not_written(void **state) {
  (void)state;
  path_of("a");
  write_jobs("{\"jobs\": [{\"id\": \"a\", \"type\": \"t\", \"status\": \"pending\","
             " \"dependsOn\": [\"x\\\"y\\n\", \"b\"]},"
             " {\"id\": \"b\", \"type\": \"t\", \"status\": \"pending\", \"dependsOn\": [{}, 7]},"
             " {\"id\": \"c\\\"\", \"type\": \"t\", \"status\": \"pending\"}]}");
  bgj_manager *fresh = open_other(NULL);
  bgj_job *a = job_of(fresh, "a"), *b = job_of(fresh, "b");
  assert_status(BGJ_INVALID, bgj_job_remove_dependency(a, "b", &error));
  assert_says("no plain id");
  assert_status(BGJ_INVALID, bgj_job_add_dependency(b, "a", BGJ_AFTER_END, &error));
  bgj_job *job = make();
  assert_status(BGJ_INVALID, bgj_job_add_dependency(job, "c\"", BGJ_AFTER_END, &error));
  assert_ok(bgj_job_add_dependency(job, "a", BGJ_AFTER_END, &error));
  /* What is written is JSON. */
  assert_int_equal(json_array_size(json_object_get(read_state(), "jobs")), 4);
  bgj_job_release(job);
}

static void a_pause_by_hand_stays(void **state) {
  (void)state;
  bgj_job *a = make(), *b = make();
  needs(b, a, BGJ_AFTER_SUCCESS);
  assert_ok(bgj_job_pause(b, "lunch", 0, &error));
  assert_ok(bgj_job_fail(a, NULL, &error));
  assert_string_equal(look(b)->reason, "lunch");
  assert_ok(bgj_job_resume(b, &error));
  assert_string_equal(look(b)->reason, "dependency");
  bgj_job_release(a), bgj_job_release(b);
}

static void who_is_gone_has_ended(void **state) {
  (void)state;
  path_of("a");
  write_jobs("{\"jobs\": [{\"id\": \"a\", \"type\": \"t\", \"status\": \"pending\"}]}");
  bgj_job *end = make(), *success = make();
  assert_ok(bgj_job_add_dependency(end, "a", BGJ_AFTER_END, &error));
  assert_ok(bgj_job_add_dependency(success, "a", BGJ_AFTER_SUCCESS, &error));
  json_t *file = json_deep_copy(read_state());
  json_array_remove(json_object_get(file, "jobs"), 0);
  char *text = json_dumps(file, 0);
  write_file(STATE_FILE, text, strlen(text));
  assert_ok(bgj_job_start(end, NULL, &error));
  assert_string_equal(look(success)->reason, "dependency");
  free(text);
  json_decref(file);
  bgj_job_release(end), bgj_job_release(success);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(each_policy),
      TEST(a_failure_cascades_and_a_retry_mends_it),
      TEST(what_has_failed_for_it_can_be_put_up_and_freed),
      TEST(a_circle_is_refused),
      TEST(who_is_needed_is_first),
      TEST(it_is_in_the_file_for_others),
      TEST(what_another_tool_names_holds),
      TEST(what_is_no_plain_id_is_not_written),
      TEST(a_pause_by_hand_stays),
      TEST(who_is_gone_has_ended),
  };
  return RUN_TESTS(tests);
}
