/* Profiles as values: any tree of merges against a naive count, limits, closing, tops, bytes.
 */
#include "stream.h"

#include "state/profile_tables.h"
#include "state/state.h"
#include "state/step.h"

static const uint64_t KEY[2] = {3, 4};

/* A packet as a step sees it. */
struct event {
    struct address address;
    uint32_t port;
    bool in[PROFILE_VIEW_COUNT_];
};

static struct event random_event(struct random *random, unsigned sources)
{
    struct event event = {.port =
                              (uint32_t)(random_below(random, 90) * random_below(random, 7))};
    uint64_t who = random_below(random, sources) * random_below(random, sources) / sources;
    if (who % 4 == 1)
        event.address = (struct address){.is6 = true, .v6 = {0x20010db800000000U, who}};
    else
        event.address.v4 = (uint32_t)(0x01000000 + who * 2654435761U);
    uint64_t kind = random_below(random, 4);
    event.port |= kind == 1 ? 1U << 16 : 0;
    if (kind == 2)
        event.port = STEP_NO_PORT;
    event.in[PROFILE_ALL] = random_below(random, 5) != 0;
    event.in[PROFILE_IOT] = random_below(random, 3) == 0;
    return event;
}

static uint64_t hash_of(const struct address *address)
{
    return address->is6 ? hash_ip6(address->v6, KEY)
                        : table_hash4(hash_u64(address->v4, HASH_FIXED), KEY);
}

static void add_event(struct step *step, const struct event *event)
{
    const struct address *address = &event->address;
    unsigned shard = address->is6 ? shard_of6(address->v6) : shard_of4(address->v4);
    struct step_source *source =
        step_table_find(&step->sources[shard][address->is6], hash_of(address),
                        source_key_of(address), &address->v6);
    if (!source)
        source =
            step_insert(step, shard, hash_of(address), address, test_locate(NULL, address));
    step->packets[PROFILE_SOURCES]++;
    step->packets[PROFILE_SCAN_SOURCES] += event->in[PROFILE_ALL];
    step->packets[PROFILE_IOT_SOURCES] += event->in[PROFILE_IOT];
    if (event->in[PROFILE_ALL] || event->in[PROFILE_IOT])
        step_count(step, source, event->port, event->in[PROFILE_ALL], event->in[PROFILE_IOT]);
}

static struct profile *profile_of(const struct event *events, size_t n)
{
    struct step *step = step_new(NULL, KEY);
    ck_assert_ptr_nonnull(step);
    step->start_s = STREAM_START_S;
    for (size_t i = 0; i < n; i++)
        add_event(step, &events[i]);
    struct profile *profile = step_build(step);
    ck_assert_ptr_nonnull(profile);
    step_free(step);
    return profile;
}

static void same_bytes(const struct profile *a, const struct profile *b)
{
    size_t left_n, right_n;
    uint8_t *left = profile_save(a, &left_n), *right = profile_save(b, &right_n);
    ck_assert_uint_eq(left_n, right_n);
    ck_assert_mem_eq(left, right, left_n);
    free(left);
    free(right);
}

/* The naive count: what an event is in a dimension; false when it is not in it. */
static bool member(const struct event *event, enum profile_view view,
                   enum profile_dimension dimension, struct profile_row *ret_row)
{
    struct place place = test_locate(NULL, &event->address);
    uint64_t cc = place.cc[0] ? (uint64_t)(place.cc[0] * 256 + place.cc[1]) : 0;
    *ret_row = (struct profile_row){.packets = 1};
    if (!event->in[view])
        return false;
    switch (dimension) {
    case PROFILE_TCP:
        ret_row->key = event->port;
        return event->port < 65536;
    case PROFILE_UDP:
        ret_row->key = event->port & 65535;
        return event->port >> 16 == 1;
    case PROFILE_CC:
        ret_row->key = cc;
        return true;
    case PROFILE_ASN:
        ret_row->key = place.asn;
        return true;
    case PROFILE_SRC:
        ret_row->address = event->address;
        return true;
    case PROFILE_CC_TCP:
        ret_row->key = cc << 16 | event->port;
        return event->port < 65536 && view == PROFILE_ALL;
    case PROFILE_LABEL:
    case PROFILE_DIMENSION_COUNT_:
        break;
    }
    return false;
}

