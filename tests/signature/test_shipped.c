/* The signatures that are shipped: each is whole, matches its examples and none of its near
 * misses, by the matcher and by the naive evaluator alike; its examples are enough for a label,
 * and earn no other label.
 *
 * The rule for a label is worked out here again, apart from the state layer: a hit repeats none
 * of the four latest probes; a relation holds with one of the four latest values, each from
 * another probe. */
#include <nightscope/signature.h>
#include <nightscope/source.h>

#include <math.h>
#include <string.h>

#include "harness.h"

enum {
    KEPT = 4,
    ROWS_MAX = 256,
    DARK = 64, /* addresses of the dark space in the examples: see make_examples.py */
};
#define ALPHA 1e-9

static char root[3072];
static struct signature_set *set;

static void setup(void)
{
    const char *source = getenv("NIGHTSCOPE_SOURCE");
    struct signature_errors errors = {0};
    char path[4096];
    (void)snprintf(root, sizeof root, "%s", source ? source : ".");
    (void)snprintf(path, sizeof path, "%s/signatures", root);
    set = signature_set_new();
    ck_assert_ptr_nonnull(set);
    int loaded = signature_set_load(set, path, &errors);
    for (unsigned i = 0; i < errors.n; i++) {
        char text[1024];
        err_format(&errors.items[i], text, sizeof text);
        printf("%s\n", text);
    }
    ck_assert_int_eq(loaded, 0);
    ck_assert_uint_ge(signature_count(set), 60);
}

static void teardown(void)
{
    signature_set_free(set);
}

/* What one capture shows: its packets, and which of them satisfy each signature. */
struct seen {
    struct batch batch;
    struct matches *matches;
};

static void seen_init(struct seen *seen, struct matcher *matcher, const char *name)
{
    static uint8_t
        bytes[1 << 17]; /* frames are borrowed from the replay: copied to outlive it */
    struct decode_config decode = {0};
    struct replay_config config = {
        .lateness_ns = 60000000000, .decode = &decode, .open_max = 4};
    char path[4096];
    const char *paths[] = {path};
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    struct replay *replay = replay_new(&config, paths, 1);
    struct chunk *chunk = chunk_new();
    ck_assert(replay && chunk);
    ck_assert_msg(replay_next(replay, chunk), "%s: no packets", name);
    ck_assert_uint_le(chunk->n, ROWS_MAX);
    size_t used = 0;
    for (unsigned i = 0; i < chunk->n; i++) {
        ck_assert_uint_le(used + chunk->frames[i].caplen, sizeof bytes);
        memcpy(bytes + used, chunk->frames[i].bytes, chunk->frames[i].caplen);
        chunk->frames[i].bytes = bytes + used;
        used += chunk->frames[i].caplen;
    }
    unsigned n = chunk->n;
    decode_batch(&decode, chunk->frames, n, &seen->batch);
    chunk_release(replay, chunk);
    ck_assert_msg(!replay_next(replay, chunk), "%s: too many packets", name);
    const struct file_status *status = replay_file(replay, 0);
    ck_assert_msg(!status->failed && !status->cut, "%s: %s", name, status->error.text);
    chunk_free(chunk);
    replay_free(replay);
    ck_assert_msg(seen->batch.n == n, "%s: a packet is not counted", name);
    for (unsigned sum = 0; sum < CHECKSUM_COUNT_; sum++)
        for (unsigned row = 0; row < n; row++)
            ck_assert_msg(!mask_test(seen->batch.bad_checksum[sum], row),
                          "%s: packet %u has a wrong checksum", name, row + 1);
    seen->matches = matches_new(set);
    ck_assert_ptr_nonnull(seen->matches);
    matcher_run(matcher, &seen->batch, seen->matches);
    for (unsigned i = 0; i < signature_count(set); i++)
        for (unsigned row = 0; row < n; row++)
            ck_assert_msg(mask_test(seen->matches->mask[i], row) ==
                              (signature_truth(set, i, &seen->batch, row) == TRUTH_TRUE),
                          "%s: packet %u: matcher and evaluator differ about %s", name, row + 1,
                          signature_at(set, i)->name);
}

