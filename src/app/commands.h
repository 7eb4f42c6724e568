/* The subcommands. Each gets argv from its own name on and returns an exit status. */
#pragma once

#include <stdbool.h>

enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_BAD_CONFIG = 78, /* EX_CONFIG of sysexits.h */
};

/* Has --print-config been given? Then it is done, with this exit status. */
bool command_print_config(int argc, char **argv, int *ret_status);

int command_check(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_live(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_report(int argc, char **argv);
int command_serve(int argc, char **argv);
