/* Signatures compiled for batches, and the scratch memory to run them.
 *
 * Every truth value of the graph becomes a step: how to compute it for the rows asked for.
 * A signature is the list of its conjuncts, cheap ones first; the rows that are left after one
 * are what the next is asked for.
 *
 * Equality with many constants is not many loops: the steps over one column are found by a
 * look-up of the value of each row (a dispatch). A signature with such a step among its
 * conjuncts is woken by it, and costs nothing in a batch where the value does not occur. So the
 * time grows with what matches, not with the number of signatures. */
#pragma once

#include <assert.h>
#include <string.h>

#include "fields.h"
#include "kernels.h"
#include "set.h"

enum how {
    HOW_TEST,     /* (column & mask) == value */
    HOW_RANGES,   /* column in one of a few ranges */
    HOW_DISPATCH, /* column is one of the values; found before all else */
    HOW_PRESENT,  /* a has[] bit */
    HOW_TRUE,     /* a field of one bit that is no column */
    HOW_SET,      /* a number in a set */
    HOW_COMPARE32,
    HOW_COMPARE64,
    HOW_OPTIONS, /* TCP options are these bytes */
    HOW_BYTES,
    HOW_LITERALS, /* the payload is, or begins with, one of several */
    HOW_ADDRESS,
    HOW_ALL,
    HOW_ANY,
    HOW_NOT,
};

/* The first bytes of a literal as one word: most comparisons end here. */
struct head {
    uint64_t bytes, mask;
};
enum { HEAD_BYTES = 8 };

struct step {
    uint8_t how;
    uint8_t op;      /* enum node_op of the node */
    uint8_t size;    /* of an element of the column */
    bool whole;      /* computed for all rows at once, whichever are asked for */
    uint8_t kept[2]; /* HOW_COMPARE32: number of the kept column of a and b, or 0 */
    uint32_t column;
    uint32_t mask, value;
    uint32_t has;  /* has[] bits without which it is unknown */
    uint32_t a, b; /* steps below; nodes of the numbers; field and blob */
    uint32_t offset;
    uint32_t id; /* HOW_OPTIONS: number of the bytes among all options asked for */
    struct head head;
    double cost;
};

/* Alternatives of bytes at the beginning of the payload. first[b]: number of the first one
 * that begins with byte b; they are in this order, up to first[b + 1]. */
struct literals {
    uint16_t first[257];
    struct literal {
        uint32_t blob;
        uint8_t op; /* OP_EQUALS, OP_STARTS */
        struct head head;
    } * items;
};
enum { LITERALS_MIN = 3, LITERALS_MAX = 4096 };

/* A number that several comparisons may ask for in a batch. */
struct kept_number {
    uint64_t epoch;
    uint32_t id; /* node */
    uint32_t column[BATCH_CAP];
};
enum { KEPT_NUMBERS_MAX = 32 };

/* Truth of a step for the rows in `done`, if it is of this epoch. t is within k. */
struct memo {
    uint64_t epoch;
    uint64_t whole; /* all rows are done */
    uint64_t t[BATCH_WORDS];
    uint64_t unused[2]; /* what is looked at most is one cache line */
    uint64_t k[BATCH_WORDS], done[BATCH_WORDS];
};
static_assert(sizeof(struct memo) == 128, "two cache lines");

/* The values of one column that wake steps.
 *
 *   value --hash--> index --> slot --next--> slot     few buckets of the index are not empty,
 *                                                     and fewer hold two values */
struct dispatch {
    uint32_t column;
    uint8_t size;
    unsigned shift;  /* 32 - log2 of the entries of the index */
    uint16_t *index; /* number of a slot; 0: none */
    unsigned slots_n;
    uint64_t *seen; /* by the bucket's first slot: epoch of the last batch with a value in it */
    struct dispatch_slot {
        uint32_t value, first, n; /* of steps[] */
        uint16_t next;            /* slot of another value in the same bucket */
    } * slots;                    /* slot 0 is none */
    uint32_t *steps;
};

enum { DISPATCH_MIN = 16, DISPATCH_SET_MAX = 64, DISPATCH_SLOTS_MAX = 65534, RANGES_MAX = 8 };

/* TCP options as what they are looked up by: up to 24 bytes as they are, behind zeros; of more
 * there is a hash alone. */
enum { OPTIONS_KEY_BYTES = 24 };
struct options_key {
    uint64_t words[OPTIONS_KEY_BYTES / 8];
    uint32_t len, hash;
};

/* All literals that options are compared with, by key: a row is looked up once. */
struct option_literals {
    uint32_t mask; /* of the table */
    struct option_literal {
        struct options_key key;
        uint32_t blob; /* 0: free */
        uint16_t id;
    } * table;
};

struct plan_signature {
    uint32_t first, n; /* of conjuncts[] */
    bool iot;
};