struct naive {
    struct profile_row row;
    struct address source;
};

static int by_key(const struct profile_row *a, const struct profile_row *b)
{
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return address_compare(&a->address, &b->address);
}

static int compare_naive(const void *left, const void *right)
{
    const struct naive *a = left, *b = right;
    int order = by_key(&a->row, &b->row);
    return order ? order : address_compare(&a->source, &b->source);
}

static int by_packets(const void *left, const void *right)
{
    const struct profile_row *a = left, *b = right;
    if (a->packets != b->packets)
        return a->packets > b->packets ? -1 : 1;
    return by_key(a, b);
}

/* All rows, most first, with exact sources. */
static struct profile_row *naive_rows(const struct event *events, size_t n,
                                      enum profile_view view, enum profile_dimension dimension,
                                      size_t *ret_n, uint64_t *ret_packets)
{
    struct naive *all = calloc(n + 1, sizeof *all);
    struct profile_row *rows = calloc(n + 1, sizeof *rows);
    size_t used = 0, rows_n = 0;
    for (size_t i = 0; i < n; i++) {
        all[used].source = events[i].address;
        used += member(&events[i], view, dimension, &all[used].row);
    }
    qsort(all, used, sizeof *all, compare_naive);
    for (size_t i = 0; i < used; i++) {
        bool fresh = i == 0 || by_key(&all[i].row, &all[i - 1].row) != 0;
        bool new_source = fresh || address_compare(&all[i].source, &all[i - 1].source) != 0;
        if (fresh)
            rows[rows_n++] = all[i].row;
        else
            rows[rows_n - 1].packets++;
        rows[rows_n - 1].sources += new_source;
    }
    qsort(rows, rows_n, sizeof *rows, by_packets);
    free(all);
    *ret_n = rows_n;
    *ret_packets = used;
    return rows;
}

static void same_row(const struct profile_row *row, const struct profile_row *expected,
                     bool has_sets)
{
    ck_assert_uint_eq(row->key, expected->key);
    ck_assert_int_eq(address_compare(&row->address, &expected->address), 0);
    ck_assert_uint_eq(row->packets, expected->packets);
    ck_assert_uint_le(row->sources, row->packets);
    if (!has_sets) {
        ck_assert_uint_eq(row->sources, 0);
    } else if (expected->sources <= DISTINCT_EXACT_MAX) {
        ck_assert(!row->sources_estimated);
        ck_assert_uint_eq(row->sources, expected->sources);
    } else {
        ck_assert(row->sources_estimated);
        double ratio = (double)row->sources / (double)expected->sources;
        ck_assert_double_ge(ratio, 0.88);
        ck_assert_double_le(ratio, 1.12);
    }
}

static void check_order_by_sources(const struct profile *profile, enum profile_view view,
                                   enum profile_dimension dimension, size_t n)
{
    struct profile_row *rows = calloc(n + 1, sizeof *rows);
    uint64_t others;
    ck_assert_uint_eq(
        profile_top(profile, view, dimension, PROFILE_BY_SOURCES, rows, n, &others), n);
    ck_assert_uint_eq(others, 0);
    for (size_t i = 1; i < n; i++) {
        ck_assert_uint_ge(rows[i - 1].sources, rows[i].sources);
        if (rows[i - 1].sources == rows[i].sources)
            ck_assert_int_lt(by_key(&rows[i - 1], &rows[i]), 0);
    }
    free(rows);
}

