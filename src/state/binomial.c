#include "state/binomial.h"

#include <math.h>

/* The tail, or a part of it that is above `enough`: a source may stay close to a label for
 * ever, where the sum has thousands of terms and the first few of them decide. */
static double tail_until(uint64_t n, double p, uint64_t k, double enough)
{
    if (k == 0 || p >= 1)
        return 1;
    if (k > n)
        return 0;
    double trials = (double)n, hits = (double)k;
    if (hits <= trials * p)
        return 1;
    int sign; /* lgamma() itself writes a global */
    double log_term = lgamma_r(trials + 1, &sign) - lgamma_r(hits + 1, &sign) -
                      lgamma_r(trials - hits + 1, &sign) + hits * log(p) +
                      (trials - hits) * log1p(-p);
    /* Above the mean each term is smaller than the one before: sum until they vanish. */
    double term = 1, sum = 1, odds = p / (1 - p), sum_enough = enough / exp(log_term);
    for (double i = hits; i < trials && sum <= sum_enough; i++) {
        term *= (trials - i) / (i + 1) * odds;
        sum += term;
        if (term < sum * 1e-12)
            break;
    }
    double tail = exp(log_term + log(sum));
    return tail < 1 ? tail : 1;
}

double binomial_tail(uint64_t n, double p, uint64_t k)
{
    return tail_until(n, p, k, INFINITY);
}

bool binomial_is_chance(uint64_t n, double p, uint64_t k, double alpha)
{
    const double surely = 1 + 1e-9; /* above alpha by more than rounding */
    return tail_until(n, p, k, surely * alpha) > alpha;
}
