/* The values of a signature file that are expressions: definitions, what a signature matches,
 * relations between packets, what is distinct, and thresholds. */
#include <string.h>

#include "draft.h"
#include "fields.h"

static void parser_on(struct file_reader *reader, const struct line *line, const char *at)
{
    parser_start(&reader->parser, at, line->end, line->line_start, line->number);
}

/* Nothing may follow. */
static bool parser_ended(struct file_reader *reader)
{
    if (!reader->parser.failed && reader->parser.token.kind != TOK_END)
        parser_expected(&reader->parser, &reader->parser.token, "an operator or the end");
    return !reader->parser.failed;
}

void read_define(struct file_reader *reader, const struct line *line, const char *at)
{
    struct parser *parser = &reader->parser;
    parser_on(reader, line, at);
    struct token name = parser->token;
    enum field_id a, b;
    static const char *const WORDS[] = {
        "and",     "or",      "not",     "in",   "starts",  "contains", "at",
        "bswap16", "bswap32", "absdiff", "dark", "packets", "ports",    "destinations"};
    bool taken = name.kind == TOK_WORD && field_find(name.text, name.len, &a, &b);
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++)
        taken |= token_is(&name, WORDS[i]);
    if (name.kind != TOK_WORD || (name.text[0] >= '0' && name.text[0] <= '9')) {
        parser_expected(parser, &name, "a name");
        return;
    }
    if (taken || token_is_hex(&name)) {
        parser_error(parser, &name, "%s",
                     taken ? "is a word of the language" : "reads as hex bytes");
        return;
    }
    for (const struct define *other = parser->defines; other; other = other->next)
        if (other->name_len == name.len && memcmp(other->name, name.text, name.len) == 0) {
            parser_error(parser, &name, "already defined in line %u", other->line);
            return;
        }
    parser_advance(parser);
    struct operand operand = parse_operand(parser);
    if (!parser_ended(reader))
        return;
    struct define *define = arena_alloc(&reader->set->ast.arena, sizeof *define);
    if (!define) {
        parser_error(parser, &name, "out of memory");
        return;
    }
    *define = (struct define){name.text, name.len, name.line, operand, parser->defines};
    parser->defines = define;
    if (!reader->open)
        reader->file_defines = define;
}

void read_match(struct file_reader *reader, const struct line *line, const char *at)
{
    parser_on(reader, line, at);
    struct operand operand = parse_operand(&reader->parser);
    if (!parser_ended(reader))
        return;
    uint32_t node = check_truth(&reader->parser, operand);
    if (reader->parser.failed)
        return;
    reader->draft.signature.match = node;
    reader->set->weight += ast_at(&reader->set->ast, node)->weight;
    if (reader->set->weight > SET_NODES_MAX)
        parser_error(&reader->parser, &operand.token, "the signatures together are too large");
}

void read_relation(struct file_reader *reader, const struct line *line, const char *at,
                   enum relation relation)
{
    struct signature *signature = &reader->draft.signature;
    parser_on(reader, line, at);
    struct token first = reader->parser.token;
    struct operand operand = parse_operand(&reader->parser);
    if (!parser_ended(reader))
        return;
    uint32_t node = check_number(&reader->parser, operand);
    if (reader->parser.failed)
        return;
    if (ast_at(&reader->set->ast, node)->op == OP_CONST) {
        parser_error(&reader->parser, &first, "the same for every packet");
        return;
    }
    if (signature->relation != RELATION_NONE)
        parser_error(&reader->parser, &first, "a signature has one relation at most");
    signature->relation = relation;
    signature->value = node;
}

