/* The text for Prometheus, read back by its grammar; and the server, with clients of every
 * kind. */
#include "app/metrics.h"
#include "app/metrics_server.h"
#include "harness.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct live_worker_status workers[2] = {
    {.frames = 100, .batches = 3, .busy_ns = 1500000000, .sources = 7, .events = 4},
    {.frames = 23, .batches = 2, .busy_ns = 5, .sources = 5, .events = 1}};
static struct live_interface interfaces[2] = {{"eth1", true, 2, 2},
                                              {"we\"ird\\\n\xc3", false, 0, 1}};

static struct live_status status_now(void)
{
    struct live_status status = {.now_ns = 1795305700000000000,
                                 .started_ns = 1795305600250000000,
                                 .received = 130,
                                 .frames = 123,
                                 .drops = {5, 6, 7},
                                 .closed_until_s = 1795305600,
                                 .lag_s = 61,
                                 .write_lost = 8,
                                 .misplaced = 11,
                                 .reloads = 1,
                                 .reloads_failed = 2,
                                 .interfaces = interfaces,
                                 .interfaces_n = 2,
                                 .workers = workers,
                                 .workers_n = 2};
    status.counts[COUNT_packets] = 120;
    status.counts[COUNT_bytes] = 18446744073709551615U;
    status.counts[COUNT_tcp] = 119;
    status.counts[COUNT_mirai] = 17;
    status.not_counted[REASON_NOT_IP] = 3;
    status.limits.sources_max = 64;
    status.limits.sources_evicted = 9;
    return status;
}

static __attribute__((noinline)) char *text_of(const struct metrics *metrics)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    metrics_write(out, metrics);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

static char *everything(void)
{
    static struct live_status status;
    static const struct metrics_redis redis = {"away", false, 300, 5, 40, 2, 1, 3};
    static const struct metrics_state state = {.written = true,
                                               .age_s = 31,
                                               .checkpoints = 11,
                                               .failures = 4,
                                               .bytes = 123456,
                                               .took_us = 2500000,
                                               .held_us = 1500,
                                               .lost_s = 47,
                                               .spooled = true,
                                               .spool_bytes = 77,
                                               .spool_failures = 13};
    static const struct metrics_events events = {5, 6, 7};
    static const struct metrics_files files = {24, 2};
    status = status_now();
    struct metrics metrics = {"1.2.3", "avx2", &status, &redis, &state, &events, &files};
    return text_of(&metrics);
}

/* A sample's value, as text; NULL: it is not there. */
static const char *value_of(const char *text, const char *sample)
{
    static char value[64];
    char line[256];
    (void)snprintf(line, sizeof line, "\n%s ", sample);
    const char *found = strstr(text, line);
    if (!found || sscanf(found + strlen(line), "%63s", value) != 1)
        return NULL;
    return value;
}

static bool is_name(const char *at, size_t n)
{
    static const char ALLOWED[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    return n > 11 && strncmp(at, "nightscope_", 11) == 0 && strspn(at, ALLOWED) >= n;
}

/* {name="value"[,...]}, with \\ \" and \n escaped; the end, or NULL. */
static const char *skip_labels(const char *at)
{
    do {
        at++;
        size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
        if (n == 0 || at[n] != '=' || at[n + 1] != '"')
            return NULL;
        for (at += n + 2; *at != '"'; at++) {
            if (*at == '\n' || *at == '\0')
                return NULL;
            if (*at == '\\' && !strchr("\\\"n", *++at))
                return NULL;
        }
        at++;
    } while (*at == ',');
    return *at == '}' ? at + 1 : NULL;
}

/* Every line is a comment or a sample of the family that was declared last. */
static unsigned check_grammar(char *text)
{
    char family[128] = "", type[16] = "";
    unsigned samples = 0;
    ck_assert_int_eq(text[strlen(text) - 1], '\n');
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char name[128], rest[512];
        if (sscanf(line, "# HELP %127s %511[^\n]", name, rest) == 2)
            continue;
        if (sscanf(line, "# TYPE %127s %15s", name, type) == 2) {
            ck_assert_msg(is_name(name, strlen(name)), "%s", line);
            ck_assert_msg(strcmp(type, "counter") == 0 || strcmp(type, "gauge") == 0, "%s",
                          line);
            bool total = strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0;
            ck_assert_msg(total == (strcmp(type, "counter") == 0), "%s", line);
            (void)strcpy(family, name);
            continue;
        }
        size_t n = strcspn(line, "{ ");
        ck_assert_msg(is_name(line, n) && strlen(family) == n && memcmp(family, line, n) == 0,
                      "%s is not of %s", line, family);
        const char *at = line[n] == '{' ? skip_labels(line + n) : line + n;
        ck_assert_msg(at && *at == ' ', "%s", line);
        char *end;
        (void)strtod(at + 1, &end);
        ck_assert_msg(end > at + 1 && *end == '\0', "%s", line);
        samples++;
    }
    return samples;
}

