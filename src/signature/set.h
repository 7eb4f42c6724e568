/* The set of signatures, for the modules that make it and walk it. */
#pragma once

#include "ast.h"

enum {
    TUPLE_MAX = 8,           /* parts of a `distinct` */
    SET_NODES_MAX = 1 << 20, /* of all match expressions, as trees */
};

/* A part of a tuple: a number, or a field of bytes or of an IPv6 address, or what depends on
 * the protocol of the packet. */
enum part_kind {
    PART_NUMBER,
    PART_BYTES,
    PART_ADDRESS,
    PART_DESTINATION,
    PART_PORT,
    PART_NONCE
};
struct part {
    enum part_kind kind;
    uint32_t a; /* node or field */
};
struct tuple {
    unsigned n;
    struct part parts[TUPLE_MAX];
};

struct signature_set {
    struct ast ast;
    struct signature *signatures;
    unsigned n, cap;
    struct tuple *tuples; /* 0: destination, port, sequence number or identifier */
    unsigned tuples_n, tuples_cap;
    uint64_t weight;
};

/* The value of a number for one row; false when a field is missing. */
bool eval_number(const struct ast *ast, uint32_t id, const struct batch *batch, unsigned row,
                 uint64_t *ret_value);
enum truth eval_truth(const struct ast *ast, uint32_t id, const struct batch *batch,
                      unsigned row);

/* 1 << enum candidate of every kind of packet for which the expression can be true. */
unsigned candidates_of(const struct ast *ast, uint32_t match);
/* Estimated time of an expression, in units of about 1/100 ns a packet. */
double cost_of(const struct ast *ast, uint32_t id);
/* Finds or adds a tuple; -1: out of memory. */
int tuple_intern(struct signature_set *set, const struct tuple *tuple);
