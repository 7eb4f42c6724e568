#include "app/output.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static unsigned page_width(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 60)
        return size.ws_col;
    return 80;
}

static int flush(struct err *err)
{
    if (fflush(stdout) == 0)
        return 0;
    return err_set(err, "standard output", 0, 0, "cannot write the report: %s",
                   strerror(errno));
}

static int write_page_or_json(const struct setup *setup, const struct report *report,
                              const struct sink_files *files, struct err *err)
{
    struct sink_text_options page = {setup->colour, page_width()};
    return setup->options.value[OPTION_json].given
               ? sink_json(stdout, report, files, err)
               : sink_text(stdout, report, files, &page, err);
}

int output_report(const struct setup *setup, const struct report *report,
                  const struct sink_files *files, struct err *err)
{
    const char *csv = setup_text(setup, OPTION_csv);
    int status = csv ? sink_csv(csv, report, files, err) : 0;
    if (status == 0)
        status = write_page_or_json(setup, report, files, err);
    return status == 0 ? flush(err) : status;
}

int output_report_as(const struct setup *setup, const struct report *report,
                     const struct sink_files *files, const char *json, size_t json_len,
                     struct err *err)
{
    const char *csv = setup_text(setup, OPTION_csv);
    if (!setup->options.value[OPTION_json].given)
        return output_report(setup, report, files, err);
    if (csv && sink_csv(csv, report, files, err) != 0)
        return -1;
    if (fwrite(json, 1, json_len, stdout) != json_len || fputc('\n', stdout) == EOF)
        return err_set(err, "standard output", 0, 0, "cannot write the report: %s",
                       strerror(errno));
    return flush(err);
}
