/* The sampled packets on their way from Redis to all who watch: one thread asks, while anybody
 * does, and everybody reads from one ring. Whoever is too slow loses what was overwritten, and
 * is told how much.
 *
 *   XREVRANGE ns:{S}:feed --> ring of events --> client's place in it --> its connection
 */
#pragma once

#include "serve/answerer.h"

enum {
    FEED_RING = 8192,
    FEED_EVENT_CAP = 400, /* bytes of one as it is sent */
    FEED_CLIENTS_MAX = 64,
    FEED_BACKLOG = 1500, /* that somebody new is sent of what was before */
    FEED_POLL_MS = 500,
    FEED_HEARTBEAT_MS = 5000, /* of silence, after which a comment is sent */
    FEED_NO_SENSOR = REQUEST_SENSORS_MAX,
};

struct feed_event {
    unsigned sensor; /* index in sensors; FEED_NO_SENSOR: one that is gone */
    bool iot;
    unsigned n;
    char text[FEED_EVENT_CAP];
};

struct feed_sensor {
    char name[65];
    char last[48]; /* id of the newest entry in the ring; "": none */
};

struct feed_hub {
    struct answerer *answerer;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t turn; /* there are events, or it ends */
    bool stopping, started, away;
    unsigned clients;
    uint64_t head; /* events so far */
    struct feed_event *ring;
    struct feed_sensor sensors[REQUEST_SENSORS_MAX];
    unsigned sensors_n;
    uint64_t lost, sent;
};

struct feed_client {
    struct feed_hub *hub;
    struct request request;
    uint64_t at; /* the next event */
    bool away;   /* it was told so */
    bool greeted;
};

int feed_hub_start(struct feed_hub *hub, struct answerer *answerer, struct err *err);
/* Wakes and ends all clients' reading; their clients are freed by their connections. */
void feed_hub_stop(struct feed_hub *hub);
void feed_hub_fini(struct feed_hub *hub);
/* NULL: there are too many, or out of memory. */
struct feed_client *feed_client_new(struct feed_hub *hub, const struct request *request);
void feed_client_free(struct feed_client *client);
/* Waits for something to send and writes whole events into buf, of at least 2 KiB. 0: it is
 * over. */
size_t feed_client_read(struct feed_client *client, char *buf, size_t max);
