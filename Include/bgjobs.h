/*
 * bgjobs: long work that survives.
 *
 * A program that does long work (clones 300 repositories, imports 10,000 issues) tells this library
 * about each item. In return the work has a progress, a rate and an ETA on disk, can be paused and
 * resumed from another process, and goes on after a crash at the exact item. There is no daemon, no
 * database and no thread: everything happens inside the calls below, on files in the directory
 * PROJECT/.specweave/state. Other tools read PROJECT/.specweave/state/background-jobs.json.
 *
 * A whole program; its first run, its run after a crash and its run after a pause are the same
 * code:
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
 * (Check the statuses in yours: a NULL job gives BGJ_INVALID everywhere, so nothing above can
 * crash, but only the statuses say why nothing happened. Examples/clone.c is this program with the
 * checks.)
 *
 * CAVEATS, before anything else
 *
 *   - Linux, one machine, a local file system: ext2 to 4, xfs, btrfs, f2fs, zfs, tmpfs or
 *     overlayfs. Elsewhere (NFS: its locks and renames promise less) opening gives BGJ_UNSUPPORTED.
 *   - The private directory beside the state file belongs to one user: only that user, and root,
 *     can open a manager. Everyone who may can read the state file, with items, configs, cursors,
 *     results and reasons in it as they were given: put no credentials into these.
 *   - No symbolic link is followed at or below .specweave, and a file is not used that somebody may
 *     have put there who may not read it: a hard link, say. Root uses only what belongs to root or
 *     to the user whose project it is, and what it makes there belongs to that user. Otherwise
 *     opening, or the call that comes across it, gives BGJ_IO and a message that says whose it is.
 *   - The owner of a job, the process that does its work, learns of a pause from what its own calls
 *     return: BGJ_PAUSED. There is no signal and no callback.
 *   - Between two calls the library does nothing. A host that reports nothing for ten minutes
 *     publishes nothing for ten minutes; see bgj_manager_sync.
 *   - The descriptors of the library are numbered from 256 on. A host that closes what is not its
 *     own (closefrom, close_range) loses the manager: its calls give BGJ_IO. That is noticed within
 *     30 ms; until then a report may go into whatever file the host opened under the same number.
 *   - RLIMIT_FSIZE that is lowered below the size of a file of ours is noticed within 30 ms; a
 *     report before that meets the kernel's SIGXFSZ.
 *   - When malloc fails inside the Swift runtime, the process aborts; what is on disk stays valid.
 *     The large buffers are allocated apart from it and give BGJ_NO_MEMORY instead.
 *
 *   - A call needs up to 256 KiB of stack, for JSON that is nested as deeply as jansson reads it.
 *
 * PROMISES
 *
 *   1. When a call returned a status below 10, what it reported survives kill -9 of every process.
 *      Changes of status also survive a power cut; of progress, at most the reports of the second
 *      after the last sync are lost. What is recovered is a prefix of what was reported, in order.
 *   2. The state file is one whole valid JSON document at every moment, and what other tools put
 *      into it is kept; docs/state-file.md lists how, and the exceptions. A damaged
 *      one is set aside and reported, never silently replaced.
 *   3. Any number of processes may hold the same project.
 *   4. A report costs at most one small write(2) and takes no lock between processes. About once a
 *      second one report also syncs or publishes, within about 5 % of the time.
 *   5. The host is never harmed: no signal, no signal handler, no thread, no output, no exit.
 *
 * FOUR SENTENCES ON OWNERSHIP
 *
 *   - Inputs are copied: you may reuse or free what you passed as soon as the call returns.
 *   - What you get through a `**out` parameter is yours, to release with the function its type
 *     names: bgj_manager_close, bgj_job_release, bgj_job_list_free, bgj_item_list_free,
 *     bgj_string_free.
 *   - A const pointer that you get lives as long as the object that it was read from.
 *   - Never pass anything of ours to free(3).
 *
 * RULES FOR ALL FUNCTIONS
 *
 *   - Outputs are written only when the status is below 10, unless the function says otherwise.
 *   - Every pointer may be NULL. Where the text does not say what NULL means, it gives BGJ_INVALID
 *     and nothing happens; every close, release and free takes NULL and does nothing.
 *   - Strings are UTF-8 and end with a zero byte. Items have 1 to 4096 bytes; types, keys and
 *     reasons 1 to 255; messages up to 1 MiB; a cursor 64 KiB; JSON texts at most 1000 levels deep.
 *     A state file beyond 256 MiB is not read.
 *   - Any thread may use any handle at any time, except that close, release, free and clear must be
 *     the last use of their object. Calls on one manager wait for each other.
 *   - After fork(2) without exec, the child may only close, release and free what it inherited: all
 *     other functions give BGJ_FORKED there. The child opens a manager of its own.
 *   - Every function that takes a bgj_error accepts NULL for it; see bgj_error.
 *   - These statuses can come from every function that takes a manager or a job, and are not
 *     repeated in the lists below:
 *       BGJ_NOT_FOUND    the job was removed meanwhile
 *       BGJ_ILLEGAL_TRANSITION  the job's status is one that only another tool knows
 *       BGJ_INVALID      an argument is NULL, not UTF-8, too long, negative or out of its range
 *       BGJ_BUSY         another process holds the writer lock longer than lock_timeout_ms; the
 *                        error names it
 *       BGJ_DAMAGED      a file of the state directory is not what it must be; the error names
 *                        file, line or byte; nothing was overwritten
 *       BGJ_IO           the operating system refused; os_error has errno
 *       BGJ_NO_SPACE     the disk, the quota or RLIMIT_FSIZE is exhausted; the call may be repeated
 *       BGJ_NO_MEMORY    a large buffer could not be had
 *       BGJ_UNSUPPORTED  the state was written by a newer version, or the manager is read-only
 *       BGJ_FORKED       the handle came through a fork
 */
