/* The report as a directory of CSV files: one a table of the record tree, and summary.csv with
 * everything else as rows of a dotted name and a value. */
#include "sink/csv_out.h"
#include "sink/record.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <nightscope/lines.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct csv {
    struct record_root root;
    int dir;
    const char *path;
    struct err *err;
};

static bool is_table(const struct field *field)
{
    return field->kind == FIELD_TABLE || field->kind == FIELD_MAP || field->kind == FIELD_FILES;
}

/* "backscatter" and "ports" joined; every name is one of ours and short. */
static const char *join(char buf[static CSV_NAME_CAP], const char *prefix, char separator,
                        const char *name)
{
    int length =
        snprintf(buf, CSV_NAME_CAP, "%s%.*s%s", prefix, prefix[0] ? 1 : 0, &separator, name);
    assert(length < CSV_NAME_CAP);
    (void)length; /* without assertions */
    return buf;
}

/* Names as one cell, a blank between two. Those that do not fit are cut: names of signatures
 * are at most SIGNATURE_NAME_MAX bytes. */
static void write_list(struct csv_out *out, const struct field *field, const void *base)
{
    char cell[REPORT_LABELS_MAX * (SIGNATURE_NAME_MAX + 2)] = "";
    struct record_names list = record_names(field, base);
    size_t used = 0;
    for (size_t i = 0; i < list.n && used < sizeof cell; i++)
        used += (size_t)snprintf(cell + used, sizeof cell - used, "%s%s", i > 0 ? " " : "",
                                 list.names[i]);
    csv_out_text(out, cell);
}

static void write_cell(struct csv_out *out, const struct field *field,
                       const struct record_root *root, const void *base)
{
    struct value value;
    if (field->kind == FIELD_LIST) {
        write_list(out, field, base);
        return;
    }
    record_value(field, root, base, &value);
    switch (value.kind) {
    case VALUE_NULL:
        csv_out_text(out, "");
        break;
    case VALUE_NUMBER:
        csv_out_number(out, value.number);
        break;
    case VALUE_BOOL:
        csv_out_bool(out, value.number != 0);
        break;
    case VALUE_TEXT:
        csv_out_text(out, value.text);
        break;
    }
}

/* The columns do not depend on the data: whether a value is an estimate has its own. */
static void write_header(struct csv_out *out, const struct record *record)
{
    for (size_t i = 0; i < record->n; i++) {
        const struct field *field = &record->fields[i];
        char name[CSV_NAME_CAP];
        csv_out_text(out, field->name);
        if (field->can_estimate)
            csv_out_text(out, join(name, field->name, '_', "estimated"));
    }
    csv_out_end_row(out);
}

static void write_row(struct csv_out *out, const struct record *record,
                      const struct record_root *root, const void *row)
{
    for (size_t i = 0; i < record->n; i++) {
        const struct field *column = &record->fields[i];
        write_cell(out, column, root, row);
        if (column->can_estimate)
            csv_out_bool(out, record_estimated(column, row));
    }
    csv_out_end_row(out);
}

static int write_table(const struct csv *csv, const struct field *field, const char *name,
                       const void *base)
{
    char file[CSV_NAME_CAP];
    struct csv_out out;
    if (csv_out_open(&out, csv->dir, csv->path, join(file, name, '.', "csv"), csv->err) != 0)
        return -1;
    struct record_rows rows = record_rows(field, &csv->root, base);
    write_header(&out, rows.record);
    for (size_t i = 0; i < rows.n; i++) {
        write_row(&out, rows.record, &csv->root, record_row(&rows, i));
    }
    return csv_out_close(&out, csv->err);
}

/* Recursion is as deep as the record tree, which is constant. */
static int write_tables(const struct csv *csv, const struct record *record, const char *prefix,
                        const void *base)
{
    for (size_t i = 0; i < record->n; i++) {
        const struct field *field = &record->fields[i];
        char name[CSV_NAME_CAP];
        (void)join(name, prefix, '_', field->name);
        if (is_table(field) &&
            write_table(csv, field, field->file ? field->file : name, base) != 0)
            return -1;
        if (field->kind == FIELD_GROUP && write_tables(csv, field->record, name, base) != 0)
            return -1;
    }
    return 0;
}

static void write_summary_fields(struct csv_out *out, const struct record_root *root,
                                 const struct record *record, const char *prefix,
                                 const void *base)
{
    for (size_t i = 0; i < record->n; i++) {
        const struct field *field = &record->fields[i];
        char name[CSV_NAME_CAP], estimated[CSV_NAME_CAP];
        (void)join(name, prefix, '.', field->name);
        if (field->kind == FIELD_GROUP) {
            write_summary_fields(out, root, field->record, name, base);
        } else if (!is_table(field)) {
            csv_out_text(out, name);
            write_cell(out, field, root, base);
            csv_out_end_row(out);
        }
        if (field->can_estimate) {
            csv_out_text(out, join(estimated, name, '_', "estimated"));
            csv_out_bool(out, record_estimated(field, base));
            csv_out_end_row(out);
        }
    }
}

static int write_summary(const struct csv *csv)
{
    struct csv_out out;
    if (csv_out_open(&out, csv->dir, csv->path, "summary.csv", csv->err) != 0)
        return -1;
    csv_out_text(&out, "field");
    csv_out_text(&out, "value");
    csv_out_end_row(&out);
    write_summary_fields(&out, &csv->root, &RECORD_REPORT, "", csv->root.report);
    return csv_out_close(&out, csv->err);
}

int sink_csv(const char *path, const struct report *report, const struct sink_files *files,
             struct err *err)
{
    struct csv csv = {.root = {.report = report, .files = files}, .path = path, .err = err};
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return csv_out_error(path, "", errno, err);
    csv.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (csv.dir < 0)
        return csv_out_error(path, "", errno, err);
    int status = write_tables(&csv, &RECORD_REPORT, "", report);
    if (status == 0)
        status = write_summary(&csv);
    if (status == 0 && fsync(csv.dir) != 0 && errno != EINVAL) /* EINVAL: cannot be synced */
        status = csv_out_error(path, "", errno, err);
    (void)close(csv.dir); /* only read from */
    return status;
}

void sink_minute_csv_header(FILE *out)
{
    struct csv_out csv = {.out = out};
    write_header(&csv, &RECORD_MINUTE);
}

void sink_minute_csv(FILE *out, const struct report_minute *minute)
{
    struct csv_out csv = {.out = out};
    struct record_root root = {0};
    write_row(&csv, &RECORD_MINUTE, &root, minute);
}
