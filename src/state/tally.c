/* What a batch adds to totals and windows: everything that is not by source. */
#include "state/state.h"

#define MINUTE_NS ((int64_t)60 * 1000000000)

static uint64_t popcount(const uint64_t mask[static BATCH_WORDS], unsigned n)
{
    uint64_t bits = 0;
    for (unsigned word = 0; word * 64 < n; word++) {
        unsigned rows = n - word * 64;
        uint64_t valid = rows < 64 ? ((uint64_t)1 << rows) - 1 : ~(uint64_t)0;
        bits += (unsigned)__builtin_popcountll(mask[word] & valid);
    }
    return bits;
}

/* A window, or the totals, takes rows [begin, end). */
static void add_run(const struct batch *batch, unsigned begin, unsigned end,
                    uint64_t ret_counts[static COUNT_COUNT_])
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
    uint32_t kinds[PROTOCOL_COUNT_][CLASS_COUNT_] = {0};
    uint64_t bytes = 0;
    for (unsigned i = begin; i < end; i++) {
        bytes += batch->ip_len[i];
        kinds[batch->protocol[i]][batch->class[i]]++;
    }
    ret_counts[COUNT_packets] += end - begin;
    ret_counts[COUNT_bytes] += bytes;
    for (unsigned protocol = 0; protocol < PROTOCOL_COUNT_; protocol++) {
        for (unsigned class = 0; class < CLASS_COUNT_; class ++) {
            ret_counts[by_protocol[protocol]] += kinds[protocol][class];
            ret_counts[by_class[class]] += kinds[protocol][class];
        }
    }
}

static void add_dports(const struct batch *batch, unsigned begin, unsigned end,
                       struct port_set *ret_ports)
{
    for (unsigned i = begin; i < end; i++) {
        bool udp = mask_test(batch->has[HAS_UDP], i);
        if (batch->class[i] == CLASS_SCAN && (udp || mask_test(batch->has[HAS_TCP], i)))
            ret_ports->bits[udp][batch->dstport[i] / 64] |= (uint64_t)1
                                                            << (batch->dstport[i] % 64);
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
        if (refusal->reason == REASON_TIME || refusal->late)
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
    unsigned n = batch->n;
    totals->from_dark += popcount(batch->has[HAS_FROM_DARK], n);
    totals->ipv6 += popcount(batch->has[HAS_IPV6], n);
    totals->fragments += popcount(batch->has[HAS_FRAGMENT], n);
    totals->cut += popcount(batch->has[HAS_CUT], n);
    totals->decapsulated += popcount(batch->has[HAS_DECAPSULATED], n);
    for (unsigned i = 0; i < CHECKSUM_COUNT_; i++)
        totals->bad_checksum[i] += popcount(batch->bad_checksum[i], n);
}

void tally_batch(struct analysis *analysis, const struct batch *batch,
                 struct window *ret_windows[static BATCH_CAP])
{
    struct windows *windows = &analysis->windows;
    add_refusals(analysis, batch);
    add_masks(&analysis->totals, batch);
    add_run(batch, 0, batch->n, analysis->totals.counts);

    uint32_t now_min = 0;
    for (unsigned begin = 0, end; begin < batch->n; begin = end) {
        if (batch->now_min[begin] > now_min) {
            now_min = batch->now_min[begin];
            windows_close_until(windows, now_min * MINUTE_NS);
        }
        bool late = mask_test(batch->has[HAS_LATE], begin);
        int64_t from_ns = batch->ts_ns[begin] / MINUTE_NS * MINUTE_NS;
        struct window *window = late ? NULL : windows_at(windows, from_ns / MINUTE_NS);
        for (end = begin; end < batch->n && batch->now_min[end] <= now_min &&
                          mask_test(batch->has[HAS_LATE], end) == late &&
                          (late || (uint64_t)(batch->ts_ns[end] - from_ns) < MINUTE_NS);
             end++) {
            ret_windows[end] = window;
            if (!window) /* without one, a packet counts as late: its minute is closed */
                add_late(analysis, batch->now_min[end]);
        }
        if (window) {
            add_run(batch, begin, end, window->counts);
            add_dports(batch, begin, end, &window->dports);
        }
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
