/* nightscope replay: capture files to a report. */
#include "app/collector.h"
#include "app/commands.h"
#include "app/file_messages.h"
#include "app/html_page.h"
#include "app/lines.h"
#include "app/message.h"
#include "app/output.h"
#include "app/processors.h"
#include "app/progress.h"
#include "app/publisher.h"
#include "app/replay_redis.h"
#include "app/replay_state.h"
#include "app/setup.h"
#include "app/workers.h"

#include <nightscope/sink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { PROGRESS_MS = 200 };

/* The files of a report; to be freed. NULL: out of memory. */
static const struct file_status **list_files(const struct replay *replay)
{
    unsigned n = replay_file_count(replay);
    const struct file_status **list = calloc(n, sizeof *list);
    for (unsigned i = 0; list && i < n; i++)
        list[i] = replay_file(replay, i);
    return list;
}

/* Every frame, those of runs before included, is counted once or refused for one reason. If
 * that ever fails, say so: a report that is wrong must not look right. */
static int check_conservation(const struct report *report, const struct replay *replay,
                              uint64_t before, struct err *err)
{
    uint64_t read = before, accounted = report->counts[COUNT_packets];
    for (unsigned i = 0; i < replay_file_count(replay); i++)
        read += replay_file(replay, i)->frames;
    for (unsigned i = 0; i < REASON_COUNT_; i++)
        accounted += report->not_counted[i];
    if (read == accounted && read == report->frames)
        return 0;
    return err_set(
        err, NULL, 0, 0,
        "internal error: %llu frames were read, %llu analysed and %llu accounted for; "
        "the report is not to be trusted",
        (unsigned long long)read, (unsigned long long)report->frames,
        (unsigned long long)accounted);
}

/* A run, and what it works with. Borrowed is what comes first. */
struct run {
    struct setup *setup;
    struct publisher *publisher; /* NULL: nothing is published */
    struct lines *lines;
    struct replay_state *state;
    struct replay_redis *redis;
    FILE *page; /* NULL: none is wanted, or it is written */

    struct replay *replay;
    struct gathering *gathering;
    struct collector *collector;
    struct workers_result result;
    struct report_input input;
    struct report *report;
    const struct file_status **list;
};

static struct workers_config configure(const struct run *run)
{
    const struct setup *setup = run->setup;
    const union option_value *value = setup->options.value;
    struct workers_config config = {
        .n = setup->workers,
        .decode = &setup->decode,
        .analysis = {.sources_max = value[OPTION_max_sources].number,
                     .lateness_ns = (int64_t)value[OPTION_lateness].number * 1000000000,
                     .locator = setup->geo ? &setup->locator : NULL,
                     .evidence = setup->evidence,
                     .evidence_s = (uint32_t)value[OPTION_evidence].number,
                     .profiles = run->publisher || run->redis->flusher,
                     .feed = run->publisher || run->page || run->state->kept},
        .signatures = setup->signatures,
        .events = run->lines->events,
        .make_ahead = processors_allowed() >= 2,
        .read_ahead = processors_allowed() >= 2 * setup->workers,
    };
    lines_configure(setup, &config.analysis);
    return config;
}

/* Opens what is read and what is collected. -1 with *err. */
static int start(struct run *run, struct workers_config *config, struct err *err)
{
    const struct options *options = &run->setup->options;
    struct replay_config replay_config = {
        .lateness_ns = config->analysis.lateness_ns,
        .decode = run->setup->workers > 1 ? &run->setup->decode : NULL,
        .open_max = setup_open_max(),
        .packet_time_ns = run->state->before.packet_time_ns,
    };
    if (getrandom(config->analysis.table_key, sizeof config->analysis.table_key, 0) !=
        sizeof config->analysis.table_key)
        return err_set(err, NULL, 0, 0, "cannot read random numbers from the kernel");
    file_messages_repeated(options->files, options->files_n,
                           options->value[OPTION_quiet].given);
    run->replay =
        replay_new(&replay_config, (const char *const *)options->files, options->files_n);
    run->gathering = run->publisher ? gathering_new() : NULL;
    run->collector = collector_new(run->setup->workers, run->gathering);
    if (!run->replay || !run->collector || (run->publisher && !run->gathering))
        return err_set(err, NULL, 0, 0, "out of memory");
    if (run->redis->flusher)
        collector_run_on(run->collector, SERIES_MAX);
    return replay_state_continue(run->state, config, run->collector, err);
}

/* Counts every frame. -1 with *err. */
static int count(struct run *run, const struct workers_config *config, struct err *err)
{
    struct workers *workers = workers_start(config, run->replay, run->collector, err);
    struct replay_progress now;
    struct progress progress;
    if (!workers)
        return -1;
    progress_start(&progress, run->setup->options.value[OPTION_quiet].given);
    while (!workers_wait(workers, PROGRESS_MS)) {
        replay_progress(run->replay, &now);
        progress_draw(&progress, &now);
        replay_redis_tick(run->redis, run->collector, now.first_ns, false);
    }
    progress_end(&progress);
    replay_progress(run->replay, &now);
    replay_redis_tick(run->redis, run->collector, now.first_ns, true);
    bool saved = replay_state_save(run->state, run->setup, workers, run->collector, err) == 0;
    if (workers_finish(workers, &run->result, saved ? err : NULL) != 0 || !saved)
        return -1;
    replay_state_add(run->state, &run->result);
    return 0;
}

