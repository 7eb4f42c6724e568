/* The grammar, by recursive descent. From loosest to tightest:
 *
 *      or  ||        and  &&        not  !
 *      == != < <= > >=  in  not in  starts  contains  at      (do not chain)
 *      |    ^    &    << >>    + -    *    ~
 *
 * Unlike in C, arithmetic binds tighter than comparisons: `tcp.flags & 2 == 2` is as read. */
#include "parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fields.h"

enum { SET_MAX = 4096 };

void diag_report(struct diag *diag, unsigned line, unsigned column, const char *format, ...)
{
    char text[ERR_TEXT_CAP];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args); /* a long text is cut */
    va_end(args);
    diag->count++;
    if (diag->errors->n < SIGNATURE_ERRORS_MAX)
        (void)err_set(&diag->errors->items[diag->errors->n++], diag->origin, line, column, "%s",
                      text);
    else
        diag->errors->unseen++;
}

/* The token for a message: 40 bytes of it at most. */
static const char *quoted(const struct token *token, char room[static 64])
{
    if (token->kind == TOK_END)
        return "end of the expression";
    int len = token->len > 40 ? 40 : (int)token->len;
    (void)snprintf(room, 64, "\"%.*s%s\"", len, token->text, token->len > 40 ? "..." : "");
    return room;
}

void parser_error(struct parser *parser, const struct token *token, const char *format, ...)
{
    if (parser->failed)
        return;
    parser->failed = true;
    char text[ERR_TEXT_CAP], room[64];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    diag_report(parser->diag, token->line, token->column, "%s: %s", quoted(token, room), text);
    parser->token.kind = TOK_END; /* whoever is still parsing comes to an end */
    parser->lexer.at = parser->lexer.end;
}

void parser_expected(struct parser *parser, const struct token *token, const char *what)
{
    parser_error(parser, token, "expected %s", what);
}

static const char *why_bad(char c)
{
    switch (c) {
    case '"':
        return "a string without its closing quote";
    case '=':
        return "not an operator; \"==\" compares";
    default:
        return "not a character of the language";
    }
}

void parser_advance(struct parser *parser)
{
    parser->token = lex_next(&parser->lexer);
    if (parser->token.kind == TOK_BAD)
        parser_error(parser, &parser->token, "%s", why_bad(parser->token.text[0]));
}

void parser_start(struct parser *parser, const char *text, const char *end,
                  const char *line_start, unsigned line)
{
    parser->lexer = (struct lexer){text, end, line_start, line};
    parser->depth = 0;
    parser->failed = false;
    parser_advance(parser);
}

bool parser_take(struct parser *parser, const char *text)
{
    if (!token_is(&parser->token, text))
        return false;
    parser_advance(parser);
    return true;
}

static bool parser_need(struct parser *parser, const char *text, const char *what)
{
    if (parser_take(parser, text))
        return true;
    parser_expected(parser, &parser->token, what);
    return false;
}

static struct operand none(void)
{
    return (struct operand){.type = TYPE_NONE};
}

static struct operand parse_sum(struct parser *parser);

/* `field[offset]`, `field[offset:length]` */
static struct operand parse_slice(struct parser *parser, struct operand a)
{
    struct operand offset = parse_sum(parser), len;
    bool ranged = parser_take(parser, ":");
    if (ranged)
        len = parse_sum(parser);
    if (!parser_need(parser, "]", ranged ? "\"]\"" : "\"]\" or \":\""))
        return none();
    return check_slice(parser, a, offset, ranged ? &len : NULL);
}

static struct operand parse_call(struct parser *parser, enum node_op op)
{
    struct token name = parser->token;
    parser_advance(parser);
    if (!parser_need(parser, "(", "\"(\""))
        return none();
    struct operand a = parse_operand(parser), b = none();
    if (op == OP_ABSDIFF) {
        if (!parser_need(parser, ",", "\",\" and a second number"))
            return none();
        b = parse_operand(parser);
    }
    if (!parser_need(parser, ")", "\")\""))
        return none();
    return check_calculate(parser, op, &name, a, b);
}

