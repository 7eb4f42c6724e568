/* What the workers of a sensor are made of: for live_workers*.c. */
#pragma once

#include "app/live_worker.h"

struct live_workers {
    struct live_workers_config config;
    struct live_worker *worker;
    struct live_request hold;
    uint64_t frames_before;
    unsigned started;
    pthread_mutex_t lock;
    pthread_cond_t done;
    unsigned running;
};
