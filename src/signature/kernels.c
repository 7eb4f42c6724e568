/* Chooses among the tables of loops by what the processor can do. */
#include "kernels.h"

extern const struct kernels kernels_baseline;
#if defined(__x86_64__)
extern const struct kernels kernels_avx2, kernels_avx512;
#endif

const struct kernels *kernels_at(unsigned index)
{
    const struct kernels *tables[4] = {NULL};
    unsigned n = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vbmi2") &&
        __builtin_cpu_supports("popcnt"))
        tables[n++] = &kernels_avx512;
    if (__builtin_cpu_supports("avx2"))
        tables[n++] = &kernels_avx2;
#endif
    tables[n++] = &kernels_baseline;
    return index < n ? tables[index] : NULL;
}
