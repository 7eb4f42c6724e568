#include "app/state_dir.h"

#include "app/commands.h"
#include "app/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char LOCK[] = "lock";

/* What is wrong, and, where it belongs to somebody else, what to do. */
static int tell(const char *path, int why, struct err *err)
{
    char user[PRIVILEGES_USER_CAP];
    if (why == ENOTDIR)
        return err_set(err, path, 0, 0,
                       "cannot be used as the folder of --state: a file is in the way: give "
                       "another directory");
    if (why != EACCES && why != EPERM)
        return err_set(err, path, 0, 0, "cannot be used as the folder of --state: %s%s",
                       strerror(why),
                       why == ENOENT ? "; create the directory it is in first" : "");
    privileges_user(user);
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return err_set(
            err, path, 0, 0,
            "the user %s may not make this folder of --state; `install -d -o %s -m 700 "
            "%s` does",
            user, user, path);
    return err_set(err, path, 0, 0,
                   "the user %s may not write to this folder of --state; `chown %s %s` lets it",
                   user, user, path);
}

/* The process that holds the lock; 0: it has not said so. */
static long holder(int fd)
{
    char text[32] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    long pid = n > 0 ? strtol(text, NULL, 10) : 0;
    return pid > 0 ? pid : 0;
}

static int refuse(const char *path, long pid, struct err *err)
{
    char who[64] = "";
    if (pid)
        (void)snprintf(who, sizeof who, " (process %ld)", pid);
    return err_set(err, path, 0, 0,
                   "another nightscope%s has this folder of --state; stop that one first, or "
                   "give this one a folder of its own",
                   who);
}

/* 0, or an errno; *ret_pid: who has it. */
static int lock(struct state_dir *dir, long *ret_pid)
{
    dir->lock_fd = openat(dir->fd, LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (dir->lock_fd < 0)
        return errno;
    if (flock(dir->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        int why = errno;
        *ret_pid = holder(dir->lock_fd);
        return why;
    }
    char text[32];
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(dir->lock_fd, 0) != 0 || pwrite(dir->lock_fd, text, (size_t)n, 0) != n)
        errno = 0; /* a full disk: it is locked, and whoever is refused is not told by whom */
    return 0;
}

int state_dir_open(struct state_dir *dir, const char *path, struct err *err)
{
    long pid = 0;
    *dir = (struct state_dir){.path = path, .fd = -1, .lock_fd = -1};
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        (void)tell(path, errno, err);
        return EXIT_BAD_CONFIG;
    }
    dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int why = dir->fd < 0 ? errno : lock(dir, &pid);
    if (!why)
        return EXIT_DONE;
    if (why == EWOULDBLOCK)
        (void)refuse(path, pid, err);
    else
        (void)tell(path, why, err);
    state_dir_close(dir);
    return why == EWOULDBLOCK ? EXIT_FAILED : EXIT_BAD_CONFIG;
}

void state_dir_close(struct state_dir *dir)
{
    if (dir->lock_fd >= 0)
        (void)close(dir->lock_fd); /* the lock goes with it */
    if (dir->fd >= 0)
        (void)close(dir->fd);
    dir->fd = dir->lock_fd = -1;
}
