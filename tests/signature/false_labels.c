/* How many sources are labelled that should not be, and how many are not that should be.
 *
 *   false_labels [PACKETS [PACKETS-IF-LONG]]    (10^8; the second with NIGHTSCOPE_LONG_TESTS=1)
 *
 * First: random packets from 10^6 sources, none of them a scanner that any signature knows.
 * Each source has the TCP/IP stack of a real operating system (options, TTL, DF, window), or
 * one with a random window; identification, sequence number and ports are random, but for 10^5
 * sources that have one of them fixed at a random value. Ten sources send 10^6 packets each.
 * Not one may be labelled. For comparison: how many a rule would label that takes one match for
 * proof.
 *
 * Then: 3,000 sources that behave as Mirai, ZMap or masscan do. Every one must be labelled.
 *
 * Packets go through the decoder, the matcher and the state, as in a replay. */
#include "harness.h"
#include "state/evidence.h"

#include <nightscope/analysis.h>
#include <nightscope/decode.h>
#include <nightscope/report.h>
#include <string.h>

enum {
    SOURCES = 1000000,
    FIXED_SOURCES = 100000, /* the first: one field fixed */
    HEAVY_SOURCES = 10,     /* the last */
    HEAVY_PACKETS = 1000000,
    TOOL_SOURCES = 1000, /* of each tool */
    TOOL_PACKETS = 20,
    FRAME_BYTES = 96,
    FULL_PACKETS = 100000000,
};

struct stack {
    uint8_t ttl, df;
    uint16_t window;
    uint8_t options_len;
    uint8_t options[24];
};

/* SYN packets of operating systems, as they leave the host. Sources: our own captures of Linux;
 * published p0f 3 signatures for the others. Time stamps are filled in per packet at kind 8. */
static const struct stack STACKS[] = {
    /* Linux 3.10 and later: mss,sackok,ts,nop,ws */
    {64, 1, 64240, 20, {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7}},
    {64, 1, 29200, 20, {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7}},
    {64, 1, 14600, 20, {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 4}},
    /* Linux without time stamps: mss,nop,nop,sackok,nop,ws */
    {64, 1, 5840, 12, {2, 4, 5, 0xb4, 1, 1, 4, 2, 1, 3, 3, 2}},
    /* Windows: mss,nop,ws,nop,nop,sackok */
    {128, 1, 65535, 12, {2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2}},
    {128, 1, 64240, 12, {2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2}},
    {128, 1, 8192, 12, {2, 4, 5, 0xb4, 1, 3, 3, 2, 1, 1, 4, 2}},
    /* Windows XP: mss,nop,nop,sackok */
    {128, 1, 65535, 8, {2, 4, 5, 0xb4, 1, 1, 4, 2}},
    {128, 0, 16384, 8, {2, 4, 5, 0xb4, 1, 1, 4, 2}},
    /* macOS, iOS, FreeBSD: mss,nop,ws,nop,nop,ts,sackok,eol and mss,nop,ws,sackok,ts */
    {64, 1, 65535, 24, {2, 4, 5, 0xb4, 1, 3, 3, 6, 1, 1, 8, 10,
                        0, 0, 0, 0,    0, 0, 0, 0, 4, 2, 0, 0}},
    {64, 1, 65535, 20, {2, 4, 5, 0xb4, 1, 3, 3, 6, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0}},
    /* OpenBSD, Solaris, network equipment with a path MTU of its own */
    {64, 1, 16384, 24, {2, 4, 5, 0xb4, 1, 1, 4, 2, 1, 3, 3, 6,
                        1, 1, 8, 10,   0, 0, 0, 0, 0, 0, 0, 0}},
    {64, 0, 32120, 20, {2, 4, 5, 0xac, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 0}},
};
enum { STACKS_N = sizeof STACKS / sizeof *STACKS };

