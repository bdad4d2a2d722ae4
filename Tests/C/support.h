/* What the tests of the C API share. Include it instead of cmocka.h. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bgjobs.h>
#include <jansson.h>

/* ---- One test: a project directory of its own, with one manager open on it ---- */

extern char project[256];    /* the directory; removed after the test */
extern bgj_manager *manager; /* open on it with default options; a test may close it and put NULL */
extern bgj_error error;      /* what the assertions below pass to a call and look at */

int set_up(void **state);
int tear_down(void **state);

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
#define RUN_TESTS(tests) cmocka_run_group_tests(tests, NULL, NULL)

/* Another manager on the same project: another process would see and may do the same. Closed after
 * the test. */
bgj_manager *open_other(const bgj_options *options);
void close_other(bgj_manager *other);
void close_manager(void);

/* ---- Assertions ---- */

/* The call must give this status, and the error must say the same: BGJ_OK clears it. */
#define assert_status(expected, call) \
  check_status((error.status = (bgj_status)99, call), expected, #call, __FILE__, __LINE__)
void check_status(bgj_status got, bgj_status expected, const char *call, const char *file,
                  int line);

#define assert_ok(call) assert_status(BGJ_OK, call)

/* The message of the last error contains this. */
#define assert_says(text) check_says(text, __FILE__, __LINE__)
void check_says(const char *text, const char *file, int line);

/* ---- Jobs. What these give is released after the test ---- */

bgj_job *create(void);                               /* pending, type clone-repos */
bgj_job *running(void);                              /* owned by manager */
bgj_job *job_of(bgj_manager *which, const char *id); /* a handle through another manager */
const bgj_job_info *look(bgj_job *job);              /* lives until the next look */
size_t count_jobs(bgj_manager *which, unsigned int statuses, const char *type);

/* ---- Files below the project ---- */

#define STATE_FILE ".specweave/state/background-jobs.json"
#define STORE ".specweave/state/background-jobs.d"
char *path_of(const char *relative); /* lives until the next but three */
int exists(const char *relative);
void write_file(const char *relative, const void *bytes, size_t size);
char *read_file(const char *relative, size_t *size); /* to be freed; ends with a zero byte */
void write_jobs(const char *json); /* the state file of another tool, in an empty project */

/* ---- JSON. Borrowed from what was read last ---- */

json_t *read_state(void);       /* the published state file, after a sync */
json_t *state_of(bgj_job *job); /* the job in it */
json_t *json_of(bgj_job *job);  /* bgj_job_get_json */

/* The same as text to be freed, without what time alone changes. */
char *snapshot(bgj_job *job);

/* The object has all of these members in this order, up to NULL; others may be between them. */
void assert_members(json_t *object, ...);
void assert_same_json(const char *json, const char *expected);

/* ---- A clock that a test can move; it runs with the real one ---- */

typedef struct test_clock {
  int64_t ahead;  /* nanoseconds */
  int64_t asleep; /* of these, with the machine asleep */
} test_clock;
bgj_options with_clock(test_clock *clock);
#define SECONDS(n) ((int64_t)(n) * 1000000000)

void sleep_ms(int milliseconds);

#endif
