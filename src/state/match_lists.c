#include "state/match_lists.h"

#include <string.h>

/* Adds the rows of a signature that count: `any`, and how many hits each row has. */
static void count_hits(const uint64_t mask[static BATCH_WORDS],
                       uint64_t any[static BATCH_WORDS], uint16_t counts[static BATCH_CAP])
{
    for (unsigned word = 0; word < BATCH_WORDS; word++) {
        any[word] |= mask[word];
        for (uint64_t bits = mask[word]; bits; bits &= bits - 1)
            counts[word * 64 + (unsigned)__builtin_ctzll(bits)]++;
    }
}

/* Where the hits of each row begin, in place of how many it has. */
static void give_places(struct match_lists *lists, uint16_t counts[static BATCH_CAP])
{
    unsigned n = 0, row = 0;
    for (; row < BATCH_CAP && n + counts[row] <= MATCH_HITS_MAX; row++) {
        unsigned its = counts[row];
        counts[row] = (uint16_t)n;
        n += its;
    }
    lists->n = n;
    lists->rows_end = row;
}

static void place_hits(struct match_lists *lists, unsigned signature,
                       const uint64_t mask[static BATCH_WORDS],
                       uint16_t places[static BATCH_CAP])
{
    for (unsigned word = 0; word < BATCH_WORDS; word++)
        for (uint64_t bits = mask[word]; bits; bits &= bits - 1) {
            unsigned row = word * 64 + (unsigned)__builtin_ctzll(bits);
            if (row >= lists->rows_end)
                return;
            lists->hits[places[row]++] =
                (struct match_hit){.signature = (uint16_t)signature, .row = (uint8_t)row};
        }
}

/* What tells the probes of each hit apart: one value a row for most signatures. */
static void fill_probes(struct match_lists *lists, const struct evidence_plan *plan,
                        const struct batch *batch)
{
    unsigned row = BATCH_CAP;
    uint32_t usual = 0;
    for (unsigned i = 0; i < lists->n; i++) {
        struct match_hit *hit = &lists->hits[i];
        if (!plan->items[hit->signature].plain_probe) {
            hit->probe = (uint32_t)(signature_probe_key(plan->signatures, hit->signature, batch,
                                                        hit->row) >>
                                    32);
            continue;
        }
        if (hit->row != row) {
            row = hit->row;
            usual = signature_usual_probe(plan->signatures, batch, row);
        }
        hit->probe = usual;
    }
}

void match_lists_fill(struct match_lists *lists, const struct evidence_plan *plan,
                      const struct batch *batch, const struct matches *matches)
{
    uint16_t counts[BATCH_CAP] = {0};
    lists->n = 0;
    lists->rows_end = BATCH_CAP;
    memset(lists->any, 0, sizeof lists->any);
    memset(lists->iot, 0, sizeof lists->iot);
    if (!plan || !matches)
        return;
    for (unsigned i = 0; i < matches->hits_n; i++) {
        const struct evidence_item *item = &plan->items[matches->hits[i]];
        const uint64_t *mask = matches->mask[matches->hits[i]];
        if (item->kind == EVIDENCE_OFF)
            continue;
        count_hits(mask, lists->any, counts);
        for (unsigned word = 0; item->kind == EVIDENCE_PLAIN && item->iot && word < BATCH_WORDS;
             word++)
            lists->iot[word] |= mask[word];
    }
    give_places(lists, counts);
    for (unsigned i = 0; i < matches->hits_n; i++) {
        unsigned signature = matches->hits[i];
        if (plan->items[signature].kind != EVIDENCE_OFF)
            place_hits(lists, signature, matches->mask[signature], counts);
    }
    fill_probes(lists, plan, batch);
}
