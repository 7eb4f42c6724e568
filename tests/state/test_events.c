/* Scan events against a model that walks a list, and the same events whatever the workers,
 * batches and keys. */
#include "stream.h"

#include "base/bytes.h"

#include <nightscope/checkpoint.h>
#include <nightscope/event.h>

struct list {
    struct event *events;
    size_t n, cap;
    uint64_t evicted;
};

static void list_add(struct list *list, const struct event *event)
{
    if (list->n == list->cap) {
        list->cap = list->cap ? 2 * list->cap : 1024;
        list->events = realloc(list->events, list->cap * sizeof *list->events);
        ck_assert_ptr_nonnull(list->events);
    }
    list->events[list->n++] = *event;
}

static void list_take(struct list *list, struct event_block *blocks)
{
    for (const struct event_block *block = blocks; block; block = block->next)
        for (unsigned i = 0; i < block->n; i++)
            list_add(list, &block->events[i]);
    event_blocks_free(blocks);
}

static int compare(const void *a, const void *b)
{
    return event_compare(a, b);
}

struct variant {
    unsigned workers, rows;
    bool advance;
    uint64_t key, events_max;
    uint32_t idle_s;
};

static struct list run_events(const struct stream *stream, const struct variant *variant)
{
    struct run run = {
        .workers = variant->workers, .rows = variant->rows, .advance = variant->advance};
    struct analysis_config config = {.sources_max = 1 << 16,
                                     .lateness_ns = stream->lateness_ns,
                                     .table_key = {variant->key, ~variant->key},
                                     .events_max = variant->events_max,
                                     .event_idle_s = variant->idle_s};
    struct list list = {0};
    struct analysis *first = NULL;
    for (unsigned i = 0; i < variant->workers; i++) {
        struct analysis *analysis = analysis_new(&config);
        run_worker(stream, &run, i, analysis);
        list_take(&list, analysis_take_events(analysis));
        ck_assert_uint_eq(analysis_events_waiting(analysis), 0);
        /* As all workers are told the packet time, whatever packets they have. */
        analysis_advance(analysis,
                         (int64_t)stream->packets[stream->n - 1].now_min * 60 * SECOND);
        analysis_finish(analysis);
        ck_assert_uint_eq(analysis_events_open(analysis), 0);
        if (first) {
            ck_assert_int_eq(analysis_merge(first, analysis), 0);
            analysis_free(analysis);
        } else {
            first = analysis;
        }
    }
    list_take(&list, analysis_take_events(first));
    struct report_input input = {0};
    struct report *report = report_new(first, &input);
    list.evicted = report->limits.events_evicted;
    ck_assert_uint_eq(report->limits.events_refused, 0);
    report_free(report);
    analysis_free(first);
    qsort(list.events, list.n, sizeof *list.events, compare);
    return list;
}

/* The model: all open events in one array, looked through for everything. */

struct open_event {
    struct event event;
    unsigned shard;
    uint32_t touched_min;
    uint64_t order; /* of its last packet */
    uint64_t to[4096];
    size_t to_n;
};

struct model {
    struct list ended;
    struct open_event **open;
    size_t n;
};

static bool same_network(const struct event *event, uint64_t a, uint64_t b)
{
    return event->source.is6 ? true : a >> 8 == b >> 8; /* IPv6 ones are all in one /48 */
}

static void model_end(struct model *model, size_t at, enum event_end end, uint32_t minute)
{
    struct open_event *open = model->open[at];
    struct event *event = &open->event;
    event->end = (uint8_t)end;
    event->ended_min = minute;
    for (size_t i = 0; i < open->to_n; i++) {
        size_t same = 0, network = 0;
        while (open->to[same] != open->to[i])
            same++;
        while (!same_network(event, open->to[network], open->to[i]))
            network++;
        event->destinations += same == i;
        event->networks += network == i;
    }
    list_add(&model->ended, event);
    free(open);
    model->open[at] = model->open[--model->n];
}

static bool model_is(const struct event *a, const struct event *b)
{
    return address_compare(&a->source, &b->source) == 0 && a->protocol == b->protocol &&
           a->class == b->class && a->has_port == b->has_port && a->port == b->port;
}

static struct event model_key(const struct packet *packet)
{
    struct event key = {.protocol = (uint8_t)packet->protocol,
                        .class = (uint8_t)packet->class,
                        .has_port = !packet->cut && (packet->protocol == PROTOCOL_TCP ||
                                                     packet->protocol == PROTOCOL_UDP ||
                                                     packet->protocol == PROTOCOL_SCTP)};
    key.source.is6 = packet->is6;
    key.source.v4 = packet->src;
    key.source.v6 = packet->src6;
    bool answer = packet->protocol == PROTOCOL_TCP && packet->class == CLASS_BACKSCATTER;
    if (key.has_port)
        key.port = answer ? packet->srcport : packet->dstport;
    return key;
}

