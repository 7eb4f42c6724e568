/* Replies as trees, built by hiredis's parser in memory that is bounded: what a server sends
 * decides neither how much is allocated nor how deep it goes. */
#pragma once

#include <nightscope/redis.h>

struct redisReader;

/* All replies of one call; freed at once. */
struct reply_memory {
    struct reply_chunk *chunks;
    size_t bytes, items;
    const char *limit;          /* the limit that was hit; NULL: none */
    struct redis_reply *root;   /* where the reply in work goes */
    struct redis_reply *roots;  /* of the call: as many as it has commands */
    struct redis_reply ignored; /* for replies that nobody looks at */
};

struct reply_memory *reply_memory_new(size_t roots);
void reply_memory_free(struct reply_memory *memory);
/* Zeroed; NULL: the limit, or out of memory. */
void *reply_memory_alloc(struct reply_memory *memory, size_t n);

/* A parser that builds in `memory`, into *memory->root. Both must outlive a reply in work. */
void reply_reader_use(struct redisReader *reader, struct reply_memory *memory);
enum reply_state {
    REPLY_READY, /* *memory->root is it */
    REPLY_MORE,  /* not all of it is there */
    REPLY_WRONG, /* not a reply, or beyond a limit: *err */
    REPLY_NO_MEMORY,
};
enum reply_state reply_reader_next(struct redisReader *reader, const char *origin,
                                   struct err *err);
