/* From frames to a batch: link, network and transport headers into columns, refusals by reason.
 *
 * Every byte is untrusted: reads are bounded by caplen, nesting by a constant, and nothing here
 * allocates, logs or fails. */
#pragma once

#include <nightscope/batch.h>
#include <nightscope/prefix.h>

enum {
    TUNNEL_GRE =
        1, /* RFC 2784, 2890; also NVGRE/transparent Ethernet bridging, ERSPAN I/II no */
    TUNNEL_IPIP = 2,  /* RFC 2003 (4in4), 6in4, 4in6, 6in6 */
    TUNNEL_VXLAN = 4, /* RFC 7348, UDP port 4789 */

    DECODE_NESTING_MAX = 16, /* VLAN tags, MPLS labels, PPPoE; more: REASON_DEPTH */
    DECODE_TUNNELS_MAX = 4,  /* tunnels inside tunnels */
    DECODE_IPV6_EXT_MAX =
        8, /* extension headers; a packet with more counts as protocol other */
};

struct decode_config {
    const struct prefix_set *dark; /* NULL: every destination is dark */
    unsigned tunnels;              /* TUNNEL_* to open, if an outer address is in: */
    const struct prefix_set *tunnel_ends;
};

/* Decodes n <= BATCH_CAP frames. Every frame becomes a row or a refusal. The batch begins as
 * zeros, and nobody else writes to it while it is used for decoding. */
void decode_batch(const struct decode_config *config, const struct frame *frames, unsigned n,
                  struct batch *ret_batch);

/* The shard of the source that decode_batch() will find in this frame (0 when it will be
 * refused before a source is known). Fast for plain Ethernet and raw IP. */
unsigned decode_shard(const struct decode_config *config, const struct frame *frame);
