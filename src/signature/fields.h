/* The table of fields (fields.def) and how one row of a batch is read. */
#pragma once

#include <nightscope/signature.h>

#define H(bit) (1U << HAS_##bit)

enum field_id {
#define COLUMN(id, ...)   FIELD_##id,
#define TEST(id, ...)     FIELD_##id,
#define PRESENT(id, ...)  FIELD_##id,
#define COMPUTED(id, ...) FIELD_##id,
#define BYTES(id, ...)    FIELD_##id,
#define ADDRESS(id, ...)  FIELD_##id,
#define EITHER(...)
#define ALIAS(...)
#include "fields.def"
#undef COLUMN
#undef TEST
#undef PRESENT
#undef COMPUTED
#undef BYTES
#undef ADDRESS
#undef EITHER
#undef ALIAS
    FIELD_COUNT_,
};

enum field_kind {
    KIND_COLUMN,
    KIND_TEST,
    KIND_PRESENT,
    KIND_COMPUTED,
    KIND_BYTES,
    KIND_ADDRESS,
};

struct field {
    const char *name;
    const char *text; /* for the language reference */
    enum field_kind kind;
    enum cost cost;
    uint8_t bits;    /* of a number or truth value */
    uint8_t shift;   /* COLUMN */
    uint8_t size;    /* of an element of the column: 1, 2 or 4 */
    uint16_t mask;   /* TEST */
    uint16_t value;  /* TEST */
    uint32_t has;    /* has[] bits needed; PRESENT: the bit it is */
    uint32_t column; /* offset in struct batch */
};
extern const struct field FIELDS[FIELD_COUNT_];

/* Another name of a field, or (b != a) a name for either of two. */
struct field_name {
    const char *name;
    const char *text; /* NULL for an alias */
    uint8_t a, b;
};
extern const struct field_name FIELD_NAMES[];
extern const unsigned FIELD_NAMES_COUNT;

/* Finds a field, an alias or a pair; false when there is none of that name. */
bool field_find(const char *name, size_t len, enum field_id *ret_a, enum field_id *ret_b);

/* A number or truth value of one row; false when the packet lacks the field. */
bool field_read(const struct batch *batch, unsigned row, enum field_id id, uint64_t *ret_value);

/* Bytes of one row. `len` of them were sent, the first `caplen` are at `at`. Kinds of options
 * are gathered in `room`. */
struct field_bytes {
    const uint8_t *at;
    uint32_t len, caplen;
    uint8_t room[40];
};
bool field_read_bytes(const struct batch *batch, unsigned row, enum field_id id,
                      struct field_bytes *ret_bytes);
/* An address of one row. */
bool field_read_address(const struct batch *batch, unsigned row, enum field_id id,
                        struct ip6 *ret_address);

/* TCP options of one row, parsed once: RFC 9293 section 3.1, RFC 7323, RFC 2018. */
struct tcp_options {
    bool has_mss, has_wscale, has_sack_perm, has_timestamp;
    uint8_t wscale;
    uint8_t kinds_n;
    uint16_t mss;
    uint32_t tsval, tsecr;
    uint8_t kinds[40];
};
void tcp_options_parse(const uint8_t *bytes, unsigned len, struct tcp_options *ret_options);
/* The same time stamps; false: there are none. */
bool tcp_timestamp_find(const uint8_t *bytes, unsigned len, uint32_t *ret_tsval,
                        uint32_t *ret_tsecr);
/* "mss", "nop", ... to a kind, or -1. */
int tcp_kind_number(const char *name, size_t len);
/* The name of a kind, or NULL. */
const char *tcp_kind_name(uint8_t kind);
