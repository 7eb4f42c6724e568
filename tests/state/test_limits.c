/* Limits: they hold, what they refuse is counted, and totals are conserved. */
#include "stream.h"

#include "state/state.h"

#include <math.h>
#include <sys/resource.h>

static struct analysis *make(uint64_t sources_max, int64_t lateness_s)
{
    struct analysis_config config = {.sources_max = sources_max,
                                     .lateness_ns = lateness_s * SECOND,
                                     .table_key = {3, 4},
                                     .locator = &TEST_LOCATOR};
    struct analysis *analysis = analysis_new(&config);
    ck_assert_ptr_nonnull(analysis);
    return analysis;
}

/* One scan of TCP port 23. */
static struct packet syn(uint32_t src, uint32_t dst, int64_t at_s)
{
    return (struct packet){.ts_ns = at_s * SECOND,
                           .now_min = (uint32_t)(at_s / 60),
                           .counted = true,
                           .src = src,
                           .dst = dst,
                           .class = CLASS_SCAN,
                           .ip_proto = 6,
                           .tcp_flags = 2,
                           .dstport = 23,
                           .ip_len = 40};
}

static void add_one(struct analysis *analysis, struct packet packet)
{
    static struct batch batch;
    batch_clear(&batch);
    batch_put(&batch, &packet);
    analysis_add(analysis, &batch, NULL);
}

static void free_windows(struct window *window)
{
    while (window) {
        struct window *next = window->next;
        window_free(window);
        window = next;
    }
}

static struct report *finish(struct analysis *analysis)
{
    struct report_input input = {.top = 5, .locator = &TEST_LOCATOR};
    struct report *report = report_new(analysis, &input);
    ck_assert_ptr_nonnull(report);
    return report;
}

START_TEST(a_flood_of_sources_stays_in_bounds)
{
    enum { MAX = 64 * 40, FLOOD = 200000 };
    struct analysis *analysis = make(MAX, 60);
    struct batch *batch = calloc(1, sizeof *batch);
    size_t bytes = 0;
    for (uint32_t i = 0; i < FLOOD; i++) {
        struct packet packet = syn(i * 2654435761U, i, STREAM_START_S + i / 1000);
        batch_put(batch, &packet);
        if (batch->n == BATCH_CAP || i + 1 == FLOOD) {
            analysis_add(analysis, batch, NULL);
            batch_clear(batch);
        }
        if (i == FLOOD / 4)
            bytes = analysis_bytes(analysis);
    }
    free(batch);
    uint64_t held = 0;
    for (unsigned i = 0; i < SHARD_COUNT; i++) {
        ck_assert_uint_le(shard_rows(&analysis->shards[i]), MAX / SHARD_COUNT);
        held += shard_rows(&analysis->shards[i]);
    }
    ck_assert_uint_le(analysis_bytes(analysis), bytes + (1 << 16));
    struct report *report = finish(analysis);
    ck_assert_uint_eq(report->limits.sources_evicted, FLOOD - held); /* none came back */
    ck_assert_uint_eq(report->limits.sources_max, MAX);
    ck_assert_uint_eq(report->counts[COUNT_packets], FLOOD);
    ck_assert_uint_eq(report->scan.ports.rows[0].packets, FLOOD);
    ck_assert(report->sources_estimated && report->class_sources_estimated);
    ck_assert_double_le(fabs((double)report->sources - FLOOD), 0.04 * FLOOD);
    uint64_t in_countries = 0, sources = 0;
    for (size_t i = 0; i < report->scan.countries.n; i++) {
        in_countries += report->scan.countries.rows[i].packets;
        sources += report->scan.countries.rows[i].sources;
    }
    ck_assert_uint_eq(in_countries, FLOOD);
    ck_assert_uint_eq(sources, FLOOD);
    report_free(report);
    analysis_free(analysis);
}
END_TEST

/* A source that comes back after it was evicted counts twice; whatever counts it says so. */
START_TEST(what_counts_sources_again_is_estimated)
{
    enum { EACH = 8, ROUNDS = 3 };
    struct analysis *analysis = make(64 * EACH, 60);
    uint32_t sources[2 * EACH], n = 0;
    for (uint32_t src = 1; n < 2 * EACH; src++)
        if (shard_of4(src) == 5)
            sources[n++] = src;
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned i = 0; i < 2 * EACH; i++)
            add_one(analysis, syn(sources[i], 1, STREAM_START_S + round * 20 + i));
    struct report *report = finish(analysis);
    uint64_t in_countries = 0;
    for (size_t i = 0; i < report->scan.countries.n; i++) {
        in_countries += report->scan.countries.rows[i].sources;
        ck_assert(report->scan.countries.rows[i].sources_estimated);
    }
    ck_assert_uint_gt(in_countries, 2 * EACH);
    ck_assert(report->scan.asns.rows[0].sources_estimated);
    ck_assert(report->scan.sources_estimated && report->backscatter.sources_estimated);
    ck_assert_uint_eq(report->sources, 2 * EACH);
    report_free(report);
    analysis_free(analysis);
}
END_TEST

