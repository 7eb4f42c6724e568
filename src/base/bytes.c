#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

enum { VARINT_MAX = 10, DRAIN_BYTES = 1 << 20 };

static bool reserve(struct bytes_out *out, size_t n)
{
    if (out->cap - out->n >= n)
        return true;
    size_t cap = out->cap + out->cap / 2 + n + 4096;
    uint8_t *grown = realloc(out->bytes, cap);
    if (!grown)
        return false;
    out->bytes = grown;
    out->cap = cap;
    return true;
}

void bytes_put(struct bytes_out *out, const void *bytes, size_t n)
{
    bool too_long = out->most && n > out->most - out->n;
    if (out->failed || too_long || !reserve(out, n)) {
        out->failed = true;
        return;
    }
    if (n)
        memcpy(out->bytes + out->n, bytes, n);
    out->n += n;
    if (out->drain && out->n >= DRAIN_BYTES)
        (void)bytes_drain(out); /* a failure sticks */
}

void bytes_put_u64(struct bytes_out *out, uint64_t number)
{
    uint8_t bytes[VARINT_MAX];
    unsigned n = 0;
    for (; number > 127; number >>= 7)
        bytes[n++] = (uint8_t)(number | 128);
    bytes[n++] = (uint8_t)number;
    bytes_put(out, bytes, n);
}

void bytes_put_le(struct bytes_out *out, uint64_t number, unsigned n)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < n; i++)
        bytes[i] = (uint8_t)(number >> (8 * i));
    bytes_put(out, bytes, n);
}

bool bytes_drain(struct bytes_out *out)
{
    if (!out->failed && out->n && !out->drain(out->context, out->bytes, out->n))
        out->failed = true;
    out->n = 0;
    return !out->failed;
}

const uint8_t *bytes_take(struct bytes_in *in, uint64_t n)
{
    if (in->failed || n > bytes_left(in)) {
        in->failed = true;
        return NULL;
    }
    const uint8_t *bytes = in->at;
    in->at += n;
    return bytes;
}

uint64_t bytes_take_u64(struct bytes_in *in, uint64_t most)
{
    uint64_t number = 0;
    for (unsigned shift = 0;; shift += 7) {
        const uint8_t *byte = bytes_take(in, 1);
        if (!byte)
            return 0;
        bool overlong = *byte == 0 && shift > 0;
        if (overlong || (shift == 63 && *byte > 1))
            break;
        number |= (uint64_t)(*byte & 127) << shift;
        if (*byte < 128 && number <= most)
            return number;
        if (*byte < 128)
            break;
    }
    in->failed = true;
    return 0;
}

uint64_t bytes_take_le(struct bytes_in *in, unsigned n)
{
    const uint8_t *bytes = bytes_take(in, n);
    uint64_t number = 0;
    for (unsigned i = 0; bytes && i < n; i++)
        number |= (uint64_t)bytes[i] << (8 * i);
    return number;
}
