#include "live/sensor.h"

#include "app/commands.h"
#include "app/live_redis.h"
#include "live/kernel.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND_NS ((int64_t)1000000000)

enum {
    ARGUMENTS_MAX = 40,
    PAUSE_NS = 50000,
    PAUSES_MAX = 1200000 /* a minute */,
    WAKES = 2000
};

static const char *const NAMES[] = {"sim0", "sim1"};

static void on_minute(void *context, const struct window *minute, uint32_t seconds)
{
    struct sensor *sensor = context;
    ck_assert_uint_lt(sensor->minutes_n, SENSOR_MINUTES_MAX);
    unsigned i = sensor->minutes_n++;
    sensor->minutes[i].start_s = minute->start_s;
    sensor->minutes[i].packets = minute->counts[COUNT_packets];
    sensor->minutes[i].dropped = minute->counts[COUNT_dropped];
    sensor->minutes[i].late = minute->counts[COUNT_late];
    sensor->minutes[i].seconds = seconds;
}

static void set_up(struct sensor *sensor, unsigned interfaces, const char *const *options)
{
    const char *argv[ARGUMENTS_MAX] = {"live", "--signatures"};
    static char signatures[4096];
    int argc = 2;
    (void)snprintf(signatures, sizeof signatures, "%s/signatures", getenv("NIGHTSCOPE_SOURCE"));
    argv[argc++] = signatures;
    for (unsigned i = 0; i < interfaces; i++) {
        argv[argc++] = "-i";
        argv[argc++] = NAMES[i];
    }
    for (unsigned i = 0; options[i]; i++)
        argv[argc++] = options[i];
    ck_assert_int_lt(argc, ARGUMENTS_MAX);
    ck_assert_int_eq(setup_init(&sensor->setup, argc, (char **)argv), EXIT_DONE);
}

static void open_workers(struct sensor *sensor, unsigned interfaces, struct err *err)
{
    const struct setup *setup = &sensor->setup;
    const union option_value *value = setup->options.value;
    struct live_workers_config config = {
        .n = setup->workers,
        .capture = {.snaplen = 128, .timeout_ms = 100},
        .interfaces = NAMES,
        .interfaces_n = interfaces,
        .decode = &setup->decode,
        .analysis = {.sources_max = value[OPTION_max_sources].number,
                     .lateness_ns = (int64_t)value[OPTION_lateness].number * SECOND_NS,
                     .table_key = {1, 2},
                     .locator = setup->geo ? &setup->locator : NULL,
                     .evidence = setup->evidence,
                     .evidence_s = (uint32_t)value[OPTION_evidence].number,
                     .profiles = true},
        .signatures = setup->signatures,
        .collector = sensor->collector,
        .recent = true,
    };
    lines_configure(setup, &config.analysis);
    sensor->workers = live_workers_new(&config, err);
    ck_assert_msg(sensor->workers != NULL, "%s", err->text);
}

void sensor_start(struct sensor *sensor, unsigned interfaces, const char *const *options)
{
    struct err err = {0};
    memset(sensor, 0, sizeof *sensor);
    set_up(sensor, interfaces, options);
    ck_assert_msg(live_outputs_init(&sensor->outputs, &sensor->setup, &err) == EXIT_DONE, "%s",
                  err.text);
    ck_assert_msg(live_outputs_open(&sensor->outputs, &err) == EXIT_DONE, "%s", err.text);
    sensor->collector = collector_new(sensor->setup.workers, NULL);
    ck_assert_ptr_nonnull(sensor->collector);
    collector_run_on(sensor->collector, LIVE_SERIES_MAX);
    ck_assert_int_eq(
        live_control_init(&sensor->control, &sensor->setup, NAMES, interfaces, &err), 0);
    open_workers(sensor, interfaces, &err);
    struct live_observer outputs = live_outputs_observer(&sensor->outputs);
    live_control_observe(&sensor->control, &outputs);
    live_control_observe(&sensor->control,
                         &(struct live_observer){.context = sensor, .minute = on_minute});
    ck_assert_int_eq(
        live_workers_start(sensor->workers, NULL, sensor->outputs.lines.events, &err), 0);
    live_control_start(&sensor->control, sensor->workers, sensor->collector, NULL);
}

static void put32(uint8_t *at, uint32_t number)
{
    number = htonl(number);
    memcpy(at, &number, sizeof number);
}

void sensor_send(struct sensor *sensor, unsigned interface, int64_t ts_ns, uint32_t source,
                 uint32_t destination, uint16_t port, uint32_t sequence)
{
    uint8_t frame[SENSOR_FRAME] = {2, 0, 0,    0, 0, 2,  2, 0, 0,    0, 0,  1,
                                   8, 0, 0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6};
    put32(frame + 26, source);
    put32(frame + 30, 0x0a620000 | (destination & 0xffff));
    put32(frame + 34, 40000U << 16 | port);
    put32(frame + 38, sequence);
    frame[46] = 0x50;
    frame[47] = 2;
    frame[48] = 0x16;
    sensor->sent++;
    kernel_send(interface, ts_ns, frame, sizeof frame);
}

void sensor_pause(unsigned times, const char *what)
{
    ck_assert_msg(times < PAUSES_MAX, "in vain: %s", what);
    (void)nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
}

void sensor_pause_seconds(unsigned times, const char *what)
{
    if (times % WAKES == WAKES - 1)
        kernel_pass(SECOND_NS); /* a worker looks at the clock when a second has passed */
    sensor_pause(times, what);
}

/* Asks the workers themselves: how many frames each read and lost. */
static uint64_t accounted(struct sensor *sensor)
{
    struct live_status *status = &sensor->control.status;
    *status = (struct live_status){.workers = sensor->control.worker_status,
                                   .workers_n = sensor->control.workers_n,
                                   .signature_packets = sensor->control.signature_packets};
    live_workers_status(sensor->workers, status);
    return status->frames + status->drops[LIVE_DROP_kernel] + status->drops[LIVE_DROP_handle];
}

bool sensor_settle(struct sensor *sensor)
{
    sensor_wait(kernel_is_drained());
    kernel_pass(SECOND_NS);
    kernel_wake();
    sensor_wait(accounted(sensor) + kernel_unread() == sensor->sent);
    return live_control_tick(&sensor->control);
}

void sensor_wait_closed(struct sensor *sensor, int64_t until_s)
{
    sensor_wait_seconds(
        ((void)accounted(sensor), sensor->control.status.closed_until_s >= until_s));
    ck_assert(live_control_tick(&sensor->control));
}

uint64_t sensor_lost(const struct sensor *sensor)
{
    uint64_t lost = 0;
    for (unsigned i = 0; i < LIVE_DROP_COUNT_; i++)
        lost += sensor->control.status.drops[i];
    return lost;
}

void sensor_stop(struct sensor *sensor)
{
    struct err err = {0};
    live_control_stop(&sensor->control);
    live_workers_stop(sensor->workers);
    sensor_wait(live_workers_wait(sensor->workers, 0));
    live_control_end(&sensor->control);
    ck_assert_int_eq(live_workers_finish(sensor->workers, &sensor->result, &err), 0);
    ck_assert_msg(live_outputs_end(&sensor->outputs, &err) == 0, "%s", err.text);
}

void sensor_free(struct sensor *sensor)
{
    analysis_free(sensor->result.analysis);
    live_workers_free(sensor->workers);
    live_outputs_fini(&sensor->outputs);
    live_control_fini(&sensor->control);
    collector_free(sensor->collector);
    setup_fini(&sensor->setup);
}
