#define _GNU_SOURCE
#include "CProcess.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int cprocess_exited(int status) { return WIFEXITED(status); }
int cprocess_exit_code(int status) { return WEXITSTATUS(status); }
int cprocess_signal(int status) { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }

void cprocess_adopt_orphans(void) { prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

int cprocess_signals(uint32_t mask) {
  sigset_t set;
  sigemptyset(&set);
  for (int number = 1; number < 32; number++)
    if (mask & (uint32_t)1 << number) sigaddset(&set, number);
  if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return -1;
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
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

/* ---- Descendants ---- */

struct process {
  pid_t pid, parent;
  char is_ours;
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

/* How many descendants, dead ones left out, were found and killed; -1: nobody can tell. */
static int kill_once(void) {
  static struct process *list;
  static size_t capacity;
  size_t count = 0;
  DIR *directory = opendir("/proc");
  if (directory == NULL) return -1;
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    pid_t pid = atoi(entry->d_name);
    if (pid <= 0 || pid == getpid()) continue;
    if (count == capacity) {
      size_t larger = capacity ? capacity * 2 : 256;
      struct process *grown = realloc(list, larger * sizeof *grown);
      if (grown == NULL) break;
      list = grown;
      capacity = larger;
    }
    char state = 'Z';
    pid_t parent = parent_of(pid, &state);
    if (parent > 0 && state != 'Z' && state != 'X') list[count++] = (struct process){pid, parent, 0};
  }
  closedir(directory);
  int found = 0;
  for (int changed = 1; changed;) {
    changed = 0;
    for (size_t i = 0; i < count; i++) {
      if (list[i].is_ours) continue;
      int is_ours = list[i].parent == getpid();
      for (size_t k = 0; k < count && !is_ours; k++)
        is_ours = list[k].is_ours && list[k].pid == list[i].parent;
      if (!is_ours) continue;
      list[i].is_ours = changed = 1;
      kill(list[i].pid, SIGKILL);
      found++;
    }
  }
  return found;
}

void cprocess_kill_descendants(void) {
  const struct timespec pause = {0, 2000000};
  for (int round = 0; round < 5000; round++) {
    int found = kill_once();
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
    if (found == 0) return;
    nanosleep(&pause, NULL);
  }
}

static int is_marked(const char *pid, const char *mark) {
  char path[64], *line = NULL;
  size_t room = 0;
  int found = 0;
  snprintf(path, sizeof path, "/proc/%s/environ", pid);
  FILE *file = fopen(path, "re");
  if (file == NULL) return 0;
  while (!found && getdelim(&line, &room, 0, file) > 0) found = strcmp(line, mark) == 0;
  free(line);
  fclose(file);
  return found;
}

void cprocess_kill_marked(const char *mark) {
  for (int round = 0; round < 100; round++) {
    int found = 0;
    DIR *all = opendir("/proc");
    if (all == NULL) return;
    for (struct dirent *entry; (entry = readdir(all)) != NULL;) {
      pid_t pid = atoi(entry->d_name);
      struct stat status;
      if (pid <= 0 || pid == getpid() ||
          fstatat(dirfd(all), entry->d_name, &status, 0) != 0 || status.st_uid != geteuid() ||
          !is_marked(entry->d_name, mark))
        continue;
      found |= kill(pid, SIGKILL) == 0;
    }
    closedir(all);
    if (!found) return;
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
  }
}

/* ---- A program of its own ---- */

pid_t cprocess_spawn_detached(const char *path, char *const *arguments, int keep) {
  volatile int failure = 0;
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  pid_t pid = vfork();
  if (pid == 0) {
    for (int number = 1; number < 32; number++) signal(number, SIG_DFL);
    setsid();
    int null = open("/dev/null", O_RDWR);
    if (keep >= 0 && keep != 3) dup2(keep, 3);
    if (keep == 3) fcntl(3, F_SETFD, 0);
    for (int number = 0; number < 3; number++) dup2(null, number);
    if (null > 3) close(null);
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
