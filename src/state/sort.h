/* Radix sort of numbers by their upper 32 bits; equal ones keep their order. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False: memory; the numbers are as they were. */
bool sort_by_high(uint64_t *numbers, size_t n);
