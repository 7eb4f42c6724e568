/* From the state of a finished analysis to sorted tables of plain numbers. */
#include "state/events.h"
#include "state/held.h"
#include "state/report_labels.h"

#include <stdlib.h>
#include <string.h>

void report_free(struct report *report)
{
    if (!report)
        return;
    struct report_view *views[VIEW_COUNT_] = {&report->scan, &report->backscatter,
                                              &report->iot};
    for (unsigned i = 0; i < VIEW_COUNT_; i++) {
        free(views[i]->ports.rows);
        free(views[i]->countries.rows);
        free(views[i]->asns.rows);
        free(views[i]->top_sources.rows);
    }
    free(report->signatures.rows);
    free(report->labels.rows);
    free(report->iot_ports.rows);
    free(report->series.rows);
    free(report);
}

static int by_number(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_ports(const void *left, const void *right)
{
    const struct report_port *a = left, *b = right;
    if (a->packets != b->packets)
        return by_number(b->packets, a->packets);
    if (a->protocol != b->protocol)
        return by_number(a->protocol, b->protocol);
    return by_number(a->port, b->port);
}

static int compare_countries(const void *left, const void *right)
{
    const struct report_country *a = left, *b = right;
    return a->packets != b->packets ? by_number(b->packets, a->packets) : strcmp(a->cc, b->cc);
}

static int compare_asns(const void *left, const void *right)
{
    const struct report_asn *a = left, *b = right;
    if (a->packets != b->packets)
        return by_number(b->packets, a->packets);
    return by_number(a->asn, b->asn);
}

/* How many of n rows are kept. */
static size_t cut(size_t n, size_t top)
{
    return top && top < n ? top : n;
}

static int fill_ports(const struct analysis *analysis, enum view view, size_t top,
                      struct report_view *ret_view)
{
    const struct port_tally *tallies = analysis->ports[view].rows;
    size_t total = 0, n = 0;
    for (unsigned i = 0; i < PORTS_ROWS; i++)
        total += tallies[i].packets != 0;
    ret_view->ports.total = total;
    if (!total)
        return 0;
    struct report_port *rows = calloc(total, sizeof *rows);
    if (!rows)
        return -1;
    ret_view->ports.rows = rows;
    for (unsigned i = 0; i < PORTS_ROWS; i++)
        if (tallies[i].packets)
            rows[n++] = (struct report_port){
                .protocol = i >> 16 ? PROTOCOL_UDP : PROTOCOL_TCP,
                .port = (uint16_t)i,
                .packets = tallies[i].packets,
            };
    qsort(rows, total, sizeof *rows, compare_ports);
    ret_view->ports.n = cut(total, top);
    for (size_t i = 0; i < ret_view->ports.n; i++) {
        unsigned udp = rows[i].protocol == PROTOCOL_UDP;
        rows[i].sources =
            distinct_count(&analysis->ports_pool, &tallies[udp << 16 | rows[i].port].sources,
                           &rows[i].sources_estimated);
        if (rows[i].sources > rows[i].packets)
            rows[i].sources = rows[i].packets; /* of an estimate */
    }
    return 0;
}

/* Sources that were evicted count again when they come back, those that were refused not at
 * all: what is added up by source is an estimate then. */
static bool is_estimated(const struct analysis *analysis)
{
    return analysis->sources_evicted || analysis->sources_refused;
}

static int fill_countries(const struct places *places, enum view view, size_t top,
                          bool estimated, struct report_view *ret_view)
{
    struct report_country *rows = calloc(CC_COUNT_, sizeof *rows);
    if (!rows)
        return -1;
    size_t n = 0;
    for (unsigned cc = 0; cc < CC_COUNT_; cc++) {
        const struct place_tally *tally = &places->countries[cc][view];
        if (!tally->packets)
            continue;
        rows[n].packets = tally->packets;
        rows[n].sources = tally->sources;
        rows[n].sources_estimated = estimated;
        cc_text(cc, rows[n++].cc);
    }
    qsort(rows, n, sizeof *rows, compare_countries);
    ret_view->countries.rows = rows;
    ret_view->countries.total = n;
    ret_view->countries.n = cut(n, top);
    return 0;
}

static int fill_asns(const struct places *places, enum view view, size_t top,
                     const struct locator *locator, bool estimated,
                     struct report_view *ret_view)
{
    size_t n = 0;
    if (!places->n)
        return 0;
    struct report_asn *rows = calloc(places->n, sizeof *rows);
    if (!rows)
        return -1;
    ret_view->asns.rows = rows;
    for (size_t i = 0; i < places->cap; i++) {
        const struct as_row *row = &places->rows[i];
        if (row->used && row->tallies[view].packets)
            rows[n++] = (struct report_asn){
                .asn = row->asn,
                .packets = row->tallies[view].packets,
                .sources = row->tallies[view].sources,
                .sources_estimated = estimated,
            };
    }
    qsort(rows, n, sizeof *rows, compare_asns);
    ret_view->asns.total = n;
    ret_view->asns.n = cut(n, top);
    for (size_t i = 0; locator && i < ret_view->asns.n; i++) {
        if (!rows[i].asn)
            continue;
        struct address low = places_lowest(places, rows[i].asn);
        locator->as_name(locator->context, &low, rows[i].name, sizeof rows[i].name);
        rows[i].name[sizeof rows[i].name - 1] = '\0';
    }
    return 0;
}

static void fill_sources(const struct analysis *analysis, const struct held *held,
                         struct report *ret_report)
{
    bool estimated = is_estimated(analysis);
    ret_report->sources_estimated = ret_report->class_sources_estimated = estimated;
    ret_report->scan.sources_estimated = ret_report->backscatter.sources_estimated = estimated;
    ret_report->sources = held->sources;
    memcpy(ret_report->class_sources, held->class_sources, sizeof held->class_sources);
    if (estimated) {
        ret_report->sources = hll_estimate(analysis->sources_sketch, HLL_LARGE_BITS);
        for (unsigned class = 0; class < CLASS_COUNT_; class ++)
            ret_report->class_sources[class] =
                hll_estimate(analysis->class_sketch[class], HLL_LARGE_BITS);
    }
    ret_report->counts[COUNT_sources] = ret_report->sources;
}

/* Seconds of a minute that lie between the first and the last frame. */
static uint32_t seconds_of(const struct report_minute *minute, const struct report_input *input)
{
    const int64_t second = 1000000000;
    int64_t begin = minute->start_s * second, end = begin + 60 * second;
    if (input->first_ns > begin)
        begin = input->first_ns;
    if (input->last_ns < end)
        end = input->last_ns;
    return end > begin ? (uint32_t)((end - begin + second - 1) / second) : 1;
}

static int fill_series(const struct report_input *input, struct report *ret_report)
{
    ret_report->series.total = input->minutes_n;
    if (!input->minutes_n)
        return 0;
    struct report_minute *rows = malloc(input->minutes_n * sizeof *rows);
    if (!rows)
        return -1;
    memcpy(rows, input->minutes, input->minutes_n * sizeof *rows);
    for (size_t i = 0; i < input->minutes_n; i++)
        if (!rows[i].seconds)
            rows[i].seconds = seconds_of(&rows[i], input);
    ret_report->series.rows = rows;
    ret_report->series.n = input->minutes_n;
    return 0;
}

static struct report_limits limits_of(const struct analysis *analysis)
{
    struct events_limits events = {0};
    if (analysis->events)
        events = events_limits(analysis->events);
    return (struct report_limits){
        .sources_evicted = analysis->sources_evicted,
        .sources_max = (uint64_t)analysis->shard_max * SHARD_COUNT,
        .distinct_frozen = analysis->sets_frozen + events.frozen,
        .evidence_refused = analysis->labels.refused,
        .events_evicted = events.evicted,
        .events_refused = events.refused,
        .memory_refused = analysis->memory_refused + analysis->windows.memory_refused +
                          analysis->destinations.memory_refused,
    };
}

static void fill_totals(const struct analysis *analysis, const struct report_input *input,
                        struct report *ret_report)
{
    const struct totals *totals = &analysis->totals;
    ret_report->has_time = input->has_time;
    ret_report->first_ns = input->first_ns;
    ret_report->last_ns = input->last_ns;
    ret_report->frames = input->frames;
    ret_report->located = input->locator;
    memcpy(ret_report->counts, totals->counts, sizeof totals->counts);
    memcpy(ret_report->not_counted, totals->not_counted, sizeof totals->not_counted);
    memcpy(ret_report->bad_checksum, totals->bad_checksum, sizeof totals->bad_checksum);
    ret_report->from_dark = totals->from_dark;
    ret_report->ipv6 = totals->ipv6;
    ret_report->fragments = totals->fragments;
    ret_report->cut = totals->cut;
    ret_report->decapsulated = totals->decapsulated;
    ret_report->destinations =
        destinations_count(&analysis->destinations, &ret_report->destinations_estimated);
    ret_report->limits = limits_of(analysis);
    ret_report->limits.minutes_refused = input->refused.minutes;
    ret_report->refused_seconds = input->refused.seconds;
}

void report_totals(const struct analysis *analysis, struct report_totals *ret_totals)
{
    const struct totals *totals = &analysis->totals;
    memcpy(ret_totals->counts, totals->counts, sizeof totals->counts);
    memcpy(ret_totals->not_counted, totals->not_counted, sizeof totals->not_counted);
    ret_totals->limits = limits_of(analysis);
    ret_totals->sources = 0;
    for (unsigned i = 0; i < SHARD_COUNT; i++)
        ret_totals->sources += shard_rows(&analysis->shards[i]);
}

void report_top_ports_add(struct report_top_port ports[static REPORT_TOP_PORTS], unsigned *n,
                          const struct report_top_port *port)
{
    struct report_top_port added = *port;
    unsigned at = 0;
    while (at < *n && (ports[at].udp != port->udp || ports[at].port != port->port))
        at++;
    if (at < *n) { /* it moves */
        added.packets += ports[at].packets;
        memmove(ports + at, ports + at + 1, (--*n - at) * sizeof *ports);
    }
    at = *n;
    while (at > 0 && (ports[at - 1].packets < added.packets ||
                      (ports[at - 1].packets == added.packets &&
                       (ports[at - 1].udp > added.udp ||
                        (ports[at - 1].udp == added.udp && ports[at - 1].port > added.port)))))
        at--;
    if (at == REPORT_TOP_PORTS)
        return;
    *n += *n < REPORT_TOP_PORTS;
    memmove(ports + at + 1, ports + at, (*n - at - 1) * sizeof *ports);
    ports[at] = added;
}

void report_signature_packets(const struct analysis *analysis, uint64_t *ret_packets)
{
    const struct labels *labels = &analysis->labels;
    for (unsigned i = 0; i < signature_count(labels->plan->signatures); i++)
        ret_packets[i] = labels->evicted.signatures[i].packets;
}

struct report *report_new(struct analysis *analysis, const struct report_input *input)
{
    struct report *report = calloc(1, sizeof *report);
    struct held *held = held_new(analysis, input->top);
    bool estimated = is_estimated(analysis);
    int result = report && held ? 0 : -1;
    if (!result) {
        fill_totals(analysis, input, report);
        fill_sources(analysis, held, report);
        report->scan.packets = report->counts[COUNT_scan];
        report->scan.sources = report->class_sources[CLASS_SCAN];
        report->backscatter.packets = report->counts[COUNT_backscatter];
        report->backscatter.sources = report->class_sources[CLASS_BACKSCATTER];
        result = fill_series(input, report);
    }
    if (!result)
        result = report_labels(analysis, input, &held->tallies, estimated, report);
    for (enum view view = 0; !result && view < VIEW_COUNT_; view++) {
        struct report_view *tables = view == VIEW_SCAN          ? &report->scan
                                     : view == VIEW_BACKSCATTER ? &report->backscatter
                                                                : &report->iot;
        if (fill_ports(analysis, view, input->top, tables) ||
            fill_countries(&held->places, view, input->top, estimated, tables) ||
            fill_asns(&held->places, view, input->top, input->locator, estimated, tables) ||
            toplist_rows(analysis, &held->tops[view], tables))
            result = -1;
    }
    held_free(held);
    if (!result)
        return report;
    report_free(report);
    return NULL;
}
