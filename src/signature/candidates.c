/* Which kinds of packet an expression can match, found from the expression alone: it is walked
 * with sets of truth values, and may err only by naming a kind too many. */
#include "fields.h"
#include "set.h"

/* A kind of packet as far as it is known: has[] bits that are surely there or surely not, its
 * protocol number (0: not known) and its TCP flags. */
struct kind {
    uint32_t yes, no;
    unsigned proto;
    unsigned flags;
};

/* Sets of truth values. */
enum { MAY_FALSE = 1, MAY_TRUE = 2, MAY_UNKNOWN = 4 };

/* Of a field for this kind of packet: can it be there, can it be missing? */
static unsigned presence(const struct kind *kind, uint32_t has)
{
    if (has & kind->no)
        return MAY_UNKNOWN;
    return (has & ~kind->yes ? MAY_UNKNOWN : 0) | MAY_TRUE;
}

/* The value of a number when the kind of packet fixes it. */
static bool fixed_number(const struct ast *ast, uint32_t id, const struct kind *kind,
                         uint64_t *ret_value)
{
    const struct node *node = ast_at(ast, id);
    uint64_t a = 0, b = 0;
    if (node->op == OP_CONST) {
        *ret_value = node->value;
        return true;
    }
    if (node->op == OP_SLICE)
        return false;
    if (node->op == OP_FIELD) {
        const struct field *field = &FIELDS[node->a];
        uint64_t raw;
        if (field->kind == KIND_COLUMN && field->column == offsetof(struct batch, tcp_flags))
            raw = kind->flags;
        else if (kind->proto && field->kind == KIND_COLUMN &&
                 field->column == offsetof(struct batch, ip_proto))
            raw = kind->proto;
        else
            return false;
        *ret_value = (raw >> field->shift) & (((uint64_t)1 << field->bits) - 1);
        return true;
    }
    if (!fixed_number(ast, node->a, kind, &a) ||
        (node->b && !fixed_number(ast, node->b, kind, &b)))
        return false;
    *ret_value = ast_calculate((enum node_op)node->op, a, b);
    return true;
}

static unsigned may_compare(const struct ast *ast, const struct node *node,
                            const struct kind *kind)
{
    uint64_t a, b = 0;
    unsigned there = presence(kind, node->has);
    if (!(there & MAY_TRUE))
        return MAY_UNKNOWN;
    unsigned open = (there & MAY_UNKNOWN) | (node->computed ? MAY_UNKNOWN : 0U);
    if (!fixed_number(ast, node->a, kind, &a) ||
        (node->op != OP_IN && !fixed_number(ast, node->b, kind, &b)))
        return open | MAY_TRUE | MAY_FALSE;
    bool truth = false;
    if (node->op == OP_IN) {
        const struct blob *blob = ast_blob_at(ast, node->b);
        const struct range *ranges = blob->bytes;
        for (size_t i = 0; i < blob->size / sizeof *ranges; i++)
            truth |= a >= ranges[i].lo && a <= ranges[i].hi;
    } else {
        truth = node->op == OP_EQ ? a == b : node->op == OP_LT ? a < b : a <= b;
    }
    return open | (truth ? MAY_TRUE : MAY_FALSE);
}

static unsigned may_field(const struct node *node, const struct kind *kind)
{
    const struct field *field = &FIELDS[node->a];
    if (field->kind == KIND_PRESENT) {
        unsigned there = presence(kind, field->has);
        return there == MAY_TRUE      ? MAY_TRUE
               : there == MAY_UNKNOWN ? MAY_FALSE
                                      : MAY_TRUE | MAY_FALSE;
    }
    unsigned there = presence(kind, field->has);
    if (!(there & MAY_TRUE))
        return MAY_UNKNOWN;
    unsigned open = (there & MAY_UNKNOWN) | (field->kind == KIND_COMPUTED ? MAY_UNKNOWN : 0U);
    if (field->column == offsetof(struct batch, tcp_flags) && field->kind == KIND_TEST)
        return open | ((kind->flags & field->mask) == field->value ? MAY_TRUE : MAY_FALSE);
    if (field->column == offsetof(struct batch, tcp_flags) && field->kind == KIND_COLUMN)
        return open | (kind->flags >> field->shift & 1 ? MAY_TRUE : MAY_FALSE);
    return open | MAY_TRUE | MAY_FALSE;
}

