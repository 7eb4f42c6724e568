/* A report read back from its JSON: the record tree, walked over what jansson has parsed.
 *
 * The text is hostile. Every value is checked for type and range before it is stored, so that a
 * report that was read is as good as one that was made; fields that are not there stay 0, and
 * fields that nobody knows are left alone. Texts stay where jansson has them. */
#include "sink/calendar.h"
#include "sink/record.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char SCHEMA[] = "nightscope.report/";
enum { SCHEMA_VERSION = 1 };

struct sink_read {
    json_t *json; /* texts of the report lie in it */
    struct report *report;
    struct file_status *status;
    const struct file_status **list;
    struct sink_files files;
};

struct reader {
    struct sink_read *read;
    size_t row_max; /* no table has more rows: each takes some bytes of text */
    const char *origin;
    struct err *err;
    const char *table; /* where the reader is, for messages; "" outside tables */
    size_t row;
};

static int read_fields(struct reader *reader, const struct record *record, json_t *object,
                       void *base);

static int wrong(const struct reader *reader, const struct field *field, const char *expected)
{
    if (reader->table[0])
        return err_set(reader->err, reader->origin, 0, 0,
                       "not a report: \"%s\" in row %zu of \"%s\" is not %s", field->name,
                       reader->row + 1, reader->table, expected);
    return err_set(reader->err, reader->origin, 0, 0, "not a report: \"%s\" is not %s",
                   field->name, expected);
}

static int no_memory(const struct reader *reader)
{
    return err_set(reader->err, NULL, 0, 0, "out of memory");
}

static int read_number(const struct reader *reader, const struct field *field, json_t *value,
                       void *at)
{
    json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    uint64_t highest = field->cap == 2 ? UINT16_MAX : field->cap == 4 ? UINT32_MAX : INT64_MAX;
    if (number < 0 || (uint64_t)number > highest)
        return wrong(reader, field, "a whole number in its range");
    uint16_t u16 = (uint16_t)number;
    uint32_t u32 = (uint32_t)number;
    uint64_t u64 = (uint64_t)number;
    memcpy(at,
           field->cap == 2   ? (void *)&u16
           : field->cap == 4 ? (void *)&u32
                             : (void *)&u64,
           field->cap);
    return 0;
}

static bool is_country(const char *text)
{
    bool letters = text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'A' && text[1] <= 'Z';
    return (letters && !text[2]) || strcmp(text, "??") == 0;
}

/* Copied, and cut between characters where it is too long: bytes that were no UTF-8 have become
 * three each. */
