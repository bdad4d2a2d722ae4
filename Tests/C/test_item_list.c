/* What became of each item: bgj_job_items. */
#include "support.h"

static const char *const plan[] = {"a", "b", "c", "d"};

/* What a list says, as "done a x1; failed b x1: why". Lives until the next call. */
static const char *walk(bgj_job *job, unsigned int states) {
  static const char *const words[] = {"?", "open", "under way", "done", "failed", "skipped"};
  static char text[1024];
  bgj_item_list *list = NULL;
  bgj_item item = BGJ_ITEM_INIT;
  size_t used = 0;
  assert_ok(bgj_job_items(job, states, &list, &error));
  text[0] = 0;
  for (size_t i = 0; i < bgj_item_list_count(list); i++) {
    assert_ok(bgj_item_list_at(list, i, &item, &error));
    used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %s x%d%s%s", i ? "; " : "",
                             words[item.state], item.name, item.attempts,
                             item.why ? ": " : "", item.why ? item.why : "");
    assert_true(used < sizeof text);
  }
  bgj_item_list_free(list);
  return text;
}

static void each_item_has_a_state_and_a_reason(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_plan(job, plan, 4, &error));
  assert_ok(bgj_job_item_done(job, "d", &error));
  assert_ok(bgj_job_item_failed(job, "c", "no route", &error));
  assert_ok(bgj_job_item_failed(job, "unplanned", NULL, &error));
  assert_ok(bgj_job_item_done(job, "a", &error));
  const char *all = "done d x1; done a x1; failed c x1: no route; failed unplanned x1; open b x0";
  assert_string_equal(walk(job, 0), all);
  assert_string_equal(walk(job, BGJ_ITEM_MASK_ALL), all);
  assert_string_equal(walk(job, BGJ_ITEM_MASK_FAILED),
                      "failed c x1: no route; failed unplanned x1");
  assert_string_equal(walk(job, BGJ_ITEM_MASK_OPEN | BGJ_ITEM_MASK_DONE),
                      "done d x1; done a x1; open b x0");
  assert_string_equal(walk(job, BGJ_ITEM_MASK_UNDER_WAY), "");
  /* The same to whoever opens it anew, and after it has ended. */
  assert_ok(bgj_job_complete(job, NULL, &error));
  assert_string_equal(walk(job_of(open_other(NULL), bgj_job_id(job)), 0), all);
}

static void what_failed_and_is_done_after_all_is_done(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_item_failed(job, "a", "first", &error));
  assert_ok(bgj_job_item_failed(job, "b", "second", &error));
  assert_ok(bgj_job_item_done(job, "a", &error));
  assert_string_equal(walk(job, 0), "done a x1; failed b x1: second");
}

static void a_list_is_a_copy_with_strings_of_its_own(void **state) {
  (void)state;
  bgj_job *job = running();
  bgj_item_list *list = NULL;
  bgj_item one = BGJ_ITEM_INIT, other = BGJ_ITEM_INIT;
  assert_ok(bgj_job_item_failed(job, "a", "first", &error));
  assert_ok(bgj_job_item_failed(job, "b", "", &error));
  assert_ok(bgj_job_items(job, 0, &list, &error));
  assert_ok(bgj_job_item_done(job, "a", &error));
  assert_ok(bgj_job_cancel(job, NULL, &error));
  close_manager();
  assert_int_equal(bgj_item_list_count(list), 2);
  assert_ok(bgj_item_list_at(list, 0, &one, &error));
  assert_ok(bgj_item_list_at(list, 1, &other, &error));
  assert_int_equal(one.state, BGJ_ITEM_FAILED);
  assert_string_equal(one.name, "a");
  assert_string_equal(one.why, "first");
  assert_string_equal(other.why, "");
  assert_status(BGJ_NOT_FOUND, bgj_item_list_at(list, 2, &one, &error));
  assert_status(BGJ_NOT_FOUND, bgj_item_list_at(list, SIZE_MAX, &one, &error));
  assert_string_equal(one.name, "a");
  bgj_item_list_free(list);
}

