/* Workers: the same report from the sample captures, however many count and whoever reads. */
#include "app/workers.h"
#include "harness.h"
#include "state/evidence.h"

#include <glob.h>
#include <nightscope/sink.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { LATENESS_S = 60, CAPTURES_MAX = 64 };

static glob_t captures;
static char folder[] = "/tmp/nightscope-workers-XXXXXX";
static const char *packed[CAPTURES_MAX]; /* the same captures as .gz */
static struct signature_set *signatures;
static struct evidence_plan *evidence;

static void pack(const char *path, const char *to)
{
    char bytes[65536];
    size_t n;
    FILE *in = fopen(path, "rb");
    gzFile out = gzopen(to, "wb1");
    ck_assert_ptr_nonnull(in);
    ck_assert_ptr_nonnull(out);
    while ((n = fread(bytes, 1, sizeof bytes, in)) > 0)
        ck_assert_int_eq(gzwrite(out, bytes, (unsigned)n), (int)n);
    ck_assert_int_eq(gzclose(out), Z_OK);
    ck_assert_int_eq(fclose(in), 0);
}

static void pack_all(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_uint_le(captures.gl_pathc, CAPTURES_MAX);
    for (size_t i = 0; i < captures.gl_pathc; i++) {
        char *to = NULL;
        int n = asprintf(&to, "%s/%s.gz", folder, strrchr(captures.gl_pathv[i], '/') + 1);
        ck_assert_int_gt(n, 0);
        pack(captures.gl_pathv[i], to);
        packed[i] = to;
    }
}

static void remove_packed(void)
{
    for (size_t i = 0; i < captures.gl_pathc; i++) {
        (void)unlink(packed[i]);
        free((char *)(uintptr_t)packed[i]); /* ours */
    }
    (void)rmdir(folder);
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
}

static void set_up(void)
{
    char pattern[4096];
    const char *source = getenv("NIGHTSCOPE_SOURCE");
    ck_assert_ptr_nonnull(source);
    (void)snprintf(pattern, sizeof pattern, "%s/pcaps/*.pcap", source);
    ck_assert_int_eq(glob(pattern, 0, NULL, &captures), 0);
    pack_all();
    (void)snprintf(pattern, sizeof pattern, "%s/signatures", source);
    static struct signature_errors errors;
    signatures = signature_set_new();
    ck_assert_int_eq(signature_set_load(signatures, pattern, &errors), 0);
    struct evidence_config config = {.signatures = signatures, .alpha = 1e-9};
    evidence = evidence_plan_new(&config);
    ck_assert_ptr_nonnull(evidence);
}

static void tear_down(void)
{
    evidence_plan_free(evidence);
    signature_set_free(signatures);
    remove_packed();
    globfree(&captures);
}

/* The whole report as JSON. */
static char *report_of(unsigned workers_n, bool read_ahead, bool make_ahead,
                       const char *const *names, bool with_signatures)
{
    static const struct decode_config decode = {0};
    struct workers_config config = {
        .n = workers_n,
        .decode = &decode,
        .analysis = {.sources_max = 1 << 20,
                     .lateness_ns = (int64_t)LATENESS_S * 1000000000,
                     .table_key = {1, 2},
                     .evidence = with_signatures ? evidence : NULL,
                     .evidence_s = 86400},
        .signatures = with_signatures ? signatures : NULL,
        .make_ahead = make_ahead,
        .read_ahead = read_ahead,
    };
    struct replay_config replay_config = {.lateness_ns = config.analysis.lateness_ns,
                                          .decode = workers_n > 1 ? &decode : NULL,
                                          .open_max = 64};
    struct replay *replay = replay_new(&replay_config, names, (unsigned)captures.gl_pathc);
    struct collector *collector = collector_new(workers_n, NULL);
    struct err err;
    struct workers *workers = workers_start(&config, replay, collector, &err);
    ck_assert_ptr_nonnull(workers);
    while (!workers_wait(workers, 1000))
        ;
    struct workers_result result;
    ck_assert_int_eq(workers_finish(workers, &result, &err), 0);
    struct report_input input = {.frames = result.frames,
                                 .has_time = result.has_time,
                                 .first_ns = result.first_ns,
                                 .last_ns = result.last_ns};
    input.minutes = collector_series(collector, &input.minutes_n, &input.refused);
    struct report *report = report_new(result.analysis, &input);
    ck_assert_ptr_nonnull(report);
    struct sink_files files = {NULL, 0};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    ck_assert_int_eq(sink_json(out, report, &files, &err), 0);
    ck_assert_int_eq(fclose(out), 0);
    report_free(report);
    free(input.minutes);
    analysis_free(result.analysis);
    collector_free(collector);
    replay_free(replay);
    return text;
}

START_TEST(who_reads_and_how_many_count_changes_nothing)
{
    static const unsigned WORKERS[] = {1, 2, 3, 7};
    bool with_signatures = _i;
    const char *const *plain = (const char *const *)captures.gl_pathv;
    char *expected = report_of(1, false, false, plain, with_signatures);
    ck_assert_ptr_nonnull(strstr(expected, "\"frames\":9"));
    ck_assert_int_eq(strstr(expected, "\"mirai-telnet\":{") != NULL, with_signatures);
    for (unsigned i = 0; i < 8 * sizeof WORKERS / sizeof *WORKERS; i++) {
        bool read_ahead = i & 1, make_ahead = i & 2;
        char *report = report_of(WORKERS[i / 8], read_ahead, make_ahead, i & 4 ? packed : plain,
                                 with_signatures);
        ck_assert_msg(
            strcmp(report, expected) == 0,
            "%u workers, read ahead: %u, made ahead: %u, packed: %u: the report differs",
            WORKERS[i / 8], read_ahead, make_ahead, i >> 2 & 1);
        free(report);
    }
    free(expected);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("workers");
    TCase *tests = tcase_create("workers");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, who_reads_and_how_many_count_changes_nothing, 0, 2);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
