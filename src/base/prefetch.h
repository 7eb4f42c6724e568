/* Asks for a cache line that a later step will touch, so that nobody waits for it then. */
#pragma once

/* Compilers take __builtin_prefetch() for nothing: a function that only prefetches has no
 * effect to them, and gcc drops calls of it. An instruction that is there in so many words
 * stays. */
static inline void prefetch(const void *address)
{
#if defined(__x86_64__)
    __asm__ volatile("prefetcht0 %0" : : "m"(*(const char *)address));
#elif defined(__aarch64__)
    __asm__ volatile("prfm pldl1keep, %a0" : : "p"(address));
#else
    __builtin_prefetch(address);
#endif
}

/* A prefetch whose page is not in the TLB holds up what follows it. After arithmetic that is
 * little; among loads that miss as well, prefetches are best made next to each other. */
static inline void prefetch_all(const void *const *addresses, unsigned n)
{
#pragma GCC unroll 8
    for (unsigned i = 0; i < n; i++)
        prefetch(addresses[i]);
}
