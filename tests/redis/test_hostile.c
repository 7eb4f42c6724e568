/* A server that lies: a thread that greets and then says what a script tells it to. Also slow
 * ones, and ones that never read; every call ends, in time, and the next one connects anew. */
#include "harness.h"
#include "redis/server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TIMEOUT_MS = 400 };

/* To AUTH, CLIENT SETNAME and INFO. */
static const char greeting[] = "+OK\r\n+OK\r\n$33\r\nredis_mode:standalone\r\nrun_id:x\r\n\r\n";

struct script {
    const char *ask; /* what has to be read first; NULL: nothing */
    const char *say;
    size_t n;
    unsigned pause_ms; /* before each byte */
    unsigned repeat;   /* how often, at most; until the client is gone */
    bool hang_up;      /* at once; else waits until the client is gone */
    bool ungreeted;
};

struct liar {
    struct script script;
    int listener;
    uint16_t port;
    unsigned connections;
    atomic_bool over;
    pthread_t thread;
};

static bool pause_ms(int fd, unsigned ms)
{
    struct pollfd gone = {.fd = fd, .events = POLLRDHUP};
    return poll(&gone, 1, (int)ms) == 0; /* false: the client is gone */
}

/* Reads until `word` was there, or the end. */
static bool hear(int fd, const char *word)
{
    static char heard[1 << 16];
    size_t n = 0;
    for (;;) {
        ssize_t got = recv(fd, heard + n, sizeof heard - 1 - n, 0);
        if (got <= 0)
            return false;
        n += (size_t)got;
        heard[n] = '\0';
        if (memmem(heard, n, word, strlen(word)))
            return true;
        if (n > sizeof heard / 2) {
            memmove(heard, heard + n - 64, 64);
            n = 64;
        }
    }
}

static void tell(int fd, const struct script *script)
{
    for (unsigned i = 0; i < (script->repeat ? script->repeat : 1); i++) {
        size_t step = script->pause_ms ? 1 : script->n;
        for (size_t at = 0; at < script->n; at += step) {
            if (script->pause_ms && !pause_ms(fd, script->pause_ms))
                return;
            if (send(fd, script->say + at, step, MSG_NOSIGNAL) < 0)
                return;
        }
    }
}

static void *lie(void *argument)
{
    struct liar *liar = argument;
    const struct script *script = &liar->script;
    int fd;
    while ((fd = accept(liar->listener, NULL, NULL)) >= 0) {
        liar->connections++;
        bool there = true;
        if (!script->ungreeted)
            there = hear(fd, "INFO\r\n$6\r\nserver\r\n") &&
                    send(fd, greeting, sizeof greeting - 1, MSG_NOSIGNAL) > 0;
        if (there && (!script->ask || hear(fd, script->ask)))
            tell(fd, script);
        if (!script->hang_up)
            while (!atomic_load(&liar->over) && pause_ms(fd, 20))
                ;
        (void)close(fd);
    }
    return NULL;
}

static struct liar liar;
static struct redis *redis;
static struct redis_batch *batch;
static struct redis_replies replies;
static struct err err;

static void start_liar(struct script script)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    liar = (struct liar){.script = script};
    liar.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(liar.listener, (struct sockaddr *)&address, n), 0);
    ck_assert_int_eq(listen(liar.listener, 8), 0);
    ck_assert_int_eq(getsockname(liar.listener, (struct sockaddr *)&address, &n), 0);
    liar.port = ntohs(address.sin_port);
    ck_assert_int_eq(pthread_create(&liar.thread, NULL, lie, &liar), 0);
    struct redis_config config;
    char url[64];
    (void)snprintf(url, sizeof url, "redis://127.0.0.1:%u", (unsigned)liar.port);
    ck_assert_int_eq(redis_url_parse(url, &config, &err), 0);
    ck_assert_int_eq(redis_credentials(&config, NULL, "alice", "hunter2", &err), 0);
    config.timeout_ms = TIMEOUT_MS;
    redis = redis_new(&config);
    batch = redis_batch_new();
    redis_batch_add(batch, "GET", "a", NULL);
}

