/* Walks an expression for one row: the naive evaluator that the matcher must agree with, and
 * what `explain` shows. It reads no column but through fields.c. */
#include <stdio.h>
#include <string.h>

#include "fields.h"
#include "set.h"

static bool slice_read(const struct node *node, const struct batch *batch, unsigned row,
                       uint64_t *ret_value)
{
    struct field_bytes bytes;
    if (!field_read_bytes(batch, row, (enum field_id)node->a, &bytes) ||
        node->value + node->b > bytes.caplen)
        return false;
    uint64_t value = 0;
    for (uint32_t i = 0; i < node->b; i++)
        value = value << 8 | bytes.at[node->value + i];
    *ret_value = value;
    return true;
}

bool eval_number(const struct ast *ast, uint32_t id, const struct batch *batch, unsigned row,
                 uint64_t *ret_value)
{
    const struct node *node = ast_at(ast, id);
    uint64_t a = 0, b = 0;
    switch ((unsigned)node->op) {
    case OP_CONST:
        *ret_value = node->value;
        return true;
    case OP_FIELD:
        return field_read(batch, row, (enum field_id)node->a, ret_value);
    case OP_SLICE:
        return slice_read(node, batch, row, ret_value);
    default:
        if (!eval_number(ast, node->a, batch, row, &a) ||
            (node->b && !eval_number(ast, node->b, batch, row, &b)))
            return false;
        *ret_value = ast_calculate((enum node_op)node->op, a, b);
        return true;
    }
}

static enum truth truth_of(bool value)
{
    return value ? TRUTH_TRUE : TRUTH_FALSE;
}

/* Are these bytes at this offset? Bytes that were not captured leave it open. */
static enum truth bytes_at(const struct field_bytes *bytes, size_t offset,
                           const struct blob *blob)
{
    const uint8_t *wanted = blob->bytes;
    bool open = false;
    if (offset + blob->size > bytes->len)
        return TRUTH_FALSE;
    for (size_t i = 0; i < blob->size; i++) {
        if (offset + i >= bytes->caplen)
            open = true;
        else if (bytes->at[offset + i] != wanted[i])
            return TRUTH_FALSE;
    }
    return open ? TRUTH_UNKNOWN : TRUTH_TRUE;
}

static enum truth bytes_contain(const struct field_bytes *bytes, const struct blob *blob)
{
    enum truth any = TRUTH_FALSE;
    for (size_t offset = 0; offset + blob->size <= bytes->len; offset++) {
        enum truth here = bytes_at(bytes, offset, blob);
        if (here == TRUTH_TRUE)
            return TRUTH_TRUE;
        if (here == TRUTH_UNKNOWN)
            any = TRUTH_UNKNOWN;
        if (offset > bytes->caplen)
            break; /* all further offsets are as open as this one */
    }
    return any;
}

static enum truth eval_bytes(const struct ast *ast, const struct node *node,
                             const struct batch *batch, unsigned row)
{
    struct field_bytes bytes;
    const struct blob *blob = ast_blob_at(ast, node->b);
    if (!field_read_bytes(batch, row, (enum field_id)node->a, &bytes))
        return TRUTH_UNKNOWN;
    if (node->op == OP_CONTAINS)
        return bytes_contain(&bytes, blob);
    if (node->op == OP_EQUALS && bytes.len != blob->size)
        return TRUTH_FALSE;
    return bytes_at(&bytes, node->op == OP_AT ? node->value : 0, blob);
}

static bool not_below(struct ip6 a, struct ip6 b)
{
    return a.hi > b.hi || (a.hi == b.hi && a.lo >= b.lo);
}

static enum truth eval_address(const struct ast *ast, const struct node *node,
                               const struct batch *batch, unsigned row)
{
    struct ip6 address;
    const struct blob *blob = ast_blob_at(ast, node->b);
    const struct range6 *ranges = blob->bytes;
    if (!field_read_address(batch, row, (enum field_id)node->a, &address))
        return TRUTH_UNKNOWN;
    for (size_t i = 0; i < blob->size / sizeof *ranges; i++)
        if (not_below(address, ranges[i].lo) && not_below(ranges[i].hi, address))
            return TRUTH_TRUE;
    return TRUTH_FALSE;
}

