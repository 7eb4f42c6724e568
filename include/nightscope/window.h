/* A window: everything counted between two times, as a value that merges.
 *
 * Parts of a minute (one a worker) merge into the minute, minutes into an hour, hours into a
 * day, sensors into a site, all by window_merge(), which is associative and commutative.
 * Decisions about a packet are made once, on arrival; a window only adds them up, and never
 * changes once closed. A window belongs to the minute of the packet's own time stamp, in UTC.
 */
#pragma once

#include <nightscope/packet.h>

/* The fields of the series that add up, in the order every output has them. `late` is the
 * number of late packets that arrived while this minute was the newest: they are in no other
 * field. `sources` is the number of distinct sources of the minute, whatever their class. */
#define COUNTS(X)                                                                              \
    X(packets)                                                                                 \
    X(bytes)                                                                                   \
    X(tcp)                                                                                     \
    X(udp)                                                                                     \
    X(icmp)                                                                                    \
    X(icmp6)                                                                                   \
    X(sctp)                                                                                    \
    X(other)                                                                                   \
    X(scan)                                                                                    \
    X(backscatter)                                                                             \
    X(class_other)                                                                             \
    X(sources)                                                                                 \
    X(iot_matched)                                                                             \
    X(iot_matched_sources)                                                                     \
    X(mirai)                                                                                   \
    X(zmap)                                                                                    \
    X(masscan)                                                                                 \
    X(nmap)                                                                                    \
    X(not_counted)                                                                             \
    X(dropped)                                                                                 \
    X(late)
enum count {
#define X(name) COUNT_##name,
    COUNTS(X)
#undef X
        COUNT_COUNT_,
};

/* Ports 0..65535 of TCP and of UDP as a set. */
struct port_set {
    uint64_t bits[2][1024]; /* [0] TCP, [1] UDP */
};

struct window {
    int64_t start_s; /* Unix time of its first second, a multiple of span_s */
    uint32_t span_s; /* 60, 3600 or 86400 */
    uint64_t counts[COUNT_COUNT_];
    struct port_set dports; /* destination ports of scans */
    struct window *next;    /* of the list it is on */
};

/* Adds `from` to `into`; both keep their span, and start_s of `into` stays. */
void window_merge(struct window *into, const struct window *from);
/* Distinct destination ports of scans, TCP and UDP apart. */
uint64_t window_dports(const struct window *window);
