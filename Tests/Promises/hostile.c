/*
 * Promise 5 when the host does its worst: closes our descriptors, forks, leaves children behind, or
 * lays traps in the directory. No foreign file is touched, and there is a status for all of it.
 *
 *     promise_hostile
 */
#include "promise.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEY "hosted"

/* How many items the job has: exactly the first ones reported. */
static int items_of(bgj_manager *manager) {
  bgj_job *job = job_of_key(manager, KEY);
  json_t *json = job_json(job);
  int count = (int)json_array_size(items_in(json));
  for (int i = 0; i < count; i++) {
    char name[32];
    snprintf(name, sizeof name, "own-%d", i);
    assert_string_equal(json_string_value(json_array_get(items_in(json), (size_t)i)), name);
  }
  json_decref(json);
  bgj_job_release(job);
  return count;
}

/* ---- A host that closes our descriptors ---- */

static bgj_job *job_start(bgj_manager *manager) {
  bgj_job *job = NULL;
  MUST(bgj_manager_ensure(manager, "clone-repos", KEY, NULL, 0, &job, &fault));
  assert_int_equal(MUST(bgj_job_start(job, NULL, &fault)), BGJ_OK);
  return job;
}

static bgj_status report(bgj_job *job, int number) {
  char name[32];
  snprintf(name, sizeof name, "own-%d", number);
  return bgj_job_item_done(job, name, &fault);
}

/* closed PROJECT MILLISECONDS: closes all descriptors behind the library's back, takes all their
 * numbers for a file of its own, waits, and calls on. Says how many bytes that file got. */
static int closed(int argc, char **argv) {
  assert_int_equal(argc, 3);
  char path[PATH_MAX];
  struct rlimit limit;
  struct stat victim, found;
  bgj_manager *manager = manager_open(argv[1]);
  bgj_job *job = job_start(manager), *other = NULL;
  for (int i = 0; i < 50; i++) assert_int_equal(MUST(report(job, i)), BGJ_OK);

  assert_int_equal(close_range(3, ~0U, 0), 0);
  snprintf(path, sizeof path, "%s/victim", argv[1]);
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
  assert_int_equal(fd, 3);
  assert_int_equal(fstat(fd, &victim), 0);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  int last = limit.rlim_cur < 4096 ? (int)limit.rlim_cur : 4096;
  for (int i = 4; i < last; i++) assert_int_equal(dup2(fd, i), i);

  sleep_ms(atof(argv[2]));
  int acknowledged = 50;
  for (int i = 50; i < 150; i++) acknowledged += (int)report(job, i) < 10;
  (void)bgj_manager_sync(manager, NULL);
  (void)bgj_job_pause(job, NULL, 0, NULL);
  (void)bgj_job_plan(job, (const char *const[]){"x"}, 1, NULL);
  (void)bgj_manager_create(manager, "clone-repos", NULL, 0, &other, NULL);
  (void)bgj_manager_check(manager, NULL, NULL);
  bgj_job_release(other);
  bgj_job_release(job);
  (void)bgj_manager_close(manager, NULL);

  for (int i = 3; i < last; i++) {
    if (fstat(i, &found) != 0 || found.st_ino != victim.st_ino)
      FAILED("the host's descriptor %d was closed or replaced", i);
  }
  assert_int_equal(fstat(fd, &found), 0);
  int figures[2] = {(int)found.st_size, acknowledged};
  assert_int_equal(close_range(3, ~0U, 0), 0);

  /* A new manager in the same host is not impressed. */
  manager = manager_open(argv[1]);
  int kept = items_of(manager);
  if (atof(argv[2]) > 0) assert_true(kept >= 50);
  job = job_of_key(manager, KEY);
  (void)bgj_job_resume(job, NULL);
  assert_int_equal(MUST(bgj_job_start(job, NULL, &fault)), BGJ_OK);
  assert_int_equal(MUST(report(job, kept)), BGJ_OK);
  MUST(bgj_job_complete(job, NULL, &fault));
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
  assert_int_equal(write(1, figures, sizeof figures), sizeof figures);
  return 0;
}

static void closed_descriptors_harm_nobody(void **unused) {
  (void)unused;
  static const char *const waits[] = {"60", "0"};
  int figures[COUNT_OF(waits)][2];
  for (int i = 0; i < COUNT_OF(waits); i++) {
    char *project = project_new();
    worker w = worker_start("closed", project, waits[i], NULL);
    worker_hear(&w, figures[i], sizeof figures[i]);
    worker_end(&w);
    project_remove(project);
  }
  /* Between two looks, 25 ms, a report cannot know; the header says so, and it is printed here. */
  print_message("hostile: descriptors closed and reused: %d bytes written into the host's file "
                "(%d when it reports within the 25 ms between two looks), %d of 100 reports "
                "refused\n",
                figures[0][0], figures[1][0], 150 - figures[0][1]);
  assert_int_equal(figures[0][0], 0);
  assert_int_equal(figures[0][1], 50);
}

/* ---- A host that forks ---- */

static void assert_forked(bgj_manager *manager, bgj_job *job) {
  bgj_job *other = NULL;
  bgj_job_list *list = NULL;
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  char *text = NULL;
  assert_int_equal(report(job, 500), BGJ_FORKED);
  assert_int_equal(bgj_job_pause(job, NULL, 0, NULL), BGJ_FORKED);
  assert_int_equal(bgj_job_complete(job, NULL, NULL), BGJ_FORKED);
  assert_int_equal(bgj_job_get_info(job, &info, NULL), BGJ_FORKED);
  assert_int_equal(bgj_job_get_json(job, &text, NULL), BGJ_FORKED);
  assert_int_equal(bgj_manager_sync(manager, NULL), BGJ_FORKED);
  assert_int_equal(bgj_manager_list(manager, 0, NULL, &list, NULL), BGJ_FORKED);
  assert_int_equal(bgj_manager_create(manager, "t", NULL, 0, &other, NULL), BGJ_FORKED);
  assert_non_null(bgj_job_id(job));
}

