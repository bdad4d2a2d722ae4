/* What it costs to keep one item more so that kill -9 loses nothing: `make bench-report`.
 *
 * Each round times a batch of each contender, in turn, so that what else the machine does meets all;
 * the figures are medians over the rounds. All of them hand each item to the kernel at once and
 * leave it to later when it reaches the disk, which is what a report promises:
 *
 *   write     write(2) of as many bytes as a report has, and nothing else
 *   bgjobs    bgj_job_item_done
 *   SQLite    INSERT OR IGNORE, prepared, a transaction for each; WAL, synchronous = OFF
 *   LMDB      mdb_put, a transaction for each; MDB_NOSYNC
 *   mapped    the same with MDB_WRITEMAP: no system call, but a power cut can take all of it
 *
 * bgjobs also syncs now and then, publishes the state file and counts the rate; these do not.
 */
#define _GNU_SOURCE
#include <bgjobs.h>

#include <fcntl.h>
#include <lmdb.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 500, BATCH = 100, RECORD = 24 };

static int descriptor;
static bgj_manager *manager;
static bgj_job *job;
static sqlite3 *database;
static sqlite3_stmt *insert;
static MDB_env *environments[2];
static MDB_dbi tables[2];

static void fail(const char *what, const char *why) {
  fprintf(stderr, "bench-report: %s: %s\n", what, why);
  exit(1);
}

static void keep_write(const char *item) {
  char record[RECORD] = {0};
  memcpy(record, item, strlen(item));
  if (write(descriptor, record, sizeof record) != sizeof record) fail("write", "short");
}

static void keep_bgjobs(const char *item) {
  bgj_error error = BGJ_ERROR_INIT;
  if (bgj_job_item_done(job, item, &error)) fail("bgjobs", error.message);
}

static void keep_sqlite(const char *item) {
  sqlite3_bind_text(insert, 1, item, -1, SQLITE_STATIC);
  if (sqlite3_step(insert) != SQLITE_DONE) fail("SQLite", sqlite3_errmsg(database));
  sqlite3_reset(insert);
}

static void keep_lmdb(int which, const char *item) {
  MDB_txn *transaction;
  MDB_val key = {strlen(item), (void *)item}, value = {0, ""};
  int status = mdb_txn_begin(environments[which], NULL, 0, &transaction);
  if (!status) status = mdb_put(transaction, tables[which], &key, &value, 0);
  if (!status) status = mdb_txn_commit(transaction);
  if (status) fail("LMDB", mdb_strerror(status));
}

static void keep_written(const char *item) { keep_lmdb(0, item); }
static void keep_mapped(const char *item) { keep_lmdb(1, item); }

static const struct {
  const char *name;
  void (*keep)(const char *item);
} contenders[] = {{"write", keep_write},
                  {"bgjobs", keep_bgjobs},
                  {"SQLite", keep_sqlite},
                  {"LMDB", keep_written},
                  {"mapped", keep_mapped}};
enum { COUNT = sizeof contenders / sizeof *contenders };

static void open_all(void) {
  bgj_error error = BGJ_ERROR_INIT;
  descriptor = open("file", O_CREAT | O_WRONLY | O_TRUNC, 0600);
  if (descriptor < 0) fail("open", "file");
  if (bgj_manager_open(".", NULL, &manager, &error) ||
      bgj_manager_create(manager, "bench", NULL, ROUNDS * BATCH, &job, &error) ||
      bgj_job_start(job, NULL, &error))
    fail("bgjobs", error.message);
  if (sqlite3_open("items.sqlite", &database) ||
      sqlite3_exec(database,
                   "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;"
                   "CREATE TABLE item (name TEXT PRIMARY KEY) WITHOUT ROWID",
                   NULL, NULL, NULL) ||
      sqlite3_prepare_v2(database, "INSERT OR IGNORE INTO item VALUES (?)", -1, &insert, NULL))
    fail("SQLite", sqlite3_errmsg(database));
  for (int which = 0; which < 2; which++) {
    const char *name = which ? "mapped" : "lmdb";
    unsigned int flags = which ? MDB_NOSYNC | MDB_WRITEMAP : MDB_NOSYNC;
    MDB_env *environment;
    MDB_txn *transaction;
    mkdir(name, 0700);
    if (mdb_env_create(&environment) || mdb_env_set_mapsize(environment, 1 << 28) ||
        mdb_env_open(environment, name, flags, 0600) ||
        mdb_txn_begin(environment, NULL, 0, &transaction) ||
        mdb_dbi_open(transaction, NULL, 0, &tables[which]) || mdb_txn_commit(transaction))
      fail("LMDB", "cannot open");
    environments[which] = environment;
  }
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

static int ascending(const void *one, const void *other) {
  double a = *(const double *)one, b = *(const double *)other;
  return (a > b) - (a < b);
}

int main(int argc, char **argv) {
  static double times[COUNT][ROUNDS];
  static char items[BATCH][RECORD];
  /* One contender alone is for those who count instructions. */
  const char *only = argc == 3 ? argv[2] : NULL;
  if (argc < 2 || argc > 3 || chdir(argv[1])) fail("usage", "report DIRECTORY [CONTENDER]");
  open_all();
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < BATCH; i++)
      snprintf(items[i], sizeof items[i], "item-%07d", round * BATCH + i);
    for (int contender = 0; contender < COUNT; contender++) {
      if (only && strcmp(only, contenders[contender].name)) continue;
      double begin = now();
      for (int i = 0; i < BATCH; i++) contenders[contender].keep(items[i]);
      times[contender][round] = (now() - begin) / BATCH;
    }
  }
  double bare = 0;
  printf("%d items each; medians of %d batches\n", ROUNDS * BATCH, ROUNDS);
  for (int contender = 0; contender < COUNT && !only; contender++) {
    qsort(times[contender], ROUNDS, sizeof **times, ascending);
    double median = times[contender][ROUNDS / 2];
    if (contender == 0) bare = median;
    printf("%-8s %7.0f ns   %5.2f x write\n", contenders[contender].name, median, median / bare);
  }
  bgj_job_release(job);
  sqlite3_finalize(insert);
  sqlite3_close(database);
  for (int which = 0; which < 2; which++) mdb_env_close(environments[which]);
  return bgj_manager_close(manager, NULL) != BGJ_OK;
}
