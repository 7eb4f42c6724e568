/* What may happen to a sensor, on a kernel that is made up: a handle fails, a worker hangs, the
 * clock is set, an hour ends in silence. Nothing here waits for time to pass but the threads'
 * own pauses. */
#include "app/commands.h"
#include "app/live_keeper.h"
#include "harness.h"
#include "live/kernel.h"
#include "live/sensor.h"

#include <string.h>
#include <unistd.h>

#define SECOND_NS ((int64_t)1000000000)
#define MINUTE_NS (60 * SECOND_NS)
#define HOUR_NS   (60 * MINUTE_NS)
#define BEGIN_NS  (INT64_C(1795305600) * SECOND_NS) /* 2026-11-22T00:00:00Z */

enum { RING = 4096, SOURCES = 64 };

static struct sensor sensor;
static const char *const TWO_WORKERS[] = {"--workers", "2", NULL};

static void begin(unsigned interfaces, const char *const *options)
{
    kernel_begin(RING, BEGIN_NS);
    for (unsigned i = 0; i < interfaces; i++)
        kernel_add_interface(i ? "sim1" : "sim0");
    sensor_start(&sensor, interfaces, options);
}

static void end(void)
{
    sensor_free(&sensor);
    kernel_end();
}

/* Of sources that take turns, with the time stamp of now. */
static void send_some(unsigned interface, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        sensor_send(&sensor, interface, kernel_now_ns(), 0xc6120000 + i % SOURCES, i, 23,
                    7 * i);
}

static unsigned handles(unsigned interface)
{
    uint64_t ignored;
    return live_workers_handles(sensor.workers, interface, &ignored);
}

static uint64_t sum_dropped(void)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < sensor.minutes_n; i++)
        sum += sensor.minutes[i].dropped;
    return sum;
}

START_TEST(a_handle_that_fails_leaves_its_share_to_the_others)
{
    const struct live_status *status = &sensor.control.status;
    begin(1, TWO_WORKERS);
    send_some(0, 1000);
    ck_assert(sensor_settle(&sensor));
    ck_assert_uint_eq(status->frames, 1000);
    kernel_set_mode(0, 0, KERNEL_HOLDS);
    send_some(0, 1000);
    ck_assert(sensor_settle(&sensor));
    uint64_t unread = kernel_unread();
    ck_assert_uint_gt(unread, 0);
    ck_assert_uint_lt(unread, 1000);
    ck_assert_uint_eq(sensor_lost(&sensor), 0); /* they could still be read */
    kernel_set_mode(0, 0, KERNEL_FAILS);
    kernel_pass(SECOND_NS);
    kernel_wake();
    sensor_wait_seconds(handles(0) == 1);
    ck_assert(sensor_settle(&sensor));
    ck_assert_uint_eq(status->drops[LIVE_DROP_handle], unread);
    send_some(0, 1000);
    ck_assert(sensor_settle(&sensor));
    ck_assert_uint_eq(status->frames, 3000 - unread);
    ck_assert_uint_eq(status->interfaces[0].handles, 1);
    sensor_stop(&sensor);
    ck_assert_uint_eq(sum_dropped(), unread); /* in the minute in which it failed */
    ck_assert_uint_eq(sensor.result.received,
                      sensor.result.frames + sensor.result.drops[LIVE_DROP_handle]);
    end();
}
END_TEST

START_TEST(an_interface_without_handles_ends_the_capture)
{
    begin(2, TWO_WORKERS);
    for (unsigned i = 0; i < 2; i++)
        send_some(i, 500);
    ck_assert(sensor_settle(&sensor));
    for (unsigned i = 0; i < 2; i++)
        kernel_set_mode(1, i, KERNEL_FAILS);
    kernel_pass(SECOND_NS);
    kernel_wake();
    sensor_wait_seconds(handles(1) == 0);
    send_some(0, 500);
    ck_assert(!sensor_settle(&sensor)); /* it says so, and the other interface is counted */
    ck_assert_uint_eq(sensor.control.status.frames, 1500);
    ck_assert_uint_eq(handles(0), 2);
    sensor_stop(&sensor);
    ck_assert_uint_eq(sensor.result.frames, 1500);
    end();
}
END_TEST

