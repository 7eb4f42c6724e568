/* Hash slots of Redis Cluster. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { SLOT_COUNT = 16384 };

uint16_t slot_crc16(const char *bytes, size_t n);
