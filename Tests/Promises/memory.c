/*
 * Promise: when memory runs out, no call ends the process. It does its work from a reserve, or it
 * says BGJ_NO_MEMORY and has changed nothing; the same handles work afterwards. Every allocation of
 * every operation is refused in turn, once alone and once with all that follow it.
 *
 *     promise_memory [TRIES]      of an operation; 0: as many as it has allocations
 */
#include "memory_operations.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int tries;
static long (*refuse)(long after, int and_all);
static long (*asked)(void);

/* ---- What a reader sees of it ---- */

static void tell_job(FILE *out, bgj_manager *manager, const bgj_job_info *info) {
  bgj_job *job = NULL;
  MUST(bgj_manager_find(manager, info->id, &job, &fault));
  fprintf(out, "%s %s %s %s %lld/%lld %llu %llu %llu %llu %d", info->key ? info->key : info->type,
          info->status_name, info->reason ? info->reason : "-", info->error ? info->error : "-",
          (long long)info->current, (long long)info->total,
          (unsigned long long)info->items_completed, (unsigned long long)info->items_failed,
          (unsigned long long)info->items_skipped, (unsigned long long)info->items_open,
          info->attempts);
  char *text = NULL;
  if (bgj_job_get_config(job, &text, NULL) == BGJ_OK) fprintf(out, " %s", text);
  bgj_string_free(text);
  text = NULL;
  if (bgj_job_get_cursor(job, &text, NULL) == BGJ_OK) fprintf(out, " %s", text);
  bgj_string_free(text);
  bgj_item_list *list = NULL;
  MUST(bgj_job_items(job, 0, &list, &fault));
  for (size_t i = 0; i < bgj_item_list_count(list); i++) {
    bgj_item item = BGJ_ITEM_INIT;
    MUST(bgj_item_list_at(list, i, &item, &fault));
    fprintf(out, "\n  %s %d %d %s", item.name, item.state, item.attempts, item.why ? item.why : "");
  }
  fputc('\n', out);
  bgj_item_list_free(list);
  bgj_job_release(job);
}

static int by_text(const void *one, const void *other) {
  return strcmp(*(char *const *)one, *(char *const *)other);
}

/* Sorted: another tool's job may be taken in before or behind one that is made. */
static char *told(bgj_manager *manager) {
  char *jobs[16], *all;
  size_t size, count = 0;
  bgj_job_list *list = NULL;
  MUST(bgj_manager_list(manager, 0, NULL, &list, &fault));
  for (; count < bgj_job_list_count(list); count++) {
    assert_true(count < 16);
    bgj_job_info info = BGJ_JOB_INFO_INIT;
    MUST(bgj_job_list_at(list, count, &info, &fault));
    FILE *out = open_memstream(&jobs[count], &size);
    tell_job(out, manager, &info);
    fclose(out);
    bgj_job_info_clear(&info);
  }
  bgj_job_list_free(list);
  qsort(jobs, count, sizeof *jobs, by_text);
  FILE *out = open_memstream(&all, &size);
  for (size_t i = 0; i < count; i++) {
    fputs(jobs[i], out);
    free(jobs[i]);
  }
  fclose(out);
  return all;
}

static char *told_anew(const char *project) {
  bgj_options options = BGJ_OPTIONS_INIT;
  options.flags = BGJ_OPEN_READ_ONLY;
  bgj_manager *manager = NULL;
  MUST(bgj_manager_open(project, &options, &manager, &fault));
  char *text = told(manager);
  MUST(bgj_manager_close(manager, &fault));
  return text;
}

/* ---- One operation, without memory ---- */

static subject prepared(int number) {
  subject s = subject_new();
  if (operations[number].with_others) let_another_tool_write(s.project);
  return s;
}

/* What is to be seen after it, with memory enough. */
static char *expected(int number, bgj_status *status, long *allocations) {
  subject s = prepared(number);
  long before = asked();
  *status = MUST(operations[number].run(&s));
  *allocations = asked() - before;
  char *text = told_anew(s.project);
  subject_end(&s);
  return text;
}

static void same(const char *one, const char *other, const char *what, int number, long after) {
  if (strcmp(one, other) == 0) return;
  size_t place = 0;
  while (one[place] == other[place]) place++;
  size_t from = place > 60 ? place - 60 : 0;
  FAILED("%s, allocation %ld: %s: ...%.120s\n    instead of ...%.120s", operations[number].name, after,
         what, one + from, other + from);
}

