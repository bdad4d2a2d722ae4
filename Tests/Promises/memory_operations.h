/* What promise_memory does with a store: some jobs, and each operation of the header on them. */
#ifndef MEMORY_OPERATIONS_H
#define MEMORY_OPERATIONS_H

#include "promise.h"

enum { HUGE = 20000, MANY = 500, FEW = 300, DONE = 40 };

typedef struct subject {
  char *project;
  bgj_manager *manager;
  bgj_job *owned;    /* running, with few items: planned, done, failed, skipped, begun */
  bgj_job *large;    /* pending, with items enough for a file of their own */
  bgj_job *waiting;  /* pending */
  bgj_job *paused;
  bgj_job *failed;
} subject;

subject subject_new(void);
void subject_end(subject *s);
/* Other tools write beside us: what they have is parsed, and kept. */
void let_another_tool_write(const char *project);

/* prefix-0, prefix-1 ...: the caller's to free. */
char **item_names(size_t count, const char *prefix);
void free_names(char **names, size_t count);

typedef bgj_status operation(subject *s);

typedef struct memory_operation {
  const char *name;
  operation *run;
  int with_others;   /* another tool has written meanwhile */
  int is_in_parts;   /* one that ends early has done some of it, and goes on from there */
} memory_operation;

extern const memory_operation operations[];
extern const int operation_count;

/* Those that a test also makes by themselves. */
operation open_one, reopened, list_jobs, create_one;

#endif
