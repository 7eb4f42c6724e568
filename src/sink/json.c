/* The report as one JSON object on one line: the record tree, walked. */
#include "sink/json_out.h"
#include "sink/record.h"

#include <nightscope/lines.h>

#include <stdio.h>
#include <string.h>

static void write_fields(struct json_out *json, const struct record *record,
                         const struct record_root *root, const void *base);

static void write_table(struct json_out *json, const struct field *field,
                        const struct record_root *root, const void *base)
{
    struct record_rows rows = record_rows(field, root, base);
    json_out_open(json, '[');
    for (size_t i = 0; i < rows.n; i++) {
        json_out_open(json, '{');
        write_fields(json, rows.record, root, record_row(&rows, i));
        json_out_close(json, '}');
    }
    json_out_close(json, ']');
}

/* {"NAME":{the other columns},...} */
static void write_map(struct json_out *json, const struct field *field,
                      const struct record_root *root, const void *base)
{
    struct record_rows rows = record_rows(field, root, base);
    const struct record rest = {.fields = rows.record->fields + 1, .n = rows.record->n - 1};
    json_out_open(json, '{');
    for (size_t i = 0; i < rows.n; i++) {
        struct value name;
        record_value(&rows.record->fields[0], root, record_row(&rows, i), &name);
        json_out_key(json, name.text);
        json_out_open(json, '{');
        write_fields(json, &rest, root, record_row(&rows, i));
        json_out_close(json, '}');
    }
    json_out_close(json, '}');
}

static void write_list(struct json_out *json, const struct field *field, const void *base)
{
    struct record_names list = record_names(field, base);
    json_out_open(json, '[');
    for (size_t i = 0; i < list.n; i++)
        json_out_text(json, list.names[i]);
    json_out_close(json, ']');
}

static void write_leaf(struct json_out *json, const struct field *field,
                       const struct record_root *root, const void *base)
{
    struct value value;
    record_value(field, root, base, &value);
    if ((field->flags & FIELD_NONZERO) && value.number == 0)
        return;
    if ((field->flags & FIELD_DARKLESS) && value.kind == VALUE_NULL)
        return;
    json_out_key(json, field->name);
    switch (value.kind) {
    case VALUE_NULL:
        json_out_null(json);
        break;
    case VALUE_NUMBER:
        json_out_number(json, value.number);
        break;
    case VALUE_BOOL:
        json_out_bool(json, value.number != 0);
        break;
    case VALUE_TEXT:
        json_out_text(json, value.text);
        break;
    }
}

static void write_field(struct json_out *json, const struct field *field,
                        const struct record_root *root, const void *base)
{
    switch (field->kind) {
    case FIELD_GROUP:
        json_out_key(json, field->name);
        json_out_open(json, '{');
        write_fields(json, field->record, root, base);
        json_out_close(json, '}');
        break;
    case FIELD_TABLE:
    case FIELD_FILES:
        json_out_key(json, field->name);
        write_table(json, field, root, base);
        break;
    case FIELD_MAP:
        json_out_key(json, field->name);
        write_map(json, field, root, base);
        break;
    case FIELD_LIST:
        json_out_key(json, field->name);
        write_list(json, field, base);
        break;
    default:
        write_leaf(json, field, root, base);
    }
    if (record_estimated(field, base)) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s_estimated", field->name);
        json_out_key(json, name);
        json_out_bool(json, true);
    }
}

/* Recursion is as deep as the record tree, which is constant. */
static void write_fields(struct json_out *json, const struct record *record,
                         const struct record_root *root, const void *base)
{
    for (size_t i = 0; i < record->n; i++)
        write_field(json, &record->fields[i], root, base);
}

int sink_json(FILE *out, const struct report *report, const struct sink_files *files,
              struct err *err)
{
    struct json_out json;
    struct record_root root = {.report = report, .files = files};
    json_out_init(&json, out);
    json_out_open(&json, '{');
    write_fields(&json, &RECORD_REPORT, &root, report);
    json_out_close(&json, '}');
    int error = json_out_finish(&json);
    if (error)
        return err_set(err, NULL, 0, 0, "cannot write the report: %s", strerror(error));
    return 0;
}

void sink_minute_json(FILE *out, const struct report_minute *minute)
{
    struct json_out json;
    struct record_root root = {0};
    json_out_init(&json, out);
    json_out_open(&json, '{');
    write_fields(&json, &RECORD_MINUTE, &root, minute);
    json_out_close(&json, '}');
    (void)fputc('\n', out);
}
