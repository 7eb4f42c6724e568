#include "state/match_lists.h"

#include <string.h>

/* Adds the rows of a signature that count: how many hits each row has. */
static void count_hits(const struct matches *matches, unsigned signature,
                       uint16_t counts[static BATCH_CAP])
{
    uint8_t rows[MATCHES_ROWS_CAP];
    unsigned n = matches_rows(matches, signature, rows);
    for (unsigned i = 0; i < n; i++)
        counts[rows[i]]++;
}

/* Where the hits of each row begin, in place of how many it has. */
static void give_places(struct match_lists *lists, uint16_t counts[static BATCH_CAP])
{
    unsigned n = 0;
    for (unsigned word = 0; word < BATCH_WORDS; word++) {
        for (uint64_t rows = lists->any[word]; rows; rows &= rows - 1) {
            unsigned row = word * 64 + (unsigned)__builtin_ctzll(rows), its = counts[row];
            if (n + its > MATCH_HITS_MAX) {
                lists->n = n;
                lists->rows_end = row;
                return;
            }
            counts[row] = (uint16_t)n;
            n += its;
            lists->several[word] |= (uint64_t)(its > 1) << row % 64;
        }
    }
    lists->n = n;
}

static void place_hits(struct match_lists *lists, const struct matches *matches,
                       unsigned signature, uint16_t places[static BATCH_CAP])
{
    uint8_t rows[MATCHES_ROWS_CAP];
    unsigned n = matches_rows(matches, signature, rows);
    for (unsigned i = 0; i < n && rows[i] < lists->rows_end; i++)
        lists->hits[places[rows[i]]++] =
            (struct match_hit){.signature = (uint16_t)signature, .row = rows[i]};
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
    memset(lists->several, 0, sizeof lists->several);
    memset(lists->iot, 0, sizeof lists->iot);
    if (!plan || !matches)
        return;
    for (unsigned i = 0; i < matches->hits_n; i++) {
        const struct evidence_item *item = &plan->items[matches->hits[i]];
        const uint64_t *mask = matches->mask[matches->hits[i]];
        if (item->kind == EVIDENCE_OFF)
            continue;
        count_hits(matches, matches->hits[i], counts);
        for (unsigned word = 0; word < BATCH_WORDS; word++)
            lists->any[word] |= mask[word];
        for (unsigned word = 0; item->kind == EVIDENCE_PLAIN && item->iot && word < BATCH_WORDS;
             word++)
            lists->iot[word] |= mask[word];
    }
    give_places(lists, counts);
    for (unsigned i = 0; i < matches->hits_n; i++) {
        unsigned signature = matches->hits[i];
        if (plan->items[signature].kind != EVIDENCE_OFF)
            place_hits(lists, matches, signature, counts);
    }
    fill_probes(lists, plan, batch);
}
