/* A running sensor without packets: values made from a seed, minute by minute, through the
 * flusher. What the keys must be afterwards depends on the seed alone.
 *
 *   flush_sample URL SENSOR [seed=N] [minutes=N] [pace=MS] [wait=MS]
 *                [spool=PATH] [fill=N] [withheld=1]
 *
 * A spool goes on where an earlier run ended; fill=N fills its disk every 2 N minutes, for N.
 * withheld: sources of the prefixes below are not to be shown. pace: milliseconds to the next
 * minute, at most; wait: how long to wait at the end. Says on standard output how it went, as
 * JSON; a line on standard error for each change of state. User and password are those of the
 * environment. */
#include "app/flusher.h"
#include "sample.h"
#include "sink/json_out.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SOURCES = 60, START_S = 1795305600 };

static const char WITHHELD[] = "0.8.0.0/13,5.0.8.0/21,64.0.0.0/2";

static struct {
    uint64_t seed, minutes, pace, wait, fill, withheld;
    const char *spool;
} options = {1, 20, 5, 20000, 0, 0, NULL};

static void pause_ms(uint64_t ms)
{
    struct timespec span = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    (void)nanosleep(&span, NULL); /* only slows down */
}

/* Until Redis has it all, at most so long: most minutes are a flush then, as they are live. */
static void follow(struct flusher *flusher, uint64_t most_ms)
{
    struct flusher_status status;
    for (uint64_t ms = 0; ms < most_ms; ms++) {
        flusher_status(flusher, &status);
        if (status.acknowledged_s == status.closed_s)
            return;
        pause_ms(1);
    }
}

static void tell(void *context, enum flusher_state state, const char *text)
{
    (void)context;
    (void)fprintf(stderr, "%s %s\n", flusher_state_name(state), text);
}

/* One source as of a minute: appears, goes on, and is gone, by its number and the seed. */
static bool make_source(uint64_t minute, unsigned number, int64_t now_s,
                        struct labelled_source *row)
{
    struct random random = {.state = options.seed * 1000003 + number};
    uint64_t begin = random_below(&random, options.minutes + 1);
    uint64_t end = begin + random_below(&random, options.minutes + 1);
    if (minute < begin || minute >= end)
        return false;
    *row = (struct labelled_source){.source = {.v4 = 0x05000000 + number * 77}};
    memcpy(row->place.cc, number % 3 ? "JP" : "US", 2);
    row->iot = number % 2;
    row->first_s = (uint32_t)(now_s - 60 * (int64_t)(minute - begin));
    row->last_s = (uint32_t)(now_s - 60 * (int64_t)(minute % (1 + number % 4)));
    row->packets = 3 + (minute - minute % (1 + number % 4)) * 5;
    row->signatures_n = 1;
    row->signatures[0] = (struct source_evidence){.signature = number % 4,
                                                  .hits = row->packets,
                                                  .candidates = row->packets,
                                                  .probability = 1e-20};
    row->ports_n = 1;
    row->ports[0] = 6U << 16 | 23;
    return true;
}

static void make_window(struct random *random, int64_t start_s, struct window *window)
{
    *window = (struct window){.start_s = start_s, .span_s = 60};
    for (unsigned i = 0; i < COUNT_COUNT_; i++)
        window->counts[i] = random_below(random, 1000);
    for (unsigned i = 0; i < 20; i++)
        window->dports.bits[0][random_below(random, 1024)] |= 1U << random_below(random, 30);
}

static struct profile *make_steps(struct random *random, int64_t start_s)
{
    struct profile *steps =
        sample_profile(random, start_s, PROFILE_STEP_S, 1 + random_below(random, 20));
    steps->next = NULL;
    return steps;
}

static struct report *make_report(uint64_t totals[COUNT_COUNT_])
{
    struct report *report = sample_alloc(1, sizeof *report);
    memcpy(report->counts, totals, sizeof report->counts);
    report->sources = totals[COUNT_sources];
    report->frames = totals[COUNT_packets];
    return report;
}

static size_t make_feed(struct random *random, int64_t start_s, struct feed_packet feed[8])
{
    for (size_t i = 0; i < 8; i++)
        feed[i] = (struct feed_packet){
            .ts_ns = start_s * 1000000000 + (int64_t)(i / 3) * 1000000,
            .source = {.v4 = (uint32_t)random_next(random)},
            .label = i % 2 ? SAMPLE_LABELS[i % SAMPLE_LABELS_N] : NULL,
        };
    return 8;
}

/* A minute that an earlier run has handed over counts in the totals only. */
static void add_minute(struct flusher *flusher, uint64_t minute, int64_t closed_s,
                       uint64_t totals[COUNT_COUNT_])
{
    int64_t start_s = START_S + (int64_t)minute * 60, end_s = start_s + 60;
    struct random source = {.state = options.seed + minute * 1000003}, *random = &source;
    struct window window;
    struct feed_packet feed[8];
    make_window(random, start_s, &window);
    for (unsigned i = 0; i < COUNT_COUNT_; i++)
        totals[i] += window.counts[i];
    bool known = end_s <= closed_s;
    if (known && minute + 1 < options.minutes)
        return;
    struct flusher_minute closed = {&window, 60};
    struct flusher_values values = {
        .minutes = &closed,
        .minutes_n = !known,
        .closed_until_s = end_s,
        .feed = feed,
        .feed_n = make_feed(random, start_s, feed),
        .report = make_report(totals),
        .labelled = sample_alloc(SOURCES, sizeof *values.labelled),
    };
    if (!known && end_s % PROFILE_STEP_S == 0)
        values.steps = make_steps(random, end_s - PROFILE_STEP_S);
    for (unsigned i = 0; i < SOURCES; i++)
        values.labelled_n += make_source(minute, i, end_s, &values.labelled[values.labelled_n]);
    char json[64];
    (void)snprintf(json, sizeof json, "{\"schema\":\"nightscope.report/1\",\"minute\":%llu}",
                   (unsigned long long)minute);
    values.report_json = strdup(json);
    values.report_json_len = strlen(json);
    flusher_add(flusher, &values);
}

