/* The table of IoT ports: in order, whole, and found. */
#include "signature/iot_ports.h"

#include <string.h>

#include "harness.h"

START_TEST(entries_are_in_order_and_whole)
{
    for (size_t i = 0; i < IOT_PORTS_COUNT; i++) {
        const struct iot_port *entry = &IOT_PORTS[i];
        ck_assert(entry->protocol == PROTOCOL_TCP || entry->protocol == PROTOCOL_UDP);
        ck_assert_uint_gt(strlen(entry->device), 4);
        ck_assert_uint_gt(strlen(entry->weakness), 4);
        ck_assert_uint_gt(strlen(entry->reference), 4);
        if (i > 0) {
            const struct iot_port *before = entry - 1;
            ck_assert_msg(
                before->protocol < entry->protocol ||
                    (before->protocol == entry->protocol && before->port < entry->port),
                "port %u is out of order", entry->port);
        }
    }
}
END_TEST

START_TEST(every_number_is_found_exactly_when_it_is_listed)
{
    size_t found = 0;
    for (unsigned protocol = 0; protocol < PROTOCOL_COUNT_; protocol++)
        for (unsigned port = 0; port <= UINT16_MAX; port++) {
            const struct iot_port *entry =
                iot_port_find((enum protocol)protocol, (uint16_t)port);
            if (!entry)
                continue;
            ck_assert(entry->protocol == (enum protocol)protocol && entry->port == port);
            found++;
        }
    ck_assert_uint_eq(found, IOT_PORTS_COUNT);
}
END_TEST

START_TEST(known_ports_have_their_devices)
{
    static const struct {
        enum protocol protocol;
        uint16_t port;
        const char *device, *weakness; /* parts; NULL: not listed */
    } CASES[] = {
        {PROTOCOL_TCP, 23, "cameras", "telnet"},
        {PROTOCOL_TCP, 37215, "Huawei HG532", "CVE-2017-17215"},
        {PROTOCOL_TCP, 52869, "Realtek", "CVE-2014-8361"},
        {PROTOCOL_TCP, 5555, "Android", "Debug Bridge"},
        {PROTOCOL_UDP, 53413, "Netis", "backdoor"},
        {PROTOCOL_UDP, 23, NULL, NULL},
        {PROTOCOL_TCP, 53413, NULL, NULL},
        {PROTOCOL_TCP, 445, NULL, NULL},
        {PROTOCOL_TCP, 0, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const struct iot_port *entry = iot_port_find(CASES[i].protocol, CASES[i].port);
        if (!CASES[i].device) {
            ck_assert_msg(!entry, "port %u is listed", CASES[i].port);
            continue;
        }
        ck_assert_msg(entry, "port %u is not listed", CASES[i].port);
        ck_assert_ptr_nonnull(strstr(entry->device, CASES[i].device));
        ck_assert_ptr_nonnull(strstr(entry->weakness, CASES[i].weakness));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("IoT ports");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, entries_are_in_order_and_whole);
    tcase_add_test(tcase, every_number_is_found_exactly_when_it_is_listed);
    tcase_add_test(tcase, known_ports_have_their_devices);
    suite_add_tcase(suite, tcase);
    return harness_run(suite);
}
