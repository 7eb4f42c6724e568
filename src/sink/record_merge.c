/* Two reports become one: the record tree, walked over both.
 *
 * Counts add up. Distinct counts add up to upper bounds and are then marked as estimates: the
 * same source may have met both sensors. Rows of tables are merged by their key; where one of
 * the reports had cut its table, a row that it does not have may be short of what it cut off,
 * and is marked as well. */
#include "sink/record.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static uint64_t number_of(const struct field *field, const void *base)
{
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    const void *at = (const char *)base + field->offset;
    switch (field->cap) {
    case sizeof u16:
        memcpy(&u16, at, sizeof u16);
        return u16;
    case sizeof u32:
        memcpy(&u32, at, sizeof u32);
        return u32;
    default:
        memcpy(&u64, at, sizeof u64);
        return u64;
    }
}

static int by_number(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_field(const struct field *field, const void *a, const void *b)
{
    const char *left = (const char *)a + field->offset;
    const char *right = (const char *)b + field->offset;
    switch (field->kind) {
    case FIELD_NAME:
        return strcmp(*(const char *const *)left, *(const char *const *)right);
    case FIELD_TEXT:
        return strcmp(left, right);
    case FIELD_ADDRESS:
        return address_compare((const void *)left, (const void *)right);
    default: /* numbers, times from 1970 on, enums */
        return by_number(number_of(field, a), number_of(field, b));
    }
}

static int compare_keys(const struct record *record, const void *a, const void *b)
{
    int order = 0;
    for (size_t i = 0; i < record->n && order == 0; i++)
        if (record->fields[i].flags & FIELD_KEY)
            order = compare_field(&record->fields[i], a, b);
    return order;
}

static int by_key(const void *a, const void *b, void *record)
{
    return compare_keys(record, a, b);
}

static int by_packets(const void *a, const void *b, void *context)
{
    const struct record *record = context;
    for (size_t i = 0; i < record->n; i++)
        if (strcmp(record->fields[i].name, "packets") == 0) {
            uint64_t left = number_of(&record->fields[i], a);
            uint64_t right = number_of(&record->fields[i], b);
            if (left != right)
                return left > right ? -1 : 1;
        }
    return compare_keys(record, a, b);
}

static uint64_t sum(uint64_t a, uint64_t b)
{
    return a + b < a ? UINT64_MAX : a + b;
}

static void merge_number(const struct field *field, void *into, const void *from)
{
    uint64_t a = number_of(field, into), b = number_of(field, from);
    uint64_t value = sum(a, b);
    if (field->flags & FIELD_HIGHEST)
        value = a > b ? a : b;
    else if (field->flags & FIELD_LOWEST)
        value = a < b ? a : b;
    else if (field->kind == FIELD_U32 || field->kind == FIELD_U16)
        value = a ? a : b; /* an AS: whoever knows it */
    uint32_t u32 = (uint32_t)value;
    memcpy((char *)into + field->offset,
           field->cap == sizeof u32 ? (void *)&u32 : (void *)&value, field->cap);
}

/* By name, each once; those that do not fit are left out. */
static void merge_list(const struct field *field, void *into, const void *from)
{
    struct record_names a = record_names(field, into), b = record_names(field, from);
    const char *names[REPORT_LABELS_MAX];
    unsigned n = 0;
    for (size_t i = 0, j = 0; n < REPORT_LABELS_MAX && (i < a.n || j < b.n);) {
        int order = i == a.n ? 1 : j == b.n ? -1 : strcmp(a.names[i], b.names[j]);
        names[n++] = order <= 0 ? a.names[i] : b.names[j];
        i += order <= 0;
        j += order >= 0;
    }
    memcpy((char *)into + field->offset, names, n * sizeof *names);
    memcpy((char *)into + field->count, &n, sizeof n);
}

static void merge_text(const struct field *field, void *into, const void *from)
{
    char *text = (char *)into + field->offset;
    if (!*text || strcmp(text, "??") == 0)
        memcpy(text, (const char *)from + field->offset, field->cap);
}

static int merge_fields(const struct record *record, void *into, const void *from);

/* A copy of the rows, by key. NULL: out of memory. */
static char *rows_by_key(const struct record *record, const struct record_table *table)
{
    char *rows = calloc(table->n + 1, record->size);
    if (rows && table->n) {
        memcpy(rows, table->rows, table->n * record->size);
        qsort_r(rows, table->n, record->size, by_key, (void *)record);
    }
    return rows;
}

/* What the row counts may be more: a part of it was cut off. */
static void mark_row(const struct record *record, void *row)
{
    for (size_t i = 0; i < record->n; i++)
        if (record->fields[i].can_estimate)
            *(bool *)((char *)row + record->fields[i].estimated) = true;
}

/* Rows of both, by key; those that agree are one. Returns how many, or -1. */
static ssize_t join_rows(const struct record *record, const struct record_table *a,
                         const struct record_table *b, const char *left, const char *right,
                         char *ret_rows)
{
    size_t kept = 0, size = record->size;
    for (size_t i = 0, j = 0; i < a->n || j < b->n;) {
        int order = i == a->n   ? 1
                    : j == b->n ? -1
                                : compare_keys(record, left + i * size, right + j * size);
        char *row = ret_rows + kept++ * size;
        memcpy(row, order <= 0 ? left + i * size : right + j * size, size);
        if (order == 0 && merge_fields(record, row, right + j * size) != 0)
            return -1;
        if (order < 0 ? b->cut : order > 0 && a->cut)
            mark_row(record, row);
        i += order <= 0;
        j += order >= 0;
    }
    return (ssize_t)kept;
}

static int merge_table(const struct field *field, void *into, const void *from)
{
    const struct record *record = field->record;
    struct record_table a = record_table(field, into), b = record_table(field, from);
    a.cut |= a.total > a.n;
    b.cut |= b.total > b.n;
    char *left = rows_by_key(record, &a), *right = rows_by_key(record, &b);
    char *rows = calloc(a.n + b.n + 1, record->size);
    ssize_t n = -1;
    if (left && right && rows)
        n = join_rows(record, &a, &b, left, right, rows);
    free(left);
    free(right);
    if (n < 0) {
        free(rows);
        return -1;
    }
    if (!(field->flags & FIELD_BY_KEY))
        qsort_r(rows, (size_t)n, record->size, by_packets, (void *)record);
    free(a.rows);
    struct record_table merged = {rows, (size_t)n, a.total > b.total ? a.total : b.total,
                                  a.cut || b.cut};
    if (merged.total < merged.n)
        merged.total = merged.n;
    record_set_table(field, into, &merged);
    return 0;
}

static int merge_field(const struct field *field, void *into, const void *from)
{
    switch (field->kind) {
    case FIELD_U16:
    case FIELD_U32:
    case FIELD_U64:
    case FIELD_TIME_S:
        if (!(field->flags & FIELD_KEY))
            merge_number(field, into, from);
        return 0;
    case FIELD_TEXT:
        merge_text(field, into, from);
        return 0;
    case FIELD_LIST:
        merge_list(field, into, from);
        return 0;
    case FIELD_GROUP:
        return merge_fields(field->record, into, from);
    case FIELD_TABLE:
    case FIELD_MAP:
        return merge_table(field, into, from);
    case FIELD_SIZE:    /* of a table, which has it already */
    case FIELD_TIME_NS: /* by has_time */
    case FIELD_NAME:    /* keys, or the same for the same key */
    case FIELD_ADDRESS:
    case FIELD_PROTOCOL:
    case FIELD_START_S:
    case FIELD_BOOL: /* of files, as what follows */
    case FIELD_ERROR:
    case FIELD_FILES:
    case FIELD_CONSTANT:
        return 0;
    }
    return 0;
}

/* Does the field, or any of its group, count something in both? */
static bool both_count(const struct field *field, const void *a, const void *b)
{
    if (field->kind != FIELD_GROUP)
        return number_of(field, a) > 0 && number_of(field, b) > 0;
    bool both = false;
    for (size_t i = 0; i < field->record->n; i++)
        both |= both_count(&field->record->fields[i], a, b);
    return both;
}

static int merge_fields(const struct record *record, void *into, const void *from)
{
    int status = 0;
    for (size_t i = 0; i < record->n; i++) {
        const struct field *field = &record->fields[i];
        bool adds = field->flags & FIELD_ADDS;
        bool estimated = field->can_estimate && ((!adds && both_count(field, into, from)) ||
                                                 record_estimated(field, from));
        status |= merge_field(field, into, from);
        if (estimated)
            *(bool *)((char *)into + field->estimated) = true;
    }
    return status;
}

/* Views and totals that no field of their own has. */
void record_derive(struct report *report)
{
    struct report_view *views[] = {&report->scan, &report->backscatter, &report->iot};
    report->scan.packets = report->counts[COUNT_scan];
    report->scan.sources = report->class_sources[CLASS_SCAN];
    report->counts[COUNT_sources] = report->sources;
    for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
        struct report_view *view = views[i];
        if (view->ports.total < view->ports.n)
            view->ports.total = view->ports.n;
        if (view->countries.total < view->countries.n)
            view->countries.total = view->countries.n;
        if (view->asns.total < view->asns.n)
            view->asns.total = view->asns.n;
        if (view->top_sources.total < view->top_sources.n)
            view->top_sources.total = view->top_sources.n;
        report->located |= view->countries.total > 0 || view->asns.total > 0;
    }
    if (report->iot_ports.total < report->iot_ports.n)
        report->iot_ports.total = report->iot_ports.n;
}

