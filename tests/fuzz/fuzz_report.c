/* Fuzzes reports read back from JSON: whatever was read can be written, read again, merged with
 * itself, cut and shown. */
#include <nightscope/sink.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *render(const struct report *report, const struct sink_files *files, size_t *ret_n)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_n);
    if (!out || sink_json(out, report, files, NULL) != 0 || fclose(out) != 0)
        abort();
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;
    struct sink_read *read = sink_read((const char *)data, size, "fuzz", &err);
    if (!read)
        return 0;
    struct report *report = sink_read_report(read);
    const struct sink_files *files = sink_read_files(read);
    size_t n;
    char *text = render(report, files, &n);
    struct sink_read *again = sink_read(text, n, "fuzz", &err);
    if (!again) { /* what we write we can read */
        (void)fprintf(stderr, "%s: %s\n%s\n", err.origin, err.text, text);
        abort();
    }
    if (sink_merge(report, sink_read_report(again)) != 0)
        abort();
    sink_cut(report, 3);
    FILE *null = fopen("/dev/null", "w");
    struct sink_text_options options = {.colour = size % 2,
                                        .width = 60 + (unsigned)(size % 60)};
    if (!null || sink_text(null, report, files, &options, &err) != 0 || fclose(null) != 0)
        abort();
    sink_read_free(again);
    sink_read_free(read);
    free(text);
    return 0;
}
