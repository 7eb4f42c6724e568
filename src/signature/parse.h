/* From the text of an expression to nodes: the parser reads tokens, the checker (check.c) knows
 * types and builds nodes as it goes. The first error of an expression ends it. */
#pragma once

#include "ast.h"
#include "lex.h"

enum type {
    TYPE_NONE,     /* after an error */
    TYPE_NUMBER,   /* node */
    TYPE_BIT,      /* node is a number of one bit: a truth value where one is wanted */
    TYPE_TRUTH,    /* node */
    TYPE_BYTES,    /* field */
    TYPE_ADDRESS6, /* field */
    TYPE_EITHER,   /* field and other: `tcp.port` */
    TYPE_STRING,   /* token */
    TYPE_HEX,      /* token: hex digits that are no number */
    TYPE_LITERAL6, /* token: an IPv6 address */
    TYPE_PREFIX,   /* an IPv4 prefix: range */
    TYPE_PREFIX6,  /* an IPv6 prefix: range6 */
};

struct operand {
    enum type type;
    bool literal; /* a number as one token, so that it can also be read as hex bytes */
    uint32_t node;
    unsigned field, other;
    struct range range;
    struct range6 range6;
    struct token token; /* where it begins */
};

struct define {
    const char *name;
    size_t name_len;
    unsigned line;
    struct operand operand;
    const struct define *next;
};

struct diag {
    const char *origin;
    struct signature_errors *errors;
    unsigned count; /* errors reported */
};
void diag_report(struct diag *diag, unsigned line, unsigned column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

struct parser {
    struct ast *ast;
    struct diag *diag;
    const struct define *defines; /* innermost first */
    struct lexer lexer;
    struct token token; /* the next one */
    unsigned depth;
    bool failed;
};

/* An expression from the lexer's text. These stop before a token that cannot continue it. */
void parser_start(struct parser *parser, const char *text, const char *end,
                  const char *line_start, unsigned line);
void parser_advance(struct parser *parser);
bool parser_take(struct parser *parser, const char *text);
struct operand parse_operand(struct parser *parser);
/* Reports "TOKEN: expected WHAT" at this token, once an expression. */
void parser_expected(struct parser *parser, const struct token *token, const char *what);
void parser_error(struct parser *parser, const struct token *token, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Types: each returns an operand of TYPE_NONE after an error, which it has reported. */
struct operand check_word(struct parser *parser, const struct token *token);
struct operand check_calculate(struct parser *parser, enum node_op op,
                               const struct token *token, struct operand a, struct operand b);
/* `op` is the token: == != < <= > >= */
struct operand check_compare(struct parser *parser, const struct token *op, struct operand a,
                             struct operand b);
struct operand check_between(struct parser *parser, struct operand a, struct operand lo,
                             struct operand hi);
struct operand check_in(struct parser *parser, struct operand a, const struct operand *elements,
                        unsigned n);
struct operand check_bytes(struct parser *parser, enum node_op op, struct operand a,
                           uint64_t offset, struct operand bytes);
struct operand check_slice(struct parser *parser, struct operand a, struct operand offset,
                           const struct operand *len);
struct operand check_logic(struct parser *parser, enum node_op op, struct operand a,
                           struct operand b);
struct operand check_not(struct parser *parser, struct operand a);
/* The operand as a truth value or number. */
uint32_t check_truth(struct parser *parser, struct operand a);
uint32_t check_number(struct parser *parser, struct operand a);
/* A whole decimal or 0x number; false when the token is none. */
bool token_number(const struct token *token, uint64_t *ret_value);
/* Hex bytes with an even number of digits. */
bool token_is_hex(const struct token *token);
bool token_ipv4(const struct token *token, uint32_t *ret_address);
bool token_ipv6(const struct token *token, struct ip6 *ret_address);
/* A literal read as bytes for this field; the blob, or 0 after an error, which it has reported.
 */
uint32_t literal_bytes(struct parser *parser, unsigned field, const struct operand *literal);
