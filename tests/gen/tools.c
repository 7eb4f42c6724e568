/* SYNs of scanners, each with the marks of its tool, and of ordinary operating systems. */
#include "parts.h"

static const uint8_t mss[] = {2, 4, 5, 0xb4};
/* mss, nop, ws 8, nop, nop, sackOK: what Windows sends */
static const uint8_t windows_options[] = {2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2};

static void send_syn(const struct making *making, const struct tcp *tcp)
{
    making->meant->protocol = MEANT_TCP;
    making->meant->class = MEANT_SCAN;
    frame_tcp(making->frame, tcp);
}

static uint8_t hops_from(const struct making *making, unsigned ttl)
{
    return (uint8_t)(ttl - making->source->hops);
}

/* Mirai's scanner.c: the sequence number is the destination; 23 and 2323 ten to one. */
void tools_mirai(const struct making *making)
{
    const struct source *source = making->source;
    unsigned slot = random_below(making->random, 11) == 0;
    if (source->variant >= 85) /* descendants with exploits for other ports */
        slot = 2 + source->key % 8;
    making_ip4(making, (struct ip4){
                           .id = random_u16(making->random),
                           .ttl = hops_from(making, 64),
                           .proto = IPPROTO_NUMBER_TCP,
                       });
    send_syn(making, &(struct tcp){
                         .srcport = (uint16_t)(1024 + (source->key >> 8) % 64512),
                         .dstport = making_port(making, slot),
                         .seq = making->meant->dst,
                         .window = random_u16(making->random),
                         .flags = TCP_SYN,
                     });
}

/* ZMap 1.0 to 4.0: id 54321, TTL 255; options only from 3.0 on. */
void tools_zmap_old(const struct making *making)
{
    const struct source *source = making->source;
    making_ip4(making, (struct ip4){
                           .id = 54321,
                           .ttl = hops_from(making, 255),
                           .proto = IPPROTO_NUMBER_TCP,
                       });
    send_syn(making, &(struct tcp){
                         .srcport = making_srcport(making, false),
                         .dstport = making_port(making, source->key % making_slots(source)),
                         .seq = random_u32(making->random),
                         .window = 65535,
                         .flags = TCP_SYN,
                         .options = mss,
                         .options_len = source->variant < 50 ? sizeof mss : 0,
                     });
}

/* ZMap since 4.1: random id, TTL 64, Windows' options. */
void tools_zmap_new(const struct making *making)
{
    const struct source *source = making->source;
    making_ip4(making, (struct ip4){
                           .id = random_u16(making->random),
                           .ttl = hops_from(making, 64),
                           .proto = IPPROTO_NUMBER_TCP,
                       });
    send_syn(making, &(struct tcp){
                         .srcport = making_srcport(making, false),
                         .dstport = making_port(making, source->key % making_slots(source)),
                         .seq = random_u32(making->random),
                         .window = 65535,
                         .flags = TCP_SYN,
                         .options = windows_options,
                         .options_len = sizeof windows_options,
                     });
}

/* masscan to 1.3.2: id = destination ^ port ^ sequence number, window 1024, no options. */
void tools_masscan(const struct making *making)
{
    const struct source *source = making->source;
    uint32_t seq = random_u32(making->random);
    unsigned slot =
        (source->key + source->packets % (1 + source->variant % 4)) % making_slots(source);
    uint16_t port = making_port(making, slot);
    struct ip4 ip = {.ttl = hops_from(making, 255), .proto = IPPROTO_NUMBER_TCP};
    ip.src = source->address;
    ip.dst = making_dst(making);
    ip.id = (uint16_t)(ip.dst ^ port ^ seq);
    frame_ip4(making->frame, making->scene->options->link, &ip);
    send_syn(making, &(struct tcp){
                         .srcport = (uint16_t)(40000 + (source->key >> 8) % 20000),
                         .dstport = port,
                         .seq = seq,
                         .window = 1024,
                         .flags = TCP_SYN,
                     });
}

/* nmap -sS: a TTL of its own for every packet, one sequence number and source port a run. */
void tools_nmap(const struct making *making)
{
    const struct source *source = making->source;
    making_ip4(making, (struct ip4){
                           .id = random_u16(making->random),
                           .ttl = hops_from(making, 37 + random_below(making->random, 23)),
                           .proto = IPPROTO_NUMBER_TCP,
                       });
    unsigned slot = (source->key + source->packets * 37) % making_slots(source);
    send_syn(making, &(struct tcp){
                         .srcport = making_srcport(making, true),
                         .dstport = making_port(making, slot),
                         .seq = (uint32_t)random_mix(source->key),
                         .window = 1024,
                         .flags = TCP_SYN,
                         .options = mss,
                         .options_len = sizeof mss,
                     });
}

/* connect() of Linux: mss, sackOK, time stamp, nop, ws 7. */
static void linux_syn(const struct making *making, uint16_t port)
{
    uint32_t now = random_u32(making->random);
    const uint8_t options[] = {
        2,
        4,
        5,
        0xb4,
        4,
        2,
        8,
        10,
        (uint8_t)(now >> 24),
        (uint8_t)(now >> 16),
        (uint8_t)(now >> 8),
        (uint8_t)now,
        0,
        0,
        0,
        0,
        1,
        3,
        3,
        7,
    };
    making_ip4(making, (struct ip4){
                           .id = random_u16(making->random),
                           .frag = IP_DF,
                           .ttl = hops_from(making, 64),
                           .proto = IPPROTO_NUMBER_TCP,
                       });
    send_syn(making, &(struct tcp){
                         .srcport = making_srcport(making, false),
                         .dstport = port,
                         .seq = random_u32(making->random),
                         .window = making->source->key & 1 ? 64240 : 29200,
                         .flags = TCP_SYN,
                         .options = options,
                         .options_len = sizeof options,
                     });
}

static void windows_syn(const struct making *making, uint16_t port)
{
    making_ip4(making, (struct ip4){
                           .id = (uint16_t)(making->source->key + making->source->packets),
                           .frag = IP_DF,
                           .ttl = hops_from(making, 128),
                           .proto = IPPROTO_NUMBER_TCP,
                       });
    send_syn(making, &(struct tcp){
                         .srcport = making_srcport(making, false),
                         .dstport = port,
                         .seq = random_u32(making->random),
                         .window = making->source->key & 1 ? 64240 : 8192,
                         .flags = TCP_SYN,
                         .options = windows_options,
                         .options_len = sizeof windows_options,
                     });
}

/* Most try one port; variants from 97 on look at a row of ports. */
void tools_stack(const struct making *making)
{
    const struct source *source = making->source;
    unsigned slots = making_slots(source);
    unsigned slot = slots == SLOTS ? random_below(making->random, slots) : source->key % slots;
    uint16_t port = making_port(making, slot);
    if (source->variant % 2)
        windows_syn(making, port);
    else
        linux_syn(making, port);
}