#ifndef BGJOBS_H
#define BGJOBS_H

#include <stddef.h>
#include <stdint.h>

/* The version of this header; bgj_version() tells that of the library. */
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

/* A handle on one job. It stays usable until it is released, also after the manager was closed (its
 * functions then give BGJ_INVALID). Release it with bgj_job_release. */
typedef struct bgj_job bgj_job;

/* What bgj_manager_list found, or a cleanup removed. Free it with bgj_job_list_free. */
typedef struct bgj_job_list bgj_job_list;

/* What bgj_job_items found. Free it with bgj_item_list_free. */
typedef struct bgj_item_list bgj_item_list;

/* What a call gives back. 0 is success. 1 to 9 are no failures: what was reported is kept, and
 * there is news. With 10 and up nothing was changed. Numbers are never reused; new ones may be
 * added. */
typedef enum bgj_status {
  BGJ_OK = 0,
  /* Kept, but the job is paused: finish what is under way, then bgj_job_wait or bgj_job_leave. */
  BGJ_PAUSED = 1,
  /* Someone resumed the job before you could leave it: you still own it, go on. */
  BGJ_RESUMED = 2,
  /* There is no further item. */
  BGJ_END = 3,
  /* The job is completed or failed: it takes no more. */
  BGJ_FINISHED = 10,
  /* An argument is out of its range; the error says which. */
  BGJ_INVALID = 11,
  /* No such job. */
  BGJ_NOT_FOUND = 12,
  /* The id is the beginning of several ids. */
  BGJ_AMBIGUOUS = 13,
  /* The job's status does not allow this; the error names job, status and what was tried. */
  BGJ_ILLEGAL_TRANSITION = 14,
  /* Another live process owns the job or holds the writer lock; the error names it. */
  BGJ_BUSY = 15,
  /* The time given to bgj_job_wait has passed. */
  BGJ_TIMEOUT = 16,
  /* A file is damaged; the error names file and place. */
  BGJ_DAMAGED = 17,
  /* The operating system refused; os_error has errno. */
  BGJ_IO = 18,
  /* Disk full, quota exceeded, or RLIMIT_FSIZE reached. */
  BGJ_NO_SPACE = 19,
  /* A large buffer could not be allocated. */
  BGJ_NO_MEMORY = 20,
  /* This file system, this kernel, this format version or this (read-only) manager cannot do it. */
  BGJ_UNSUPPORTED = 21,
  /* The handle came through fork(2). */
  BGJ_FORKED = 22
} bgj_status;

/* Where a job stands. A status that another tool wrote and this library does not know is
 * BGJ_JOB_OTHER; bgj_job_info.status_name has its text. */
typedef enum bgj_job_status {
  BGJ_JOB_PENDING = 1,
  BGJ_JOB_RUNNING = 2,
  BGJ_JOB_PAUSED = 3,
  BGJ_JOB_COMPLETED = 4,
  BGJ_JOB_FAILED = 5,
  BGJ_JOB_OTHER = 6
} bgj_job_status;

/* Sets of statuses, for bgj_manager_list and bgj_job_wait: combine with |. */
#define BGJ_MASK_PENDING 0x02u
#define BGJ_MASK_RUNNING 0x04u
#define BGJ_MASK_PAUSED 0x08u
#define BGJ_MASK_COMPLETED 0x10u
#define BGJ_MASK_FAILED 0x20u
#define BGJ_MASK_OTHER 0x40u
#define BGJ_MASK_ACTIVE (BGJ_MASK_RUNNING | BGJ_MASK_PAUSED)
#define BGJ_MASK_FINISHED (BGJ_MASK_COMPLETED | BGJ_MASK_FAILED)
#define BGJ_MASK_ALL 0x7eu

/* The detail of a failure. You own it; pass NULL where you do not want it. Initialise it with
 * BGJ_ERROR_INIT; every status but BGJ_OK fills it, BGJ_OK clears it. It holds no memory. */
