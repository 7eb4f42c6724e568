/* The masks of a batch, transposed: which signatures each row matches, in the order of the
 * rows.
 *
 *   mask of mirai         . 1 . 1 .          hits   row 1 mirai probe | row 1 mirai-telnet
 * probe | mask of mirai-telnet  . 1 . . .   --->          row 3 mirai probe | ...
 *
 * It follows from packets and signatures alone, so a thread ahead of the one that counts can
 * make it. Rows that find no room in the list (a batch that matches nearly everything) are left
 * to whoever walks the masks: those from rows_end on. */
#pragma once

#include "state/evidence.h"

enum { MATCH_HITS_MAX = 4 * BATCH_CAP };

struct match_hit {
    uint32_t probe; /* upper half of signature_probe_key() */
    uint16_t signature;
    uint8_t row;
    uint8_t unused;
};
static_assert(BATCH_CAP <= 256, "a row is a byte");
static_assert(SIGNATURES_MAX <= 65536, "a signature is two");

struct match_lists {
    unsigned n;                    /* hits that are listed, by row and then by signature */
    unsigned rows_end;             /* rows before it are listed; BATCH_CAP: all are */
    uint64_t any[BATCH_WORDS];     /* rows that match some signature */
    uint64_t several[BATCH_WORDS]; /* listed rows that match more than one */
    uint64_t iot[BATCH_WORDS];     /* rows that match for sure one of origin iot */
    struct match_hit hits[MATCH_HITS_MAX];
};

/* plan or matches NULL: nothing matches. */
void match_lists_fill(struct match_lists *lists, const struct evidence_plan *plan,
                      const struct batch *batch, const struct matches *matches);

static inline bool match_lists_empty(const struct match_lists *lists)
{
    return lists->n == 0 && lists->rows_end == BATCH_CAP;
}

/* Rows [begin, end) of a mask, fewer than 64 of one word, from bit 0 on. */
static inline uint64_t match_lists_range(const uint64_t mask[static BATCH_WORDS],
                                         unsigned begin, unsigned end)
{
    return mask[begin / 64] >> begin % 64 & (((uint64_t)1 << (end - begin)) - 1);
}
