#define _GNU_SOURCE
#include "CPosix.h"

#include <limits.h>
#include <sys/syscall.h>

int cposix_openat(int directory, const char *path, int flags, mode_t mode) {
  return openat(directory, path, flags, mode);
}

int cposix_open_regular(const char *path) {
  struct stat status;
  char name[32];
  int place = open(path, O_PATH | O_CLOEXEC);
  if (place < 0) return -1;
  int file = -1;
  errno = EINVAL;
  if (fstat(place, &status) == 0 && S_ISREG(status.st_mode)) {
    snprintf(name, sizeof name, "/proc/self/fd/%d", place);
    file = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  }
  int saved = errno;
  close(place);
  errno = saved;
  return file;
}

int cposix_fcntl(int fd, int command, int argument) { return fcntl(fd, command, argument); }

int cposix_move_high(int fd) {
  int high = fcntl(fd, F_DUPFD_CLOEXEC, 256);
  if (high < 0) return fd;
  close(fd);
  return high;
}

static int ofd(int fd, int command, short type, struct flock *lock) {
  memset(lock, 0, sizeof *lock);
  lock->l_type = type;
  lock->l_whence = SEEK_SET;
  return fcntl(fd, command, lock);
}

int cposix_ofd_lock(int fd) {
  struct flock lock;
  return ofd(fd, F_OFD_SETLK, F_WRLCK, &lock);
}

int cposix_ofd_unlock(int fd) {
  struct flock lock;
  return ofd(fd, F_OFD_SETLK, F_UNLCK, &lock);
}

int cposix_ofd_test(int fd) {
  struct flock lock;
  if (ofd(fd, F_OFD_GETLK, F_WRLCK, &lock) < 0) return -1;
  return lock.l_type != F_UNLCK;
}

int cposix_ofd_lock_byte(int fd, off_t byte) {
  struct flock lock;
  memset(&lock, 0, sizeof lock);
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  lock.l_type = F_WRLCK;
  if (fcntl(fd, F_OFD_SETLK, &lock) == 0) return 0;
  if (errno != EBADF) return -1;
  lock.l_type = F_RDLCK;
  return fcntl(fd, F_OFD_SETLK, &lock);
}

int cposix_ofd_test_byte(int fd, off_t byte) {
  struct flock lock;
  memset(&lock, 0, sizeof lock);
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  lock.l_type = F_WRLCK;
  if (fcntl(fd, F_OFD_GETLK, &lock) < 0) return -1;
  return lock.l_type != F_UNLCK;
}

