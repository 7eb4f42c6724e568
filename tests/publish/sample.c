#include "sample.h"

#include <string.h>

const char *const SAMPLE_LABELS[SAMPLE_LABELS_N] = {"hajime", "masscan", "mirai", "zmap"};

static const char SIGNATURES[] = "signature mirai\n    title A sample\n"
                                 "    origin iot\n"
                                 "    match tcp.syn and tcp.seq == ip.dst\n"
                                 "    chance 2^-32\n"
                                 "signature zmap-old\n    title A sample\n"
                                 "    label zmap\n"
                                 "    origin tool\n"
                                 "    match tcp.syn and ip.id == 54321\n"
                                 "    chance 2^-16\n"
                                 "signature zmap-new\n    title A sample\n"
                                 "    label zmap\n"
                                 "    origin tool\n"
                                 "    match tcp.syn and tcp.window == 65535\n"
                                 "    chance 2^-16\n"
                                 "signature hajime\n    title A sample\n"
                                 "    origin iot\n"
                                 "    match tcp.syn and tcp.window == 14600\n"
                                 "    chance 2^-16\n";
enum { SIGNATURES_N = 4 };

static const char COUNTRIES[][3] = {"", "CN", "US", "BR", "JP", "VN", "RU", "DE"};

void *sample_alloc(size_t n, size_t size)
{
    void *block = calloc(n ? n : 1, size);
    if (!block) {
        (void)fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return block;
}

/* Counts that a window could have: parts add up, distinct things are no more than packets. */
static void fill_counts(struct random *random, uint64_t counts[static COUNT_COUNT_])
{
    /* some windows are quiet: entries of zeros */
    uint64_t scale = random_below(random, 8) == 0 ? 1 : 100000;
    counts[COUNT_tcp] = random_below(random, scale);
    counts[COUNT_udp] = random_below(random, scale / 4 + 1);
    counts[COUNT_icmp] = random_below(random, scale / 16 + 1);
    counts[COUNT_icmp6] = random_below(random, scale / 1000 + 1);
    counts[COUNT_sctp] = random_below(random, scale / 900 + 1);
    counts[COUNT_other] = random_below(random, scale / 800 + 1);
    uint64_t packets = 0;
    for (unsigned i = COUNT_tcp; i <= COUNT_other; i++)
        packets += counts[i];
    counts[COUNT_packets] = packets;
    counts[COUNT_bytes] = packets * 40 + random_below(random, packets + 1);
    counts[COUNT_scan] = packets - packets / 10 - random_below(random, packets / 10 + 1);
    counts[COUNT_backscatter] = random_below(random, packets - counts[COUNT_scan] + 1);
    counts[COUNT_class_other] = packets - counts[COUNT_scan] - counts[COUNT_backscatter];
    counts[COUNT_sources] = random_below(random, packets + 1);
    counts[COUNT_mirai] = random_below(random, counts[COUNT_scan] / 4 + 1);
    counts[COUNT_iot_matched] = counts[COUNT_mirai] + random_below(random, scale / 100 + 1);
    counts[COUNT_iot_matched_sources] = random_below(random, counts[COUNT_iot_matched] + 1);
    counts[COUNT_zmap] = random_below(random, counts[COUNT_scan] / 5 + 1);
    counts[COUNT_masscan] = random_below(random, counts[COUNT_scan] / 6 + 1);
    counts[COUNT_nmap] = random_below(random, counts[COUNT_scan] / 7 + 1);
    counts[COUNT_not_counted] = random_below(random, scale / 500 + 1);
    counts[COUNT_dropped] = random_below(random, scale / 600 + 1);
    counts[COUNT_late] = random_below(random, scale / 700 + 1);
    if (random_below(random, 64) == 0)
        counts[COUNT_bytes] = UINT64_MAX - random_below(random, 1000);
}

static void make_series(struct sample *sample, struct random *random,
                        const struct sample_options *options)
{
    sample->minutes = sample_alloc(options->minutes, sizeof *sample->minutes);
    int64_t at = (int64_t)options->start_s;
    for (uint64_t i = 0; i < options->minutes; i++) {
        sample->minutes[i] =
            (struct report_minute){.start_s = at,
                                   .seconds = (uint32_t)(1 + random_below(random, 60)),
                                   .dports = random_below(random, 70000)};
        fill_counts(random, sample->minutes[i].counts);
        at += random_below(random, 10) == 0 ? 180 : 60;
    }
    int64_t newest = options->minutes ? sample->minutes[options->minutes - 1].start_s : at;
    sample->hours = sample_alloc(options->hours, sizeof *sample->hours);
    for (uint64_t i = 0; i < options->hours; i++) {
        struct publication_hour *hour = &sample->hours[i];
        hour->start_s = newest / 3600 * 3600 - (int64_t)(options->hours - i) * 3600;
        hour->seconds = 3600;
        hour->dports = random_below(random, 70000);
        fill_counts(random, hour->counts);
    }
    sample->days = sample_alloc(options->days, sizeof *sample->days);
    sample->profiles = sample_alloc(options->days, sizeof *sample->profiles);
    for (uint64_t i = 0; i < options->days; i++) {
        int64_t start = newest / 86400 * 86400 - (int64_t)(options->days - 1 - i) * 86400;
        sample->profiles[i] = sample_profile(random, start, 86400, options->rows);
        sample->days[i] =
            (struct publication_day){.start_s = start, .profile = sample->profiles[i]};
    }
    if (options->rows) {
        sample->hour = sample_profile(random, newest - 3600, 3600, options->rows);
        sample->day = sample_profile(random, newest - 86400, 86400, options->rows);
    }
    sample->publication.minutes = sample->minutes;
    sample->publication.minutes_n = options->minutes;
    sample->publication.hours = sample->hours;
    sample->publication.hours_n = options->hours;
    sample->publication.days = sample->days;
    sample->publication.days_n = options->days;
    sample->publication.hour = sample->hour;
    sample->publication.day = sample->day;
}

static struct place random_place(struct random *random)
{
    struct place place = {.asn = (uint32_t)random_below(random, 3) * 64500};
    memcpy(place.cc, COUNTRIES[random_below(random, 8)], 2);
    return place;
}

static void fill_evidence(struct random *random, struct labelled_source *source)
{
    unsigned first = (unsigned)random_below(random, SIGNATURES_N);
    source->signatures_n =
        1 + (random_below(random, 5) == 0) * (unsigned)random_below(random, 4);
    for (unsigned i = 0; i < source->signatures_n; i++) {
        unsigned signature = (first + i) % SIGNATURES_N;
        uint64_t hits = 2 + random_below(random, 1000);
        source->signatures[i] = (struct source_evidence){
            .signature = signature,
            .hits = hits,
            .candidates = hits + random_below(random, 3),
            .probability = (double)(random_next(random) >> 11) * 1e-30 * (double)(i + 1),
            .matched = true,
            .labelled = true,
        };
        source->iot |= signature == 0 || signature == 3;
    }
}

static void make_labelled(struct sample *sample, struct random *random,
                          const struct sample_options *options)
{
    const int64_t newest =
        (int64_t)options->start_s + (int64_t)options->minutes * 60; /* or a little later */
    sample->labelled = sample_alloc(options->labelled, sizeof *sample->labelled);
    uint32_t v4 = 0x05000000;
    uint64_t v6 = 1;
    for (uint64_t i = 0; i < options->labelled; i++) {
        struct labelled_source *source = &sample->labelled[i];
        if (i * 20 < options->labelled * 19)
            source->source =
                (struct address){.v4 = v4 += 1 + (uint32_t)random_below(random, 9000)};
        else
            source->source = (struct address){
                .is6 = true,
                .v6 = {0x20010db800000000U, v6 += 1 + random_below(random, 1U << 20)}};
        source->place = random_place(random);
        /* one in ten was last seen up to ten days ago: perhaps too long */
        int64_t ago = random_below(random, 10) == 0 ? (int64_t)random_below(random, 864000)
                                                    : (int64_t)random_below(random, 3600);
        source->last_s = (uint32_t)(newest - ago);
        source->first_s = source->last_s - (uint32_t)random_below(random, 100000);
        source->packets = 2 + random_below(random, 100000);
        fill_evidence(random, source);
        source->ports_n = random_below(random, 10) == 0
                              ? (unsigned)random_below(random, LABELLED_PORTS_MAX + 1)
                              : 1 + (unsigned)random_below(random, 3);
        static const uint32_t PROTOCOLS_OF[] = {6, 6, 6, 6, 17, 17, 132, 255};
        for (unsigned k = 0; k < source->ports_n; k++)
            source->ports[k] = PROTOCOLS_OF[k / 4] << 16 | (k % 4 * 2300 + 23 + k / 4);
        source->ports_more = source->ports_n == LABELLED_PORTS_MAX;
    }
    sample->publication.labelled = sample->labelled;
    sample->publication.labelled_n = options->labelled;
}

static void make_feed(struct sample *sample, struct random *random,
                      const struct sample_options *options)
{
    sample->feed = sample_alloc(options->feed, sizeof *sample->feed);
    int64_t at = (int64_t)options->start_s * 1000000000;
    for (uint64_t i = 0; i < options->feed; i++) {
        struct feed_packet *packet = &sample->feed[i];
        packet->ts_ns = at;
        at += (int64_t)random_below(random, 1000000); /* several in a millisecond */
        packet->source = (struct address){.v4 = (uint32_t)random_next(random)};
        packet->protocol = (enum protocol)random_below(random, PROTOCOL_COUNT_);
        packet->class = (enum class)random_below(random, CLASS_COUNT_);
        packet->has_port = packet->protocol == PROTOCOL_TCP || packet->protocol == PROTOCOL_UDP;
        packet->dport = (uint16_t)random_next(random);
        packet->label = random_below(random, 2)
                            ? SAMPLE_LABELS[random_below(random, SAMPLE_LABELS_N)]
                            : NULL;
        packet->iot = packet->label && packet->dport % 2;
        packet->place = random_place(random);
        packet->has_position = random_below(random, 3) > 0;
        packet->latitude = (float)((double)random_below(random, 1800000) / 10000 - 90);
        packet->longitude = (float)((double)random_below(random, 3600000) / 10000 - 180);
    }
    sample->publication.feed = sample->feed;
    sample->publication.feed_n = options->feed;
}

void sample_init(struct sample *sample, const struct sample_options *options)
{
    *sample = (struct sample){0};
    struct random random = {.state = options->seed};
    struct signature_errors errors = {0};
    sample->signatures = signature_set_new();
    if (!sample->signatures || signature_set_parse(sample->signatures, "sample", SIGNATURES,
                                                   sizeof SIGNATURES - 1, &errors) != 0) {
        (void)fprintf(stderr, "signatures: %s\n", errors.items[0].text);
        exit(1);
    }
    struct report *report = &sample->report;
    report->has_time = options->minutes > 0;
    report->first_ns = (int64_t)options->start_s * 1000000000 + 123456789;
    report->last_ns = report->first_ns + (int64_t)options->minutes * 60000000000;
    report->frames = random_below(&random, 1U << 30);
    fill_counts(&random, report->counts);
    report->sources = report->counts[COUNT_sources];
    report->refused_seconds = options->seed % 2 * 3 * 86400; /* of every other one */
    report->scan.ports.total = random_below(&random, 131072);
    (void)snprintf(
        sample->json, sizeof sample->json,
        "{\"schema\":\"nightscope.report/1\",\"seed\":%llu,\"odd\":\"\\u0000 \xe2\x82\xac\"}",
        (unsigned long long)options->seed);
    make_series(sample, &random, options);
    report->series.rows = sample->minutes;
    report->series.n = report->series.total = options->minutes;
    make_labelled(sample, &random, options);
    make_feed(sample, &random, options);
    struct publication *publication = &sample->publication;
    publication->version = "0.1.0";
    publication->started_s = 1795305000 + (int64_t)random_below(&random, 1000);
    publication->flushed_s = publication->started_s + 77;
    publication->state = "replay";
    publication->dark_size = random_below(&random, 1U << 20);
    publication->resends = random_below(&random, 3);
    publication->drops = random_below(&random, 3);
    publication->report = report;
    publication->report_json = sample->json;
    publication->report_json_len = strlen(sample->json);
    static const struct publication_signature NAMES[SIGNATURES_N] = {
        {"mirai", "mirai"}, {"zmap-old", "zmap"}, {"zmap-new", "zmap"}, {"hajime", "hajime"}};
    publication->signatures = NAMES;
    publication->signatures_n = SIGNATURES_N;
    publication->labels = SAMPLE_LABELS;
    publication->labels_n = SAMPLE_LABELS_N;
}

void sample_fini(struct sample *sample)
{
    for (size_t i = 0; i < sample->publication.days_n; i++)
        profile_free(sample->profiles[i]);
    profile_free(sample->hour);
    profile_free(sample->day);
    signature_set_free(sample->signatures);
    free(sample->profiles);
    free(sample->days);
    free(sample->minutes);
    free(sample->hours);
    free(sample->labelled);
    free(sample->feed);
}
