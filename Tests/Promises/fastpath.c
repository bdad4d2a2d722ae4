/*
 * Promise 4: a report costs at most one small write and takes no lock, and memory grows with the
 * items and not with the reports. Counted by strace and by a preload; counts are no timing, so
 * these are asserted.
 *
 *     promise_fastpath [REPORTS]
 */
#include "promise.h"

#include <ctype.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MILLION = 1000000, MARK = -4711 };
static int reports = 100000;
static const double least_ms = 10500;

/* ---- The workers ---- */

static bgj_job *job_start(bgj_manager *manager) {
  bgj_job *job = NULL;
  MUST(bgj_manager_ensure(manager, "clone-repos", "fast", NULL, 0, &job, &fault));
  assert_int_equal(MUST(bgj_job_start(job, NULL, &fault)), BGJ_OK);
  return job;
}

/* paced PROJECT REPORTS: reports evenly over ten seconds. It looks at the clock until the next one
 * is due, since sleeping would be a system call; closing no descriptor marks both ends in the
 * trace. */
static int paced(int argc, char **argv) {
  assert_int_equal(argc, 3);
  int count = atoi(argv[2]);
  bgj_manager *manager = manager_open(argv[1]);
  bgj_job *job = job_start(manager);
  double began = now_ms();
  (void)!close(MARK);
  for (int i = 0; i < count; i++) {
    while (now_ms() < began + least_ms * i / count) continue;
    char name[32];
    snprintf(name, sizeof name, "item-%07d", i);
    assert_int_equal(MUST(bgj_job_item_done(job, name, &fault)), BGJ_OK);
  }
  (void)!close(MARK);
  double took = now_ms() - began;
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  MUST(bgj_job_get_info(job, &info, &fault));
  assert_int_equal(info.items_completed, count);
  bgj_job_info_clear(&info);
  MUST(bgj_job_complete(job, NULL, &fault));
  bgj_job_release(job);
  MUST(bgj_manager_close(manager, &fault));
  assert_int_equal(write(1, &took, sizeof took), sizeof took);
  return 0;
}

