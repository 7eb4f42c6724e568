/* Fuzzes configuration files: whatever was read prints as a file that reads as the same. The
 * first byte chooses the command. */
#include "app/options.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *print(const struct options *options, const char *command, size_t *ret_n)
{
    char *text = NULL;
    struct err err;
    FILE *out = open_memstream(&text, ret_n);
    if (!out)
        abort();
    int status = options_print(options, command, out, &err);
    if (fclose(out) != 0)
        abort();
    if (status == 0)
        return text;
    free(text);
    return NULL; /* a part of a list is empty, or so */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const COMMANDS[] = {"replay", "report", "explain", "check", "live"};
    if (size == 0)
        return 0;
    const char *command = COMMANDS[data[0] % (sizeof COMMANDS / sizeof *COMMANDS)];
    struct options options, again;
    struct err err = {0};
    options_init(&options);
    options_init(&again);
    int status =
        options_parse_config(&options, command, (const char *)data + 1, size - 1, "fuzz", &err);
    if (status != 0 && (err.text[0] == '\0' || err.line == 0))
        abort(); /* a mistake has a place */
    size_t n, m;
    char *text = status == 0 ? print(&options, command, &n) : NULL;
    if (text) {
        if (options_parse_config(&again, command, text, n, "again", &err) != 0)
            abort();
        char *same = print(&again, command, &m);
        if (!same || m != n || memcmp(text, same, n) != 0)
            abort();
        free(same);
    }
    free(text);
    options_fini(&options);
    options_fini(&again);
    return 0;
}
