/* IPv4 and IPv6 headers. */
#pragma once

#include "packet/cursor.h"

#include <nightscope/batch.h>

/* A packet's network layer. Offsets are from ip; cap <= len, cap <= wire. */
struct network {
    const uint8_t *ip;
    uint32_t cap;       /* bytes captured from ip on, at most to the IP length */
    uint32_t len;       /* IP length; more than there was on the wire in damaged packets */
    uint32_t wire;      /* bytes on the wire from ip on, at most to the IP length */
    uint32_t transport; /* offset of the transport header; 0: there is none to be read */
    uint8_t version;    /* 4 or 6 */
    uint8_t proto;      /* protocol number; an extension header's when the chain ends there */
    uint8_t hdr_len;
    bool fragment;
    bool rerouted; /* a source route is under way: dst is not what checksums cover */
};

/* Where a chain of IPv6 extension headers ends. */
struct network_chain {
    uint32_t offset; /* of what follows; 0: beyond the capture, or a later fragment */
    uint8_t proto;
    bool fragment;
    bool rerouted;
};

/* Parses the header at the cursor. */
enum reason network_parse(unsigned version, const struct cursor *cursor,
                          struct network *ret_network);

/* Follows the chain from `next`, at offset 40 of the `cap` bytes at `ip`. */
struct network_chain network_follow(const uint8_t *ip, uint32_t cap, uint8_t next);

enum protocol network_protocol(unsigned version, uint8_t proto);

/* Writes the columns of a row that come from the network header. */
void network_store(const struct network *network, struct batch *batch, unsigned row);
