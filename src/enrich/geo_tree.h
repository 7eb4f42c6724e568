/* The search tree of a MaxMind DB, so that a look-up is a few reads.
 *
 * The format: https://maxmind.github.io/MaxMind-DB/, "Binary Search Tree Section". A node is
 * two records, for the next bit of the address 0 and 1; a record below the number of nodes is a
 * node, one equal to it is nothing, one above it is a place in the data. libmaxminddb walks the
 * tree of an IPv4 address in up to 32 reads that wait for each other. Here what its first 16
 * bits lead to is worked out when the file is opened. */
#pragma once

#include <nightscope/error.h>
#include <nightscope/packet.h>

#include <maxminddb.h>

struct geo_tree;

/* Reads the map of mmdb, which must stay open. NULL with *err: memory, or a tree that is longer
 * than its file. */
struct geo_tree *geo_tree_new(const MMDB_s *mmdb, const char *path, struct err *err);
void geo_tree_free(struct geo_tree *tree);

/* The offset of the record of an address, as in MMDB_entry_s. False: it has none. */
bool geo_tree_find(const struct geo_tree *tree, const struct address *address,
                   uint32_t *ret_offset);

enum { GEO_TREE_NONE = UINT32_MAX }; /* no offset is that */
/* The same for n addresses, a bit of each after the other, so that their reads overlap. */
void geo_tree_find_all(const struct geo_tree *tree, const struct address *addresses, unsigned n,
                       uint32_t *ret_offsets);
