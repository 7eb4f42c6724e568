/* Profiles that are only looked at any more: what no ranking shows goes. */
#include "state/profile_tables.h"

#include <stdlib.h>
#include <string.h>

/* The row of a key, which is there: keys are sorted. */
static uint32_t row_of(const struct profile_table *table, const struct profile_row *wanted)
{
    uint32_t low = 0, high = table->n;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        bool after;
        if (table->is6) {
            struct ip6 key = table->keys6[middle], other = wanted->address.v6;
            after = key.hi > other.hi || (key.hi == other.hi && key.lo > other.lo);
        } else {
            after = table->keys[middle] >
                    (wanted->key ? (uint32_t)wanted->key : wanted->address.v4);
        }
        if (after)
            high = middle;
        else
            low = middle;
    }
    return low;
}

static void keep(struct profile_table *table, const bool *kept)
{
    uint32_t n = 0, reserved = table->n;
    size_t words = 0;
    for (uint32_t row = 0; row < reserved; row++) {
        if (!kept[row]) {
            table->others = add_saturating(table->others, table->packets[row]);
            continue;
        }
        if (table->is6)
            table->keys6[n] = table->keys6[row];
        else
            table->keys[n] = table->keys[row];
        table->packets[n] = table->packets[row];
        if (table->has_sets) {
            const uint32_t *set = profile_table_set(table, row);
            size_t size = profile_set_words(set);
            memmove(table->words + words, set, size * sizeof *set);
            table->sets[n] = (uint32_t)words;
            words += size;
        }
        n++;
    }
    table->n = n;
    profile_table_shrink(table, reserved);
    if (table->has_sets && words < table->words_n) {
        uint32_t *less = words ? realloc(table->words, words * sizeof *less) : NULL;
        if (less)
            table->words = less;
        table->words_n = words;
    }
}

static bool trim(struct profile *profile, enum profile_view view,
                 enum profile_dimension dimension, size_t members)
{
    struct profile_table *table = &profile->tables->tables[view][dimension];
    struct profile_table *sources6 = &profile->tables->sources6[view];
    struct profile_row *rows = malloc((members + 1) * sizeof *rows);
    bool *kept = calloc((size_t)table->n + 1, 1), *kept6 = calloc((size_t)sources6->n + 1, 1);
    bool done = rows && kept && kept6;
    unsigned orders = profile_has_sets(dimension) ? 2 : 1;
    for (unsigned order = 0; done && order < orders; order++) {
        uint64_t others;
        size_t n = profile_top(profile, view, dimension, (enum profile_order)order, rows,
                               members, &others);
        for (size_t i = 0; i < n; i++) {
            if (rows[i].address.is6)
                kept6[row_of(sources6, &rows[i])] = true;
            else
                kept[row_of(table, &rows[i])] = true;
        }
    }
    if (done)
        keep(table, kept);
    if (done && dimension == PROFILE_SRC)
        keep(sources6, kept6);
    free(rows);
    free(kept);
    free(kept6);
    return done;
}

bool profile_trim(struct profile *profile, size_t members)
{
    bool done = true;
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++)
        for (unsigned dimension = 0; dimension < PROFILE_DIMENSION_COUNT_; dimension++)
            done &= trim(profile, (enum profile_view)view, (enum profile_dimension)dimension,
                         members);
    return done;
}
