/* The file `checkpoint` of a state folder: there whole or not at all.
 *
 *   "nscheck" 0 | version:4 | length:8 | crc32 of the content:4 | content
 *
 * It is written beside, a piece at a time, and renamed when it is on disk. Numbers of the
 * header are little-endian. What the content means is for others (sensor_state.h) to say; with
 * its checksum right it is hostile input all the same. */
#pragma once

#include "app/state_dir.h"
#include "base/bytes.h"

#include <nightscope/checkpoint.h>

enum { CHECKPOINT_FILE_VERSION = 1 };

struct checkpoint_file {
    const struct state_dir *dir;
    int fd;
    uint64_t length;
    uint32_t crc;
    int why;              /* errno of the first write that failed */
    struct bytes_out out; /* put the content here */
};

/* Begins a new one; `file` must not move until it is committed or abandoned. Async-signal-safe
 * it is not; in the child of fork() it may be used. -1 with *err. */
int checkpoint_file_begin(struct checkpoint_file *file, const struct state_dir *dir,
                          struct err *err);
/* What was put is on disk, in the place of the one before. -1 with *err: that one is as it was.
 * Either way the file is closed. */
int checkpoint_file_commit(struct checkpoint_file *file, struct err *err);
void checkpoint_file_abandon(struct checkpoint_file *file);

struct checkpoint_content {
    struct bytes_in in; /* all of it */
    void *map;
    size_t map_bytes;
};
/* 0; 1: there is none; -1 with *err: it cannot be read, is damaged, or of another version. */
int checkpoint_file_read(const struct state_dir *dir, struct checkpoint_content *ret_content,
                         struct err *err);
void checkpoint_content_fini(struct checkpoint_content *content);
/* Tells of signatures whose counts could not be taken up, if there are any. */
void checkpoint_file_warn(const struct state_dir *dir, const struct checkpoint_gone *gone);
