/* Planned items, the cursor and the config. */
#include "support.h"

static const char *const plan[] = {"a", "b", "c", "d"};

/* The next item, or "" at the end. Lives until the next call. */
static const char *next(bgj_job *job) {
  static char text[64];
  char *item = NULL;
  bgj_status status = bgj_job_next(job, &item, &error);
  if (status == BGJ_END) assert_null(item);
  else check_status(status, BGJ_OK, "bgj_job_next", __FILE__, __LINE__);
  snprintf(text, sizeof text, "%s", item == NULL ? "" : item);
  bgj_string_free(item);
  return text;
}

static void a_plan_is_given_out_in_order_and_once(void **state) {
  (void)state;
  bgj_job *job = create();
  assert_ok(bgj_job_plan(job, plan, 4, &error));
  assert_int_equal(look(job)->total, 4);
  assert_int_equal(look(job)->items_open, 4);
  assert_ok(bgj_job_start(job, NULL, &error));
  assert_string_equal(next(job), "a");
  assert_string_equal(next(job), "b");
  assert_ok(bgj_job_item_done(job, "c", &error));
  assert_string_equal(next(job), "d");
  assert_string_equal(next(job), "");
  assert_string_equal(next(job), "");
  assert_int_equal(look(job)->items_open, 3);
}

static void a_start_begins_again_with_what_is_left(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_plan(job, plan, 4, &error));
  assert_string_equal(next(job), "a");
  assert_ok(bgj_job_item_done(job, "a", &error));
  assert_string_equal(next(job), "b");
  assert_ok(bgj_job_item_failed(job, "b", NULL, &error));
  assert_string_equal(next(job), "c");
  close_manager();
  job = job_of(open_other(NULL), bgj_job_id(job));
  assert_ok(bgj_job_start(job, NULL, &error));
  assert_string_equal(next(job), "c");
  assert_ok(bgj_job_start(job, NULL, &error));
  assert_string_equal(next(job), "c");
  assert_string_equal(next(job), "d");
  assert_string_equal(next(job), "");
}

static void a_plan_may_be_given_on_every_run(void **state) {
  (void)state;
  const char *const longer[] = {"b", "e", "a", "e"};
  bgj_job *job = running();
  assert_ok(bgj_job_item_done(job, "b", &error));
  assert_ok(bgj_job_plan(job, plan, 4, &error));
  assert_ok(bgj_job_plan(job, plan, 4, &error));
  assert_int_equal(look(job)->total, 4);
  assert_ok(bgj_job_plan(job, longer, 4, &error));
  assert_int_equal(look(job)->total, 5);
  assert_int_equal(look(job)->items_open, 4);
  assert_string_equal(next(job), "a");
  assert_string_equal(next(job), "c");
  assert_string_equal(next(job), "d");
  assert_string_equal(next(job), "e");
  assert_string_equal(next(job), "");
}

static void a_plan_leaves_a_larger_total(void **state) {
  (void)state;
  bgj_job *job = create();
  assert_ok(bgj_job_set_total(job, 100, &error));
  assert_ok(bgj_job_plan(job, plan, 4, &error));
  assert_int_equal(look(job)->total, 100);
}

static void a_plan_is_taken_whole_or_not_at_all(void **state) {
  (void)state;
  const char *const missing[] = {"a", NULL};
  const char *const empty[] = {"a", ""};
  const char *const bad[] = {"a", "\xc0"};
  bgj_job *job = create();
  assert_status(BGJ_INVALID, bgj_job_plan(job, NULL, 1, &error));
  assert_status(BGJ_INVALID, bgj_job_plan(job, missing, 2, &error));
  assert_status(BGJ_INVALID, bgj_job_plan(job, empty, 2, &error));
  assert_status(BGJ_INVALID, bgj_job_plan(job, bad, 2, &error));
  assert_int_equal(look(job)->items_open, 0);
  assert_ok(bgj_job_plan(job, NULL, 0, &error));
  assert_int_equal(look(job)->total, 0);
}

static void a_long_plan(void **state) {
  (void)state;
  enum { COUNT = 20000 };
  char (*names)[16] = calloc(COUNT, sizeof *names);
  const char **items = calloc(COUNT, sizeof *items);
  assert_non_null(names);
  assert_non_null(items);
  for (int i = 0; i < COUNT; i++) {
    snprintf(names[i], sizeof names[i], "item-%d", i);
    items[i] = names[i];
  }
  bgj_job *job = running();
  assert_ok(bgj_job_plan(job, items, COUNT, &error));
  for (int i = 0; i < COUNT; i += 2) assert_ok(bgj_job_item_done(job, items[i], &error));
  for (int i = 0; i < COUNT; i++) assert_int_equal(bgj_job_is_done(job, items[i]), i % 2 == 0);
  for (int i = 1; i < COUNT; i += 2) assert_string_equal(next(job), items[i]);
  assert_string_equal(next(job), "");
  assert_int_equal(look(job)->percentage, 50);
  free(items);
  free(names);
}

