/* What a request may be, and what is said of those that are none. */
#include "harness.h"

#include "serve/gate.h"
#include "serve/request.h"

#include <string.h>

static const struct {
    const char *target;
    unsigned status; /* 0: taken */
} TARGETS[] = {
    {"/", 0},
    {"/?view=iot&anything=goes", 0},
    {"/page.js", 0},
    {"/../etc/passwd", 404},
    {"/%2e%2e/etc/passwd", 404},
    {"/=before", 404},
    {"page.js", 400},
    {"", 400},
    {"/healthz", 0},
    {"/healthz?x=1", 400},
    {"/api/v1/sensors", 0},
    {"/api/v1/sensors/", 404},
    {"/api/v2/sensors", 404},
    {"/api/v1/summary?sensor=tokyo&view=all&window=24h", 0},
    {"/api/v1/summary?sensor=tokyo%2Cosaka", 0},
    {"/api/v1/summary?sensor=", 400},
    {"/api/v1/summary?sensor=a%00b", 400},
    {"/api/v1/summary?sensor=a%0d%0ab", 400},
    {"/api/v1/summary?sensor={S}", 400},
    {"/api/v1/summary?view=both", 400},
    {"/api/v1/summary?view=all&view=all", 400},
    {"/api/v1/summary?view", 400},
    {"/api/v1/summary?limit=5", 400},
    {"/api/v1/series?window=59s", 400},
    {"/api/v1/series?window=60s", 0},
    {"/api/v1/series?window=730d", 0},
    {"/api/v1/series?window=731d", 400},
    {"/api/v1/series?window=1795305600-1795305660", 0},
    {"/api/v1/series?window=1795305660-1795305600", 400},
    {"/api/v1/series?window=-1", 400},
    {"/api/v1/series?window=1h1", 400},
    {"/api/v1/series?window=%31h", 0},
    {"/api/v1/series?step=60", 0},
    {"/api/v1/series?step=61", 400},
    {"/api/v1/series?step=0", 400},
    {"/api/v1/top/tcp", 0},
    {"/api/v1/top/tcp:sources", 0},
    {"/api/v1/top/tcp%3Asources", 0},
    {"/api/v1/top/asn:sources", 400},
    {"/api/v1/top/sctp", 404},
    {"/api/v1/top/", 404},
    {"/api/v1/top/tcp?window=1h", 0},
    {"/api/v1/top/tcp?window=5h", 400},
    {"/api/v1/top/tcp?window=400d", 0},
    {"/api/v1/top/tcp?window=401d", 400},
    {"/api/v1/top/tcp?limit=1000", 0},
    {"/api/v1/top/tcp?limit=1001", 400},
    {"/api/v1/top/tcp?limit=18446744073709551617", 400},
    {"/api/v1/top/tcp?cc=JP", 0},
    {"/api/v1/top/tcp?cc=jp", 400},
    {"/api/v1/top/udp?cc=JP", 400},
    {"/api/v1/top/tcp?cc=JP&view=iot", 400},
    {"/api/v1/top/tcp?cc=JP&window=7d", 400},
    {"/api/v1/source/192.0.2.1", 0},
    {"/api/v1/source/2001:db8::1", 0},
    {"/api/v1/source/192.0.2.1/24", 400},
    {"/api/v1/source/192.0.2", 400},
    {"/api/v1/source/%", 404},
    {"/api/v1/feed?view=iot", 0},
};

START_TEST(requests_are_taken_or_refused_with_a_sentence)
{
    struct request request;
    struct denial denial = {0};
    int result = request_parse(TARGETS[_i].target, &request, &denial);
    if (TARGETS[_i].status == 0) {
        ck_assert_msg(result == 0, "%s: %s", TARGETS[_i].target, denial.text);
        return;
    }
    ck_assert_msg(result == -1, "%s was taken", TARGETS[_i].target);
    ck_assert_msg(denial.status == TARGETS[_i].status, "%s: %u", TARGETS[_i].target,
                  denial.status);
    ck_assert_uint_gt(strlen(denial.text), 10);
}
END_TEST

