/* Values of the fields of a record: how each kind is read from the struct it lies in. */
#include "sink/record.h"

#include "sink/calendar.h"

#include <assert.h>
#include <string.h>

const char *record_protocol(enum protocol protocol)
{
    static const char *const NAMES[PROTOCOL_COUNT_] = {
#define X(id, name) #name,
        PROTOCOLS(X)
#undef X
    };
    return NAMES[protocol];
}

const char *record_file_error(const struct file_status *file)
{
    if (file->error.text[0])
        return file->error.text;
    if (file->failed)
        return "cannot be read";
    return file->cut ? "ends inside a record; what came before is counted" : NULL;
}

/* Was what the field needs given to nightscope? */
static bool is_meant(const struct field *field, const struct report *report)
{
    if ((field->flags & FIELD_LOCATED) && !report->located)
        return false;
    if ((field->flags & FIELD_DARKLESS) && report->dark_known)
        return false;
    return !(field->flags & (FIELD_SIGNED | FIELD_DARKLESS)) || report->has_signatures;
}

uint64_t record_distinct(uint64_t count, bool estimated, uint64_t packets)
{
    return estimated && count > packets ? packets : count;
}

static uint64_t u64_at(const void *base, size_t offset)
{
    uint64_t number;
    memcpy(&number, (const char *)base + offset, sizeof number);
    return number;
}

static uint64_t number_at(const struct field *field, const void *at)
{
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    size_t size;
    switch (field->kind) {
    case FIELD_U16:
        memcpy(&u16, at, sizeof u16);
        return u16;
    case FIELD_U32:
        memcpy(&u32, at, sizeof u32);
        return u32;
    case FIELD_SIZE:
        memcpy(&size, at, sizeof size);
        return size;
    default:
        memcpy(&u64, at, sizeof u64);
        return u64;
    }
}

static const char *time_at(const struct field *field, const void *at, struct value *value)
{
    uint32_t u32;
    int64_t i64;
    if (field->kind == FIELD_TIME_S) {
        memcpy(&u32, at, sizeof u32);
        return calendar_format_s(u32, value->buf);
    }
    memcpy(&i64, at, sizeof i64);
    return field->kind == FIELD_START_S ? calendar_format_s(i64, value->buf)
                                        : calendar_format_us(i64, value->buf);
}

void record_value(const struct field *field, const struct record_root *root, const void *base,
                  struct value *ret_value)
{
    const void *at = (const char *)base + field->offset;
    struct value *value = ret_value;
    value->kind = VALUE_TEXT;
    value->number = 0;
    value->text = "";
    switch (field->kind) {
    case FIELD_U16:
    case FIELD_U32:
    case FIELD_U64:
    case FIELD_SIZE:
        value->kind = VALUE_NUMBER;
        if (is_meant(field, root->report))
            value->number = number_at(field, at);
        if (field->bounded)
            value->number = record_distinct(
                value->number, *(const bool *)((const char *)base + field->estimated),
                u64_at(base, field->bound));
        break;
    case FIELD_BOOL:
        value->kind = VALUE_BOOL;
        value->number = *(const bool *)at;
        break;
    case FIELD_NAME:
        value->text = *(const char *const *)at;
        value->kind = value->text ? VALUE_TEXT : VALUE_NULL;
        break;
    case FIELD_TEXT:
        value->text = at;
        break;
    case FIELD_ADDRESS:
        value->text = address_format(at, value->buf);
        break;
    case FIELD_PROTOCOL:
        value->text = record_protocol(*(const enum protocol *)at);
        break;
    case FIELD_TIME_NS:
        value->kind = root->report->has_time ? VALUE_TEXT : VALUE_NULL;
        value->text = root->report->has_time ? time_at(field, at, value) : NULL;
        break;
    case FIELD_TIME_S:
    case FIELD_START_S:
        value->text = time_at(field, at, value);
        break;
    case FIELD_ERROR:
        value->text = record_file_error(base);
        value->kind = value->text ? VALUE_TEXT : VALUE_NULL;
        break;
    case FIELD_CONSTANT:
        value->kind = is_meant(field, root->report) ? VALUE_TEXT : VALUE_NULL;
        value->text = field->text;
        break;
    case FIELD_LIST:
    case FIELD_GROUP:
    case FIELD_MAP:
    case FIELD_TABLE:
    case FIELD_FILES:
        value->kind = VALUE_NULL;
        break;
    }
}

bool record_estimated(const struct field *field, const void *base)
{
    return field->can_estimate && *(const bool *)((const char *)base + field->estimated);
}

/* Every REPORT_TABLE has this layout; tables differ only in the type rows points to. */
static_assert(sizeof(((struct report *)NULL)->series) == sizeof(struct record_table), "layout");
static_assert(offsetof(struct report, series.n) ==
                  offsetof(struct report, series) + offsetof(struct record_table, n),
              "layout");

struct record_table record_table(const struct field *field, const void *base)
{
    struct record_table table;
    memcpy(&table, (const char *)base + field->offset, sizeof table);
    return table;
}

void record_set_table(const struct field *field, void *base, const struct record_table *table)
{
    memcpy((char *)base + field->offset, table, sizeof *table);
}

struct record_names record_names(const struct field *field, const void *base)
{
    unsigned n;
    memcpy(&n, (const char *)base + field->count, sizeof n);
    return (struct record_names){(const void *)((const char *)base + field->offset), n};
}

struct record_rows record_rows(const struct field *field, const struct record_root *root,
                               const void *base)
{
    struct record_rows rows = {.record = field->record};
    if (field->kind == FIELD_FILES) {
        rows.rows = root->files->files;
        rows.n = root->files->n;
        rows.indirect = true;
    } else if (is_meant(field, root->report)) {
        struct record_table table = record_table(field, base);
        rows.rows = table.rows;
        rows.n = table.n;
    }
    return rows;
}

const void *record_row(const struct record_rows *rows, size_t i)
{
    if (rows->indirect)
        return ((const void *const *)rows->rows)[i];
    return (const char *)rows->rows + i * rows->record->size;
}
