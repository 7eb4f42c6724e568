/* Waiting with a time limit that a step of the clock does not change. */
#pragma once

#include <pthread.h>
#include <stdbool.h>

void monotonic_cond_init(pthread_cond_t *cond);
/* Waits at most timeout_ms until *running, which the lock guards, is 0; true when it is. The
 * condition is signalled whenever it falls. */
bool monotonic_wait_idle(pthread_mutex_t *lock, pthread_cond_t *cond, const unsigned *running,
                         unsigned timeout_ms);
