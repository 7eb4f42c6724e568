/* nightscope explain: why a source has its labels, and why a packet matches.
 *
 * One thread, one pass: the state of an ordinary replay, and beside it the packets of the
 * source (or the one packet) that was asked for. */
#include "app/commands.h"
#include "app/file_messages.h"
#include "app/packet_text.h"
#include "app/setup.h"
#include "sink/json_out.h"

#include <nightscope/report.h>
#include <nightscope/source.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHOWN_PACKETS = 3,        /* of each signature of a source */
    SOURCE_SIGNATURES = 4096, /* with evidence of one source */
    LINE_CAP = 256,
};

struct shown {
    unsigned n;
    uint64_t frames[SHOWN_PACKETS];
    char lines[SHOWN_PACKETS][LINE_CAP];
};

struct explain {
    struct setup setup;
    struct matcher *matcher;
    struct matches *matches;
    struct analysis *analysis;
    struct batch *batch;
    struct shown *shown;          /* by signature; of the source that was asked for */
    uint64_t *counted;            /* packets of each signature before this one */
    bool has_source, source_sent; /* was it seen at all? */
    struct address source;
    int only; /* signature that was asked for, or -1 */
    uint64_t frames;
    uint64_t wanted; /* --packet, from 1; 0: none */
    bool json;
    struct json_out out;
};

static bool is_source(const struct explain *explain, unsigned row)
{
    const struct batch *batch = explain->batch;
    if (mask_test(batch->has[HAS_IPV6], row) != explain->source.is6)
        return false;
    return explain->source.is6 ? batch->src6[row].hi == explain->source.v6.hi &&
                                     batch->src6[row].lo == explain->source.v6.lo
                               : batch->src[row] == explain->source.v4;
}

/* What is counted of the signatures that a packet may match, before it is. */
static void note_counted(struct explain *explain)
{
    for (unsigned i = 0; i < explain->matches->hits_n; i++)
        explain->counted[explain->matches->hits[i]] =
            analysis_matched(explain->analysis, explain->matches->hits[i]);
}

/* Of a relation, only packets that it held for are behind it: the first of a run, which has
 * nothing before it, is none. Thresholds are reached by all. */
static bool is_behind(const struct explain *explain, unsigned signature)
{
    const struct signature *of = signature_at(explain->setup.signatures, signature);
    return of->relation == RELATION_NONE || of->thresholds_n > 0 ||
           analysis_matched(explain->analysis, signature) > explain->counted[signature];
}

/* Keeps the first packets of the source behind each signature. One frame a batch is decoded, so
 * that a row has the number of its frame. */
static void keep_packets(struct explain *explain, uint64_t frame)
{
    if (explain->batch->n == 0 || !explain->has_source || !is_source(explain, 0))
        return;
    explain->source_sent = true;
    for (unsigned i = 0; i < explain->matches->hits_n; i++) {
        unsigned signature = explain->matches->hits[i];
        struct shown *shown = &explain->shown[signature];
        if (shown->n == SHOWN_PACKETS || !mask_test(explain->matches->mask[signature], 0) ||
            !is_behind(explain, signature))
            continue;
        shown->frames[shown->n] = frame;
        packet_text(explain->batch, 0, shown->lines[shown->n++], LINE_CAP);
    }
}

static const char *truth_text(enum truth truth)
{
    switch (truth) {
    case TRUTH_FALSE:
        return "no";
    case TRUTH_TRUE:
        return "yes";
    case TRUTH_UNKNOWN:
        break;
    }
    return "unknown";
}

static void print_part(void *context, const struct explanation *part)
{
    struct explain *explain = context;
    if (explain->json) {
        json_out_open(&explain->out, '{');
        json_out_key(&explain->out, "depth");
        json_out_number(&explain->out, part->depth);
        json_out_key(&explain->out, "truth");
        json_out_text(&explain->out, truth_text(part->truth));
        json_out_key(&explain->out, "expression");
        json_out_text(&explain->out, part->text);
        json_out_key(&explain->out, "values");
        json_out_text(&explain->out, part->values);
        json_out_close(&explain->out, '}');
        return;
    }
    (void)printf("    %-7s %*s%s", truth_text(part->truth), (int)part->depth * 2, "",
                 part->text);
    if (part->values[0])
        (void)printf("    [%s]", part->values);
    (void)putchar('\n');
}

/* How much of a telescope a source visits needs the telescope's size. */
static bool is_off(const struct explain *explain, const struct signature *signature)
{
    return signature->thresholds_n > 0 && !explain->setup.dark;
}

static bool any_off(const struct explain *explain)
{
    const struct signature_set *set = explain->setup.signatures;
    for (unsigned i = 0; i < signature_count(set); i++)
        if ((explain->only < 0 || (unsigned)explain->only == i) &&
            is_off(explain, signature_at(set, i)))
            return true;
    return false;
}

