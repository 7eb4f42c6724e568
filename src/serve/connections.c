#include "serve/connections.h"

#include <string.h>
#include <sys/socket.h>

int connections_init(struct connections *connections)
{
    memset(connections, 0, sizeof *connections);
    return pthread_mutex_init(&connections->lock, NULL);
}

void connections_fini(struct connections *connections)
{
    (void)pthread_mutex_destroy(&connections->lock); /* nobody holds it */
}

struct peer *connections_open(struct connections *connections, int fd, uint64_t now_ms)
{
    struct peer *found = NULL;
    (void)pthread_mutex_lock(&connections->lock);
    for (unsigned i = 0; !found && i < CONNECTIONS_MAX; i++)
        if (!connections->items[i].used)
            found = &connections->items[i];
    if (found) {
        *found = (struct peer){true, fd, PHASE_READING, now_ms};
        connections->n++;
    }
    (void)pthread_mutex_unlock(&connections->lock);
    return found;
}

void connections_phase(struct connections *connections, struct peer *connection,
                       enum phase phase, uint64_t now_ms)
{
    if (!connection)
        return;
    (void)pthread_mutex_lock(&connections->lock);
    connection->phase = phase;
    connection->since_ms = now_ms;
    (void)pthread_mutex_unlock(&connections->lock);
}

void connections_close(struct connections *connections, struct peer *connection)
{
    if (!connection)
        return;
    (void)pthread_mutex_lock(&connections->lock);
    connection->used = false;
    connections->n--;
    (void)pthread_mutex_unlock(&connections->lock);
}

/* The thread of the connection sees the end of it, and closes. */
void connections_reap(struct connections *connections, uint64_t now_ms)
{
    (void)pthread_mutex_lock(&connections->lock);
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
        struct peer *connection = &connections->items[i];
        uint64_t most = connection->phase == PHASE_READING ? CONNECTION_READING_MS
                                                           : CONNECTION_ANSWERING_MS;
        if (!connection->used || connection->phase == PHASE_STREAMING ||
            now_ms - connection->since_ms < most)
            continue;
        if (shutdown(connection->fd, SHUT_RDWR) == 0)
            connections->cut++;
        connection->phase = PHASE_STREAMING; /* not twice */
    }
    (void)pthread_mutex_unlock(&connections->lock);
}
