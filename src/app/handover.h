/* Ready batches on their way from the thread that reads ahead to the thread that counts.
 *
 *     reader:  handover_space()  --> [ 5 ][ 6 ][ 7 ][   ] -->  handover_next()  :worker
 *              handover_put()                                  handover_taken()
 *
 * Slots are passed one by one, but the worker is woken only when a chunk is complete (before
 * the reader may have to wait for input) and the reader only when half of the slots are free:
 * waking a thread costs as much as counting some dozens of packets. */
#pragma once

#include "app/reader.h"

struct handover;

/* NULL: memory. signatures: NULL: none. */
struct handover *handover_new(const struct signature_set *signatures);
void handover_free(struct handover *handover);

/* The slot to fill next; waits until there is one. */
struct ready *handover_space(struct handover *handover);
/* It is filled. */
void handover_put(struct handover *handover);
/* Nothing more comes. */
void handover_end(struct handover *handover);

/* The slot to count next; waits until there is one. NULL: the end. */
const struct ready *handover_next(struct handover *handover);
/* It is counted. */
void handover_taken(struct handover *handover);
