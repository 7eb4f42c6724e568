/* Tunnels: from the packet that carries to the packet that is carried. */
#pragma once

#include "packet/network.h"

#include <nightscope/decode.h>

/* If this packet is a tunnel's that the configuration opens: true, *ret_inner at the inner
 * packet and *ret_version its announced IP version, 0 when ret_inner->failed says why not.
 * False: the packet counts as it is, and nothing is written. */
bool tunnel_open(const struct decode_config *config, const struct network *outer,
                 unsigned *depth, struct cursor *ret_inner, unsigned *ret_version);