static void check_dimension(const struct profile *profile, const struct event *events, size_t n,
                            enum profile_view view, enum profile_dimension dimension)
{
    size_t expected_n;
    uint64_t packets;
    struct profile_row *expected =
        naive_rows(events, n, view, dimension, &expected_n, &packets);
    bool has_sets = profile_has_sets(dimension);
    ck_assert_uint_eq(profile_count(profile, view, dimension), expected_n);
    size_t caps[] = {expected_n + 5, expected_n, expected_n / 3, 1, 0};
    struct profile_row *rows = calloc(expected_n + 5, sizeof *rows);
    for (unsigned i = 0; i < 5; i++) {
        uint64_t others, sum = 0;
        size_t shown =
            profile_top(profile, view, dimension, PROFILE_BY_PACKETS, rows, caps[i], &others);
        ck_assert_uint_eq(shown, caps[i] < expected_n ? caps[i] : expected_n);
        for (size_t row = 0; row < shown; row++) {
            same_row(&rows[row], &expected[row], has_sets);
            sum += rows[row].packets;
        }
        ck_assert_uint_eq(sum + others, packets);
    }
    if (has_sets)
        check_order_by_sources(profile, view, dimension, expected_n);
    free(rows);
    free(expected);
}

static void check_sketch(const struct profile *profile, const struct event *events, size_t n,
                         enum profile_sketch sketch)
{
    uint8_t expected[HLL_LARGE] = {0};
    uint64_t packets = 0;
    for (size_t i = 0; i < n; i++) {
        char text[ADDRESS_TEXT_CAP];
        if (sketch != PROFILE_SOURCES &&
            !events[i].in[sketch == PROFILE_SCAN_SOURCES ? PROFILE_ALL : PROFILE_IOT])
            continue;
        packets++;
        (void)address_format(&events[i].address, text);
        text_sketch_add(expected, murmur64a(text, strlen(text), 0xadc83b19));
    }
    ck_assert_mem_eq(profile_sketch(profile, sketch), expected, HLL_LARGE);
    ck_assert_uint_eq(profile_packets(profile, sketch), packets);
    ck_assert_uint_le(profile_sketch_count(profile, sketch), packets);
}

static void check_all(const struct profile *profile, const struct event *events, size_t n)
{
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++)
        for (unsigned dimension = 0; dimension < PROFILE_DIMENSION_COUNT_; dimension++)
            check_dimension(profile, events, n, view, dimension);
    for (unsigned sketch = 0; sketch < PROFILE_SKETCH_COUNT_; sketch++)
        check_sketch(profile, events, n, sketch);
    ck_assert_uint_eq(profile->refused, 0);
}

/* Merges parts[0 .. n) in a random tree, either way round; frees all but the result. */
static struct profile *merge_tree(struct random *random, struct profile **parts, unsigned n)
{
    while (n > 1) {
        unsigned left = (unsigned)random_below(random, n);
        unsigned right = (unsigned)random_below(random, n - 1);
        right += right >= left;
        ck_assert_int_eq(profile_merge(parts[left], parts[right]), 0);
        profile_free(parts[right]);
        parts[right] = parts[n - 1];
        if (left == n - 1)
            left = right;
        n--;
    }
    return parts[0];
}

START_TEST(any_merge_tree_equals_a_naive_count)
{
    enum { EVENTS = 12000, PARTS = 9 };
    struct random random = random_seeded("merge trees");
    struct event *events = calloc(EVENTS, sizeof *events);
    for (unsigned i = 0; i < EVENTS; i++)
        events[i] = random_event(&random, 900);
    struct profile *first = NULL;
    for (unsigned round = 0; round < 6; round++) {
        struct profile *parts[PARTS];
        size_t from = 0;
        for (unsigned part = 0; part < PARTS; part++) {
            size_t to = part + 1 == PARTS ? EVENTS : from + random_below(&random, EVENTS / 6);
            to = to < EVENTS ? to : EVENTS;
            parts[part] = profile_of(events + from, to - from);
            from = to;
        }
        struct profile *whole = merge_tree(&random, parts, PARTS);
        check_all(whole, events, EVENTS);
        if (first) {
            same_bytes(first, whole);
            profile_free(whole);
        } else {
            first = whole;
        }
    }
    profile_free(first);
    free(events);
}
END_TEST