enum fixed { FIXED_NONE, FIXED_ID, FIXED_SEQ, FIXED_SRCPORT, FIXED_DSTPORT, FIXED_KINDS };

static uint8_t *put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
    return put16(put16(at, value >> 16), value & 0xffff);
}

struct header {
    uint32_t src, dst, seq, ack;
    uint16_t id, srcport, dstport, window;
    uint8_t ttl, df, flags, proto;
    const uint8_t *options;
    unsigned options_len;
};

/* Checksums are left out: no signature looks at one. */
static unsigned write_tcp(uint8_t *frame, const struct header *header)
{
    unsigned length = 40 + header->options_len;
    uint8_t *at = put16(frame, 0x4500);
    at = put16(at, length);
    at = put16(at, header->id);
    at = put16(at, header->df ? 0x4000 : 0);
    *at++ = header->ttl;
    *at++ = 6;
    at = put16(at, 0);
    at = put32(at, header->src);
    at = put32(at, header->dst);
    at = put16(at, header->srcport);
    at = put16(at, header->dstport);
    at = put32(at, header->seq);
    at = put32(at, header->ack);
    *at++ = (uint8_t)((20 + header->options_len) / 4 << 4);
    *at++ = header->flags;
    at = put16(at, header->window);
    at = put32(at, 0);
    if (header->options_len > 0)
        memcpy(at, header->options, header->options_len);
    return length;
}

/* UDP and ICMP echo with random payload. */
static unsigned write_other(uint8_t *frame, const struct header *header, struct random *random)
{
    unsigned payload = 8 * (unsigned)random_below(random, 5);
    unsigned length = 28 + payload;
    uint8_t *at = put16(frame, 0x4500);
    at = put16(at, length);
    at = put16(at, header->id);
    at = put16(at, header->df ? 0x4000 : 0);
    *at++ = header->ttl;
    *at++ = header->proto;
    at = put16(at, 0);
    at = put32(at, header->src);
    at = put32(at, header->dst);
    if (header->proto == 17) {
        at = put16(at, header->srcport);
        at = put16(at, header->dstport);
        at = put16(at, 8 + payload);
        at = put16(at, 1 + (unsigned)random_below(random, 65535));
    } else {
        at = put32(at, 0x08000000 | (uint32_t)random_below(random, 65536));
        at = put32(at, header->seq);
    }
    for (unsigned i = 0; i < payload; i += 4)
        at = put32(at, (uint32_t)random_next(random));
    return length;
}

/* What belongs to a source is drawn from its number, so that nothing has to be kept. */
static struct random of_source(uint32_t source)
{
    struct random random = {(uint64_t)source << 20 | 0x5eed};
    (void)random_next(&random);
    return random;
}

static uint32_t source_address(uint32_t source)
{
    return 0x0b000000 + source * 97; /* 11.0.0.0 and up, all different */
}