static void model_end_silent(struct model *model, uint32_t idle_s, uint32_t now_min)
{
    uint32_t idle_min = (idle_s + 59) / 60;
    for (size_t i = 0; i < model->n;) {
        uint32_t end_min = model->open[i]->touched_min + idle_min + 1;
        if (end_min <= now_min)
            model_end(model, i, EVENT_IDLE, end_min);
        else
            i++;
    }
}

static void model_add(struct model *model, const struct packet *packet, uint64_t order,
                      const struct variant *variant)
{
    int64_t idle_ns = (int64_t)variant->idle_s * SECOND;
    unsigned shard = packet_shard(packet);
    model_end_silent(model, variant->idle_s, packet->now_min);
    struct event key = model_key(packet);
    struct open_event *found = NULL;
    for (size_t i = 0; i < model->n; i++) {
        struct open_event *open = model->open[i];
        if (!model_is(&open->event, &key))
            continue;
        if (packet->ts_ns - open->event.last_ns > idle_ns ||
            open->event.first_ns - packet->ts_ns > idle_ns)
            model_end(model, i, EVENT_IDLE, packet->now_min);
        else
            found = open;
        break;
    }
    if (!found) {
        size_t held = 0, oldest = SIZE_MAX;
        for (size_t i = 0; i < model->n; i++) {
            if (model->open[i]->shard != shard)
                continue;
            held++;
            if (oldest == SIZE_MAX || model->open[i]->order < model->open[oldest]->order)
                oldest = i;
        }
        if (held == (variant->events_max + SHARD_COUNT - 1) / SHARD_COUNT) {
            model_end(model, oldest, EVENT_EVICTED, packet->now_min);
            model->ended.evicted++;
        }
        found = model->open[model->n++] = calloc(1, sizeof *found);
        found->event = key;
        found->event.first_ns = found->event.last_ns = packet->ts_ns;
        found->shard = shard;
    }
    struct event *event = &found->event;
    event->packets++;
    event->bytes += packet->ip_len;
    event->first_ns = packet->ts_ns < event->first_ns ? packet->ts_ns : event->first_ns;
    event->last_ns = packet->ts_ns > event->last_ns ? packet->ts_ns : event->last_ns;
    found->touched_min = packet->now_min;
    found->order = order;
    found->to[found->to_n++] = packet->is6 ? packet->dst6.lo : packet->dst;
    ck_assert_uint_lt(found->to_n, 4096);
}

static struct list model_events(const struct stream *stream, const struct variant *variant)
{
    struct model model = {.open = calloc(stream->n, sizeof *model.open)};
    for (unsigned i = 0; i < stream->n; i++)
        if (stream->packets[i].counted)
            model_add(&model, &stream->packets[i], i, variant);
    model_end_silent(&model, variant->idle_s, stream->packets[stream->n - 1].now_min);
    while (model.n)
        model_end(&model, 0, EVENT_RUN, UINT32_MAX);
    free(model.open);
    qsort(model.ended.events, model.ended.n, sizeof *model.ended.events, compare);
    return model.ended;
}

#define SAME_NUMBER(field) ck_assert_int_eq(a->events[i].field, b->events[i].field)

static void same_events(const struct list *a, const struct list *b, bool samples)
{
    ck_assert_uint_eq(a->n, b->n);
    ck_assert_uint_eq(a->evicted, b->evicted);
    for (size_t i = 0; i < a->n; i++) {
        ck_assert(model_is(&a->events[i], &b->events[i]));
        SAME_NUMBER(first_ns);
        SAME_NUMBER(last_ns);
        SAME_NUMBER(packets);
        SAME_NUMBER(bytes);
        SAME_NUMBER(end);
        SAME_NUMBER(ended_min);
        if (!a->events[i].destinations_estimated)
            SAME_NUMBER(destinations);
        if (!a->events[i].networks_estimated)
            SAME_NUMBER(networks);
        if (!samples)
            continue;
        SAME_NUMBER(destinations);
        SAME_NUMBER(networks);
        SAME_NUMBER(samples_n);
        ck_assert_mem_eq(a->events[i].samples, b->events[i].samples,
                         a->events[i].samples_n * sizeof(struct event_sample));
    }
}

static void check_model(const char *what, unsigned sources, uint64_t events_max,
                        uint32_t idle_s, bool evicts)
{
    struct random random = random_seeded(what);
    struct stream stream = stream_random(&random, 6000, sources, 60);
    struct variant base = {1, 256, false, 7, events_max, idle_s};
    struct list expected = model_events(&stream, &base), got = run_events(&stream, &base);
    same_events(&got, &expected, false);
    ck_assert_int_eq(got.evicted > 0, evicts);
    ck_assert_uint_gt(got.n, 10);
    uint64_t packets = 0;
    for (size_t i = 0; i < got.n; i++)
        packets += got.events[i].packets;
    for (unsigned i = 0; i < stream.n; i++)
        packets -= stream.packets[i].counted;
    ck_assert_uint_eq(packets, 0);
    static const unsigned workers[] = {1, 2, 3, 7}, rows[] = {1, 17, 255, 256};
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned j = 0; j < 4; j++) {
            struct variant variant = {workers[i], rows[j],    j % 2,
                                      i * 17 + j, events_max, idle_s};
            struct list other = run_events(&stream, &variant);
            same_events(&got, &other, true);
            free(other.events);
        }
    }
    free(got.events);
    free(expected.events);
    free(stream.packets);
}

