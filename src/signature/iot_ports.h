/* The table of IoT service ports: what is behind a port that scanners look for. It informs the
 * reader of a report and labels nobody. */
#pragma once

#include <nightscope/packet.h>

#include <stddef.h>

struct iot_port {
    enum protocol protocol;
    uint16_t port;
    const char *device, *weakness;
    const char *reference; /* who reported it */
};

/* Sorted by protocol, then port; each once. */
extern const struct iot_port IOT_PORTS[];
extern const size_t IOT_PORTS_COUNT;

/* NULL when it is none of them. */
const struct iot_port *iot_port_find(enum protocol protocol, uint16_t port);