static void an_item_is_filled_as_far_as_its_caller_knows_it(void **state) {
  (void)state;
  bgj_job *job = running();
  bgj_item_list *list = NULL;
  bgj_item item;
  assert_ok(bgj_job_item_failed(job, "a", "why", &error));
  assert_ok(bgj_job_items(job, 0, &list, &error));
  memset(&item, 0x5a, sizeof item);
  item.struct_size = offsetof(bgj_item, why);
  assert_ok(bgj_item_list_at(list, 0, &item, &error));
  assert_int_equal(item.struct_size, offsetof(bgj_item, why));
  assert_string_equal(item.name, "a");
  assert_int_equal((uintptr_t)item.why & 0xff, 0x5a);
  item.struct_size = 0;
  assert_status(BGJ_INVALID, bgj_item_list_at(list, 0, &item, &error));
  assert_says("BGJ_ITEM_INIT");
  bgj_item_list_free(list);
}

static void states_must_be_known(void **state) {
  (void)state;
  bgj_job *job = running();
  bgj_item_list *list = (bgj_item_list *)project;
  assert_status(BGJ_INVALID, bgj_job_items(job, 1, &list, &error));
  assert_status(BGJ_INVALID, bgj_job_items(job, 0x40, &list, &error));
  assert_ptr_equal(list, project);
}

static void a_list_of_another_tool_counts_once(void **state) {
  (void)state;
  write_jobs("{\"jobs\": [{\"id\": \"theirs\", \"status\": \"completed\", \"progress\": {"
             "\"itemsCompleted\": [\"b\", \"a\", \"b\", \"z\\u0000z\", \"\"],"
             "\"itemsFailed\": [\"f\", \"f\", \"a\"]}}]}");
  bgj_job *job = job_of(open_other(NULL), "theirs");
  assert_string_equal(walk(job, 0), "done b x1; done a x1; done z z x1; done  x1; failed f x1");
}

static void a_long_list(void **state) {
  (void)state;
  enum { COUNT = 20000 };
  bgj_job *job = running();
  bgj_item_list *list = NULL;
  bgj_item item = BGJ_ITEM_INIT;
  char name[16];
  for (int i = 0; i < COUNT; i++) {
    snprintf(name, sizeof name, "item-%d", i);
    if (i % 3 == 0) assert_ok(bgj_job_item_failed(job, name, name, &error));
    else assert_ok(bgj_job_item_done(job, name, &error));
  }
  assert_ok(bgj_job_items(job, BGJ_ITEM_MASK_FAILED, &list, &error));
  assert_int_equal(bgj_item_list_count(list), (COUNT + 2) / 3);
  for (int i = 0; i < COUNT; i += 3) {
    snprintf(name, sizeof name, "item-%d", i);
    assert_ok(bgj_item_list_at(list, (size_t)i / 3, &item, &error));
    assert_string_equal(item.name, name);
    assert_string_equal(item.why, name);
  }
  bgj_item_list_free(list);
}

/* ---- Skipped items ---- */

static void a_skipped_item_has_ended_and_is_no_failure(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_plan(job, plan, 4, &error));
  assert_ok(bgj_job_update(job, -1, "b", NULL, NULL, &error));
  assert_ok(bgj_job_item_skipped(job, "b", "already there", &error));
  assert_ok(bgj_job_item_skipped(job, "d", NULL, &error));
  const bgj_job_info *info = look(job);
  assert_int_equal(info->items_skipped, 2);
  assert_int_equal(info->items_completed, 0);
  assert_int_equal(info->items_failed, 0);
  assert_int_equal(info->items_open, 2);
  assert_int_equal(info->current, 2);
  assert_int_equal(info->percentage, 50);
  assert_null(info->current_item);
  assert_int_equal(bgj_job_is_done(job, "b"), 0);
  assert_string_equal(walk(job, 0),
                      "skipped b x1: already there; skipped d x1; open a x0; open c x0");
  char *name = NULL;
  assert_ok(bgj_job_next(job, &name, &error));
  assert_string_equal(name, "a");
  bgj_string_free(name);
  assert_ok(bgj_job_next(job, &name, &error));
  assert_string_equal(name, "c");
  bgj_string_free(name);
  assert_status(BGJ_END, bgj_job_next(job, &name, &error));
  assert_ok(bgj_job_item_done(job, "a", &error));
  assert_ok(bgj_job_item_done(job, "c", &error));
  assert_ok(bgj_job_complete(job, NULL, &error));
  assert_int_equal(look(job)->percentage, 100);
  assert_int_equal(look(job)->has_warnings, 0);
  assert_status(BGJ_ILLEGAL_TRANSITION, bgj_job_retry(job, &error));
}