static void stop_liar(void)
{
    redis_replies_free(&replies);
    redis_batch_free(batch);
    redis_free(redis);
    atomic_store(&liar.over, true);
    (void)shutdown(liar.listener, SHUT_RDWR);
    ck_assert_int_eq(pthread_join(liar.thread, NULL), 0);
    (void)close(liar.listener);
}

/* Runs the batch; it must end soon, without the password in what is told. */
static void assert_ends(enum redis_status wanted, const char *says)
{
    int64_t start = clock_ms();
    err.text[0] = '\0';
    enum redis_status status = redis_run(redis, "a", batch, NULL, &replies, &err);
    ck_assert_msg(status == wanted, "status %d, not %d: %s", (int)status, (int)wanted,
                  err.text);
    ck_assert_msg(strstr(err.text, says) != NULL, "\"%s\": not %s", err.text, says);
    ck_assert_ptr_null(strstr(err.text, "hunter2"));
    ck_assert_int_lt(clock_ms() - start, SERVER_WAIT_MS);
}

#define TEXT(literal) literal, sizeof(literal) - 1

START_TEST(nonsense_is_wrong_and_ends_the_connection)
{
    static const struct {
        const char *say;
        size_t n;
        const char *says;
    } rows[] = {
        {TEXT("HTTP/1.1 400 Bad Request\r\n"), "not a reply of Redis"},
        {TEXT("*2147483647\r\n"), "longer lists than are taken"},
        {TEXT("*2097152\r\n*1\r\n"), "longer lists than are taken"},
        {TEXT("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"),
         "not a reply of Redis"},
        {TEXT("$-7\r\n"), "not a reply of Redis"},
        {TEXT("+OK\r\n+OK\r\n"), "more replies than there were commands"},
        {TEXT("+OK\r\n$"), "more replies than there were commands"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start_liar((struct script){.ask = "GET", .say = rows[i].say, .n = rows[i].n});
        assert_ends(REDIS_WRONG, rows[i].says);
        assert_ends(REDIS_WRONG, rows[i].says);
        ck_assert_uint_eq(liar.connections, 2);
        stop_liar();
    }
}
END_TEST

START_TEST(a_reply_cut_anywhere_is_lost)
{
    static const char whole[] = "*2\r\n$3\r\nabc\r\n:1\r\n";
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        start_liar((struct script){.ask = "GET", .say = whole, .n = n, .hang_up = true});
        assert_ends(REDIS_LOST, "");
        stop_liar();
    }
    start_liar((struct script){.ask = "GET", .say = whole, .n = sizeof whole - 1});
    assert_ends(REDIS_DONE, "");
    ck_assert_str_eq(replies.items[0].items[0].text, "abc");
    ck_assert_str_eq(redis_run_id(redis, "a"), "x");
    stop_liar();
}
END_TEST

START_TEST(a_greeting_cut_anywhere_is_lost)
{
    for (size_t n = 0; n < sizeof greeting - 1; n++) {
        start_liar((struct script){
            .ungreeted = true, .ask = "server\r\n", .say = greeting, .n = n, .hang_up = true});
        assert_ends(REDIS_LOST, "");
        ck_assert_str_eq(redis_run_id(redis, "a"), "");
        stop_liar();
    }
}
END_TEST

START_TEST(silence_is_lost_in_time)
{
    start_liar((struct script){.ungreeted = true});
    int64_t start = clock_ms();
    assert_ends(REDIS_LOST, "no reply in time (400 ms)");
    ck_assert_int_ge(clock_ms() - start, TIMEOUT_MS);
    ck_assert_int_lt(clock_ms() - start, 20 * TIMEOUT_MS);
    stop_liar();
}
END_TEST

START_TEST(a_trickle_is_lost_in_time)
{
    static char line[1000] = "+";
    memset(line + 1, 'x', sizeof line - 1);
    start_liar((struct script){.ask = "GET", .say = line, .n = sizeof line, .pause_ms = 20});
    int64_t start = clock_ms();
    assert_ends(REDIS_LOST, "no reply in time (400 ms)");
    ck_assert_int_lt(clock_ms() - start, 20 * TIMEOUT_MS);
    stop_liar();
}
END_TEST

