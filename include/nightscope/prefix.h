/* A set of addresses given as prefixes, with exceptions: the dark space, the ends of tunnels.
 * Immutable once built; a lookup takes a few nanoseconds. */
#pragma once

#include <nightscope/error.h>
#include <nightscope/packet.h>

struct prefix_set;

/* Parses "PREFIX[,PREFIX]...": 192.0.2.0/24, 2001:db8::/32, a bare address; `!PREFIX` takes
 * addresses out (the longest prefix that covers an address decides); `@FILE` reads prefixes
 * from a file, one or more a line, `#` starts a comment. Host bits that are set are an error.
 * `origin` names the option for messages, e.g. "--dark". NULL on error, *err is filled; what is
 * wrong in or with such a file has the file as its origin. */
struct prefix_set *prefix_set_parse(const char *text, const char *origin, struct err *err);
void prefix_set_free(struct prefix_set *set);

bool prefix_set_has4(const struct prefix_set *set, uint32_t address);
bool prefix_set_has6(const struct prefix_set *set, struct ip6 address);
static inline bool prefix_set_has(const struct prefix_set *set, const struct address *address)
{
    return address->is6 ? prefix_set_has6(set, address->v6) : prefix_set_has4(set, address->v4);
}
/* IPv4 addresses in the set, 0..2^32. */
uint64_t prefix_set_size4(const struct prefix_set *set);
/* Does the set hold any IPv6 prefix? */
bool prefix_set_any6(const struct prefix_set *set);
/* Where membership changes, ascending and borrowed: addresses from the 1st, 3rd ... on are in
 * the set, from the 2nd, 4th ... on they are not. Returns how many there are. */
uint32_t prefix_set_bounds4(const struct prefix_set *set, const uint32_t **ret_bounds);
uint32_t prefix_set_bounds6(const struct prefix_set *set, const struct ip6 **ret_bounds);
/* The same for sets of the same addresses, however they were given; of others, almost surely
 * another. */
uint64_t prefix_set_hash(const struct prefix_set *set);
