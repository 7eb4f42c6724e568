/* The report of an analysis: plain numbers and sorted tables, ready for any sink.
 *
 * Tables are sorted by packets, descending, then by key ascending, and cut at `top` rows;
 * `total` is the number of rows there were. A distinct count that comes from a sketch has its
 * `_estimated` flag set. Names in outputs are those of the contract in contrib/doc/report.md.
 */
#pragma once

#include <nightscope/analysis.h>
#include <nightscope/signature.h>
#include <nightscope/window.h>

struct report_port {
    enum protocol protocol; /* PROTOCOL_TCP or PROTOCOL_UDP */
    uint16_t port;
    uint64_t packets, sources;
    bool sources_estimated;
    bool packets_estimated; /* of a merged report: one of its parts had cut this row off */
};

struct report_country {
    char cc[3]; /* "??": unknown */
    uint64_t packets, sources;
    bool sources_estimated; /* of a merged report; so the others like it below */
    bool packets_estimated;
};

struct report_asn {
    uint32_t asn; /* 0: unknown */
    char name[96];
    uint64_t packets, sources;
    bool sources_estimated, packets_estimated;
};

enum { REPORT_LABELS_MAX = 8 }; /* more labels of one source are left out */

struct report_source {
    struct address ip;
    uint64_t packets;             /* all it sent; in the backscatter view: its backscatter */
    uint64_t ports, destinations; /* distinct, over all it sent; ports are (protocol, port) */
    bool ports_estimated, destinations_estimated, packets_estimated;
    uint32_t first_s, last_s; /* Unix time */
    char cc[3];               /* "??": unknown */
    uint32_t asn;
    const char *labels[REPORT_LABELS_MAX]; /* by name; borrowed from the signatures */
    unsigned labels_n;
};

/* One signature, or one label: the common name that several signatures may share. A packet that
 * matches several signatures of a label counts once under it. Rows are sorted by name. */
struct report_tool {
    const char *name;       /* borrowed from the signatures */
    enum origin origin;     /* of a label: of its first signature */
    uint64_t packets;       /* that match */
    uint64_t sources;       /* with at least one match */
    uint64_t labelled;      /* sources whose matches exclude chance */
    bool sources_estimated; /* both */
};

/* A port of an IoT service, with what is behind it; packets and sources are of all scans. */
struct report_iot_port {
    enum protocol protocol;
    uint16_t port;
    const char *device, *weakness;
    uint64_t packets, sources;
    bool sources_estimated;
    uint64_t matched; /* of packets: those that match a signature of origin iot */
};

struct report_minute {
    int64_t start_s;
    uint32_t seconds; /* how much of it lies between the first and the last frame, rounded up */
    uint64_t counts[COUNT_COUNT_];
    uint64_t dports;
    bool sources_estimated; /* iot_matched_sources as well */
    bool dports_estimated;  /* of a merged report */
};

#define REPORT_TABLE(type)                                                                     \
    struct {                                                                                   \
        struct type *rows;                                                                     \
        size_t n, total;                                                                       \
        bool cut; /* merged: a part had rows beyond its n, which are in no row here */         \
    }

/* The same tables, over one kind of packets. */
struct report_view {
    uint64_t packets, sources;
    bool sources_estimated;
    REPORT_TABLE(report_port) ports; /* by destination port; backscatter: by source port */
    REPORT_TABLE(report_country) countries;
    REPORT_TABLE(report_asn) asns;
    REPORT_TABLE(report_source) top_sources;
};

/* What a limit refused, by name; part of the report as "limits". */
#define LIMITS(X)                                                                              \
    X(sources_evicted)  /* sources dropped from the table; distinct counts are then estimated  \
                         */                                                                    \
    X(sources_max)      /* the limit itself */                                                 \
    X(minutes_refused)  /* minutes that do not fit the series: in the totals, not in "series"  \
                         */                                                                    \
    X(distinct_frozen)  /* sets of ports, destinations or sources that may not grow any more:  \
                           those counts are lower bounds, and estimated */                     \
    X(evidence_refused) /* matches whose evidence found no room: they label nobody */          \
    X(events_evicted)   /* scan events that ended early, as others needed their place */       \
    X(events_refused)   /* packets that are in no scan event, as memory was refused */         \
    X(memory_refused)   /* allocations that failed; what they were for is not counted apart */
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

    uint64_t iot_packets, iot_sources; /* all packets of sources labelled IoT, and those */
    bool iot_sources_estimated;
    /* iot: packets that match an IoT signature, and the sources that sent one */
    struct report_view scan, backscatter, iot;
    bool has_signatures; /* signatures were loaded: the fields below mean something */
    REPORT_TABLE(report_tool) signatures, labels;
    uint64_t unlabelled_packets, unlabelled_sources; /* scans of sources without any label */
    bool unlabelled_sources_estimated;
    REPORT_TABLE(report_iot_port) iot_ports; /* by packets; ports without packets left out */
    bool dark_known; /* --dark was given: signatures with thresholds are on */
    REPORT_TABLE(report_minute) series; /* by time; never cut at top */
    uint64_t refused_seconds;           /* captured in minutes that the series does not have */
    struct report_limits limits;
};

/* Closed minutes that are in no row: they did not fit, or made room for later ones. */
struct report_refused {
    uint64_t minutes, seconds; /* seconds: how much of them was captured, where that is known */
};

/* What report_new() needs beside the analysis. */
struct report_input {
    struct report_minute *minutes; /* closed minutes by time, merged over the workers; seconds
                                      that are 0 are filled in by report_new(), which copies
                                      them */
    size_t minutes_n;
    struct report_refused refused;
    uint64_t frames;
    bool has_time;
    int64_t first_ns, last_ns;
    bool dark_known;               /* --dark was given */
    size_t top;                    /* rows of a table; 0: all */
    const struct locator *locator; /* may be NULL */
};

/* What a running analysis has counted so far: cheap, made of its sums alone. */
struct report_totals {
    uint64_t counts[COUNT_COUNT_]; /* sources and iot_matched_sources are 0 */
    uint64_t not_counted[REASON_COUNT_];
    uint64_t sources; /* held */
    struct report_limits limits;
};
void report_totals(const struct analysis *analysis, struct report_totals *ret_totals);
/* What came in the last seconds: the counts, and the ports with most packets of scans, most
 * first, equal ones by protocol and port. */
enum { REPORT_TOP_PORTS = 8 };
struct report_top_port {
    uint64_t packets;
    bool udp;
    uint16_t port;
};
struct report_recent {
    uint32_t seconds; /* how far it goes back */
    uint64_t counts[COUNT_COUNT_];
    struct report_top_port ports[REPORT_TOP_PORTS];
    unsigned ports_n;
};
/* Puts a port into such a list, or adds to it. */
void report_top_ports_add(struct report_top_port ports[static REPORT_TOP_PORTS], unsigned *n,
                          const struct report_top_port *port);
/* By signature, the packets that match; not without signatures. */
void report_signature_packets(const struct analysis *analysis, uint64_t *ret_packets);

/* The report of a finished, merged analysis. NULL: out of memory. */
struct report *report_new(struct analysis *analysis, const struct report_input *input);
void report_free(struct report *report);
