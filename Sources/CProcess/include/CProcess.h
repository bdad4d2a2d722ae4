/* What `bgjobs run` needs of processes and Swift cannot do: everything between fork and exec. */
#ifndef CPROCESS_H
#define CPROCESS_H

#include <stdint.h>
#include <sys/types.h>

/* What the runner tells the keeper. Behind a request stand `size` bytes. */
struct cprocess_request {
  uint32_t size;
  uint32_t kind; /* cprocess_request_kind */
  uint32_t tag;  /* the runner's name for a command */
  int32_t value; /* signal: its number */
};
enum cprocess_request_kind {
  /* u32 count of arguments, u32 count of variables, then, each with a zero byte behind it: the
   * arguments, the variables ("NAME=value"). With it comes the descriptor for the output. */
  CPROCESS_SPAWN = 1,
  /* To the process group of a command. */
  CPROCESS_SIGNAL = 2,
  /* The descriptor that comes with it is to stay open as long as the keeper lives. */
  CPROCESS_HOLD = 3
};

/* What the keeper tells the runner. */
struct cprocess_reply {
  uint32_t tag;
  uint32_t kind; /* cprocess_reply_kind */
  int32_t value;
};
enum cprocess_reply_kind {
  CPROCESS_STARTED = 1, /* value: pid */
  CPROCESS_REFUSED = 2, /* value: errno; it was never started */
  CPROCESS_ENDED = 3    /* value: as waitpid gives it */
};

/* Starts the keeper: a process in a session of its own that is the parent of all commands, and of
 * what they leave behind. When its end of the socket is closed, however the runner came to its end,
 * it ends every descendant and exits. Gives the runner's end of the socket, or -1 with errno. To be
 * called while the process has one thread. */
int cprocess_keeper_start(void);

/* Closes that end, and waits until the keeper, and so all that it has kept, has ended. */
void cprocess_keeper_stop(int socket);

/* As send(2), with a descriptor beside the bytes (-1: none): what the runner has opened, the keeper
 * need not open by a path that somebody may have changed since. */
ssize_t cprocess_send(int channel, const void *bytes, size_t size, int descriptor);

/* From now on orphans below this process are its children. */
void cprocess_adopt_orphans(void);

/* Ends every descendant of this process, those in other sessions too: SIGTERM, and after five
 * seconds SIGKILL. Returns when none is left, or after fifteen seconds. */
void cprocess_end_descendants(void);

/* The same with every process of ours that has this in its environment. */
void cprocess_end_marked(const char *mark);

/* Signals all processes of this user that have the mark; 0: none. Gives how many there are. */
int cprocess_signal_marked(const char *mark, int number);

/* Starts a program in a session of its own, with nothing open but /dev/null as 0, 1 and 2 and `keep`
 * (-1: none) as 3. Gives its pid, or -1 with errno. */
pid_t cprocess_spawn_detached(const char *path, char *const *arguments, int keep);
/* The same in a process group of its own, with our standard error. */
pid_t cprocess_spawn_worker(const char *path, char *const *arguments, int keep);

/* Becomes readable when a file of the directory is written, made, or gets its name. -1 with errno. */
int cprocess_watch(const char *directory);

/* Signals 1 to 31 of the mask come through the descriptor that it gives, instead of being delivered;
 * each read gives one number. -1 with errno. */
int cprocess_signals(uint32_t mask);
int cprocess_next_signal(int descriptor);

/* pipe2(2), closed on exec. */
int cprocess_pipe(int ends[2]);

/* Writes over one argument of this process, as others see it; what is longer than that is cut off. */
void cprocess_set_argument(int position, const char *text);

/* nohup says so of SIGHUP: then it stays. */
int cprocess_is_ignored(int number);

/* How many processors this process may use; at least 1. */
int cprocess_processors(void);

int cprocess_exited(int status);
int cprocess_exit_code(int status);
int cprocess_signal(int status);

#endif