static void print_off_json(struct explain *explain)
{
    json_out_key(&explain->out, "thresholds");
    json_out_text(&explain->out, "off: --dark not given");
}

/* Every part of every signature that this kind of packet could match. */
static void print_packet(struct explain *explain)
{
    const struct batch *batch = explain->batch;
    const struct signature_set *set = explain->setup.signatures;
    char line[LINE_CAP];
    static const char *const REASON_NAMES[REASON_COUNT_] = {"",
#define X(id, name, text) #name ": " text,
                                                            REASONS(X)
#undef X
    };
    if (batch->n == 0) {
        (void)snprintf(line, sizeof line, "not counted, %s",
                       REASON_NAMES[batch->refused[0].reason]);
    } else {
        packet_text(batch, 0, line, sizeof line);
    }
    if (explain->json) {
        json_out_key(&explain->out, "packet");
        json_out_text(&explain->out, line);
        json_out_key(&explain->out, "signatures");
        json_out_open(&explain->out, '[');
    } else {
        (void)printf("frame %llu: %s\n", (unsigned long long)explain->wanted, line);
    }
    for (unsigned i = 0; batch->n > 0 && i < signature_count(set); i++) {
        const struct signature *signature = signature_at(set, i);
        if (explain->only >= 0 ? (unsigned)explain->only != i
                               : !(signature->candidates & 1U << candidate_of(batch, 0)))
            continue;
        const char *truth = truth_text(signature_truth(set, i, batch, 0));
        if (explain->json) {
            json_out_open(&explain->out, '{');
            json_out_key(&explain->out, "name");
            json_out_text(&explain->out, signature->name);
            json_out_key(&explain->out, "matches");
            json_out_text(&explain->out, truth);
            if (is_off(explain, signature))
                print_off_json(explain);
            json_out_key(&explain->out, "parts");
            json_out_open(&explain->out, '[');
        } else {
            (void)printf("\n  %s: %s%s\n", signature->name, truth,
                         is_off(explain, signature) ? "; its thresholds are off: needs --dark"
                                                    : "");
        }
        signature_explain(set, i, batch, 0, print_part, explain);
        if (explain->json) {
            json_out_close(&explain->out, ']');
            json_out_close(&explain->out, '}');
        }
    }
    if (explain->json)
        json_out_close(&explain->out, ']');
}

/* Counts one chunk; true when the packet that was asked for has been printed. */
static bool take_chunk(struct explain *explain, const struct chunk *chunk)
{
    bool one_by_one = explain->has_source || explain->wanted > 0;
    unsigned step = one_by_one ? 1 : BATCH_CAP;
    for (unsigned at = 0; at < chunk->n; at += step) {
        unsigned left = chunk->n - at;
        unsigned n = left < step ? left : step;
        explain->frames += n;
        if (explain->wanted > 0 && explain->frames < explain->wanted)
            continue;
        decode_batch(&explain->setup.decode, chunk->frames + at, n, explain->batch);
        if (explain->wanted > 0) {
            print_packet(explain);
            return true;
        }
        matcher_run(explain->matcher, explain->batch, explain->matches);
        if (explain->has_source)
            note_counted(explain);
        analysis_add(explain->analysis, explain->batch, explain->matches);
        keep_packets(explain, explain->frames);
    }
    analysis_advance(explain->analysis, chunk->packet_time_ns);
    for (struct window *window = analysis_take_closed(explain->analysis); window;) {
        struct window *next = window->next;
        window_free(window);
        window = next;
    }
    return false;
}

static void print_evidence_json(struct explain *explain, const struct source_evidence *row)
{
    struct json_out *out = &explain->out;
    char number[32];
    json_out_open(out, '{');
    json_out_key(out, "signature");
    json_out_text(out, signature_at(explain->setup.signatures, row->signature)->name);
    json_out_key(out, "candidates");
    json_out_number(out, row->candidates);
    json_out_key(out, "matches");
    json_out_number(out, row->hits);
    json_out_key(out, "probability"); /* as text: below what a number may hold */
    (void)snprintf(number, sizeof number, "%.3g", row->probability);
    json_out_text(out, number);
    json_out_key(out, "labelled");
    json_out_bool(out, row->labelled);
    json_out_key(out, "packets");
    json_out_open(out, '[');
    const struct shown *shown = &explain->shown[row->signature];
    for (unsigned i = 0; explain->has_source && i < shown->n; i++) {
        json_out_open(out, '{');
        json_out_key(out, "frame");
        json_out_number(out, shown->frames[i]);
        json_out_key(out, "packet");
        json_out_text(out, shown->lines[i]);
        json_out_close(out, '}');
    }
    json_out_close(out, ']');
    json_out_close(out, '}');
}