/* `/24` after an address that is a token of its own. */
static struct operand parse_prefix(struct parser *parser, struct operand address)
{
    struct token token = parser->token;
    uint64_t len;
    unsigned most = address.type == TYPE_LITERAL6 ? 128 : 32;
    if (!token_number(&token, &len) || len > most) {
        parser_expected(parser, &token,
                        most == 32 ? "a prefix length of 0..32" : "a prefix length of 0..128");
        return none();
    }
    parser_advance(parser);
    if (most == 32) {
        uint64_t host = (uint64_t)UINT32_MAX >> len;
        if (address.range.lo & host) {
            parser_error(parser, &address.token, "bits of the host part are set");
            return none();
        }
        address.range.hi = address.range.lo | host;
        address.type = TYPE_PREFIX;
        return address;
    }
    struct ip6 host = {0, 0};
    host.hi = len >= 64 ? 0 : UINT64_MAX >> len;
    host.lo = len >= 128 ? 0 : len > 64 ? UINT64_MAX >> (len - 64) : UINT64_MAX;
    if ((address.range6.lo.hi & host.hi) || (address.range6.lo.lo & host.lo)) {
        parser_error(parser, &address.token, "bits of the host part are set");
        return none();
    }
    address.range6.hi.hi |= host.hi;
    address.range6.hi.lo |= host.lo;
    address.type = TYPE_PREFIX6;
    return address;
}

static struct operand parse_primary(struct parser *parser)
{
    struct token token = parser->token;
    if (token.kind == TOK_STRING) {
        parser_advance(parser);
        return (struct operand){.type = TYPE_STRING, .token = token};
    }
    if (parser_take(parser, "(")) {
        if (++parser->depth > EXPRESSION_DEPTH_MAX) {
            parser_error(parser, &token, "nested more than %d deep", EXPRESSION_DEPTH_MAX);
            return none();
        }
        struct operand inner = parse_operand(parser);
        parser->depth--;
        if (!parser_need(parser, ")", "\")\" or an operator"))
            return none();
        inner.literal = false;
        inner.token = token;
        return inner;
    }
    if (token_is(&token, "bswap16"))
        return parse_call(parser, OP_BSWAP16);
    if (token_is(&token, "bswap32"))
        return parse_call(parser, OP_BSWAP32);
    if (token_is(&token, "absdiff"))
        return parse_call(parser, OP_ABSDIFF);
    if (token.kind != TOK_WORD && token.kind != TOK_IPV6) {
        parser_expected(parser, &token, "a field, a constant or \"(\"");
        return none();
    }
    struct operand word = check_word(parser, &token);
    if (word.type == TYPE_NONE)
        return word;
    parser_advance(parser);
    bool address =
        word.type == TYPE_LITERAL6 || (word.literal && memchr(token.text, '.', token.len));
    if (address && parser_take(parser, "/"))
        return parse_prefix(parser, word);
    if (parser_take(parser, "["))
        return parse_slice(parser, word);
    return word;
}

static struct operand parse_unary(struct parser *parser)
{
    struct token token = parser->token;
    if (!parser_take(parser, "~"))
        return parse_primary(parser);
    if (++parser->depth > EXPRESSION_DEPTH_MAX) {
        parser_error(parser, &token, "nested more than %d deep", EXPRESSION_DEPTH_MAX);
        return none();
    }
    struct operand a = parse_unary(parser);
    parser->depth--;
    return check_calculate(parser, OP_COMPLEMENT, &token, a, none());
}

struct binary {
    const char *text;
    enum node_op op;
};

enum { LEVELS = 6 };
static const struct binary BINARY[LEVELS][3] = {
    {{"|", OP_OR}},
    {{"^", OP_XOR}},
    {{"&", OP_AND}},
    {{"<<", OP_SHL}, {">>", OP_SHR}},
    {{"+", OP_ADD}, {"-", OP_SUB}},
    {{"*", OP_MUL}},
};

static enum node_op binary_op(const struct token *token, unsigned level)
{
    for (const struct binary *binary = BINARY[level]; binary->text; binary++)
        if (token_is(token, binary->text))
            return binary->op;
    return OP_NONE;
}

static struct operand parse_level(struct parser *parser, unsigned level)
{
    if (level == LEVELS)
        return parse_unary(parser);
    struct operand a = parse_level(parser, level + 1);
    for (;;) {
        struct token token = parser->token;
        enum node_op op = binary_op(&token, level);
        if (op == OP_NONE)
            return a;
        parser_advance(parser);
        struct operand b = parse_level(parser, level + 1);
        a = check_calculate(parser, op, &token, a, b);
    }
}

static struct operand parse_sum(struct parser *parser)
{
    return parse_level(parser, 0);
}

