/* Signatures from any bytes: what loads must match a fixed batch as the naive evaluator does,
 * on every instruction set, and print as itself. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "signature/parse.h"
#include "signature/plan.h"

#include "../signature/random_batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct random_batch packets;
static struct signature_errors errors;
static char text[1 << 18];

static void ignore(void *context, const struct explanation *part)
{
    size_t *total = context;
    *total += strlen(part->text) + strlen(part->values);
}

static void check_matches(const struct signature_set *set, const struct kernels *kernels)
{
    struct matches *matches = matches_new(set);
    struct matcher *matcher = matcher_new_on(set, kernels);
    if (!matches || !matcher)
        abort();
    matcher_run(matcher, &packets.batch, matches);
    for (unsigned i = 0; i < signature_count(set); i++)
        for (unsigned row = 0; row < packets.batch.n; row++)
            if (mask_test(matches->mask[i], row) !=
                (signature_truth(set, i, &packets.batch, row) == TRUTH_TRUE))
                abort();
    matcher_free(matcher);
    matches_free(matches);
}

static void check_signature(struct signature_set *set, unsigned index)
{
    struct diag diag = {"printed", &errors, 0};
    struct parser parser = {.ast = &set->ast, .diag = &diag};
    uint64_t value;
    size_t total = 0, len = signature_print(set, index, text, sizeof text);
    signature_explain(set, index, &packets.batch, 0, ignore, &total);
    (void)signature_relation_value(set, index, &packets.batch, 1, &value);
    total += signature_probe_key(set, index, &packets.batch, 2);
    if (len >= sizeof text)
        return;
    parser_start(&parser, text, text + len, text, 1);
    uint32_t node = check_truth(&parser, parse_operand(&parser));
    if (!parser.failed && node != signature_at(set, index)->match)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (packets.batch.n == 0) {
        struct random random = {1};
        random_batch_fill(&random, &packets, 200);
    }
    struct signature_set *set = signature_set_new();
    if (!set)
        abort();
    errors.n = errors.unseen = 0;
    int result = signature_set_parse(set, "fuzz", (const char *)data, size, &errors);
    if ((result < 0) != (errors.n > 0))
        abort();
    unsigned n = signature_count(set);
    for (unsigned i = 0; i < n && i < 64; i++)
        check_signature(set, i);
    for (unsigned isa = 0; n > 0 && n <= 64 && kernels_at(isa); isa++)
        check_matches(set, kernels_at(isa));
    signature_set_free(set);
    return 0;
}
