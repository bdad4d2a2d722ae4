/* Attempts at items, the order in which they are given out, and a plan that is replaced. */
#include "support.h"

static const char *const plan[] = {"a", "b", "c", "d"};

/* What bgj_job_next gives out, as "a b c". Lives until the next call. */
static const char *rest(bgj_job *job) {
  static char text[256];
  char *item = NULL;
  text[0] = 0;
  while (bgj_job_next(job, &item, &error) == BGJ_OK) {
    if (text[0]) strcat(text, " ");
    strcat(text, item);
    bgj_string_free(item);
  }
  assert_int_equal(error.status, BGJ_END);
  return text;
}

static void begin(bgj_job *job, const char *item, int64_t attempt, int64_t unended) {
  int64_t is = -1, open = -1;
  assert_ok(bgj_job_item_begin(job, item, &is, &open, &error));
  assert_int_equal(is, attempt);
  assert_int_equal(open, unended);
}

/* Its owner dies, and another one takes it. */
static bgj_job *after_a_death(bgj_job *job) {
  static bgj_manager *owner;
  char id[64];
  snprintf(id, sizeof id, "%s", bgj_job_id(job));
  if (manager != NULL) close_manager();
  else close_other(owner);
  owner = open_other(NULL);
  bgj_job *same = job_of(owner, id);
  assert_ok(bgj_job_start(same, NULL, &error));
  return same;
}

static void what_was_begun_and_did_not_end_comes_last(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_plan(job, plan, 4, &error));
  begin(job, "b", 1, 1);
  begin(job, "b", 2, 2);
  begin(job, "a", 1, 1);
  job = after_a_death(job);
  assert_string_equal(rest(job), "c d a b");
  begin(job, "b", 3, 3);
  assert_ok(bgj_job_item_done(job, "b", &error));
  begin(job, "a", 2, 2);
  job = after_a_death(job);
  assert_string_equal(rest(job), "c d a");
}

static void assert_under_way(bgj_job *job, uint64_t count, const char *oldest) {
  bgj_job *const readers[] = {job, job_of(open_other(NULL), bgj_job_id(job))};
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(look(readers[i])->items_under_way, count);
    if (oldest == NULL)
      assert_null(look(readers[i])->current_item);
    else
      assert_string_equal(look(readers[i])->current_item, oldest);
  }
}

static void of_several_that_are_under_way_the_current_one_is_the_oldest(void **state) {
  (void)state;
  bgj_job *job = running();
  bgj_job *other = job_of(open_other(NULL), bgj_job_id(job));
  assert_ok(bgj_job_plan(job, plan, 4, &error));
  begin(job, "c", 1, 1);
  begin(job, "a", 1, 1);
  begin(job, "b", 1, 1);
  begin(other, "d", 1, 1);
  assert_under_way(job, 4, "c");
  assert_ok(bgj_job_item_failed(job, "a", NULL, &error));
  assert_under_way(job, 3, "c");
  assert_ok(bgj_job_item_done(other, "c", &error));
  assert_under_way(job, 2, "b");
  assert_ok(bgj_job_item_give_back(job, "b", &error));
  /* What somebody else works on is not what the owner does. */
  assert_under_way(job, 1, NULL);
  begin(job, "b", 2, 1);
  assert_under_way(job, 2, "b");
  job = after_a_death(job);
  /* The new owner has begun nothing yet. */
  assert_int_equal(look(job)->items_under_way, 0);
  begin(job, "d", 2, 2);
  assert_under_way(job, 1, "d");
  assert_ok(bgj_job_leave(job, NULL, &error));
  assert_int_equal(look(job)->items_under_way, 0);
}

static void what_was_given_back_is_as_if_it_had_not_been_begun(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_plan(job, plan, 4, &error));
  begin(job, "a", 1, 1);
  assert_ok(bgj_job_item_give_back(job, "a", &error));
  assert_null(look(job)->current_item);
  assert_ok(bgj_job_item_give_back(job, "a", &error));
  assert_ok(bgj_job_item_give_back(job, "never begun", &error));
  begin(job, "a", 2, 1);
  assert_ok(bgj_job_item_give_back(job, "a", &error));
  job = after_a_death(job);
  assert_string_equal(rest(job), "a b c d");
}

