#include "state/evidence.h"

#include "state/binomial.h"
#include "state/evidence_record.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* The index of a label, which is added when it is new; -1: memory. */
static int intern_label(struct evidence_plan *plan, const char *name)
{
    unsigned label = 0;
    while (label < plan->labels_n && strcmp(plan->labels[label], name) != 0)
        label++;
    if (label < plan->labels_n)
        return (int)label;
    plan->labels[label] = strdup(name);
    return plan->labels[label] ? (int)plan->labels_n++ : -1;
}

struct evidence_plan *evidence_plan_new(const struct evidence_config *config)
{
    unsigned n = signature_count(config->signatures);
    struct evidence_plan *plan = calloc(1, sizeof *plan + n * sizeof plan->items[0]);
    if (!plan)
        return NULL;
    plan->signatures = config->signatures;
    plan->alpha = config->alpha;
    plan->dark_size = config->dark_size;
    unsigned labels_n = config->previous ? config->previous->labels_n : 0;
    plan->labels = calloc(n + labels_n + 1, sizeof *plan->labels);
    bool ready = plan->labels;
    for (unsigned i = 0; ready && i < labels_n; i++)
        ready = intern_label(plan, config->previous->labels[i]) >= 0;
    for (unsigned i = 0; ready && i < n; i++) {
        const struct signature *signature = signature_at(config->signatures, i);
        struct evidence_item *item = &plan->items[i];
        item->chance = signature->chance;
        if (signature->relation != RELATION_NONE)
            item->chance = fmin(1, signature->chance * VALUES_KEPT);
        item->hits_min = item->chance < 1
                             ? (uint32_t)ceil(log(config->alpha) / log(item->chance))
                             : UINT32_MAX;
        if (item->hits_min < 2)
            item->hits_min = 2;
        item->kind = signature->relation != RELATION_NONE ? EVIDENCE_RELATION : EVIDENCE_PLAIN;
        if (signature->thresholds_n > 0)
            item->kind = config->dark_size ? EVIDENCE_THRESHOLDS : EVIDENCE_OFF;
        item->candidates = (uint8_t)signature->candidates;
        item->iot = signature->origin == ORIGIN_IOT;
        item->plain_probe = signature->probe == 0;
        int label = intern_label(plan, signature->label);
        item->label = (uint16_t)label;
        ready = label >= 0;
    }
    if (ready)
        return plan;
    evidence_plan_free(plan);
    return NULL;
}

void evidence_plan_free(struct evidence_plan *plan)
{
    if (!plan)
        return;
    for (unsigned i = 0; i < plan->labels_n; i++)
        free(plan->labels[i]);
    free(plan->labels);
    free(plan);
}

const struct signature_set *evidence_plan_signatures(const struct evidence_plan *plan)
{
    return plan->signatures;
}

unsigned evidence_label_count(const struct evidence_plan *plan)
{
    return plan->labels_n;
}

const char *evidence_label_name(const struct evidence_plan *plan, unsigned label)
{
    return plan->labels[label];
}

unsigned evidence_label_of(const struct evidence_plan *plan, unsigned signature)
{
    return plan->items[signature].label;
}

double evidence_chance(const struct evidence_plan *plan, unsigned signature)
{
    return plan->items[signature].chance;
}

bool evidence_decides(const struct evidence_plan *plan, unsigned signature)
{
    return plan->items[signature].kind != EVIDENCE_PLAIN;
}

bool evidence_off(const struct evidence_plan *plan, unsigned signature)
{
    return plan->items[signature].kind == EVIDENCE_OFF;
}

static bool is_free(const struct pool *pool, uint32_t spare)
{
    const struct evidence_record *record = pool_block(pool, spare);
    return record->signature == EVIDENCE_NO_SIGNATURE;
}

