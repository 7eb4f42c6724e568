#include "app/handover.h"

#include <pthread.h>
#include <stdlib.h>

enum { SLOTS = 16 };

struct handover {
    pthread_mutex_t lock;
    pthread_cond_t filled, emptied;
    uint64_t put, taken; /* slots so far */
    bool ended;
    struct ready *slots[SLOTS];
};

struct handover *handover_new(const struct signature_set *signatures)
{
    struct handover *handover = calloc(1, sizeof *handover);
    if (!handover)
        return NULL;
    (void)pthread_mutex_init(&handover->lock, NULL); /* these cannot fail without attributes */
    (void)pthread_cond_init(&handover->filled, NULL);
    (void)pthread_cond_init(&handover->emptied, NULL);
    for (unsigned i = 0; i < SLOTS; i++)
        if (!(handover->slots[i] = ready_new(signatures))) {
            handover_free(handover);
            return NULL;
        }
    return handover;
}

void handover_free(struct handover *handover)
{
    if (!handover)
        return;
    for (unsigned i = 0; i < SLOTS; i++)
        ready_free(handover->slots[i]);
    (void)pthread_cond_destroy(&handover->filled);
    (void)pthread_cond_destroy(&handover->emptied);
    (void)pthread_mutex_destroy(&handover->lock);
    free(handover);
}

struct ready *handover_space(struct handover *handover)
{
    (void)pthread_mutex_lock(&handover->lock);
    if (handover->put - handover->taken == SLOTS)
        while (handover->put - handover->taken > SLOTS / 2)
            (void)pthread_cond_wait(&handover->emptied, &handover->lock);
    struct ready *slot = handover->slots[handover->put % SLOTS];
    (void)pthread_mutex_unlock(&handover->lock);
    return slot;
}

void handover_put(struct handover *handover)
{
    (void)pthread_mutex_lock(&handover->lock);
    bool ends_chunk = handover->slots[handover->put % SLOTS]->ends_chunk;
    handover->put++;
    if (ends_chunk || handover->put - handover->taken == SLOTS)
        (void)pthread_cond_signal(&handover->filled);
    (void)pthread_mutex_unlock(&handover->lock);
}

void handover_end(struct handover *handover)
{
    (void)pthread_mutex_lock(&handover->lock);
    handover->ended = true;
    (void)pthread_cond_signal(&handover->filled);
    (void)pthread_mutex_unlock(&handover->lock);
}

const struct ready *handover_next(struct handover *handover)
{
    (void)pthread_mutex_lock(&handover->lock);
    while (handover->put == handover->taken && !handover->ended)
        (void)pthread_cond_wait(&handover->filled, &handover->lock);
    bool there = handover->put != handover->taken;
    const struct ready *slot = handover->slots[handover->taken % SLOTS];
    (void)pthread_mutex_unlock(&handover->lock);
    return there ? slot : NULL;
}

void handover_taken(struct handover *handover)
{
    (void)pthread_mutex_lock(&handover->lock);
    handover->taken++;
    if (handover->put - handover->taken == SLOTS / 2)
        (void)pthread_cond_signal(&handover->emptied);
    (void)pthread_mutex_unlock(&handover->lock);
}
