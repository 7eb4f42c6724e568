/* Sets of addresses, compiled to boundaries: sorted addresses at which membership changes, from
 * out to in at the 1st, 3rd, ... and back at the 2nd, 4th, ... An address is in the set when
 * the number of boundaries at or below it is odd. For IPv4, first[] holds the number of
 * boundaries below each /16, so that most look-ups are one read and none searches beyond one
 * /16.
 *
 *      in      +--------+     +--+
 *      out  ---+        +-----+  +-----
 *              1        2     3  4
 */
#include "packet/prefix_list.h"

#include "base/hash.h"

#include <nightscope/prefix.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 1 << 16, FEW = 8 };

struct prefix_set {
    uint32_t *bounds4;
    struct ip6 *bounds6;
    uint32_t n4, n6;
    uint64_t size4;
    uint32_t first[BLOCKS + 1];
};

/* Boundaries while they are made, both families as 128-bit numbers. */
struct sweep {
    address128 *bounds;
    uint32_t n;
    bool value;
};

/* From `at` on, membership is `value`. Positions never decrease. */
static void sweep_emit(struct sweep *sweep, address128 at, bool value)
{
    if (value == sweep->value)
        return;
    sweep->value = value;
    if (sweep->n > 0 && sweep->bounds[sweep->n - 1] == at)
        sweep->n--; /* changed here and back again */
    else
        sweep->bounds[sweep->n++] = at;
}

/* Sorted prefixes nest or are disjoint: a stack of those that cover the position gives, at its
 * top, the longest. Every prefix adds at most two boundaries. */
static void sweep_run(struct sweep *sweep, const struct prefix *prefixes, uint32_t n,
                      address128 last)
{
    const struct prefix *stack[130];
    unsigned depth = 0;
    for (uint32_t i = 0; i <= n; i++) {
        const struct prefix *next = i < n ? &prefixes[i] : NULL;
        while (depth > 0 && (!next || stack[depth - 1]->end < next->start)) {
            address128 end = stack[--depth]->end;
            if (end != last)
                sweep_emit(sweep, end + 1, depth > 0 && !stack[depth - 1]->out);
        }
        if (!next)
            break;
        assert(depth < sizeof stack / sizeof *stack);
        stack[depth++] = next;
        sweep_emit(sweep, next->start, !next->out);
    }
}

static void index_blocks(struct prefix_set *set)
{
    uint32_t at = 0;
    for (uint32_t block = 0; block < BLOCKS; block++) {
        while (at < set->n4 && set->bounds4[at] < block << 16)
            at++;
        set->first[block] = at;
    }
    set->first[BLOCKS] = set->n4;
}

static void measure(struct prefix_set *set)
{
    for (uint32_t i = 0; i < set->n4; i += 2) {
        uint64_t end = i + 1 < set->n4 ? set->bounds4[i + 1] : (uint64_t)1 << 32;
        set->size4 += end - set->bounds4[i];
    }
}

/* Both families in one array of boundaries: IPv4 first, then IPv6. */
static int compile(struct prefix_set *set, const struct prefix_list *list, address128 *bounds)
{
    struct sweep sweep4 = {.bounds = bounds};
    sweep_run(&sweep4, list->prefixes, list->n4, UINT32_MAX);
    struct sweep sweep6 = {.bounds = bounds + sweep4.n};
    sweep_run(&sweep6, list->prefixes + list->n4, list->n - list->n4, ~(address128)0);
    set->n4 = sweep4.n;
    set->n6 = sweep6.n;
    set->bounds4 = calloc(set->n4 + 1, sizeof *set->bounds4);
    set->bounds6 = calloc(set->n6 + 1, sizeof *set->bounds6);
    if (!set->bounds4 || !set->bounds6)
        return -1;
    for (uint32_t i = 0; i < set->n4; i++)
        set->bounds4[i] = (uint32_t)sweep4.bounds[i];
    for (uint32_t i = 0; i < set->n6; i++)
        set->bounds6[i] = (struct ip6){.hi = (uint64_t)(sweep6.bounds[i] >> 64),
                                       .lo = (uint64_t)sweep6.bounds[i]};
    index_blocks(set);
    measure(set);
    return 0;
}

struct prefix_set *prefix_set_parse(const char *text, const char *origin, struct err *err)
{
    struct prefix_list list = {0};
    struct prefix_set *set = NULL;
    address128 *bounds = NULL;
    if (prefix_list_parse(&list, text, origin, err) != 0)
        goto out;
    if (list.n == 0) {
        (void)err_set(err, origin, 0, 0, "\"%s\": no prefix is in it", text);
        goto out;
    }
    set = calloc(1, sizeof *set);
    bounds = calloc(2 * (size_t)list.n, sizeof *bounds);
    if (!set || !bounds || compile(set, &list, bounds) != 0) {
        (void)err_set(err, origin, 0, 0, "out of memory");
        prefix_set_free(set);
        set = NULL;
    } else if (set->n4 == 0 && set->n6 == 0) {
        (void)err_set(err, origin, 0, 0,
                      "no address is in the set: \"!\" takes addresses out of other prefixes");
        prefix_set_free(set);
        set = NULL;
    }
out:
    free(bounds);
    prefix_list_fini(&list);
    return set;
}

void prefix_set_free(struct prefix_set *set)
{
    if (!set)
        return;
    free(set->bounds4);
    free(set->bounds6);
    free(set);
}

/* Most telescopes are a few prefixes, and these few stay in the cache. */
static bool count_few(const struct prefix_set *set, uint32_t address)
{
    uint32_t below = 0;
    for (uint32_t i = 0; i < set->n4; i++)
        below += set->bounds4[i] <= address;
    return below & 1;
}

bool prefix_set_has4(const struct prefix_set *set, uint32_t address)
{
    if (set->n4 <= FEW)
        return count_few(set, address);
    uint32_t low = set->first[address >> 16], high = set->first[(address >> 16) + 1];
    while (low < high) { /* the first boundary above the address */
        uint32_t middle = low + (high - low) / 2;
        if (set->bounds4[middle] <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low & 1;
}

bool prefix_set_has6(const struct prefix_set *set, struct ip6 address)
{
    uint32_t low = 0, high = set->n6;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct ip6 *bound = &set->bounds6[middle];
        if (bound->hi < address.hi || (bound->hi == address.hi && bound->lo <= address.lo))
            low = middle + 1;
        else
            high = middle;
    }
    return low & 1;
}

uint64_t prefix_set_size4(const struct prefix_set *set)
{
    return set->size4;
}

bool prefix_set_any6(const struct prefix_set *set)
{
    return set->n6 > 0;
}

uint32_t prefix_set_bounds4(const struct prefix_set *set, const uint32_t **ret_bounds)
{
    *ret_bounds = set->bounds4;
    return set->n4;
}

uint32_t prefix_set_bounds6(const struct prefix_set *set, const struct ip6 **ret_bounds)
{
    *ret_bounds = set->bounds6;
    return set->n6;
}

uint64_t prefix_set_hash(const struct prefix_set *set)
{
    uint64_t hash = hash_u64(set->n4, HASH_FIXED);
    for (uint32_t i = 0; i < set->n4; i++)
        hash = hash_u64(hash ^ set->bounds4[i], HASH_FIXED);
    for (uint32_t i = 0; i < set->n6; i++) {
        hash = hash_u64(hash ^ set->bounds6[i].hi, HASH_FIXED);
        hash = hash_u64(hash ^ set->bounds6[i].lo, HASH_FIXED);
    }
    return hash;
}
