#include "state/columns.h"

#include "base/hash.h"
#include "state/table.h"

/* Rows of a word of masks. */
static uint64_t valid_rows(const struct batch *batch, unsigned word)
{
    unsigned left = batch->n > word * 64 ? batch->n - word * 64 : 0;
    return left < 64 ? ((uint64_t)1 << left) - 1 : ~(uint64_t)0;
}

/* Most packets are TCP: the others are put right one by one. */
static void fill_candidates(uint8_t *candidate, const struct batch *batch)
{
    enum { FLAG_SYN = 0x02, FLAG_ACK = 0x10 };
    static const uint8_t BY_KIND[] = {
        [0] = CANDIDATE_OTHER, [1] = CANDIDATE_UDP, [2] = CANDIDATE_ICMP, [4] = CANDIDATE_SCTP};
    static_assert(CANDIDATE_SYN == 0 && CANDIDATE_TCP == 1, "a comparison tells them apart");
    for (unsigned i = 0; i < BATCH_CAP; i++)
        candidate[i] = (batch->tcp_flags[i] & (FLAG_SYN | FLAG_ACK)) != FLAG_SYN;
    for (unsigned word = 0; word < BATCH_WORDS; word++) {
        uint64_t rest = valid_rows(batch, word) & ~batch->has[HAS_TCP][word];
        for (; rest; rest &= rest - 1) {
            unsigned i = word * 64 + (unsigned)__builtin_ctzll(rest);
            unsigned kind = mask_test(batch->has[HAS_UDP], i) |
                            mask_test(batch->has[HAS_ICMP], i) << 1 |
                            mask_test(batch->has[HAS_ICMP6], i) << 1 |
                            mask_test(batch->has[HAS_SCTP], i) << 2;
            candidate[i] = BY_KIND[kind];
        }
    }
}

/* A packet counts under the port it scans, or under the one its backscatter comes from. */
static void fill_tallies(struct columns *columns, const struct batch *batch)
{
    static_assert(CLASS_SCAN < 2 && CLASS_BACKSCATTER < 2 && CLASS_OTHER == 2, "views");
    for (unsigned i = 0; i < BATCH_CAP; i++) {
        uint32_t class = batch->class[i], candidate = columns->candidate[i];
        /* all ones or none: compilers make branches of conditions, which half go either way */
        uint32_t scans = -(uint32_t)(class == CLASS_SCAN);
        uint32_t port = (batch->dstport[i] & scans) | (batch->srcport[i] & ~scans);
        uint32_t udp = candidate == CANDIDATE_UDP;
        uint32_t counts = -(uint32_t)((class < COLUMN_NO_TALLY) & (candidate <= CANDIDATE_UDP));
        columns->tally[i] = ((class << COLUMN_VIEW_SHIFT | udp << 16 | port) & counts) |
                            ((uint32_t)COLUMN_NO_TALLY << COLUMN_VIEW_SHIFT & ~counts);
    }
}

/* Every packet with ports is of a protocol other than 0. */
static void fill_ports(uint32_t *port, const struct batch *batch)
{
    for (unsigned i = 0; i < BATCH_CAP; i++)
        port[i] = (uint32_t)batch->ip_proto[i] << 16 | batch->dstport[i];
    for (unsigned word = 0; word < BATCH_WORDS; word++) {
        uint64_t rest =
            valid_rows(batch, word) & ~(batch->has[HAS_TCP][word] | batch->has[HAS_UDP][word] |
                                        batch->has[HAS_SCTP][word]);
        for (; rest; rest &= rest - 1)
            port[word * 64 + (unsigned)__builtin_ctzll(rest)] = 0;
    }
}

static void fill_keys(struct columns *columns, const struct batch *batch)
{
    for (unsigned i = 0; i < BATCH_CAP; i++) {
        columns->source[i] = batch->src[i];
        columns->destination[i] = batch->dst[i];
    }
    for (unsigned word = 0; word < BATCH_WORDS; word++) {
        uint64_t rows = valid_rows(batch, word) & batch->has[HAS_IPV6][word];
        for (; rows; rows &= rows - 1) {
            unsigned i = word * 64 + (unsigned)__builtin_ctzll(rows);
            columns->source[i] = (uint32_t)hash_ip6(batch->src6[i], HASH_FIXED);
            columns->destination[i] = (uint32_t)hash_ip6(batch->dst6[i], HASH_FIXED);
        }
    }
}

void columns_fill(struct columns *columns, const struct batch *batch)
{
    for (unsigned i = 0; i < batch->n; i++)
        columns->at_s[i] = (uint32_t)((uint64_t)batch->ts_ns[i] / 1000000000);
    fill_candidates(columns->candidate, batch);
    fill_tallies(columns, batch);
    fill_ports(columns->port, batch);
    fill_keys(columns, batch);
}
