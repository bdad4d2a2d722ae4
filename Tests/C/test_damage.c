/* Damaged files: never silently replaced, mended from what is left where that is possible. */
#define _DEFAULT_SOURCE
#include "support.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char garbage[] = "{\"jobs\": [{\"id\": \"abc\"},\n  oops";

/* How many files of the directory have this in their name. The last one's path goes to found. */
static int files_with(const char *directory, const char *text, char found[512]) {
  int count = 0;
  DIR *entries = opendir(path_of(directory));
  if (entries == NULL) return 0;
  for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
    if (strstr(entry->d_name, text) != NULL) {
      count++;
      if (found != NULL) snprintf(found, 512, "%s/%s", directory, entry->d_name);
    }
  closedir(entries);
  return count;
}

static void assert_contains(const char *relative, const void *bytes, size_t size) {
  size_t got;
  char *text = read_file(relative, &got);
  assert_int_equal(got, size);
  assert_memory_equal(text, bytes, size);
  free(text);
}

/* A file that we have never seen whole: there is nothing to mend it from. It is reported once, and
 * kept as a copy; who calls again goes on without it. */
static void a_damaged_file_of_others_is_named_and_kept(void **state) {
  static const struct { const char *bytes; size_t size; const char *where; } rows[] = {
      {garbage, sizeof garbage - 1, "line 2"}, {"\0\0\0\0", 4, "line 1"}, {"[1, 2]", 6, "object"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    bgj_manager *other = NULL;
    char copy[512];
    write_jobs("");
    write_file(STATE_FILE, rows[i].bytes, rows[i].size);
    assert_status(BGJ_DAMAGED, bgj_manager_open(project, NULL, &other, &error));
    assert_says("background-jobs.json");
    assert_says(rows[i].where);
    assert_null(other);
    assert_contains(STATE_FILE, rows[i].bytes, rows[i].size);
    assert_int_equal(files_with(".specweave/state", ".corrupt-", copy), 1);
    assert_contains(copy, rows[i].bytes, rows[i].size);
    close_manager();
    assert_ok(bgj_manager_open(project, NULL, &manager, &error));
    create();
    assert_int_equal(json_array_size(json_object_get(read_state(), "jobs")), 1);
    assert_contains(copy, rows[i].bytes, rows[i].size);
    assert_int_equal(tear_down(state), 0);
    assert_int_equal(set_up(state), 0);
  }
}

static void a_damaged_file_is_set_aside_and_made_again(void **state) {
  (void)state;
  char found[512] = "", *report = NULL;
  bgj_job *job = running();
  assert_ok(bgj_job_item_done(job, "a", &error));
  close_manager();
  write_file(STATE_FILE, garbage, sizeof garbage - 1);
  assert_ok(bgj_manager_open(project, NULL, &manager, &error));
  job = job_of(manager, bgj_job_id(job));
  assert_int_equal(bgj_job_is_done(job, "a"), 1);
  assert_contains(STATE_FILE, garbage, sizeof garbage - 1);

  /* It may be half written by somebody: it is taken for damaged when it has been so for 2 s. */
  for (int i = 0; i < 100 && files_with(".specweave/state", ".corrupt-", found) == 0; i++) {
    bgj_manager_sync(manager, NULL);
    sleep_ms(100);
  }
  assert_int_equal(files_with(".specweave/state", ".corrupt-", found), 1);
  assert_contains(found, garbage, sizeof garbage - 1);
  assert_ok(bgj_job_start(job, NULL, &error));
  assert_string_equal(json_string_value(json_object_get(state_of(job), "status")), "running");
  assert_status(BGJ_DAMAGED, bgj_manager_check(manager, &report, &error));
  assert_non_null(strstr(report, ".corrupt-"));
  bgj_string_free(report);
  assert_int_equal(remove(path_of(found)), 0);
  assert_ok(bgj_manager_check(manager, NULL, &error));
}

static void a_missing_file_is_made_again(void **state) {
  (void)state;
  bgj_job *job = running();
  assert_ok(bgj_manager_sync(manager, &error));
  assert_int_equal(remove(path_of(STATE_FILE)), 0);
  assert_ok(bgj_job_item_done(job, "a", &error));
  assert_int_equal(json_integer_value(json_object_get(
                       json_object_get(state_of(job), "progress"), "current")), 1);
}

/* ---- The journal ---- */

/* A job with two items, published, and everything closed. */
static const char *make(void) {
  static char id[64];
  bgj_job *job = running();
  assert_ok(bgj_job_item_done(job, "a", &error));
  assert_ok(bgj_job_item_done(job, "b", &error));
  snprintf(id, sizeof id, "%s", bgj_job_id(job));
  close_manager();
  return id;
}

/* Opening may say that it cannot go on. If it can, what was published is there, the job works, and
 * what was damaged is kept and reported. */
static void open_damaged(const char *id, const char *what) {
  bgj_job *job = NULL;
  bgj_status status = bgj_manager_open(project, NULL, &manager, &error);
  if (status == BGJ_DAMAGED) {
    assert_says(what);
    manager = NULL;
    return;
  }
  assert_int_equal(status, BGJ_OK);
  assert_ok(bgj_manager_find(manager, id, &job, &error));
  assert_int_equal(bgj_job_is_done(job, "a"), 1);
  assert_int_equal(bgj_job_is_done(job, "b"), 1);
  assert_ok(bgj_job_start(job, NULL, &error));
  assert_ok(bgj_job_item_done(job, "c", &error));
  assert_int_equal(look(job)->items_completed, 3);
  assert_ok(bgj_job_leave(job, NULL, &error));
  bgj_job_release(job);
}

static void a_cut_journal_is_mended_from_the_file(void **state) {
  size_t size = 1;
  for (size_t part = 0; part <= 8; part++) {
    const char *id = make();
    char *bytes = read_file(STORE "/journal", &size);
    assert_int_equal(truncate(path_of(STORE "/journal"), (off_t)(size * part / 8)), 0);
    open_damaged(id, "journal");
    free(bytes);
    assert_int_equal(tear_down(state), 0);
    assert_int_equal(set_up(state), 0);
  }
}

/* Wherever it was cut: whoever knows that more of it was on disk mends it, and goes on. The last
 * record tells of a publication. It is not synced, so that its end is no damage. */
static void a_journal_cut_under_its_owner_is_mended_by_it(void **state) {
  size_t size = 1;
  for (size_t part = 0; part < 20; part++) {
    char id[64];
    bgj_job *job = running();
    snprintf(id, sizeof id, "%s", bgj_job_id(job));
    assert_ok(bgj_job_item_done(job, "a", &error));
    assert_ok(bgj_manager_sync(manager, &error));
    char *bytes = read_file(STORE "/journal", &size);
    assert_int_equal(truncate(path_of(STORE "/journal"), (off_t)(size * part / 24)), 0);
    free(bytes);
    usleep(30000); /* until it looks again */
    assert_ok(bgj_job_item_done(job, "b", &error));
    assert_int_equal(bgj_job_is_done(job, "a"), 1);
    close_manager();
    open_damaged(id, "journal");
    char *report = NULL;
    assert_status(BGJ_DAMAGED, bgj_manager_check(manager, &report, &error));
    assert_non_null(strstr(report, "journal.corrupt-"));
    bgj_string_free(report);
    assert_int_equal(tear_down(state), 0);
    assert_int_equal(set_up(state), 0);
  }
}

static void a_journal_of_garbage_is_mended_from_the_file(void **state) {
  (void)state;
  const char *id = make();
  write_file(STORE "/journal", garbage, sizeof garbage - 1);
  open_damaged(id, "journal");
}

static void a_flipped_bit_is_found(void **state) {
  for (size_t part = 1; part < 16; part++) {
    const char *id = make();
    size_t size;
    char *bytes = read_file(STORE "/journal", &size);
    bytes[size * part / 16] ^= 0x10;
    write_file(STORE "/journal", bytes, size);
    open_damaged(id, "journal");
    free(bytes);
    assert_int_equal(tear_down(state), 0);
    assert_int_equal(set_up(state), 0);
  }
}

static void a_missing_journal_is_mended_from_the_file(void **state) {
  (void)state;
  const char *id = make();
  assert_int_equal(remove(path_of(STORE "/journal")), 0);
  open_damaged(id, "journal");
}

/* ---- The log ---- */

static void what_a_damaged_log_has_lost_is_in_the_file(void **state) {
  (void)state;
  char log[512];
  size_t size;
  bgj_job *job = create();
  pid_t child = fork();
  if (child == 0) { /* dies without a word */
    bgj_manager *own = NULL;
    bgj_job *same = NULL;
    int bad = bgj_manager_open(project, NULL, &own, NULL) ||
              bgj_manager_find(own, bgj_job_id(job), &same, NULL) ||
              bgj_job_start(same, NULL, NULL) || bgj_job_item_done(same, "a", NULL) ||
              bgj_job_item_skipped(same, "b", "there", NULL) ||
              bgj_job_item_done(same, "c", NULL) || bgj_job_item_skipped(same, "d", NULL, NULL) ||
              bgj_manager_sync(own, NULL);
    _exit(bad ? 1 : 0);
  }
  int status = -1;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  assert_int_equal(files_with(STORE, "log-", log), 1);
  free(read_file(log, &size));
  assert_int_equal(truncate(path_of(log), (off_t)size - 40), 0);
  assert_ok(bgj_job_start(job, NULL, &error));
  assert_int_equal(look(job)->items_completed, 2);
  assert_int_equal(look(job)->items_skipped, 2);
  assert_int_equal(look(job)->current, 4);
}

static void odd_files_in_the_store_do_no_harm(void **state) {
  (void)state;
  const char *id = make();
  write_file(STORE "/log-99999999999999999999", "x", 1);
  write_file(STORE "/log-", "x", 1);
  write_file(STORE "/journal.new", garbage, sizeof garbage - 1);
  write_file(STORE "/out", garbage, sizeof garbage - 1);
  assert_int_equal(mkdir(path_of(STORE "/log-7777"), 0700), 0);
  open_damaged(id, "background-jobs.d");
}

static void the_store_may_not_be_a_link(void **state) {
  (void)state;
  bgj_job *job = NULL;
  assert_int_equal(mkdir(path_of("elsewhere"), 0700), 0);
  write_jobs("{\"jobs\": []}");
  assert_int_equal(symlink(path_of("elsewhere"), path_of(STORE)), 0);
  assert_true(bgj_manager_create(manager, "t", NULL, 0, &job, &error) >= BGJ_FINISHED);
  assert_null(job);
  assert_int_equal(files_with("elsewhere", "", NULL), 2); /* "." and ".." */
}

/* Whatever it points to may be somebody else's. */
static void nothing_below_the_project_may_be_a_link(void **state) {
  static const char *const names[] = {".specweave", ".specweave/state", STATE_FILE};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    bgj_manager *other = NULL;
    bgj_job *job = NULL;
    write_jobs("{\"jobs\": [{\"id\": \"abc\", \"type\": \"t\", \"status\": \"pending\"}]}");
    assert_int_equal(rename(path_of(names[i]), path_of("elsewhere")), 0);
    assert_int_equal(symlink(path_of("elsewhere"), path_of(names[i])), 0);
    assert_status(BGJ_IO, bgj_manager_open(project, NULL, &other, &error));
    assert_says("symbolic link");
    assert_says(names[i]);
    assert_null(other);
    assert_status(BGJ_IO, bgj_manager_create(manager, "t", NULL, 0, &job, &error));
    assert_null(job);
    assert_false(exists("elsewhere/background-jobs.d"));
    assert_false(exists("elsewhere/state/background-jobs.d"));
    assert_int_equal(tear_down(state), 0);
    assert_int_equal(set_up(state), 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_damaged_file_of_others_is_named_and_kept),
      TEST(a_damaged_file_is_set_aside_and_made_again),
      TEST(a_missing_file_is_made_again),
      TEST(a_cut_journal_is_mended_from_the_file),
      TEST(a_journal_cut_under_its_owner_is_mended_by_it),
      TEST(a_journal_of_garbage_is_mended_from_the_file),
      TEST(a_flipped_bit_is_found),
      TEST(a_missing_journal_is_mended_from_the_file),
      TEST(what_a_damaged_log_has_lost_is_in_the_file),
      TEST(odd_files_in_the_store_do_no_harm),
      TEST(the_store_may_not_be_a_link),
      TEST(nothing_below_the_project_may_be_a_link),
  };
  return RUN_TESTS(tests);
}
