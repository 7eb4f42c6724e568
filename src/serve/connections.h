/* How long a client may take: a request must be there whole soon after its connection, or the
 * one before it, and a reply must be taken in the end. The library's own time-out is about
 * silence; whoever sends a byte now and then would stay for hours.
 *
 *   READING --request is there--> ANSWERING --done--> READING (the connection is kept)
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    CONNECTIONS_MAX = 256,
    CONNECTION_IDLE_S = 15, /* of silence */
    CONNECTION_READING_MS = 10000,
    CONNECTION_ANSWERING_MS = 60000,
};

enum phase { PHASE_READING, PHASE_ANSWERING, PHASE_STREAMING };

struct peer {
    bool used;
    int fd;
    enum phase phase;
    uint64_t since_ms;
};

struct connections {
    pthread_mutex_t lock;
    struct peer items[CONNECTIONS_MAX];
    unsigned n;
    uint64_t cut; /* that took too long */
};

int connections_init(struct connections *connections);
void connections_fini(struct connections *connections);
/* NULL: there is no room. */
struct peer *connections_open(struct connections *connections, int fd, uint64_t now_ms);
void connections_phase(struct connections *connections, struct peer *connection,
                       enum phase phase, uint64_t now_ms);
void connections_close(struct connections *connections, struct peer *connection);
/* Shuts those that took too long. */
void connections_reap(struct connections *connections, uint64_t now_ms);
