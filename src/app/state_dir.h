/* The folder of --state: what a sensor keeps over a restart. One process at a time has it.
 *
 *   lock         held (flock) as long as the process has the folder; its number is in it
 *   checkpoint   everything that is counted: checkpoint_file.h
 *   spool, spool.profiles   of the flusher: what Redis has not acknowledged */
#pragma once

#include <nightscope/error.h>

struct state_dir {
    const char *path; /* borrowed */
    int fd, lock_fd;  /* -1: not open */
};

/* Makes the folder if it is missing, and takes it. An exit status; with *err unless it is
 * EXIT_DONE, and then nothing is open: it cannot be made or written to, or another process has
 * it. */
int state_dir_open(struct state_dir *dir, const char *path, struct err *err);
/* Lets others have it. In a child after fork(), the parent goes on having it. */
void state_dir_close(struct state_dir *dir);
