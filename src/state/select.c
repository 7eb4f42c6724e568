/* Radix selection: counts the numbers by their leading byte, and goes on in one bucket. */
#include "state/select.h"

uint64_t select_smallest(select_value *value, const void *context, size_t n, size_t k,
                         size_t *ret_equal)
{
    uint64_t prefix = 0, known = 0; /* the leading bytes found, and a mask of them */
    for (int shift = 56; shift >= 0; shift -= 8) {
        size_t counts[256] = {0};
        for (size_t i = 0; i < n; i++) {
            uint64_t number = value(context, i);
            if ((number & known) == prefix)
                counts[number >> shift & 255]++;
        }
        unsigned digit = 0;
        for (; k > counts[digit]; digit++)
            k -= counts[digit];
        prefix |= (uint64_t)digit << shift;
        known |= (uint64_t)255 << shift;
    }
    *ret_equal = k;
    return prefix;
}
