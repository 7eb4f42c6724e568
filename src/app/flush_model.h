/* All that a running sensor's keys hold, as the flusher's thread knows it, and how much of it
 * Redis has acknowledged. Bounded: what the schema keeps, no more. Not thread-safe. */
#pragma once

#include "app/gathering.h"
#include "publish/flush.h"

#include <nightscope/publication.h>

enum {
    MODEL_MINUTES_MAX = 7 * 1440, /* what series:1m keeps */
    MODEL_MINUTES_DROPPED = 1024, /* at a time, when there are too many */
    MODEL_LOOK_N = 256,           /* labelled sources that a flush asks for */
    MODEL_FEED_LABELS_MAX = 4096, /* different ones */
    MODEL_LABELS_MAX = 1 << 16,   /* of rankings */
};

/* Names by index, copied. */
struct model_names {
    struct publication_signature *signatures;
    size_t signatures_n;
    char **labels;
    size_t labels_n;
};

/* A labelled source as Redis has it. */
struct model_source {
    struct address address;
    uint64_t digest;
};

struct flush_model {
    struct gathering *gathering;
    uint64_t gathered_version;
    struct gathered gathered;

    struct report_minute *minutes; /* by time */
    size_t minutes_n, minutes_cap;
    int64_t closed_until_s;
    struct feed_packet *feed; /* room for twice FEED_MAX */
    size_t feed_n;
    char **feed_labels;
    size_t feed_labels_n;

    struct report *report;
    char *report_json;
    size_t report_json_len;
    struct labelled_source *labelled;
    size_t labelled_n;
    struct model_names *names, *labelled_names; /* newest; those that `labelled` refers to */
    uint64_t drops, refused;
    uint64_t saved_version, saved_bytes; /* of the gathering, and of its profiles */
    uint16_t *label_map; /* of names that are taken; room for MODEL_LABELS_MAX */

    /* Acknowledged. */
    bool all_due;                                      /* everything must be sent */
    bool any_due;                                      /* something changed since */
    int64_t acked_minute_s, acked_hour_s, acked_day_s; /* starts; -1: none */
    uint64_t acked_version;
    size_t acked_feed_n;
    struct model_source *acked; /* by address */
    size_t acked_n, looked;
    struct flush_memory memory;
};

/* -1: out of memory. */
int model_init(struct flush_model *model);
void model_fini(struct flush_model *model);

/* Each copies, or takes what its name says; refused memory is counted. */
void model_add_minute(struct flush_model *model, const struct window *window, uint32_t seconds);
void model_take_steps(struct flush_model *model, struct profile *steps);
void model_advance(struct flush_model *model, int64_t closed_until_s);
/* The trailing spans end with the newest minute, packets or not, and before what is not closed;
 * at the end of a run, closed_until_s may lie ahead of that. */
void model_roll(struct flush_model *model);
void model_add_feed(struct flush_model *model, const struct feed_packet *packets, size_t n);
void model_take_report(struct flush_model *model, struct report *report, char *json, size_t n,
                       struct labelled_source *labelled, size_t labelled_n);
/* Takes the names; the labelled sources there are keep theirs. Rankings keep their labels by
 * name, also those that are not among these: they are added behind them. */
void model_take_names(struct flush_model *model, struct model_names *names);
struct model_names *model_names_new(const struct signature_set *signatures,
                                    const char *const *labels, size_t labels_n);
void model_names_free(struct model_names *names);

/* The files PATH (series) and PATH.profiles (rankings): what was closed, whole. Profiles are
 * written when they changed. -1 with *err: the files are as they were. */
int model_save(struct flush_model *model, const char *sensor, const char *path,
               uint64_t *ret_bytes, struct err *err);
/* Into an empty model; files that are not there leave it empty. -1 with *err: they are not such
 * files, or of another sensor. */
int model_load(struct flush_model *model, const char *sensor, const char *path,
               struct err *err);
/* One of the files' contents. */
bool model_load_bytes(struct flush_model *model, const char *sensor, const char *path,
                      bool profiles, const uint8_t *bytes, size_t n, struct err *err);

/* Closed windows that are not acknowledged. */
uint64_t model_held(const struct flush_model *model);
uint64_t model_bytes(const struct flush_model *model);

/* What is to be written: a publication (of which the caller fills in who writes, when and how
 * often), and what of it is new. False: out of memory. */
struct model_flush {
    struct publication publication;
    struct flush changes;
    bool all; /* not only the changes */
    uint32_t *labelled;
    struct address *gone;
    struct model_source *sources; /* what `acked` becomes */
    size_t sources_n;
};
bool model_flush_init(struct flush_model *model, struct model_flush *ret_flush);
void model_flush_fini(struct model_flush *flush);
/* Redis has it. */
void model_acknowledge(struct flush_model *model, struct model_flush *flush);
