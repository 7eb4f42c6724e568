#include "app/flush_values.h"

#include "app/shown_report.h"
#include "state/evidence.h"
#include "state/feed.h"
#include "state/labelled.h"

#include <stdlib.h>

int flush_signatures(struct flusher *flusher, const struct setup *setup)
{
    unsigned n = evidence_label_count(setup->evidence);
    const char **labels = calloc(n + 1, sizeof *labels);
    for (unsigned i = 0; labels && i < n; i++)
        labels[i] = evidence_label_name(setup->evidence, i);
    int status = labels ? flusher_signatures(flusher, setup->signatures, labels, n) : -1;
    free(labels);
    return status;
}

bool flush_report(struct flusher_values *values, const struct setup *setup,
                  struct analysis *analysis, struct report *report,
                  const struct sink_files *files)
{
    struct labelled_list labelled = {0};
    size_t length = 0;
    char *json = NULL;
    if (report)
        json = shown_report(report, files, setup_withheld(setup), &length);
    if (!json || labelled_collect(analysis, LABELLED_MAX, &labelled) != 0) {
        free(json);
        report_free(report);
        return false;
    }
    values->report = report;
    values->report_json = json;
    values->report_json_len = length;
    values->labelled = labelled.rows;
    values->labelled_n = labelled.n;
    return true;
}

void flush_place(struct feed_packet *packet, const struct setup *setup)
{
    if (!setup->geo)
        return;
    const struct locator *locator = &setup->locator;
    packet->place = locator->locate(locator->context, &packet->source);
    packet->has_position =
        locator->position && locator->position(locator->context, &packet->source,
                                               &packet->latitude, &packet->longitude);
}
