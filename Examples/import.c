/*
 * import PROJECT: imports 10,000 issues, page by page, from a source that says once in the middle
 * "rate limit, retry after 2 s". Kill it where you like and run it again.
 */
#define _POSIX_C_SOURCE 200809L
#include <bgjobs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PAGES = 100, PER_PAGE = 100 };
static const char config[] =
    "{\"type\": \"import-issues\", \"provider\": \"github\", \"timeRangeMonths\": 12,"
    " \"repositories\": [\"example/issues\"], \"projectPath\": \".\"}";
static bgj_manager *manager;
static bgj_job *job;
static bgj_error error = BGJ_ERROR_INIT;

/* Any report may say that somebody has paused the job. It is kept all the same; the next one can
 * wait. A status of 10 or more leaves the job to the next run. */
static void check(bgj_status status) {
  while (status == BGJ_PAUSED) status = bgj_job_wait(job, BGJ_MASK_RUNNING, -1, NULL, &error);
  if (status < BGJ_FINISHED) return;
  fprintf(stderr, "import: %s\n", error.message);
  bgj_manager_close(manager, NULL);
  exit(1);
}

/* The source. Gives the first issue of a page, or minus the seconds after which to ask again. */
static int fetch(int page) {
  static int limited;
  if (page == PAGES / 2 && !limited++) return -2;
  nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL); /* as a quick server would take */
  return page * PER_PAGE;
}

/* The work. Doing it twice does no harm: a kill may come between it and its report. */
static int save(const char *issue) {
  char path[64];
  snprintf(path, sizeof path, "issues/%s.txt", issue);
  FILE *file = fopen(path, "w");
  int written = file != NULL && fprintf(file, "imported %s\n", issue) > 0;
  return file != NULL && fclose(file) == 0 && written;
}

int main(int argc, char **argv) {
  char *cursor = NULL, text[32], issue[32];
  int page = 0, first;
  if (argc != 2) return fputs("usage: import PROJECT\n", stderr), 2;
  if (chdir(argv[1]) != 0) return perror("import"), 2;
  mkdir("issues", 0777);

  check(bgj_manager_open(".", NULL, &manager, &error));
  check(bgj_manager_ensure(manager, "import-issues", "example/issues", config, PAGES * PER_PAGE,
                           &job, &error));
  bgj_status status;
  while ((status = bgj_job_start(job, NULL, &error)) == BGJ_PAUSED)
    bgj_job_wait(job, BGJ_MASK_PENDING, -1, NULL, NULL);
  check(status);

  if (bgj_job_get_cursor(job, &cursor, NULL) == BGJ_OK) page = atoi(cursor);
  bgj_string_free(cursor);
  for (; page < PAGES; page++) {
    while ((first = fetch(page)) < 0) {
      check(bgj_job_rate_limited(job, "github", -first, &error));
      check(bgj_job_wait(job, BGJ_MASK_RUNNING, -1, NULL, &error)); /* ends when the limit does */
    }
    for (int i = first; i < first + PER_PAGE; i++) {
      snprintf(issue, sizeof issue, "issue-%05d", i + 1);
      if (bgj_job_is_done(job, issue)) continue; /* in a page that was not finished last time */
      check(bgj_job_update(job, -1, issue, NULL, NULL, &error));
      check(save(issue) ? bgj_job_item_done(job, issue, &error)
                        : bgj_job_item_failed(job, issue, "its file cannot be written", &error));
    }
    snprintf(text, sizeof text, "%d", page + 1);
    check(bgj_job_set_cursor(job, text, &error)); /* kept in order: after the items of its page */
  }
  check(bgj_job_complete(job, NULL, &error));

  bgj_job_release(job);
  check(bgj_manager_close(manager, &error));
  return 0;
}
