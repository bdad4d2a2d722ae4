/* The keeper: the parent of all commands of a run. It lives in a session of its own, so that what is
 * sent to the runner's process group or terminal does not reach it, and outlives the runner just as
 * long as it takes to end what is left. */
#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int channel;
static struct { pid_t pid; uint32_t tag; } *commands;
static size_t count, capacity;

static void reply(uint32_t tag, uint32_t kind, int32_t value) {
  struct cprocess_reply message = {tag, kind, value};
  send(channel, &message, sizeof message, MSG_NOSIGNAL);
}

union control {
  struct cmsghdr header;
  char room[CMSG_SPACE(sizeof(int))];
};

ssize_t cprocess_send(int socket, const void *bytes, size_t size, int descriptor) {
  union control control;
  struct iovec part = {(void *)(uintptr_t)bytes, size};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (descriptor >= 0) {
    memset(&control, 0, sizeof control);
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptor);
    memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL);
}

/* 0: the runner is gone. descriptor: where to put one that comes beside the bytes. */
static int receive(void *bytes, size_t size, int *descriptor) {
  for (size_t have = 0; have < size;) {
    union control control;
    struct iovec part = {(char *)bytes + have, size - have};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    ssize_t got = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
    struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (header != NULL && header->cmsg_type == SCM_RIGHTS && descriptor != NULL)
      memcpy(descriptor, CMSG_DATA(header), sizeof *descriptor);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return 0;
    have += (size_t)got;
  }
  return 1;
}

/* Nothing but system calls behind vfork: parent and child share their memory. */
static pid_t spawn(char *const *arguments, char **variables, int output) {
  volatile int failure = 0;
  pid_t keeper = getpid();
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  char **old = environ;
  pid_t pid = vfork();
  if (pid == 0) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* for the case that the keeper is killed */
    if (getppid() != keeper) _exit(127);
    for (int number = 1; number < 32; number++) signal(number, SIG_DFL);
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(output, 1);
    dup2(output, 2);
    if (null > 2) close(null);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    environ = variables;
    execvp(arguments[0], arguments);
    failure = errno;
    _exit(127);
  }
  environ = old;
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

/* The strings that stand one behind the other, and the environment with those of it replaced. */
static int start(uint32_t tag, char *bytes, size_t size, int output) {
  uint32_t counts[2];
  if (size < sizeof counts + 2 || bytes[size - 1] != 0) return EINVAL;
  memcpy(counts, bytes, sizeof counts);
  size_t inherited = 0;
  while (environ[inherited] != NULL) inherited++;
  char **strings = calloc((size_t)counts[0] + counts[1] + inherited + 4, sizeof *strings);
  if (strings == NULL) return ENOMEM;
  char **arguments = strings, **variables = strings + counts[0] + 1;
  char *next = bytes + sizeof counts, *end = bytes + size;
  for (uint32_t i = 0; i < counts[0] && next < end; i++, next += strlen(next) + 1) arguments[i] = next;
  size_t used = 0;
  for (uint32_t i = 0; i < counts[1] && next < end; i++, next += strlen(next) + 1)
    variables[used++] = next;
  size_t own = used;
  for (size_t i = 0; i < inherited; i++) {
    size_t length = strcspn(environ[i], "=") + 1, k = 0;
    while (k < own && strncmp(environ[i], variables[k], length) != 0) k++;
    if (k == own) variables[used++] = environ[i];
  }
  int result = 0;
  errno = 0;
  pid_t pid = output < 0 || arguments[0] == NULL ? -1 : spawn(arguments, variables, output);
  if (pid < 0) result = errno != 0 ? errno : EINVAL;
  free(strings);
  if (pid < 0) return result;
  if (count == capacity) {
    size_t larger = capacity ? capacity * 2 : 16;
    void *grown = realloc(commands, larger * sizeof *commands);
    if (grown == NULL) {
      kill(-pid, SIGKILL);
      return ENOMEM;
    }
    commands = grown;
    capacity = larger;
  }
  commands[count].pid = pid;
  commands[count++].tag = tag;
  reply(tag, CPROCESS_STARTED, pid);
  return 0;
}

static int serve_request(void) {
  struct cprocess_request request;
  int output = -1;
  if (!receive(&request, sizeof request, &output)) return 0;
  char *bytes = malloc((size_t)request.size + 1);
  if (bytes == NULL || !receive(bytes, request.size, NULL)) return 0;
  if (request.kind == CPROCESS_SPAWN) {
    int failure = start(request.tag, bytes, request.size, output);
    if (failure != 0) reply(request.tag, CPROCESS_REFUSED, failure);
  } else if (request.kind == CPROCESS_HOLD) {
    output = -1;
  } else {
    for (size_t i = 0; i < count; i++)
      if (commands[i].tag == request.tag) kill(-commands[i].pid, request.value);
  }
  if (output >= 0) close(output);
  free(bytes);
  return 1;
}

static void reap(void) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    for (size_t i = 0; i < count; i++) {
      if (commands[i].pid != pid) continue;
      reply(commands[i].tag, CPROCESS_ENDED, status);
      commands[i] = commands[--count];
      break;
    }
  }
}

static void serve(void) {
  for (int number = 1; number < 32; number++)
    if (number != SIGCHLD) signal(number, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);
  int ends = cprocess_signals((uint32_t)1 << SIGCHLD);
  struct pollfd both[] = {{channel, POLLIN, 0}, {ends, POLLIN, 0}};
  while (poll(both, 2, -1) > 0 || errno == EINTR) {
    if (both[1].revents != 0) {
      while (cprocess_next_signal(ends) > 0) continue;
      reap();
    }
    if (both[0].revents != 0 && !serve_request()) break;
  }
}

int cprocess_keeper_start(void) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  pid_t pid = fork();
  if (pid < 0) {
    close(ends[0]);
    close(ends[1]);
    return -1;
  }
  if (pid > 0) {
    close(ends[1]);
    return ends[0];
  }
  close(ends[0]);
  channel = ends[1];
  setsid();
  prctl(PR_SET_NAME, "bgjobs-keeper");
  prctl(PR_SET_PDEATHSIG, 0);
  cprocess_adopt_orphans();
  /* A terminal, a lock, or a pipe that somebody reads to its end must not be held open. */
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int number = 0; number < 3; number++) dup2(null, number);
  if (channel != 3) dup2(channel, 3);
  channel = 3;
  fcntl(channel, F_SETFD, FD_CLOEXEC);
  close_range(4, ~0u, 0);
  serve();
  cprocess_end_descendants();
  _exit(0);
}

void cprocess_keeper_stop(int socket) {
  close(socket);
  while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) continue;
}
