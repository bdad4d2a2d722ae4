/*
 * What one process does, another sees: through the library and, with jq, in the state file. An
 * owner learns of a pause from its own reports. Figures are printed; only gross lateness fails,
 * since a busy machine is late with everything.
 *
 *     promise_visible [ROUNDS]
 */
#include "promise.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAUSES = 100 };
static const double promised = 1000, gross = 3000, pause_promised = 60, pause_gross = 1000;
static int rounds = 5;

/* ---- The worker that acts when it is told to ---- */

/* When the call had returned, and on which job. */
typedef struct answer {
  double at;
  char id[64];
} answer;

/* act PROJECT [ID]: obeys c(reate), s(tart), m(ark an item done), p(ause), r(esume), C(omplete), on
 * its one job or on the one of that id. Between commands it reports every millisecond while the job
 * runs, as a worker would. */
static int act(int argc, char **argv) {
  bgj_manager *manager = manager_open(argv[1]);
  bgj_job *job = NULL;
  if (argc > 2) MUST(bgj_manager_find(manager, argv[2], &job, &fault));
  bool works = false;
  for (int reports = 0, marks = 0;;) {
    struct pollfd in = {0, POLLIN, 0};
    char command = 0, name[32];
    if (poll(&in, 1, works ? 1 : -1) > 0 && read(0, &command, 1) != 1) break;
    switch (command) {
      case 'c':
        MUST(bgj_manager_create(manager, "sync-external", NULL, 0, &job, &fault));
        break;
      case 's':
        MUST(bgj_job_start(job, NULL, &fault));
        works = true;
        break;
      case 'm':
        snprintf(name, sizeof name, "mark-%d", marks++);
        MUST(bgj_job_item_done(job, name, &fault));
        break;
      case 'p':
        MUST(bgj_job_pause(job, NULL, 0, &fault));
        break;
      case 'r':
        MUST(bgj_job_resume(job, &fault));
        break;
      case 'C':
        MUST(bgj_job_complete(job, NULL, &fault));
        works = false;
        break;
      default:
        snprintf(name, sizeof name, "item-%d", reports++);
        if (MUST(bgj_job_item_done(job, name, &fault)) == BGJ_PAUSED)
          (void)bgj_job_wait(job, BGJ_MASK_RUNNING, 1, NULL, NULL);
    }
    if (command) {
      answer a = {now_ms(), {0}};
      snprintf(a.id, sizeof a.id, "%s", bgj_job_id(job));
      assert_int_equal(write(1, &a, sizeof a), sizeof a);
    }
    if (command == 'C') {
      bgj_job_release(job);
      job = NULL, marks = reports = 0;
    }
  }
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
  return 0;
}

/* ---- The observer ---- */

enum { CREATED, STARTED, PROGRESSED, PAUSED, RESUMED, COMPLETED, EVENTS };
static const char *const event_names[EVENTS] = {"create", "start",  "progress",
                                                "pause",  "resume", "complete"};

static bool seen_by_library(bgj_manager *manager, const char *id, int event) {
  bgj_job *job = NULL;
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  bgj_status found = bgj_manager_find(manager, id, &job, &fault);
  if (found == BGJ_NOT_FOUND) return false;
  MUST(found);
  MUST(bgj_job_get_info(job, &info, &fault));
  static const bgj_job_status expected[EVENTS] = {
    BGJ_JOB_PENDING, BGJ_JOB_RUNNING, BGJ_JOB_RUNNING,
    BGJ_JOB_PAUSED,  BGJ_JOB_RUNNING, BGJ_JOB_COMPLETED};
  bool seen = info.status == expected[event];
  if (event == PROGRESSED) seen = seen && bgj_job_is_done(job, "mark-0");
  bgj_job_info_clear(&info);
  bgj_job_release(job);
  return seen;
}

static bool seen_by_jq(const char *project, const char *id, int event) {
  static const char *const expected[EVENTS] = {
    ".status == \"pending\"", ".status == \"running\"",
    "(.progress.itemsCompleted | index(\"mark-0\")) != null",
    ".status == \"paused\"",  ".status == \"running\"", ".status == \"completed\""};
  if (!file_exists(state_path(project))) return false;
  char filter[256];
  snprintf(filter, sizeof filter, ".jobs[] | select(.id == \"%s\") | %s", id, expected[event]);
  char *text = jq(filter, state_path(project));
  assert_non_null(text);
  bool seen = strcmp(text, "true\n") == 0;
  free(text);
  return seen;
}

