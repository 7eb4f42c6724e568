/* The graph of expressions: memory, hash-consing, and what is known of a node from its parts.
 */
#include "ast.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "fields.h"

struct arena_block {
    struct arena_block *next;
    size_t used, cap;
    _Alignas(16) uint8_t bytes[];
};

enum { POOL_BLOCK = 1 << 14 };

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t need = (size + 15) & ~(size_t)15;
    struct arena_block *block = arena->blocks;
    if (!block || block->cap - block->used < need) {
        size_t cap = need > POOL_BLOCK ? need : POOL_BLOCK;
        block = calloc(1, sizeof *block + cap);
        if (!block)
            return NULL;
        block->cap = cap;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    void *at = block->bytes + block->used;
    block->used += need;
    return at;
}

char *arena_text(struct arena *arena, const char *text, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);
    if (copy && len)
        memcpy(copy, text, len);
    return copy;
}

void arena_fini(struct arena *arena)
{
    for (struct arena_block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    arena->blocks = NULL;
}

int ast_init(struct ast *ast)
{
    *ast = (struct ast){.nodes_n = 1, .nodes_cap = 256, .blobs_n = 1, .blobs_cap = 64};
    ast->node_table_cap = 1024;
    ast->blob_table_cap = 256;
    ast->nodes = calloc(ast->nodes_cap, sizeof *ast->nodes);
    ast->blobs = calloc(ast->blobs_cap, sizeof *ast->blobs);
    ast->node_table = calloc(ast->node_table_cap, sizeof *ast->node_table);
    ast->blob_table = calloc(ast->blob_table_cap, sizeof *ast->blob_table);
    return ast->nodes && ast->blobs && ast->node_table && ast->blob_table ? 0 : -1;
}

void ast_fini(struct ast *ast)
{
    free(ast->nodes);
    free(ast->blobs);
    free(ast->node_table);
    free(ast->blob_table);
    arena_fini(&ast->arena);
}

static uint64_t node_hash(const struct node *node)
{
    uint64_t operands = (uint64_t)node->a << 32 | node->b;
    return hash_u64(hash_u64(operands, HASH_FIXED) ^ node->value ^ (uint64_t)node->op << 56,
                    HASH_FIXED);
}

static uint64_t blob_hash(const struct blob *blob)
{
    const uint8_t *bytes = blob->bytes;
    uint64_t hash = blob->size;
    for (size_t i = 0; i < blob->size; i++)
        hash = hash_mix(hash ^ bytes[i], 0x9e3779b97f4a7c15U) + i;
    return hash_u64(hash, HASH_FIXED);
}

/* Doubles a table of numbers of nodes or blobs. */
static int table_grow(uint32_t **table, uint32_t *cap, const struct ast *ast, bool of_nodes)
{
    uint32_t new_cap = *cap * 2;
    uint32_t *grown = calloc(new_cap, sizeof *grown);
    if (!grown)
        return -1;
    uint32_t n = of_nodes ? ast->nodes_n : ast->blobs_n;
    for (uint32_t id = 1; id < n; id++) {
        uint64_t hash = of_nodes ? node_hash(&ast->nodes[id]) : blob_hash(&ast->blobs[id]);
        uint32_t slot = (uint32_t)hash & (new_cap - 1);
        while (grown[slot])
            slot = (slot + 1) & (new_cap - 1);
        grown[slot] = id;
    }
    free(*table);
    *table = grown;
    *cap = new_cap;
    return 0;
}

static bool same_node(const struct node *a, const struct node *b)
{
    return a->op == b->op && a->a == b->a && a->b == b->b && a->value == b->value;
}

static uint32_t node_intern(struct ast *ast, const struct node *node)
{
    uint32_t slot = (uint32_t)node_hash(node) & (ast->node_table_cap - 1);
    for (; ast->node_table[slot]; slot = (slot + 1) & (ast->node_table_cap - 1))
        if (same_node(&ast->nodes[ast->node_table[slot]], node))
            return ast->node_table[slot];
    if (ast->nodes_n >= AST_NODES_MAX)
        return 0;
    if (ast->nodes_n == ast->nodes_cap) {
        struct node *grown = realloc(ast->nodes, 2U * ast->nodes_cap * sizeof *grown);
        if (!grown)
            return 0;
        ast->nodes = grown;
        ast->nodes_cap *= 2;
    }
    ast->nodes[ast->nodes_n] = *node;
    ast->node_table[slot] = ast->nodes_n++;
    uint32_t id = ast->nodes_n - 1;
    if (ast->nodes_n * 2 > ast->node_table_cap &&
        table_grow(&ast->node_table, &ast->node_table_cap, ast, true) < 0)
        return 0;
    return id;
}

uint32_t ast_blob(struct ast *ast, const void *bytes, size_t size)
{
    struct blob blob = {bytes, size};
    uint32_t slot = (uint32_t)blob_hash(&blob) & (ast->blob_table_cap - 1);
    for (; ast->blob_table[slot]; slot = (slot + 1) & (ast->blob_table_cap - 1)) {
        const struct blob *have = &ast->blobs[ast->blob_table[slot]];
        if (have->size == size && (size == 0 || memcmp(have->bytes, bytes, size) == 0))
            return ast->blob_table[slot];
    }
    if (ast->blobs_n == ast->blobs_cap) {
        struct blob *grown = realloc(ast->blobs, 2U * ast->blobs_cap * sizeof *grown);
        if (!grown)
            return 0;
        ast->blobs = grown;
        ast->blobs_cap *= 2;
    }
    blob.bytes = arena_text(&ast->arena, bytes, size);
    if (!blob.bytes)
        return 0;
    uint32_t id = ast->blobs_n++;
    ast->blobs[id] = blob;
    ast->blob_table[slot] = id;
    if (ast->blobs_n * 2 > ast->blob_table_cap &&
        table_grow(&ast->blob_table, &ast->blob_table_cap, ast, false) < 0)
        return 0;
    return id;
}

uint64_t ast_calculate(enum node_op op, uint64_t a, uint64_t b)
{
    switch ((unsigned)op) {
    case OP_ADD:
        return a + b;
    case OP_SUB:
        return a - b;
    case OP_MUL:
        return a * b;
    case OP_AND:
        return a & b;
    case OP_OR:
        return a | b;
    case OP_XOR:
        return a ^ b;
    case OP_SHL:
        return a << (b & 63);
    case OP_SHR:
        return a >> (b & 63);
    case OP_COMPLEMENT:
        return ~a;
    case OP_BSWAP16:
        return __builtin_bswap16((uint16_t)a);
    case OP_BSWAP32:
        return __builtin_bswap32((uint32_t)a);
    default: /* OP_ABSDIFF */
        return a > b ? a - b : b - a;
    }
}

static unsigned bits_of(uint64_t value)
{
    return value ? 64U - (unsigned)__builtin_clzll(value) : 0;
}

static unsigned min_u(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned max_u(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

/* Bits that a result can have. */
static unsigned result_bits(enum node_op op, const struct node *a, const struct node *b)
{
    switch ((unsigned)op) {
    case OP_ADD:
        return min_u(64, max_u(a->bits, b->bits) + 1U);
    case OP_MUL:
        return min_u(64, (unsigned)a->bits + b->bits);
    case OP_AND:
        return min_u(a->bits, b->bits);
    case OP_OR:
    case OP_XOR:
    case OP_ABSDIFF:
        return max_u(a->bits, b->bits);
    case OP_SHL:
        return min_u(64, a->bits + (unsigned)b->value);
    case OP_SHR:
        return a->bits > b->value ? a->bits - (unsigned)b->value : 0;
    case OP_BSWAP16:
        return 16;
    case OP_BSWAP32:
        return 32;
    default:
        return 64;
    }
}

uint32_t ast_const(struct ast *ast, uint64_t value)
{
    struct node node = {.op = OP_CONST, .hold = 1, .weight = 1, .value = value};
    node.bits = (uint8_t)bits_of(value);
    return node_intern(ast, &node);
}

uint32_t ast_field(struct ast *ast, unsigned field)
{
    const struct field *of = &FIELDS[field];
    struct node node = {.op = OP_FIELD, .hold = 1, .weight = 1, .a = field};
    node.bits = of->bits;
    node.cost = (uint8_t)of->cost;
    node.has = of->kind == KIND_PRESENT ? 0 : of->has;
    node.computed = of->kind != KIND_COLUMN;
    return node_intern(ast, &node);
}

uint32_t ast_slice(struct ast *ast, unsigned field, unsigned offset, unsigned len)
{
    struct node node = {.op = OP_SLICE, .hold = 1, .weight = 1, .a = field, .b = len};
    node.value = offset;
    node.bits = (uint8_t)(8 * len);
    node.cost = (uint8_t)FIELDS[field].cost;
    node.has = FIELDS[field].has;
    node.computed = true;
    return node_intern(ast, &node);
}

/* What a node inherits from the nodes below it. */
static void inherit(struct node *node, const struct node *child)
{
    node->cost = (uint8_t)max_u(node->cost, child->cost);
    node->has |= child->has;
    node->computed |= child->computed;
    node->weight += child->weight;
}

uint32_t ast_node(struct ast *ast, enum node_op op, uint32_t a, uint32_t b, uint64_t value)
{
    struct node node = {.op = (uint8_t)op, .a = a, .b = b, .value = value};
    node.weight = node.hold = 1;
    switch (op) {
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_AND:
    case OP_OR:
    case OP_XOR:
    case OP_SHL:
    case OP_SHR:
    case OP_ABSDIFF:
    case OP_COMPLEMENT:
    case OP_BSWAP16:
    case OP_BSWAP32: {
        struct node first = *ast_at(ast, a), second = *ast_at(ast, b ? b : a);
        if (first.op == OP_CONST && second.op == OP_CONST)
            return ast_const(ast, ast_calculate(op, first.value, second.value));
        node.bits = (uint8_t)result_bits(op, &first, &second);
        inherit(&node, &first);
        if (b)
            inherit(&node, &second);
        node.hold = (uint8_t)min_u(255, max_u(first.hold, b ? second.hold + 1U : 0));
        break;
    }
    case OP_EQ:
    case OP_LT:
    case OP_LE:
        inherit(&node, ast_at(ast, a));
        inherit(&node, ast_at(ast, b));
        node.hold = (uint8_t)min_u(255, max_u(ast_at(ast, a)->hold, ast_at(ast, b)->hold + 1U));
        break;
    case OP_IN:
    case OP_NOT:
        inherit(&node, ast_at(ast, a));
        node.hold = ast_at(ast, a)->hold;
        break;
    case OP_ALL:
    case OP_ANY:
        inherit(&node, ast_at(ast, a));
        inherit(&node, ast_at(ast, b));
        node.hold = (uint8_t)max_u(ast_at(ast, a)->hold, ast_at(ast, b)->hold);
        break;
    case OP_TRUE:
    case OP_EQUALS:
    case OP_STARTS:
    case OP_CONTAINS:
    case OP_AT:
    case OP_IN6:
        node.cost = (uint8_t)FIELDS[a].cost;
        break;
    case OP_NONE:
    case OP_CONST:
    case OP_FIELD:
    case OP_SLICE:
        return 0;
    }
    return node_intern(ast, &node);
}
