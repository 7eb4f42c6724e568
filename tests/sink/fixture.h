/* A fixed report made by hand, with hostile names, and one with random contents. */
#pragma once

#include "harness.h"

#include <nightscope/sink.h>

struct fixture {
    struct report report;
    struct sink_files files;
    /* what they point to */
    struct file_status status[8];
    const struct file_status *file[8];
};

/* Every number differs from every other, so that a swapped field shows. */
void fixture_fixed(struct fixture *fixture);
/* The same with 20 rows in every table, and few remarks. */
void fixture_busy(struct fixture *fixture);
/* Nothing was read. */
void fixture_empty(struct fixture *fixture);
void fixture_random(struct fixture *fixture, struct random *random);
/* For all of them. */
void fixture_fini(struct fixture *fixture);