static enum truth eval_compare(const struct ast *ast, const struct node *node,
                               const struct batch *batch, unsigned row)
{
    uint64_t a, b;
    if (!eval_number(ast, node->a, batch, row, &a))
        return TRUTH_UNKNOWN;
    if (node->op == OP_IN) {
        const struct blob *blob = ast_blob_at(ast, node->b);
        const struct range *ranges = blob->bytes;
        for (size_t i = 0; i < blob->size / sizeof *ranges; i++)
            if (a >= ranges[i].lo && a <= ranges[i].hi)
                return TRUTH_TRUE;
        return TRUTH_FALSE;
    }
    if (!eval_number(ast, node->b, batch, row, &b))
        return TRUTH_UNKNOWN;
    if (node->op == OP_EQ)
        return truth_of(a == b);
    return truth_of(node->op == OP_LT ? a < b : a <= b);
}

enum truth eval_truth(const struct ast *ast, uint32_t id, const struct batch *batch,
                      unsigned row)
{
    const struct node *node = ast_at(ast, id);
    uint64_t value;
    enum truth a, b;
    switch ((unsigned)node->op) {
    case OP_TRUE:
        if (!field_read(batch, row, (enum field_id)node->a, &value))
            return TRUTH_UNKNOWN;
        return truth_of(value);
    case OP_EQ:
    case OP_LT:
    case OP_LE:
    case OP_IN:
        return eval_compare(ast, node, batch, row);
    case OP_EQUALS:
    case OP_STARTS:
    case OP_CONTAINS:
    case OP_AT:
        return eval_bytes(ast, node, batch, row);
    case OP_IN6:
        return eval_address(ast, node, batch, row);
    case OP_NOT:
        a = eval_truth(ast, node->a, batch, row);
        return a == TRUTH_UNKNOWN ? a : truth_of(a == TRUTH_FALSE);
    default: { /* OP_ALL, OP_ANY */
        enum truth decides = truth_of(node->op == OP_ANY);
        a = eval_truth(ast, node->a, batch, row);
        b = eval_truth(ast, node->b, batch, row);
        if (a == decides || b == decides)
            return decides;
        return a == TRUTH_UNKNOWN || b == TRUTH_UNKNOWN ? TRUTH_UNKNOWN
                                                        : truth_of(node->op == OP_ALL);
    }
    }
}

enum truth signature_truth(const struct signature_set *set, unsigned index,
                           const struct batch *batch, unsigned row)
{
    return eval_truth(&set->ast, set->signatures[index].match, batch, row);
}

enum { VALUES_CAP = 1024, TEXT_CAP = 4096, EXPLAIN_PARTS_MAX = 1000 };

struct explainer {
    const struct ast *ast;
    const struct batch *batch;
    unsigned row;
    void (*each)(void *context, const struct explanation *part);
    void *context;
    unsigned parts;
    char text[TEXT_CAP], values[VALUES_CAP];
    size_t values_len;
};

static void value_add(struct explainer *explainer, const char *name, const char *value)
{
    size_t room = VALUES_CAP - explainer->values_len;
    int n = snprintf(explainer->values + explainer->values_len, room, "%s%s = %s",
                     explainer->values_len ? ", " : "", name, value);
    if (n < 0 || (size_t)n >= room)
        explainer->values[explainer->values_len] = '\0'; /* a value that is cut would mislead */
    else
        explainer->values_len += (size_t)n;
}

static void address_text(struct ip6 address, char text[static 64])
{
    size_t len = 0;
    for (unsigned i = 0; i < 8; i++) {
        uint64_t half = i < 4 ? address.hi : address.lo;
        len += (size_t)snprintf(text + len, 64 - len, i ? ":%x" : "%x",
                                (unsigned)(half >> (48 - 16 * (i % 4))) & 0xffff);
    }
}

