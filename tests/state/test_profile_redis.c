/* Sketches against a real server: what profiles write is what PFADD of the same addresses
 * makes. Starts a redis-server of its own on a unix socket; without one, the test is skipped.
 */
#include "harness.h"

#include "state/text_sketch.h"

#include <errno.h>
#include <nightscope/profile.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ADDRESSES = 10000, SKIPPED = 77, REPLY_CAP = 1 << 16 };

static char folder[64];
static pid_t server;
static int connection = -1;

static void stop(void)
{
    if (connection >= 0)
        (void)close(connection);
    if (server > 0) {
        (void)kill(server, SIGKILL);
        (void)waitpid(server, NULL, 0);
    }
    char path[96];
    (void)snprintf(path, sizeof path, "%s/socket", folder);
    (void)unlink(path);
    (void)rmdir(folder);
}

/* The line it prints when it is ready tells us to go on. False: there is no redis-server. */
static bool start(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/nightscope-redis-XXXXXX");
    int out[2];
    if (!mkdtemp(folder) || pipe(out) != 0)
        return false;
    server = fork();
    if (server == 0) {
        (void)dup2(out[1], STDOUT_FILENO);
        (void)close(out[0]);
        (void)close(out[1]);
        if (chdir(folder) == 0)
            (void)execlp("redis-server", "redis-server", "--port", "0", "--unixsocket",
                         "socket", "--save", "", "--appendonly", "no", (char *)NULL);
        _exit(127);
    }
    (void)close(out[1]);
    static char text[REPLY_CAP];
    size_t n = 0;
    ssize_t got;
    while (!strstr(text, "accept connections") && n < sizeof text - 1 &&
           poll(&(struct pollfd){.fd = out[0], .events = POLLIN}, 1, 20000) > 0 &&
           (got = read(out[0], text + n, sizeof text - 1 - n)) > 0)
        n += (size_t)got;
    bool ready = strstr(text, "accept connections");
    (void)close(out[0]);
    return ready;
}

static void connect_server(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", folder);
    connection = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(connection, (struct sockaddr *)&address, sizeof address), 0);
}

static void send_all(const void *bytes, size_t n)
{
    for (const char *at = bytes; n > 0;) {
        ssize_t sent = write(connection, at, n);
        ck_assert_int_gt(sent, 0);
        at += sent;
        n -= (size_t)sent;
    }
}

static void send_argument(const void *bytes, size_t n)
{
    char head[32];
    send_all(head, (size_t)snprintf(head, sizeof head, "$%zu\r\n", n));
    send_all(bytes, n);
    send_all("\r\n", 2);
}

static void send_command(unsigned arguments)
{
    char head[32];
    send_all(head, (size_t)snprintf(head, sizeof head, "*%u\r\n", arguments));
}

static size_t read_line(char *line, size_t cap)
{
    size_t n = 0;
    while (n + 1 < cap && read(connection, line + n, 1) == 1 && line[n++] != '\n')
        ;
    line[n] = '\0';
    return n;
}

/* A number, a status (its text is in line), or the bytes of a string. */
static int64_t read_reply(uint8_t *ret_bytes, size_t cap)
{
    char line[256];
    ck_assert_uint_gt(read_line(line, sizeof line), 2);
    ck_assert_msg(line[0] != '-', "the server says: %s", line);
    int64_t number = strtoll(line + 1, NULL, 10);
    if (line[0] != '$')
        return number;
    ck_assert_int_ge(number, 0);
    ck_assert_uint_le((size_t)number + 2, cap);
    for (size_t n = 0; n < (size_t)number + 2;) {
        ssize_t got = read(connection, ret_bytes + n, (size_t)number + 2 - n);
        ck_assert_int_gt(got, 0);
        n += (size_t)got;
    }
    return number;
}

static int64_t ask(const char *a, const char *b, const char *c, const char *d)
{
    const char *arguments[] = {a, b, c, d};
    unsigned n = 2 + !!c + !!d;
    send_command(n);
    for (unsigned i = 0; i < n; i++)
        send_argument(arguments[i], strlen(arguments[i]));
    return read_reply(NULL, 0);
}

static struct address random_address(struct random *random)
{
    uint64_t number = random_next(random), low = random_next(random);
    switch (number % 4) {
    case 0:
        return (struct address){.is6 = true, .v6 = {number & 0xffff00000000ffff, low}};
    case 1:
        return (struct address){.is6 = true, .v6 = {0x20010db8U << 16, low & 0xff}};
    default:
        return (struct address){.v4 = (uint32_t)(number >> 32)};
    }
}

