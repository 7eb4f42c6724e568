/* An expression as text that parses to the same expression. Every operation is in parentheses
 * but for runs of `and` and `or`: the text is for comparing, and for analysts' eyes. */
#include "ast.h"

#include <stdio.h>
#include <string.h>

#include "fields.h"

struct text {
    char *buf;
    size_t cap, len;
};

static void put(struct text *text, const char *more)
{
    for (; *more; more++, text->len++)
        if (text->len + 1 < text->cap)
            text->buf[text->len] = *more;
}

static void put_number(struct text *text, const char *format, unsigned long long number)
{
    char digits[32];
    (void)snprintf(digits, sizeof digits, format, number);
    put(text, digits);
}

static void put_constant(struct text *text, uint64_t value, bool address)
{
    if (address && value <= UINT32_MAX) {
        for (unsigned i = 0; i < 4; i++)
            put_number(text, i < 3 ? "%llu." : "%llu", (value >> (24 - 8 * i)) & 0xff);
        return;
    }
    put_number(text, "%llu", value);
}

static void put_bytes(struct text *text, const struct blob *blob)
{
    const uint8_t *bytes = blob->bytes;
    put(text, "\"");
    for (size_t i = 0; i < blob->size; i++) {
        char plain[2] = {(char)bytes[i], '\0'};
        if (bytes[i] < 0x20 || bytes[i] >= 0x7f || bytes[i] == '"' || bytes[i] == '\\')
            put_number(text, "\\x%02llx", bytes[i]);
        else
            put(text, plain);
    }
    put(text, "\"");
}

static void put_hex(struct text *text, const struct blob *blob)
{
    const uint8_t *bytes = blob->bytes;
    if (blob->size == 0)
        put(text, "\"\"");
    for (size_t i = 0; i < blob->size; i++)
        put_number(text, "%02llx", bytes[i]);
}

static void put_kinds(struct text *text, const struct blob *blob)
{
    const uint8_t *bytes = blob->bytes;
    for (size_t i = 0; i < blob->size; i++)
        if (!tcp_kind_name(bytes[i])) {
            put_hex(text, blob);
            return;
        }
    put(text, "\"");
    for (size_t i = 0; i < blob->size; i++) {
        put(text, i ? "," : "");
        put(text, tcp_kind_name(bytes[i]));
    }
    put(text, "\"");
}

static bool is_address(const struct ast *ast, uint32_t id)
{
    const struct node *node = ast_at(ast, id);
    if (node->op != OP_FIELD)
        return false;
    return node->a == FIELD_IP_SRC || node->a == FIELD_IP_DST || node->a == FIELD_INNER_SRC ||
           node->a == FIELD_INNER_DST;
}

static void put_set(struct text *text, const struct blob *blob, bool address)
{
    const struct range *ranges = blob->bytes;
    put(text, "{");
    for (size_t i = 0; i < blob->size / sizeof *ranges; i++) {
        put(text, i ? ", " : "");
        put_constant(text, ranges[i].lo, address);
        if (ranges[i].hi != ranges[i].lo) {
            put(text, "-");
            put_constant(text, ranges[i].hi, address);
        }
    }
    put(text, "}");
}

static void put_address6(struct text *text, struct ip6 address)
{
    for (unsigned i = 0; i < 8; i++) {
        uint64_t half = i < 4 ? address.hi : address.lo;
        put_number(text, i < 7 ? "%llx:" : "%llx", (half >> (48 - 16 * (i % 4))) & 0xffff);
    }
}

static void put_set6(struct text *text, const struct blob *blob)
{
    const struct range6 *ranges = blob->bytes;
    put(text, "{");
    for (size_t i = 0; i < blob->size / sizeof *ranges; i++) {
        uint64_t hi = ranges[i].lo.hi ^ ranges[i].hi.hi, lo = ranges[i].lo.lo ^ ranges[i].hi.lo;
        put(text, i ? ", " : "");
        put_address6(text, ranges[i].lo);
        put_number(text, "/%llu",
                   128U - (unsigned)__builtin_popcountll(hi) -
                       (unsigned)__builtin_popcountll(lo));
    }
    put(text, "}");
}

static void put_node(struct text *text, const struct ast *ast, uint32_t id);

static void put_infix(struct text *text, const struct ast *ast, const struct node *node,
                      const char *op)
{
    put(text, "(");
    put_node(text, ast, node->a);
    put(text, op);
    put_node(text, ast, node->b);
    put(text, ")");
}

static void put_call(struct text *text, const struct ast *ast, const struct node *node,
                     const char *name)
{
    put(text, name);
    put(text, "(");
    put_node(text, ast, node->a);
    if (node->b) {
        put(text, ", ");
        put_node(text, ast, node->b);
    }
    put(text, ")");
}

