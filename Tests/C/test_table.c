/* The lifecycle as a table: what each operation gives in each state that a job can be in. */
#include "support.h"

enum { UNSAID = -1, OK = BGJ_OK, PAUSED = BGJ_PAUSED, FINISHED = BGJ_FINISHED,
       ILLEGAL = BGJ_ILLEGAL_TRANSITION, BUSY = BGJ_BUSY };

/* ---- Operations, by the manager under test ---- */

static bgj_status start(bgj_job *job) { return bgj_job_start(job, NULL, &error); }
static bgj_status enqueue(bgj_job *job) { return bgj_job_enqueue(job, NULL, &error); }
static bgj_status depend(bgj_job *job) {
  bgj_job *needed = NULL;
  assert_ok(bgj_manager_create(manager, "needed", NULL, 0, &needed, &error));
  bgj_status status = bgj_job_add_dependency(job, bgj_job_id(needed), BGJ_AFTER_END, &error);
  bgj_job_release(needed);
  return status;
}
static bgj_status report(bgj_job *job) { return bgj_job_item_done(job, "reported", &error); }
static bgj_status pause_it(bgj_job *job) { return bgj_job_pause(job, NULL, 0, &error); }
static bgj_status limited(bgj_job *job) { return bgj_job_rate_limited(job, "x", 9, &error); }
static bgj_status resume(bgj_job *job) { return bgj_job_resume(job, &error); }
static bgj_status leave(bgj_job *job) { return bgj_job_leave(job, NULL, &error); }
static bgj_status complete(bgj_job *job) { return bgj_job_complete(job, NULL, &error); }
static bgj_status fail_it(bgj_job *job) { return bgj_job_fail(job, "why", &error); }
static bgj_status cancel(bgj_job *job) { return bgj_job_cancel(job, "why", &error); }
static bgj_status retry(bgj_job *job) { return bgj_job_retry(job, &error); }
static bgj_status retry_some(bgj_job *job) { return bgj_job_retry_items(job, NULL, 0, &error); }

/* Where BGJ_OK leads: a status, or one of these. */
enum { STAYS = -1, LIFTED = -2 };

enum { OPERATIONS = 13 };
static const struct operation {
  const char *name;
  bgj_status (*call)(bgj_job *);
  int leads_to;
  const char *word; /* of it in the message of BGJ_ILLEGAL_TRANSITION */
} operations[OPERATIONS] = {
    {"start", start, BGJ_JOB_RUNNING, "start"},
    {"report", report, STAYS, ""},
    {"pause", pause_it, BGJ_JOB_PAUSED, "paus"},
    {"rate-limited", limited, BGJ_JOB_PAUSED, "rate"},
    {"resume", resume, LIFTED, "resum"},
    {"leave", leave, BGJ_JOB_PAUSED, "leav"},
    {"complete", complete, BGJ_JOB_COMPLETED, "complet"},
    {"fail", fail_it, BGJ_JOB_FAILED, "fail"},
    {"cancel", cancel, BGJ_JOB_FAILED, "cancel"},
    {"retry", retry, BGJ_JOB_PENDING, "retr"},
    {"retry some", retry_some, BGJ_JOB_PENDING, "retr"},
    {"enqueue", enqueue, STAYS, ""},
    {"depend", depend, STAYS, "needed"},
};

/* ---- States ---- */

static bgj_manager *other;

static bgj_job *mine(void) { return running(); }

static bgj_job *theirs(void) {
  bgj_job *job = create();
  assert_ok(bgj_job_start(job_of(other, bgj_job_id(job)), NULL, &error));
  return job;
}

static bgj_job *asked(bgj_job *job) {
  assert_ok(bgj_job_pause(job_of(other, bgj_job_id(job)), NULL, 0, &error));
  return job;
}

static bgj_job *paused(void) { return asked(create()); }
static bgj_job *mine_paused(void) { return asked(mine()); }
static bgj_job *theirs_paused(void) { return asked(theirs()); }

static bgj_job *interrupted(void) {
  bgj_job *job = theirs();
  assert_ok(bgj_job_leave(job_of(other, bgj_job_id(job)), NULL, &error));
  return job;
}

static bgj_job *completed(void) {
  bgj_job *job = mine();
  assert_ok(bgj_job_item_done(job, "a", &error));
  assert_ok(bgj_job_complete(job, NULL, &error));
  return job;
}

static bgj_job *completed_in_part(void) {
  bgj_job *job = mine();
  assert_ok(bgj_job_item_failed(job, "a", NULL, &error));
  assert_ok(bgj_job_complete(job, NULL, &error));
  return job;
}

static bgj_job *failed(void) {
  bgj_job *job = mine();
  assert_ok(bgj_job_fail(job, NULL, &error));
  return job;
}