typedef struct bgj_error {
  size_t struct_size;  /* sizeof(bgj_error); set by BGJ_ERROR_INIT */
  bgj_status status;   /* what the call returned */
  int os_error;        /* errno of the system call that failed, else 0 */
  char message[496];   /* one sentence, UTF-8: what, where, and what to do if that is known */
} bgj_error;

#define BGJ_ERROR_INIT {sizeof(bgj_error), BGJ_OK, 0, {0}}

/* Which clock a bgj_clock function is asked for. */
typedef enum bgj_clock_id {
  BGJ_CLOCK_REALTIME = 0,  /* nanoseconds since 1970-01-01T00:00:00Z */
  BGJ_CLOCK_MONOTONIC = 1  /* nanoseconds while the machine is awake */
} bgj_clock_id;

/* A clock for tests: gives the nanoseconds of one clock. It is called with the manager's lock held
 * and must not call this library. Negative results are taken as 0. */
typedef int64_t (*bgj_clock)(void *context, bgj_clock_id which);

/* Never write: changes give BGJ_UNSUPPORTED. */
#define BGJ_OPEN_READ_ONLY 0x1u
/* Use a file system that is not on the list of the caveats. Its locks had better work. */
#define BGJ_OPEN_ANY_FILE_SYSTEM 0x2u

/* How to open a manager. Initialise with BGJ_OPTIONS_INIT; zero means the default everywhere. */
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

/* How to start a job. Initialise with BGJ_START_OPTIONS_INIT. */
typedef struct bgj_start_options {
  size_t struct_size; /* sizeof(bgj_start_options) */
  unsigned int flags; /* BGJ_START_... */
  int owner_fd;       /* with BGJ_START_OWNER_FD: an open regular file */
  int64_t owner_pid;  /* with BGJ_START_DETACHED: the process whose end interrupts it; 0: none */
} bgj_start_options;

/* The caller does not own the job: it goes on running when this manager is closed, and everyone may
 * report on it. For launchers and shell scripts. Without owner_pid nobody judges whether it
 * lives. */
#define BGJ_START_DETACHED 0x1u
/* With BGJ_START_DETACHED, instead of owner_pid: owner_fd gets a lock (an open file description
 * lock on one byte, so that one file serves many jobs). The job is interrupted when the last
 * process that has this open file has closed it or ended. A shell keeps such a descriptor with
 * `exec 9>FILE`; the file must stay until the job has ended, and children that should not count get
 * it closed. */
#define BGJ_START_OWNER_FD 0x2u

#define BGJ_START_OPTIONS_INIT {sizeof(bgj_start_options), 0u, 0, 0}

/* What is known of a job at one moment. Initialise with BGJ_JOB_INFO_INIT before the first use; it
 * may be filled again and again. Its strings belong to it: they live until it is filled again or
 * cleared with bgj_job_info_clear. A string that does not apply is NULL, a time -1. */
typedef struct bgj_job_info {
  size_t struct_size;         /* sizeof(bgj_job_info); set by BGJ_JOB_INFO_INIT */
  void *memory;               /* private: what bgj_job_info_clear frees */
  const char *id;             /* 8 hex digits for jobs of this library; other tools use any token */
  const char *type;           /* what bgj_manager_create was given */
  const char *key;            /* what bgj_manager_ensure was given */
  bgj_job_status status;      /* as every reader sees it: running with a dead owner is paused */
  const char *status_name;    /* pending, running, paused, completed, failed, or another:
                                 completed_with_warnings, whose status is BGJ_JOB_COMPLETED, say */
  const char *reason;         /* asked, rate-limit, interrupted, error, cancelled, or another */
  const char *error;          /* the same in words */
  int64_t current;            /* items; see bgj_job_update */
  int64_t total;              /* items; 0: unknown */
  int percentage;             /* 0 to 100, rounded down, below 100 while planned items are open; 0
                                 while the total is unknown */
  const char *current_item;   /* what is being worked on */
  uint64_t items_completed;   /* how many */
  uint64_t items_failed;      /* how many */
  uint64_t items_open;        /* planned items that have not ended */
  double rate;                /* items per second of work; negative: unknown or not running */
  int64_t eta;                /* seconds of work that remain, now; -1: unknown or not running */
  int64_t eta_low;            /* its likely range, which at first has room for a change; or -1 */
  int64_t eta_high;
  int64_t active_ms;          /* milliseconds that the job has been worked on, pauses left out */
  int64_t created_ms;         /* milliseconds since 1970 */
  int64_t started_ms;
  int64_t updated_ms;
  int64_t completed_ms;       /* when it completed or failed */
  int64_t resume_at_ms;       /* paused for a rate limit: when it may go on */
  int64_t owner_pid;          /* the owner; 0: none, or unknown */
  int owned;                  /* 1: this manager owns it */
  int pause_acknowledged;     /* paused: 1 when its owner has seen it, or there is none */
  int attempts;               /* 1, and one more with each bgj_job_retry */
  int stalled;                /* 1: nothing has come for far longer than is usual for this job */
  int eta_from_history;       /* 1: rate and eta rest on finished jobs of this type, or in part */
  int64_t wait_ms;            /* until the job may work: 0: running; -1: nobody knows */
  int64_t finish_ms;          /* when it will likely be done, since 1970, the wait included; -1 */
  int64_t refused_ms;         /* when another tool last gave it, in vain, a status that only its
                                 live owner may give; since its last start; -1: never */
  const char *refused_status; /* that status, as it stood in the file */
  int has_warnings;           /* completed: 1 when items have failed, or another tool ended it as
                                 completed_with_warnings */
  uint64_t items_skipped;     /* how many */
  uint64_t items_under_way;   /* begun, and not ended yet, while somebody works on the job: see
                                 bgj_job_item_begin */
} bgj_job_info;

