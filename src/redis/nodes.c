/* Knowing which node to ask: the slots are asked for when a cluster is first met, after a
 * MOVED, and from another node when one is lost. */
#include "redis/nodes.h"

#include <stdlib.h>
#include <string.h>

enum {
    ASKED_MAX = 8, /* nodes asked for the slots before giving up */
    REACH_MAX = 3, /* nodes tried for one key */
};

static struct connection *new_node(const struct nodes *nodes, const char *host, uint16_t port)
{
    struct connection *node = calloc(1, sizeof *node);
    if (node)
        connection_init(node, nodes->config, host, port);
    return node;
}

static void free_node(struct connection *node)
{
    if (!node)
        return;
    connection_close(node);
    free(node);
}

bool nodes_init(struct nodes *nodes, const struct redis_config *config)
{
    nodes->config = config;
    memset(nodes->slots, 0xff, sizeof nodes->slots); /* CLUSTER_NO_NODE */
    nodes->table[0] = new_node(nodes, "", 0);
    nodes->n = nodes->table[0] ? 1 : 0;
    return nodes->n == 1;
}

void nodes_fini(struct nodes *nodes)
{
    for (size_t i = 0; i < nodes->n; i++)
        free_node(nodes->table[i]);
    nodes->n = 0;
}

const char *nodes_host(const struct connection *node)
{
    return node->host[0] ? node->host : "127.0.0.1"; /* a unix socket */
}

/* A node that is connected, else the one of the configuration. */
static struct connection *any_node(const struct nodes *nodes)
{
    for (size_t i = 0; i < nodes->n; i++)
        if (nodes->table[i]->context)
            return nodes->table[i];
    return nodes->table[0];
}

struct connection *nodes_of_key(const struct nodes *nodes, const char *key)
{
    if (!nodes->is_cluster)
        return nodes->table[0];
    uint16_t index = *key ? nodes->slots[redis_slot(key)] : CLUSTER_NO_NODE;
    return index == CLUSTER_NO_NODE ? any_node(nodes) : nodes->table[index];
}

static size_t find(const struct nodes *nodes, const struct cluster_place *place)
{
    for (size_t i = 0; i < nodes->n; i++)
        if (nodes->table[i]->port == place->port &&
            strcmp(nodes->table[i]->host, place->host) == 0)
            return i;
    return CLUSTER_NO_NODE;
}

/* The nodes of a map: those that are known already, and new ones. False: out of memory, and
 * nothing has changed. */
static bool make_table(const struct nodes *nodes, const struct cluster_map *map,
                       struct connection **ret_table)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct cluster_place *place = &map->places[i];
        size_t old = find(nodes, place);
        ret_table[i] = old == CLUSTER_NO_NODE ? new_node(nodes, place->host, place->port)
                                              : nodes->table[old];
        if (ret_table[i])
            continue;
        while (i-- > 0)
            if (find(nodes, &map->places[i]) == CLUSTER_NO_NODE)
                free_node(ret_table[i]);
        return false;
    }
    return true;
}

/* Takes over a map: keeps the connections to nodes that are still there. */
static bool adopt(struct nodes *nodes, const struct cluster_map *map)
{
    struct connection *table[CLUSTER_NODES_MAX];
    uint16_t at[CLUSTER_NODES_MAX];
    size_t n = 1;
    if (!make_table(nodes, map, table))
        return false;
    for (size_t i = 1; i < nodes->n; i++) {
        bool kept = false;
        for (size_t j = 0; j < map->n && !kept; j++)
            kept = table[j] == nodes->table[i];
        if (!kept)
            free_node(nodes->table[i]);
    }
    for (size_t i = 0; i < map->n; i++) {
        at[i] = (uint16_t)(table[i] == nodes->table[0] ? 0 : n++);
        nodes->table[at[i]] = table[i];
    }
    nodes->n = n;
    for (size_t slot = 0; slot < SLOT_COUNT; slot++)
        nodes->slots[slot] =
            map->slots[slot] == CLUSTER_NO_NODE ? CLUSTER_NO_NODE : at[map->slots[slot]];
    nodes->is_mapped = true;
    nodes->is_stale = false;
    return true;
}

