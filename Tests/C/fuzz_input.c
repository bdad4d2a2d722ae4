#define _GNU_SOURCE
#include "fuzz_input.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Numbers ---- */

static uint64_t state;

void set_seed(uint64_t seed) {
  state = seed * 0x9e3779b97f4a7c15u + 1;
}

static uint64_t next(void) { /* xorshift64* */
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * 0x2545f4914f6cdd1du;
}

uint64_t below(uint64_t bound) { return (next() >> 11) % bound; }
int chance(uint64_t one_in) { return below(one_in) == 0; }

int64_t any_number(void) {
  static const int64_t odd[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX, INT64_MAX - 1, INT32_MAX,
                                INT32_MIN, -1, -2, INT64_C(1) << 53, (INT64_C(1) << 53) - 1,
                                -(INT64_C(1) << 53), INT64_C(1) << 32, 2678400, 2678401};
  if (chance(4)) return odd[below(sizeof odd / sizeof *odd)];
  if (chance(20)) return (int64_t)next();
  return (int64_t)below(100);
}

/* ---- Strings ---- */

#define PICK(array) array[below(sizeof array / sizeof *array)]

enum { PLACES = 64, LONGEST = 300000 };

/* A place for a string of this size, reused after PLACES others. */
static char *place(size_t size) {
  static char *places[PLACES];
  static unsigned int turn;
  char **slot = &places[turn++ % PLACES];
  free(*slot);
  *slot = malloc(size + 1);
  if (*slot == NULL) abort();
  (*slot)[size] = 0;
  return *slot;
}

static const char *random_bytes(size_t size, int ascii) {
  char *text = place(size);
  for (size_t i = 0; i < size; i++) text[i] = (char)(ascii ? ' ' + below(95) : 1 + below(255));
  return text;
}

static const char *repeated(const char *piece, size_t size) {
  char *text = place(size);
  for (size_t i = 0; i < size; i++) text[i] = piece[i % strlen(piece)];
  return text;
}

const char *any_text(void) {
  static const size_t lengths[] = {254, 255, 256, 4095, 4096, 4097, 65535, 65536, LONGEST};
  static const char *const pieces[] = {"x", "\xc3\xa9", "\xf0\x9f\x9a\x80", "\\", "\"", "\x01"};
  static const char *const odd[] = {"\xc3", "\xe2\x82", "\xf0\x9f\x9a", "a\x80", "\xed\xa0\x80",
                                    "\xc0\x80", "\xff", "\xf4\x90\x80\x80", "\xef\xbf\xbf", ".",
                                    "..", "/", "../../x", "%s%n", "\x7f", "\r\n", "null", "{}"};
  switch (below(12)) {
    case 0: return NULL;
    case 1: return "";
    case 2: return PICK(odd);
    case 3: return random_bytes(below(64), 0);
    case 4: return chance(4) ? repeated(PICK(pieces), PICK(lengths)) : PICK(pieces);
    case 5: return random_bytes(below(400), 1);
    default: return any_name();
  }
}

const char *any_name(void) {
  static const char *const names[] = {"a", "b", "c", "d", "\xc3\xa9", "clone-repos", "asked",
                                      "rate-limit", "interrupted", "error", "x y", "0", "ab"};
  return chance(15) ? any_text() : PICK(names);
}

/* ---- JSON ---- */

static const char *const values[] = {
    "{}", "[]", "null", "true", "0", "-1", "1.5", "1e308", "1e-320", "\"\"", "\"x\"", "\"\\u0000\"",
    "\"\\ud83d\"", "9007199254740992", "-9223372036854775808", "9223372036854775808", "1e400",
    "[[[]]]", "{\"a\": {\"a\": [1, 2]}}", "{\"type\": 5}", "{\"type\": \"t\", \"type\": \"u\"}",
    "\"2024-01-15T10:30:00Z\"", "\"9999-99-99T99:99:99.999+99:99\"", "{\"\": \"\"}", "-0", "-0.0",
    "\"running\"", "\"paused\"", "\"completed\"", "[\"a\", \"a\", \"\"]", "[1, null, \"a\"]",
    "{\"dependsOn\": [\"a\"]}",
};

static const char *deep(void) {
  size_t depth = PICK(((const size_t[]){10, 500, 2040, 2045, 2046, 2047, 2048, 2049, 100000}));
  int objects = chance(2);
  const char *open = objects ? "{\"a\":" : "[", *close = objects ? "}" : "]";
  size_t open_size = strlen(open);
  char *text = place(depth * (open_size + 1) + 2), *at = text;
  for (size_t i = 0; i < depth; i++) at = memcpy(at, open, open_size), at += open_size;
  at = stpcpy(at, objects ? "1" : "");
  for (size_t i = 0; i < depth; i++) at = stpcpy(at, close);
  return text;
}

const char *any_json(void) {
  switch (below(10)) {
    case 0: return any_text();
    case 1: return chance(4) ? deep() : "{\"a\": 1";
    case 2: return "[1, 2, {\"a\": \"\xc3\xa9\"}]";
    case 3: case 4: return PICK(values);
    case 5: return NULL;
    default: return "{\"type\": \"clone-repos\", \"repositories\": [\"a\"], \"n\": 0.1}";
  }
}

/* ---- Files ---- */

