/* Giving up what only the opening of interfaces needs. */
#pragma once

#include <nightscope/error.h>

/* Started by root: becomes `user`, without other groups. Then, whoever started it: no
 * capabilities, none to be had by any program that it might run, and no new privileges. All of
 * that is looked at afterwards, and root is tried to be again. For the only thread of the
 * process. An exit status; with *err unless it is EXIT_DONE. */
int privileges_drop(const char *user, struct err *err);

/* The user that the process is: a name, or a number that has none. */
enum { PRIVILEGES_USER_CAP = 64 };
void privileges_user(char ret_name[static PRIVILEGES_USER_CAP]);
