/*
 * bgjobs: long work that survives.
 *
 * A program that does long work (clones 300 repositories, imports 10,000 issues) reports each item
 * to this library. In return the progress, the rate and the ETA of the work are on disk. Another
 * process can pause and resume the work. After a crash the work continues at the exact item. There
 * is no daemon, no database and no thread: everything happens inside the calls below, on files in
 * the directory PROJECT/.specweave/state. Other tools read
 * PROJECT/.specweave/state/background-jobs.json.
 *
 * A whole program follows. Its first run, its run after a crash and its run after a pause use the
 * same code:
 *
 *     bgj_manager *manager = NULL;
 *     bgj_job *job = NULL;
 *     char *item = NULL;
 *     bgj_status status;
 *
 *     bgj_manager_open(".", NULL, &manager, NULL);
 *     bgj_manager_ensure(manager, "clone-repos", "all", NULL, 0, &job, NULL);
 *     bgj_job_plan(job, names, count, NULL);
 *     if (bgj_job_start(job, NULL, NULL) == BGJ_OK) {
 *       while ((status = bgj_job_next(job, &item, NULL)) == BGJ_OK) {
 *         if (work(item)) bgj_job_item_done(job, item, NULL);
 *         else bgj_job_item_failed(job, item, "work said no", NULL);
 *         bgj_string_free(item);
 *       }
 *       if (status == BGJ_END) bgj_job_complete(job, NULL, NULL);
 *     }
 *     bgj_job_release(job);
 *     bgj_manager_close(manager, NULL);
 *
 * (Check the statuses in your program. A call with a NULL job returns BGJ_INVALID, so nothing above
 * can crash. But only the statuses say why a call did nothing. Examples/clone.c is this program
 * with the checks.)
 *
 * CAVEATS: read these first
 *
 *   - Supported: Linux, one machine, a local file system (ext2 to 4, xfs, btrfs, f2fs, zfs, tmpfs
 *     or overlayfs). On any other file system bgj_manager_open returns BGJ_UNSUPPORTED. NFS is one:
 *     its locks and renames promise less. What is said of power cuts below does not hold on ext2 and
 *     on ext4 without a journal, where a cut may leave a file under the name of another; and tmpfs
 *     does not outlive one. What is said of kills holds on all of them.
 *   - The private directory beside the state file belongs to one user. Only that user and root can
 *     open a manager. Every user with read permission can read the state file. It contains items,
 *     configs, cursors, results and reasons as they were given: put no credentials into these.
 *   - The library follows no symbolic link at or below .specweave. It does not use a file that may
 *     have been put there by a user who cannot read it, for example a hard link. For root, the
 *     library uses only files that belong to root or to the user who owns the project. The files
 *     that root creates there belong to that user. If a file breaks these rules, bgj_manager_open,
 *     or the call that meets the file, returns BGJ_IO. The message names the owner of the file.
 *   - The owner of a job is the process that does its work. The owner learns of a pause from the
 *     status that its own calls return: BGJ_PAUSED. There is no signal and no callback.
 *   - Between two calls the library does nothing. If a host reports nothing for ten minutes, the
 *     library publishes nothing for ten minutes. See bgj_manager_sync.
 *   - All processes share one pace of publishing. If the state file is larger than 4 MiB, a change of
 *     status is not published in its own call. A later report or wait publishes it, from one second
 *     on, or bgj_manager_sync, bgj_manager_close or another process.
 *   - The library uses file descriptors from 256 upwards. If a host closes descriptors that are not
 *     its own (closefrom, close_range), the manager stops working: its calls return BGJ_IO. The
 *     library notices this within 30 ms. Until then a report may be written into any file that the
 *     host opened under the same number.
 *   - Each job that a manager owns takes a descriptor. Those that are needed besides are kept: where
 *     more than a quarter of RLIMIT_NOFILE is taken for jobs and the rest is nearly used up,
 *     bgj_job_start returns BGJ_IO, with the os_error EMFILE.
 *   - If RLIMIT_FSIZE is lowered below the size of one of the library's files, the library notices
 *     this within 30 ms. Until then a report can raise SIGXFSZ.
 *   - When malloc fails, the library goes on with a reserve of 13 MiB. It is address space only until
 *     it is used. What needs more returns BGJ_NO_MEMORY. While a quarter of the reserve is in use,
 *     every call does. If a single call still uses it up, the process aborts. The data on disk
 *     stays valid. Only this library has a reserve. A Swift program that links the package, and the
 *     command, end where there is no memory.
 *   - The library sets jansson's allocation functions. Outside of the library's own parsing they call
 *     those that were set before.
 *   - A call needs up to 256 KiB of stack, for JSON nested as deeply as jansson accepts.
 *
 * PROMISES
 *
 *   1. If a call returned a status below 10, its report survives kill -9 of every process. Changes
 *      of status also survive a power cut. A power cut loses at most the progress reports of the
 *      second after the last sync. The recovered reports are a prefix of the reports made, in
 *      order.
 *   2. The state file is one complete, valid JSON document at every moment. The library keeps the
 *      data that other tools put into it. docs/state-file.md describes how, and lists the
 *      exceptions. The library sets a damaged file aside and reports it. It never silently replaces
 *      one.
 *   3. Any number of processes may have the same project open.
 *   4. A report costs at most one small write(2) and takes no lock between processes. About once a
 *      second, one report also syncs or publishes. These take about 5 % of the time at most.
 *   5. The host is never harmed: no signal, no signal handler, no thread, no output, no exit. The
 *      caveats above name the two exceptions: RLIMIT_FSIZE, and a reserve that is used up.
 *
 * OWNERSHIP OF MEMORY
 *
 *   - Inputs are copied. You may reuse or free an argument as soon as the call returns.
 *   - You own every object that you get through a `**out` parameter. Release it with the function
 *     for its type: bgj_manager_close, bgj_job_release, bgj_job_list_free, bgj_item_list_free,
 *     bgj_string_free.
 *   - A const pointer stays valid as long as the object that it was read from.
 *   - Never pass memory of this library to free(3).
 *
 * RULES FOR ALL FUNCTIONS
 *
 *   - A function writes its outputs only when it returns a status below 10, unless its comment says
 *     otherwise.
 *   - Every pointer may be NULL. Where the comment does not say what NULL means, the call returns
 *     BGJ_INVALID and does nothing. Every close, release and free function accepts NULL and does
 *     nothing.
 *   - Strings are UTF-8 and end with a zero byte. An item has 1 to 4096 bytes. A type, key or
 *     reason has 1 to 255 bytes. A message has up to 1 MiB, a cursor up to 64 KiB. JSON text is at
 *     most 1000 levels deep. A state file larger than 256 MiB is not read.
 *   - Any thread may use any handle at any time. Exception: close, release, free and clear must be
 *     the last use of their object. Calls on one manager wait for each other.
 *   - After fork(2) without exec, the child may only close, release and free the objects that it
 *     inherited. All other functions return BGJ_FORKED there. The child opens its own manager.
 *   - Every function with a bgj_error parameter accepts NULL for it; see bgj_error.
 *   - Every function that takes a manager or a job can return the following statuses. The lists
 *     below do not repeat them:
 *       BGJ_NOT_FOUND    the job has been removed
 *       BGJ_ILLEGAL_TRANSITION  the job has a status that this library does not know
 *       BGJ_INVALID      an argument is NULL, not UTF-8, too long, negative or out of range
 *       BGJ_BUSY         another process has held the writer lock longer than lock_timeout_ms; the
 *                        error names the process
 *       BGJ_DAMAGED      a file of the state directory is damaged; the error names the file and the
 *                        line or byte; nothing was overwritten
 *       BGJ_IO           the operating system reported an error; os_error has errno
 *       BGJ_NO_SPACE     the disk, the quota or RLIMIT_FSIZE is exhausted; you may repeat the call
 *       BGJ_NO_MEMORY    there is no memory; nothing was changed, and you may repeat the call
 *       BGJ_UNSUPPORTED  the state was written by a newer version, or the manager is read-only
 *       BGJ_FORKED       the handle was inherited through fork(2)
 */