START_TEST(what_has_no_room_is_in_the_window_and_in_the_counters)
{
    begin(1, TWO_WORKERS);
    kernel_set_mode(0, 1, KERNEL_HOLDS);
    send_some(0, 4 * RING);
    kernel_set_mode(0, 1, KERNEL_READS);
    ck_assert(sensor_settle(&sensor));
    uint64_t dropped = kernel_dropped();
    ck_assert_uint_gt(dropped, 0);
    ck_assert_uint_eq(sensor.control.status.drops[LIVE_DROP_kernel], dropped);
    ck_assert(sensor.control.dropping);
    ck_assert(sensor_settle(&sensor)); /* a second without */
    ck_assert(!sensor.control.dropping);
    sensor_stop(&sensor);
    ck_assert_uint_eq(sum_dropped(), dropped);
    ck_assert_uint_eq(sensor.result.frames + dropped, sensor.sent);
    end();
}
END_TEST

/* By the step: what the interface and the backlog have lost so far, and how much of it counts.
 */
static const struct {
    uint64_t missed, dropped, backlog, booked;
} STEPS[] = {
    {1000, 500, 100, 0}, /* before it started */
    {1100, 500, 100, 100},
    {1100, 550, 100, 100}, /* a VLAN without a device here: we saw those */
    {1100, 580, 130, 130},
    {0, 0, 130, 130}, /* made anew under its name */
    {1200, 580, 130, 230},
};

START_TEST(what_the_interface_lost_is_booked_once)
{
    unsigned n = sizeof STEPS / sizeof *STEPS;
    kernel_begin(RING, BEGIN_NS);
    kernel_add_interface("sim0");
    for (unsigned i = 0; i < n; i++) {
        kernel_set_drops(0, (struct live_watch_drops){STEPS[i].missed, STEPS[i].dropped},
                         STEPS[i].backlog);
        if (i == 0)
            sensor_start(&sensor, 1, TWO_WORKERS);
        ck_assert(live_control_tick(&sensor.control));
        ck_assert_uint_eq(sensor.control.status.drops[LIVE_DROP_interface], STEPS[i].booked);
        ck_assert_int_eq(sensor.control.dropping,
                         i > 0 && STEPS[i].booked > STEPS[i - 1].booked);
        send_some(0, 100);
        kernel_pass(SECOND_NS);
        ck_assert(sensor_settle(&sensor));
    }
    sensor_stop(&sensor);
    ck_assert_uint_eq(sum_dropped(), STEPS[n - 1].booked);
    end();
}
END_TEST

START_TEST(a_worker_that_hangs_is_missed_until_it_answers_again)
{
    for (unsigned said = 0; said < 2; said++) { /* before its first word, and after */
        begin(1, TWO_WORKERS);
        send_some(0, 100);
        sensor_wait(kernel_is_drained()); /* they are up */
        if (said)
            ck_assert(sensor_settle(&sensor));
        ck_assert(live_workers_alive(sensor.workers));
        kernel_set_mode(0, 1, KERNEL_HANGS);
        kernel_pass(12 * SECOND_NS);
        kernel_wake(); /* the other one has something to say */
        sensor_wait(!live_workers_alive(sensor.workers));
        kernel_set_mode(0, 1, KERNEL_READS);
        kernel_pass(SECOND_NS);
        kernel_wake();
        sensor_wait_seconds(live_workers_alive(sensor.workers));
        sensor_stop(&sensor);
        end();
    }
}
END_TEST

START_TEST(a_clock_that_is_set_makes_no_time_and_loses_nothing)
{
    static const int64_t STEPS_S[] = {0, 10800, -10800, 30, -30};
    uint64_t packets = 0, late = 0;
    unsigned seconds = 0, n = sizeof STEPS_S / sizeof *STEPS_S;
    begin(1, TWO_WORKERS);
    for (unsigned i = 0; i < n; i++) {
        kernel_set(STEPS_S[i] * SECOND_NS);
        kernel_pass(59 * SECOND_NS);
        send_some(0, 300);
        ck_assert(sensor_settle(&sensor));
    }
    ck_assert_uint_eq(sensor.control.status.frames, 300 * n);
    ck_assert_uint_eq(sensor_lost(&sensor), 0);
    late = sensor.control.status.counts[COUNT_late];
    sensor_stop(&sensor);
    for (unsigned i = 0; i < sensor.minutes_n; i++) {
        packets += sensor.minutes[i].packets;
        seconds += sensor.minutes[i].seconds;
        ck_assert_uint_le(sensor.minutes[i].seconds, 60);
        if (i)
            ck_assert_int_gt(sensor.minutes[i].start_s, sensor.minutes[i - 1].start_s);
    }
    ck_assert_uint_eq(late, 900); /* of all that came after the clock was set back by hours */
    ck_assert_uint_eq(packets + late, sensor.sent);
    ck_assert_uint_gt(seconds, 0);
    ck_assert_uint_le(seconds, 60 * n);
    end();
}
END_TEST

