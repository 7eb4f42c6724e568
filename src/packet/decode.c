/* Frames to a batch. Plain frames go the short way of fast.c; any other is located (its packet
 * found, down through link layers and tunnels), then stored (as a row) or refused. */
#include "packet/decode.h"

#include "packet/cursor.h"
#include "packet/fast.h"
#include "packet/link.h"
#include "packet/network.h"
#include "packet/rare.h"
#include "packet/transport.h"
#include "packet/tunnel.h"

/* Finds the packet of a frame that counts. On a refusal, what *ret_ hold means nothing. */
static enum reason locate(const struct decode_config *config, const struct frame *frame,
                          struct network *ret_network, bool *ret_decapsulated)
{
    struct cursor cursor = {
        .at = frame->bytes,
        .cap = frame->caplen,
        .wire = frame->wirelen > frame->caplen ? frame->wirelen : frame->caplen,
    };
    unsigned depth = 0;
    if (frame->flags & FRAME_BAD_TIME)
        return frame->flags & FRAME_OFF_CLOCK ? REASON_CLOCK : REASON_TIME;
    unsigned version = link_open((enum link)frame->link, &cursor, &depth);
    for (unsigned tunnels = 0;; tunnels++) {
        enum reason reason =
            version ? network_parse(version, &cursor, ret_network) : cursor.failed;
        *ret_decapsulated = tunnels > 0;
        if (reason || !config->tunnels || tunnels == DECODE_TUNNELS_MAX ||
            !tunnel_open(config, ret_network, &depth, &cursor, &version))
            return reason;
    }
}

static bool is_dark(const struct decode_config *config, const struct network *network,
                    unsigned offset4, unsigned offset6)
{
    if (network->version == 4)
        return prefix_set_has4(config->dark, read_be32(network->ip + offset4));
    return prefix_set_has6(config->dark, read_ip6(network->ip + offset6));
}

static bool is_from_dark(const struct decode_config *config, const struct network *network)
{
    return config->dark && is_dark(config, network, 12, 8);
}

static bool is_outside(const struct decode_config *config, const struct network *network)
{
    return config->dark && !is_dark(config, network, 16, 24);
}

/* A packet that was found, on its way to a row. */
struct found {
    struct network network;
    bool decapsulated;
    unsigned frame, row;
};

static void store(const struct decode_config *config, const struct frame *frame,
                  const struct found *found, struct batch *batch)
{
    const struct network *network = &found->network;
    unsigned row = found->row;
    batch->ts_ns[row] = frame->ts_ns;
    batch->now_min[row] = frame->now_min;
    network_store(network, batch, row);
    transport_store(network, batch, row);
    if (frame->caplen < frame->wirelen || network->cap < network->len)
        mask_set(batch->has[HAS_CUT], row);
    if (frame->flags & FRAME_LATE)
        mask_set(batch->has[HAS_LATE], row);
    if (is_from_dark(config, network))
        mask_set(batch->has[HAS_FROM_DARK], row);
    if (found->decapsulated)
        mask_set(batch->has[HAS_DECAPSULATED], row);
}

#define CLEAR(column) memset(batch->column, 0, n * sizeof *batch->column)

/* Zeros in the first n rows of the columns that are not rare, but for those that are always
 * written. */
static void clear_usual(struct batch *batch, unsigned n)
{
    CLEAR(src), CLEAR(dst), CLEAR(ip_id), CLEAR(ip_frag), CLEAR(srcport), CLEAR(dstport);
    CLEAR(tcp_seq), CLEAR(tcp_ack), CLEAR(tcp_window), CLEAR(tcp_urgent), CLEAR(tcp_flags);
    CLEAR(tcp_reserved), CLEAR(tcp_hdr_len), CLEAR(udp_length), CLEAR(udp_checksum);
    CLEAR(transport), CLEAR(payload), CLEAR(payload_len), CLEAR(payload_caplen);
}

#undef CLEAR

