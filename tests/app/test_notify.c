/* What a service manager hears, by a socket that stands in for it. */
#include "app/notify.h"
#include "harness.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int manager;
static char heard[1024];

static void set_up(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64];
    socklen_t size;
    (void)snprintf(name, sizeof name, "@nightscope-test-notify-%d", (int)getpid());
    size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    memcpy(address.sun_path, name, strlen(name));
    address.sun_path[0] = '\0'; /* without a file */
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(manager, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", name, 1), 0);
    ck_assert_int_eq(unsetenv("WATCHDOG_USEC") | unsetenv("WATCHDOG_PID"), 0);
}

static void tear_down(void)
{
    ck_assert_int_eq(unsetenv("NOTIFY_SOCKET"), 0);
    (void)close(manager);
}

/* The datagram that came; "": none. */
static const char *hear(void)
{
    ssize_t n = recv(manager, heard, sizeof heard - 1, 0);
    heard[n > 0 ? n : 0] = '\0';
    return heard;
}

static void say(bool alive)
{
    struct notify notify;
    struct live_status status = {.frames = 70, .lag_s = 3, .drops = {4, 5, 6}};
    notify_init(&notify);
    notify_status(&notify, &status, alive);
    notify_fini(&notify);
}

START_TEST(without_a_watchdog_the_status_is_told)
{
    say(true);
    ck_assert_str_eq(hear(), "STATUS=70 frames read, 15 packets lost, 3 s behind");
    ck_assert_str_eq(hear(), "");
}
END_TEST

START_TEST(the_watchdog_is_fed_while_all_workers_live)
{
    ck_assert_int_eq(setenv("WATCHDOG_USEC", "3000000", 1), 0);
    say(true);
    ck_assert_str_eq(hear(), "WATCHDOG=1\nSTATUS=70 frames read, 15 packets lost, 3 s behind");
    say(false);
    ck_assert_ptr_null(strstr(hear(), "WATCHDOG"));
    ck_assert_ptr_nonnull(strstr(heard, "a worker does not answer"));
}
END_TEST

/* One of another process, or one that would have to be fed more often than once a second. */
START_TEST(a_watchdog_that_is_not_ours_is_not_fed)
{
    ck_assert_int_eq(setenv("WATCHDOG_USEC", "1000000", 1), 0);
    say(true);
    ck_assert_ptr_null(strstr(hear(), "WATCHDOG"));
    ck_assert_int_eq(setenv("WATCHDOG_USEC", "3000000", 1), 0);
    ck_assert_int_eq(setenv("WATCHDOG_PID", "1", 1), 0);
    say(true);
    ck_assert_ptr_null(strstr(hear(), "WATCHDOG"));
    char pid[32];
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    ck_assert_int_eq(setenv("WATCHDOG_PID", pid, 1), 0);
    say(true);
    ck_assert_ptr_nonnull(strstr(hear(), "WATCHDOG=1\n"));
}
END_TEST

START_TEST(nobody_need_listen)
{
    static const char *const PATHS[] = {"", "x", "relative", "/nowhere/at/all",
                                        "@nobody-is-there"};
    for (unsigned i = 0; i < sizeof PATHS / sizeof *PATHS; i++) {
        ck_assert_int_eq(setenv("NOTIFY_SOCKET", PATHS[i], 1), 0);
        say(true);
    }
    ck_assert_int_eq(unsetenv("NOTIFY_SOCKET"), 0);
    say(true);
    ck_assert_str_eq(hear(), "");
}
END_TEST

START_TEST(a_reload_has_its_time)
{
    struct notify notify;
    notify_init(&notify);
    notify_reloading(&notify);
    notify_fini(&notify);
    ck_assert_ptr_eq(strstr(hear(), "RELOADING=1\nMONOTONIC_USEC="), heard);
    ck_assert_uint_gt(strtoull(strchr(strchr(heard, '\n'), '=') + 1, NULL, 10), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("notify");
    TCase *tests = tcase_create("notify");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, without_a_watchdog_the_status_is_told);
    tcase_add_test(tests, the_watchdog_is_fed_while_all_workers_live);
    tcase_add_test(tests, a_watchdog_that_is_not_ours_is_not_fed);
    tcase_add_test(tests, nobody_need_listen);
    tcase_add_test(tests, a_reload_has_its_time);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