static void find_preload(void) {
  *(void **)&refuse = dlsym(RTLD_DEFAULT, "fail_allocations");
  *(void **)&asked = dlsym(RTLD_DEFAULT, "allocations_asked");
  assert_true(refuse && asked);
}

/* try NUMBER AND_ALL TRIES: says each allocation before it is refused. */
static int try_one(int argc, char **argv) {
  assert_int_equal(argc, 4);
  int number = atoi(argv[1]), and_all = atoi(argv[2]);
  find_preload();
  bgj_status clean;
  long allocations, most = atol(argv[3]), refusals = 0, successes = 0;
  char *after_it = expected(number, &clean, &allocations);
  long step = most > 0 && allocations > most ? allocations / most : 1;
  subject s = prepared(number);
  char *before = NULL;
  for (long after = 0;; after += step) {
    assert_int_equal(write(1, &after, sizeof after), sizeof after);
    if (!before) before = told_anew(s.project);
    refuse(after, and_all);
    bgj_status status = operations[number].run(&s);
    long refused = refuse(-1, 0);
    if (status != BGJ_NO_MEMORY && status != clean)
      FAILED("%s, allocation %ld: %s: %s", operations[number].name, after, bgj_status_name(status),
             fault.message);
    int is_done = status == clean;
    char *here = told(s.manager), *anew = told_anew(s.project);
    if (is_done || !operations[number].is_in_parts) {
      same(anew, is_done ? after_it : before, is_done ? "after it" : "after NO_MEMORY", number, after);
      same(here, anew, "this manager", number, after);
    }
    int set_aside;
    corrupt_copies(s.project, NULL, 0, &set_aside);
    assert_int_equal(set_aside, 0);
    free(here);
    free(anew);
    if (is_done) successes++;
    else refusals++;
    if (is_done) {
      subject_end(&s);
      s = prepared(number);
      free(before);
      before = NULL;
    }
    if (!refused) break;
  }
  print_message("%s: %ld refusals, %ld successes\n", operations[number].name, refusals, successes);
  /* The handle goes on. */
  assert_int_equal(MUST(operations[number].run(&s)), clean);
  char *anew = told_anew(s.project);
  same(anew, after_it, "the handle afterwards", number, -1);
  free(anew);
  subject_end(&s);
  free(before);
  free(after_it);
  return 0;
}

/* ---- Without memory for long ---- */

static bgj_status without_harm(bgj_status status) {
  if (status != BGJ_OK && status != BGJ_NO_MEMORY)
    FAILED("%s: %s", bgj_status_name(status), fault.message);
  return status;
}

/* long PROJECT: more than the reserve has. */
static int long_want(int argc, char **argv) {
  assert_int_equal(argc, 2);
  find_preload();
  subject s = {.project = argv[1], .manager = manager_open(argv[1])};
  MUST(bgj_manager_ensure(s.manager, "clone-repos", "long", NULL, 0, &s.owned, &fault));
  MUST(bgj_job_start(s.owned, NULL, &fault));
  for (int i = 0; i < MANY; i++) MUST(create_one(&s));
  refuse(0, 1);
  uint64_t kept = 0;
  for (int i = 0; i < 50 * MANY; i++) {
    char name[400];
    snprintf(name, sizeof name, "%0*d", 300, i);
    if (without_harm(bgj_job_item_done(s.owned, name, &fault)) == BGJ_OK) kept++;
    if (i % MANY == 0) {
      without_harm(open_one(&s));
      without_harm(reopened(&s));
      without_harm(list_jobs(&s));
      without_harm(create_one(&s));
    }
  }
  for (int i = 0; i < 20000; i++) without_harm(open_one(&s));
  assert_true(refuse(-1, 0) > 0);
  assert_int_equal(MUST(open_one(&s)), BGJ_OK);
  assert_true(kept < 50 * MANY);
  assert_int_equal(MUST(bgj_job_item_done(s.owned, "with memory again", &fault)), BGJ_OK);
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  for (int i = 0; i < 2; i++) {
    MUST(bgj_job_get_info(s.owned, &info, &fault));
    assert_int_equal(info.items_completed, kept + 1);
    if (i > 0) break;
    bgj_job_release(s.owned);
    MUST(bgj_manager_close(s.manager, &fault));
    s.manager = manager_open(argv[1]);
    s.owned = job_of_key(s.manager, "long");
  }
  bgj_job_info_clear(&info);
  bgj_job_release(s.owned);
  MUST(bgj_manager_close(s.manager, &fault));
  return 0;
}

