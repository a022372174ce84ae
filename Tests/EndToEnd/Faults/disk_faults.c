/* Loaded into the program under test (LD_PRELOAD): counts its calls that change files under one folder, and at the
 * n-th of them kills the process or has the disk fail. Each call and its result is written to a log.
 *
 *   FAULT_FOLDER  whose files count: a part of their path
 *   FAULT_AT      the number of the call, from 1; 0 or none: never
 *   FAULT_KIND    kill-before, kill-after, or kill-amid: after half of a write, of another call before it;
 *                 or the number of an error: that call fails with it, and all that follow
 *   FAULT_CALLS   counts only these calls (write, sync, …; a comma after each); none: all
 *   FAULT_LOG     the log: "NUMBER CALL RESULT PATH" a line; a path is the file's name in the folder
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long calls;

static const char *setting(const char *name) {
  const char *value = getenv(name);
  return value ? value : "";
}

static int counts(const char *path) {
  const char *folder = setting("FAULT_FOLDER");
  return *folder && strstr(path, folder) != NULL;
}

static int counts_open_file(int fd, char *path) {
  char link[40];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return counts(path);
}

static void note(long number, const char *call, long result, const char *path) {
  char line[PATH_MAX + 80];
  const char *folder = strstr(path, setting("FAULT_FOLDER"));
  const char *name = folder ? folder + strlen(setting("FAULT_FOLDER")) : path;
  int length = snprintf(line, sizeof line, "%ld %s %ld %s\n", number, call, result, name);
  int log = syscall(SYS_openat, AT_FDCWD, setting("FAULT_LOG"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (log < 0) return;
  syscall(SYS_write, log, line, (size_t)length);
  syscall(SYS_close, log);
}

static void die(void) {
  syscall(SYS_kill, getpid(), SIGKILL);
  for (;;) pause();
}

enum verdict { GO_ON, KILL_AFTER, KILL_AMID, FAIL };

/* Called with the lock held: what becomes of this call. */
static enum verdict next(const char *call, long *number) {
  char word[32];
  const char *only = setting("FAULT_CALLS");
  snprintf(word, sizeof word, "%s,", call);
  *number = 0;
  if (*only && !strstr(only, word)) return GO_ON;
  *number = ++calls;
  long at = atol(setting("FAULT_AT"));
  const char *kind = setting("FAULT_KIND");
  if (at <= 0 || *number < at) return GO_ON;
  if (strncmp(kind, "kill", 4) != 0) return FAIL;
  if (*number > at) return GO_ON;
  if (!strcmp(kind, "kill-before")) die();
  return !strcmp(kind, "kill-amid") ? KILL_AMID : KILL_AFTER;
}

static long end(enum verdict verdict, long number, const char *call, long result, const char *path) {
  int code = errno;
  note(number, call, result, path);
  if (verdict == KILL_AFTER) die();
  pthread_mutex_unlock(&lock);
  errno = code;
  return result;
}

/* A call that either happens or not. */
#define WHOLE(call, path, action)                                   \
  do {                                                              \
    long number, result;                                            \
    pthread_mutex_lock(&lock);                                      \
    enum verdict verdict = next(call, &number);                     \
    if (verdict == KILL_AMID) die();                                \
    if (verdict == FAIL) {                                          \
      result = -1;                                                  \
      errno = atoi(setting("FAULT_KIND"));                          \
    } else {                                                        \
      result = (action);                                            \
    }                                                               \
    return end(verdict, number, call, result, path);                \
  } while (0)

/* At a place, or where the file stands: -1. */
static long put(int fd, const void *bytes, size_t count, off_t place) {
  return place < 0 ? syscall(SYS_write, fd, bytes, count) : syscall(SYS_pwrite64, fd, bytes, count, place);
}

static long write_or_fail(int fd, const void *bytes, size_t count, off_t place) {
  char path[PATH_MAX];
  long number, result;
  if (!counts_open_file(fd, path)) return put(fd, bytes, count, place);
  pthread_mutex_lock(&lock);
  enum verdict verdict = next("write", &number);
  if (verdict == KILL_AMID) {
    put(fd, bytes, count / 2, place);
    die();
  }
  if (verdict == FAIL) {
    /* As a disk that fills up does: what has room is written, and then nothing. */
    if (number == atol(setting("FAULT_AT")) && atoi(setting("FAULT_KIND")) == ENOSPC && count > 1) {
      result = put(fd, bytes, count / 2, place);
    } else {
      result = -1;
      errno = atoi(setting("FAULT_KIND"));
    }
  } else {
    result = put(fd, bytes, count, place);
  }
  return end(verdict, number, "write", result, path);
}

ssize_t write(int fd, const void *bytes, size_t count) { return write_or_fail(fd, bytes, count, -1); }

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t place) {
  return write_or_fail(fd, bytes, count, place);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t place) {
  return write_or_fail(fd, bytes, count, place);
}

int fdatasync(int fd) {
  char path[PATH_MAX];
  if (!counts_open_file(fd, path)) return syscall(SYS_fdatasync, fd);
  WHOLE("sync", path, syscall(SYS_fdatasync, fd));
}

int fsync(int fd) {
  char path[PATH_MAX];
  if (!counts_open_file(fd, path)) return syscall(SYS_fsync, fd);
  WHOLE("sync", path, syscall(SYS_fsync, fd));
}

int ftruncate(int fd, off_t size) {
  char path[PATH_MAX];
  if (!counts_open_file(fd, path)) return syscall(SYS_ftruncate, fd, size);
  WHOLE("truncate", path, syscall(SYS_ftruncate, fd, size));
}

int rename(const char *from, const char *to) {
  if (!counts(to)) return syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
  WHOLE("rename", to, syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to));
}

int open(const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
  va_end(list);
  if ((flags & (O_ACCMODE | O_CREAT)) == O_RDONLY || !counts(path))
    return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
  WHOLE("open", path, syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}
