/* Stands between a program and the C library: counts the calls that touch files below one folder, and at the chosen one
 * ends the program, or lets the call fail.
 *
 * Preloaded into a command and everything that it starts. They share one small file, named by FAULTS_STATE, which the
 * harness writes before each run; see State in starter.py. Calls on other files, on pipes and on sockets are let through.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NONE, KILL, FULL, BROKEN, INTERRUPTED, TORN };   /* what happens at the chosen call */
enum { CHANGES, READS };                                /* what a call does to a file */

struct state {
    int32_t armed, fault, reads, at;  /* reads: whether reading counts too; at: ordinal of the call, 0: none */
    int32_t count, hit;               /* calls so far; whether the chosen one came */
    int32_t leader, dead;             /* the process that was started; whether all of its kind have to end */
    char folder[1000];
    char log[1000];
};

static struct state *shared;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("FAULTS_STATE");
    int file = name ? syscall(SYS_openat, AT_FDCWD, name, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *place = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    syscall(SYS_close, file);
    if (place != MAP_FAILED) shared = place;
}

static int below(const char *path) {
    size_t length = strlen(shared->folder);
    return length && strncmp(path, shared->folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static const char *path_of(int file, char *buffer) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = syscall(SYS_readlinkat, AT_FDCWD, link, buffer, PATH_MAX - 1);
    buffer[size < 0 ? 0 : size] = 0;
    return buffer;
}

static const char *path_at(int folder, const char *name, char *buffer) {
    char base[PATH_MAX];
    if (name == NULL) return path_of(folder, buffer);
    if (name[0] == '/') return name;
    if (folder == AT_FDCWD) { if (syscall(SYS_getcwd, base, sizeof base) < 0) base[0] = 0; }
    else path_of(folder, base);
    snprintf(buffer, PATH_MAX, "%.2000s/%.2000s", base, name);
    return buffer;
}

static void note(const char *call, const char *path, int number, int takes_room) {
    char line[PATH_MAX + 64];
    int file = syscall(SYS_openat, AT_FDCWD, shared->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    int size = snprintf(line, sizeof line, "%d %d %s %s\n", number, takes_room, call, path + strlen(shared->folder));
    if (file < 0) return;
    syscall(SYS_write, file, line, size);
    syscall(SYS_close, file);
}

static void end_all(void) {
    shared->dead = 1;  /* who is of another session ends at its next call */
    kill(-shared->leader, SIGKILL);
    kill(shared->leader, SIGKILL);
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* Return the error that a call must end with, 0 if it may go on, -1 if only half of it is to be done before the end.
 * takes_room: the call fails on a full disk, and goes on failing: nobody frees it. */
static int judge(const char *call, const char *path, int kind, int takes_room) {
    if (shared == NULL || !shared->armed || !below(path) || (kind == READS && !shared->reads)) return 0;
    if (shared->dead) end_all();
    if (kind == READS && takes_room) takes_room = 0;
    int saved = errno, number = __atomic_add_fetch(&shared->count, 1, __ATOMIC_SEQ_CST), failure = 0;
    int chosen = number == shared->at;
    switch (shared->fault) {
    case KILL: if (chosen) failure = -2; break;
    case TORN: if (chosen) failure = -1; break;
    case FULL: if (shared->at && number >= shared->at && takes_room && (chosen || takes_room > 1)) failure = ENOSPC; break;
    case BROKEN: if (chosen) failure = EIO; break;
    case INTERRUPTED: if (chosen) failure = EINTR; break;
    }
    if (chosen && failure) shared->hit = 1;
    note(call, path, number, takes_room);
    if (failure == -2) end_all();
    errno = saved;
    return failure;
}

#define REAL(result, name, ...)                                                   \
    static result (*real)(__VA_ARGS__);                                           \
    if (!real) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)
#define MAY(call, path, kind, room)                                               \
    do { int why = judge(call, path, kind, room);                                 \
         if (why == -1) end_all();                                               \
         if (why) { errno = why; return -1; } } while (0)
#define ONCE 1   /* fails where the disk is full, but a second try may work: a name instead of a name */
#define ALWAYS 2

static int open_kind(int folder, const char *name, int flags) {
    if ((flags & O_TMPFILE) == O_TMPFILE || flags & O_TRUNC) return CHANGES;
    if (!(flags & O_CREAT)) return READS;
    return syscall(SYS_faccessat, folder, name, F_OK) == 0 ? READS : CHANGES;
}

#define MODE() mode_t mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }
#define OPEN(function)                                                            \
    int function(const char *name, int flags, ...) {                              \
        char buffer[PATH_MAX]; MODE();                                            \
        REAL(int, #function, const char *, int, ...);                             \
        MAY("open", path_at(AT_FDCWD, name, buffer), open_kind(AT_FDCWD, name, flags), ALWAYS); \
        return real(name, flags, mode); }
#define OPENAT(function)                                                          \
    int function(int folder, const char *name, int flags, ...) {                  \
        char buffer[PATH_MAX]; MODE();                                            \
        REAL(int, #function, int, const char *, int, ...);                        \
        MAY("open", path_at(folder, name, buffer), open_kind(folder, name, flags), ALWAYS); \
        return real(folder, name, flags, mode); }
OPEN(open) OPEN(open64) OPENAT(openat) OPENAT(openat64)

ssize_t write(int file, const void *data, size_t size) {
    char buffer[PATH_MAX];
    REAL(ssize_t, "write", int, const void *, size_t);
    if (shared && shared->armed) {
        int why = judge("write", path_of(file, buffer), CHANGES, ALWAYS);
        if (why == -1) { real(file, data, size / 2); end_all(); }
        if (why) { errno = why; return -1; }
    }
    return real(file, data, size);
}

ssize_t read(int file, void *data, size_t size) {
    char buffer[PATH_MAX];
    REAL(ssize_t, "read", int, void *, size_t);
    if (shared && shared->armed && shared->reads) MAY("read", path_of(file, buffer), READS, 0);
    return real(file, data, size);
}

#define ON_FILE(result, function, room, types, names)                             \
    result function types { char buffer[PATH_MAX];                                \
        REAL(result, #function, TYPES types);                                     \
        if (shared && shared->armed) MAY(#function, path_of(file, buffer), CHANGES, room); \
        return real names; }
#define TYPES(...) __VA_ARGS__
ON_FILE(ssize_t, pwrite, ALWAYS, (int file, const void *data, size_t size, off_t at), (file, data, size, at))
ON_FILE(ssize_t, pwrite64, ALWAYS, (int file, const void *data, size_t size, off64_t at), (file, data, size, at))
ON_FILE(ssize_t, writev, ALWAYS, (int file, const struct iovec *parts, int count), (file, parts, count))
ON_FILE(int, ftruncate, 0, (int file, off_t size), (file, size))
ON_FILE(int, ftruncate64, 0, (int file, off64_t size), (file, size))
ON_FILE(int, fchmod, 0, (int file, mode_t mode), (file, mode))
ON_FILE(int, futimens, 0, (int file, const struct timespec times[2]), (file, times))
ON_FILE(int, fallocate64, ALWAYS, (int file, int mode, off64_t at, off64_t size), (file, mode, at, size))
ON_FILE(ssize_t, sendfile, ALWAYS, (int file, int from, off_t *at, size_t size), (file, from, at, size))
ON_FILE(ssize_t, sendfile64, ALWAYS, (int file, int from, off64_t *at, size_t size), (file, from, at, size))

ssize_t copy_file_range(int from, off64_t *from_at, int file, off64_t *at, size_t size, unsigned flags) {
    char buffer[PATH_MAX];
    REAL(ssize_t, "copy_file_range", int, off64_t *, int, off64_t *, size_t, unsigned);
    if (shared && shared->armed) MAY("copy_file_range", path_of(file, buffer), CHANGES, ALWAYS);
    return real(from, from_at, file, at, size, flags);
}

/* The machine does not die here, only the process: nothing needs to reach the disk, which makes the walk quick. */
#define SYNC(function)                                                            \
    int function(int file) { char buffer[PATH_MAX];                               \
        REAL(int, #function, int);                                                \
        if (shared == NULL || !shared->armed) return real(file);                  \
        MAY(#function, path_of(file, buffer), CHANGES, ALWAYS);                   \
        return below(path_of(file, buffer)) ? 0 : real(file); }
SYNC(fsync) SYNC(fdatasync) SYNC(syncfs)

#define ON_NAME(function, room, types, values, at, path)                          \
    int function types { char buffer[PATH_MAX];                                   \
        REAL(int, #function, TYPES types);                                        \
        if (shared && shared->armed) MAY(#function, path_at(at, path, buffer), CHANGES, room); \
        return real values; }
ON_NAME(rename, ONCE, (const char *old, const char *new), (old, new), AT_FDCWD, new)
ON_NAME(renameat, ONCE, (int a, const char *old, int b, const char *new), (a, old, b, new), b, new)
ON_NAME(renameat2, ONCE, (int a, const char *old, int b, const char *new, unsigned how), (a, old, b, new, how), b, new)
ON_NAME(link, ALWAYS, (const char *old, const char *new), (old, new), AT_FDCWD, new)
ON_NAME(linkat, ALWAYS, (int a, const char *old, int b, const char *new, int how), (a, old, b, new, how), b, new)
ON_NAME(symlink, ALWAYS, (const char *old, const char *new), (old, new), AT_FDCWD, new)
ON_NAME(symlinkat, ALWAYS, (const char *old, int b, const char *new), (old, b, new), b, new)
ON_NAME(mkdir, ALWAYS, (const char *name, mode_t mode), (name, mode), AT_FDCWD, name)
ON_NAME(mkdirat, ALWAYS, (int b, const char *name, mode_t mode), (b, name, mode), b, name)
ON_NAME(unlink, 0, (const char *name), (name), AT_FDCWD, name)
ON_NAME(unlinkat, 0, (int b, const char *name, int how), (b, name, how), b, name)
ON_NAME(rmdir, 0, (const char *name), (name), AT_FDCWD, name)
ON_NAME(chmod, 0, (const char *name, mode_t mode), (name, mode), AT_FDCWD, name)
ON_NAME(fchmodat, 0, (int b, const char *name, mode_t mode, int how), (b, name, mode, how), b, name)
ON_NAME(utimensat, 0, (int b, const char *name, const struct timespec t[2], int how), (b, name, t, how), b, name)
ON_NAME(truncate, 0, (const char *name, off_t size), (name, size), AT_FDCWD, name)
