/* The estimator is the improved raw one of O. Ertl, "New cardinality estimation algorithms for
 * HyperLogLog sketches" (2017), section 4: no bias to correct, no ranges to switch between. */
#include "state/hll.h"

#include <math.h>

void hll_merge(uint8_t *into, const uint8_t *from, unsigned bits)
{
    for (size_t i = 0; i < (size_t)1 << bits; i++)
        into[i] = into[i] > from[i] ? into[i] : from[i];
}

static double sigma(double x)
{
    double sum = x, weight = 1, before;
    do {
        x *= x;
        before = sum;
        sum += x * weight;
        weight += weight;
    } while (sum > before);
    return sum;
}

static double tau(double x)
{
    if (x <= 0 || x >= 1)
        return 0;
    double sum = 1 - x, weight = 1, before;
    do {
        x = sqrt(x);
        before = sum;
        weight *= 0.5;
        sum -= (1 - x) * (1 - x) * weight;
    } while (sum < before);
    return sum / 3;
}

uint64_t hll_estimate(const uint8_t *registers, unsigned bits)
{
    uint32_t with_rank[66] = {0};
    size_t m = (size_t)1 << bits;
    for (size_t i = 0; i < m; i++)
        with_rank[registers[i]]++;
    if (with_rank[0] == m)
        return 0;
    unsigned top = 64 - bits;
    double count = (double)m;
    double z = count * tau(1 - with_rank[top + 1] / count);
    for (unsigned rank = top; rank >= 1; rank--)
        z = 0.5 * (z + with_rank[rank]);
    z += count * sigma(with_rank[0] / count);
    return (uint64_t)llround(count * count / (2 * M_LN2 * z));
}
