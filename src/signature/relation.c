/* What holds over several packets of a source, one row at a time: values of relations, and
 * keys of what must be distinct. Keys are hashes that are the same in every run. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "fields.h"
#include "set.h"

int tuple_intern(struct signature_set *set, const struct tuple *tuple)
{
    for (unsigned i = 0; i < set->tuples_n; i++) {
        const struct tuple *have = &set->tuples[i];
        bool same = have->n == tuple->n;
        for (unsigned k = 0; same && k < tuple->n; k++)
            same = have->parts[k].kind == tuple->parts[k].kind &&
                   have->parts[k].a == tuple->parts[k].a;
        if (same)
            return (int)i;
    }
    if (set->tuples_n == set->tuples_cap) {
        unsigned cap = set->tuples_cap ? 2 * set->tuples_cap : 8;
        struct tuple *grown = realloc(set->tuples, cap * sizeof *grown);
        if (!grown)
            return -1;
        set->tuples = grown;
        set->tuples_cap = cap;
    }
    set->tuples[set->tuples_n] = *tuple;
    return (int)set->tuples_n++;
}

/* A running hash; a missing value differs from every value. */
static uint64_t fold(uint64_t hash, bool known, uint64_t value)
{
    return hash_u64(hash_u64(value, HASH_FIXED) ^ (hash + known), HASH_FIXED);
}

/* The same for probes, which are only compared with a few others: sketches need a better one.
 */
static uint64_t fold_probe(uint64_t hash, uint64_t value)
{
    return hash_mix(value ^ HASH_FIXED[0], hash ^ HASH_FIXED[1] ^ 0x9e3779b97f4a7c15U);
}

static bool has(const struct batch *batch, unsigned row, enum has bit)
{
    return mask_test(batch->has[bit], row);
}

static uint64_t fold_destination(uint64_t hash, const struct batch *batch, unsigned row)
{
    if (!has(batch, row, HAS_IPV6))
        return fold(hash, true, batch->dst[row]);
    return fold(fold(hash, true, batch->dst6[row].hi), true, batch->dst6[row].lo);
}

/* The destination port with its protocol; type and code of ICMP. */
static uint64_t fold_port(uint64_t hash, const struct batch *batch, unsigned row)
{
    uint64_t protocol = (uint64_t)batch->ip_proto[row] << 16;
    if (has(batch, row, HAS_TCP) || has(batch, row, HAS_UDP) || has(batch, row, HAS_SCTP))
        return fold(hash, true, protocol | batch->dstport[row]);
    if (has(batch, row, HAS_ICMP) || has(batch, row, HAS_ICMP6))
        return fold(hash, true,
                    protocol | (uint64_t)batch->icmp_type[row] << 8 | batch->icmp_code[row]);
    return fold(hash, false, protocol);
}

/* What a sender changes from probe to probe and keeps in a retransmission. */
static uint64_t fold_nonce(uint64_t hash, const struct batch *batch, unsigned row)
{
    if (has(batch, row, HAS_TCP))
        return fold(hash, true, batch->tcp_seq[row]);
    if (has(batch, row, HAS_ICMP) || has(batch, row, HAS_ICMP6))
        return fold(hash, true, (uint64_t)batch->icmp_ident[row] << 16 | batch->icmp_seq[row]);
    if (has(batch, row, HAS_SCTP_INIT))
        return fold(hash, true, batch->sctp_initiate_tag[row]);
    if (has(batch, row, HAS_IP))
        return fold(hash, true, batch->ip_id[row]);
    return fold(hash, false, 0);
}

static uint64_t fold_bytes(uint64_t hash, const struct batch *batch, unsigned row,
                           uint32_t field)
{
    struct field_bytes bytes;
    if (!field_read_bytes(batch, row, (enum field_id)field, &bytes))
        return fold(hash, false, 0);
    hash = fold(hash, true, bytes.len);
    for (uint32_t i = 0; i < bytes.caplen; i += 8) {
        uint64_t word = 0;
        for (uint32_t k = i; k < i + 8 && k < bytes.caplen; k++)
            word = word << 8 | bytes.at[k];
        hash = fold(hash, true, word);
    }
    return hash;
}

/* Most are a field alone. */
static bool number_read(const struct ast *ast, uint32_t id, const struct batch *batch,
                        unsigned row, uint64_t *ret_value)
{
    const struct node *node = ast_at(ast, id);
    if (node->op == OP_FIELD)
        return field_read(batch, row, (enum field_id)node->a, ret_value);
    return eval_number(ast, id, batch, row, ret_value);
}

static uint64_t tuple_key(const struct signature_set *set, uint32_t number,
                          const struct batch *batch, unsigned row)
{
    const struct tuple *tuple = &set->tuples[number];
    uint64_t hash = 0, value = 0;
    struct ip6 address = {0, 0};
    bool known;
    for (unsigned i = 0; i < tuple->n; i++) {
        const struct part *part = &tuple->parts[i];
        switch (part->kind) {
        case PART_NUMBER:
            known = number_read(&set->ast, part->a, batch, row, &value);
            hash = fold(hash, known, known ? value : 0);
            break;
        case PART_BYTES:
            hash = fold_bytes(hash, batch, row, part->a);
            break;
        case PART_ADDRESS:
            known = field_read_address(batch, row, (enum field_id)part->a, &address);
            hash =
                fold(fold(hash, known, known ? address.hi : 0), known, known ? address.lo : 0);
            break;
        case PART_DESTINATION:
            hash = fold_destination(hash, batch, row);
            break;
        case PART_PORT:
            hash = fold_port(hash, batch, row);
            break;
        case PART_NONCE:
            hash = fold_nonce(hash, batch, row);
            break;
        }
    }
    return hash;
}

bool signature_relation_value(const struct signature_set *set, unsigned index,
                              const struct batch *batch, unsigned row, uint64_t *ret_value)
{
    const struct signature *signature = &set->signatures[index];
    return signature->relation != RELATION_NONE &&
           eval_number(&set->ast, signature->value, batch, row, ret_value);
}

/* The default tuple of TCP and UDP over IPv4: most packets, and most signatures. */
static uint64_t port_probe_key(const struct batch *batch, unsigned row, bool tcp)
{
    uint64_t where = (uint64_t)batch->dst[row] << 16 | batch->dstport[row];
    uint64_t nonce = tcp ? batch->tcp_seq[row] : (uint64_t)1 << 32 | batch->ip_id[row];
    return fold_probe(fold_probe(0, where), nonce);
}

static uint64_t default_probe_key(const struct signature_set *set, const struct batch *batch,
                                  unsigned row)
{
    bool tcp = has(batch, row, HAS_TCP);
    if (has(batch, row, HAS_IP) && (tcp || has(batch, row, HAS_UDP)))
        return port_probe_key(batch, row, tcp);
    return tuple_key(set, 0, batch, row);
}

uint64_t signature_probe_key(const struct signature_set *set, unsigned index,
                             const struct batch *batch, unsigned row)
{
    uint32_t tuple = set->signatures[index].probe;
    return tuple ? tuple_key(set, tuple, batch, row) : default_probe_key(set, batch, row);
}

uint32_t signature_usual_probe(const struct signature_set *set, const struct batch *batch,
                               unsigned row)
{
    return (uint32_t)(default_probe_key(set, batch, row) >> 32);
}

uint64_t threshold_key(const struct signature_set *set, const struct threshold *threshold,
                       const struct batch *batch, unsigned row)
{
    return tuple_key(set, threshold->tuple, batch, row);
}
