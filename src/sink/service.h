/* The usual names of ports that matter in a darknet: few, so that a page stays readable. */
#pragma once

#include <nightscope/packet.h>

/* "" for all others. */
const char *service_name(enum protocol protocol, uint16_t port);
