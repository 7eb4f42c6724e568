/* nightscope live: interfaces to a report, and all that is shown meanwhile.
 *
 *   open everything --> start the workers --> a second after the other --> stop, drain, report
 */
#include "app/collector.h"
#include "app/commands.h"
#include "app/interface_names.h"
#include "app/live_control.h"
#include "app/live_keeper.h"
#include "app/live_outputs.h"
#include "app/message.h"
#include "app/notify.h"
#include "app/output.h"
#include "app/privileges.h"
#include "app/sandbox.h"
#include "app/setup.h"
#include "app/signals.h"
#include "app/terminal.h"

#include <errno.h>
#include <nightscope/live.h>
#include <nightscope/sink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    TICK_MS = 1000,
    CAPTURE_TIMEOUT_MS = 100,
    MIB = 1 << 20,
};

/* A sensor, from the opening of its handles to its report. */
struct sensor {
    struct setup *setup;
    char *names; /* the interfaces: */
    const char *interfaces[LIVE_INTERFACES_MAX];
    unsigned interfaces_n;
    struct live_control control;
    struct live_outputs outputs;
    struct terminal terminal;
    struct collector *collector;
    struct live_workers *workers;
    struct pcap_out *out;
    struct redis_setup redis_setup;
    struct live_redis redis;
    struct live_keeper keeper;
    struct notify notify;
    int signals_fd;
};

static int list_interfaces(struct sensor *sensor, struct err *err)
{
    const char *text = setup_text(sensor->setup, OPTION_interface);
    if (!text || !*text)
        return err_set(err, NULL, 0, 0,
                       "no interface given: nightscope live [OPTION]... -i IFACE");
    sensor->names = strdup(text);
    if (!sensor->names)
        return err_set(err, NULL, 0, 0, "out of memory");
    char *rest = sensor->names;
    for (char *name; (name = strsep(&rest, ","));) {
        if (sensor->interfaces_n == LIVE_INTERFACES_MAX)
            return err_set(err, "--interface", 0, 0, "more than %d interfaces",
                           LIVE_INTERFACES_MAX);
        for (unsigned i = 0; i < sensor->interfaces_n; i++)
            if (interface_names_check(name, sensor->interfaces[i], err) != 0)
                return -1;
        sensor->interfaces[sensor->interfaces_n++] = name;
    }
    return 0;
}

static int open_workers(struct sensor *sensor, struct err *err)
{
    struct setup *setup = sensor->setup;
    const union option_value *value = setup->options.value;
    struct live_workers_config config = {
        .n = setup->workers,
        .capture = {.snaplen = (unsigned)value[OPTION_snaplen].number,
                    .buffer_mib = (unsigned)value[OPTION_buffer_size].number,
                    .timeout_ms = CAPTURE_TIMEOUT_MS,
                    .immediate = value[OPTION_immediate].given,
                    .promiscuous = !value[OPTION_no_promiscuous].given,
                    .filter = value[OPTION_filter].text},
        .interfaces = sensor->interfaces,
        .interfaces_n = sensor->interfaces_n,
        .decode = &setup->decode,
        .analysis = {.sources_max = value[OPTION_max_sources].number,
                     .lateness_ns = (int64_t)value[OPTION_lateness].number * 1000000000,
                     .locator = setup->geo ? &setup->locator : NULL,
                     .evidence = setup->evidence,
                     .evidence_s = (uint32_t)value[OPTION_evidence].number,
                     .profiles = sensor->redis_setup.wanted,
                     .feed = sensor->redis_setup.wanted},
        .signatures = setup->signatures,
        .collector = sensor->collector,
        .keeps_state = setup_text(setup, OPTION_state),
        .recent = terminal_shows(&sensor->terminal),
    };
    lines_configure(setup, &config.analysis);
    uint64_t random[3];
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return err_set(err, NULL, 0, 0, "cannot read random numbers from the kernel");
    config.analysis.table_key[0] = random[0];
    config.analysis.table_key[1] = random[1];
    config.seed = (uint32_t)random[2];
    sensor->workers = live_workers_new(&config, err);
    return sensor->workers ? 0 : -1;
}

static int open_file(struct sensor *sensor, struct err *err)
{
    const union option_value *value = sensor->setup->options.value;
    struct pcap_out_config config = {
        .path = value[OPTION_write].text,
        .snaplen = (uint32_t)value[OPTION_snaplen].number,
        .rotate_bytes = value[OPTION_write_size].number * MIB,
        .rotate_ns = (int64_t)value[OPTION_write_time].number * 1000000000,
    };
    if (!config.path)
        return 0;
    if (!live_workers_linktype(sensor->workers, &config.linktype))
        return err_set(err, "--write", 0, 0,
                       "the interfaces have different link layers, which one file cannot hold");
    sensor->out = pcap_out_new(&config, err);
    return sensor->out ? 0 : -1;
}

