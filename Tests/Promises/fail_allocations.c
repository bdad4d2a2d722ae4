/* Preloaded into a worker: refuses it memory, at one allocation or from one on. glibc's own names for
 * the real functions spare the dance with dlsym, which allocates itself. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#pragma GCC visibility push(default)

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static volatile long left = -1, refused, asked;
static volatile int lasts;

/* How many allocations there have been. */
long allocations_asked(void);
long allocations_asked(void) { return asked; }

/* The allocation behind that many is refused, and all behind it, if that lasts; -1: none. Gives how
 * many have been refused since the last call. */
long fail_allocations(long after, int and_all);
long fail_allocations(long after, int and_all) {
  long count = refused;
  left = after;
  lasts = and_all;
  refused = 0;
  return count;
}

static int is_refused(void) {
  asked++;
  if (left < 0 || left-- > 0) return 0;
  left = lasts ? 0 : -1;
  refused++;
  errno = ENOMEM;
  return 1;
}

void *malloc(size_t size) { return is_refused() ? NULL : __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return is_refused() ? NULL : __libc_calloc(count, size); }
void *realloc(void *memory, size_t size) {
  return is_refused() ? NULL : __libc_realloc(memory, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
  return is_refused() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
  *memory = is_refused() ? NULL : __libc_memalign(alignment, size);
  return *memory ? 0 : ENOMEM;
}

void *mmap(void *place, size_t size, int protection, int flags, int fd, off_t offset) {
  if (is_refused()) return MAP_FAILED;
  return (void *)syscall(SYS_mmap, place, size, protection, flags, fd, offset);
}

void *mremap(void *place, size_t size, size_t new_size, int flags, ...) {
  if (is_refused()) return MAP_FAILED;
  return (void *)syscall(SYS_mremap, place, size, new_size, flags, NULL);
}
