#include "packet/rare.h"

#include <string.h>

/* What a batch says that was cleared here before; no memory that was not says so by chance. */
static const uint64_t CLEARED = 0x6e73206261746368U;

#define ALL_RARE(X)                                                                            \
    X(src6)                                                                                    \
    X(dst6)                                                                                    \
    X(ipv6_flow)                                                                               \
    X(icmp_type)                                                                               \
    X(icmp_code)                                                                               \
    X(icmp_ident)                                                                              \
    X(icmp_seq)                                                                                \
    X(inner_version)                                                                           \
    X(inner_proto)                                                                             \
    X(inner_src)                                                                               \
    X(inner_dst)                                                                               \
    X(inner_srcport)                                                                           \
    X(inner_dstport)                                                                           \
    X(sctp_chunk_type)                                                                         \
    X(sctp_verification_tag)                                                                   \
    X(sctp_initiate_tag)

static void clear_all(struct batch *batch)
{
#define X(column) memset(batch->column, 0, sizeof batch->column);
    ALL_RARE(X)
#undef X
}

static void clear_row(struct batch *batch, unsigned row)
{
#define X(column) memset(&batch->column[row], 0, sizeof batch->column[row]);
    ALL_RARE(X)
#undef X
}

void rare_clear(struct batch *batch)
{
    static const enum has RARE[] = {HAS_IPV6, HAS_ICMP, HAS_ICMP6, HAS_INNER, HAS_SCTP};
    if (batch->cleared != CLEARED)
        clear_all(batch);
    for (unsigned word = 0; batch->cleared == CLEARED && word < BATCH_WORDS; word++) {
        uint64_t rows = 0;
        for (unsigned i = 0; i < sizeof RARE / sizeof *RARE; i++)
            rows |= batch->has[RARE[i]][word];
        for (; rows; rows &= rows - 1)
            clear_row(batch, word * 64 + (unsigned)__builtin_ctzll(rows));
    }
    batch->cleared = CLEARED;
    memset(batch->has, 0, sizeof batch->has);
    memset(batch->bad_checksum, 0, sizeof batch->bad_checksum);
}
