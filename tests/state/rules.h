/* Signatures and their evidence for the tests of the state, and the tools of reports. */
#pragma once

#include "stream.h"

#include "state/evidence.h"

/* One of every kind. `dice` is as frequent as its chance says: luck alone labels it, at an
 * early packet, and the packets that follow would not. */
static const char RULES[] = "signature often\n    title t\n    origin iot\n    match tcp\n"
                            "    chance 0.3\n    reference none\n"
                            "signature often-too\n    title t\n    label often\n"
                            "    origin tool\n    match tcp or udp\n    chance 0.6\n"
                            "    reference none\n"
                            "signature rare\n    title t\n    origin tool\n"
                            "    match tcp.dstport < 4000 or udp.dstport < 4000\n"
                            "    chance 2^-8\n    reference none\n"
                            "signature port\n    title t\n    origin iot\n"
                            "    match tcp.dstport < 30000\n    constant tcp.srcport\n"
                            "    chance 2^-3\n    reference none\n"
                            "signature port-too\n    title t\n    label often\n"
                            "    origin tool\n    match tcp\n    increasing tcp.dstport\n"
                            "    distinct tcp.srcport\n    chance 2^-2\n    reference none\n"
                            "signature dice\n    title t\n    origin tool\n"
                            "    match tcp.dstport < 19000 or udp.dstport < 19000\n"
                            "    chance 0.3\n    reference none\n"
                            "signature widely\n    title t\n    origin research\n"
                            "    match tcp or udp\n    distinct ports > 5 in 1d\n"
                            "    reference none\n"
                            "signature all-0\n    title t\n    origin tool\n"
                            "    match ip or ipv6\n    chance 0.5\n    reference none\n"
                            "signature all-1\n    title t\n    origin tool\n"
                            "    match ip or ipv6\n    chance 0.6\n    reference none\n"
                            "signature all-2\n    title t\n    origin tool\n"
                            "    match ip or ipv6\n    chance 0.7\n    reference none\n"
                            "signature all-3\n    title t\n    origin tool\n"
                            "    match ip or ipv6\n    chance 0.8\n    reference none\n";
enum { RULES_N = 11 };

static struct signature_set *signatures;
static struct evidence_plan *plan;

static inline void rules_of(const char *text, double alpha)
{
    static struct signature_errors errors;
    signatures = signature_set_new();
    ck_assert_int_eq(signature_set_parse(signatures, "test", text, strlen(text), &errors), 0);
    plan = evidence_plan_new(
        &(struct evidence_config){.signatures = signatures, .alpha = alpha, .dark_size = 256});
    ck_assert_ptr_nonnull(plan);
}

static inline void rules_setup(void)
{
    rules_of(RULES, 0.02);
}

static inline void rules_teardown(void)
{
    evidence_plan_free(plan);
    signature_set_free(signatures);
}
