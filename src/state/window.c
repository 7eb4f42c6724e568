/* Windows as values: merge, and count what is a set. */
#include <nightscope/window.h>

void window_merge(struct window *into, const struct window *from)
{
    for (unsigned i = 0; i < COUNT_COUNT_; i++)
        into->counts[i] += from->counts[i];
    for (unsigned protocol = 0; protocol < 2; protocol++)
        for (unsigned word = 0; word < 1024; word++)
            into->dports.bits[protocol][word] |= from->dports.bits[protocol][word];
}

uint64_t window_dports(const struct window *window)
{
    uint64_t ports = 0;
    for (unsigned protocol = 0; protocol < 2; protocol++)
        for (unsigned word = 0; word < 1024; word++)
            ports += (unsigned)__builtin_popcountll(window->dports.bits[protocol][word]);
    return ports;
}
