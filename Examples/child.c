#define _GNU_SOURCE
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t parent, watcher;

/*
 * PR_SET_PDEATHSIG reaches a child, but nothing that the child has started: of a killed git, the
 * processes that count and compress objects work on for as long as they have nothing to write. So
 * all commands run in the process group of a watcher, which ends that group when this program ends.
 * The death signal comes when the thread that forked ends, not the process: see child_setup.
 */
int child_setup(void) {
  parent = getpid();
  watcher = fork();
  if (watcher < 0) return -1;
  if (watcher > 0) {
    setpgid(watcher, watcher); /* both sides do it, so that it is done when either goes on */
    return 0;
  }
  sigset_t death;
  int ignored;
  sigemptyset(&death);
  sigaddset(&death, SIGTERM);
  sigprocmask(SIG_BLOCK, &death, NULL);
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  while (getppid() == parent) sigwait(&death, &ignored);
  kill(0, SIGKILL);
  _exit(1);
}

int child_run(const char *const *argv) {
  int status = -1;
  pid_t child = fork();
  if (child == 0) {
    int input = open("/dev/null", O_RDONLY); /* the terminal belongs to another process group */
    prctl(PR_SET_PDEATHSIG, SIGKILL);        /* for the case that the watcher is killed with us */
    if (dup2(input, 0) == 0 && setpgid(0, watcher) == 0 && getppid() == parent)
      execvp(argv[0], (char *const *)argv);
    _exit(127);
  }
  while (child > 0 && waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return status;
}