static void a_paused_job_gives_out_nothing(void **state) {
  (void)state;
  char *item = (char *)plan;
  bgj_job *job = running();
  assert_ok(bgj_job_plan(job, plan, 4, &error));
  assert_ok(bgj_job_pause(job, NULL, 0, &error));
  assert_status(BGJ_PAUSED, bgj_job_next(job, &item, &error));
  assert_null(item);
  assert_ok(bgj_job_resume(job, &error));
  assert_string_equal(next(job), "a");
}

static void the_cursor_is_any_json(void **state) {
  (void)state;
  static const char *const values[] = {"51", "\"page\"", "null", "[1, [2]]",
                                       "{\"b\": 1, \"a\": {}}"};
  bgj_job *job = running();
  char *json = NULL;
  assert_status(BGJ_NOT_FOUND, bgj_job_get_cursor(job, &json, &error));
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    assert_ok(bgj_job_set_cursor(job, values[i], &error));
    assert_ok(bgj_job_get_cursor(job, &json, &error));
    assert_same_json(json, values[i]);
    bgj_string_free(json);
  }
  assert_status(BGJ_INVALID, bgj_job_set_cursor(job, "", &error));
  assert_status(BGJ_INVALID, bgj_job_set_cursor(job, "{\"a\":", &error));
  assert_status(BGJ_INVALID, bgj_job_set_cursor(job, "1 2", &error));
  assert_ok(bgj_job_get_cursor(job, &json, &error));
  assert_same_json(json, values[4]);
  bgj_string_free(json);
}

static void the_cursor_has_64_kib(void **state) {
  (void)state;
  static char text[65536 + 2];
  bgj_job *job = running();
  memset(text, 'x', 65536);
  text[0] = text[65535] = '"';
  assert_ok(bgj_job_set_cursor(job, text, &error));
  text[65535] = 'x';
  text[65536] = '"';
  assert_status(BGJ_INVALID, bgj_job_set_cursor(job, text, &error));
}

static void the_cursor_survives_with_what_was_before_it(void **state) {
  (void)state;
  char *json = NULL;
  bgj_job *job = running();
  assert_ok(bgj_job_item_done(job, "on page 1", &error));
  assert_ok(bgj_job_set_cursor(job, "2", &error));
  close_manager();
  job = job_of(open_other(NULL), bgj_job_id(job));
  assert_ok(bgj_job_get_cursor(job, &json, &error));
  assert_string_equal(json, "2");
  bgj_string_free(json);
  assert_int_equal(bgj_job_is_done(job, "on page 1"), 1);
}

static void the_config_comes_back_with_its_type(void **state) {
  (void)state;
  static const struct { const char *given, *got; } rows[] = {
      {NULL, "{\"type\": \"t\"}"},
      {"{}", "{\"type\": \"t\"}"},
      {"{\"type\": \"mine\", \"n\": 0.1}", "{\"type\": \"mine\", \"n\": 0.1}"},
      {"{\"deep\": [{\"\": [true, null, -9007199254740991]}], \"s\": \"\\u00e9\\ud83d\\ude80\"}",
       "{\"type\": \"t\", \"deep\": [{\"\": [true, null, -9007199254740991]}],"
       " \"s\": \"\xc3\xa9\xf0\x9f\x9a\x80\"}"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    bgj_job *job = NULL;
    char *json = NULL;
    assert_ok(bgj_manager_create(manager, "t", rows[i].given, 0, &job, &error));
    assert_ok(bgj_job_get_config(job, &json, &error));
    assert_same_json(json, rows[i].got);
    bgj_string_free(json);
    bgj_job_release(job);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_plan_is_given_out_in_order_and_once),
      TEST(a_start_begins_again_with_what_is_left),
      TEST(a_plan_may_be_given_on_every_run),
      TEST(a_plan_leaves_a_larger_total),
      TEST(a_plan_is_taken_whole_or_not_at_all),
      TEST(a_long_plan),
      TEST(a_paused_job_gives_out_nothing),
      TEST(the_cursor_is_any_json),
      TEST(the_cursor_has_64_kib),
      TEST(the_cursor_survives_with_what_was_before_it),
      TEST(the_config_comes_back_with_its_type),
  };
  return RUN_TESTS(tests);
}
