/* Redis URLs and credentials; that passwords stay out of messages. */
#include "harness.h"

#include <fcntl.h>
#include <nightscope/redis.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(urls_are_parsed)
{
    static const struct {
        const char *url, *host, *path;
        unsigned port, db;
        bool tls;
    } rows[] = {
        {"redis://localhost", "localhost", "", 6379, 0, false},
        {"redis://localhost/", "localhost", "", 6379, 0, false},
        {"redis://10.0.0.1:6380/3", "10.0.0.1", "", 6380, 3, false},
        {"redis://[::1]", "::1", "", 6379, 0, false},
        {"redis://[2001:db8::7]:1/15", "2001:db8::7", "", 1, 15, false},
        {"rediss://cache.example.org:65535", "cache.example.org", "", 65535, 0, true},
        {"redis://h/2147483647", "h", "", 6379, 2147483647, false},
        {"unix:/run/redis.sock", "", "/run/redis.sock", 0, 0, false},
        {"unix:/run/a@b?db=7", "", "/run/a@b", 0, 7, false},
        {"unix:///run/redis.sock", "", "///run/redis.sock", 0, 0, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct redis_config config;
        struct err err = {0};
        ck_assert_msg(redis_url_parse(rows[i].url, &config, &err) == 0, "%s: %s", rows[i].url,
                      err.text);
        ck_assert_str_eq(config.host, rows[i].host);
        ck_assert_str_eq(config.path, rows[i].path);
        ck_assert_uint_eq(config.port, rows[i].port);
        ck_assert_uint_eq(config.db, rows[i].db);
        ck_assert_int_eq(config.tls, rows[i].tls);
        ck_assert_str_eq(config.user, "");
        ck_assert_str_eq(config.password, "");
        ck_assert_uint_gt(config.timeout_ms, 0);
    }
}
END_TEST

START_TEST(wrong_urls_are_refused_with_the_column)
{
    static const struct {
        const char *url, *text;
    } rows[] = {
        {"", "Redis URL, column 1: expected redis://HOST[:PORT][/DB], rediss://... or "
             "unix:PATH"},
        {"http://h", "Redis URL, column 1: expected redis://HOST[:PORT][/DB], rediss://... or "
                     "unix:PATH"},
        {"redis://", "Redis URL, column 9: expected a host name or address (IPv6 in brackets: "
                     "[::1])"},
        {"redis://:6379", "Redis URL, column 9: expected a host name or address (IPv6 in "
                          "brackets: [::1])"},
        {"redis://a b", "Redis URL, column 9: expected a host name or address (IPv6 in "
                        "brackets: [::1])"},
        {"redis://h:0", "Redis URL, column 11: expected a port from 1 to 65535"},
        {"redis://h:", "Redis URL, column 11: expected a port from 1 to 65535"},
        {"redis://h:65536", "Redis URL, column 11: expected a port from 1 to 65535"},
        {"redis://h:4294967297", "Redis URL, column 11: expected a port from 1 to 65535"},
        {"redis://h:6379x", "Redis URL, column 15: expected the end, or /DB"},
        {"redis://h/x", "Redis URL, column 11: expected the number of a database, such as 0"},
        {"redis://h/2147483648",
         "Redis URL, column 11: expected the number of a database, such as 0"},
        {"redis://h/1/2", "Redis URL, column 12: expected the end, or /DB"},
        {"redis://h?db=1", "Redis URL, column 10: expected the end, or /DB"},
        {"redis://[::1", "Redis URL, column 13: expected the \"]\" that ends an IPv6 address"},
        {"redis://[127.0.0.1]", "Redis URL, column 10: expected an IPv6 address such as ::1"},
        {"redis://::1", "Redis URL, column 9: expected a host name or address (IPv6 in "
                        "brackets: [::1])"},
        {"rediss://[::1]x", "Redis URL, column 15: expected the end, or /DB"},
        {"unix:", "Redis URL, column 6: expected an absolute path, such as "
                  "unix:/run/redis/redis.sock"},
        {"unix:redis.sock", "Redis URL, column 6: expected an absolute path, such as "
                            "unix:/run/redis/redis.sock"},
        {"unix:/s?x=1", "Redis URL, column 8: expected the end, or ?db=N"},
        {"unix:/s?db=", "Redis URL, column 12: expected the number of a database, such as 0"},
        {"unix:/s?db=1&x",
         "Redis URL, column 13: expected the number of a database, such as 0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct redis_config config;
        struct err err = {0};
        ck_assert_msg(redis_url_parse(rows[i].url, &config, &err) == -1, "%s", rows[i].url);
        ck_assert_str_eq(err.text, rows[i].text);
    }
}
END_TEST

START_TEST(long_hosts_and_paths_are_refused)
{
    static const struct {
        const char *scheme;
        size_t fits;
    } rows[] = {{"redis://", 255}, {"unix:/", 106}};
    for (size_t i = 0; i < 2; i++)
        for (size_t more = 0; more < 2; more++) {
            char url[512] = {0};
            struct redis_config config;
            size_t n = strlen(rows[i].scheme);
            memcpy(url, rows[i].scheme, n);
            memset(url + n, 'a', rows[i].fits + more);
            ck_assert_int_eq(redis_url_parse(url, &config, NULL), more ? -1 : 0);
        }
}
END_TEST

START_TEST(credentials_in_the_url_are_refused_unseen)
{
    static const char *const urls[] = {
        "redis://user:hunter2@host:6379/0", "redis://:hunter2@host",
        "rediss://hunter2@[::1]",           "unix://user:hunter2@/run/s",
        "unix:/run/s?password=hunter2",     "unix:/run/s?username=hunter2",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct redis_config config;
        struct err err = {0};
        ck_assert_int_eq(redis_url_parse(urls[i], &config, &err), -1);
        ck_assert_ptr_nonnull(strstr(err.text, "use a credentials file or the environment"));
        ck_assert_ptr_null(strstr(err.text, "hunter2"));
        ck_assert_ptr_null(strstr(err.origin, "hunter2"));
    }
}
END_TEST

/* Writes a file of its own and returns its name, until the next call. */
static const char *write_file(const char *text, size_t n, mode_t mode)
{
    static char name[64];
    (void)snprintf(name, sizeof name, "/tmp/nightscope-credentials.XXXXXX");
    int fd = mkstemp(name);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, n), (ssize_t)n);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    (void)close(fd);
    return name;
}

