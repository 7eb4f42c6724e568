/* Types: what may stand where, and the nodes that result. */
#include "parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "fields.h"

static struct operand none(void)
{
    return (struct operand){.type = TYPE_NONE};
}

static const char *type_name(const struct operand *a)
{
    switch (a->type) {
    case TYPE_NUMBER:
        return "a number";
    case TYPE_BIT:
    case TYPE_TRUTH:
        return "a truth value";
    case TYPE_BYTES:
        return "bytes";
    case TYPE_ADDRESS6:
    case TYPE_LITERAL6:
        return "an IPv6 address";
    case TYPE_EITHER:
        return "one of two fields";
    case TYPE_STRING:
        return "a string";
    case TYPE_HEX:
        return "hex bytes";
    case TYPE_PREFIX:
    case TYPE_PREFIX6:
        return "a prefix or range";
    case TYPE_NONE:
        break;
    }
    return "nothing";
}

static void wrong_type(struct parser *parser, const struct operand *a, const char *wanted)
{
    if (a->type != TYPE_NONE)
        parser_error(parser, &a->token, "expected %s, this is %s", wanted, type_name(a));
}

/* A finished node as an operand: the bounds on expressions are held here. */
static struct operand made(struct parser *parser, enum type type, uint32_t node,
                           const struct token *token)
{
    if (node == 0) {
        parser_error(parser, token, "out of memory, or more than %d distinct expressions",
                     AST_NODES_MAX);
        return none();
    }
    const struct node *at = ast_at(parser->ast, node);
    if (at->weight > EXPRESSION_NODES_MAX || at->hold > EXPRESSION_DEPTH_MAX) {
        parser_error(parser, token, "the expression is too large");
        return none();
    }
    return (struct operand){.type = type, .node = node, .token = *token};
}

static struct operand field_operand(struct parser *parser, const struct token *token,
                                    enum field_id a, enum field_id b)
{
    struct operand operand = {.token = *token, .field = a, .other = b};
    if (a != b) {
        operand.type = TYPE_EITHER;
        return operand;
    }
    const struct field *field = &FIELDS[a];
    switch (field->kind) {
    case KIND_BYTES:
        operand.type = TYPE_BYTES;
        return operand;
    case KIND_ADDRESS:
        operand.type = TYPE_ADDRESS6;
        return operand;
    case KIND_PRESENT:
    case KIND_TEST:
        return made(parser, TYPE_TRUTH, ast_node(parser->ast, OP_TRUE, a, 0, 0), token);
    case KIND_COLUMN:
    case KIND_COMPUTED:
        break;
    }
    operand.type = field->bits == 1 ? TYPE_BIT : TYPE_NUMBER;
    operand.node = ast_field(parser->ast, a);
    if (operand.node == 0)
        return made(parser, TYPE_NUMBER, 0, token);
    return operand;
}

static void unknown_name(struct parser *parser, const struct token *token)
{
    struct nearest nearest = nearest_to(token->text, token->len);
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        nearest_offer(&nearest, FIELDS[i].name);
    for (unsigned i = 0; i < FIELD_NAMES_COUNT; i++)
        nearest_offer(&nearest, FIELD_NAMES[i].name);
    char expected[64 + NEAREST_HINT_CAP], hint[NEAREST_HINT_CAP];
    (void)snprintf(expected, sizeof expected, "a field, a defined name or a constant%s",
                   nearest_hint(&nearest, "", hint));
    parser_expected(parser, token, expected);
}

struct operand check_word(struct parser *parser, const struct token *token)
{
    struct operand operand = {.token = *token};
    uint64_t number;
    uint32_t address;
    enum field_id a, b;
    if (token->kind == TOK_IPV6) {
        operand.type = TYPE_LITERAL6;
        if (token_ipv6(token, &operand.range6.lo)) {
            operand.range6.hi = operand.range6.lo;
            return operand;
        }
        parser_expected(parser, token, "an IPv6 address");
        return none();
    }
    for (const struct define *define = parser->defines; define; define = define->next) {
        if (define->name_len == token->len &&
            memcmp(define->name, token->text, token->len) == 0) {
            operand = define->operand;
            bool constant = operand.literal || operand.type == TYPE_STRING ||
                            operand.type == TYPE_HEX || operand.type == TYPE_LITERAL6;
            if (!constant) /* the text of a constant is still needed: it may be hex bytes */
                operand.token = *token;
            return operand;
        }
    }
    if (field_find(token->text, token->len, &a, &b))
        return field_operand(parser, token, a, b);
    if (token_ipv4(token, &address)) {
        number = address;
    } else if (!token_number(token, &number)) {
        operand.type = TYPE_HEX;
        if (token_is_hex(token))
            return operand;
        unknown_name(parser, token);
        return none();
    }
    operand = made(parser, TYPE_NUMBER, ast_const(parser->ast, number), token);
    operand.literal = true;
    operand.range = (struct range){number, number};
    return operand;
}

