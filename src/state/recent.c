#include "state/recent.h"

#include <stdlib.h>
#include <string.h>

#include "state/state.h"

enum { PORTS = 2 << 16 }; /* of TCP, then of UDP */

struct taken {
    int64_t at_s;
    uint64_t counts[COUNT_COUNT_];
    uint32_t ports[PORTS]; /* the low half: differences are right for 2^32 packets */
};

struct recent {
    unsigned n, next; /* in the ring */
    struct taken ring[RECENT_TAKEN];
};

struct recent *recent_new(void)
{
    return calloc(1, sizeof(struct recent));
}

void recent_free(struct recent *recent)
{
    free(recent);
}

static void take(struct recent *recent, const struct analysis *analysis, int64_t now_s)
{
    const struct port_tally *rows = analysis->ports[VIEW_SCAN].rows;
    struct taken *taken = &recent->ring[recent->next];
    recent->next = (recent->next + 1) % RECENT_TAKEN;
    recent->n += recent->n < RECENT_TAKEN;
    taken->at_s = now_s;
    memcpy(taken->counts, analysis->totals.counts, sizeof taken->counts);
    for (unsigned i = 0; i < PORTS; i++)
        taken->ports[i] = (uint32_t)rows[i].packets;
}

static unsigned find_top(const struct taken *oldest, const struct port_tally *rows,
                         struct report_top_port *ret_ports)
{
    unsigned n = 0;
    for (unsigned i = 0; i < PORTS; i++) {
        uint32_t packets = (uint32_t)rows[i].packets - oldest->ports[i];
        if (packets > (n == REPORT_TOP_PORTS ? ret_ports[n - 1].packets : 0))
            report_top_ports_add(ret_ports, &n,
                                 &(struct report_top_port){packets, i >> 16, (uint16_t)i});
    }
    return n;
}

void recent_look(struct recent *recent, const struct analysis *analysis, int64_t now_s,
                 struct report_recent *ret_view)
{
    const struct taken *latest =
        &recent->ring[(recent->next + RECENT_TAKEN - 1) % RECENT_TAKEN];
    if (recent->n == 0 || now_s - latest->at_s >= RECENT_EVERY_S)
        take(recent, analysis, now_s);
    const struct taken *oldest = &recent->ring[recent->n < RECENT_TAKEN ? 0 : recent->next];
    ret_view->seconds = (uint32_t)(now_s - oldest->at_s);
    for (unsigned i = 0; i < COUNT_COUNT_; i++)
        ret_view->counts[i] = analysis->totals.counts[i] - oldest->counts[i];
    ret_view->ports_n = find_top(oldest, analysis->ports[VIEW_SCAN].rows, ret_view->ports);
}
