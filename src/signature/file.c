/* The keys of a signature file: `signature NAME`, `define NAME EXPR`, and what stands below a
 * signature. An error ends its line; the next line is read all the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "file.h"

enum { LIST_MAX = 64, THRESHOLDS_MAX = 8 };

/* A signature while its lines are read. */
struct draft {
    struct signature signature;
    unsigned seen; /* 1 << key */
    unsigned errors_before;
    bool valid_name;
    struct threshold thresholds[THRESHOLDS_MAX];
    const char *references[LIST_MAX], *examples[LIST_MAX], *nears[LIST_MAX];
};

struct reader {
    struct signature_set *set;
    struct parser parser;
    struct diag diag;
    const struct define *file_defines;
    struct draft draft;
    bool open; /* a signature is being read */
};

enum key {
    KEY_TITLE,
    KEY_LABEL,
    KEY_ORIGIN,
    KEY_MATCH,
    KEY_CONSTANT,
    KEY_INCREASING,
    KEY_CHANCE,
    KEY_SINCE,
    KEY_UNTIL,
    KEY_DISTINCT, /* from here on, once is not the limit */
    KEY_PACKETS,
    KEY_REFERENCE,
    KEY_EXAMPLE,
    KEY_NEAR,
    KEY_DEFINE,
    KEY_COUNT_,
};
static const char *const KEYS[KEY_COUNT_] = {
    "title", "label",    "origin",  "match",     "constant", "increasing", "chance", "since",
    "until", "distinct", "packets", "reference", "example",  "near",       "define",
};

static const char *const ORIGIN_NAMES[] = {
#define X(id, name) #name,
    ORIGINS(X)
#undef X
};

const char *origin_name(enum origin origin)
{
    return ORIGIN_NAMES[origin];
}

