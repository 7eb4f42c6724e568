/* --print-config, of any command: what is in effect, as a configuration file. */
#include "app/commands.h"
#include "app/message.h"
#include "app/setup.h"

#include <string.h>

bool command_print_config(int argc, char **argv, int *ret_status)
{
    struct setup setup = {0};
    struct err err = {0};
    bool asked = false;
    for (int i = 1; i < argc && !asked; i++)
        asked = strncmp(argv[i], "--p", 3) == 0; /* or as short as getopt_long() takes it */
    if (!asked)
        return false;
    int status = setup_parse(&setup, argc, argv, &err);
    asked = setup.options.value[OPTION_print_config].given || status != EXIT_DONE;
    if (asked && status == EXIT_DONE &&
        options_print(&setup.options, argv[0], stdout, &err) != 0)
        status = EXIT_FAILED;
    if (asked && status == EXIT_DONE && (fflush(stdout) != 0 || ferror(stdout))) {
        (void)err_set(&err, "standard output", 0, 0, "cannot write");
        status = EXIT_FAILED;
    }
    if (asked && status != EXIT_DONE)
        status = setup_tell(&setup, &err, status);
    setup_fini(&setup);
    *ret_status = status;
    return asked;
}
