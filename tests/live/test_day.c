/* A day of a sensor in seconds: 24 hours of packet time from the rings to the hourly files,
 * with more sources than it may hold, losses, quiet and reloads. What was sent each minute is
 * known; memory and descriptors stay as they were. NIGHTSCOPE_DAY=N: packets a minute, for a
 * heavier day. */
#include "harness.h"
#include "live/kernel.h"
#include "live/sensor.h"

#include <dirent.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define SECOND_NS ((int64_t)1000000000)
#define BEGIN_S   INT64_C(1795305600) /* 2026-11-22T00:00:00Z */

enum {
    MINUTES = 24 * 60,
    EACH = 400,     /* packets in a minute, unless told otherwise */
    BOTS = 40,      /* that send all day */
    RING = 2048,    /* frames, of each worker, or a minute of packets */
    BURST = 10,     /* rings: has no room */
    BURST_AT = 700, /* minutes */
    RELOAD_EVERY = 360,
    WARM = 12 * 60 - 1, /* the minute after which nothing grows any more */
    GROWTH_KIB = 4096,
};

static struct sensor sensor;
static unsigned each, ring;
static uint64_t sent[MINUTES], dropped[MINUTES];

static unsigned count_descriptors(void)
{
    unsigned n = 0;
    DIR *folder = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(folder);
    while (readdir(folder))
        n++;
    (void)closedir(folder);
    return n;
}

static long resident_kib(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%ld %ld", &pages, &resident), 2);
    (void)fclose(file);
    return resident * sysconf(_SC_PAGESIZE) / 1024;
}

/* Bots, with the mark of Mirai, and sources that come once. */
static void send_minute(struct random *random, unsigned minute, unsigned n)
{
    int64_t begin_ns = (BEGIN_S + 60 * (int64_t)minute) * SECOND_NS;
    for (unsigned i = 0; i < n; i++) {
        uint64_t number = random_next(random);
        uint32_t target = (uint32_t)number & 0xffff;
        bool bot = i % 4 != 0;
        sensor_send(&sensor, 0, begin_ns + (int64_t)i * 58 * SECOND_NS / n,
                    bot ? 0xcb007100 + i % BOTS : 0xc6120000 + (number >> 16) % (1 << 17),
                    target, bot ? 23 : (uint16_t)(number >> 40 & 0xff),
                    bot ? 0x0a620000 | target : (uint32_t)(number >> 32));
    }
    sent[minute] += n;
}

static void run_minute(struct random *random, unsigned minute)
{
    uint64_t lost = kernel_dropped();
    kernel_pass((minute ? 59 : 58) * SECOND_NS); /* it ends a second before the minute */
    send_minute(random, minute, each);
    if (minute == BURST_AT) {
        sensor_wait(kernel_is_drained());
        kernel_set_mode(0, 0, KERNEL_HOLDS);
        send_minute(random, minute, BURST * ring);
        kernel_set_mode(0, 0, KERNEL_READS);
    }
    ck_assert(sensor_settle(&sensor));
    dropped[minute] = kernel_dropped() - lost;
    if (minute % RELOAD_EVERY == RELOAD_EVERY - 1)
        live_control_reload(&sensor.control);
}

static uint64_t number(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    ck_assert_msg(json_is_integer(value), "%s", key);
    return (uint64_t)json_integer_value(value);
}

/* Rows of the files of an hour, in order; the sum of a field over them. */
static unsigned read_hour(const char *folder, const char *what, unsigned hour,
                          const char *field, uint64_t *sum)
{
    char path[256], line[8192];
    unsigned rows = 0;
    (void)snprintf(path, sizeof path, "%s/%s-20261122T%02u.ndjson.gz", folder, what, hour);
    gzFile file = gzopen(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    while (gzgets(file, line, sizeof line)) {
        json_t *row = json_loads(line, 0, NULL);
        ck_assert_msg(row != NULL, "%s: %s", path, line);
        if (strcmp(what, "windows") == 0) {
            unsigned minute = 60 * hour + rows;
            ck_assert_uint_lt(minute, MINUTES);
            ck_assert_uint_eq(number(row, "seconds"), minute == MINUTES - 1 ? 59 : 60);
            ck_assert_uint_eq(number(row, "dropped"), dropped[minute]);
            ck_assert_uint_eq(number(row, "packets"), sent[minute] - dropped[minute]);
            ck_assert_uint_eq(number(row, "late"), 0);
        }
        *sum += number(row, field);
        json_decref(row);
        rows++;
    }
    ck_assert_int_eq(gzclose(file), Z_OK); /* whole */
    ck_assert_int_eq(unlink(path), 0);
    return rows;
}

static void check_files(const char *folder, uint64_t counted)
{
    uint64_t windows = 0, events = 0;
    unsigned of_events = 0;
    for (unsigned hour = 0; hour < 24; hour++) {
        ck_assert_uint_eq(read_hour(folder, "windows", hour, "packets", &windows), 60);
        of_events += read_hour(folder, "events", hour, "Packets", &events);
    }
    ck_assert_int_eq(rmdir(folder), 0); /* nothing else, nothing temporary */
    ck_assert_uint_eq(windows, counted);
    ck_assert_uint_eq(events + sensor.control.status.limits.events_refused, counted);
    ck_assert_uint_gt(of_events, BOTS);
}

START_TEST(a_day_leaves_24_whole_hours_and_no_growth)
{
    struct random random = random_seeded("day");
    const char *given = getenv("NIGHTSCOPE_DAY");
    each = given ? (unsigned)strtoul(given, NULL, 10) : EACH;
    ring = each > RING ? each : RING;
    char folder[] = "/tmp/nightscope-day-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    const char *options[] = {
        "--workers",     "2",     "--output", folder,         "--output-format", "ndjson",
        "--max-sources", "20000", "--quiet",  "--max-events", "20000",           NULL};
    kernel_begin(ring, BEGIN_S * SECOND_NS);
    kernel_add_interface("sim0");
    sensor_start(&sensor, 1, options);
    long warm_kib = 0;
    unsigned warm_descriptors = 0;
    for (unsigned minute = 0; minute < MINUTES; minute++) {
        run_minute(&random, minute);
        if (minute == WARM) {
            warm_kib = resident_kib();
            warm_descriptors = count_descriptors();
        }
    }
    ck_assert_uint_eq(count_descriptors(), warm_descriptors);
    long grown_kib = resident_kib() - warm_kib;
    printf("day: %ld KiB in use, %ld KiB more than at noon\n", warm_kib + grown_kib, grown_kib);
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__ /* which keep what is freed  \
                                                                   */
    ck_assert_int_le(grown_kib, GROWTH_KIB);
#endif
    ck_assert_uint_eq(sensor.control.reloads, MINUTES / RELOAD_EVERY);
    sensor_stop(&sensor);
    ck_assert_uint_gt(kernel_dropped(), 0);
    ck_assert_uint_eq(sensor.result.frames + kernel_dropped(), sensor.sent);
    ck_assert_uint_gt(sensor.control.status.limits.sources_evicted, 0);
    check_files(folder, sensor.result.frames);
    sensor_free(&sensor);
    kernel_end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("day");
    TCase *tests = tcase_create("day");
    tcase_set_timeout(tests, 0); /* sensor_wait() has a bound */
    tcase_add_test(tests, a_day_leaves_24_whole_hours_and_no_growth);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
