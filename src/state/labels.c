#include "state/labels.h"

#include <stdlib.h>
#include <string.h>

static_assert(CANDIDATE_COUNT_ * sizeof(uint64_t) <= 48, "the base of a mark fits POOL_48");

uint32_t mark_make(struct pool *pool)
{
    uint32_t handle = pool_alloc(pool, POOL_64);
    if (handle)
        *(struct mark *)pool_block(pool, handle) =
            (struct mark){.first.signature = EVIDENCE_NO_SIGNATURE};
    return handle;
}

bool source_tallies_init(struct source_tallies *tallies, const struct evidence_plan *plan)
{
    *tallies = (struct source_tallies){0};
    unsigned signatures = signature_count(evidence_plan_signatures(plan));
    unsigned labels = evidence_label_count(plan);
    tallies->signatures = calloc(signatures ? signatures : 1, sizeof *tallies->signatures);
    tallies->labels = calloc(labels ? labels : 1, sizeof *tallies->labels);
    return tallies->signatures && tallies->labels;
}

void source_tallies_fini(struct source_tallies *tallies)
{
    free(tallies->signatures);
    free(tallies->labels);
    *tallies = (struct source_tallies){0};
}

/* A label counts a source once, whichever of its signatures come first or last in the list. */
static bool seen_before(const struct evidence_plan *plan, const struct pool *pool,
                        uint32_t head, uint32_t end, unsigned label, bool labelled)
{
    struct evidence_view view;
    for (uint32_t at = head; at != end && evidence_next(pool, &at, &view);)
        if (evidence_label_of(plan, view.signature) == label &&
            (labelled ? view.labelled : view.matched))
            return true;
    return false;
}

void source_tallies_add(struct source_tallies *tallies, const struct evidence_plan *plan,
                        const struct pool *pool, const struct mark *mark, uint64_t packets,
                        uint64_t scans)
{
    const struct signature_set *set = evidence_plan_signatures(plan);
    bool any = false, iot = false;
    struct evidence_view view;
    for (uint32_t at = mark ? mark->head : 0, from = at; evidence_next(pool, &at, &view);
         from = at) {
        unsigned label = evidence_label_of(plan, view.signature);
        tallies->signatures[view.signature].sources += view.matched;
        tallies->signatures[view.signature].labelled += view.labelled;
        if (view.matched && !seen_before(plan, pool, mark->head, from, label, false))
            tallies->labels[label].sources++;
        if (view.labelled && !seen_before(plan, pool, mark->head, from, label, true))
            tallies->labels[label].labelled++;
        any |= view.labelled;
        iot |= view.labelled && signature_at(set, view.signature)->origin == ORIGIN_IOT;
    }
    tallies->iot_matched_sources += mark && mark->iot_packets > 0;
    if (iot) {
        tallies->iot_sources++;
        tallies->iot_packets += packets;
    }
    if (!any && scans > 0) {
        tallies->unlabelled_sources++;
        tallies->unlabelled_packets += scans;
    }
}

bool labels_init(struct labels *labels, const struct evidence_plan *plan)
{
    *labels = (struct labels){.plan = plan};
    if (!plan)
        return true;
    unsigned n = evidence_label_count(plan);
    labels->label_counts = malloc(n ? n : 1);
    labels->rows = calloc(n ? n : 1, sizeof *labels->rows);
    labels->touched = calloc(n ? n : 1, sizeof *labels->touched);
    if (!source_tallies_init(&labels->evicted, plan) || !labels->label_counts ||
        !labels->rows || !labels->touched)
        return false;
    static const struct {
        const char *name;
        enum count count;
    } SERIES[] = {{"mirai", COUNT_mirai},
                  {"zmap", COUNT_zmap},
                  {"masscan", COUNT_masscan},
                  {"nmap", COUNT_nmap}};
    for (unsigned i = 0; i < n; i++) {
        labels->label_counts[i] = COUNT_COUNT_;
        for (unsigned j = 0; j < sizeof SERIES / sizeof *SERIES; j++)
            if (strcmp(evidence_label_name(plan, i), SERIES[j].name) == 0)
                labels->label_counts[i] = (uint8_t)SERIES[j].count;
    }
    return true;
}

void labels_fini(struct labels *labels)
{
    source_tallies_fini(&labels->evicted);
    free(labels->label_counts);
    free(labels->rows);
    free(labels->touched);
    *labels = (struct labels){0};
}

static void add_tools(struct tool_tally *into, const struct tool_tally *from, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        into[i].packets += from[i].packets;
        into[i].sources += from[i].sources;
        into[i].labelled += from[i].labelled;
    }
}

void labels_merge(struct labels *into, const struct labels *from)
{
    if (!into->plan)
        return;
    add_tools(into->evicted.signatures, from->evicted.signatures,
              signature_count(evidence_plan_signatures(into->plan)));
    add_tools(into->evicted.labels, from->evicted.labels, evidence_label_count(into->plan));
    into->evicted.iot_packets += from->evicted.iot_packets;
    into->evicted.iot_sources += from->evicted.iot_sources;
    into->evicted.iot_matched_sources += from->evicted.iot_matched_sources;
    into->evicted.unlabelled_packets += from->evicted.unlabelled_packets;
    into->evicted.unlabelled_sources += from->evicted.unlabelled_sources;
    into->iot_packets += from->iot_packets;
    into->refused += from->refused;
}

