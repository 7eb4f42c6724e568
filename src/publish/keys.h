/* Names of a sensor's keys: all begin with "ns:{SENSOR}:", whose braces make it the hash tag,
 * so that Redis Cluster keeps them on one node. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
    SENSOR_MAX = 64,
    INCARNATION_MAX = 64,
    KEY_CAP = 256, /* room for any key that is written */
};

/* "ns:sensors": of all sensors, in another slot. */
#define KEY_SENSORS "ns:sensors"

struct keys {
    char prefix[SENSOR_MAX + 8];                   /* "ns:{S}:" */
    char stage[SENSOR_MAX + INCARNATION_MAX + 16]; /* "ns:{S}:stage:INCARNATION:" */
    char owner[SENSOR_MAX + 16];                   /* "ns:{S}:owner" */
    size_t prefix_len;
};

/* [A-Za-z0-9._-]{1,64} */
bool keys_is_sensor(const char *text);
/* 13 digits (milliseconds of the writer's start), '-', then letters and digits: the later sorts
 * after the earlier. */
bool keys_is_incarnation(const char *text);
void keys_init(struct keys *keys, const char *sensor, const char *incarnation);

/* A name that may hold any byte, as a server sends it. */
struct name {
    char *text; /* len bytes, then a NUL */
    size_t len;
};
/* Without `text` when memory was refused. */
struct name name_new(const char *text, size_t len);
int name_compare(const void *a, const void *b);

struct names {
    struct name *items;
    size_t n, cap;
};
/* False: memory was refused. */
bool names_add(struct names *names, const char *text, size_t len);
void names_fini(struct names *names);