static void copy_text(char *to, size_t cap, const char *text)
{
    size_t n = strlen(text);
    if (n >= cap)
        for (n = cap - 1; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
            continue;
    memcpy(to, text, n);
    to[n] = '\0';
}

static int read_text(const struct reader *reader, const struct field *field, const char *text,
                     void *at)
{
    if ((field->flags & FIELD_COUNTRY) && !is_country(text))
        return wrong(reader, field, "a country");
    copy_text(at, field->cap, text);
    return 0;
}

static int read_protocol(const struct reader *reader, const struct field *field,
                         const char *text, void *at)
{
    for (enum protocol protocol = 0; protocol < PROTOCOL_COUNT_; protocol++)
        if (strcmp(record_protocol(protocol), text) == 0) {
            memcpy(at, &protocol, sizeof protocol);
            return 0;
        }
    return wrong(reader, field, "a protocol");
}

static int read_time(const struct reader *reader, const struct field *field, const char *text,
                     void *at)
{
    int64_t time;
    bool known = field->kind == FIELD_TIME_NS ? calendar_parse_us(text, &time)
                                              : calendar_parse_s(text, &time);
    if (!known || (field->kind != FIELD_TIME_NS && time > UINT32_MAX))
        return wrong(reader, field, "a time in UTC");
    uint32_t u32 = (uint32_t)time;
    memcpy(at, field->cap == 4 ? (void *)&u32 : (void *)&time, field->cap);
    if (field->kind == FIELD_TIME_NS)
        reader->read->report->has_time = true;
    return 0;
}

static int read_string(const struct reader *reader, const struct field *field, json_t *value,
                       void *base)
{
    void *at = (char *)base + field->offset;
    const char *text = json_string_value(value);
    if (json_is_null(value) && !(field->flags & FIELD_REQUIRED) &&
        (field->kind == FIELD_NAME || field->kind == FIELD_TIME_NS ||
         field->kind == FIELD_ERROR))
        return 0;
    if (!text)
        return wrong(reader, field, "a text");
    struct file_status *file = base;
    switch (field->kind) {
    case FIELD_NAME:
        memcpy(at, &text, sizeof text);
        return 0;
    case FIELD_TEXT:
        return read_text(reader, field, text, at);
    case FIELD_ADDRESS:
        return address_parse(text, at) == 0 ? 0 : wrong(reader, field, "an address");
    case FIELD_PROTOCOL:
        return read_protocol(reader, field, text, at);
    case FIELD_TIME_S:
    case FIELD_START_S:
    case FIELD_TIME_NS:
        return read_time(reader, field, text, at);
    default: /* FIELD_ERROR */
        if (!*text)
            return wrong(reader, field, "a text");
        copy_text(file->error.text, sizeof file->error.text, text);
        return 0;
    }
}

static int read_list(const struct reader *reader, const struct field *field, json_t *value,
                     void *base)
{
    const char *names[REPORT_LABELS_MAX];
    size_t n = json_array_size(value);
    if (!json_is_array(value) || n > field->cap / sizeof *names || n > REPORT_LABELS_MAX)
        return wrong(reader, field, "a short list");
    for (size_t i = 0; i < n; i++)
        if (!(names[i] = json_string_value(json_array_get(value, i))))
            return wrong(reader, field, "a list of texts");
    unsigned count = (unsigned)n;
    memcpy((char *)base + field->offset, names, n * sizeof *names);
    memcpy((char *)base + field->count, &count, sizeof count);
    return 0;
}

/* Rows of a table (an array of objects) or of a map (an object of objects, whose names are the
 * first column). */
static int read_rows(struct reader *reader, const struct field *field, json_t *value,
                     void *rows)
{
    const struct record *record = field->record;
    const struct record rest = {.fields = record->fields + 1, .n = record->n - 1};
    const char *outer = reader->table, *name;
    json_t *row;
    reader->table = field->name;
    reader->row = 0;
    int status = 0;
    if (field->kind == FIELD_MAP) {
        void *iter = json_object_iter(value);
        for (; iter && status == 0; iter = json_object_iter_next(value, iter), reader->row++) {
            char *base = (char *)rows + reader->row * record->size;
            row = json_object_iter_value(iter);
            name = json_object_iter_key(iter);
            memcpy(base + record->fields[0].offset, &name, sizeof name);
            status = json_is_object(row) ? read_fields(reader, &rest, row, base)
                                         : wrong(reader, field, "an object of objects");
        }
    } else {
        for (; reader->row < json_array_size(value) && status == 0; reader->row++) {
            row = json_array_get(value, reader->row);
            status = json_is_object(row)
                         ? read_fields(reader, record, row,
                                       (char *)rows + reader->row * record->size)
                         : wrong(reader, field, "an array of objects");
        }
    }
    reader->table = outer;
    return status;
}

static int read_table(struct reader *reader, const struct field *field, json_t *value,
                      void *base)
{
    bool map = field->kind == FIELD_MAP;
    size_t n = map ? json_object_size(value) : json_array_size(value);
    if (!(map ? json_is_object(value) : json_is_array(value)) || n > reader->row_max)
        return wrong(reader, field, map ? "an object" : "an array");
    if (n == 0)
        return 0;
    void *rows = calloc(n, field->record->size);
    if (!rows)
        return no_memory(reader);
    if (field->kind == FIELD_FILES) {
        reader->read->status = rows;
        reader->read->files.n = n;
    } else {
        /* Freed with the report, whatever follows. */
        record_set_table(field, base, &(struct record_table){rows, n, n, false});
    }
    return read_rows(reader, field, value, rows);
}

/* "nightscope.report/1", and nothing newer; "thresholds" is there or not. */
static int read_constant(const struct reader *reader, const struct field *field, json_t *value)
{
    const char *text = json_string_value(value);
    if (strcmp(field->name, "schema") != 0)
        return text ? 0 : wrong(reader, field, "a text");
    if (text && strcmp(text, field->text) == 0)
        return 0;
    unsigned long version = text && strncmp(text, SCHEMA, sizeof SCHEMA - 1) == 0
                                ? strtoul(text + sizeof SCHEMA - 1, NULL, 10)
                                : 0;
    if (version > SCHEMA_VERSION)
        return err_set(reader->err, reader->origin, 0, 0,
                       "its schema \"%.64s\" is newer than this program, which reads \"%s\": a "
                       "newer nightscope wrote it",
                       text, field->text);
    return err_set(reader->err, reader->origin, 0, 0, "not a report: no schema \"%s\"",
                   field->text);
}

static int read_field(struct reader *reader, const struct field *field, json_t *value,
                      void *base)
{
    switch (field->kind) {
    case FIELD_U16:
    case FIELD_U32:
    case FIELD_U64:
    case FIELD_SIZE:
        return read_number(reader, field, value, (char *)base + field->offset);
    case FIELD_BOOL:
        if (!json_is_boolean(value))
            return wrong(reader, field, "true or false");
        *(bool *)((char *)base + field->offset) = json_is_true(value);
        return 0;
    case FIELD_NAME:
    case FIELD_TEXT:
    case FIELD_ADDRESS:
    case FIELD_PROTOCOL:
    case FIELD_TIME_S:
    case FIELD_START_S:
    case FIELD_TIME_NS:
    case FIELD_ERROR:
        return read_string(reader, field, value, base);
    case FIELD_CONSTANT:
        return read_constant(reader, field, value);
    case FIELD_LIST:
        return read_list(reader, field, value, base);
    case FIELD_GROUP:
        return json_is_object(value) ? read_fields(reader, field->record, value, base)
                                     : wrong(reader, field, "an object");
    case FIELD_TABLE:
    case FIELD_MAP:
    case FIELD_FILES:
        return read_table(reader, field, value, base);
    }
    return -1;
}

/* Recursion is as deep as the record tree, which is constant. */
static int read_fields(struct reader *reader, const struct record *record, json_t *object,
                       void *base)
{
    for (size_t i = 0; i < record->n; i++) {
        const struct field *field = &record->fields[i];
        json_t *value = json_object_get(object, field->name);
        if (!value && (field->flags & FIELD_REQUIRED))
            return wrong(reader, field, "there");
        if (value && read_field(reader, field, value, base) != 0)
            return -1;
        if (!value && (field->flags & FIELD_COUNTRY)) /* unknown, which is never empty */
            copy_text((char *)base + field->offset, field->cap, "??");
        if (field->can_estimate) {
            char name[64];
            (void)snprintf(name, sizeof name, "%s_estimated", field->name);
            if (json_is_true(json_object_get(object, name)))
                *(bool *)((char *)base + field->estimated) = true;
        }
    }
    return 0;
}

/* What the outputs rely on beyond single values. */
static int check_series(const struct reader *reader, const struct report *report)
{
    const struct report_minute *rows = report->series.rows;
    for (size_t i = 0; i < report->series.n; i++)
        if (rows[i].start_s % 60 != 0 || (i > 0 && rows[i].start_s <= rows[i - 1].start_s))
            return err_set(reader->err, reader->origin, 0, 0,
                           "not a report: \"series\" is not a row a minute, by time");
    if (report->has_time && report->first_ns > report->last_ns)
        return err_set(reader->err, reader->origin, 0, 0,
                       "not a report: \"last\" is before \"first\"");
    return 0;
}

static int finish_files(struct reader *reader)
{
    struct sink_read *read = reader->read;
    read->list = calloc(read->files.n ? read->files.n : 1, sizeof *read->list);
    if (!read->list)
        return no_memory(reader);
    for (size_t i = 0; i < read->files.n; i++) {
        read->status[i].failed = read->status[i].error.text[0] && !read->status[i].cut;
        read->list[i] = &read->status[i];
    }
    read->files.files = read->list;
    return 0;
}

static int read_report(struct reader *reader)
{
    struct sink_read *read = reader->read;
    if (!json_object_get(read->json, "schema"))
        return err_set(reader->err, reader->origin, 0, 0, "not a report: no schema");
    if (read_fields(reader, &RECORD_REPORT, read->json, read->report) != 0 ||
        check_series(reader, read->report) != 0 || finish_files(reader) != 0)
        return -1;
    read->report->has_signatures = read->report->signatures.n > 0 || read->report->labels.n > 0;
    read->report->dark_known =
        read->report->has_signatures && !json_object_get(read->json, "thresholds");
    record_derive(read->report);
    (void)json_object_del(read->json, "series"); /* may not be there; has no texts */
    return 0;
}

struct sink_read *sink_read(const char *text, size_t n, const char *origin, struct err *err)
{
    enum { ROW_TEXT_MIN = 8 }; /* {"t":1}, */
    struct sink_read *read = calloc(1, sizeof *read);
    struct reader reader = {
        .read = read, .row_max = n / ROW_TEXT_MIN, .origin = origin, .err = err, .table = ""};
    json_error_t error;
    if (read)
        read->report = calloc(1, sizeof *read->report);
    if (!read || !read->report) {
        sink_read_free(read);
        (void)no_memory(&reader);
        return NULL;
    }
    read->json = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
    int status = json_is_object(read->json) ? 0 : -1;
    if (!read->json)
        (void)err_set(err, origin, 0, 0, "not JSON: at byte %d: %s", error.position,
                      error.text);
    else if (status != 0)
        (void)err_set(err, origin, 0, 0, "not a report: not an object");
    if (status == 0)
        status = read_report(&reader);
    if (status == 0)
        return read;
    sink_read_free(read);
    return NULL;
}

void sink_read_free(struct sink_read *read)
{
    if (!read)
        return;
    report_free(read->report);
    free(read->status);
    free(read->list);
    json_decref(read->json);
    free(read);
}

struct report *sink_read_report(const struct sink_read *read)
{
    return read->report;
}

const struct sink_files *sink_read_files(const struct sink_read *read)
{
    return &read->files;
}
