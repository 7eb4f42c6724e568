/* Default places of the signatures, the command's options, and what they open. */
#include "app/setup.h"

#include "app/commands.h"
#include "app/message.h"
#include "app/processors.h"
#include "app/terminal.h"
#include "state/evidence.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

const struct prefix_set *setup_withheld(const struct setup *setup)
{
    return setup->options.value[OPTION_show_dark].given ? NULL : setup->dark;
}

const char *setup_text(const struct setup *setup, enum option_id id)
{
    return setup->options.value[id].text;
}

bool setup_wants_help(const struct setup *setup)
{
    return setup->options.value[OPTION_help].given;
}

int setup_tell(const struct setup *setup, struct err *err, int status)
{
    if (options_locate(&setup->options, err))
        status = EXIT_BAD_CONFIG;
    message_error(err);
    return status;
}

void setup_drop_rules(struct setup *setup)
{
    evidence_plan_free(setup->evidence);
    signature_set_free(setup->signatures);
    geo_free(setup->geo);
    setup->evidence = NULL;
    setup->signatures = NULL;
    setup->geo = NULL;
}

void setup_fini(struct setup *setup)
{
    setup_drop_rules(setup);
    prefix_set_free(setup->dark);
    prefix_set_free(setup->tunnel_ends);
    options_fini(&setup->options);
}

/* A bad prefix on the command line is bad usage; in a file it is bad configuration. */
static int parse_prefixes(const char *text, const char *option, struct prefix_set **ret_set,
                          struct err *err)
{
    *ret_set = text ? prefix_set_parse(text, option, err) : NULL;
    if (!text || *ret_set)
        return EXIT_DONE;
    return strcmp(err->origin, option) == 0 ? EXIT_USAGE : EXIT_BAD_CONFIG;
}

static int parse_tunnels(struct setup *setup, struct err *err)
{
    static const struct {
        const char *name;
        unsigned bit;
    } KINDS[] = {{"gre", TUNNEL_GRE}, {"ipip", TUNNEL_IPIP}, {"vxlan", TUNNEL_VXLAN}};
    const char *text = setup_text(setup, OPTION_decapsulate);
    const char *ends = setup_text(setup, OPTION_tunnel);
    if (!text && !ends)
        return EXIT_DONE;
    if (!text || !ends) {
        (void)err_set(err, text ? "--decapsulate" : "--tunnel", 0, 0,
                      "needs %s beside it: which tunnels to open, and the address of their end "
                      "(else anyone could forge inner packets)",
                      text ? "--tunnel ADDR" : "--decapsulate gre,ipip,vxlan");
        return EXIT_USAGE;
    }
    while (*text) {
        size_t length = strcspn(text, ",");
        unsigned bit = 0;
        for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
            if (strlen(KINDS[i].name) == length && memcmp(KINDS[i].name, text, length) == 0)
                bit = KINDS[i].bit;
        if (!bit) {
            (void)err_set(err, "--decapsulate", 0, 0, "\"%.*s\": expected gre, ipip or vxlan",
                          (int)length, text);
            return EXIT_USAGE;
        }
        setup->decode.tunnels |= bit;
        text += length + (text[length] == ',');
    }
    return parse_prefixes(ends, "--tunnel", &setup->tunnel_ends, err);
}

static int open_geo(struct setup *setup, struct err *err)
{
    const char *paths = setup_text(setup, OPTION_geo);
    if (!paths)
        return EXIT_DONE;
    setup->geo = geo_new();
    char *copy = strdup(paths);
    int status = EXIT_DONE;
    if (!setup->geo || !copy) {
        (void)err_set(err, NULL, 0, 0, "out of memory");
        status = EXIT_FAILED;
    }
    char *rest = copy;
    for (char *path; status == EXIT_DONE && (path = strsep(&rest, "\n"));)
        if (geo_open(setup->geo, path, err) != 0)
            status = EXIT_BAD_CONFIG;
    free(copy);
    if (status == EXIT_DONE)
        setup->locator = geo_locator(setup->geo);
    return status;
}

