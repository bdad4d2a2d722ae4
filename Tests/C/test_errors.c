/* bgj_error and the struct_size of the structs; nothing is written when a call fails. */
#include "support.h"

#include <unistd.h>

static void an_error_is_filled_and_cleared(void **state) {
  (void)state;
  bgj_job *job = create();
  bgj_error detail = BGJ_ERROR_INIT;
  assert_int_equal(bgj_job_leave(job, NULL, &detail), BGJ_ILLEGAL_TRANSITION);
  assert_int_equal(detail.status, BGJ_ILLEGAL_TRANSITION);
  assert_int_equal(detail.os_error, 0);
  assert_int_not_equal(detail.message[0], 0);
  assert_non_null(memchr(detail.message, 0, sizeof detail.message));
  assert_int_equal(bgj_job_start(job, NULL, &detail), BGJ_OK);
  assert_int_equal(detail.status, BGJ_OK);
  assert_int_equal(detail.message[0], 0);
  assert_int_equal(detail.struct_size, sizeof detail);
}

/* An older program has a smaller struct: what lies behind it is not touched. */
static void a_smaller_error_is_filled_as_far_as_it_goes(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, sizeof(size_t), offsetof(bgj_error, os_error),
                                 offsetof(bgj_error, message), offsetof(bgj_error, message) + 1,
                                 offsetof(bgj_error, message) + 20};
  bgj_job *job = create();
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    bgj_error detail;
    memset(&detail, 0x5a, sizeof detail);
    detail.struct_size = sizes[i];
    assert_int_equal(bgj_job_leave(job, NULL, &detail), BGJ_ILLEGAL_TRANSITION);
    assert_int_equal(detail.struct_size, sizes[i]);
    size_t from = sizes[i] < sizeof(size_t) ? sizeof(size_t) : sizes[i];
    for (size_t byte = from; byte < sizeof detail; byte++)
      assert_int_equal(((unsigned char *)&detail)[byte], 0x5a);
    if (sizes[i] >= offsetof(bgj_error, os_error))
      assert_int_equal(detail.status, BGJ_ILLEGAL_TRANSITION);
    if (sizes[i] > offsetof(bgj_error, message) + 1)
      assert_non_null(memchr(detail.message, 0, sizes[i] - offsetof(bgj_error, message)));
  }
}

/* A newer program has a larger struct: what this library does not know is not touched. */
static void a_larger_error_keeps_what_is_behind(void **state) {
  (void)state;
  struct { bgj_error known; unsigned char behind[64]; } newer;
  memset(&newer, 0x5a, sizeof newer);
  newer.known.struct_size = sizeof newer;
  assert_int_equal(bgj_job_leave(create(), NULL, &newer.known), BGJ_ILLEGAL_TRANSITION);
  assert_int_equal(newer.known.status, BGJ_ILLEGAL_TRANSITION);
  for (size_t i = 0; i < sizeof newer.behind; i++) assert_int_equal(newer.behind[i], 0x5a);
}

static void a_smaller_info_is_filled_as_far_as_it_goes(void **state) {
  (void)state;
  static const size_t sizes[] = {offsetof(bgj_job_info, id), offsetof(bgj_job_info, type),
                                 offsetof(bgj_job_info, current), offsetof(bgj_job_info, attempts)};
  bgj_job *job = create();
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    bgj_job_info info = BGJ_JOB_INFO_INIT;
    memset((char *)&info + sizes[i], 0x5a, sizeof info - sizes[i]);
    info.struct_size = sizes[i];
    assert_ok(bgj_job_get_info(job, &info, &error));
    if (sizes[i] > offsetof(bgj_job_info, id)) assert_string_equal(info.id, bgj_job_id(job));
    bgj_job_info_clear(&info);
    assert_int_equal(info.struct_size, sizes[i]);
    for (size_t byte = sizes[i]; byte < sizeof info; byte++)
      assert_int_equal(((unsigned char *)&info)[byte], 0x5a);
  }
}

static void an_info_needs_its_size(void **state) {
  (void)state;
  bgj_job *job = create();
  bgj_job_info info;
  memset(&info, 0, sizeof info);
  assert_status(BGJ_INVALID, bgj_job_get_info(job, &info, &error));
  assert_says("struct_size");
}

static void an_info_is_filled_again_and_cleared(void **state) {
  (void)state;
  bgj_job *job = create();
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  const bgj_job_info empty = BGJ_JOB_INFO_INIT;
  for (int i = 0; i < 3; i++) assert_ok(bgj_job_get_info(job, &info, &error));
  assert_string_equal(info.type, "clone-repos");
  bgj_job_info_clear(&info);
  bgj_job_info_clear(&info);
  assert_null(info.memory);
  assert_null(info.id);
  assert_null(info.type);
  assert_int_equal(info.struct_size, empty.struct_size);
  assert_int_equal(info.status, empty.status);
  assert_int_equal(info.eta, empty.eta);
  assert_int_equal(info.created_ms, empty.created_ms);
  assert_ok(bgj_job_get_info(job, &info, &error));
  assert_string_equal(info.id, bgj_job_id(job));
  bgj_job_info_clear(&info);
}

