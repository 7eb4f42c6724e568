/* CRC32c, four bytes at a time. */
#include "packet/checksum.h"

#include <assert.h>

/* The CRC of a byte is the sum of those of its bits: eight constants a table, one table for
 * each of the four places of a byte in a word (slicing; Kounavis and Berry 2005). Polynomial
 * 0x1EDC6F41, reflected. */
#define BIT(byte, k, crc) (((byte) >> (k)&1) * (crc))
#define CRC_0(b)                                                                               \
    BIT(b, 0, 0xf26b8303U) ^ BIT(b, 1, 0xe13b70f7U) ^ BIT(b, 2, 0xc79a971fU) ^                 \
        BIT(b, 3, 0x8ad958cfU) ^ BIT(b, 4, 0x105ec76fU) ^ BIT(b, 5, 0x20bd8edeU) ^             \
        BIT(b, 6, 0x417b1dbcU) ^ BIT(b, 7, 0x82f63b78U)
#define CRC_1(b)                                                                               \
    BIT(b, 0, 0x13a29877U) ^ BIT(b, 1, 0x274530eeU) ^ BIT(b, 2, 0x4e8a61dcU) ^                 \
        BIT(b, 3, 0x9d14c3b8U) ^ BIT(b, 4, 0x3fc5f181U) ^ BIT(b, 5, 0x7f8be302U) ^             \
        BIT(b, 6, 0xff17c604U) ^ BIT(b, 7, 0xfbc3faf9U)
#define CRC_2(b)                                                                               \
    BIT(b, 0, 0xa541927eU) ^ BIT(b, 1, 0x4f6f520dU) ^ BIT(b, 2, 0x9edea41aU) ^                 \
        BIT(b, 3, 0x38513ec5U) ^ BIT(b, 4, 0x70a27d8aU) ^ BIT(b, 5, 0xe144fb14U) ^             \
        BIT(b, 6, 0xc76580d9U) ^ BIT(b, 7, 0x8b277743U)
#define CRC_3(b)                                                                               \
    BIT(b, 0, 0xdd45aab8U) ^ BIT(b, 1, 0xbf672381U) ^ BIT(b, 2, 0x7b2231f3U) ^                 \
        BIT(b, 3, 0xf64463e6U) ^ BIT(b, 4, 0xe964b13dU) ^ BIT(b, 5, 0xd725148bU) ^             \
        BIT(b, 6, 0xaba65fe7U) ^ BIT(b, 7, 0x52a0c93fU)
#define ROW4(F, b)  F((b)), F((b) + 1), F((b) + 2), F((b) + 3)
#define ROW16(F, b) ROW4(F, b), ROW4(F, (b) + 4), ROW4(F, (b) + 8), ROW4(F, (b) + 12)
#define ROW64(F, b) ROW16(F, b), ROW16(F, (b) + 16), ROW16(F, (b) + 32), ROW16(F, (b) + 48)
#define TABLE(F)    ROW64(F, 0U), ROW64(F, 64U), ROW64(F, 128U), ROW64(F, 192U)

static const uint32_t crc_table[4][256] = {
    {TABLE(CRC_0)},
    {TABLE(CRC_1)},
    {TABLE(CRC_2)},
    {TABLE(CRC_3)},
};

static uint32_t crc32c(uint32_t crc, const uint8_t *bytes, uint32_t n)
{
    uint32_t i = 0;
    for (; i + 4 <= n; i += 4) {
        crc ^= (uint32_t)bytes[i] | (uint32_t)bytes[i + 1] << 8 | (uint32_t)bytes[i + 2] << 16 |
               (uint32_t)bytes[i + 3] << 24;
        crc = crc_table[3][crc & 0xff] ^ crc_table[2][crc >> 8 & 0xff] ^
              crc_table[1][crc >> 16 & 0xff] ^ crc_table[0][crc >> 24];
    }
    for (; i < n; i++)
        crc = crc >> 8 ^ crc_table[0][(crc ^ bytes[i]) & 0xff];
    return crc;
}

bool checksum_sctp_ok(const uint8_t *bytes, uint32_t n)
{
    static const uint8_t zeros[4];
    assert(n >= 12);
    uint32_t crc = crc32c(0xffffffff, bytes, 8);
    crc = crc32c(crc, zeros, sizeof zeros); /* in the place of the checksum */
    crc = ~crc32c(crc, bytes + 12, n - 12);
    uint32_t stored = (uint32_t)bytes[8] | (uint32_t)bytes[9] << 8 | (uint32_t)bytes[10] << 16 |
                      (uint32_t)bytes[11] << 24;
    return crc == stored;
}