static void print_evidence_page(struct explain *explain, const struct source_evidence *row)
{
    const struct signature *signature = signature_at(explain->setup.signatures, row->signature);
    const double TINY = 1e-300; /* near where numbers end: 0 would say that it cannot be */
    bool tiny = row->probability < TINY;
    if (signature->thresholds_n > 0)
        (void)printf("    %-26s thresholds %s\n", signature->name,
                     row->labelled ? "reached: LABELLED" : "not reached");
    else
        (void)printf(
            "    %-26s %llu of %llu candidates are distinct matches; by chance (%.2g each) "
            "%s%.2g%s\n",
            signature->name, (unsigned long long)row->hits, (unsigned long long)row->candidates,
            row->chance, tiny ? "less than " : "", tiny ? TINY : row->probability,
            !row->labelled                            ? ""
            : row->probability > explain->setup.alpha ? ": LABELLED earlier"
                                                      : ": LABELLED");
    const struct shown *shown = &explain->shown[row->signature];
    for (unsigned i = 0; explain->has_source && i < shown->n; i++)
        (void)printf("        frame %llu: %s\n", (unsigned long long)shown->frames[i],
                     shown->lines[i]);
}

static int compare_evidence(const void *left, const void *right)
{
    const struct source_evidence *a = left, *b = right;
    if (a->labelled != b->labelled)
        return a->labelled ? -1 : 1;
    return (a->signature > b->signature) - (a->signature < b->signature);
}

/* Of the signature that was asked for, if one was. */
static unsigned keep_only(const struct explain *explain, struct source_evidence *rows,
                          unsigned n)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < n; i++)
        if (explain->only < 0 || (unsigned)explain->only == rows[i].signature)
            rows[kept++] = rows[i];
    return kept;
}

static void print_source(struct explain *explain, const struct address *address)
{
    struct source_evidence rows[SOURCE_SIGNATURES];
    unsigned n = analysis_evidence(explain->analysis, address, rows, SOURCE_SIGNATURES);
    n = keep_only(explain, rows, n);
    qsort(rows, n, sizeof *rows, compare_evidence);
    char name[ADDRESS_TEXT_CAP];
    (void)address_format(address, name);
    if (explain->json) {
        json_out_open(&explain->out, '{');
        json_out_key(&explain->out, "ip");
        json_out_text(&explain->out, name);
        json_out_key(&explain->out, "evidence");
        json_out_open(&explain->out, '[');
    } else {
        const char *none = explain->has_source && !explain->source_sent
                               ? ": sent no packet that is counted"
                           : explain->only >= 0 ? ": that signature does not match"
                                                : ": no signature matches";
        (void)printf("%s%s\n", name, n == 0 ? none : "");
    }
    for (unsigned i = 0; i < n; i++) {
        if (explain->json)
            print_evidence_json(explain, &rows[i]);
        else
            print_evidence_page(explain, &rows[i]);
    }
    if (explain->json) {
        json_out_close(&explain->out, ']');
        json_out_close(&explain->out, '}');
    }
}

/* The source that was asked for, or those at the top of the report. */
static int print_sources(struct explain *explain, struct err *err)
{
    if (explain->json) {
        json_out_key(&explain->out, "sources");
        json_out_open(&explain->out, '[');
    }
    if (explain->has_source) {
        print_source(explain, &explain->source);
    } else {
        struct report_input input = {.top = explain->setup.options.value[OPTION_top].number};
        analysis_finish(explain->analysis);
        struct report *report = report_new(explain->analysis, &input);
        if (!report)
            return err_set(err, NULL, 0, 0, "out of memory");
        for (size_t i = 0; i < report->scan.top_sources.n; i++)
            print_source(explain, &report->scan.top_sources.rows[i].ip);
        report_free(report);
    }
    if (explain->json)
        json_out_close(&explain->out, ']');
    if (any_off(explain) && explain->json)
        print_off_json(explain);
    else if (any_off(explain))
        (void)puts("signatures with thresholds are off: they need --dark");
    return 0;
}

/* -1 with *err when the packet is not there, 1 when a file has failed, which has been said;
 * what could be read is printed. */
