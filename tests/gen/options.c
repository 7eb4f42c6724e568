/* The command line of nightscope-generate. */
#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *const behaviour_names[BEHAVIOUR_COUNT_] = {
#define X(id, name, weight, crowd) name,
    BEHAVIOURS(X)
#undef X
};

const uint32_t behaviour_crowds[BEHAVIOUR_COUNT_] = {
#define X(id, name, weight, crowd) crowd,
    BEHAVIOURS(X)
#undef X
};

static const uint32_t default_weights[BEHAVIOUR_COUNT_] = {
#define X(id, name, weight, crowd) weight,
    BEHAVIOURS(X)
#undef X
};

static const struct mix {
    const char *name, *weights;
} mixes[] = {
    {"mirai-like", "mirai=1"},
    {"backscatter", "backscatter=1"},
    {"background",
     "stack=40,udp=25,icmp=10,ipv6=5,noise=12,fragments=2,sctp=2,backscatter=3,refused=1"},
    {"everything", "mirai=15,zmap-old=5,zmap-new=10,masscan=10,nmap=5,stack=20,backscatter=10,"
                   "udp=10,icmp=3,ipv6=3,noise=4,fragments=2,sctp=2,refused=1"},
};

static const char usage[] =
    "usage: nightscope-generate [OPTION]... FILE\n"
    "Writes a synthetic capture and FILE.truth.json, what is in it.\n\n"
    "  --packets N          frames to write (100000)\n"
    "  --sources N          source addresses, each sends at least once (5000)\n"
    "  --per-source HOW     zipf: a few send most (default); even\n"
    "  --mix MIX            telescope (default), mirai-like, backscatter, background,\n"
    "                       everything, or weights: mirai=10,zmap-old=1,zmap-new=,masscan=,\n"
    "                       nmap=,stack=,backscatter=,udp=,icmp=,ipv6=,noise=,fragments=,\n"
    "                       sctp=,refused=\n"
    "  --dark PREFIX        destinations, /8 to /30 (10.0.0.0/8)\n"
    "  --start TIME         2026-01-02T03:04:05Z or Unix seconds (2026-01-01T00:00:00Z)\n"
    "  --rate PPS           packets a second (10000)\n"
    "  --format FORMAT      pcap (default), pcap-ns, pcap-be, pcapng\n"
    "  --link LINK          ethernet (default), raw\n"
    "  --snaplen N          bytes kept of a frame, at least 96 (65535)\n"
    "  --bad-checksums PPM  of a million packets, so many have a wrong checksum (0)\n"
    "  --seed S             the same seed gives the same bytes (1)\n"
    "  --no-truth           no FILE.truth.json\n";

static int number(const char *option, const char *text, uint64_t min, uint64_t max,
                  uint64_t *ret_number)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 0);
    if (errno || end == text || *end || text[0] == '-' || value < min || value > max) {
        fprintf(stderr, "%s \"%s\": expected a number from %llu to %llu\n", option, text,
                (unsigned long long)min, (unsigned long long)max);
        return -1;
    }
    *ret_number = value;
    return 0;
}

static int number32(const char *option, const char *text, uint32_t min, uint32_t max,
                    uint32_t *ret_number)
{
    uint64_t value;
    if (number(option, text, min, max, &value))
        return -1;
    *ret_number = (uint32_t)value;
    return 0;
}

static int choice(const char *option, const char *text, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], text) == 0)
            return i;
    fprintf(stderr, "%s \"%s\": expected one of", option, text);
    for (int i = 0; i < n; i++)
        fprintf(stderr, " %s", names[i]);
    fputc('\n', stderr);
    return -1;
}

static int parse_weights(const char *text, uint32_t weights[BEHAVIOUR_COUNT_])
{
    char copy[512];
    if (strlen(text) >= sizeof copy) {
        fputs("--mix: too long\n", stderr);
        return -1;
    }
    strcpy(copy, text);
    memset(weights, 0, BEHAVIOUR_COUNT_ * sizeof *weights);
    char *rest;
    for (char *word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        char *value = strchr(word, '=');
        if (!value) {
            fprintf(stderr, "--mix \"%s\": expected a name of a mix, or NAME=WEIGHT\n", word);
            return -1;
        }
        *value++ = '\0';
        int behaviour = choice("--mix", word, behaviour_names, BEHAVIOUR_COUNT_);
        if (behaviour < 0 || number32("--mix", value, 0, 1000000, &weights[behaviour]))
            return -1;
    }
    uint32_t total = 0;
    for (int i = 0; i < BEHAVIOUR_COUNT_; i++)
        total += weights[i];
    if (total > weights[BEHAVIOUR_REFUSED])
        return 0;
    fputs("--mix: nothing that sends packets\n", stderr);
    return -1;
}

