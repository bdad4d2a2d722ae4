/*
 * Promise 2 when files are damaged: nothing is lost that is still there, nothing is silently
 * replaced, and no host ends.
 *
 *     promise_damaged [SECONDS of random damage]
 */
#include "promise.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REPORTED = 1000 };
static double seconds = 5;

typedef struct bytes {
  char *at;
  size_t size;
} bytes;

static bytes bytes_of(const char *path) {
  bytes b = {NULL, 0};
  b.at = file_read(path, &b.size);
  return b;
}

static bool in_place(const char *path, bytes b) {
  bytes now = bytes_of(path);
  bool same = now.at && now.size == b.size && memcmp(now.at, b.at, b.size) == 0;
  free(now.at);
  return same;
}

/* A project with a completed job "done" of three items, and a job "cut" whose owner was killed
 * after REPORTED reports, most of which were never published. */
static char *prepared(void) {
  char *project = project_new(), id[64];
  bgj_manager *manager = manager_open(project);
  bgj_job *job = NULL;
  MUST(bgj_manager_ensure(manager, "clone-repos", "done", "{\"n\":1}", 3, &job, &fault));
  MUST(bgj_job_start(job, NULL, &fault));
  for (const char *item = "abc"; *item; item++) {
    char name[2] = {*item, 0};
    MUST(bgj_job_item_done(job, name, &fault));
  }
  MUST(bgj_job_complete(job, NULL, &fault));
  bgj_job_release(job);
  worker w = owner_start(project, "cut", 0, REPORTED, "leave", id);
  job = job_of_key(manager, "cut");
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  do MUST(bgj_job_get_info(job, &info, &fault));
  while (info.items_completed < REPORTED);
  bgj_job_info_clear(&info);
  worker_kill(&w);
  worker_wait(&w);
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
  return project;
}

/* How many items of "cut" whoever reads the state file has been told of. */
static int items_published(const char *project) {
  static const char filter[] =
    ".jobs[] | select(.bgjobs.key == \"cut\") | .progress.itemsCompleted | length";
  char *text = jq(filter, state_path(project));
  assert_non_null(text);
  int count = atoi(text);
  free(text);
  return count;
}

/* How many items a job has, which must be the first ones reported; -1: there is no such job. */
static int items_left(bgj_manager *manager, const char *key) {
  bgj_job *job = job_of_key(manager, key);
  if (!job) return -1;
  json_t *json = job_json(job);
  int count = (int)json_array_size(items_in(json));
  for (int i = 0; i < count; i++) {
    char name[32];
    if (strcmp(key, "done") == 0) snprintf(name, sizeof name, "%c", 'a' + i);
    else snprintf(name, sizeof name, "own-%d", i);
    assert_string_equal(json_string_value(json_array_get(items_in(json), (size_t)i)), name);
  }
  json_decref(json);
  bgj_job_release(job);
  return count;
}

/* ---- Damaged state files ---- */

typedef struct damage {
  const char *name;
  const char *text; /* NULL: made from the good file */
} damage;

static const damage damages[] = {
  {"garbage", "\x01\x80 not JSON at all \xff\xfe"},
  {"empty", ""},
  {"NUL-filled", NULL},
  {"truncated", NULL},
  {"followed by more", "{\"jobs\": []} and more"},
  {"an array", "[]"},
  {"a number", "42"},
  {"jobs no array", "{\"jobs\": 5, \"keep\": \"me\"}"},
  {"a job no object", "{\"jobs\": [5, null, \"x\", []], \"keep\": \"me\"}"},
  {"a job without id", "{\"jobs\": [{\"type\": \"t\"}, {\"id\": 5}], \"keep\": \"me\"}"},
  {"1e400", "{\"jobs\": [], \"n\": 1e400}"},
  {"beyond int64", "{\"jobs\": [], \"n\": 12345678901234567890123, \"keep\": \"me\"}"},
  {"not UTF-8", "{\"jobs\": [], \"n\": \"\xc3\x28\"}"},
  {"zero in a string", "{\"jobs\": [], \"n\": \"a\\u0000b\"}"},
  {"ours, but nonsense", "{\"jobs\": [{\"id\": \"x\", \"type\": \"t\", \"status\": \"running\", "
   "\"bgjobs\": {\"created\": -1, \"rev\": \"x\", \"log\": 1e300, \"owner\": []}}], "
   "\"bgjobs\": {\"format\": -1, \"epoch\": 5, \"seq\": \"x\", \"logs\": [[1], 2, [3, 4, 5]]}}"},
  {"nested too deep", NULL},
};

