/* What profiles cost: replays a capture in one thread with and without them.
 *
 *   profile_bench SIGNATURES on|off FILE...    prints ns of processor time a packet, and what a
 *                                              closed step weighs
 *
 * Places are made up from the address: 200 countries, 20,000 AS. */
#include "state/evidence.h"
#include "state/profile_table.h"

#include <nightscope/analysis.h>
#include <nightscope/profile.h>
#include <nightscope/source.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct place made_up(void *context, const struct address *address)
{
    (void)context;
    uint64_t hash = hash_u64(address->is6 ? address->v6.hi : address->v4 >> 10, HASH_FIXED);
    unsigned cc = (uint32_t)hash % 200;
    return (struct place){{(char)('A' + cc / 26), (char)('A' + cc % 26), 0},
                          1 + (uint32_t)(hash >> 32) % 20000};
}

static void no_name(void *context, const struct address *address, char *buf, size_t cap)
{
    (void)context;
    (void)address;
    if (cap)
        buf[0] = '\0';
}

static double processor_time(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

struct sums {
    uint64_t packets, saved;
    size_t steps, bytes, bytes_whole, sources, ports;
    double closing_s;
};

static void take(struct analysis *analysis, struct sums *sums)
{
    for (struct profile *next, *profile = analysis_take_profiles(analysis); profile;
         profile = next) {
        next = profile->next;
        double start = processor_time();
        sums->steps++;
        sums->bytes_whole += profile_bytes(profile);
        sums->sources += profile_count(profile, PROFILE_ALL, PROFILE_SRC);
        sums->ports += profile_count(profile, PROFILE_ALL, PROFILE_TCP) +
                       profile_count(profile, PROFILE_ALL, PROFILE_UDP);
        profile_close(profile);
        sums->bytes += profile_bytes(profile);
        sums->closing_s += processor_time() - start;
        size_t n = 0;
        free(profile_save(profile, &n));
        sums->saved += n;
        profile_free(profile);
    }
    for (struct window *next, *window = analysis_take_closed(analysis); window; window = next) {
        next = window->next;
        window_free(window);
    }
}

int main(int argc, char **argv)
{
    static const struct locator LOCATOR = {made_up, no_name, NULL};
    static const struct decode_config DECODE;
    static struct signature_errors errors;
    static struct batch batch;
    struct signature_set *set = signature_set_new();
    if (argc < 4 || !set || signature_set_load(set, argv[1], &errors) != 0)
        return 2;
    struct evidence_plan *plan =
        evidence_plan_new(&(struct evidence_config){.signatures = set, .alpha = 1e-9});
    struct analysis *analysis = analysis_new(&(struct analysis_config){
        .sources_max = 1 << 22,
        .lateness_ns = 60 * INT64_C(1000000000),
        .table_key = {1, 2},
        .locator = &LOCATOR,
        .evidence = plan,
        .evidence_s = 86400,
        .profiles = strcmp(argv[2], "on") == 0,
    });
    struct matcher *matcher = matcher_new(set);
    struct matches *matches = matches_new(set);
    struct replay *replay = replay_new(
        &(struct replay_config){
            .lateness_ns = 60 * INT64_C(1000000000), .decode = &DECODE, .open_max = 64},
        (const char *const *)argv + 3, (unsigned)argc - 3);
    struct chunk *chunk = chunk_new();
    if (!plan || !analysis || !matcher || !matches || !replay || !chunk)
        return 1;
    struct sums sums = {0};
    double start = processor_time();
    while (replay_next(replay, chunk)) {
        for (unsigned at = 0; at < chunk->n; at += BATCH_CAP) {
            unsigned n = chunk->n - at < BATCH_CAP ? chunk->n - at : BATCH_CAP;
            decode_batch(&DECODE, chunk->frames + at, n, &batch);
            matcher_run(matcher, &batch, matches);
            analysis_add(analysis, &batch, matches);
            sums.packets += batch.n;
        }
        take(analysis, &sums);
        chunk_release(replay, chunk);
    }
    analysis_finish(analysis);
    take(analysis, &sums);
    double seconds = processor_time() - start;
    printf("%.1f ns a packet, %zu steps", seconds * 1e9 / (double)sums.packets, sums.steps);
    if (sums.steps)
        printf(", each %zu sources, %zu ports, %zu bytes, closed %zu, saved %llu, %.1f ms to "
               "close",
               sums.sources / sums.steps, sums.ports / sums.steps,
               sums.bytes_whole / sums.steps, sums.bytes / sums.steps,
               (unsigned long long)sums.saved / sums.steps,
               sums.closing_s * 1e3 / (double)sums.steps);
    printf("\n");
    chunk_free(chunk);
    replay_free(replay);
    matches_free(matches);
    matcher_free(matcher);
    analysis_free(analysis);
    evidence_plan_free(plan);
    signature_set_free(set);
    return 0;
}