static char *slurp(const char *path, size_t *size) {
  char *bytes = NULL;
  int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  struct stat status;
  *size = 0;
  if (file >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode)) {
    bytes = malloc((size_t)status.st_size + 1);
    ssize_t got = bytes == NULL ? -1 : read(file, bytes, (size_t)status.st_size);
    *size = got < 0 ? 0 : (size_t)got;
  }
  if (file >= 0) close(file);
  return bytes;
}

static void write_bytes(const char *path, const void *bytes, size_t size) {
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC, 0644);
  if (file < 0) return;
  if (write(file, bytes, size) < 0) perror("fuzz: write");
  close(file);
}

/* Cuts, changes or repeats bytes of a file. */
static void spoil(const char *path) {
  size_t size;
  char *bytes = slurp(path, &size);
  if (bytes != NULL && size > 0) {
    size_t at = below(size);
    switch (below(4)) {
      case 0: size = at; break;
      case 1: bytes[at] ^= (char)(1 << below(8)); break;
      case 2: memset(bytes + at, (int)below(256), below(size - at) + 1); break;
      default: memmove(bytes + at, bytes, size - at);
    }
    write_bytes(path, bytes, size);
  }
  free(bytes);
}

/* Something that is no file takes the name. */
static void usurp(const char *path) {
  unlink(path);
  switch (below(4)) {
    case 0: mkdir(path, 0700); break;
    case 1: if (symlink(path, path) != 0) return; break;
    case 2: if (symlink("/dev/null", path) != 0) return; break;
    default: mkfifo(path, 0600);
  }
}

static json_t *any_value(void) {
  json_t *value = json_loads(PICK(values), JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  return value == NULL ? json_null() : value;
}

/* Sets, removes or adds one member somewhere below value. */
static void edit_json(json_t *value) {
  static const char *const members[] = {
      "id", "type", "status", "progress", "current", "total", "percentage", "itemsCompleted",
      "itemsFailed", "currentItem", "rate", "eta", "startedAt", "updatedAt", "completedAt",
      "config", "error", "result", "dependsOn", "bgjobs", "jobs", "seq", "epoch", "format"};
  while (1) {
    if (json_is_array(value) && json_array_size(value) > 0) {
      size_t index = below(json_array_size(value));
      if (chance(8)) { json_array_remove(value, index); return; }
      if (chance(8)) {
        json_array_append(value, json_array_get(value, index));
        return;
      }
      if (chance(8)) { json_array_set_new(value, index, any_value()); return; }
      value = json_array_get(value, index);
    } else if (json_is_object(value)) {
      size_t skip = json_object_size(value) > 0 ? below(json_object_size(value)) : 0;
      void *member = json_object_iter(value);
      while (skip-- > 0) member = json_object_iter_next(value, member);
      if (member == NULL || chance(3)) {
        json_object_set_new(value, PICK(members), any_value());
        return;
      }
      if (chance(10)) { json_object_del(value, json_object_iter_key(member)); return; }
      value = json_object_iter_value(member);
    } else {
      return;
    }
  }
}

void edit_state_file(const char *project) {
  static char *earlier; /* what another tool read a while ago, and now writes back */
  static size_t earlier_size;
  char path[512], text[512];
  size_t size;
  snprintf(path, sizeof path, "%s/.specweave/state/background-jobs.json", project);
  switch (below(20)) {
    case 0: unlink(path); break;
    case 1: usurp(path); break;
    case 2: spoil(path); break;
    case 3: write_bytes(path, text, 0); break;
    case 4: rmdir(path); break;
    case 5: case 6:
      snprintf(text, sizeof text,
               "{\"jobs\": [{\"id\": \"%s\", \"status\": %s, \"progress\": %s}, %s]}",
               PICK(((const char *const[]){"a", "ab", "", "x/../y"})), PICK(values), PICK(values),
               PICK(values));
      write_bytes(path, text, strlen(text));
      break;
    case 7: case 8:
      free(earlier);
      earlier = slurp(path, &earlier_size);
      break;
    case 9:
      if (earlier != NULL) write_bytes(path, earlier, earlier_size);
      break;
    default: {
      char *bytes = slurp(path, &size);
      json_t *json = bytes == NULL ? NULL : json_loadb(bytes, size, 0, NULL);
      for (uint64_t i = below(4); json != NULL && i > 0; i--) edit_json(json);
      char *edited = json == NULL ? NULL : json_dumps(json, JSON_INDENT(2));
      if (edited != NULL) write_bytes(path, edited, strlen(edited));
      free(edited);
      json_decref(json);
      free(bytes);
    }
  }
}

void damage_files(const char *project) {
  char directory[400], path[700] = "", from[700];
  struct dirent *entry;
  size_t size;
  snprintf(directory, sizeof directory, "%s/.specweave/state/background-jobs.d", project);
  DIR *entries = opendir(directory);
  unsigned int seen = 0;
  while (entries != NULL && (entry = readdir(entries)) != NULL)
    if (entry->d_name[0] != '.' && chance(++seen))
      snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
  if (entries != NULL) closedir(entries);
  if (path[0] == 0) return;
  switch (below(8)) {
    case 0: unlink(path); break;
    case 1: usurp(path); break;
    case 2: {
      snprintf(from, sizeof from, "%s/journal", directory);
      char *bytes = slurp(from, &size);
      if (bytes != NULL) write_bytes(path, bytes, size);
      free(bytes);
      break;
    }
    case 3:
      snprintf(from, sizeof from, "%s/log-%llu", directory, (unsigned long long)below(100));
      if (rename(path, from) != 0) return;
      break;
    default: spoil(path);
  }
}