/* Whatever is still to be opened is opened by an unprivileged user. */
static int lock_in(const struct sensor *sensor, struct err *err)
{
    const char *user = setup_text(sensor->setup, OPTION_user);
    int status = privileges_drop(user ? user : "nobody", err);
    if (status == EXIT_DONE && !sensor->setup->options.value[OPTION_no_sandbox].given &&
        sandbox_enter(setup_text(sensor->setup, OPTION_state), err) != 0)
        status = EXIT_FAILED;
    return status;
}

/* The files of a row are made when their first packet is there, by the user that the sensor has
 * become. That it may not is told before packets are lost. */
static int look_at_row(const struct sensor *sensor, struct err *err)
{
    const union option_value *value = sensor->setup->options.value;
    const char *path = value[OPTION_write].text;
    if (!path || (!value[OPTION_write_size].number && !value[OPTION_write_time].number))
        return EXIT_DONE;
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    int status = folder && access(folder, W_OK | X_OK) == 0 ? EXIT_DONE : EXIT_BAD_CONFIG;
    int why = errno;
    free(folder);
    if (status == EXIT_DONE)
        return status;
    char user[PRIVILEGES_USER_CAP];
    privileges_user(user);
    (void)err_set(
        err, path, 0, 0,
        "the user %s cannot make files of --write there: %s; give a folder that it may "
        "write to, or another --user",
        user, strerror(why));
    return status;
}

/* A filter that pcap-filter(7) does not take is a mistake of whoever wrote it, and stays one
 * when it is started again. */
static int look_at_filter(const struct sensor *sensor, struct err *err)
{
    const char *filter = setup_text(sensor->setup, OPTION_filter);
    return filter && live_check_filter(filter, err) != 0 ? EXIT_USAGE : EXIT_DONE;
}

/* Outer headers, those of an Ethernet tunnel, and IPv6 in it. */
static int look_at_snaplen(const struct sensor *sensor, struct err *err)
{
    enum { TUNNEL_SNAPLEN_MIN = 192 };
    uint64_t snaplen = sensor->setup->options.value[OPTION_snaplen].number;
    if (!sensor->setup->decode.tunnels || snaplen >= TUNNEL_SNAPLEN_MIN)
        return EXIT_DONE;
    (void)err_set(err, "--snaplen", 0, 0,
                  "%llu bytes would cut the headers of packets in tunnels, which --decapsulate "
                  "counts: give %d or more",
                  (unsigned long long)snaplen, TUNNEL_SNAPLEN_MIN);
    return EXIT_USAGE;
}

/* What stays wrong when the service manager starts it again must not have it do so. */
static int status_of(const struct sensor *sensor, const struct err *err)
{
    static const char *const USAGE[] = {"--filter", "--write", "--tunnel"};
    const char *path = setup_text(sensor->setup, OPTION_write);
    for (size_t i = 0; i < sizeof USAGE / sizeof *USAGE; i++)
        if (strcmp(err->origin, USAGE[i]) == 0)
            return EXIT_USAGE;
    return path && strcmp(err->origin, path) == 0 ? EXIT_BAD_CONFIG : EXIT_FAILED;
}

/* What is wrong about Redis is said before anything is opened. */
static int look_at_redis(struct sensor *sensor, struct err *err)
{
    const char *name = setup_text(sensor->setup, OPTION_live_sensor);
    int status = redis_setup_init(sensor->setup, &sensor->redis_setup, err);
    if (status == EXIT_DONE && name && redis_setup_check_sensor(name, strlen(name), err) != 0)
        status = EXIT_USAGE;
    return status;
}

static int open_all(struct sensor *sensor, struct err *err)
{
    notify_init(&sensor->notify);
    sensor->collector = collector_new(sensor->setup->workers, NULL);
    if (!sensor->collector)
        return err_set(err, NULL, 0, 0, "out of memory");
    collector_run_on(sensor->collector, LIVE_SERIES_MAX);
    if (live_control_init(&sensor->control, sensor->setup, sensor->interfaces,
                          sensor->interfaces_n, err) != 0 ||
        open_workers(sensor, err) != 0 || open_file(sensor, err) != 0)
        return -1;
    sensor->signals_fd = signals_open(err);
    return sensor->signals_fd < 0 ? -1 : 0;
}

static void reload(struct sensor *sensor)
{
    notify_reloading(&sensor->notify);
    live_control_reload(&sensor->control);
    notify_send(&sensor->notify, "READY=1");
}