/* close PROJECT: a manager is closed even while every other call is refused. */
static int close_in_want(int argc, char **argv) {
  assert_int_equal(argc, 2);
  find_preload();
  bgj_manager *manager = manager_open(argv[1]);
  bgj_job *job = NULL;
  MUST(bgj_manager_ensure(manager, "clone-repos", "closed", "{\"a\": 1}", 0, &job, &fault));
  MUST(bgj_job_start(job, NULL, &fault));
  static char *texts[100000];
  int held = 0;
  refuse(0, 1);
  while (without_harm(bgj_job_get_config(job, &texts[held], &fault)) == BGJ_OK) {
    held++;
    assert_true(held < COUNT_OF(texts));
  }
  assert_true(held > 1000);
  without_harm(bgj_manager_close(manager, &fault));
  refuse(-1, 0);
  bgj_job_release(job);
  while (held > 0) bgj_string_free(texts[--held]);
  manager = manager_open(argv[1]);
  job = job_of_key(manager, "closed");
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  MUST(bgj_job_get_info(job, &info, &fault));
  assert_string_equal(info.status_name, "paused");
  bgj_job_info_clear(&info);
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
  return 0;
}

static void run_without_memory(const char *role_name) {
  char *project = project_new();
  setenv("LD_PRELOAD", ALLOCATION_FAILURES, 1);
  worker w = worker_start(role_name, project, NULL);
  unsetenv("LD_PRELOAD");
  worker_end(&w);
  project_remove(project);
}

static void memory_may_be_away_for_long(void **unused) {
  (void)unused;
  run_without_memory("long");
}

static void a_manager_is_closed_without_memory(void **unused) {
  (void)unused;
  run_without_memory("close");
}

/* ---- A host with memory functions of its own ---- */

static long host_blocks, host_calls;

static void *host_malloc(size_t size) {
  host_blocks++;
  host_calls++;
  return malloc(size);
}

static void host_free(void *memory) {
  if (memory) host_blocks--;
  free(memory);
}

static void the_hosts_jansson_stays_its_own(void **unused) {
  (void)unused;
  json_set_alloc_funcs(host_malloc, host_free);
  subject s = subject_new();
  let_another_tool_write(s.project);
  json_t *held = json_loads("[1, {\"of the host\": \"text\"}]", 0, NULL);
  MUST(create_one(&s));
  MUST(list_jobs(&s));
  long before = host_calls;
  json_t *later = json_loads("{\"after\": [2]}", 0, NULL);
  assert_non_null(later);
  assert_true(host_calls > before);
  json_decref(held);
  json_decref(later);
  subject_end(&s);
  assert_int_equal(host_blocks, 0);
  json_set_alloc_funcs(malloc, free);
}

/* ---- All of them ---- */

static void every_allocation_may_fail(void **unused) {
  (void)unused;
  int faults = 0;
  for (int i = 0; i < operation_count * 2; i++) {
    char number[16], most[16];
    snprintf(number, sizeof number, "%d", i / 2);
    snprintf(most, sizeof most, "%d", tries);
    setenv("LD_PRELOAD", ALLOCATION_FAILURES, 1);
    worker w = worker_start("try", number, i % 2 ? "1" : "0", most, NULL);
    unsetenv("LD_PRELOAD");
    size_t size;
    char *output = worker_rest(&w, &size);
    int status = worker_wait(&w);
    long last = -1;
    if (size >= sizeof last) memcpy(&last, output + size - sizeof last, sizeof last);
    free(output);
    if (WIFSIGNALED(status))
      print_error("%s: killed by signal %d at allocation %ld%s\n", operations[i / 2].name,
                  WTERMSIG(status), last, i % 2 ? " and all that follow" : "");
    if (status != 0) faults++;
  }
  assert_int_equal(faults, 0);
}

static const role roles[] = {{"try", try_one}, {"long", long_want}, {"close", close_in_want}};

int main(int argc, char **argv) {
  int ended = role_run(roles, COUNT_OF(roles), argc, argv);
  if (ended >= 0) return ended;
  if (argc > 1) tries = atoi(argv[1]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_allocation_may_fail),
      cmocka_unit_test(memory_may_be_away_for_long),
      cmocka_unit_test(a_manager_is_closed_without_memory),
      cmocka_unit_test(the_hosts_jansson_stays_its_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
