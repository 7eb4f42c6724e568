/* nightscope replay: capture files to a report. */
#include "app/collector.h"
#include "app/commands.h"
#include "app/html_page.h"
#include "app/lines.h"
#include "app/message.h"
#include "app/output.h"
#include "app/processors.h"
#include "app/progress.h"
#include "app/publisher.h"
#include "app/setup.h"
#include "app/workers.h"

#include <nightscope/sink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { PROGRESS_MS = 200 };

/* Warns of cut files, reports failed ones; true when one failed. */
static bool tell_files(const struct replay *replay, bool quiet)
{
    bool failed = false;
    for (unsigned i = 0; i < replay_file_count(replay); i++) {
        const struct file_status *file = replay_file(replay, i);
        if (file->failed) {
            message_error(&file->error);
            failed = true;
        } else if (file->cut && !quiet) {
            char text[ERR_ORIGIN_CAP + ERR_TEXT_CAP + 32];
            err_format(&file->error, text, sizeof text);
            message_warning("%s", text);
        }
    }
    return failed;
}

/* The files of a report; to be freed. NULL: out of memory. */
static const struct file_status **list_files(const struct replay *replay)
{
    unsigned n = replay_file_count(replay);
    const struct file_status **list = calloc(n, sizeof *list);
    for (unsigned i = 0; list && i < n; i++)
        list[i] = replay_file(replay, i);
    return list;
}

/* Every frame is counted once or refused for one reason. If that ever fails, say so: a report
 * that is wrong must not look right. */
static int check_conservation(const struct report *report, const struct replay *replay,
                              struct err *err)
{
    uint64_t read = 0, accounted = report->counts[COUNT_packets];
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

static int run(struct setup *setup, struct publisher *publisher, struct lines *lines,
               FILE *page, struct err *err)
{
    const union option_value *value = setup->options.value;
    int64_t lateness_ns = (int64_t)value[OPTION_lateness].number * 1000000000;
    struct workers_config config = {
        .n = setup->workers,
        .decode = &setup->decode,
        .analysis = {.sources_max = value[OPTION_max_sources].number,
                     .lateness_ns = lateness_ns,
                     .locator = setup->geo ? &setup->locator : NULL,
                     .evidence = setup->evidence,
                     .evidence_s = (uint32_t)value[OPTION_evidence].number,
                     .profiles = publisher,
                     .feed = publisher || page},
        .signatures = setup->signatures,
        .events = lines->events,
        .read_ahead = processors_allowed() >= 2 * setup->workers,
    };
    lines_configure(lines, setup, &config.analysis);
    if (getrandom(config.analysis.table_key, sizeof config.analysis.table_key, 0) !=
        sizeof config.analysis.table_key)
        return err_set(err, NULL, 0, 0, "cannot read random numbers from the kernel");
    struct replay_config replay_config = {
        .lateness_ns = lateness_ns,
        .decode = setup->workers > 1 ? &setup->decode : NULL,
        .open_max = setup_open_max(),
    };
    struct replay *replay = replay_new(
        &replay_config, (const char *const *)setup->options.files, setup->options.files_n);
    struct gathering *gathering = publisher ? gathering_new() : NULL;
    struct collector *collector = collector_new(setup->workers, gathering);
    struct workers *workers = NULL;
    struct workers_result result = {0};
    struct report_input input = {.top = value[OPTION_top].number,
                                 .locator = config.analysis.locator,
                                 .dark_known = setup->dark};
    struct report *report = NULL;
    const struct file_status **list = NULL;
    int status = -1;
    if (!replay || !collector || (publisher && !gathering)) {
        (void)err_set(err, NULL, 0, 0, "out of memory");
        goto out;
    }
    workers = workers_start(&config, replay, collector, err);
    if (!workers)
        goto out;
    struct progress progress;
    progress_start(&progress, value[OPTION_quiet].given);
    while (!workers_wait(workers, PROGRESS_MS)) {
        struct replay_progress now;
        replay_progress(replay, &now);
        progress_draw(&progress, &now);
    }
    progress_end(&progress);
    if (workers_finish(workers, &result, err) != 0)
        goto out;
    input.frames = result.frames;
    input.has_time = result.has_time;
    input.first_ns = result.first_ns;
    input.last_ns = result.last_ns;
    input.minutes = collector_series(collector, &input.minutes_n, &input.minutes_refused);
    report = report_new(result.analysis, &input);
    list = list_files(replay);
    if (!report || !list) {
        (void)err_set(err, NULL, 0, 0, "out of memory");
        goto out;
    }
    bool failed = tell_files(replay, value[OPTION_quiet].given);
    struct sink_files files = {list, replay_file_count(replay)};
    status = output_report(setup, report, &files, err);
    if (status == 0)
        status = check_conservation(report, replay, err);
    if (status == 0 && page) {
        const struct html_input html = {result.analysis, report, input.locator,
                                        setup->signatures, setup_withheld(setup)};
        status = html_page_write(page, setup_text(setup, OPTION_html), &html, err);
        page = NULL;
    }
    if (status == 0 && publisher)
        status = publisher_publish(publisher, setup,
                                   &(struct publisher_input){result.analysis, report, &files,
                                                             gathering, input.locator},
                                   err);
    if (status == 0)
        status = lines_add_series(lines, report, err);
    if (status == 0)
        status = lines_close(lines, err);
    if (status == 0 && failed)
        status = 1;
out:
    if (page)
        (void)fclose(page); /* nothing was written */
    free(list);
    report_free(report);
    free(input.minutes);
    analysis_free(result.analysis);
    collector_free(collector);
    gathering_free(gathering);
    replay_free(replay);
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
    if (status == EXIT_DONE)
        status = lines_open(&lines, setup, false, &err);
    const char *html = setup_text(setup, OPTION_html);
    FILE *page = status == EXIT_DONE && html ? html_page_open(html, &err) : NULL;
    if (status == EXIT_DONE && html && !page)
        status = EXIT_FAILED;
    int result = status == EXIT_DONE
                     ? run(setup, redis.wanted ? &publisher : NULL, &lines, page, &err)
                     : -1;
    if (status == EXIT_DONE && result != 0)
        status = EXIT_FAILED;
    if (result < 0)
        status = setup_tell(setup, &err, status);
    lines_free(&lines);
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