/* True: the frame counts, and *ret_found is its packet. False: it is refused. */
static bool find(const struct decode_config *config, const struct frame *frame,
                 struct found *ret_found, struct batch *batch)
{
    ret_found->decapsulated = false;
    enum reason reason = locate(config, frame, &ret_found->network, &ret_found->decapsulated);
    if (!reason && is_outside(config, &ret_found->network))
        reason = REASON_OUTSIDE;
    if (!reason)
        return true;
    batch->refused[batch->refused_n++] = (struct refusal){
        .ts_ns = frame->flags & FRAME_BAD_TIME ? 0 : frame->ts_ns,
        .late = frame->flags & FRAME_LATE,
        .reason = reason,
    };
    return false;
}

static void begin(struct batch *batch, unsigned n)
{
    assert(n <= BATCH_CAP);
    batch->n = 0;
    batch->refused_n = 0;
    rare_clear(batch);
}

static void decode(const struct decode_config *config, wide_function *wide,
                   const struct frame *frames, unsigned n, struct batch *ret_batch)
{
    struct words words;
    struct found found[BATCH_CAP]; /* not plain */
    unsigned found_n = 0;
    begin(ret_batch, n);
    for (unsigned i = 0;
         (i += fast_take(config, wide, frames + i, n - i, &words, ret_batch)) < n; i++)
        if (find(config, &frames[i], &found[found_n], ret_batch)) {
            found[found_n].frame = i;
            found[found_n].row = ret_batch->n++;
            fast_pass(&words, ret_batch, found[found_n].row);
            found_n++;
        }
    fast_finish(&words, ret_batch);
    for (unsigned i = 0; i < found_n; i++) {
        unsigned row = found[i].row;
        ret_batch->transport[row] = ret_batch->payload[row] = 0;
        ret_batch->payload_len[row] = ret_batch->payload_caplen[row] = 0;
        store(config, &frames[found[i].frame], &found[i], ret_batch);
    }
}

void decode_batch(const struct decode_config *config, const struct frame *frames, unsigned n,
                  struct batch *ret_batch)
{
    decode(config, wide_find(), frames, n, ret_batch);
}

void decode_narrow(const struct decode_config *config, const struct frame *frames, unsigned n,
                   struct batch *ret_batch)
{
    decode(config, NULL, frames, n, ret_batch);
}

void decode_general(const struct decode_config *config, const struct frame *frames, unsigned n,
                    struct batch *ret_batch)
{
    struct found found;
    begin(ret_batch, n);
    clear_usual(ret_batch, n);
    for (unsigned i = 0; i < n; i++)
        if (find(config, &frames[i], &found, ret_batch)) {
            found.row = ret_batch->n++;
            store(config, &frames[i], &found, ret_batch);
        }
}

/* The source of an IPv4 packet at these bytes, of which there are at least 20 on the wire and
 * in the capture; false: not plain enough to tell. */
static bool plain_source(const struct decode_config *config, const uint8_t *ip,
                         uint32_t *ret_src)
{
    enum { TCP = 6 };
    bool sound = ip[0] >> 4 == 4 && (ip[0] & 15) >= 5 && read_be16(ip + 2) >= (ip[0] & 15) * 4;
    if (!sound || (config->tunnels && ip[9] != TCP))
        return false;
    *ret_src = read_be32(ip + 12);
    return true;
}

unsigned decode_shard(const struct decode_config *config, const struct frame *frame)
{
    uint32_t src;
    const uint8_t *bytes = frame->bytes;
    bool timed = !(frame->flags & FRAME_BAD_TIME);
    if (timed && frame->link == LINK_ETHERNET && frame->caplen >= 34 && bytes[12] == 0x08 &&
        bytes[13] == 0x00 && plain_source(config, bytes + 14, &src))
        return shard_of4(src);
    if (timed && frame->link == LINK_RAW && frame->caplen >= 20 &&
        plain_source(config, bytes, &src))
        return shard_of4(src);
    struct network network;
    bool decapsulated;
    if (locate(config, frame, &network, &decapsulated) != REASON_NONE)
        return 0;
    if (network.version == 4)
        return shard_of4(read_be32(network.ip + 12));
    return shard_of6(read_ip6(network.ip + 8));
}
