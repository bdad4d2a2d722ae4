/* jansson, with an arena for what it parses. Without memory jansson 2.14 writes behind its buffer of
 * a token, or takes a valid text for a wrong one; so an allocation that fails leaves it by longjmp,
 * and the arena has all there is to free. Other threads, and the host's own use of jansson, keep
 * the functions that they had. */
#define _GNU_SOURCE
#include "CPosix.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdatomic.h>

struct chunk {
  struct chunk *previous;
  size_t size;
};

struct cposix_json {
  /* The last one has room behind `used`. */
  struct chunk *chunks;
  size_t used;
  jmp_buf out;
};

static _Thread_local struct cposix_json *current;
static json_malloc_t host_malloc;
static json_free_t host_free;

static void *in_arena(size_t size) {
  struct cposix_json *arena = current;
  if (!arena) return host_malloc(size);
  size = (size + 7) & ~(size_t)7;
  if (arena->used + size > arena->chunks->size) {
    size_t next = arena->chunks->size * 2;
    if (next > 16 << 20) next = 16 << 20;
    if (next < size + sizeof(struct chunk)) next = size + sizeof(struct chunk);
    struct chunk *chunk = cposix_grow(NULL, 0, next);
    if (!chunk) longjmp(arena->out, 1);
    *chunk = (struct chunk){arena->chunks, next};
    arena->chunks = chunk;
    arena->used = sizeof *chunk;
  }
  void *memory = (char *)arena->chunks + arena->used;
  arena->used += size;
  return memory;
}

static void in_no_arena(void *memory) {
  if (!current) host_free(memory);
}

__attribute__((destructor)) static void give_back(void) {
  json_malloc_t is;
  json_free_t is_free;
  json_get_alloc_funcs(&is, &is_free);
  if (is == in_arena) json_set_alloc_funcs(host_malloc, host_free);
}

static void *parse(const char *text, size_t size, json_error_t *error) {
  size_t flags = JSON_ALLOW_NUL | JSON_DECODE_ANY;
  json_error_t second;
  json_t *value = json_loadb(text, size, flags, error);
  if (!value) value = json_loadb(text, size, flags | JSON_DECODE_INT_AS_REAL, &second);
  /* Behind that jansson quotes the file, which may be anybody's. */
  char *quote = strstr(error->text, " near");
  if (!quote) quote = strstr(error->text, " 0x");
  if (quote) *quote = 0;
  return value;
}

struct cposix_json *cposix_json_load(const void *text, size_t size, void *error, void **value) {
  json_malloc_t is;
  json_free_t is_free;
  json_get_alloc_funcs(&is, &is_free);
  if (is != in_arena) {
    host_malloc = is;
    host_free = is_free;
    atomic_thread_fence(memory_order_release);
    json_set_alloc_funcs(in_arena, in_no_arena);
  }
  size_t first = sizeof(struct cposix_json) + sizeof(struct chunk) + 512 + size * 4;
  if (first > 1 << 20) first = 1 << 20;
  struct chunk *chunk = cposix_grow(NULL, 0, first);
  if (!chunk) return NULL;
  *chunk = (struct chunk){NULL, first};
  struct cposix_json *arena = (void *)(chunk + 1);
  arena->chunks = chunk;
  arena->used = sizeof *chunk + sizeof *arena;
  current = arena;
  int has_failed = setjmp(arena->out);
  if (!has_failed) *value = parse(text, size, error);
  current = NULL;
  if (!has_failed) return arena;
  cposix_json_free(arena);
  return NULL;
}

void cposix_json_free(struct cposix_json *arena) {
  struct chunk *chunk = arena->chunks;
  while (chunk) {
    struct chunk *previous = chunk->previous;
    cposix_release(chunk, chunk->size);
    chunk = previous;
  }
}