uint32_t check_number(struct parser *parser, struct operand a)
{
    if (a.type == TYPE_NUMBER || a.type == TYPE_BIT)
        return a.node;
    if (a.type == TYPE_HEX && a.token.text[0] == '0')
        parser_error(parser, &a.token, "expected a number: decimal without a leading 0, or 0x");
    wrong_type(parser, &a, "a number");
    return 0;
}

uint32_t check_truth(struct parser *parser, struct operand a)
{
    if (a.type == TYPE_TRUTH)
        return a.node;
    if (a.type == TYPE_BIT)
        return made(parser, TYPE_TRUTH,
                    ast_node(parser->ast, OP_TRUE, ast_at(parser->ast, a.node)->a, 0, 0),
                    &a.token)
            .node;
    wrong_type(parser, &a, "a comparison or truth value");
    return 0;
}

struct operand check_calculate(struct parser *parser, enum node_op op,
                               const struct token *token, struct operand a, struct operand b)
{
    bool unary = op == OP_COMPLEMENT || op == OP_BSWAP16 || op == OP_BSWAP32;
    uint32_t left = check_number(parser, a), right = unary ? 0 : check_number(parser, b);
    if (parser->failed)
        return none();
    if (op == OP_SHL || op == OP_SHR) {
        const struct node *by = ast_at(parser->ast, right);
        if (by->op != OP_CONST || by->value > 63) {
            parser_error(parser, &b.token, "expected a shift of 0..63 bits");
            return none();
        }
    }
    return made(parser, TYPE_NUMBER, ast_node(parser->ast, op, left, right, 0), token);
}

/* A constant that the other side can never reach makes the comparison pointless. */
static void check_reach(struct parser *parser, const struct node *side, uint64_t constant,
                        const struct token *token)
{
    if (side->bits >= 64 || constant >> side->bits == 0)
        return;
    uint64_t most = ((uint64_t)1 << side->bits) - 1;
    if (side->op == OP_FIELD)
        parser_error(parser, token, "%s has %u bit%s: expected 0..%llu", FIELDS[side->a].name,
                     side->bits, side->bits == 1 ? "" : "s", (unsigned long long)most);
    else
        parser_error(parser, token, "the other side is at most %llu", (unsigned long long)most);
}

static struct operand compare_numbers(struct parser *parser, enum node_op op, bool swap,
                                      bool negate, struct operand a, struct operand b)
{
    uint32_t left = check_number(parser, a), right = check_number(parser, b);
    if (parser->failed)
        return none();
    const struct node *l = ast_at(parser->ast, left), *r = ast_at(parser->ast, right);
    if (l->op == OP_CONST && r->op == OP_CONST)
        parser_error(parser, &a.token, "both sides are constants");
    else if (r->op == OP_CONST)
        check_reach(parser, l, r->value, &b.token);
    else if (l->op == OP_CONST)
        check_reach(parser, r, l->value, &a.token);
    if (parser->failed)
        return none();
    if (op == OP_EQ ? l->op == OP_CONST : swap) {
        uint32_t other = left;
        left = right;
        right = other;
    }
    uint32_t node = ast_node(parser->ast, op, left, right, 0);
    struct operand result = made(parser, TYPE_TRUTH, node, &a.token);
    return negate && !parser->failed ? check_not(parser, result) : result;
}

struct operand check_bytes(struct parser *parser, enum node_op op, struct operand a,
                           uint64_t offset, struct operand bytes)
{
    if (a.type != TYPE_BYTES) {
        wrong_type(parser, &a, "a field of bytes");
        return none();
    }
    uint32_t blob = literal_bytes(parser, a.field, &bytes);
    if (parser->failed)
        return none();
    size_t size = ast_blob_at(parser->ast, blob)->size;
    if (size == 0 && op != OP_EQUALS)
        parser_expected(parser, &bytes.token, "one byte at least");
    else if (size + offset > (a.field == FIELD_PAYLOAD ? 65535U : 40U))
        parser_error(parser, &bytes.token, "%s is never that long", FIELDS[a.field].name);
    if (parser->failed)
        return none();
    if (op == OP_AT && offset == 0)
        op = OP_STARTS;
    return made(parser, TYPE_TRUTH, ast_node(parser->ast, op, a.field, blob, offset), &a.token);
}

