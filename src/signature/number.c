/* Numbers for all rows of a batch, as columns of 32 or 64 bits, an operation at a time. */
#include "plan.h"

bool number_fits32(const struct ast *ast, uint32_t id)
{
    const struct node *node = ast_at(ast, id);
    switch ((unsigned)node->op) {
    case OP_CONST:
    case OP_FIELD:
    case OP_SLICE:
        return true;
    case OP_SHR: /* what falls from above must be there */
        return ast_at(ast, node->a)->bits <= 32 && number_fits32(ast, node->a);
    case OP_ABSDIFF:
        return ast_at(ast, node->a)->bits <= 32 && ast_at(ast, node->b)->bits <= 32 &&
               number_fits32(ast, node->a) && number_fits32(ast, node->b);
    default:
        return number_fits32(ast, node->a) && (!node->b || number_fits32(ast, node->b));
    }
}

uint32_t *number_column32(struct matcher *matcher, unsigned slot)
{
    return matcher->numbers + (size_t)slot * BATCH_CAP * 2;
}

uint64_t *number_column64(struct matcher *matcher, unsigned slot)
{
    return (uint64_t *)(void *)number_column32(matcher, slot); /* the arena aligns to 16 */
}

static const void *column_at(const struct batch *batch, uint32_t column)
{
    return (const uint8_t *)batch + column;
}

/* Options of a row that may hold one of `size` bytes; NULL: they are too short. */
static const struct tcp_options *options_of(struct matcher *matcher, const struct batch *batch,
                                            unsigned row, unsigned size)
{
    return batch->tcp_hdr_len[row] < 20 + size ? NULL : matcher_options(matcher, batch, row);
}

static bool slice_read(const struct batch *batch, unsigned row, const struct node *node,
                       uint64_t *ret_value)
{
    struct field_bytes bytes;
    if (node->a == FIELD_PAYLOAD) { /* that it is there has been seen to */
        bytes.at = batch->ip[row] + batch->payload[row];
        bytes.caplen = batch->payload_caplen[row];
    } else if (!field_read_bytes(batch, row, (enum field_id)node->a, &bytes)) {
        return false;
    }
    if (node->value + node->b > bytes.caplen)
        return false;
    *ret_value = 0;
    for (uint32_t i = 0; i < node->b; i++)
        *ret_value = *ret_value << 8 | bytes.at[node->value + i];
    return true;
}

/* The time stamps alone are found faster than all options are parsed. */
static bool timestamp_read(const struct batch *batch, unsigned row, bool echo,
                           uint64_t *ret_value)
{
    uint32_t value[2];
    if (!tcp_timestamp_find(batch->ip[row] + batch->transport[row] + 20,
                            batch->tcp_hdr_len[row] - 20U, &value[0], &value[1]))
        return false;
    *ret_value = value[echo];
    return true;
}

/* A field that is no plain column, for one row. */
static bool computed_read(struct matcher *matcher, const struct batch *batch, unsigned row,
                          const struct node *node, uint64_t *ret_value)
{
    const struct tcp_options *options;
    if (node->op == OP_SLICE)
        return slice_read(batch, row, node, ret_value);
    switch (node->a) {
    case FIELD_TCP_MSS:
        options = options_of(matcher, batch, row, 4);
        *ret_value = options ? options->mss : 0;
        return options && options->has_mss;
    case FIELD_TCP_WSCALE:
        options = options_of(matcher, batch, row, 3);
        *ret_value = options ? options->wscale : 0;
        return options && options->has_wscale;
    case FIELD_TCP_TSVAL:
    case FIELD_TCP_TSECR:
        return timestamp_read(batch, row, node->a == FIELD_TCP_TSECR, ret_value);
    default:
        return field_read(batch, row, (enum field_id)node->a, ret_value);
    }
}

/* Bytes of options that there must be for one of this field; 0: it is none. */
static unsigned option_size(const struct node *node)
{
    if (node->op != OP_FIELD)
        return 0;
    switch (node->a) {
    case FIELD_TCP_MSS:
        return 4;
    case FIELD_TCP_WSCALE:
        return 3;
    case FIELD_TCP_TSVAL:
    case FIELD_TCP_TSECR:
        return 10;
    default:
        return 0;
    }
}

/* For the rows in known; those without the field leave it. */
static void computed_run(struct matcher *matcher, const struct batch *batch,
                         const struct node *node, uint32_t *ret32, uint64_t *ret64,
                         uint64_t known[static BATCH_WORDS])
{
    unsigned size = option_size(node);
    if (size) { /* many have none at all: they leave together */
        uint64_t may[BATCH_WORDS];
        matcher->kernels->range8(batch->tcp_hdr_len, 20 + size, UINT8_MAX - 20 - size, may);
        for (unsigned word = 0; word < BATCH_WORDS; word++)
            known[word] &= may[word];
    }
    uint8_t rows[ROW_LIST_CAP];
    unsigned n = matcher->kernels->list(known, rows);
    for (unsigned i = 0; i < n; i++) {
        unsigned row = rows[i];
        uint64_t value = 0;
        if (!computed_read(matcher, batch, row, node, &value))
            known[row / 64] &= ~((uint64_t)1 << row % 64);
        if (ret32)
            ret32[row] = (uint32_t)value;
        else
            ret64[row] = value;
    }
}

