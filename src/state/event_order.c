/* What there is to say about events without a table of them: their order, and how long silence
 * is the end of one. */
#include <nightscope/event.h>

#include <math.h>

int event_compare(const struct event *a, const struct event *b)
{
    if (a->ended_min != b->ended_min)
        return a->ended_min < b->ended_min ? -1 : 1;
    if (a->first_ns != b->first_ns)
        return a->first_ns < b->first_ns ? -1 : 1;
    int order = address_compare(&a->source, &b->source);
    if (order != 0)
        return order;
    if (a->protocol != b->protocol)
        return a->protocol < b->protocol ? -1 : 1;
    if (a->class != b->class)
        return a->class < b->class ? -1 : 1;
    if (a->has_port != b->has_port)
        return a->has_port ? 1 : -1;
    if (a->port != b->port)
        return a->port < b->port ? -1 : 1;
    /* Of one key: ended by each other's packets, in one minute. */
    if (a->last_ns != b->last_ns)
        return a->last_ns < b->last_ns ? -1 : 1;
    return a->packets < b->packets ? -1 : a->packets > b->packets;
}

uint32_t event_idle_s(uint64_t dark_addresses)
{
    if (dark_addresses == 0)
        return EVENT_IDLE_DEFAULT_S;
    const double q = 0.01, scan_pps = 10, internet = 4294967296.0;
    double idle_s = -log(q) * internet / (scan_pps * (double)dark_addresses);
    if (idle_s < EVENT_IDLE_MIN_S)
        return EVENT_IDLE_MIN_S;
    return idle_s > EVENT_IDLE_MAX_S ? EVENT_IDLE_MAX_S : (uint32_t)lround(idle_s);
}
