/* Sources of one address family in one shard.
 *
 *   slots (hash index)                   rows (dense, in order of arrival)
 *   [ 1 | tag : 9 | row : 22 ] ---> [ struct source, 64 bytes, one cache line ]
 *   0: free                              keys: the addresses of IPv6 rows, parallel to rows
 *                                        asns: what is read for reports alone, parallel too
 *
 * The hash chooses a group of eight slots, half a cache line, that are compared at once; a full
 * group goes on in the next one. The tag is part of the hash, so that a row is touched only
 * when it is almost surely the one. A row costs 64 bytes and 5 to 8 of slots. Rows move only in
 * table_compact(). */
#pragma once

#include "state/distinct.h"

#include <assert.h>
#include <nightscope/batch.h>
#include <nightscope/signature.h>

/* The counters of a source. Each is 32 bits and carries into a struct wide. */
enum counter {
    /* 0 .. CANDIDATE_COUNT_ - 1: packets by candidate */
    COUNTER_SCAN = CANDIDATE_COUNT_,
    COUNTER_BACKSCATTER,
    COUNTER_COUNT_,
};

struct source {
    uint32_t key; /* IPv4 address; IPv6: 32 bits of its fixed hash */
    unsigned cc : 10;
    unsigned seen : CLASS_COUNT_; /* bit 1 << enum class: it sent such a packet */
    unsigned is_wide : 1;         /* a counter has carried */
    unsigned drop : 1;            /* table_compact() takes it out */
    unsigned unused : 1;
    uint8_t ports_kind, destinations_kind;
    uint32_t mark;            /* handle of its struct mark, 0: none; labels.h */
    uint32_t first_s, last_s; /* lowest and highest time stamp of its packets */
    uint32_t minutes;         /* bit k: a packet, not late, in minute last_s / 60 - k */
    uint32_t ports;           /* struct distinct of (IP protocol << 16 | destination port) */
    uint32_t destinations;    /* struct distinct of IPv4 addresses or hashes of IPv6 ones */
    uint32_t counters[COUNTER_COUNT_];
};
static_assert(sizeof(struct source) == 64, "one cache line");

/* Carries of the counters of a row: how often each has passed 2^32. */
struct wide {
    uint32_t row;
    uint32_t carries[COUNTER_COUNT_];
};

struct table {
    struct memory *memory; /* of the arrays; may be NULL; a reference */
    struct source *rows;
    struct ip6 *keys; /* IPv6 only */
    uint32_t *asns;   /* NULL until one is known */
    uint32_t *slots;
    uint32_t n, rows_cap, keys_cap, asns_cap, slots_cap;
    bool is6;
    struct wide *wide;
    uint32_t wide_n, wide_cap;
};

enum {
    TABLE_INDEX_BITS = 22,
    TABLE_ROWS_MAX = 1 << TABLE_INDEX_BITS,
    TABLE_GROUP = 8,
};
#define TABLE_NO_ROW UINT32_MAX

void table_init(struct table *table, bool is6);
/* The table takes its arrays from `memory`, and holds a reference on it. */
void table_use(struct table *table, struct memory *memory);
void table_fini(struct table *table);

/* Appends a zeroed row for a source that is not there. TABLE_NO_ROW: memory. `key` fixes the
 * hashes of the rows that are there, should the index grow. */
uint32_t table_insert(struct table *table, const uint64_t key[static 2], uint64_t hash,
                      uint32_t source_key, const struct ip6 *address);
/* Rows without an index: for a table that is never searched, and none that is. */
uint32_t table_append(struct table *table, uint32_t source_key, const struct ip6 *address);
void table_empty(struct table *table);
/* Takes the rows marked `drop` out; the others move together. */
void table_compact(struct table *table, const uint64_t key[static 2]);
/* Bytes of memory, touched or not yet. */
size_t table_bytes(const struct table *table);

struct address table_address(const struct table *table, uint32_t row);

/* The AS of a row, 0: unknown. */
static inline uint32_t table_asn(const struct table *table, uint32_t row)
{
    return table->asns ? table->asns[row] : 0;
}
/* False: memory; the AS stays unknown. */
bool table_set_asn(struct table *table, uint32_t row, uint32_t asn);

/* A counter with its carries, and the sum of the candidates: all packets of the source. */
uint64_t table_counter(const struct table *table, uint32_t row, enum counter counter);
uint64_t table_packets(const struct table *table, uint32_t row);
/* Adds to a counter; false when there was no memory to note a carry. */
bool table_counter_add(struct table *table, uint32_t row, enum counter counter, uint64_t n);

/* Where addresses hash to. `fixed` is the hash that is the same everywhere. */
static inline uint64_t table_hash4(uint64_t fixed, const uint64_t key[static 2])
{
    /* Fixed is one-to-one for 32 bits. The constant keeps a key of zeros from undoing the mix:
     * a shard's sources share the top bits of `fixed`, which place them in the index. */
    return hash_mix(fixed ^ key[0], (key[1] ^ 0x9e3779b97f4a7c15U) | 1);
}

static inline uint64_t hash_ip6(struct ip6 address, const uint64_t key[static 2])
{
    return hash_u64(address.lo ^ hash_u64(address.hi, key), key);
}