static unsigned write_random(uint8_t *frame, uint32_t source, struct random *random)
{
    static const uint16_t PORTS[] = {23,   22,   80, 443, 445, 3389,
                                     5555, 8080, 53, 123, 161, 1900};
    struct random own = of_source(source);
    uint64_t traits = random_next(&own);
    const struct stack *stack = &STACKS[traits % STACKS_N];
    enum fixed fixed =
        source < FIXED_SOURCES ? FIXED_ID + source % (FIXED_KINDS - 1) : FIXED_NONE;
    uint64_t a = random_next(random), b = random_next(random);
    struct header header = {
        .src = source_address(source),
        .dst = 0x0a000000 | (uint32_t)(a & 0xffffff),
        .seq = (uint32_t)(b >> 32),
        .id = (uint16_t)(a >> 24),
        .srcport = (uint16_t)(1024 + (a >> 40) % 64512),
        .dstport = b & 1 ? PORTS[(b >> 8) % 12] : (uint16_t)(b >> 16),
        .window = traits >> 32 & 1 ? stack->window : (uint16_t)(a >> 48),
        .ttl = (uint8_t)(stack->ttl - (traits >> 40) % 30),
        .df = stack->df,
        .flags = 2,
        .proto = 6,
    };
    if (fixed == FIXED_ID)
        header.id = (uint16_t)random_next(&own);
    if (fixed == FIXED_SEQ)
        header.seq = (uint32_t)random_next(&own);
    if (fixed == FIXED_SRCPORT)
        header.srcport = (uint16_t)random_next(&own);
    if (fixed == FIXED_DSTPORT)
        header.dstport = (uint16_t)random_next(&own);
    unsigned kind = (unsigned)(b >> 56) % 16;
    if (kind >= 13) { /* UDP, ICMP */
        header.proto = kind == 15 ? 1 : 17;
        return write_other(frame, &header, random);
    }
    if (kind == 12) { /* TCP that is no SYN: ACK, RST, FIN-ACK, SYN-ACK, without options */
        static const uint8_t FLAGS[] = {0x10, 0x04, 0x11, 0x12};
        header.flags = FLAGS[a >> 62];
        header.ack = (uint32_t)random_next(random);
        return write_tcp(frame, &header);
    }
    uint8_t options[24];
    memcpy(options, stack->options, sizeof options);
    header.options = options;
    header.options_len = stack->options_len;
    for (unsigned i = 0; i + 10 <= header.options_len; i++)
        if (options[i] == 8 && options[i + 1] == 10) /* an offset a flow, as Linux has it */
            (void)put32(options + i + 2, (uint32_t)random_next(random));
    return write_tcp(frame, &header);
}

enum tool { TOOL_MIRAI, TOOL_ZMAP_OLD, TOOL_ZMAP_NEW, TOOL_MASSCAN, TOOL_COUNT_ };

static const char *const TOOL_LABELS[TOOL_COUNT_] = {"mirai", "zmap", "zmap", "masscan"};

static unsigned write_tool(uint8_t *frame, enum tool tool, uint32_t source,
                           struct random *random)
{
    static const uint8_t WINDOWS[12] = {2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2};
    uint64_t a = random_next(random), b = random_next(random);
    struct header header = {
        .src = source_address(source),
        .dst = 0x0a000000 | (uint32_t)(a & 0xffffff),
        .seq = (uint32_t)(b >> 32),
        .id = (uint16_t)(a >> 24),
        .srcport = (uint16_t)(32768 + (a >> 40) % 28233),
        .dstport = 23,
        .window = (uint16_t)(a >> 48),
        .ttl = 49,
        .flags = 2,
        .proto = 6,
    };
    switch (tool) {
    case TOOL_MIRAI:
        header.seq = header.dst;
        header.srcport = (uint16_t)(1024 + source % 60000);
        break;
    case TOOL_ZMAP_OLD:
        header.id = 54321;
        header.window = 65535;
        header.ttl = 240;
        break;
    case TOOL_ZMAP_NEW:
        header.window = 65535;
        header.options = WINDOWS;
        header.options_len = sizeof WINDOWS;
        break;
    case TOOL_MASSCAN:
        header.id = (uint16_t)(header.dst ^ header.dstport ^ header.seq);
        header.window = 1024;
        header.ttl = 240;
        header.srcport = (uint16_t)(40000 + source % 20000);
        break;
    case TOOL_COUNT_:
        break;
    }
    return write_tcp(frame, &header);
}

/* The best known marks, each one comparison, as a rule that takes one match for proof. */
enum naive { NAIVE_ZMAP, NAIVE_MASSCAN, NAIVE_MIRAI, NAIVE_COUNT_ };

static const char *const NAIVE_TEXTS[NAIVE_COUNT_] = {
    "ip.id == 54321", "ip.id == (ip.dst ^ tcp.dstport ^ tcp.seq) & 0xffff",
    "tcp.seq == ip.dst"};