START_TEST(a_time_stamp_off_the_clock_is_counted_and_closes_nothing)
{
    begin(1, TWO_WORKERS);
    kernel_pass(30 * SECOND_NS);
    send_some(0, 100);
    for (unsigned i = 0; i < 10; i++)
        sensor_send(&sensor, 0, kernel_now_ns() + (i % 2 ? 2 : -2) * HOUR_NS, i, i, 23, i);
    send_some(0, 100);
    ck_assert(sensor_settle(&sensor));
    ck_assert_uint_eq(sensor.control.status.not_counted[REASON_CLOCK], 10);
    ck_assert_uint_eq(sensor.control.status.counts[COUNT_packets], 200);
    ck_assert_uint_eq(sensor.control.status.counts[COUNT_late], 0);
    ck_assert_int_lt(sensor.control.status.closed_until_s, BEGIN_NS / SECOND_NS);
    sensor_stop(&sensor);
    ck_assert_uint_eq(sensor.minutes_n, 1);
    ck_assert_uint_eq(sensor.minutes[0].packets, 200);
    end();
}
END_TEST

/* 100 packets to a port, and 5 seconds. */
static void pass_some(uint16_t port)
{
    for (unsigned i = 0; i < 100; i++)
        sensor_send(&sensor, 0, kernel_now_ns(), i, i, port, i);
    kernel_pass(4 * SECOND_NS);
    ck_assert(sensor_settle(&sensor));
}

START_TEST(the_last_minute_is_what_came_in_it)
{
    const struct report_recent *recent = &sensor.control.status.recent;
    begin(1, TWO_WORKERS);
    send_some(0, 300);
    ck_assert(sensor_settle(&sensor)); /* from here on they look */
    for (unsigned i = 0; i < 4; i++)
        pass_some(23);
    ck_assert_uint_ge(recent->counts[COUNT_scan], 300); /* a look may be early or late */
    ck_assert_uint_eq(recent->ports_n, 1);
    ck_assert_uint_eq(recent->ports[0].port, 23);
    for (unsigned i = 0; i < 30; i++) /* 150 s */
        pass_some(80);
    ck_assert_uint_ge(recent->seconds, 50);
    ck_assert_uint_le(recent->seconds, 120);
    ck_assert_uint_ge(recent->counts[COUNT_scan], 1000);
    ck_assert_uint_le(recent->counts[COUNT_scan], 2500);
    ck_assert_uint_eq(recent->ports_n, 1); /* 23 is forgotten */
    ck_assert_uint_eq(recent->ports[0].port, 80);
    ck_assert_uint_eq(recent->ports[0].packets, recent->counts[COUNT_scan]);
    ck_assert_uint_eq(sensor.control.status.counts[COUNT_scan], 3700);
    sensor_stop(&sensor);
    end();
}
END_TEST

START_TEST(an_outage_is_told_from_silence)
{
    begin(1, TWO_WORKERS);
    for (unsigned minute = 0; minute < 9; minute++) {
        bool down = minute >= 3 && minute < 6;
        kernel_set_state(0, down ? LIVE_DOWN : LIVE_UP);
        kernel_pass((minute ? 59 : 58) * SECOND_NS);
        send_some(0, down ? 0 : 100);
        ck_assert(sensor_settle(&sensor));
        ck_assert_int_eq(sensor.control.status.interfaces[0].up, !down);
    }
    ck_assert_uint_eq(sensor.control.status.interfaces[0].downs, 1);
    ck_assert_uint_eq(handles(0), 2); /* the same */
    sensor_stop(&sensor);
    ck_assert_uint_eq(sensor.minutes_n, 9);
    for (unsigned minute = 0; minute < 9; minute++) {
        bool down = minute >= 3 && minute < 6;
        ck_assert_uint_eq(sensor.minutes[minute].packets, down ? 0 : 100);
        if (down) /* a second before it was looked at */
            ck_assert_uint_le(sensor.minutes[minute].seconds, 1);
        else
            ck_assert_uint_ge(sensor.minutes[minute].seconds, 59);
    }
    end();
}
END_TEST

