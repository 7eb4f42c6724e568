/* What the capture holds, counted from what each packet was meant to be, and written as JSON.
 *
 * Names are those of nightscope's report, so that the two can be compared field by field;
 * "behaviours" says besides how many packets and sources each behaviour had. */
#pragma once

#include "behaviour.h"

#include <stdio.h>

enum spoiled { SPOILED_NONE, SPOILED_IP, SPOILED_TRANSPORT };

struct truth_counts {
    uint64_t packets, bytes, sources, refused, dports;
    uint64_t protocols[MEANT_PROTOCOL_COUNT_], classes[MEANT_CLASS_COUNT_];
};

struct truth {
    const struct options *options;
    struct truth_counts total, *minutes;
    uint64_t minutes_n, first_minute;
    uint64_t refused[MEANT_REFUSAL_COUNT_];
    uint64_t bad_ip, bad_transport[MEANT_PROTOCOL_COUNT_];
    uint64_t ip6, fragments, destinations;
    uint64_t first_ns, last_ns;
    uint64_t (*port_packets)[65536]; /* scans: [0] TCP, [1] UDP */
    uint32_t (*port_minute)[65536];  /* of the last packet, from 1 */
    uint64_t *dark;                  /* destinations seen: a bit an address */
    uint64_t *dark6;
};

/* -1: no memory. */
int truth_init(struct truth *truth, const struct options *options);
void truth_fini(struct truth *truth);
/* A frame written at ts_ns; source is NULL when it is refused. The generator counts
 * source->packets itself, behaviours need it. */
void truth_add(struct truth *truth, uint64_t ts_ns, struct source *source,
               const struct meant *meant, unsigned ip_len, enum spoiled spoiled);
/* -1: no memory. Errors of the stream are the caller's to look for. */
int truth_write(const struct truth *truth, const struct population *population, FILE *out);
