/* UDP probes, ICMP, IPv6, SCTP, fragments, and what fits nowhere. */
#include "parts.h"

struct payload {
    const void *bytes;
    unsigned len;
    uint16_t srcport; /* 0: ephemeral */
};

#define PAYLOAD(literal, srcport)                                                              \
    {                                                                                          \
        literal, sizeof literal - 1, srcport                                                   \
    }

/* In the order of udp_ports: 53 123 1900 5060 161 389 11211 */
static const struct payload payloads[] = {
    PAYLOAD("\x34\xef\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07version\x04"
            "bind\x00\x00\x10\x00\x03",
            0),
    PAYLOAD("\x17\x00\x03\x2a\x00\x00\x00\x00", 0),
    PAYLOAD("M-SEARCH * HTTP/1.1\r\nHost:239.255.255.250:1900\r\nST:ssdp:all\r\n"
            "Man:\"ssdp:discover\"\r\nMX:3\r\n\r\n",
            0),
    PAYLOAD("OPTIONS sip:100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060\r\n"
            "Max-Forwards: 70\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
            5060),
    PAYLOAD("\x30\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x04\x13\x37\x00\x01\x02\x01\x00\x02"
            "\x01\x00\x30\x0b\x30\x09\x06\x05\x2b\x06\x01\x02\x01\x05\x00",
            0),
    PAYLOAD("\x30\x25\x02\x01\x01\x63\x20\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x00\x02\x01"
            "\x00\x01\x01\x00\x87\x0bobjectclass\x30\x00",
            0),
    PAYLOAD("\x00\x01\x00\x00\x00\x01\x00\x00stats\r\n", 0),
};

static void udp_payload(const struct making *making, struct frame *frame, unsigned slot)
{
    const struct payload *payload = &payloads[slot];
    uint16_t srcport = payload->srcport ? payload->srcport : making_srcport(making, true);
    frame_udp(frame, srcport, making_port(making, slot));
    frame_bytes(frame, payload->bytes, payload->len);
}

void others_udp(const struct making *making)
{
    making->meant->protocol = MEANT_UDP;
    making->meant->class = MEANT_SCAN;
    making_ip4(making, (struct ip4){
                           .id = random_u16(making->random),
                           .ttl = (uint8_t)(64 - making->source->hops),
                           .proto = IPPROTO_NUMBER_UDP,
                       });
    udp_payload(making, making->frame, making->source->key % 7);
}

void others_icmp(const struct making *making)
{
    bool timestamp = making->source->variant < 20;
    making->meant->protocol = MEANT_ICMP;
    making->meant->class = MEANT_SCAN;
    making_ip4(making, (struct ip4){
                           .id = random_u16(making->random),
                           .ttl = (uint8_t)(64 - making->source->hops),
                           .proto = IPPROTO_NUMBER_ICMP,
                       });
    frame_icmp(making->frame, timestamp ? 13 : 8, 0, (uint16_t)making->source->key,
               (uint16_t)making->source->packets);
    frame_zeros(making->frame, timestamp ? 12 : making->source->variant % 2 ? 56 : 0);
}

void others_ipv6(const struct making *making)
{
    const struct source *source = making->source;
    bool echo = source->variant < 30;
    making->meant->ip6 = true;
    making->meant->protocol = echo ? MEANT_ICMP6 : MEANT_TCP;
    making->meant->class = MEANT_SCAN;
    making->meant->dst = random_u16(making->random);
    struct ip6_header ip = {
        .src = {(uint64_t)0x2a00 << 48 | (uint64_t)source->address << 16 | 1,
                random_mix(source->key)},
        .dst = {0x20010db800980000, making->meant->dst},
        .flow = random_u32(making->random),
        .hops = (uint8_t)(64 - source->hops),
        .proto = echo ? IPPROTO_NUMBER_ICMP6 : IPPROTO_NUMBER_TCP,
    };
    frame_ip6(making->frame, making->scene->options->link, &ip);
    if (echo) {
        frame_icmp(making->frame, 128, 0, (uint16_t)source->key, (uint16_t)source->packets);
        frame_zeros(making->frame, 32);
        return;
    }
    frame_tcp(making->frame,
              &(struct tcp){
                  .srcport = making_srcport(making, false),
                  .dstport = making_port(making, source->key % making_slots(source)),
                  .seq = random_u32(making->random),
                  .window = 65535,
                  .flags = TCP_SYN,
              });
}