static bool exists(const char *folder, const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static void remove_file(const char *folder, const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    ck_assert_int_eq(unlink(path), 0);
}

START_TEST(an_hour_ends_though_nothing_comes)
{
    char folder[] = "/tmp/nightscope-hour-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    const char *options[] = {"--workers",       "2",      "--output", folder,
                             "--output-format", "ndjson", NULL};
    begin(1, options);
    send_some(0, 500);
    ck_assert(sensor_settle(&sensor));
    for (int64_t minute = 1; minute < 63; minute++) { /* silence */
        kernel_pass(MINUTE_NS);
        ck_assert(live_control_tick(&sensor.control));
    }
    sensor_wait_closed(&sensor, (BEGIN_NS + HOUR_NS) / SECOND_NS);
    ck_assert(exists(folder, "windows-20261122T00.ndjson.gz") ||
              exists(folder, ".windows-20261122T00.ndjson.gz.tmp"));
    kernel_pass(MINUTE_NS);
    ck_assert(live_control_tick(&sensor.control));
    sensor_wait_closed(&sensor, (BEGIN_NS + HOUR_NS + MINUTE_NS) / SECOND_NS);
    /* A minute of the next hour is there: that of silence is complete, without a signal. */
    ck_assert(exists(folder, "windows-20261122T00.ndjson.gz"));
    ck_assert(exists(folder, "events-20261122T00.ndjson.gz"));
    ck_assert_uint_ge(sensor.minutes_n, 61);
    for (unsigned i = 0; i < sensor.minutes_n; i++) {
        ck_assert_int_eq(sensor.minutes[i].start_s, BEGIN_NS / SECOND_NS + 60 * (int64_t)i);
        ck_assert_uint_eq(sensor.minutes[i].packets, i ? 0 : 500);
        ck_assert_uint_eq(sensor.minutes[i].seconds, 60);
    }
    sensor_stop(&sensor);
    remove_file(folder, "windows-20261122T00.ndjson.gz");
    remove_file(folder, "windows-20261122T01.ndjson.gz");
    remove_file(folder, "events-20261122T00.ndjson.gz");
    ck_assert_int_eq(rmdir(folder), 0); /* nothing else is there */
    end();
}
END_TEST

START_TEST(a_checkpoint_that_comes_no_further_is_given_up)
{
    char folder[] = "/tmp/nightscope-keeper-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    const char *options[] = {"--workers", "2", "--state", folder, "--checkpoint", "1s", NULL};
    struct live_keeper keeper = {0};
    struct live_redis redis = {0};
    struct err err = {0};
    begin(1, options);
    ck_assert_msg(live_keeper_open(&keeper, &sensor.setup, &err) == EXIT_DONE, "%s", err.text);
    ck_assert_msg(live_keeper_load(&keeper, &sensor.control, &redis, &err) == EXIT_DONE, "%s",
                  err.text);
    live_keeper_start(&keeper);
    send_some(0, 500);
    ck_assert(sensor_settle(&sensor));
    kernel_stall_disk(true);
    kernel_pass(2 * SECOND_NS);
    sensor_wait((live_keeper_tick(&keeper), keeper.status.failures));
    ck_assert_msg(strstr(keeper.status.text, "came no further"), "%s", keeper.status.text);
    kernel_stall_disk(false);
    sensor_wait_seconds((live_keeper_tick(&keeper), keeper.status.checkpoints));
    ck_assert_str_eq(keeper.status.text, "");
    ck_assert(exists(folder, "checkpoint"));
    live_keeper_fini(&keeper);
    sensor_stop(&sensor);
    remove_file(folder, "checkpoint");
    remove_file(folder, "lock");
    (void)rmdir(folder); /* or a child that was ended left something */
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sensor");
    TCase *tests = tcase_create("sensor");
    tcase_set_timeout(tests, 0); /* sensor_wait() has a bound */
    tcase_add_test(tests, a_handle_that_fails_leaves_its_share_to_the_others);
    tcase_add_test(tests, an_interface_without_handles_ends_the_capture);
    tcase_add_test(tests, what_has_no_room_is_in_the_window_and_in_the_counters);
    tcase_add_test(tests, what_the_interface_lost_is_booked_once);
    tcase_add_test(tests, a_worker_that_hangs_is_missed_until_it_answers_again);
    tcase_add_test(tests, a_clock_that_is_set_makes_no_time_and_loses_nothing);
    tcase_add_test(tests, a_time_stamp_off_the_clock_is_counted_and_closes_nothing);
    tcase_add_test(tests, an_outage_is_told_from_silence);
    tcase_add_test(tests, the_last_minute_is_what_came_in_it);
    tcase_add_test(tests, an_hour_ends_though_nothing_comes);
    tcase_add_test(tests, a_checkpoint_that_comes_no_further_is_given_up);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
