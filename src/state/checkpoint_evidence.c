/* The mark of a source: its evidence, and what it sent as IoT.
 *
 *   0, or 1 and packets by candidate before its last expiry | IoT packets minutes:4 last minute
 *   | n records in the order of their list
 *   record   signature | kind flags hits n | n probes:4
 *            | relation: n | n x { value probe:4 }
 *            | thresholds: span packets | sets
 *
 * The index of the port that an IoT source asked for last is not kept: it only saves time. */
#include "state/checkpoint.h"
#include "state/evidence_record.h"

#include <string.h>

enum kind { PLAIN, RELATION, THRESHOLDS, KIND_LAST = THRESHOLDS };
enum { FLAGS = EVIDENCE_MATCHED | EVIDENCE_LABELLED | EVIDENCE_LABELLED_EVER };

static enum kind kind_of(uint32_t handle)
{
    enum pool_size size = pool_size_of(handle);
    return size == POOL_128 ? RELATION : size == POOL_48 ? THRESHOLDS : PLAIN;
}

static void put_values(struct bytes_out *out, const struct values *values)
{
    bytes_put_u64(out, values->n);
    for (unsigned i = 0; i < values->n; i++) {
        bytes_put_u64(out, values->values[i]);
        bytes_put_le(out, values->probes[i], 4);
    }
}

static void put_counts(struct bytes_out *out, const struct pool *pool,
                       const struct evidence_record *record)
{
    const struct counts *counts = counts_of(record);
    bytes_put_u64(out, counts->span);
    bytes_put_u64(out, counts->packets);
    for (unsigned i = 0; i < THRESHOLD_SETS_MAX; i++)
        checkpoint_put_set(out, pool, (struct distinct){counts->words[i], record->kinds[i]});
}

static void put_record(struct bytes_out *out, const struct pool *pool, uint32_t handle)
{
    const struct evidence_record *record = pool_block(pool, handle);
    bytes_put_u64(out, record->signature);
    bytes_put_u64(out, kind_of(handle));
    bytes_put_u64(out, record->flags);
    bytes_put_u64(out, record->hits);
    bytes_put_u64(out, record->probes_n);
    for (unsigned i = 0; i < record->probes_n; i++)
        bytes_put_le(out, record->probes[i], 4);
    if (kind_of(handle) == RELATION)
        put_values(out, values_of(record));
    if (kind_of(handle) == THRESHOLDS)
        put_counts(out, pool, record);
}

void checkpoint_put_mark(struct bytes_out *out, const struct pool *pool,
                         const struct mark *mark)
{
    bytes_put_u64(out, mark->base != 0);
    for (unsigned kind = 0; mark->base && kind < CANDIDATE_COUNT_; kind++)
        bytes_put_u64(out, mark_base(pool, mark, kind));
    bytes_put_u64(out, mark->iot_packets);
    bytes_put_le(out, mark->iot_minutes, 4);
    bytes_put_u64(out, mark->iot_last_min);
    struct evidence_view view;
    unsigned n = 0;
    for (uint32_t at = mark->head; evidence_next(pool, &at, &view);)
        n++;
    bytes_put_u64(out, n);
    for (uint32_t at = mark->head, next = at; next; at = next) {
        evidence_next(pool, &next, &view);
        put_record(out, pool, at);
    }
}

/* A record as it was read, in no pool but for its sets. */
struct taken {
    struct evidence_record record;
    enum kind kind;
    struct values values;
    struct counts counts;
};

static void take_probes(struct checkpoint_in *in, struct evidence_record *record)
{
    unsigned n = (unsigned)bytes_take_u64(in->bytes, PROBES_KEPT);
    uint32_t probes[PROBES_KEPT];
    for (unsigned i = 0; i < n; i++)
        probes[i] = (uint32_t)bytes_take_le(in->bytes, 4);
    for (unsigned i = n; i-- > 0;)
        in->bytes->failed |= !evidence_remember(record, probes[i]);
}

static void take_record(struct checkpoint_in *in, struct taken *taken)
{
    struct evidence_record *record = &taken->record;
    *taken = (struct taken){0};
    record->signature = (uint16_t)bytes_take_u64(in->bytes, UINT16_MAX - 1);
    in->bytes->failed |= record->signature >= in->names.signatures_n;
    taken->kind = (enum kind)bytes_take_u64(in->bytes, KIND_LAST);
    record->flags = (uint8_t)bytes_take_u64(in->bytes, FLAGS);
    record->hits = (uint32_t)bytes_take_u64(in->bytes, UINT32_MAX);
    take_probes(in, record);
    if (taken->kind == RELATION) {
        taken->values.n = (uint8_t)bytes_take_u64(in->bytes, VALUES_KEPT);
        for (unsigned i = 0; i < taken->values.n; i++) {
            taken->values.values[i] = bytes_take_u64(in->bytes, UINT64_MAX);
            taken->values.probes[i] = (uint32_t)bytes_take_le(in->bytes, 4);
        }
    }
    if (taken->kind != THRESHOLDS)
        return;
    taken->counts.span = (uint32_t)bytes_take_u64(in->bytes, UINT32_MAX);
    taken->counts.packets = (uint32_t)bytes_take_u64(in->bytes, UINT32_MAX);
    for (unsigned i = 0; i < THRESHOLD_SETS_MAX; i++) {
        struct distinct set = checkpoint_take_set(in, &in->scratch.evidence);
        taken->counts.words[i] = set.word;
        record->kinds[i] = set.kind;
    }
}

