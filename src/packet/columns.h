/* The headers of plain packets (see fast.h) as words, and these split into columns.
 *
 *     fast.c: a packet at a time                  columns.c: a column at a time
 *     is it plain? its words, as they lie  -->    fields, payload offsets, classes of TCP,
 *     in the frame, one array a word              checksums of IP and TCP
 *
 * A loop over one array of words does many packets with one instruction. */
#pragma once

#include <nightscope/batch.h>

/* In network byte order; 0 where a packet has no such word. src, dst, tcp_seq and tcp_ack lie
 * in the columns of the batch already, in network byte order too. */
struct words {
    uint32_t ip0[BATCH_CAP], ip4[BATCH_CAP], ip8[BATCH_CAP];      /* by offset */
    uint32_t ports[BATCH_CAP];                                    /* of TCP and UDP */
    uint32_t tcp12[BATCH_CAP], tcp16[BATCH_CAP], udp4[BATCH_CAP]; /* by offset */
    uint32_t rest_sum[BATCH_CAP]; /* of TCP's bytes from 20 on, as big-endian 16-bit words,
                                     modulo 2^16 - 1; below 2^30 */
};

/* Splits the words of `rows` rows. Their protocol, ip_caplen, the bits of HAS_IP and HAS_TCP
 * and, but for TCP, the class are in the batch already. */
typedef void columns_function(const struct words *words, unsigned rows, struct batch *batch);
/* The ways that this processor can run, best first; NULL past the last. */
columns_function *columns_at(unsigned index);

static inline void columns_split(const struct words *words, unsigned rows, struct batch *batch)
{
    columns_at(0)(words, rows, batch);
}

#ifdef COLUMNS /* the name of the function for one instruction set */
void COLUMNS(const struct words *restrict words, unsigned rows, struct batch *restrict batch);
#endif