#define BGJ_JOB_INFO_INIT \
  {sizeof(bgj_job_info), 0, 0, 0, 0, BGJ_JOB_OTHER, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1.0, -1, -1, \
   -1, 0, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, -1, -1, -1, \
   0, 0, 0, 0}

/* What became of an item. */
typedef enum bgj_item_state {
  BGJ_ITEM_OPEN = 1,      /* planned, and none of the others */
  BGJ_ITEM_UNDER_WAY = 2, /* begun, and not ended yet */
  BGJ_ITEM_DONE = 3,
  BGJ_ITEM_FAILED = 4,
  BGJ_ITEM_SKIPPED = 5    /* there was nothing to do */
} bgj_item_state;

/* Sets of these, for bgj_job_items: combine with |. */
#define BGJ_ITEM_MASK_OPEN 0x02u
#define BGJ_ITEM_MASK_UNDER_WAY 0x04u
#define BGJ_ITEM_MASK_DONE 0x08u
#define BGJ_ITEM_MASK_FAILED 0x10u
#define BGJ_ITEM_MASK_SKIPPED 0x20u
#define BGJ_ITEM_MASK_ALL 0x3eu

/* An item of a list. Initialise with BGJ_ITEM_INIT before the first use; it may be filled again and
 * again. Its strings belong to the list, and live as long as that. */
typedef struct bgj_item {
  size_t struct_size;   /* sizeof(bgj_item); set by BGJ_ITEM_INIT */
  const char *name;     /* never NULL */
  bgj_item_state state;
  int attempts;         /* how often it was begun, as far as that was said: 1 at least once it has
                           ended */
  const char *why;      /* failed or skipped: why, in words; NULL: nobody said */
} bgj_item;

#define BGJ_ITEM_INIT {sizeof(bgj_item), 0, BGJ_ITEM_OPEN, 0, 0}

/* ---- The library --------------------------------------------------------------------------- */

/* The version of the library, "MAJOR.MINOR.PATCH". Static; never NULL. */
BGJ_API const char *bgj_version(void);

/* The name of a status as in this header, "BGJ_OK". Static; "BGJ_?" for an unknown number. */
BGJ_API const char *bgj_status_name(bgj_status status);

/* A status in words, for people. Static; never NULL. */
BGJ_API const char *bgj_status_message(bgj_status status);

/* Frees a string that came through a `char **` parameter. NULL is fine. */
BGJ_API void bgj_string_free(char *string);

/* ---- The manager --------------------------------------------------------------------------- */

/*
 * Opens the state of a project directory, which must exist. Nothing is written, unless something
 * damaged must be set aside: the state directory comes with the first change. options may be NULL.
 *   BGJ_NOT_FOUND    there is no directory of that name
 *   BGJ_UNSUPPORTED  the file system is not on the list of the caveats, or `project` is a URL
 *   BGJ_DAMAGED      the state cannot be read, and could not be mended from what is left of it. A
 *                    state file that is no JSON was copied to background-jobs.json.corrupt-TIME
 *                    beside it: the next open goes on without its content. bgj_manager_check tells
 *                    of such copies until they are deleted
 */
BGJ_API bgj_status bgj_manager_open(const char *project, const bgj_options *options,
                                    bgj_manager **manager, bgj_error *error);

/*
 * Leaves all jobs that this manager owns (they become paused, interrupted), publishes, and frees
 * the manager, whatever the status. NULL: BGJ_OK. In a forked child it only frees.
 */
BGJ_API bgj_status bgj_manager_close(bgj_manager *manager, bgj_error *error);

/*
 * Makes everything reported so far survive a power cut, and publishes the state file. A host calls
 * it when a moment suits it, say before a long silence.
 */
BGJ_API bgj_status bgj_manager_sync(bgj_manager *manager, bgj_error *error);

/*
 * Creates a pending job. type: what kind of work it is; the known ones are clone-repos,
 * import-issues and sync-external. config: a JSON object for your own use and for other tools, or
 * NULL for {}; a config without a member "type" gets it. total: how many items there will be; 0:
 * not known yet.
 *   BGJ_INVALID      config is not a JSON object (the error says where); total is negative or 2^53
 */