START_TEST(credentials_come_from_the_file_first)
{
    static const struct {
        const char *text, *user, *password;
    } rows[] = {
        {"alice:hunter2\n", "alice", "hunter2"},
        {"hunter2", "", "hunter2"},
        {":with:colon\r\nsecond line\n", "", "with:colon"},
        {"alice: blanks stay \n", "alice", " blanks stay "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct redis_config config = {0};
        struct err err = {0};
        const char *name = write_file(rows[i].text, strlen(rows[i].text), 0600);
        ck_assert_msg(redis_credentials(&config, name, "env", "env", &err) == 0, "%s",
                      err.text);
        ck_assert_str_eq(config.user, rows[i].user);
        ck_assert_str_eq(config.password, rows[i].password);
        (void)unlink(name);
    }
}
END_TEST

START_TEST(credentials_files_that_others_read_are_refused)
{
    static const mode_t modes[] = {0604, 0640, 0620, 0602, 0644, 0666, 0601};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct redis_config config = {0};
        struct err err = {0};
        const char *name = write_file("hunter2\n", 8, modes[i]);
        ck_assert_int_eq(redis_credentials(&config, name, NULL, NULL, &err), -1);
        ck_assert_str_eq(err.origin, name);
        ck_assert_ptr_nonnull(strstr(err.text, "use chmod 600"));
        ck_assert_str_eq(config.password, "");
        (void)unlink(name);
    }
    static const mode_t good[] = {0600, 0400};
    for (size_t i = 0; i < 2; i++) {
        struct redis_config config = {0};
        const char *name = write_file("hunter2\n", 8, good[i]);
        ck_assert_int_eq(redis_credentials(&config, name, NULL, NULL, NULL), 0);
        (void)unlink(name);
    }
}
END_TEST

START_TEST(nonsense_in_a_credentials_file_is_refused_unseen)
{
    static char longest[2000];
    memset(longest, 'p', sizeof longest);
    char user[200];
    memset(user, 'u', sizeof user);
    memcpy(user + sizeof user - 9, ":hunter2\n", 9);
    const struct {
        const char *text;
        size_t n;
        const char *says;
    } rows[] = {
        {"", 0, "there is no password"},
        {"\nhunter2\n", 9, "there is no password"},
        {"hunter2:\n", 9, "there is no password"},
        {"hunter2\0x\n", 10, "expected text, not a NUL byte"},
        {longest, sizeof longest, "longer than a user and a password can be"},
        {longest, 600, "the password is longer than 511 bytes"},
        {user, sizeof user, "the user name is longer than 127 bytes"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct redis_config config = {0};
        struct err err = {0};
        const char *name = write_file(rows[i].text, rows[i].n, 0600);
        ck_assert_int_eq(redis_credentials(&config, name, NULL, NULL, &err), -1);
        ck_assert_str_eq(err.text, rows[i].says);
        (void)unlink(name);
    }
    struct redis_config config = {0};
    struct err err = {0};
    ck_assert_int_eq(redis_credentials(&config, "/nonexistent/file", NULL, NULL, &err), -1);
    ck_assert_str_eq(err.text, "No such file or directory");
    ck_assert_int_eq(redis_credentials(&config, "/dev/null", NULL, NULL, &err), -1);
    ck_assert_str_eq(err.text, "not a file");
}
END_TEST

START_TEST(credentials_come_from_the_environment)
{
    struct redis_config config = {0};
    struct err err = {0};
    ck_assert_int_eq(redis_credentials(&config, NULL, NULL, "", &err), 0);
    ck_assert_str_eq(config.password, "");
    ck_assert_int_eq(redis_credentials(&config, "", "alice", "hunter2", &err), 0);
    ck_assert_str_eq(config.user, "alice");
    ck_assert_str_eq(config.password, "hunter2");
    ck_assert_int_eq(redis_credentials(&config, NULL, NULL, "other", &err), 0);
    ck_assert_str_eq(config.user, "");
    ck_assert_str_eq(config.password, "other");
    ck_assert_int_eq(redis_credentials(&config, NULL, "alice", NULL, &err), -1);
    ck_assert_str_eq(err.text, "the environment has a Redis user, but no password");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis url");
    TCase *tests = tcase_create("redis url");
    tcase_add_test(tests, urls_are_parsed);
    tcase_add_test(tests, wrong_urls_are_refused_with_the_column);
    tcase_add_test(tests, long_hosts_and_paths_are_refused);
    tcase_add_test(tests, credentials_in_the_url_are_refused_unseen);
    tcase_add_test(tests, credentials_come_from_the_file_first);
    tcase_add_test(tests, credentials_files_that_others_read_are_refused);
    tcase_add_test(tests, nonsense_in_a_credentials_file_is_refused_unseen);
    tcase_add_test(tests, credentials_come_from_the_environment);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