/* The first slot of the group where a hash belongs. */
static inline uint32_t table_slot(const struct table *table, uint64_t hash)
{
    return (uint32_t)(((hash >> 32) * (table->slots_cap / TABLE_GROUP)) >> 32) * TABLE_GROUP;
}

static inline uint32_t table_tag(uint64_t hash)
{
    return (uint32_t)1 << 31 | (uint32_t)hash << TABLE_INDEX_BITS;
}

typedef uint32_t table_lanes __attribute__((vector_size(16), may_alias));

/* A bit for each of four slots that are equal. */
static inline unsigned table_equal(table_lanes a, table_lanes b)
{
#if defined(__SSE2__)
    typedef float floats __attribute__((vector_size(16)));
    return (unsigned)__builtin_ia32_movmskps((floats)(a == b));
#else
    unsigned bits = 0;
    for (unsigned i = 0; i < 4; i++)
        bits |= (unsigned)(a[i] == b[i]) << i;
    return bits;
#endif
}

/* The slots of a group that have this tag, as bits. */
static inline unsigned table_tagged(const uint32_t *group, uint32_t tag)
{
    const uint32_t bits = ~(((uint32_t)1 << TABLE_INDEX_BITS) - 1);
    const table_lanes *lanes = (const void *)group;
    table_lanes mask = {bits, bits, bits, bits}, wanted = {tag, tag, tag, tag};
    return table_equal(lanes[0] & mask, wanted) | table_equal(lanes[1] & mask, wanted) << 4;
}

static inline uint32_t table_row_in(uint32_t entry)
{
    return entry & (((uint32_t)1 << TABLE_INDEX_BITS) - 1);
}

/* The row that table_find() will look at first, or TABLE_NO_ROW; `slot` is table_slot().
 * Sometimes so when it will find one further on. */
static inline uint32_t table_probable_row(const struct table *table, uint32_t slot,
                                          uint64_t hash)
{
    if (!table->slots_cap)
        return TABLE_NO_ROW;
    const uint32_t *group = table->slots + slot;
    unsigned tagged = table_tagged(group, table_tag(hash));
    return tagged ? table_row_in(group[__builtin_ctz(tagged)]) : TABLE_NO_ROW;
}

/* The row of a source, or TABLE_NO_ROW. address is read for IPv6 only. */
static inline uint32_t table_find(const struct table *table, uint64_t hash, uint32_t source_key,
                                  const struct ip6 *address)
{
    if (!table->slots_cap)
        return TABLE_NO_ROW;
    for (uint32_t slot = table_slot(table, hash);;) {
        const uint32_t *group = table->slots + slot;
        for (unsigned tagged = table_tagged(group, table_tag(hash)); tagged;
             tagged &= tagged - 1) {
            uint32_t row = table_row_in(group[__builtin_ctz(tagged)]);
            if (table->rows[row].key == source_key &&
                (!table->is6 ||
                 (table->keys[row].hi == address->hi && table->keys[row].lo == address->lo)))
                return row;
        }
        if (!group[TABLE_GROUP - 1]) /* a group fills from its start */
            return TABLE_NO_ROW;
        slot = slot + TABLE_GROUP == table->slots_cap ? 0 : slot + TABLE_GROUP;
    }
}

static inline struct distinct source_ports(const struct source *source)
{
    return (struct distinct){.word = source->ports, .kind = source->ports_kind};
}

static inline struct distinct source_destinations(const struct source *source)
{
    return (struct distinct){.word = source->destinations, .kind = source->destinations_kind};
}

static inline void source_set_ports(struct source *source, struct distinct set)
{
    source->ports = set.word;
    source->ports_kind = set.kind;
}

static inline void source_set_destinations(struct source *source, struct distinct set)
{
    source->destinations = set.word;
    source->destinations_kind = set.kind;
}

/* Notes a packet's time; true when it is the first of its minute that is not late. A packet is
 * not late for at most 31 minutes, so 32 bits are enough whatever the order. */
static inline bool source_seen_at(struct source *source, uint32_t at_s, bool late)
{
    uint32_t last = source->last_s / 60, now = at_s / 60;
    if (at_s < source->first_s)
        source->first_s = at_s;
    source->last_s = at_s > source->last_s ? at_s : source->last_s;
    if (now == last && source->minutes & 1) /* the common case */
        return false;
    if (now > last) {
        source->minutes = now - last < 32 ? source->minutes << (now - last) : 0;
        last = now;
    }
    if (late || last - now >= 32)
        return false;
    uint32_t bit = (uint32_t)1 << (last - now);
    bool first = !(source->minutes & bit);
    source->minutes |= bit;
    return first;
}

/* The same for most packets: one of the minute that the source's last one lies in, which began
 * at minute_s. False, and nothing is noted: source_seen_at() has to be asked. */
static inline bool source_seen_again(struct source *source, uint32_t at_s, uint32_t minute_s,
                                     uint32_t span_s)
{
    if (source->last_s - minute_s >= span_s || !(source->minutes & 1))
        return false;
    if (at_s < source->first_s)
        source->first_s = at_s;
    if (at_s > source->last_s)
        source->last_s = at_s;
    return true;
}