static bytes damaged(const damage *d, bytes good) {
  bytes b = {NULL, 0};
  if (d->text) {
    b = (bytes){strdup(d->text), strlen(d->text)};
  } else if (strcmp(d->name, "NUL-filled") == 0) {
    b = (bytes){calloc(1, good.size), good.size};
  } else if (strcmp(d->name, "truncated") == 0) {
    b = (bytes){malloc(good.size), good.size * 2 / 3};
    memcpy(b.at, good.at, b.size);
  } else {
    b = (bytes){malloc(100000), 100000};
    memset(b.at, '[', b.size);
  }
  return b;
}

/* touch PROJECT: opens, changes something, and gives a damaged state file the time after which it
 * is no longer taken for one that is being written. Says what opening, changing and check gave. */
static int touch(int argc, char **argv) {
  assert_int_equal(argc, 2);
  int statuses[3] = {-1, -1, -1};
  bgj_manager *manager = NULL;
  bgj_job *job = NULL;
  statuses[0] = bgj_manager_open(argv[1], NULL, &manager, &fault);
  if (statuses[0] < 10) {
    statuses[1] = bgj_manager_create(manager, "clone-repos", NULL, 0, &job, &fault);
    for (int i = 0; i < 3; i++, sleep_ms(1100)) (void)bgj_manager_sync(manager, NULL);
    statuses[2] = bgj_manager_check(manager, NULL, NULL);
    bgj_job_release(job);
    (void)bgj_manager_close(manager, NULL);
  } else if (!strstr(fault.message, "background-jobs.json")) {
    FAILED("does not name the file: %s", fault.message);
  }
  assert_int_equal(write(1, statuses, sizeof statuses), sizeof statuses);
  return 0;
}

/* Either the file is refused and lies where it lay, or it was read, or it was set aside whole and
 * is reported: never are its bytes gone without a word. */
static void assert_preserved(const char *project, bytes b, const damage *d, const int status[3]) {
  if (in_place(state_path(project), b)) return;
  json_decref(state_json(project));
  if (corrupt_copies(project, b.at, b.size, NULL) > 0) {
    if (status[2] != BGJ_DAMAGED) FAILED("%s: set aside, and check says nothing", d->name);
    return;
  }
  char *keep = jq(".keep", state_path(project));
  bool kept = keep && strcmp(keep, "\"me\"\n") == 0;
  free(keep);
  if (kept) return;
  if (strncmp(d->name, "zero", 4) == 0 || strncmp(d->name, "ours", 4) == 0 || b.size == 0) return;
  FAILED("%s: its bytes are gone", d->name);
}

