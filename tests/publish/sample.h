/* A publication made from a seed, and what is in it as JSON: the truth that the keys in Redis
 * are compared with. Sorting, cutting, naming and expiry are left to whoever compares. */
#pragma once

#include "harness.h"

#include <nightscope/publication.h>

struct sample_options {
    uint64_t seed;
    uint64_t start_s;  /* of the first minute */
    uint64_t minutes;  /* closed ones, with gaps */
    uint64_t hours;    /* closed ones, up to the newest minute */
    uint64_t days;     /* UTC days with a profile, up to the newest minute */
    uint64_t rows;     /* members of a dimension, where there may be so many */
    uint64_t labelled; /* sources */
    uint64_t feed;     /* packets */
};

struct sample {
    struct publication publication;
    struct report report;
    struct signature_set *signatures;
    struct report_minute *minutes;
    struct publication_hour *hours;
    struct publication_day *days;
    struct profile **profiles; /* of days */
    struct profile *hour, *day;
    struct labelled_source *labelled;
    struct feed_packet *feed;
    const char *withheld; /* prefixes, as text: only for the truth */
    char json[256];
};

/* Ends the program when memory is refused. */
void sample_init(struct sample *sample, const struct sample_options *options);
void sample_fini(struct sample *sample);
void *sample_alloc(size_t n, size_t size);

extern const char *const SAMPLE_LABELS[];
enum {
    SAMPLE_LABELS_N = 4,
    SAMPLE_SKETCHED = 3, /* profiles of fewer rows have no sketches: there may be many */
};
struct profile *sample_profile(struct random *random, int64_t start_s, uint32_t span_s,
                               uint64_t rows);

struct json_out;
void sample_truth(struct json_out *json, const struct sample *sample);
