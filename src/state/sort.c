/* Three passes of 11 bits, least significant first; few numbers are inserted one by one. */
#include "state/sort.h"

#include <stdlib.h>
#include <string.h>

enum { FEW = 32, DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS, PASSES = 3 };

static void insert_all(uint64_t *numbers, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        uint64_t number = numbers[i];
        size_t at = i;
        for (; at > 0 && numbers[at - 1] >> 32 > number >> 32; at--)
            numbers[at] = numbers[at - 1];
        numbers[at] = number;
    }
}

bool sort_by_high(uint64_t *numbers, size_t n)
{
    if (n <= FEW) {
        insert_all(numbers, n);
        return true;
    }
    uint64_t *other = malloc(n * sizeof *other);
    if (!other)
        return false;
    uint64_t *from = numbers, *to = other;
    for (unsigned pass = 0; pass < PASSES; pass++) {
        unsigned shift = 32 + pass * DIGIT_BITS;
        size_t starts[DIGITS] = {0}, start = 0;
        for (size_t i = 0; i < n; i++)
            starts[from[i] >> shift & (DIGITS - 1)]++;
        for (unsigned digit = 0; digit < DIGITS; digit++) {
            size_t count = starts[digit];
            starts[digit] = start;
            start += count;
        }
        for (size_t i = 0; i < n; i++)
            to[starts[from[i] >> shift & (DIGITS - 1)]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    memcpy(numbers, from, n * sizeof *numbers); /* an odd number of passes ends in other */
    free(other);
    return true;
}
