/* Scan events: what one source sent of one kind to one port, from its first packet until it
 * fell silent.
 *
 *     key     source, protocol, class, port
 *     begins  with the first packet of the key
 *     ends    when the key has been silent for longer than the idle time (EVENT_IDLE), when the
 *             table needs its place (EVENT_EVICTED), or with the run (EVENT_RUN)
 *
 * The port is the destination's; of TCP backscatter (RST, RST-ACK and SYN-ACK) the source's.
 * Each packet that is counted is in exactly one event, or in events_refused. Which events there
 * are depends on packets and packet time alone, not on workers, batches or files. */
#pragma once

#include <nightscope/analysis.h>

enum {
    EVENT_LABELS_MAX = 4,  /* of one event; packets of further labels are not told apart */
    EVENT_SAMPLES_MAX = 3, /* its first packets */
    EVENT_BLOCK = 256,

    /* The idle time where the dark space is not known, and its bounds where it is. */
    EVENT_IDLE_DEFAULT_S = 600,
    EVENT_IDLE_MIN_S = 300,
    EVENT_IDLE_MAX_S = 86400,
};

enum event_end { EVENT_IDLE, EVENT_EVICTED, EVENT_RUN };

/* Packets that match a signature of a label. */
struct event_label {
    uint32_t packets;
    uint16_t label;
    bool labelled; /* at one of them, the evidence of the source excluded chance */
};

/* What a header says that neither the destination nor anything made of it can be read from. */
struct event_sample {
    int64_t ts_ns;
    uint16_t srcport, window; /* 0: it has none */
    uint16_t length;          /* IP length, cut to 65535 */
    uint8_t ttl, tcp_flags;
};

struct event {
    struct address source;
    int64_t first_ns, last_ns; /* lowest and highest time stamp */
    uint64_t packets, bytes;   /* bytes: IP lengths */
    uint64_t destinations;     /* distinct */
    uint64_t networks;         /* distinct /24 of IPv4 destinations, /48 of IPv6 ones */
    bool destinations_estimated, networks_estimated;
    uint8_t protocol; /* enum protocol */
    uint8_t class;    /* enum class */
    uint8_t end;      /* enum event_end */
    bool has_port;
    uint16_t port;
    uint8_t labels_n, samples_n;
    uint32_t
        ended_min; /* packet time at its end, in minutes since 1970; EVENT_RUN: UINT32_MAX */
    struct event_label labels[EVENT_LABELS_MAX];
    struct event_sample samples[EVENT_SAMPLES_MAX];
};

/* Events that have ended. */
struct event_block {
    struct event_block *next;
    unsigned n;
    struct event events[EVENT_BLOCK];
};

/* Those that ended since the last call, in no order; the caller owns them. When
 * analysis_advance() was called with a packet time in minute m before, no later call returns an
 * event that ended before minute m. NULL: none. */
struct event_block *analysis_take_events(struct analysis *analysis);
void event_blocks_free(struct event_block *blocks);
/* Ended events that wait to be taken, and open ones. */
size_t analysis_events_waiting(const struct analysis *analysis);
size_t analysis_events_open(const struct analysis *analysis);

/* A total order: by end, then first time stamp, source, protocol, class, port; <0, 0, >0. */
int event_compare(const struct event *a, const struct event *b);

/* The idle time for a dark space of so many addresses: a scan that sends 10 packets a second to
 * random addresses of the Internet sends one here every 2^32 / (10 * N) seconds on average, and
 * its gaps are longer than T = -ln(q) times that with probability q. q is 0.01, T is kept
 * within EVENT_IDLE_MIN_S and EVENT_IDLE_MAX_S. 0 addresses: unknown. */
uint32_t event_idle_s(uint64_t dark_addresses);
