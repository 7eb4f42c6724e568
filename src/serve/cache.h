/* Answers that are remembered: for a moment, so that many who look at one page are one question
 * to Redis; and beyond it, for when Redis is away. Bounded in number and bytes; the one that
 * was not used for longest goes first. An answer is shared and never changes. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CACHE_ENTRIES = 256,
    CACHE_BYTES_MAX = 64 << 20,
};

struct answer {
    char *body; /* JSON; n bytes, owned */
    size_t n;
    uint64_t tag; /* a hash of the body */
    uint64_t made_ms;
    uint32_t fresh_ms; /* for how long it is as good as a new one */
    unsigned uses;     /* private; of the cache and of replies on their way */
};
/* Takes body, which is freed with the answer. NULL: out of memory, and body is freed. */
struct answer *answer_new(char *body, size_t n, uint64_t now_ms, uint32_t fresh_ms);
void answer_free(struct answer *answer); /* one use of it */

struct cache {
    pthread_mutex_t lock;
    struct cache_entry {
        char *key;
        uint64_t hash, used;
        struct answer *answer;
    } entries[CACHE_ENTRIES];
    uint64_t clock;
    size_t bytes;
};

int cache_init(struct cache *cache);
void cache_fini(struct cache *cache);
/* NULL: not there. Else to be freed. */
struct answer *cache_find(struct cache *cache, const char *key);
/* Without memory for it, it is not remembered. */
void cache_keep(struct cache *cache, const char *key, struct answer *answer);