START_TEST(an_empty_profile_is_neutral)
{
    struct random random = random_seeded("neutral");
    struct event events[500];
    for (unsigned i = 0; i < 500; i++)
        events[i] = random_event(&random, 40);
    struct profile *profile = profile_of(events, 500), *empty = profile_of(NULL, 0);
    struct profile *other = profile_new(STREAM_START_S, PROFILE_STEP_S);
    same_bytes(empty, other);
    ck_assert_int_eq(profile_merge(empty, profile), 0);
    same_bytes(empty, profile);
    ck_assert_int_eq(profile_merge(profile, other), 0);
    same_bytes(empty, profile);
    profile_free(profile);
    profile_free(empty);
    profile_free(other);
}
END_TEST

/* A table of keys that all have one packet for each time they are added. */
static void add_keys(struct profile_table *table, struct random *random, bool is6,
                     uint64_t *packets, uint64_t *refused)
{
    uint32_t n = (uint32_t)random_below(random, 60), key = 0;
    struct profile_table part = {.is6 = is6};
    ck_assert(profile_table_reserve(&part, n));
    for (uint32_t i = 0; i < n; i++) {
        key += 1 + (uint32_t)random_below(random, 5);
        if (is6)
            part.keys6[i] = (struct ip6){key / 16, key};
        else
            part.keys[i] = key;
        part.packets[i] = 1 + random_below(random, 9);
        *packets += part.packets[i];
    }
    part.n = n;
    ck_assert(profile_table_merge(table, &part, 50, refused));
    profile_table_fini(&part);
}

static void same_table(const struct profile_table *a, const struct profile_table *b)
{
    ck_assert_uint_eq(a->n, b->n);
    ck_assert_uint_eq(a->others, b->others);
    for (uint32_t i = 0; i < a->n; i++) {
        ck_assert_uint_eq(a->packets[i], b->packets[i]);
        if (a->is6)
            ck_assert_mem_eq(&a->keys6[i], &b->keys6[i], sizeof a->keys6[i]);
        else
            ck_assert_uint_eq(a->keys[i], b->keys[i]);
    }
}

/* Left: ((t0 + t1) + t2) + ...; right: (t0 + t1) + (t2 + t3), and so on. */
START_TEST(merging_past_the_limit_is_associative)
{
    struct random random = random_seeded("limits");
    for (unsigned round = 0; round < 400; round++) {
        bool is6 = round % 2;
        uint64_t packets = 0, refused = 0, ignored = 0;
        struct random again = {random_next(&random)}, start = again;
        struct profile_table left = {.is6 = is6}, right = {.is6 = is6};
        for (unsigned part = 0; part < 8; part++)
            add_keys(&left, &again, is6, &packets, &refused);
        ck_assert_uint_eq(profile_table_packets(&left) + left.others, packets);
        ck_assert_uint_eq(left.others, refused);
        ck_assert_uint_le(left.n, 50);
        again = start;
        struct profile_table pairs[4];
        for (unsigned pair = 0; pair < 4; pair++) {
            pairs[pair] = (struct profile_table){.is6 = is6};
            add_keys(&pairs[pair], &again, is6, &ignored, &ignored);
            add_keys(&pairs[pair], &again, is6, &ignored, &ignored);
        }
        for (unsigned pair = 4; pair-- > 0; profile_table_fini(&pairs[pair]))
            ck_assert(profile_table_merge(&right, &pairs[pair], 50, &ignored));
        same_table(&left, &right);
        profile_table_fini(&left);
        profile_table_fini(&right);
    }
}
END_TEST

