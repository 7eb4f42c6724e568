#include "app/chunk_ring.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    RING = 16,
    TOGETHER = 4, /* chunks made ahead are announced, and room for more, so many at a time: to
                     wake a thread takes about as long as to count half a chunk */
};

struct slot {
    struct chunk *chunk;
    unsigned readers; /* that have not given it back */
};

struct chunk_ring {
    struct replay *replay;
    unsigned readers;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a chunk was made, or given back by all */
    struct slot slots[RING];
    uint64_t made; /* chunks made so far */
    bool making, ended;
    bool ahead; /* readers leave it to chunk_ring_make_ahead() */
};

struct chunk_ring *chunk_ring_new(struct replay *replay, unsigned readers, bool ahead)
{
    struct chunk_ring *ring = calloc(1, sizeof *ring);
    if (!ring)
        return NULL;
    ring->replay = replay;
    ring->readers = readers;
    ring->ahead = ahead;
    (void)pthread_mutex_init(&ring->lock, NULL); /* these cannot fail without attributes */
    (void)pthread_cond_init(&ring->changed, NULL);
    for (unsigned i = 0; i < RING; i++)
        if (!(ring->slots[i].chunk = chunk_new())) {
            chunk_ring_free(ring);
            return NULL;
        }
    return ring;
}

void chunk_ring_free(struct chunk_ring *ring)
{
    if (!ring)
        return;
    for (unsigned i = 0; i < RING; i++) {
        if (ring->slots[i].chunk)
            chunk_release(ring->replay, ring->slots[i].chunk);
        chunk_free(ring->slots[i].chunk);
    }
    (void)pthread_cond_destroy(&ring->changed);
    (void)pthread_mutex_destroy(&ring->lock);
    free(ring);
}

/* Makes the next chunk in its slot; called and returns with the lock held. */
static void make(struct chunk_ring *ring)
{
    struct slot *slot = &ring->slots[ring->made % RING];
    ring->making = true;
    (void)pthread_mutex_unlock(&ring->lock);
    chunk_release(ring->replay, slot->chunk);
    bool more = replay_next(ring->replay, slot->chunk);
    (void)pthread_mutex_lock(&ring->lock);
    ring->making = false;
    if (more) {
        slot->readers = ring->readers;
        ring->made++;
    } else {
        ring->ended = true;
    }
    if (!ring->ahead || ring->ended || ring->made % TOGETHER == 0)
        (void)pthread_cond_broadcast(&ring->changed);
}

/* Have all readers given back what the next n chunks are made in? */
static bool has_room(const struct chunk_ring *ring, unsigned n)
{
    return ring->slots[(ring->made + n - 1) % RING].readers == 0; /* they come back in order */
}

void chunk_ring_make_ahead(struct chunk_ring *ring)
{
    bool pays = replay_look(ring->replay);
    (void)pthread_mutex_lock(&ring->lock);
    ring->ahead = pays;
    while (ring->ahead && !ring->ended) {
        if (has_room(ring, 1)) {
            make(ring);
            continue;
        }
        (void)pthread_cond_broadcast(&ring->changed);
        while (!has_room(ring, TOGETHER))
            (void)pthread_cond_wait(&ring->changed, &ring->lock);
    }
    (void)pthread_cond_broadcast(&ring->changed);
    (void)pthread_mutex_unlock(&ring->lock);
}

const struct chunk *chunk_ring_get(struct chunk_ring *ring, uint64_t number)
{
    (void)pthread_mutex_lock(&ring->lock);
    while (number == ring->made && !ring->ended) {
        if (!ring->ahead && !ring->making && has_room(ring, 1))
            make(ring);
        else
            (void)pthread_cond_wait(&ring->changed, &ring->lock);
    }
    bool there = number < ring->made;
    (void)pthread_mutex_unlock(&ring->lock);
    return there ? ring->slots[number % RING].chunk : NULL;
}

void chunk_ring_put(struct chunk_ring *ring, uint64_t number)
{
    (void)pthread_mutex_lock(&ring->lock);
    if (--ring->slots[number % RING].readers == 0 && has_room(ring, ring->ahead ? TOGETHER : 1))
        (void)pthread_cond_broadcast(&ring->changed);
    (void)pthread_mutex_unlock(&ring->lock);
}