/* One of a set: a constant, `lo-hi`, `lo..hi`, or a prefix. */
static struct operand parse_element(struct parser *parser)
{
    struct operand lo = parse_primary(parser);
    if (!token_is(&parser->token, "-") && !token_is(&parser->token, ".."))
        return lo;
    struct token dash = parser->token;
    parser_advance(parser);
    struct operand hi = parse_primary(parser);
    if (parser->failed)
        return none();
    if (!lo.literal || !hi.literal || lo.type != TYPE_NUMBER || hi.type != TYPE_NUMBER) {
        parser_error(parser, &dash, "expected a number on both sides");
        return none();
    }
    lo.range.hi = hi.range.lo;
    lo.literal = false;
    lo.type = TYPE_PREFIX;
    if (lo.range.lo > lo.range.hi)
        parser_error(parser, &hi.token, "the range ends before it begins");
    return lo;
}

static struct operand parse_in(struct parser *parser, struct operand a)
{
    if (!parser_take(parser, "{")) {
        struct operand lo = parse_sum(parser);
        if (lo.type == TYPE_PREFIX || lo.type == TYPE_PREFIX6)
            return check_in(parser, a, &lo, 1);
        if (!parser_need(parser, "..", "\"{\", a prefix or a range \"LO .. HI\""))
            return none();
        return check_between(parser, a, lo, parse_sum(parser));
    }
    struct operand *elements = NULL;
    unsigned n = 0, cap = 0;
    struct operand result = none();
    do {
        if (n == cap) {
            cap = cap ? 2 * cap : 16;
            /* Borrowed from the arena: at most twice the largest set is lost. */
            struct operand *grown = arena_alloc(&parser->ast->arena, cap * sizeof *grown);
            if (!grown) {
                parser_error(parser, &parser->token, "out of memory");
                return none();
            }
            if (n)
                memcpy(grown, elements, n * sizeof *grown);
            elements = grown;
        }
        if (n == SET_MAX)
            parser_error(parser, &parser->token, "more than %d elements", SET_MAX);
        elements[n++] = parse_element(parser);
    } while (!parser->failed && parser_take(parser, ","));
    if (parser_need(parser, "}", "\",\" or \"}\""))
        result = check_in(parser, a, elements, n);
    return result;
}

static struct operand parse_comparison(struct parser *parser)
{
    static const char COMPARE[][3] = {"==", "!=", "<=", ">=", "<", ">"};
    struct operand a = parse_sum(parser);
    struct token token = parser->token;
    for (size_t i = 0; i < sizeof COMPARE / sizeof COMPARE[0]; i++)
        if (parser_take(parser, COMPARE[i]))
            return check_compare(parser, &token, a, parse_sum(parser));
    if (parser_take(parser, "in"))
        return parse_in(parser, a);
    if (parser_take(parser, "not")) {
        if (!parser_need(parser, "in", "\"in\" after \"not\""))
            return none();
        return check_not(parser, parse_in(parser, a));
    }
    if (parser_take(parser, "starts"))
        return check_bytes(parser, OP_STARTS, a, 0, parse_primary(parser));
    if (parser_take(parser, "contains"))
        return check_bytes(parser, OP_CONTAINS, a, 0, parse_primary(parser));
    if (parser_take(parser, "at")) {
        uint64_t offset;
        if (!token_number(&parser->token, &offset) || offset > UINT16_MAX) {
            parser_expected(parser, &parser->token, "an offset of 0..65535");
            return none();
        }
        parser_advance(parser);
        return check_bytes(parser, OP_AT, a, offset, parse_primary(parser));
    }
    return a;
}

static struct operand parse_not(struct parser *parser)
{
    struct token token = parser->token;
    if (!parser_take(parser, "not") && !parser_take(parser, "!"))
        return parse_comparison(parser);
    if (++parser->depth > EXPRESSION_DEPTH_MAX) {
        parser_error(parser, &token, "nested more than %d deep", EXPRESSION_DEPTH_MAX);
        return none();
    }
    struct operand a = parse_not(parser);
    parser->depth--;
    return check_not(parser, a);
}

static struct operand parse_and(struct parser *parser)
{
    struct operand a = parse_not(parser);
    while (parser_take(parser, "and") || parser_take(parser, "&&"))
        a = check_logic(parser, OP_ALL, a, parse_not(parser));
    return a;
}

struct operand parse_operand(struct parser *parser)
{
    struct operand a = parse_and(parser);
    while (parser_take(parser, "or") || parser_take(parser, "||"))
        a = check_logic(parser, OP_ANY, a, parse_and(parser));
    return a;
}
