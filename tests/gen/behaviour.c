/* Dispatch by behaviour, the ports of a source, and frames that are to be refused. */
#include "parts.h"

#include <stddef.h>

static const uint16_t mirai_ports[] = {23, 2323, 37215, 52869, 5555, 80, 81, 8080, 8081, 60001};
static const uint16_t popular_ports[] = {
    445, 22, 80, 3389, 443, 23, 8080, 1433, 3306, 5900, 6379, 21, 25, 5432, 8443, 2222,
};
static const uint16_t udp_ports[] = {53, 123, 1900, 5060, 161, 389, 11211};
static const uint16_t nmap_ports[SLOTS] = {
    1,    7,    9,    13,   21,   22,   23,   25,   26,   37,   53,   79,   80,
    81,   88,   106,  110,  111,  113,  119,  135,  139,  143,  144,  179,  199,
    389,  427,  443,  444,  445,  465,  513,  514,  515,  543,  544,  548,  554,
    587,  631,  646,  873,  990,  993,  995,  1025, 1026, 1027, 1433, 1720, 1723,
    2000, 2049, 2121, 3128, 3306, 3389, 5000, 5060, 5432, 5900, 8000, 8080,
};

/* A stack that looks at a row of 64 ports: vertical scans. */
static bool is_vertical(const struct source *source)
{
    return source->behaviour == BEHAVIOUR_STACK && source->variant >= 97;
}

static uint16_t vertical_base(const struct source *source)
{
    return (uint16_t)(1 + source->key % 65000);
}

/* ret_ports untouched when the ports are a row. */
static unsigned port_list(const struct source *source, const uint16_t **ret_ports)
{
    switch ((enum behaviour)source->behaviour) {
    case BEHAVIOUR_MIRAI:
        *ret_ports = mirai_ports;
        return sizeof mirai_ports / sizeof mirai_ports[0];
    case BEHAVIOUR_NMAP:
        *ret_ports = nmap_ports;
        return SLOTS;
    case BEHAVIOUR_UDP:
    case BEHAVIOUR_FRAGMENTS:
        *ret_ports = udp_ports;
        return sizeof udp_ports / sizeof udp_ports[0];
    case BEHAVIOUR_STACK:
        if (is_vertical(source))
            return SLOTS;
        break;
    case BEHAVIOUR_ZMAP_OLD:
    case BEHAVIOUR_ZMAP_NEW:
    case BEHAVIOUR_MASSCAN:
    case BEHAVIOUR_IPV6:
    case BEHAVIOUR_NOISE:
        break;
    case BEHAVIOUR_BACKSCATTER:
    case BEHAVIOUR_ICMP:
    case BEHAVIOUR_SCTP:
    case BEHAVIOUR_REFUSED:
    case BEHAVIOUR_COUNT_:
        return 0;
    }
    *ret_ports = popular_ports;
    return sizeof popular_ports / sizeof popular_ports[0];
}

unsigned making_slots(const struct source *source)
{
    const uint16_t *ports;
    return port_list(source, &ports);
}

bool behaviour_slot(const struct source *source, unsigned slot,
                    enum meant_protocol *ret_protocol, uint16_t *ret_port)
{
    const uint16_t *ports = NULL;
    if (slot >= port_list(source, &ports))
        return false;
    *ret_port = ports ? ports[slot] : (uint16_t)(vertical_base(source) + slot);
    *ret_protocol = ports == udp_ports ? MEANT_UDP : MEANT_TCP;
    return true;
}

uint32_t making_dst(const struct making *making)
{
    const struct options *options = making->scene->options;
    making->meant->dst = options->dark | random_u32(making->random) >> options->dark_bits;
    return making->meant->dst;
}

void making_ip4(const struct making *making, struct ip4 ip)
{
    ip.src = making->source->address;
    ip.dst = making_dst(making);
    frame_ip4(making->frame, making->scene->options->link, &ip);
}

uint16_t making_port(const struct making *making, unsigned slot)
{
    enum meant_protocol protocol;
    uint16_t port = 0;
    if (behaviour_slot(making->source, slot, &protocol, &port))
        making->meant->slot = (int)slot;
    return port;
}

uint16_t making_srcport(const struct making *making, bool fixed)
{
    uint32_t from = fixed ? making->source->key >> 8 : random_u32(making->random);
    return (uint16_t)(32768 + from % 28233);
}

void behaviour_packet(const struct scene *scene, const struct source *source,
                      struct frame *frame, struct meant *ret_meant)
{
    static void (*const makers[BEHAVIOUR_COUNT_])(const struct making *) = {
        [BEHAVIOUR_MIRAI] = tools_mirai,
        [BEHAVIOUR_ZMAP_OLD] = tools_zmap_old,
        [BEHAVIOUR_ZMAP_NEW] = tools_zmap_new,
        [BEHAVIOUR_MASSCAN] = tools_masscan,
        [BEHAVIOUR_NMAP] = tools_nmap,
        [BEHAVIOUR_STACK] = tools_stack,
        [BEHAVIOUR_BACKSCATTER] = backscatter_make,
        [BEHAVIOUR_UDP] = others_udp,
        [BEHAVIOUR_ICMP] = others_icmp,
        [BEHAVIOUR_IPV6] = others_ipv6,
        [BEHAVIOUR_NOISE] = others_noise,
        [BEHAVIOUR_FRAGMENTS] = others_fragments,
        [BEHAVIOUR_SCTP] = others_sctp,
    };
    *ret_meant = (struct meant){.slot = NO_SLOT, .whole = true};
    struct making making = {scene, source, scene->random, frame, ret_meant};
    makers[source->behaviour](&making);
    frame_finish(frame);
    ret_meant->caplen = frame->len;
}

void behaviour_refused(const struct scene *scene, struct frame *frame, struct meant *ret_meant)
{
    static const uint8_t bad_version_and_length = 0x43; /* a header of 12 bytes */
    bool ethernet = scene->options->link == LINK_ETHERNET;
    struct ip4 ip = {.src = 0xc6336401, .dst = scene->options->dark, .ttl = 64, .proto = 6};
    *ret_meant = (struct meant){.slot = NO_SLOT};
    uint32_t kind = random_below(scene->random, 10);
    if (ethernet && kind < 6) {
        ret_meant->refusal = MEANT_NOT_IP;
        frame_ethertype(frame, kind < 5 ? 0x0806 : 0x88cc, 60);
        ret_meant->caplen = frame->len;
        return;
    }
    struct tcp tcp = {.srcport = 1, .dstport = 1, .flags = TCP_SYN};
    frame_ip4(frame, scene->options->link, &ip);
    frame_tcp(frame, &tcp);
    frame_finish(frame);
    ret_meant->caplen = frame->len;
    if (kind < 8) {
        ret_meant->refusal = MEANT_TRUNCATED; /* cut inside the source address */
        ret_meant->caplen = frame->ip + 14;
    } else {
        ret_meant->refusal = MEANT_MALFORMED;
        frame->bytes[frame->ip] = bad_version_and_length;
    }
}
