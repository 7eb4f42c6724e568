#include "app/file_messages.h"

#include "app/message.h"
#include "sink/calendar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void warn(const struct err *err)
{
    char text[ERR_ORIGIN_CAP + ERR_TEXT_CAP + 32];
    err_format(err, text, sizeof text);
    message_warning("%s", text);
}

/* A file that was given, by what it is. */
struct given {
    dev_t device;
    ino_t number;
    unsigned index;
};

static bool is_same(const struct given *a, const struct given *b)
{
    return a->device == b->device && a->number == b->number;
}

static int compare(const void *left, const void *right)
{
    const struct given *a = left, *b = right;
    if (a->device != b->device)
        return a->device < b->device ? -1 : 1;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

static unsigned find(char *const *names, unsigned n, struct given *ret_given)
{
    unsigned found = 0;
    for (unsigned i = 0; i < n; i++) {
        struct stat status;
        if (strcmp(names[i], "-") != 0 && stat(names[i], &status) == 0 &&
            S_ISREG(status.st_mode))
            ret_given[found++] = (struct given){status.st_dev, status.st_ino, i};
    }
    qsort(ret_given, found, sizeof *ret_given, compare);
    return found;
}

static void warn_of_repeated(char *const *names, const struct given *given, unsigned times,
                             unsigned others)
{
    const char *name = names[given[0].index], *again = names[given[1].index];
    bool renamed = strcmp(name, again) != 0;
    char more[64] = "";
    struct err err;
    if (others > 0)
        (void)snprintf(more, sizeof more, "; other files given several times: %u", others);
    (void)err_set(&err, name, 0, 0,
                  "given %u times, and its packets are counted each time%s%s%s", times, more,
                  renamed ? "; also named " : "", renamed ? again : "");
    warn(&err);
}

void file_messages_repeated(char *const *names, unsigned n, bool quiet)
{
    struct given *given = quiet ? NULL : calloc(n, sizeof *given);
    if (!given)
        return; /* short of memory: what comes will say so */
    unsigned found = find(names, n, given), files = 0, first = 0, times = 0;
    for (unsigned i = 0, end; i < found; i = end) {
        for (end = i + 1; end < found && is_same(&given[i], &given[end]);)
            end++;
        if (end - i > 1 && (files++ == 0 || given[i].index < given[first].index)) {
            first = i;
            times = end - i;
        }
    }
    if (files > 0)
        warn_of_repeated(names, &given[first], times, files - 1);
    free(given);
}

bool file_messages_tell(const struct replay *replay, bool quiet)
{
    bool failed = false;
    for (unsigned i = 0; i < replay_file_count(replay); i++) {
        const struct file_status *file = replay_file(replay, i);
        if (file->failed) {
            message_error(&file->error);
            failed = true;
        } else if (file->cut && !quiet) {
            warn(&file->error);
        }
    }
    return failed;
}

/* " is 3 h ahead of all before it, and" */
static void describe(const struct replay_jump *jump, char text[static 64])
{
    long long hours = (jump->ts_ns - jump->before_ns) / 1000000000 / 3600;
    if (jump->before_ns >= 0)
        (void)snprintf(text, 64, " is %lld %s ahead of all before it, and",
                       hours < 48 ? hours : hours / 24, hours < 48 ? "h" : "d");
    else
        (void)snprintf(text, 64, " is the first, and");
}

void file_messages_jump(const struct replay *replay, bool quiet)
{
    struct replay_jump jump = replay_worst_jump(replay);
    char at[CALENDAR_CAP], ahead[64];
    struct err err;
    if (quiet || !jump.name)
        return;
    describe(&jump, ahead);
    (void)err_set(
        &err, jump.name, 0, 0,
        "frame %llu (%s)%s %llu frames behind it are late by more than an hour, which "
        "count in no minute. If its time stamp is wrong, replay a copy without it: "
        "`editcap IN OUT %llu`",
        (unsigned long long)jump.frame, calendar_format_s(jump.ts_ns / 1000000000, at), ahead,
        (unsigned long long)jump.late, (unsigned long long)jump.frame);
    warn(&err);
}
