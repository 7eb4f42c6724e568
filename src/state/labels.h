/* What signatures add to an analysis: evidence of each source, tallies of each signature and
 * label, and the IoT view.
 *
 *   shard: rows[]    [ source: mark ][ source: 0 ][ source: mark ]
 *                       none until a packet of it matches
 *          evidence  pool of the marks and records:
 *
 *          [ mark: head of its records, what it sent as IoT | its first plain record ]
 *
 * A mark is one cache line, and all that most packets that match need.
 *
 * Packets are tallied as they match; sources (with a match, labelled) are read from the marks
 * when a report is made, and added up for those that are evicted before. */
#pragma once

#include "state/evidence.h"

#include <nightscope/window.h>
#include <stddef.h>

struct mark {
    uint32_t head;        /* of its evidence, 0: none */
    uint32_t base;        /* block of candidate counters at its last expiry, 0: none */
    uint64_t iot_packets; /* that match a signature of origin iot */
    uint32_t iot_minutes; /* bit k: such a packet, not late, in minute iot_last_min - k */
    uint32_t iot_last_min;
    uint32_t iot_port; /* index + 1 of the tally of such packets that has the source; 0: none */
    uint32_t unused;
    struct evidence_record first; /* in the list of head too, unless it has no signature */
};
static_assert(sizeof(struct mark) == 64, "one cache line");

/* The handle of an empty mark; 0 when memory is refused. */
uint32_t mark_make(struct pool *pool);

/* The handle of mark->first. */
static inline uint32_t mark_first(uint32_t handle)
{
    return handle + offsetof(struct mark, first) / POOL_UNIT;
}

struct tool_tally {
    uint64_t packets, sources, labelled;
};

/* Sums over sources, by signature and by label. */
struct source_tallies {
    struct tool_tally *signatures, *labels;
    uint64_t iot_packets, iot_sources; /* all packets of sources labelled IoT; those sources */
    uint64_t iot_matched_sources;      /* with a packet that matches */
    uint64_t unlabelled_packets, unlabelled_sources; /* scans of sources without a label */
};

struct labels {
    const struct evidence_plan *plan; /* NULL: no signatures, all else is unused */
    struct source_tallies evicted; /* packets by signature and label; sources: evicted ones */
    uint8_t *label_counts;         /* by label: an enum count of the series, or COUNT_COUNT_ */
    uint64_t (*rows)[BATCH_WORDS]; /* by label: rows of the batch that are counted under it */
    uint16_t *touched;             /* labels with such rows */
    unsigned touched_n;
    uint64_t iot_packets;
    uint64_t refused; /* matches whose evidence found no room */
};

bool labels_init(struct labels *labels, const struct evidence_plan *plan);
void labels_fini(struct labels *labels);
void labels_clear(struct labels *labels);
void labels_merge(struct labels *into, const struct labels *from);

bool source_tallies_init(struct source_tallies *tallies, const struct evidence_plan *plan);
void source_tallies_fini(struct source_tallies *tallies);
/* Adds a source that sent `packets`, of which `scans` are scans. */
void source_tallies_add(struct source_tallies *tallies, const struct evidence_plan *plan,
                        const struct pool *pool, const struct mark *mark, uint64_t packets,
                        uint64_t scans);

/* A record that cannot go on counts as that of a source that was evicted. */
void labels_leave_record(struct labels *labels, const struct evidence_record *record);

/* 0: no match; 1: matched; 2: labelled by some signature. What is evicted first. */
unsigned mark_rank(const struct pool *pool, const struct mark *mark);
/* Notes a minute of an IoT match; true when it is the first of its minute. */
bool mark_seen_at(struct mark *mark, uint32_t minute);
/* What follows takes the handles of marks: the pool may move. */
void mark_merge(const struct evidence_plan *plan, struct pool *pool, uint32_t handle,
                const struct pool *from_pool, const struct mark *from, uint64_t *ret_refused);
void mark_drop(struct pool *pool, uint32_t handle);
/* Evidence ends: hits are forgotten, candidates count from `counters` on. False: no room. */
bool mark_expire(struct pool *pool, uint32_t handle,
                 const uint64_t counters[static CANDIDATE_COUNT_]);
/* Packets of candidate kind `kind` before the last expiry. */
uint64_t mark_base(const struct pool *pool, const struct mark *mark, unsigned kind);
