/*
 * Promise 1: what a call acknowledged survives kill -9, as a prefix, in order. Promise 2: beside
 * all that, a reader of the state file never sees anything but one whole document.
 *
 *     promise_kept [KILLS]
 */
#include "promise.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ITEMS = 10000, LONGEST = 400, CONFIG = 20000 };

static int kills = 200;

/* Items of very different lengths, with everything that JSON must escape. */
static size_t name_of(int index, char name[LONGEST]) {
  static const char *const pieces[] = {"repo", "\"", "\\", "/",    "\t",
                                       "\n",   "é",  "日本", "🙂", "\x7f"};
  int length = snprintf(name, LONGEST, "%d:", index);
  for (int i = index % 7 == 0 ? index % 90 : index % 19; i > 0; i--) {
    length += snprintf(name + length, LONGEST - (size_t)length, "%s", pieces[(index + i) % 10]);
  }
  return (size_t)length;
}

/* The order of the work. It is not the order of the plan, so that neither passes for the other. */
static int nth(int position) { return (int)((int64_t)position * 7919 % ITEMS); }

static void plan_all(bgj_job *job) {
  static char names[ITEMS][LONGEST];
  static const char *pointers[ITEMS];
  for (int i = 0; i < ITEMS; i++) name_of(i, names[i]), pointers[i] = names[i];
  MUST(bgj_job_plan(job, pointers, ITEMS, &fault));
}

/* ---- The workers ---- */

/* report PROJECT KEY HOW: one item after the other, each into the pipe once it is acknowledged.
 * HOW: "items" says items only, "current" the number as well, "plan" plans all of them first. */
static int report(int argc, char **argv) {
  assert_int_equal(argc, 4);
  bool says_current = strcmp(argv[3], "current") == 0;
  bgj_manager *manager = manager_open(argv[1]);
  bgj_job *job = NULL;
  MUST(bgj_manager_ensure(manager, "clone-repos", argv[2], NULL, ITEMS, &job, &fault));
  if (strcmp(argv[3], "plan") == 0) plan_all(job);
  assert_int_equal(MUST(bgj_job_start(job, NULL, &fault)), BGJ_OK);
  for (int i = 0; i < ITEMS; i++) {
    char name[LONGEST];
    size_t length = name_of(nth(i), name);
    if (bgj_job_is_done(job, name)) continue;
    if (says_current) MUST(bgj_job_update(job, i + 1, name, name, NULL, &fault));
    else MUST(bgj_job_item_done(job, name, &fault));
    assert_int_equal(write(1, name, length + 1), length + 1);
  }
  MUST(bgj_job_complete(job, NULL, &fault));
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
  return 0;
}

/* A config of 20 kB that can be told from every other and from its own halves. */
static char *config_of(int number) {
  char *config = malloc(CONFIG + 200);
  int length = sprintf(
    config, "{\"type\":\"import-issues\",\"number\":%d,\"repositories\":[", number);
  while (length < CONFIG) {
    length += sprintf(config + length, "\"owner/repository-%d-%d\",", number, length);
  }
  sprintf(config + length - 1, "],\"end\":%d}", number);
  return config;
}

/* live PROJECT FIRST: whole lives of jobs. Each acknowledged step is a line "STEP ID NUMBER". */
static int live(int argc, char **argv) {
  assert_int_equal(argc, 3);
  bgj_manager *manager = manager_open(argv[1]);
  for (int number = atoi(argv[2]); number >= 0; number++) {
    bgj_job *job = NULL;
    char *config = config_of(number);
    MUST(bgj_manager_create(manager, "import-issues", config, 0, &job, &fault));
    dprintf(1, "c %s %d\n", bgj_job_id(job), number);
    plan_all(job);
    dprintf(1, "p %s %d\n", bgj_job_id(job), number);
    MUST(bgj_job_start(job, NULL, &fault));
    dprintf(1, "s %s %d\n", bgj_job_id(job), number);
    for (int i = 0; i < 5; i++) {
      char name[LONGEST];
      name_of(nth(i), name);
      MUST(bgj_job_item_done(job, name, &fault));
      dprintf(1, "%d %s %d\n", i + 1, bgj_job_id(job), number);
    }
    MUST(bgj_job_complete(job, "{\"well\": true}", &fault));
    dprintf(1, "C %s %d\n", bgj_job_id(job), number);
    bgj_job_release(job);
    free(config);
  }
  return 1;
}

