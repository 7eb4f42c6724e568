#include "state/sums.h"

#include <assert.h>
#include <string.h>

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

void sums_count(const struct batch *batch, unsigned begin, unsigned end,
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
    memset(ret_counts, 0, COUNT_COUNT_ * sizeof *ret_counts);
    ret_counts[COUNT_packets] = end - begin;
    for (unsigned i = begin; i < end; i++)
        ret_counts[COUNT_bytes] += batch->ip_len[i];
    for (unsigned i = 0; i < PROTOCOL_COUNT_; i++)
        ret_counts[by_protocol[i]] = count_equal(batch->protocol, begin, end, (uint8_t)i);
    for (unsigned i = 0; i < CLASS_COUNT_; i++)
        ret_counts[by_class[i]] = count_equal(batch->class, begin, end, (uint8_t)i);
}

static bool is_one_minute(const struct batch *batch, const struct columns *columns)
{
    if (batch->n == 0 || mask_count(batch->has[HAS_LATE]) > 0)
        return false;
    uint32_t minute_s = columns->at_s[0] / 60 * 60, others = 0;
    for (unsigned i = 0; i < batch->n; i++)
        others |= (uint32_t)(columns->at_s[i] - minute_s >= 60) |
                  (uint32_t)(batch->now_min[i] > batch->now_min[0]);
    return !others;
}

void sums_fill(struct sums *sums, const struct batch *batch, const struct columns *columns)
{
    sums_count(batch, 0, batch->n, sums->counts);
    sums->from_dark = mask_count(batch->has[HAS_FROM_DARK]);
    sums->ipv6 = mask_count(batch->has[HAS_IPV6]);
    sums->fragments = mask_count(batch->has[HAS_FRAGMENT]);
    sums->cut = mask_count(batch->has[HAS_CUT]);
    sums->decapsulated = mask_count(batch->has[HAS_DECAPSULATED]);
    for (unsigned i = 0; i < CHECKSUM_COUNT_; i++)
        sums->bad_checksum[i] = mask_count(batch->bad_checksum[i]);
    sums->one_minute = is_one_minute(batch, columns);
}