START_TEST(events_are_those_of_the_model)
{
    check_model("events", 60, 1 << 16, 300, false);
}
END_TEST

START_TEST(a_short_idle_time_cuts_the_same_for_all)
{
    check_model("events, short", 9, 1 << 16, 47, false);
}
END_TEST

START_TEST(a_full_table_ends_those_that_were_silent_longest)
{
    check_model("events, full", 300, 64 * 5, 600, true);
}
END_TEST

/* Destinations of one scan beyond what is counted exactly. */
START_TEST(many_destinations_are_estimated_and_said_to_be)
{
    struct analysis_config config = {.sources_max = 64, .events_max = 64, .event_idle_s = 600};
    struct analysis *analysis = analysis_new(&config);
    struct batch *batch = calloc(1, sizeof *batch);
    for (unsigned i = 0; i < 5000; i++) {
        struct packet packet = {.ts_ns = STREAM_START_S * SECOND + i,
                                .now_min = STREAM_START_S / 60,
                                .counted = true,
                                .src = 1,
                                .dst = i * 64,
                                .ip_len = 40,
                                .ip_proto = 6,
                                .dstport = 23};
        batch_clear(batch);
        batch_put(batch, &packet);
        analysis_add(analysis, batch, NULL);
    }
    analysis_finish(analysis);
    struct event_block *blocks = analysis_take_events(analysis);
    ck_assert(blocks && blocks->n == 1 && !blocks->next);
    const struct event *event = &blocks->events[0];
    ck_assert(event->destinations_estimated && event->networks_estimated);
    ck_assert_uint_ge(event->destinations, 4500);
    ck_assert_uint_le(event->destinations, 5000); /* never more than packets */
    ck_assert_uint_ge(event->networks, 1125);
    ck_assert_uint_le(event->networks, 1375);
    event_blocks_free(blocks);
    free(batch);
    analysis_free(analysis);
}
END_TEST

/* As after a restart whose last minute was not over. */
START_TEST(a_minute_that_goes_back_can_be_saved)
{
    struct analysis_config config = {.sources_max = 64, .events_max = 640, .event_idle_s = 600};
    struct analysis *analysis = analysis_new(&config), *again = analysis_new(&config);
    struct batch *batch = calloc(1, sizeof *batch);
    for (unsigned i = 0; i < 2; i++) {
        struct packet packet = {.ts_ns = (STREAM_START_S + 61 - 10 * i) * SECOND,
                                .now_min = STREAM_START_S / 60 + 1 - i,
                                .counted = true,
                                .src = 1,
                                .ip_len = 40,
                                .ip_proto = 6,
                                .dstport = (uint16_t)(23 + i)};
        batch_clear(batch);
        batch_put(batch, &packet);
        analysis_add(analysis, batch, NULL);
    }
    struct bytes_out out = {0};
    ck_assert_int_eq(analysis_save(analysis, &out), 0);
    struct bytes_in in = {out.bytes, out.bytes + out.n, false};
    struct err err = {0};
    ck_assert_msg(analysis_load(&again, 1, NULL, NULL, &in, NULL, &err) == 0, "%s", err.text);
    analysis_finish(again);
    struct event_block *blocks = analysis_take_events(again);
    ck_assert(blocks && blocks->n == 2 && !blocks->next);
    event_blocks_free(blocks);
    free(out.bytes);
    free(batch);
    analysis_free(analysis);
    analysis_free(again);
}
END_TEST

START_TEST(the_idle_time_follows_the_dark_space)
{
    /* -ln(0.01) * 2^32 / (10 * N), by hand */
    ck_assert_uint_eq(event_idle_s(0), 600);
    ck_assert_uint_eq(event_idle_s(475136), 4163);
    ck_assert_uint_eq(event_idle_s(65536), 30180);
    ck_assert_uint_eq(event_idle_s(256), 86400);
    ck_assert_uint_eq(event_idle_s(16777216), 300);
    ck_assert_uint_eq(event_idle_s((uint64_t)1 << 32), 300);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("events");
    TCase *tests = tcase_create("events");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, events_are_those_of_the_model);
    tcase_add_test(tests, a_short_idle_time_cuts_the_same_for_all);
    tcase_add_test(tests, a_full_table_ends_those_that_were_silent_longest);
    tcase_add_test(tests, many_destinations_are_estimated_and_said_to_be);
    tcase_add_test(tests, a_minute_that_goes_back_can_be_saved);
    tcase_add_test(tests, the_idle_time_follows_the_dark_space);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
