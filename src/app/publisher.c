#include "app/publisher.h"

#include "app/commands.h"
#include "app/message.h"
#include "app/shown_report.h"
#include "state/evidence.h"
#include "state/feed.h"
#include "state/labelled.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum {
    BACK_OFF_FIRST_MS = 200,
    BACK_OFF_MOST_MS = 5000,
    ATTEMPT_MS = 300000, /* one attempt takes no longer, whatever a slow server does */
};

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now); /* both clocks always exist */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Also tells whether the server is there. */
static enum redis_status name_incarnation(struct publisher *publisher, struct err *err)
{
    uint64_t random;
    if (getrandom(&random, sizeof random, 0) != sizeof random) {
        (void)err_set(err, NULL, 0, 0, "cannot read random numbers from the kernel");
        return REDIS_WRONG;
    }
    int64_t now_ms = clock_ms(CLOCK_REALTIME);
    publisher->started_s = now_ms / 1000;
    return redis_incarnation(publisher->redis, publisher->sensor, now_ms, random,
                             publisher->incarnation, err);
}

static void warn(const struct err *err, const char *what)
{
    char text[ERR_ORIGIN_CAP + ERR_TEXT_CAP + 32];
    err_format(err, text, sizeof text);
    message_warning("%s; %s", text, what);
}

int publisher_init(struct publisher *publisher, const struct setup *setup,
                   const struct redis_setup *redis, struct err *err)
{
    const union option_value *value = setup->options.value;
    *publisher = (struct publisher){
        .sensor = value[OPTION_sensor].text ? value[OPTION_sensor].text : "replay",
        .wait_s = (unsigned)value[OPTION_redis_timeout].number,
        .quiet = value[OPTION_quiet].given,
    };
    publisher->redis = redis_new(&redis->config);
    if (!publisher->redis) {
        (void)err_set(err, NULL, 0, 0, "out of memory");
        return EXIT_FAILED;
    }
    enum redis_status status = name_incarnation(publisher, err);
    if (!publisher->incarnation[0])
        return EXIT_FAILED;
    if (status == REDIS_DENIED)
        return EXIT_BAD_CONFIG;
    if (status != REDIS_DONE && !publisher->quiet)
        warn(err, "it is tried again when the captures are read");
    return EXIT_DONE;
}

void publisher_fini(struct publisher *publisher)
{
    redis_free(publisher->redis);
}

/* One moment to the next, as long as the deadline lets it. */
static void wait_ms(int64_t ms)
{
    struct timespec span = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&span, NULL); /* a signal ends the program or the wait: either is right */
}

static bool go_on(void *context)
{
    const int64_t *deadline_ms = context;
    return clock_ms(CLOCK_MONOTONIC) < *deadline_ms;
}

/* An outage is waited for; anything else is final. */
static int send_until(const struct publisher *publisher, struct publication *publication,
                      struct err *err)
{
    int64_t deadline_ms = clock_ms(CLOCK_MONOTONIC) + (int64_t)publisher->wait_s * 1000;
    int64_t back_off_ms = BACK_OFF_FIRST_MS;
    int64_t attempt_ms;
    publication->go_on = go_on;
    publication->context = &attempt_ms;
    for (bool told = false;;) {
        attempt_ms = clock_ms(CLOCK_MONOTONIC) + ATTEMPT_MS;
        publication->flushed_s = clock_ms(CLOCK_REALTIME) / 1000;
        enum redis_status status = redis_publish(publisher->redis, publication, err);
        int64_t left_ms = deadline_ms - clock_ms(CLOCK_MONOTONIC);
        if (status == REDIS_DONE)
            return 0;
        if ((status != REDIS_LOST && status != REDIS_BUSY) || left_ms <= 0)
            return -1;
        if (!told && !publisher->quiet)
            warn(err, "trying again");
        told = true;
        wait_ms(back_off_ms < left_ms ? back_off_ms : left_ms);
        back_off_ms = back_off_ms * 2 < BACK_OFF_MOST_MS ? back_off_ms * 2 : BACK_OFF_MOST_MS;
    }
}

/* What has to be freed after it was sent. */
struct parts {
    struct labelled_list labelled;
    struct feed_packet *feed;
    size_t feed_n;
    struct publication_signature *signatures;
    size_t signatures_n;
    const char **labels;
    size_t labels_n;
    char *json;
    size_t json_len;
};