struct operand check_compare(struct parser *parser, const struct token *op, struct operand a,
                             struct operand b)
{
    bool equal = token_is(op, "=="), differ = token_is(op, "!=");
    if (parser->failed)
        return none();
    if (b.type == TYPE_EITHER || b.type == TYPE_BYTES || b.type == TYPE_ADDRESS6) {
        if (a.type == TYPE_STRING || a.type == TYPE_HEX || a.type == TYPE_LITERAL6 ||
            a.literal) {
            parser_expected(parser, &b.token,
                            "the field on the left and the constant on the right");
            return none();
        }
    }
    if (a.type == TYPE_EITHER) {
        struct operand first = field_operand(parser, &a.token, a.field, a.field);
        struct operand second = field_operand(parser, &a.token, a.other, a.other);
        if (differ) {
            struct token same = {.kind = TOK_OP, .text = "==", .len = 2};
            return check_not(parser, check_compare(parser, &same, a, b));
        }
        first = check_compare(parser, op, first, b);
        second = check_compare(parser, op, second, b);
        return check_logic(parser, OP_ANY, first, second);
    }
    if (a.type == TYPE_BYTES || a.type == TYPE_ADDRESS6) {
        if (!equal && !differ) {
            parser_error(parser, op, "%s can be compared with == and != only",
                         FIELDS[a.field].name);
            return none();
        }
        struct operand result;
        if (a.type == TYPE_BYTES)
            result = check_bytes(parser, OP_EQUALS, a, 0, b);
        else
            result = check_in(parser, a, &b, 1);
        return differ ? check_not(parser, result) : result;
    }
    bool truths = a.type == TYPE_TRUTH || b.type == TYPE_TRUTH;
    if (truths && b.literal && (equal || differ) && b.range.lo <= 1) {
        struct operand truth = {.type = TYPE_TRUTH, .token = a.token};
        truth.node = check_truth(parser, a);
        return (b.range.lo == 1) == equal ? truth : check_not(parser, truth);
    }
    if (token_is(op, "<"))
        return compare_numbers(parser, OP_LT, false, false, a, b);
    if (token_is(op, "<="))
        return compare_numbers(parser, OP_LE, false, false, a, b);
    if (token_is(op, ">"))
        return compare_numbers(parser, OP_LT, true, false, a, b);
    if (token_is(op, ">="))
        return compare_numbers(parser, OP_LE, true, false, a, b);
    return compare_numbers(parser, OP_EQ, false, differ, a, b);
}

