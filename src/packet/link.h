/* Link layers: from the first byte of a frame to its network header. */
#pragma once

#include "packet/cursor.h"

/* Moves the cursor to the network header and returns the IP version the link layer announces,
 * 4 or 6; or returns 0, and cursor->failed says why. *depth counts tags, labels and sessions
 * over the whole frame, tunnels included. */
unsigned link_open(enum link link, struct cursor *cursor, unsigned *depth);
