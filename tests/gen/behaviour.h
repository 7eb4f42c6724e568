/* What the sources send: one packet of a behaviour, and what it was meant to be.
 *
 * The headers are those that real tools were seen to send. What a packet is meant to be is
 * noted as it is made, never read back from its bytes: it is the truth the program is held
 * against. */
#pragma once

#include "population.h"

enum meant_protocol {
    MEANT_TCP,
    MEANT_UDP,
    MEANT_ICMP,
    MEANT_ICMP6,
    MEANT_SCTP,
    MEANT_OTHER,
    MEANT_PROTOCOL_COUNT_,
};
enum meant_class { MEANT_SCAN, MEANT_BACKSCATTER, MEANT_CLASS_OTHER, MEANT_CLASS_COUNT_ };
enum meant_refusal {
    MEANT_COUNTED,
    MEANT_NOT_IP,
    MEANT_TRUNCATED,
    MEANT_MALFORMED,
    MEANT_REFUSAL_COUNT_,
};

enum { NO_SLOT = -1, SLOTS = 64 };

struct meant {
    enum meant_protocol protocol;
    enum meant_class class;
    enum meant_refusal refusal;
    int slot; /* which of its ports the source scans; NO_SLOT: none */
    bool ip6, fragment;
    bool whole;      /* its transport checksum can be verified */
    uint32_t dst;    /* IPv4: the address; IPv6: its last 16 bits */
    uint32_t caplen; /* bytes to keep; usually all */
};

struct scene {
    const struct options *options;
    struct random *random;
    uint64_t ts_ns;
};

void behaviour_packet(const struct scene *scene, const struct source *source,
                      struct frame *frame, struct meant *ret_meant);
void behaviour_refused(const struct scene *scene, struct frame *frame, struct meant *ret_meant);

/* The port behind a slot of a source; false: it has no such slot. */
bool behaviour_slot(const struct source *source, unsigned slot,
                    enum meant_protocol *ret_protocol, uint16_t *ret_port);