/* Leaves the spool no room, or gives it back. */
static void fill_disk(bool full)
{
    static const char block[4096];
    char path[4096];
    (void)snprintf(path, sizeof path, "%s.fill", options.spool);
    (void)remove(path); /* not there at first */
    FILE *file = full ? fopen(path, "w") : NULL;
    while (file && fwrite(block, sizeof block, 1, file) == 1 && fflush(file) == 0)
        ;
    if (file)
        (void)fclose(file); /* it could not be written: that was the point */
}

static void print(const struct flusher_status *status, bool sent, const struct err *err)
{
    struct json_out json;
    json_out_init(&json, stdout);
    json_out_open(&json, '{');
    json_out_key(&json, "sent");
    json_out_number(&json, sent);
    json_out_key(&json, "error");
    json_out_text(&json, sent ? "" : err->text);
#define NUMBER(name)                                                                           \
    json_out_key(&json, #name);                                                                \
    json_out_number(&json, status->name);
    NUMBER(flushes)
    NUMBER(failures)
    NUMBER(resends)
    NUMBER(drops)
    NUMBER(refused)
    NUMBER(held)
    NUMBER(lag_s)
    NUMBER(flush_us)
    NUMBER(held_bytes)
    NUMBER(spool_failures)
    NUMBER(spool_bytes)
#undef NUMBER
    json_out_key(&json, "state");
    json_out_text(&json, flusher_state_name(status->state));
    json_out_close(&json, '}');
    (void)json_out_finish(&json);
}

int main(int argc, char **argv)
{
    struct redis_config redis;
    struct err err = {0};
    if (argc < 3 || redis_url_parse(argv[1], &redis, &err) != 0 ||
        redis_credentials(&redis, NULL, getenv("NIGHTSCOPE_REDIS_USER"),
                          getenv("NIGHTSCOPE_REDIS_PASSWORD"), &err) != 0)
        return 2;
    for (int i = 3; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        uint64_t value = equals ? strtoull(equals + 1, NULL, 0) : 0;
        if (strncmp(argv[i], "seed=", 5) == 0)
            options.seed = value;
        else if (strncmp(argv[i], "minutes=", 8) == 0)
            options.minutes = value;
        else if (strncmp(argv[i], "pace=", 5) == 0)
            options.pace = value;
        else if (strncmp(argv[i], "wait=", 5) == 0)
            options.wait = value;
        else if (strncmp(argv[i], "spool=", 6) == 0)
            options.spool = argv[i] + 6;
        else if (strncmp(argv[i], "withheld=", 9) == 0)
            options.withheld = value;
        else if (strncmp(argv[i], "fill=", 5) == 0)
            options.fill = value;
        else
            return 2;
    }
    struct sample sample;
    struct sample_options none = {.seed = 1};
    sample_init(&sample, &none); /* for its signatures */
    struct prefix_set *withheld =
        options.withheld ? prefix_set_parse(WITHHELD, "withheld", NULL) : NULL;
    struct flusher_config config = {.redis = redis,
                                    .sensor = argv[2],
                                    .withheld = withheld,
                                    .tell = tell,
                                    .spool = options.spool};
    struct flusher *flusher = flusher_new(&config, &err);
    if (!flusher)
        (void)fprintf(stderr, "%s: %s\n", err.origin, err.text);
    if (!flusher ||
        flusher_signatures(flusher, sample.signatures, SAMPLE_LABELS, SAMPLE_LABELS_N) != 0)
        return 1;
    struct flusher_status begun;
    flusher_status(flusher, &begun);
    uint64_t totals[COUNT_COUNT_] = {0};
    for (uint64_t minute = 0; minute < options.minutes; minute++) {
        if (options.fill && minute % options.fill == 0)
            fill_disk(minute / options.fill % 2);
        add_minute(flusher, minute, begun.closed_s, totals);
        follow(flusher, options.pace);
        if (minute == options.minutes / 2) { /* signatures are reloaded */
            sample_fini(&sample);
            sample_init(&sample, &none);
            if (flusher_signatures(flusher, sample.signatures, SAMPLE_LABELS,
                                   SAMPLE_LABELS_N) != 0)
                return 1;
        }
    }
    struct flusher_status status;
    flusher_status(flusher, &status);
    bool sent = flusher_end(flusher, (unsigned)options.wait, &err) == FLUSHER_LEFT_NOTHING;
    print(&status, sent, &err);
    sample_fini(&sample);
    prefix_set_free(withheld);
    return 0;
}
