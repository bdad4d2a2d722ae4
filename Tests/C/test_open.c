/* Opening: what it needs, what it does not write, its options. */
#include "support.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

/* How many entries the directory has, "." and ".." left out. */
static size_t entries(const char *relative) {
  DIR *directory = opendir(path_of(relative));
  size_t count = 0;
  if (directory == NULL) return 0;
  while (readdir(directory) != NULL) count++;
  closedir(directory);
  return count - 2;
}

static void open_and_look_write_nothing(void **state) {
  (void)state;
  bgj_manager *other = open_other(NULL);
  bgj_job *job = NULL;
  char *report = NULL;
  assert_int_equal(count_jobs(other, 0, NULL), 0);
  assert_status(BGJ_NOT_FOUND, bgj_manager_find(other, "a", &job, &error));
  assert_ok(bgj_manager_check(other, &report, &error));
  assert_non_null(report);
  bgj_string_free(report);
  close_other(other);
  close_manager();
  assert_int_equal(entries("."), 0);
}

static void looking_at_the_file_of_others_writes_nothing(void **state) {
  (void)state;
  write_jobs("{\"jobs\": [{\"id\": \"abc\", \"status\": \"running\"}]}");
  bgj_manager *other = open_other(NULL);
  assert_int_equal(count_jobs(other, BGJ_MASK_RUNNING, NULL), 1);
  assert_int_equal(look(job_of(other, "abc"))->status, BGJ_JOB_RUNNING);
  close_other(other);
  assert_int_equal(entries(".specweave/state"), 1);
}

static void a_project_is_a_directory_that_exists(void **state) {
  (void)state;
  bgj_manager *other = NULL;
  assert_status(BGJ_NOT_FOUND, bgj_manager_open(path_of("nowhere"), NULL, &other, &error));
  assert_says("nowhere");
  assert_status(BGJ_UNSUPPORTED, bgj_manager_open("postgres://host/db", NULL, &other, &error));
  assert_says("postgres://");
  write_file("file", "x", 1);
  assert_true(bgj_manager_open(path_of("file"), NULL, &other, &error) >= BGJ_FINISHED);
  assert_true(bgj_manager_open("", NULL, &other, &error) >= BGJ_FINISHED);
  assert_null(other);
}

static void a_project_path_may_be_long_and_odd(void **state) {
  (void)state;
  bgj_manager *other = NULL;
  bgj_job *job = NULL;
  assert_int_equal(mkdir(path_of("a b\n\"\xc3\xa9"), 0777), 0);
  assert_ok(bgj_manager_open(path_of("a b\n\"\xc3\xa9/"), NULL, &other, &error));
  assert_ok(bgj_manager_create(other, "t", NULL, 0, &job, &error));
  bgj_job_release(job);
  assert_ok(bgj_manager_close(other, &error));
  assert_true(exists("a b\n\"\xc3\xa9/" STATE_FILE));
  static char endless[70000];
  memset(endless, 'x', sizeof endless - 1);
  assert_true(bgj_manager_open(endless, NULL, &other, &error) >= BGJ_FINISHED);
}

static void read_only_looks_and_never_writes(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_job_item_done(job, "a", &error));
  bgj_options options = BGJ_OPTIONS_INIT;
  options.flags = BGJ_OPEN_READ_ONLY;
  bgj_manager *viewer = open_other(&options);
  bgj_job *seen = job_of(viewer, bgj_job_id(job)), *none = NULL;
  const char *const plan[] = {"b"};
  size_t before = entries(STORE), size, again;
  char *bytes = read_file(STATE_FILE, &size);

  assert_int_equal(look(seen)->status, BGJ_JOB_RUNNING);
  assert_int_equal(look(seen)->current, 1);
  assert_int_equal(bgj_job_is_done(seen, "a"), 1);
  assert_status(BGJ_UNSUPPORTED, bgj_manager_create(viewer, "t", NULL, 0, &none, &error));
  assert_status(BGJ_UNSUPPORTED, bgj_manager_ensure(viewer, "t", "k", NULL, 0, &none, &error));
  assert_status(BGJ_UNSUPPORTED, bgj_job_pause(seen, NULL, 0, &error));
  assert_status(BGJ_UNSUPPORTED, bgj_job_cancel(seen, NULL, &error));
  assert_status(BGJ_UNSUPPORTED, bgj_job_item_done(seen, "b", &error));
  assert_status(BGJ_UNSUPPORTED, bgj_job_plan(seen, plan, 1, &error));
  assert_status(BGJ_UNSUPPORTED, bgj_manager_cleanup(viewer, 0, NULL, &error));
  assert_null(none);
  close_other(viewer);

  char *now = read_file(STATE_FILE, &again);
  assert_int_equal(again, size);
  assert_memory_equal(now, bytes, size);
  assert_int_equal(entries(STORE), before);
  free(now);
  free(bytes);
}

static void read_only_needs_no_permission_to_write(void **state) {
  (void)state;
  if (geteuid() == 0) skip(); /* root may write everywhere */
  bgj_job *job = running();
  char id[64];
  snprintf(id, sizeof id, "%s", bgj_job_id(job));
  close_manager();
  assert_int_equal(chmod(path_of(".specweave/state"), 0555), 0);
  bgj_options options = BGJ_OPTIONS_INIT;
  options.flags = BGJ_OPEN_READ_ONLY;
  assert_string_equal(look(job_of(open_other(&options), id))->reason, "interrupted");
  assert_int_equal(chmod(path_of(".specweave/state"), 0755), 0);
}