static void smaller_options_leave_the_rest_at_its_default(void **state) {
  (void)state;
  bgj_options options;
  memset(&options, 0x5a, sizeof options);
  options.struct_size = offsetof(bgj_options, keep_completed);
  options.flags = 0;
  options.lock_timeout_ms = 0;
  open_other(&options);
  bgj_start_options start;
  memset(&start, 0x5a, sizeof start);
  start.struct_size = offsetof(bgj_start_options, owner_pid);
  start.flags = BGJ_START_DETACHED;
  start.owner_fd = 0;
  assert_ok(bgj_job_start(create(), &start, &error));
}

static void outputs_are_not_touched_by_a_failure(void **state) {
  (void)state;
  bgj_manager *no_manager = (bgj_manager *)project;
  bgj_job *job = create(), *no_job = (bgj_job *)project;
  bgj_job_list *no_list = (bgj_job_list *)project;
  char *text = project;
  size_t removed = 4711;
  bgj_options viewer = BGJ_OPTIONS_INIT;
  viewer.flags = BGJ_OPEN_READ_ONLY;
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  assert_ok(bgj_job_get_info(job, &info, &error));
  const char *id = info.id;

  assert_status(BGJ_NOT_FOUND, bgj_manager_open(path_of("none"), NULL, &no_manager, &error));
  assert_status(BGJ_INVALID, bgj_manager_create(manager, "", NULL, 0, &no_job, &error));
  assert_status(BGJ_INVALID, bgj_manager_ensure(manager, "t", "", NULL, 0, &no_job, &error));
  assert_status(BGJ_NOT_FOUND, bgj_manager_find(manager, "none", &no_job, &error));
  assert_status(BGJ_INVALID, bgj_manager_list(manager, 0, "\xff", &no_list, &error));
  assert_status(BGJ_UNSUPPORTED, bgj_manager_cleanup(open_other(&viewer), 0, &removed, &error));
  assert_status(BGJ_NOT_FOUND, bgj_job_get_cursor(job, &text, &error));
  assert_ok(bgj_job_cancel(job, NULL, &error));
  assert_status(BGJ_FINISHED, bgj_job_next(job, &text, &error));
  assert_ok(bgj_manager_cleanup_with(manager, 0, BGJ_CLEANUP_FAILED, NULL, &error));
  assert_status(BGJ_NOT_FOUND, bgj_job_get_config(job, &text, &error));
  assert_status(BGJ_NOT_FOUND, bgj_job_get_json(job, &text, &error));
  assert_status(BGJ_NOT_FOUND, bgj_job_get_info(job, &info, &error));

  assert_ptr_equal(no_manager, project);
  assert_ptr_equal(no_job, project);
  assert_ptr_equal(no_list, project);
  assert_ptr_equal(text, project);
  assert_int_equal(removed, 4711);
  assert_ptr_equal(info.id, id);
  assert_string_equal(info.id, bgj_job_id(job));
  bgj_job_info_clear(&info);
}

static void messages_name_what_they_are_about(void **state) {
  (void)state;
  bgj_job *job = create(), *none = NULL;
  char pid[24];
  assert_status(BGJ_INVALID, bgj_manager_create(manager, NULL, NULL, 0, &none, &error));
  assert_says("type");
  assert_status(BGJ_INVALID, bgj_manager_create(manager, "t", "[1, 2]", 0, &none, &error));
  assert_says("config");
  assert_status(BGJ_INVALID, bgj_manager_create(manager, "t", NULL, -1, &none, &error));
  assert_says("total");
  assert_status(BGJ_INVALID, bgj_job_set_total(job, -1, &error));
  assert_says("total");
  assert_status(BGJ_INVALID, bgj_job_set_cursor(running(), "{", &error));
  assert_ok(bgj_job_start(job_of(open_other(NULL), bgj_job_id(job)), NULL, &error));
  assert_status(BGJ_BUSY, bgj_job_start(job, NULL, &error));
  snprintf(pid, sizeof pid, "%ld", (long)getpid());
  assert_says(pid);
  assert_status(BGJ_ILLEGAL_TRANSITION, bgj_job_retry(job, &error));
  assert_says("running");
  assert_says(bgj_job_id(job));
}

/* In its middle: what went wrong stands behind a long path. */
static void a_long_message_is_cut_between_characters(void **state) {
  (void)state;
  char path[1200];
  (void)path_of(""); /* the storage in memory opens no path */
  for (size_t shift = 0; shift < 12; shift++) {
    bgj_manager *none = NULL;
    memset(path, 'x', shift);
    path[0] = '/';
    for (size_t i = shift ? shift : 1; i + 3 < sizeof path; i += 3) {
      memcpy(path + i, "\xe2\x82\xac", 4);
    }
    assert_status(BGJ_IO, bgj_manager_open(path, NULL, &none, &error));
    json_t *text = json_string(error.message); /* NULL if it is not UTF-8 */
    assert_non_null(text);
    json_decref(text);
    assert_true(strlen(error.message) > 488);
    assert_non_null(strstr(error.message, "..."));
    assert_non_null(strstr(error.message, ": File name too long"));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(an_error_is_filled_and_cleared),
      TEST(a_smaller_error_is_filled_as_far_as_it_goes),
      TEST(a_larger_error_keeps_what_is_behind),
      TEST(a_smaller_info_is_filled_as_far_as_it_goes),
      TEST(an_info_needs_its_size),
      TEST(an_info_is_filled_again_and_cleared),
      TEST(smaller_options_leave_the_rest_at_its_default),
      TEST(outputs_are_not_touched_by_a_failure),
      TEST(messages_name_what_they_are_about),
      TEST(a_long_message_is_cut_between_characters),
  };
  return RUN_TESTS(tests);
}
