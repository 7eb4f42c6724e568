/* What a batch adds to totals and windows: everything that is not by source. */
#include "state/state.h"

#define MINUTE_NS ((int64_t)60 * 1000000000)

/* A window and the totals, or the totals alone, take these. */
static void add_counts(const uint64_t counts[static COUNT_COUNT_],
                       uint64_t totals[static COUNT_COUNT_], struct window *window)
{
    for (unsigned i = 0; i < COUNT_COUNT_; i++)
        totals[i] += counts[i];
    for (unsigned i = 0; window && i < COUNT_COUNT_; i++)
        window->counts[i] += counts[i];
}

static void add_dports(const struct columns *columns, unsigned begin, unsigned end,
                       struct port_set *ret_ports)
{
    static_assert(CLASS_SCAN == 0, "the tallies of scans come first");
    enum { PORT_WORDS = sizeof ret_ports->bits / sizeof ret_ports->bits[0][0] };
    static_assert(sizeof ret_ports->bits == (1U << COLUMN_VIEW_SHIFT) / 8, "UDP follows TCP");
    uint64_t *bits = ret_ports->bits[0];
#pragma GCC unroll 4
    for (unsigned i = begin; i < end; i++) {
        uint32_t tally = columns->tally[i];
        uint64_t is_scan = tally >> COLUMN_VIEW_SHIFT == CLASS_SCAN;
        bits[tally / 64 % PORT_WORDS] |= is_scan << tally % 64;
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

static void add_masks(struct totals *totals, const struct sums *sums)
{
    totals->from_dark += sums->from_dark;
    totals->ipv6 += sums->ipv6;
    totals->fragments += sums->fragments;
    totals->cut += sums->cut;
    totals->decapsulated += sums->decapsulated;
    for (unsigned i = 0; i < CHECKSUM_COUNT_; i++)
        totals->bad_checksum[i] += sums->bad_checksum[i];
}

/* The end of the rows from `begin` on that belong to one window and follow each other. */
static unsigned run_end(const struct batch *batch, const struct columns *columns,
                        unsigned begin, uint32_t now_min, bool late)
{
    uint32_t minute_s = columns->at_s[begin] / 60 * 60;
    unsigned end = begin + 1;
    while (end < batch->n && batch->now_min[end] <= now_min &&
           mask_test(batch->has[HAS_LATE], end) == late &&
           (late || columns->at_s[end] - minute_s < 60))
        end++;
    return end;
}

/* A batch that lies in one open minute: nearly all do. False: it does not. */
static bool add_minute(struct analysis *analysis, const struct batch *batch,
                       const struct columns *columns, const struct sums *sums,
                       struct window *ret_windows[static BATCH_CAP])
{
    if (!sums->one_minute)
        return false;
    windows_close_until(&analysis->windows, batch->now_min[0] * MINUTE_NS);
    struct window *window = windows_at(&analysis->windows, columns->at_s[0] / 60);
    if (!window)
        return false;
    for (unsigned i = 0; i < batch->n; i++)
        ret_windows[i] = window;
    add_counts(sums->counts, analysis->totals.counts, window);
    add_dports(columns, 0, batch->n, &window->dports);
    return true;
}

bool tally_batch(struct analysis *analysis, const struct batch *batch,
                 const struct columns *columns, const struct sums *sums,
                 struct window *ret_windows[static BATCH_CAP])
{
    struct windows *windows = &analysis->windows;
    add_refusals(analysis, batch);
    add_masks(&analysis->totals, sums);
    if (add_minute(analysis, batch, columns, sums, ret_windows))
        return true;
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
        uint64_t counts[COUNT_COUNT_];
        sums_count(batch, begin, end, counts);
        add_counts(counts, analysis->totals.counts, window);
        if (window)
            add_dports(columns, begin, end, &window->dports);
        for (unsigned i = begin; !window && i < end; i++)
            add_late(analysis, batch->now_min[i]); /* without one: its minute is closed */
    }
    return false;
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