static uint64_t all_packets(const struct profile *profile, enum profile_view view,
                            enum profile_dimension dimension)
{
    uint64_t others;
    (void)profile_top(profile, view, dimension, PROFILE_BY_PACKETS, NULL, 0, &others);
    return others;
}

/* 90,000 AS numbers in two halves that overlap: those of the lowest rank stay, whole. */
START_TEST(a_dimension_past_its_limit_loses_no_packet)
{
    enum { AS = 90000 };
    struct tallies tallies;
    struct profile_table halves[2] = {0}, whole = {0};
    uint64_t refused = 0, packets = 0;
    tallies_init(&tallies, PROFILE_ROWS_MAX, NULL, KEY);
    for (unsigned half = 0; half < 3; half++) {
        for (uint32_t pass = 0; pass < 3; pass++)
            for (uint32_t as = half == 1 ? AS / 4 : 0; as < (half == 0 ? AS / 2 : AS); as++)
                tallies_add(&tallies, as * 7, 1 + as % 3);
        struct profile_table *table = half < 2 ? &halves[half] : &whole;
        ck_assert(tallies_table(&tallies, NULL, table));
        ck_assert_uint_le(table->n, PROFILE_ROWS_MAX);
        packets += half < 2 ? profile_table_packets(table) + table->others : 0;
        tallies_clear(&tallies);
    }
    ck_assert(profile_table_merge(&halves[0], &halves[1], PROFILE_ROWS_MAX, &refused));
    ck_assert_uint_eq(halves[0].n, PROFILE_ROWS_MAX);
    ck_assert_uint_eq(whole.n, PROFILE_ROWS_MAX);
    ck_assert_uint_eq(profile_table_packets(&halves[0]) + halves[0].others, packets);
    for (uint32_t i = 0; i < whole.n; i++) {
        ck_assert_uint_eq(whole.keys[i], halves[0].keys[i]);
        uint32_t as = whole.keys[i] / 7, times = as >= AS / 4 && as < AS / 2 ? 2 : 1;
        ck_assert_uint_eq(halves[0].packets[i], times * whole.packets[i]);
        ck_assert_uint_eq(whole.packets[i], 3 * (1 + as % 3));
    }
    tallies_fini(&tallies);
    profile_table_fini(&halves[0]);
    profile_table_fini(&halves[1]);
    profile_table_fini(&whole);
}
END_TEST

/* More keys than twice the limit: what was cut never comes back. */
START_TEST(tallies_keep_the_lowest_ranks_complete)
{
    enum { KEYS = 300000 };
    struct tallies tallies;
    struct profile_table table = {0};
    tallies_init(&tallies, PROFILE_ROWS_MAX, NULL, KEY);
    for (uint32_t pass = 0; pass < 2; pass++)
        for (uint32_t key = 0; key < KEYS; key++)
            tallies_add(&tallies, key, 5);
    ck_assert(tallies_table(&tallies, NULL, &table));
    ck_assert_uint_eq(table.n, PROFILE_ROWS_MAX);
    uint64_t highest = 0;
    size_t lower = 0;
    for (uint32_t i = 0; i < table.n; i++) {
        ck_assert_uint_eq(table.packets[i], 10);
        uint64_t rank = profile_table_rank(table.keys[i]);
        highest = rank > highest ? rank : highest;
    }
    for (uint32_t key = 0; key < KEYS; key++)
        lower += profile_table_rank(key) <= highest;
    ck_assert_uint_eq(lower, PROFILE_ROWS_MAX);
    ck_assert_uint_eq(table.others, 10 * (uint64_t)(KEYS - PROFILE_ROWS_MAX));
    tallies_fini(&tallies);
    profile_table_fini(&table);
}
END_TEST

