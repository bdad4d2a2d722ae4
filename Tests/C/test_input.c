/* Bad input is a status, and nothing else. */
#include "support.h"

/* Cut, overlong, a surrogate, above U+10FFFF, five bytes. */
static const char *const not_utf8[] = {
    "\xff", "a\x80", "\xc3", "\xc3(", "\xe2\x82", "\xf0\x9f\x9a", "\xc0\x80", "\xe0\x80\x80",
    "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80",
};
enum { NOT_UTF8 = sizeof not_utf8 / sizeof *not_utf8 };

static const char *const not_objects[] = {
    "", " ", "{", "}", "[]", "1", "null", "\"x\"", "{} {}", "{\"a\":}", "{\"a\" 1}", "{'a': 1}",
    "{\"a\": 01}", "{\"a\": NaN}", "{\"a\": 1e999}", "{\"a\": \"\xff\"}", "{\"a\": \"\n\"}",
};

static void items_have_1_to_4096_bytes(void **state) {
  (void)state;
  static char item[4098];
  bgj_job *job = running();
  memset(item, 'x', 4097);
  assert_status(BGJ_INVALID, bgj_job_item_done(job, item, &error));
  assert_status(BGJ_INVALID, bgj_job_item_failed(job, item, NULL, &error));
  assert_status(BGJ_INVALID, bgj_job_item_skipped(job, item, NULL, &error));
  assert_status(BGJ_INVALID, bgj_job_item_begin(job, item, NULL, NULL, &error));
  assert_status(BGJ_INVALID, bgj_job_item_begin(job, "", NULL, NULL, &error));
  assert_status(BGJ_INVALID, bgj_job_item_give_back(job, item, &error));
  assert_status(BGJ_INVALID, bgj_job_update(job, -1, item, NULL, NULL, &error));
  assert_status(BGJ_INVALID, bgj_job_item_skipped(job, "", NULL, &error));
  assert_status(BGJ_INVALID, bgj_job_item_done(job, "", &error));
  assert_status(BGJ_INVALID, bgj_job_item_failed(job, "", NULL, &error));
  assert_status(BGJ_INVALID, bgj_job_update(job, -1, NULL, "", NULL, &error));
  assert_int_equal(bgj_job_is_done(job, item), 0);
  assert_int_equal(bgj_job_is_done(job, ""), 0);
  assert_int_equal(look(job)->current, 0);
  item[4096] = 0;
  assert_ok(bgj_job_item_done(job, item, &error));
  assert_ok(bgj_job_update(job, -1, item, NULL, NULL, &error));
  assert_int_equal(bgj_job_is_done(job, item), 1);
  assert_string_equal(look(job)->current_item, item);
}

static void words_have_1_to_255_bytes(void **state) {
  (void)state;
  char word[257];
  bgj_job *job = NULL;
  memset(word, 'w', 256);
  word[256] = 0;
  assert_status(BGJ_INVALID, bgj_manager_create(manager, word, NULL, 0, &job, &error));
  assert_status(BGJ_INVALID, bgj_manager_ensure(manager, word, "k", NULL, 0, &job, &error));
  assert_status(BGJ_INVALID, bgj_manager_ensure(manager, "t", word, NULL, 0, &job, &error));
  assert_status(BGJ_INVALID, bgj_manager_create(manager, "", NULL, 0, &job, &error));
  assert_null(job);
  word[255] = 0;
  assert_ok(bgj_manager_ensure(manager, word, word, NULL, 0, &job, &error));
  assert_ok(bgj_job_pause(job, word, 0, &error));
  assert_string_equal(look(job)->type, word);
  assert_string_equal(look(job)->key, word);
  assert_string_equal(look(job)->reason, word);
  word[255] = 'w';
  assert_status(BGJ_INVALID, bgj_job_pause(job, word, 0, &error));
  assert_status(BGJ_INVALID, bgj_job_pause(job, "", 0, &error));
  bgj_job_release(job);
}

