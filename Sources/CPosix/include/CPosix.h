/* What Swift cannot import of POSIX. Every shim says why it is needed. */
#ifndef BGJOBS_CPOSIX_H
#define BGJOBS_CPOSIX_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* errno is a macro. */
static inline int cposix_errno(void) { return errno; }

/* open and fcntl are variadic. */
int cposix_openat(int directory, const char *path, int flags, mode_t mode);
int cposix_fcntl(int fd, int command, int argument);

/* For reading. Opening alone may set off a device or wake who waits at a FIFO, so that is looked at
 * first, which needs O_PATH and so _GNU_SOURCE. */
int cposix_open_regular(const char *path);

/* The lowest free number from 256 on that is not below it: hosts dup2 over low numbers, and close
 * everything up to some small limit. Gives fd itself when the process may not have such numbers. */
int cposix_move_high(int fd);

/* struct flock has macros for its values and F_OFD_* need _GNU_SOURCE. -1 with errno; test: 1 when
 * another open file description holds the lock. */
int cposix_ofd_lock(int fd);
int cposix_ofd_unlock(int fd);
int cposix_ofd_test(int fd);
/* On one byte; with a descriptor that may not write, a shared lock. */
int cposix_ofd_lock_byte(int fd, off_t byte);
int cposix_ofd_test_byte(int fd, off_t byte);

/* S_ISREG is a macro, and st_mtim is a union in some headers. */
struct cposix_file_status {
  uint64_t inode, device;
  int64_t size, modified_ns, changed_ns;
  uint64_t links;
  uint32_t mode, owner, group;
  int is_regular;
};
int cposix_fstat(int fd, struct cposix_file_status *status);
int cposix_fstatat(int directory, const char *path, struct cposix_file_status *status);
int cposix_set_modified(int fd, int64_t modified_ns);

/* renameat2 needs _GNU_SOURCE and its flags are macros in a kernel header. */
int cposix_exchange(int from_directory, const char *from, int to_directory, const char *to);
int cposix_rename_new(int from_directory, const char *from, int to_directory, const char *to);

/* statfs.f_type has a type that differs between architectures. */
int cposix_file_system(int fd, uint64_t *magic);

/* readdir's d_name is an array in a struct. The caller passes a buffer of at least 256 bytes; 1: a
 * name, 0: the end. */
void *cposix_directory_open(int fd);
int cposix_directory_next(void *directory, char *name);
void cposix_directory_close(void *directory);

/* clock_gettime as one number; the clock ids are macros. Coarse ones never leave user space. */
int64_t cposix_realtime(void);
int64_t cposix_monotonic(void);
int64_t cposix_monotonic_coarse(void);
void cposix_sleep(int64_t nanoseconds);

/* Resources are enum constants in glibc and macros elsewhere; INT64_MAX: there is no limit. */
int64_t cposix_file_size_limit(void);
/* How many descriptors may be kept open to read logs, and as many to read items. */
int64_t cposix_descriptor_share(void);
/* Where so many are taken for good: -1 and EMFILE if fewer than those, and some for single calls, are
 * left. */
int cposix_has_descriptors(int64_t taken);

/* strerror_r has two incompatible signatures. */
void cposix_error_text(int number, char *text, size_t size);

/* Memory that grows. From 64 KiB on it comes straight from the kernel: growing moves pages instead of
 * copying bytes, freeing gives it back, and failing is a status. NULL: no memory, base stays valid.
 * mremap is variadic, MAP_FAILED a macro. */
void *cposix_grow(void *base, size_t old_size, size_t new_size);
void cposix_release(void *base, size_t size);
/* malloc, posix_memalign and free of Embedded Swift: what malloc does not have comes from a reserve
 * of 13 MiB that the process shares. It is short when a quarter of it is in use. */
void *cposix_malloc(size_t size);
int cposix_allocate(void **memory, size_t alignment, size_t size);
void cposix_deallocate(void *memory);
int cposix_is_short_of_memory(void);

/* Forks. Descriptors that are registered here are closed in the child of fork(2); their number then
 * is no longer ours: unregister tells 1 while it is. The generation is 0 in every child, also of a raw
 * clone(2), until the child calls cposix_fork_begin. */
extern volatile uint64_t *cposix_fork_word;
uint64_t cposix_fork_begin(void);
static inline uint64_t cposix_fork_generation(void) {
  return cposix_fork_word ? *cposix_fork_word : 0;
}
int cposix_fork_register(int fd);
int cposix_fork_unregister(int fd);

/* pthread_mutex_t has no fixed layout in Swift; a Swift object may also move it. NULL: no memory. */
pthread_mutex_t *cposix_mutex_new(void);
void cposix_mutex_free(pthread_mutex_t *mutex);

/* Goes on with a CRC-32C by the processor's instruction; 0: it has none, and nothing happened. */
int cposix_crc32c(uint32_t *crc, const void *bytes, size_t count);

/* The shortest decimal text that strtod(3) reads as this finite number, with a point in every
 * locale; gives its length, less than 32. Swift's own way is a hundredth of the library. */
size_t cposix_number_text(double number, char text[32]);

/* jansson's json_loadb, integers past 64 bits as reals, with a json_error_t. All that is parsed (a
 * json_t, or NULL) is in memory of its own, which free gives back as a whole. NULL: there is no
 * memory. */
struct cposix_json;
struct cposix_json *cposix_json_load(const void *text, size_t size, void *error, void **value);
void cposix_json_free(struct cposix_json *json);

/* What a snapshot says of an entry of the list of jobs; docs/file-format.md has its members. */
struct cposix_stored {
  uint64_t id_start, created;
  int64_t ended;
  uint64_t items;
  int64_t offset;
  uint32_t count, sum, type_sum, key_sum, kind_sum;
  uint16_t id_count;
  uint8_t status, facts;
};

/* What a file of items begins with; docs/file-format.md has its members. */
struct cposix_items {
  uint64_t magic;
  uint32_t version, byte_order;
  uint64_t seed;
  uint32_t known, done, failed, skipped, open, first_open;
  uint32_t table_size, last_place, under_way, trials, whys, zero;
  uint64_t lengths[8];
  uint32_t sums_checksum, checksum;
};

/* Sorts by key, then by index. qsort(3): Swift's own sort would be a hundredth of the library. */
struct cposix_rank {
  int64_t key;
  uint32_t index;
};
void cposix_sort(struct cposix_rank *ranks, size_t count);
/* What ends the name of a log, a pack, or a file of items; 0: it is the name of none of them. */
int cposix_file_number(const char *name, uint64_t *number);
void cposix_sort_numbers(uint64_t *numbers, size_t count);
/* Whether it is among them; they are sorted. */
int cposix_has_number(const uint64_t *numbers, size_t count, uint64_t number);

#endif
