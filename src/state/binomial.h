/* The chance of seeing so many matches by accident. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* P(X >= k) for X ~ Binomial(n, p), 0 < p <= 1. Where k is at most the mean the answer is 1: it
 * is an upper bound, and no evidence either way. Relative error below 1e-6 elsewhere. */
double binomial_tail(uint64_t n, double p, uint64_t k);
/* Is that above alpha? The same answer, sooner. */
bool binomial_is_chance(uint64_t n, double p, uint64_t k, double alpha);