static void column_run(const struct kernels *kernels, const struct batch *batch,
                       const struct field *field, uint32_t *ret)
{
    const void *column = column_at(batch, field->column);
    uint32_t mask = field->bits >= 32 ? UINT32_MAX : (1U << field->bits) - 1;
    if (field->size == 1)
        kernels->load8(ret, column, field->shift, mask);
    else if (field->size == 2)
        kernels->load16(ret, column, field->shift, mask);
    else
        kernels->load32(ret, column, field->shift, mask);
}

void number_run32(struct matcher *matcher, const struct batch *batch, uint32_t id,
                  unsigned slot, uint64_t known[static BATCH_WORDS])
{
    const struct kernels *kernels = matcher->kernels;
    const struct node *node = ast_at(&matcher->set->ast, id);
    uint32_t *ret = number_column32(matcher, slot);
    switch ((unsigned)node->op) {
    case OP_CONST:
        kernels->fill32(ret, (uint32_t)node->value);
        return;
    case OP_FIELD:
    case OP_SLICE:
        if (node->computed)
            computed_run(matcher, batch, node, ret, NULL, known);
        else
            column_run(kernels, batch, &FIELDS[node->a], ret);
        return;
    default:
        number_run32(matcher, batch, node->a, slot, known);
        if (node->b)
            number_run32(matcher, batch, node->b, slot + 1, known);
        kernels->calculate32((enum node_op)node->op, ret, number_column32(matcher, slot + 1));
    }
}

void number_run64(struct matcher *matcher, const struct batch *batch, uint32_t id,
                  unsigned slot, uint64_t known[static BATCH_WORDS])
{
    const struct kernels *kernels = matcher->kernels;
    const struct node *node = ast_at(&matcher->set->ast, id);
    uint64_t *ret = number_column64(matcher, slot);
    uint32_t narrow[BATCH_CAP];
    switch ((unsigned)node->op) {
    case OP_CONST:
        kernels->fill64(ret, node->value);
        return;
    case OP_FIELD:
    case OP_SLICE:
        if (node->computed) {
            computed_run(matcher, batch, node, NULL, ret, known);
            return;
        }
        column_run(kernels, batch, &FIELDS[node->a], narrow);
        kernels->widen(ret, narrow);
        return;
    default:
        number_run64(matcher, batch, node->a, slot, known);
        if (node->b)
            number_run64(matcher, batch, node->b, slot + 1, known);
        kernels->calculate64((enum node_op)node->op, ret, number_column64(matcher, slot + 1));
    }
}

static void few_columns(const struct batch *batch, const struct field *field,
                        const struct rows *rows, uint64_t *ret)
{
    const uint8_t *column = column_at(batch, field->column);
    uint32_t mask = column_ones(field->bits);
    for (unsigned i = 0; i < rows->n; i++) {
        const uint8_t *at = column + (size_t)rows->row[i] * field->size;
        uint32_t value = *at;
        uint16_t two;
        if (field->size == 2) {
            memcpy(&two, at, sizeof two);
            value = two;
        } else if (field->size == 4) {
            memcpy(&value, at, sizeof value);
        }
        ret[i] = value >> field->shift & mask;
    }
}

void number_few(struct matcher *matcher, const struct batch *batch, uint32_t id,
                struct rows *rows, uint64_t ret[static FEW_ROWS])
{
    const struct node *node = ast_at(&matcher->set->ast, id);
    uint64_t other[FEW_ROWS];
    switch ((unsigned)node->op) {
    case OP_CONST:
        for (unsigned i = 0; i < rows->n; i++)
            ret[i] = node->value;
        return;
    case OP_FIELD:
    case OP_SLICE:
        if (!node->computed) {
            few_columns(batch, &FIELDS[node->a], rows, ret);
            return;
        }
        for (unsigned i = 0; i < rows->n; i++)
            rows->unknown |= !computed_read(matcher, batch, rows->row[i], node, &ret[i]) << i;
        return;
    default:
        number_few(matcher, batch, node->a, rows, ret);
        if (node->b)
            number_few(matcher, batch, node->b, rows, other);
        for (unsigned i = 0; i < rows->n; i++)
            if (!(rows->unknown >> i & 1))
                ret[i] = ast_calculate((enum node_op)node->op, ret[i], node->b ? other[i] : 0);
    }
}