static void seen_fini(struct seen *seen)
{
    matches_free(seen->matches);
}

static bool matches(const struct seen *seen, unsigned index, unsigned row)
{
    return mask_test(seen->matches->mask[index], row);
}

/* P(Binomial(n, p) >= k) */
static double tail(unsigned n, double p, unsigned k)
{
    double sum = 0;
    if (p >= 1 || k == 0)
        return 1;
    for (unsigned j = k; j <= n; j++)
        sum += exp(lgamma(n + 1.0) - lgamma(j + 1.0) - lgamma(n - j + 1.0) + j * log(p) +
                   (n - j) * log1p(-p));
    return sum;
}

/* The latest values of one source, each with the probe that showed it first. */
struct latest {
    unsigned n;
    uint64_t values[KEPT], probes[KEPT];
};

static void latest_put(struct latest *latest, uint64_t value, uint64_t probe)
{
    memmove(latest->values + 1, latest->values, (KEPT - 1) * sizeof latest->values[0]);
    memmove(latest->probes + 1, latest->probes, (KEPT - 1) * sizeof latest->probes[0]);
    latest->values[0] = value;
    latest->probes[0] = probe;
    latest->n += latest->n < KEPT;
}

static bool latest_has_probe(const struct latest *latest, uint64_t probe)
{
    for (unsigned i = 0; i < latest->n; i++)
        if (latest->probes[i] == probe)
            return true;
    return false;
}

static bool holds(enum relation relation, uint64_t earlier, uint64_t later)
{
    return relation == RELATION_CONSTANT ? later == earlier : later > earlier;
}

/* Does the relation hold with an earlier probe? */
static bool latest_relates(const struct latest *latest, enum relation relation, uint64_t value,
                           uint64_t probe)
{
    for (unsigned i = 0; i < latest->n; i++)
        if (latest->probes[i] != probe && holds(relation, latest->values[i], value))
            return true;
    return false;
}

/* Packets of a capture that count for a signature, and the candidates among all. */
struct tally {
    unsigned candidates, hits;
};

static struct tally tally_of(const struct seen *seen, unsigned index)
{
    const struct signature *signature = signature_at(set, index);
    const struct batch *batch = &seen->batch;
    struct latest probes = {0}, values = {0};
    struct tally tally = {0};
    for (unsigned row = 0; row < batch->n; row++) {
        uint64_t value = 0, probe = signature_probe_key(set, index, batch, row);
        tally.candidates += signature->candidates >> candidate_of(batch, row) & 1;
        if (!matches(seen, index, row))
            continue;
        if (signature->relation != RELATION_NONE) {
            ck_assert(signature_relation_value(set, index, batch, row, &value));
            bool related = latest_relates(&values, signature->relation, value, probe);
            latest_put(&values, value, probe);
            if (!related)
                continue;
        }
        tally.hits += !latest_has_probe(&probes, probe);
        latest_put(&probes, 0, probe);
    }
    return tally;
}

static bool labels(const struct seen *seen, unsigned index)
{
    const struct signature *signature = signature_at(set, index);
    struct tally tally = tally_of(seen, index);
    double chance = signature->chance;
    if (signature->relation != RELATION_NONE)
        chance = fmin(1, chance * KEPT);
    return tally.hits >= 2 && tail(tally.candidates, chance, tally.hits) <= ALPHA;
}

static bool reaches(const struct seen *seen, unsigned index, const struct threshold *threshold)
{
    uint64_t keys[ROWS_MAX];
    unsigned packets = 0, distinct = 0;
    for (unsigned row = 0; row < seen->batch.n; row++) {
        if (!matches(seen, index, row))
            continue;
        packets++;
        uint64_t key = threshold_key(set, threshold, &seen->batch, row);
        unsigned i = 0;
        while (i < distinct && keys[i] != key)
            i++;
        if (i == distinct)
            keys[distinct++] = key;
    }
    double is = threshold->kind == THRESHOLD_PACKETS ? packets : distinct;
    double least = threshold->value * (threshold->per_dark ? DARK : 1);
    return threshold->strict ? is > least : is >= least;
}

