/* status PROJECT: the jobs of a project as they stand now. It only looks: nothing is written. */
#include <bgjobs.h>
#include <stdio.h>

int main(int argc, char **argv) {
  bgj_options options = BGJ_OPTIONS_INIT;
  bgj_manager *manager = NULL;
  bgj_job_list *list = NULL;
  bgj_job_info job = BGJ_JOB_INFO_INIT;
  bgj_error error = BGJ_ERROR_INIT;

  options.flags = BGJ_OPEN_READ_ONLY;
  if (bgj_manager_open(argc == 2 ? argv[1] : NULL, &options, &manager, &error) != BGJ_OK ||
      bgj_manager_list(manager, BGJ_MASK_ALL, NULL, &list, &error) != BGJ_OK) {
    fprintf(stderr, "status: %s\n", error.message);
    bgj_manager_close(manager, NULL);
    return 1;
  }
  printf("%-9s %-14s %-10s %-12s %11s %8s %6s\n", "ID", "TYPE", "STATUS", "REASON", "ITEMS",
         "ITEMS/S", "ETA");
  for (size_t i = 0; bgj_job_list_at(list, i, &job, &error) == BGJ_OK; i++) {
    printf("%-9s %-14s %-10s %-12s %5lld/%-5lld ", job.id, job.type, job.status_name,
           job.reason == NULL ? "-" : job.reason, (long long)job.current, (long long)job.total);
    if (job.rate < 0) printf("%8s ", "-");
    else printf("%8.2f ", job.rate);
    if (job.eta < 0) printf("%6s\n", "-");
    else printf("%5llds\n", (long long)job.eta);
  }
  bgj_job_info_clear(&job);
  bgj_job_list_free(list);
  return bgj_manager_close(manager, &error) != BGJ_OK;
}