static void done_beats_skipped_beats_failed(void **state) {
  (void)state;
  static const char *const orders[] = {"dsf", "dfs", "sdf", "sfd", "fds", "fsd"};
  bgj_job *mine = running(), *theirs = job_of(open_other(NULL), bgj_job_id(mine));
  for (int who = 0; who < 2; who++) {
    bgj_job *job = who ? theirs : mine;
    for (size_t i = 0; i < 6; i++) {
      char name[24], sf[24], fs[24];
      snprintf(name, sizeof name, "%d %s", who, orders[i]);
      snprintf(sf, sizeof sf, "%d sf %zu", who, i), snprintf(fs, sizeof fs, "%d fs %zu", who, i);
      for (const char *c = orders[i]; *c; c++) {
        if (*c == 'd') assert_ok(bgj_job_item_done(job, name, &error));
        if (*c == 's') assert_ok(bgj_job_item_skipped(job, name, "s", &error));
        if (*c == 'f') assert_ok(bgj_job_item_failed(job, name, "f", &error));
      }
      assert_ok(bgj_job_item_skipped(job, sf, "s", &error));
      assert_ok(bgj_job_item_failed(job, sf, "f", &error));
      assert_ok(bgj_job_item_failed(job, fs, "f", &error));
      assert_ok(bgj_job_item_skipped(job, fs, NULL, &error));
    }
  }
  assert_int_equal(look(theirs)->items_completed, 12);
  assert_int_equal(look(theirs)->items_skipped, 24);
  assert_int_equal(look(theirs)->items_failed, 0);
  assert_int_equal(look(theirs)->current, 36);
  assert_string_equal(walk(theirs, BGJ_ITEM_MASK_FAILED), "");
}

static void many_items_are_done_at_once(void **state) {
  (void)state;
  const char *first[] = {"a", "b", "c", "a", "f"}, *again[] = {"a", "b"}, *bad[] = {"x", "y", ""};
  bgj_job *job = running();
  assert_ok(bgj_job_item_failed(job, "f", "why", &error));
  assert_ok(bgj_job_update(job, -1, "b", NULL, NULL, &error));
  assert_ok(bgj_job_items_done(job, first, 5, &error));
  assert_string_equal(walk(job, 0), "done a x1; done b x1; done c x1; done f x1");
  assert_int_equal(look(job)->current, 4);
  assert_int_equal(look(job)->items_failed, 0);
  assert_null(look(job)->current_item);
  assert_ok(bgj_job_items_done(job, again, 2, &error));
  assert_ok(bgj_job_items_done(job, NULL, 0, &error));
  assert_int_equal(look(job)->current, 4);
  /* All or none. */
  assert_status(BGJ_INVALID, bgj_job_items_done(job, bad, 3, &error));
  assert_int_equal(look(job)->current, 4);
  assert_ok(bgj_job_update(job, 10, NULL, NULL, NULL, &error));
  assert_ok(bgj_job_items_done(job, bad, 2, &error));
  assert_int_equal(look(job)->current, 12);
  assert_ok(bgj_job_complete(job, NULL, &error));
  assert_status(BGJ_FINISHED, bgj_job_items_done(job, bad, 2, &error));
}

