/* What running a batch and running a transaction have in common. */
#pragma once

#include "redis/nodes.h"

enum { REDIRECTS_MAX = 5 };

struct redis {
    struct redis_config config;
    struct nodes nodes;
};

/* One call: where it goes now, and how often it was sent elsewhere. */
struct call {
    struct redis *redis;
    struct connection *node; /* NULL: none was reached */
    bool asking;             /* each command is to be preceded by ASKING */
    unsigned redirects;
    struct err *err;
};

extern const struct batch_slice CALL_ASKING;

enum redis_status call_reach(struct call *call, const char *key);
/* Is this reply a redirection, of a cluster? */
bool call_is_redirect(const struct call *call, const struct redis_reply *reply,
                      struct cluster_redirect *ret_redirect);
enum redis_status call_follow(struct call *call, const struct cluster_redirect *redirect);
/* Tells what an error reply means; closes the connection when another one may do better. */
enum redis_status call_judge(struct call *call, struct batch_slice command,
                             const struct redis_reply *error);
/* The first of the batch's replies that is an error and not allowed; else REDIS_DONE. */
enum redis_status call_judge_batch(struct call *call, const struct redis_batch *batch,
                                   const struct redis_reply *replies, const char *allowed);
/* Sends, takes replies. */
enum redis_status call_exchange(struct call *call, const struct exchange *exchanges, size_t n,
                                struct reply_memory *memory);
enum redis_status call_out_of_memory(struct call *call);
/* A batch that has refused a command is refused. */
enum redis_status call_check_batch(struct call *call, const struct redis_batch *batch);
/* Gives replies to the caller, or frees them. */
void call_hand_over(struct redis_replies *ret_replies, struct reply_memory *memory,
                    struct redis_reply *items, size_t n);
