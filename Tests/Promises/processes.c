/*
 * Promise 3: any number of processes may hold the same project. Counts are exact, nobody fails.
 *
 *     promise_processes
 */
#include "promise.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OWNERS = 8, REPORTS = 10000, HELPERS = 40, EACH = 25, SHARED = 5 };

/* report PROJECT KEY: a job of its own, from its creation to its end. */
static int report(int argc, char **argv) {
  assert_int_equal(argc, 3);
  bgj_manager *manager = manager_open(argv[1]);
  bgj_job *job = NULL;
  MUST(bgj_manager_ensure(manager, "clone-repos", argv[2], NULL, REPORTS, &job, &fault));
  assert_int_equal(MUST(bgj_job_start(job, NULL, &fault)), BGJ_OK);
  for (int i = 0; i < REPORTS; i++) {
    char name[96];
    snprintf(name, sizeof name, "%s/%d", argv[2], i);
    assert_int_equal(MUST(bgj_job_item_done(job, name, &fault)), BGJ_OK);
  }
  assert_int_equal(MUST(bgj_job_complete(job, NULL, &fault)), BGJ_OK);
  bgj_job_release(job);
  assert_int_equal(MUST(bgj_manager_close(manager, &fault)), BGJ_OK);
  return 0;
}

/* help PROJECT ID NUMBER: items of its own, the same few items as all others, and advances, on a
 * job that another process owns. */
static int help(int argc, char **argv) {
  assert_int_equal(argc, 4);
  bgj_manager *manager = manager_open(argv[1]);
  bgj_job *job = NULL;
  MUST(bgj_manager_find(manager, argv[2], &job, &fault));
  for (int i = 0; i < EACH + SHARED; i++) {
    char name[96];
    if (i < EACH) snprintf(name, sizeof name, "help-%s-%d", argv[3], i);
    else snprintf(name, sizeof name, "shared-%d", i - EACH);
    assert_int_equal(MUST(bgj_job_item_done(job, name, &fault)), BGJ_OK);
  }
  MUST(bgj_job_advance(job, 2, &fault));
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
  return 0;
}

/* No item twice, in the JSON of the library and in the state file alike. */
static size_t distinct(json_t *items) {
  json_t *set = json_object(), *item;
  size_t i, count;
  json_array_foreach(items, i, item) json_object_set_new(set, json_string_value(item), json_true());
  count = json_object_size(set);
  assert_int_equal(count, json_array_size(items));
  json_decref(set);
  return count;
}

static void everyone_has_a_job(void **unused) {
  (void)unused;
  char *project = project_new(), keys[OWNERS][16];
  worker workers[OWNERS];
  double began = now_ms();
  for (int i = 0; i < OWNERS; i++) {
    snprintf(keys[i], sizeof keys[i], "job-%d", i);
    workers[i] = worker_start("report", project, keys[i], NULL);
  }
  for (int i = 0; i < OWNERS; i++) worker_end(&workers[i]);
  double took = now_ms() - began;

  bgj_manager *manager = manager_open(project);
  json_t *state = state_json(project);
  assert_int_equal(json_array_size(json_object_get(state, "jobs")), OWNERS);
  for (int i = 0; i < OWNERS; i++) {
    bgj_job *job = job_of_key(manager, keys[i]);
    json_t *json = job_json(job), *published = job_in_state(state, bgj_job_id(job));
    assert_string_equal(status_in(json), "completed");
    assert_int_equal(current_in(json), REPORTS);
    assert_int_equal(distinct(items_in(json)), REPORTS);
    for (int k = 0; k < REPORTS; k++) {
      char name[96];
      snprintf(name, sizeof name, "job-%d/%d", i, k);
      assert_string_equal(json_string_value(json_array_get(items_in(json), (size_t)k)), name);
    }
    assert_string_equal(status_in(published), "completed");
    assert_true(json_equal(items_in(published), items_in(json)));
    json_decref(json);
    bgj_job_release(job);
  }
  json_decref(state);
  MUST(bgj_manager_close(manager, &fault));
  print_message("processes: %d with %d reports each: exact, %.0f ms in all\n", OWNERS, REPORTS,
                took);
  project_remove(project);
}

static void many_help_an_owner(void **unused) {
  (void)unused;
  char *project = project_new(), id[64];
  worker owner = owner_start(project, "shared", 200, 0, "complete", id), workers[HELPERS];
  double began = now_ms();
  for (int i = 0; i < HELPERS; i++) {
    char number[16];
    snprintf(number, sizeof number, "%d", i);
    workers[i] = worker_start("help", project, id, number, NULL);
  }
  for (int i = 0; i < HELPERS; i++) worker_end(&workers[i]);
  double took = now_ms() - began;

  bgj_manager *manager = manager_open(project);
  bgj_job *job = NULL;
  MUST(bgj_manager_find(manager, id, &job, &fault));
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  MUST(bgj_job_get_info(job, &info, &fault));
  assert_int_equal(info.status, BGJ_JOB_RUNNING);
  assert_int_equal(info.owner_pid, owner.pid);
  bgj_job_info_clear(&info);

  int owned = owner_end(&owner), expected = owned + HELPERS * EACH + SHARED;
  json_t *json = job_json(job), *state = state_json(project), *published = job_in_state(state, id);
  json_t *const views[] = {json, published};
  for (int i = 0; i < COUNT_OF(views); i++) {
    assert_string_equal(status_in(views[i]), "completed");
    assert_int_equal(distinct(items_in(views[i])), expected);
    assert_int_equal(current_in(views[i]), expected + 2 * HELPERS);
  }
  for (int i = 0; i < HELPERS * EACH; i++) {
    char name[96];
    snprintf(name, sizeof name, "help-%d-%d", i / EACH, i % EACH);
    assert_int_equal(bgj_job_is_done(job, name), 1);
  }
  json_decref(json);
  json_decref(state);
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
  print_message("processes: %d x %d reports on a job at work (%d own reports meanwhile): exact, "
                "%.0f ms\n", HELPERS, EACH + SHARED + 1, owned, took);
  project_remove(project);
}

int main(int argc, char **argv) {
  static const role roles[] = {{"report", report}, {"help", help}};
  int ended = role_run(roles, COUNT_OF(roles), argc, argv);
  if (ended >= 0) return ended;
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(everyone_has_a_job),
    cmocka_unit_test(many_help_an_owner),
  };
  return cmocka_run_group_tests_name("processes", tests, NULL, NULL);
}