static void this_manager_gets_it_again(void **state) {
  (void)state;
  bgj_job *job = running();
  char *item = NULL;
  assert_ok(bgj_job_plan(job, plan, 3, &error));
  assert_ok(bgj_job_next(job, &item, &error));
  begin(job, item, 1, 1);
  assert_ok(bgj_job_item_give_back(job, item, &error));
  bgj_string_free(item);
  assert_string_equal(rest(job), "b c a");
  assert_string_equal(rest(job), "");
}

static void attempts_are_told_with_each_item(void **state) {
  (void)state;
  bgj_job *job = running();
  bgj_item_list *list = NULL;
  bgj_item item = BGJ_ITEM_INIT;
  assert_ok(bgj_job_plan(job, plan, 4, &error));
  begin(job, "a", 1, 1);
  begin(job, "b", 1, 1);
  assert_ok(bgj_job_item_failed(job, "b", NULL, &error));
  assert_ok(bgj_job_items(job, BGJ_ITEM_MASK_UNDER_WAY, &list, &error));
  assert_int_equal(bgj_item_list_count(list), 1);
  assert_ok(bgj_item_list_at(list, 0, &item, &error));
  assert_string_equal(item.name, "a");
  assert_int_equal(item.attempts, 1);
  bgj_item_list_free(list);
  assert_ok(bgj_job_fail(job, NULL, &error));
  assert_ok(bgj_job_retry(job, &error));
  assert_ok(bgj_job_start(job, NULL, &error));
  begin(job, "b", 2, 1);
  assert_ok(bgj_job_item_done(job, "b", &error));
  job = after_a_death(job);
  assert_ok(bgj_job_items(job, BGJ_ITEM_MASK_DONE, &list, &error));
  assert_ok(bgj_item_list_at(list, 0, &item, &error));
  assert_int_equal(item.attempts, 2);
  bgj_item_list_free(list);
}

static void what_has_ended_is_not_begun(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_item_done(job, "a", &error));
  begin(job, "a", 1, 0);
}

static void set_plan(bgj_job *job, const char *const *items, size_t count, size_t withdrawn) {
  size_t were = 99;
  assert_ok(bgj_job_set_plan(job, items, count, &were, &error));
  assert_int_equal(were, withdrawn);
}

static void a_new_plan_withdraws_what_it_does_not_name(void **state) {
  (void)state;
  const char *const next[] = {"d", "x", "a", "d"};
  bgj_job *job = running();
  set_plan(job, plan, 4, 0);
  assert_ok(bgj_job_item_done(job, "a", &error));
  assert_ok(bgj_job_item_failed(job, "b", NULL, &error));
  set_plan(job, next, 4, 1);
  const bgj_job_info *info = look(job);
  assert_int_equal(info->total, 4);
  assert_int_equal(info->items_open, 2);
  assert_int_equal(info->items_completed, 1);
  assert_int_equal(info->items_failed, 1);
  assert_string_equal(rest(job), "d x");
  job = after_a_death(job);
  assert_string_equal(rest(job), "d x");
  set_plan(job, NULL, 0, 2);
  assert_int_equal(look(job)->total, 2);
  assert_string_equal(rest(job), "");
  assert_ok(bgj_job_item_done(job, "c", &error));
  assert_int_equal(look(job)->items_completed, 2);
}

static void what_is_out_is_not_given_out_again(void **state) {
  (void)state;
  const char *const next[] = {"c", "a", "e"};
  bgj_job *job = running();
  char *item = NULL;
  set_plan(job, plan, 4, 0);
  assert_ok(bgj_job_next(job, &item, &error));
  assert_string_equal(item, "a");
  bgj_string_free(item);
  set_plan(job_of(open_other(NULL), bgj_job_id(job)), next, 3, 2);
  /* The look that sees it comes at most every 30 ms. */
  for (int i = 0; i < 100 && look(job)->total != 3; i++) continue;
  assert_string_equal(rest(job), "c e");
}

