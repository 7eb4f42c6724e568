/* Which node of a Redis Cluster serves which slot, as one of them said. */
#pragma once

#include "redis/slot.h"

#include <nightscope/redis.h>

enum { CLUSTER_NODES_MAX = 1024, CLUSTER_NO_NODE = 0xffff };

struct cluster_place {
    char host[256];
    uint16_t port;
};

struct cluster_map {
    size_t n;
    struct cluster_place places[CLUSTER_NODES_MAX]; /* masters and replicas */
    uint16_t slots[SLOT_COUNT]; /* the master's index in places, or CLUSTER_NO_NODE */
};

/* Reads the answer to CLUSTER SLOTS; asked_host stands for hosts that the node leaves out.
 * False: it makes no sense, and *ret_map is undefined. */
bool cluster_map_read(const struct redis_reply *slots, const char *asked_host,
                      struct cluster_map *ret_map);

struct cluster_redirect {
    bool ask; /* for this command only */
    unsigned slot;
    struct cluster_place to;
};
/* Reads "MOVED SLOT HOST:PORT" or "ASK SLOT HOST:PORT"; false: it is neither. */
bool cluster_redirect_read(const struct redis_reply *reply, const char *asked_host,
                           struct cluster_redirect *ret_redirect);
