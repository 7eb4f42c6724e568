/* Labels of a profile under other numbers, as signatures have changed. */
#include "state/profile_tables.h"

static bool relabel(struct profile_table *table, const uint16_t *map)
{
    struct profile_table old = *table;
    uint64_t refused = 0;
    bool done = true;
    *table = (struct profile_table){.has_sets = old.has_sets, .others = old.others};
    for (uint32_t row = 0; row < old.n && done; row++) {
        uint32_t label = map[old.keys[row]];
        if (label == UINT16_MAX) {
            table->others = add_saturating(table->others, old.packets[row]);
            continue;
        }
        struct profile_table one = {.n = 1, .keys = &label, .packets = &old.packets[row]};
        done = profile_table_merge(table, &one, profile_limit(PROFILE_LABEL), &refused);
    }
    profile_table_fini(&old);
    return done;
}

static bool is_identity(const uint16_t *map, unsigned n)
{
    unsigned i = 0;
    while (i < n && map[i] == i)
        i++;
    return i == n;
}

static bool is_below(const struct profile_table *table, unsigned n)
{
    return table->n == 0 || table->keys[table->n - 1] < n;
}

bool profile_relabel(struct profile *profile, const uint16_t *map, unsigned n)
{
    bool done = true;
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++)
        done &= is_below(&profile->tables->tables[view][PROFILE_LABEL], n);
    if (!done || is_identity(map, n))
        return done;
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++)
        done &= relabel(&profile->tables->tables[view][PROFILE_LABEL], map);
    return done;
}
