/* Transactions that depend on one key: two round trips, and the whole of it again on the other
 * node when a cluster's slot has moved.
 *
 *   [ASKING] WATCH key, [ASKING] GET key, [ASKING] MULTI     compare; ASKING holds until EXEC
 *   commands, EXEC
 *
 * No command goes before MULTI is known to be accepted: it would not wait for EXEC. What is not
 * to be executed is undone by closing the connection. */
#include "redis/call.h"

#include <stdlib.h>
#include <string.h>

static const struct batch_slice exec = BATCH_SLICE("*1\r\n$4\r\nEXEC\r\n");

enum { BEFORE = 3 }; /* WATCH, GET, MULTI */

static bool holds(const struct redis_reply *reply, const char *value)
{
    if (!value)
        return reply->kind == REDIS_NIL;
    return reply->kind == REDIS_TEXT && reply->len == strlen(value) &&
           memcmp(reply->text, value, reply->len) == 0;
}

static enum redis_status undone(struct call *call)
{
    (void)err_set(call->err, call->node->origin, 0, 0,
                  "EXEC: undone, since another writer has changed the watched key");
    return REDIS_ABORTED;
}

/* REDIS_DONE when the key holds the value, is watched, and MULTI has begun, or when *ret_moved;
 * otherwise the connection is closed. */
static enum redis_status begin(struct call *call, const char *key, const char *value,
                               struct cluster_redirect *ret_redirect, bool *ret_moved)
{
    struct redis_batch *batch = redis_batch_new();
    struct reply_memory *memory = reply_memory_new(BEFORE);
    struct exchange exchanges[2 * BEFORE];
    enum redis_status status;
    size_t n = 0;
    if (batch) {
        redis_batch_add(batch, "WATCH", key, NULL);
        redis_batch_add(batch, "GET", key, NULL);
        redis_batch_add(batch, "MULTI", NULL);
    }
    if (!batch || !memory || batch->refused) {
        status = call_out_of_memory(call);
        goto out;
    }
    struct redis_reply *replies = memory->roots;
    for (size_t i = 0; i < BEFORE; i++) {
        if (call->asking)
            exchanges[n++] = (struct exchange){CALL_ASKING, &memory->ignored};
        exchanges[n++] = (struct exchange){batch_command_bytes(batch, i), &replies[i]};
    }
    status = call_exchange(call, exchanges, n, memory);
    if (status != REDIS_DONE)
        goto out;
    *ret_moved = call_is_redirect(call, &replies[0], ret_redirect) ||
                 call_is_redirect(call, &replies[1], ret_redirect);
    if (!*ret_moved)
        status = call_judge_batch(call, batch, replies, NULL);
    if (status == REDIS_DONE && !*ret_moved && !holds(&replies[1], value))
        status = undone(call);
    if (status != REDIS_DONE || *ret_moved)
        connection_close(call->node);
out:
    redis_batch_free(batch);
    reply_memory_free(memory);
    return status;
}

/* The commands of a transaction and the replies to them. */
struct transaction {
    const struct redis_batch *batch;
    struct reply_memory *memory;
    struct redis_reply *queued, *exec;
    struct exchange *exchanges;
};

static bool transaction_init(struct transaction *transaction, const struct redis_batch *batch)
{
    size_t n = batch->count;
    *transaction = (struct transaction){.batch = batch};
    transaction->memory = reply_memory_new(n + 1);
    transaction->exchanges = calloc(n + 1, sizeof *transaction->exchanges);
    if (!transaction->memory || !transaction->exchanges)
        return false;
    transaction->queued = transaction->memory->roots;
    transaction->exec = &transaction->memory->roots[n];
    return true;
}

/* The commands, and EXEC. */
static enum redis_status execute(struct call *call, struct transaction *transaction)
{
    struct exchange *exchanges = transaction->exchanges;
    size_t count = transaction->batch->count, n = 0;
    for (size_t i = 0; i < count; i++) {
        transaction->queued[i] = (struct redis_reply){0};
        exchanges[n++] = (struct exchange){batch_command_bytes(transaction->batch, i),
                                           &transaction->queued[i]};
    }
    *transaction->exec = (struct redis_reply){0};
    exchanges[n++] = (struct exchange){exec, transaction->exec};
    return call_exchange(call, exchanges, n, transaction->memory);
}

static bool is_moved(const struct call *call, const struct transaction *transaction,
                     struct cluster_redirect *ret_redirect)
{
    for (size_t i = 0; i < transaction->batch->count; i++)
        if (call_is_redirect(call, &transaction->queued[i], ret_redirect))
            return true;
    return call_is_redirect(call, transaction->exec, ret_redirect);
}

/* What EXEC answered, and what it answered for each command. */
static enum redis_status judge(struct call *call, const struct transaction *transaction,
                               const char *allowed)
{
    static const struct batch_slice name = BATCH_SLICE("EXEC");
    const struct redis_reply *reply = transaction->exec;
    enum redis_status status =
        call_judge_batch(call, transaction->batch, transaction->queued, NULL);
    if (status != REDIS_DONE)
        return status;
    if (reply->kind == REDIS_ERROR)
        return call_judge(call, name, reply);
    if (reply->kind == REDIS_NIL)
        return undone(call);
    if (reply->kind == REDIS_LIST && reply->len == transaction->batch->count)
        return call_judge_batch(call, transaction->batch, reply->items, allowed);
    (void)err_set(call->err, call->node->origin, 0, 0,
                  "EXEC: an answer that is not one for each of %zu commands",
                  transaction->batch->count);
    connection_close(call->node);
    return REDIS_WRONG;
}

enum redis_status redis_transaction(struct redis *redis, const char *watch_key,
                                    const char *watch_value, const struct redis_batch *batch,
                                    const char *allowed, struct redis_replies *ret_replies,
                                    struct err *err)
{
    struct call call = {.redis = redis, .err = err};
    struct transaction transaction = {0};
    struct cluster_redirect redirect;
    bool moved = true;
    enum redis_status status = call_check_batch(&call, batch);
    if (status != REDIS_DONE)
        return status;
    if (!transaction_init(&transaction, batch)) {
        status = call_out_of_memory(&call);
        goto out;
    }
    status = call_reach(&call, watch_key);
    while (status == REDIS_DONE) {
        moved = false;
        status = begin(&call, watch_key, watch_value, &redirect, &moved);
        if (status == REDIS_DONE && !moved) {
            status = execute(&call, &transaction);
            moved = status == REDIS_DONE && is_moved(&call, &transaction, &redirect);
        }
        if (status != REDIS_DONE || !moved)
            break;
        status = call_follow(&call, &redirect);
    }
    if (status == REDIS_DONE)
        status = judge(&call, &transaction, allowed);
out:
    free(transaction.exchanges);
    if (status == REDIS_DONE)
        call_hand_over(ret_replies, transaction.memory, transaction.exec->items, batch->count);
    else
        reply_memory_free(transaction.memory);
    return status;
}