/* Sources of one shard: 30 busy ones among many of one packet. */
START_TEST(a_full_shard_keeps_the_busy_sources)
{
    enum { SOURCES = 3 * STEP_SHARD_SOURCES_MAX, BUSY = 30 };
    struct step *step = step_new(NULL, KEY);
    uint64_t packets = 0;
    uint32_t busy[BUSY], found = 0;
    for (uint32_t v4 = 1; found < SOURCES; v4++) {
        struct event event = {.address.v4 = v4, .port = v4 % 50, .in = {true, v4 % 3 == 0}};
        if (shard_of4(v4) != 5)
            continue;
        if (found < BUSY)
            busy[found] = v4;
        found++;
        add_event(step, &event);
        packets++;
        for (unsigned i = 0; i < BUSY && found % 100 == 0; i++, packets++)
            add_event(step, &(struct event){.address.v4 = busy[i], .in = {true, false}});
    }
    struct profile *profile = step_build(step);
    ck_assert_uint_le(profile_count(profile, PROFILE_ALL, PROFILE_SRC), STEP_SHARD_SOURCES_MAX);
    struct profile_row rows[BUSY];
    uint64_t others;
    ck_assert_uint_eq(
        profile_top(profile, PROFILE_ALL, PROFILE_SRC, PROFILE_BY_PACKETS, rows, BUSY, &others),
        BUSY);
    for (unsigned i = 0; i < BUSY; i++) {
        ck_assert_uint_eq(rows[i].address.v4, busy[i]);
        ck_assert_uint_eq(rows[i].packets, 1 + SOURCES / 100);
    }
    ck_assert_uint_gt(profile->refused, 0);
    ck_assert_uint_eq(all_packets(profile, PROFILE_ALL, PROFILE_SRC), packets);
    ck_assert_uint_eq(all_packets(profile, PROFILE_ALL, PROFILE_CC), packets);
    ck_assert_uint_eq(all_packets(profile, PROFILE_ALL, PROFILE_ASN), packets);
    ck_assert_uint_eq(all_packets(profile, PROFILE_ALL, PROFILE_TCP), packets);
    ck_assert_uint_eq(all_packets(profile, PROFILE_ALL, PROFILE_CC_TCP), packets);
    uint64_t count = profile_sketch_count(profile, PROFILE_SCAN_SOURCES);
    ck_assert_uint_ge(count, SOURCES / 20 * 19); /* evicted ones are in the sketches */
    profile_free(profile);
    step_free(step);
}
END_TEST

START_TEST(closing_keeps_the_busiest_and_all_packets)
{
    enum { SOURCES = 40000 };
    struct random random = random_seeded("closing");
    struct step *step = step_new(NULL, KEY);
    uint64_t packets = 0;
    for (unsigned i = 0; i < SOURCES; i++) {
        struct event event = {.address.v4 = 0x0a000000 + i, .port = 1, .in = {true, false}};
        if (i % 7 == 0)
            event.address = (struct address){.is6 = true, .v6 = {1, i}};
        for (uint64_t n = 1 + random_below(&random, 4); n > 0; n--, packets++)
            add_event(step, &event);
    }
    struct profile *profile = step_build(step);
    struct profile_row *before = calloc(SOURCES, sizeof *before);
    struct profile_row *after = calloc(SOURCES, sizeof *after);
    uint64_t others;
    ck_assert_uint_eq(profile_top(profile, PROFILE_ALL, PROFILE_SRC, PROFILE_BY_PACKETS, before,
                                  SOURCES, &others),
                      SOURCES);
    size_t bytes = profile_bytes(profile);
    profile_close(profile);
    ck_assert_uint_lt(profile_bytes(profile), bytes);
    ck_assert_uint_eq(profile_count(profile, PROFILE_ALL, PROFILE_SRC),
                      PROFILE_CLOSED_SOURCES_MAX);
    size_t n = profile_top(profile, PROFILE_ALL, PROFILE_SRC, PROFILE_BY_PACKETS, after,
                           SOURCES, &others);
    ck_assert_uint_eq(n, PROFILE_CLOSED_SOURCES_MAX);
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(address_compare(&before[i].address, &after[i].address), 0);
        ck_assert_uint_eq(before[i].packets, after[i].packets);
    }
    ck_assert_uint_eq(all_packets(profile, PROFILE_ALL, PROFILE_SRC), packets);
    ck_assert_uint_eq(profile->refused, 0);
    profile_close(profile); /* again: nothing more to do */
    ck_assert_uint_eq(profile_count(profile, PROFILE_ALL, PROFILE_SRC), n);
    free(before);
    free(after);
    profile_free(profile);
    step_free(step);
}
END_TEST