static int make_report(struct run *run, struct err *err)
{
    struct report_input *input = &run->input;
    *input = (struct report_input){
        .top = run->setup->options.value[OPTION_top].number,
        .locator = run->setup->geo ? &run->setup->locator : NULL,
        .dark_known = run->setup->dark,
        .frames = run->result.frames,
        .has_time = run->result.has_time,
        .first_ns = run->result.first_ns,
        .last_ns = run->result.last_ns,
    };
    input->minutes = collector_series(run->collector, &input->minutes_n, &input->refused);
    run->report = report_new(run->result.analysis, input);
    run->list = list_files(run->replay);
    return run->report && run->list ? 0 : err_set(err, NULL, 0, 0, "out of memory");
}

/* Everything that is written; the state comes last, so that a run that fails can be run again.
 */
static int write_outputs(struct run *run, const struct sink_files *files, struct err *err)
{
    struct setup *setup = run->setup;
    const struct replay_state *state = run->state;
    int status = output_report(setup, run->report, files, err);
    if (status == 0)
        status = check_conservation(run->report, run->replay, state->before.frames, err);
    if (status == 0 && run->page) {
        const struct html_input html = {run->result.analysis, run->report, run->input.locator,
                                        setup->signatures, setup_withheld(setup)};
        status = html_page_write(run->page, setup_text(setup, OPTION_html), &html, err);
        run->page = NULL;
    }
    if (status == 0 && run->publisher)
        status = publisher_publish(run->publisher, setup,
                                   &(struct publisher_input){run->result.analysis, run->report,
                                                             files, run->gathering,
                                                             run->input.locator},
                                   err);
    if (status == 0)
        status = lines_add_series(run->lines, run->report, state->closed_until_s,
                                  state->kept ? state->closes_until_s : INT64_MAX, err);
    if (status == 0)
        status = lines_close(run->lines, err);
    if (status == 0)
        status = replay_state_commit(run->state, err);
    if (status == 0 && run->redis->flusher) {
        status = replay_redis_end(run->redis, run->result.analysis, run->report, files, err);
        run->report = NULL; /* it took it */
    }
    return status;
}

/* 0; 1: a file has failed, which has been said; -1 with *err. */
static int run_all(struct run *run, struct err *err)
{
    struct workers_config config = configure(run);
    int status = start(run, &config, err);
    if (status == 0)
        status = count(run, &config, err);
    if (status == 0)
        status = make_report(run, err);
    if (status == 0) {
        bool quiet = run->setup->options.value[OPTION_quiet].given;
        bool failed = file_messages_tell(run->replay, quiet);
        file_messages_jump(run->replay, quiet);
        struct sink_files files = {run->list, replay_file_count(run->replay)};
        status = write_outputs(run, &files, err);
        if (status == 0 && failed)
            status = 1;
    }
    if (run->page)
        (void)fclose(run->page); /* nothing was written */
    free(run->list);
    report_free(run->report);
    free(run->input.minutes);
    analysis_free(run->result.analysis);
    collector_free(run->collector);
    gathering_free(run->gathering);
    replay_free(run->replay);
    return status;
}

/* What is wrong about Redis is said before any file is read. */
static int connect_and_run(struct setup *setup)
{
    struct err err = {0};
    struct redis_setup redis;
    struct publisher publisher = {0};
    const char *sensor = setup_text(setup, OPTION_sensor);
    int status = redis_setup_init(setup, &redis, &err);
    if (status == EXIT_DONE && sensor &&
        redis_setup_check_sensor(sensor, strlen(sensor), &err) != 0)
        status = EXIT_USAGE;
    if (status == EXIT_DONE && redis.wanted)
        status = publisher_init(&publisher, setup, &redis, &err);
    struct lines lines = {0};
    struct replay_state state = {0};
    if (status == EXIT_DONE)
        status = replay_state_open(&state, setup, &err);
    struct replay_redis keeper = {0};
    if (status == EXIT_DONE && redis.wanted && state.kept &&
        replay_redis_start(&keeper, setup, &redis, &state, &err) != 0)
        status = EXIT_FAILED;
    if (status == EXIT_DONE)
        status = lines_open(&lines, setup, false, &err);
    const char *html = setup_text(setup, OPTION_html);
    FILE *page = status == EXIT_DONE && html ? html_page_open(html, &err) : NULL;
    if (status == EXIT_DONE && html && !page)
        status = EXIT_FAILED;
    struct run run = {.setup = setup,
                      .publisher = redis.wanted && !state.kept ? &publisher : NULL,
                      .lines = &lines,
                      .state = &state,
                      .redis = &keeper,
                      .page = page};
    int result = status == EXIT_DONE ? run_all(&run, &err) : -1;
    if (status == EXIT_DONE && result != 0)
        status = EXIT_FAILED;
    if (result < 0)
        status = setup_tell(setup, &err, status);
    lines_free(&lines);
    replay_redis_fini(&keeper);
    replay_state_fini(&state);
    publisher_fini(&publisher);
    return status;
}

int command_replay(int argc, char **argv)
{
    struct setup setup;
    struct err err = {0};
    int status = setup_init(&setup, argc, argv);
    if (status != EXIT_DONE) {
        /* setup_init() has said why */
    } else if (setup_wants_help(&setup)) {
        (void)printf(
            "Usage: nightscope replay [OPTION]... FILE...\n\n"
            "Reads pcap and pcapng captures, plain or compressed with gzip or zstd, in "
            "any order, as one\nstream in time order, and reports what was in them. "
            "`-` is standard input.\n\n");
        options_help(argv[0], stdout);
    } else if (setup.options.files_n == 0) {
        (void)err_set(&err, NULL, 0, 0,
                      "no capture file given: nightscope replay [OPTION]... FILE... "
                      "(`-` is standard input)");
        message_error(&err);
        status = EXIT_USAGE;
    } else {
        status = connect_and_run(&setup);
    }
    setup_fini(&setup);
    return status;
}
