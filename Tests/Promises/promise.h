/*
 * What the promise tests share: a scratch project, workers in processes of their own, and the state
 * file as an outsider reads it.
 *
 * A test program is its own workers: started as `program ROLE ARGUMENT...` it is the worker of that
 * role, started otherwise it is the driver. Assertions work in both; a worker whose assertion fails
 * says so on standard error and ends with a status that its driver refuses.
 */
#ifndef PROMISE_H
#define PROMISE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <sys/types.h>

#include <cmocka.h>
#include <jansson.h>

#include <bgjobs.h>

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* ---- Assertions ---- */

/* The error argument of every call under MUST, so that a failure can say why. */
extern bgj_error fault;

/* Calls the library and fails the test if nothing was done; gives the status otherwise. */
#define MUST(call) must((call), #call, __FILE__, __LINE__)
bgj_status must(bgj_status status, const char *call, const char *file, int line);

/* Fails the test with a sentence of its own. */
#define FAILED(...) (print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__))

/* ---- Time and chance ---- */

double now_ms(void);          /* CLOCK_MONOTONIC: the same in all processes */
void sleep_ms(double ms);
double chance(double below);  /* reproducible: PROMISE_SEED, which a failing test prints */
void sort_numbers(double *numbers, int count);

/* ---- Files ---- */

char *project_new(void);
char *project_with(const void *state, size_t size);  /* with these bytes as its state file */
void project_remove(char *project);

/* Paths inside a project. One of the last eight answers; never freed. */
const char *state_directory(const char *project);
const char *state_path(const char *project);                      /* background-jobs.json */
const char *private_path(const char *project, const char *name);  /* in background-jobs.d */

/* The file's bytes with a zero behind them, or NULL if there is no such file. */
char *file_read(const char *path, size_t *size);
/* Into the existing inode, as other writers of the state file do, with a pause in the middle. */
void file_write(const char *path, const void *bytes, size_t size, double pause_ms);
bool file_exists(const char *path);
void directory_make(const char *path);

/* Runs another program and gives its standard output; *status gets its exit status. */
char *run(int *status, const char *const arguments[]);
/* jq -c FILTER FILE; with indent, as other writers print the state file. NULL if jq failed. */
char *jq(const char *filter, const char *file);
char *jq_indented(const char *filter, const char *file);

/* Everything that was set aside as damaged, in the state directory and in ours. */
int corrupt_copies(const char *project, const char *bytes, size_t size, int *all);

/* ---- Workers ---- */

typedef struct worker {
  pid_t pid;
  int in;   /* its standard input: ours to write and to close */
  int out;  /* its standard output: ours to read */
} worker;

typedef struct role {
  const char *name;
  int (*body)(int argc, char **argv); /* argv[0] is the role's name */
} role;

/* The driver's worker roles, "own" below included; -1 if this process is to be the driver. */
int role_run(const role *roles, int count, int argc, char **argv);

/* The arguments are strings, the last one NULL. */
worker worker_start(const char *role_name, ...);
void worker_tell(const worker *w, char command);
void worker_hear(const worker *w, void *bytes, size_t size);  /* all of it, within ten seconds */
char *worker_rest(const worker *w, size_t *size);             /* up to the end of its output */
void worker_kill(worker *w);                                  /* SIGKILL; true news only by wait */
int worker_wait(worker *w);                                   /* the status as waitpid has it */
void worker_end(worker *w);                                   /* closes its input; must end well */

/* Worker "own PROJECT KEY MICROSECONDS ITEMS END": takes the job of that key, says its id (see
 * owner_start), reports own-0, own-1 ... at that pace and waits out every pause, until ITEMS items
 * (0: no limit) are done and its input is closed. END is "complete" or "leave". Says how many it
 * did. */
worker owner_start(const char *project, const char *key, int pace_us, int items, const char *end,
                   char id[64]);
int owner_end(worker *w);

/* ---- The library, looked at ---- */

bgj_manager *manager_open(const char *project);
/* The job of that key among all jobs, or NULL. */
bgj_job *job_of_key(bgj_manager *manager, const char *key);
/* Parsed; the caller's to json_decref. */
json_t *job_json(bgj_job *job);
json_t *state_json(const char *project);
/* Borrowed: the job of that id in a state. */
json_t *job_in_state(json_t *state, const char *id);
json_t *items_in(json_t *job);
int64_t current_in(json_t *job);
const char *status_in(json_t *job);

#endif
