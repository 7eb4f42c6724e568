/* The sandbox, from inside: what a sensor does goes on, and what it never does fails or ends
 * it. */
#include "harness.h"

#include "app/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FINE = 42, SOMETHING_ELSE = 43, NO_SANDBOX = 44 };

/* Runs in a child that is in the sandbox; its wait status. */
static int inside(bool children, bool (*fine)(void))
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        struct err err;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || sandbox_enter(children, &err) != 0)
            _exit(NO_SANDBOX);
        _exit(fine() ? FINE : SOMETHING_ELSE);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static bool refuses_packet_sockets(void)
{
    return socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EPERM &&
           socket(AF_PACKET, SOCK_DGRAM, 0) < 0 && errno == EPERM;
}

static bool refuses_processes(void)
{
    return syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0) < 0 && errno == EPERM &&
           syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS;
}

static bool refuses_other_code(void)
{
    void *anonymous =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return anonymous != MAP_FAILED && mprotect(anonymous, 4096, PROT_READ | PROT_EXEC) < 0 &&
           errno == EPERM &&
           mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) == MAP_FAILED &&
           mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
               MAP_FAILED;
}

static bool refuses_the_system(void)
{
    return unshare(CLONE_NEWUSER) < 0 && errno == EPERM && setuid(0) < 0 && errno == EPERM &&
           chroot("/") < 0 && errno == EPERM && syscall(SYS_mount, 0, 0, 0, 0, 0) < 0 &&
           errno == EPERM && kill(getpid(), 0) < 0 && errno == EPERM;
}

static void *do_nothing(void *argument)
{
    return argument;
}

static bool lets_a_sensor_work(void)
{
    pthread_t thread;
    void *result = NULL;
    int mark, file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    void *memory = malloc(1 << 20);
    return pthread_create(&thread, NULL, do_nothing, &mark) == 0 &&
           pthread_join(thread, &result) == 0 && result == &mark && file >= 0 && udp >= 0 &&
           local >= 0 && memory;
}

/* A child that waits, and one that ends; and nothing else may be killed. */
static bool has_children(void)
{
    int status, killed;
    pid_t ends = fork();
    if (ends == 0)
        _exit(FINE);
    pid_t waits = fork();
    while (waits == 0)
        (void)poll(NULL, 0, -1);
    return ends > 0 && waits > 0 && waitpid(ends, &status, 0) == ends && WIFEXITED(status) &&
           WEXITSTATUS(status) == FINE && kill(waits, SIGTERM) < 0 && errno == EPERM &&
           kill(waits, SIGKILL) == 0 && waitpid(waits, &killed, 0) == waits &&
           WIFSIGNALED(killed);
}

static bool a_child_runs_a_program(void)
{
    pid_t pid = fork();
    int status;
    if (pid == 0) {
        (void)execl("/bin/true", "true", (char *)NULL);
        _exit(0);
    }
    return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static bool runs_a_program(void)
{
    (void)execl("/bin/true", "true", (char *)NULL);
    return true;
}

static bool traces(void)
{
    (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    return true;
}

START_TEST(what_a_sensor_does_goes_on)
{
    int status = inside(false, lets_a_sensor_work);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == FINE, "%d", status);
}
END_TEST

START_TEST(what_it_never_does_is_refused)
{
    static bool (*const refusals[])(void) = {refuses_packet_sockets, refuses_processes,
                                             refuses_other_code, refuses_the_system};
    int status = inside(false, refusals[_i]);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == FINE, "%d", status);
}
END_TEST

START_TEST(one_with_state_has_children_in_the_same_sandbox)
{
    static bool (*const fine[])(void) = {lets_a_sensor_work, refuses_packet_sockets,
                                         refuses_other_code, has_children,
                                         a_child_runs_a_program};
    int status = inside(true, fine[_i]);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == FINE, "%d", status);
}
END_TEST

START_TEST(running_or_tracing_a_program_ends_it)
{
    int status = inside(false, _i ? traces : runs_a_program);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "%d", status);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sandbox");
    TCase *tests = tcase_create("sandbox");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, what_a_sensor_does_goes_on);
    tcase_add_loop_test(tests, what_it_never_does_is_refused, 0, 4);
    tcase_add_loop_test(tests, one_with_state_has_children_in_the_same_sandbox, 0, 5);
    tcase_add_loop_test(tests, running_or_tracing_a_program_ends_it, 0, 2);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
