/* PROTOCOL R16: locks belong to open file descriptions, so a child that keeps a descriptor keeps its
 * parent's lock alive. Its copies are closed in the child; they are never unlocked there. */
#define _GNU_SOURCE
#include "CPosix.h"

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int *descriptors;
static size_t count, capacity;
static uint64_t last_generation;
/* On a page that the kernel clears in every child, also of a raw clone that runs no handlers. */
volatile uint64_t *cposix_fork_word;

static void before_fork(void) { pthread_mutex_lock(&guard); }
static void after_fork_in_parent(void) { pthread_mutex_unlock(&guard); }

static void after_fork_in_child(void) {
  int saved = errno;
  for (size_t i = 0; i < count; i++) close(descriptors[i]);
  count = 0;
  if (cposix_fork_word) *cposix_fork_word = 0;
  pthread_mutex_unlock(&guard);
  errno = saved;
}

static void set_up(void) {
  long page = sysconf(_SC_PAGESIZE);
  void *memory = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  madvise(memory, (size_t)page, MADV_WIPEONFORK);
  if (pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) != 0) {
    munmap(memory, (size_t)page);
    return;
  }
  cposix_fork_word = memory;
}

uint64_t cposix_fork_begin(void) {
  pthread_once(&once, set_up);
  if (!cposix_fork_word) return 0;
  pthread_mutex_lock(&guard);
  if (*cposix_fork_word == 0) *cposix_fork_word = ++last_generation;
  uint64_t current = *cposix_fork_word;
  pthread_mutex_unlock(&guard);
  return current;
}

int cposix_fork_register(int fd) {
  int result = -1;
  pthread_mutex_lock(&guard);
  if (count == capacity) {
    size_t larger = capacity ? capacity * 2 : 64;
    int *grown = realloc(descriptors, larger * sizeof *grown);
    if (grown) {
      descriptors = grown;
      capacity = larger;
    }
  }
  if (count < capacity) {
    descriptors[count++] = fd;
    result = 0;
  }
  pthread_mutex_unlock(&guard);
  return result;
}

int cposix_fork_unregister(int fd) {
  int found = 0;
  pthread_mutex_lock(&guard);
  for (size_t i = 0; i < count; i++) {
    if (descriptors[i] != fd) continue;
    descriptors[i] = descriptors[--count];
    found = 1;
    break;
  }
  pthread_mutex_unlock(&guard);
  return found;
}
