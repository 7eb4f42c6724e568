/* Redis's own HyperLogLog, so that what is written equals what PFADD of the addresses makes.
 *
 * 16,384 registers; the hash is MurmurHash64A (A. Appleby) of the address as text, with the
 * seed Redis took; its low 14 bits choose the register, the zeros below the first one of the
 * other 50 are the rank. Such registers count by hll_estimate(.., HLL_LARGE_BITS), too. */
#pragma once

#include "state/hll.h"

#include <nightscope/packet.h>

enum {
    TEXT_SKETCH_RANK_MAX = 51,
    TEXT_SKETCH_HEADER = 16,
    TEXT_SKETCH_DENSE = TEXT_SKETCH_HEADER + HLL_LARGE * 6 / 8, /* bytes of the string */
};

uint64_t murmur64a(const void *bytes, size_t n, uint64_t seed);
/* The hash of the address's text (RFC 5952 for IPv6), for text_sketch_add(). */
uint64_t text_sketch_hash(const struct address *address);

static inline void text_sketch_add(uint8_t *registers, uint64_t hash)
{
    uint64_t rest = hash >> HLL_LARGE_BITS | (uint64_t)1 << (64 - HLL_LARGE_BITS);
    uint8_t rank = (uint8_t)(__builtin_ctzll(rest) + 1);
    uint8_t *reg = &registers[hash & (HLL_LARGE - 1)];
    if (*reg < rank)
        *reg = rank;
}

/* 6-bit registers, as in the dense encoding; HLL_LARGE * 6 / 8 bytes. */
void text_sketch_pack(const uint8_t *registers, uint8_t *ret_bytes);
void text_sketch_unpack(const uint8_t *bytes, uint8_t *ret_registers);