/* In a full shard those go that have been silent longest, then those that sent least, then the
 * lowest addresses. */
START_TEST(eviction_takes_the_least_evidence)
{
    enum { EACH = 16 };
    struct analysis *analysis = make(64 * EACH, 60);
    uint32_t sources[EACH + 1], n = 0;
    for (uint32_t src = 1; n <= EACH; src++)
        if (shard_of4(src) == 5)
            sources[n++] = src;
    for (unsigned i = 0; i < EACH; i++) {
        add_one(analysis, syn(sources[i], 1, STREAM_START_S + 10));
        if (i != 3 && i != 9 && i != 12) /* one packet each, others two */
            add_one(analysis, syn(sources[i], 2, STREAM_START_S + 10));
    }
    add_one(analysis, syn(sources[3], 3, STREAM_START_S + 20)); /* later than all */
    add_one(analysis, syn(sources[EACH], 1, STREAM_START_S + 30));
    const struct table *table = &analysis->shards[5].tables[0];
    ck_assert_uint_eq(analysis->sources_evicted, 2);
    ck_assert_uint_eq(table->n, EACH - 1);
    for (uint32_t row = 0; row < table->n; row++) {
        ck_assert_uint_ne(table->rows[row].key, sources[9]);
        ck_assert_uint_ne(table->rows[row].key, sources[12]);
    }
    analysis_free(analysis);
}
END_TEST

START_TEST(counters_carry_past_32_bits)
{
    struct analysis *analysis = make(1 << 12, 60);
    uint32_t victim = 77;
    add_one(analysis, syn(victim, 1, STREAM_START_S));
    struct table *table = &analysis->shards[shard_of4(victim)].tables[0];
    table->rows[0].counters[CANDIDATE_SYN] = UINT32_MAX - 1;
    table->rows[0].counters[COUNTER_SCAN] = UINT32_MAX - 1;
    for (unsigned i = 0; i < 5; i++)
        add_one(analysis, syn(victim, 1, STREAM_START_S));
    struct report *report = finish(analysis);
    ck_assert_uint_eq(report->scan.top_sources.rows[0].packets, (1ULL << 32) + 3);
    ck_assert_uint_eq(report->scan.countries.rows[0].packets, (1ULL << 32) + 3);
    report_free(report);
    struct analysis *other = make(1 << 12, 60);
    add_one(other, syn(victim, 1, STREAM_START_S));
    ck_assert_int_eq(analysis_merge(other, analysis), 0);
    report = finish(other);
    ck_assert_uint_eq(report->scan.top_sources.rows[0].packets, (1ULL << 32) + 4);
    report_free(report);
    report = finish(analysis); /* merged away: nothing is left */
    ck_assert_uint_eq(report->sources, 0);
    ck_assert_uint_eq(report->scan.ports.n, 0);
    ck_assert_uint_eq(report->destinations, 0);
    report_free(report);
    analysis_free(other);
    analysis_free(analysis);
}
END_TEST

/* The carries move with their rows when others are evicted. */
START_TEST(carries_survive_eviction_of_others)
{
    struct table table;
    static const uint64_t key[2] = {1, 2};
    table_init(&table, false);
    for (uint32_t i = 0; i < 20; i++) {
        uint64_t hash = table_hash4(hash_u64(i, HASH_FIXED), key);
        ck_assert_uint_eq(table_insert(&table, key, hash, i, NULL), i);
        if (i % 3 == 0)
            ck_assert(table_counter_add(&table, i, (enum counter)CANDIDATE_UDP,
                                        ((uint64_t)i << 32) + 7));
        table.rows[i].drop = i % 2;
    }
    table_compact(&table, key);
    ck_assert_uint_eq(table.n, 10);
    for (uint32_t i = 0; i < 20; i++) {
        uint64_t hash = table_hash4(hash_u64(i, HASH_FIXED), key);
        uint32_t row = table_find(&table, hash, i, NULL);
        ck_assert_int_eq(row == TABLE_NO_ROW, i % 2);
        if (row != TABLE_NO_ROW)
            ck_assert_uint_eq(table_counter(&table, row, (enum counter)CANDIDATE_UDP),
                              i % 3 ? 0 : ((uint64_t)i << 32) + 7);
    }
    table_fini(&table);
}
END_TEST

