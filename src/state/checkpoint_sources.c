/* The sources, shard by shard, in the order of their rows: n of IPv4 | rows | n of IPv6 | rows.
 *
 *   row   address | country AS classes first last-first minutes:4 | counters | ports
 *         | destinations | 0, or 1 and its mark */
#include "state/checkpoint.h"

enum { ROW_MIN = 16 }; /* bytes of a row, at least */

static void put_row(struct bytes_out *out, const struct shard *shard, unsigned family,
                    uint32_t row)
{
    const struct table *table = &shard->tables[family];
    const struct source *source = &table->rows[row];
    const struct mark *mark = shard_mark(shard, family, row);
    struct address address = table_address(table, row);
    checkpoint_put_address(out, &address);
    bytes_put_u64(out, source->cc);
    bytes_put_u64(out, table_asn(table, row));
    bytes_put_u64(out, source->seen);
    bytes_put_u64(out, source->first_s);
    bytes_put_u64(out, source->last_s - source->first_s);
    bytes_put_le(out, source->minutes, 4);
    for (unsigned i = 0; i < COUNTER_COUNT_; i++)
        bytes_put_u64(out, table_counter(table, row, i));
    checkpoint_put_set(out, &shard->pool, source_ports(source));
    checkpoint_put_set(out, &shard->pool, source_destinations(source));
    bytes_put_u64(out, mark != NULL);
    if (mark)
        checkpoint_put_mark(out, &shard->evidence, mark);
}

void checkpoint_put_sources(struct bytes_out *out, const struct analysis *analysis)
{
    for (unsigned i = 0; i < SHARD_COUNT; i++) {
        for (unsigned family = 0; family < 2; family++) {
            uint32_t n = analysis->shards[i].tables[family].n;
            bytes_put_u64(out, n);
            for (uint32_t row = 0; row < n; row++)
                put_row(out, &analysis->shards[i], family, row);
        }
    }
}

/* Fills row 0 of a scratch table; false: the bytes are wrong. */
static bool take_source(struct checkpoint_in *in, struct table *table, struct source *source)
{
    uint32_t asn;
    source->cc = bytes_take_u64(in->bytes, CC_COUNT_ - 1) & 1023U;
    asn = (uint32_t)bytes_take_u64(in->bytes, UINT32_MAX);
    source->seen = bytes_take_u64(in->bytes, (1U << CLASS_COUNT_) - 1) & 7U;
    source->first_s = (uint32_t)bytes_take_u64(in->bytes, UINT32_MAX);
    source->last_s =
        source->first_s + (uint32_t)bytes_take_u64(in->bytes, UINT32_MAX - source->first_s);
    source->minutes = (uint32_t)bytes_take_le(in->bytes, 4);
    bool memory = table_set_asn(table, 0, asn);
    for (unsigned i = 0; i < COUNTER_COUNT_; i++)
        memory &= table_counter_add(table, 0, i, bytes_take_u64(in->bytes, UINT64_MAX));
    if (!memory)
        checkpoint_no_memory(in);
    source_set_ports(source, checkpoint_take_set(in, &in->scratch.pool));
    source_set_destinations(source, checkpoint_take_set(in, &in->scratch.pool));
    return !in->bytes->failed;
}

static void take_marked(struct checkpoint_in *in, struct table *table, struct source *source,
                        struct analysis *target)
{
    uint64_t counters[CANDIDATE_COUNT_];
    for (unsigned i = 0; i < CANDIDATE_COUNT_; i++)
        counters[i] = table_counter(table, 0, i);
    source->mark = checkpoint_take_mark(in, target, counters);
}

static void clear(struct shard *scratch, struct table *table)
{
    struct source *source = &table->rows[0];
    struct distinct set = source_ports(source);
    distinct_clear(&scratch->pool, &set);
    set = source_destinations(source);
    distinct_clear(&scratch->pool, &set);
    if (source->mark)
        mark_drop(&scratch->evidence, source->mark);
    table_empty(table);
}

static void take_row(struct checkpoint_in *in, unsigned shard, unsigned family)
{
    struct table *table = &in->scratch.tables[family];
    struct address address = checkpoint_take_address(in, family);
    in->bytes->failed |= (address.is6 ? shard_of6(address.v6) : shard_of4(address.v4)) != shard;
    if (in->bytes->failed)
        return;
    if (table_append(table, source_key_of(&address), &address.v6) == TABLE_NO_ROW) {
        checkpoint_no_memory(in);
        return;
    }
    struct source *source = &table->rows[0];
    struct analysis *target = checkpoint_owner(in, &address);
    if (take_source(in, table, source) && bytes_take_u64(in->bytes, 1))
        take_marked(in, table, source, target);
    if (!in->bytes->failed)
        shard_merge_row(target, &target->shards[shard], &in->scratch, family, 0);
    clear(&in->scratch, table);
}

void checkpoint_take_sources(struct checkpoint_in *in)
{
    for (unsigned i = 0; i < SHARD_COUNT; i++) {
        for (unsigned family = 0; family < 2; family++) {
            uint64_t n = bytes_take_u64(in->bytes, TABLE_ROWS_MAX);
            in->bytes->failed |= n > bytes_left(in->bytes) / ROW_MIN;
            for (uint64_t row = 0; row < n && !in->bytes->failed; row++)
                take_row(in, i, family);
        }
    }
}
