/* What an analysis has counted without regard to a single source: totals, tallies of signatures
 * and labels, sketches of sources, what evicted sources have left, counters of limits. */
#include "state/checkpoint.h"

enum { LARGE_RANK_MAX = 64 - HLL_LARGE_BITS + 1 };

static void put_tools(struct bytes_out *out, const struct tool_tally *tallies, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        checkpoint_put_numbers(
            out,
            (const uint64_t[]){tallies[i].packets, tallies[i].sources, tallies[i].labelled}, 3);
}

static void put_labels(struct bytes_out *out, const struct labels *labels)
{
    const struct source_tallies *evicted = &labels->evicted;
    if (labels->plan) {
        put_tools(out, evicted->signatures, signature_count(labels->plan->signatures));
        put_tools(out, evicted->labels, evidence_label_count(labels->plan));
    }
    checkpoint_put_numbers(
        out,
        (const uint64_t[]){evicted->iot_packets, evicted->iot_sources,
                           evicted->iot_matched_sources, evicted->unlabelled_packets,
                           evicted->unlabelled_sources, labels->iot_packets, labels->refused},
        7);
}

void checkpoint_put_sums(struct bytes_out *out, const struct analysis *analysis)
{
    const struct totals *totals = &analysis->totals;
    checkpoint_put_numbers(out, totals->counts, COUNT_COUNT_);
    checkpoint_put_numbers(out, totals->not_counted, REASON_COUNT_);
    checkpoint_put_numbers(out, totals->bad_checksum, CHECKSUM_COUNT_);
    checkpoint_put_numbers(out,
                           (const uint64_t[]){totals->from_dark, totals->ipv6,
                                              totals->fragments, totals->cut,
                                              totals->decapsulated},
                           5);
    checkpoint_put_numbers(out,
                           (const uint64_t[]){analysis->sources_evicted,
                                              analysis->sources_refused, analysis->sets_frozen,
                                              analysis->memory_refused},
                           4);
    put_labels(out, &analysis->labels);
    checkpoint_put_registers(out, analysis->sources_sketch, HLL_LARGE);
    for (unsigned class = 0; class < CLASS_COUNT_; class ++)
        checkpoint_put_registers(out, analysis->class_sketch[class], HLL_LARGE);
    checkpoint_put_places(out, &analysis->evicted_places);
}

/* Adds to tallies[map[i]]; `tallies` NULL: none are kept. */
static void take_tools(struct checkpoint_in *in, struct tool_tally *tallies,
                       const uint16_t *map, unsigned n, bool signatures)
{
    for (unsigned i = 0; i < n && !in->bytes->failed; i++) {
        uint64_t numbers[3];
        checkpoint_take_numbers(in, numbers, 3);
        if (signatures && numbers[0] && map[i] == CHECKPOINT_NONE)
            checkpoint_note_gone(in, i);
        if (!tallies || map[i] == CHECKPOINT_NONE)
            continue;
        tallies[map[i]].packets += numbers[0];
        tallies[map[i]].sources += numbers[1];
        tallies[map[i]].labelled += numbers[2];
    }
}

static void take_labels(struct checkpoint_in *in, struct labels *labels)
{
    struct source_tallies *evicted = &labels->evicted;
    take_tools(in, evicted->signatures, in->names.signatures, in->names.signatures_n, true);
    take_tools(in, evicted->labels, in->names.labels, in->names.labels_n, false);
    uint64_t numbers[7];
    checkpoint_take_numbers(in, numbers, 7);
    if (!labels->plan)
        return;
    evicted->iot_packets += numbers[0];
    evicted->iot_sources += numbers[1];
    evicted->iot_matched_sources += numbers[2];
    evicted->unlabelled_packets += numbers[3];
    evicted->unlabelled_sources += numbers[4];
    labels->iot_packets += numbers[5];
    labels->refused += numbers[6];
}

static void take_sketch(struct checkpoint_in *in, uint8_t into[static HLL_LARGE])
{
    uint8_t registers[HLL_LARGE];
    checkpoint_take_registers(in, LARGE_RANK_MAX, HLL_LARGE, registers);
    hll_merge(into, registers, HLL_LARGE_BITS);
}

void checkpoint_take_sums(struct checkpoint_in *in)
{
    struct analysis *into = in->targets[0];
    struct totals totals = {0};
    uint64_t numbers[5];
    checkpoint_take_numbers(in, totals.counts, COUNT_COUNT_);
    checkpoint_take_numbers(in, totals.not_counted, REASON_COUNT_);
    checkpoint_take_numbers(in, totals.bad_checksum, CHECKSUM_COUNT_);
    checkpoint_take_numbers(in, numbers, 5);
    totals.from_dark = numbers[0];
    totals.ipv6 = numbers[1];
    totals.fragments = numbers[2];
    totals.cut = numbers[3];
    totals.decapsulated = numbers[4];
    totals_merge(&into->totals, &totals);
    checkpoint_take_numbers(in, numbers, 4);
    into->sources_evicted += numbers[0];
    into->sources_refused += numbers[1];
    into->sets_frozen += numbers[2];
    into->memory_refused += numbers[3];
    take_labels(in, &into->labels);
    take_sketch(in, into->sources_sketch);
    for (unsigned class = 0; class < CLASS_COUNT_; class ++)
        take_sketch(in, into->class_sketch[class]);
    checkpoint_take_places(in, &into->evicted_places);
}
