/* Between behaviour.c and the files that make the packets of one family of behaviours each. */
#pragma once

#include "behaviour.h"

/* One packet in the making. */
struct making {
    const struct scene *scene;
    const struct source *source;
    struct random *random;
    struct frame *frame;
    struct meant *meant;
};

/* A random address of the dark space; noted as the destination. */
uint32_t making_dst(const struct making *making);
/* Starts an IPv4 packet from the source to a random dark address. */
void making_ip4(const struct making *making, struct ip4 ip);
/* The port of a slot, noted as scanned. */
uint16_t making_port(const struct making *making, unsigned slot);
/* An ephemeral source port: of the whole run, or of this packet. */
uint16_t making_srcport(const struct making *making, bool fixed);
unsigned making_slots(const struct source *source);

void tools_mirai(const struct making *making);
void tools_zmap_old(const struct making *making);
void tools_zmap_new(const struct making *making);
void tools_masscan(const struct making *making);
void tools_nmap(const struct making *making);
void tools_stack(const struct making *making);

void backscatter_make(const struct making *making);

void others_udp(const struct making *making);
void others_icmp(const struct making *making);
void others_ipv6(const struct making *making);
void others_noise(const struct making *making);
void others_fragments(const struct making *making);
void others_sctp(const struct making *making);