int sink_merge(struct report *into, const struct report *from)
{
    int status = merge_fields(&RECORD_REPORT, into, from);
    if (from->has_time) {
        bool had = into->has_time;
        into->first_ns =
            had && into->first_ns < from->first_ns ? into->first_ns : from->first_ns;
        into->last_ns = had && into->last_ns > from->last_ns ? into->last_ns : from->last_ns;
    }
    into->has_time |= from->has_time;
    into->dark_known = into->has_signatures && from->has_signatures
                           ? into->dark_known && from->dark_known
                           : into->dark_known || from->dark_known;
    into->has_signatures |= from->has_signatures;
    record_derive(into);
    return status;
}

static void cut_tables(const struct record *record, void *base, size_t top)
{
    for (size_t i = 0; i < record->n; i++) {
        const struct field *field = &record->fields[i];
        if (field->kind == FIELD_GROUP)
            cut_tables(field->record, base, top);
        if (field->kind != FIELD_TABLE || (field->flags & FIELD_BY_KEY))
            continue;
        struct record_table table = record_table(field, base);
        if (table.n > top) {
            table.n = top;
            record_set_table(field, base, &table);
        }
    }
}

void sink_cut(struct report *report, size_t top)
{
    if (top > 0)
        cut_tables(&RECORD_REPORT, report, top);
}