#ifndef BGJOBS_H
#define BGJOBS_H

#include <stddef.h>
#include <stdint.h>

/* The version of this header. bgj_version() returns the version of the library. */
#define BGJ_VERSION_MAJOR 0
#define BGJ_VERSION_MINOR 2
#define BGJ_VERSION_PATCH 0

#if defined(__GNUC__)
#define BGJ_API __attribute__((visibility("default")))
#else
#define BGJ_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Types --------------------------------------------------------------------------------- */

/* An open state directory. Close it with bgj_manager_close. */
typedef struct bgj_manager bgj_manager;

/* A handle on one job. It stays valid until it is released, even after the manager is closed. Calls
 * on it then return BGJ_INVALID. Release it with bgj_job_release. */
typedef struct bgj_job bgj_job;

/* The jobs that bgj_manager_list found or a cleanup removed. Free it with bgj_job_list_free. */
typedef struct bgj_job_list bgj_job_list;

/* The items that bgj_job_items found. Free it with bgj_item_list_free. */
typedef struct bgj_item_list bgj_item_list;

/* The result of a call. 0 is success. 1 to 9 are not failures: the report is kept, and the status
 * adds information. With 10 or above, the call changed nothing. There is one exception: if neither the
 * sync of a change nor its undoing succeeds, as on a disk that fails, the message says "could not be
 * undone, and may have happened". Numbers are never reused. New ones may be added. */
typedef enum bgj_status {
  BGJ_OK = 0,
  /* The report is kept, but the job is paused. Finish the item under way, then call bgj_job_wait or
   * bgj_job_leave. */
  BGJ_PAUSED = 1,
  /* Someone resumed the job before you could leave it. You still own it: continue. */
  BGJ_RESUMED = 2,
  /* There are no more items. */
  BGJ_END = 3,
  /* Not yet: something must come first. The call that returns it says what. */
  BGJ_WAITING = 4,
  /* Kept: this attempt has failed, and the job is in the queue again. See bgj_job_fail. */
  BGJ_RETRYING = 5,
  /* The job is completed or failed. The call is no longer possible. */
  BGJ_FINISHED = 10,
  /* An argument is invalid; the error names it. */
  BGJ_INVALID = 11,
  /* There is no such job. */
  BGJ_NOT_FOUND = 12,
  /* Several ids begin with the given text. */
  BGJ_AMBIGUOUS = 13,
  /* The job's status does not allow this; the error names the job, its status and the operation. */
  BGJ_ILLEGAL_TRANSITION = 14,
  /* Another live process owns the job or holds the writer lock; the error names the process. */
  BGJ_BUSY = 15,
  /* The timeout of bgj_job_wait has expired. */
  BGJ_TIMEOUT = 16,
  /* A file is damaged; the error names the file and the place. */
  BGJ_DAMAGED = 17,
  /* The operating system reported an error; os_error has errno. */
  BGJ_IO = 18,
  /* The disk is full, the quota is exceeded, or RLIMIT_FSIZE is reached. */
  BGJ_NO_SPACE = 19,
  /* A large buffer could not be allocated. */
  BGJ_NO_MEMORY = 20,
  /* This file system, kernel, format version or read-only manager does not support the call. */
  BGJ_UNSUPPORTED = 21,
  /* The handle was inherited through fork(2). */
  BGJ_FORKED = 22
} bgj_status;

/* The status of a job. BGJ_JOB_OTHER is a status that another tool wrote and this library does not
 * know. bgj_job_info.status_name has its text. */
typedef enum bgj_job_status {
  BGJ_JOB_PENDING = 1,
  BGJ_JOB_RUNNING = 2,
  BGJ_JOB_PAUSED = 3,
  BGJ_JOB_COMPLETED = 4,
  BGJ_JOB_FAILED = 5,
  BGJ_JOB_OTHER = 6
} bgj_job_status;

/* Sets of statuses, for bgj_manager_list and bgj_job_wait. Combine them with |. */
#define BGJ_MASK_PENDING 0x02u
#define BGJ_MASK_RUNNING 0x04u
#define BGJ_MASK_PAUSED 0x08u
#define BGJ_MASK_COMPLETED 0x10u
#define BGJ_MASK_FAILED 0x20u
#define BGJ_MASK_OTHER 0x40u
#define BGJ_MASK_ACTIVE (BGJ_MASK_RUNNING | BGJ_MASK_PAUSED)
#define BGJ_MASK_FINISHED (BGJ_MASK_COMPLETED | BGJ_MASK_FAILED)
#define BGJ_MASK_ALL 0x7eu

/* The details of a failure. The caller owns it. Pass NULL if you do not need it. Initialise it with
 * BGJ_ERROR_INIT. Every status except BGJ_OK fills it. BGJ_OK clears it. It holds no allocated
 * memory. */
typedef struct bgj_error {
  size_t struct_size;  /* sizeof(bgj_error); set by BGJ_ERROR_INIT */
  bgj_status status;   /* what the call returned */
  int os_error;        /* errno of the system call that failed, else 0 */
  char message[496];   /* one sentence, UTF-8: what, where, and what to do if that is known */
} bgj_error;

#define BGJ_ERROR_INIT {sizeof(bgj_error), BGJ_OK, 0, {0}}

/* The clock that a bgj_clock function is asked to read. */
typedef enum bgj_clock_id {
  BGJ_CLOCK_REALTIME = 0,  /* nanoseconds since 1970-01-01T00:00:00Z */
  BGJ_CLOCK_MONOTONIC = 1  /* nanoseconds while the machine is awake */
} bgj_clock_id;

/* A clock for tests: returns the time of one clock in nanoseconds. The library calls it with the
 * manager's lock held, so it must not call this library. A negative result counts as 0. */
typedef int64_t (*bgj_clock)(void *context, bgj_clock_id which);

/* Never write. Calls that would change something return BGJ_UNSUPPORTED. */
#define BGJ_OPEN_READ_ONLY 0x1u
/* Accept a file system that is not in the list under CAVEATS. Its locks must work. */
#define BGJ_OPEN_ANY_FILE_SYSTEM 0x2u

/* How to open a manager. Initialise it with BGJ_OPTIONS_INIT. Zero means the default for every
 * member. */
typedef struct bgj_options {
  size_t struct_size;       /* sizeof(bgj_options); set by BGJ_OPTIONS_INIT */
  unsigned int flags;       /* BGJ_OPEN_... */
  int lock_timeout_ms;      /* how long to wait for the writer lock; 0: 10000; at most 86400000 */
  int keep_completed;       /* see bgj_job_complete; 0: 10; negative: all are kept */
  bgj_clock clock;          /* NULL: the system's clocks */
  void *clock_context;      /* handed to clock */
  int64_t keep_for_s;       /* see bgj_job_complete; seconds; 0: a day; negative: for ever */
} bgj_options;

#define BGJ_OPTIONS_INIT {sizeof(bgj_options), 0u, 0, 0, 0, 0, 0}

