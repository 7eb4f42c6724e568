/* Matching, as far as it is the same on every instruction set. */
#include <string.h>

#include "base/hash.h"
#include "plan.h"

struct options_key options_key(const uint8_t *bytes, uint32_t len)
{
    struct options_key key = {.len = len};
    uint64_t hash = len;
    if (len > OPTIONS_KEY_BYTES) {
        for (uint32_t i = 0; i < len; i += 8) {
            uint64_t word = 0;
            memcpy(&word, bytes + i, len - i < 8 ? len - i : 8);
            hash = hash_mix(hash ^ word, 0x9e3779b97f4a7c15U) + i;
        }
        key.hash = (uint32_t)(hash >> 32 ^ hash);
        return key;
    }
    uint8_t end[OPTIONS_KEY_BYTES] = {0};
    memcpy(end + sizeof end - len, bytes, len);
    memcpy(key.words, end, sizeof end);
    key.hash = options_key_hash(key.words[0], key.words[1], key.words[2], len);
    return key;
}

bool options_key_is(const struct matcher *matcher, const struct option_literal *literal,
                    const struct options_key *key, const uint8_t *bytes)
{
    if (literal->key.len != key->len || literal->key.hash != key->hash)
        return false;
    const struct blob *blob = ast_blob_at(&matcher->set->ast, literal->blob);
    return memcmp(blob->bytes, bytes, key->len) == 0;
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
