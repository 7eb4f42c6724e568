/* The table of fields, and reading one row of a batch: the slow path, for fields that are no
 * plain column, for explanations and for relations. */
#include "fields.h"

#include <assert.h>
#include <string.h>

#define COLUMN_SIZE(column)   sizeof((struct batch *)0)->column[0]
#define COLUMN_OFFSET(column) offsetof(struct batch, column)

const struct field FIELDS[FIELD_COUNT_] = {
#define COLUMN(id, name_, bits_, column_, shift_, has_, text_)                                 \
    [FIELD_##id] = {.name = name_,                                                             \
                    .text = text_,                                                             \
                    .kind = KIND_COLUMN,                                                       \
                    .cost = COST_COLUMN,                                                       \
                    .bits = bits_,                                                             \
                    .shift = shift_,                                                           \
                    .size = COLUMN_SIZE(column_),                                              \
                    .has = has_,                                                               \
                    .column = COLUMN_OFFSET(column_)},
#define TEST(id, name_, column_, mask_, value_, has_, text_)                                   \
    [FIELD_##id] = {.name = name_,                                                             \
                    .text = text_,                                                             \
                    .kind = KIND_TEST,                                                         \
                    .cost = COST_COLUMN,                                                       \
                    .bits = 1,                                                                 \
                    .size = COLUMN_SIZE(column_),                                              \
                    .mask = mask_,                                                             \
                    .value = value_,                                                           \
                    .has = has_,                                                               \
                    .column = COLUMN_OFFSET(column_)},
#define PRESENT(id, name_, bit_, text_)                                                        \
    [FIELD_##id] = {.name = name_,                                                             \
                    .text = text_,                                                             \
                    .kind = KIND_PRESENT,                                                      \
                    .cost = COST_COLUMN,                                                       \
                    .bits = 1,                                                                 \
                    .has = 1U << (bit_)},
#define COMPUTED(id, name_, bits_, has_, cost_, text_)                                         \
    [FIELD_##id] = {.name = name_,                                                             \
                    .text = text_,                                                             \
                    .kind = KIND_COMPUTED,                                                     \
                    .cost = cost_,                                                             \
                    .bits = bits_,                                                             \
                    .has = has_},
#define BYTES(id, name_, has_, cost_, text_)                                                   \
    [FIELD_##                                                                                  \
        id] = {.name = name_, .text = text_, .kind = KIND_BYTES, .cost = cost_, .has = has_},
#define ADDRESS(id, name_, column_, has_, text_)                                               \
    [FIELD_##id] = {.name = name_,                                                             \
                    .text = text_,                                                             \
                    .kind = KIND_ADDRESS,                                                      \
                    .cost = COST_COLUMN,                                                       \
                    .has = has_,                                                               \
                    .column = COLUMN_OFFSET(column_)},
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
};

const struct field_name FIELD_NAMES[] = {
#define COLUMN(...)
#define TEST(...)
#define PRESENT(...)
#define COMPUTED(...)
#define BYTES(...)
#define ADDRESS(...)
#define EITHER(name, a, b, text) {name, text, FIELD_##a, FIELD_##b},
#define ALIAS(name, id)          {name, NULL, FIELD_##id, FIELD_##id},
#include "fields.def"
#undef COLUMN
#undef TEST
#undef PRESENT
#undef COMPUTED
#undef BYTES
#undef ADDRESS
#undef EITHER
#undef ALIAS
};
const unsigned FIELD_NAMES_COUNT = sizeof FIELD_NAMES / sizeof FIELD_NAMES[0];

static_assert(FIELD_COUNT_ < 256, "field numbers are kept in bytes");

static bool same(const char *name, const char *text, size_t len)
{
    return strncmp(name, text, len) == 0 && name[len] == '\0';
}

bool field_find(const char *name, size_t len, enum field_id *ret_a, enum field_id *ret_b)
{
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        if (same(FIELDS[i].name, name, len)) {
            *ret_a = *ret_b = (enum field_id)i;
            return true;
        }
    }
    for (unsigned i = 0; i < FIELD_NAMES_COUNT; i++) {
        if (same(FIELD_NAMES[i].name, name, len)) {
            *ret_a = (enum field_id)FIELD_NAMES[i].a;
            *ret_b = (enum field_id)FIELD_NAMES[i].b;
            return true;
        }
    }
    return false;
}

static bool has_all(const struct batch *batch, unsigned row, uint32_t has)
{
    for (; has; has &= has - 1)
        if (!mask_test(batch->has[__builtin_ctz(has)], row))
            return false;
    return true;
}