struct run {
    struct signature_set *set;
    struct evidence_plan *plan;
    struct matcher *matcher;
    struct matches *matches;
    struct analysis *analysis;
    struct batch batch;
    struct frame frames[BATCH_CAP];
    uint8_t bytes[BATCH_CAP][FRAME_BYTES];
    unsigned n;
    uint64_t packets;
    uint64_t naive[NAIVE_COUNT_][SOURCES / 64 + 1]; /* sources with one match */
};

static void give_up(const char *what)
{
    (void)fprintf(stderr, "false_labels: %s\n", what);
    exit(EXIT_FAILURE);
}

static void start(struct run *run)
{
    run->plan =
        evidence_plan_new(&(struct evidence_config){.signatures = run->set, .alpha = 1e-9});
    struct analysis_config config = {
        .sources_max = 8000000,
        .lateness_ns = 60000000000,
        .evidence = run->plan,
        .evidence_s = 86400,
    };
    run->analysis = analysis_new(&config);
    run->matcher = matcher_new(run->set);
    run->matches = matches_new(run->set);
    run->n = 0;
    run->packets = 0;
    if (!run->plan || !run->analysis || !run->matcher || !run->matches)
        give_up("out of memory");
}

static void note_naive(struct run *run)
{
    const struct batch *batch = &run->batch;
    for (unsigned i = 0; i < batch->n; i++) {
        if (!mask_test(batch->has[HAS_TCP], i) || batch->tcp_flags[i] != 2)
            continue;
        const bool matches[NAIVE_COUNT_] = {
            [NAIVE_ZMAP] = batch->ip_id[i] == 54321,
            [NAIVE_MASSCAN] =
                batch->ip_id[i] ==
                ((batch->dst[i] ^ batch->dstport[i] ^ batch->tcp_seq[i]) & 0xffff),
            [NAIVE_MIRAI] = batch->tcp_seq[i] == batch->dst[i],
        };
        uint32_t source = (batch->src[i] - source_address(0)) / 97;
        for (unsigned rule = 0; rule < NAIVE_COUNT_; rule++)
            if (matches[rule])
                run->naive[rule][source / 64] |= (uint64_t)1 << (source % 64);
    }
}

static void flush_batch(struct run *run)
{
    static const struct decode_config DECODE = {0};
    decode_batch(&DECODE, run->frames, run->n, &run->batch);
    if (run->batch.n != run->n)
        give_up("a packet was refused");
    note_naive(run);
    matcher_run(run->matcher, &run->batch, run->matches);
    analysis_add(run->analysis, &run->batch, run->matches);
    run->n = 0;
}

static void add(struct run *run, unsigned length)
{
    struct frame *frame = &run->frames[run->n];
    *frame = (struct frame){
        .bytes = run->bytes[run->n],
        .ts_ns = INT64_C(1790000000000000000) + (int64_t)(run->packets / 1000) * 1000000,
        .caplen = length,
        .wirelen = length,
        .link = LINK_RAW,
    };
    frame->now_min = (uint32_t)(frame->ts_ns / 60000000000);
    run->packets++;
    if (++run->n == BATCH_CAP)
        flush_batch(run);
}

static struct report *finish(struct run *run)
{
    if (run->n > 0)
        flush_batch(run);
    analysis_finish(run->analysis);
    for (struct window *window = analysis_take_closed(run->analysis); window;) {
        struct window *next = window->next;
        window_free(window);
        window = next;
    }
    struct report *report = report_new(run->analysis, &(struct report_input){.top = 20});
    if (!report)
        give_up("out of memory");
    analysis_free(run->analysis);
    matcher_free(run->matcher);
    matches_free(run->matches);
    return report;
}

