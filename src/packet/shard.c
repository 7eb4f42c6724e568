/* Which of the fixed shards a source belongs to: the top bits of a hash under a fixed key. */
#include "base/hash.h"

#include <nightscope/packet.h>

_Static_assert(SHARD_COUNT == 64, "six bits choose the shard");

unsigned shard_of4(uint32_t src)
{
    return (unsigned)(hash_u64(src, HASH_FIXED) >> 58);
}

unsigned shard_of6(struct ip6 src)
{
    uint64_t high = hash_u64(src.hi, HASH_FIXED);
    return (unsigned)(hash_u64(src.lo ^ high, HASH_FIXED) >> 58);
}
