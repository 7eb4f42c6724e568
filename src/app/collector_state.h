/* What a collector is made of: for collector.c, and for what saves and loads it. */
#pragma once

#include "app/collector.h"

#include <pthread.h>

enum { CAPTURED_MINUTES = 128 }; /* more than are ever open: lateness is at most half an hour */

struct captured {
    int64_t start_s;
    uint32_t ms;
};

struct collector {
    pthread_mutex_t lock;
    unsigned workers;
    int64_t *closed_until_s; /* by worker */
    struct window *pending;  /* by start_s */
    struct report_minute *rows;
    size_t rows_n, rows_cap;
    struct report_refused refused;
    struct gathering *gathering;

    /* Of a sensor that runs on. */
    size_t rows_max; /* 0: it does not */
    int64_t all_past_s;
    struct collector_closed closed;
    size_t closed_cap;
    struct captured captured[CAPTURED_MINUTES]; /* by minute modulo their number */
};