/* How to start a job. Initialise it with BGJ_START_OPTIONS_INIT. */
typedef struct bgj_start_options {
  size_t struct_size; /* sizeof(bgj_start_options) */
  unsigned int flags; /* BGJ_START_... */
  int owner_fd;       /* with BGJ_START_OWNER_FD: an open regular file */
  int64_t owner_pid;  /* with BGJ_START_DETACHED: the process whose end interrupts it; 0: none */
} bgj_start_options;

/* The caller does not own the job. The job keeps running when this manager is closed, and any
 * process may report on it. For launchers and shell scripts. Without owner_pid or
 * BGJ_START_OWNER_FD, the library cannot tell whether the worker is alive. */
#define BGJ_START_DETACHED 0x1u
/* With BGJ_START_DETACHED, instead of owner_pid: the library locks owner_fd (an open file
 * description lock on one byte, so that one file serves many jobs). The job is interrupted when the
 * last process with this open file has closed it or ended. A shell can hold such a descriptor with
 * `exec 9>FILE`. The file must stay until the job has ended. Close the descriptor in child
 * processes that must not keep the job alive. */
#define BGJ_START_OWNER_FD 0x2u

/* Also if a limit is full, the job's time in the queue has not come, or a job that it needs has not
 * ended: see BGJ_WAITING of bgj_job_start. */
#define BGJ_START_ANYWAY 0x4u

/* Others may work on the job as well: whoever starts it like this while it runs joins them, from any
 * process or with another manager. Each worker gets items of its own from bgj_job_next, and has a log of
 * its own: a report costs it what it costs an owner. What a worker that leaves or dies had goes to the
 * others; the job is interrupted when the last one has gone. Items, advances and totals add up, and the
 * current item is the one that was given out first; to set the cursor, or where the job is, returns
 * BGJ_ILLEGAL_TRANSITION. A pause, a failure or a completion is for all of them. Not with
 * BGJ_START_DETACHED. A job that runs is exclusive or shared until it has no worker any more. */
#define BGJ_START_SHARED 0x8u

#define BGJ_START_OPTIONS_INIT {sizeof(bgj_start_options), 0u, 0, 0}

/* How a job stands in the queue. Initialise it with BGJ_QUEUE_OPTIONS_INIT. */
typedef struct bgj_queue_options {
  size_t struct_size;    /* sizeof(bgj_queue_options) */
  unsigned int flags;    /* BGJ_QUEUE_...: which members are given, the others stay; 0: all are */
  int priority;          /* -1000 to 1000, higher first */
  int64_t not_before_ms; /* not started before, milliseconds since 1970; 0: at any time */
  const char *lane;      /* jobs that share it share a limit: 1 to 255 bytes; NULL: none */
  int max_attempts;      /* how often it is tried in all, 1 to 1000; 0: 1. See bgj_job_fail */
  int64_t backoff_ms;    /* from its first failure to the next attempt, at most 31 days; 0: 1000. Twice
                            as long after each other failure, and up to half of it less, by chance */
  int64_t backoff_max_ms; /* it never waits longer than that; 0: 3600000 */
} bgj_queue_options;

#define BGJ_QUEUE_PRIORITY 0x1u
#define BGJ_QUEUE_NOT_BEFORE 0x2u
#define BGJ_QUEUE_LANE 0x4u
/* max_attempts, backoff_ms and backoff_max_ms. */
#define BGJ_QUEUE_ATTEMPTS 0x8u

#define BGJ_QUEUE_OPTIONS_INIT {sizeof(bgj_queue_options), 0u, 0, 0, 0, 0, 0, 0}

/* Which job to claim, and how long to wait for it. Initialise it with BGJ_CLAIM_OPTIONS_INIT. */
typedef struct bgj_claim_options {
  size_t struct_size;        /* sizeof(bgj_claim_options) */
  unsigned int flags;        /* BGJ_CLAIM_... */
  const char *const *types;  /* only jobs of these types; NULL: of any */
  size_t type_count;         /* how many types there are */
  const char *config_member; /* only jobs whose config has a member of this name; NULL: any */
  int64_t timeout_ms;        /* 0: only look; negative: no limit */
} bgj_claim_options;

/* The wait ends when the queue is empty. */
#define BGJ_CLAIM_UNTIL_EMPTY 0x1u

#define BGJ_CLAIM_OPTIONS_INIT {sizeof(bgj_claim_options), 0u, 0, 0, 0, 0}

/* The state of a job at one moment. Initialise it with BGJ_JOB_INFO_INIT before the first use. You
 * may fill it repeatedly. It owns its strings: they stay valid until it is filled again or cleared
 * with bgj_job_info_clear. A string that does not apply is NULL. A time that does not apply is
 * -1. */
typedef struct bgj_job_info {
  size_t struct_size;         /* sizeof(bgj_job_info); set by BGJ_JOB_INFO_INIT */
  void *memory;               /* private: memory that bgj_job_info_clear frees */
  const char *id;             /* 8 hex digits for jobs of this library; other tools use any token */
  const char *type;           /* as passed to bgj_manager_create */
  const char *key;            /* as passed to bgj_manager_ensure */
  bgj_job_status status;      /* as readers see it: a running job with a dead owner is paused */
  const char *status_name;    /* pending, running, paused, completed, failed or another, such as
                                 completed_with_warnings, whose status is BGJ_JOB_COMPLETED */
  const char *reason;         /* asked, rate-limit, interrupted, error, cancelled, or another */
  const char *error;          /* the reason in words */
  int64_t current;            /* items; see bgj_job_update */
  int64_t total;              /* items; 0: unknown */
  int percentage;             /* 0 to 100, rounded down; below 100 while planned items are open;
                                 0 while the total is unknown */
  const char *current_item;   /* the item being worked on */
  uint64_t items_completed;   /* number of done items */
  uint64_t items_failed;      /* number of failed items */
  uint64_t items_open;        /* planned items that have not ended */
  double rate;                /* items per second of work; negative: unknown, or not running */
  int64_t eta;                /* seconds of work that remain now; -1: unknown, or not running */
  int64_t eta_low;            /* likely range of eta, at first wide enough for a change; or -1 */
  int64_t eta_high;
  int64_t active_ms;          /* milliseconds of work on the job, without pauses */
  int64_t created_ms;         /* milliseconds since 1970 */
  int64_t started_ms;
  int64_t updated_ms;
  int64_t completed_ms;       /* when it completed or failed */
  int64_t resume_at_ms;       /* paused for a rate limit: when it may continue */
  int64_t owner_pid;          /* the owner; 0: none, or unknown */
  int owned;                  /* 1: this manager owns it */
  int pause_acknowledged;     /* paused: 1 if its owner has seen the pause or it has none */
  int attempts;               /* 1, plus one for each bgj_job_retry and each BGJ_RETRYING */
  int stalled;                /* 1: no report for far longer than is usual for this job */
  int eta_from_history;       /* 1: rate and eta use finished jobs of this type, at least in part */
  int64_t wait_ms;            /* milliseconds until the job may run; 0: now; -1: unknown */
  int64_t finish_ms;          /* likely finish time since 1970, wait included; -1: unknown */
  int64_t refused_ms;         /* when another tool last set a status that only the live owner may
                                 set, and was refused; since the last start; -1: never */
  const char *refused_status; /* the refused status, as it was in the file */
  int has_warnings;           /* completed: 1 if items have failed, or if another tool set the
                                 status completed_with_warnings */
  uint64_t items_skipped;     /* number of skipped items */
  uint64_t items_under_way;   /* begun and not ended, while a process works on the job; see
                                 bgj_job_item_begin */
  int enqueued;               /* 1: it was put into the queue; see bgj_job_enqueue */
  int priority;               /* in the queue; 0 too if it is not in it */
  int64_t not_before_ms;      /* in the queue: not started before, milliseconds since 1970; or -1 */
  const char *lane;           /* in the queue */
  int max_attempts;           /* in the queue: how often it is tried in all; else 0 */
  int failures;               /* in the queue: how many of these have failed */
  int64_t retry_at_ms;        /* when it is tried again, milliseconds since 1970; or -1 */
  int workers;                /* of a shared job: how many work on it, a dead one until somebody
                                 claims or changes something; see BGJ_START_SHARED */
  uint64_t items_claimed;     /* items that they were given and have not ended */
} bgj_job_info;

