/* Exact counts: bit maps and arrays, no sketch; see truth.h. */
#include "truth.h"

#include <stdlib.h>
#include <time.h>

enum { DARK6_BITS = 16 };

int truth_init(struct truth *truth, const struct options *options)
{
    uint64_t last_s = options->start_s + (options->packets - 1) / options->rate;
    *truth = (struct truth){.options = options, .first_minute = options->start_s / 60};
    truth->minutes_n = last_s / 60 - truth->first_minute + 1;
    truth->minutes = calloc(truth->minutes_n, sizeof *truth->minutes);
    truth->port_packets = calloc(2, sizeof *truth->port_packets);
    truth->port_minute = calloc(2, sizeof *truth->port_minute);
    truth->dark = calloc((1ULL << (32 - options->dark_bits)) / 64 + 1, 8);
    truth->dark6 = calloc((1U << DARK6_BITS) / 64, 8);
    if (truth->minutes && truth->port_packets && truth->port_minute && truth->dark &&
        truth->dark6)
        return 0;
    truth_fini(truth);
    return -1;
}

void truth_fini(struct truth *truth)
{
    free(truth->minutes);
    free(truth->port_packets);
    free(truth->port_minute);
    free(truth->dark);
    free(truth->dark6);
}

static void count(struct truth_counts *counts, const struct meant *meant, unsigned ip_len)
{
    counts->packets++;
    counts->bytes += ip_len;
    counts->protocols[meant->protocol]++;
    counts->classes[meant->class]++;
}

static void see_destination(struct truth *truth, const struct meant *meant)
{
    uint32_t mask = 0xffffffffU >> truth->options->dark_bits;
    uint32_t at = meant->ip6 ? meant->dst : meant->dst & mask;
    uint64_t *word = &(meant->ip6 ? truth->dark6 : truth->dark)[at / 64];
    uint64_t bit = 1ULL << at % 64;
    truth->destinations += !(*word & bit);
    *word |= bit;
}

static void see_port(struct truth *truth, const struct source *source, int slot,
                     uint32_t minute)
{
    enum meant_protocol protocol;
    uint16_t port;
    if (slot == NO_SLOT || !behaviour_slot(source, (unsigned)slot, &protocol, &port))
        return;
    unsigned i = protocol == MEANT_UDP;
    truth->port_packets[i][port]++;
    if (truth->port_minute[i][port] != minute + 1) {
        truth->port_minute[i][port] = minute + 1;
        truth->minutes[minute].dports++;
    }
}

void truth_add(struct truth *truth, uint64_t ts_ns, struct source *source,
               const struct meant *meant, unsigned ip_len, enum spoiled spoiled)
{
    uint32_t minute = (uint32_t)(ts_ns / 60000000000U - truth->first_minute);
    struct truth_counts *counts = &truth->minutes[minute];
    if (truth->total.packets + truth->total.refused == 0)
        truth->first_ns = ts_ns;
    truth->last_ns = ts_ns;
    if (meant->refusal != MEANT_COUNTED) {
        truth->refused[meant->refusal]++;
        truth->total.refused++;
        counts->refused++;
        return;
    }
    count(&truth->total, meant, ip_len);
    count(counts, meant, ip_len);
    truth->ip6 += meant->ip6;
    truth->fragments += meant->fragment;
    truth->bad_ip += spoiled == SPOILED_IP;
    truth->bad_transport[meant->protocol] += spoiled == SPOILED_TRANSPORT;
    if (source->minute != minute + 1) {
        source->minute = minute + 1;
        counts->sources++;
    }
    source->classes |= (uint8_t)(1U << meant->class);
    if (meant->slot != NO_SLOT)
        source->slots |= 1ULL << meant->slot;
    see_destination(truth, meant);
    see_port(truth, source, meant->slot, minute);
}