void labels_clear(struct labels *labels)
{
    if (!labels->plan)
        return;
    struct source_tallies *evicted = &labels->evicted;
    memset(evicted->signatures, 0,
           signature_count(evidence_plan_signatures(labels->plan)) *
               sizeof *evicted->signatures);
    memset(evicted->labels, 0, evidence_label_count(labels->plan) * sizeof *evicted->labels);
    *evicted =
        (struct source_tallies){.signatures = evicted->signatures, .labels = evicted->labels};
    labels->iot_packets = labels->refused = 0;
}

void labels_leave_record(struct labels *labels, const struct evidence_record *record)
{
    struct tool_tally *tallies[] = {
        &labels->evicted.signatures[record->signature],
        &labels->evicted.labels[labels->plan->items[record->signature].label]};
    for (unsigned i = 0; i < 2; i++) {
        tallies[i]->sources += (record->flags & EVIDENCE_MATCHED) != 0;
        tallies[i]->labelled += (record->flags & EVIDENCE_LABELLED_EVER) != 0;
    }
}

unsigned mark_rank(const struct pool *pool, const struct mark *mark)
{
    unsigned rank = 0;
    struct evidence_view view;
    for (uint32_t at = mark->head; evidence_next(pool, &at, &view);) {
        unsigned its = view.labelled ? 2 : view.matched;
        rank = its > rank ? its : rank;
    }
    return rank;
}

bool mark_seen_at(struct mark *mark, uint32_t minute)
{
    if (minute > mark->iot_last_min) {
        uint32_t gap = minute - mark->iot_last_min;
        mark->iot_minutes = gap < 32 ? mark->iot_minutes << gap : 0;
        mark->iot_last_min = minute;
    }
    if (mark->iot_last_min - minute >= 32)
        return false;
    uint32_t bit = (uint32_t)1 << (mark->iot_last_min - minute);
    bool first = !(mark->iot_minutes & bit);
    mark->iot_minutes |= bit;
    return first;
}

static uint32_t shifted(const struct mark *mark, uint32_t newest)
{
    uint32_t back = newest - mark->iot_last_min;
    return back < 32 ? mark->iot_minutes << back : 0;
}

/* The block of a mark's base, made when there is none; 0: no room. */
static uint32_t make_base(struct pool *pool, uint32_t handle)
{
    struct mark *mark = pool_block(pool, handle);
    if (mark->base)
        return mark->base;
    uint32_t block = pool_alloc(pool, POOL_48);
    mark = pool_block(pool, handle);
    mark->base = block;
    return block;
}

void mark_merge(const struct evidence_plan *plan, struct pool *pool, uint32_t handle,
                const struct pool *from_pool, const struct mark *from, uint64_t *ret_refused)
{
    struct mark *mark = pool_block(pool, handle);
    uint32_t head = mark->head;
    if (!evidence_merge(plan, pool, &head, mark_first(handle), from_pool, from->head))
        ++*ret_refused;
    mark = pool_block(pool, handle);
    mark->head = head;
    mark->iot_packets += from->iot_packets;
    uint32_t newest =
        mark->iot_last_min > from->iot_last_min ? mark->iot_last_min : from->iot_last_min;
    mark->iot_minutes = shifted(mark, newest) | shifted(from, newest);
    mark->iot_last_min = newest;
    if (!from->base)
        return;
    uint64_t bases[CANDIDATE_COUNT_];
    for (unsigned kind = 0; kind < CANDIDATE_COUNT_; kind++)
        bases[kind] = mark_base(pool, mark, kind) + mark_base(from_pool, from, kind);
    uint32_t block = make_base(pool, handle);
    if (!block) {
        ++*ret_refused;
        return;
    }
    memcpy(pool_block(pool, block), bases, sizeof bases);
}

void mark_drop(struct pool *pool, uint32_t handle)
{
    struct mark *mark = pool_block(pool, handle);
    evidence_free(pool, &mark->head);
    if (mark->base)
        pool_free(pool, mark->base);
    pool_free(pool, handle);
}

bool mark_expire(struct pool *pool, uint32_t handle,
                 const uint64_t counters[static CANDIDATE_COUNT_])
{
    const struct mark *mark = pool_block(pool, handle);
    evidence_expire(pool, mark->head);
    uint32_t block = make_base(pool, handle);
    if (!block)
        return false;
    memcpy(pool_block(pool, block), counters, CANDIDATE_COUNT_ * sizeof *counters);
    return true;
}

uint64_t mark_base(const struct pool *pool, const struct mark *mark, unsigned kind)
{
    return mark->base ? ((const uint64_t *)pool_block(pool, mark->base))[kind] : 0;
}