#define BGJ_JOB_INFO_INIT \
  {sizeof(bgj_job_info), 0, 0, 0, 0, BGJ_JOB_OTHER, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1.0, -1, -1, \
   -1, 0, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, -1, -1, -1, \
   0, 0, 0, 0, 0, 0, -1, 0, 0, 0, -1, 0, 0}

/* The state of an item. */
typedef enum bgj_item_state {
  BGJ_ITEM_OPEN = 1,      /* planned, and in none of the other states */
  BGJ_ITEM_UNDER_WAY = 2, /* begun, and not ended */
  BGJ_ITEM_DONE = 3,
  BGJ_ITEM_FAILED = 4,
  BGJ_ITEM_SKIPPED = 5    /* there was nothing to do */
} bgj_item_state;

/* Sets of item states, for bgj_job_items. Combine them with |. */
#define BGJ_ITEM_MASK_OPEN 0x02u
#define BGJ_ITEM_MASK_UNDER_WAY 0x04u
#define BGJ_ITEM_MASK_DONE 0x08u
#define BGJ_ITEM_MASK_FAILED 0x10u
#define BGJ_ITEM_MASK_SKIPPED 0x20u
#define BGJ_ITEM_MASK_ALL 0x3eu

/* An item of a list. Initialise it with BGJ_ITEM_INIT before the first use. You may fill it
 * repeatedly. Its strings belong to the list and stay valid as long as the list. */
typedef struct bgj_item {
  size_t struct_size;   /* sizeof(bgj_item); set by BGJ_ITEM_INIT */
  const char *name;     /* never NULL */
  bgj_item_state state;
  int attempts;         /* number of reported begins; at least 1 once the item has ended */
  const char *why;      /* failed or skipped: the reason in words; NULL: none was given */
} bgj_item;

#define BGJ_ITEM_INIT {sizeof(bgj_item), 0, BGJ_ITEM_OPEN, 0, 0}

/* ---- The library --------------------------------------------------------------------------- */

/* The version of the library, "MAJOR.MINOR.PATCH". Static; never NULL. */
BGJ_API const char *bgj_version(void);

/* The name of a status as in this header, for example "BGJ_OK". Static. An unknown number gives
 * "BGJ_?". */
BGJ_API const char *bgj_status_name(bgj_status status);

/* The meaning of a status in words, for people. Static; never NULL. */
BGJ_API const char *bgj_status_message(bgj_status status);

/* Frees a string that you got through a `char **` parameter. NULL is allowed. */
BGJ_API void bgj_string_free(char *string);

/* ---- The manager --------------------------------------------------------------------------- */

/*
 * Opens the state of a project directory. The directory must exist. Opening writes nothing, unless
 * a damaged file must be set aside. The first change creates the state directory. options may be
 * NULL.
 *   BGJ_NOT_FOUND    there is no directory with that name
 *   BGJ_UNSUPPORTED  the file system is not in the list under CAVEATS
 *   BGJ_DAMAGED      the state cannot be read, and the intact parts were not enough to repair it. A
 *                    state file that is not JSON was copied to background-jobs.json.corrupt-TIME
 *                    beside it; the next open continues without its content. bgj_manager_check
 *                    reports such copies until they are deleted
 */
BGJ_API bgj_status bgj_manager_open(const char *project, const bgj_options *options,
                                    bgj_manager **manager, bgj_error *error);

/*
 * Leaves all jobs that this manager owns: they become paused, with the reason "interrupted". Then
 * publishes what this manager has not yet published, and frees the manager. It frees the manager
 * whatever the status. NULL returns BGJ_OK. In a forked child it only frees.
 */
BGJ_API bgj_status bgj_manager_close(bgj_manager *manager, bgj_error *error);

/*
 * Makes all reports so far survive a power cut, and publishes the state file. A host calls it at a
 * convenient moment, for example before a long time without reports.
 */
BGJ_API bgj_status bgj_manager_sync(bgj_manager *manager, bgj_error *error);

/*
 * Creates a pending job. type: the kind of work; the known ones are clone-repos, import-issues and
 * sync-external. config: a JSON object for your own use and for other tools, or NULL for {}. If
 * config has no member "type", the library adds it. total: the number of items; 0: not known yet.
 *   BGJ_INVALID      config is not a JSON object (the error says where); total is negative, or 2^53
 *                    or more
 */
BGJ_API bgj_status bgj_manager_create(bgj_manager *manager, const char *type, const char *config,
                                      int64_t total, bgj_job **job, bgj_error *error);

/*
 * Finds the unfinished job of this type and key, or creates one. So a program's first run and its
 * later runs use the same code. config and total are used only for a new job. If two processes call
 * this at once, both get the same job. Returns the same statuses as bgj_manager_create.
 */
BGJ_API bgj_status bgj_manager_ensure(bgj_manager *manager, const char *type, const char *key,
                                      const char *config, int64_t total, bgj_job **job,
                                      bgj_error *error);

/*
 * Finds a job by its id, or by the beginning of its id if only one id begins with it.
 *   BGJ_NOT_FOUND    no id begins with it
 *   BGJ_AMBIGUOUS    several ids begin with it and none equals it; the error names some of them
 */
BGJ_API bgj_status bgj_manager_find(bgj_manager *manager, const char *id, bgj_job **job,
                                    bgj_error *error);

/*
 * Lists the jobs whose status is in statuses (BGJ_MASK_...; 0: all) and whose type is type (NULL:
 * any), in the order of the state file. The list is a copy: later changes do not affect it.
 */
BGJ_API bgj_status bgj_manager_list(bgj_manager *manager, unsigned int statuses, const char *type,
                                    bgj_job_list **list, bgj_error *error);

/*
 * Removes jobs that completed without failed items, oldest first, until keep of them are left. It
 * does not remove jobs that failed or were cancelled, completed jobs with failed items, or a job
 * that an unfinished job names in dependsOn. removed gets the number of removed jobs; it may be NULL.
 *
 * The store remembers how each of the last 100 removed jobs ended, whichever process removed it.
 * bgj_job_wait gets that status, and the error message of BGJ_NOT_FOUND states it.
 */
BGJ_API bgj_status bgj_manager_cleanup(bgj_manager *manager, size_t keep, size_t *removed,
                                       bgj_error *error);

/* Remove any finished job, including failed jobs and jobs with failed items. */
#define BGJ_CLEANUP_FAILED 0x1u
/* Remove nothing, only return the jobs that would be removed. A read-only manager may do this. */
#define BGJ_CLEANUP_DRY_RUN 0x2u

/*
 * Like bgj_manager_cleanup, with flags (BGJ_CLEANUP_..., 0: none) that select the jobs to remove.
 * removed gets the removed jobs as they were, oldest first; it may be NULL.
 */