struct matcher {
    const struct signature_set *set;
    const struct kernels *kernels;
    struct arena arena; /* holds all the arrays below */

    struct step *steps;
    struct memo *memos;
    uint32_t steps_n;
    struct plan_signature *signatures;
    uint32_t *conjuncts;
    uint32_t *wakes_first; /* step i wakes the signatures wakes[wakes_first[i] ..] */
    uint32_t *wakes;
    struct literals *literals; /* of steps HOW_LITERALS: b is the number */
    struct option_literals option_literals;
    struct dispatch *dispatches;
    unsigned dispatches_n;
    uint64_t *always; /* bit mask over signatures: those that nothing wakes */
    unsigned words;   /* of a mask over signatures */

    uint64_t epoch;
    uint64_t *awake; /* bit mask over signatures */
    uint32_t *woken; /* steps that a dispatch found in this batch */
    struct kept_number *kept;
    unsigned kept_n;
    uint32_t *numbers; /* columns of 64-bit numbers, EXPRESSION_DEPTH_MAX + 2 at most */
    uint64_t rows[BATCH_WORDS];
    uint64_t options_done[BATCH_WORDS], ids_done[BATCH_WORDS];
    struct tcp_options options[BATCH_CAP];
    uint16_t option_ids[BATCH_CAP]; /* of the row's options; 0: none that is asked for */
};

/* A matcher that runs on these loops. NULL: out of memory. */
struct matcher *matcher_new_on(const struct signature_set *set, const struct kernels *kernels);

struct options_key options_key(const uint8_t *bytes, uint32_t len);
/* Are these options, with this key, more than 24 bytes, the literal? */
bool options_key_is(const struct matcher *matcher, const struct option_literal *literal,
                    const struct options_key *key, const uint8_t *bytes);

static inline uint32_t options_key_hash(uint64_t a, uint64_t b, uint64_t c, uint32_t len)
{
    uint64_t sum =
        (a ^ len) * 0x9e3779b97f4a7c15U + b * 0xa0761d6478bd642fU + c * 0xe7037ed1a0b428dbU;
    return (uint32_t)(sum >> 32 ^ sum >> 50);
}
struct head head_of(const struct blob *blob);

/* Can `len` bytes begin with a literal that has this head? Right whenever it says no. */
static inline bool head_may(const struct head *head, const uint8_t *at, size_t len)
{
    uint64_t word;
    if (len < HEAD_BYTES)
        return true;
    memcpy(&word, at, sizeof word);
    return !((word ^ head->bytes) & head->mask);
}

static inline uint32_t dispatch_hash(uint32_t value)
{
    return value * 0x9e3779b1U;
}

/* Is it made of masks over columns alone, all rows at once? */
static inline bool step_is_mask(const struct step *step)
{
    return step->whole && step->how != HOW_COMPARE32 && step->how != HOW_COMPARE64;
}

/* Can this number be computed in 32 bits, modulo 2^32? */
bool number_fits32(const struct ast *ast, uint32_t id);
/* The number for each row into column `slot`; rows that lack a field are taken from known. Only
 * rows in `known` need be right. */
void number_run32(struct matcher *matcher, const struct batch *batch, uint32_t id,
                  unsigned slot, uint64_t known[static BATCH_WORDS]);
void number_run64(struct matcher *matcher, const struct batch *batch, uint32_t id,
                  unsigned slot, uint64_t known[static BATCH_WORDS]);

/* The same for a few rows, one by one: where bytes are compared there are seldom more. */
enum { FEW_ROWS = 16 };
struct rows {
    unsigned n;
    uint8_t row[FEW_ROWS];
    uint32_t unknown; /* bit i: row[i] lacks a field */
};
void number_few(struct matcher *matcher, const struct batch *batch, uint32_t id,
                struct rows *rows, uint64_t ret[static FEW_ROWS]);

uint32_t *number_column32(struct matcher *matcher, unsigned slot);
uint64_t *number_column64(struct matcher *matcher, unsigned slot);
/* TCP options of a row that has them, parsed once a batch. */
const struct tcp_options *matcher_options(struct matcher *matcher, const struct batch *batch,
                                          unsigned row);

static inline uint32_t column_ones(unsigned bits)
{
    return bits >= 32 ? UINT32_MAX : (1U << bits) - 1;
}

static inline const struct field *node_column(const struct node *node)
{
    return node->op == OP_FIELD && FIELDS[node->a].kind == KIND_COLUMN ? &FIELDS[node->a]
                                                                       : NULL;
}

/* A field that is all of its column: its ranges are ranges of the column. */
static inline bool field_is_whole(const struct field *field)
{
    return field->shift == 0 && field->bits == 8U * field->size;
}

/* Builds a dispatch for each column that is compared with many constants, and makes the steps
 * it finds HOW_DISPATCH. -1: out of memory. */
int dispatches_new(struct matcher *matcher);