static int range_order(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* Sorts ranges and joins those that touch; the new number. */
static unsigned ranges_join(struct range *ranges, unsigned n)
{
    unsigned out = 0;
    qsort(ranges, n, sizeof *ranges, range_order);
    for (unsigned i = 1; i < n; i++) {
        if (ranges[out].hi == UINT64_MAX || ranges[i].lo <= ranges[out].hi + 1) {
            if (ranges[i].hi > ranges[out].hi)
                ranges[out].hi = ranges[i].hi;
        } else {
            ranges[++out] = ranges[i];
        }
    }
    return out + 1;
}

static struct operand in_addresses(struct parser *parser, struct operand a,
                                   const struct operand *elements, unsigned n)
{
    struct range6 *ranges = arena_alloc(&parser->ast->arena, n * sizeof *ranges);
    for (unsigned i = 0; i < n; i++) {
        if (elements[i].type != TYPE_LITERAL6 && elements[i].type != TYPE_PREFIX6) {
            wrong_type(parser, &elements[i], "an IPv6 address or prefix");
            return none();
        }
        if (ranges)
            ranges[i] = elements[i].range6;
    }
    uint32_t blob = ranges ? ast_blob(parser->ast, ranges, n * sizeof *ranges) : 0;
    uint32_t node = blob ? ast_node(parser->ast, OP_IN6, a.field, blob, 0) : 0;
    return made(parser, TYPE_TRUTH, node, &a.token);
}

struct operand check_in(struct parser *parser, struct operand a, const struct operand *elements,
                        unsigned n)
{
    if (parser->failed)
        return none();
    if (a.type == TYPE_ADDRESS6)
        return in_addresses(parser, a, elements, n);
    if (a.type == TYPE_EITHER) {
        struct operand first = field_operand(parser, &a.token, a.field, a.field);
        struct operand second = field_operand(parser, &a.token, a.other, a.other);
        first = check_in(parser, first, elements, n);
        return check_logic(parser, OP_ANY, first, check_in(parser, second, elements, n));
    }
    uint32_t number = check_number(parser, a);
    if (parser->failed)
        return none();
    const struct node of = *ast_at(parser->ast, number);
    if (of.op == OP_CONST)
        parser_error(parser, &a.token, "both sides are constants");
    struct range *ranges = arena_alloc(&parser->ast->arena, n * sizeof *ranges);
    for (unsigned i = 0; i < n && !parser->failed; i++) {
        const struct operand *element = &elements[i];
        if (element->type != TYPE_PREFIX &&
            !(element->type == TYPE_NUMBER && element->literal)) {
            if (check_number(parser, *element))
                parser_expected(parser, &element->token, "a constant");
            return none();
        }
        check_reach(parser, &of, element->range.hi, &element->token);
        if (ranges)
            ranges[i] = element->range;
    }
    if (parser->failed)
        return none();
    if (!ranges)
        return made(parser, TYPE_TRUTH, 0, &a.token);
    n = ranges_join(ranges, n);
    uint32_t node;
    if (n == 1 && ranges[0].lo == ranges[0].hi) {
        node = ast_node(parser->ast, OP_EQ, number, ast_const(parser->ast, ranges[0].lo), 0);
    } else {
        uint32_t blob = ast_blob(parser->ast, ranges, n * sizeof *ranges);
        node = blob ? ast_node(parser->ast, OP_IN, number, blob, 0) : 0;
    }
    return made(parser, TYPE_TRUTH, node, &a.token);
}

struct operand check_between(struct parser *parser, struct operand a, struct operand lo,
                             struct operand hi)
{
    if (parser->failed)
        return none();
    if (lo.literal && hi.literal) {
        if (lo.range.lo > hi.range.lo) {
            parser_error(parser, &hi.token, "the range ends before it begins");
            return none();
        }
        lo.range.hi = hi.range.lo;
        lo.type = TYPE_PREFIX;
        return check_in(parser, a, &lo, 1);
    }
    struct operand above = compare_numbers(parser, OP_LE, false, false, lo, a);
    struct operand below = compare_numbers(parser, OP_LE, false, false, a, hi);
    return check_logic(parser, OP_ALL, above, below);
}

struct operand check_slice(struct parser *parser, struct operand a, struct operand offset,
                           const struct operand *len)
{
    if (parser->failed)
        return none();
    if (a.type != TYPE_BYTES) {
        wrong_type(parser, &a, "a field of bytes before \"[\"");
        return none();
    }
    unsigned most = a.field == FIELD_PAYLOAD ? 65535 : 40;
    if (!offset.literal || offset.range.lo >= most) {
        parser_error(parser, &offset.token, "expected an offset of 0..%u", most - 1);
        return none();
    }
    if (len && (!len->literal || len->range.lo < 1 || len->range.lo > 8)) {
        parser_expected(parser, &len->token, "a length of 1..8 bytes");
        return none();
    }
    uint32_t node = ast_slice(parser->ast, a.field, (unsigned)offset.range.lo,
                              len ? (unsigned)len->range.lo : 1);
    return made(parser, TYPE_NUMBER, node, &a.token);
}

struct operand check_logic(struct parser *parser, enum node_op op, struct operand a,
                           struct operand b)
{
    if (parser->failed)
        return none();
    uint32_t left = check_truth(parser, a);
    uint32_t right = parser->failed ? 0 : check_truth(parser, b);
    if (parser->failed)
        return none();
    return made(parser, TYPE_TRUTH, ast_node(parser->ast, op, left, right, 0), &a.token);
}

struct operand check_not(struct parser *parser, struct operand a)
{
    if (parser->failed)
        return none();
    uint32_t node = check_truth(parser, a);
    if (parser->failed)
        return none();
    return made(parser, TYPE_TRUTH, ast_node(parser->ast, OP_NOT, node, 0, 0), &a.token);
}