/* Position of a character of a line: its number and column. */
static void report_at(struct reader *reader, const struct line *line, const char *at,
                      const char *what)
{
    unsigned number = line->number;
    const char *start = line->line_start;
    for (const char *c = line->text; c < at; c++)
        if (*c == '\n') {
            number++;
            start = c + 1;
        }
    diag_report(&reader->diag, number, (unsigned)(at - start) + 1, "%s", what);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The words of a value with one space between them; `#` after a space starts a comment. NULL
 * after an error. */
static const char *text_value(struct reader *reader, const struct line *line, const char *at)
{
    size_t len = 0, cap = (size_t)(line->end - at) + 1;
    char *out = arena_alloc(&reader->set->ast.arena, cap);
    if (!out) {
        report_at(reader, line, at, "out of memory");
        return NULL;
    }
    for (const char *c = at; c < line->end; c++) {
        if (*c == '#' && (c == at || is_blank(c[-1]))) {
            while (c < line->end && *c != '\n')
                c++;
            continue;
        }
        if (is_blank(*c)) {
            if (len && out[len - 1] != ' ')
                out[len++] = ' ';
        } else {
            out[len++] = *c;
        }
    }
    while (len && out[len - 1] == ' ')
        len--;
    out[len] = '\0';
    if (len == 0) {
        report_at(reader, line, line->text, "a key without a value");
        return NULL;
    }
    if (text_bad_utf8((const uint8_t *)out, len) < len) {
        report_at(reader, line, at, "expected UTF-8 text without control characters");
        return NULL;
    }
    return out;
}

static void parser_on(struct reader *reader, const struct line *line, const char *at)
{
    parser_start(&reader->parser, at, line->end, line->line_start, line->number);
}

/* Nothing may follow. */
static bool parser_ended(struct reader *reader)
{
    if (!reader->parser.failed && reader->parser.token.kind != TOK_END)
        parser_expected(&reader->parser, &reader->parser.token, "an operator or the end");
    return !reader->parser.failed;
}

static void read_define(struct reader *reader, const struct line *line, const char *at)
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

static void read_match(struct reader *reader, const struct line *line, const char *at)
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

static void read_relation(struct reader *reader, const struct line *line, const char *at,
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

static bool tuple_part(struct reader *reader, struct part *ret_part)
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

static bool read_tuple(struct reader *reader, struct tuple *ret_tuple)
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
static void read_threshold(struct reader *reader, struct threshold threshold)
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

/* `distinct (a, b)` says what a new probe is; with a comparison it is a threshold. */
static void read_distinct(struct reader *reader, const struct line *line, const char *at)
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

static void read_chance(struct reader *reader, const struct line *line, const char *at,
                        const char *text)
{
    double chance;
    if (text_real(text, &chance) && chance > 0 && chance <= 1) {
        reader->draft.signature.chance = chance;
        return;
    }
    char message[160];
    (void)snprintf(message, sizeof message,
                   "\"%.60s\": expected a chance in (0,1] such as 2^-32, 1e-9 or 0.5", text);
    report_at(reader, line, at, message);
}

static void read_origin(struct reader *reader, const struct line *line, const char *at,
                        const char *text)
{
    for (unsigned i = 0; i < ORIGIN_COUNT_; i++) {
        if (strcmp(text, ORIGIN_NAMES[i]) == 0) {
            reader->draft.signature.origin = (enum origin)i;
            return;
        }
    }
    char message[200];
    (void)snprintf(
        message, sizeof message,
        "\"%.60s\": expected iot, tool, research, worm, amplification or backscatter", text);
    report_at(reader, line, at, message);
}

static void list_add(struct reader *reader, const struct line *line, const char **list,
                     unsigned *n, const char *text)
{
    if (*n == LIST_MAX)
        report_at(reader, line, line->text, "more than 64 of a kind");
    else
        list[(*n)++] = text;
}

static void read_text(struct reader *reader, const struct line *line, enum key key,
                      const char *at)
{
    struct signature *signature = &reader->draft.signature;
    const char *text = text_value(reader, line, at);
    if (!text)
        return;
    if (key == KEY_TITLE) {
        signature->title = text;
    } else if (key == KEY_LABEL) {
        signature->label = text;
        if (!text_is_name(text, strlen(text)))
            report_at(reader, line, at, "expected a label of a-z, 0-9, \"-\", \".\" and \"_\"");
    } else if (key == KEY_ORIGIN) {
        read_origin(reader, line, at, text);
    } else if (key == KEY_CHANCE) {
        read_chance(reader, line, at, text);
    } else if (key == KEY_SINCE || key == KEY_UNTIL) {
        *(key == KEY_SINCE ? &signature->since : &signature->until) = text;
        if (!text_is_date(text))
            report_at(reader, line, at, "expected a date such as 2016, 2016-08 or 2016-08-31");
    } else if (key == KEY_REFERENCE) {
        list_add(reader, line, reader->draft.references, &signature->references_n, text);
    } else if (key == KEY_EXAMPLE) {
        list_add(reader, line, reader->draft.examples, &signature->examples_n, text);
    } else {
        list_add(reader, line, reader->draft.nears, &signature->nears_n, text);
    }
}

static void read_key(struct reader *reader, const struct line *line, const char *word,
                     size_t len, const char *value)
{
    unsigned key = 0;
    while (key < KEY_COUNT_ && (strlen(KEYS[key]) != len || memcmp(KEYS[key], word, len) != 0))
        key++;
    if (key == KEY_COUNT_) {
        char message[200];
        (void)snprintf(message, sizeof message,
                       "\"%.*s\": expected a key of a signature, such as match or title",
                       len > 40 ? 40 : (int)len, word);
        report_at(reader, line, word, message);
        return;
    }
    if (key < KEY_DISTINCT && reader->draft.seen & 1U << key) {
        char message[64];
        (void)snprintf(message, sizeof message, "\"%s\" is there twice", KEYS[key]);
        report_at(reader, line, word, message);
        return;
    }
    reader->draft.seen |= 1U << key;
    switch ((enum key)key) {
    case KEY_MATCH:
        read_match(reader, line, value);
        return;
    case KEY_CONSTANT:
        read_relation(reader, line, value, RELATION_CONSTANT);
        return;
    case KEY_INCREASING:
        read_relation(reader, line, value, RELATION_INCREASING);
        return;
    case KEY_DISTINCT:
        read_distinct(reader, line, value);
        return;
    case KEY_PACKETS:
        parser_on(reader, line, value);
        read_threshold(reader, (struct threshold){.kind = THRESHOLD_PACKETS});
        return;
    case KEY_DEFINE:
        read_define(reader, line, value);
        return;
    case KEY_TITLE:
    case KEY_LABEL:
    case KEY_ORIGIN:
    case KEY_CHANCE:
    case KEY_SINCE:
    case KEY_UNTIL:
    case KEY_REFERENCE:
    case KEY_EXAMPLE:
    case KEY_NEAR:
    case KEY_COUNT_:
        read_text(reader, line, (enum key)key, value);
        return;
    }
}

static const void *keep(struct signature_set *set, const void *items, size_t size)
{
    void *copy = arena_alloc(&set->ast.arena, size ? size : 1);
    if (copy && size)
        memcpy(copy, items, size);
    return copy;
}

/* What the evidence of a source can keep for one signature. */
static void check_thresholds(struct reader *reader, const struct draft *draft)
{
    const struct signature *signature = &draft->signature;
    unsigned sets = 0;
    bool spans_differ = false;
    for (unsigned i = 0; i < signature->thresholds_n; i++) {
        sets += draft->thresholds[i].kind == THRESHOLD_DISTINCT;
        spans_differ |= draft->thresholds[i].span_s != draft->thresholds[0].span_s;
    }
    if (signature->thresholds_n > 0 && signature->relation != RELATION_NONE)
        diag_report(&reader->diag, signature->line, 1,
                    "signature %s: has a relation and a threshold; make it two signatures",
                    signature->name);
    if (sets > THRESHOLD_SETS_MAX)
        diag_report(&reader->diag, signature->line, 1,
                    "signature %s: more than %d thresholds of distinct values", signature->name,
                    THRESHOLD_SETS_MAX);
    if (spans_differ)
        diag_report(&reader->diag, signature->line, 1,
                    "signature %s: its thresholds have different spans; make it two signatures",
                    signature->name);
}

/* Adds the signature to the set when it is whole. */
static void draft_close(struct reader *reader)
{
    struct draft *draft = &reader->draft;
    struct signature *signature = &draft->signature;
    struct signature_set *set = reader->set;
    static const enum key NEEDED[] = {KEY_TITLE, KEY_ORIGIN, KEY_MATCH};
    if (!reader->open)
        return;
    reader->open = false;
    reader->parser.defines = reader->file_defines;
    for (size_t i = 0; i < sizeof NEEDED / sizeof NEEDED[0]; i++)
        if (!(draft->seen & 1U << NEEDED[i]))
            diag_report(&reader->diag, signature->line, 1, "signature %s: no \"%s\"",
                        signature->name, KEYS[NEEDED[i]]);
    if (!(draft->seen & 1U << KEY_CHANCE) && signature->thresholds_n == 0)
        diag_report(&reader->diag, signature->line, 1,
                    "signature %s: neither \"chance\" nor a threshold", signature->name);
    check_thresholds(reader, draft);
    if (reader->diag.count != draft->errors_before || !draft->valid_name)
        return;
    if (set->n == set->cap) {
        unsigned cap = set->cap ? 2 * set->cap : 64;
        struct signature *grown = realloc(set->signatures, cap * sizeof *grown);
        if (!grown) {
            diag_report(&reader->diag, signature->line, 1, "out of memory");
            return;
        }
        set->signatures = grown;
        set->cap = cap;
    }
    if (!signature->label)
        signature->label = signature->name;
    signature->cost = (enum cost)ast_at(&set->ast, signature->match)->cost;
    signature->candidates = candidates_of(&set->ast, signature->match);
    signature->thresholds =
        keep(set, draft->thresholds, signature->thresholds_n * sizeof draft->thresholds[0]);
    signature->references =
        keep(set, draft->references, signature->references_n * sizeof(char *));
    signature->examples = keep(set, draft->examples, signature->examples_n * sizeof(char *));
    signature->nears = keep(set, draft->nears, signature->nears_n * sizeof(char *));
    if (!signature->thresholds || !signature->references || !signature->examples ||
        !signature->nears)
        diag_report(&reader->diag, signature->line, 1, "out of memory");
    else if (signature->candidates == 0)
        diag_report(&reader->diag, signature->line, 1, "signature %s: no packet can match",
                    signature->name);
    else
        set->signatures[set->n++] = *signature;
}

static void draft_open(struct reader *reader, const struct line *line, const char *at)
{
    struct signature_set *set = reader->set;
    reader->draft = (struct draft){.errors_before = reader->diag.count};
    reader->draft.signature.chance = 1;
    reader->draft.signature.line = line->number;
    reader->open = true;
    const char *name = text_value(reader, line, at);
    if (!name) {
        reader->draft.signature.name = "?";
        return;
    }
    reader->draft.signature.name = name;
    reader->draft.signature.file =
        arena_text(&set->ast.arena, reader->diag.origin, strlen(reader->diag.origin));
    reader->draft.valid_name = text_is_name(name, strlen(name));
    int other = signature_find(set, name);
    char message[SIGNATURE_NAME_MAX + 400];
    if (!reader->draft.valid_name) {
        report_at(reader, line, at,
                  "expected a name of a-z, 0-9, \"-\", \".\" and \"_\", at most 64 long");
    } else if (other >= 0) {
        (void)snprintf(message, sizeof message, "\"%s\": the name is taken, see %.200s:%u",
                       name, set->signatures[other].file, set->signatures[other].line);
        report_at(reader, line, at, message);
    } else if (set->n >= SIGNATURES_MAX) {
        report_at(reader, line, at, "more than 16384 signatures");
    }
}

static void read_line(struct reader *reader, const struct line *line)
{
    const char *word = line->text, *at = word;
    while (at < line->end && !is_blank(*at) && *at != '#')
        at++;
    size_t len = (size_t)(at - word);
    const char *value = at;
    while (value < line->end && (*value == ' ' || *value == '\t'))
        value++;
    if (line->indent > 0) {
        if (!reader->open)
            report_at(reader, line, word, "an indented line, but no signature above it");
        else
            read_key(reader, line, word, len, value);
        return;
    }
    draft_close(reader);
    if (len == 9 && memcmp(word, "signature", 9) == 0) {
        draft_open(reader, line, value);
    } else if (len == 6 && memcmp(word, "define", 6) == 0) {
        read_define(reader, line, value);
    } else {
        char message[200];
        (void)snprintf(message, sizeof message,
                       "\"%.*s\": expected \"signature NAME\" or \"define NAME EXPR\"",
                       len > 40 ? 40 : (int)len, word);
        report_at(reader, line, word, message);
    }
}

int signature_set_parse(struct signature_set *set, const char *origin, const char *text,
                        size_t size, struct signature_errors *errors)
{
    struct reader reader = {.set = set, .diag = {origin, errors, 0}};
    reader.parser.ast = &set->ast;
    reader.parser.diag = &reader.diag;
    if (size > SIGNATURE_FILE_MAX) {
        diag_report(&reader.diag, 0, 0, "a signature file has at most 1 MiB");
        return -1;
    }
    struct line_reader lines = {text, text + size, 1, 0};
    struct line line;
    unsigned indent = 0;
    while (line_next(&lines, &line)) {
        if (line.indent == 0)
            indent = 0;
        else if (indent == 0)
            indent = line.indent;
        if (line.indent != 0 && line.indent != indent)
            report_at(&reader, &line, line.text, "indented less than the keys above it");
        else
            read_line(&reader, &line);
    }
    draft_close(&reader);
    return reader.diag.count ? -1 : 0;
}
