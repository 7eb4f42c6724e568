/* Packets over time.
 *
 *      7.1 M │    ▄█▄              a column is one minute (drawn up to 4 wide), or the mean of
 *            │  ▂▆███▇▂    ▁       so many that the span fits the page; minutes that are not
 *          0 │▇████████████████▇   in the series had no packets
 *             2026-11-22 00:00                       2026-11-22 01:30 UTC
 *
 * With signatures there are two, all scans above and IoT scans below, on one axis of time and
 * each with its own peak. */
#include "sink/chart.h"

#include "sink/calendar.h"
#include "sink/quantity.h"

#include <string.h>

enum {
    ROWS_ALONE = 4,
    ROWS_PAIRED = 3,
    LEVELS = 8, /* of one character */
    AXIS = 11,  /* columns left of the first bar */
    BAR_MAX = 4,
    COLUMNS_MAX = PAGE_WIDTH_MAX,
};

struct chart {
    int64_t start_s, step_s; /* of the first column, and from one to the next */
    unsigned columns, bar;   /* how many, and how wide each is */
    unsigned rows;
    uint64_t sums[COLUMNS_MAX];
    uint64_t highest, peak; /* of sums; of the minutes */
    int64_t peak_s;
};

/* The least round number of minutes of which `columns` cover `minutes`. */
static int64_t round_step(int64_t minutes, int64_t columns)
{
    static const int64_t STEPS[] = {1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 360, 720};
    enum { DAY = 1440 };
    int64_t least = (minutes + columns - 1) / columns;
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++)
        if (STEPS[i] >= least)
            return STEPS[i];
    return (least + DAY - 1) / DAY * DAY;
}

static void build(struct chart *chart, const struct report *report, enum count what,
                  unsigned room)
{
    const struct report_minute *rows = report->series.rows;
    size_t n = report->series.n;
    int64_t minutes = (rows[n - 1].start_s - rows[0].start_s) / 60 + 1;
    int64_t step = round_step(minutes, room);
    *chart = (struct chart){.start_s = rows[0].start_s, .step_s = step * 60};
    chart->columns = (unsigned)((minutes + step - 1) / step);
    chart->bar = room / chart->columns < BAR_MAX ? room / chart->columns : BAR_MAX;
    for (size_t i = 0; i < n; i++) {
        uint64_t packets = rows[i].counts[what];
        size_t column = (size_t)((rows[i].start_s - chart->start_s) / chart->step_s);
        if (column >= chart->columns)
            continue;
        if (__builtin_add_overflow(chart->sums[column], packets, &chart->sums[column]))
            chart->sums[column] = UINT64_MAX;
        if (chart->sums[column] > chart->highest)
            chart->highest = chart->sums[column];
        if (packets > chart->peak) {
            chart->peak = packets;
            chart->peak_s = rows[i].start_s;
        }
    }
}

/* "2026-11-22 00:40" */
static const char *minute_text(int64_t unix_s, char buf[static CALENDAR_CAP])
{
    struct calendar at = calendar_from_s(unix_s);
    (void)snprintf(buf, CALENDAR_CAP, "%04lld-%02u-%02u %02u:%02u", (long long)at.year,
                   at.month, at.day, at.hour, at.minute);
    return buf;
}

/* "20 min": steps are whole numbers of their unit */
static const char *step_text(int64_t step_s, char buf[static QUANTITY_CAP])
{
    int64_t unit = step_s < 3600 ? 60 : step_s < 86400 ? 3600 : 86400;
    (void)snprintf(buf, QUANTITY_CAP, "%lld %s", (long long)(step_s / unit),
                   unit == 60     ? "min"
                   : unit == 3600 ? "h"
                                  : "d");
    return buf;
}

static void write_heading(const struct page *page, const struct chart *chart, const char *title)
{
    char when[CALENDAR_CAP], peak[QUANTITY_CAP], step[QUANTITY_CAP], line[160];
    page_style(page, PAGE_BOLD);
    (void)fputs(title, page->out);
    page_plain(page);
    int n =
        snprintf(line, sizeof line, "peak %s at %s", quantity_count(chart->peak, false, peak),
                 minute_text(chart->peak_s, when));
    if (chart->step_s > 60 && n > 0 && (size_t)n < sizeof line)
        (void)snprintf(line + n, sizeof line - (size_t)n, "; a column: mean of %s",
                       step_text(chart->step_s, step));
    page_spaces(page, 2);
    page_wrap(page, line, (unsigned)strlen(title) + 2);
}

/* Eighths of a row; something for anything but 0. */
static unsigned level_of(const struct chart *chart, unsigned column)
{
    unsigned __int128 sum = chart->sums[column];
    unsigned level = (unsigned)(sum * chart->rows * LEVELS / chart->highest);
    return level == 0 && sum > 0 ? 1 : level;
}

static void write_row(const struct page *page, const struct chart *chart, unsigned row)
{
    static const char *const BLOCKS[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    char text[QUANTITY_CAP];
    uint64_t a_minute = chart->highest / (uint64_t)(chart->step_s / 60);
    const char *label = row == 0                 ? quantity_short(a_minute, text)
                        : row == chart->rows - 1 ? "0"
                                                 : "";
    unsigned below = (chart->rows - 1 - row) * LEVELS; /* levels in the rows under this one */
    page_right(page, label, AXIS - 2);
    (void)fputs(" │", page->out);
    page_style(page, PAGE_BAR);
    unsigned blank = 0; /* columns not written yet: none at the end of a line */
    for (unsigned i = 0; i < chart->columns; i++) {
        unsigned level = level_of(chart, i);
        unsigned part = level <= below ? 0 : level - below < LEVELS ? level - below : LEVELS;
        if (part == 0) {
            blank += chart->bar;
            continue;
        }
        page_spaces(page, blank);
        blank = 0;
        for (unsigned j = 0; j < chart->bar; j++)
            (void)fputs(BLOCKS[part], page->out);
    }
    page_plain(page);
    page_newline(page);
}

static void write_times(const struct page *page, const struct chart *chart)
{
    char first[CALENDAR_CAP], last[CALENDAR_CAP];
    unsigned width = chart->columns * chart->bar;
    (void)minute_text(chart->start_s, first);
    (void)minute_text(chart->start_s + (int64_t)chart->columns * chart->step_s, last);
    unsigned taken = page_columns(first) + page_columns(last) + 4; /* " UTC" */
    page_spaces(page, AXIS);
    (void)fputs(first, page->out);
    if (width >= taken + 2)
        page_spaces(page, width - taken);
    else
        (void)fputs(" to ", page->out);
    (void)fprintf(page->out, "%s UTC\n", last);
}

static void write_chart(const struct page *page, const struct chart *chart, const char *title)
{
    if (chart->highest == 0)
        return;
    write_heading(page, chart, title);
    for (unsigned row = 0; row < chart->rows; row++)
        write_row(page, chart, row);
}

void chart_write(const struct page *page, const struct report *report)
{
    struct chart chart, iot = {0};
    if (report->series.n == 0)
        return;
    bool paired = report->has_signatures;
    build(&chart, report, paired ? COUNT_scan : COUNT_packets, page->width - AXIS);
    chart.rows = ROWS_ALONE;
    if (paired) {
        build(&iot, report, COUNT_iot_matched, page->width - AXIS);
        chart.rows = iot.rows = ROWS_PAIRED;
    }
    if (chart.highest == 0 && iot.highest == 0)
        return;
    page_newline(page);
    write_chart(page, &chart, paired ? "Scans a minute" : "Packets a minute");
    write_chart(page, &iot, "IoT scans a minute");
    write_times(page, &chart);
}