static int parse_mix(const char *text, uint32_t weights[BEHAVIOUR_COUNT_])
{
    if (strcmp(text, "telescope") == 0) {
        memcpy(weights, default_weights, sizeof default_weights);
        return 0;
    }
    for (size_t i = 0; i < sizeof mixes / sizeof mixes[0]; i++)
        if (strcmp(text, mixes[i].name) == 0)
            return parse_weights(mixes[i].weights, weights);
    return parse_weights(text, weights);
}

static int parse_dark(const char *text, struct options *options)
{
    char copy[INET_ADDRSTRLEN] = "";
    const char *slash = strchr(text, '/');
    struct in_addr address;
    if (slash && slash - text < (long)sizeof copy)
        memcpy(copy, text, (size_t)(slash - text));
    if (!slash || inet_pton(AF_INET, copy, &address) != 1) {
        fprintf(stderr, "--dark \"%s\": expected a prefix such as 10.0.0.0/8\n", text);
        return -1;
    }
    if (number32("--dark", slash + 1, 8, 30, &options->dark_bits))
        return -1;
    options->dark = ntohl(address.s_addr) & ~(0xffffffffU >> options->dark_bits);
    return 0;
}

static int parse_start(const char *text, uint64_t *ret_start)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (!end || *end)
        return number("--start", text, 0, 0xf0000000U, ret_start);
    *ret_start = (uint64_t)timegm(&tm);
    return 0;
}

static int set(struct options *options, int option, const char *text)
{
    static const char *const formats[] = {"pcap", "pcap-ns", "pcap-be", "pcapng"};
    static const char *const links[] = {"ethernet", "raw"};
    static const char *const shares[] = {"zipf", "even"};
    int chosen = 0;
    switch (option) {
    case 'p':
        return number("--packets", text, 1, 1000000000000, &options->packets);
    case 's':
        return number32("--sources", text, 1, 50000000, &options->sources);
    case 'u':
        chosen = choice("--per-source", text, shares, 2);
        options->even = chosen == 1;
        break;
    case 'm':
        return parse_mix(text, options->weights);
    case 'd':
        return parse_dark(text, options);
    case 't':
        return parse_start(text, &options->start_s);
    case 'r':
        return number("--rate", text, 1, 100000000, &options->rate);
    case 'f':
        chosen = choice("--format", text, formats, 4);
        options->format = (enum format)chosen;
        break;
    case 'l':
        chosen = choice("--link", text, links, 2);
        options->link = (enum frame_link)chosen;
        break;
    case 'n':
        return number32("--snaplen", text, 96, 65535, &options->snaplen);
    case 'b':
        return number32("--bad-checksums", text, 0, 1000000, &options->bad_checksum_ppm);
    case 'S':
        return number("--seed", text, 0, UINT64_MAX, &options->seed);
    case 'N':
        options->truth = false;
        return 0;
    default:
        return -1;
    }
    return chosen < 0 ? -1 : 0;
}

int options_parse(int argc, char **argv, struct options *ret_options)
{
    static const struct option longs[] = {
        {"packets", required_argument, NULL, 'p'},
        {"sources", required_argument, NULL, 's'},
        {"per-source", required_argument, NULL, 'u'},
        {"mix", required_argument, NULL, 'm'},
        {"dark", required_argument, NULL, 'd'},
        {"start", required_argument, NULL, 't'},
        {"rate", required_argument, NULL, 'r'},
        {"format", required_argument, NULL, 'f'},
        {"link", required_argument, NULL, 'l'},
        {"snaplen", required_argument, NULL, 'n'},
        {"bad-checksums", required_argument, NULL, 'b'},
        {"seed", required_argument, NULL, 'S'},
        {"no-truth", no_argument, NULL, 'N'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct options options = {
        .packets = 100000,
        .sources = 5000,
        .seed = 1,
        .start_s = 1767225600,
        .rate = 10000,
        .dark = 10U << 24,
        .dark_bits = 8,
        .snaplen = 65535,
        .truth = true,
    };
    memcpy(options.weights, default_weights, sizeof default_weights);
    int option;
    while ((option = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return 1;
        }
        if (set(&options, option, optarg))
            return -1;
    }
    if (optind + 1 != argc) {
        fputs(usage, stderr);
        return -1;
    }
    /* 2100 is within every time stamp format. */
    if (options.packets / options.rate > 4102444800U - options.start_s) {
        fputs("--packets at this --rate end after the year 2100\n", stderr);
        return -1;
    }
    options.path = argv[optind];
    if (options.sources > options.packets)
        options.sources = (uint32_t)options.packets;
    *ret_options = options;
    return 0;
}