/* Wraps around for times beyond the year 2262, which some file systems have; it is only compared. */
static int64_t nanoseconds(struct timespec time) {
  return (int64_t)((uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec);
}

static void copy_status(const struct stat *from, struct cposix_file_status *to) {
  to->inode = from->st_ino;
  to->device = from->st_dev;
  to->size = from->st_size;
  to->modified_ns = nanoseconds(from->st_mtim);
  to->changed_ns = nanoseconds(from->st_ctim);
  to->links = from->st_nlink;
  to->mode = from->st_mode & 07777;
  to->owner = from->st_uid;
  to->group = from->st_gid;
  to->is_regular = S_ISREG(from->st_mode);
}

int cposix_fstat(int fd, struct cposix_file_status *status) {
  struct stat raw;
  if (fstat(fd, &raw) < 0) return -1;
  copy_status(&raw, status);
  return 0;
}

int cposix_fstatat(int directory, const char *path, struct cposix_file_status *status) {
  struct stat raw;
  if (fstatat(directory, path, &raw, AT_SYMLINK_NOFOLLOW) < 0) return -1;
  copy_status(&raw, status);
  return 0;
}

int cposix_set_modified(int fd, int64_t modified_ns) {
  struct timespec times[2] = {{0, UTIME_OMIT},
                              {modified_ns / 1000000000, modified_ns % 1000000000}};
  return futimens(fd, times);
}

int cposix_exchange(int from_directory, const char *from, int to_directory, const char *to) {
  return (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, 2u);
}

int cposix_rename_new(int from_directory, const char *from, int to_directory, const char *to) {
  return (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, 1u);
}

int cposix_file_system(int fd, uint64_t *magic) {
  struct statfs status;
  if (fstatfs(fd, &status) < 0) return -1;
  *magic = (uint64_t)status.f_type & 0xffffffffu;
  return 0;
}

void *cposix_directory_open(int fd) {
  int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return NULL;
  DIR *directory = fdopendir(copy);
  if (!directory) close(copy);
  return directory;
}

int cposix_directory_next(void *directory, char *name) {
  for (;;) {
    struct dirent *entry = readdir(directory);
    if (!entry) return 0;
    size_t length = strlen(entry->d_name);
    if (length >= 256) continue;
    memcpy(name, entry->d_name, length + 1);
    return 1;
  }
}

void cposix_directory_close(void *directory) { closedir(directory); }

static int64_t now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int64_t cposix_realtime(void) { return now(CLOCK_REALTIME); }
int64_t cposix_monotonic(void) { return now(CLOCK_MONOTONIC); }
int64_t cposix_monotonic_coarse(void) { return now(CLOCK_MONOTONIC_COARSE); }

void cposix_sleep(int64_t nanoseconds) {
  struct timespec time = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  nanosleep(&time, NULL);
}

static int64_t limit_of(int resource) {
  struct rlimit limit;
  if (getrlimit(resource, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY) return INT64_MAX;
  return limit.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_cur;
}

int64_t cposix_file_size_limit(void) { return limit_of(RLIMIT_FSIZE); }

int64_t cposix_descriptor_share(void) {
  int64_t share = limit_of(RLIMIT_NOFILE) / 8;
  return share < 8 ? 8 : share > 512 ? 512 : share;
}

int cposix_has_descriptors(int64_t taken) {
  int64_t fd = limit_of(RLIMIT_NOFILE), wanted = 2 * cposix_descriptor_share() + 16;
  if (taken < fd / 4) return 0;
  while (wanted > 0 && --fd >= 0)
    if (fcntl((int)fd, F_GETFD) < 0) wanted--;
  if (wanted == 0) return 0;
  errno = EMFILE;
  return -1;
}

void cposix_error_text(int number, char *text, size_t size) {
  /* Not strerror_r: it asks the locale, which may allocate and change under another thread. */
  const char *description = strerrordesc_np(number);
  if (description)
    snprintf(text, size, "%s", description);
  else
    snprintf(text, size, "error %d", number);
}

pthread_mutex_t *cposix_mutex_new(void) {
  pthread_mutex_t *mutex = malloc(sizeof *mutex);
  if (mutex) pthread_mutex_init(mutex, NULL);
  return mutex;
}

void cposix_mutex_free(pthread_mutex_t *mutex) {
  pthread_mutex_destroy(mutex);
  free(mutex);
}

static int compare_ranks(const void *one, const void *other) {
  const struct cposix_rank *a = one, *b = other;
  if (a->key != b->key) return a->key < b->key ? -1 : 1;
  return a->index < b->index ? -1 : a->index > b->index;
}

void cposix_sort(struct cposix_rank *ranks, size_t count) {
  if (count > 1) qsort(ranks, count, sizeof *ranks, compare_ranks);
}

int cposix_file_number(const char *name, uint64_t *number) {
  static const char prefixes[][8] = {"log-", "pack-", "items-"};
  for (int i = 0; i < 3; i++) {
    size_t length = strlen(prefixes[i]);
    if (strncmp(name, prefixes[i], length) != 0) continue;
    char *end;
    *number = strtoull(name + length, &end, i == 0 ? 10 : 16);
    return *end == 0;
  }
  return 0;
}

static int compare_numbers(const void *one, const void *other) {
  const uint64_t *a = one, *b = other;
  return (*a > *b) - (*a < *b);
}

void cposix_sort_numbers(uint64_t *numbers, size_t count) {
  if (count > 1) qsort(numbers, count, sizeof *numbers, compare_numbers);
}

int cposix_has_number(const uint64_t *numbers, size_t count, uint64_t number) {
  return bsearch(&number, numbers, count, sizeof number, compare_numbers) != NULL;
}

size_t cposix_number_text(double number, char text[32]) {
  char local[40];
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(local, sizeof local, "%.*g", digits, number);
    if (strtod(local, NULL) == number) break;
  }
  /* Between the digits stands what the locale has for a point. */
  size_t length = 0;
  int in_point = 0;
  for (const char *next = local; *next; next++) {
    int is_ours = strchr("0123456789+-e", *next) != NULL;
    if (is_ours || !in_point) text[length++] = is_ours ? *next : '.';
    in_point = !is_ours;
  }
  text[length] = 0;
  return length;
}
