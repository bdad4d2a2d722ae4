/*
 * clone PROJECT LIST: clones the git repositories that LIST names, one URL a line, into PROJECT.
 * Pause it, kill it, run it again: it goes on where it was. A whole host of libbgjobs.
 */
#define _GNU_SOURCE
#include <bgjobs.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"

enum { MOST = 1000 };
static const char *urls[MOST], *names[MOST]; /* a name is the last part of a URL, without .git */
static size_t count;
static char half_made[64]; /* where a clone stands until it is whole */
static bgj_manager *manager;
static bgj_error error = BGJ_ERROR_INIT;

/* Statuses below 10 are for the caller. With any other the job is left to the next run. */
static bgj_status check(bgj_status status) {
  if (status < BGJ_FINISHED) return status;
  fprintf(stderr, "clone: %s\n", error.message);
  bgj_manager_close(manager, NULL);
  exit(1);
}

/* Gives the config that other tools expect of this type of job. */
static char *read_list(FILE *list) {
  char line[4096], *project = realpath(".", NULL);
  json_t *config = json_pack("{s:s, s:[], s:s}", "type", "clone-repos", "repositories",
                             "projectPath", project);
  while (count < MOST && fgets(line, sizeof line, list) != NULL) {
    line[strcspn(line, "\r\n")] = 0;
    if (line[0] == 0) continue;
    urls[count] = strdup(line);
    char *suffix = strrchr(line, '.');
    if (suffix != NULL && strcmp(suffix, ".git") == 0) *suffix = 0;
    names[count] = strdup(basename(line));
    json_array_append_new(json_object_get(config, "repositories"), json_string(names[count]));
    count++;
  }
  char *text = json_dumps(config, 0);
  json_decref(config);
  free(project);
  return text;
}

/* Also what earlier runs of this job have left: only its owner comes here. */
static void remove_half_made(void) {
  child_run((const char *const[]){"sh", "-c", "rm -rf -- \"${0%.*}\".*", half_made, NULL});
}

/* NULL, or why there is no clone. It gets its name when it is whole, so a name that is there is. */
static const char *clone(const char *name) {
  size_t i = 0;
  while (i < count && strcmp(names[i], name) != 0) i++;
  if (i == count) return "it is no longer in the list";
  if (access(name, F_OK) == 0) return NULL;
  const char *const git[] = {"git", "clone", "--quiet", "--", urls[i], half_made, NULL};
  if (child_run(git) == 0 && rename(half_made, name) == 0) return NULL;
  remove_half_made();
  return "git clone failed";
}

int main(int argc, char **argv) {
  bgj_job *job = NULL;
  char *item = NULL;
  int failed = 0;
  FILE *list = argc == 3 ? fopen(argv[2], "r") : NULL;
  if (argc != 3) return fputs("usage: clone PROJECT LIST\n", stderr), 2;
  if (list == NULL || chdir(argv[1]) != 0 || child_setup() != 0) return perror("clone"), 2;
  char *config = read_list(list);

  check(bgj_manager_open(".", NULL, &manager, &error));
  check(bgj_manager_ensure(manager, "clone-repos", basename(argv[2]), config, 0, &job, &error));
  check(bgj_job_plan(job, names, count, &error));
  while (check(bgj_job_start(job, NULL, &error)) == BGJ_PAUSED)
    check(bgj_job_wait(job, BGJ_MASK_PENDING, -1, NULL, &error));

  snprintf(half_made, sizeof half_made, ".half-made.%s.%ld", bgj_job_id(job), (long)getpid());
  remove_half_made();
  for (;;) {
    bgj_status status = check(bgj_job_next(job, &item, &error));
    if (status == BGJ_END) break;
    if (status == BGJ_PAUSED) {
      check(bgj_job_wait(job, BGJ_MASK_RUNNING, -1, NULL, &error));
      continue;
    }
    check(bgj_job_update(job, -1, item, NULL, NULL, &error));
    check(bgj_manager_sync(manager, &error)); /* a clone is a long silence: show now what it is */
    const char *why = clone(item);
    if (why != NULL) failed = fprintf(stderr, "%s: %s\n", item, why) > 0;
    check(why == NULL ? bgj_job_item_done(job, item, &error)
                      : bgj_job_item_failed(job, item, why, &error));
    bgj_string_free(item);
  }
  check(bgj_job_complete(job, NULL, &error));

  bgj_job_release(job);
  check(bgj_manager_close(manager, &error));
  fclose(list);
  free(config);
  return failed;
}
