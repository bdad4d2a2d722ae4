/* What a store costs a program that opens it: part of `make bench-growth`.
 *
 *   growth PROJECT [ID]
 *
 * Opens a manager; with ID it also starts that job. Prints the milliseconds that took, and RssAnon
 * in KiB behind it. Then it leaves the job and closes, which is not measured.
 */
#define _GNU_SOURCE
#include <bgjobs.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static long anonymous_kib(void) {
  char line[256];
  long kib = -1;
  FILE *file = fopen("/proc/self/status", "r");
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "RssAnon: %ld", &kib) == 1) break;
  if (file) fclose(file);
  return kib;
}

int main(int argc, char **argv) {
  bgj_manager *manager = NULL;
  bgj_job *job = NULL;
  bgj_error error = BGJ_ERROR_INIT;
  if (argc < 2 || argc > 3) return 2;
  double begin = now();
  bgj_status status = bgj_manager_open(argv[1], NULL, &manager, &error);
  if (!status && argc == 3) {
    status = bgj_manager_find(manager, argv[2], &job, &error);
    if (!status) status = bgj_job_start(job, NULL, &error);
  }
  double end = now();
  if (!status) printf("%.3f %ld\n", end - begin, anonymous_kib());
  if (!status && job) status = bgj_job_leave(job, NULL, &error);
  bgj_job_release(job);
  if (!status) status = bgj_manager_close(manager, &error);
  if (!status) return 0;
  fprintf(stderr, "growth: %s: %s\n", bgj_status_name(status), error.message);
  return 1;
}
