/* nightscope-generate: synthetic captures of any size, and the truth beside them.
 *
 * Shares no code with nightscope: what it says of a capture is a second opinion. */
#include "truth.h"
#include "writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ETHERNET_MIN = 60 };

struct generator {
    struct options options;
    struct population population;
    struct truth truth;
    struct writer writer;
    struct random random;
};

static enum spoiled spoil(struct generator *generator, struct frame *frame,
                          const struct meant *meant)
{
    const struct options *options = &generator->options;
    if (options->bad_checksum_ppm == 0 ||
        random_below(&generator->random, 1000000) >= options->bad_checksum_ppm)
        return SPOILED_NONE;
    bool verifiable =
        !meant->fragment && meant->protocol != MEANT_OTHER && meant->caplen <= options->snaplen;
    if (!meant->ip6 && (!verifiable || random_below(&generator->random, 4) == 0)) {
        frame_spoil_ip(frame);
        return SPOILED_IP;
    }
    if (!verifiable)
        return SPOILED_NONE;
    frame_spoil_transport(frame);
    return SPOILED_TRANSPORT;
}

/* Packet i lies at a random place of its own share of the time, so times never go back. */
static uint64_t time_of(struct generator *generator, uint64_t i)
{
    uint64_t rate = generator->options.rate;
    uint64_t share = 1000000000 / rate;
    return (generator->options.start_s + i / rate) * 1000000000 + i % rate * 1000000000 / rate +
           random_below(&generator->random, (uint32_t)share);
}

static void write_frame(struct generator *generator, uint64_t i)
{
    static const uint8_t padding[ETHERNET_MIN];
    struct frame frame;
    struct meant meant;
    unsigned ip_len = 0;
    enum spoiled spoiled = SPOILED_NONE;
    struct source *source = population_next(&generator->population);
    struct scene scene = {&generator->options, &generator->random, time_of(generator, i)};
    if (source) {
        behaviour_packet(&scene, source, &frame, &meant);
        spoiled = spoil(generator, &frame, &meant);
        ip_len = frame_ip_len(&frame);
        source->packets++;
    } else {
        behaviour_refused(&scene, &frame, &meant);
    }
    bool whole = meant.caplen == frame.len;
    if (scene.options->link == LINK_ETHERNET && frame.len < ETHERNET_MIN)
        frame_bytes(&frame, padding, ETHERNET_MIN - frame.len);
    if (generator->options.truth)
        truth_add(&generator->truth, scene.ts_ns, source, &meant, ip_len, spoiled);
    writer_packet(&generator->writer, scene.ts_ns, frame.bytes,
                  whole ? frame.len : meant.caplen, frame.len);
}

static int write_truth(struct generator *generator)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s.truth.json", generator->options.path);
    if (n < 0 || (size_t)n >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    FILE *out = fopen(path, "w");
    if (!out)
        return -1;
    int result = truth_write(&generator->truth, &generator->population, out);
    if (ferror(out))
        result = -1;
    if (fclose(out))
        result = -1;
    return result;
}

static int generate(struct generator *generator)
{
    const struct options *options = &generator->options;
    if (writer_open(&generator->writer, options->path, options->format, options->link,
                    options->snaplen))
        return -1;
    for (uint64_t i = 0; i < options->packets; i++)
        write_frame(generator, i);
    if (writer_close(&generator->writer))
        return -1;
    return options->truth ? write_truth(generator) : 0;
}

int main(int argc, char **argv)
{
    struct generator generator = {0};
    int parsed = options_parse(argc, argv, &generator.options);
    if (parsed)
        return parsed > 0 ? EXIT_SUCCESS : 2;
    generator.random.state = random_mix(generator.options.seed);
    if (population_init(&generator.population, &generator.options) ||
        truth_init(&generator.truth, &generator.options)) {
        fputs("nightscope-generate: out of memory\n", stderr);
        return EXIT_FAILURE;
    }
    int result = generate(&generator);
    if (result)
        fprintf(stderr, "%s: %s\n", generator.options.path, strerror(errno));
    population_fini(&generator.population);
    truth_fini(&generator.truth);
    return result ? EXIT_FAILURE : EXIT_SUCCESS;
}
