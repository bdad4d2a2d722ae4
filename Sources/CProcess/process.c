#define _GNU_SOURCE
#include "CProcess.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int cprocess_exited(int status) { return WIFEXITED(status); }
int cprocess_exit_code(int status) { return WEXITSTATUS(status); }
int cprocess_signal(int status) { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }

void cprocess_adopt_orphans(void) { prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

int cprocess_watch(const char *directory) {
  int descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (descriptor < 0) return -1;
  if (inotify_add_watch(descriptor, directory, IN_MODIFY | IN_CREATE | IN_MOVED_TO) >= 0)
    return descriptor;
  int number = errno;
  close(descriptor);
  errno = number;
  return -1;
}

int cprocess_signals(uint32_t mask) {
  sigset_t set;
  sigemptyset(&set);
  for (int number = 1; number < 32; number++)
    if (mask & (uint32_t)1 << number) sigaddset(&set, number);
  if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return -1;
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int cprocess_processors(void) {
  cpu_set_t set;
  int number = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return number > 0 ? number : 1;
}

int cprocess_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int cprocess_is_ignored(int number) {
  struct sigaction action;
  return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

int cprocess_next_signal(int descriptor) {
  struct signalfd_siginfo info;
  return read(descriptor, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

/* The kernel puts the arguments one behind the other, and shows them from there; Swift has a copy. */
void cprocess_set_argument(int position, const char *text) {
  char *place = program_invocation_name;
  while (position-- > 0) place += strlen(place) + 1;
  size_t room = strlen(place), size = strnlen(text, room);
  memcpy(place, text, size);
  memset(place + size, 0, room - size);
}

/* ---- What is to end ---- */

enum { LOOK_MS = 2, LATE_MS = 1000, GRACE_MS = 5000, KILL_MS = 10000 };

struct process {
  pid_t pid, parent;
  char is_meant;
};

struct processes {
  struct process *list;
  size_t count, capacity;
};

/* The parent is field 4 of /proc/PID/stat; the second may contain anything, so count from its end. */
static pid_t parent_of(pid_t pid, char *state) {
  char path[32], text[512];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  ssize_t size = read(file, text, sizeof text - 1);
  close(file);
  if (size <= 0) return 0;
  text[size] = 0;
  char *end = strrchr(text, ')');
  int parent = 0;
  if (end == NULL || sscanf(end + 1, " %c %d", state, &parent) != 2) return 0;
  return parent;
}

static int is_marked(pid_t pid, const char *mark) {
  char path[64], *line = NULL;
  size_t room = 0;
  int found = 0;
  snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
  FILE *file = fopen(path, "re");
  if (file == NULL) return 0;
  while (!found && getdelim(&line, &room, 0, file) > 0) found = strcmp(line, mark) == 0;
  free(line);
  fclose(file);
  return found;
}

/* Ours that have the mark. */
static void mean_marked(struct processes *all, const char *mark) {
  for (size_t i = 0; i < all->count; i++) {
    char path[32];
    struct stat status;
    snprintf(path, sizeof path, "/proc/%d", (int)all->list[i].pid);
    all->list[i].is_meant = stat(path, &status) == 0 && status.st_uid == geteuid() &&
                            is_marked(all->list[i].pid, mark);
  }
}

static void mean_descendants(struct processes *all) {
  for (int changed = 1; changed;) {
    changed = 0;
    for (size_t i = 0; i < all->count; i++) {
      if (all->list[i].is_meant) continue;
      int is_ours = all->list[i].parent == getpid();
      for (size_t k = 0; k < all->count && !is_ours; k++)
        is_ours = all->list[k].is_meant && all->list[k].pid == all->list[i].parent;
      if (is_ours) all->list[i].is_meant = changed = 1;
    }
  }
}

/* All that live and are not this process. 0: nobody can tell. */
static int look(struct processes *all) {
  all->count = 0;
  DIR *directory = opendir("/proc");
  if (directory == NULL) return 0;
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    pid_t pid = atoi(entry->d_name);
    if (pid <= 0 || pid == getpid()) continue;
    if (all->count == all->capacity) {
      size_t larger = all->capacity ? all->capacity * 2 : 256;
      struct process *grown = realloc(all->list, larger * sizeof *grown);
      if (grown == NULL) break;
      all->list = grown;
      all->capacity = larger;
    }
    char state = 'Z';
    pid_t parent = parent_of(pid, &state);
    if (parent > 0 && state != 'Z' && state != 'X')
      all->list[all->count++] = (struct process){pid, parent, 0};
  }
  closedir(directory);
  return 1;
}

static int is_in(const struct processes *all, pid_t pid) {
  for (size_t i = 0; i < all->count; i++)
    if (all->list[i].pid == pid && all->list[i].is_meant) return 1;
  return 0;
}

static int64_t now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Tells each once to end, so that it can take its lock files away, and kills what has not ended in
 * time. mark: what to look for; NULL: our descendants. */
static void end_all(const char *mark) {
  struct processes now = {0}, told = {0};
  int64_t begin = now_ms();
  for (int64_t passed; (passed = now_ms() - begin) < GRACE_MS + KILL_MS && look(&now);) {
    if (mark != NULL) mean_marked(&now, mark);
    else mean_descendants(&now);
    int found = 0;
    for (size_t i = 0; i < now.count; i++) {
      if (!now.list[i].is_meant) continue;
      pid_t pid = now.list[i].pid;
      found = 1;
      if (passed >= GRACE_MS) {
        kill(pid, SIGKILL);
      } else if (told.list == NULL || (passed >= LATE_MS && !is_in(&told, pid))) {
        /* What comes meanwhile may be what tidies up; and soon it is none of that. */
        kill(pid, SIGTERM);
        kill(pid, SIGCONT); /* one that is stopped would not see it */
      }
    }
    while (mark == NULL && waitpid(-1, NULL, WNOHANG) > 0) continue;
    if (!found) break;
    if (told.list == NULL || passed >= LATE_MS) {
      struct processes before = told;
      told = now;
      now = before;
    }
    nanosleep(&(struct timespec){.tv_nsec = (passed < 100 ? LOOK_MS : 20) * 1000000}, NULL);
  }
  free(now.list);
  free(told.list);
}

void cprocess_end_descendants(void) { end_all(NULL); }

void cprocess_end_marked(const char *mark) { end_all(mark); }

int cprocess_signal_marked(const char *mark, int number) {
  struct processes now = {0};
  int found = 0;
  if (look(&now)) mean_marked(&now, mark);
  for (size_t i = 0; i < now.count; i++) {
    if (!now.list[i].is_meant) continue;
    found++;
    if (number == 0) continue;
    kill(now.list[i].pid, number);
    kill(now.list[i].pid, SIGCONT); /* one that is stopped would not see it */
  }
  free(now.list);
  return found;
}

/* ---- A program of its own ---- */

static pid_t spawn(const char *path, char *const *arguments, int keep, int detached) {
  volatile int failure = 0;
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  pid_t pid = vfork();
  if (pid == 0) {
    for (int number = 1; number < 32; number++) signal(number, SIG_DFL);
    if (detached) setsid();
    else setpgid(0, 0);
    int null = open("/dev/null", O_RDWR);
    if (keep >= 0 && keep != 3) dup2(keep, 3);
    if (keep == 3) fcntl(3, F_SETFD, 0);
    for (int number = 0; number < (detached ? 3 : 2); number++) dup2(null, number);
    if (null > 3) close(null);
    /* What a shell has open for its own ends, a lock say, is not for somebody who stays. */
    close_range(keep < 0 ? 3 : 4, ~0u, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(path, arguments);
    failure = errno;
    _exit(127);
  }
  int number = errno;
  sigprocmask(SIG_SETMASK, &before, NULL);
  if (pid > 0 && failure != 0) {
    waitpid(pid, NULL, 0);
    pid = -1;
    number = failure;
  }
  errno = number;
  return pid;
}

pid_t cprocess_spawn_detached(const char *path, char *const *arguments, int keep) {
  return spawn(path, arguments, keep, 1);
}

pid_t cprocess_spawn_worker(const char *path, char *const *arguments, int keep) {
  return spawn(path, arguments, keep, 0);
}
