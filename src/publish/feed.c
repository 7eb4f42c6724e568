/* The live map's stream of sampled packets. It says where a packet came from and what it is,
 * never where it went: a telescope's addresses are its secret. */
#include "publish/publish.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static const char *const PROTOCOL_NAMES[] = {
#define X(id, name) #name,
    PROTOCOLS(X)
#undef X
};
static const char *const CLASS_NAMES[] = {
#define X(id, name) #name,
    CLASSES(X)
#undef X
};

static const char *degrees(bool known, float value, char buf[static 24])
{
    buf[0] = '\0';
    if (known && isfinite(value))
        (void)snprintf(buf, 24, "%.4f", (double)value);
    return buf;
}

static void add_packet(struct publisher *publisher, const char *id,
                       const struct feed_packet *packet)
{
    char time[40], source[ADDRESS_TEXT_CAP], dport[8] = "", latitude[24], longitude[24];
    (void)snprintf(time, sizeof time, "%" PRId64 ".%06u", packet->ts_ns / 1000000000,
                   (unsigned)(packet->ts_ns % 1000000000 / 1000));
    if (packet->has_port)
        (void)snprintf(dport, sizeof dport, "%u", packet->dport);
    const char *const fields[] = {
        "time",  time,
        "src",   address_format(&packet->source, source),
        "cc",    packet->place.cc[0] ? packet->place.cc : "??",
        "lat",   degrees(packet->has_position, packet->latitude, latitude),
        "lon",   degrees(packet->has_position, packet->longitude, longitude),
        "proto", PROTOCOL_NAMES[packet->protocol],
        "dport", dport,
        "class", CLASS_NAMES[packet->class],
        "label", packet->label ? packet->label : "",
        "iot",   packet->iot ? "1" : "0",
    };
    stage_command(publisher, "XADD");
    redis_batch_arg(publisher->batch, id);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        redis_batch_arg(publisher->batch, fields[i]);
    stage_command_end(publisher);
}

void publish_feed(struct publisher *publisher)
{
    const struct publication *publication = publisher->publication;
    size_t first = publication->feed_n > FEED_MAX ? publication->feed_n - FEED_MAX : 0;
    stage_key(publisher, KEPT_FOR_EVER, "feed");
    int64_t last_ms = 0;
    unsigned n = 0; /* Redis refuses the id 0-0: packets of 1970 begin with 0-1 */
    for (size_t i = first; i < publication->feed_n; i++) {
        int64_t ms = publication->feed[i].ts_ns / 1000000;
        n = ms == last_ms ? n + 1 : 0;
        last_ms = ms;
        char id[48];
        (void)snprintf(id, sizeof id, "%" PRId64 "-%u", ms, n);
        add_packet(publisher, id, &publication->feed[i]);
    }
}
