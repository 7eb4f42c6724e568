/* The live map's sample: of each second of packet time the FEED_A_SECOND packets with the
 * lowest hash, of those the FEED_MAX of the newest seconds.
 *
 *   packet --> hash --> among the lowest of its second? --> buffer --> compacted when full
 *              of the packet alone     (almost always no)
 *
 * The sample is a function of the set of packets: neither their order, nor batches, workers or
 * files change it, and two samples merge into that of both. */
#pragma once

#include <nightscope/batch.h>
#include <nightscope/publication.h>

struct evidence_plan;

enum {
    FEED_BUFFER = 4 * FEED_MAX, /* packets kept between compactions */
    FEED_SECONDS = 4,           /* seconds whose lowest hashes are known at a time */
    FEED_NO_MATCH = UINT16_MAX,
};

/* A heap of the lowest hashes of one second, the highest of them first. */
struct feed_second {
    int64_t second;
    unsigned n;
    uint64_t ranks[FEED_A_SECOND];
};

/* What is looked up by signature. It is exchanged as one when signatures are. */
struct feed_names {
    const struct signature_set *signatures; /* NULL: no labels */
    uint16_t *order;                        /* of each signature by name */
    uint16_t *by_order;                     /* the signature at each place of that order */
    bool *is_iot;                           /* by signature: of origin iot? */
};

struct feed {
    struct feed_names names;
    struct feed_packet *packets;
    size_t n;
    bool in_order;    /* no packet's second lies before that of the one before */
    int64_t oldest_s; /* packets of seconds before it are not among the newest */
    struct feed_second seconds[FEED_SECONDS];
    uint16_t matched[BATCH_CAP]; /* by row of the batch: lowest order, or FEED_NO_MATCH */
    bool iot[BATCH_CAP];         /* by row: a signature of origin iot matched */
};

struct feed *feed_new(const struct evidence_plan *plan);
void feed_free(struct feed *feed);

/* Of every batch: start, then what its rows matched, then add. */
void feed_start(struct feed *feed);
static inline void feed_matched(struct feed *feed, unsigned row, unsigned signature)
{
    if (!feed)
        return;
    if (feed->names.order[signature] < feed->matched[row])
        feed->matched[row] = feed->names.order[signature];
    feed->iot[row] |= feed->names.is_iot[signature];
}
void feed_add(struct feed *feed, const struct batch *batch);

/* A packet that is, or was, in a sample. */
void feed_restore(struct feed *feed, const struct feed_packet *packet);
/* Leaves `from` as it is, but in order. */
void feed_add_copy(struct feed *into, struct feed *from);
/* Other signatures from now on: those of `fresh`, made of `plan`, which has the labels of the
 * plan before. It gets the old ones. */
void feed_replan(struct feed *feed, struct feed *fresh, const struct evidence_plan *plan);
/* Leaves `from` empty. */
void feed_merge(struct feed *into, struct feed *from);
/* The sample by time, then hash; borrowed until the next call for this feed. */
const struct feed_packet *feed_packets(struct feed *feed, size_t *ret_n);

/* The hash of a packet: of its time and of what tells it from others. */
uint64_t feed_rank(const struct batch *batch, unsigned row);

struct analysis;
/* The sample of an analysis whose configuration asks for one; places are not filled in. */
const struct feed_packet *analysis_feed(struct analysis *analysis, size_t *ret_n);
