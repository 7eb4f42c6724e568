/* One line about a packet, as an analyst would write it. */
#pragma once

#include <nightscope/batch.h>

/* "12:00:01.000250 192.0.2.7:40000 > 10.0.0.1:23 TCP S seq 167772161 win 5840 id 4711 ttl 52".
 */
void packet_text(const struct batch *batch, unsigned row, char *buf, size_t cap);
