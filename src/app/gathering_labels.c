/* Labels of a gathering's profiles, which are indexes of names that others keep. */
#include "app/gathering_state.h"

#include <stdlib.h>

/* All profiles that are more than sums of others. False: one of the visits was. */
static bool visit_all(const struct gathering *gathering,
                      bool (*visit)(struct profile *, void *context), void *context)
{
    bool done = true;
    for (struct profile *step = gathering->pending; step; step = step->next)
        done &= visit(step, context);
    for (struct profile *step = gathering->steps; step; step = step->next)
        done &= visit(step, context);
    for (size_t i = 0; i < gathering->days_n; i++) /* ours: const only for readers */
        done &= visit((struct profile *)gathering->days[i].profile, context);
    return done & (!gathering->today || visit(gathering->today, context));
}

struct used {
    bool *labels;
    size_t n;
};

static bool note_labels(struct profile *profile, void *context)
{
    const struct used *used = context;
    bool below = true;
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++) {
        size_t n = profile_count(profile, view, PROFILE_LABEL);
        struct profile_row *rows = calloc(n + 1, sizeof *rows);
        uint64_t others;
        if (!rows)
            return false;
        n = profile_top(profile, view, PROFILE_LABEL, PROFILE_BY_PACKETS, rows, n, &others);
        for (size_t i = 0; i < n; i++) {
            below &= rows[i].key < used->n;
            if (rows[i].key < used->n)
                used->labels[rows[i].key] = true;
        }
        free(rows);
    }
    return below;
}

bool gathering_note_labels(const struct gathering *gathering, bool *used, size_t n)
{
    return visit_all(gathering, note_labels, &(struct used){used, n});
}

struct renumbering {
    const uint16_t *map;
    unsigned n;
};

static bool relabel(struct profile *profile, void *context)
{
    const struct renumbering *renumbering = context;
    return profile_relabel(profile, renumbering->map, renumbering->n);
}

void gathering_relabel(struct gathering *gathering, const uint16_t *map, unsigned n)
{
    unsigned same = 0;
    while (same < n && map[same] == same)
        same++;
    if (same == n)
        return;
    gathering->refused += !visit_all(gathering, relabel, &(struct renumbering){map, n});
    hour_sums_forget(&gathering->sums, INT64_MIN, INT64_MAX);
    gathering->version++;
}
