/* Answers of victims to packets that forged a dark source address. */
#include "parts.h"

static void send_tcp(const struct making *making, uint8_t flags, uint16_t srcport)
{
    static const uint8_t mss[] = {2, 4, 5, 0xb4};
    bool syn = flags & TCP_SYN;
    making_ip4(making, (struct ip4){
                           .id = syn ? 0 : random_u16(making->random),
                           .frag = IP_DF,
                           .ttl = (uint8_t)(64 - making->source->hops),
                           .proto = IPPROTO_NUMBER_TCP,
                       });
    making->meant->protocol = MEANT_TCP;
    frame_tcp(making->frame,
              &(struct tcp){
                  .srcport = srcport,
                  .dstport = (uint16_t)(1024 + random_below(making->random, 64512)),
                  .seq = syn || flags == TCP_RST ? random_u32(making->random) : 0,
                  .ack = flags & TCP_ACK ? random_u32(making->random) : 0,
                  .window = syn ? 64240 : 0,
                  .flags = flags,
                  .options = mss,
                  .options_len = syn ? sizeof mss : 0,
              });
}

/* Quotes the IP header and 8 bytes of what seemed to come from the dark address (RFC 792). */
static void send_error(const struct making *making, uint8_t type, uint8_t code)
{
    struct frame quoted;
    making_ip4(making, (struct ip4){
                           .id = random_u16(making->random),
                           .ttl = (uint8_t)(255 - making->source->hops),
                           .tos = 0xc0,
                           .proto = IPPROTO_NUMBER_ICMP,
                       });
    making->meant->protocol = MEANT_ICMP;
    frame_icmp(making->frame, type, code, 0, 0);
    frame_ip4(&quoted, LINK_RAW,
              &(struct ip4){
                  .src = making->meant->dst,
                  .dst = making->source->address,
                  .id = random_u16(making->random),
                  .ttl = (uint8_t)(1 + random_below(making->random, 60)),
                  .proto = making->source->key & 1 ? IPPROTO_NUMBER_UDP : IPPROTO_NUMBER_TCP,
              });
    if (making->source->key & 1)
        frame_udp(&quoted, random_u16(making->random), 53);
    else
        frame_tcp(&quoted, &(struct tcp){.srcport = random_u16(making->random),
                                         .dstport = 80,
                                         .seq = random_u32(making->random),
                                         .window = 512,
                                         .flags = TCP_SYN});
    frame_finish(&quoted);
    frame_bytes(making->frame, quoted.bytes, 28);
}

static void send_echo_reply(const struct making *making)
{
    making_ip4(making, (struct ip4){
                           .id = random_u16(making->random),
                           .ttl = (uint8_t)(64 - making->source->hops),
                           .proto = IPPROTO_NUMBER_ICMP,
                       });
    making->meant->protocol = MEANT_ICMP;
    frame_icmp(making->frame, 0, 0, random_u16(making->random), random_u16(making->random));
    frame_zeros(making->frame, 48);
}

/* A response of one A record to a query for example.com that was never asked. */
static void send_dns_response(const struct making *making)
{
    static const uint8_t response[] = {
        0x81, 0x80, 0,   1, 0,   1,   0,   0, 0, 0,   7,  'e', 'x',  'a',  'm',
        'p',  'l',  'e', 3, 'c', 'o', 'm', 0, 0, 1,   0,  1,   0xc0, 0x0c, 0,
        1,    0,    1,   0, 0,   14,  16,  0, 4, 198, 51, 100, 7,
    };
    uint16_t id = random_u16(making->random);
    const uint8_t id_bytes[] = {(uint8_t)(id >> 8), (uint8_t)id};
    making_ip4(making, (struct ip4){
                           .id = random_u16(making->random),
                           .ttl = (uint8_t)(64 - making->source->hops),
                           .proto = IPPROTO_NUMBER_UDP,
                       });
    making->meant->protocol = MEANT_UDP;
    frame_udp(making->frame, 53, (uint16_t)(1024 + random_below(making->random, 64512)));
    frame_bytes(making->frame, id_bytes, sizeof id_bytes);
    frame_bytes(making->frame, response, sizeof response);
}

/* A victim answers in one way. */
void backscatter_make(const struct making *making)
{
    static const uint16_t services[] = {80, 443, 25565, 22, 3074, 53};
    const struct source *source = making->source;
    uint16_t service = services[source->key / 100 % (sizeof services / sizeof services[0])];
    making->meant->class = MEANT_BACKSCATTER;
    if (source->variant < 45)
        send_tcp(making, TCP_SYN | TCP_ACK, service);
    else if (source->variant < 58)
        send_tcp(making, TCP_RST, service);
    else if (source->variant < 72)
        send_tcp(making, TCP_RST | TCP_ACK, service);
    else if (source->variant < 82)
        send_error(making, 3, source->key & 2 ? 3 : 13);
    else if (source->variant < 88)
        send_error(making, 11, 0);
    else if (source->variant < 94)
        send_echo_reply(making);
    else
        send_dns_response(making);
}
