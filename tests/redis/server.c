/* Starting and stopping redis-server for tests. */
#include "redis/server.h"

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ARGS_MAX = 64 };

int64_t clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void wait_a_moment(int64_t start_ms, const char *what)
{
    ck_assert_msg(clock_ms() - start_ms < SERVER_WAIT_MS, "still waiting: %s", what);
    (void)poll(NULL, 0, 10);
}

uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, n), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &n), 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}

bool server_is_installed(void)
{
    if (system("redis-server --version >/dev/null 2>&1") == 0)
        return true;
    printf("skipped: there is no redis-server (sh contrib/packages tests)\n");
    return false;
}

void server_spawn(struct server *server, const char *const *options)
{
    char port[8], socket_path[96];
    (void)snprintf(port, sizeof port, "%u", (unsigned)server->port);
    (void)snprintf(socket_path, sizeof socket_path, "%s/socket", server->dir);
    const char *args[ARGS_MAX] = {
        "redis-server", "--port",      port,    "--bind",    "127.0.0.1",
        "--unixsocket", socket_path,   "--dir", server->dir, "--logfile",
        "log",          "--daemonize", "no"};
    size_t n = 13;
    for (; *options && n < ARGS_MAX - 1; options++)
        args[n++] = *options;
    pid_t parent = getpid();
    server->pid = fork();
    ck_assert_int_ge(server->pid, 0);
    if (server->pid > 0)
        return;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    int null = open("/dev/null", O_RDWR);
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(null, STDOUT_FILENO);
    execvp(args[0], (char *const *)(uintptr_t)args);
    _exit(127);
}

void server_restart(struct server *server, const char *const *options)
{
    server_spawn(server, options);
    struct redis *redis = server_client(server, 1000);
    struct redis_batch *batch = redis_batch_new();
    struct err err;
    redis_batch_add(batch, "PING", NULL);
    int64_t start = clock_ms();
    for (;;) {
        enum redis_status status = redis_run(redis, "", batch, NULL, NULL, &err);
        if (status == REDIS_DONE || status == REDIS_DENIED)
            break;
        ck_assert_msg(waitpid(server->pid, NULL, WNOHANG) == 0, "redis-server did not start");
        wait_a_moment(start, "redis-server starts");
    }
    redis_batch_free(batch);
    redis_free(redis);
}

void server_start(struct server *server, bool on_port, const char *const *options)
{
    *server = (struct server){.port = on_port ? free_port() : 0};
    (void)snprintf(server->dir, sizeof server->dir, "/tmp/nightscope-redis.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(server->dir));
    if (on_port)
        (void)snprintf(server->url, sizeof server->url, "redis://127.0.0.1:%u",
                       (unsigned)server->port);
    else
        (void)snprintf(server->url, sizeof server->url, "unix:%s/socket", server->dir);
    server_restart(server, options);
}

void server_signal(struct server *server, int signal)
{
    ck_assert_int_eq(kill(server->pid, signal), 0);
}

void server_kill(struct server *server)
{
    server_signal(server, SIGKILL);
    ck_assert_int_eq(waitpid(server->pid, NULL, 0), server->pid);
    server->pid = 0;
}

void server_stop(struct server *server)
{
    if (server->pid)
        server_kill(server);
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", server->dir);
    ck_assert_int_eq(system(command), 0);
}

struct redis *server_client(const struct server *server, unsigned timeout_ms)
{
    struct redis_config config;
    struct err err;
    ck_assert_int_eq(redis_url_parse(server->url, &config, &err), 0);
    config.timeout_ms = timeout_ms;
    struct redis *redis = redis_new(&config);
    ck_assert_ptr_nonnull(redis);
    return redis;
}

const char *server_say(const struct server *server, const char *words, ...)
{
    static char answer[1024];
    struct redis *redis = server_client(server, SERVER_WAIT_MS);
    struct redis_batch *batch = redis_batch_new();
    struct redis_replies replies = {0};
    struct err err;
    va_list args;
    va_start(args, words);
    redis_batch_command(batch, words);
    for (const char *word; (word = va_arg(args, const char *));)
        redis_batch_arg(batch, word);
    va_end(args);
    enum redis_status status = redis_run(redis, "", batch, "", &replies, &err);
    ck_assert_msg(status == REDIS_DONE, "%s: %s", words, err.text);
    const struct redis_reply *reply = &replies.items[0];
    if (reply->kind == REDIS_NUMBER)
        (void)snprintf(answer, sizeof answer, "%lld", (long long)reply->number);
    else
        (void)snprintf(answer, sizeof answer, "%s", reply->text ? reply->text : "(nil)");
    redis_replies_free(&replies);
    redis_batch_free(batch);
    redis_free(redis);
    return answer;
}
