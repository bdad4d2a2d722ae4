/*
 * Promise 5 on a full disk: a status, no signal, nothing acknowledged is lost, and the work goes on
 * once there is space. The disk is a tmpfs of this process alone; where mounting is not permitted
 * the tests say so and are skipped.
 *
 *     promise_full_disk
 */
#include "promise.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MOST = 200000, MORE = 1000, BALLAST = 7 << 19, LIMIT = 300000 };

static bgj_job *job_start(bgj_manager *manager) {
  bgj_job *job = NULL;
  MUST(bgj_manager_ensure(manager, "clone-repos", "full", NULL, 0, &job, &fault));
  assert_int_equal(MUST(bgj_job_start(job, NULL, &fault)), BGJ_OK);
  return job;
}

static bgj_status report(bgj_job *job, int number) {
  char name[32];
  snprintf(name, sizeof name, "item-%07d", number);
  return bgj_job_item_done(job, name, &fault);
}

/* Until the first refusal: how many were acknowledged. */
static int report_until_full(bgj_job *job, int first) {
  for (int i = first; i < MOST; i++) {
    bgj_status status = report(job, i);
    if (status != BGJ_OK) {
      assert_int_equal(status, BGJ_NO_SPACE);
      assert_int_equal(fault.status, BGJ_NO_SPACE);
      assert_true(strlen(fault.message) > 0);
      return i;
    }
  }
  FAILED("the disk did not fill");
  return 0;
}

/* Exactly the acknowledged items, in their order. */
static void assert_items(json_t *job, int count) {
  assert_int_equal(json_array_size(items_in(job)), count);
  assert_int_equal(current_in(job), count);
  for (int i = 0; i < count; i++) {
    char name[32];
    snprintf(name, sizeof name, "item-%07d", i);
    assert_string_equal(json_string_value(json_array_get(items_in(job), (size_t)i)), name);
  }
}

static void assert_kept(const char *project, int count) {
  bgj_manager *manager = manager_open(project);
  bgj_job *job = job_of_key(manager, "full");
  json_t *json = job_json(job);
  assert_items(json, count);
  json_decref(json);
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
}

static void assert_completed(const char *project, int count) {
  json_t *state = state_json(project), *job = json_array_get(json_object_get(state, "jobs"), 0);
  assert_string_equal(status_in(job), "completed");
  assert_items(job, count);
  json_decref(state);
}

/* ---- A small disk ---- */

static void write_text(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd >= 0) {
    (void)!write(fd, text, strlen(text));
    close(fd);
  }
}

