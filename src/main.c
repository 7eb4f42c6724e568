/* nightscope: dispatches to a subcommand. */
#include "app/commands.h"

#include "base/nearest.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} COMMANDS[] = {
    {"replay", command_replay, "analyse capture files and print a report"},
    {"live", command_live, "analyse an interface until stopped: the daemon"},
    {"report", command_report, "print what one or more sensors have published to Redis"},
    {"serve", command_serve, "a page for browsers and a JSON API over what Redis has"},
    {"explain", command_explain, "for a source or a packet: which signatures match, and why"},
    {"check", command_check, "validate signatures, databases and prefixes"},
};
enum { COMMANDS_N = sizeof COMMANDS / sizeof *COMMANDS };

static void usage(FILE *out)
{
    (void)fprintf(out,
                  "nightscope watches a darknet: it says what arrives there, from whom, and "
                  "when.\n\nUsage: nightscope COMMAND [OPTION]... [FILE]...\n\nCommands:\n");
    for (unsigned i = 0; i < COMMANDS_N; i++)
        (void)fprintf(out, "  %-10s %s\n", COMMANDS[i].name, COMMANDS[i].summary);
    (void)fprintf(out, "\nTry it:\n"
                       "  nightscope replay pcaps/*.pcap            a report on the samples\n"
                       "  zcat day.pcap.gz | nightscope replay -    from standard input\n"
                       "  nightscope replay --json FILE | jq .ports\n"
                       "  nightscope explain --source 192.0.2.1 FILE\n"
                       "\n`nightscope COMMAND --help` explains a command's options, "
                       "`nightscope --version` prints the version.\n"
                       "Exit status: 0 done, 1 failed, 2 usage, 78 bad configuration.\n");
}

/* The command that argv begins with. */
static int run(int argc, char **argv)
{
    int status;
    for (unsigned i = 0; i < COMMANDS_N; i++)
        if (strcmp(argv[0], COMMANDS[i].name) == 0)
            return command_print_config(argc, argv, &status) ? status
                                                             : COMMANDS[i].run(argc, argv);
    struct nearest nearest = nearest_to(argv[0], strlen(argv[0]));
    for (unsigned i = 0; i < COMMANDS_N; i++)
        nearest_offer(&nearest, COMMANDS[i].name);
    char hint[NEAREST_HINT_CAP];
    (void)fprintf(stderr,
                  "nightscope: \"%s\": no such command%s; `nightscope --help` lists them\n",
                  argv[0], nearest_hint(&nearest, "", hint));
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    bool help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
                strcmp(argv[1], "help") == 0;
    if (help && argc > 2) { /* of a command */
        char word[] = "--help";
        char *words[] = {argv[2], word, NULL};
        return run(2, words);
    }
    if (help) {
        usage(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("nightscope %s\n", NIGHTSCOPE_VERSION);
        return EXIT_DONE;
    }
    return run(argc - 1, argv + 1);
}
