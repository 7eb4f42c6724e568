/* Addresses, sets, registers and arrays as bytes: what several parts of a checkpoint hold. */
#include "state/checkpoint.h"
#include "state/profile_sets.h"

#include <string.h>

enum { SMALL_RANK_MAX = 64 - HLL_SMALL_BITS + 1, RUN_MAX = 128 };

void checkpoint_put_address(struct bytes_out *out, const struct address *address)
{
    if (!address->is6) {
        bytes_put_le(out, address->v4, 4);
        return;
    }
    bytes_put_le(out, address->v6.hi, 8);
    bytes_put_le(out, address->v6.lo, 8);
}

struct address checkpoint_take_address(struct checkpoint_in *in, bool is6)
{
    if (!is6)
        return (struct address){.v4 = (uint32_t)bytes_take_le(in->bytes, 4)};
    struct address address = {.is6 = true};
    address.v6.hi = bytes_take_le(in->bytes, 8);
    address.v6.lo = bytes_take_le(in->bytes, 8);
    return address;
}

void checkpoint_put_registers(struct bytes_out *out, const uint8_t *registers, size_t n)
{
    uint8_t packed[2 * HLL_LARGE];
    size_t used = 0;
    for (size_t i = 0; i < n;) {
        uint8_t rank = registers[i++];
        packed[used++] = rank;
        if (rank)
            continue;
        uint8_t more = 0;
        for (; i < n && !registers[i] && more < RUN_MAX - 1; i++)
            more++;
        packed[used++] = more;
    }
    bytes_put(out, packed, used);
}

void checkpoint_take_registers(struct checkpoint_in *in, uint8_t rank_max, size_t n,
                               uint8_t *ret_registers)
{
    bool run_goes_on = true; /* zeros may follow: a run ends at its longest */
    memset(ret_registers, 0, n);
    for (size_t i = 0; i < n && !in->bytes->failed;) {
        const uint8_t *rank = bytes_take(in->bytes, 1);
        if (!rank || *rank > rank_max || (!*rank && !run_goes_on)) {
            in->bytes->failed = true;
            return;
        }
        run_goes_on = true;
        ret_registers[i++] = *rank;
        if (*rank)
            continue;
        const uint8_t *more = bytes_take(in->bytes, 1);
        if (!more || *more >= RUN_MAX || *more > n - i) {
            in->bytes->failed = true;
            return;
        }
        i += *more;
        run_goes_on = *more == RUN_MAX - 1;
    }
}

void checkpoint_put_set(struct bytes_out *out, const struct pool *pool, struct distinct set)
{
    uint32_t words[PROFILE_SET_WORDS_MAX];
    (void)profile_set_from(pool, &set, words);
    bytes_put_u64(out, words[0]);
    if (words[0] & PROFILE_SET_SKETCH) {
        checkpoint_put_registers(out, (const uint8_t *)(words + 1), HLL_SMALL);
        return;
    }
    for (unsigned i = 1; i <= (words[0] & PROFILE_SET_N); i++)
        bytes_put_u64(out, i == 1 ? words[1] : words[i] - words[i - 1]);
}

static void take_keys(struct checkpoint_in *in, struct pool *pool, unsigned n,
                      struct distinct *set)
{
    uint32_t key = 0;
    for (unsigned i = 0; i < n && !in->bytes->failed; i++) {
        uint32_t more = (uint32_t)bytes_take_u64(in->bytes, UINT32_MAX - key);
        in->bytes->failed |= i && !more;
        key += more;
        if (!in->bytes->failed && !distinct_add(pool, set, key))
            checkpoint_no_memory(in);
    }
}

struct distinct checkpoint_take_set(struct checkpoint_in *in, struct pool *pool)
{
    uint32_t head = (uint32_t)bytes_take_u64(in->bytes, PROFILE_SET_FROZEN |
                                                            PROFILE_SET_SKETCH | PROFILE_SET_N);
    struct distinct set = {0};
    if ((head & PROFILE_SET_N) > (head & PROFILE_SET_SKETCH ? 0 : DISTINCT_EXACT_MAX))
        in->bytes->failed = true;
    if (head & PROFILE_SET_SKETCH) {
        uint8_t registers[HLL_SMALL];
        checkpoint_take_registers(in, SMALL_RANK_MAX, HLL_SMALL, registers);
        if (!in->bytes->failed && !distinct_from_registers(pool, registers, &set))
            checkpoint_no_memory(in);
    } else if (!in->bytes->failed) {
        take_keys(in, pool, head & PROFILE_SET_N, &set);
    }
    if (head & PROFILE_SET_FROZEN)
        set.kind |= DISTINCT_FROZEN;
    return set;
}

void checkpoint_put_numbers(struct bytes_out *out, const uint64_t *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes_put_u64(out, numbers[i]);
}

void checkpoint_take_numbers(struct checkpoint_in *in, uint64_t *ret_numbers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ret_numbers[i] = bytes_take_u64(in->bytes, UINT64_MAX);
}
