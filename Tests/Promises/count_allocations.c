/* Preloaded into a worker: counts what it asks malloc for, while it wants that. glibc's own names
 * for the real functions spare the dance with dlsym, which allocates itself. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#pragma GCC visibility push(default)

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static volatile int counting;
static volatile long counted;

/* Starts (1) or stops (0) counting, and gives what has been counted since the last start. */
long count_allocations(int start);
long count_allocations(int start) {
  if (start) counted = 0;
  counting = start;
  return counted;
}

void *malloc(size_t size) {
  counted += counting;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  counted += counting;
  return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
  counted += counting;
  return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  counted += counting;
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
  counted += counting;
  void *got = __libc_memalign(alignment, size);
  if (!got) return ENOMEM;
  *memory = got;
  return 0;
}
