#include "app/flush_parcel.h"

#include <stdlib.h>
#include <string.h>

void flusher_values_free(struct flusher_values *values)
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
    flusher_values_free(&parcel->values);
    free(parcel->windows);
    free(parcel->minutes);
    free(parcel->feed);
    free(parcel->feed_labels);
    model_names_free(parcel->names);
    free(parcel);
}

/* Labels are borrowed from signatures, which may be reloaded while the parcel waits. */
static bool copy_feed(struct parcel *parcel, const struct feed_packet *feed, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += feed[i].label ? strlen(feed[i].label) + 1 : 0;
    parcel->feed = malloc((n + 1) * sizeof *parcel->feed);
    parcel->feed_labels = malloc(bytes + 1);
    if (!parcel->feed || !parcel->feed_labels)
        return false;
    char *at = parcel->feed_labels;
    for (size_t i = 0; i < n; i++) {
        struct feed_packet *packet = &parcel->feed[i];
        *packet = feed[i];
        if (!packet->label)
            continue;
        size_t length = strlen(packet->label) + 1;
        packet->label = memcpy(at, packet->label, length);
        at += length;
    }
    return true;
}

static bool copy_lists(struct parcel *parcel, const struct flusher_values *values)
{
    parcel->windows = malloc((values->minutes_n + 1) * sizeof *parcel->windows);
    parcel->minutes = malloc((values->minutes_n + 1) * sizeof *parcel->minutes);
    if (!parcel->windows || !parcel->minutes)
        return false;
    for (size_t i = 0; i < values->minutes_n; i++) {
        parcel->windows[i] = *values->minutes[i].window;
        parcel->minutes[i] =
            (struct flusher_minute){&parcel->windows[i], values->minutes[i].seconds};
    }
    return copy_feed(parcel, values->feed, values->feed_n);
}

static uint64_t report_bytes(const struct flusher_values *values)
{
    return values->report_json_len + values->labelled_n * sizeof *values->labelled;
}

static uint64_t all_bytes(const struct flusher_values *values)
{
    uint64_t bytes = sizeof(struct parcel) + report_bytes(values) +
                     values->minutes_n * (sizeof(struct window) + sizeof *values->minutes) +
                     values->feed_n * sizeof *values->feed;
    for (const struct profile *step = values->steps; step; step = step->next)
        bytes += profile_bytes(step);
    return bytes;
}

uint64_t parcel_take_report(struct parcel *parcel, struct flusher_values *ret_values)
{
    struct flusher_values *values = &parcel->values;
    uint64_t bytes = report_bytes(values);
    *ret_values = (struct flusher_values){.report = values->report,
                                          .report_json = values->report_json,
                                          .labelled = values->labelled};
    values->report = NULL;
    values->report_json = NULL;
    values->labelled = NULL;
    values->report_json_len = values->labelled_n = 0;
    parcel->bytes -= bytes;
    return bytes;
}

struct parcel *parcel_of_values(const struct flusher_values *values)
{
    struct parcel *parcel = calloc(1, sizeof *parcel);
    if (!parcel) {
        struct flusher_values taken = *values;
        flusher_values_free(&taken);
        return NULL;
    }
    parcel->values = *values;
    parcel->bytes = all_bytes(values);
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
