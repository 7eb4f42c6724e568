/* dense    16 bytes of header, then 16,384 registers of 6 bits, the first in the low bits
 * sparse   the header, then runs: 00nnnnnn n + 1 zeros; 01nnnnnn nnnnnnnn the same, longer;
 *          1vvvvvnn n + 1 registers of v + 1 */
#include "publish/sketch_read.h"

#include <string.h>

enum { HEADER = 16, DENSE = HEADER + PROFILE_SKETCH_REGISTERS * 6 / 8, RANK_MAX = 51 };

static bool read_dense(const uint8_t *bytes, size_t n, uint8_t *registers)
{
    if (n != DENSE - HEADER)
        return false;
    for (size_t i = 0; i < PROFILE_SKETCH_REGISTERS; i++) {
        size_t at = i * 6 / 8;
        unsigned word = bytes[at] | (at + 1 < n ? (unsigned)bytes[at + 1] << 8 : 0);
        registers[i] = word >> (i * 6 % 8) & 63;
        if (registers[i] > RANK_MAX)
            return false;
    }
    return true;
}

static bool read_sparse(const uint8_t *bytes, size_t n, uint8_t *registers)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        size_t run = (bytes[i] & 63U) + 1;
        uint8_t value = 0;
        if (bytes[i] & 0x80) {
            run = (bytes[i] & 3U) + 1;
            value = (uint8_t)((bytes[i] >> 2 & 31) + 1);
        } else if (bytes[i] & 0x40) {
            if (i + 1 == n)
                return false;
            run = ((bytes[i] & 63U) << 8 | bytes[i + 1]) + 1;
            i++;
        }
        if (run > PROFILE_SKETCH_REGISTERS - at)
            return false;
        memset(registers + at, value, run);
        at += run;
    }
    return at == PROFILE_SKETCH_REGISTERS;
}

bool sketch_read(const char *string, size_t n,
                 uint8_t registers[static PROFILE_SKETCH_REGISTERS])
{
    enum { ENCODING_DENSE, ENCODING_SPARSE };
    uint8_t read[PROFILE_SKETCH_REGISTERS];
    const uint8_t *bytes = (const uint8_t *)string;
    if (n < HEADER || memcmp(bytes, "HYLL", 4) != 0)
        return false;
    bool good = bytes[4] == ENCODING_DENSE    ? read_dense(bytes + HEADER, n - HEADER, read)
                : bytes[4] == ENCODING_SPARSE ? read_sparse(bytes + HEADER, n - HEADER, read)
                                              : false;
    for (size_t i = 0; good && i < PROFILE_SKETCH_REGISTERS; i++)
        registers[i] = registers[i] > read[i] ? registers[i] : read[i];
    return good;
}