/* control PROJECT ID FIRST: pauses and resumes somebody's job. Lines "p NUMBER" and "r NUMBER". */
static int control(int argc, char **argv) {
  assert_int_equal(argc, 4);
  bgj_manager *manager = manager_open(argv[1]);
  bgj_job *job = NULL;
  MUST(bgj_manager_find(manager, argv[2], &job, &fault));
  for (int number = atoi(argv[3]); number >= 0; number++) {
    char reason[32];
    snprintf(reason, sizeof reason, "pause-%d", number);
    MUST(bgj_job_pause(job, reason, 0, &fault));
    dprintf(1, "p %d\n", number);
    MUST(bgj_job_resume(job, &fault));
    dprintf(1, "r %d\n", number);
  }
  return 1;
}

/* watch PROJECT: reads the state file as fast as it can until its input is closed, mostly with
 * jansson, which is quicker and so sees more moments, and with jq. Says how often. */
static int watch(int argc, char **argv) {
  assert_int_equal(argc, 2);
  int readings[2] = {0, 0};
  const char *file = state_path(argv[1]);
  for (struct pollfd in = {0, POLLIN, 0}; poll(&in, 1, 0) == 0;) {
    if (!file_exists(file)) {
      if (readings[0]) FAILED("the state file has gone");
      continue;
    }
    for (int i = 0; i < 5; i++, readings[0]++) json_decref(state_json(argv[1]));
    int status;
    const char *const arguments[] = {"jq", "-e", ".jobs | length", file, NULL};
    free(run(&status, arguments));
    if (status != 0) FAILED("jq -e ended with %d", status);
    readings[1]++;
  }
  assert_int_equal(write(1, readings, sizeof readings), sizeof readings);
  return 0;
}

/* ---- Reports ---- */

/* Everything that is known of the job: a prefix of the work, in order, and counted right. */
static int prefix_of_work(json_t *job) {
  json_t *items = items_in(job), *item;
  size_t i;
  json_array_foreach(items, i, item) {
    char name[LONGEST];
    name_of(nth((int)i), name);
    if (i >= ITEMS || strcmp(json_string_value(item), name) != 0)
      FAILED("item %zu is %s and not %s", i, json_string_value(item), name);
  }
  return (int)json_array_size(items);
}

/* What the pipe has must be there; beyond it, at most the report that was under way. */
static int check_job(bgj_job *job, int before, int piped, bool ended, char id[64]) {
  json_t *json = job_json(job);
  int done = prefix_of_work(json);
  if (done < before + piped || done > before + piped + 1)
    FAILED("%d items after %d and %d acknowledged ones", done, before, piped);
  assert_int_equal(current_in(json), done);
  json_decref(json);

  bgj_job_info info = BGJ_JOB_INFO_INIT;
  MUST(bgj_job_get_info(job, &info, &fault));
  assert_int_equal(info.current, done);
  assert_int_equal(info.items_completed, done);
  assert_int_equal(info.items_failed, 0);
  assert_int_equal(info.total, ITEMS);
  assert_int_equal(info.percentage, done * 100 / ITEMS);
  if (ended || info.status == BGJ_JOB_COMPLETED) {
    assert_int_equal(info.status, BGJ_JOB_COMPLETED);
    assert_int_equal(done, ITEMS);
  } else if (done > 0 || info.status != BGJ_JOB_PENDING) {
    assert_int_equal(info.status, BGJ_JOB_PAUSED);
    assert_string_equal(info.reason, "interrupted");
    assert_int_equal(info.owner_pid, 0);
  }
  snprintf(id, 64, "%s", info.id);
  bgj_job_info_clear(&info);

  for (int i = 0; i < done + 1 && i < ITEMS; i++) {
    char name[LONGEST];
    name_of(nth(i), name);
    assert_int_equal(bgj_job_is_done(job, name), i < done);
  }
  return done;
}