/* Sources of one hash fill group after group of the index, past its end and on at its start;
 * others of the same group are not found among them. */
START_TEST(full_groups_go_on_in_the_next)
{
    enum { SAME = 300 };
    struct table table;
    static const uint64_t key[2] = {1, 2};
    uint64_t hash = ~(uint64_t)0; /* the last group */
    table_init(&table, false);
    for (uint32_t i = 0; i < SAME; i++) {
        ck_assert_uint_eq(table_find(&table, hash, i, NULL), TABLE_NO_ROW);
        ck_assert_uint_eq(table_insert(&table, key, hash, i, NULL), i);
    }
    ck_assert_uint_eq(table.slots_cap % TABLE_GROUP, 0);
    ck_assert_uint_ne(table.slots[0], 0);
    for (uint32_t i = 0; i < SAME; i++) {
        ck_assert_uint_eq(table_find(&table, hash, i, NULL), i);
        ck_assert_uint_eq(table_find(&table, hash ^ 1, i, NULL), TABLE_NO_ROW);
    }
    ck_assert_uint_eq(table_probable_row(&table, table_slot(&table, hash), hash), 0);
    table_fini(&table);
}
END_TEST

/* Sources at random, with growth of the index and rows taken out, against a plain list. */
START_TEST(the_index_finds_what_was_inserted)
{
    enum { ADDRESSES = 6000, ROUNDS = 4 };
    struct random random = random_seeded("index");
    const uint64_t key[2] = {random_next(&random), random_next(&random)};
    static bool there[ADDRESSES];
    struct table table;
    table_init(&table, false);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < ADDRESSES; i++) {
            uint32_t address = (uint32_t)random_below(&random, ADDRESSES);
            uint64_t hash = table_hash4(hash_u64(address, HASH_FIXED), key);
            uint32_t row = table_find(&table, hash, address, NULL);
            ck_assert_int_eq(row != TABLE_NO_ROW, there[address]);
            if (row != TABLE_NO_ROW)
                ck_assert_uint_eq(table.rows[row].key, address);
            else
                ck_assert_uint_eq(table_insert(&table, key, hash, address, NULL), table.n - 1);
            there[address] = true;
        }
        for (uint32_t row = 0; row < table.n; row++) {
            table.rows[row].drop = random_below(&random, 3) == 0;
            there[table.rows[row].key] &= !table.rows[row].drop;
        }
        table_compact(&table, key);
    }
    table_fini(&table);
}
END_TEST

START_TEST(destinations_are_exact_to_4096_pages_in_the_union)
{
    for (unsigned extra = 0; extra < 2; extra++) {
        struct analysis *a = make(1 << 12, 60), *b = make(1 << 12, 60);
        for (uint32_t page = 0; page < 4096 + extra; page++)
            add_one(page % 2 ? a : b, syn(1 + page % 2, page << 16 | 5, STREAM_START_S));
        ck_assert_int_eq(analysis_merge(a, b), 0);
        struct report *report = finish(a);
        ck_assert_int_eq(report->destinations_estimated, extra);
        double error = fabs((double)report->destinations - (4096 + extra));
        ck_assert_double_le(error, extra ? 0.04 * 4096 : 0);
        report_free(report);
        analysis_free(a);
        analysis_free(b);
    }
}
END_TEST

START_TEST(ipv6_destinations_are_exact_to_65536)
{
    static const uint64_t key[2] = {8, 9};
    struct destinations *set = malloc(sizeof *set), *half = malloc(sizeof *half);
    ck_assert(destinations_init(set, NULL) && destinations_init(half, NULL));
    for (uint64_t i = 0; i < 65536; i++) /* i = 0 is ::, apart from the slots */
        destinations_add6(i % 2 ? set : half, (struct ip6){0, i}, key);
    destinations_merge(set, half, key);
    bool estimated;
    ck_assert_uint_eq(destinations_count(set, &estimated), 65536);
    ck_assert(!estimated);
    for (uint64_t i = 0; i < 3; i++)
        destinations_add6(set, (struct ip6){7, i}, key);
    double count = (double)destinations_count(set, &estimated);
    ck_assert(estimated);
    ck_assert_double_le(fabs(count - 65539), 0.04 * 65539);
    destinations_fini(set);
    destinations_fini(half);
    free(set);
    free(half);
}
END_TEST