static void options_have_bounds(void **state) {
  (void)state;
  bgj_manager *other = NULL;
  bgj_options options = BGJ_OPTIONS_INIT;
  options.lock_timeout_ms = 86400001;
  assert_status(BGJ_INVALID, bgj_manager_open(project, &options, &other, &error));
  options.lock_timeout_ms = -1;
  assert_status(BGJ_INVALID, bgj_manager_open(project, &options, &other, &error));
  assert_null(other);
  options.lock_timeout_ms = 86400000;
  options.keep_completed = -2147483647;
  open_other(&options);
}

static void any_file_system_is_a_flag(void **state) {
  (void)state;
  bgj_options options = BGJ_OPTIONS_INIT;
  bgj_manager *other = NULL;
  assert_status(BGJ_UNSUPPORTED, bgj_manager_open("/proc/self", NULL, &other, &error));
  assert_null(other);
  options.flags = BGJ_OPEN_ANY_FILE_SYSTEM;
  assert_ok(bgj_manager_open("/proc/self", &options, &other, &error));
  assert_int_equal(count_jobs(other, 0, NULL), 0);
  assert_ok(bgj_manager_close(other, &error));
}

static void the_store_is_private_and_ignored_by_git(void **state) {
  (void)state;
  struct stat status;
  create();
  assert_int_equal(stat(path_of(STORE), &status), 0);
  assert_int_equal(status.st_mode & 0777, 0700);
  char *text = read_file(STORE "/.gitignore", NULL);
  assert_string_equal(text, "*\n");
  free(text);
}

static void so_is_the_state_unless_somebody_has_said_otherwise(void **state) {
  (void)state;
  struct stat status;
  create();
  char *text = read_file(".specweave/state/.gitignore", NULL);
  assert_string_equal(text, "*\n");
  free(text);
  assert_int_equal(stat(path_of(".specweave/state/.gitignore"), &status), 0);
  assert_int_equal(status.st_mode & 0777 & ~0022, 0644);
}

static void an_ignore_file_of_others_stays(void **state) {
  (void)state;
  size_t size = 1;
  write_jobs("{\"jobs\": []}");
  write_file(".specweave/state/.gitignore", "", 0);
  create();
  char *text = read_file(".specweave/state/.gitignore", &size);
  assert_int_equal(size, 0);
  free(text);
}

static void a_state_of_others_gets_an_ignore_file_with_the_first_job(void **state) {
  (void)state;
  write_jobs("{\"jobs\": []}");
  create();
  char *text = read_file(".specweave/state/.gitignore", NULL);
  assert_string_equal(text, "*\n");
  free(text);
}

static void a_state_of_a_version_before_gets_one_with_the_next_job(void **state) {
  (void)state;
  create();
  assert_int_equal(unlink(path_of(".specweave/state/.gitignore")), 0);
  create();
  char *text = read_file(".specweave/state/.gitignore", NULL);
  assert_string_equal(text, "*\n");
  free(text);
}

static void words_of_the_library(void **state) {
  (void)state;
  char version[32];
  snprintf(version, sizeof version, "%d.%d.%d", BGJ_VERSION_MAJOR, BGJ_VERSION_MINOR,
           BGJ_VERSION_PATCH);
  assert_string_equal(bgj_version(), version);
  assert_string_equal(bgj_status_name(BGJ_OK), "BGJ_OK");
  assert_string_equal(bgj_status_name(BGJ_ILLEGAL_TRANSITION), "BGJ_ILLEGAL_TRANSITION");
  assert_string_equal(bgj_status_name(BGJ_FORKED), "BGJ_FORKED");
  assert_string_equal(bgj_status_name((bgj_status)-1), "BGJ_?");
  assert_string_equal(bgj_status_name((bgj_status)9), "BGJ_?");
  assert_string_equal(bgj_status_name((bgj_status)23), "BGJ_?");
  for (int i = -1; i < 100; i++) {
    assert_non_null(bgj_status_message((bgj_status)i));
    assert_int_not_equal(strlen(bgj_status_message((bgj_status)i)), 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(open_and_look_write_nothing),
      TEST(looking_at_the_file_of_others_writes_nothing),
      TEST(a_project_is_a_directory_that_exists),
      TEST(a_project_path_may_be_long_and_odd),
      TEST(read_only_looks_and_never_writes),
      TEST(read_only_needs_no_permission_to_write),
      TEST(options_have_bounds),
      TEST(any_file_system_is_a_flag),
      TEST(the_store_is_private_and_ignored_by_git),
      TEST(so_is_the_state_unless_somebody_has_said_otherwise),
      TEST(an_ignore_file_of_others_stays),
      TEST(a_state_of_others_gets_an_ignore_file_with_the_first_job),
      TEST(a_state_of_a_version_before_gets_one_with_the_next_job),
      TEST(words_of_the_library),
  };
  return RUN_TESTS(tests);
}