static void check_published(const char *project, const char *id, int done) {
  json_t *state = state_json(project), *job = job_in_state(state, id);
  assert_non_null(job);
  assert_int_equal(prefix_of_work(job), done);
  assert_int_equal(current_in(job), done);
  assert_string_not_equal(status_in(job), "running");
  json_decref(state);
}

static void wait_for_output(const worker *w) {
  struct pollfd ready = {w->out, POLLIN, 0};
  poll(&ready, 1, 5000);
}

/* One life of a worker, cut short after delay milliseconds, counted from its start or from its
 * first report. Gives the number of items done. */
static int round_of(const char *project, const char *key, const char *how, bool at_work,
                    double delay, int before, bool publish, bool *killed) {
  worker w = worker_start("report", project, key, how, NULL);
  if (at_work) wait_for_output(&w);
  sleep_ms(delay);
  worker_kill(&w);
  size_t size;
  char *output = worker_rest(&w, &size);
  int status = worker_wait(&w);
  *killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  if (!*killed) assert_int_equal(status, 0);

  int piped = 0;
  for (char *item = output; item < output + size; item += strlen(item) + 1, piped++) {
    char name[LONGEST];
    name_of(nth(before + piped), name);
    assert_string_equal(item, name);
  }
  free(output);

  bgj_manager *manager = manager_open(project);
  bgj_job *job = job_of_key(manager, key);
  int done = 0;
  char id[64];
  if (job) done = check_job(job, before, piped, !*killed, id);
  else assert_int_equal(before + piped, 0);
  if (job && publish) {
    MUST(bgj_manager_sync(manager, &fault));
    check_published(project, id, done);
  }
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
  return done;
}

static void discard(const char *project, const char *key) {
  bgj_manager *manager = manager_open(project);
  bgj_job *job = job_of_key(manager, key);
  if (job && bgj_job_cancel(job, "checked", &fault) != BGJ_FINISHED) MUST(fault.status);
  MUST(bgj_manager_cleanup_with(manager, 0, BGJ_CLEANUP_FAILED, NULL, &fault));
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
}

static void reports_are_kept(void **unused) {
  (void)unused;
  static const char *const ways[] = {"items", "current", "plan"};
  char *project = project_new();
  worker watcher = worker_start("watch", project, NULL);

  bool killed;
  double began = now_ms();
  worker w = worker_start("report", project, "whole", "items", NULL);
  wait_for_output(&w);
  double opening = now_ms() - began;
  free(worker_rest(&w, NULL));
  assert_int_equal(worker_wait(&w), 0);
  double work = now_ms() - began - opening;
  discard(project, "whole");

  int done_kills = 0, jobs = 0, resumed = 0, completed = 0, kept = 0, in_work = 0;
  began = now_ms();
  for (int fresh = 0; done_kills < kills; fresh = !fresh) {
    char key[32];
    const char *way = ways[jobs % 3];
    snprintf(key, sizeof key, "job-%d", jobs++);
    /* Half of the jobs are killed once, anywhere in their life; the others are killed, and taken up
     * again, until they are complete. */
    for (int done = 0; done < ITEMS && done_kills < kills;) {
      int before = done;
      bool at_work = chance(4) < 3;
      double delay = chance(!at_work ? opening : fresh ? work : work / 2);
      done = round_of(project, key, way, at_work, delay, before, chance(2) < 1, &killed);
      done_kills += killed, resumed += before > 0, kept += done - before;
      in_work += killed && done > before && done < ITEMS;
      completed += !killed;
      if (fresh && killed) break;
    }
    discard(project, key);
  }
  close(watcher.in);
  watcher.in = -1;
  int readings[2];
  worker_hear(&watcher, readings, sizeof readings);
  worker_end(&watcher);
  print_message("kept: %d kills (%d inside the reports) of %d jobs, %d lives on resumed ones, %d "
                "completed, %d items kept, 0 lost; %d + %d whole readings (jansson, jq); "
                "undisturbed %.0f + %.0f ms, all %.1f s\n", done_kills, in_work, jobs, resumed,
                completed, kept, readings[0], readings[1], opening, work,
                (now_ms() - began) / 1e3);
  if (kills >= 50) assert_true(in_work > kills / 10);
  project_remove(project);
}