BGJ_API bgj_status bgj_manager_create(bgj_manager *manager, const char *type, const char *config,
                                      int64_t total, bgj_job **job, bgj_error *error);

/*
 * The unfinished job of this type and key, else a new one: makes a program's first run and its next
 * runs the same. config and total are used only for a new job. When two processes do this at once,
 * both get the same job. Statuses as bgj_manager_create.
 */
BGJ_API bgj_status bgj_manager_ensure(bgj_manager *manager, const char *type, const char *key,
                                      const char *config, int64_t total, bgj_job **job,
                                      bgj_error *error);

/*
 * Finds a job by its id, or by the beginning of an id when only one begins so.
 *   BGJ_NOT_FOUND    no id begins so
 *   BGJ_AMBIGUOUS    several do, and none is exactly this; the error names some
 */
BGJ_API bgj_status bgj_manager_find(bgj_manager *manager, const char *id, bgj_job **job,
                                    bgj_error *error);

/*
 * The jobs whose status is in statuses (BGJ_MASK_...; 0: all) and whose type is type (NULL: any),
 * in the order of the state file. The list is a copy: it does not change any more.
 */
BGJ_API bgj_status bgj_manager_list(bgj_manager *manager, unsigned int statuses, const char *type,
                                    bgj_job_list **list, bgj_error *error);

/*
 * Removes jobs that completed without failed items, oldest first, until keep of them are left. Jobs
 * that failed or were cancelled, and completed ones with failed items, stay, and so does a job that
 * another one names in dependsOn. removed gets how many went; it may be NULL.
 *
 * Of the last 100 jobs that were removed, whoever did it, the store remembers how they ended:
 * bgj_job_wait gives it, and the error of BGJ_NOT_FOUND says it.
 */
BGJ_API bgj_status bgj_manager_cleanup(bgj_manager *manager, size_t keep, size_t *removed,
                                       bgj_error *error);

/* All finished jobs may go, those that failed or have failed items, too. */
#define BGJ_CLEANUP_FAILED 0x1u
/* Nothing is removed: says only what would be. A read-only manager may do this. */
#define BGJ_CLEANUP_DRY_RUN 0x2u

/*
 * As bgj_manager_cleanup, with flags (BGJ_CLEANUP_..., 0: none) that say what may go. removed gets
 * the jobs that went, as they were, oldest first; it may be NULL.
 */
BGJ_API bgj_status bgj_manager_cleanup_with(bgj_manager *manager, size_t keep, unsigned int flags,
                                            bgj_job_list **removed, bgj_error *error);

/*
 * Reads every file of the state directory and compares it with its checksums, mending nothing.
 * report: one line per file and finding; may be NULL. It is written also when the status is
 * BGJ_DAMAGED.
 *   BGJ_DAMAGED      something is damaged, or a damaged file was set aside and is still there
 */
BGJ_API bgj_status bgj_manager_check(bgj_manager *manager, char **report, bgj_error *error);

/* How many jobs the list has. NULL: 0. */
BGJ_API size_t bgj_job_list_count(const bgj_job_list *list);

/*
 * Fills info with the job at index, 0 to count - 1. The info has strings of its own and may outlive
 * the list.
 *   BGJ_NOT_FOUND    index is not below the count
 */
BGJ_API bgj_status bgj_job_list_at(const bgj_job_list *list, size_t index, bgj_job_info *info,
                                   bgj_error *error);

/* Frees a list. NULL is fine. */
BGJ_API void bgj_job_list_free(bgj_job_list *list);

/* ---- A job: its life ----------------------------------------------------------------------- */

/*
 * Jobs that another tool wrote into the state file take part: whoever changes one makes it a job of
 * this library, and what the other tool put into it is kept. One that stands there as running,
 * without an owner of ours, is left alone by bgj_job_start; everything else works as written.
 *
 * What another tool writes of a job whose owner lives is a request at most: paused and running are
 * taken as bgj_job_pause and bgj_job_resume, any other status is refused, and bgj_job_info tells of
 * it. Nobody but a live owner knows how far the job is. Of a job that nobody owns, it is taken.
 */

/*
 * Takes a job and runs it: the caller becomes its owner, until it ends the job, leaves it, closes
 * the manager or dies. Possible for a pending job, an interrupted one, one whose rate limit has
 * passed, and one that this manager owns already. options may be NULL.
 *   BGJ_PAUSED       it is paused, by someone or for a rate limit: it was not started. Wait for it
 *                    with bgj_job_wait for BGJ_MASK_PENDING, then start again
 *   BGJ_BUSY         another live process owns it, and the error names it
 *   BGJ_FINISHED     it is completed or failed; see bgj_job_retry
 *   BGJ_ILLEGAL_TRANSITION  another tool runs it, or its status is not one of ours
 */
BGJ_API bgj_status bgj_job_start(bgj_job *job, const bgj_start_options *options, bgj_error *error);