static struct evidence_record *find_or_add(const struct evidence_plan *plan, struct pool *pool,
                                           uint32_t *head, uint32_t spare, unsigned signature)
{
    struct evidence_record *record = evidence_find(pool, *head, signature);
    if (record)
        return record;
    /* A relation may have thresholds as well, which then decide alone. */
    bool thresholds = plan->items[signature].kind >= EVIDENCE_THRESHOLDS;
    bool relation = plan->items[signature].kind == EVIDENCE_RELATION;
    enum pool_size size = thresholds ? POOL_48 : relation ? POOL_128 : POOL_32;
    bool takes = size == POOL_32 && spare && is_free(pool, spare);
    uint32_t handle = takes ? spare : pool_alloc(pool, size);
    if (!handle)
        return NULL;
    record = pool_block(pool, handle);
    memset(record, 0,
           thresholds ? (size_t)COUNTS_BYTES
           : relation ? (size_t)VALUES_BYTES
                      : (size_t)PLAIN_BYTES);
    record->signature = (uint16_t)signature;
    record->next = *head;
    *head = handle;
    return record;
}

/* Does value i of the record stand in the relation with a new value? */
static bool holds(enum relation relation, uint64_t earlier, uint64_t value)
{
    return relation == RELATION_CONSTANT ? value == earlier : value > earlier;
}

/* Compares a value with the kept ones and keeps it. True when the relation holds with an
 * earlier, distinct packet. */
static bool relate(struct evidence_record *record, enum relation relation, uint64_t value,
                   uint32_t probe)
{
    /* Of several runs that increase, a value continues the one closest below it. */
    unsigned best = VALUES_KEPT;
    for (unsigned i = 0; i < values_of(record)->n; i++)
        if ((holds(relation, values_of(record)->values[i], value) ||
             values_of(record)->values[i] == value) &&
            (best == VALUES_KEPT ||
             values_of(record)->values[i] > values_of(record)->values[best]))
            best = i;
    bool matches = best < VALUES_KEPT && values_of(record)->probes[best] != probe &&
                   holds(relation, values_of(record)->values[best], value);
    uint32_t first_probe = probe;
    if (best < VALUES_KEPT && relation == RELATION_CONSTANT)
        first_probe = values_of(record)->probes[best];
    unsigned replaced = best;
    if (best == VALUES_KEPT) {
        if (values_of(record)->n < VALUES_KEPT)
            values_of(record)->n++;
        replaced = values_of(record)->n - 1U;
    }
    for (unsigned i = replaced; i > 0; i--) {
        values_of(record)->values[i] = values_of(record)->values[i - 1];
        values_of(record)->probes[i] = values_of(record)->probes[i - 1];
    }
    values_of(record)->values[0] = value;
    values_of(record)->probes[0] = first_probe;
    return matches;
}

static void begin_span(struct pool *pool, struct evidence_record *record, uint32_t span)
{
    for (unsigned i = 0; i < THRESHOLD_SETS_MAX; i++) {
        struct distinct set = {counts_of(record)->words[i], record->kinds[i]};
        distinct_clear(pool, &set);
        counts_of(record)->words[i] = set.word;
        record->kinds[i] = set.kind;
    }
    counts_of(record)->packets = 0;
    counts_of(record)->span = span;
}

