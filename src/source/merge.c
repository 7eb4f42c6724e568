/* A binary heap of heads. */
#include "source/merge.h"

#include <assert.h>
#include <stdlib.h>

int merge_init(struct merge *merge, unsigned cap)
{
    *merge = (struct merge){.heads = calloc(cap, sizeof *merge->heads), .cap = cap};
    return merge->heads || !cap ? 0 : -1;
}

void merge_fini(struct merge *merge)
{
    free(merge->heads);
    merge->heads = NULL;
}

static void sift_down(struct merge *merge)
{
    struct merge_head *heads = merge->heads, moving = heads[0];
    unsigned at = 0;
    for (unsigned child = 1; child < merge->n; child = 2 * at + 1) {
        if (child + 1 < merge->n && merge_before(&heads[child + 1], &heads[child]))
            child++;
        if (!merge_before(&heads[child], &moving))
            break;
        heads[at] = heads[child];
        at = child;
    }
    heads[at] = moving;
}

void merge_push(struct merge *merge, struct merge_head head)
{
    assert(merge->n < merge->cap);
    struct merge_head *heads = merge->heads;
    unsigned at = merge->n++;
    for (; at && merge_before(&head, &heads[(at - 1) / 2]); at = (at - 1) / 2)
        heads[at] = heads[(at - 1) / 2];
    heads[at] = head;
}

void merge_pop(struct merge *merge)
{
    assert(merge->n);
    merge->heads[0] = merge->heads[--merge->n];
    if (merge->n)
        sift_down(merge);
}

void merge_move(struct merge *merge, int64_t ns)
{
    merge->heads[0].ns = ns;
    sift_down(merge);
}

const struct merge_head *merge_second(const struct merge *merge)
{
    const struct merge_head *heads = merge->heads;
    if (merge->n < 2)
        return NULL;
    return merge->n > 2 && merge_before(&heads[2], &heads[1]) ? &heads[2] : &heads[1];
}
