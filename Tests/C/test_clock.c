/* Time through a clock of our own: rate limits, active time, rate and ETA. */
#include "support.h"

static test_clock now; /* of the manager */

static int set_up_clock(void **state) {
  now = (test_clock){0, 0};
  bgj_options options = with_clock(&now);
  if (set_up(state) != 0) return -1;
  close_manager();
  return bgj_manager_open(project, &options, &manager, &error) == BGJ_OK ? 0 : -1;
}

#define CLOCK(function) cmocka_unit_test_setup_teardown(function, set_up_clock, tear_down)

/* Reports count items, one after each step of this many seconds. */
static void work(bgj_job *job, int count, int seconds) {
  static int serial;
  for (int i = 0; i < count; i++) {
    char item[32];
    snprintf(item, sizeof item, "item-%d", serial++);
    now.ahead += SECONDS(seconds);
    assert_ok(bgj_job_item_done(job, item, &error));
  }
}

static void a_rate_limit_passes_with_the_clock(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_rate_limited(job, "github", 3600, &error));
  assert_status(BGJ_PAUSED, bgj_job_start(job, NULL, &error));
  assert_status(BGJ_TIMEOUT, bgj_job_wait(job, BGJ_MASK_RUNNING, 0, NULL, &error));
  now.ahead += SECONDS(3601);
  assert_ok(bgj_job_wait(job, BGJ_MASK_RUNNING, 30000, NULL, &error));
  assert_ok(bgj_job_item_done(job, "a", &error));
}

static void a_limited_job_may_be_started_after_its_time(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_rate_limited(job, NULL, 3600, &error));
  assert_ok(bgj_job_leave(job, NULL, &error));
  assert_status(BGJ_PAUSED, bgj_job_start(job, NULL, &error));
  now.ahead += SECONDS(3601);
  assert_ok(bgj_job_start(job, NULL, &error));
}

static void times_are_those_of_the_clock(void **state) {
  (void)state;
  bgj_job *job = create();
  int64_t created = look(job)->created_ms;
  now.ahead += SECONDS(1000);
  assert_ok(bgj_job_start(job, NULL, &error));
  assert_in_range(look(job)->started_ms, created + 1000000, created + 1060000);
  now.ahead += SECONDS(1000);
  assert_ok(bgj_job_complete(job, NULL, &error));
  assert_in_range(look(job)->completed_ms, created + 2000000, created + 2060000);
}

static void rate_and_eta_appear(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_set_total(job, 100, &error));
  assert_true(look(job)->rate < 0);
  assert_int_equal(look(job)->eta, -1);
  work(job, 50, 2);
  double rate = look(job)->rate;
  assert_true(rate > 0.4 && rate < 0.6);
  assert_in_range(look(job)->eta, 80, 125);
  assert_in_range(look(job)->eta_low, 0, look(job)->eta);
  assert_in_range(look(job)->eta_high, look(job)->eta, 1000);
  assert_in_range(look(job)->active_ms, 99000, 130000);
  work(job, 50, 2);
  assert_int_equal(look(job)->eta, 0);
  assert_ok(bgj_job_complete(job, NULL, &error));
  assert_true(look(job)->rate < 0);
  assert_int_equal(look(job)->eta, -1);
  assert_int_equal(look(job)->eta_low, -1);
  assert_int_equal(look(job)->eta_high, -1);
}

static void without_a_total_there_is_no_eta(void **state) {
  (void)state;
  bgj_job *job = running();
  work(job, 50, 1);
  assert_true(look(job)->rate > 0);
  assert_int_equal(look(job)->eta, -1);
  assert_int_equal(look(job)->percentage, 0);
}

static void a_pause_is_not_work(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_set_total(job, 200, &error));
  work(job, 50, 1);
  assert_ok(bgj_job_pause(job, NULL, 0, &error));
  assert_true(look(job)->rate < 0);
  assert_int_equal(look(job)->eta, -1);
  now.ahead += SECONDS(36000);
  assert_in_range(look(job)->active_ms, 49000, 60000);
  assert_ok(bgj_job_resume(job, &error));
  work(job, 50, 1);
  assert_in_range(look(job)->active_ms, 99000, 120000);
  assert_in_range(look(job)->eta, 70, 140);
}

static void a_sleep_of_the_machine_is_not_work(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_set_total(job, 200, &error));
  work(job, 50, 1);
  now.ahead += SECONDS(36000);
  now.asleep += SECONDS(36000);
  work(job, 50, 1);
  assert_in_range(look(job)->active_ms, 99000, 120000);
  assert_in_range(look(job)->eta, 70, 140);
}