static unsigned may(const struct ast *ast, uint32_t id, const struct kind *kind)
{
    const struct node *node = ast_at(ast, id);
    unsigned a, b, there;
    switch ((unsigned)node->op) {
    case OP_TRUE:
        return may_field(node, kind);
    case OP_EQ:
    case OP_LT:
    case OP_LE:
    case OP_IN:
        return may_compare(ast, node, kind);
    case OP_NOT:
        a = may(ast, node->a, kind);
        return (a & MAY_UNKNOWN) | (a & MAY_TRUE ? MAY_FALSE : 0U) |
               (a & MAY_FALSE ? MAY_TRUE : 0U);
    case OP_ALL:
        a = may(ast, node->a, kind);
        b = may(ast, node->b, kind);
        return (a & b & MAY_TRUE) | ((a | b) & (MAY_FALSE | MAY_UNKNOWN));
    case OP_ANY:
        a = may(ast, node->a, kind);
        b = may(ast, node->b, kind);
        return (a & b & MAY_FALSE) | ((a | b) & (MAY_TRUE | MAY_UNKNOWN));
    default: /* bytes and IPv6 addresses */
        there = presence(kind, FIELDS[node->a].has);
        return there & MAY_TRUE ? MAY_TRUE | MAY_FALSE | MAY_UNKNOWN : MAY_UNKNOWN;
    }
}

#define TRANSPORTS (H(TCP) | H(UDP) | H(ICMP) | H(ICMP6) | H(SCTP))
#define PARTS      (H(SCTP_INIT) | H(OPTIONS) | H(INNER) | H(INNER_PORTS))

static bool mentions_flags(const struct ast *ast, uint32_t id)
{
    const struct node *node = ast_at(ast, id);
    switch ((unsigned)node->op) {
    case OP_CONST:
    case OP_SLICE:
        return false;
    case OP_FIELD:
    case OP_TRUE:
        return FIELDS[node->a].column == offsetof(struct batch, tcp_flags);
    case OP_EQUALS:
    case OP_STARTS:
    case OP_CONTAINS:
    case OP_AT:
    case OP_IN6:
        return false;
    case OP_IN:
        return mentions_flags(ast, node->a);
    default:
        return mentions_flags(ast, node->a) || (node->b && mentions_flags(ast, node->b));
    }
}

unsigned candidates_of(const struct ast *ast, uint32_t match)
{
    static const struct kind REST[] = {
        {H(UDP), (TRANSPORTS | PARTS) & ~H(UDP), 17, 0},
        {H(IP) | H(ICMP), (TRANSPORTS | H(IPV6) | H(SCTP_INIT) | H(OPTIONS)) & ~H(ICMP), 1, 0},
        {H(IPV6) | H(ICMP6), (TRANSPORTS | H(IP) | H(SCTP_INIT) | H(OPTIONS)) & ~H(ICMP6), 58,
         0},
        {H(SCTP), (TRANSPORTS | H(OPTIONS) | H(INNER) | H(INNER_PORTS)) & ~H(SCTP), 132, 0},
        {0, TRANSPORTS | PARTS, 0, 0},
    };
    static const enum candidate CANDIDATES[] = {CANDIDATE_UDP, CANDIDATE_ICMP, CANDIDATE_ICMP,
                                                CANDIDATE_SCTP, CANDIDATE_OTHER};
    unsigned result = 0;
    /* TCP flags are few enough to try them all; 0x02 and 0x10 stand for the rest. */
    bool all = mentions_flags(ast, match);
    for (unsigned flags = 0; flags < 256; flags++) {
        enum candidate candidate = (flags & 0x12) == 0x02 ? CANDIDATE_SYN : CANDIDATE_TCP;
        struct kind tcp = {H(TCP), (TRANSPORTS | PARTS) & ~(H(TCP) | H(OPTIONS)), 6, flags};
        if (result & 1U << candidate || (!all && flags != 0x02 && flags != 0x10))
            continue;
        if (may(ast, match, &tcp) & MAY_TRUE)
            result |= 1U << candidate;
    }
    for (size_t i = 0; i < sizeof REST / sizeof REST[0]; i++)
        if (may(ast, match, &REST[i]) & MAY_TRUE)
            result |= 1U << CANDIDATES[i];
    return result;
}

enum candidate candidate_of(const struct batch *batch, unsigned row)
{
    if (mask_test(batch->has[HAS_TCP], row))
        return (batch->tcp_flags[row] & 0x12) == 0x02 ? CANDIDATE_SYN : CANDIDATE_TCP;
    if (mask_test(batch->has[HAS_UDP], row))
        return CANDIDATE_UDP;
    if (mask_test(batch->has[HAS_ICMP], row) || mask_test(batch->has[HAS_ICMP6], row))
        return CANDIDATE_ICMP;
    return mask_test(batch->has[HAS_SCTP], row) ? CANDIDATE_SCTP : CANDIDATE_OTHER;
}