static int run(struct explain *explain, struct err *err)
{
    struct setup *setup = &explain->setup;
    bool quiet = setup->options.value[OPTION_quiet].given;
    file_messages_repeated(setup->options.files, setup->options.files_n, quiet);
    struct replay_config config = {.lateness_ns = 60 * INT64_C(1000000000),
                                   .open_max = setup_open_max()};
    struct replay *replay =
        replay_new(&config, (const char *const *)setup->options.files, setup->options.files_n);
    struct chunk *chunk = chunk_new();
    bool found = false;
    int status = replay && chunk ? 0 : err_set(err, NULL, 0, 0, "out of memory");
    while (status == 0 && !found && replay_next(replay, chunk)) {
        found = take_chunk(explain, chunk);
        chunk_release(replay, chunk);
    }
    if (status == 0 && explain->wanted == 0)
        status = print_sources(explain, err);
    if (status == 0 && explain->wanted > 0 && !found)
        status = err_set(err, "--packet", 0, 0, "there are only %llu frames",
                         (unsigned long long)explain->frames);
    if (replay && file_messages_tell(replay, quiet) && status == 0)
        status = 1;
    chunk_free(chunk);
    replay_free(replay);
    return status;
}

static int prepare(struct explain *explain, struct err *err)
{
    struct setup *setup = &explain->setup;
    const char *source = setup_text(setup, OPTION_source);
    const char *only = setup_text(setup, OPTION_signature);
    if (setup->options.files_n == 0) {
        (void)err_set(err, NULL, 0, 0,
                      "no capture file given: nightscope explain [OPTION]... FILE...");
        return EXIT_USAGE;
    }
    if (source && setup->options.given[OPTION_packet]) {
        (void)err_set(
            err, "--source", 0, 0,
            "not with --packet, which is one packet whoever sent it: give one of them");
        return EXIT_USAGE;
    }
    explain->wanted = setup->options.value[OPTION_packet].number;
    explain->json = setup->options.value[OPTION_json].given;
    explain->has_source = source;
    if (source && address_parse(source, &explain->source) != 0) {
        (void)err_set(err, "--source", 0, 0, "\"%s\": expected an IPv4 or IPv6 address",
                      source);
        return EXIT_USAGE;
    }
    explain->only = only ? signature_find(setup->signatures, only) : -1;
    if (only && explain->only < 0) {
        (void)err_set(err, "--signature", 0, 0,
                      "\"%s\": no such signature; `nightscope check` lists them", only);
        return EXIT_USAGE;
    }
    struct analysis_config config = {
        .sources_max = UINT64_C(8000000),
        .lateness_ns = 60 * INT64_C(1000000000),
        .evidence = setup->evidence,
        .evidence_s = (uint32_t)setup->options.value[OPTION_evidence].number,
    };
    explain->matcher = matcher_new(setup->signatures);
    explain->matches = matches_new(setup->signatures);
    explain->analysis = analysis_new(&config);
    explain->batch = calloc(1, sizeof *explain->batch);
    explain->shown = calloc(signature_count(setup->signatures), sizeof *explain->shown);
    explain->counted = calloc(signature_count(setup->signatures), sizeof *explain->counted);
    if (explain->matcher && explain->matches && explain->analysis && explain->batch &&
        explain->shown && explain->counted)
        return EXIT_DONE;
    (void)err_set(err, NULL, 0, 0, "out of memory");
    return EXIT_FAILED;
}

static int explain_files(struct explain *explain, struct err *err)
{
    int status = prepare(explain, err);
    if (status != EXIT_DONE)
        return status;
    if (explain->json) {
        json_out_init(&explain->out, stdout);
        json_out_open(&explain->out, '{');
        json_out_key(&explain->out, "schema");
        json_out_text(&explain->out, "nightscope.explain/1");
    }
    int result = run(explain, err);
    if (explain->json) {
        json_out_close(&explain->out, '}');
        (void)json_out_finish(&explain->out); /* the stream is looked at below */
    }
    if (result == 0 && (fflush(stdout) != 0 || ferror(stdout)))
        result = err_set(err, "standard output", 0, 0, "cannot write");
    return result == 0 ? EXIT_DONE : EXIT_FAILED;
}

int command_explain(int argc, char **argv)
{
    struct explain explain = {0};
    struct err err = {0};
    int status = setup_init(&explain.setup, argc, argv);
    if (status == EXIT_DONE && setup_wants_help(&explain.setup)) {
        (void)printf("Usage: nightscope explain [OPTION]... FILE...\n\n"
                     "Without --source: the evidence of the sources at the top. With --source: "
                     "its evidence for each\nsignature, and the first packets behind it. With "
                     "--packet: every part of every signature that\nheld or did not for one "
                     "frame, with the values it saw.\n\n");
        options_help(argv[0], stdout);
    } else if (status == EXIT_DONE) {
        status = explain_files(&explain, &err);
        if (err.text[0])
            status = setup_tell(&explain.setup, &err, status);
    }
    matcher_free(explain.matcher);
    matches_free(explain.matches);
    analysis_free(explain.analysis);
    free(explain.batch);
    free(explain.shown);
    free(explain.counted);
    setup_fini(&explain.setup);
    return status;
}