static const char *const protocol_names[MEANT_PROTOCOL_COUNT_] = {
    "tcp", "udp", "icmp", "icmp6", "sctp", "other",
};
static const char *const class_names[MEANT_CLASS_COUNT_] = {"scan", "backscatter", "other"};
static const char *const refusal_names[MEANT_REFUSAL_COUNT_] = {
    "",
    "not_ip",
    "truncated",
    "malformed",
};

static void write_object(FILE *out, const char *name, const char *const *names,
                         const uint64_t *values, unsigned from, unsigned n)
{
    fprintf(out, "\"%s\":{", name);
    for (unsigned i = from; i < n; i++)
        fprintf(out, "%s\"%s\":%llu", i > from ? "," : "", names[i],
                (unsigned long long)values[i]);
    fputs("}", out);
}

static void write_time(FILE *out, uint64_t ts_ns, bool fraction)
{
    time_t seconds = (time_t)(ts_ns / 1000000000);
    struct tm tm;
    char text[32];
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (fraction)
        fprintf(out, "\"%s.%06uZ\"", text, (unsigned)(ts_ns % 1000000000 / 1000));
    else
        fprintf(out, "\"%sZ\"", text);
}

static void write_bad_checksums(FILE *out, const struct truth *truth)
{
    fprintf(out, "\"bad_checksum\":{\"ip\":%llu", (unsigned long long)truth->bad_ip);
    for (unsigned i = 0; i < MEANT_OTHER; i++)
        fprintf(out, ",\"%s\":%llu", protocol_names[i],
                (unsigned long long)truth->bad_transport[i]);
    fputs("}", out);
}

static void write_behaviours(FILE *out, const struct population *population)
{
    bool any = false;
    fputs("\"behaviours\":{", out);
    for (unsigned b = 0; b < BEHAVIOUR_COUNT_; b++) {
        uint64_t packets = 0, repeated = 0;
        const struct source *sources = population->sources + population->first[b];
        for (uint32_t i = 0; i < population->born[b]; i++) {
            packets += sources[i].packets;
            repeated += sources[i].packets > 2;
        }
        if (packets == 0)
            continue;
        fprintf(out, "%s\"%s\":{\"packets\":%llu,\"sources\":%u,\"sources_of_3_packets\":%llu}",
                any ? "," : "", behaviour_names[b], (unsigned long long)packets,
                population->born[b], (unsigned long long)repeated);
        any = true;
    }
    fputs("}", out);
}

struct port_row {
    uint64_t packets, sources;
    unsigned udp, port;
};

/* By packets, most first; then TCP before UDP, then by number. */
static int by_packets(const void *left, const void *right)
{
    const struct port_row *a = left, *b = right;
    if (a->packets != b->packets)
        return a->packets < b->packets ? 1 : -1;
    if (a->udp != b->udp)
        return a->udp < b->udp ? -1 : 1;
    return a->port < b->port ? -1 : a->port > b->port;
}

static void count_port_sources(const struct population *population, uint64_t (*sources)[65536])
{
    for (uint32_t i = 0; i < population->n; i++) {
        const struct source *source = &population->sources[i];
        enum meant_protocol protocol;
        uint16_t port;
        for (uint64_t left = source->slots; left; left &= left - 1)
            if (behaviour_slot(source, (unsigned)__builtin_ctzll(left), &protocol, &port))
                sources[protocol == MEANT_UDP][port]++;
    }
}

static int write_ports(FILE *out, const struct truth *truth,
                       const struct population *population)
{
    uint64_t(*sources)[65536] = calloc(2, sizeof *sources);
    struct port_row *rows = calloc(2 * 65536, sizeof *rows);
    unsigned n = 0;
    if (!sources || !rows) {
        free(sources);
        free(rows);
        return -1;
    }
    count_port_sources(population, sources);
    for (unsigned udp = 0; udp < 2; udp++)
        for (unsigned port = 0; port < 65536; port++)
            if (truth->port_packets[udp][port] > 0)
                rows[n++] = (struct port_row){truth->port_packets[udp][port],
                                              sources[udp][port], udp, port};
    qsort(rows, n, sizeof *rows, by_packets);
    fputs("\"ports\":[", out);
    for (unsigned i = 0; i < n; i++)
        fprintf(out, "%s\n{\"proto\":\"%s\",\"port\":%u,\"packets\":%llu,\"sources\":%llu}",
                i ? "," : "", rows[i].udp ? "udp" : "tcp", rows[i].port,
                (unsigned long long)rows[i].packets, (unsigned long long)rows[i].sources);
    fputs("]", out);
    free(sources);
    free(rows);
    return 0;
}