START_TEST(few_minutes_are_open_however_time_jumps)
{
    struct analysis *analysis = make(1 << 12, 60);
    for (unsigned i = 0; i < 500; i++)
        add_one(analysis, syn(1, 1, STREAM_START_S + (int64_t)i * 86400));
    unsigned open = 0;
    for (const struct window *window = analysis->windows.open; window; window = window->next)
        open++;
    ck_assert_uint_le(open, 4);
    analysis_finish(analysis);
    struct window *closed = analysis_take_closed(analysis);
    unsigned n = 0;
    for (const struct window *window = closed; window; window = window->next) {
        ck_assert_int_eq(window->start_s, STREAM_START_S + (int64_t)n++ * 86400);
        ck_assert_uint_eq(window->counts[COUNT_packets], 1);
        ck_assert_uint_eq(window->counts[COUNT_sources], 1);
    }
    ck_assert_uint_eq(n, 500);
    free_windows(closed);
    analysis_free(analysis);
}
END_TEST

START_TEST(a_minute_ends_at_its_last_nanosecond_and_never_reopens)
{
    struct analysis *analysis = make(1 << 12, 60);
    struct packet packet = syn(1, 1, STREAM_START_S);
    packet.ts_ns += 60 * SECOND - 1;
    add_one(analysis, packet);
    packet.ts_ns += 1;
    packet.now_min += 1;
    add_one(analysis, packet);
    analysis_advance(analysis, (STREAM_START_S + 120) * SECOND - 1);
    ck_assert_ptr_null(analysis_take_closed(analysis));
    analysis_advance(analysis, (STREAM_START_S + 120) * SECOND);
    struct window *closed = analysis_take_closed(analysis);
    ck_assert_ptr_nonnull(closed);
    ck_assert_ptr_null(closed->next);
    ck_assert_int_eq(closed->start_s, STREAM_START_S);
    ck_assert_uint_eq(closed->counts[COUNT_packets], 1);
    ck_assert_uint_eq(window_dports(closed), 1);
    free_windows(closed);
    packet = syn(1, 1, STREAM_START_S); /* of the closed minute, and nobody said late */
    packet.now_min += 2;
    add_one(analysis, packet);
    analysis_finish(analysis);
    closed = analysis_take_closed(analysis);
    ck_assert_int_eq(closed->start_s, STREAM_START_S + 60);
    ck_assert_uint_eq(closed->next->counts[COUNT_packets], 0);
    ck_assert_uint_eq(closed->next->counts[COUNT_late], 1);
    free_windows(closed);
    analysis_free(analysis);
}
END_TEST

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* Without memory for more, sources are evicted or refused, and every packet still counts. */
START_TEST(refused_memory_is_counted_and_totals_hold)
{
    enum { FLOOD = 400000 };
    struct analysis *analysis = make(1 << 24, 60);
    struct batch *batch = calloc(1, sizeof *batch);
    struct rlimit old, tight;
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &old), 0);
    tight = old;
    for (uint32_t i = 0; i < FLOOD; i++) {
        struct packet packet = syn(i * 2654435761U, i, STREAM_START_S);
        batch_put(batch, &packet);
        if (batch->n < BATCH_CAP && i + 1 < FLOOD)
            continue;
        analysis_add(analysis, batch, NULL);
        batch_clear(batch);
        if (i < 100000 || tight.rlim_cur == 1)
            continue;
        tight.rlim_cur = 1; /* nothing new from here on */
        ck_assert_int_eq(setrlimit(RLIMIT_AS, &tight), 0);
    }
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &old), 0);
    struct report *report = finish(analysis);
    ck_assert_uint_gt(report->limits.memory_refused, 0);
    ck_assert(report->sources_estimated);
    ck_assert_uint_eq(report->counts[COUNT_packets], FLOOD);
    ck_assert_uint_eq(report->scan.ports.rows[0].packets, FLOOD);
    ck_assert_double_le(fabs((double)report->sources - FLOOD), 0.04 * FLOOD);
    report_free(report);
    free(batch);
    analysis_free(analysis);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("limits");
    TCase *tests = tcase_create("limits");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, a_flood_of_sources_stays_in_bounds);
    tcase_add_test(tests, what_counts_sources_again_is_estimated);
    tcase_add_test(tests, eviction_takes_the_least_evidence);
    tcase_add_test(tests, counters_carry_past_32_bits);
    tcase_add_test(tests, carries_survive_eviction_of_others);
    tcase_add_test(tests, full_groups_go_on_in_the_next);
    tcase_add_test(tests, the_index_finds_what_was_inserted);
    tcase_add_test(tests, destinations_are_exact_to_4096_pages_in_the_union);
    tcase_add_test(tests, ipv6_destinations_are_exact_to_65536);
    tcase_add_test(tests, few_minutes_are_open_however_time_jumps);
    tcase_add_test(tests, a_minute_ends_at_its_last_nanosecond_and_never_reopens);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    tcase_add_test(tests, refused_memory_is_counted_and_totals_hold);
#endif
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
