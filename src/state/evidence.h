/* Evidence: what one source has shown for each signature it has matched.
 *
 *   table row --> head --> [ record: signature 3 ] --> [ record: signature 17 ] --> 0
 *                            hits k, latest probes,      ... and the latest values
 *                            labelled?                   of its relation
 *
 * One matching packet is not a label. A source with n candidate packets of which k match a
 * signature of chance p is labelled when P(Binomial(n, p) >= k) <= alpha. A packet that repeats
 * one of the last PROBES_KEPT matching probes (a retransmission) is no new hit; so a label
 * rests on at least two distinct probes.
 *
 * A packet matches a relation when it holds with an earlier, distinct packet of its source. A
 * source may run several scans, even interleaved, each with its own constant: VALUES_KEPT
 * latest values are kept, and the chance of a hit is that much higher. A threshold signature
 * has no chance: it labels when its counts are reached within its span of packet time. */
#pragma once

#include "state/distinct.h"
#include "state/pool.h"

#include <assert.h>
#include <nightscope/signature.h>

enum {
    PROBES_KEPT = 4,
    VALUES_KEPT = 4,
};

struct evidence_config {
    const struct signature_set *signatures;
    double alpha;       /* 1e-9 unless the user says otherwise */
    uint64_t dark_size; /* IPv4 addresses of the dark space; 0: unknown, thresholds are off */
    /* The plan before a reload: its labels keep their indexes; NULL: none. The set has all
     * names of the set before. */
    const struct evidence_plan *previous;
};

enum evidence_kind {
    EVIDENCE_PLAIN,
    EVIDENCE_RELATION,
    EVIDENCE_THRESHOLDS,
    EVIDENCE_OFF, /* thresholds without a dark space: never evaluated */
};

/* What a signature needs at each match, in one place. */
struct evidence_item {
    double chance;     /* of one trial: VALUES_KEPT times the signature's for a relation */
    uint32_t hits_min; /* fewer hits never suffice, whatever n */
    uint16_t label;
    uint8_t kind;       /* enum evidence_kind */
    uint8_t candidates; /* 1 << enum candidate */
    bool iot;           /* of origin iot */
    bool plain_probe;   /* its probes are told apart as most signatures do */
};

/* What each signature needs, worked out once. Immutable: shared by all workers. */
struct evidence_plan {
    const struct signature_set *signatures;
    double alpha;
    uint64_t dark_size;
    unsigned labels_n;
    char **labels; /* names */
    struct evidence_item items[];
};

struct evidence_plan *evidence_plan_new(const struct evidence_config *config);
void evidence_plan_free(struct evidence_plan *plan);
const struct signature_set *evidence_plan_signatures(const struct evidence_plan *plan);
/* Common names: several signatures may share one. */
unsigned evidence_label_count(const struct evidence_plan *plan);
const char *evidence_label_name(const struct evidence_plan *plan, unsigned label);
unsigned evidence_label_of(const struct evidence_plan *plan, unsigned signature);
/* Of one trial: the signature's chance, times VALUES_KEPT for a relation. */
double evidence_chance(const struct evidence_plan *plan, unsigned signature);
/* Must every row that satisfies `match` go through evidence_note() before it counts as a match?
 * True for relations and thresholds. */
bool evidence_decides(const struct evidence_plan *plan, unsigned signature);
/* A threshold signature without a dark space: never evaluated. */
bool evidence_off(const struct evidence_plan *plan, unsigned signature);

/* What a packet did to the evidence of its source. */
enum {
    NOTE_MATCHES = 1, /* the packet matches the signature, relation and thresholds included */
    NOTE_LABELS = 2,  /* from now on (for the first time) the source is labelled */
    NOTE_REFUSED = 4, /* there was no room to keep it: counted by the caller */
    NOTE_DUE = 8,     /* of evidence_hit(): evidence_judge() has to be asked */
};

/* A row, and what tells its probe apart: the upper half of signature_probe_key(). */
struct evidence_row {
    const struct batch *batch;
    unsigned row;
    uint32_t probe;
};

/* What every record begins with; relations and thresholds keep more behind it. */
struct evidence_record {
    uint32_t next; /* handle */
    uint16_t signature;
    uint8_t flags;
    uint8_t probes_n; /* up to PROBES_KEPT */
    uint32_t hits;
    uint32_t probes[PROBES_KEPT]; /* latest first; unfilled ones repeat the first */
    uint8_t kinds[THRESHOLD_SETS_MAX];
};
static_assert(sizeof(struct evidence_record) == 32, "a plain record fits POOL_32");
static_assert(PROBES_KEPT == 4, "evidence_remember() names them");