static void write_series(FILE *out, const struct truth *truth)
{
    bool any = false;
    fputs("\"series\":[", out);
    for (uint64_t i = 0; i < truth->minutes_n; i++) {
        const struct truth_counts *minute = &truth->minutes[i];
        if (minute->packets + minute->refused == 0)
            continue;
        fputs(any ? ",\n{\"t\":" : "\n{\"t\":", out);
        write_time(out, (truth->first_minute + i) * 60000000000U, false);
        fprintf(out, ",\"packets\":%llu,\"bytes\":%llu", (unsigned long long)minute->packets,
                (unsigned long long)minute->bytes);
        for (unsigned p = 0; p < MEANT_PROTOCOL_COUNT_; p++)
            fprintf(out, ",\"%s\":%llu", protocol_names[p],
                    (unsigned long long)minute->protocols[p]);
        fprintf(out,
                ",\"scan\":%llu,\"backscatter\":%llu,\"class_other\":%llu,\"sources\":%llu,"
                "\"dports\":%llu,\"not_counted\":%llu}",
                (unsigned long long)minute->classes[MEANT_SCAN],
                (unsigned long long)minute->classes[MEANT_BACKSCATTER],
                (unsigned long long)minute->classes[MEANT_CLASS_OTHER],
                (unsigned long long)minute->sources, (unsigned long long)minute->dports,
                (unsigned long long)minute->refused);
        any = true;
    }
    fputs("]", out);
}

int truth_write(const struct truth *truth, const struct population *population, FILE *out)
{
    uint64_t class_sources[MEANT_CLASS_COUNT_] = {0}, sources = 0;
    for (uint32_t i = 0; i < population->n; i++) {
        sources += population->sources[i].packets > 0;
        for (unsigned c = 0; c < MEANT_CLASS_COUNT_; c++)
            class_sources[c] += population->sources[i].classes >> c & 1;
    }
    fputs("{\"first\":", out);
    write_time(out, truth->first_ns, true);
    fputs(",\"last\":", out);
    write_time(out, truth->last_ns, true);
    fprintf(out, ",\n\"frames\":%llu,\"packets\":%llu,\"bytes\":%llu,\n",
            (unsigned long long)(truth->total.packets + truth->total.refused),
            (unsigned long long)truth->total.packets, (unsigned long long)truth->total.bytes);
    write_object(out, "not_counted", refusal_names, truth->refused, MEANT_NOT_IP,
                 MEANT_REFUSAL_COUNT_);
    fputs(",\n", out);
    write_object(out, "protocols", protocol_names, truth->total.protocols, 0,
                 MEANT_PROTOCOL_COUNT_);
    fprintf(out, ",\"ipv6\":%llu,\"fragments\":%llu,\n", (unsigned long long)truth->ip6,
            (unsigned long long)truth->fragments);
    write_object(out, "classes", class_names, truth->total.classes, 0, MEANT_CLASS_COUNT_);
    fputs(",", out);
    write_object(out, "class_sources", class_names, class_sources, 0, MEANT_CLASS_COUNT_);
    fprintf(out, ",\n\"sources\":%llu,\"destinations\":%llu,\n", (unsigned long long)sources,
            (unsigned long long)truth->destinations);
    write_bad_checksums(out, truth);
    fputs(",\n", out);
    write_behaviours(out, population);
    fputs(",\n", out);
    if (write_ports(out, truth, population))
        return -1;
    fputs(",\n", out);
    write_series(out, truth);
    fputs("}\n", out);
    return 0;
}