START_TEST(the_text_is_of_the_grammar)
{
    char *text = everything();
    ck_assert_uint_gt(check_grammar(text), 60);
    free(text);
}
END_TEST

static const struct {
    const char *sample, *value;
} SAMPLES[] = {
    {"nightscope_build_info{version=\"1.2.3\",isa=\"avx2\"}", "1"},
    {"nightscope_start_time_seconds", "1795305600.250000000"},
    {"nightscope_received_packets_total", "130"},
    {"nightscope_frames_total", "123"},
    {"nightscope_packets_total", "120"},
    {"nightscope_bytes_total", "18446744073709551615"},
    {"nightscope_protocol_packets_total{protocol=\"tcp\"}", "119"},
    {"nightscope_label_packets_total{label=\"mirai\"}", "17"},
    {"nightscope_not_counted_packets_total{reason=\"not_ip\"}", "3"},
    {"nightscope_dropped_packets_total{where=\"kernel\"}", "5"},
    {"nightscope_dropped_packets_total{where=\"interface\"}", "6"},
    {"nightscope_dropped_packets_total{where=\"handle\"}", "7"},
    {"nightscope_write_lost_packets_total", "8"},
    {"nightscope_misplaced_packets_total", "11"},
    {"nightscope_worker_frames_total{worker=\"1\"}", "23"},
    {"nightscope_worker_busy_seconds_total{worker=\"0\"}", "1.500000000"},
    {"nightscope_worker_busy_seconds_total{worker=\"1\"}", "0.000000005"},
    {"nightscope_sources", "12"},
    {"nightscope_sources_max", "64"},
    {"nightscope_sources_evicted_total", "9"},
    {"nightscope_limit_refused_total{limit=\"sources_evicted\"}", "9"},
    {"nightscope_window_lag_seconds", "100"},
    {"nightscope_packet_time_lag_seconds", "61"},
    {"nightscope_interface_up{interface=\"eth1\"}", "1"},
    {"nightscope_interface_up{interface=\"we\\\"ird\\\\??\"}", "0"},
    {"nightscope_reloads_total{result=\"failed\"}", "2"},
    {"nightscope_events", "5"},
    {"nightscope_events_lost_total", "7"},
    {"nightscope_hourly_files_total", "24"},
    {"nightscope_redis_up", "0"},
    {"nightscope_checkpoint_age_seconds", "31"},
    {"nightscope_checkpoints_total", "11"},
    {"nightscope_checkpoint_failures_total", "4"},
    {"nightscope_checkpoint_bytes", "123456"},
    {"nightscope_checkpoint_duration_seconds", "2.500000000"},
    {"nightscope_checkpoint_hold_seconds", "0.001500000"},
    {"nightscope_state_lost_seconds", "47"},
    {"nightscope_spool_bytes", "77"},
    {"nightscope_spool_failures_total", "13"},
    {"nightscope_redis_state{state=\"away\"}", "1"},
    {"nightscope_redis_lag_seconds", "300"},
    {"nightscope_redis_given_up_windows_total", "3"},
};

START_TEST(values_stand_under_their_names)
{
    char *text = everything();
    const char *value = value_of(text, SAMPLES[_i].sample);
    ck_assert_msg(value != NULL, "%s", SAMPLES[_i].sample);
    ck_assert_str_eq(value, SAMPLES[_i].value);
    free(text);
}
END_TEST

