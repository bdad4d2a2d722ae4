/* The examples, killed, paused and cancelled. test_examples DIRECTORY_OF_THE_EXAMPLES */
#define _DEFAULT_SOURCE
#include "support.h"

#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *programs;
static pid_t child; /* the one that runs */

/* In place of git: notes what it is called for and starts a process that writes and writes, as the
 * worst of its helpers might. A repository "slow" takes until there is a file "go"; "bad" fails. */
static const char fake_git[] =
    "#!/bin/sh\n"
    "for target; do url=$previous; previous=$target; done\n"
    "echo \"$url\" >>calls\n"
    "case $url in */bad.git) exit 1 ;; esac\n"
    "mkdir \"$target\" || exit 1\n"
    "(while echo x >>\"$target/writes\"; do sleep 0.01; done) &\n"
    "case $url in */slow.git) until [ -e go ]; do sleep 0.01; done ;; esac\n"
    "kill $!\n";

static int set_up_examples(void **state) {
  static char path[1024];
  if (set_up(state) != 0 || mkdir(path_of("bin"), 0777) != 0) return -1;
  write_file("bin/git", fake_git, sizeof fake_git - 1);
  snprintf(path, sizeof path, "%s:%s", path_of("bin"), "/usr/local/bin:/usr/bin:/bin");
  return chmod(path_of("bin/git"), 0755) || setenv("PATH", path, 1);
}

static int tear_down_examples(void **state) {
  if (child > 0) kill(child, SIGKILL), waitpid(child, NULL, 0);
  child = 0;
  for (int i = 0; i < 20 && tear_down(state) != 0; i++) sleep_ms(50);
  return 0;
}

static void start_program(const char *name, const char *argument) {
  char path[1024], *list = path_of("list");
  snprintf(path, sizeof path, "%s/%s", programs, name);
  child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    if (argument == NULL) execl(path, name, project, (char *)NULL);
    write_file("list", argument, strlen(argument));
    execl(path, name, project, list, (char *)NULL);
    _exit(99);
  }
}

static int end_of_program(void) {
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  child = 0;
  return status;
}

/* Waits, for half a minute, until the only job is as told; gives its info. NULL: not asked for. */
static const bgj_job_info *await(const char *status, const char *reason, const char *item,
                                 int64_t current) {
  static bgj_job_info info = BGJ_JOB_INFO_INIT;
  for (int i = 0; i < 3000; i++, sleep_ms(10)) {
    bgj_job_list *list = NULL;
    assert_ok(bgj_manager_list(manager, 0, NULL, &list, &error));
    bgj_status found = bgj_job_list_at(list, 0, &info, NULL);
    bgj_job_list_free(list);
    if (found != BGJ_OK || strcmp(info.status_name, status) != 0) continue;
    if (reason != NULL && (info.reason == NULL || strcmp(info.reason, reason) != 0)) continue;
    if (item != NULL && (info.current_item == NULL || strcmp(info.current_item, item) != 0))
      continue;
    if (info.current >= current) return &info;
  }
  fail_msg("the job never was %s, %s, %s", status, reason ? reason : "-", item ? item : "-");
  return NULL;
}

/* The processes that work in the project. */
static int processes(void) {
  int count = 0;
  DIR *all = opendir("/proc");
  assert_non_null(all);
  for (struct dirent *entry; (entry = readdir(all)) != NULL;) {
    char path[300], directory[512];
    snprintf(path, sizeof path, "/proc/%s/cwd", entry->d_name);
    ssize_t size = readlink(path, directory, sizeof directory - 1);
    if (size > 0) count += strncmp(directory, project, strlen(project)) == 0;
  }
  closedir(all);
  return count;
}

/* What has been written below the half-made clones, -1 if there is none. */
static int64_t half_made(void) {
  int64_t size = -1;
  DIR *all = opendir(project);
  assert_non_null(all);
  for (struct dirent *entry; (entry = readdir(all)) != NULL;) {
    struct stat status;
    char writes[512];
    snprintf(writes, sizeof writes, "%s/writes", entry->d_name);
    if (strncmp(entry->d_name, ".half-made.", 11) != 0) continue;
    size = stat(path_of(writes), &status) == 0 ? status.st_size : 0;
  }
  closedir(all);
  return size;
}

static int calls_for(const char *name) {
  int count = 0;
  char *calls = read_file("calls", NULL);
  for (const char *at = calls; (at = strstr(at, name)) != NULL; at++) count++;
  free(calls);
  return count;
}

/* Lets the slow clone end, after a time in which its owner is bound to see what was done. */
static void go(void) {
  sleep_ms(50);
  write_file("go", "", 0);
}

static const char list[] = "file:///r/first.git\nfile:///r/slow.git\n\nhost:r/last\n";

