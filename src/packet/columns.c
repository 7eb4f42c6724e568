/* Chooses the loops for what the processor can do. */
#include "packet/columns.h"

#include "packet/wide.h"

#include <stddef.h>

columns_function columns_baseline;
#if defined(__x86_64__)
columns_function columns_avx2, columns_avx512;
#endif

columns_function *columns_at(unsigned index)
{
    columns_function *ways[4] = {NULL};
    unsigned n = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        ways[n++] = columns_avx512;
    if (__builtin_cpu_supports("avx2"))
        ways[n++] = columns_avx2;
#endif
    ways[n++] = columns_baseline;
    return index < n ? ways[index] : NULL;
}

wide_function *wide_find(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return wide_avx512;
#endif
    return NULL;
}
