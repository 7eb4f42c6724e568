/* The system calls that a running sensor may still make (seccomp).
 *
 * Any other fails with EPERM, and running a program, tracing or loading code into the kernel
 * ends the process: nothing here ever does that. A process cannot leave it. */
#pragma once

#include <nightscope/error.h>

#include <stdbool.h>

/* For this thread and those it starts later; with no_new_privs set. children: it may fork, wait
 * for its children and kill them (SIGKILL only); they are in the same sandbox. 0, or -1 with
 * *err. */
int sandbox_enter(bool children, struct err *err);