static bool reaches_all(const struct seen *seen, unsigned index)
{
    const struct signature *signature = signature_at(set, index);
    for (unsigned i = 0; i < signature->thresholds_n; i++)
        if (!reaches(seen, index, &signature->thresholds[i]))
            return false;
    return true;
}

START_TEST(every_signature_says_what_it_is_and_shows_it)
{
    for (unsigned i = 0; i < signature_count(set); i++) {
        const struct signature *signature = signature_at(set, i);
        ck_assert_msg(signature->title && strlen(signature->title) >= 8, "%s: no title",
                      signature->name);
        ck_assert_msg(signature->references_n > 0, "%s: no reference", signature->name);
        ck_assert_msg(signature->examples_n > 0, "%s: no example", signature->name);
        ck_assert_msg(signature->nears_n > 0, "%s: no near miss", signature->name);
        ck_assert_msg(signature->thresholds_n > 0 || signature->chance <= 0.75,
                      "%s: its chance never makes a label", signature->name);
    }
}
END_TEST

START_TEST(examples_match_and_are_enough_for_the_label)
{
    struct matcher *matcher = matcher_new(set);
    static struct seen seen;
    for (unsigned i = 0; i < signature_count(set); i++) {
        const struct signature *signature = signature_at(set, i);
        for (unsigned k = 0; k < signature->examples_n; k++) {
            seen_init(&seen, matcher, signature->examples[k]);
            for (unsigned row = 0; row < seen.batch.n; row++)
                ck_assert_msg(matches(&seen, i, row), "%s: packet %u does not match %s",
                              signature->examples[k], row + 1, signature->name);
            if (signature->thresholds_n > 0)
                ck_assert_msg(reaches_all(&seen, i), "%s: below the thresholds",
                              signature->name);
            else
                ck_assert_msg(labels(&seen, i), "%s: %u packets, %u hits are no label",
                              signature->name, seen.batch.n, tally_of(&seen, i).hits);
            seen_fini(&seen);
        }
    }
    matcher_free(matcher);
}
END_TEST

/* Where the example of a signature rests on a relation, its near miss may match packet by
 * packet, but the relation holds between no two of them. */
START_TEST(near_misses_do_not_match)
{
    struct matcher *matcher = matcher_new(set);
    static struct seen seen;
    for (unsigned i = 0; i < signature_count(set); i++) {
        const struct signature *signature = signature_at(set, i);
        bool relates = signature->relation != RELATION_NONE;
        for (unsigned k = 0; k < signature->nears_n; k++) {
            seen_init(&seen, matcher, signature->nears[k]);
            for (unsigned row = 0; row < seen.batch.n && signature->thresholds_n == 0; row++)
                ck_assert_msg(relates || !matches(&seen, i, row), "%s: packet %u matches %s",
                              signature->nears[k], row + 1, signature->name);
            if (signature->thresholds_n > 0)
                ck_assert_msg(!reaches_all(&seen, i), "%s reaches the thresholds",
                              signature->nears[k]);
            ck_assert_msg(!relates || tally_of(&seen, i).hits == 0, "%s: the relation holds",
                          signature->nears[k]);
            seen_fini(&seen);
        }
    }
    matcher_free(matcher);
}
END_TEST