static void parts_fini(struct parts *parts)
{
    free(parts->labelled.rows);
    free(parts->feed);
    free(parts->signatures);
    free(parts->labels);
    free(parts->json);
}

/* The sample, each packet with its place. */
static bool locate_feed(struct analysis *analysis, const struct locator *locator,
                        struct parts *parts)
{
    const struct feed_packet *packets = analysis_feed(analysis, &parts->feed_n);
    parts->feed = malloc((parts->feed_n + 1) * sizeof *parts->feed);
    if (!parts->feed)
        return false;
    if (parts->feed_n)
        memcpy(parts->feed, packets, parts->feed_n * sizeof *parts->feed);
    for (size_t i = 0; locator && i < parts->feed_n; i++) {
        struct feed_packet *packet = &parts->feed[i];
        packet->place = locator->locate(locator->context, &packet->source);
        packet->has_position =
            locator->position && locator->position(locator->context, &packet->source,
                                                   &packet->latitude, &packet->longitude);
    }
    return true;
}

static bool name_signatures(const struct signature_set *set, struct parts *parts)
{
    parts->signatures_n = set ? signature_count(set) : 0;
    parts->signatures = calloc(parts->signatures_n + 1, sizeof *parts->signatures);
    for (unsigned i = 0; parts->signatures && i < parts->signatures_n; i++)
        parts->signatures[i] = (struct publication_signature){signature_at(set, i)->name,
                                                              signature_at(set, i)->label};
    return parts->signatures;
}

static bool name_labels(const struct evidence_plan *plan, struct parts *parts)
{
    parts->labels_n = evidence_label_count(plan);
    parts->labels = calloc(parts->labels_n + 1, sizeof *parts->labels);
    for (unsigned i = 0; parts->labels && i < parts->labels_n; i++)
        parts->labels[i] = evidence_label_name(plan, i);
    return parts->labels;
}

int publisher_publish(struct publisher *publisher, const struct setup *setup,
                      const struct publisher_input *input, struct err *err)
{
    const struct report *report = input->report;
    const struct prefix_set *withheld = setup_withheld(setup);
    struct parts parts = {0};
    struct gathered gathered;
    int status = -1;
    if (!locate_feed(input->analysis, input->locator, &parts) ||
        !name_signatures(setup->signatures, &parts) || !name_labels(setup->evidence, &parts) ||
        !(parts.json = shown_report(report, input->files, withheld, &parts.json_len)) ||
        labelled_collect(input->analysis, LABELLED_MAX, &parts.labelled) != 0 ||
        gathering_read(input->gathering, report->first_ns, report->last_ns, &gathered) != 0) {
        (void)err_set(err, NULL, 0, 0, "out of memory: nothing was published");
        parts_fini(&parts);
        return -1;
    }
    if (parts.labelled.left_out > 0 && !publisher->quiet)
        message_warning("%zu labelled sources more than Redis is given; the latest seen are",
                        parts.labelled.left_out);
    if (gathered.refused > 0 && !publisher->quiet)
        message_warning("memory was short: rankings or hours in Redis are not complete");
    struct publication publication = {
        .sensor = publisher->sensor,
        .incarnation = publisher->incarnation,
        .version = NIGHTSCOPE_VERSION,
        .started_s = publisher->started_s,
        .state = "replay",
        .dark_size = setup->dark ? prefix_set_size4(setup->dark) : 0,
        .withheld = withheld,
        .report = report,
        .report_json = parts.json,
        .report_json_len = parts.json_len,
        .signatures = parts.signatures,
        .signatures_n = parts.signatures_n,
        .labels = parts.labels,
        .labels_n = parts.labels_n,
        .minutes = report->series.rows,
        .minutes_n = report->series.n,
        .hours = gathered.hours,
        .hours_n = gathered.hours_n,
        .hour = gathered.hour,
        .day = gathered.day,
        .days = gathered.days,
        .days_n = gathered.days_n,
        .labelled = parts.labelled.rows,
        .labelled_n = parts.labelled.n,
        .feed = parts.feed,
        .feed_n = parts.feed_n,
    };
    status = send_until(publisher, &publication, err);
    parts_fini(&parts);
    return status;
}
