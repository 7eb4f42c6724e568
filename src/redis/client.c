/* Running batches and transactions on the server that a key belongs to. */
#include "redis/answer.h"
#include "redis/connection.h"

#include <stdlib.h>
#include <string.h>

struct redis {
    struct redis_config config;
    struct connection server;
};

struct redis *redis_new(const struct redis_config *config)
{
    struct redis *redis = calloc(1, sizeof *redis);
    if (!redis)
        return NULL;
    redis->config = *config;
    connection_init(&redis->server, &redis->config, "", 0);
    return redis;
}

void redis_free(struct redis *redis)
{
    if (!redis)
        return;
    connection_close(&redis->server);
    explicit_bzero(&redis->config, sizeof redis->config);
    free(redis);
}

const char *redis_run_id(const struct redis *redis, const char *key)
{
    (void)key; /* there is one server */
    return redis->server.run_id;
}

bool redis_is_cluster(const struct redis *redis)
{
    return redis->server.is_cluster;
}

void redis_replies_free(struct redis_replies *replies)
{
    reply_memory_free(replies->memory);
    *replies = (struct redis_replies){0};
}

static enum redis_status out_of_memory(const struct redis *redis, struct err *err)
{
    (void)err_set(err, redis->server.origin, 0, 0, "out of memory");
    return REDIS_LOST;
}

static enum redis_status refuse(const struct redis *redis, struct err *err)
{
    (void)err_set(err, redis->server.origin, 0, 0,
                  "the commands were refused: out of memory, or more than %d MiB",
                  REDIS_BATCH_BYTES_MAX >> 20);
    return REDIS_WRONG;
}

/* READONLY and NOAUTH: the next connection may find another server, or other rights. */
static bool is_final(const struct redis_reply *error)
{
    return answer_begins(error, "READONLY ") || answer_begins(error, "NOAUTH ") ||
           answer_begins(error, "MASTERDOWN ");
}

/* The first error that is not allowed, told. */
static enum redis_status judge(struct redis *redis, const struct redis_batch *batch,
                               const struct redis_reply *replies, const char *allowed,
                               struct err *err)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct redis_reply *reply = &replies[i];
        if (reply->kind != REDIS_ERROR || answer_is_allowed(reply, allowed))
            continue;
        answer_tell(redis->server.origin, batch_command_name(batch_command_bytes(batch, i)),
                    reply, redis->config.password, err);
        if (is_final(reply))
            connection_close(&redis->server);
        return answer_status(reply);
    }
    return REDIS_DONE;
}

static void hand_over(struct redis_replies *ret_replies, struct reply_memory *memory,
                      struct redis_reply *items, size_t n)
{
    if (ret_replies)
        *ret_replies = (struct redis_replies){.n = n, .items = items, .memory = memory};
    else
        reply_memory_free(memory);
}

