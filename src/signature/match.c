/* Matching, as far as it is the same on every instruction set. */
#include <string.h>

#include "base/hash.h"
#include "plan.h"

uint32_t options_key(const uint8_t *bytes, uint32_t len)
{
    uint64_t hash = len;
    for (uint32_t i = 0; i < len; i += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + i, len - i < 8 ? len - i : 8);
        hash = hash_mix(hash ^ word, 0x9e3779b97f4a7c15U) + i;
    }
    return (uint32_t)(hash >> 32 ^ hash);
}

unsigned options_id(const struct matcher *matcher, const uint8_t *bytes, uint32_t len)
{
    const struct option_literals *literals = &matcher->option_literals;
    uint32_t key = options_key(bytes, len);
    for (uint32_t at = key & literals->mask; literals->table[at].blob;
         at = (at + 1) & literals->mask) {
        const struct option_literal *literal = &literals->table[at];
        if (literal->key != key)
            continue;
        const struct blob *blob = ast_blob_at(&matcher->set->ast, literal->blob);
        if (blob->size == len && (len == 0 || memcmp(blob->bytes, bytes, len) == 0))
            return literal->id;
    }
    return 0;
}

struct head head_of(const struct blob *blob)
{
    struct head head = {0, 0};
    size_t n = blob->size < HEAD_BYTES ? blob->size : HEAD_BYTES;
    if (n > 0) {
        memcpy(&head.bytes, blob->bytes, n);
        memset(&head.mask, 0xff, n);
    }
    return head;
}

const struct tcp_options *matcher_options(struct matcher *matcher, const struct batch *batch,
                                          unsigned row)
{
    if (!mask_test(matcher->options_done, row)) {
        tcp_options_parse(batch->ip[row] + batch->transport[row] + 20,
                          batch->tcp_hdr_len[row] - 20U, &matcher->options[row]);
        mask_set(matcher->options_done, row);
    }
    return &matcher->options[row];
}

void matcher_run(struct matcher *matcher, const struct batch *batch,
                 struct matches *ret_matches)
{
    matcher->kernels->match(matcher, batch, ret_matches);
}