/* The signature of a place for a record that holds none. */
#define EVIDENCE_NO_SIGNATURE UINT16_MAX

enum { EVIDENCE_MATCHED = 1, EVIDENCE_LABELLED = 2, EVIDENCE_LABELLED_EVER = 4 };

typedef uint32_t evidence_probes __attribute__((vector_size(16), aligned(4), may_alias));

/* Remembers a matching probe; false when it repeats one of the latest. */
static inline bool evidence_remember(struct evidence_record *record, uint32_t probe)
{
    evidence_probes *kept = (evidence_probes *)record->probes;
    evidence_probes fresh = {probe, probe, probe, probe}, same = *kept == fresh;
    typedef uint64_t pair __attribute__((vector_size(16)));
    bool known = ((pair)same)[0] | ((pair)same)[1];
    if (record->probes_n == 0) {
        *kept = fresh;
    } else {
        if (known)
            return false;
        evidence_probes moved = __builtin_shufflevector(*kept, *kept, 3, 0, 1, 2);
        moved[0] = probe;
        *kept = moved;
    }
    if (record->probes_n < PROBES_KEPT)
        record->probes_n++;
    return true;
}

/* Counts a match of a plain signature, or of a relation that holds. NOTE_* bits; a probe that
 * repeats one of the latest is no new hit. */
static inline unsigned evidence_count(const struct evidence_item *item,
                                      struct evidence_record *record, uint32_t probe)
{
    if (evidence_remember(record, probe) && record->hits < UINT32_MAX)
        record->hits++;
    record->flags |= EVIDENCE_MATCHED;
    bool due = !(record->flags & EVIDENCE_LABELLED) && record->hits >= item->hits_min;
    return NOTE_MATCHES | (due ? NOTE_DUE : 0);
}

/* The record of a signature in a list, or NULL. */
static inline struct evidence_record *evidence_find(const struct pool *pool, uint32_t head,
                                                    unsigned signature)
{
    for (uint32_t at = head; at;) {
        struct evidence_record *record = pool_block(pool, at);
        if (record->signature == signature)
            return record;
        at = record->next;
    }
    return NULL;
}

/* Notes a packet whose row satisfies the `match` of `signature`. *head is the source's list of
 * records; 0 is the empty list. `spare` is the handle, of size POOL_64, of a record inside
 * another block, which a new plain record takes if it has EVIDENCE_NO_SIGNATURE; 0: none. The
 * pool may move; head must not lie in it. Returns NOTE_* bits. */
unsigned evidence_hit(const struct evidence_plan *plan, struct pool *pool, uint32_t *head,
                      uint32_t spare, unsigned signature, const struct evidence_row *row);
/* Are the hits enough for a label? `candidates` is how many packets of the signature's
 * candidate kinds the source has sent, this one included. NOTE_LABELS or 0. */
unsigned evidence_judge(const struct evidence_plan *plan, struct pool *pool, uint32_t head,
                        unsigned signature, uint64_t candidates);

/* Both at once. */
unsigned evidence_note(const struct evidence_plan *plan, struct pool *pool, uint32_t *head,
                       unsigned signature, uint64_t candidates, const struct batch *batch,
                       unsigned row);

/* The source was silent for so long that its address may be somebody else's: hits and values
 * are forgotten; what it was labelled stays in the report. */
void evidence_expire(struct pool *pool, uint32_t head);
/* Records of size POOL_64 go with the block they lie in. */
void evidence_free(struct pool *pool, uint32_t *head);
/* Adds the records of `from` (in pool from_pool) to those of *head. False: no room for some. */
bool evidence_merge(const struct evidence_plan *plan, struct pool *pool, uint32_t *head,
                    uint32_t spare, const struct pool *from_pool, uint32_t from);

/* One record, for reports. */
struct evidence_view {
    unsigned signature;
    uint32_t hits;
    bool matched;  /* at least one packet matched */
    bool labelled; /* at some time of the run */
};
/* Steps through a list: *at starts as its head; false at the end. */
bool evidence_next(const struct pool *pool, uint32_t *at, struct evidence_view *ret_view);