static void the_time_between_owners_is_not_work(void **state) {
  (void)state;
  bgj_options options = with_clock(&now);
  bgj_job *job = running();
  assert_ok(bgj_job_set_total(job, 200, &error));
  work(job, 50, 1);
  bgj_manager *other = open_other(&options);
  close_manager();
  now.ahead += SECONDS(36000);
  job = job_of(other, bgj_job_id(job));
  assert_ok(bgj_job_start(job, NULL, &error));
  work(job, 50, 1);
  assert_in_range(look(job)->active_ms, 99000, 120000);
  assert_in_range(look(job)->eta, 70, 140);
}

static void what_was_done_at_once_does_not_spoil_the_rate(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_set_total(job, 200, &error));
  work(job, 100, 0); /* found done: no work */
  work(job, 50, 1);
  assert_in_range(look(job)->eta, 15, 100);
}

static void a_position_is_no_speed(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_set_total(job, 5000, &error));
  assert_ok(bgj_job_update(job, 4000, NULL, NULL, NULL, &error)); /* where it went on */
  work(job, 20, 2);
  assert_in_range(look(job)->eta, 1900, 2020);
}

static void quick_items_have_an_eta(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_set_total(job, 1000, &error));
  for (int i = 0; i < 500; i++) {
    now.ahead += SECONDS(1) / 50;
    assert_ok(bgj_job_advance(job, 1, &error));
  }
  assert_in_range(look(job)->eta, 9, 11);
}

static void the_eta_ages_without_reports(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_set_total(job, 20, &error));
  work(job, 10, 600);
  assert_in_range(look(job)->eta, 5900, 6100);
  now.ahead += SECONDS(300);
  assert_in_range(look(job)->eta, 5600, 5800);
}

static void a_stall_shows_and_passes(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_set_total(job, 200, &error));
  work(job, 50, 1);
  assert_int_equal(look(job)->stalled, 0);
  now.ahead += SECONDS(300);
  assert_int_equal(look(job)->stalled, 1);
  assert_true(look(job)->eta_high > 600);
  work(job, 50, 1);
  assert_int_equal(look(job)->stalled, 0);
  assert_in_range(look(job)->eta, 95, 110);
}

static void the_finish_time_has_the_wait_in_it(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_int_equal(look(job)->finish_ms, -1);
  assert_int_equal(look(job)->wait_ms, 0);
  assert_ok(bgj_job_set_total(job, 150, &error));
  work(job, 50, 2);
  int64_t end = look(job)->finish_ms;
  assert_in_range(end, look(job)->updated_ms + 195000, look(job)->updated_ms + 205000);
  assert_ok(bgj_job_rate_limited(job, "github", 3600, &error));
  assert_int_equal(look(job)->eta, -1);
  assert_in_range(look(job)->wait_ms, 3590000, 3600000);
  assert_in_range(look(job)->finish_ms, end + 3590000, end + 3610000);
  now.ahead += SECONDS(600);
  assert_in_range(look(job)->wait_ms, 2990000, 3000000);
  assert_in_range(look(job)->finish_ms, end + 3590000, end + 3610000);
  assert_ok(bgj_job_pause(job, NULL, 0, &error));
  assert_int_equal(look(job)->wait_ms, -1);
  assert_int_equal(look(job)->finish_ms, -1);
}

static bgj_job *running_with(const char *type, const char *config) {
  bgj_job *job = NULL;
  assert_ok(bgj_manager_create(manager, type, config, 100, &job, &error));
  assert_ok(bgj_job_start(job, NULL, &error));
  return job;
}

/* Of a command, only its own: `bgjobs run` makes jobs of one type. */
static void commands_do_not_speak_for_each_other(void **state) {
  (void)state;
  bgj_job *before = running_with("run", "{\"command\": [\"sleep\", \"0.1\"], \"jobs\": 4}");
  work(before, 100, 3);
  assert_ok(bgj_job_complete(before, NULL, &error));
  bgj_job *other = running_with("run", "{\"command\": [\"sleep\", \"6\"], \"jobs\": 4}");
  assert_int_equal(look(other)->eta, -1);
  bgj_job *alone = running_with("run", "{\"command\": [\"sleep\", \"0.1\"], \"jobs\": 1}");
  assert_int_equal(look(alone)->eta, -1);
  bgj_job *same = running_with("run", "{\"command\": [ \"sleep\", \"0.1\" ], \"jobs\": 4}");
  assert_int_equal(look(same)->eta_from_history, 1);
  bgj_job_release(before);
  bgj_job_release(other);
  bgj_job_release(alone);
  bgj_job_release(same);
}

