/* The open files' next frames as a heap: the lowest time first, equal times by the file's rank
 * (its place in the order of first time stamps and names). Knows nothing of files. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct merge_head {
    int64_t ns;
    unsigned rank; /* unique */
    void *file;
};

struct merge {
    struct merge_head *heads; /* heads[0] is the lowest */
    unsigned n, cap;
};

/* Room for cap heads; -1: memory. */
int merge_init(struct merge *merge, unsigned cap);
void merge_fini(struct merge *merge);

static inline bool merge_before(const struct merge_head *a, const struct merge_head *b)
{
    return a->ns != b->ns ? a->ns < b->ns : a->rank < b->rank;
}

void merge_push(struct merge *merge, struct merge_head head);
void merge_pop(struct merge *merge);
/* The lowest head's file has moved on to this time. */
void merge_move(struct merge *merge, int64_t ns);
/* The lowest but one; NULL when there is none. */
const struct merge_head *merge_second(const struct merge *merge);
