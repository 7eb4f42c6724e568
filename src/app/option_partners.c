/* Options that say how something is done which another option asks for: alone they do nothing,
 * and whoever gave one would wait for what never comes. In a file some are settings for all
 * runs, also those that ask for nothing of the kind. */
#include "app/option_row.h"

#include <string.h>

enum { PARTNERS_MAX = 2 };

static const struct {
    enum option_id id;
    enum option_id partners[PARTNERS_MAX]; /* one of them */
    bool setting;                          /* may stand alone in a file */
} NEEDS[] = {
    {OPTION_write_size, {OPTION_write, OPTION_write}, false},
    {OPTION_write_time, {OPTION_write, OPTION_write}, false},
    {OPTION_events_idle, {OPTION_events, OPTION_output}, true},
    {OPTION_max_events, {OPTION_events, OPTION_output}, true},
    {OPTION_output_format, {OPTION_output, OPTION_output}, true},
    {OPTION_checkpoint, {OPTION_state, OPTION_state}, false},
    {OPTION_redis_timeout, {OPTION_redis, OPTION_redis}, true},
};

/* A file that was printed has all defaults. */
static bool is_default(const struct options *options, enum option_id id)
{
    struct options defaults;
    options_init(&defaults);
    bool same = OPTION_ROWS[id].initial[0] && !option_has_text(&OPTION_ROWS[id]) &&
                defaults.value[id].number == options->value[id].number;
    options_fini(&defaults);
    return same;
}

int options_check_partners(const struct options *options, struct err *err)
{
    for (size_t i = 0; i < sizeof NEEDS / sizeof *NEEDS; i++) {
        enum option_id id = NEEDS[i].id, first = NEEDS[i].partners[0],
                       other = NEEDS[i].partners[1];
        if (!options->given[id] || options->value[first].text || options->value[other].text ||
            (options->from_file[id] && (NEEDS[i].setting || is_default(options, id))))
            continue;
        char origin[64], either[64] = "";
        (void)snprintf(origin, sizeof origin, "--%s", OPTION_ROWS[id].name);
        if (other != first)
            (void)snprintf(either, sizeof either, " or --%s %s", OPTION_ROWS[other].name,
                           OPTION_ROWS[other].argument);
        return err_set(err, origin, 0, 0, "does nothing without --%s %s%s",
                       OPTION_ROWS[first].name, OPTION_ROWS[first].argument, either);
    }
    return 0;
}