static void messages_may_be_long(void **state) {
  (void)state;
  enum { LONG = 1000000 };
  char *text = malloc(LONG + 1);
  assert_non_null(text);
  memset(text, 'm', LONG);
  text[LONG] = 0;
  bgj_job *job = running();
  assert_ok(bgj_job_item_failed(job, "a", text, &error));
  assert_ok(bgj_job_fail(job, text, &error));
  assert_string_equal(look(job)->error, text);
  free(text);
}

static void text_is_utf8(void **state) {
  (void)state;
  bgj_job *job = running(), *none = NULL;
  bgj_job_list *list = NULL;
  char *before = snapshot(job), json[64];
  for (int i = 0; i < NOT_UTF8; i++) {
    const char *bad = not_utf8[i];
    const char *const plan[] = {"good", bad};
    snprintf(json, sizeof json, "{\"a\": \"%s\"}", bad);
    assert_status(BGJ_INVALID, bgj_manager_create(manager, bad, NULL, 0, &none, &error));
    assert_status(BGJ_INVALID, bgj_manager_create(manager, "t", json, 0, &none, &error));
    assert_status(BGJ_INVALID, bgj_manager_ensure(manager, "t", bad, NULL, 0, &none, &error));
    assert_true(bgj_manager_find(manager, bad, &none, &error) >= BGJ_FINISHED);
    assert_status(BGJ_INVALID, bgj_manager_list(manager, 0, bad, &list, &error));
    assert_status(BGJ_INVALID, bgj_job_item_done(job, bad, &error));
    assert_status(BGJ_INVALID, bgj_job_item_failed(job, bad, NULL, &error));
    assert_status(BGJ_INVALID, bgj_job_item_failed(job, "good", bad, &error));
    assert_status(BGJ_INVALID, bgj_job_update(job, 1, bad, NULL, NULL, &error));
    assert_status(BGJ_INVALID, bgj_job_update(job, 1, NULL, bad, NULL, &error));
    assert_status(BGJ_INVALID, bgj_job_update(job, 1, NULL, NULL, bad, &error));
    assert_status(BGJ_INVALID, bgj_job_plan(job, plan, 2, &error));
    assert_status(BGJ_INVALID, bgj_job_set_cursor(job, json, &error));
    assert_status(BGJ_INVALID, bgj_job_pause(job, bad, 0, &error));
    assert_status(BGJ_INVALID, bgj_job_rate_limited(job, bad, 1, &error));
    assert_status(BGJ_INVALID, bgj_job_leave(job, bad, &error));
    assert_status(BGJ_INVALID, bgj_job_complete(job, json, &error));
    assert_status(BGJ_INVALID, bgj_job_fail(job, bad, &error));
    assert_status(BGJ_INVALID, bgj_job_cancel(job, bad, &error));
    assert_int_equal(bgj_job_is_done(job, bad), 0);
  }
  char *after = snapshot(job);
  assert_string_equal(after, before);
  assert_int_equal(count_jobs(manager, 0, NULL), 1);
  free(after);
  free(before);
}

static void a_config_is_a_json_object(void **state) {
  (void)state;
  bgj_job *job = NULL;
  for (size_t i = 0; i < sizeof not_objects / sizeof *not_objects; i++) {
    assert_status(BGJ_INVALID,
                  bgj_manager_create(manager, "t", not_objects[i], 0, &job, &error));
    assert_status(BGJ_INVALID,
                  bgj_manager_ensure(manager, "t", "k", not_objects[i], 0, &job, &error));
  }
  assert_null(job);
  assert_false(exists(".specweave"));
}