/* A step that was cleared counts as a new one does. */
START_TEST(a_cleared_step_is_a_new_one)
{
    struct random random = random_seeded("cleared");
    struct event events[3000];
    for (unsigned i = 0; i < 3000; i++)
        events[i] = random_event(&random, 700);
    struct step *step = step_new(NULL, KEY);
    for (unsigned i = 0; i < 3000; i++)
        add_event(step, &events[i]);
    step_clear(step);
    step->start_s = STREAM_START_S;
    for (unsigned i = 0; i < 100; i++)
        add_event(step, &events[i]);
    struct profile *again = step_build(step), *expected = profile_of(events, 100);
    same_bytes(again, expected);
    profile_free(again);
    profile_free(expected);
    step_free(step);
}
END_TEST

START_TEST(a_source_without_a_row_is_in_all_but_the_sources)
{
    struct step *step = step_new(NULL, KEY);
    struct address address = {.v4 = 0x01020304};
    struct place place = {"JP", 2500};
    step->packets[PROFILE_SCAN_SOURCES] = 1;
    step_count_alone(step, &address, place, 23, (const bool[PROFILE_VIEW_COUNT_]){true, false});
    struct profile *profile = step_build(step);
    struct profile_row row;
    uint64_t others;
    ck_assert_uint_eq(
        profile_top(profile, PROFILE_ALL, PROFILE_SRC, PROFILE_BY_PACKETS, &row, 1, &others),
        0);
    ck_assert_uint_eq(others, 1);
    ck_assert_uint_eq(
        profile_top(profile, PROFILE_ALL, PROFILE_CC, PROFILE_BY_SOURCES, &row, 1, &others), 1);
    ck_assert_uint_eq(row.key, 'J' << 8 | 'P');
    ck_assert_uint_eq(row.sources, 1);
    ck_assert_uint_eq(
        profile_top(profile, PROFILE_ALL, PROFILE_CC_TCP, PROFILE_BY_PACKETS, &row, 1, &others),
        1);
    ck_assert_uint_eq(row.key, ('J' << 8 | 'P') << 16 | 23);
    ck_assert_uint_eq(profile_count(profile, PROFILE_IOT, PROFILE_TCP), 0);
    ck_assert_uint_eq(profile_sketch_count(profile, PROFILE_SCAN_SOURCES), 1);
    ck_assert_uint_eq(profile->refused, 1);
    profile_free(profile);
    step_free(step);
}
END_TEST

START_TEST(a_run_longer_than_its_counter_is_whole)
{
    enum { PACKETS = 200000 };
    struct step *step = step_new(NULL, KEY);
    for (unsigned i = 0; i < PACKETS; i++)
        add_event(step, &(struct event){.port = 23, .in = {true, i % 2}});
    struct profile *profile = step_build(step);
    ck_assert_uint_eq(all_packets(profile, PROFILE_ALL, PROFILE_TCP), PACKETS);
    ck_assert_uint_eq(all_packets(profile, PROFILE_IOT, PROFILE_TCP), PACKETS / 2);
    ck_assert_uint_eq(all_packets(profile, PROFILE_IOT, PROFILE_SRC), PACKETS / 2);
    profile_free(profile);
    step_free(step);
}
END_TEST

