/* The k-th smallest of n numbers, by their digits (radix selection): no memory, no order that
 * would be a bad one. Numbers are asked for up to eight times. */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef uint64_t select_value(const void *context, size_t i);

/* 1 <= k <= n. *ret_equal: how many of those equal to it are among the k smallest. */
uint64_t select_smallest(select_value *value, const void *context, size_t n, size_t k,
                         size_t *ret_equal);