/*
 * The owner stops working on it. The job becomes paused, interrupted (why, if given, in words); it
 * stays paused if it was. Anyone may start it again.
 *   BGJ_RESUMED      it was paused, you have not seen yet that someone resumed it: you still own it
 *   BGJ_FINISHED     it has ended
 *   BGJ_ILLEGAL_TRANSITION  this manager does not own it
 */
BGJ_API bgj_status bgj_job_leave(bgj_job *job, const char *why, bgj_error *error);

/*
 * Pauses a pending or running job, or replaces the reason of a paused one. The owner sees it in the
 * status of each report that begins 30 ms after it, or later; see bgj_job_info.pause_acknowledged.
 * reason: a word for programs, NULL: "asked". retry_after_s: seconds after which the job may be
 * started again, at most 3155760000 (a hundred years); 0: only bgj_job_resume ends the pause.
 *   BGJ_FINISHED     it has ended
 */
BGJ_API bgj_status bgj_job_pause(bgj_job *job, const char *reason, int64_t retry_after_s,
                                 bgj_error *error);

/*
 * The worker was told to slow down: pauses the running job with the reason "rate-limit" and the
 * time at which it may go on; bgj_job_wait then ends the pause by itself. Anyone may say it. Of two
 * rate limits the one that ends later counts. provider: who said so ("github"), or NULL.
 * seconds: what it said, 0 if it did not: 60. At most 31 days.
 *   BGJ_PAUSED       it was paused already for another reason (interrupted, too): that pause stays
 *   BGJ_FINISHED     it has ended
 *   BGJ_ILLEGAL_TRANSITION  it is not running
 */
BGJ_API bgj_status bgj_job_rate_limited(bgj_job *job, const char *provider, int64_t seconds,
                                        bgj_error *error);

/*
 * The same, with what the provider said, in when: seconds, whole or not ("5.7"); "15m", "1h30m",
 * "500ms"; an HTTP date; a time of RFC 3339; seconds or milliseconds since 1970, which a number above
 * 31 days is taken for. What has passed is no limit any more: BGJ_OK, and nothing happens.
 *   BGJ_INVALID      it cannot be read, or is more than 31 days off; the error names it
 */
BGJ_API bgj_status bgj_job_rate_limited_until(bgj_job *job, const char *provider,
                                              const char *when, bgj_error *error);

/*
 * Lifts a pause: the job is running again if it has a live owner, else pending. Nothing
 * happens, BGJ_OK, if it is pending or running.
 *   BGJ_FINISHED     it has ended
 *   BGJ_ILLEGAL_TRANSITION  its status is not one of ours
 */
BGJ_API bgj_status bgj_job_resume(bgj_job *job, bgj_error *error);

/*
 * Waits until the job's status is in statuses (BGJ_MASK_...), or the job ends, or timeout_ms
 * milliseconds have passed (negative: no limit). The owner's wait acknowledges a pause. A pause
 * with a time (a rate limit) ends when its time has come, through the owner's wait, or through
 * anybody's when there is no owner. BGJ_MASK_PENDING also stands for interrupted, as such a job may
 * be started. Other threads may use the manager meanwhile. status, if not NULL, gets the job's
 * status, whatever the result. A job that was removed has the status that it had ended with, as
 * long as that is remembered (see bgj_manager_cleanup), else BGJ_JOB_OTHER.
 *   BGJ_FINISHED     the job ended in a status that was not asked for, or was removed
 *   BGJ_TIMEOUT      the time has passed
 */
BGJ_API bgj_status bgj_job_wait(bgj_job *job, unsigned int statuses, int64_t timeout_ms,
                                bgj_job_status *status, bgj_error *error);

/*
 * Ends a job well, a pending one as well. result: a JSON value to be kept with it, or NULL. A job
 * may complete below its total. Completing a completed job is BGJ_OK and changes nothing. Other
 * jobs are removed then that completed without failed items, are not among the last keep_completed
 * of those, and ended more than keep_for_s ago.
 *   BGJ_FINISHED     it has failed
 *   BGJ_BUSY         another live process owns it
 *   BGJ_INVALID      result is not JSON
 */
BGJ_API bgj_status bgj_job_complete(bgj_job *job, const char *result, bgj_error *error);

/*
 * Ends a job badly; why, in words, may be NULL. Its reason is "error". Failing a failed job is
 * BGJ_OK and changes nothing. Anyone may do it; a live owner gets BGJ_FINISHED from reports that
 * begin 30 ms after it, or later; what it reported before is kept.
 *   BGJ_FINISHED     it is completed
 */
BGJ_API bgj_status bgj_job_fail(bgj_job *job, const char *why, bgj_error *error);

/*
 * Replaces the config of a job that has not ended. What another tool has put into it stays, unless it
 * is named here. A config without a member "type" gets it.
 *   BGJ_FINISHED     it has ended
 *   BGJ_INVALID      config is not a JSON object (the error says where)
 */
