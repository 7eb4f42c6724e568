/* The report of an analysis: plain numbers and sorted tables, ready for any sink.
 *
 * Tables are sorted by packets, descending, then by key ascending, and cut at `top` rows;
 * `total` is the number of rows there were. A distinct count that comes from a sketch has its
 * `_estimated` flag set. Names in outputs are those of the contract in contrib/doc/report.md.
 */
#pragma once

#include <nightscope/analysis.h>
#include <nightscope/window.h>

struct report_port {
    enum protocol protocol; /* PROTOCOL_TCP or PROTOCOL_UDP */
    uint16_t port;
    uint64_t packets, sources;
    bool sources_estimated;
};

struct report_country {
    char cc[3]; /* "??": unknown */
    uint64_t packets, sources;
};

struct report_asn {
    uint32_t asn; /* 0: unknown */
    char name[96];
    uint64_t packets, sources;
};

struct report_source {
    struct address ip;
    uint64_t packets;             /* all it sent; in the backscatter view: its backscatter */
    uint64_t ports, destinations; /* distinct, over all it sent; ports are (protocol, port) */
    bool ports_estimated, destinations_estimated;
    uint32_t first_s, last_s; /* Unix time */
    char cc[3];               /* "??": unknown */
    uint32_t asn;
};

struct report_minute {
    int64_t start_s;
    uint32_t seconds; /* how much of it lies between the first and the last frame, rounded up */
    uint64_t counts[COUNT_COUNT_];
    uint64_t dports;
};

#define REPORT_TABLE(type)                                                                     \
    struct {                                                                                   \
        struct type *rows;                                                                     \
        size_t n, total;                                                                       \
    }

/* The same tables, over one kind of packets. */
struct report_view {
    uint64_t packets, sources;
    REPORT_TABLE(report_port) ports; /* by destination port; backscatter: by source port */
    REPORT_TABLE(report_country) countries;
    REPORT_TABLE(report_asn) asns;
    REPORT_TABLE(report_source) top_sources;
};

/* What a limit refused, by name; part of the report as "limits". */
#define LIMITS(X)                                                                              \
    X(sources_evicted) /* sources dropped from the table; distinct counts are then estimated   \
                        */                                                                     \
    X(sources_max)     /* the limit itself */                                                  \
    X(minutes_refused) /* minutes that do not fit the series: in the totals, not in "series"   \
                        */                                                                     \
    X(memory_refused)  /* allocations that failed; what they were for is not counted apart */
struct report_limits {
#define X(name) uint64_t name;
    LIMITS(X)
#undef X
};

struct report {
    bool has_time;
    int64_t first_ns, last_ns; /* lowest and highest time stamp of all frames */
    uint64_t frames;
    uint64_t counts[COUNT_COUNT_]; /* of the whole run */
    uint64_t not_counted[REASON_COUNT_];
    uint64_t from_dark, ipv6, fragments, cut, decapsulated;
    uint64_t bad_checksum[CHECKSUM_COUNT_];
    uint64_t class_sources[CLASS_COUNT_];
    uint64_t sources, destinations;
    bool sources_estimated, class_sources_estimated, destinations_estimated;
    bool located; /* databases were given: countries and asns mean something */

    struct report_view scan, backscatter;
    REPORT_TABLE(report_minute) series; /* by time; never cut at top */
    struct report_limits limits;
};

/* Builds the report of a finished, merged analysis. `closed` are its closed windows, merged, by
 * time. top 0: all rows. Frames, first_ns and last_ns are set from the arguments. NULL: memory.
 */
struct report_input {
    const struct window *closed;
    uint64_t minutes_refused;
    uint64_t frames;
    bool has_time;
    int64_t first_ns, last_ns;
    size_t top;
    const struct locator *locator;
};
struct report *report_new(struct analysis *analysis, const struct report_input *input);
void report_free(struct report *report);