static void what_is_done_at_once_has_a_limit(void **state) {
  (void)state;
  enum { MANY = 4000000 / 1002 };
  static char text[MANY + 1][1001];
  static const char *items[MANY + 1];
  for (int i = 0; i <= MANY; i++) {
    snprintf(text[i], sizeof text[i], "%01000d", i);
    items[i] = text[i];
  }
  bgj_job *job = running();
  assert_ok(bgj_job_items_done(job, items, MANY, &error));
  assert_int_equal(look(job)->current, MANY);
  assert_status(BGJ_INVALID, bgj_job_items_done(job, items, MANY + 1, &error));
  assert_non_null(strstr(error.message, "4000000"));
  assert_int_equal(look(job)->current, MANY);
}

static void current_counts_skipped_items_once(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_item_failed(job, "a", NULL, &error));
  assert_ok(bgj_job_item_skipped(job, "a", NULL, &error));
  assert_ok(bgj_job_item_skipped(job, "a", NULL, &error));
  assert_int_equal(look(job)->current, 1);
  assert_ok(bgj_job_update(job, 10, NULL, NULL, NULL, &error));
  assert_ok(bgj_job_item_skipped(job, "b", NULL, &error));
  assert_int_equal(look(job)->current, 11);
  assert_ok(bgj_job_item_done(job, "b", &error));
  assert_int_equal(look(job)->current, 11);
  assert_int_equal(look(job)->items_skipped, 1);
}

static void skipped_items_stay_through_a_retry_and_every_file(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_plan(job, plan, 4, &error));
  assert_ok(bgj_job_item_skipped(job, "a", "there", &error));
  assert_ok(bgj_job_item_failed(job, "b", "no", &error));
  assert_ok(bgj_job_complete(job, NULL, &error));
  assert_ok(bgj_job_retry(job, &error));
  const char *now = "skipped a x1: there; open b x1; open c x0; open d x0";
  assert_string_equal(walk(job, 0), now);
  json_t *progress = json_object_get(state_of(job), "progress");
  assert_int_equal(json_integer_value(json_object_get(progress, "current")), 1);
  assert_int_equal(json_array_size(json_object_get(progress, "itemsCompleted")), 0);
  assert_int_equal(json_array_size(json_object_get(progress, "itemsFailed")), 0);
  /* The journal made anew from the state file. */
  close_manager();
  assert_int_equal(remove(path_of(STORE "/journal")), 0);
  job = job_of(open_other(NULL), bgj_job_id(job));
  assert_string_equal(walk(job, 0), now);
  assert_int_equal(look(job)->current, 1);
  assert_int_equal(look(job)->items_skipped, 1);
}

static void an_edit_of_others_keeps_what_was_skipped(void **state) {
  (void)state;
  for (int drops = 0; drops < 2; drops++) {
    bgj_job *job = running();
    assert_ok(bgj_job_item_skipped(job, "a", "there", &error));
    assert_ok(bgj_job_item_skipped(job, "b", NULL, &error));
    assert_ok(bgj_job_item_done(job, "c", &error));
    assert_ok(bgj_job_leave(job, NULL, &error));
    json_t *root = read_state(), *jobs = json_object_get(root, "jobs");
    json_t *entry = json_array_get(jobs, json_array_size(jobs) - 1);
    json_t *progress = json_object_get(entry, "progress");
    json_object_set_new(progress, "current", json_integer(4));
    json_array_append_new(json_object_get(progress, "itemsCompleted"), json_string("b"));
    json_array_append_new(json_object_get(progress, "itemsCompleted"), json_string("d"));
    json_object_set_new(progress, "total", json_integer(8 + drops));
    /* Some tools carry our member along, some do not. */
    if (drops) json_object_del(entry, "bgjobs");
    json_dump_file(root, path_of(STATE_FILE), 0);
    assert_string_equal(walk(job, 0), "done c x1; done b x1; done d x1; skipped a x1: there");
    assert_int_equal(look(job)->current, 4);
    assert_int_equal(look(job)->total, 8 + drops);
    assert_ok(bgj_manager_sync(manager, &error));
    assert_int_equal(look(job)->current, 4);
    assert_ok(bgj_job_cancel(job, NULL, &error));
  }
}

