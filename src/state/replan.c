/* Other signatures for an analysis that goes on: everything that was counted stays under the
 * names it was counted under, and evidence goes on where it is evidence for the same thing. */
#include "state/replan.h"

#include "state/evidence_record.h"
#include "state/state.h"

#include <stdlib.h>
#include <string.h>

struct replan {
    const struct evidence_plan *to;
    struct labels labels; /* of the new plan, empty */
    struct feed *feed;    /* the same; NULL: none is kept */
    unsigned n;           /* old signatures */
    struct {
        uint16_t to;  /* its new index */
        bool changed; /* its definition: evidence begins anew */
    } map[];
};

enum { TEXT_CAP = 1 << 16 };

/* Is signature i of the one set what signature j of the other is? */
static bool is_same(const struct evidence_plan *from, unsigned i,
                    const struct evidence_plan *to, unsigned j, char texts[2][TEXT_CAP])
{
    size_t a = signature_print(from->signatures, i, texts[0], TEXT_CAP);
    size_t b = signature_print(to->signatures, j, texts[1], TEXT_CAP);
    return a == b && a < TEXT_CAP && strcmp(texts[0], texts[1]) == 0;
}

struct replan *replan_new(const struct evidence_plan *from, const struct evidence_plan *to,
                          bool feed)
{
    unsigned n = signature_count(from->signatures);
    struct replan *replan = calloc(1, sizeof *replan + n * sizeof replan->map[0]);
    char(*texts)[TEXT_CAP] = malloc(2 * sizeof *texts);
    if (!replan || !texts || !labels_init(&replan->labels, to) ||
        (feed && !(replan->feed = feed_new(to)))) {
        free(texts);
        replan_free(replan);
        return NULL;
    }
    replan->to = to;
    replan->n = n;
    for (unsigned i = 0; i < n; i++) {
        int found = signature_find(to->signatures, signature_at(from->signatures, i)->name);
        assert(found >= 0); /* signature_set_keep_names() */
        replan->map[i].to = (uint16_t)found;
        replan->map[i].changed = !is_same(from, i, to, (unsigned)found, texts);
    }
    free(texts);
    return replan;
}

void replan_free(struct replan *replan)
{
    if (!replan)
        return;
    labels_fini(&replan->labels);
    feed_free(replan->feed);
    free(replan);
}

static void replan_mark(const struct replan *replan, struct labels *labels, struct pool *pool,
                        struct mark *mark)
{
    uint32_t kept = 0, *tail = &kept;
    for (uint32_t at = mark->head, next; at; at = next) {
        struct evidence_record *record = pool_block(pool, at);
        unsigned old = record->signature;
        next = record->next;
        record->next = 0;
        record->signature = replan->map[old].to;
        if (evidence_has_room(&replan->to->items[record->signature], at)) {
            if (replan->map[old].changed)
                evidence_expire(pool, at);
            *tail = at;
            tail = &record->next;
            continue;
        }
        labels_leave_record(labels, record);
        if (pool_size_of(at) == POOL_64)
            record->signature = EVIDENCE_NO_SIGNATURE;
        evidence_free(pool, &at);
    }
    mark->head = kept;
}

void analysis_replan(struct analysis *analysis, struct replan *replan)
{
    struct labels *labels = &replan->labels, *old = &analysis->labels;
    const struct source_tallies *from = &old->evicted;
    struct source_tallies *into = &labels->evicted;
    struct tool_tally *signatures = into->signatures, *names = into->labels;
    *into = *from;
    into->signatures = signatures;
    into->labels = names;
    for (unsigned i = 0; i < replan->n; i++)
        signatures[replan->map[i].to] = from->signatures[i];
    memcpy(names, from->labels, evidence_label_count(old->plan) * sizeof *names);
    labels->iot_packets = old->iot_packets;
    labels->refused = old->refused;
    for (unsigned i = 0; i < SHARD_COUNT; i++)
        for (unsigned family = 0; family < 2; family++)
            for (uint32_t row = 0; row < analysis->shards[i].tables[family].n; row++) {
                struct mark *mark = shard_mark(&analysis->shards[i], family, row);
                if (mark)
                    replan_mark(replan, labels, &analysis->shards[i].evidence, mark);
            }
    if (analysis->feed && replan->feed)
        feed_replan(analysis->feed, replan->feed, replan->to);
    analysis->config.evidence = replan->to;
    struct labels kept = *old;
    *old = *labels;
    *labels = kept; /* freed with the replan */
}

void analysis_relocate(struct analysis *analysis, const struct locator *locator)
{
    analysis->config.locator = locator;
}