/* ---- Lives ---- */

/* The job whose life was cut must be at the last acknowledged step, or at the next one. */
static void check_life(bgj_manager *manager, char step, const char *id, int number) {
  bgj_job *job = NULL;
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  MUST(bgj_manager_find(manager, id, &job, &fault));
  MUST(bgj_job_get_info(job, &info, &fault));
  assert_int_equal(info.percentage, info.total ? info.current * 100 / info.total : 0);

  int items = step >= '1' && step <= '5' ? step - '0' : step == 'C' ? 5 : 0;
  assert_in_range(info.items_completed, items, items < 5 ? items + 1 : 5);
  if (step != 'c') assert_int_equal(info.items_open + info.items_completed, ITEMS);
  if (step != 'c') assert_int_equal(info.total, ITEMS);
  if (step == 'C') assert_int_equal(info.status, BGJ_JOB_COMPLETED);
  if (step == 'c') assert_int_equal(info.status, BGJ_JOB_PENDING);
  if (step == 's' || (step >= '1' && step <= '4')) assert_int_equal(info.status, BGJ_JOB_PAUSED);
  assert_int_not_equal(info.status, BGJ_JOB_RUNNING);

  char *config = config_of(number);
  json_t *json = job_json(job), *expected = json_loads(config, 0, NULL);
  assert_true(json_equal(json_object_get(json, "config"), expected));
  json_t *result = json_object_get(json, "result");
  assert_int_equal(json_is_true(json_object_get(result, "well")), step == 'C' || result != NULL);
  json_decref(expected);
  free(config);
  json_decref(json);
  bgj_job_info_clear(&info);
  bgj_job_release(job);
}

/* A job that was never acknowledged may be there, but then its config is whole. */
static void check_strangers(bgj_manager *manager) {
  bgj_job_list *list = NULL;
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  MUST(bgj_manager_list(manager, 0, NULL, &list, &fault));
  for (size_t i = 0; i < bgj_job_list_count(list); i++) {
    bgj_job *job = NULL;
    MUST(bgj_job_list_at(list, i, &info, &fault));
    MUST(bgj_manager_find(manager, info.id, &job, &fault));
    json_t *json = job_json(job), *config = json_object_get(json, "config");
    assert_int_equal(json_integer_value(json_object_get(config, "number")),
                     json_integer_value(json_object_get(config, "end")));
    assert_non_null(json_object_get(config, "end"));
    if (info.status != BGJ_JOB_COMPLETED && info.status != BGJ_JOB_FAILED)
      MUST(bgj_job_cancel(job, NULL, &fault));
    json_decref(json);
    bgj_job_release(job);
  }
  bgj_job_info_clear(&info);
  bgj_job_list_free(list);
}