static void damaged_state_is_not_lost(void **with_journal) {
  bool journal = *with_journal != NULL;
  char *projects[COUNT_OF(damages)];
  bytes bad[COUNT_OF(damages)];
  worker workers[COUNT_OF(damages)];
  for (int i = 0; i < COUNT_OF(damages); i++) {
    projects[i] = prepared();
    bytes good = bytes_of(state_path(projects[i]));
    bad[i] = damaged(&damages[i], good);
    free(good.at);
    if (!journal) {
      project_remove(projects[i]);
      projects[i] = project_with(bad[i].at, bad[i].size);
    } else {
      file_write(state_path(projects[i]), bad[i].at, bad[i].size, 0);
    }
    workers[i] = worker_start("touch", projects[i], NULL);
  }
  print_message("damaged: state file %s a journal:", journal ? "with" : "without");
  for (int i = 0; i < COUNT_OF(damages); i++) {
    int status[3];
    worker_hear(&workers[i], status, sizeof status);
    worker_end(&workers[i]);
    int aside;
    corrupt_copies(projects[i], NULL, 0, &aside);
    print_message("%s %s: %s%s", i ? "," : "", damages[i].name,
                  bgj_status_name((bgj_status)status[0]), aside ? " and set aside" : "");
    if (status[0] != BGJ_OK) assert_int_equal(status[0], BGJ_DAMAGED);
    assert_preserved(projects[i], bad[i], &damages[i], status);
    if (journal) {
      /* The journal has everything: nothing may depend on the published view. */
      assert_int_equal(status[0], BGJ_OK);
      assert_int_equal(status[1], BGJ_OK);
      bgj_manager *manager = manager_open(projects[i]);
      assert_int_equal(items_left(manager, "done"), 3);
      assert_int_equal(items_left(manager, "cut"), REPORTED);
      MUST(bgj_manager_close(manager, &fault));
    }
    free(bad[i].at);
    project_remove(projects[i]);
  }
  print_message("\n");
}

static void newer_format_is_read_only(void **unused) {
  (void)unused;
  static const char text[] =
    "{\n  \"jobs\": [{\"id\": \"new\", \"type\": \"t\", \"status\": \"pending\"}],\n"
    "  \"bgjobs\": {\"format\": 999}\n}";
  char *project = project_with(text, strlen(text));
  bgj_manager *manager = manager_open(project);
  bgj_job *job = NULL, *created = NULL;
  MUST(bgj_manager_find(manager, "new", &job, &fault));
  assert_int_equal(bgj_job_pause(job, NULL, 0, &fault), BGJ_UNSUPPORTED);
  assert_int_equal(bgj_manager_create(manager, "t", NULL, 0, &created, &fault), BGJ_UNSUPPORTED);
  bgj_job_release(job);
  (void)bgj_manager_close(manager, NULL);
  assert_true(in_place(state_path(project), (bytes){(char *)(uintptr_t)text, strlen(text)}));
  project_remove(project);
}

/* ---- Damaged journals and logs ---- */

/* The path of the one file there whose name begins so; "" if there is none. */
static const char *private_file(const char *project, const char *prefix) {
  static char path[PATH_MAX + 256];
  path[0] = 0;
  DIR *directory = opendir(private_path(project, ""));
  assert_non_null(directory);
  for (struct dirent *entry; (entry = readdir(directory));) {
    if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
      snprintf(path, sizeof path, "%s%s", private_path(project, ""), entry->d_name);
  }
  closedir(directory);
  return path;
}

static const struct {
  const char *name;
  double at; /* where, as a part of the file */
} journal_damages[] = {
  {"garbage", 0},        {"empty", 0},         {"NUL-filled", 0},   {"removed", 0},
  {"cut", 0.01},         {"cut", 0.5},         {"cut", 0.95},       {"flipped", 0.001},
  {"flipped", 0.02},     {"flipped", 0.1},     {"flipped", 0.5},    {"flipped", 0.9},
  {"zeroed from", 0.02}, {"zeroed from", 0.5}, {"zeroed from", 0.9}};

static void damage_at(const char *path, const char *name, double at) {
  bytes b = bytes_of(path);
  assert_non_null(b.at);
  size_t from = (size_t)((double)b.size * at);
  if (strcmp(name, "garbage") == 0) {
    for (size_t i = 0; i < b.size; i++) b.at[i] = (char)chance(256);
  } else if (strcmp(name, "flipped") == 0) {
    b.at[from] ^= 0x10;
  } else if (strcmp(name, "cut") == 0 || strcmp(name, "empty") == 0) {
    b.size = from;
  } else {
    memset(b.at + from, 0, b.size - from);
  }
  if (strcmp(name, "removed") == 0) assert_int_equal(unlink(path), 0);
  else file_write(path, b.at, b.size, 0);
  free(b.at);
}