void others_noise(const struct making *making)
{
    static const uint8_t flags[] = {
        TCP_ACK, TCP_ACK | TCP_PSH, TCP_ACK | TCP_FIN, 0, TCP_FIN, TCP_FIN | TCP_PSH | TCP_URG,
    };
    uint32_t kind = random_below(making->random, 7);
    bool esp = kind == 6;
    making_ip4(making, (struct ip4){
                           .id = random_u16(making->random),
                           .frag = IP_DF,
                           .ttl = (uint8_t)(128 - making->source->hops),
                           .proto = esp ? IPPROTO_NUMBER_ESP : IPPROTO_NUMBER_TCP,
                       });
    making->meant->class = kind < 3 || esp ? MEANT_CLASS_OTHER : MEANT_SCAN;
    making->meant->protocol = esp ? MEANT_OTHER : MEANT_TCP;
    if (esp) {
        frame_zeros(making->frame, 32);
        return;
    }
    unsigned slots = making_slots(making->source);
    uint16_t port = making_port(making, random_below(making->random, slots));
    if (kind < 3)
        making->meant->slot = NO_SLOT;
    frame_tcp(making->frame, &(struct tcp){
                                 .srcport = making_srcport(making, false),
                                 .dstport = port,
                                 .seq = random_u32(making->random),
                                 .ack = kind < 3 ? random_u32(making->random) : 0,
                                 .window = 1024,
                                 .flags = flags[kind],
                             });
    if (kind == 1)
        frame_bytes(making->frame, "GET / HTTP/1.0\r\n\r\n", 18);
}

/* A datagram in two fragments, one a call, of which the first has the ports (RFC 791). */
void others_fragments(const struct making *making)
{
    enum { FIRST_BYTES = 8 };
    struct frame datagram;
    const struct source *source = making->source;
    unsigned number = source->packets / 2;
    bool later = source->packets % 2;
    uint64_t habit = random_mix(source->key + ((uint64_t)number << 32));
    const struct options *options = making->scene->options;
    struct ip4 ip = {
        .src = source->address,
        .dst = options->dark | (uint32_t)habit >> options->dark_bits,
        .id = (uint16_t)(habit >> 32),
        .ttl = (uint8_t)(64 - source->hops),
        .proto = IPPROTO_NUMBER_UDP,
    };
    frame_ip4(&datagram, LINK_RAW, &ip);
    udp_payload(making, &datagram, source->key % 7);
    frame_finish(&datagram);
    *making->meant = (struct meant){
        .protocol = MEANT_UDP,
        .class = later ? MEANT_CLASS_OTHER : MEANT_SCAN,
        .slot = later ? NO_SLOT : making->meant->slot,
        .fragment = true,
        .dst = ip.dst,
    };
    ip.frag = later ? FIRST_BYTES / 8 : IP_MF;
    frame_ip4(making->frame, options->link, &ip);
    unsigned at = datagram.transport + (later ? FIRST_BYTES : 0);
    frame_bytes(making->frame, datagram.bytes + at, later ? datagram.len - at : FIRST_BYTES);
}

void others_sctp(const struct making *making)
{
    static const uint16_t ports[] = {2905, 3868, 36412, 38412};
    making->meant->protocol = MEANT_SCTP;
    making->meant->class = MEANT_SCAN;
    making_ip4(making, (struct ip4){
                           .id = random_u16(making->random),
                           .ttl = (uint8_t)(64 - making->source->hops),
                           .proto = IPPROTO_NUMBER_SCTP,
                       });
    frame_sctp_init(making->frame, making_srcport(making, true), ports[making->source->key % 4],
                    random_u32(making->random));
}
