/* The open steps of one analysis, and those closed but not yet taken. A step is open as long as
 * one of its minutes is; packets that are in no window are in no step. */
#pragma once

#include <nightscope/batch.h>
#include <nightscope/profile.h>

struct memory;
struct steps;

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
/* Closes the steps whose windows are closed. */
void steps_close(struct analysis *analysis);
void steps_merge(struct analysis *into, struct analysis *from);
