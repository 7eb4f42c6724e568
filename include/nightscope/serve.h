/* The web server: the dashboard's page and a read-only JSON API over what sensors published to
 * Redis (contrib/doc/api.md). It writes nothing, and needs a Redis user that may only read.
 *
 * Bounded: connections, clients of the feed, bytes of a request, how long a client may take,
 * members and points of an answer, and answers that are remembered. A Redis that is away is a
 * state: what is known is served, marked as stale, until it is back. */
#pragma once

#include <nightscope/error.h>
#include <nightscope/prefix.h>
#include <nightscope/redis.h>

struct serve_config {
    struct redis_config redis;
    const char *listen;             /* ADDRESS:PORT, [ADDRESS]:PORT; port 0: any free one */
    const char *token;              /* asked of every client; NULL: none */
    bool behind_proxy;              /* a proxy decides who may come in */
    const struct prefix_set *dark;  /* addresses never shown; may be NULL */
    uint64_t (*now_ms)(void);       /* CLOCK_MONOTONIC */
    void (*tell)(const char *text); /* a line for the log: Redis went away, or came back */
};

/* Is the address of ADDRESS:PORT a loopback one? -1 with *err when it is no such thing. */
int serve_is_loopback(const char *listen, bool *ret_loopback, struct err *err);

struct serve;
/* Listens and serves, in threads of its own, until serve_stop(). The configuration's texts and
 * sets are borrowed until then. NULL with *err. */
struct serve *serve_start(const struct serve_config *config, struct err *err);
/* Asks Redis once, as the first client would: one that is away or denies access is told of. */
void serve_try_redis(struct serve *serve);
/* Ends all connections. NULL is fine. */
void serve_stop(struct serve *serve);
/* Where it listens, for people: "http://127.0.0.1:8080/". */
const char *serve_url(const struct serve *serve);
/* Is the page in this program? It is not when it was built without its libraries. */
bool serve_has_page(void);
