/* Nanoseconds a packet of each step of the thread that reads ahead: framing, decoding,
 * matching, preparing.
 *
 *   reader_bench SIGNATURES ROUNDS FILE      the fastest round of each step, and their sum
 *
 * Nothing is counted, so what the thread that counts does to caches is not in it. */
#include "state/evidence.h"

#include <nightscope/analysis.h>
#include <nightscope/source.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SLOTS = 16 }; /* as many batches as are under way in a replay */

enum part { READ, DECODE, MATCH, PREPARE, PARTS };
static const char *const NAMES[PARTS] = {"read", "decode", "match", "prepare"};

struct slot {
    struct batch batch;
    struct matches *matches;
    struct prepared *prepared;
};

struct bench {
    struct signature_set *set;
    struct evidence_plan *plan;
    struct matcher *matcher;
    struct slot *slots[SLOTS];
    double best_ns[PARTS];
};

static double now_ns(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* Adds the time since *at, and moves it. */
static void lap(double *ns, double *at)
{
    double now = now_ns();
    *ns += now - *at;
    *at = now;
}

static bool setup(struct bench *bench, const char *signatures)
{
    static struct signature_errors errors;
    bench->set = signature_set_new();
    if (!bench->set || signature_set_load(bench->set, signatures, &errors) != 0)
        return false;
    bench->plan =
        evidence_plan_new(&(struct evidence_config){.signatures = bench->set, .alpha = 1e-9});
    bench->matcher = matcher_new(bench->set);
    for (unsigned i = 0; i < SLOTS; i++) {
        if (!(bench->slots[i] = calloc(1, sizeof *bench->slots[i])))
            return false;
        bench->slots[i]->matches = matches_new(bench->set);
        bench->slots[i]->prepared = prepared_new();
        if (!bench->slots[i]->matches || !bench->slots[i]->prepared)
            return false;
    }
    for (unsigned part = 0; part < PARTS; part++)
        bench->best_ns[part] = 1e9;
    return bench->plan && bench->matcher;
}

static void teardown(struct bench *bench)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        matches_free(bench->slots[i]->matches);
        prepared_free(bench->slots[i]->prepared);
        free(bench->slots[i]);
    }
    matcher_free(bench->matcher);
    evidence_plan_free(bench->plan);
    signature_set_free(bench->set);
}

static bool run(struct bench *bench, const char *file)
{
    static const struct decode_config DECODE_ALL;
    const struct analysis_config config = {.sources_max = 1 << 20,
                                           .table_key = {1, 2},
                                           .evidence = bench->plan,
                                           .evidence_s = 86400};
    struct analysis *analysis = analysis_new(&config);
    struct replay *replay = replay_new(&(struct replay_config){.open_max = 2}, &file, 1);
    struct chunk *chunk = chunk_new();
    if (!analysis || !replay || !chunk)
        return false;
    double ns[PARTS] = {0}, at = now_ns();
    uint64_t packets = 0, batches = 0;
    while (replay_next(replay, chunk)) {
        lap(&ns[READ], &at);
        for (unsigned i = 0; i < chunk->n; i += BATCH_CAP) {
            struct slot *slot = bench->slots[batches++ % SLOTS];
            unsigned n = chunk->n - i < BATCH_CAP ? chunk->n - i : BATCH_CAP;
            decode_batch(&DECODE_ALL, chunk->frames + i, n, &slot->batch);
            lap(&ns[DECODE], &at);
            matcher_run(bench->matcher, &slot->batch, slot->matches);
            lap(&ns[MATCH], &at);
            analysis_prepare(analysis, &slot->batch, slot->matches, slot->prepared);
            lap(&ns[PREPARE], &at);
        }
        packets += chunk->n;
        chunk_release(replay, chunk);
        lap(&ns[READ], &at);
    }
    for (unsigned part = 0; part < PARTS; part++)
        if (ns[part] / (double)packets < bench->best_ns[part])
            bench->best_ns[part] = ns[part] / (double)packets;
    chunk_free(chunk);
    replay_free(replay);
    analysis_free(analysis);
    return packets > 0;
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    if (argc != 4 || !setup(&bench, argv[1]))
        return 2;
    for (int round = 0; round < atoi(argv[2]); round++)
        if (!run(&bench, argv[3]))
            return 1;
    double sum = 0;
    for (unsigned part = 0; part < PARTS; part++) {
        printf("%s %.1f, ", NAMES[part], bench.best_ns[part]);
        sum += bench.best_ns[part];
    }
    printf("sum %.1f ns a packet (%s)\n", sum, matcher_isa(bench.matcher));
    teardown(&bench);
    return 0;
}
