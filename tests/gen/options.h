/* What to generate: the command line. */
#pragma once

#include "frame.h"

#include <stdint.h>

/* How a source behaves. Weights are shares of the packets; `crowd` says how many sources share
 * them (backscatter comes from few victims, Mirai from many devices). */
#define BEHAVIOURS(X)                                                                          \
    X(MIRAI, "mirai", 150, 100)                                                                \
    X(ZMAP_OLD, "zmap-old", 40, 5)                                                             \
    X(ZMAP_NEW, "zmap-new", 100, 5)                                                            \
    X(MASSCAN, "masscan", 150, 5)                                                              \
    X(NMAP, "nmap", 20, 10)                                                                    \
    X(STACK, "stack", 300, 100)                                                                \
    X(BACKSCATTER, "backscatter", 60, 3)                                                       \
    X(UDP, "udp", 100, 20)                                                                     \
    X(ICMP, "icmp", 40, 20)                                                                    \
    X(IPV6, "ipv6", 10, 20)                                                                    \
    X(NOISE, "noise", 25, 30)                                                                  \
    X(FRAGMENTS, "fragments", 3, 20)                                                           \
    X(SCTP, "sctp", 2, 10)                                                                     \
    X(REFUSED, "refused", 0, 0)
enum behaviour {
#define X(id, name, weight, crowd) BEHAVIOUR_##id,
    BEHAVIOURS(X)
#undef X
        BEHAVIOUR_COUNT_,
};

extern const char *const behaviour_names[BEHAVIOUR_COUNT_];
extern const uint32_t behaviour_crowds[BEHAVIOUR_COUNT_];

enum format { FORMAT_PCAP, FORMAT_PCAP_NS, FORMAT_PCAP_BE, FORMAT_PCAPNG };

struct options {
    const char *path;
    uint64_t packets;
    uint32_t sources;
    uint64_t seed;
    enum format format;
    enum frame_link link;
    uint64_t start_s;
    uint64_t rate; /* packets a second */
    uint32_t dark, dark_bits;
    uint32_t weights[BEHAVIOUR_COUNT_];
    uint32_t bad_checksum_ppm;
    uint32_t snaplen;
    bool even, truth;
};

/* 0; -1 after a message on stderr; 1 when --help was answered. */
int options_parse(int argc, char **argv, struct options *ret_options);