static size_t resident(void) {
  size_t size, pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  assert_int_equal(fscanf(file, "%zu %zu", &size, &pages), 2);
  fclose(file);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

typedef struct million_figures {
  long allocations;
  size_t bytes, growth;
  double report_ns, close_ms;
} million_figures;

/* million PROJECT: as many items as it can. */
static int million(int argc, char **argv) {
  assert_int_equal(argc, 2);
  long (*count)(int);
  *(void **)&count = dlsym(RTLD_DEFAULT, "count_allocations");
  assert_non_null(count);
  bgj_manager *manager = manager_open(argv[1]);
  bgj_job *job = job_start(manager);
  million_figures f = {0, 0, 0, 0, 0};
  size_t before = resident();
  double began = now_ms();
  count(1);
  for (int i = 0; i < MILLION; i++) {
    char name[32];
    f.bytes += (size_t)snprintf(name, sizeof name, "item-%07d", i);
    bgj_status status = bgj_job_item_done(job, name, NULL);
    if (status != BGJ_OK) FAILED("report %d: %s", i, bgj_status_name(status));
  }
  f.allocations = count(0);
  f.growth = resident() - before;
  f.report_ns = (now_ms() - began) * 1e6 / MILLION;
  assert_int_equal(bgj_job_is_done(job, "item-0000000"), 1);
  assert_int_equal(bgj_job_is_done(job, "item-0999999"), 1);
  assert_int_equal(bgj_job_is_done(job, "item-1000000"), 0);
  bgj_job_release(job);
  began = now_ms();
  MUST(bgj_manager_close(manager, &fault));
  f.close_ms = now_ms() - began;
  assert_int_equal(write(1, &f, sizeof f), sizeof f);
  return 0;
}

/* ---- The drivers ---- */

/* The name of the system call in a line of strace -f, without its process id. */
static bool call_of(char *line, char name[32]) {
  while (isdigit((unsigned char)*line) || *line == ' ') line++;
  size_t length = strspn(line, "abcdefghijklmnopqrstuvwxyz_0123456789");
  if (length == 0 || length > 31 || line[length] != '(') return false;
  snprintf(name, 32, "%.*s", (int)length, line);
  return true;
}

typedef struct tally {
  char name[32];
  long count;
} tally;

static int by_count(const void *a, const void *b) {
  long x = ((const tally *)a)->count, y = ((const tally *)b)->count;
  return (x < y) - (x > y);
}

static void a_report_is_a_write(void **unused) {
  (void)unused;
  char *project = project_new(), trace[PATH_MAX], self[PATH_MAX] = {0}, count[16];
  snprintf(trace, sizeof trace, "%s/trace", project);
  snprintf(count, sizeof count, "%d", reports);
  assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
  int status;
  const char *const probe[] = {"strace", "-f", "-o", trace, "true", NULL};
  free(run(&status, probe));
  if (status != 0) {
    print_message("fastpath: SKIPPED, strace is missing or may not trace here\n");
    project_remove(project);
    skip();
  }

  const char *const arguments[] = {"strace", "-f",    "-o",    trace, self,
                                   "paced",  project, count, NULL};
  char *output = run(&status, arguments);
  assert_int_equal(status, 0);
  double took;
  memcpy(&took, output, sizeof took);
  free(output);

  FILE *file = fopen(trace, "r");
  char line[4096], name[32], mark[32];
  int marks = 0, kinds = 0;
  tally calls[64] = {{{0}, 0}};
  snprintf(mark, sizeof mark, "close(%d)", MARK);
  while (fgets(line, sizeof line, file)) {
    if (strstr(line, mark)) marks++;
    else if (marks == 1 && call_of(line, name)) {
      int i = 0;
      while (i < kinds && strcmp(calls[i].name, name) != 0) i++;
      assert_true(i < COUNT_OF(calls));
      if (i == kinds) strcpy(calls[kinds++].name, name);
      calls[i].count++;
    }
  }
  fclose(file);
  assert_int_equal(marks, 2);

  long writes = 0, others = 0;
  qsort(calls, (size_t)kinds, sizeof *calls, by_count);
  for (int i = 0; i < kinds; i++) {
    *(strcmp(calls[i].name, "write") == 0 ? &writes : &others) += calls[i].count;
  }
  print_message("fastpath: %d reports in %.1f s: %ld write, all others %.1f/s (", reports,
                took / 1e3, writes, (double)others * 1e3 / took);
  for (int i = 0; i < kinds; i++) {
    if (strcmp(calls[i].name, "write") != 0)
      print_message("%s %.1f%s", calls[i].name, (double)calls[i].count * 1e3 / took,
                    i == kinds - 1 ? "" : ", ");
  }
  print_message(")\n");
  assert_true(took >= 10e3);
  assert_true(labs(writes - reports) <= reports / 100);
  assert_true((double)others * 1e3 / took <= 150);
  project_remove(project);
}

static void a_million_items_fit(void **unused) {
  (void)unused;
  char *project = project_new();
  setenv("LD_PRELOAD", ALLOCATION_COUNTER, 1);
  worker w = worker_start("million", project, NULL);
  unsetenv("LD_PRELOAD");
  million_figures f;
  size_t size;
  char *output = worker_rest(&w, &size);
  worker_end(&w);
  assert_int_equal(size, sizeof f);
  memcpy(&f, output, sizeof f);
  free(output);

  json_t *state = state_json(project), *job = json_array_get(json_object_get(state, "jobs"), 0);
  assert_int_equal(json_array_size(items_in(job)), MILLION);
  assert_int_equal(current_in(job), MILLION);
  json_decref(state);
  struct stat info;
  double state_bytes = stat(state_path(project), &info) == 0 ? (double)info.st_size : 0;
  size_t limit = 2 * f.bytes + 16 * (size_t)MILLION;
  print_message("fastpath: %d items of %zu bytes: %ld allocations (at most 64), %.1f MB resident "
                "(at most %.1f), %.0f ns each, close with a state of %.1f MB %.0f ms\n", MILLION,
                f.bytes / MILLION, f.allocations, (double)f.growth / 1e6, (double)limit / 1e6,
                f.report_ns, state_bytes / 1e6, f.close_ms);
  assert_true(f.allocations <= 64);
  assert_true(f.growth <= limit);
  project_remove(project);
}

int main(int argc, char **argv) {
  static const role roles[] = {{"paced", paced}, {"million", million}};
  int ended = role_run(roles, COUNT_OF(roles), argc, argv);
  if (ended >= 0) return ended;
  if (argc > 1) reports = atoi(argv[1]);
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_report_is_a_write),
    cmocka_unit_test(a_million_items_fit),
  };
  return cmocka_run_group_tests_name("fastpath", tests, NULL, NULL);
}
