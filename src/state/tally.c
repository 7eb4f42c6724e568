/* What a batch adds to totals and windows: everything that is not by source. */
#include "state/state.h"

#include <string.h>

#define MINUTE_NS ((int64_t)60 * 1000000000)

/* How many rows [begin, end) of a column have this value: sixteen at a time. */
static unsigned count_equal(const uint8_t column[static BATCH_CAP], unsigned begin,
                            unsigned end, uint8_t value)
{
    typedef uint8_t lanes __attribute__((vector_size(16)));
    static_assert(BATCH_CAP / sizeof(lanes) < 256, "a lane counts to 255");
    lanes counts = {0}, wanted = {0}, rows;
    wanted += value;
    unsigned i = begin, n = 0;
    for (; i + sizeof rows <= end; i += sizeof rows) {
        memcpy(&rows, column + i, sizeof rows);
        counts -= (lanes)(rows == wanted);
    }
    for (unsigned lane = 0; lane < sizeof rows; lane++)
        n += counts[lane];
    for (; i < end; i++)
        n += column[i] == value;
    return n;
}

/* A window and the totals, or the totals alone, take rows [begin, end). */
static void add_run(const struct batch *batch, unsigned begin, unsigned end,
                    uint64_t totals[static COUNT_COUNT_], struct window *window)
{
    static const uint8_t by_protocol[PROTOCOL_COUNT_] = {
#define X(id, name) [PROTOCOL_##id] = COUNT_##name,
        PROTOCOLS(X)
#undef X
    };
    static const uint8_t by_class[CLASS_COUNT_] = {
        [CLASS_SCAN] = COUNT_scan,
        [CLASS_BACKSCATTER] = COUNT_backscatter,
        [CLASS_OTHER] = COUNT_class_other,
    };
    uint64_t counts[COUNT_COUNT_] = {[COUNT_packets] = end - begin};
    for (unsigned i = begin; i < end; i++)
        counts[COUNT_bytes] += batch->ip_len[i];
    for (unsigned i = 0; i < PROTOCOL_COUNT_; i++)
        counts[by_protocol[i]] = count_equal(batch->protocol, begin, end, (uint8_t)i);
    for (unsigned i = 0; i < CLASS_COUNT_; i++)
        counts[by_class[i]] = count_equal(batch->class, begin, end, (uint8_t)i);
    for (unsigned i = 0; i < COUNT_COUNT_; i++)
        totals[i] += counts[i];
    for (unsigned i = 0; window && i < COUNT_COUNT_; i++)
        window->counts[i] += counts[i];
}

static void add_dports(const struct columns *columns, unsigned begin, unsigned end,
                       struct port_set *ret_ports)
{
    static_assert(CLASS_SCAN == 0, "the tallies of scans come first");
    for (unsigned i = begin; i < end; i++) {
        uint32_t tally = columns->tally[i];
        uint64_t is_scan = tally >> COLUMN_VIEW_SHIFT == CLASS_SCAN;
        ret_ports->bits[tally >> 16 & 1][tally / 64 & 1023] |= is_scan << (tally % 64);
    }
}

/* A refusal counts in the window of its own minute unless that is closed. Refusals are read
 * among the rows, so they go first: rows may close minutes. */
static void add_refusals(struct analysis *analysis, const struct batch *batch)
{
    struct totals *totals = &analysis->totals;
    for (unsigned i = 0; i < batch->refused_n; i++) {
        const struct refusal *refusal = &batch->refused[i];
        totals->not_counted[refusal->reason]++;
        totals->counts[COUNT_not_counted]++;
        if (refusal->reason == REASON_TIME || refusal->reason == REASON_CLOCK || refusal->late)
            continue;
        struct window *window = windows_at(&analysis->windows, refusal->ts_ns / MINUTE_NS);
        if (window)
            window->counts[COUNT_not_counted]++;
    }
}

static void add_late(struct analysis *analysis, uint32_t now_min)
{
    analysis->totals.counts[COUNT_late]++;
    struct window *window = windows_at(&analysis->windows, now_min);
    if (window)
        window->counts[COUNT_late]++;
}

static void add_masks(struct totals *totals, const struct batch *batch)
{
    totals->from_dark += mask_count(batch->has[HAS_FROM_DARK]);
    totals->ipv6 += mask_count(batch->has[HAS_IPV6]);
    totals->fragments += mask_count(batch->has[HAS_FRAGMENT]);
    totals->cut += mask_count(batch->has[HAS_CUT]);
    totals->decapsulated += mask_count(batch->has[HAS_DECAPSULATED]);
    for (unsigned i = 0; i < CHECKSUM_COUNT_; i++)
        totals->bad_checksum[i] += mask_count(batch->bad_checksum[i]);
}

/* The end of the rows from `begin` on that belong to one window and follow each other. */
static unsigned run_end(const struct batch *batch, const struct columns *columns,
                        unsigned begin, uint32_t now_min, bool late)
{
    uint32_t minute_s = columns->at_s[begin] / 60 * 60;
    if (!late) { /* mostly that is all of them */
        uint64_t lates = 0;
        uint32_t others = 0;
        for (unsigned word = 0; word < BATCH_WORDS; word++)
            lates |= batch->has[HAS_LATE][word];
        for (unsigned i = begin; i < batch->n; i++)
            others |= (uint32_t)(columns->at_s[i] - minute_s >= 60) |
                      (uint32_t)(batch->now_min[i] > now_min);
        if (!lates && !others)
            return batch->n;
    }
    unsigned end = begin + 1;
    while (end < batch->n && batch->now_min[end] <= now_min &&
           mask_test(batch->has[HAS_LATE], end) == late &&
           (late || columns->at_s[end] - minute_s < 60))
        end++;
    return end;
}

void tally_batch(struct analysis *analysis, const struct batch *batch,
                 const struct columns *columns, struct window *ret_windows[static BATCH_CAP])
{
    struct windows *windows = &analysis->windows;
    add_refusals(analysis, batch);
    add_masks(&analysis->totals, batch);

    uint32_t now_min = 0;
    for (unsigned begin = 0, end; begin < batch->n; begin = end) {
        if (batch->now_min[begin] > now_min) {
            now_min = batch->now_min[begin];
            windows_close_until(windows, now_min * MINUTE_NS);
        }
        bool late = mask_test(batch->has[HAS_LATE], begin);
        struct window *window = late ? NULL : windows_at(windows, columns->at_s[begin] / 60);
        end = run_end(batch, columns, begin, now_min, late);
        for (unsigned i = begin; i < end; i++)
            ret_windows[i] = window;
        add_run(batch, begin, end, analysis->totals.counts, window);
        if (window)
            add_dports(columns, begin, end, &window->dports);
        for (unsigned i = begin; !window && i < end; i++)
            add_late(analysis, batch->now_min[i]); /* without one: its minute is closed */
    }
}

void totals_merge(struct totals *into, const struct totals *from)
{
    for (unsigned i = 0; i < COUNT_COUNT_; i++)
        into->counts[i] += from->counts[i];
    for (unsigned i = 0; i < REASON_COUNT_; i++)
        into->not_counted[i] += from->not_counted[i];
    for (unsigned i = 0; i < CHECKSUM_COUNT_; i++)
        into->bad_checksum[i] += from->bad_checksum[i];
    into->from_dark += from->from_dark;
    into->ipv6 += from->ipv6;
    into->fragments += from->fragments;
    into->cut += from->cut;
    into->decapsulated += from->decapsulated;
}
