/* What matching finds in a batch: a mask of rows for each signature. */
#include <stdlib.h>

#include "plan.h"

struct matches *matches_new(const struct signature_set *set)
{
    struct matches *matches = calloc(1, sizeof *matches);
    if (!matches)
        return NULL;
    matches->count = set->n;
    matches->kernels = kernels_at(0);
    matches->hits = calloc(set->n + 1U, sizeof *matches->hits);
    matches->mask = calloc(set->n + 1U, sizeof *matches->mask);
    if (matches->hits && matches->mask)
        return matches;
    matches_free(matches);
    return NULL;
}

unsigned matches_rows(const struct matches *matches, unsigned index,
                      uint8_t ret_rows[static MATCHES_ROWS_CAP])
{
    return matches->kernels->list(matches->mask[index], ret_rows);
}

void matches_free(struct matches *matches)
{
    if (!matches)
        return;
    free(matches->hits);
    free(matches->mask);
    free(matches);
}