START_TEST(examples_earn_no_other_label)
{
    struct matcher *matcher = matcher_new(set);
    static struct seen seen;
    unsigned checked = 0;
    for (unsigned i = 0; i < signature_count(set); i++) {
        const struct signature *signature = signature_at(set, i);
        if (signature->thresholds_n > 0)
            continue;
        for (unsigned k = 0; k < signature->examples_n; k++) {
            seen_init(&seen, matcher, signature->examples[k]);
            for (unsigned other = 0; other < signature_count(set); other++) {
                if (signature_at(set, other)->thresholds_n > 0 ||
                    strcmp(signature_at(set, other)->label, signature->label) == 0)
                    continue;
                checked++;
                ck_assert_msg(!labels(&seen, other), "%s is labelled %s",
                              signature->examples[k], signature_at(set, other)->label);
            }
            seen_fini(&seen);
        }
    }
    ck_assert_uint_gt(checked, 1000);
    matcher_free(matcher);
}
END_TEST

/* Some signatures rest on a field that changes from probe to probe: with a fixed value the same
 * packets, though they match, label nobody. */
START_TEST(a_fixed_field_makes_no_label)
{
    enum field { IDENT, SOURCE_PORT, ICMP_IDENT, TTL };
    static const struct {
        const char *name;
        enum field field;
    } CASES[] = {
        {"zmap-new-windows", IDENT},      {"zmap-new-smallest", SOURCE_PORT},
        {"zmap-new-synack", SOURCE_PORT}, {"zmap-new-udp", SOURCE_PORT},
        {"zmap-new-icmp", ICMP_IDENT},    {"masscan-ping", ICMP_IDENT},
        {"nmap-ping", ICMP_IDENT},        {"nmap-udp", TTL},
        {"nmap-sctp-init", TTL},          {"nmap-sctp-cookie", TTL},
    };
    struct matcher *matcher = matcher_new(set);
    static struct seen seen;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        int index = signature_find(set, CASES[i].name);
        ck_assert_msg(index >= 0, "no signature %s", CASES[i].name);
        seen_init(&seen, matcher, signature_at(set, (unsigned)index)->examples[0]);
        for (unsigned row = 0; row < seen.batch.n; row++) {
            switch (CASES[i].field) {
            case IDENT:
                seen.batch.ip_id[row] = 4711;
                break;
            case SOURCE_PORT:
                seen.batch.srcport[row] = 40000;
                break;
            case ICMP_IDENT:
                seen.batch.icmp_ident[row] = 4711;
                break;
            case TTL:
                seen.batch.ip_ttl[row] = 52;
                break;
            }
        }
        matcher_run(matcher, &seen.batch, seen.matches);
        for (unsigned row = 0; row < seen.batch.n; row++)
            ck_assert_msg(matches(&seen, (unsigned)index, row),
                          "%s: packet %u no longer matches", CASES[i].name, row + 1);
        ck_assert_msg(!labels(&seen, (unsigned)index), "%s is labelled all the same",
                      CASES[i].name);
        seen_fini(&seen);
    }
    matcher_free(matcher);
}
END_TEST

/* Memory: a relation has a record made for every source with one packet that matches, so none
 * may match what ordinary hosts send all the time. */
START_TEST(relations_match_no_ordinary_connection)
{
    struct matcher *matcher = matcher_new(set);
    static struct seen seen;
    seen_init(&seen, matcher, "pcaps/linux-6.18-tcp-connect.pcap");
    for (unsigned i = 0; i < signature_count(set); i++)
        for (unsigned row = 0; row < seen.batch.n; row++)
            ck_assert_msg(signature_at(set, i)->thresholds_n > 0 || !matches(&seen, i, row),
                          "%s matches an ordinary connection", signature_at(set, i)->name);
    seen_fini(&seen);
    matcher_free(matcher);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shipped signatures");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, every_signature_says_what_it_is_and_shows_it);
    tcase_add_test(tcase, examples_match_and_are_enough_for_the_label);
    tcase_add_test(tcase, near_misses_do_not_match);
    tcase_add_test(tcase, examples_earn_no_other_label);
    tcase_add_test(tcase, a_fixed_field_makes_no_label);
    tcase_add_test(tcase, relations_match_no_ordinary_connection);
    suite_add_tcase(suite, tcase);
    return harness_run(suite);
}
