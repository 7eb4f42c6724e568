/* The servers there are: one, or the nodes of a cluster and the slots they serve.
 *
 * The server of the configuration is always known; others are as nodes of the cluster say, and
 * are connected to when something is to be sent to them, with the same credentials. */
#pragma once

#include "redis/cluster_map.h"
#include "redis/connection.h"

struct nodes {
    const struct redis_config *config;               /* borrowed */
    struct connection *table[CLUSTER_NODES_MAX + 1]; /* [0]: the configuration's */
    size_t n, next_asked;
    bool is_cluster;
    bool is_mapped;             /* slots were asked for */
    bool is_stale;              /* and are to be asked for again before the next use */
    uint16_t slots[SLOT_COUNT]; /* index in the table, or CLUSTER_NO_NODE */
};

bool nodes_init(struct nodes *nodes, const struct redis_config *config);
void nodes_fini(struct nodes *nodes);
/* Never NULL. */
struct connection *nodes_of_key(const struct nodes *nodes, const char *key);
/* A connected node that should hold the key ("": any). Pointers to other nodes may end here. */
enum redis_status nodes_reach(struct nodes *nodes, const char *key,
                              struct connection **ret_node, struct err *err);
/* The node a redirection names, connected; a MOVED is remembered. */
enum redis_status nodes_follow(struct nodes *nodes, const struct cluster_redirect *redirect,
                               struct connection **ret_node, struct err *err);
/* The host that stands for what this node leaves out. */
const char *nodes_host(const struct connection *node);
