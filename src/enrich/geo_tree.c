#include "enrich/geo_tree.h"

#include <stdlib.h>

enum {
    FIRST_BITS = 16,
    V4_DEPTH = 96,   /* of IPv4 in a tree of IPv6: ::/96 */
    DATA_BEHIND = 16 /* zeros between the tree and the data */
};

struct geo_tree {
    const uint8_t *nodes; /* in the map */
    uint32_t nodes_n, data_n;
    unsigned record_bits; /* 24, 28 or 32 */
    bool has_ipv6;
    uint32_t first[1 << FIRST_BITS]; /* the record that these bits of IPv4 lead to */
};

static uint32_t big_endian(const uint8_t *at, unsigned bytes)
{
    uint32_t number = 0;
    for (unsigned i = 0; i < bytes; i++)
        number = number << 8 | at[i];
    return number;
}

static inline uint32_t read_record(const struct geo_tree *tree, uint32_t node, unsigned side)
{
    const uint8_t *at = tree->nodes + (size_t)node * (tree->record_bits / 4);
    switch (tree->record_bits) {
    case 24:
        return big_endian(at + (size_t)side * 3, 3);
    case 28: /* the byte in the middle has the highest four bits of both */
        return side ? (uint32_t)(at[3] & 0x0f) << 24 | big_endian(at + 4, 3)
                    : (uint32_t)(at[3] & 0xf0) << 20 | big_endian(at, 3);
    default:
        return big_endian(at + (size_t)side * 4, 4);
    }
}

/* The record that the first `n` bits below `record` lead to. */
static inline uint32_t descend(const struct geo_tree *tree, uint32_t record, uint64_t bits,
                               unsigned n)
{
    for (; n && record < tree->nodes_n; n--, bits <<= 1)
        record = read_record(tree, record, (unsigned)(bits >> 63));
    return record;
}

static void fill_first(struct geo_tree *tree)
{
    uint32_t root = 0;
    if (tree->has_ipv6)
        root = descend(tree, descend(tree, 0, 0, 64), 0, V4_DEPTH - 64);
    for (uint64_t bits = 0; bits < 1 << FIRST_BITS; bits++)
        tree->first[bits] = descend(tree, root, bits << (64 - FIRST_BITS), FIRST_BITS);
}

struct geo_tree *geo_tree_new(const MMDB_s *mmdb, const char *path, struct err *err)
{
    unsigned record_bits = mmdb->metadata.record_size;
    uint64_t bytes = (uint64_t)mmdb->metadata.node_count * record_bits / 4;
    if ((record_bits != 24 && record_bits != 28 && record_bits != 32) ||
        bytes > (uint64_t)mmdb->file_size) {
        (void)err_set(err, path, 0, 0,
                      "is not a usable MaxMind DB file: its search tree is "
                      "longer than the file");
        return NULL;
    }
    struct geo_tree *tree = malloc(sizeof *tree);
    if (!tree) {
        (void)err_set(err, path, 0, 0, "out of memory");
        return NULL;
    }
    tree->nodes = mmdb->file_content;
    tree->nodes_n = mmdb->metadata.node_count;
    tree->data_n = mmdb->data_section_size;
    tree->record_bits = record_bits;
    tree->has_ipv6 = mmdb->metadata.ip_version == 6;
    fill_first(tree);
    return tree;
}

void geo_tree_free(struct geo_tree *tree)
{
    free(tree);
}

/* A record that is still a node has more bits than an address; one behind it is in the data. */
static inline bool in_data(const struct geo_tree *tree, uint32_t record, uint32_t *ret_offset)
{
    uint64_t data = (uint64_t)tree->nodes_n + DATA_BEHIND;
    if (record < data || record - data >= tree->data_n)
        return false;
    *ret_offset = (uint32_t)(record - data);
    return true;
}

void geo_tree_find_all(const struct geo_tree *tree, const struct address *addresses, unsigned n,
                       uint32_t *ret_offsets)
{
    uint32_t *records = ret_offsets; /* until they are offsets */
    for (unsigned i = 0; i < n; i++)
        records[i] = tree->first[addresses[i].v4 >> (32 - FIRST_BITS)];
    bool any = true;
    for (unsigned bit = 32 - FIRST_BITS; any && bit-- > 0;) {
        any = false;
        for (unsigned i = 0; i < n; i++)
            if (records[i] < tree->nodes_n) {
                records[i] = read_record(tree, records[i], addresses[i].v4 >> bit & 1);
                any = true;
            }
    }
    for (unsigned i = 0; i < n; i++) {
        uint32_t offset = GEO_TREE_NONE;
        bool found = addresses[i].is6 ? geo_tree_find(tree, &addresses[i], &offset)
                                      : in_data(tree, records[i], &offset);
        ret_offsets[i] = found ? offset : (uint32_t)GEO_TREE_NONE;
    }
}

bool geo_tree_find(const struct geo_tree *tree, const struct address *address,
                   uint32_t *ret_offset)
{
    uint32_t record;
    if (!address->is6) {
        record = descend(tree, tree->first[address->v4 >> (32 - FIRST_BITS)],
                         (uint64_t)address->v4 << (32 + FIRST_BITS), 32 - FIRST_BITS);
    } else {
        if (!tree->has_ipv6)
            return false;
        record = descend(tree, descend(tree, 0, address->v6.hi, 64), address->v6.lo, 64);
    }
    return in_data(tree, record, ret_offset);
}