/* What the state file or an owner's log still has must come back. Opening may refuse once, to
 * report; then it must have mended. */
static void damaged_journal_is_rebuilt(void **unused) {
  (void)unused;
  int lost = 0;
  print_message("damaged: journal");
  for (int i = 0; i < COUNT_OF(journal_damages); i++) {
    const char *name = journal_damages[i].name;
    char *project = prepared();
    /* Without a journal the logs are nobody's; the state file still counts. */
    int least = strcmp(name, "removed") == 0 ? items_published(project) : REPORTED;
    damage_at(private_path(project, "journal"), name, journal_damages[i].at);
    bgj_manager *manager = NULL;
    bgj_job *job = NULL;
    bgj_status opened = bgj_manager_open(project, NULL, &manager, &fault), created = BGJ_OK;
    if (opened != BGJ_OK) {
      assert_int_equal(opened, BGJ_DAMAGED);
      manager = manager_open(project);
    }
    int done = items_left(manager, "done"), cut = items_left(manager, "cut"), aside;
    created = bgj_manager_create(manager, "clone-repos", NULL, 0, &job, &fault);
    if (created != BGJ_OK) {
      assert_int_equal(created, BGJ_DAMAGED);
      MUST(bgj_manager_create(manager, "clone-repos", NULL, 0, &job, &fault));
    }
    bgj_job_release(job);
    MUST(bgj_manager_close(manager, &fault));
    corrupt_copies(project, NULL, 0, &aside);
    bool loses = done != 3 || cut < least;
    print_message("%s %s at %.1f %%: %s/%s%s%s", i ? "," : "", name, journal_damages[i].at * 100,
                  bgj_status_name(opened), bgj_status_name(created), aside ? ", set aside" : "",
                  loses ? " LOST" : "");
    if (loses) print_message(" (%d of 3, %d of %d items left)", done, cut, least);
    lost += loses;
    manager = manager_open(project);
    assert_int_equal(items_left(manager, "done"), done);
    assert_int_equal(items_left(manager, "cut"), cut);
    MUST(bgj_manager_close(manager, &fault));
    json_decref(state_json(project));
    project_remove(project);
  }
  print_message("\n");
  assert_int_equal(lost, 0);
}

/* Of a damaged log a prefix is left; the other job is not touched by it. A log that is gone as a
 * whole cannot be what a power cut left in the same boot: that takes a word about it. */
static void damaged_log_leaves_a_prefix(void **unused) {
  (void)unused;
  int silent = 0;
  print_message("damaged: log");
  for (int i = 0; i < COUNT_OF(journal_damages); i++) {
    const char *name = journal_damages[i].name;
    char *project = prepared(), log[PATH_MAX];
    snprintf(log, sizeof log, "%s", private_file(project, "log-"));
    assert_true(log[0]);
    int published = items_published(project);
    damage_at(log, name, journal_damages[i].at);
    bgj_manager *manager = NULL;
    bgj_status opened = bgj_manager_open(project, NULL, &manager, &fault);
    if (opened == BGJ_OK) {
      int cut = items_left(manager, "cut");
      assert_int_equal(items_left(manager, "done"), 3);
      bool reported = bgj_manager_check(manager, NULL, NULL) == BGJ_DAMAGED;
      print_message("%s %s at %.0f %%: %d items%s", i ? "," : "", name,
                    journal_damages[i].at * 100, cut, reported ? ", reported" : "");
      silent += journal_damages[i].at == 0 && cut < published && !reported;
      (void)bgj_manager_close(manager, NULL);
    } else {
      assert_int_equal(opened, BGJ_DAMAGED);
      print_message("%s %s at %.0f %%: %s", i ? "," : "", name, journal_damages[i].at * 100,
                    bgj_status_name(opened));
    }
    project_remove(project);
  }
  print_message("; %d gone without a word\n", silent);
  assert_int_equal(silent, 0);
}