static void finished_jobs_of_its_kind_speak_first(void **state) {
  (void)state;
  bgj_job *before = running_with("import", "{\"provider\": \"github\"}");
  work(before, 100, 3);
  assert_ok(bgj_job_complete(before, NULL, &error));
  bgj_job *other = running_with("import", "{\"provider\": \"jira\"}");
  assert_int_equal(look(other)->eta, -1);
  bgj_job *unlike = running_with("export", "{\"provider\": \"github\"}");
  assert_int_equal(look(unlike)->eta, -1);
  bgj_job *job = running_with("import", "{\"provider\": \"github\"}");
  assert_int_equal(look(job)->eta_from_history, 1);
  assert_in_range(look(job)->eta, 280, 310);
  work(job, 20, 3);
  assert_int_equal(look(job)->eta_from_history, 0);
  bgj_job_release(before);
  bgj_job_release(other);
  bgj_job_release(unlike);
  bgj_job_release(job);
}

static int64_t broken(void *context, bgj_clock_id which) {
  static int turn;
  static const int64_t values[] = {INT64_MIN, INT64_MAX, 0, -1, 1};
  (void)context, (void)which;
  return values[turn++ % 5];
}

static void a_broken_clock_does_no_harm(void **state) {
  (void)state;
  bgj_options options = BGJ_OPTIONS_INIT;
  options.clock = broken;
  bgj_manager *other = open_other(&options);
  bgj_job *job = NULL;
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  assert_ok(bgj_manager_create(other, "t", NULL, 100, &job, &error));
  assert_ok(bgj_job_start(job, NULL, &error));
  for (int i = 0; i < 100; i++) {
    char item[16];
    snprintf(item, sizeof item, "%d", i);
    assert_ok(bgj_job_item_done(job, item, &error));
    assert_ok(bgj_job_get_info(job, &info, &error));
  }
  assert_ok(bgj_manager_sync(other, &error));
  assert_int_equal(info.items_completed, 100);
  assert_ok(bgj_job_rate_limited(job, NULL, 31 * 86400, &error));
  assert_ok(bgj_job_complete(job, NULL, &error));
  bgj_job_info_clear(&info);
  bgj_job_release(job);
  assert_non_null(json_object_get(read_state(), "jobs"));
}

/* A script that tells at its start what is there already: 2,000 of 6,000 items in the first second.
 * Then it does three a second. */
static void what_is_there_at_the_start_is_no_speed(void **state) {
  static const int chunks[] = {1, 100, 500, 1999};
  (void)state;
  for (int how = 0; how < 3; how++)
    for (size_t c = 0; c < sizeof chunks / sizeof *chunks; c++) {
      test_clock clock = {0};
      bgj_options options = with_clock(&clock);
      bgj_manager *other = open_other(&options);
      bgj_job *job = NULL;
      char name[16];
      assert_ok(bgj_manager_create(other, "bulk", NULL, 6000, &job, &error));
      assert_ok(bgj_job_start(job, NULL, &error));
      for (int done = 0; done < 6000;) {
        int count = done >= 2000 ? 1 : done == 0 ? 1 : chunks[c];
        if (done + count > 2000 && done < 2000) count = 2000 - done;
        clock.ahead += done < 2000 ? SECONDS(1) * count / 2000 : SECONDS(1) / 3;
        for (int i = 0; how == 0 && i < count; i++) {
          snprintf(name, sizeof name, "%d", done + i);
          assert_ok(bgj_job_item_done(job, name, &error));
        }
        if (how == 1) assert_ok(bgj_job_advance(job, count, &error));
        if (how == 2) assert_ok(bgj_job_update(job, done + count, NULL, NULL, NULL, &error));
        done += count;
        if (done != 2060 && done != 2600 && done != 4000 && done != 5500) continue;
        int64_t left = (6000 - done) / 3;
        const bgj_job_info *info = look(job);
        if (info->eta < left - left / 10 || info->eta > left + left / 10)
          fail_msg("how %d, by %d, at %d: %d s in place of %d", how, chunks[c], done,
                   (int)info->eta, (int)left);
      }
      bgj_job_release(job);
      close_other(other);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CLOCK(a_rate_limit_passes_with_the_clock),
      CLOCK(a_limited_job_may_be_started_after_its_time),
      CLOCK(times_are_those_of_the_clock),
      CLOCK(rate_and_eta_appear),
      CLOCK(without_a_total_there_is_no_eta),
      CLOCK(a_pause_is_not_work),
      CLOCK(a_sleep_of_the_machine_is_not_work),
      CLOCK(the_time_between_owners_is_not_work),
      CLOCK(what_was_done_at_once_does_not_spoil_the_rate),
      CLOCK(a_position_is_no_speed),
      CLOCK(quick_items_have_an_eta),
      CLOCK(the_eta_ages_without_reports),
      CLOCK(a_stall_shows_and_passes),
      CLOCK(the_finish_time_has_the_wait_in_it),
      CLOCK(finished_jobs_of_its_kind_speak_first),
      CLOCK(commands_do_not_speak_for_each_other),
      CLOCK(a_broken_clock_does_no_harm),
      TEST(what_is_there_at_the_start_is_no_speed),
  };
  return RUN_TESTS(tests);
}