/* The value of a field: a number, the first 32 bytes, an address, or "?" when unknown. */
static void field_value(struct explainer *explainer, enum field_id field)
{
    char text[96] = "?";
    uint64_t value;
    struct field_bytes bytes;
    struct ip6 address;
    const struct batch *batch = explainer->batch;
    if (FIELDS[field].kind == KIND_BYTES) {
        if (field_read_bytes(batch, explainer->row, field, &bytes)) {
            size_t len = 0;
            text[0] = '\0';
            for (uint32_t i = 0; i < bytes.caplen && i < 32; i++)
                len += (size_t)snprintf(text + len, sizeof text - len, "%02x", bytes.at[i]);
            if (bytes.len > 32 || bytes.caplen < bytes.len)
                (void)snprintf(text + len, sizeof text - len, "... (%u bytes)", bytes.len);
            else if (bytes.len == 0)
                (void)snprintf(text, sizeof text, "\"\"");
        }
    } else if (FIELDS[field].kind == KIND_ADDRESS) {
        if (field_read_address(batch, explainer->row, field, &address))
            address_text(address, text);
    } else if (field_read(batch, explainer->row, field, &value)) {
        if (field == FIELD_IP_SRC || field == FIELD_IP_DST || field == FIELD_INNER_SRC ||
            field == FIELD_INNER_DST)
            (void)snprintf(text, sizeof text, "%u.%u.%u.%u", (unsigned)(value >> 24),
                           (unsigned)(value >> 16) & 0xff, (unsigned)(value >> 8) & 0xff,
                           (unsigned)value & 0xff);
        else
            (void)snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    }
    value_add(explainer, FIELDS[field].name, text);
}

/* The values of all fields of a number, left to right. */
static void number_values(struct explainer *explainer, uint32_t id)
{
    const struct node *node = ast_at(explainer->ast, id);
    if (node->op == OP_CONST)
        return;
    if (node->op == OP_FIELD) {
        field_value(explainer, (enum field_id)node->a);
        return;
    }
    if (node->op == OP_SLICE) {
        char name[64], text[32] = "?";
        uint64_t value;
        (void)ast_print(explainer->ast, id, name, sizeof name);
        if (slice_read(node, explainer->batch, explainer->row, &value))
            (void)snprintf(text, sizeof text, "%llu", (unsigned long long)value);
        value_add(explainer, name, text);
        return;
    }
    number_values(explainer, node->a);
    if (node->b)
        number_values(explainer, node->b);
}

static void atom_values(struct explainer *explainer, const struct node *node)
{
    switch ((unsigned)node->op) {
    case OP_EQ:
    case OP_LT:
    case OP_LE:
        number_values(explainer, node->a);
        number_values(explainer, node->b);
        return;
    case OP_IN:
        number_values(explainer, node->a);
        return;
    default:
        field_value(explainer, (enum field_id)node->a);
    }
}

static void explain(struct explainer *explainer, uint32_t id, unsigned depth);

/* The sides of a run of the same connective stand on one level. */
static void explain_below(struct explainer *explainer, uint32_t id, uint8_t op, unsigned depth)
{
    const struct node *node = ast_at(explainer->ast, id);
    if (node->op != op || op == OP_NOT) {
        explain(explainer, id, depth);
        return;
    }
    explain_below(explainer, node->a, op, depth);
    explain(explainer, node->b, depth);
}

static void explain(struct explainer *explainer, uint32_t id, unsigned depth)
{
    const struct node *node = ast_at(explainer->ast, id);
    bool logic = node->op == OP_ALL || node->op == OP_ANY || node->op == OP_NOT;
    if (explainer->parts++ >= EXPLAIN_PARTS_MAX)
        return;
    explainer->values[0] = '\0';
    explainer->values_len = 0;
    if (!logic)
        atom_values(explainer, node);
    (void)ast_print(explainer->ast, id, explainer->text, sizeof explainer->text);
    struct explanation part = {depth,
                               eval_truth(explainer->ast, id, explainer->batch, explainer->row),
                               explainer->text, explainer->values};
    explainer->each(explainer->context, &part);
    if (!logic)
        return;
    explain_below(explainer, node->a, node->op, depth + 1);
    if (node->op != OP_NOT)
        explain(explainer, node->b, depth + 1);
}

void signature_explain(const struct signature_set *set, unsigned index,
                       const struct batch *batch, unsigned row,
                       void (*each)(void *context, const struct explanation *part),
                       void *context)
{
    struct explainer explainer = {&set->ast, batch, row, each, context, 0, "", "", 0};
    explain(&explainer, set->signatures[index].match, 0);
}