enum { STATES = 10 };
static const struct state {
  const char *name;
  bgj_job *(*make)(void);
  bgj_job_status status;
  int expected[OPERATIONS];
} states[STATES] = {
    /* start, report, pause, rate-limited, resume,
     * leave, complete, fail, cancel, retry, retry some, enqueue, depend */
    {"pending", create, BGJ_JOB_PENDING,
     {OK, ILLEGAL, OK, ILLEGAL, OK, ILLEGAL, OK, OK, OK, ILLEGAL, ILLEGAL, OK, OK}},
    {"mine, running", mine, BGJ_JOB_RUNNING,
     {OK, OK, OK, OK, OK, OK, OK, OK, OK, ILLEGAL, ILLEGAL, OK, ILLEGAL}},
    {"mine, paused", mine_paused, BGJ_JOB_PAUSED,
     {PAUSED, PAUSED, OK, PAUSED, OK, OK, OK, OK, OK, ILLEGAL, ILLEGAL, OK, ILLEGAL}},
    {"theirs, running", theirs, BGJ_JOB_RUNNING,
     {BUSY, OK, OK, UNSAID, OK, ILLEGAL, BUSY, OK, OK, ILLEGAL, ILLEGAL, OK, ILLEGAL}},
    {"theirs, paused", theirs_paused, BGJ_JOB_PAUSED,
     {UNSAID, PAUSED, OK, PAUSED, OK, ILLEGAL, BUSY, OK, OK, ILLEGAL, ILLEGAL, OK, ILLEGAL}},
    {"paused", paused, BGJ_JOB_PAUSED,
     {PAUSED, UNSAID, OK, PAUSED, OK, ILLEGAL, OK, OK, OK, ILLEGAL, ILLEGAL, OK, OK}},
    {"interrupted", interrupted, BGJ_JOB_PAUSED,
     {OK, PAUSED, OK, UNSAID, OK, ILLEGAL, OK, OK, OK, ILLEGAL, ILLEGAL, OK, ILLEGAL}},
    {"completed", completed, BGJ_JOB_COMPLETED,
     {FINISHED, FINISHED, FINISHED, FINISHED, FINISHED, FINISHED, OK, FINISHED, FINISHED, ILLEGAL,
      ILLEGAL, FINISHED, FINISHED}},
    {"completed in part", completed_in_part, BGJ_JOB_COMPLETED,
     {FINISHED, FINISHED, FINISHED, FINISHED, FINISHED, FINISHED, OK, FINISHED, FINISHED, OK, OK,
      FINISHED, FINISHED}},
    {"failed", failed, BGJ_JOB_FAILED,
     {FINISHED, FINISHED, FINISHED, FINISHED, FINISHED, FINISHED, FINISHED, OK, OK, OK, OK,
      FINISHED, FINISHED}},
};

static const char *const status_names[] = {"",       "pending",   "running",
                                           "paused", "completed", "failed"};

static struct cell {
  const struct state *state;
  const struct operation *operation;
  bgj_status expected;
  char name[64];
} cells[STATES * OPERATIONS];

static void one(void **state) {
  const struct cell *cell = *state;
  other = open_other(NULL);
  bgj_job *job = cell->state->make();
  char *before = snapshot(job);
  bgj_job_status was = look(job)->status;
  assert_int_equal(was, cell->state->status);

  assert_status(cell->expected, cell->operation->call(job));
  if (cell->expected == BGJ_ILLEGAL_TRANSITION) {
    assert_says(bgj_job_id(job));
    assert_says(status_names[was]);
    assert_says(cell->operation->word);
  }
  char *after = snapshot(job);
  int leads_to = cell->expected == BGJ_OK ? cell->operation->leads_to : STAYS;
  if (leads_to == STAYS || (leads_to == LIFTED && was != BGJ_JOB_PAUSED)) leads_to = (int)was;
  else if (leads_to == LIFTED) leads_to = look(job)->owner_pid ? BGJ_JOB_RUNNING : BGJ_JOB_PENDING;
  assert_int_equal(look(job)->status, leads_to);
  if (cell->expected >= BGJ_FINISHED) assert_string_equal(after, before);
  free(after);
  free(before);
}

int main(void) {
  struct CMUnitTest tests[STATES * OPERATIONS];
  size_t count = 0;
  for (size_t s = 0; s < STATES; s++)
    for (size_t o = 0; o < OPERATIONS; o++) {
      if (states[s].expected[o] == UNSAID) continue;
      struct cell *cell = &cells[count];
      *cell = (struct cell){&states[s], &operations[o], (bgj_status)states[s].expected[o], ""};
      snprintf(cell->name, sizeof cell->name, "%s: %s", states[s].name, operations[o].name);
      tests[count++] = (struct CMUnitTest){cell->name, one, set_up, tear_down, cell};
    }
  return _cmocka_run_group_tests("the_table", tests, count, NULL, NULL);
}
