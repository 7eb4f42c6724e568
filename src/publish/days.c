/* History by UTC day: its rankings, shorter than those of the trailing day, and the sketches of
 * its sources as strings that PFCOUNT and PFMERGE take. */
#include "publish/publish.h"
#include "sink/calendar.h"

#include <stdio.h>

enum { DAY_TOP_MAX = 200 };

static void publish_sketch(struct publisher *publisher, const struct profile *profile,
                           enum profile_sketch sketch, const char *name, const char *date)
{
    if (profile_sketch_count(profile, sketch) == 0)
        return; /* PFADD of nothing makes no key either */
    uint8_t bytes[PROFILE_SKETCH_BYTES];
    profile_sketch_encode(profile_sketch(profile, sketch), bytes);
    stage_key(publisher, KEPT_DAYS_S, "hll:%s:d:%s", name, date);
    stage_set(publisher, bytes, sizeof bytes);
}

void publish_days(struct publisher *publisher, size_t from)
{
    const struct publication *publication = publisher->publication;
    for (size_t i = from; i < publication->days_n; i++) {
        const struct publication_day *day = &publication->days[i];
        if (day->start_s <= publisher->newest_s - KEPT_DAYS_S)
            continue;
        struct calendar at = calendar_from_s(day->start_s);
        char date[40], before[48];
        (void)snprintf(date, sizeof date, "%04lld%02u%02u", (long long)at.year, at.month,
                       at.day);
        (void)snprintf(before, sizeof before, "d:%s:", date);
        publish_rankings(publisher, day->profile, before, "", DAY_TOP_MAX, false, KEPT_DAYS_S);
        publish_sketch(publisher, day->profile, PROFILE_SCAN_SOURCES, "src", date);
        publish_sketch(publisher, day->profile, PROFILE_IOT_SOURCES, "iot", date);
    }
}