/* The server's string, dense or sparse, as registers: the published layout, read anew. */
static void decode(const uint8_t *string, size_t n, uint8_t ret[static HLL_LARGE])
{
    ck_assert_mem_eq(string, "HYLL", 4);
    memset(ret, 0, HLL_LARGE);
    if (string[4] == 0) {
        ck_assert_uint_eq(n, PROFILE_SKETCH_BYTES);
        for (unsigned i = 0; i < HLL_LARGE; i++)
            for (unsigned bit = 0; bit < 6; bit++)
                ret[i] |=
                    (uint8_t)((string[16 + (6 * i + bit) / 8] >> (6 * i + bit) % 8 & 1) << bit);
        return;
    }
    unsigned at = 0;
    for (size_t i = 16; i < n; i++) {
        if (string[i] & 0x80) { /* VAL: 1vvvvvxx */
            for (unsigned k = 0; k <= (string[i] & 3U); k++)
                ret[at++] = (string[i] >> 2 & 31) + 1;
        } else if (string[i] & 0x40) { /* XZERO: 01xxxxxx yyyyyyyy */
            at += ((string[i] & 63U) << 8 | string[i + 1]) + 1;
            i++;
        } else { /* ZERO: 00xxxxxx */
            at += (string[i] & 63U) + 1;
        }
    }
    ck_assert_uint_eq(at, HLL_LARGE);
}

static void set_sketch(const char *key, const uint8_t *registers)
{
    uint8_t string[PROFILE_SKETCH_BYTES];
    profile_sketch_encode(registers, string);
    send_command(3);
    send_argument("SET", 3);
    send_argument(key, strlen(key));
    send_argument(string, sizeof string);
    (void)read_reply(NULL, 0);
}

static void check_server(const uint8_t *registers)
{
    static uint8_t reply[REPLY_CAP], theirs[HLL_LARGE];
    send_command(2);
    send_argument("GET", 3);
    send_argument("theirs", 6);
    int64_t n = read_reply(reply, sizeof reply);
    decode(reply, (size_t)n, theirs);
    ck_assert_mem_eq(theirs, registers, HLL_LARGE);
    set_sketch("ours", registers);
    int64_t count = ask("PFCOUNT", "ours", NULL, NULL);
    ck_assert_int_eq(count, ask("PFCOUNT", "theirs", NULL, NULL));
    ck_assert_int_eq(count, ask("PFCOUNT", "ours", "theirs", NULL));
    ck_assert_int_eq(count, (int64_t)hll_estimate(registers, HLL_LARGE_BITS));
}

/* At 20, 300 and 10,000 addresses: sparse at first, dense later. */
START_TEST(registers_are_those_of_pfadd)
{
    struct random random = random_seeded("pfadd");
    uint8_t registers[HLL_LARGE] = {0};
    connect_server();
    set_sketch("ours", registers);
    ck_assert_int_eq(ask("PFCOUNT", "ours", NULL, NULL), 0);
    for (unsigned i = 1; i <= ADDRESSES; i++) {
        char text[ADDRESS_TEXT_CAP];
        struct address address = random_address(&random);
        text_sketch_add(registers, text_sketch_hash(&address));
        (void)ask("PFADD", "theirs", address_format(&address, text), NULL);
        if (i == 20 || i == 300 || i == ADDRESSES)
            check_server(registers);
    }
    uint8_t others[HLL_LARGE] = {0};
    for (unsigned i = 0; i < ADDRESSES; i++) {
        struct address address = random_address(&random);
        text_sketch_add(others, text_sketch_hash(&address));
    }
    set_sketch("others", others);
    (void)ask("PFMERGE", "both", "others", "theirs");
    hll_merge(others, registers, HLL_LARGE_BITS);
    ck_assert_int_eq(ask("PFCOUNT", "both", NULL, NULL),
                     (int64_t)hll_estimate(others, HLL_LARGE_BITS));
}
END_TEST

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    if (!start()) {
        printf("skipped: registers_are_those_of_pfadd: no redis-server\n");
        stop();
        return SKIPPED;
    }
    Suite *suite = suite_create("profile redis");
    TCase *tests = tcase_create("profile redis");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, registers_are_those_of_pfadd);
    suite_add_tcase(suite, tests);
    int status = harness_run(suite);
    stop();
    return status;
}
