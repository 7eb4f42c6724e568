/* The last step of counting: ports and destinations go into the sets of their sources, and
 * sources into those of the ports. Rows whose sets are of one kind are dealt with together. */
#include "state/work.h"

static void add_to_sketches(const struct work *work, const struct looks *looks)
{
    for (unsigned k = 0; k < looks->sketches_n; k++) {
        unsigned i = looks->sketches[k];
        struct source *source = work->source[i];
        uint32_t key = work->prepared->columns.destination[i];
        source->destinations_kind =
            distinct_note_sketch(&work->shard[i]->pool, source_destinations(source),
                                 sketch_entry(hash_u64(key, HASH_FIXED)), key);
    }
}

/* Finds what is fresh. Returns how many sets froze, as what follows does. */
static uint64_t add_ports(const struct work *work, struct looks *looks)
{
    uint64_t frozen = 0;
    looks->fresh_n = 0;
    for (unsigned k = 0; k < looks->ports_n; k++) {
        unsigned i = looks->ports[k];
        struct source *source = work->source[i];
        struct distinct set = source_ports(source);
        enum distinct_result result =
            distinct_note(&work->shard[i]->pool, &set, work->prepared->columns.port[i]);
        frozen += result == DISTINCT_FROZE;
        if (result != DISTINCT_KNOWN)
            source_set_ports(source, set);
        looks->fresh[looks->fresh_n] = (uint8_t)i;
        looks->fresh_n += !((result == DISTINCT_KNOWN) & only_scans(source)) &
                          (work->tally[i] != &work->no_tally);
    }
    return frozen;
}

static uint64_t add_destinations(const struct work *work, const struct looks *looks)
{
    uint64_t frozen = 0;
    for (unsigned k = 0; k < looks->exact_n; k++) {
        unsigned i = looks->exact[k];
        struct source *source = work->source[i];
        struct distinct set = source_destinations(source);
        enum distinct_result result = distinct_note_new(&work->shard[i]->pool, &set,
                                                        work->prepared->columns.destination[i],
                                                        work->prepared->is_new_destination[i]);
        frozen += result == DISTINCT_FROZE;
        if (result != DISTINCT_KNOWN)
            source_set_destinations(source, set);
    }
    return frozen;
}

static void look_at_tallies(const struct analysis *analysis, const struct work *work,
                            const struct looks *looks)
{
    for (unsigned k = 0; k < looks->fresh_n; k++) {
        struct distinct set = work->tally[looks->fresh[k]]->sources;
        if (distinct_is_open_block(set))
            prefetch(distinct_place(&analysis->ports_pool, set));
    }
}

void sets_take(struct analysis *analysis, struct work *work, struct looks *looks)
{
    add_to_sketches(work, looks);
    uint64_t frozen = add_ports(work, looks);
    look_at_tallies(analysis, work, looks);
    frozen += add_destinations(work, looks);
    analysis->sets_frozen += frozen;
}

void tallies_take(struct analysis *analysis, const struct work *work, const struct looks *looks)
{
    for (unsigned k = 0; k < looks->fresh_n; k++) {
        unsigned i = looks->fresh[k];
        analysis->sets_frozen += !distinct_add(&analysis->ports_pool, &work->tally[i]->sources,
                                               work->prepared->columns.source[i]);
    }
}
