/* Packets and sources by port, of each view: { ports since the one before | packets | sources }
 * ... 0 */
#include "state/checkpoint.h"

static void put_view(struct bytes_out *out, const struct pool *pool, const struct ports *ports)
{
    for (unsigned i = 0, before = 0; i < PORTS_ROWS; i++) {
        const struct port_tally *row = &ports->rows[i];
        if (!row->packets)
            continue;
        bytes_put_u64(out, i + 1 - before);
        bytes_put_u64(out, row->packets);
        checkpoint_put_set(out, pool, row->sources);
        before = i + 1;
    }
    bytes_put_u64(out, 0);
}

void checkpoint_put_ports(struct bytes_out *out, const struct analysis *analysis)
{
    for (unsigned view = 0; view < VIEW_COUNT_; view++)
        put_view(out, &analysis->ports_pool, &analysis->ports[view]);
}

static void take_row(struct checkpoint_in *in, struct port_tally *row)
{
    struct analysis *into = in->targets[0];
    uint64_t packets = bytes_take_u64(in->bytes, UINT64_MAX);
    struct distinct set = checkpoint_take_set(in, &in->scratch.pool);
    in->bytes->failed |= !packets;
    if (!in->bytes->failed) {
        row->packets += packets;
        into->sets_frozen +=
            !distinct_merge(&into->ports_pool, &row->sources, &in->scratch.pool, &set);
    }
    distinct_clear(&in->scratch.pool, &set);
}

void checkpoint_take_ports(struct checkpoint_in *in)
{
    for (unsigned view = 0; view < VIEW_COUNT_; view++) {
        struct port_tally *rows = in->targets[0]->ports[view].rows;
        uint64_t port = 0, more;
        while ((more = bytes_take_u64(in->bytes, PORTS_ROWS - port)) != 0) {
            port += more;
            take_row(in, &rows[port - 1]);
        }
    }
}
