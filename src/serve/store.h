/* The Redis server behind the answers: one connection that the threads take turns with. When it
 * is away, it is not asked again for a moment, so that nobody waits for the same time-out. */
#pragma once

#include <nightscope/serve.h>

#include <pthread.h>

enum {
    STORE_PAUSE_MS = 1000,   /* after a failure */
    STORE_TIMEOUT_MS = 2000, /* of connecting, and of a reply */
};

struct store_counts {
    uint64_t calls, failures, busy_ms; /* busy_ms: of all calls together */
};

struct as_names;
struct store {
    pthread_mutex_t lock;
    struct redis *redis;
    const struct serve_config *config;
    bool away;
    enum redis_status why;
    uint64_t failed_ms; /* when it last failed */
    struct err err;     /* and how */
    struct store_counts counts;
    struct as_names *as_names; /* NULL: nobody asked for them yet */
};

int store_init(struct store *store, const struct serve_config *config, struct err *err);
void store_fini(struct store *store);

/* Between the two, the connection is this thread's. */
void store_take(struct store *store);
void store_give(struct store *store);
/* redis_run() about keys of one slot; replies of the wrong type are error replies. Anything but
 * REDIS_DONE: nothing is to be freed. */
enum redis_status store_run(struct store *store, const char *key,
                            const struct redis_batch *batch, struct redis_replies *ret_replies);
/* The state, without waiting for a call that is under way. */
bool store_is_away(const struct store *store);