/* Until a signal says stop, or capture cannot go on: EXIT_DONE or EXIT_FAILED. */
static int watch(struct sensor *sensor)
{
    notify_send(&sensor->notify, "READY=1");
    for (;;) {
        unsigned signals = signals_wait(sensor->signals_fd, TICK_MS);
        bool goes_on = live_control_tick(&sensor->control);
        live_keeper_tick(&sensor->keeper);
        if (signals & SIGNAL_TELL)
            live_control_tell(&sensor->control);
        if (signals & SIGNAL_RELOAD)
            reload(sensor);
        if (signals & SIGNAL_STOP)
            return EXIT_DONE;
        if (!goes_on)
            return EXIT_FAILED;
        notify_status(&sensor->notify, &sensor->control.status,
                      live_workers_alive(sensor->workers));
    }
}

/* Everything that passed the kernel filter was read or lost: if that ever fails, say so. */
static int check_conservation(const struct live_result *result, const struct report *report,
                              struct err *err)
{
    uint64_t accounted = report->counts[COUNT_packets];
    for (unsigned i = 0; i < REASON_COUNT_; i++)
        accounted += report->not_counted[i];
    uint64_t lost = result->drops[LIVE_DROP_kernel] + result->drops[LIVE_DROP_handle];
    accounted -= result->frames_before;
    if (accounted == result->frames && result->frames + lost == result->received)
        return 0;
    return err_set(err, NULL, 0, 0,
                   "internal error: %llu packets were received, %llu lost, %llu read and %llu "
                   "accounted for; the report is not to be trusted",
                   (unsigned long long)result->received, (unsigned long long)lost,
                   (unsigned long long)result->frames, (unsigned long long)accounted);
}

static int print_report(struct sensor *sensor, const struct live_result *result,
                        struct err *err)
{
    const struct setup *setup = sensor->control.setup;
    struct report_input input = {.top = setup->options.value[OPTION_top].number,
                                 .locator = setup->geo ? &setup->locator : NULL,
                                 .dark_known = setup->dark,
                                 .frames = result->frames_before + result->frames,
                                 .has_time = result->has_time,
                                 .first_ns = result->first_ns,
                                 .last_ns = result->last_ns};
    struct file_status *status = calloc(sensor->interfaces_n, sizeof *status);
    const struct file_status **list = calloc(sensor->interfaces_n, sizeof *list);
    input.minutes = collector_series(sensor->collector, &input.minutes_n, &input.refused);
    struct report *report = report_new(result->analysis, &input);
    int exit_status = -1;
    if (!status || !list || !report) {
        (void)err_set(err, NULL, 0, 0, "out of memory");
        goto out;
    }
    for (unsigned i = 0; i < sensor->interfaces_n; i++) {
        status[i].name = sensor->interfaces[i];
        (void)live_workers_handles(sensor->workers, i, &status[i].frames);
        list[i] = &status[i];
    }
    struct sink_files files = {list, sensor->interfaces_n};
    exit_status = output_report(setup, report, &files, err);
    if (exit_status == 0)
        exit_status = check_conservation(result, report, err);
    if (sensor->redis_setup.wanted) {
        struct report *shown = report;
        report = NULL;
        if (live_redis_end(&sensor->redis, result->analysis, shown, &files, err) != 0)
            exit_status = -1;
    }
out:
    report_free(report);
    free(input.minutes);
    free(list);
    free(status);
    return exit_status;
}

/* All that was read is in the files of --write. */
static int check_written(const struct sensor *sensor, struct err *err)
{
    if (!sensor->out)
        return 0;
    struct pcap_out_status status = pcap_out_status(sensor->out);
    if (status.lost == 0)
        return 0;
    return err_set(err, setup_text(sensor->setup, OPTION_write), 0, 0,
                   "%llu packets could not be written and are missing there",
                   (unsigned long long)status.lost);
}

static int tell(const struct err *err)
{
    message_error(err);
    return -1;
}

/* Stops, counts what is left, prints. */
static int finish(struct sensor *sensor, struct err *err)
{
    struct live_result result = {0};
    notify_send(&sensor->notify, "STOPPING=1");
    live_control_stop(&sensor->control);
    live_workers_stop(sensor->workers);
    while (!live_workers_wait(sensor->workers, TICK_MS))
        continue; /* draining has a time limit of its own */
    if (sensor->out)
        pcap_out_flush(sensor->out);
    live_control_end(&sensor->control);
    struct err unkept = {0}, also;
    bool kept = live_keeper_end(&sensor->keeper, &unkept) == 0;
    live_workers_close(sensor->workers);
    if (live_workers_finish(sensor->workers, &result, err) != 0)
        return -1;
    int status = print_report(sensor, &result, err);
    /* One full disk is behind several of these: each says what is missing. */
    if (!kept)
        status = tell(&unkept);
    if (check_written(sensor, &also) != 0)
        status = tell(&also);
    if (live_outputs_end(&sensor->outputs, &also) != 0)
        status = tell(&also);
    analysis_free(result.analysis);
    return status;
}

