#include "app/signals.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

int signals_open(struct err *err)
{
    sigset_t set;
    (void)sigemptyset(&set); /* none of these can fail on such numbers */
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGUSR1);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that goes away is an error of write() */
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return err_set(err, NULL, 0, 0, "cannot receive signals: %s", strerror(errno));
    return fd;
}

unsigned signals_wait(int fd, int timeout_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    unsigned seen = 0;
    (void)poll(&wait, 1, timeout_ms); /* whatever it says, it is looked */
    for (struct signalfd_siginfo info; read(fd, &info, sizeof info) == sizeof info;)
        seen |= info.ssi_signo == SIGHUP    ? SIGNAL_RELOAD
                : info.ssi_signo == SIGUSR1 ? SIGNAL_TELL
                                            : SIGNAL_STOP;
    return seen;
}
