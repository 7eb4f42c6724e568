/* Reading what nodes of a Redis Cluster say of each other (Redis Cluster specification, "MOVED
 * Redirection", "ASK Redirection"; CLUSTER SLOTS):
 *
 *   1) 1) first slot  2) last slot  3) 1) host  2) port  3) id ...  4) a replica, the same ...
 */
#include "redis/cluster_map.h"

#include <string.h>

/* Names and addresses; nothing that a resolver or a terminal could take for something else. */
static bool read_host(const char *text, size_t n, const char *asked_host,
                      char ret_host[static 256])
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:%";
    if (n == 0) {
        text = asked_host;
        n = strlen(asked_host);
    }
    if (n >= 256)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!text[i] || !strchr(allowed, text[i]))
            return false;
    memcpy(ret_host, text, n);
    ret_host[n] = '\0';
    return n > 0;
}

/* False: nonsense. A host that the node itself does not know ("?") is one we cannot ask. */
static bool read_place(const struct redis_reply *node, const char *asked_host,
                       struct cluster_place *ret_place, bool *ret_known)
{
    if (node->kind != REDIS_LIST || node->len < 2)
        return false;
    const struct redis_reply *host = &node->items[0], *port = &node->items[1];
    if ((host->kind != REDIS_TEXT && host->kind != REDIS_NIL) || port->kind != REDIS_NUMBER ||
        port->number < 0 || port->number > UINT16_MAX)
        return false;
    size_t n = host->kind == REDIS_TEXT ? host->len : 0;
    *ret_known = port->number > 0 && !(n == 1 && host->text[0] == '?');
    ret_place->port = (uint16_t)port->number;
    return !*ret_known || read_host(host->text, n, asked_host, ret_place->host);
}

static bool find_or_add(struct cluster_map *map, const struct cluster_place *place,
                        uint16_t *ret_index)
{
    for (size_t i = 0; i < map->n; i++)
        if (map->places[i].port == place->port &&
            strcmp(map->places[i].host, place->host) == 0) {
            *ret_index = (uint16_t)i;
            return true;
        }
    if (map->n == CLUSTER_NODES_MAX)
        return false;
    map->places[map->n] = *place;
    *ret_index = (uint16_t)map->n++;
    return true;
}

static bool read_range(const struct redis_reply *range, const char *asked_host,
                       struct cluster_map *map)
{
    if (range->kind != REDIS_LIST || range->len < 3)
        return false;
    const struct redis_reply *first = &range->items[0], *last = &range->items[1];
    if (first->kind != REDIS_NUMBER || last->kind != REDIS_NUMBER || first->number < 0 ||
        first->number > last->number || last->number >= SLOT_COUNT)
        return false;
    for (size_t i = 2; i < range->len; i++) {
        struct cluster_place place;
        uint16_t index;
        bool known;
        if (!read_place(&range->items[i], asked_host, &place, &known))
            return false;
        if (!known)
            continue;
        if (!find_or_add(map, &place, &index))
            return false;
        for (int64_t slot = first->number; i == 2 && slot <= last->number; slot++)
            map->slots[slot] = index;
    }
    return true;
}

bool cluster_map_read(const struct redis_reply *slots, const char *asked_host,
                      struct cluster_map *ret_map)
{
    if (slots->kind != REDIS_LIST || slots->len > SLOT_COUNT)
        return false;
    ret_map->n = 0;
    memset(ret_map->slots, 0xff, sizeof ret_map->slots); /* CLUSTER_NO_NODE */
    for (size_t i = 0; i < slots->len; i++)
        if (!read_range(&slots->items[i], asked_host, ret_map))
            return false;
    return true;
}

/* Digits up to `max`; returns what follows, or NULL. */
static const char *read_number(const char *at, unsigned max, unsigned *ret_number)
{
    unsigned number = 0;
    const char *start = at;
    for (; *at >= '0' && *at <= '9'; at++) {
        number = 10 * number + (unsigned)(*at - '0');
        if (number > max)
            return NULL;
    }
    *ret_number = number;
    return at > start ? at : NULL;
}

bool cluster_redirect_read(const struct redis_reply *reply, const char *asked_host,
                           struct cluster_redirect *ret_redirect)
{
    struct cluster_redirect redirect;
    unsigned port;
    if (reply->kind != REDIS_ERROR)
        return false;
    redirect.ask = strncmp(reply->text, "ASK ", 4) == 0;
    if (!redirect.ask && strncmp(reply->text, "MOVED ", 6) != 0)
        return false;
    const char *at =
        read_number(reply->text + (redirect.ask ? 4 : 6), SLOT_COUNT - 1, &redirect.slot);
    if (!at || *at != ' ')
        return false;
    const char *host = at + 1, *colon = strrchr(host, ':');
    const char *end = colon ? read_number(colon + 1, UINT16_MAX, &port) : NULL;
    if (!end || *end || port == 0 ||
        !read_host(host, (size_t)(colon - host), asked_host, redirect.to.host))
        return false;
    redirect.to.port = (uint16_t)port;
    *ret_redirect = redirect;
    return true;
}