static bool tuple_part(struct file_reader *reader, struct part *ret_part)
{
    struct parser *parser = &reader->parser;
    if (parser_take(parser, "ports")) {
        *ret_part = (struct part){PART_PORT, 0};
        return true;
    }
    if (parser_take(parser, "destinations")) {
        *ret_part = (struct part){PART_DESTINATION, 0};
        return true;
    }
    /* The comparison after the tuple is not part of it: an operand of higher precedence. */
    struct token token = parser->token;
    struct operand operand = {.type = TYPE_NONE};
    if (token.kind == TOK_WORD) {
        operand = check_word(parser, &token);
        parser_advance(parser);
    } else {
        parser_expected(parser, &token, "a field, \"ports\" or \"destinations\"");
    }
    if (parser->failed)
        return false;
    if (operand.type == TYPE_BYTES)
        *ret_part = (struct part){PART_BYTES, operand.field};
    else if (operand.type == TYPE_ADDRESS6)
        *ret_part = (struct part){PART_ADDRESS, operand.field};
    else
        *ret_part = (struct part){PART_NUMBER, check_number(parser, operand)};
    return !parser->failed;
}

static bool read_tuple(struct file_reader *reader, struct tuple *ret_tuple)
{
    struct parser *parser = &reader->parser;
    bool several = parser_take(parser, "(");
    *ret_tuple = (struct tuple){.n = 0};
    do {
        if (ret_tuple->n == TUPLE_MAX) {
            parser_error(parser, &parser->token, "more than %d parts", TUPLE_MAX);
            return false;
        }
        if (!tuple_part(reader, &ret_tuple->parts[ret_tuple->n++]))
            return false;
    } while (several && parser_take(parser, ","));
    if (several && !parser_take(parser, ")")) {
        parser_expected(parser, &parser->token, "\",\" or \")\"");
        return false;
    }
    return !parser->failed;
}

/* `> 10`, `>= 1.0 * dark in 1d` */
static void read_threshold(struct file_reader *reader, struct threshold threshold)
{
    struct parser *parser = &reader->parser;
    struct signature *signature = &reader->draft.signature;
    char text[32] = "";
    threshold.strict = token_is(&parser->token, ">");
    if (!parser_take(parser, ">") && !parser_take(parser, ">=")) {
        parser_expected(parser, &parser->token, "\">\" or \">=\"");
        return;
    }
    struct token number = parser->token;
    if (number.kind == TOK_WORD && number.len < sizeof text)
        memcpy(text, number.text, number.len);
    if (!text_real(text, &threshold.value) || threshold.value > 1e15) {
        parser_expected(parser, &number, "a number");
        return;
    }
    parser_advance(parser);
    if (parser_take(parser, "*")) {
        threshold.per_dark = true;
        if (!parser_take(parser, "dark")) {
            parser_expected(parser, &parser->token, "\"dark\", the size of the dark space");
            return;
        }
    }
    if (parser_take(parser, "in")) {
        threshold.span_s = token_span(&parser->token);
        if (threshold.span_s == 0) {
            parser_expected(parser, &parser->token, "a span such as 1d, 6h, 15m or 30s");
            return;
        }
        parser_advance(parser);
    }
    if (!parser_ended(reader))
        return;
    if (signature->thresholds_n == THRESHOLDS_MAX) {
        parser_error(parser, &number, "more than %d thresholds", THRESHOLDS_MAX);
        return;
    }
    reader->draft.thresholds[signature->thresholds_n++] = threshold;
}

void read_distinct(struct file_reader *reader, const struct line *line, const char *at)
{
    struct parser *parser = &reader->parser;
    struct tuple tuple;
    parser_on(reader, line, at);
    struct token first = parser->token;
    if (!read_tuple(reader, &tuple))
        return;
    int number = tuple_intern(reader->set, &tuple);
    if (number < 0) {
        parser_error(parser, &first, "out of memory");
        return;
    }
    if (parser->token.kind != TOK_END) {
        read_threshold(
            reader, (struct threshold){.kind = THRESHOLD_DISTINCT, .tuple = (uint32_t)number});
        return;
    }
    if (reader->draft.signature.probe)
        parser_error(parser, &first, "what is distinct was already said");
    reader->draft.signature.probe = (uint32_t)number;
}

void read_packets(struct file_reader *reader, const struct line *line, const char *at)
{
    parser_on(reader, line, at);
    read_threshold(reader, (struct threshold){.kind = THRESHOLD_PACKETS});
}