BGJ_API bgj_status bgj_manager_cleanup_with(bgj_manager *manager, size_t keep, unsigned int flags,
                                            bgj_job_list **removed, bgj_error *error);

/*
 * Reads the state file, the journal, the logs, and the files of jobs and items that they refer to, and
 * compares them with their checksums. It repairs nothing. It does not read what the command keeps
 * beside them: the output of jobs, and how to run them again.
 * report: one line per file and finding; may be NULL. It is also written when the status is
 * BGJ_DAMAGED.
 *   BGJ_DAMAGED      a file is damaged, or a damaged file that was set aside still exists
 */
BGJ_API bgj_status bgj_manager_check(bgj_manager *manager, char **report, bgj_error *error);

/* The number of jobs in the list. NULL: 0. */
BGJ_API size_t bgj_job_list_count(const bgj_job_list *list);

/*
 * Fills info with the job at index, 0 to count - 1. The info has its own copies of the strings and
 * may outlive the list.
 *   BGJ_NOT_FOUND    index is not below the count
 */
BGJ_API bgj_status bgj_job_list_at(const bgj_job_list *list, size_t index, bgj_job_info *info,
                                   bgj_error *error);

/* Frees a list. NULL is fine. */
BGJ_API void bgj_job_list_free(bgj_job_list *list);

/* ---- The queue: what all jobs and processes share ------------------------------------------- */

/*
 * At most count requests to a provider in period_ms, of all processes on this state together: a budget
 * from which bgj_manager_permit takes. It is kept, also when no process lives. In no period are there
 * more than count and burst requests. burst is what may come at once after a silence: a sixtieth of
 * count, or as many as one call takes, if that is more. Said again, the later counts: so many requests
 * as are ahead stay ahead, at the new rate. Who has a permit already keeps to what it was told. On a
 * clock that is set back nothing is permitted again.
 * provider: the name of the server ("github"), 1 to 255 bytes. count: 0 to 10^9; 0 removes the budget.
 * period_ms: 1 to 2678400000 (31 days).
 *   BGJ_INVALID      a number is out of its range, or there are 1000 budgets already
 */
BGJ_API bgj_status bgj_manager_set_rate(bgj_manager *manager, const char *provider, int64_t count,
                                        int64_t period_ms, bgj_error *error);

/*
 * Takes count requests, 1 or more, out of the budget of a provider. *wait_ms: how many milliseconds to
 * wait before you make them, 0: none. This call does not wait. Who asks first goes first. The algorithm
 * is the virtual scheduling of ITU-T I.371 (GCRA). What was taken stays taken if you die; a power cut
 * may give it back. It costs one turn of the writer lock: if requests are frequent, take several.
 *   BGJ_WAITING      nothing was taken, because those ahead take longer than a period and a minute;
 *                    ask again in *wait_ms
 *   BGJ_NOT_FOUND    no rate was set for this provider
 *   BGJ_INVALID      count is below 1, or above the count of the rate
 */
BGJ_API bgj_status bgj_manager_permit(bgj_manager *manager, const char *provider, int64_t count,
                                      int64_t *wait_ms, bgj_error *error);

/*
 * A provider asked somebody to slow down: all its jobs pause, as by bgj_job_rate_limited, and permits
 * wait. Its jobs are those whose config has the member "provider" with this name. seconds: the wait
 * that it asked for, at most 31 days; 0: it named none, and 60 s are used; -1: the limit is over before
 * its time, and the jobs that it paused go on. Said again, it finds whoever was left out. Limits of at
 * most 1000 providers are remembered, the newest.
 *   BGJ_INVALID      seconds is out of its range
 */
BGJ_API bgj_status bgj_manager_rate_limited(bgj_manager *manager, const char *provider,
                                            int64_t seconds, bgj_error *error);

/*
 * Takes the next ready job of the queue and starts it: the caller owns it, as after bgj_job_start. Two
 * calls never get the same job. options may be NULL: whatever is ready now.
 *
 * A job is ready if bgj_job_enqueue has put it into the queue; it is pending, interrupted, or past its
 * rate limit; what it needs has ended (bgj_job_add_dependency); its time has come; its provider takes
 * requests; and each limit that it falls under has room. The first is the one with the smallest rank: the time since which it might have been started
 * (it was put there, or its time came), less its priority times what a level is worth, ten minutes if
 * bgj_manager_set_priority_worth was not called. So who waits long enough comes before a higher
 * priority that came later, and none starves. Of equal ranks the job that was created first goes
 * first. A job that must wait is passed over, and holds up nobody.
 *
 * If the caller dies, the job is interrupted, and ready again. Other threads may use the manager while
 * the call waits.
 *   BGJ_END          no such job is in the queue, and none of the queue runs: where the timeout is 0 or
 *                    BGJ_CLAIM_UNTIL_EMPTY is given. A job that somebody has paused does not count.
 *                    *job is NULL
 *   BGJ_TIMEOUT      none was ready; the error says for what the first one waits
 */
BGJ_API bgj_status bgj_manager_claim(bgj_manager *manager, const bgj_claim_options *options,
                                     bgj_job **job, bgj_error *error);

/*
 * At most so many jobs of a scope run at once, whether they were claimed or started: see BGJ_WAITING of
 * bgj_job_start. scope: "*" (all jobs), "type:T", "lane:L", or "provider:P" (the jobs whose config has
 * this "provider"). Those are counted whose owner lives: they run, wait for a rate limit, or have not
 * seen their pause yet. Nothing is stored for it that a dead process could leave behind. most: 0: none
 * may start; negative: no limit any more. Jobs that run go on. A job that is resumed, or put into a lane
 * while it runs, runs whatever the limit.
 *   BGJ_INVALID      there is no such scope, or there are 1000 limits already
 */
BGJ_API bgj_status bgj_manager_set_limit(bgj_manager *manager, const char *scope, int most,
                                         bgj_error *error);

/*
 * What one level of priority is worth, in milliseconds of waiting: 600000 at first, at most
 * 315360000000 (ten years). Negative: a higher priority always goes first.
 */
BGJ_API bgj_status bgj_manager_set_priority_worth(bgj_manager *manager, int64_t ms,
                                                  bgj_error *error);

/*
 * The queue as JSON, an object. Free it with bgj_string_free.
 *   "providers"        an array of objects with "provider"; "count", "periodMs" and "burst" if it has a
 *                      rate; "waitMs", how long one request would have to wait now; "limitedUntil", in
 *                      milliseconds since 1970, while it is limited
 *   "priorityWorthMs"  see bgj_manager_set_priority_worth; -1: strict
 *   "limits"           an array of objects with "scope", "most" and "running"
 *   "jobs"             those of the queue that have not ended, the first one first: objects with "id",
 *                      "type", "status", "priority", "lane", and "waits" as in bgj_job_get_waits
 */
BGJ_API bgj_status bgj_manager_get_queue(bgj_manager *manager, char **json, bgj_error *error);

/* ---- A job: its life ----------------------------------------------------------------------- */

/*
 * These functions also work on jobs that another tool wrote into the state file. The first change
 * through this library makes such a job a job of this library, and the other tool's data is kept.
 * Exception: bgj_job_start does not start a job that the state file shows as running and that has
 * no owner known to this library.
 *
 * What another tool writes about a job with a live owner is at most a request. The statuses paused
 * and running act like bgj_job_pause and bgj_job_resume. Any other status is refused, and
 * bgj_job_info shows the refusal: only a live owner knows the progress of its job. For a job
 * without an owner, the other tool's status is accepted.
 */