BGJ_API bgj_status bgj_job_set_config(bgj_job *job, const char *config, bgj_error *error);

/* As bgj_job_fail, with the reason "cancelled". */
BGJ_API bgj_status bgj_job_cancel(bgj_job *job, const char *why, bgj_error *error);

/*
 * Gives a failed job, or a completed one that has failed items, another try: it is pending again,
 * done items stay done, failed items are forgotten, and attempts counts one more.
 *   BGJ_ILLEGAL_TRANSITION  it is neither
 *   BGJ_BUSY         its owner has not let go of it yet
 */
BGJ_API bgj_status bgj_job_retry(bgj_job *job, bgj_error *error);

/*
 * The same for count of its failed items: only these are forgotten, the others stay failed. count
 * may be 0.
 *   BGJ_ILLEGAL_TRANSITION  as bgj_job_retry
 *   BGJ_BUSY         as bgj_job_retry
 *   BGJ_INVALID      one of them has not failed, or items has no count members
 */
BGJ_API bgj_status bgj_job_retry_items(bgj_job *job, const char *const *items, size_t count,
                                       bgj_error *error);

/* ---- A job: reports ------------------------------------------------------------------------- */

/*
 * All reports: anyone may report on a running or paused job. From its owner a report costs one
 * write(2); from others it goes through the writer lock. What the caller says twice changes nothing
 * the second time. Their statuses:
 *   BGJ_PAUSED       kept; the job is paused
 *   BGJ_FINISHED     the job has ended; not kept
 *   BGJ_ILLEGAL_TRANSITION  the job was not started
 * current, current_item, total and cursor have one value each: of two words, from whomever, the
 * later counts.
 */

/*
 * One report of the usual things at once, kept or lost together. current: how far the job is, in
 * items, those of this very call included; -1: not said. Until somebody says it, current is the
 * number of items that have ended, plus the advances; after that, further items and advances are
 * added to what was said. current_item: what is being worked on; "": nothing; NULL: not said.
 * completed_item, failed_item: as bgj_job_item_done and bgj_job_item_failed; NULL: none.
 */
BGJ_API bgj_status bgj_job_update(bgj_job *job, int64_t current, const char *current_item,
                                  const char *completed_item, const char *failed_item,
                                  bgj_error *error);

/* Adds count to current, for work whose items have no names. Negative goes back; below 0 it
 * shows 0. */
BGJ_API bgj_status bgj_job_advance(bgj_job *job, int64_t count, bgj_error *error);

/* Marks an item done. One that had failed, or was skipped, and is done after all is done; a done
 * item stays done. */
BGJ_API bgj_status bgj_job_item_done(bgj_job *job, const char *item, bgj_error *error);

/* Marks an item failed, unless it is done or skipped already; why, in words, may be NULL. */
BGJ_API bgj_status bgj_job_item_failed(bgj_job *job, const char *item, const char *why,
                                       bgj_error *error);

/* Marks an item skipped, unless it is done already: there was nothing to do ("already there"); why,
 * in words, may be NULL. It counts as finished, in current too, and never as failed: it is no
 * warning, and a retry leaves it. One that has failed before is skipped then. In the state file it
 * is in current, and in no list. */
BGJ_API bgj_status bgj_job_item_skipped(bgj_job *job, const char *item, const char *why,
                                        bgj_error *error);

/*
 * Work on an item begins: it is under way, and its attempts are counted, over all runs. Of those that
 * the owner has under way, the current item is the oldest.
 * Items that were begun and did not end are given out by bgj_job_next behind all others, the least
 * often begun first: what kills its worker then starves no other. attempt, if not NULL, gets which
 * attempt this is, from 1. unended, if not NULL, gets how many attempts, this one included, have not
 * ended: above 1, whoever worked on the item before has died. An item that has ended is not begun.
 */
BGJ_API bgj_status bgj_job_item_begin(bgj_job *job, const char *item, int64_t *attempt,
                                      int64_t *unended, bgj_error *error);

/*
 * An item that was begun was left for a good reason: a pause, a rate limit, a signal. It is open, and
 * the attempt does not count among those that did not end. This manager's bgj_job_next gives it out
 * again, behind all others.
 */
BGJ_API bgj_status bgj_job_item_give_back(bgj_job *job, const char *item, bgj_error *error);

/* Sets the number of items, 0: unknown. A pending job takes it, too. */
BGJ_API bgj_status bgj_job_set_total(bgj_job *job, int64_t total, bgj_error *error);

/*
 * Keeps a JSON value of yours, at most 64 KiB of text, in order with the reports: whatever was
 * reported before it is kept if it is. The place for a page number. A pending job takes
 * it, too.
 */
BGJ_API bgj_status bgj_job_set_cursor(bgj_job *job, const char *json, bgj_error *error);