static void lives_are_kept(void **unused) {
  (void)unused;
  int wanted = kills / 4 > 10 ? kills / 4 : 10, number = 1000, jobs = 0, cut[128] = {0};
  char *project = project_new();
  double began = now_ms();
  worker first = worker_start("live", project, "0", NULL);
  wait_for_output(&first);
  double opening = now_ms() - began;
  for (char c = 0; c != 'C';) worker_hear(&first, &c, 1);
  double life = now_ms() - began - opening;
  worker_kill(&first);
  worker_wait(&first);
  for (int i = 0; i < wanted; i++, number += 1000) {
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    worker w = worker_start("live", project, text, NULL);
    bool at_work = chance(4) < 3;
    if (at_work) wait_for_output(&w);
    sleep_ms(chance(at_work ? 1.2 * life : opening));
    worker_kill(&w);
    char *output = worker_rest(&w, NULL);
    assert_int_equal(WTERMSIG(worker_wait(&w)), SIGKILL);

    bgj_manager *manager = manager_open(project);
    char step = 0, id[64] = "";
    int of = 0;
    for (char *line = strtok(output, "\n"); line; line = strtok(NULL, "\n")) {
      assert_int_equal(sscanf(line, "%c %63s %d", &step, id, &of), 3);
      jobs += step == 'c';
    }
    cut[(int)step]++;
    if (step) check_life(manager, step, id, of);
    check_strangers(manager);
    MUST(bgj_manager_cleanup_with(manager, 2, BGJ_CLEANUP_FAILED, NULL, &fault));
    MUST(bgj_manager_close(manager, &fault));
    json_decref(file_exists(state_path(project)) ? state_json(project) : NULL);
    free(output);
  }
  print_message("kept: %d kills in %d lives (%d before the first job, after create %d, plan %d, "
                "start %d, item %d, complete %d), one life %.0f ms, all %.1f s\n", wanted, jobs,
                cut[0], cut['c'], cut['p'], cut['s'],
                cut['1'] + cut['2'] + cut['3'] + cut['4'] + cut['5'], cut['C'], life,
                (now_ms() - began) / 1e3);
  project_remove(project);
}

/* ---- Pauses ---- */

static void pauses_are_kept(void **unused) {
  (void)unused;
  int wanted = kills / 4 > 10 ? kills / 4 : 10, pauses = 0, number = 0, paused = 0;
  char *project = project_new(), id[64];
  worker owner = owner_start(project, "long", 1000, 0, "complete", id);
  bgj_manager *manager = manager_open(project);
  bgj_job *job = NULL;
  MUST(bgj_manager_find(manager, id, &job, &fault));
  double began = now_ms();
  for (int i = 0; i < wanted; i++) {
    char first[16];
    snprintf(first, sizeof first, "%d", number);
    worker w = worker_start("control", project, id, first, NULL);
    sleep_ms(chance(60));
    worker_kill(&w);
    char *output = worker_rest(&w, NULL), step = 'r';
    assert_int_equal(WTERMSIG(worker_wait(&w)), SIGKILL);
    int last = number - 1;
    for (char *line = strtok(output, "\n"); line; line = strtok(NULL, "\n")) {
      assert_int_equal(sscanf(line, "%c %d", &step, &last), 2);
      pauses += step == 'p';
    }
    free(output);

    bgj_job_info info = BGJ_JOB_INFO_INIT;
    MUST(bgj_job_get_info(job, &info, &fault));
    if (info.status == BGJ_JOB_PAUSED) {
      /* The acknowledged pause, or the one after an acknowledged resume. */
      char reason[32];
      snprintf(reason, sizeof reason, "pause-%d", step == 'p' ? last : last + 1);
      assert_string_equal(info.reason, reason);
      paused++;
    } else {
      assert_int_equal(info.status, BGJ_JOB_RUNNING);
    }
    bgj_job_info_clear(&info);
    number = last + 1000;
    MUST(bgj_job_resume(job, &fault));
  }
  int done = owner_end(&owner);
  json_t *json = job_json(job);
  assert_string_equal(status_in(json), "completed");
  assert_int_equal(json_array_size(items_in(json)), done);
  assert_int_equal(current_in(json), done);
  json_decref(json);
  print_message("kept: %d kills in %d pauses of a job at work (%d left it paused), its %d items "
                "exact, %.1f s\n", wanted, pauses, paused, done, (now_ms() - began) / 1e3);
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
  project_remove(project);
}

int main(int argc, char **argv) {
  static const role roles[] = {
    {"report", report}, {"live", live}, {"control", control}, {"watch", watch}};
  int ended = role_run(roles, COUNT_OF(roles), argc, argv);
  if (ended >= 0) return ended;
  if (argc > 1) kills = atoi(argv[1]);
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(reports_are_kept),
    cmocka_unit_test(lives_are_kept),
    cmocka_unit_test(pauses_are_kept),
  };
  return cmocka_run_group_tests_name("kept", tests, NULL, NULL);
}