/* Counts a packet of a threshold signature; true when all its thresholds are reached. */
static bool count(const struct evidence_plan *plan, struct pool *pool,
                  struct evidence_record **record_at, uint32_t head,
                  const struct signature *signature, const struct batch *batch, unsigned row)
{
    struct evidence_record *record = *record_at;
    uint32_t span_s = signature->thresholds[0].span_s;
    uint32_t span = span_s ? (uint32_t)(batch->ts_ns[row] / 1000000000 / span_s) : 0;
    if (span < counts_of(record)->span)
        return false; /* a late packet of a span that is over */
    if (span > counts_of(record)->span)
        begin_span(pool, record, span);
    if (counts_of(record)->packets < UINT32_MAX)
        counts_of(record)->packets++;
    bool reached = true;
    unsigned set_at = 0;
    for (unsigned i = 0; i < signature->thresholds_n; i++) {
        const struct threshold *threshold = &signature->thresholds[i];
        double is = counts_of(record)->packets;
        if (threshold->kind == THRESHOLD_DISTINCT && set_at < THRESHOLD_SETS_MAX) {
            struct distinct set = {counts_of(record)->words[set_at], record->kinds[set_at]};
            uint64_t key = threshold_key(plan->signatures, threshold, batch, row);
            (void)distinct_add(pool, &set, (uint32_t)(key >> 32)); /* frozen: a lower bound */
            record = evidence_find(pool, head, record->signature); /* the pool may have moved */
            counts_of(record)->words[set_at] = set.word;
            record->kinds[set_at] = set.kind;
            bool estimated;
            is = (double)distinct_count(pool, &set, &estimated);
            set_at++;
        }
        double least = threshold->value * (threshold->per_dark ? (double)plan->dark_size : 1);
        reached = reached && (threshold->strict ? is > least : is >= least);
    }
    *record_at = record;
    return reached;
}

/* Sets the flags of a match or a label; NOTE_* of what is new. */
static unsigned raise(struct evidence_record *record, bool labelled)
{
    unsigned notes = NOTE_MATCHES;
    record->flags |= EVIDENCE_MATCHED;
    if (labelled) {
        notes |= record->flags & EVIDENCE_LABELLED_EVER ? 0 : NOTE_LABELS;
        record->flags |= EVIDENCE_LABELLED | EVIDENCE_LABELLED_EVER;
    }
    return notes;
}

unsigned evidence_hit(const struct evidence_plan *plan, struct pool *pool, uint32_t *head,
                      uint32_t spare, unsigned signature, const struct evidence_row *row)
{
    const struct evidence_item *item = &plan->items[signature];
    if (item->kind == EVIDENCE_OFF)
        return 0;
    struct evidence_record *record = find_or_add(plan, pool, head, spare, signature);
    if (!record)
        return NOTE_REFUSED;
    if (item->kind == EVIDENCE_THRESHOLDS) {
        if (!count(plan, pool, &record, *head, signature_at(plan->signatures, signature),
                   row->batch, row->row))
            return 0;
        return raise(record, true);
    }
    if (item->kind == EVIDENCE_RELATION) {
        enum relation relation = signature_at(plan->signatures, signature)->relation;
        uint64_t value;
        if (!signature_relation_value(plan->signatures, signature, row->batch, row->row,
                                      &value) ||
            !relate(record, relation, value, row->probe))
            return 0;
    }
    return evidence_count(item, record, row->probe);
}

unsigned evidence_judge(const struct evidence_plan *plan, struct pool *pool, uint32_t head,
                        unsigned signature, uint64_t candidates)
{
    struct evidence_record *record = evidence_find(pool, head, signature);
    if (!record || binomial_is_chance(candidates, plan->items[signature].chance, record->hits,
                                      plan->alpha))
        return 0;
    return raise(record, true) & NOTE_LABELS;
}

unsigned evidence_note(const struct evidence_plan *plan, struct pool *pool, uint32_t *head,
                       unsigned signature, uint64_t candidates, const struct batch *batch,
                       unsigned row)
{
    uint64_t probe = signature_probe_key(plan->signatures, signature, batch, row);
    struct evidence_row of = {.batch = batch, .row = row, .probe = (uint32_t)(probe >> 32)};
    unsigned notes = evidence_hit(plan, pool, head, 0, signature, &of);
    if (notes & NOTE_DUE)
        notes |= evidence_judge(plan, pool, *head, signature, candidates);
    return notes & ~(unsigned)NOTE_DUE;
}

static bool has_counts(const struct evidence_record *record, uint32_t handle)
{
    return pool_size_of(handle) == POOL_48 && counts_of(record)->packets > 0;
}

