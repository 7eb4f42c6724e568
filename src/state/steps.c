/* From the rows of a batch to the steps they belong to. */
#include "state/steps.h"

#include "state/state.h"
#include "state/step.h"

#include <stdlib.h>

struct steps *steps_new(void)
{
    return calloc(1, sizeof(struct steps));
}

static void free_profiles(struct profile *profile)
{
    while (profile) {
        struct profile *next = profile->next;
        profile_free(profile);
        profile = next;
    }
}

void steps_free(struct steps *steps)
{
    if (!steps)
        return;
    while (steps->open) {
        struct step *next = steps->open->next;
        step_free(steps->open);
        steps->open = next;
    }
    step_free(steps->spare);
    free_profiles(steps->waiting);
    free_profiles(steps->closed);
    free(steps);
}

struct step *steps_open(struct analysis *analysis, int64_t start_s)
{
    struct steps *steps = analysis->steps;
    struct step *step = NULL;
    for (struct step **at = &steps->open; *at && !step; at = step ? at : &(*at)->next) {
        if ((*at)->start_s != start_s)
            continue;
        step = *at;
        *at = step->next;
    }
    if (!step) {
        step = steps->spare ? steps->spare
                            : step_new(analysis->memory, analysis->config.table_key);
        steps->spare = NULL;
        if (!step) {
            analysis->memory_refused++;
            return NULL;
        }
        step->start_s = start_s;
    }
    step->next = steps->open;
    steps->open = step;
    return step;
}

/* The open step of a window, made if need be. NULL: memory. */
static struct step *step_at(struct analysis *analysis, const struct window *window)
{
    struct step *step = analysis->steps->open;
    if (step && (uint64_t)(window->start_s - step->start_s) < PROFILE_STEP_S)
        return step;
    return steps_open(analysis, window->start_s - window->start_s % PROFILE_STEP_S);
}

void steps_note_label(struct analysis *analysis, struct window *const *windows, unsigned label,
                      const uint64_t rows[static BATCH_WORDS],
                      const uint64_t iot[static BATCH_WORDS])
{
    for (unsigned word = 0; word < BATCH_WORDS; word++) {
        for (uint64_t bits = rows[word]; bits; bits &= bits - 1) {
            unsigned i = word * 64 + (unsigned)__builtin_ctzll(bits);
            struct step *step = windows[i] ? step_at(analysis, windows[i]) : NULL;
            if (!step)
                continue;
            tallies_add(&step->tallies[PROFILE_ALL][PROFILE_LABEL], label, 1);
            if (mask_test(iot, i))
                tallies_add(&step->tallies[PROFILE_IOT][PROFILE_LABEL], label, 1);
        }
    }
}

/* The row of a source in its table, or TABLE_NO_ROW. */
static uint32_t known_row(const struct table *table, const struct step_rows *rows, unsigned i)
{
    const struct ip6 *address = &rows->batch->src6[i];
    uint32_t row = rows->row[i];
    bool current = row < table->n && table->rows[row].key == rows->key[i] &&
                   (!table->is6 ||
                    (table->keys[row].hi == address->hi && table->keys[row].lo == address->lo));
    return current ? row : table_find(table, rows->hash[i], rows->key[i], address);
}

/* Where a source is: its row knows, or else it is looked up again. */
static struct place place_of(const struct analysis *analysis, const struct step_rows *rows,
                             unsigned i, const struct address *address)
{
    const struct table *table = &analysis->shards[rows->shard[i]].tables[rows->is6[i]];
    uint32_t row = known_row(table, rows, i);
    const struct locator *locator = analysis->config.locator;
    struct place place = {0};
    if (row != TABLE_NO_ROW) {
        place.asn = table_asn(table, row);
        if (table->rows[row].cc != CC_UNKNOWN)
            cc_text(table->rows[row].cc, place.cc);
    } else if (locator) {
        place = locator->locate(locator->context, address);
    }
    return place;
}

/* What the passes over a batch hand on, by row. */
struct pass {
    struct step *steps[BATCH_CAP]; /* NULL: in none */
    struct step_table *tables[BATCH_CAP];
    uint32_t row[BATCH_CAP]; /* that is probably the source's, or TABLE_NO_ROW */
    const void *ahead[BATCH_CAP];
};

/* The port of each row, as in struct step_source. */
static void set_ports(const struct batch *batch, uint32_t ret_ports[static BATCH_CAP])
{
    for (unsigned i = 0; i < batch->n; i++) {
        uint32_t udp = batch->has[HAS_UDP][i / 64] >> (i % 64) & 1;
        uint32_t tcp = batch->has[HAS_TCP][i / 64] >> (i % 64) & 1;
        ret_ports[i] = tcp | udp ? udp << 16 | batch->dstport[i] : (uint32_t)STEP_NO_PORT;
    }
}

/* Makes room for a source that is not there. NULL: memory, and its packet is counted. */
static struct step_source *insert(struct analysis *analysis, const struct step_rows *rows,
                                  unsigned i, struct step *step, uint32_t port,
                                  const bool in[static PROFILE_VIEW_COUNT_])
{
    const struct batch *batch = rows->batch;
    struct address address = {.v4 = batch->src[i]};
    if (rows->is6[i])
        address = (struct address){.is6 = true, .v6 = batch->src6[i]};
    struct place place = place_of(analysis, rows, i, &address);
    struct step_source *source =
        step_insert(step, rows->shard[i], rows->hash[i], &address, place);
    if (!source) {
        analysis->memory_refused++;
        step_count_alone(step, &address, place, port, in);
    }
    return source;
}

