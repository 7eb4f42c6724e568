/* The packet an ICMP error quotes. */
#pragma once

#include <nightscope/batch.h>

/* RFC 792: unreachable, source quench, redirect, time exceeded, parameter problem. */
static inline bool quote_is_in_icmp(uint8_t type)
{
    return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/* Write the inner_* columns of a row from n captured bytes of the quoted packet, if an IP
 * header is there. */
void quote_store4(const uint8_t *quote, uint32_t n, struct batch *batch, unsigned row);
void quote_store6(const uint8_t *quote, uint32_t n, struct batch *batch, unsigned row);
