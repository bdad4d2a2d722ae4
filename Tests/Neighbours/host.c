/*
 * host PROJECT NAME LOG BETWEEN_MS JOB_SECONDS STOP: works on jobs of type ours-c until the file
 * STOP is there, and then completes the last one. LOG gets a line for each thing that was
 * acknowledged: "item ID NAME", "end ID completed", "paused ID", "resumed ID".
 */
#define _GNU_SOURCE
#include <bgjobs.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int log_file;
static const char *stop_path;
static bgj_error error = BGJ_ERROR_INIT;

static int is_stopped(void) { return access(stop_path, F_OK) == 0; }

static void sleep_ms(long ms) {
  struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&time, NULL);
}

static double seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void tell(const char *what, const char *id, const char *rest) {
  char line[512];
  int length = snprintf(line, sizeof line, rest ? "%s %s %s\n" : "%s %s\n", what, id, rest);
  if (write(log_file, line, (size_t)length) != length) abort();
}

/* How many lines of an earlier life begin so. A killed host goes on behind them. */
static long count(const char *path, const char *word) {
  char line[512];
  long lines = 0;
  FILE *file = fopen(path, "r");
  while (file != NULL && fgets(line, sizeof line, file) != NULL)
    lines += strncmp(line, word, strlen(word)) == 0;
  if (file != NULL) fclose(file);
  return lines;
}

static int start(bgj_job *job) {
  for (;;) {
    bgj_status status = bgj_job_start(job, NULL, &error);
    if (status == BGJ_OK) return 1;
    if (status == BGJ_PAUSED) {
      bgj_job_wait(job, BGJ_MASK_PENDING, 500, NULL, NULL);
    } else if (status != BGJ_BUSY) {
      fprintf(stderr, "host: start: %s\n", error.message);
      return 0;
    }
    if (is_stopped()) return 0;
    sleep_ms(20);
  }
}

int main(int argc, char **argv) {
  if (argc != 7) return fputs("usage: host PROJECT NAME LOG BETWEEN JOB_SECONDS STOP\n", stderr), 2;
  const char *name = argv[2];
  stop_path = argv[6];
  long number = count(argv[3], "end ") + 1, items = count(argv[3], "item ");
  log_file = open(argv[3], O_CREAT | O_APPEND | O_WRONLY, 0644);
  bgj_options options = BGJ_OPTIONS_INIT;
  options.keep_completed = -1;
  bgj_manager *manager = NULL;
  if (bgj_manager_open(argv[1], &options, &manager, &error) != BGJ_OK)
    return fprintf(stderr, "host: open: %s\n", error.message), 1;
  while (!is_stopped()) {
    char key[64], item[128];
    bgj_job *job = NULL;
    snprintf(key, sizeof key, "%s-%ld", name, number);
    if (bgj_manager_ensure(manager, "ours-c", key, NULL, 0, &job, &error) != BGJ_OK) {
      fprintf(stderr, "host: ensure: %s\n", error.message);
      sleep_ms(100);
      continue;
    }
    if (!start(job)) {
      bgj_job_release(job);
      number++;
      continue;
    }
    double end = seconds() + atof(argv[5]);
    bgj_status status = BGJ_OK;
    while (status < BGJ_FINISHED && !is_stopped() && seconds() < end) {
      sleep_ms(atol(argv[4]));
      snprintf(item, sizeof item, "%s-%ld", key, ++items);
      status = bgj_job_item_done(job, item, &error);
      if (status < BGJ_FINISHED) tell("item", bgj_job_id(job), item);
      if (status != BGJ_PAUSED) continue;
      tell("paused", bgj_job_id(job), NULL);
      bgj_status wait;
      do wait = bgj_job_wait(job, BGJ_MASK_RUNNING, 200, NULL, &error);
      while (wait == BGJ_TIMEOUT && !is_stopped());
      if (wait == BGJ_OK) tell("resumed", bgj_job_id(job), NULL);
    }
    if (status >= BGJ_FINISHED) {
      fprintf(stderr, "host: %s\n", error.message);
      tell("refused", bgj_job_id(job), bgj_status_name(status));
    } else if (bgj_job_complete(job, NULL, &error) < BGJ_FINISHED) {
      tell("end", bgj_job_id(job), "completed");
    } else {
      tell("refused", bgj_job_id(job), bgj_status_name(error.status));
    }
    bgj_job_release(job);
    number++;
  }
  return bgj_manager_close(manager, &error) != BGJ_OK;
}
