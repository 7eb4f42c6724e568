/* Capture files as one stream of frames in time order.
 *
 *   files --> sorted by (first time stamp, name) --> merged by time --> chunks of frames
 *             opened when the stream reaches them     blocks are       (a few thousand frames,
 *                                                     framed in place)  nothing copied)
 *
 * A frame's bytes stay in the block they were read or decompressed into. A chunk holds a
 * reference on each block its frames lie in; chunk_release() gives them back. One thread at a
 * time calls replay_next() and chunk_release(); any number read a chunk in between.
 *
 * Order: of the files' next frames, the one with the lowest time; equal times by the file's
 * first time stamp, then its name. Frames of one file keep the order of that file, whatever
 * their times. Packet time is the highest time stamp so far. */
#pragma once

#include <nightscope/decode.h>
#include <nightscope/error.h>
#include <nightscope/packet.h>

enum {
    CHUNK_FRAMES = 2048,
    CHUNK_BYTES_MAX =
        64 * 1024 * 1024, /* of the blocks a chunk holds: reached by huge frames */
};

struct chunk {
    unsigned n;
    struct frame frames[CHUNK_FRAMES];
    int64_t packet_time_ns; /* highest time stamp up to the end of this chunk; -1: none yet */
    struct chunk_blocks *blocks; /* private: the blocks held */
};

/* What became of one file. error: a damaged or unreadable file's message, else "". */
struct file_status {
    const char *name; /* as the user gave it; "-" is standard input */
    uint64_t frames;  /* read from it */
    uint64_t dropped; /* packets the capturing program said it lost (pcapng statistics) */
    bool cut;         /* ends inside a record: what came before is counted, a warning */
    bool failed;      /* cannot be read, not a capture, or lies about lengths */
    struct err error;
};

struct replay_config {
    int64_t lateness_ns;                /* a minute closes this long after its end */
    const struct decode_config *decode; /* to set frame.shard; NULL: shards are not needed */
    int open_max;                       /* files open at a time; beyond: that file fails */
    int64_t packet_time_ns;             /* of a stream that this one continues; 0: it begins */
};

/* A frame whose time stamp is more than an hour ahead of all before it, or the first, and
 * frames behind it that are late and more than an hour older: if its time stamp is wrong, it
 * has put them out of their minutes. */
struct replay_jump {
    const char *name;         /* of the file; NULL: there is none */
    uint64_t frame;           /* its number in the file, from 1 */
    int64_t ts_ns, before_ns; /* before_ns: the highest before it; -1: none */
    uint64_t late;
};

struct replay_progress {
    uint64_t bytes_read, bytes_total; /* of the files as stored; total 0: unknown (a pipe) */
    uint64_t frames;
    int64_t first_ns; /* of the stream's first frame; 0: not known yet */
};

struct replay;

/* Never fails for a bad file: its status says so. NULL only when memory is out. Names are
 * borrowed and must outlive the replay. */
struct replay *replay_new(const struct replay_config *config, const char *const *names,
                          unsigned n);
void replay_free(struct replay *replay);

struct chunk *chunk_new(void);
void chunk_free(struct chunk *chunk);

/* Opens every file once, to learn when it begins; else the first replay_next() does. True: some
 * of them are compressed, so that it pays to be ahead with chunks. */
bool replay_look(struct replay *replay);
/* Fills an empty chunk. True: there are frames in it (at least one). False: the end.
 * A chunk is full (CHUNK_FRAMES) unless it is the last, or its blocks reach CHUNK_BYTES_MAX. */
bool replay_next(struct replay *replay, struct chunk *chunk);
void chunk_release(struct replay *replay, struct chunk *chunk);

/* Can be asked for by another thread at any time; a file that ended early counts whole. */
void replay_progress(const struct replay *replay, struct replay_progress *ret_progress);
unsigned replay_file_count(const struct replay *replay);
/* In the order given to replay_new(). */
const struct file_status *replay_file(const struct replay *replay, unsigned i);
/* At the end: the one with most frames behind it that are late. */
struct replay_jump replay_worst_jump(const struct replay *replay);
