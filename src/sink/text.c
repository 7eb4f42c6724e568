/* The report as one page for a person: how much, what, which ports, from where, who, when, and
 * what was not counted. Tables share one grid; see text_grid.h. */
#include "sink/calendar.h"
#include "sink/chart.h"
#include "sink/page.h"
#include "sink/quantity.h"
#include "sink/record.h"
#include "sink/text_table.h"

#include <errno.h>
#include <string.h>

enum {
    NOTE_COLUMN = 18, /* numbers of notes end two columns before */
    FILES_MAX = 10,   /* named on the page */
};

static void heading(const struct page *page, const char *title)
{
    page_newline(page);
    page_style(page, PAGE_BOLD);
    (void)fputs(title, page->out);
    page_plain(page);
    page_newline(page);
}

/* "2026-11-22 00:00:00", of RFC 3339 text */
static const char *moment(int64_t ns, char buf[static CALENDAR_CAP])
{
    (void)calendar_format_s(ns / 1000000000, buf);
    buf[10] = ' ';
    buf[strlen(buf) - 1] = '\0';
    return buf;
}

static void write_when(const struct page *page, const struct report *report)
{
    char first[CALENDAR_CAP], last[CALENDAR_CAP], span[QUANTITY_CAP], line[160];
    if (!report->has_time) {
        page_wrap(page, "no frame was read", 12);
        return;
    }
    (void)snprintf(line, sizeof line, "%s to %s UTC, %s", moment(report->first_ns, first),
                   moment(report->last_ns, last),
                   quantity_duration(report->last_ns - report->first_ns, span));
    page_wrap(page, line, 12);
}

static void write_head(const struct page *page, const struct report *report)
{
    char frames[QUANTITY_CAP], packets[QUANTITY_CAP], bytes[QUANTITY_CAP], rate[QUANTITY_CAP];
    char sources[QUANTITY_CAP], destinations[QUANTITY_CAP], line[256];
    uint64_t all = report->counts[COUNT_packets];
    int64_t span_s = report->has_time ? (report->last_ns - report->first_ns) / 1000000000 : 0;
    page_style(page, PAGE_BOLD);
    page_left(page, "nightscope", 12);
    page_plain(page);
    write_when(page, report);
    if (report->frames == 0)
        return;
    int n = snprintf(line, sizeof line, "%s frames, %s packets, %s",
                     quantity_count(report->frames, false, frames),
                     quantity_count(report->counts[COUNT_packets], false, packets),
                     quantity_bytes(report->counts[COUNT_bytes], bytes));
    if (span_s > 0 && n > 0 && (size_t)n < sizeof line)
        (void)snprintf(
            line + n, sizeof line - (size_t)n, ", %s packets/s",
            quantity_count(report->counts[COUNT_packets] / (uint64_t)span_s, false, rate));
    page_spaces(page, 12);
    page_wrap(page, line, 12);
    (void)snprintf(
        line, sizeof line, "from %s sources to %s destinations",
        quantity_count(record_distinct(report->sources, report->sources_estimated, all),
                       report->sources_estimated, sources),
        quantity_count(
            record_distinct(report->destinations, report->destinations_estimated, all),
            report->destinations_estimated, destinations));
    page_spaces(page, 12);
    page_wrap(page, line, 12);
}

/* Notes: a number and what it means, for whoever must judge the rest of the page. */

static void write_note(const struct page *page, uint64_t count, const char *text)
{
    char number[QUANTITY_CAP];
    page_right(page, quantity_count(count, false, number), NOTE_COLUMN - 2);
    page_spaces(page, 2);
    page_wrap(page, text, NOTE_COLUMN);
}

static void write_not_counted(const struct page *page, const struct report *report)
{
    static const char *const TEXTS[REASON_COUNT_] = {
#define X(id, name, text) [REASON_##id] = text,
        REASONS(X)
#undef X
    };
    uint64_t refused = 0;
    for (unsigned reason = REASON_NONE + 1; reason < REASON_COUNT_; reason++)
        refused += report->not_counted[reason];
    heading(page, "Frames not counted");
    if (refused == 0) {
        page_style(page, PAGE_DIM);
        (void)fputs("  none: nothing was refused\n", page->out);
        page_plain(page);
    }
    for (unsigned reason = REASON_NONE + 1; reason < REASON_COUNT_; reason++)
        if (report->not_counted[reason] > 0)
            write_note(page, report->not_counted[reason], TEXTS[reason]);
}

struct note {
    uint64_t count;
    const char *text;
};