START_TEST(what_there_is_not_has_no_metrics)
{
    struct live_status status = status_now();
    status.closed_until_s = 0;
    struct metrics metrics = {.version = "1", .isa = "none", .status = &status};
    char *text = text_of(&metrics);
    ck_assert_ptr_null(strstr(text, "redis"));
    ck_assert_ptr_null(strstr(text, "nightscope_events"));
    ck_assert_ptr_null(strstr(text, "hourly"));
    ck_assert_ptr_null(strstr(text, "window_lag"));
    ck_assert_ptr_null(strstr(text, "signature_packets"));
    free(text);
}
END_TEST

/* The server */

static struct metrics_server *start(const char *address)
{
    struct err err;
    struct metrics_server *server = metrics_server_open(address, &err);
    ck_assert_msg(server != NULL, "%s", err.text);
    ck_assert_int_eq(metrics_server_start(server, &err), 0);
    return server;
}

static int connect_to(unsigned port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* What comes back until the end; what cannot be sent is not. */
static const char *talk(int fd, const char *request)
{
    static char answer[1 << 17];
    size_t n = 0;
    (void)send(fd, request, strlen(request), MSG_NOSIGNAL);
    for (ssize_t got; (got = recv(fd, answer + n, sizeof answer - 1 - n, 0)) > 0;)
        n += (size_t)got;
    answer[n] = '\0';
    ck_assert_int_eq(close(fd), 0);
    return answer;
}

START_TEST(it_answers_with_the_text_it_has_now)
{
    struct metrics_server *server = start("127.0.0.1:0");
    unsigned port = metrics_server_port(server);
    static const char GET[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    ck_assert_ptr_eq(strstr(talk(connect_to(port), GET), "HTTP/1.1 503"),
                     talk(connect_to(port), GET));
    static char large[100000];
    memset(large, 'x', sizeof large);
    ck_assert(metrics_server_set(server, large, sizeof large));
    const char *answer = talk(connect_to(port), GET);
    ck_assert_ptr_eq(strstr(answer, "HTTP/1.1 200 OK"), answer);
    ck_assert_ptr_nonnull(strstr(answer, "text/plain; version=0.0.4"));
    ck_assert_uint_eq(strlen(strstr(answer, "\r\n\r\n") + 4), sizeof large);
    ck_assert(metrics_server_set(server, "new 1\n", 6));
    ck_assert_str_eq(strstr(talk(connect_to(port), GET), "\r\n\r\n") + 4, "new 1\n");
    ck_assert_ptr_nonnull(strstr(talk(connect_to(port), "GET / HTTP/1.0\r\n\r\n"), "new 1\n"));
    answer = talk(connect_to(port), "HEAD /metrics HTTP/1.0\r\n\r\n");
    ck_assert_ptr_nonnull(strstr(answer, "200 OK"));
    ck_assert_ptr_null(strstr(answer, "new"));
    metrics_server_free(server);
}
END_TEST

static const struct {
    const char *request, *answer;
} HOSTILE[] = {
    {"GET /etc/passwd HTTP/1.0\r\n\r\n", " 404 "},
    {"GET /../metrics HTTP/1.0\r\n\r\n", " 404 "},
    {"POST /metrics HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", " 405 "},
    {"DELETE / HTTP/1.0\r\n\r\n", " 405 "},
    {"\r\n\r\n\r\n", NULL},
    {"\x16\x03\x01\x02hello, this is TLS\r\n\r\n", NULL},
    {"GET /metrics HTTP/9.9\r\n\r\n", NULL},
    {"GET", NULL}, /* and nothing more: closed by the client */
};

START_TEST(clients_that_are_hostile_harm_nobody)
{
    struct metrics_server *server = start("127.0.0.1:0");
    unsigned port = metrics_server_port(server);
    ck_assert(metrics_server_set(server, "fine 1\n", 7));
    for (unsigned i = 0; i < sizeof HOSTILE / sizeof *HOSTILE; i++) {
        int fd = connect_to(port);
        if (!HOSTILE[i].answer)
            (void)send(fd, HOSTILE[i].request, strlen(HOSTILE[i].request), MSG_NOSIGNAL);
        if (!HOSTILE[i].answer)
            ck_assert_int_eq(close(fd), 0);
        else
            ck_assert_msg(strstr(talk(fd, HOSTILE[i].request), HOSTILE[i].answer) != NULL, "%s",
                          HOSTILE[i].request);
    }
    /* A head without end. */
    static char endless[1 << 16] = "GET /metrics HTTP/1.1\r\nX: ";
    memset(endless + strlen(endless), 'y', sizeof endless - 64);
    ck_assert_ptr_null(strstr(talk(connect_to(port), endless), "fine 1"));
    /* More connections than it takes: those beyond are closed, not served; then it goes on. */
    int idle[64];
    for (unsigned i = 0; i < 64; i++)
        idle[i] = connect_to(port);
    for (unsigned i = 0; i < 64; i++)
        ck_assert_int_eq(close(idle[i]), 0);
    const char *answer = "";
    for (unsigned tries = 0; tries < 1000 && !strstr(answer, "fine 1\n"); tries++)
        answer = talk(connect_to(port), "GET / HTTP/1.0\r\n\r\n"); /* until those are gone */
    ck_assert_ptr_nonnull(strstr(answer, "fine 1\n"));
    metrics_server_free(server);
}
END_TEST

static int connect_local(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    (void)snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

START_TEST(a_unix_socket_is_made_anew_and_removed)
{
    char folder[] = "/tmp/nightscope-metrics-XXXXXX", path[64], address[96];
    struct err err;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/socket", folder);
    (void)snprintf(address, sizeof address, "unix:%s", path);
    /* One that was left behind. */
    struct sockaddr_un old = {.sun_family = AF_UNIX};
    (void)snprintf(old.sun_path, sizeof old.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&old, sizeof old), 0);
    ck_assert_int_eq(close(fd), 0);
    struct metrics_server *server = start(address);
    ck_assert(metrics_server_set(server, "local 1\n", 8));
    ck_assert_ptr_nonnull(
        strstr(talk(connect_local(path), "GET / HTTP/1.0\r\n\r\n"), "local 1"));
    ck_assert_ptr_null(metrics_server_open(address, &err)); /* one that lives stays */
    ck_assert_ptr_nonnull(strstr(err.text, "in use"));
    metrics_server_free(server);
    ck_assert_int_ne(access(path, F_OK), 0);
    FILE *file = fopen(path, "w"); /* and so does a file that is no socket */
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_ptr_null(metrics_server_open(address, &err));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(only_addresses_of_this_host_are_right)
{
    static const struct {
        const char *address;
        bool right;
    } CASES[] = {{"127.0.0.1:9100", true},
                 {"127.1.2.3:0", true},
                 {"localhost:9100", true},
                 {"[::1]:9100", true},
                 {"unix:/run/x", true},
                 {"0.0.0.0:9100", false},
                 {"192.0.2.1:80", false},
                 {"[::]:9100", false},
                 {"::1:9100", false},
                 {"127.0.0.1", false},
                 {"127.0.0.1:", false},
                 {"127.0.0.1:65536", false},
                 {"127.0.0.1:-1", false},
                 {"127.0.0.1:1x", false},
                 {":9100", false},
                 {"unix:", false},
                 {"", false},
                 {"[127.0.0.1]:80", false},
                 {"example.com:80", false},
                 {"[::1", false}};
    for (unsigned i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct err err = {0};
        int status = metrics_server_check(CASES[i].address, &err);
        ck_assert_msg((status == 0) == CASES[i].right, "%s", CASES[i].address);
        ck_assert(CASES[i].right || strcmp(err.origin, "--metrics") == 0);
    }
    char path[300] = "unix:";
    memset(path + 5, 'x', 108);
    ck_assert_int_eq(metrics_server_check(path, NULL), -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tests = tcase_create("metrics");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, the_text_is_of_the_grammar);
    tcase_add_loop_test(tests, values_stand_under_their_names, 0,
                        sizeof SAMPLES / sizeof *SAMPLES);
    tcase_add_test(tests, what_there_is_not_has_no_metrics);
    tcase_add_test(tests, it_answers_with_the_text_it_has_now);
    tcase_add_test(tests, clients_that_are_hostile_harm_nobody);
    tcase_add_test(tests, a_unix_socket_is_made_anew_and_removed);
    tcase_add_test(tests, only_addresses_of_this_host_are_right);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