static void a_total_that_was_said_stays(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_plan(job, plan, 4, &error));
  assert_ok(bgj_job_set_total(job, 100, &error));
  set_plan(job, plan, 2, 2);
  assert_int_equal(look(job)->total, 100);
}

static void a_plan_of_a_job_that_has_ended(void **state) {
  (void)state;
  bgj_job *job = running();
  size_t withdrawn = 7;
  assert_ok(bgj_job_complete(job, NULL, &error));
  assert_status(BGJ_FINISHED, bgj_job_set_plan(job, plan, 4, &withdrawn, &error));
  assert_int_equal(withdrawn, 7);
}

static void a_shorter_limit_does_not_replace_a_longer_one(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_rate_limited(job, "x", 300, &error));
  int64_t until = look(job)->resume_at_ms;
  assert_ok(bgj_job_rate_limited(job, "y", 2, &error));
  assert_int_equal(look(job)->resume_at_ms, until);
  assert_ok(bgj_job_rate_limited(job_of(open_other(NULL), bgj_job_id(job)), "y", 900, &error));
  assert_true(look(job)->resume_at_ms > until + 500000);
}

/* 2026-11-27T12:00:00Z, whatever the machine's clock says. */
static const int64_t now_ms = 1795780800000;

static int64_t fixed_clock(void *context, bgj_clock_id which) {
  (void)context;
  return which == BGJ_CLOCK_REALTIME ? now_ms * 1000000 : 5000000000;
}

static void limits_are_read_as_servers_say_them(void **state) {
  (void)state;
  static const struct {
    const char *said;
    int64_t ms; /* -1: it is refused */
  } cases[] = {
      {"90", 90000},
      {" 5.7 ", 5700},
      {"0.0001", 1},
      {"15m", 900000},
      {"1h30m", 5400000},
      {"500ms", 500},
      {"2d", 172800000},
      {"1.5h", 5400000},
      {"0", 0},
      {"1795780830", 30000},
      {"1795780830.5", 30500},
      {"1795780830250", 30250},
      {"1795780000", 0},
      {"2026-11-27T12:00:42Z", 42000},
      {"2026-11-27t13:00:42.5+01:00", 42500},
      {"2026-11-27 12:00:42z", 42000},
      {"2020-01-01T00:00:00Z", 0},
      {"Fri, 27 Nov 2026 12:01:00 GMT", 60000},
      {"Friday, 27-Nov-26 12:01:00 GMT", 60000},
      {"Fri Nov 27 12:01:00 2026", 60000},
      {"Sun Nov  6 08:49:37 1994", 0},
      {"2678400", 2678400000},
      {"31d", 2678400000},
      {"32d", -1},
      {"2678401", -1},
      {"999999999", -1},
      {"2027-01-27T12:00:00Z", -1},
      {"1800000000", -1},
      {"", -1},
      {"soon", -1},
      {"-5", -1},
      {"5.", -1},
      {"5x", -1},
      {"5m7", -1},
      {"1e3", -1},
      {"Fri, 27 Nov 2026 12:01:00 PST", -1},
      {"Fri, 27 Foo 2026 12:01:00 GMT", -1},
      {"99999999999999999999999", -1},
  };
  bgj_options options = BGJ_OPTIONS_INIT;
  options.clock = fixed_clock;
  bgj_manager *clocked = open_other(&options);
  bgj_job *job = job_of(clocked, bgj_job_id(create()));
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (i > 0) {
      assert_ok(bgj_job_resume(job, &error));
    } else {
      assert_ok(bgj_job_start(job, NULL, &error));
    }
    bgj_status status = bgj_job_rate_limited_until(job, "github", cases[i].said, &error);
    if (cases[i].ms < 0) {
      if (status != BGJ_INVALID) fail_msg("'%s' is taken", cases[i].said);
      assert_says(cases[i].said);
      assert_int_equal(look(job)->status, BGJ_JOB_RUNNING);
      continue;
    }
    if (status != BGJ_OK) fail_msg("'%s': %s", cases[i].said, error.message);
    if (cases[i].ms == 0) {
      assert_int_equal(look(job)->status, BGJ_JOB_RUNNING);
    } else if (look(job)->resume_at_ms != now_ms + cases[i].ms) {
      fail_msg("'%s': %ld ms", cases[i].said, (long)(look(job)->resume_at_ms - now_ms));
    }
  }
}

