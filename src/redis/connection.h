/* One connection to one server: bytes out, replies in, within deadlines. */
#pragma once

#include "redis/batch.h"
#include "redis/replies.h"

#include <nightscope/redis.h>

enum { CONNECTION_RUN_ID_CAP = 64 };

struct connection {
    struct redisContext *context;      /* NULL: not connected */
    const struct redis_config *config; /* borrowed: credentials, db, time-out */
    char host[256];                    /* this node's own; "": config's unix socket */
    uint16_t port;
    char origin[300]; /* for messages */
    char run_id[CONNECTION_RUN_ID_CAP];
    bool is_cluster;
    uint64_t connects; /* how often it was connected */
};

/* One command and where its reply goes. */
struct exchange {
    struct batch_slice command;
    struct redis_reply *reply; /* zeroed by the caller */
};

/* host "": the address of the configuration. */
void connection_init(struct connection *connection, const struct redis_config *config,
                     const char *host, uint16_t port);
void connection_close(struct connection *connection);
/* Connected and greeted already, or anew. */
enum redis_status connection_ensure(struct connection *connection, struct err *err);
/* Sends n commands and takes n replies: REDIS_DONE whatever they are; else REDIS_LOST or
 * REDIS_WRONG, and the connection is closed. */
enum redis_status connection_exchange(struct connection *connection,
                                      const struct exchange *exchanges, size_t n,
                                      struct reply_memory *memory, struct err *err);
