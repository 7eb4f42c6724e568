#include "app/flush_inbox.h"

void flush_inbox_init(struct flush_inbox *inbox)
{
    *inbox = (struct flush_inbox){.end = &inbox->first};
}

void flush_inbox_put(struct flush_inbox *inbox, struct parcel *parcel,
                     struct flusher_values *ret_stale)
{
    *ret_stale = (struct flusher_values){0};
    if (parcel->values.report) {
        if (inbox->report)
            inbox->bytes -= parcel_take_report(inbox->report, ret_stale);
        inbox->report = parcel;
    }
    *inbox->end = parcel;
    inbox->end = &parcel->next;
    inbox->n++;
    inbox->bytes += parcel->bytes;
}

struct parcel *flush_inbox_take(struct flush_inbox *inbox)
{
    struct parcel *first = inbox->first;
    flush_inbox_init(inbox);
    return first;
}

void flush_inbox_fini(struct flush_inbox *inbox)
{
    struct parcel *parcel = flush_inbox_take(inbox);
    while (parcel) {
        struct parcel *next = parcel->next;
        parcel_free(parcel);
        parcel = next;
    }
}
