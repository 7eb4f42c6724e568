/* A telescope of a /16 (500,000 sources a day) for many days, without packets: values as a
 * sensor would hand them to its flusher, some hours at a time and a step of rankings an hour,
 * then single busy minutes.
 *
 *   retention URL DAYS
 *
 * A line on standard output after each day and before and after each single minute; it goes on
 * when a line comes on standard input. */
#include "app/flusher.h"
#include "sample.h"

#include <string.h>
#include <time.h>

enum {
    LABELLED_A_DAY = 20000,
    LABELLED_MOST = 100000, /* as many as a sensor lists */
    CHANGED_A_MINUTE = 2000,
    HOURS_AT_ONCE = 3,
    STEP_ROWS = 1100, /* of a dimension, the same in each step: rankings are full */
    FEED_AN_HOUR = 2000,
    START_S = 1795305600,
};

static struct flusher *flusher;
static struct random source_of = {.state = 7};
static uint64_t totals[COUNT_COUNT_];
static uint64_t appeared; /* labelled sources so far */

static void say(const char *what, unsigned number)
{
    char line[16];
    (void)printf("%s %u\n", what, number);
    (void)fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        exit(1);
}

static void wait_for_flush(void)
{
    struct flusher_status status;
    do {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        flusher_status(flusher, &status);
        if (status.failures) {
            (void)fprintf(stderr, "%s\n", status.text);
            exit(1);
        }
    } while (status.acknowledged_s != status.closed_s || status.held);
}

/* Addresses ascend with time: those that appeared last, of a week at most. */
static void list_labelled(struct flusher_values *values, int64_t now_s, uint64_t changed)
{
    uint64_t week = 7 * LABELLED_A_DAY;
    uint64_t n = appeared < week ? appeared : week;
    n = n < LABELLED_MOST ? n : LABELLED_MOST;
    values->labelled = sample_alloc(n, sizeof *values->labelled);
    values->labelled_n = n;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t number = appeared - n + i;
        int64_t seen_s = START_S + (int64_t)(number * 86400 / LABELLED_A_DAY);
        struct labelled_source *row = &values->labelled[i];
        *row =
            (struct labelled_source){.source = {.v4 = (uint32_t)(0x01000000 + number * 777)}};
        row->iot = number % 4 != 0;
        row->first_s = (uint32_t)seen_s;
        row->last_s = (uint32_t)(i + changed >= n ? now_s - 1 : seen_s + 1);
        row->packets = 100;
        memcpy(row->place.cc, "JP", 2);
        row->place.asn = 64500;
        row->signatures_n = 1;
        row->signatures[0] = (struct source_evidence){.signature = (unsigned)(number % 4),
                                                      .hits = 90,
                                                      .candidates = 100,
                                                      .probability = 1e-30};
        row->ports_n = 3;
        row->ports[0] = 6U << 16 | 23;
        row->ports[1] = 6U << 16 | 2323;
        row->ports[2] = 6U << 16 | 8080;
    }
}

static void add(int64_t start_s, unsigned minutes, bool steps, uint64_t changed)
{
    static struct window windows[HOURS_AT_ONCE * 60];
    static struct flusher_minute closed[HOURS_AT_ONCE * 60];
    static struct feed_packet feed[HOURS_AT_ONCE * FEED_AN_HOUR];
    for (unsigned i = 0; i < minutes; i++) {
        windows[i] = (struct window){.start_s = start_s + i * 60, .span_s = 60};
        for (unsigned k = 0; k < COUNT_COUNT_; k++)
            totals[k] += windows[i].counts[k] = random_below(&source_of, 1000000);
        for (unsigned k = 0; k < 1024; k++)
            windows[i].dports.bits[0][k] = random_next(&source_of) & random_next(&source_of);
        closed[i] = (struct flusher_minute){&windows[i], 60};
    }
    int64_t end_s = start_s + minutes * 60;
    struct flusher_values values = {
        .minutes = closed, .minutes_n = minutes, .closed_until_s = end_s, .feed = feed};
    values.feed_n = FEED_AN_HOUR * minutes / 60;
    for (size_t i = 0; i < values.feed_n; i++)
        feed[i] =
            (struct feed_packet){.ts_ns = start_s * 1000000000 +
                                          (int64_t)i * 1000000000 * 60 * minutes / FEED_AN_HOUR,
                                 .source = {.v4 = (uint32_t)random_next(&source_of)},
                                 .label = SAMPLE_LABELS[i % SAMPLE_LABELS_N]};
    for (int64_t at = end_s - PROFILE_STEP_S; steps && at >= start_s - PROFILE_STEP_S + 60;
         at -= 3600) {
        struct random same = {.state = 11};
        struct profile *step = sample_profile(&same, at / PROFILE_STEP_S * PROFILE_STEP_S,
                                              PROFILE_STEP_S, STEP_ROWS);
        step->next = values.steps;
        values.steps = step;
    }
    values.report = sample_alloc(1, sizeof *values.report);
    memcpy(values.report->counts, totals, sizeof totals);
    values.report_json_len = 200000; /* with --top 1000 */
    values.report_json = sample_alloc(values.report_json_len + 1, 1);
    memset(values.report_json, 'x', values.report_json_len);
    list_labelled(&values, end_s, changed);
    flusher_add(flusher, &values);
    wait_for_flush();
}

int main(int argc, char **argv)
{
    struct flusher_config config = {.sensor = "retention"};
    struct sample_options none = {.seed = 1};
    struct sample sample;
    struct err err = {0};
    if (argc != 3 || redis_url_parse(argv[1], &config.redis, &err) != 0)
        return 2;
    sample_init(&sample, &none); /* for its signatures */
    flusher = flusher_new(&config, &err);
    if (!flusher ||
        flusher_signatures(flusher, sample.signatures, SAMPLE_LABELS, SAMPLE_LABELS_N) != 0)
        return 1;
    int64_t at_s = START_S;
    for (unsigned day = 1; day <= (unsigned)atoi(argv[2]); day++) {
        for (unsigned hour = 0; hour < 24; hour += HOURS_AT_ONCE) {
            appeared += HOURS_AT_ONCE * LABELLED_A_DAY / 24;
            add(at_s, HOURS_AT_ONCE * 60, true, 0);
            at_s += HOURS_AT_ONCE * 3600;
        }
        say("day", day);
    }
    add(at_s, 1, false, CHANGED_A_MINUTE); /* the first after an hour is larger */
    for (unsigned minute = 1; minute < 11; minute++) {
        say("before", minute);
        add(at_s + minute * 60, 1, minute % 5 == 4, CHANGED_A_MINUTE);
        say("after", minute);
    }
    bool sent = flusher_end(flusher, 10000, &err) == FLUSHER_LEFT_NOTHING;
    sample_fini(&sample);
    return sent ? 0 : 1;
}