static int capture(struct sensor *sensor, struct err *err)
{
    terminal_init(&sensor->terminal, sensor->setup->options.value[OPTION_quiet].given,
                  sensor->setup->colour);
    int status = look_at_filter(sensor, err);
    if (status == EXIT_DONE)
        status = look_at_snaplen(sensor, err);
    if (status == EXIT_DONE)
        status = look_at_redis(sensor, err);
    if (status == EXIT_DONE)
        status = live_outputs_init(&sensor->outputs, sensor->setup, err);
    if (status != EXIT_DONE)
        return status;
    if (open_all(sensor, err) != 0)
        return status_of(sensor, err);
    status = lock_in(sensor, err);
    if (status == EXIT_DONE)
        status = look_at_row(sensor, err);
    if (status == EXIT_DONE)
        status = live_outputs_open(&sensor->outputs, err);
    if (status == EXIT_DONE)
        status = live_keeper_open(&sensor->keeper, sensor->setup, err);
    if (status != EXIT_DONE)
        return status;
    sensor->control.workers = sensor->workers;
    sensor->control.collector = sensor->collector;
    sensor->redis.spool = sensor->keeper.status.kept ? sensor->keeper.spool : NULL;
    if (sensor->redis_setup.wanted &&
        live_redis_start(&sensor->redis, &sensor->redis_setup, &sensor->control, err) != 0)
        return EXIT_FAILED;
    status = live_keeper_load(&sensor->keeper, &sensor->control, &sensor->redis, err);
    if (status != EXIT_DONE)
        return status;
    if (live_outputs_start(&sensor->outputs, err) != 0)
        return EXIT_FAILED;
    sensor->outputs.state = &sensor->keeper.status;
    sensor->outputs.flusher = &sensor->redis.flusher;
    struct live_observer outputs = live_outputs_observer(&sensor->outputs);
    live_control_observe(&sensor->control, &outputs);
    struct live_observer terminal = terminal_observer(&sensor->terminal);
    if (terminal_shows(&sensor->terminal))
        live_control_observe(&sensor->control, &terminal);
    if (live_workers_start(sensor->workers, sensor->out, sensor->outputs.lines.events, err) !=
        0)
        return status_of(sensor, err);
    live_control_start(&sensor->control, sensor->workers, sensor->collector, sensor->out);
    live_keeper_start(&sensor->keeper);
    status = watch(sensor);
    return finish(sensor, err) == 0 ? status : EXIT_FAILED;
}

static int run(struct setup *setup)
{
    struct sensor sensor = {.setup = setup, .notify.fd = -1, .signals_fd = -1};
    struct err err = {0};
    int status = EXIT_USAGE;
    if (list_interfaces(&sensor, &err) == 0)
        status = capture(&sensor, &err);
    if (err.text[0])
        status = setup_tell(setup, &err, status);
    terminal_fini(&sensor.terminal);
    live_redis_fini(&sensor.redis);
    live_keeper_fini(&sensor.keeper);
    pcap_out_free(sensor.out);
    live_workers_free(sensor.workers);
    live_outputs_fini(&sensor.outputs);
    live_control_fini(&sensor.control);
    collector_free(sensor.collector);
    if (sensor.signals_fd >= 0)
        (void)close(sensor.signals_fd);
    notify_fini(&sensor.notify);
    free(sensor.names);
    return status;
}

int command_live(int argc, char **argv)
{
    struct setup setup;
    struct err err = {0};
    int status = setup_init(&setup, argc, argv);
    if (status != EXIT_DONE) {
        /* setup_init() has said why */
    } else if (setup_wants_help(&setup)) {
        (void)printf(
            "Usage: nightscope live [OPTION]... -i IFACE\n\n"
            "Captures on interfaces and counts what arrives until it is stopped (SIGTERM, "
            "SIGINT), then\nprints the report of the whole run. SIGHUP reloads signatures "
            "and databases, SIGUSR1 logs\nhow everything stands.\n\n");
        options_help(argv[0], stdout);
    } else if (setup.options.files_n) {
        (void)err_set(&err, setup.options.files[0], 0, 0,
                      "not expected: `live` captures on interfaces (-i), `replay` reads files");
        message_error(&err);
        status = EXIT_USAGE;
    } else {
        status = run(&setup);
    }
    setup_fini(&setup);
    return status;
}
