/* What a packet is, from itself alone: a scan, backscatter (a victim's answer to packets sent
 * in our name), or neither. Packets whose transport header is not all there are CLASS_OTHER.
 * Results are of enum class, in the width of its column. */
#pragma once

#include <nightscope/packet.h>

/* A UDP verdict looks at no more of a payload, so that a snap length of 96 does not change it.
 */
enum { CLASS_PAYLOAD_MAX = 28 };

/* RST or SYN-ACK answers; SYN, no flag at all, or FIN without ACK asks. */
static inline uint8_t class_of_tcp(uint8_t flags)
{
    enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };
    if (flags & RST || (flags & (SYN | ACK)) == (SYN | ACK))
        return CLASS_BACKSCATTER;
    if (flags & SYN || flags == 0 || (flags & (FIN | ACK)) == FIN)
        return CLASS_SCAN;
    return CLASS_OTHER;
}
/* Answers come from a service's own port and say so; all else asks. */
uint8_t class_of_udp(uint16_t srcport, const uint8_t *payload, uint32_t caplen);
uint8_t class_of_icmp(uint8_t type);
uint8_t class_of_icmp6(uint8_t type);
uint8_t class_of_sctp(uint8_t chunk_type);
