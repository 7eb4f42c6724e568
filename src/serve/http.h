/* The HTTP side (libmicrohttpd): a thread a connection, of which there are at most so many.
 * Here a request is let in, parsed, answered, and given its headers. */
#pragma once

#include "serve/answerer.h"
#include "serve/connections.h"
#include "serve/feed_hub.h"

#include <microhttpd.h>

enum {
    HTTP_MEMORY = 16 << 10, /* bytes a connection has for a request's head, and a reply's */
    HTTP_STACK = 256 << 10, /* of a connection's thread */
    HTTP_STREAM_BLOCK = 8 << 10, /* of the feed */
};

struct serve {
    struct serve_config config;
    struct answerer answerer;
    struct feed_hub hub;
    struct connections connections;
    struct MHD_Daemon *daemon;
    bool check_host; /* on loopback, for this machine alone */
    pthread_t reaper;
    pthread_mutex_t lock;
    pthread_cond_t end;
    bool stopping, reaping;
    char url[96];
    uint64_t replies[6];                    /* by the first digit of the status */
    uint64_t requests[ENDPOINT_COUNT_ + 1]; /* the last: of those that were refused */
};

/* 0, or -1 with *err. */
int http_start(struct serve *serve, int listen_fd, struct err *err);
void http_stop(struct serve *serve);
/* The text of /metrics; to be freed, NULL: out of memory. */
char *metrics_text(struct serve *serve, size_t *ret_n);
