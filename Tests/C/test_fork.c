/* After fork(2): the child may only free what it inherited; the parent notices nothing. */
#include "support.h"

#include <sys/wait.h>
#include <unistd.h>

/* The assertions of cmocka belong to the parent: the child gives the line of what failed. */
#define NEED(condition) \
  do { if (!(condition)) return __LINE__; } while (0)
#define FORKED(call) NEED((call) == BGJ_FORKED)

static void in_a_child(int (*body)(bgj_job *), bgj_job *job) {
  int status = 0;
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    int line = body(job);
    if (line != 0) fprintf(stderr, "test_fork.c:%d: in the child\n", line);
    _exit(line != 0);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

static int all_give_forked(bgj_job *job) {
  const char *const plan[] = {"z"};
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  bgj_job *other = NULL;
  bgj_job_list *list = NULL;
  bgj_item_list *items = NULL;
  char *text = NULL;
  int64_t number = 0;
  FORKED(bgj_manager_sync(manager, NULL));
  FORKED(bgj_manager_create(manager, "t", NULL, 0, &other, NULL));
  FORKED(bgj_manager_ensure(manager, "t", "k", NULL, 0, &other, NULL));
  FORKED(bgj_manager_find(manager, "a", &other, NULL));
  FORKED(bgj_manager_list(manager, 0, NULL, &list, NULL));
  FORKED(bgj_manager_cleanup(manager, 0, NULL, NULL));
  FORKED(bgj_manager_cleanup_with(manager, 0, BGJ_CLEANUP_DRY_RUN, &list, NULL));
  FORKED(bgj_manager_check(manager, NULL, NULL));
  FORKED(bgj_manager_set_rate(manager, "p", 1, 1, NULL));
  FORKED(bgj_manager_permit(manager, "p", 1, &number, NULL));
  FORKED(bgj_manager_rate_limited(manager, "p", 1, NULL));
  FORKED(bgj_manager_claim(manager, NULL, &other, NULL));
  FORKED(bgj_manager_set_limit(manager, "*", 1, NULL));
  FORKED(bgj_manager_set_priority_worth(manager, 1, NULL));
  FORKED(bgj_job_enqueue(job, NULL, NULL));
  FORKED(bgj_job_add_dependency(job, "a", BGJ_AFTER_END, NULL));
  FORKED(bgj_job_remove_dependency(job, "a", NULL));
  FORKED(bgj_job_get_waits(job, &text, NULL));
  FORKED(bgj_manager_get_queue(manager, &text, NULL));
  FORKED(bgj_job_start(job, NULL, NULL));
  FORKED(bgj_job_leave(job, NULL, NULL));
  FORKED(bgj_job_pause(job, NULL, 0, NULL));
  FORKED(bgj_job_rate_limited(job, NULL, 1, NULL));
  FORKED(bgj_job_resume(job, NULL));
  FORKED(bgj_job_wait(job, BGJ_MASK_ALL, 0, NULL, NULL));
  FORKED(bgj_job_complete(job, NULL, NULL));
  FORKED(bgj_job_fail(job, NULL, NULL));
  FORKED(bgj_job_cancel(job, NULL, NULL));
  FORKED(bgj_job_retry(job, NULL));
  FORKED(bgj_job_retry_items(job, plan, 1, NULL));
  FORKED(bgj_job_update(job, 1, "a", "b", "c", NULL));
  FORKED(bgj_job_advance(job, 1, NULL));
  FORKED(bgj_job_item_done(job, "a", NULL));
  FORKED(bgj_job_items_done(job, plan, 1, NULL));
  FORKED(bgj_job_item_failed(job, "a", NULL, NULL));
  FORKED(bgj_job_item_skipped(job, "a", NULL, NULL));
  FORKED(bgj_job_rate_limited_until(job, NULL, "5", NULL));
  FORKED(bgj_job_set_config(job, "{}", NULL));
  FORKED(bgj_job_item_begin(job, "a", NULL, NULL, NULL));
  FORKED(bgj_job_item_give_back(job, "a", NULL));
  FORKED(bgj_job_set_plan(job, plan, 1, NULL, NULL));
  FORKED(bgj_job_set_total(job, 1, NULL));
  FORKED(bgj_job_set_cursor(job, "1", NULL));
  FORKED(bgj_job_plan(job, plan, 1, NULL));
  FORKED(bgj_job_next(job, &text, NULL));
  FORKED(bgj_job_get_info(job, &info, NULL));
  FORKED(bgj_job_get_config(job, &text, NULL));
  FORKED(bgj_job_get_cursor(job, &text, NULL));
  FORKED(bgj_job_get_json(job, &text, NULL));
  FORKED(bgj_job_items(job, 0, &items, NULL));
  return 0;
}

static int free_all(bgj_job *job) {
  bgj_job_release(job);
  NEED(bgj_manager_close(manager, NULL) == BGJ_OK);
  return 0;
}

static int open_its_own(bgj_job *job) {
  bgj_manager *own = NULL;
  bgj_job *other = NULL, *same = NULL;
  bgj_error detail = BGJ_ERROR_INIT;
  char parent[24];
  snprintf(parent, sizeof parent, "%ld", (long)getppid());
  NEED(bgj_manager_open(project, NULL, &own, NULL) == BGJ_OK);
  NEED(bgj_manager_create(own, "t", NULL, 0, &other, NULL) == BGJ_OK);
  NEED(bgj_job_start(other, NULL, NULL) == BGJ_OK);
  NEED(bgj_job_item_done(other, "a", NULL) == BGJ_OK);
  NEED(bgj_manager_find(own, bgj_job_id(job), &same, NULL) == BGJ_OK);
  NEED(bgj_job_start(same, NULL, &detail) == BGJ_BUSY);
  NEED(strstr(detail.message, parent) != NULL);
  NEED(bgj_job_item_done(same, "from the child", NULL) == BGJ_OK);
  bgj_job_release(same);
  bgj_job_release(other);
  NEED(bgj_manager_close(own, NULL) == BGJ_OK);
  FORKED(bgj_job_item_done(job, "a", NULL));
  return 0;
}

static void the_parent_goes_on(bgj_job *job) {
  assert_ok(bgj_job_item_done(job, "of the parent", &error));
  assert_int_equal(bgj_job_is_done(job, "of the parent"), 1);
  assert_int_equal(look(job)->owned, 1);
  assert_int_equal(look(job)->status, BGJ_JOB_RUNNING);
  bgj_manager *other = open_other(NULL);
  assert_status(BGJ_BUSY, bgj_job_start(job_of(other, bgj_job_id(job)), NULL, &error));
  assert_ok(bgj_job_complete(job, NULL, &error));
}

static void a_child_gets_forked(void **state) {
  (void)state;
  bgj_job *job = running();
  in_a_child(all_give_forked, job);
  assert_int_equal(look(job)->current, 0);
  the_parent_goes_on(job);
}

static void a_child_may_free(void **state) {
  (void)state;
  bgj_job *job = running();
  in_a_child(free_all, job);
  the_parent_goes_on(job);
}

static void a_child_may_open_its_own(void **state) {
  (void)state;
  bgj_job *job = running();
  in_a_child(open_its_own, job);
  assert_int_equal(look(job)->items_completed, 1);
  the_parent_goes_on(job);
}

/* The lock that says "alive" must go with the owner, not with a child that sleeps on. */
static void a_child_does_not_keep_its_parent_alive(void **state) {
  (void)state;
  int to_child[2], to_test[2];
  char id[64] = "", byte;
  assert_int_equal(pipe(to_child), 0);
  assert_int_equal(pipe(to_test), 0);
  close_manager();
  pid_t owner = fork();
  assert_true(owner >= 0);
  if (owner == 0) {
    bgj_job *job = NULL;
    if (bgj_manager_open(project, NULL, &manager, NULL) != BGJ_OK) _exit(1);
    if (bgj_manager_create(manager, "t", NULL, 0, &job, NULL) != BGJ_OK) _exit(2);
    if (bgj_job_start(job, NULL, NULL) != BGJ_OK) _exit(3);
    if (bgj_job_item_done(job, "a", NULL) != BGJ_OK) _exit(4);
    close(to_child[1]);
    if (fork() == 0) _exit(read(to_child[0], &byte, 1) != 0); /* until the test closes its end */
    snprintf(id, sizeof id, "%s", bgj_job_id(job));
    if (write(to_test[1], id, sizeof id) != sizeof id) _exit(5);
    _exit(0);
  }
  int status = 0;
  assert_int_equal(read(to_test[0], id, sizeof id), sizeof id);
  assert_int_equal(waitpid(owner, &status, 0), owner);
  assert_int_equal(status, 0);
  bgj_job *job = job_of(open_other(NULL), id);
  /* The lock goes when the child has run at all: it closes its copies first thing. */
  for (int i = 0; i < 500 && look(job)->status == BGJ_JOB_RUNNING; i++) sleep_ms(10);
  assert_int_equal(look(job)->status, BGJ_JOB_PAUSED);
  assert_string_equal(look(job)->reason, "interrupted");
  assert_int_equal(look(job)->items_completed, 1);
  assert_ok(bgj_job_start(job, NULL, &error));
  close(to_child[0]), close(to_child[1]), close(to_test[0]), close(to_test[1]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_child_gets_forked),
      TEST(a_child_may_free),
      TEST(a_child_may_open_its_own),
      TEST(a_child_does_not_keep_its_parent_alive),
  };
  return RUN_TESTS(tests);
}