START_TEST(equal_requests_have_equal_keys)
{
    char keys[2][REQUEST_KEY_CAP];
    static const char *const SAME[] = {"/api/v1/top/tcp:sources?sensor=b,a,b&window=24h",
                                       "/api/v1/top/tcp?window=1d&by=sources&sensor=a%2cb"};
    for (unsigned i = 0; i < 2; i++) {
        struct request request;
        struct denial denial;
        ck_assert_int_eq(request_parse(SAME[i], &request, &denial), 0);
        request_key(&request, keys[i]);
    }
    ck_assert_str_eq(keys[0], keys[1]);
}
END_TEST

START_TEST(targets_have_a_longest)
{
    char target[REQUEST_TARGET_MAX + 2];
    memset(target, 'a', sizeof target - 1);
    target[0] = '/';
    target[sizeof target - 1] = '\0';
    struct request request;
    struct denial denial;
    ck_assert_int_eq(request_parse(target, &request, &denial), -1);
    ck_assert_uint_eq(denial.status, 414);
}
END_TEST

START_TEST(a_token_is_a_password_or_a_bearer)
{
    static const char TOKEN[] = "0123456789abcdef";
    ck_assert(gate_has_token("Bearer 0123456789abcdef", TOKEN));
    ck_assert(gate_has_token("Basic dXNlcjowMTIzNDU2Nzg5YWJjZGVm", TOKEN)); /* user: */
    ck_assert(gate_has_token("basic OjAxMjM0NTY3ODlhYmNkZWY=", TOKEN));     /* : */
    ck_assert(!gate_has_token(NULL, TOKEN));
    ck_assert(!gate_has_token("Bearer 0123456789abcde", TOKEN));
    ck_assert(!gate_has_token("Bearer 0123456789abcdef0", TOKEN));
    ck_assert(!gate_has_token("Bearer 0123456789abcdef0123456789abcdef", TOKEN));
    ck_assert(!gate_has_token("Bearer ", TOKEN));
    ck_assert(!gate_has_token("Basic MDEyMzQ1Njc4OWFiY2RlZg==", TOKEN)); /* no colon */
    ck_assert(!gate_has_token("Basic ****", TOKEN));
}
END_TEST

START_TEST(only_names_of_this_machine_are_local)
{
    static const char *const LOCAL[] = {"localhost",      "localhost:8080", "LOCALHOST:1",
                                        "127.0.0.1:8080", "127.1.2.3",      "[::1]",
                                        "[::1]:8080"};
    static const char *const FOREIGN[] = {"",
                                          "evil.example",
                                          "localhost.evil.example",
                                          "127.0.0.1.evil.example",
                                          "[::1].evil.example",
                                          "128.0.0.1",
                                          "[::2]"};
    for (size_t i = 0; i < sizeof LOCAL / sizeof *LOCAL; i++)
        ck_assert_msg(gate_is_local_host(LOCAL[i]), "%s", LOCAL[i]);
    for (size_t i = 0; i < sizeof FOREIGN / sizeof *FOREIGN; i++)
        ck_assert_msg(!gate_is_local_host(FOREIGN[i]), "%s", FOREIGN[i]);
    ck_assert(!gate_is_local_host(NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("request");
    TCase *tcase = tcase_create("request");
    tcase_add_loop_test(tcase, requests_are_taken_or_refused_with_a_sentence, 0,
                        (int)(sizeof TARGETS / sizeof *TARGETS));
    tcase_add_test(tcase, equal_requests_have_equal_keys);
    tcase_add_test(tcase, targets_have_a_longest);
    tcase_add_test(tcase, a_token_is_a_password_or_a_bearer);
    tcase_add_test(tcase, only_names_of_this_machine_are_local);
    suite_add_tcase(suite, tcase);
    return harness_run(suite);
}