/*
 * Names items in advance, in the order in which bgj_job_next shall give them out. Items that the
 * job knows are skipped, so that a plan may be given on every run. A total below the number of
 * items known then becomes that number. Possible until the job ends. It is as durable as a change
 * of status. It is no report: BGJ_OK on a pending or paused job, too.
 *   BGJ_FINISHED     it has ended
 *   BGJ_INVALID      count is not 0 and items is NULL, or one of its members is NULL or no item
 */
BGJ_API bgj_status bgj_job_plan(bgj_job *job, const char *const *items, size_t count,
                                bgj_error *error);

/*
 * The same, but these items alone are the plan, in this order: open ones that are not among them are
 * withdrawn, and bgj_job_next gives them out no more. Items that have ended stay, as does one that is
 * reported later all the same. A total that was the number of items known follows. count 0: all open
 * ones are withdrawn. withdrawn, if not NULL, gets how many were. Statuses as bgj_job_plan.
 */
BGJ_API bgj_status bgj_job_set_plan(bgj_job *job, const char *const *items, size_t count,
                                    size_t *withdrawn, bgj_error *error);

/* ---- A job: questions ----------------------------------------------------------------------- */

/* 1 if the item is done, else 0. Constant time. NULL or a damaged state: 0. The answer is that of
 * this manager's last look; its own reports are always in it. */
BGJ_API int bgj_job_is_done(bgj_job *job, const char *item);

/*
 * The next planned item that has not ended; free it with bgj_string_free. Each manager
 * gets each item once, however many threads ask; after bgj_job_start it begins again. A pending job
 * gives out items too: whoever wants to own them starts it first.
 *   BGJ_END          there is none; *item is NULL
 *   BGJ_PAUSED       the job is paused, so it gives out no work now; *item is NULL
 *   BGJ_FINISHED     the job has ended
 */
BGJ_API bgj_status bgj_job_next(bgj_job *job, char **item, bgj_error *error);

/*
 * Looks at the files again and fills info. Rate and ETA follow from all reports until this moment,
 * and from this moment itself: between reports the ETA goes down, though not below a second while
 * items remain, and the job may show as stalled.
 * Only work counts: no pauses, no sleep of the machine, no time without an owner, no items that
 * were done before, marked in bulk or said first by a new owner. A rate limit's wait is in
 * finish_ms and wait_ms, not in eta. Before a job has items of its own, finished jobs of the same
 * type, and of the same "provider", "command" and "jobs" in their config, speak for it
 * (eta_from_history).
 *   BGJ_NOT_FOUND    the job was removed
 *   BGJ_INVALID      info.struct_size was not set
 */
BGJ_API bgj_status bgj_job_get_info(bgj_job *job, bgj_job_info *info, bgj_error *error);

/* Frees the strings of an info and makes it empty again. NULL is fine. */
BGJ_API void bgj_job_info_clear(bgj_job_info *info);

/* The job's id. Lives as long as the handle. NULL for NULL. */
BGJ_API const char *bgj_job_id(const bgj_job *job);

/* The config as JSON text; free it with bgj_string_free.
 *   BGJ_NOT_FOUND    the job was removed, or has none */
BGJ_API bgj_status bgj_job_get_config(bgj_job *job, char **json, bgj_error *error);

/* The cursor as JSON text; free it with bgj_string_free.
 *   BGJ_NOT_FOUND    the job was removed, or has none */
BGJ_API bgj_status bgj_job_get_cursor(bgj_job *job, char **json, bgj_error *error);

/* The whole job as it would stand in the state file; free it with bgj_string_free.
 *   BGJ_NOT_FOUND    the job was removed */
BGJ_API bgj_status bgj_job_get_json(bgj_job *job, char **json, bgj_error *error);

/*
 * The items whose state is in states (BGJ_ITEM_MASK_...; 0: all): those that are done, skipped and
 * failed, each in the order in which they became so, then the others in the order of the plan. It
 * looks at the files again; the list is a copy, which does not change any more.
 *   BGJ_NOT_FOUND    the job was removed
 */
BGJ_API bgj_status bgj_job_items(bgj_job *job, unsigned int states, bgj_item_list **list,
                                 bgj_error *error);

/* How many items the list has. NULL: 0. */
BGJ_API size_t bgj_item_list_count(const bgj_item_list *list);

/*
 * Fills item with the one at index, 0 to count - 1. Constant time.
 *   BGJ_NOT_FOUND    index is not below the count
 *   BGJ_INVALID      item.struct_size was not set
 */
BGJ_API bgj_status bgj_item_list_at(const bgj_item_list *list, size_t index, bgj_item *item,
                                    bgj_error *error);

/* Frees a list, and the strings of what was read from it. NULL is fine. */
BGJ_API void bgj_item_list_free(bgj_item_list *list);

/* Lets go of the handle. The job, and this manager's ownership of it, are not touched. NULL is
 * fine. */
BGJ_API void bgj_job_release(bgj_job *job);

#ifdef __cplusplus
}
#endif

#endif
