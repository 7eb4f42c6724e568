/* Random expressions of the language, as text. */
#pragma once

#include "harness.h"

#include "signature/fields.h"
#include <stdarg.h>

#include <string.h>

struct writer {
    char *buf;
    size_t cap, len;
};

static inline void write_text(struct writer *writer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static inline void write_text(struct writer *writer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(writer->buf + writer->len, writer->cap - writer->len, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < writer->cap - writer->len)
        writer->len += (size_t)n;
    else
        writer->buf[writer->len] = '\0';
}

static inline const struct field *random_field(struct random *random, unsigned kinds)
{
    for (;;) {
        const struct field *field = &FIELDS[random_below(random, FIELD_COUNT_)];
        if (kinds & 1U << field->kind)
            return field;
    }
}

#define KINDS_NUMBER (1U << KIND_COLUMN | 1U << KIND_COMPUTED)
#define KINDS_TRUTH  (1U << KIND_TEST | 1U << KIND_PRESENT)

static inline uint64_t random_constant(struct random *random, unsigned bits)
{
    uint64_t most = bits >= 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
    switch (random_below(random, 5)) {
    case 0:
        return random_next(random) & most;
    case 1:
        return most - (random_below(random, 2) & most);
    default:
        return random_below(random, 5) & most;
    }
}

static inline void random_number(struct random *random, struct writer *writer, unsigned depth)
{
    static const char *const OPS[] = {"+", "-", "*", "&", "|", "^"};
    unsigned choice = (unsigned)random_below(random, depth ? 12 : 4);
    if (choice == 0) {
        write_text(writer, "%llu", (unsigned long long)random_constant(random, 32));
    } else if (choice == 1 && random_below(random, 3) == 0) {
        write_text(writer, "payload[%u:%u]", (unsigned)random_below(random, 12),
                   1 + (unsigned)random_below(random, 8));
    } else if (choice < 4) {
        write_text(writer, "%s", random_field(random, KINDS_NUMBER)->name);
    } else if (choice == 4) {
        write_text(writer, "~");
        random_number(random, writer, 0);
    } else if (choice == 5) {
        static const char *const CALLS[] = {"bswap16", "bswap32"};
        write_text(writer, "%s(", CALLS[random_below(random, 2)]);
        random_number(random, writer, depth - 1);
        write_text(writer, ")");
    } else if (choice == 6) {
        write_text(writer, "absdiff(");
        random_number(random, writer, depth - 1);
        write_text(writer, ", ");
        random_number(random, writer, depth - 1);
        write_text(writer, ")");
    } else if (choice == 7) {
        write_text(writer, "(");
        random_number(random, writer, depth - 1);
        write_text(writer, " %s %u)", random_below(random, 2) ? "<<" : ">>",
                   (unsigned)random_below(random, random_below(random, 2) ? 64 : 20));
    } else {
        write_text(writer, "(");
        random_number(random, writer, depth - 1);
        write_text(writer, " %s ", OPS[random_below(random, 6)]);
        random_number(random, writer, depth - 1);
        write_text(writer, ")");
    }
}

static inline void random_bytes_literal(struct random *random, struct writer *writer,
                                        bool kinds)
{
    static const char *const OPTIONS[] = {"020405b4", "01",   "030307", "0402",
                                          "00000000", "0204", "05b4",   "0a"};
    static const char *const KINDS[] = {"\"mss\"",
                                        "\"mss,nop,ws\"",
                                        "\"\\x6eop\"",
                                        "0201",
                                        "\"mss,sackok,ts,nop,ws\"",
                                        "\"nop,nop\"",
                                        "02",
                                        "\"eol\""};
    static const char *const PAYLOAD[] = {
        "\"\\x00\"", "\"\\x01\\x00\"", "000102",        "\"\\0\\0\"", "ff",
        "02",        "0300",           "\"\\xff\\xfe\""};
    (void)PAYLOAD;
    if (kinds)
        write_text(writer, "%s", KINDS[random_below(random, 8)]);
    else
        write_text(writer, "%s",
                   (random_below(random, 2) ? OPTIONS : PAYLOAD)[random_below(random, 8)]);
}

static inline void random_atom(struct random *random, struct writer *writer)
{
    static const char *const COMPARE[] = {"==", "==", "==", "!=", "<", "<=", ">", ">="};
    static const char *const BYTES[] = {"==", "!=", "starts", "contains", "at 1", "at 3"};
    const struct field *field;
    switch (random_below(random, 12)) {
    case 0:
        field = random_field(random, 1U << KIND_BYTES);
        write_text(writer, "%s %s ", field->name, BYTES[random_below(random, 6)]);
        random_bytes_literal(random, writer, strcmp(field->name, "tcp.options.kinds") == 0);
        return;
    case 1:
        write_text(writer, "%s", random_field(random, KINDS_TRUTH)->name);
        return;
    case 2:
        field = random_field(random, KINDS_NUMBER);
        write_text(writer, "%s in {%llu", field->name,
                   (unsigned long long)random_constant(random, field->bits));
        for (uint64_t n = random_below(random, 12); n > 0; n--) {
            uint64_t a = random_constant(random, field->bits),
                     b = random_constant(random, field->bits);
            write_text(writer, ", %llu-%llu", (unsigned long long)(a < b ? a : b),
                       (unsigned long long)(a < b ? b : a));
        }
        write_text(writer, "}");
        return;
    case 3:
        random_number(random, writer, 3);
        write_text(writer, " %s ", COMPARE[random_below(random, 8)]);
        random_number(random, writer, 3);
        return;
    case 4:
        write_text(writer, "(%s & %llu) == %llu", random_field(random, KINDS_NUMBER)->name,
                   (unsigned long long)random_constant(random, 5),
                   (unsigned long long)random_constant(random, 1));
        return;
    case 5:
        write_text(writer, "%s in %s", random_field(random, 1U << KIND_ADDRESS)->name,
                   random_below(random, 2) ? "0:0:0:1::/64" : "{::/63, ::2, 0:0:0:3::3/128}");
        return;
    case 6:
        write_text(writer, "tcp.port %s %llu", COMPARE[random_below(random, 8)],
                   (unsigned long long)random_constant(random, 16));
        return;
    case 7:
        write_text(writer, "tcp.options.tsval in frame.time - %llu .. frame.time + 60",
                   (unsigned long long)random_constant(random, 20));
        return;
    default:
        field = random_field(random, KINDS_NUMBER);
        write_text(writer, "%s %s %llu", field->name, COMPARE[random_below(random, 8)],
                   (unsigned long long)random_constant(random, field->bits));
    }
}

static inline void random_truth(struct random *random, struct writer *writer, unsigned depth)
{
    if (depth == 0 || random_below(random, 4) == 0) {
        random_atom(random, writer);
        return;
    }
    if (random_below(random, 5) == 0) {
        write_text(writer, "not (");
        random_truth(random, writer, depth - 1);
        write_text(writer, ")");
        return;
    }
    const char *op = random_below(random, 5) < 3 ? "and" : "or";
    write_text(writer, "(");
    random_truth(random, writer, depth - 1);
    write_text(writer, " %s ", op);
    random_truth(random, writer, depth - 1);
    write_text(writer, ")");
}

/* A signature with a random expression. */
static inline void random_signature(struct random *random, struct writer *writer,
                                    unsigned number)
{
    write_text(writer, "signature s%u\n title t\n origin %s\n chance 2^-16\n match ", number,
               random_below(random, 2) ? "iot" : "tool");
    random_truth(random, writer, (unsigned)random_below(random, 5));
    write_text(writer, "\n");
}
