/* What records of thresholds and of relations have behind the common part. Private to what
 * keeps evidence and what saves it. */
#pragma once

#include "state/evidence.h"

#include <stdint.h>

struct counts {
    uint32_t words[THRESHOLD_SETS_MAX]; /* struct distinct, with the record's kinds */
    uint32_t span;                      /* number of the current span since 1970 */
    uint32_t packets;
};
struct values {
    uint64_t values[VALUES_KEPT]; /* latest first */
    uint32_t probes[VALUES_KEPT]; /* the probe that showed the value first */
    uint8_t n;
};
enum {
    PLAIN_BYTES = sizeof(struct evidence_record),
    COUNTS_BYTES = PLAIN_BYTES + sizeof(struct counts),
    VALUES_BYTES = PLAIN_BYTES + sizeof(struct values),
};
static_assert(COUNTS_BYTES <= 48, "threshold records fit POOL_48");
static_assert(VALUES_BYTES <= 128, "relation records fit POOL_128");

static inline struct counts *counts_of(const struct evidence_record *record)
{
    return (struct counts *)(uintptr_t)(record + 1);
}

static inline struct values *values_of(const struct evidence_record *record)
{
    return (struct values *)(uintptr_t)(record + 1);
}

/* Has a record of this handle the room that a signature needs? */
static inline bool evidence_has_room(const struct evidence_item *item, uint32_t handle)
{
    enum pool_size size = pool_size_of(handle);
    switch ((enum evidence_kind)item->kind) {
    case EVIDENCE_PLAIN:
        return size == POOL_32 || size == POOL_64;
    case EVIDENCE_RELATION:
        return size == POOL_128;
    case EVIDENCE_THRESHOLDS:
    case EVIDENCE_OFF:
        return size == POOL_48;
    }
    return false;
}