void evidence_expire(struct pool *pool, uint32_t head)
{
    for (uint32_t at = head; at;) {
        struct evidence_record *record = pool_block(pool, at);
        record->hits = 0;
        record->probes_n = 0;
        record->flags &= (uint8_t)~EVIDENCE_LABELLED;
        if (pool_size_of(at) == POOL_128)
            values_of(record)->n = 0;
        else if (has_counts(record, at))
            begin_span(pool, record, 0);
        at = record->next;
    }
}

void evidence_free(struct pool *pool, uint32_t *head)
{
    while (*head) {
        struct evidence_record *record = pool_block(pool, *head);
        uint32_t next = record->next;
        for (unsigned i = 0; has_counts(record, *head) && i < THRESHOLD_SETS_MAX; i++) {
            struct distinct set = {counts_of(record)->words[i], record->kinds[i]};
            distinct_clear(pool, &set);
        }
        if (pool_size_of(*head) != POOL_64)
            pool_free(pool, *head);
        *head = next;
    }
}

/* Two parts of the counts of one span add up; of different spans the later one stays. */
static void merge_counts(struct pool *pool, uint32_t into_handle, const struct pool *from_pool,
                         const struct evidence_record *from)
{
    struct evidence_record *into = pool_block(pool, into_handle);
    if (counts_of(from)->span < counts_of(into)->span)
        return;
    bool later = counts_of(from)->span > counts_of(into)->span;
    uint32_t packets = later ? 0 : counts_of(into)->packets;
    for (unsigned i = 0; i < THRESHOLD_SETS_MAX; i++) {
        struct distinct set = {counts_of(into)->words[i], into->kinds[i]};
        struct distinct other = {counts_of(from)->words[i], from->kinds[i]};
        if (later)
            distinct_clear(pool, &set);
        (void)distinct_merge(pool, &set, from_pool, &other); /* frozen: a lower bound */
        into = pool_block(pool, into_handle);
        counts_of(into)->words[i] = set.word;
        into->kinds[i] = set.kind;
    }
    counts_of(into)->span = counts_of(from)->span;
    counts_of(into)->packets = counts_of(from)->packets > UINT32_MAX - packets
                                   ? UINT32_MAX
                                   : packets + counts_of(from)->packets;
}

/* Values are of one source's packets in their order: those of two parts do not mix, so the part
 * that has some keeps them. */
static void merge_values(struct evidence_record *into, const struct evidence_record *from)
{
    if (values_of(into)->n == 0)
        *values_of(into) = *values_of(from);
}

bool evidence_merge(const struct evidence_plan *plan, struct pool *pool, uint32_t *head,
                    uint32_t spare, const struct pool *from_pool, uint32_t from)
{
    bool room = true;
    while (from) {
        const struct evidence_record *other = pool_block(from_pool, from);
        struct evidence_record *record = find_or_add(plan, pool, head, spare, other->signature);
        if (!record) {
            room = false;
        } else {
            record->flags |= other->flags;
            record->hits = other->hits > UINT32_MAX - record->hits ? UINT32_MAX
                                                                   : record->hits + other->hits;
            for (unsigned i = other->probes_n; i-- > 0;) /* they are in hits already */
                (void)evidence_remember(record, other->probes[i]);
            if (plan->items[record->signature].kind == EVIDENCE_RELATION)
                merge_values(record, other);
            uint32_t handle = *head;
            while (pool_block(pool, handle) != record)
                handle = ((struct evidence_record *)pool_block(pool, handle))->next;
            if (has_counts(other, from))
                merge_counts(pool, handle, from_pool, other);
        }
        from = other->next;
    }
    return room;
}

bool evidence_next(const struct pool *pool, uint32_t *at, struct evidence_view *ret_view)
{
    if (!*at)
        return false;
    const struct evidence_record *record = pool_block(pool, *at);
    *ret_view = (struct evidence_view){
        .signature = record->signature,
        .hits = record->hits,
        .matched = record->flags & EVIDENCE_MATCHED,
        .labelled = record->flags & EVIDENCE_LABELLED_EVER,
    };
    *at = record->next;
    return true;
}
