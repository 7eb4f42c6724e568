#include "state/binomial.h"

#include <math.h>

double binomial_tail(uint64_t n, double p, uint64_t k)
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
    double term = 1, sum = 1, odds = p / (1 - p);
    for (double i = hits; i < trials; i++) {
        term *= (trials - i) / (i + 1) * odds;
        sum += term;
        if (term < sum * 1e-12)
            break;
    }
    double tail = exp(log_term + log(sum));
    return tail < 1 ? tail : 1;
}
