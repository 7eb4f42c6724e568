/* Internet checksums and SCTP's CRC32c.
 *
 * Internet checksums are summed in memory order: byte order does not matter to the test (RFC
 * 1071 section 2(B)), nor does the width of the words, as long as carries are not lost. */
#pragma once

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The sum of the bytes as 32-bit words; n < 2^32, so that it stays below 2^62. */
static inline uint64_t checksum_sum(const uint8_t *bytes, uint32_t n)
{
    uint64_t total = 0;
    for (; n >= 8; n -= 8, bytes += 8) {
        uint64_t words;
        memcpy(&words, bytes, sizeof words);
        total += (words & UINT32_MAX) + (words >> 32);
    }
    if (n & 4) {
        uint32_t word;
        memcpy(&word, bytes, sizeof word);
        total += word;
        bytes += 4;
    }
    if (n & 2) {
        uint16_t half;
        memcpy(&half, bytes, sizeof half);
        total += half;
        bytes += 2;
    }
    if (n & 1) { /* the last byte is followed by a zero byte */
        const uint8_t padded[2] = {bytes[0], 0};
        uint16_t half;
        memcpy(&half, padded, sizeof half);
        total += half;
    }
    return total;
}

/* Is the ones' complement sum of the bytes and of `pseudo`, all ones? As a number, such a sum
 * is a multiple of 2^16 - 1, and not 0. */
static inline bool checksum_ok(const uint8_t *bytes, uint32_t n, uint64_t pseudo)
{
    uint64_t total = checksum_sum(bytes, n) + pseudo;
    return total % 0xffff == 0 && total != 0;
}

/* The pseudo-header of TCP, UDP and ICMPv6 as a sum for checksum_ok(): n bytes of addresses,
 * the protocol number and the length (RFC 9293 section 3.1, RFC 8200 section 8.1). */
static inline uint64_t checksum_pseudo(const uint8_t *addresses, uint32_t n, uint8_t proto,
                                       uint32_t length)
{
    return checksum_sum(addresses, n) + htons(proto) + htonl(length);
}

/* RFC 9260 section 6.8 and appendix A: n >= 12 bytes of a whole SCTP packet. */
bool checksum_sctp_ok(const uint8_t *bytes, uint32_t n);