/* Asks one node for the slots. */
static enum redis_status ask(struct nodes *nodes, struct connection *node, struct err *err)
{
    static const struct batch_slice command =
        BATCH_SLICE("*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n");
    enum redis_status status = connection_ensure(node, err);
    if (status != REDIS_DONE)
        return status;
    struct reply_memory *memory = reply_memory_new(1);
    struct cluster_map *map = malloc(sizeof *map);
    if (!memory || !map) {
        (void)err_set(err, node->origin, 0, 0, "out of memory");
        status = REDIS_LOST;
        goto out;
    }
    struct exchange exchange = {command, memory->roots};
    status = connection_exchange(node, &exchange, 1, memory, err);
    if (status != REDIS_DONE)
        goto out;
    if (!cluster_map_read(memory->roots, nodes_host(node), map) || !adopt(nodes, map)) {
        (void)err_set(err, node->origin, 0, 0, "CLUSTER SLOTS: an answer without sense");
        status = REDIS_WRONG;
    }
out:
    free(map);
    reply_memory_free(memory);
    return status;
}

/* Asks connected nodes first, then the others in turn, but not the one that was lost. */
static enum redis_status refresh(struct nodes *nodes, const struct connection *lost,
                                 struct err *err)
{
    enum redis_status status = REDIS_LOST;
    unsigned asked = 0;
    nodes->next_asked++;
    for (size_t pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < nodes->n && asked < ASKED_MAX; i++) {
            struct connection *node = nodes->table[(nodes->next_asked + i) % nodes->n];
            if (node == lost || (pass == 0) != (node->context != NULL))
                continue;
            asked++;
            status = ask(nodes, node, err);
            if (status == REDIS_DONE)
                return status;
        }
    return status;
}

enum redis_status nodes_reach(struct nodes *nodes, const char *key,
                              struct connection **ret_node, struct err *err)
{
    enum redis_status status = REDIS_LOST;
    if (nodes->is_cluster && nodes->is_stale)
        (void)refresh(nodes, NULL, NULL); /* else what is known must do */
    for (unsigned tries = 0; tries < REACH_MAX; tries++) {
        struct connection *node = nodes_of_key(nodes, key);
        status = connection_ensure(node, err);
        if (status == REDIS_DONE && node == nodes->table[0])
            nodes->is_cluster = node->is_cluster;
        if (status == REDIS_DONE && nodes->is_cluster && !nodes->is_mapped)
            (void)ask(nodes, node, NULL); /* else a MOVED will say */
        if (status == REDIS_DONE && nodes_of_key(nodes, key) == node) {
            *ret_node = node;
            return status;
        }
        if (status == REDIS_DONE)
            continue;
        if (!nodes->is_cluster)
            return status;
        nodes->is_stale = true;
        if (refresh(nodes, node, NULL) != REDIS_DONE)
            return status;
    }
    return status == REDIS_DONE ? REDIS_LOST : status;
}

enum redis_status nodes_follow(struct nodes *nodes, const struct cluster_redirect *redirect,
                               struct connection **ret_node, struct err *err)
{
    size_t index = find(nodes, &redirect->to);
    if (index == CLUSTER_NO_NODE) {
        if (nodes->n > CLUSTER_NODES_MAX) {
            (void)err_set(err, nodes->table[0]->origin, 0, 0,
                          "the cluster names more than %d nodes", CLUSTER_NODES_MAX);
            return REDIS_WRONG;
        }
        struct connection *node = new_node(nodes, redirect->to.host, redirect->to.port);
        if (!node) {
            (void)err_set(err, nodes->table[0]->origin, 0, 0, "out of memory");
            return REDIS_LOST;
        }
        index = nodes->n;
        nodes->table[nodes->n++] = node;
    }
    if (!redirect->ask) {
        nodes->slots[redirect->slot] = (uint16_t)index;
        nodes->is_stale = true;
    }
    enum redis_status status = connection_ensure(nodes->table[index], err);
    if (status != REDIS_DONE)
        nodes->is_stale = true;
    *ret_node = nodes->table[index];
    return status;
}