/*
 * Starts a job. The caller becomes its owner until it ends the job, leaves it, closes the manager
 * or dies. It can start a pending job, an interrupted job, a job whose rate limit has passed, and a
 * job that this manager already owns. options may be NULL.
 *   BGJ_PAUSED       the job is paused, by a user or for a rate limit, and was not started. Call
 *                    bgj_job_wait with BGJ_MASK_PENDING, and for a shared start BGJ_MASK_RUNNING as
 *                    well, then start it again
 *   BGJ_WAITING      a limit is full (bgj_manager_set_limit), its time in the queue has not come, or a
 *                    job that it needs has not ended (bgj_job_add_dependency); it was not started, and
 *                    the error says what it waits for. BGJ_START_ANYWAY starts it all the same
 *   BGJ_BUSY         another live process owns the job, and not both start it with BGJ_START_SHARED; the
 *                    error names it
 *   BGJ_FINISHED     the job is completed or failed; see bgj_job_retry
 *   BGJ_ILLEGAL_TRANSITION  another tool runs the job, or it runs detached and unwatched; or its
 *                    status is unknown to this library
 */
BGJ_API bgj_status bgj_job_start(bgj_job *job, const bgj_start_options *options, bgj_error *error);

/*
 * Puts a job that has not ended into the queue, for bgj_manager_claim, or changes how it stands there.
 * It stays in the queue until it has ended, and a retry puts it back. options may be NULL: as it is,
 * or priority 0, any time, no lane and one attempt. A job that was only created is in no queue: nobody
 * claims it. not_before_ms also lets a job that waits for its next attempt come at that time.
 *
 * A job that ends its workers is kept from the others: when five processes in a row or more have ended
 * while they worked on it, without a report between, the last one begun a minute or more after the
 * first, it becomes paused, with the reason "poison".
 * bgj_job_resume puts it back.
 *   BGJ_FINISHED     it has ended, and not with the reason "dependency"
 */
BGJ_API bgj_status bgj_job_enqueue(bgj_job *job, const bgj_queue_options *options,
                                   bgj_error *error);

/* How another job must end, for a job to start. */
#define BGJ_AFTER_SUCCESS 0x1u /* it completed, whatever became of its items */
#define BGJ_AFTER_CLEAN 0x2u   /* it completed, and no item failed */
#define BGJ_AFTER_END 0x3u     /* it ended in whatever way, or is gone */
#define BGJ_AFTER_FAILURE 0x4u /* it failed, or was cancelled */
/* With one of these: if that can no longer come, the job waits instead of failing. */
#define BGJ_AFTER_HOLD 0x10u

/*
 * The job does not start before the job named id (an id or the beginning of one) has ended as policy
 * (BGJ_AFTER_...) says: bgj_job_start returns BGJ_WAITING, and bgj_manager_claim passes it over. Said
 * again for the same job, the later policy counts. A job may need 1000 others.
 *
 * If that can no longer come (the other one failed, and success was needed), the job fails, with the
 * reason "dependency", in the same transaction, and so do those that need it; one that is paused waits for its
 * resume. When the other one is
 * retried, those that failed for it are pending again: they never ran. Who is killed in the middle of
 * that is followed by the next change of anybody. A job that is needed comes at least as early in the
 * queue as the one that needs it, and is not cleaned up before that has ended.
 *
 * The member dependsOn of the state file lists the ids. Ids that another tool puts there count as
 * BGJ_AFTER_SUCCESS with BGJ_AFTER_HOLD; a circle that it makes, or an id of no job, makes the job wait.
 *   BGJ_NOT_FOUND, BGJ_AMBIGUOUS   no job, or several, by that id
 *   BGJ_INVALID      the job would wait for itself: the error names the circle; the policy is none; or
 *                    another tool has put what is no plain id into dependsOn
 *   BGJ_ILLEGAL_TRANSITION         it has been started
 *   BGJ_FINISHED     it has ended
 */
BGJ_API bgj_status bgj_job_add_dependency(bgj_job *job, const char *id, unsigned int policy,
                                          bgj_error *error);

/* The job does not need the job named id any more. Returns the same statuses. */
BGJ_API bgj_status bgj_job_remove_dependency(bgj_job *job, const char *id, bgj_error *error);

/*
 * What the job waits for, as a JSON array, empty if for nothing. Each member is an object with "for"
 * and "text", a sentence for people. "for" is "dependency", "time", "retry", "rate-limit" or "limit" (something
 * must come first); "pause" (somebody must resume it); "start" (it is in no queue, and nobody has started it);
 * "status" (another tool gave it one, and its owner is not known); or "worker" (it is ready, and nobody
 * has claimed it). "until": milliseconds since 1970, if known.
 * "scope": the full limit. "provider": who takes no requests. "id": the job that is needed. Free it with bgj_string_free.
 */
BGJ_API bgj_status bgj_job_get_waits(bgj_job *job, char **json, bgj_error *error);

/*
 * The owner stops working on the job. A running job becomes paused, with the reason "interrupted"
 * and the text of why, if given. A paused job stays paused. Anyone may start the job again.
 *   BGJ_RESUMED      the job was paused and then resumed, and you had not yet seen the resume; you
 *                    still own it
 *   BGJ_FINISHED     it has ended
 *   BGJ_ILLEGAL_TRANSITION  this manager does not own it
 */
BGJ_API bgj_status bgj_job_leave(bgj_job *job, const char *why, bgj_error *error);

/*
 * Pauses a pending or running job, or replaces the reason of a paused one. Every report that the
 * owner begins 30 ms or more after the pause returns BGJ_PAUSED. See also
 * bgj_job_info.pause_acknowledged. reason: a word for programs; NULL: "asked". retry_after_s:
 * seconds after which the job may be started again, at most 3155760000 (a hundred years); 0: only
 * bgj_job_resume ends the pause.
 *   BGJ_FINISHED     it has ended
 */
BGJ_API bgj_status bgj_job_pause(bgj_job *job, const char *reason, int64_t retry_after_s,
                                 bgj_error *error);

/*
 * A server asked the worker to slow down. Pauses the running job with the reason "rate-limit" and
 * the time at which it may continue. bgj_job_wait ends the pause at that time. Any process may call
 * this. Of two rate limits the later end counts. provider: the name of the server ("github"), or
 * NULL. seconds: the wait that the provider asked for, at most 31 days; 0: it named none, and 60 s
 * are used.
 *
 * If the member "provider" of the job's config is this provider ({"provider": "github"}), it is a limit
 * of all jobs with that member: those that run are paused, too, and one that is started before the time
 * is paused in its turn. They go on one after the other, the oldest first, within a tenth of the wait
 * and 30 s at most behind its end, so that they do not meet the next limit together.
 *   BGJ_PAUSED       the job was already paused for another reason, or interrupted; that pause
 *                    stays
 *   BGJ_FINISHED     it has ended
 *   BGJ_ILLEGAL_TRANSITION  it is not running
 */
BGJ_API bgj_status bgj_job_rate_limited(bgj_job *job, const char *provider, int64_t seconds,
                                        bgj_error *error);

/*
 * The same, with the provider's text in when. It can be a number of seconds, whole or not ("5.7");
 * a duration ("15m", "1h30m", "500ms"); an HTTP date; an RFC 3339 time; or seconds or milliseconds
 * since 1970. A number above 31 days counts as a time since 1970. If the time has passed, nothing
 * happens and the call returns BGJ_OK.
 *   BGJ_INVALID      when cannot be parsed, or is more than 31 days away; the error quotes it
 */
