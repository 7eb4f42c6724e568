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

/* What comes after the key of an XADD. */
static void add_packet(struct redis_batch *batch, const char *id,
                       const struct feed_packet *packet)
{
    char time[40], source[ADDRESS_TEXT_CAP], dport[8] = "", latitude[24], longitude[24],
                                             asn[12];
    (void)snprintf(time, sizeof time, "%" PRId64 ".%06u", packet->ts_ns / 1000000000,
                   (unsigned)(packet->ts_ns % 1000000000 / 1000));
    if (packet->has_port)
        (void)snprintf(dport, sizeof dport, "%u", packet->dport);
    (void)snprintf(asn, sizeof asn, "%" PRIu32, packet->place.asn);
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
        "asn",   asn,
    };
    redis_batch_arg(batch, id);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        redis_batch_arg(batch, fields[i]);
}

/* Ids are times; packets of a millisecond are numbered. */
struct ids {
    int64_t last_ms;
    unsigned n; /* Redis refuses the id 0-0: packets of 1970 begin with 0-1 */
};

static void next_id(struct ids *ids, const struct feed_packet *packet, char ret_id[static 48])
{
    int64_t ms = packet->ts_ns / 1000000;
    ids->n = ms == ids->last_ms ? ids->n + 1 : 0;
    ids->last_ms = ms;
    (void)snprintf(ret_id, 48, "%" PRId64 "-%u", ms, ids->n);
}

void publish_feed(struct publisher *publisher)
{
    const struct publication *publication = publisher->publication;
    size_t first = publication->feed_n > FEED_MAX ? publication->feed_n - FEED_MAX : 0;
    struct ids ids = {0};
    char id[48];
    stage_key(publisher, KEPT_FOR_EVER, "feed");
    for (size_t i = first; i < publication->feed_n; i++) {
        next_id(&ids, &publication->feed[i], id);
        if (!publish_shows(publisher, &publication->feed[i].source))
            continue;
        stage_command(publisher, "XADD");
        add_packet(publisher->batch, id, &publication->feed[i]);
        stage_command_end(publisher);
    }
}

void publish_more_feed(struct publisher *publisher, size_t from)
{
    const struct publication *publication = publisher->publication;
    struct ids ids = {0};
    char key[KEY_CAP], id[48];
    publisher_key(publisher, "feed", key);
    for (size_t i = 0; i < publication->feed_n; i++) {
        next_id(&ids, &publication->feed[i], id);
        if (i < from || !publish_shows(publisher, &publication->feed[i].source))
            continue;
        redis_batch_command(publisher->batch, "XADD");
        redis_batch_arg(publisher->batch, key);
        add_packet(publisher->batch, id, &publication->feed[i]);
    }
    if (!publication->feed_n)
        return;
    (void)snprintf(id, sizeof id, "%" PRId64, publication->feed[0].ts_ns / 1000000);
    redis_batch_add(publisher->batch, "XTRIM", key, "MINID", "=", id, NULL);
}