static const char *config_of(bgj_job *job) {
  static char text[256];
  char *json = NULL;
  assert_ok(bgj_job_get_config(job, &json, &error));
  snprintf(text, sizeof text, "%s", json);
  bgj_string_free(json);
  return text;
}

/* In the config of the only job. */
static void another_tool_sets(const char *name, json_t *value) {
  bgj_manager_sync(manager, &error);
  json_t *document = read_state();
  json_t *config = json_object_get(json_array_get(json_object_get(document, "jobs"), 0), "config");
  json_object_set_new(config, name, value);
  char path[512];
  snprintf(path, sizeof path, "%s/" STATE_FILE, project);
  assert_int_equal(json_dump_file(document, path, 0), 0);
}

static void a_config_is_replaced_and_what_others_put_there_stays(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_set_config(job, "{\"a\": 1, \"b\": [2]}", &error));
  assert_string_equal(config_of(job), "{\"type\":\"clone-repos\",\"a\":1,\"b\":[2]}");
  another_tool_sets("theirs", json_true());
  another_tool_sets("a", json_integer(7));
  assert_ok(bgj_job_set_config(job, "{\"c\": 3}", &error));
  const char *all = "{\"type\":\"clone-repos\",\"c\":3,\"theirs\":true}";
  assert_string_equal(config_of(job), all);
  assert_string_equal(config_of(job_of(open_other(NULL), bgj_job_id(job))), all);
  /* However often either of them writes. */
  another_tool_sets("theirs", json_integer(8));
  another_tool_sets("theirs", json_integer(9));
  for (int n = 0; n < 3; n++) {
    char config[16];
    snprintf(config, sizeof config, "{\"c\": %d}", n);
    assert_ok(bgj_job_set_config(job, config, &error));
    job = after_a_death(job);
  }
  assert_string_equal(config_of(job), "{\"type\":\"clone-repos\",\"c\":2,\"theirs\":9}");
  assert_ok(bgj_job_set_config(job, "{\"theirs\": 0}", &error));
  assert_string_equal(config_of(job), "{\"type\":\"clone-repos\",\"theirs\":0}");
  assert_status(BGJ_INVALID, bgj_job_set_config(job, "[]", &error));
  assert_ok(bgj_job_complete(job, NULL, &error));
  assert_status(BGJ_FINISHED, bgj_job_set_config(job, "{}", &error));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(what_was_begun_and_did_not_end_comes_last),
      TEST(of_several_that_are_under_way_the_current_one_is_the_oldest),
      TEST(what_was_given_back_is_as_if_it_had_not_been_begun),
      TEST(this_manager_gets_it_again),
      TEST(attempts_are_told_with_each_item),
      TEST(what_has_ended_is_not_begun),
      TEST(a_new_plan_withdraws_what_it_does_not_name),
      TEST(what_is_out_is_not_given_out_again),
      TEST(a_total_that_was_said_stays),
      TEST(a_plan_of_a_job_that_has_ended),
      TEST(a_config_is_replaced_and_what_others_put_there_stays),
      TEST(limits_are_read_as_servers_say_them),
      TEST(a_shorter_limit_does_not_replace_a_longer_one),
  };
  return RUN_TESTS(tests);
}