BGJ_API bgj_status bgj_job_rate_limited_until(bgj_job *job, const char *provider,
                                              const char *when, bgj_error *error);

/*
 * Ends a pause. The job is running again if it has a live owner, else pending. If the job is
 * already pending or running, nothing happens and the call returns BGJ_OK.
 *   BGJ_FINISHED     it has ended
 *   BGJ_ILLEGAL_TRANSITION  the job's status is unknown to this library
 */
BGJ_API bgj_status bgj_job_resume(bgj_job *job, bgj_error *error);

/*
 * Waits until the job's status is in statuses (BGJ_MASK_...), the job ends, or timeout_ms
 * milliseconds have passed (negative: no limit). If the owner waits, it acknowledges the pause. A
 * timed pause (a rate limit) ends when its time has come: through the owner's wait, or, if there is
 * no owner, through the wait of any process. BGJ_MASK_PENDING also matches an interrupted job,
 * because it can be started. Other threads may use the manager meanwhile. status, if not NULL, gets
 * the job's status, whatever the call returns. For a removed job it gets the status in which the
 * job ended, as long as the store remembers it (see bgj_manager_cleanup), else BGJ_JOB_OTHER.
 *   BGJ_FINISHED     the job ended in a status that is not in statuses, or was removed
 *   BGJ_TIMEOUT      timeout_ms has passed
 */
BGJ_API bgj_status bgj_job_wait(bgj_job *job, unsigned int statuses, int64_t timeout_ms,
                                bgj_job_status *status, bgj_error *error);

/*
 * Completes a job, also a pending one. result: a JSON value to store with the job, or NULL. A job
 * may complete below its total. Completing a completed job changes nothing and returns BGJ_OK. The
 * call then removes old jobs. It removes other jobs that completed without failed items, are not
 * among the last keep_completed of such jobs, and ended more than keep_for_s seconds ago.
 *   BGJ_FINISHED     the job has failed
 *   BGJ_BUSY         another live process owns it; or it is shared, has other workers, and planned items
 *                    are open: they may be with one of them
 *   BGJ_INVALID      result is not JSON
 */
BGJ_API bgj_status bgj_job_complete(bgj_job *job, const char *result, bgj_error *error);

/*
 * Fails a job, with the reason "error". why: the cause in words, or NULL. Failing a failed job
 * changes nothing and returns BGJ_OK. Any process may call this. Every report that a live owner
 * begins 30 ms or more later returns BGJ_FINISHED. Its earlier reports are kept.
 *
 * A job of the queue that has attempts left (bgj_queue_options) is pending again instead, with the
 * reason "retrying" and why; failed items are open again. bgj_job_start and bgj_manager_claim begin the
 * next attempt when its time has come. Only a failure uses up an attempt: a pause, an interruption or a
 * rate limit does not, and bgj_job_retry gives all of them back. If another live process owns the job,
 * if it was never started, or with bgj_job_cancel, the job fails at once.
 *   BGJ_RETRYING     it is tried again; bgj_job_get_waits says when
 *   BGJ_FINISHED     it is completed
 */
BGJ_API bgj_status bgj_job_fail(bgj_job *job, const char *why, bgj_error *error);

/*
 * Replaces the config of a job that has not ended. Members that another tool has added stay, unless
 * the new config names them. If config has no member "type", the library adds it.
 *   BGJ_FINISHED     it has ended
 *   BGJ_INVALID      config is not a JSON object (the error says where)
 */
BGJ_API bgj_status bgj_job_set_config(bgj_job *job, const char *config, bgj_error *error);

/* As bgj_job_fail, with the reason "cancelled". */
BGJ_API bgj_status bgj_job_cancel(bgj_job *job, const char *why, bgj_error *error);

/*
 * Retries a failed job, or a completed one with failed items, open items or has_warnings. The job
 * is pending again. Done items stay done, the failures of items are forgotten, and attempts
 * increases by one.
 *   BGJ_ILLEGAL_TRANSITION  the job is neither; or its reason is "dependency", and what it needs still
 *                    cannot come: retry that job, or remove the dependency
 *   BGJ_BUSY         its owner has not released it yet
 */
BGJ_API bgj_status bgj_job_retry(bgj_job *job, bgj_error *error);

/*
 * Like bgj_job_retry, but only for the given failed items. The other failed items stay failed.
 * count may be 0.
 *   BGJ_ILLEGAL_TRANSITION  as bgj_job_retry
 *   BGJ_BUSY         as bgj_job_retry
 *   BGJ_INVALID      one of the items has not failed, or items has fewer than count members
 */
BGJ_API bgj_status bgj_job_retry_items(bgj_job *job, const char *const *items, size_t count,
                                       bgj_error *error);

/* ---- A job: reports ------------------------------------------------------------------------- */

/*
 * For all reports: any process may report on a running or paused job. A report from the owner costs
 * one write(2). A report from another process goes through the writer lock. A repeated report
 * changes nothing. Reports return these statuses:
 *   BGJ_PAUSED       the report is kept; the job is paused
 *   BGJ_FINISHED     the job has ended; the report is not kept
 *   BGJ_ILLEGAL_TRANSITION  the job was not started, and the report says more than total, cursor
 *                    or current item
 * current, current_item, total and cursor have one value each. The later report of a value replaces
 * the earlier one, whichever process sent it.
 */

/*
 * Reports several values at once; they are kept or lost together. current: the progress in items,
 * including the items of this call; -1: not given. Until a process sets it, current is the number
 * of ended items plus the advances. After that, further items and advances are added to the value
 * that was set. current_item: the item being worked on; "": none; NULL: not given. completed_item,
 * failed_item: as for bgj_job_item_done and bgj_job_item_failed; NULL: none.
 */
BGJ_API bgj_status bgj_job_update(bgj_job *job, int64_t current, const char *current_item,
                                  const char *completed_item, const char *failed_item,
                                  bgj_error *error);

/* Adds count to current, for work whose items have no names. A negative count goes back. A current
 * below 0 is shown as 0. */
BGJ_API bgj_status bgj_job_advance(bgj_job *job, int64_t count, bgj_error *error);

/* Marks an item done. This also changes a failed or skipped item to done. A done item stays
 * done. */
BGJ_API bgj_status bgj_job_item_done(bgj_job *job, const char *item, bgj_error *error);

/*
 * Marks count items done, all of them or none, in one record: for work that ends many at a time. From
 * the owner that is one write(2), from another process one turn of the writer lock. items may be NULL if
 * count is 0: then the call only tells the status of the job.
 *   BGJ_INVALID      one of the items is, or they have more than 4,000,000 bytes, one or two for the
 *                    length of each included
 */
BGJ_API bgj_status bgj_job_items_done(bgj_job *job, const char *const *items, size_t count,
                                      bgj_error *error);

/* Marks an item failed, unless it is already done or skipped. why: the cause in words, or NULL. */
BGJ_API bgj_status bgj_job_item_failed(bgj_job *job, const char *item, const char *why,
                                       bgj_error *error);

/* Marks an item skipped because there was nothing to do ("already there"), unless it is already
 * done. why: the cause in words, or NULL. A failed item becomes skipped. A skipped item counts as
 * finished, also in current, and never as failed. It is not a warning, and a retry does not repeat
 * it. In the state file it counts in current, but is in neither itemsCompleted nor itemsFailed. */
BGJ_API bgj_status bgj_job_item_skipped(bgj_job *job, const char *item, const char *why,
                                        bgj_error *error);