static void write_notes(const struct page *page, const char *title, const struct note *notes,
                        size_t n)
{
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        if (notes[i].count == 0)
            continue;
        if (!any)
            heading(page, title);
        any = true;
        write_note(page, notes[i].count, notes[i].text);
    }
}

static void write_remarks(const struct page *page, const struct report *report)
{
    uint64_t bad = 0;
    for (unsigned i = 0; i < CHECKSUM_COUNT_; i++)
        bad += report->bad_checksum[i];
    const struct note properties[] = {
        {report->counts[COUNT_late],
         "packets came late, after their minute was closed: in the totals, in no minute"},
        {report->from_dark, "packets have a source in the dark space: spoofed, or a leak"},
        {report->ipv6, "packets are IPv6"},
        {report->fragments, "packets are fragments"},
        {report->decapsulated, "packets came out of a tunnel"},
        {report->cut, "packets were not captured whole"},
        {bad, "checksums are wrong; a packet may have two"},
        {report->counts[COUNT_dropped], "packets were lost before nightscope saw them"},
    };
    const struct note limits[] = {
        {report->limits.sources_evicted,
         "sources were dropped to make room: counts of sources are estimates"},
        {report->limits.distinct_frozen,
         "sets of ports, destinations or sources are full: their counts are lower bounds"},
        {report->limits.evidence_refused,
         "matches found no room to be kept by source: they label nobody"},
        {report->limits.events_evicted, "scan events ended early, to make room for others"},
        {report->limits.events_refused, "packets found no room in a scan event"},
        {report->limits.minutes_refused, "minutes did not fit the series: only in the totals"},
        {report->limits.memory_refused, "allocations failed: the machine is short of memory"},
    };
    write_notes(page, "Of all packets", properties, sizeof properties / sizeof properties[0]);
    write_notes(page, "Limits reached", limits, sizeof limits / sizeof limits[0]);
}

/* Files: only those with something to say. */

static bool has_remark(const struct file_status *file)
{
    return record_file_error(file) || file->dropped > 0;
}

static void write_file(const struct page *page, const struct file_status *file)
{
    char dropped[QUANTITY_CAP], line[ERR_TEXT_CAP + 128];
    const char *error = record_file_error(file);
    page_spaces(page, 2);
    page_wrap(page, file->name, 2);
    if (error) {
        page_spaces(page, 6);
        page_wrap(page, error, 6);
    }
    if (file->dropped > 0) {
        (void)snprintf(line, sizeof line, "%s packets were lost by the program that wrote it",
                       quantity_count(file->dropped, false, dropped));
        page_spaces(page, 6);
        page_wrap(page, line, 6);
    }
}

static void write_files(const struct page *page, const struct sink_files *files)
{
    char all[QUANTITY_CAP], marked[QUANTITY_CAP], title[128];
    uint64_t remarks = 0;
    for (size_t i = 0; i < files->n; i++)
        remarks += has_remark(files->files[i]);
    if (remarks == 0)
        return;
    (void)snprintf(title, sizeof title, "Files: %s of %s with a problem",
                   quantity_count(remarks, false, marked),
                   quantity_count(files->n, false, all));
    heading(page, title);
    uint64_t shown = 0;
    for (size_t i = 0; i < files->n && shown < FILES_MAX; i++)
        if (has_remark(files->files[i])) {
            write_file(page, files->files[i]);
            shown++;
        }
    if (remarks > shown)
        (void)fprintf(page->out, "  … and %s more\n",
                      quantity_count(remarks - shown, false, all));
}

static void write_tables(const struct page *page, const struct report *report)
{
    text_classes(page, report);
    text_iot(page, report);
    text_tools(page, report);
    text_ports(page, report);
    text_services(page, report);
    text_places(page, report);
    text_sources(page, report);
    text_victims(page, report);
    text_attacked_ports(page, report);
}

int sink_text(FILE *out, const struct report *report, const struct sink_files *files,
              const struct sink_text_options *options, struct err *err)
{
    struct page page = {.out = out, .colour = options->colour, .width = options->width};
    if (page.width < PAGE_WIDTH_MIN)
        page.width = PAGE_WIDTH_MIN;
    if (page.width > PAGE_WIDTH_MAX)
        page.width = PAGE_WIDTH_MAX;
    errno = 0;
    write_head(&page, report);
    if (report->frames > 0) {
        write_tables(&page, report);
        chart_write(&page, report);
        write_not_counted(&page, report);
        write_remarks(&page, report);
    }
    write_files(&page, files);
    if (fflush(out) != 0 || ferror(out))
        return err_set(err, NULL, 0, 0, "cannot write the report: %s",
                       strerror(errno ? errno : EIO));
    return 0;
}
