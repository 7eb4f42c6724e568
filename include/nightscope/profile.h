/* A profile: what was seen in a span of time, ranked by port, country, AS, source and label.
 *
 *   packets --> profile of five minutes --> merge --> trailing hour, trailing day, UTC day
 *
 * A profile is a value, like a window: profile_merge() is associative and commutative, so parts
 * of workers merge into a step of five minutes, steps into the trailing hour and day and into
 * the UTC day, sensors into a site. Packets of closed minutes (late ones) are in no profile.
 *
 * There are two views: all scans (packets of class scan; the labels: packets of any class), and
 * the packets that match a signature of origin iot. Packets are exact, up to the limits;
 * sources by port and country are exact for few and sketches of standard error 2.3 % for many.
 */
#pragma once

#include <nightscope/analysis.h>

enum { PROFILE_STEP_S = 300 };

#define PROFILE_VIEWS(X) X(ALL, all) X(IOT, iot)
enum profile_view {
#define X(id, name) PROFILE_##id,
    PROFILE_VIEWS(X)
#undef X
        PROFILE_VIEW_COUNT_,
};

/* What a member of a dimension is, as the number `key` or, for sources, an address. */
#define PROFILE_DIMENSIONS(X)                                                                  \
    X(TCP, tcp)       /* destination port; packets and sources */                              \
    X(UDP, udp)       /* destination port; packets and sources */                              \
    X(CC, cc)         /* first letter << 8 | second; 0: unknown; packets and sources */        \
    X(ASN, asn)       /* 0: unknown; packets */                                                \
    X(SRC, src)       /* the source's address; packets */                                      \
    X(LABEL, label)   /* index of the label in the evidence plan; packets */                   \
    X(CC_TCP, cc_tcp) /* country << 16 | destination port; packets; view all only */
enum profile_dimension {
#define X(id, name) PROFILE_##id,
    PROFILE_DIMENSIONS(X)
#undef X
        PROFILE_DIMENSION_COUNT_,
};

/* Sketches of sources: registers of Redis's own HyperLogLog over the text of the address, so
 * that what is written equals what PFADD of those addresses makes. */
enum profile_sketch {
    PROFILE_SOURCES,      /* of packets of every class */
    PROFILE_SCAN_SOURCES, /* of scans */
    PROFILE_IOT_SOURCES,  /* of packets that match an IoT signature */
    PROFILE_SKETCH_COUNT_,
};
enum { PROFILE_SKETCH_REGISTERS = 16384 };

struct profile {
    int64_t start_s; /* Unix time; steps: a multiple of PROFILE_STEP_S */
    uint32_t span_s;
    uint64_t refused; /* packets that found no room in some dimension: its `others` */
    struct profile *next;
    struct profile_tables *tables; /* private */
};

struct profile *profile_new(int64_t start_s, uint32_t span_s);
void profile_free(struct profile *profile);
size_t profile_bytes(const struct profile *profile);
/* Adds `from`; `into` keeps its span. 0, or -1 when memory was refused: what found no room is
 * in refused and in the others of its dimension. */
int profile_merge(struct profile *into, const struct profile *from);

struct profile_row {
    uint64_t key;           /* PROFILE_SRC: 0 */
    struct address address; /* PROFILE_SRC only */
    uint64_t packets;
    uint64_t sources; /* dimensions that have them; never above packets */
    bool sources_estimated;
};

enum profile_order { PROFILE_BY_PACKETS, PROFILE_BY_SOURCES };
/* The first `cap` rows, most first, equal ones by key or address ascending. Returns how many;
 * *ret_others is the sum of packets (PROFILE_BY_SOURCES: 0, sources do not add up) of the rest.
 */
size_t profile_top(const struct profile *profile, enum profile_view view,
                   enum profile_dimension dimension, enum profile_order order,
                   struct profile_row *ret_rows, size_t cap, uint64_t *ret_others);
/* Members there are. */
size_t profile_count(const struct profile *profile, enum profile_view view,
                     enum profile_dimension dimension);
/* The registers of a sketch, one byte each. */
const uint8_t *profile_sketch(const struct profile *profile, enum profile_sketch sketch);
uint64_t profile_sketch_count(const struct profile *profile, enum profile_sketch sketch);
