/* TCP, UDP, ICMP, ICMPv6 and SCTP headers into columns. */
#pragma once

#include "packet/network.h"

/* Writes the columns of a row that come from the transport header, its class, and whether its
 * checksum is wrong. Columns of headers that are not there must hold 0 already. */
void transport_store(const struct network *network, struct batch *batch, unsigned row);
