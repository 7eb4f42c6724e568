/* The columns that few packets have: IPv6, ICMP, quoted packets, SCTP. They hold zeros wherever
 * has[] says that a row has none, which is nearly everywhere, so that they are not cleared for
 * every batch, but only where the last one left something. */
#pragma once

#include <nightscope/batch.h>

/* Zeros in all these columns, in has[] and in bad_checksum[], whatever they hold. */
void rare_clear(struct batch *batch);
