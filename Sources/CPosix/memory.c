/* Memory, and a reserve of it. Swift cannot go on without a small object, and what follows a change
 * that is in a file already must not fail: where malloc has none, both come from here. The pages of
 * the reserve exist only once they are used. */
#define _GNU_SOURCE
#include "CPosix.h"

#include <stdatomic.h>
#include <stddef.h>

enum { FROM_KERNEL = 64 << 10, SMALL = 64, LARGE = 4 << 10, HUGE = 128 << 10 };

/* Without locks, for a child of fork(2) goes on with it. */
struct pool {
  unsigned char *blocks;
  size_t block_size, words;
  /* A bit for each block. */
  _Atomic uint64_t *used;
  /* In blocks, where memory begins that was given out. */
  unsigned char *lengths;
  _Atomic size_t in_use;
};

#define POOL(name, size, count) \
  static _Alignas(64) unsigned char name##_blocks[(size) * (count) * 64]; \
  static _Atomic uint64_t name##_used[count]; \
  static unsigned char name##_lengths[(count) * 64]; \
  static struct pool name = {name##_blocks, size, count, name##_used, name##_lengths, 0};

POOL(small, SMALL, 256)
POOL(large, LARGE, 16)
POOL(huge, HUGE, 1)

static uint64_t bits(size_t length) { return length == 64 ? ~0ull : (1ull << length) - 1; }

static void *take(struct pool *pool, size_t size) {
  size_t length = size ? (size + pool->block_size - 1) / pool->block_size : 1;
  for (size_t word = 0; length <= 64 && word < pool->words; word++) {
    uint64_t used = atomic_load(&pool->used[word]);
    for (size_t bit = 0; bit + length <= 64;) {
      uint64_t wanted = bits(length) << bit;
      if (used & wanted)
        bit++;
      else if (atomic_compare_exchange_strong(&pool->used[word], &used, used | wanted)) {
        size_t block = word * 64 + bit;
        pool->lengths[block] = (unsigned char)length;
        atomic_fetch_add(&pool->in_use, length);
        return pool->blocks + block * pool->block_size;
      }
    }
  }
  return NULL;
}

static void *take_from_reserve(size_t size) {
  void *memory = size <= LARGE / 2 ? take(&small, size) : NULL;
  if (!memory && size <= HUGE / 2) memory = take(&large, size);
  return memory ? memory : take(&huge, size);
}

/* NULL: it is of none. */
static struct pool *pool_of(void *memory) {
  struct pool *pools[] = {&small, &large, &huge};
  for (int i = 0; i < 3; i++) {
    size_t size = pools[i]->words * 64 * pools[i]->block_size;
    if ((size_t)((unsigned char *)memory - pools[i]->blocks) < size) return pools[i];
  }
  return NULL;
}

static int is_short(struct pool *pool) { return atomic_load(&pool->in_use) > pool->words * 16; }

int cposix_is_short_of_memory(void) {
  return is_short(&small) || is_short(&large) || is_short(&huge);
}

/* Who can do without it leaves the rest to who cannot. */
static void *spare(size_t size) {
  return cposix_is_short_of_memory() ? NULL : take_from_reserve(size);
}

void *cposix_malloc(size_t size) {
  void *memory = malloc(size);
  return memory ? memory : spare(size);
}

int cposix_allocate(void **memory, size_t alignment, size_t size) {
  *memory = alignment <= _Alignof(max_align_t) ? malloc(size) : aligned_alloc(alignment, size);
  if (!*memory && alignment <= SMALL) *memory = take_from_reserve(size);
  return *memory ? 0 : ENOMEM;
}

void cposix_deallocate(void *memory) {
  struct pool *pool = pool_of(memory);
  if (!pool) return free(memory);
  size_t block = (size_t)((unsigned char *)memory - pool->blocks) / pool->block_size;
  size_t length = pool->lengths[block];
  atomic_fetch_sub(&pool->in_use, length);
  atomic_fetch_and(&pool->used[block / 64], ~(bits(length) << block % 64));
}

static void *map(size_t size) {
  void *memory =
      mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

void *cposix_grow(void *base, size_t old_size, size_t new_size) {
  void *memory;
  if (old_size >= FROM_KERNEL) {
    memory = mremap(base, old_size, new_size, MREMAP_MAYMOVE);
    return memory == MAP_FAILED ? NULL : memory;
  }
  if (new_size >= FROM_KERNEL)
    memory = map(new_size);
  else {
    memory = pool_of(base) ? NULL : realloc(base, new_size);
    if (memory) return memory;
    memory = spare(new_size);
  }
  if (!memory) return NULL;
  if (base) memcpy(memory, base, old_size < new_size ? old_size : new_size);
  cposix_deallocate(base);
  return memory;
}

void cposix_release(void *base, size_t size) {
  if (size >= FROM_KERNEL)
    munmap(base, size);
  else
    cposix_deallocate(base);
}