/* A mount namespace of our own, so that nothing stays mounted whatever happens to us. */
static bool may_mount(void) {
  static bool own_namespace;
  char user[32], group[32];
  snprintf(user, sizeof user, "0 %u 1", getuid());
  snprintf(group, sizeof group, "0 %u 1", getgid());
  if (!own_namespace && unshare(CLONE_NEWNS) != 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    write_text("/proc/self/setgroups", "deny");
    write_text("/proc/self/uid_map", user);
    write_text("/proc/self/gid_map", group);
  }
  own_namespace = true;
  return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* Four megabytes, most of them taken by a file whose removal makes space. */
static char *small_disk(void) {
  char *project = project_new(), path[4096];
  if (!may_mount() || mount("promise", project, "tmpfs", 0, "size=4m") != 0) {
    print_message("full disk: SKIPPED, mounting a tmpfs is not permitted here\n");
    project_remove(project);
    skip();
  }
  snprintf(path, sizeof path, "%s/ballast", project);
  char *bytes = calloc(1, BALLAST);
  file_write(path, bytes, BALLAST, 0);
  free(bytes);
  return project;
}

static void make_space(const char *project) {
  char path[4096];
  snprintf(path, sizeof path, "%s/ballast", project);
  assert_int_equal(unlink(path), 0);
}

static void small_disk_remove(char *project) {
  assert_int_equal(umount2(project, MNT_DETACH), 0);
  project_remove(project);
}

static void full_disk_is_a_status(void **unused) {
  (void)unused;
  char *project = small_disk();
  bgj_manager *manager = manager_open(project);
  bgj_job *job = job_start(manager);
  int done = report_until_full(job, 0), full = done;
  assert_int_equal(fault.os_error, ENOSPC);

  /* Trying again does no harm, and whoever looks sees what was acknowledged. */
  for (int i = 0; i < 100; i++) {
    bgj_status status = report(job, done);
    if (status == BGJ_OK) done++;
    else assert_int_equal(status, BGJ_NO_SPACE);
  }
  assert_kept(project, done);
  char *config = malloc(1 << 20);
  memset(config, 'x', 1 << 20);
  memcpy(config, "{\"x\":\"", 6);
  memcpy(config + (1 << 20) - 3, "\"}", 3);
  bgj_job *other = NULL;
  assert_int_equal(bgj_manager_create(manager, "clone-repos", config, 0, &other, &fault),
                   BGJ_NO_SPACE);
  assert_null(other);
  free(config);
  bgj_status synced = bgj_manager_sync(manager, &fault);
  assert_true(synced == BGJ_OK || synced == BGJ_NO_SPACE);
  assert_kept(project, done);

  make_space(project);
  for (int i = 0; i < MORE; i++) assert_int_equal(MUST(report(job, done++)), BGJ_OK);
  assert_int_equal(MUST(bgj_job_complete(job, NULL, &fault)), BGJ_OK);
  bgj_job_release(job);
  assert_int_equal(MUST(bgj_manager_close(manager, &fault)), BGJ_OK);
  assert_kept(project, done);
  assert_completed(project, done);
  print_message("full disk: full after %d reports, sync then gave %s, went on to %d\n", full,
                bgj_status_name(synced), done);
  small_disk_remove(project);
}

/* fill PROJECT: reports until the disk is full, says how far it came, and waits to be killed. */
static int fill(int argc, char **argv) {
  assert_int_equal(argc, 2);
  bgj_job *job = job_start(manager_open(argv[1]));
  int done = report_until_full(job, 0);
  assert_int_equal(write(1, &done, sizeof done), sizeof done);
  pause();
  return 1;
}

static void kill_on_a_full_disk_loses_nothing(void **unused) {
  (void)unused;
  char *project = small_disk();
  worker w = worker_start("fill", project, NULL);
  int done;
  worker_hear(&w, &done, sizeof done);
  worker_kill(&w);
  worker_wait(&w);
  assert_kept(project, done);
  make_space(project);
  assert_kept(project, done);
  bgj_manager *manager = manager_open(project);
  bgj_job *job = job_start(manager);
  for (int i = 0; i < MORE; i++) assert_int_equal(MUST(report(job, done++)), BGJ_OK);
  assert_int_equal(MUST(bgj_job_complete(job, NULL, &fault)), BGJ_OK);
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
  assert_completed(project, done);
  print_message("full disk: killed while it was full, %d reports kept, went on to %d\n",
                done - MORE, done);
  small_disk_remove(project);
}

/* ---- A limit on file sizes ---- */

static void set_limit(rlim_t bytes) {
  struct rlimit limit;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
  limit.rlim_cur = bytes;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* limited PROJECT WHEN: under RLIMIT_FSIZE, set "before" opening, "after" the start, or "below" the
 * size that the log has. A write beyond it would be the end of this process: SIGXFSZ has its
 * default action. */
static int limited(int argc, char **argv) {
  assert_int_equal(argc, 3);
  bool before = strcmp(argv[2], "before") == 0, below = strcmp(argv[2], "below") == 0;
  int done = 0;
  if (before) set_limit(LIMIT);
  bgj_manager *manager = manager_open(argv[1]);
  bgj_job *job = job_start(manager);
  while (below && done < LIMIT / 10) assert_int_equal(MUST(report(job, done++)), BGJ_OK);
  if (!before) {
    set_limit(LIMIT);
    sleep_ms(40); /* the library looks at the limit every 25 ms, not at every report */
  }
  done = report_until_full(job, done);
  int figures[2] = {done, 0};
  for (int i = 0; i < 100; i++) {
    bgj_status status = report(job, done);
    if (status == BGJ_OK) done++;
    else assert_int_equal(status, BGJ_NO_SPACE);
  }
  set_limit(RLIM_INFINITY);
  sleep_ms(40);
  for (int i = 0; i < MORE; i++) assert_int_equal(MUST(report(job, done++)), BGJ_OK);
  assert_int_equal(MUST(bgj_job_complete(job, NULL, &fault)), BGJ_OK);
  bgj_job_release(job);
  assert_int_equal(MUST(bgj_manager_close(manager, &fault)), BGJ_OK);
  figures[1] = done;
  assert_int_equal(write(1, figures, sizeof figures), sizeof figures);
  return 0;
}

static void file_size_limit_is_a_status(void **unused) {
  (void)unused;
  static const char *const whens[] = {"before", "after", "below"};
  for (int i = 0; i < COUNT_OF(whens); i++) {
    char *project = project_new();
    int figures[2];
    worker w = worker_start("limited", project, whens[i], NULL);
    size_t size;
    char *output = worker_rest(&w, &size);
    worker_end(&w);
    assert_int_equal(size, sizeof figures);
    memcpy(figures, output, sizeof figures);
    free(output);
    assert_completed(project, figures[1]);
    print_message("full disk: RLIMIT_FSIZE of %d set %s: refused after %d reports, no signal, "
                  "went on to %d\n", LIMIT, whens[i], figures[0], figures[1]);
    project_remove(project);
  }
}

int main(int argc, char **argv) {
  static const role roles[] = {{"fill", fill}, {"limited", limited}};
  int ended = role_run(roles, COUNT_OF(roles), argc, argv);
  if (ended >= 0) return ended;
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(full_disk_is_a_status),
    cmocka_unit_test(kill_on_a_full_disk_loses_nothing),
    cmocka_unit_test(file_size_limit_is_a_status),
  };
  return cmocka_run_group_tests_name("full disk", tests, NULL, NULL);
}