static void a_killed_clone_leaves_nothing_alive_and_goes_on(void **state) {
  (void)state;
  struct stat first, again;
  start_program("clone", list);
  char *id = strdup(await("running", NULL, "slow", 1)->id);
  while (half_made() < 10) sleep_ms(10);
  assert_int_equal(stat(path_of("first"), &first), 0);
  kill(child, SIGKILL);
  end_of_program();
  sleep_ms(1000);
  assert_int_equal(processes(), 0);
  int64_t size = half_made();
  assert_true(size >= 10);
  await("paused", "interrupted", NULL, 1);
  sleep_ms(300);
  assert_int_equal(half_made(), size);

  go();
  start_program("clone", list);
  assert_int_equal(end_of_program(), 0);
  const bgj_job_info *info = await("completed", NULL, NULL, 3);
  assert_string_equal(info->id, id);
  assert_int_equal(info->items_completed, 3);
  assert_int_equal(half_made(), -1);
  assert_int_equal(calls_for("first.git"), 1);
  assert_int_equal(calls_for("slow.git"), 2);
  assert_int_equal(calls_for("last"), 1);
  assert_int_equal(stat(path_of("first"), &again), 0);
  assert_int_equal(again.st_ino, first.st_ino);
  assert_true(exists("slow") && exists("last"));
  free(id);
}

static void a_paused_clone_finishes_its_item_and_waits(void **state) {
  (void)state;
  start_program("clone", list);
  bgj_job *job = job_of(manager, await("running", NULL, "slow", 1)->id);
  assert_ok(bgj_job_pause(job, NULL, 0, &error));
  assert_int_equal(look(job)->pause_acknowledged, 0);
  go();
  for (int i = 0; i < 3000 && !look(job)->pause_acknowledged; i++) sleep_ms(10);
  assert_int_equal(look(job)->pause_acknowledged, 1);
  assert_int_equal(look(job)->items_completed, 2);
  sleep_ms(300);
  assert_int_equal(calls_for("last"), 0);
  assert_int_equal(look(job)->status, BGJ_JOB_PAUSED);
  assert_ok(bgj_job_resume(job, &error));
  assert_int_equal(end_of_program(), 0);
  assert_int_equal(look(job)->items_completed, 3);
  assert_int_equal(look(job)->status, BGJ_JOB_COMPLETED);
}

static void a_cancelled_clone_ends(void **state) {
  (void)state;
  start_program("clone", list);
  bgj_job *job = job_of(manager, await("running", NULL, "slow", 1)->id);
  assert_ok(bgj_job_cancel(job, "enough", &error));
  go();
  assert_int_equal(WEXITSTATUS(end_of_program()), 1);
  assert_int_equal(calls_for("last"), 0);
  assert_string_equal(look(job)->reason, "cancelled");
  assert_int_equal(half_made(), -1);
}

static void a_clone_that_fails_is_a_failed_item(void **state) {
  (void)state;
  start_program("clone", "file:///r/bad.git\nfile:///r/first.git\n");
  assert_int_equal(WEXITSTATUS(end_of_program()), 1);
  const bgj_job_info *info = await("completed", NULL, NULL, 2);
  assert_int_equal(info->items_failed, 1);
  assert_int_equal(info->items_completed, 1);
  assert_int_equal(half_made(), -1);
}

static void two_clones_do_not_work_on_one_job(void **state) {
  (void)state;
  start_program("clone", list);
  await("running", NULL, "slow", 1);
  while (half_made() < 0) sleep_ms(10);
  pid_t first = child;
  start_program("clone", list);
  assert_int_equal(WEXITSTATUS(end_of_program()), 1);
  assert_true(half_made() >= 0);
  go();
  child = first;
  assert_int_equal(end_of_program(), 0);
}

static void an_import_goes_on_after_kills_and_a_rate_limit(void **state) {
  (void)state;
  static const int64_t kills[] = {150, 2500, 4999};
  for (size_t i = 0; i < sizeof kills / sizeof *kills; i++) {
    start_program("import", NULL);
    await("running", NULL, NULL, kills[i] < 4900 ? kills[i] : 0);
    if (kills[i] > 4900) await("paused", "rate-limit", NULL, 4900);
    kill(child, SIGKILL);
    end_of_program();
    const bgj_job_info *info = await("paused", NULL, NULL, 0);
    assert_true(info->current <= 5000);
  }
  start_program("import", NULL); /* waits for the end of the limit that the last one got */
  bgj_job *job = job_of(manager, await("paused", "rate-limit", NULL, 4900)->id);
  assert_int_equal(end_of_program(), 0);
  assert_int_equal(look(job)->status, BGJ_JOB_COMPLETED);
  assert_int_equal(look(job)->items_completed, 10000);
  assert_int_equal(look(job)->current, 10000);
  assert_int_equal(look(job)->percentage, 100);
  char *cursor = NULL;
  assert_ok(bgj_job_get_cursor(job, &cursor, &error));
  assert_string_equal(cursor, "100");
  bgj_string_free(cursor);
}

#define EXAMPLE(function) \
  cmocka_unit_test_setup_teardown(function, set_up_examples, tear_down_examples)

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      EXAMPLE(a_killed_clone_leaves_nothing_alive_and_goes_on),
      EXAMPLE(a_paused_clone_finishes_its_item_and_waits),
      EXAMPLE(a_cancelled_clone_ends),
      EXAMPLE(a_clone_that_fails_is_a_failed_item),
      EXAMPLE(two_clones_do_not_work_on_one_job),
      EXAMPLE(an_import_goes_on_after_kills_and_a_rate_limit),
  };
  if (argc != 2) return fprintf(stderr, "usage: test_examples DIRECTORY\n"), 2;
  programs = argv[1];
  return RUN_TESTS(tests);
}
