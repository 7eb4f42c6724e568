/* The hash of an address's text, and the dense encoding. */
#include "state/text_sketch.h"

#include <string.h>

/* Little-endian, at most 8 bytes. */
static uint64_t load(const uint8_t *bytes, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

static uint64_t load8(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

uint64_t murmur64a(const void *bytes, size_t n, uint64_t seed)
{
    const uint64_t m = 0xc6a4a7935bd1e995U;
    enum { SHIFT = 47 };
    const uint8_t *at = bytes;
    uint64_t hash = seed ^ n * m;
    size_t left = n;
    for (; left >= 8; left -= 8, at += 8) {
        uint64_t word = load8(at) * m;
        word = (word ^ word >> SHIFT) * m;
        hash = (hash ^ word) * m;
    }
    if (left)
        hash = (hash ^ load(at, left)) * m;
    hash = (hash ^ hash >> SHIFT) * m;
    return hash ^ hash >> SHIFT;
}

static unsigned put_number(char *buf, unsigned number)
{
    unsigned n = 0;
    if (number >= 100)
        buf[n++] = (char)('0' + number / 100);
    if (number >= 10)
        buf[n++] = (char)('0' + number / 10 % 10);
    buf[n++] = (char)('0' + number % 10);
    return n;
}

uint64_t text_sketch_hash(const struct address *address)
{
    const uint64_t seed = 0xadc83b19;
    char text[ADDRESS_TEXT_CAP];
    if (address->is6) {
        (void)address_format(address, text);
        return murmur64a(text, strlen(text), seed);
    }
    unsigned n = 0; /* as address_format() does, which is a tenth as fast */
    for (int shift = 24; shift >= 0; shift -= 8) {
        n += put_number(text + n, address->v4 >> shift & 255);
        if (shift)
            text[n++] = '.';
    }
    return murmur64a(text, n, seed);
}

void text_sketch_pack(const uint8_t *registers, uint8_t *ret_bytes)
{
    for (unsigned i = 0; i < HLL_LARGE; i += 4, ret_bytes += 3) {
        uint32_t four = registers[i] | (uint32_t)registers[i + 1] << 6 |
                        (uint32_t)registers[i + 2] << 12 | (uint32_t)registers[i + 3] << 18;
        ret_bytes[0] = (uint8_t)four;
        ret_bytes[1] = (uint8_t)(four >> 8);
        ret_bytes[2] = (uint8_t)(four >> 16);
    }
}

void text_sketch_unpack(const uint8_t *bytes, uint8_t *ret_registers)
{
    for (unsigned i = 0; i < HLL_LARGE; i += 4, bytes += 3) {
        uint32_t four = (uint32_t)load(bytes, 3);
        for (unsigned k = 0; k < 4; k++)
            ret_registers[i + k] = four >> (6 * k) & 63;
    }
}
