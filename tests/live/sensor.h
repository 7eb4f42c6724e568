/* A sensor on a kernel that is made up (live/kernel.h): what `nightscope live` puts together,
 * but for the threads and rights of the process; its seconds come when the test says so. */
#pragma once

#include "app/collector.h"
#include "app/live_control.h"
#include "app/live_outputs.h"
#include "app/setup.h"

enum { SENSOR_MINUTES_MAX = 3000, SENSOR_FRAME = 54 };

struct sensor {
    struct setup setup;
    struct collector *collector;
    struct live_workers *workers;
    struct live_control control;
    struct live_outputs outputs;
    struct live_result result; /* after sensor_stop() */
    uint64_t sent;
    struct { /* as observers saw them */
        int64_t start_s;
        uint64_t packets, dropped, late;
        uint32_t seconds;
    } minutes[SENSOR_MINUTES_MAX];
    unsigned minutes_n;
};

/* `live` and these options, NULL at the end, on an interface "sim0" and, if there are two,
 * "sim1". */
void sensor_start(struct sensor *sensor, unsigned interfaces, const char *const *options);
/* A SYN to 10.98.0.0/16, with this time stamp. */
void sensor_send(struct sensor *sensor, unsigned interface, int64_t ts_ns, uint32_t source,
                 uint32_t destination, uint16_t port, uint32_t sequence);
/* Waits until everything that was sent is counted, lost or lies in a ring that is not read; a
 * second passes, and the sensor does what it does each second: what live_control_tick() says.
 */
bool sensor_settle(struct sensor *sensor);
/* Waits until all minutes that end by then are closed, though nothing comes, and does the same.
 */
void sensor_wait_closed(struct sensor *sensor, int64_t until_s);
/* Waits for a condition that must come. */
#define sensor_wait(condition)                                                                 \
    for (unsigned i_ = 0; !(condition); i_++)                                                  \
    sensor_pause(i_, #condition)
/* The same for what a worker says in some second to come. */
#define sensor_wait_seconds(condition)                                                         \
    for (unsigned i_ = 0; !(condition); i_++)                                                  \
    sensor_pause_seconds(i_, #condition)
void sensor_pause(unsigned times, const char *what);
void sensor_pause_seconds(unsigned times, const char *what);
/* Packets lost as of the last second. */
uint64_t sensor_lost(const struct sensor *sensor);
/* Ends it; all files are complete. */
void sensor_stop(struct sensor *sensor);
void sensor_free(struct sensor *sensor);
