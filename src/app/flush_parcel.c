#include "app/flush_parcel.h"

#include <stdlib.h>
#include <string.h>

/* What was handed over for good. */
static void free_taken(struct flusher_values *values)
{
    while (values->steps) {
        struct profile *next = values->steps->next;
        profile_free(values->steps);
        values->steps = next;
    }
    report_free(values->report);
    free(values->report_json);
    free(values->labelled);
}

void parcel_free(struct parcel *parcel)
{
    if (!parcel)
        return;
    free_taken(&parcel->values);
    free(parcel->windows);
    free(parcel->minutes);
    free(parcel->feed);
    model_names_free(parcel->names);
    free(parcel);
}

static bool copy_lists(struct parcel *parcel, const struct flusher_values *values)
{
    parcel->windows = malloc((values->minutes_n + 1) * sizeof *parcel->windows);
    parcel->minutes = malloc((values->minutes_n + 1) * sizeof *parcel->minutes);
    parcel->feed = malloc((values->feed_n + 1) * sizeof *parcel->feed);
    if (!parcel->windows || !parcel->minutes || !parcel->feed)
        return false;
    for (size_t i = 0; i < values->minutes_n; i++) {
        parcel->windows[i] = *values->minutes[i].window;
        parcel->minutes[i] =
            (struct flusher_minute){&parcel->windows[i], values->minutes[i].seconds};
    }
    if (values->feed_n)
        memcpy(parcel->feed, values->feed, values->feed_n * sizeof *parcel->feed);
    return true;
}

struct parcel *parcel_of_values(const struct flusher_values *values)
{
    struct parcel *parcel = calloc(1, sizeof *parcel);
    if (!parcel) {
        struct flusher_values taken = *values;
        free_taken(&taken);
        return NULL;
    }
    parcel->values = *values;
    if (copy_lists(parcel, values))
        return parcel;
    parcel_free(parcel);
    return NULL;
}

struct parcel *parcel_of_names(const struct signature_set *signatures,
                               const char *const *labels, size_t labels_n)
{
    struct parcel *parcel = calloc(1, sizeof *parcel);
    if (!parcel)
        return NULL;
    parcel->names = model_names_new(signatures, labels, labels_n);
    if (parcel->names)
        return parcel;
    free(parcel);
    return NULL;
}

void parcel_open(struct parcel *parcel, struct flush_model *model)
{
    struct flusher_values *values = &parcel->values;
    if (parcel->names) {
        model_take_names(model, parcel->names);
        parcel->names = NULL;
        return;
    }
    for (size_t i = 0; i < values->minutes_n; i++)
        model_add_minute(model, parcel->minutes[i].window, parcel->minutes[i].seconds);
    model_take_steps(model, values->steps);
    values->steps = NULL;
    model_advance(model, values->closed_until_s);
    model_add_feed(model, parcel->feed, values->feed_n);
    if (values->report) {
        model_take_report(model, values->report, values->report_json, values->report_json_len,
                          values->labelled, values->labelled_n);
        values->report = NULL;
        values->report_json = NULL;
        values->labelled = NULL;
    }
}