/* A comparison; the constant stands on the right. */
static void put_compare(struct text *text, const struct ast *ast, const struct node *node,
                        const char *op, const char *turned)
{
    bool turn = ast_at(ast, node->a)->op == OP_CONST;
    uint32_t left = turn ? node->b : node->a, right = turn ? node->a : node->b;
    put_node(text, ast, left);
    put(text, turn ? turned : op);
    if (ast_at(ast, right)->op == OP_CONST)
        put_constant(text, ast_at(ast, right)->value, is_address(ast, left));
    else
        put_node(text, ast, right);
}

static void put_bytes_test(struct text *text, const struct ast *ast, const struct node *node,
                           const char *op)
{
    const struct blob *blob = ast_blob_at(ast, node->b);
    put(text, FIELDS[node->a].name);
    put(text, op);
    if (node->op == OP_AT)
        put_number(text, "%llu ", node->value);
    if (node->a == FIELD_TCP_KINDS)
        put_kinds(text, blob);
    else if (node->a == FIELD_TCP_OPTIONS)
        put_hex(text, blob);
    else
        put_bytes(text, blob);
}

/* One side of and, or: the same operation again needs no parentheses. */
static void put_side(struct text *text, const struct ast *ast, uint32_t id, bool bare)
{
    enum node_op op = (enum node_op)ast_at(ast, id)->op;
    bool wrap = (op == OP_ALL || op == OP_ANY) && !bare;
    put(text, wrap ? "(" : "");
    put_node(text, ast, id);
    put(text, wrap ? ")" : "");
}

static void put_number_node(struct text *text, const struct ast *ast, const struct node *node)
{
    static const char *const INFIX[] = {
        [OP_ADD] = " + ", [OP_SUB] = " - ", [OP_MUL] = " * ",  [OP_AND] = " & ",
        [OP_OR] = " | ",  [OP_XOR] = " ^ ", [OP_SHL] = " << ", [OP_SHR] = " >> ",
    };
    switch ((unsigned)node->op) {
    case OP_CONST:
        put_constant(text, node->value, false);
        return;
    case OP_FIELD:
        put(text, FIELDS[node->a].name);
        return;
    case OP_SLICE:
        put(text, FIELDS[node->a].name);
        put_number(text, "[%llu:", node->value);
        put_number(text, "%llu]", node->b);
        return;
    case OP_COMPLEMENT:
        put(text, "~");
        put_node(text, ast, node->a);
        return;
    case OP_BSWAP16:
        put_call(text, ast, node, "bswap16");
        return;
    case OP_BSWAP32:
        put_call(text, ast, node, "bswap32");
        return;
    case OP_ABSDIFF:
        put_call(text, ast, node, "absdiff");
        return;
    default:
        put_infix(text, ast, node, INFIX[node->op]);
    }
}

static void put_node(struct text *text, const struct ast *ast, uint32_t id)
{
    const struct node *node = ast_at(ast, id);
    switch ((unsigned)node->op) {
    case OP_EQ:
        put_compare(text, ast, node, " == ", " == ");
        return;
    case OP_LT:
        put_compare(text, ast, node, " < ", " > ");
        return;
    case OP_LE:
        put_compare(text, ast, node, " <= ", " >= ");
        return;
    case OP_IN:
        put_node(text, ast, node->a);
        put(text, " in ");
        put_set(text, ast_blob_at(ast, node->b), is_address(ast, node->a));
        return;
    case OP_TRUE:
        put(text, FIELDS[node->a].name);
        return;
    case OP_EQUALS:
        put_bytes_test(text, ast, node, " == ");
        return;
    case OP_STARTS:
        put_bytes_test(text, ast, node, " starts ");
        return;
    case OP_CONTAINS:
        put_bytes_test(text, ast, node, " contains ");
        return;
    case OP_AT:
        put_bytes_test(text, ast, node, " at ");
        return;
    case OP_IN6:
        put(text, FIELDS[node->a].name);
        put(text, " in ");
        put_set6(text, ast_blob_at(ast, node->b));
        return;
    case OP_ALL:
    case OP_ANY:
        put_side(text, ast, node->a, ast_at(ast, node->a)->op == node->op);
        put(text, node->op == OP_ALL ? " and " : " or ");
        put_side(text, ast, node->b, false);
        return;
    case OP_NOT:
        put(text, "not ");
        put_side(text, ast, node->a, false);
        return;
    default:
        put_number_node(text, ast, node);
    }
}

size_t ast_print(const struct ast *ast, uint32_t id, char *buf, size_t cap)
{
    struct text text = {buf, cap, 0};
    put_node(&text, ast, id);
    if (cap)
        buf[text.len < cap ? text.len : cap - 1] = '\0';
    return text.len;
}
