/* All of some bytes to a descriptor that blocks. False: errno says why. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool write_all(int fd, const uint8_t *bytes, size_t n);