static bool random_part(struct run *run, uint64_t packets, struct random *random)
{
    start(run);
    uint64_t heavy = HEAVY_PACKETS;
    if (packets < (uint64_t)HEAVY_SOURCES * HEAVY_PACKETS * 2)
        heavy = packets / 20; /* a short run keeps the shape */
    uint64_t rest = packets - heavy * HEAVY_SOURCES;
    for (uint64_t i = 0; i < packets; i++) {
        bool is_heavy = random_below(random, packets) >= rest;
        uint32_t source =
            is_heavy ? SOURCES - HEAVY_SOURCES + (uint32_t)random_below(random, HEAVY_SOURCES)
                     : (uint32_t)random_below(random, SOURCES - HEAVY_SOURCES);
        add(run, write_random(run->bytes[run->n], source, random));
    }
    struct report *report = finish(run);
    uint64_t labelled = 0, naive = 0;
    for (size_t i = 0; i < report->labels.n; i++) {
        const struct report_tool *label = &report->labels.rows[i];
        labelled += label->labelled;
        naive += label->sources;
        if (label->labelled || label->sources)
            printf("  %-20s %8llu packets match by chance, of %6llu sources; labelled: %llu\n",
                   label->name, (unsigned long long)label->packets,
                   (unsigned long long)label->sources, (unsigned long long)label->labelled);
    }
    printf(
        "%llu random packets of %llu sources: %llu labelled; one match of a shipped signature "
        "for proof: %llu\n",
        (unsigned long long)run->packets, (unsigned long long)report->sources,
        (unsigned long long)labelled, (unsigned long long)naive);
    for (unsigned rule = 0; rule < NAIVE_COUNT_; rule++) {
        uint64_t sources = 0;
        for (size_t i = 0; i < sizeof run->naive[rule] / sizeof run->naive[rule][0]; i++)
            sources += (unsigned)__builtin_popcountll(run->naive[rule][i]);
        printf("  one match of %s would label %llu sources\n", NAIVE_TEXTS[rule],
               (unsigned long long)sources);
    }
    bool right = labelled == 0 && report->counts[COUNT_packets] == packets;
    report_free(report);
    evidence_plan_free(run->plan);
    return right;
}

static bool tool_part(struct run *run, enum tool tool, struct random *random)
{
    start(run);
    for (unsigned i = 0; i < TOOL_SOURCES * TOOL_PACKETS; i++)
        add(run, write_tool(run->bytes[run->n], tool, i % TOOL_SOURCES, random));
    struct report *report = finish(run);
    uint64_t right = 0, wrong = 0;
    for (size_t i = 0; i < report->labels.n; i++) {
        bool its = strcmp(report->labels.rows[i].name, TOOL_LABELS[tool]) == 0;
        *(its ? &right : &wrong) += report->labels.rows[i].labelled;
    }
    printf("%u sources of %s: %llu labelled so, %llu otherwise\n", TOOL_SOURCES,
           TOOL_LABELS[tool], (unsigned long long)right, (unsigned long long)wrong);
    report_free(report);
    evidence_plan_free(run->plan);
    return right == TOOL_SOURCES && wrong == 0;
}

int main(int argc, char **argv)
{
    uint64_t packets = argc > 1 ? strtoull(argv[1], NULL, 10) : FULL_PACKETS;
    const char *full = getenv("NIGHTSCOPE_LONG_TESTS");
    if (argc > 2 && full && full[0])
        packets = strtoull(argv[2], NULL, 10);
    struct random random = random_seeded("false_labels");
    static struct run run;
    static struct signature_errors errors;
    char path[4096];
    const char *root = getenv("NIGHTSCOPE_SOURCE");
    (void)snprintf(path, sizeof path, "%s/signatures", root ? root : ".");
    run.set = signature_set_new();
    if (!run.set || signature_set_load(run.set, path, &errors) != 0 ||
        signature_count(run.set) == 0)
        give_up("cannot load the signatures: set NIGHTSCOPE_SOURCE");
    bool right = random_part(&run, packets, &random);
    for (enum tool tool = 0; tool < TOOL_COUNT_; tool++)
        right &= tool_part(&run, tool, &random);
    signature_set_free(run.set);
    return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
