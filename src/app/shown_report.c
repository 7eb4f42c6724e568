#include "app/shown_report.h"

#include <stdlib.h>

/* Rows of its own, without those of the dark space. */
static bool withhold(struct report_view *view, const struct prefix_set *dark)
{
    size_t n = view->top_sources.n, kept = 0;
    struct report_source *rows = malloc((n + 1) * sizeof *rows);
    for (size_t i = 0; rows && i < n; i++)
        if (!prefix_set_has(dark, &view->top_sources.rows[i].ip))
            rows[kept++] = view->top_sources.rows[i];
    view->top_sources.rows = rows;
    view->top_sources.n = kept;
    return rows;
}

char *shown_report(const struct report *report, const struct sink_files *files,
                   const struct prefix_set *dark, size_t *ret_n)
{
    struct report shown = *report;
    struct report_view *views[] = {&shown.scan, &shown.backscatter, &shown.iot};
    enum { VIEWS_N = sizeof views / sizeof *views };
    char *text = NULL;
    size_t n = 0;
    bool whole = true;
    for (unsigned i = 0; dark && i < VIEWS_N; i++)
        whole &= withhold(views[i], dark);
    FILE *out = whole ? open_memstream(&text, &n) : NULL;
    whole = out && sink_json(out, &shown, files, NULL) == 0;
    if (out && fclose(out) != 0)
        whole = false;
    for (unsigned i = 0; dark && i < VIEWS_N; i++)
        free(views[i]->top_sources.rows);
    if (!whole || n == 0) {
        free(text);
        return NULL;
    }
    text[--n] = '\0';
    *ret_n = n;
    return text;
}