static void drop_sets(struct checkpoint_in *in, struct taken *taken)
{
    for (unsigned i = 0; taken->kind == THRESHOLDS && i < THRESHOLD_SETS_MAX; i++) {
        struct distinct set = {taken->counts.words[i], taken->record.kinds[i]};
        distinct_clear(&in->scratch.evidence, &set);
    }
}

/* Puts a record before the others of a list. */
static void link_record(struct checkpoint_in *in, const struct taken *taken, uint32_t *head)
{
    struct pool *pool = &in->scratch.evidence;
    static const enum pool_size SIZES[] = {POOL_32, POOL_128, POOL_48};
    uint32_t handle = pool_alloc(pool, SIZES[taken->kind]);
    if (!handle) {
        checkpoint_no_memory(in);
        return;
    }
    struct evidence_record *record = pool_block(pool, handle);
    *record = taken->record;
    if (taken->kind == RELATION)
        *values_of(record) = taken->values;
    if (taken->kind == THRESHOLDS)
        *counts_of(record) = taken->counts;
    record->next = *head;
    *head = handle;
}

/* Finds out what the record is here: it goes on, begins anew, or is left. */
static void adopt(struct checkpoint_in *in, struct analysis *target, struct taken *taken,
                  uint32_t *head)
{
    unsigned old = taken->record.signature;
    uint16_t signature = in->names.signatures[old];
    uint32_t before = *head;
    if (!target->labels.plan || signature == CHECKPOINT_NONE) {
        drop_sets(in, taken);
        return;
    }
    taken->record.signature = signature;
    link_record(in, taken, head);
    if (*head == before) {
        drop_sets(in, taken);
        return;
    }
    struct evidence_record *record = pool_block(&in->scratch.evidence, *head);
    record->next = 0;
    if (!evidence_has_room(&target->labels.plan->items[signature], *head)) {
        labels_leave_record(&target->labels, record);
        uint32_t gone = *head;
        evidence_free(&in->scratch.evidence, &gone);
        *head = before;
        return;
    }
    if (in->names.changed[old])
        evidence_expire(&in->scratch.evidence, *head);
    record->next = before;
}

static void take_base(struct checkpoint_in *in, uint32_t handle,
                      const uint64_t counters[static CANDIDATE_COUNT_])
{
    uint64_t base[CANDIDATE_COUNT_];
    checkpoint_take_numbers(in, base, CANDIDATE_COUNT_);
    for (unsigned kind = 0; kind < CANDIDATE_COUNT_; kind++)
        in->bytes->failed |= base[kind] > counters[kind];
    /* before there are records: nothing else expires */
    if (!in->bytes->failed && !mark_expire(&in->scratch.evidence, handle, base))
        checkpoint_no_memory(in);
}

uint32_t checkpoint_take_mark(struct checkpoint_in *in, struct analysis *target,
                              const uint64_t counters[static CANDIDATE_COUNT_])
{
    struct pool *pool = &in->scratch.evidence;
    uint32_t handle = mark_make(pool), head = 0;
    if (!handle) {
        checkpoint_no_memory(in);
        return 0;
    }
    if (bytes_take_u64(in->bytes, 1))
        take_base(in, handle, counters);
    struct mark *mark = pool_block(pool, handle);
    mark->iot_packets = bytes_take_u64(in->bytes, UINT64_MAX);
    mark->iot_minutes = (uint32_t)bytes_take_le(in->bytes, 4);
    mark->iot_last_min = (uint32_t)bytes_take_u64(in->bytes, UINT32_MAX);
    uint64_t n = bytes_take_u64(in->bytes, UINT16_MAX);
    for (uint64_t i = 0; i < n && !in->bytes->failed; i++) {
        struct taken taken;
        take_record(in, &taken);
        if (in->bytes->failed)
            drop_sets(in, &taken);
        else
            adopt(in, target, &taken, &head);
    }
    mark = pool_block(pool, handle);
    mark->head = head;
    return handle;
}
