/* The parts of a checkpoint, in their order; each file checkpoint_*.c knows the layout of one.
 * Private to this layer. In <nightscope/checkpoint.h> is what it all means.
 *
 *   version | names | sums | destinations | ports | sources | windows | steps | feed | events
 *
 * Numbers are LEB128 unless said otherwise. A put writes and leaves `out` failed when it
 * cannot; a take reads into the targets, and leaves `in` failed when the bytes are not what a
 * put writes, or memory is refused. */
#pragma once

#include "base/bytes.h"
#include "state/state.h"

#include <nightscope/checkpoint.h>

enum { CHECKPOINT_NONE = UINT16_MAX }; /* a signature or label that is gone */

/* What signatures and labels of the checkpoint are here, by their index there. */
struct checkpoint_names {
    unsigned signatures_n, labels_n;
    uint16_t *signatures, *labels; /* or CHECKPOINT_NONE */
    bool *changed;                 /* by signature: its definition is another one */
    const uint8_t **name;          /* by signature: in the bytes that are read */
    uint8_t *name_len;
};

struct checkpoint_in {
    struct bytes_in *bytes;
    struct analysis *const *targets;
    unsigned n;
    unsigned (*owner)(void *context, const struct address *source);
    void *context;
    struct checkpoint_names names;
    struct shard scratch; /* one source, or set, on its way to its target */
    bool no_memory;
    struct checkpoint_gone *gone; /* may be NULL */
};

/* Marks the bytes as failed, for lack of memory. */
void checkpoint_no_memory(struct checkpoint_in *in);
struct analysis *checkpoint_owner(struct checkpoint_in *in, const struct address *source);

/* Shared by the parts. Sets: [ n, or sketch or frozen bits | keys ascending, as differences ].
 * Sets that are read are made in `pool`. */
void checkpoint_put_address(struct bytes_out *out, const struct address *address);
struct address checkpoint_take_address(struct checkpoint_in *in, bool is6);
void checkpoint_put_set(struct bytes_out *out, const struct pool *pool, struct distinct set);
struct distinct checkpoint_take_set(struct checkpoint_in *in, struct pool *pool);
/* Registers of n bytes, at most HLL_LARGE; runs of zeros take two bytes. */
void checkpoint_put_registers(struct bytes_out *out, const uint8_t *registers, size_t n);
void checkpoint_take_registers(struct checkpoint_in *in, uint8_t rank_max, size_t n,
                               uint8_t *ret_registers);
/* Arrays of 64-bit numbers, each at most `most`. */
void checkpoint_put_numbers(struct bytes_out *out, const uint64_t *numbers, size_t n);
void checkpoint_take_numbers(struct checkpoint_in *in, uint64_t *ret_numbers, size_t n);

void checkpoint_put_names(struct bytes_out *out, const struct evidence_plan *plan);
void checkpoint_take_names(struct checkpoint_in *in);
/* Signature i of the checkpoint has counts that are dropped. */
void checkpoint_note_gone(struct checkpoint_in *in, unsigned i);
void checkpoint_names_fini(struct checkpoint_names *names);

void checkpoint_put_sums(struct bytes_out *out, const struct analysis *analysis);
void checkpoint_take_sums(struct checkpoint_in *in);
void checkpoint_put_places(struct bytes_out *out, const struct places *places);
void checkpoint_take_places(struct checkpoint_in *in, struct places *places);
void checkpoint_put_destinations(struct bytes_out *out, const struct destinations *set);
void checkpoint_take_destinations(struct checkpoint_in *in);
void checkpoint_put_ports(struct bytes_out *out, const struct analysis *analysis);
void checkpoint_take_ports(struct checkpoint_in *in);

void checkpoint_put_sources(struct bytes_out *out, const struct analysis *analysis);
void checkpoint_take_sources(struct checkpoint_in *in);
void checkpoint_put_mark(struct bytes_out *out, const struct pool *pool,
                         const struct mark *mark);
/* Makes a mark in the scratch shard, of signatures that `target` knows; 0: it has none. What
 * cannot go on there is tallied in its labels. `counters`: those of the source. */
uint32_t checkpoint_take_mark(struct checkpoint_in *in, struct analysis *target,
                              const uint64_t counters[static CANDIDATE_COUNT_]);

void checkpoint_put_windows(struct bytes_out *out, const struct windows *windows);
void checkpoint_take_windows(struct checkpoint_in *in);
void checkpoint_put_steps(struct bytes_out *out, const struct analysis *analysis);
void checkpoint_take_steps(struct checkpoint_in *in);
void checkpoint_put_feed(struct bytes_out *out, const struct analysis *analysis);
void checkpoint_take_feed(struct checkpoint_in *in);
void checkpoint_put_events(struct bytes_out *out, const struct analysis *analysis);
void checkpoint_take_events(struct checkpoint_in *in);