/* use PROJECT: every kind of call on whatever lies there; any status will do, ending will not. */
static int use(int argc, char **argv) {
  assert_int_equal(argc, 2);
  bgj_manager *manager = NULL;
  bgj_job *job = NULL, *created = NULL;
  bgj_job_list *list = NULL;
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  char *text = NULL;
  if (bgj_manager_open(argv[1], NULL, &manager, NULL) >= 10) return 0;
  if (bgj_manager_list(manager, 0, NULL, &list, NULL) < 10) {
    for (size_t i = 0; i < bgj_job_list_count(list); i++) {
      if (bgj_job_list_at(list, i, &info, NULL) < 10 && info.id &&
          bgj_manager_find(manager, info.id, &job, NULL) < 10) {
        (void)bgj_job_get_info(job, &info, NULL);
        if (bgj_job_get_json(job, &text, NULL) < 10) bgj_string_free(text);
        (void)bgj_job_start(job, NULL, NULL);
        (void)bgj_job_item_done(job, "more", NULL);
        (void)bgj_job_is_done(job, "own-1");
        bgj_job_release(job);
      }
    }
  }
  (void)bgj_manager_create(manager, "clone-repos", NULL, 0, &created, NULL);
  (void)bgj_manager_sync(manager, NULL);
  (void)bgj_manager_check(manager, NULL, NULL);
  bgj_job_release(created);
  bgj_job_info_clear(&info);
  bgj_job_list_free(list);
  (void)bgj_manager_close(manager, NULL);
  return 0;
}

static void random_damage_ends_no_host(void **unused) {
  (void)unused;
  char *master = prepared();
  int rounds = 0, status;
  chance(1);
  for (double until = now_ms() + seconds * 1e3; now_ms() < until; rounds++) {
    char *project = project_new(), path[PATH_MAX], source[PATH_MAX];
    snprintf(source, sizeof source, "%s/.specweave", master);
    const char *const copy[] = {"cp", "-a", source, project, NULL};
    free(run(&status, copy));
    assert_int_equal(status, 0);
    const char *const files[] = {state_path(project), private_path(project, "journal"),
                                 private_file(project, "log-")};
    snprintf(path, sizeof path, "%s", files[(int)chance(3)]);
    bytes b = bytes_of(path);
    assert_non_null(b.at);
    for (int i = 1 + (int)chance(4); i > 0; i--) {
      size_t at = (size_t)chance((double)b.size), length = (size_t)chance(12);
      for (size_t k = at; k < at + length && k < b.size; k++) {
        b.at[k] = chance(2) < 1 ? (char)chance(256) : "0123456789{}[],:\"-e\\\xff"[(int)chance(21)];
      }
    }
    file_write(path, b.at, b.size, 0);
    free(b.at);
    worker w = worker_start("use", project, NULL);
    int ended = worker_wait(&w);
    if (ended != 0) FAILED("the host ended with %#x on %s", ended, path);
    if (file_exists(state_path(project)) && strcmp(path, state_path(project)) != 0)
      json_decref(state_json(project));
    project_remove(project);
  }
  print_message("damaged: %d files damaged at random: no host ended\n", rounds);
  project_remove(master);
}

int main(int argc, char **argv) {
  static const role roles[] = {{"touch", touch}, {"use", use}};
  int ended = role_run(roles, COUNT_OF(roles), argc, argv);
  if (ended >= 0) return ended;
  if (argc > 1) seconds = atof(argv[1]);
  const struct CMUnitTest tests[] = {
    {"damaged state file, no journal", damaged_state_is_not_lost, NULL, NULL, NULL},
    {"damaged state file, journal", damaged_state_is_not_lost, NULL, NULL, &seconds},
    cmocka_unit_test(newer_format_is_read_only),
    cmocka_unit_test(damaged_journal_is_rebuilt),
    cmocka_unit_test(damaged_log_leaves_a_prefix),
    cmocka_unit_test(random_damage_ends_no_host),
  };
  return cmocka_run_group_tests_name("damaged", tests, NULL, NULL);
}