/* Bytes: what is loaded is what was saved, and a profile that goes on merging. */
START_TEST(saved_profiles_load_as_they_were)
{
    enum { EVENTS = 4000 };
    struct random random = random_seeded("save");
    struct event *events = calloc(EVENTS, sizeof *events);
    for (unsigned i = 0; i < EVENTS; i++)
        events[i] = random_event(&random, 600);
    struct profile *profile = profile_of(events, EVENTS);
    size_t n;
    uint8_t *bytes = profile_save(profile, &n);
    struct profile *loaded = profile_load(bytes, n);
    ck_assert_ptr_nonnull(loaded);
    check_all(loaded, events, EVENTS);
    ck_assert_int_eq(loaded->start_s, STREAM_START_S);
    ck_assert_uint_eq(loaded->span_s, PROFILE_STEP_S);
    ck_assert_uint_eq(profile_bytes(loaded), profile_bytes(profile));
    ck_assert_int_eq(profile_merge(loaded, profile), 0);
    ck_assert_int_eq(profile_merge(profile, profile), 0); /* with itself */
    same_bytes(loaded, profile);
    profile_free(loaded);
    profile_free(profile);
    free(bytes);
    free(events);
}
END_TEST

START_TEST(damaged_bytes_are_refused)
{
    struct random random = random_seeded("damage");
    struct event events[200];
    for (unsigned i = 0; i < 200; i++)
        events[i] = random_event(&random, 50);
    struct profile *profile = profile_of(events, 200);
    size_t n;
    uint8_t *bytes = profile_save(profile, &n);
    for (unsigned round = 0; round < 400; round++) {
        size_t at = random_below(&random, n);
        uint8_t change = (uint8_t)(1 + random_below(&random, 255));
        bytes[at] ^= change;
        ck_assert_ptr_null(profile_load(bytes, n));
        bytes[at] ^= change;
        ck_assert_ptr_null(profile_load(bytes, random_below(&random, n)));
    }
    struct profile *loaded = profile_load(bytes, n);
    ck_assert_ptr_nonnull(loaded);
    profile_free(loaded);
    profile_free(profile);
    free(bytes);
}
END_TEST

START_TEST(dense_strings_have_the_layout_redis_has)
{
    uint8_t registers[PROFILE_SKETCH_REGISTERS] = {0}, string[PROFILE_SKETCH_BYTES];
    registers[0] = 1;
    registers[1] = 51;
    registers[16383] = 63;
    profile_sketch_encode(registers, string);
    ck_assert_mem_eq(string, "HYLL\0\0\0\0\0\0\0\0\0\0\0\x80", 16);
    ck_assert_uint_eq(string[16], (1 | 51 << 6) & 255);
    ck_assert_uint_eq(string[17], 51 >> 2);
    ck_assert_uint_eq(string[12303], 63 << 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("profile");
    TCase *tests = tcase_create("profile");
    tcase_set_timeout(tests, 240);
    tcase_add_test(tests, any_merge_tree_equals_a_naive_count);
    tcase_add_test(tests, an_empty_profile_is_neutral);
    tcase_add_test(tests, merging_past_the_limit_is_associative);
    tcase_add_test(tests, a_dimension_past_its_limit_loses_no_packet);
    tcase_add_test(tests, tallies_keep_the_lowest_ranks_complete);
    tcase_add_test(tests, a_full_shard_keeps_the_busy_sources);
    tcase_add_test(tests, closing_keeps_the_busiest_and_all_packets);
    tcase_add_test(tests, a_cleared_step_is_a_new_one);
    tcase_add_test(tests, a_source_without_a_row_is_in_all_but_the_sources);
    tcase_add_test(tests, a_run_longer_than_its_counter_is_whole);
    tcase_add_test(tests, saved_profiles_load_as_they_were);
    tcase_add_test(tests, damaged_bytes_are_refused);
    tcase_add_test(tests, dense_strings_have_the_layout_redis_has);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