static void others_see_it(void **unused) {
  (void)unused;
  double by_library[EVENTS] = {0}, by_jq[EVENTS] = {0}, worst = 0;
  char *project = project_new();
  worker owner = worker_start("act", project, NULL);
  bgj_manager *manager = manager_open(project);
  for (int i = 0; i < rounds; i++) {
    worker controller = {0};
    for (int event = CREATED; event < EVENTS; event++) {
      answer a;
      worker *who = event == PAUSED || event == RESUMED ? &controller : &owner;
      worker_tell(who, "csmprC"[event]);
      worker_hear(who, &a, sizeof a);
      if (event == CREATED) controller = worker_start("act", project, a.id, NULL);
      double until = a.at + 2 * gross, late;
      while (!seen_by_library(manager, a.id, event) && now_ms() < until) sleep_ms(1);
      if ((late = now_ms() - a.at) > by_library[event]) by_library[event] = late;
      while (!seen_by_jq(project, a.id, event) && now_ms() < until) sleep_ms(1);
      if ((late = now_ms() - a.at) > by_jq[event]) by_jq[event] = late;
      if (late > worst) worst = late;
      sleep_ms(chance(100));
    }
    worker_end(&controller);
  }
  worker_end(&owner);
  MUST(bgj_manager_close(manager, &fault));

  print_message("visible: worst of %d, ms, library/jq:", rounds);
  for (int event = CREATED; event < EVENTS; event++) {
    print_message(" %s %.0f/%.0f", event_names[event], by_library[event], by_jq[event]);
  }
  print_message(" (promised %.0f: %s)\n", promised, worst <= promised ? "kept" : "LATE");
  for (int event = CREATED; event < EVENTS; event++) {
    assert_true(by_library[event] <= gross);
    assert_true(by_jq[event] <= gross);
  }
  project_remove(project);
}

/* ---- The owner and its pause ---- */

/* learn PROJECT: reports every millisecond; when it learns of a pause it says when, and waits. It says
 * when that is over, too: a wait that looks every 50 ms may miss a short time between two pauses. */
static int learn(int argc, char **argv) {
  assert_int_equal(argc, 2);
  bgj_manager *manager = manager_open(argv[1]);
  bgj_job *job = NULL;
  answer a = {0, {0}};
  MUST(bgj_manager_ensure(manager, "sync-external", "learn", NULL, 0, &job, &fault));
  MUST(bgj_job_start(job, NULL, &fault));
  snprintf(a.id, sizeof a.id, "%s", bgj_job_id(job));
  assert_int_equal(write(1, &a, sizeof a), sizeof a);
  struct pollfd in = {0, POLLIN, 0};
  for (int i = 0; poll(&in, 1, 1) == 0; i++) {
    char name[32];
    snprintf(name, sizeof name, "item-%d", i);
    if (MUST(bgj_job_item_done(job, name, &fault)) != BGJ_PAUSED) continue;
    a.at = now_ms();
    assert_int_equal(write(1, &a, sizeof a), sizeof a);
    assert_int_equal(MUST(bgj_job_wait(job, BGJ_MASK_RUNNING, 10000, NULL, &fault)), BGJ_OK);
    assert_int_equal(write(1, &a, sizeof a), sizeof a);
  }
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
  return 0;
}

static void owner_learns_of_pauses(void **unused) {
  (void)unused;
  char *project = project_new();
  worker owner = worker_start("learn", project, NULL);
  answer a;
  worker_hear(&owner, &a, sizeof a);
  bgj_manager *manager = manager_open(project);
  bgj_job *job = NULL;
  MUST(bgj_manager_find(manager, a.id, &job, &fault));
  double late[PAUSES];
  int beyond = 0;
  for (int i = 0; i < PAUSES; i++) {
    sleep_ms(5 + chance(40));
    MUST(bgj_job_pause(job, NULL, 0, &fault));
    double paused = now_ms();
    worker_hear(&owner, &a, sizeof a);
    late[i] = a.at > paused ? a.at - paused : 0;
    beyond += late[i] > pause_promised;
    MUST(bgj_job_resume(job, &fault));
    worker_hear(&owner, &a, sizeof a);
  }
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
  worker_end(&owner);
  sort_numbers(late, PAUSES);
  print_message("visible: an owner learns of a pause after, ms of %d: median %.1f, 90 %% %.1f, "
                "99 %% %.1f, worst %.1f (promised %.0f: %d beyond)\n", PAUSES, late[PAUSES / 2],
                late[PAUSES * 9 / 10], late[PAUSES * 99 / 100], late[PAUSES - 1], pause_promised,
                beyond);
  assert_true(late[PAUSES - 1] <= pause_gross);
  project_remove(project);
}

int main(int argc, char **argv) {
  static const role roles[] = {{"act", act}, {"learn", learn}};
  int ended = role_run(roles, COUNT_OF(roles), argc, argv);
  if (ended >= 0) return ended;
  if (argc > 1) rounds = atoi(argv[1]);
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(others_see_it),
    cmocka_unit_test(owner_learns_of_pauses),
  };
  return cmocka_run_group_tests_name("visible", tests, NULL, NULL);
}
