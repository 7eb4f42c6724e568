/* Bytes as a saved analysis, and as what precedes it in a state. Whatever they are, an error or
 * a load; what was loaded saves as bytes that load and save as the same again, goes on
 * counting, and makes a report. */
#include "app/sensor_state.h"
#include "base/bytes.h"
#include "state/evidence.h"

#include <nightscope/checkpoint.h>
#include <nightscope/event.h>
#include <nightscope/profile.h>
#include <nightscope/report.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char TEXT[] =
    "signature often\n    title t\n    origin iot\n    match tcp\n    chance 0.3\n"
    "    reference none\n"
    "signature port\n    title t\n    origin tool\n    match tcp.dstport < 30000\n"
    "    constant tcp.srcport\n    chance 2^-3\n    reference none\n"
    "signature widely\n    title t\n    origin research\n    match tcp or udp\n"
    "    distinct ports > 5 in 1d\n    reference none\n";

static struct analysis_config config = {.sources_max = 1 << 12,
                                        .lateness_ns = 60000000000,
                                        .table_key = {1, 2},
                                        .evidence_s = 90,
                                        .feed = true,
                                        .profiles = true,
                                        .events_max = 1 << 12,
                                        .event_idle_s = 300};

static void make_plan(void)
{
    static struct signature_errors errors;
    struct signature_set *set = signature_set_new();
    if (!set || signature_set_parse(set, "fuzz", TEXT, sizeof TEXT - 1, &errors) != 0)
        abort();
    config.evidence = evidence_plan_new(
        &(struct evidence_config){.signatures = set, .alpha = 0.02, .dark_size = 256});
    if (!config.evidence)
        abort();
}

static unsigned owner_of(void *context, const struct address *source)
{
    return (source->is6 ? shard_of6(source->v6) : shard_of4(source->v4)) % *(unsigned *)context;
}

/* Frees them and is false when they do not load. */
static bool load(const uint8_t *bytes, size_t n, struct analysis **targets, unsigned targets_n)
{
    struct bytes_in in = {bytes, bytes + n, false};
    struct err err = {0};
    struct checkpoint_gone gone = {0};
    for (unsigned i = 0; i < targets_n; i++)
        if (!(targets[i] = analysis_new(&config)))
            abort();
    if (analysis_load(targets, targets_n, owner_of, &targets_n, &in, &gone, &err) == 0)
        return true;
    if (!err.text[0])
        abort();
    for (unsigned i = 0; i < targets_n; i++)
        analysis_free(targets[i]);
    return false;
}

static struct bytes_out save(const struct analysis *analysis)
{
    struct bytes_out out = {0};
    if (analysis_save(analysis, &out) != 0)
        abort();
    return out;
}

/* Packets that come after what was loaded, and a report of it all. */
static void go_on(struct analysis *analysis)
{
    struct batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        abort();
    batch->n = 200;
    for (unsigned i = 0; i < batch->n; i++) {
        bool is6 = i % 3 == 0;
        mask_set(batch->has[is6 ? HAS_IPV6 : HAS_IP], i);
        mask_set(batch->has[HAS_TCP], i);
        batch->ts_ns[i] = (int64_t)1795305600 * 1000000000 + (int64_t)i * 1000000000;
        batch->now_min[i] = (uint32_t)(batch->ts_ns[i] / 60000000000);
        batch->src[i] = is6 ? 0 : i * 2654435761U;
        batch->src6[i] = (struct ip6){0x20010db800000000U, i % 20};
        batch->dst[i] = is6 ? 0 : 0x0a000000 + i;
        batch->dst6[i] = (struct ip6){0x20010db8ffff0000U, i};
        batch->ip_proto[i] = 6;
        batch->ip_len[i] = 40;
        batch->dstport[i] = (uint16_t)(i % 50);
    }
    struct matcher *matcher = matcher_new(config.evidence->signatures);
    struct matches *matches = matches_new(config.evidence->signatures);
    if (!matcher || !matches)
        abort();
    matcher_run(matcher, batch, matches);
    analysis_add(analysis, batch, matches);
    matches_free(matches);
    matcher_free(matcher);
    free(batch);
    analysis_finish(analysis);
    report_free(report_new(analysis, &(struct report_input){.top = 5}));
    for (struct window *next, *window = analysis_take_closed(analysis); window; window = next) {
        next = window->next;
        window_free(window);
    }
    for (struct profile *next, *profile = analysis_take_profiles(analysis); profile;
         profile = next) {
        next = profile->next;
        profile_close(profile);
        profile_free(profile);
    }
    event_blocks_free(analysis_take_events(analysis));
}

/* What is read as a head is written as the same bytes. */
static void check_head(const uint8_t *data, size_t size)
{
    struct bytes_in in = {data, data + size, false};
    struct bytes_out out = {0};
    struct sensor_state head;
    size_t n;
    sensor_state_take(&in, &head);
    if (head.kind != SENSOR_REPLAY)
        return;
    struct report_minute *rows = sensor_state_take_rows(&in, &n);
    if (rows && !in.failed && !memchr(head.sensor, 0, (size_t)data[1])) {
        sensor_state_put(&out, &head);
        sensor_state_put_rows(&out, rows, n);
        if (out.failed || out.n != (size_t)(in.at - data) ||
            memcmp(out.bytes, data, out.n) != 0)
            abort();
    }
    free(rows);
    free(out.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct analysis *targets[3];
    check_head(data, size);
    if (!config.evidence)
        make_plan();
    if (!load(data, size, targets, 1))
        return 0;
    struct bytes_out first = save(targets[0]);
    analysis_free(targets[0]);
    if (!load(first.bytes, first.n, targets, 1))
        abort();
    struct bytes_out second = save(targets[0]);
    if (first.n != second.n || memcmp(first.bytes, second.bytes, first.n) != 0)
        abort();
    go_on(targets[0]);
    analysis_free(targets[0]);
    if (!load(first.bytes, first.n, targets, 3))
        abort();
    for (unsigned i = 1; i < 3; i++) {
        (void)analysis_merge(targets[0], targets[i]); /* memory_refused may be of the bytes */
        analysis_free(targets[i]);
    }
    go_on(targets[0]);
    analysis_free(targets[0]);
    free(first.bytes);
    free(second.bytes);
    return 0;
}