static void count_rows(struct analysis *analysis, const struct step_rows *rows,
                       const struct pass *pass)
{
    const struct batch *batch = rows->batch;
    uint32_t ports[BATCH_CAP];
    set_ports(batch, ports);
    for (unsigned i = 0; i < batch->n; i++) {
        struct step *step = pass->steps[i];
        const struct step_table *table = pass->tables[i];
        bool all = batch->class[i] == CLASS_SCAN, iot = mask_test(rows->iot, i);
        if (!step)
            continue;
        step->packets[PROFILE_SOURCES]++;
        step->packets[PROFILE_SCAN_SOURCES] += all;
        step->packets[PROFILE_IOT_SOURCES] += iot;
        struct step_source *source;
        /* A row may have moved meanwhile, but a key is in one row of its table alone. */
        if (!table->is6 && pass->row[i] < table->n &&
            table->rows[pass->row[i]].key == rows->key[i])
            source = &table->rows[pass->row[i]];
        else
            source = step_table_find(table, rows->hash[i], rows->key[i], &batch->src6[i]);
        if (!source)
            source = insert(analysis, rows, i, step, ports[i], (const bool[]){all, iot});
        if (source && (all || iot))
            step_count(step, source, ports[i], all, iot);
    }
}

void steps_add(struct analysis *analysis, const struct step_rows *rows)
{
    unsigned n = rows->batch->n;
    struct pass pass;
    struct step *step = NULL;
    const struct window *window = NULL;
    for (unsigned i = 0; i < n; i++) {
        if (rows->windows[i] && rows->windows[i] != window) {
            window = rows->windows[i];
            step = step_at(analysis, window);
        }
        pass.steps[i] = rows->windows[i] ? step : NULL;
        pass.tables[i] = NULL;
        pass.ahead[i] = &pass;
        if (!pass.steps[i])
            continue;
        struct step_table *table = &step->sources[rows->shard[i]][rows->is6[i]];
        pass.tables[i] = table;
        if (table->slots)
            pass.ahead[i] = table->slots + step_table_slot(table, rows->hash[i]);
    }
    prefetch_all(pass.ahead, n);
    for (unsigned i = 0; i < n; i++) {
        const struct step_table *table = pass.tables[i];
        struct step_source *source = NULL;
        if (table && table->slots) {
            uint32_t slot = step_table_slot(table, rows->hash[i]);
            source = step_table_candidate(table, rows->hash[i], &slot);
        }
        pass.ahead[i] = source ? (const void *)source : &pass;
        pass.row[i] = source ? (uint32_t)(source - table->rows) : TABLE_NO_ROW;
    }
    prefetch_all(pass.ahead, n);
    count_rows(analysis, rows, &pass);
}

/* Puts a profile among the closed ones, or into the one of its step. */
static void insert_closed(struct analysis *analysis, struct profile *profile)
{
    struct profile **at = &analysis->steps->closed;
    while (*at && (*at)->start_s < profile->start_s)
        at = &(*at)->next;
    if (*at && (*at)->start_s == profile->start_s) {
        analysis->memory_refused += profile_merge(*at, profile) != 0;
        profile_free(profile);
        return;
    }
    profile->next = *at;
    *at = profile;
}

/* Is every window of the step that begins at start_s closed? */
static bool is_over(const struct analysis *analysis, int64_t start_s)
{
    return start_s / 60 + PROFILE_STEP_S / 60 <= analysis->windows.closed_before_min;
}

/* Takes a step off its list; *ret_profile may be NULL: memory. */
static struct profile *finish_step(struct analysis *analysis, struct step **at)
{
    struct step *step = *at;
    *at = step->next;
    struct profile *profile = step_build(step);
    analysis->memory_refused += !profile;
    if (analysis->steps->spare) {
        step_free(step);
    } else {
        step_clear(step);
        analysis->steps->spare = step;
    }
    return profile;
}

void steps_close(struct analysis *analysis)
{
    struct steps *steps = analysis->steps;
    for (struct step **at = &steps->open; *at;) {
        if (!is_over(analysis, (*at)->start_s)) {
            at = &(*at)->next;
            continue;
        }
        struct profile *profile = finish_step(analysis, at);
        if (profile)
            insert_closed(analysis, profile);
    }
    for (struct profile **at = &steps->waiting; *at;) {
        struct profile *profile = *at;
        if (!is_over(analysis, profile->start_s)) {
            at = &profile->next;
            continue;
        }
        *at = profile->next;
        insert_closed(analysis, profile);
    }
}

struct profile *analysis_take_profiles(struct analysis *analysis)
{
    if (!analysis->steps)
        return NULL;
    struct profile *closed = analysis->steps->closed;
    analysis->steps->closed = NULL;
    return closed;
}

void steps_receive(struct analysis *into, struct profile *profile)
{
    if (is_over(into, profile->start_s)) {
        insert_closed(into, profile);
        return;
    }
    struct profile **end = &into->steps->waiting;
    while (*end)
        end = &(*end)->next;
    profile->next = NULL;
    *end = profile;
}

void steps_merge(struct analysis *into, struct analysis *from)
{
    struct steps *theirs = from->steps;
    while (theirs->open) {
        struct profile *profile = finish_step(from, &theirs->open);
        if (profile)
            steps_receive(into, profile);
    }
    struct profile *lists[] = {theirs->waiting, theirs->closed};
    theirs->waiting = theirs->closed = NULL;
    for (unsigned i = 0; i < 2; i++) {
        while (lists[i]) {
            struct profile *next = lists[i]->next;
            steps_receive(into, lists[i]);
            lists[i] = next;
        }
    }
    steps_close(into);
}
