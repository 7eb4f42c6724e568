/* A client, and running a batch on the node that a key belongs to. */
#include "redis/call.h"

#include <stdlib.h>
#include <string.h>

struct redis *redis_new(const struct redis_config *config)
{
    struct redis *redis = calloc(1, sizeof *redis);
    if (!redis)
        return NULL;
    redis->config = *config;
    if (nodes_init(&redis->nodes, &redis->config))
        return redis;
    redis_free(redis);
    return NULL;
}

void redis_free(struct redis *redis)
{
    if (!redis)
        return;
    nodes_fini(&redis->nodes);
    explicit_bzero(&redis->config, sizeof redis->config);
    free(redis);
}

const char *redis_run_id(const struct redis *redis, const char *key)
{
    return nodes_of_key(&redis->nodes, key)->run_id;
}

bool redis_is_cluster(const struct redis *redis)
{
    return redis->nodes.is_cluster;
}

void redis_replies_free(struct redis_replies *replies)
{
    reply_memory_free(replies->memory);
    *replies = (struct redis_replies){0};
}

/* The commands still to be run, in order. */
struct work {
    const struct redis_batch *batch;
    struct reply_memory *memory; /* roots: one a command of the batch */
    size_t *pending, n;          /* indices of commands */
    struct exchange *exchanges;  /* room for two a command */
};

static bool work_init(struct work *work, const struct redis_batch *batch)
{
    *work = (struct work){.batch = batch, .n = batch->count};
    work->memory = reply_memory_new(work->n);
    work->pending = calloc(work->n + 1, sizeof *work->pending);
    work->exchanges = calloc(2 * work->n + 1, sizeof *work->exchanges);
    if (!work->memory || !work->pending || !work->exchanges)
        return false;
    for (size_t i = 0; i < work->n; i++)
        work->pending[i] = i;
    return true;
}

static enum redis_status send_pending(struct call *call, struct work *work)
{
    size_t n = 0;
    for (size_t i = 0; i < work->n; i++) {
        size_t index = work->pending[i];
        struct redis_reply *reply = &work->memory->roots[index];
        *reply = (struct redis_reply){0};
        if (call->asking)
            work->exchanges[n++] = (struct exchange){CALL_ASKING, &work->memory->ignored};
        work->exchanges[n++] =
            (struct exchange){batch_command_bytes(work->batch, index), reply};
    }
    return call_exchange(call, work->exchanges, n, work->memory);
}

/* Keeps what was sent elsewhere; the last redirection says where. */
static bool keep_redirected(struct call *call, struct work *work,
                            struct cluster_redirect *ret_redirect)
{
    size_t n = 0;
    for (size_t i = 0; i < work->n; i++)
        if (call_is_redirect(call, &work->memory->roots[work->pending[i]], ret_redirect))
            work->pending[n++] = work->pending[i];
    work->n = n;
    return n > 0;
}

enum redis_status redis_run(struct redis *redis, const char *key,
                            const struct redis_batch *batch, const char *allowed,
                            struct redis_replies *ret_replies, struct err *err)
{
    struct call call = {.redis = redis, .err = err};
    struct work work = {0};
    struct cluster_redirect redirect;
    enum redis_status status = call_check_batch(&call, batch);
    if (status != REDIS_DONE)
        return status;
    if (!work_init(&work, batch)) {
        status = call_out_of_memory(&call);
        goto out;
    }
    status = call_reach(&call, key);
    while (status == REDIS_DONE) {
        status = send_pending(&call, &work);
        if (status != REDIS_DONE || !keep_redirected(&call, &work, &redirect))
            break;
        status = call_follow(&call, &redirect);
    }
    if (status == REDIS_DONE)
        status = call_judge_batch(&call, batch, work.memory->roots, allowed);
out:
    free(work.pending);
    free(work.exchanges);
    if (status == REDIS_DONE)
        call_hand_over(ret_replies, work.memory, work.memory->roots, batch->count);
    else
        reply_memory_free(work.memory);
    return status;
}