/* What goes in must come out of the state file again, where it lies deeper. */
static void json_has_1000_levels(void **state) {
  (void)state;
  enum { MOST = 5000 };
  static char json[2 * MOST + 16];
  static const int depths[] = {100, 999, 1000, 2048, MOST}; /* below one object */
  for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
    bgj_job *job = NULL;
    char *at = json + sprintf(json, "{\"a\": ");
    memset(at, '[', (size_t)depths[i]);
    memset(at + depths[i], ']', (size_t)depths[i]);
    strcpy(at + 2 * depths[i], "}");
    bgj_status expected = depths[i] < 1000 ? BGJ_OK : BGJ_INVALID;
    assert_status(expected, bgj_manager_create(manager, "t", json, 0, &job, &error));
    bgj_job_release(job);
  }
  bgj_job *job = running();
  assert_status(BGJ_INVALID, bgj_job_set_cursor(job, json, &error));
  assert_status(BGJ_INVALID, bgj_job_complete(job, json, &error));
  assert_int_equal(json_array_size(json_object_get(read_state(), "jobs")), 3);
  char command[600];
  snprintf(command, sizeof command, "rm -rf '%s'", path_of(STORE));
  close_manager();
  assert_int_equal(system(command), 0);
  assert_ok(bgj_manager_open(project, NULL, &manager, &error));
  assert_int_equal(count_jobs(manager, 0, NULL), 3);
}

static void numbers_have_bounds(void **state) {
  (void)state;
  static const int64_t bad[] = {-1, INT64_MIN, INT64_C(1) << 53, INT64_MAX};
  bgj_job *job = running(), *none = NULL;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_status(BGJ_INVALID, bgj_manager_create(manager, "t", NULL, bad[i], &none, &error));
    assert_status(BGJ_INVALID, bgj_manager_ensure(manager, "t", "k", NULL, bad[i], &none, &error));
    assert_status(BGJ_INVALID, bgj_job_set_total(job, bad[i], &error));
    if (bad[i] != -1)
      assert_status(BGJ_INVALID, bgj_job_update(job, bad[i], NULL, NULL, NULL, &error));
  }
  assert_status(BGJ_INVALID, bgj_job_update(job, -2, NULL, NULL, NULL, &error));
  assert_status(BGJ_INVALID, bgj_job_pause(job, NULL, -1, &error));
  assert_status(BGJ_INVALID, bgj_job_pause(job, NULL, INT64_MAX, &error));
  assert_int_equal(look(job)->current, 0);
  assert_int_equal(look(job)->total, 0);
  assert_int_equal(look(job)->status, BGJ_JOB_RUNNING);
  assert_ok(bgj_job_set_total(job, (INT64_C(1) << 53) - 1, &error));
  assert_int_equal(look(job)->total, (INT64_C(1) << 53) - 1);
}

/* However far somebody goes, integers in the file stay below 2^53, and nothing overflows. */
static void advances_do_not_overflow(void **state) {
  (void)state;
  static const int64_t steps[] = {INT64_MAX, INT64_MAX, INT64_MIN, INT64_MIN, INT64_C(1) << 53,
                                  (INT64_C(1) << 53) - 1, (INT64_C(1) << 53) - 1, -5, INT64_MAX};
  bgj_job *job = running();
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    bgj_status status = bgj_job_advance(job, steps[i], &error);
    assert_true(status == BGJ_OK || status == BGJ_INVALID);
    int64_t current = look(job)->current;
    assert_true(current < INT64_C(1) << 53 && current > -(INT64_C(1) << 53));
    json_t *progress = json_object_get(state_of(job), "progress");
    assert_int_equal(json_integer_value(json_object_get(progress, "current")), current);
  }
}

static void flags_and_masks_that_nobody_knows(void **state) {
  (void)state;
  bgj_start_options start = BGJ_START_OPTIONS_INIT;
  bgj_job *job = create();
  start.owner_pid = -1;
  start.flags = BGJ_START_DETACHED;
  assert_status(BGJ_INVALID, bgj_job_start(job, &start, &error));
  start.owner_pid = INT64_MAX;
  assert_status(BGJ_INVALID, bgj_job_start(job, &start, &error));
  assert_int_equal(look(job)->status, BGJ_JOB_PENDING);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(items_have_1_to_4096_bytes),
      TEST(words_have_1_to_255_bytes),
      TEST(messages_may_be_long),
      TEST(text_is_utf8),
      TEST(a_config_is_a_json_object),
      TEST(json_has_1000_levels),
      TEST(numbers_have_bounds),
      TEST(advances_do_not_overflow),
      TEST(flags_and_masks_that_nobody_knows),
  };
  return RUN_TESTS(tests);
}
