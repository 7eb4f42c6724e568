/* What the commands share: options turned into prefixes, databases, signatures and the
 * decoder's configuration. */
#pragma once

#include "app/options.h"

#include <nightscope/decode.h>
#include <nightscope/geo.h>
#include <nightscope/signature.h>

struct evidence_plan;

struct setup {
    struct options options;
    struct prefix_set *dark, *tunnel_ends;
    struct geo *geo;
    struct locator locator;
    struct signature_set *signatures;
    char signatures_path[4096];
    struct evidence_plan *evidence;
    struct decode_config decode;
    double alpha;
    unsigned workers;
    bool colour; /* of standard output */
};

/* Parses the command line and opens what it names. Returns an exit status: EXIT_DONE, or that
 * of the error it has reported on standard error. With --help, nothing is opened. */
int setup_init(struct setup *setup, int argc, char **argv);
/* The first step alone: the command line and the configuration file. An exit status. */
int setup_parse(struct setup *setup, int argc, char **argv, struct err *err);
void setup_fini(struct setup *setup);
/* Reads signatures and databases again, from where they came from: *ret_setup is then as
 * *setup but for these, and borrows the rest from it. What was counted under the names and
 * labels of *setup can stay. An exit status; what is wrong has been said, and there is nothing
 * to free. */
int setup_reload(const struct setup *setup, struct setup *ret_setup);
/* Frees signatures and databases alone. */
void setup_drop_rules(struct setup *setup);
/* By --color, NO_COLOR and the terminal; setup_init() does it, too. An exit status. */
int setup_colour(struct setup *setup, struct err *err);

/* Tells what is wrong, on standard error; where the option in question has its value from a
 * file, its place there. Returns the exit status: `status`, or that of a bad configuration. */
int setup_tell(const struct setup *setup, struct err *err, int status);

bool setup_wants_help(const struct setup *setup);
const char *setup_text(const struct setup *setup, enum option_id id);
/* Sources that pages and Redis do not show: those of --dark, unless --show-dark. NULL: none. */
const struct prefix_set *setup_withheld(const struct setup *setup);
/* For a replay: how many files may be open at a time. */
int setup_open_max(void);
