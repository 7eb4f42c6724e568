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
 *
 * Limits. A step that is being counted holds PROFILE_STEP_SOURCES_MAX sources, a 64th of them
 * in each shard; a full shard drops the half with the fewest packets. A profile holds
 * PROFILE_ROWS_MAX members of a dimension and, of sources, PROFILE_SOURCES_MAX of either
 * family, which is more than a day of closed steps has; past that, those whose keys come first
 * in a fixed order stay, so that it never matters what was merged first. Whatever finds no room
 * is in the others of its dimension: rows and others are always all packets that have the
 * dimension.
 */
#pragma once

#include <nightscope/analysis.h>

enum {
    PROFILE_STEP_S = 300,
    PROFILE_STEP_SOURCES_MAX = 1 << 20,
    PROFILE_CLOSED_SOURCES_MAX = 16384, /* profile_close() */
    PROFILE_ROWS_MAX = 65536,
    PROFILE_SOURCES_MAX = 288 * PROFILE_CLOSED_SOURCES_MAX,
};

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

/* A value: a function of the packets in it alone, in one form. */
struct profile {
    int64_t start_s; /* Unix time; steps: a multiple of PROFILE_STEP_S */
    uint32_t span_s;
    uint64_t refused;     /* packets that a limit or memory sent to the others of a dimension */
    struct profile *next; /* of the list it is on */
    struct profile_tables *tables; /* private */
};

/* Empty; NULL: memory. */
struct profile *profile_new(int64_t start_s, uint32_t span_s);
void profile_free(struct profile *profile);
size_t profile_bytes(const struct profile *profile);
/* Adds `from`; `into` keeps its start and span. 0, or -1 when memory was refused: what found no
 * room is in refused and in the others of its dimension. */
int profile_merge(struct profile *into, const struct profile *from);
/* Keeps the PROFILE_CLOSED_SOURCES_MAX busiest sources of each view (of equal ones IPv4 first,
 * then lower addresses); the packets of the others go to others, and are not `refused`. For a
 * step that is to be kept, once the parts of all workers are merged: closed before, parts keep
 * more and others than together. Closed profiles merge like any. */
void profile_close(struct profile *profile);
/* Keeps of every dimension the `members` with the most packets and those with the most sources:
 * for a profile that is only looked at any more, since a trimmed one merges as if the rest had
 * been others. False: memory was refused, and some of it is as it was. */
bool profile_trim(struct profile *profile, size_t members);
/* Labels get other numbers: those of map[i], of n; UINT16_MAX: none, their packets go to the
 * others. False: a label is not of the n, or memory. */
bool profile_relabel(struct profile *profile, const uint16_t *map, unsigned n);

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
 * PROFILE_BY_SOURCES is for dimensions that have them. */
size_t profile_top(const struct profile *profile, enum profile_view view,
                   enum profile_dimension dimension, enum profile_order order,
                   struct profile_row *ret_rows, size_t cap, uint64_t *ret_others);
/* Members there are rows of. */
size_t profile_count(const struct profile *profile, enum profile_view view,
                     enum profile_dimension dimension);

/* The registers of a sketch, one byte each, and its estimate (standard error 0.8 %), which is
 * never above the packets behind it. */
const uint8_t *profile_sketch(const struct profile *profile, enum profile_sketch sketch);
uint64_t profile_sketch_count(const struct profile *profile, enum profile_sketch sketch);
/* Packets whose sources the sketch counts: all, those of view ALL, those of view IOT. */
uint64_t profile_packets(const struct profile *profile, enum profile_sketch sketch);
/* The string a Redis server keeps for such a sketch (dense, no cached count): SET makes it what
 * PFADD of the same addresses would have made. */
enum { PROFILE_SKETCH_BYTES = 12304 };
void profile_sketch_encode(const uint8_t registers[static PROFILE_SKETCH_REGISTERS],
                           uint8_t ret_string[static PROFILE_SKETCH_BYTES]);

/* A profile as bytes with a version and a checksum, the same for equal profiles; to be freed.
 * NULL: memory. Labels stay indexes: the names are the caller's to keep. */
uint8_t *profile_save(const struct profile *profile, size_t *ret_n);
/* NULL when the bytes are not such a profile, whole and unchanged, or for lack of memory. What
 * is allocated is bounded by n. */
struct profile *profile_load(const uint8_t *bytes, size_t n);