enum redis_status redis_run(struct redis *redis, const char *key,
                            const struct redis_batch *batch, const char *allowed,
                            struct redis_replies *ret_replies, struct err *err)
{
    (void)key;
    if (batch->refused)
        return refuse(redis, err);
    size_t n = batch->count;
    struct exchange *exchanges = calloc(n + 1, sizeof *exchanges);
    struct reply_memory *memory = reply_memory_new(n);
    enum redis_status status = REDIS_LOST;
    if (!exchanges || !memory) {
        status = out_of_memory(redis, err);
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        exchanges[i] = (struct exchange){batch_command_bytes(batch, i), &memory->roots[i]};
    status = connection_ensure(&redis->server, err);
    if (status == REDIS_DONE)
        status = connection_exchange(&redis->server, exchanges, n, memory, err);
    if (status == REDIS_DONE)
        status = judge(redis, batch, memory->roots, allowed, err);
out:
    free(exchanges);
    if (status == REDIS_DONE)
        hand_over(ret_replies, memory, memory->roots, n);
    else
        reply_memory_free(memory);
    return status;
}

/* Runs commands of one's own; the caller looks at the replies. */
static enum redis_status say(struct redis *redis, const struct redis_batch *batch,
                             struct reply_memory *memory, struct err *err)
{
    struct exchange exchanges[4];
    if (batch->refused)
        return out_of_memory(redis, err);
    for (size_t i = 0; i < batch->count; i++)
        exchanges[i] = (struct exchange){batch_command_bytes(batch, i), &memory->roots[i]};
    return connection_exchange(&redis->server, exchanges, batch->count, memory, err);
}

static bool holds(const struct redis_reply *reply, const char *value)
{
    if (!value)
        return reply->kind == REDIS_NIL;
    return reply->kind == REDIS_TEXT && reply->len == strlen(value) &&
           memcmp(reply->text, value, reply->len) == 0;
}

static enum redis_status abort_transaction(struct redis *redis, struct err *err)
{
    (void)err_set(err, redis->server.origin, 0, 0,
                  "EXEC: undone, since another writer has changed the watched key");
    return REDIS_ABORTED;
}

/* WATCH and GET: REDIS_DONE when the key holds the value, and is watched. */
static enum redis_status watch(struct redis *redis, const char *key, const char *value,
                               struct err *err)
{
    struct redis_batch *batch = redis_batch_new();
    struct reply_memory *memory = reply_memory_new(2);
    enum redis_status status;
    if (!batch || !memory) {
        status = out_of_memory(redis, err);
        goto out;
    }
    redis_batch_add(batch, "WATCH", key, NULL);
    redis_batch_add(batch, "GET", key, NULL);
    status = say(redis, batch, memory, err);
    if (status != REDIS_DONE)
        goto out;
    status = judge(redis, batch, memory->roots, NULL, err);
    if (status == REDIS_DONE && !holds(&memory->roots[1], value))
        status = abort_transaction(redis, err);
    if (status == REDIS_DONE || !redis->server.context)
        goto out;
    redis_batch_clear(batch);
    memory->roots[0] = (struct redis_reply){0};
    redis_batch_add(batch, "UNWATCH", NULL);
    (void)say(redis, batch, memory, NULL); /* what was found is what counts */
out:
    redis_batch_free(batch);
    reply_memory_free(memory);
    return status;
}

/* What EXEC answered, and what it answered for each command. */
static enum redis_status judge_exec(struct redis *redis, const struct redis_batch *batch,
                                    const struct redis_reply *queued,
                                    const struct redis_reply *exec, const char *allowed,
                                    struct err *err)
{
    enum redis_status status = judge(redis, batch, queued, NULL, err);
    if (status != REDIS_DONE)
        return status;
    if (exec->kind == REDIS_ERROR) {
        static const struct batch_slice name = {"EXEC", 4};
        answer_tell(redis->server.origin, name, exec, redis->config.password, err);
        if (is_final(exec))
            connection_close(&redis->server);
        return answer_status(exec);
    }
    if (exec->kind == REDIS_NIL)
        return abort_transaction(redis, err);
    if (exec->kind == REDIS_LIST && exec->len == batch->count)
        return judge(redis, batch, exec->items, allowed, err);
    (void)err_set(err, redis->server.origin, 0, 0, "EXEC: not the replies of %zu commands",
                  batch->count);
    connection_close(&redis->server);
    return REDIS_WRONG;
}

enum redis_status redis_transaction(struct redis *redis, const char *watch_key,
                                    const char *watch_value, const struct redis_batch *batch,
                                    const char *allowed, struct redis_replies *ret_replies,
                                    struct err *err)
{
    if (batch->refused)
        return refuse(redis, err);
    size_t n = batch->count;
    struct redis_batch *frame = redis_batch_new();
    struct exchange *exchanges = calloc(n + 2, sizeof *exchanges);
    struct reply_memory *memory = reply_memory_new(n + 2);
    enum redis_status status = REDIS_LOST;
    if (!frame || !exchanges || !memory) {
        status = out_of_memory(redis, err);
        goto out;
    }
    redis_batch_add(frame, "MULTI", NULL);
    redis_batch_add(frame, "EXEC", NULL);
    if (frame->refused) {
        status = out_of_memory(redis, err);
        goto out;
    }
    struct redis_reply *roots = memory->roots, *exec = &roots[n + 1];
    exchanges[0] = (struct exchange){batch_command_bytes(frame, 0), &roots[0]};
    for (size_t i = 0; i < n; i++)
        exchanges[i + 1] = (struct exchange){batch_command_bytes(batch, i), &roots[i + 1]};
    exchanges[n + 1] = (struct exchange){batch_command_bytes(frame, 1), exec};
    status = connection_ensure(&redis->server, err);
    if (status == REDIS_DONE)
        status = watch(redis, watch_key, watch_value, err);
    if (status == REDIS_DONE)
        status = connection_exchange(&redis->server, exchanges, n + 2, memory, err);
    if (status == REDIS_DONE)
        status = judge_exec(redis, batch, roots + 1, exec, allowed, err);
out:
    redis_batch_free(frame);
    free(exchanges);
    if (status == REDIS_DONE)
        hand_over(ret_replies, memory, memory->roots[n + 1].items, n);
    else
        reply_memory_free(memory);
    return status;
}
