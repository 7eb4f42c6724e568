#include "app/processors.h"

#include <sched.h>
#include <stdlib.h>

enum { PROCESSORS_MAX = 65536 }; /* the kernel wants room for all that it knows */

unsigned processors_allowed(void)
{
    cpu_set_t *set = CPU_ALLOC(PROCESSORS_MAX);
    size_t size = CPU_ALLOC_SIZE(PROCESSORS_MAX);
    int n = 0;
    if (set && sched_getaffinity(0, size, set) == 0)
        n = CPU_COUNT_S(size, set);
    CPU_FREE(set);
    return n > 0 ? (unsigned)n : 1;
}