static uint64_t column_read(const struct batch *batch, unsigned row, const struct field *field)
{
    const uint8_t *at = (const uint8_t *)batch + field->column + (size_t)row * field->size;
    uint16_t two;
    uint32_t four;
    switch (field->size) {
    case 1:
        return *at;
    case 2:
        memcpy(&two, at, sizeof two);
        return two;
    default:
        memcpy(&four, at, sizeof four);
        return four;
    }
}

static bool options_read(const struct batch *batch, unsigned row, struct tcp_options *ret)
{
    struct field_bytes bytes;
    if (!field_read_bytes(batch, row, FIELD_TCP_OPTIONS, &bytes))
        return false;
    tcp_options_parse(bytes.at, bytes.len, ret);
    return true;
}

static bool computed_read(const struct batch *batch, unsigned row, enum field_id id,
                          uint64_t *ret_value)
{
    struct tcp_options options;
    bool known = true;
    uint64_t value = 0;
    switch ((unsigned)id) {
    case FIELD_FRAME_TIME:
        value = (uint64_t)batch->ts_ns[row] / 1000000000U;
        break;
    case FIELD_IP_OPT:
        value = batch->ip_hdr_len[row] > 20;
        break;
    case FIELD_IPV6_PLEN:
        value = (batch->ip_len[row] - 40) & 0xffff;
        break;
    case FIELD_TCP_OPTIONS_LEN:
        value = (uint8_t)(batch->tcp_hdr_len[row] - 20);
        break;
    case FIELD_INNER_SRC:
        known = batch->inner_version[row] == 4;
        value = batch->inner_src[row];
        break;
    case FIELD_INNER_DST:
        known = batch->inner_version[row] == 4;
        value = batch->inner_dst[row];
        break;
    case FIELD_TCP_MSS:
        known = options_read(batch, row, &options) && options.has_mss;
        value = known ? options.mss : 0;
        break;
    case FIELD_TCP_WSCALE:
        known = options_read(batch, row, &options) && options.has_wscale;
        value = known ? options.wscale : 0;
        break;
    case FIELD_TCP_SACK_PERM:
        known = options_read(batch, row, &options);
        value = known && options.has_sack_perm;
        break;
    case FIELD_TCP_TSVAL:
        known = options_read(batch, row, &options) && options.has_timestamp;
        value = known ? options.tsval : 0;
        break;
    case FIELD_TCP_TSECR:
        known = options_read(batch, row, &options) && options.has_timestamp;
        value = known ? options.tsecr : 0;
        break;
    default:
        known = false;
    }
    if (known)
        *ret_value = value;
    return known;
}

bool field_read(const struct batch *batch, unsigned row, enum field_id id, uint64_t *ret_value)
{
    const struct field *field = &FIELDS[id];
    if (field->kind == KIND_PRESENT) {
        *ret_value = has_all(batch, row, field->has);
        return true;
    }
    if (!has_all(batch, row, field->has))
        return false;
    if (field->kind == KIND_COMPUTED)
        return computed_read(batch, row, id, ret_value);
    uint64_t raw = column_read(batch, row, field);
    if (field->kind == KIND_TEST)
        *ret_value = (raw & field->mask) == field->value;
    else
        *ret_value = (raw >> field->shift) & (((uint64_t)1 << field->bits) - 1);
    return true;
}

bool field_read_bytes(const struct batch *batch, unsigned row, enum field_id id,
                      struct field_bytes *ret_bytes)
{
    if (!has_all(batch, row, FIELDS[id].has))
        return false;
    if (id == FIELD_PAYLOAD) {
        ret_bytes->at = batch->ip[row] + batch->payload[row];
        ret_bytes->len = batch->payload_len[row];
        ret_bytes->caplen = batch->payload_caplen[row];
        return true;
    }
    ret_bytes->at = batch->ip[row] + batch->transport[row] + 20;
    ret_bytes->len = ret_bytes->caplen = batch->tcp_hdr_len[row] - 20U;
    if (id == FIELD_TCP_KINDS) {
        struct tcp_options options;
        tcp_options_parse(ret_bytes->at, ret_bytes->len, &options);
        memcpy(ret_bytes->room, options.kinds, options.kinds_n);
        ret_bytes->at = ret_bytes->room;
        ret_bytes->len = ret_bytes->caplen = options.kinds_n;
    }
    return true;
}

bool field_read_address(const struct batch *batch, unsigned row, enum field_id id,
                        struct ip6 *ret_address)
{
    if (!has_all(batch, row, FIELDS[id].has))
        return false;
    *ret_address = id == FIELD_IPV6_SRC ? batch->src6[row] : batch->dst6[row];
    return true;
}