int setup_colour(struct setup *setup, struct err *err)
{
    const char *when = setup_text(setup, OPTION_colour);
    const char *no_color = getenv("NO_COLOR");
    if (!when || strcmp(when, "auto") == 0)
        setup->colour = terminal_takes_escapes(STDOUT_FILENO) && !(no_color && no_color[0]);
    else if (strcmp(when, "always") == 0)
        setup->colour = true;
    else if (strcmp(when, "never") != 0) {
        (void)err_set(err, "--color", 0, 0, "\"%s\": expected auto, always or never", when);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* In the build tree the project's own signatures, elsewhere the installed ones: beside the
 * program, then where it was to be installed. */
static void find_signatures(char path[static PATH_MAX])
{
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    size_t build = strlen(NIGHTSCOPE_BUILD_ROOT);
    (void)snprintf(path, PATH_MAX, "%s/signatures", NIGHTSCOPE_SOURCE_ROOT);
    if (strncmp(program, NIGHTSCOPE_BUILD_ROOT, build) == 0 && program[build] == '/' &&
        is_folder(path))
        return;
    char *slash = strrchr(program, '/');
    if (slash)
        *slash = '\0';
    if (snprintf(path, PATH_MAX, "%s/../share/nightscope/signatures", program) < PATH_MAX &&
        is_folder(path))
        return;
    /* A project that was moved together with its build folder. */
    if (snprintf(path, PATH_MAX, "%s/../signatures", program) < PATH_MAX && is_folder(path))
        return;
    (void)snprintf(path, PATH_MAX, "%s", NIGHTSCOPE_SIGNATURES);
}

static void tell_errors(const struct signature_errors *errors)
{
    for (unsigned i = 0; i < errors->n; i++)
        message_error(&errors->items[i]);
    if (errors->unseen > 0)
        (void)fprintf(stderr, "nightscope: %u more error%s\n", errors->unseen,
                      errors->unseen == 1 ? "" : "s");
}

static int load_scanners(struct setup *setup, struct signature_errors *errors)
{
    const char *paths = setup_text(setup, OPTION_scanners);
    char *copy = strdup(paths ? paths : ""), *rest = copy;
    int status = copy ? 0 : -1;
    for (char *path; status == 0 && (path = strsep(&rest, "\n"));)
        if (*path)
            status = signature_set_load_scanners(setup->signatures, path, errors);
    free(copy);
    return status;
}

/* Reports its errors itself: there may be many. */
static int load_signatures(struct setup *setup)
{
    const char *given = setup_text(setup, OPTION_signatures);
    if (setup->signatures_path[0]) {
        /* found before */
    } else if (given)
        (void)snprintf(setup->signatures_path, sizeof setup->signatures_path, "%s", given);
    else
        find_signatures(setup->signatures_path);
    struct signature_errors *errors = calloc(1, sizeof *errors);
    setup->signatures = signature_set_new();
    int status = EXIT_FAILED;
    struct err err = {0};
    if (!errors || !setup->signatures) {
        (void)err_set(&err, NULL, 0, 0, "out of memory");
        message_error(&err);
    } else if (signature_set_load(setup->signatures, setup->signatures_path, errors) != 0 ||
               load_scanners(setup, errors) != 0) {
        tell_errors(errors);
        status = EXIT_BAD_CONFIG;
    } else if (signature_count(setup->signatures) == 0) {
        (void)err_set(&err, setup->signatures_path, 0, 0,
                      "no signatures in it; --signatures DIR names a folder of *.sig files");
        message_error(&err);
        status = EXIT_BAD_CONFIG;
    } else {
        status = EXIT_DONE;
    }
    free(errors);
    return status;
}

static int parse_alpha(const char *text, double *ret_alpha, struct err *err)
{
    char *end = NULL;
    double alpha = text ? strtod(text, &end) : 1e-9;
    if (text && (end == text || *end || !(alpha > 0 && alpha < 1))) {
        (void)err_set(err, "--alpha", 0, 0, "\"%s\": expected a probability such as 1e-9",
                      text);
        return EXIT_USAGE;
    }
    *ret_alpha = alpha;
    return EXIT_DONE;
}

static int plan_evidence(struct setup *setup, const struct evidence_plan *previous,
                         struct err *err)
{
    struct evidence_config config = {
        .signatures = setup->signatures,
        .alpha = setup->alpha,
        .dark_size = setup->dark ? prefix_set_size4(setup->dark) : 0,
        .previous = previous,
    };
    setup->evidence = evidence_plan_new(&config);
    if (setup->evidence)
        return EXIT_DONE;
    (void)err_set(err, NULL, 0, 0, "out of memory");
    return EXIT_FAILED;
}

static void choose_workers(struct setup *setup)
{
    const union option_value *value = setup->options.value;
    setup->workers =
        (unsigned)(value[OPTION_workers].number + value[OPTION_live_workers].number);
    if (setup->workers == 0) {
        unsigned processors = processors_allowed();
        setup->workers = processors < SHARD_COUNT ? processors : SHARD_COUNT;
    }
}

/* Whoever asks for "-" wants standard output, not a file of that name. */
static int refuse_standard_output(const struct setup *setup, struct err *err)
{
    static const struct {
        enum option_id id;
        const char *name, *what;
    } OUTPUTS[] = {
        {OPTION_csv, "--csv", "folder"},     {OPTION_html, "--html", "file"},
        {OPTION_events, "--events", "file"}, {OPTION_output, "--output", "folder"},
        {OPTION_write, "--write", "file"},   {OPTION_metrics_file, "--metrics-file", "file"},
    };
    for (size_t i = 0; i < sizeof OUTPUTS / sizeof *OUTPUTS; i++) {
        const char *path = setup_text(setup, OUTPUTS[i].id);
        if (path && strcmp(path, "-") == 0)
            return err_set(err, OUTPUTS[i].name, 0, 0,
                           "\"-\": standard output has the report; expected a %s",
                           OUTPUTS[i].what);
    }
    return 0;
}

int setup_parse(struct setup *setup, int argc, char **argv, struct err *err)
{
    switch (options_parse(&setup->options, argc, argv, err)) {
    case 0:
        return EXIT_DONE;
    case OPTIONS_BAD_CONFIG:
        return EXIT_BAD_CONFIG;
    default:
        return EXIT_USAGE;
    }
}

int setup_init(struct setup *setup, int argc, char **argv)
{
    *setup = (struct setup){0};
    struct err err = {0};
    int status = setup_parse(setup, argc, argv, &err);
    if (status == EXIT_DONE && setup_wants_help(setup))
        return status;
    /* What `check` is told is a file alone, whose partners may stand on a command line. */
    if (status == EXIT_DONE && options_letter(argv[0]) != 'c' &&
        options_check_partners(&setup->options, &err) != 0)
        status = EXIT_USAGE;
    if (status == EXIT_DONE && refuse_standard_output(setup, &err) != 0)
        status = EXIT_USAGE;
    if (status == EXIT_DONE)
        status = parse_prefixes(setup_text(setup, OPTION_dark), "--dark", &setup->dark, &err);
    if (status == EXIT_DONE)
        status = parse_tunnels(setup, &err);
    if (status == EXIT_DONE)
        status = setup_colour(setup, &err);
    if (status == EXIT_DONE)
        status = parse_alpha(setup_text(setup, OPTION_alpha), &setup->alpha, &err);
    if (status == EXIT_DONE)
        status = open_geo(setup, &err);
    if (status != EXIT_DONE)
        return setup_tell(setup, &err, status);
    status = load_signatures(setup);
    if (status != EXIT_DONE)
        return status;
    choose_workers(setup);
    setup->decode.dark = setup->dark;
    setup->decode.tunnel_ends = setup->tunnel_ends;
    status = plan_evidence(setup, NULL, &err);
    return status == EXIT_DONE ? status : setup_tell(setup, &err, status);
}

static int keep_names(struct setup *setup, const struct signature_set *old)
{
    struct signature_errors *errors = calloc(1, sizeof *errors);
    int status = errors && signature_set_keep_names(setup->signatures, old, errors) == 0
                     ? EXIT_DONE
                     : EXIT_FAILED;
    if (errors)
        tell_errors(errors);
    free(errors);
    return status;
}

int setup_reload(const struct setup *setup, struct setup *ret_setup)
{
    struct setup reloaded = *setup;
    struct err err = {0};
    reloaded.evidence = NULL;
    reloaded.signatures = NULL;
    reloaded.geo = NULL;
    int status = open_geo(&reloaded, &err);
    if (status == EXIT_DONE)
        status = load_signatures(&reloaded);
    if (status == EXIT_DONE)
        status = keep_names(&reloaded, setup->signatures);
    if (status == EXIT_DONE)
        status = plan_evidence(&reloaded, setup->evidence, &err);
    if (err.text[0])
        message_error(&err);
    if (status == EXIT_DONE)
        *ret_setup = reloaded;
    else
        setup_drop_rules(&reloaded);
    return status;
}

int setup_open_max(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < 64)
        return 16;
    return limit.rlim_cur > 4096 ? 4096 : (int)limit.rlim_cur - 32;
}
