#include "app/privileges.h"

#include "app/commands.h"

#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int refuse(const char *user, const char *what, struct err *err)
{
    (void)err_set(err, "--user", 0, 0, "\"%s\": %s", user, what);
    return EXIT_FAILED;
}

/* Capabilities go with root, but for those of programs that are run later. */
static int become(const char *user, struct err *err)
{
    errno = 0;
    const struct passwd *entry = getpwnam(user);
    if (!entry) {
        (void)err_set(err, "--user", 0, 0, "\"%s\": no such user", user);
        return EXIT_USAGE;
    }
    capng_clear(CAPNG_SELECT_ALL);
    int status = capng_change_id((int)entry->pw_uid, (int)entry->pw_gid,
                                 CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
    if (status == 0)
        return EXIT_DONE;
    (void)err_set(err, "--user", 0, 0, "\"%s\": cannot become this user (step %d): %s", user,
                  -status, strerror(errno));
    return EXIT_FAILED;
}

static int drop_capabilities(struct err *err)
{
    /* Without CAP_SETPCAP the bounding set stays; nothing can be had of it (no_new_privs). */
    bool bounds = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
    capng_clear(CAPNG_SELECT_ALL);
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 &&
        capng_apply(bounds ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) == 0)
        return EXIT_DONE;
    (void)err_set(err, NULL, 0, 0, "cannot give capabilities up: %s", strerror(errno));
    return EXIT_FAILED;
}

static int verify(const char *user, bool was_root, struct err *err)
{
    uid_t real, effective, saved;
    (void)getresuid(&real, &effective, &saved); /* cannot fail on such pointers */
    if (was_root && strcmp(user, "root") != 0 &&
        (real == 0 || effective == 0 || saved == 0 || setuid(0) == 0 || seteuid(0) == 0))
        return refuse(user, "could become root again; not going on", err);
    if (capng_get_caps_process() != 0 ||
        capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE)
        return refuse(user, "still has capabilities; not going on", err);
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return refuse(user, "could still get privileges; not going on", err);
    return EXIT_DONE;
}

int privileges_drop(const char *user, struct err *err)
{
    bool is_root = geteuid() == 0;
    int status = EXIT_DONE;
    if (capng_get_caps_process() != 0)
        return refuse(user, "cannot read the capabilities of this process", err);
    if (is_root && strcmp(user, "root") != 0)
        status = become(user, err);
    else
        status = drop_capabilities(err);
    if (status == EXIT_DONE && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        status = refuse(user, "cannot renounce new privileges", err);
    return status == EXIT_DONE ? verify(user, is_root, err) : status;
}

void privileges_user(char ret_name[static PRIVILEGES_USER_CAP])
{
    struct passwd entry, *found = NULL;
    char buf[1024];
    if (getpwuid_r(geteuid(), &entry, buf, sizeof buf, &found) == 0 && found)
        (void)snprintf(ret_name, PRIVILEGES_USER_CAP, "%s", entry.pw_name);
    else
        (void)snprintf(ret_name, PRIVILEGES_USER_CAP, "%u", (unsigned)geteuid());
}
