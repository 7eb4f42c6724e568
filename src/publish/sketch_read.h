/* Registers of a HyperLogLog as a Redis server stores it (hyperloglog.c of Redis, "HYLL"). */
#pragma once

#include <nightscope/profile.h>

#include <stdbool.h>

/* Takes the maximum of the string's registers and those there. False: not such a string, dense
 * or sparse; the registers are then as they were. */
bool sketch_read(const char *string, size_t n,
                 uint8_t registers[static PROFILE_SKETCH_REGISTERS]);