/*
 * Reports that work on an item begins. The item is under way, and the library counts its attempts
 * over all runs. The current item is the oldest of the items that the owner has under way. Items
 * that were begun and did not end come last in bgj_job_next, the least often begun first. So an
 * item that kills its worker does not starve the others. attempt, if not NULL, gets the number of
 * this attempt, from 1. unended, if not NULL, gets the number of attempts that have not ended,
 * including this one. If it is above 1, an earlier worker on this item has died. The call does not
 * begin an item that has ended.
 */
BGJ_API bgj_status bgj_job_item_begin(bgj_job *job, const char *item, int64_t *attempt,
                                      int64_t *unended, bgj_error *error);

/*
 * Reports that an item was begun and then put back for a good reason: a pause, a rate limit, a
 * signal. The item is open again. The attempt does not count as one that did not end. bgj_job_next
 * of this manager returns the item again, after all others; of a shared job, that of any worker.
 */
BGJ_API bgj_status bgj_job_item_give_back(bgj_job *job, const char *item, bgj_error *error);

/* Sets the number of items; 0: unknown. A pending job accepts this too. */
BGJ_API bgj_status bgj_job_set_total(bgj_job *job, int64_t total, bgj_error *error);

/*
 * Stores a JSON value of your own, at most 64 KiB of text, in order with the reports. If the cursor
 * survives a crash, every earlier report survives too. Use it for a page number, for example. A
 * pending job accepts this too.
 */
BGJ_API bgj_status bgj_job_set_cursor(bgj_job *job, const char *json, bgj_error *error);

/*
 * Plans items in advance. bgj_job_next returns them in this order. Items that the job already knows
 * are ignored, so a program may give the same plan on every run. If the total is then below the
 * number of known items, it becomes that number. You can plan until the job ends. A plan is as
 * durable as a change of status. It is not a report: it returns BGJ_OK for a pending or paused job
 * too.
 *   BGJ_FINISHED     it has ended
 *   BGJ_INVALID      items is NULL and count is not 0, or a member of items is NULL or not a valid
 *                    item
 */
BGJ_API bgj_status bgj_job_plan(bgj_job *job, const char *const *items, size_t count,
                                bgj_error *error);

/*
 * Like bgj_job_plan, but the plan then consists of these items only, in this order. Open items that
 * are not among them are withdrawn: bgj_job_next no longer returns them. Ended items stay. If a
 * withdrawn item is reported later, it is kept as well. A total that was equal to the number of
 * known items follows that number. count 0 withdraws all open items. withdrawn, if not NULL, gets
 * the number of withdrawn items. Returns the same statuses as bgj_job_plan.
 */
BGJ_API bgj_status bgj_job_set_plan(bgj_job *job, const char *const *items, size_t count,
                                    size_t *withdrawn, bgj_error *error);

/* ---- A job: questions ----------------------------------------------------------------------- */

/* Returns 1 if the item is done, else 0. Constant time. NULL or a damaged state gives 0. The answer
 * is as of this manager's last look at the files. It always includes the manager's own reports. */
BGJ_API int bgj_job_is_done(bgj_job *job, const char *item);

/*
 * Gets the next planned item that has not ended. Free it with bgj_string_free. Each manager gets
 * each item once, however many threads call this. After bgj_job_start it starts again from the
 * beginning of the plan. This works on a pending job too. To own the items, start the job first.
 *
 * Of a shared job (BGJ_START_SHARED) the item is for this worker alone: nobody else gets it until it has
 * ended, is given back, or the worker leaves or dies. Items are taken up to 64 at a time, for about a
 * tenth of a second of work, fewer near the end; so much is given to others when a worker dies, behind
 * what nobody has had.
 *   BGJ_END          there are no more items; of a shared job: all have ended, or are with this
 *                    worker; *item is NULL
 *   BGJ_WAITING      of a shared job: other workers have what is left, and it may come back. Call again
 *                    after a tenth of a second, or bgj_job_leave; *item is NULL
 *   BGJ_PAUSED       the job is paused and gives out no items: bgj_job_wait with BGJ_MASK_RUNNING;
 *                    *item is NULL
 *   BGJ_FINISHED     the job has ended; a shared one that others have completed is at its end: BGJ_END
 *   BGJ_ILLEGAL_TRANSITION  the job is shared, and this manager has not started it
 */
BGJ_API bgj_status bgj_job_next(bgj_job *job, char **item, bgj_error *error);

/*
 * Looks at the files again and fills info. Rate and ETA depend on all reports so far and on the
 * current time. So between reports the ETA falls, though not below one second while items remain,
 * and the job may show as stalled. Only work counts. These do not count: pauses, sleep of the
 * machine, time without an owner, and items that were done before, marked in bulk or reported first
 * by a new owner. The wait for a rate limit is in finish_ms and wait_ms, not in eta. Before a job
 * has items of its own, the estimate uses finished jobs of the same type and of the same
 * "provider", "command" and "jobs" in their config (eta_from_history).
 *   BGJ_NOT_FOUND    the job was removed
 *   BGJ_INVALID      info.struct_size was not set
 */
BGJ_API bgj_status bgj_job_get_info(bgj_job *job, bgj_job_info *info, bgj_error *error);

/* Frees the strings of an info and makes it empty again. NULL is allowed. */
BGJ_API void bgj_job_info_clear(bgj_job_info *info);

/* The job's id. It stays valid as long as the handle. NULL returns NULL. */
BGJ_API const char *bgj_job_id(const bgj_job *job);

/* The config as JSON text. Free it with bgj_string_free.
 *   BGJ_NOT_FOUND    the job was removed, or has no config */
BGJ_API bgj_status bgj_job_get_config(bgj_job *job, char **json, bgj_error *error);

/* The cursor as JSON text. Free it with bgj_string_free.
 *   BGJ_NOT_FOUND    the job was removed, or has no cursor */
BGJ_API bgj_status bgj_job_get_cursor(bgj_job *job, char **json, bgj_error *error);

/* The whole job as the state file would show it. Free it with bgj_string_free.
 *   BGJ_NOT_FOUND    the job was removed */
BGJ_API bgj_status bgj_job_get_json(bgj_job *job, char **json, bgj_error *error);

/*
 * The items whose state is in states (BGJ_ITEM_MASK_...; 0: all). First come the done, then the
 * skipped, then the failed items, each group in the order in which they ended. Then come the
 * others, in the order of the plan. It looks at the files again. The list is a copy: later changes
 * do not affect it.
 *   BGJ_NOT_FOUND    the job was removed
 */
BGJ_API bgj_status bgj_job_items(bgj_job *job, unsigned int states, bgj_item_list **list,
                                 bgj_error *error);

/* The number of items in the list. NULL: 0. */
BGJ_API size_t bgj_item_list_count(const bgj_item_list *list);

/*
 * Fills item with the item at index, 0 to count - 1. Constant time.
 *   BGJ_NOT_FOUND    index is not below the count
 *   BGJ_INVALID      item.struct_size was not set
 */
BGJ_API bgj_status bgj_item_list_at(const bgj_item_list *list, size_t index, bgj_item *item,
                                    bgj_error *error);

/* Frees a list and the strings of the items read from it. NULL is allowed. */
BGJ_API void bgj_item_list_free(bgj_item_list *list);

/* Releases the handle. This does not change the job or this manager's ownership of it. NULL is
 * allowed. */
BGJ_API void bgj_job_release(bgj_job *job);

#ifdef __cplusplus
}
#endif

#endif