START_TEST(a_trickle_of_replies_is_lost_in_time)
{
    start_liar((struct script){
        .ask = "GET", .say = "+x\r\n", .n = 4, .pause_ms = 20, .repeat = 10000});
    for (unsigned i = 0; i < 10000; i++)
        redis_batch_add(batch, "GET", "a", NULL);
    int64_t start = clock_ms();
    assert_ends(REDIS_LOST, "no reply in time (400 ms)");
    ck_assert_int_ge(clock_ms() - start, 10 * TIMEOUT_MS);
    ck_assert_int_lt(clock_ms() - start, 60 * TIMEOUT_MS);
    stop_liar();
}
END_TEST

START_TEST(a_server_that_never_reads_is_lost_in_time)
{
    static char value[1 << 20];
    start_liar((struct script){.n = 0});
    for (unsigned i = 0; i < 50; i++) {
        redis_batch_command(batch, "SET");
        redis_batch_arg(batch, "a");
        redis_batch_arg_bytes(batch, value, sizeof value);
    }
    assert_ends(REDIS_LOST, "no reply in time (400 ms)");
    stop_liar();
}
END_TEST

START_TEST(a_flood_takes_bounded_memory)
{
    static char part[1 << 20];
    memset(part, 'x', sizeof part);
    struct rusage usage;
    start_liar((struct script){.ask = "GET", .say = part, .n = sizeof part, .repeat = 100000});
    part[0] = '+';
    /* Whether it is the time or the limit that comes first depends on the machine. */
    enum redis_status status = redis_run(redis, "a", batch, NULL, NULL, &err);
    ck_assert(status == REDIS_LOST || status == REDIS_WRONG);
    stop_liar();
    ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
    ck_assert_int_lt(usage.ru_maxrss, 1 << 20); /* KiB */
}
END_TEST

START_TEST(a_full_house_is_busy)
{
    static const char full[] = "-ERR max number of clients reached\r\n";
    start_liar((struct script){.ungreeted = true,
                               .ask = "server\r\n",
                               .say = full,
                               .n = sizeof full - 1,
                               .hang_up = true});
    assert_ends(REDIS_BUSY, "AUTH: ERR max number of clients reached");
    stop_liar();
}
END_TEST

START_TEST(a_password_that_is_repeated_is_not_told)
{
    static const struct {
        bool ungreeted;
        const char *say;
        size_t n;
        const char *says;
    } rows[] = {
        {true,
         TEXT("-ERR unknown command `AUTH`, with args beginning with: `alice`, `hunter2`\r\n"
              "+OK\r\n+OK\r\n"),
         "AUTH: ERR unknown command `AUTH`"},
        {true, TEXT("-hunter2\r\n+OK\r\n+OK\r\n"), "AUTH: ***"},
        {false, TEXT("-ERR it is hunter2 hunter2\r\n"), "GET: ERR it is *** ***"},
        {false, TEXT("hunter2\r\n"), "not a reply of Redis"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start_liar((struct script){.ungreeted = rows[i].ungreeted,
                                   .ask = rows[i].ungreeted ? "server\r\n" : "GET",
                                   .say = rows[i].say,
                                   .n = rows[i].n});
        assert_ends(REDIS_WRONG, rows[i].says);
        stop_liar();
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hostile");
    TCase *tests = tcase_create("hostile");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, nonsense_is_wrong_and_ends_the_connection);
    tcase_add_test(tests, a_reply_cut_anywhere_is_lost);
    tcase_add_test(tests, a_greeting_cut_anywhere_is_lost);
    tcase_add_test(tests, silence_is_lost_in_time);
    tcase_add_test(tests, a_trickle_is_lost_in_time);
    tcase_add_test(tests, a_trickle_of_replies_is_lost_in_time);
    tcase_add_test(tests, a_server_that_never_reads_is_lost_in_time);
    tcase_add_test(tests, a_flood_takes_bounded_memory);
    tcase_add_test(tests, a_full_house_is_busy);
    tcase_add_test(tests, a_password_that_is_repeated_is_not_told);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
