/* The open steps of one analysis, and those closed but not yet taken. A step is open as long as
 * one of its minutes is; packets that are in no window are in no step. */
#pragma once

#include <nightscope/batch.h>
#include <nightscope/profile.h>

struct memory;
struct step;

struct steps {
    struct step *open;       /* unsorted, the last one used first */
    struct step *spare;      /* cleared, with its arrays; or NULL */
    struct profile *waiting; /* parts of steps that other analyses brought, still open */
    struct profile *closed;  /* by time */
};

struct steps *steps_new(void);
void steps_free(struct steps *steps);

/* What is known of the rows of a batch when they have been counted. */
struct step_rows {
    const struct batch *batch;
    struct window *const *windows; /* NULL: in none */
    const uint64_t *hash;          /* in the tables of sources */
    const uint32_t *key, *row;     /* row: may be out of date, or TABLE_NO_ROW */
    const uint8_t *shard, *is6;
    const uint64_t *iot; /* mask of those that match a signature of origin iot */
};
void steps_add(struct analysis *analysis, const struct step_rows *rows);
/* These rows of a batch match a label. */
void steps_note_label(struct analysis *analysis, struct window *const *windows, unsigned label,
                      const uint64_t rows[static BATCH_WORDS],
                      const uint64_t iot[static BATCH_WORDS]);
/* The open step that begins then, made if need be. NULL: memory. */
struct step *steps_open(struct analysis *analysis, int64_t start_s);
/* A part of a step from elsewhere: it waits until its step is over here. */
void steps_receive(struct analysis *into, struct profile *profile);
/* Closes the steps whose windows are closed. */
void steps_close(struct analysis *analysis);
void steps_merge(struct analysis *into, struct analysis *from);
