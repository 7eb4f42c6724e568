/* Making and merging of port tables; counting is in the hot loop of count.c. */
#include "state/ports.h"

#include <string.h>

bool ports_init(struct ports *ports, struct memory *memory)
{
    ports->memory = memory_hold(memory);
    ports->rows = memory_grow(memory, NULL, 0, PORTS_ROWS * sizeof *ports->rows);
    return ports->rows;
}

void ports_fini(struct ports *ports)
{
    memory_free(ports->memory, ports->rows, PORTS_ROWS * sizeof *ports->rows);
    memory_drop(ports->memory);
    *ports = (struct ports){0};
}

void ports_clear(struct ports *ports)
{
    memset(ports->rows, 0, PORTS_ROWS * sizeof *ports->rows);
}

uint64_t ports_merge(struct ports *into, struct pool *pool, const struct ports *from,
                     const struct pool *from_pool)
{
    uint64_t frozen = 0;
    for (unsigned i = 0; i < PORTS_ROWS; i++) {
        const struct port_tally *row = &from->rows[i];
        if (!row->packets)
            continue;
        into->rows[i].packets += row->packets;
        frozen += !distinct_merge(pool, &into->rows[i].sources, from_pool, &row->sources);
    }
    return frozen;
}
