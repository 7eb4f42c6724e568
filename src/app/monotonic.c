#include "app/monotonic.h"

#include <time.h>

void monotonic_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes); /* these cannot fail on Linux */
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(cond, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

bool monotonic_wait_idle(pthread_mutex_t *lock, pthread_cond_t *cond, const unsigned *running,
                         unsigned timeout_ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    (void)pthread_mutex_lock(lock);
    int waited = 0;
    while (*running > 0 && waited == 0)
        waited = pthread_cond_timedwait(cond, lock, &until);
    bool idle = *running == 0;
    (void)pthread_mutex_unlock(lock);
    return idle;
}
