/* Looking up the table of IoT service ports. */
#include "signature/iot_ports.h"

const struct iot_port IOT_PORTS[] = {
#define X(protocol_, port_, device_, weakness_, reference_)                                    \
    {PROTOCOL_##protocol_, port_, device_, weakness_, reference_},
#include "signature/iot_ports.def"
#undef X
};
const size_t IOT_PORTS_COUNT = sizeof IOT_PORTS / sizeof IOT_PORTS[0];

static int compare(const struct iot_port *entry, enum protocol protocol, uint16_t port)
{
    if (entry->protocol != protocol)
        return entry->protocol < protocol ? -1 : 1;
    return entry->port < port ? -1 : entry->port > port;
}

const struct iot_port *iot_port_find(enum protocol protocol, uint16_t port)
{
    size_t low = 0, high = IOT_PORTS_COUNT;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(&IOT_PORTS[middle], protocol, port);
        if (order == 0)
            return &IOT_PORTS[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