/* ---- Some tried again ---- */

static void a_retry_of_some_leaves_the_others_failed(void **state) {
  (void)state;
  const char *const some[] = {"c", "unplanned", "c"}, *const bad[] = {"c", "a"};
  const char *const unknown[] = {"never"};
  bgj_job *job = running();
  assert_ok(bgj_job_plan(job, plan, 4, &error));
  assert_ok(bgj_job_item_done(job, "a", &error));
  assert_ok(bgj_job_item_failed(job, "b", "of b", &error));
  assert_ok(bgj_job_item_failed(job, "c", "of c", &error));
  assert_ok(bgj_job_item_failed(job, "unplanned", "of it", &error));
  assert_status(BGJ_ILLEGAL_TRANSITION, bgj_job_retry_items(job, some, 3, &error));
  assert_ok(bgj_job_complete(job, NULL, &error));

  char *before = snapshot(job);
  assert_status(BGJ_INVALID, bgj_job_retry_items(job, bad, 2, &error));
  assert_says("item a ");
  assert_status(BGJ_INVALID, bgj_job_retry_items(job, unknown, 1, &error));
  assert_status(BGJ_INVALID, bgj_job_retry_items(job, NULL, 1, &error));
  char *after = snapshot(job);
  assert_string_equal(after, before);
  free(before), free(after);

  assert_ok(bgj_job_retry_items(job, some, 3, &error));
  const char *now = "done a x1; failed b x1: of b; open c x1; open d x0";
  assert_int_equal(look(job)->status, BGJ_JOB_PENDING);
  assert_int_equal(look(job)->attempts, 2);
  assert_int_equal(look(job)->current, 2);
  assert_int_equal(look(job)->items_open, 2);
  assert_string_equal(walk(job, 0), now);
  assert_string_equal(walk(job_of(open_other(NULL), bgj_job_id(job)), 0), now);
  char *name = NULL;
  assert_ok(bgj_job_start(job, NULL, &error));
  assert_ok(bgj_job_next(job, &name, &error));
  assert_string_equal(name, "c");
  bgj_string_free(name);
  assert_ok(bgj_job_item_failed(job, "c", "again", &error));
  assert_ok(bgj_job_item_done(job, "d", &error));
  assert_string_equal(walk(job, BGJ_ITEM_MASK_FAILED),
                      "failed b x1: of b; failed c x1: again");
  assert_int_equal(json_array_size(json_object_get(json_object_get(state_of(job), "progress"),
                                                   "itemsFailed")), 2);
  assert_ok(bgj_job_complete(job, NULL, &error));
  assert_int_equal(look(job)->has_warnings, 1);
}

static void a_failed_job_is_tried_again_without_its_failed_items(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_item_failed(job, "a", "of a", &error));
  assert_ok(bgj_job_fail(job, "no", &error));
  assert_ok(bgj_job_retry_items(job, NULL, 0, &error));
  assert_string_equal(walk(job, 0), "failed a x1: of a");
  assert_int_equal(look(job)->status, BGJ_JOB_PENDING);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(each_item_has_a_state_and_a_reason),
      TEST(what_failed_and_is_done_after_all_is_done),
      TEST(a_list_is_a_copy_with_strings_of_its_own),
      TEST(an_item_is_filled_as_far_as_its_caller_knows_it),
      TEST(states_must_be_known),
      TEST(a_list_of_another_tool_counts_once),
      TEST(a_long_list),
      TEST(a_skipped_item_has_ended_and_is_no_failure),
      TEST(done_beats_skipped_beats_failed),
      TEST(many_items_are_done_at_once),
      TEST(what_is_done_at_once_has_a_limit),
      TEST(current_counts_skipped_items_once),
      TEST(skipped_items_stay_through_a_retry_and_every_file),
      TEST(an_edit_of_others_keeps_what_was_skipped),
      TEST(a_retry_of_some_leaves_the_others_failed),
      TEST(a_failed_job_is_tried_again_without_its_failed_items),
  };
  return RUN_TESTS(tests);
}
