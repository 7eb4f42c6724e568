#include "serve/store.h"

#include "serve/as_names.h"

#include <stdio.h>

int store_init(struct store *store, const struct serve_config *config, struct err *err)
{
    *store = (struct store){.config = config};
    struct redis_config redis = config->redis;
    redis.timeout_ms = STORE_TIMEOUT_MS;
    store->redis = redis_new(&redis);
    if (!store->redis || pthread_mutex_init(&store->lock, NULL) != 0) {
        redis_free(store->redis);
        return err_set(err, NULL, 0, 0, "out of memory");
    }
    return 0;
}

void store_fini(struct store *store)
{
    redis_free(store->redis);
    as_names_fini(store->as_names);
    (void)pthread_mutex_destroy(&store->lock); /* nobody holds it */
}

void store_take(struct store *store)
{
    (void)pthread_mutex_lock(&store->lock); /* fails for no mutex of this kind */
}

void store_give(struct store *store)
{
    (void)pthread_mutex_unlock(&store->lock);
}

/* Going away and coming back are worth a line each; staying away is not. */
static void turn(struct store *store, bool away)
{
    if (store->away == away)
        return;
    __atomic_store_n(&store->away, away, __ATOMIC_RELAXED);
    char text[ERR_ORIGIN_CAP + ERR_TEXT_CAP + 192], reason[ERR_ORIGIN_CAP + ERR_TEXT_CAP + 32];
    err_format(&store->err, reason, sizeof reason);
    if (away && store->why == REDIS_DENIED)
        (void)snprintf(text, sizeof text,
                       "Redis denies access: %s; credentials come from --redis-auth FILE, or "
                       "from NIGHTSCOPE_REDIS_USER and NIGHTSCOPE_REDIS_PASSWORD",
                       reason);
    else if (away)
        (void)snprintf(text, sizeof text, "Redis is away: %s", reason);
    else
        (void)snprintf(text, sizeof text, "Redis is back");
    if (store->config->tell)
        store->config->tell(text);
}

/* Metrics are read without the lock. */
static void count(uint64_t *counter, uint64_t n)
{
    (void)__atomic_add_fetch(counter, n, __ATOMIC_RELAXED);
}

enum redis_status store_run(struct store *store, const char *key,
                            const struct redis_batch *batch, struct redis_replies *ret_replies)
{
    uint64_t now = store->config->now_ms();
    if (store->away && now - store->failed_ms < STORE_PAUSE_MS)
        return store->why;
    struct err err = {0};
    enum redis_status status =
        batch ? redis_run(store->redis, key, batch, "WRONGTYPE", ret_replies, &err)
              : REDIS_WRONG;
    if (!batch)
        (void)err_set(&err, NULL, 0, 0, "out of memory");
    uint64_t after = store->config->now_ms();
    count(&store->counts.calls, 1);
    count(&store->counts.busy_ms, after - now);
    if (status != REDIS_DONE) {
        count(&store->counts.failures, 1);
        store->failed_ms = after;
        store->why = status;
        store->err = err;
    }
    turn(store, status != REDIS_DONE);
    return status;
}

bool store_is_away(const struct store *store)
{
    return __atomic_load_n(&store->away, __ATOMIC_RELAXED);
}
