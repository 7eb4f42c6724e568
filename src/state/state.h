/* What an analysis is made of. Private to this layer.
 *
 *   shards[64]   { IPv4 table, IPv6 table, pool of their sets }      by source
 *   ports        packets and sources by port, a view each, one pool  all sources of the worker
 *   windows      open minutes
 *   the rest     sums and sketches */
#pragma once

#include "state/columns.h"
#include "state/destinations.h"
#include "state/feed.h"
#include "state/labels.h"
#include "state/places.h"
#include "state/ports.h"
#include "state/steps.h"
#include "state/sums.h"
#include "state/table.h"
#include "state/windows.h"

#include <nightscope/analysis.h>

struct events;

struct shard {
    struct table tables[2]; /* IPv4, IPv6 */
    struct pool pool;       /* sets of ports and destinations */
    struct pool evidence;   /* marks of the rows, and their records */
};

/* Sums over all packets and refusals. counts[COUNT_sources] stays 0: the tables know. */
struct totals {
    uint64_t counts[COUNT_COUNT_];
    uint64_t not_counted[REASON_COUNT_];
    uint64_t from_dark, ipv6, fragments, cut, decapsulated;
    uint64_t bad_checksum[CHECKSUM_COUNT_];
};

struct analysis {
    struct analysis_config config;
    uint32_t shard_max; /* sources a shard holds, both families together */
    struct memory *memory;

    struct shard shards[SHARD_COUNT];
    struct ports ports[VIEW_COUNT_];
    struct pool ports_pool;
    struct destinations destinations;
    struct windows windows;
    struct steps *steps; /* NULL: no profiles */
    struct totals totals;
    struct labels labels;
    struct feed *feed;     /* NULL: none is kept */
    struct events *events; /* NULL: none are kept */

    /* Of every source ever inserted, and of those with packets of a class: they answer when
     * sources have been evicted or refused. */
    uint8_t sources_sketch[HLL_LARGE];
    uint8_t class_sketch[CLASS_COUNT_][HLL_LARGE];
    struct places evicted_places; /* what evicted sources add to countries and asns */
    uint64_t sources_evicted;
    uint64_t sources_refused; /* packets whose source found no memory */
    uint64_t sets_frozen;
    uint64_t memory_refused;
};

enum {
    /* A pool of sets may have this many bytes for each source its shard may hold; a source with
     * a port and ten destinations needs 48, one with sketches of both 4,608. */
    SETS_BYTES_A_SOURCE = 256,
    SETS_BYTES_MIN = 1 << 20,
    /* A mark and records of evidence: a source that matches two signatures needs 96. */
    EVIDENCE_BYTES_A_SOURCE = 224,
};

/* Inserts a source that its shard does not hold, its time set to at_s and its place unknown.
 * TABLE_NO_ROW when the shard is full, or memory is refused: evict, and try again. */
uint32_t shard_insert(struct analysis *analysis, struct shard *shard,
                      const struct address *address, uint64_t hash, uint32_t at_s);
/* Adds a source of another shard to its own, whether that holds it or not. */
void shard_merge_row(struct analysis *into, struct shard *to, const struct shard *from,
                     unsigned family, uint32_t row);
/* Takes the eighth of the shard with the least evidence out. False: memory. */
bool shard_evict(struct analysis *analysis, struct shard *shard);

void shard_init(struct shard *shard, uint32_t shard_max, struct memory *memory);
void shard_fini(struct shard *shard);

/* The mark of a row, NULL when it has none yet. */
static inline struct mark *shard_mark(const struct shard *shard, unsigned family, uint32_t row)
{
    uint32_t handle = shard->tables[family].rows[row].mark;
    return handle ? pool_block(&shard->evidence, handle) : NULL;
}

static inline uint32_t shard_rows(const struct shard *shard)
{
    return shard->tables[0].n + shard->tables[1].n;
}

/* A fixed hash of a source, and what follows from it. */
static inline uint64_t source_hash(const struct address *address)
{
    return address->is6 ? hash_ip6(address->v6, HASH_FIXED) : hash_u64(address->v4, HASH_FIXED);
}

static inline uint32_t source_key_of(const struct address *address)
{
    return address->is6 ? (uint32_t)source_hash(address) : address->v4;
}

/* Counts everything of a batch that is not by source: totals, windows. Sets ret_windows[row] to
 * the window the packet belongs to, NULL for a late one. True: all rows are of the minute of
 * the first, which has a window. */
bool tally_batch(struct analysis *analysis, const struct batch *batch,
                 const struct columns *columns, const struct sums *sums,
                 struct window *ret_windows[static BATCH_CAP]);
void totals_merge(struct totals *into, const struct totals *from);

/* Bytes of all tables and pools, touched or not yet. */
size_t analysis_bytes(const struct analysis *analysis);
