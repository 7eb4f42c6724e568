/* What a flusher is given, as it waits in the inbox of its thread. */
#pragma once

#include "app/flush_model.h"
#include "app/flusher.h"

/* Values, or the names that those after it go by. */
struct parcel {
    struct parcel *next;
    struct flusher_values values; /* copied lists; window: NULL, they are in `windows` */
    struct window *windows;
    struct flusher_minute *minutes;
    struct feed_packet *feed;
    char *feed_labels;         /* those of `feed`, one behind the other */
    struct model_names *names; /* NULL: these are values */
    uint64_t bytes;            /* memory of all of it, but for names */
};

/* Copies what is only lent, labels too, and takes the rest: nothing in it depends on signatures
 * that are there now. NULL: memory, and what was to be taken is freed. */
struct parcel *parcel_of_values(const struct flusher_values *values);
/* NULL: memory. */
struct parcel *parcel_of_names(const struct signature_set *signatures,
                               const char *const *labels, size_t labels_n);
/* Moves the report, and all that comes with one, into values that are empty; the bytes of it.
 */
uint64_t parcel_take_report(struct parcel *parcel, struct flusher_values *ret_values);
/* What was handed over for good. */
void flusher_values_free(struct flusher_values *values);
/* Gives a model what is in it; the parcel is still to be freed. */
void parcel_open(struct parcel *parcel, struct flush_model *model);
/* NULL is allowed. */
void parcel_free(struct parcel *parcel);