/* forks PROJECT: an owner with two children, one by fork, one by a clone that no handler sees. */
static int forks(int argc, char **argv) {
  assert_int_equal(argc, 2);
  bgj_manager *manager = manager_open(argv[1]);
  bgj_job *job = job_start(manager);
  int done = 0, status;
  for (int i = 0; i < 10; i++) MUST(report(job, done++));
  pid_t child = fork();
  if (child == 0) {
    assert_forked(manager, job);
    bgj_job_release(job);
    assert_int_equal(bgj_manager_close(manager, &fault), BGJ_OK);
    manager = manager_open(argv[1]);
    job = job_of_key(manager, KEY);
    assert_int_equal(bgj_job_start(job, NULL, &fault), BGJ_BUSY);
    bgj_job_release(job);
    MUST(bgj_manager_close(manager, &fault));
    exit(7);
  }
  for (int i = 0; i < 10; i++) assert_int_equal(MUST(report(job, done++)), BGJ_OK);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(WEXITSTATUS(status), 7);

  child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
  if (child == 0) _exit(report(job, 500) == BGJ_FORKED ? 7 : 1);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(WEXITSTATUS(status), 7);

  for (int i = 0; i < 10; i++) assert_int_equal(MUST(report(job, done++)), BGJ_OK);
  bgj_manager *other = manager_open(argv[1]);
  bgj_job *same = job_of_key(other, KEY);
  assert_int_equal(bgj_job_start(same, NULL, &fault), BGJ_BUSY);
  bgj_job_release(same);
  MUST(bgj_manager_close(other, &fault));
  MUST(bgj_job_complete(job, NULL, &fault));
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
  assert_int_equal(write(1, &done, sizeof done), sizeof done);
  return 0;
}

/* orphan PROJECT: an owner whose forked child lives on after it. */
static int orphan(int argc, char **argv) {
  assert_int_equal(argc, 2);
  bgj_job *job = job_start(manager_open(argv[1]));
  for (int i = 0; i < 10; i++) MUST(report(job, i));
  pid_t child = fork();
  if (child == 0) {
    child = getpid(); /* said from here, so that the fork is over when the parent is killed */
    assert_int_equal(write(1, &child, sizeof child), sizeof child);
    for (int i = 0; i < 3; i++) close(i);
    sleep_ms(5000);
    _exit(0);
  }
  pause();
  return 1;
}

static void forks_are_noticed(void **unused) {
  (void)unused;
  char *project = project_new();
  int done;
  worker w = worker_start("forks", project, NULL);
  worker_hear(&w, &done, sizeof done);
  worker_end(&w);
  bgj_manager *manager = manager_open(project);
  assert_int_equal(items_of(manager), done);
  MUST(bgj_manager_close(manager, &fault));
  project_remove(project);
}

static void a_child_does_not_keep_the_job(void **unused) {
  (void)unused;
  char *project = project_new();
  pid_t child;
  worker w = worker_start("orphan", project, NULL);
  worker_hear(&w, &child, sizeof child);
  worker_kill(&w);
  worker_wait(&w);
  bgj_manager *manager = manager_open(project);
  bgj_job *job = job_of_key(manager, KEY);
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  MUST(bgj_job_get_info(job, &info, &fault));
  int alive = kill(child, 0) == 0;
  kill(child, SIGKILL);
  assert_true(alive);
  assert_int_equal(info.status, BGJ_JOB_PAUSED);
  assert_string_equal(info.reason, "interrupted");
  assert_int_equal(MUST(bgj_job_start(job, NULL, &fault)), BGJ_OK);
  bgj_job_info_clear(&info);
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
  project_remove(project);
}

/* ---- A directory with traps ---- */

static void links_are_not_followed(void **unused) {
  (void)unused;
  char *project = project_new(), target[PATH_MAX], link[PATH_MAX];
  snprintf(target, sizeof target, "%s/elsewhere", project);
  directory_make(target);
  directory_make(state_directory(project));
  snprintf(link, sizeof link, "%sbackground-jobs.d", state_directory(project));
  assert_int_equal(symlink(target, link), 0);
  bgj_manager *manager = NULL;
  bgj_job *job = NULL;
  bgj_status status = bgj_manager_open(project, NULL, &manager, &fault);
  if (status == BGJ_OK) status = bgj_manager_create(manager, "t", NULL, 0, &job, &fault);
  assert_true((int)status >= 10);
  assert_null(job);
  (void)bgj_manager_close(manager, NULL);
  assert_int_equal(rmdir(target), 0); /* still empty */
  project_remove(project);
}

int main(int argc, char **argv) {
  static const role roles[] = {{"closed", closed}, {"forks", forks}, {"orphan", orphan}};
  int ended = role_run(roles, COUNT_OF(roles), argc, argv);
  if (ended >= 0) return ended;
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(closed_descriptors_harm_nobody),
    cmocka_unit_test(forks_are_noticed),
    cmocka_unit_test(a_child_does_not_keep_the_job),
    cmocka_unit_test(links_are_not_followed),
  };
  return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
