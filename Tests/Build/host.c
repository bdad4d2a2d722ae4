/* What a host does, in C and in C++: one small job from its creation to its end. */
#include <bgjobs.h>
#include <stdio.h>
#include <string.h>

static int failed(const char *what, const bgj_error *error) {
  fprintf(stderr, "%s: %s: %s\n", what, bgj_status_name(error->status), error->message);
  return 1;
}

int main(int argc, char **argv) {
  static const char *const items[] = {"one", "two"};
  bgj_manager *manager = NULL;
  bgj_job *job = NULL;
  bgj_error error = BGJ_ERROR_INIT;
  bgj_job_info info = BGJ_JOB_INFO_INIT;
  char version[32];
  char *item = NULL;
  int good;

  if (argc != 2) return 2;
  sprintf(version, "%d.%d.%d", BGJ_VERSION_MAJOR, BGJ_VERSION_MINOR, BGJ_VERSION_PATCH);
  if (strcmp(version, bgj_version()) != 0) return 3;

  if (bgj_manager_open(argv[1], NULL, &manager, &error)) return failed("open", &error);
  if (bgj_manager_ensure(manager, "test", "key", NULL, 0, &job, &error))
    return failed("ensure", &error);
  if (bgj_job_plan(job, items, 2, &error)) return failed("plan", &error);
  if (bgj_job_start(job, NULL, &error)) return failed("start", &error);
  while (bgj_job_next(job, &item, &error) == BGJ_OK) {
    if (bgj_job_item_done(job, item, &error)) return failed("item done", &error);
    bgj_string_free(item);
  }
  if (bgj_job_complete(job, NULL, &error)) return failed("complete", &error);
  if (bgj_job_get_info(job, &info, &error)) return failed("get info", &error);
  good = info.status == BGJ_JOB_COMPLETED && info.items_completed == 2;
  bgj_job_info_clear(&info);
  bgj_job_release(job);
  if (bgj_manager_close(manager, &error)) return failed("close", &error);
  return good ? 0 : 4;
}
