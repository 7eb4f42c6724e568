/* Packets and distinct sources by port, for one view: a dense array over the ports of TCP and
 * UDP. Pages of ports that never occur are never touched. */
#pragma once

#include "state/distinct.h"

enum { PORTS_ROWS = 2 * 65536 }; /* TCP, then UDP */

struct port_tally {
    uint64_t packets;
    struct distinct sources; /* of IPv4 addresses or hashes of IPv6 ones */
};

struct ports {
    struct memory *memory; /* a reference */
    struct port_tally *rows;
};

bool ports_init(struct ports *ports, struct memory *memory);
void ports_fini(struct ports *ports);
void ports_clear(struct ports *ports);
/* Returns how many sets this froze. */
uint64_t ports_merge(struct ports *into, struct pool *pool, const struct ports *from,
                     const struct pool *from_pool);
