/* Expressions: a graph of nodes, each distinct expression once (hash-consing), so that equal
 * parts of all signatures have equal numbers and are computed once a batch.
 *
 * Two sorts of node: numbers (unsigned, 64 bits, arithmetic modulo 2^64) and truth values
 * (Kleene's three). `a != b`, `a > b`, `a >= b` are written as not, and as < and <= with the
 * sides exchanged. Node 0 is "none". */
#pragma once

#include <nightscope/signature.h>

enum node_op {
    OP_NONE,
    /* numbers */
    OP_CONST, /* value */
    OP_FIELD, /* a: field */
    OP_SLICE, /* a: field of bytes; b: length 1..8; value: offset; big-endian */
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_AND,
    OP_OR,
    OP_XOR,
    OP_SHL, /* b: const node, 0..63 */
    OP_SHR,
    OP_COMPLEMENT,
    OP_BSWAP16, /* of the low 16 bits */
    OP_BSWAP32, /* of the low 32 bits */
    OP_ABSDIFF, /* |a - b| */
    /* truth values */
    OP_EQ,
    OP_LT,
    OP_LE,
    OP_IN,       /* a: number; b: blob of struct range, ascending, apart */
    OP_TRUE,     /* a: field of one bit */
    OP_EQUALS,   /* a: field of bytes; b: blob of bytes */
    OP_STARTS,   /* ... begins with them */
    OP_CONTAINS, /* ... has them somewhere */
    OP_AT,       /* ... has them at offset `value` */
    OP_IN6,      /* a: address field; b: blob of struct range6 */
    OP_ALL,      /* and */
    OP_ANY,      /* or */
    OP_NOT,
};

enum {
    AST_NODES_MAX = 1 << 19,
    EXPRESSION_NODES_MAX = 2048, /* as a tree: what a walk of it costs */
    EXPRESSION_DEPTH_MAX = 64,   /* of parentheses, and of operands held at a time */
};

struct range {
    uint64_t lo, hi; /* both in it */
};

struct range6 {
    struct ip6 lo, hi;
};

struct node {
    uint8_t op;
    uint8_t bits; /* a number is < 2^bits */
    uint8_t cost; /* enum cost, of its dearest part */
    uint8_t hold; /* numbers held at a time to compute it */
    uint32_t a, b;
    uint32_t weight; /* nodes of the expression as a tree */
    uint32_t has;    /* has[] bits without which a number is unknown */
    bool computed;   /* a number with a part that is no plain column */
    uint64_t value;
};

struct blob {
    const void *bytes;
    size_t size;
};

struct arena_block;

/* Memory that is freed all at once. */
struct arena {
    struct arena_block *blocks;
};
void *arena_alloc(struct arena *arena, size_t size); /* zeroed; NULL: out of memory */
char *arena_text(struct arena *arena, const char *text, size_t len);
void arena_fini(struct arena *arena);

struct ast {
    struct node *nodes;
    uint32_t nodes_n, nodes_cap;
    struct blob *blobs;
    uint32_t blobs_n, blobs_cap;
    uint32_t *node_table, *blob_table; /* open addressing; 0: free */
    uint32_t node_table_cap, blob_table_cap;
    struct arena arena;
};

int ast_init(struct ast *ast);
void ast_fini(struct ast *ast);

/* The number of this node, or 0: out of memory or AST_NODES_MAX. Operands must be of the right
 * sort. Constants are folded. */
uint32_t ast_const(struct ast *ast, uint64_t value);
uint32_t ast_field(struct ast *ast, unsigned field);
uint32_t ast_slice(struct ast *ast, unsigned field, unsigned offset, unsigned len);
uint32_t ast_node(struct ast *ast, enum node_op op, uint32_t a, uint32_t b, uint64_t value);
/* The number of these bytes, or 0. */
uint32_t ast_blob(struct ast *ast, const void *bytes, size_t size);

static inline const struct node *ast_at(const struct ast *ast, uint32_t id)
{
    return &ast->nodes[id];
}
static inline const struct blob *ast_blob_at(const struct ast *ast, uint32_t id)
{
    return &ast->blobs[id];
}

/* One operation on two numbers; OP_COMPLEMENT and the byte swaps take a alone. */
uint64_t ast_calculate(enum node_op op, uint64_t a, uint64_t b);

/* The expression as text of the language. Like snprintf. */
size_t ast_print(const struct ast *ast, uint32_t id, char *buf, size_t cap);
