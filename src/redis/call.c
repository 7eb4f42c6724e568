/* Reaching a node, following redirections, and judging error replies. */
#include "redis/call.h"

#include "redis/answer.h"

const struct batch_slice CALL_ASKING = BATCH_SLICE("*1\r\n$6\r\nASKING\r\n");

enum redis_status call_reach(struct call *call, const char *key)
{
    call->node = NULL;
    call->asking = false;
    return nodes_reach(&call->redis->nodes, key, &call->node, call->err);
}

bool call_is_redirect(const struct call *call, const struct redis_reply *reply,
                      struct cluster_redirect *ret_redirect)
{
    return call->redis->nodes.is_cluster &&
           cluster_redirect_read(reply, nodes_host(call->node), ret_redirect);
}

enum redis_status call_follow(struct call *call, const struct cluster_redirect *redirect)
{
    if (call->redirects++ == REDIRECTS_MAX) {
        (void)err_set(call->err, call->node->origin, 0, 0,
                      "the cluster sent from node to node more than %d times", REDIRECTS_MAX);
        return REDIS_BUSY;
    }
    call->asking = redirect->ask;
    return nodes_follow(&call->redis->nodes, redirect, &call->node, call->err);
}

enum redis_status call_judge(struct call *call, struct batch_slice command,
                             const struct redis_reply *error)
{
    answer_tell(call->node->origin, command, error, call->redis->config.password, call->err);
    bool elsewhere = answer_begins(error, "READONLY ") || answer_begins(error, "MASTERDOWN ");
    if (elsewhere)
        call->redis->nodes.is_stale = true;
    if (elsewhere || answer_begins(error, "NOAUTH "))
        connection_close(call->node);
    return answer_status(error);
}

enum redis_status call_judge_batch(struct call *call, const struct redis_batch *batch,
                                   const struct redis_reply *replies, const char *allowed)
{
    for (size_t i = 0; i < batch->count; i++)
        if (replies[i].kind == REDIS_ERROR && !answer_is_allowed(&replies[i], allowed))
            return call_judge(call, batch_command_name(batch_command_bytes(batch, i)),
                              &replies[i]);
    return REDIS_DONE;
}

enum redis_status call_exchange(struct call *call, const struct exchange *exchanges, size_t n,
                                struct reply_memory *memory)
{
    enum redis_status status = connection_exchange(call->node, exchanges, n, memory, call->err);
    if (status != REDIS_DONE)
        call->redis->nodes.is_stale = true;
    return status;
}

enum redis_status call_out_of_memory(struct call *call)
{
    (void)err_set(call->err, call->redis->nodes.table[0]->origin, 0, 0, "out of memory");
    return REDIS_LOST;
}

enum redis_status call_check_batch(struct call *call, const struct redis_batch *batch)
{
    if (!batch->refused)
        return REDIS_DONE;
    (void)err_set(call->err, call->redis->nodes.table[0]->origin, 0, 0,
                  "the commands were refused: out of memory, or more than %d MiB",
                  REDIS_BATCH_BYTES_MAX >> 20);
    return REDIS_WRONG;
}

void call_hand_over(struct redis_replies *ret_replies, struct reply_memory *memory,
                    struct redis_reply *items, size_t n)
{
    if (ret_replies)
        *ret_replies = (struct redis_replies){.n = n, .items = items, .memory = memory};
    else
        reply_memory_free(memory);
}
