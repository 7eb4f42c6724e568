/* A flusher whose server says nothing: what waits meanwhile is counted, and does not grow with
 * each report of the whole run. */
#include "app/flusher.h"
#include "harness.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LABELLED = 2000, JSON = 1 << 20, REPORTS = 50 };
#define ONE_REPORT (LABELLED * sizeof(struct labelled_source) + JSON)

/* Listens, and answers nobody. */
static int listen_at(struct redis_config *config, const char *folder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(config->path, sizeof config->path, "%s/socket", folder);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", config->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(fd, 64), 0);
    config->timeout_ms = 600000;
    return fd;
}

static void add_report(struct flusher *flusher)
{
    struct flusher_values values = {.closed_until_s = 60,
                                    .report = calloc(1, sizeof *values.report),
                                    .report_json = calloc(1, JSON),
                                    .report_json_len = JSON,
                                    .labelled = calloc(LABELLED, sizeof *values.labelled),
                                    .labelled_n = LABELLED};
    ck_assert(values.report && values.report_json && values.labelled);
    flusher_add(flusher, &values);
}

static uint64_t held_bytes(struct flusher *flusher)
{
    struct flusher_status status;
    flusher_status(flusher, &status);
    return status.held_bytes;
}

START_TEST(one_report_waits_for_a_slow_server)
{
    char folder[] = "/tmp/nightscope-inbox-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    struct flusher_config config = {.sensor = "S"};
    int server = listen_at(&config.redis, folder);
    struct err err;
    struct flusher *flusher = flusher_new(&config, &err);
    ck_assert_ptr_nonnull(flusher);
    add_report(flusher);
    int client = accept(server, NULL, NULL); /* the thread asks, and waits for an answer */
    ck_assert_int_ge(client, 0);
    uint64_t before = held_bytes(flusher);
    for (unsigned i = 0; i < REPORTS; i++) {
        add_report(flusher);
        ck_assert_uint_ge(held_bytes(flusher), before + ONE_REPORT);
        ck_assert_uint_lt(held_bytes(flusher), before + 2 * ONE_REPORT);
    }
    ck_assert_int_eq(close(client), 0);
    ck_assert_int_eq(close(server), 0);
    ck_assert_int_eq(unlink(config.redis.path), 0);
    ck_assert_int_eq(flusher_end(flusher, 0, &err), FLUSHER_LEFT_UNSENT);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("flush_inbox");
    TCase *tests = tcase_create("flush_inbox");
    tcase_add_test(tests, one_report_waits_for_a_slow_server);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
