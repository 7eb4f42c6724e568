/* Addresses as text and their order. */
#include <nightscope/packet.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static uint64_t be64_at(const uint8_t *bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | bytes[i];
    return value;
}

static unsigned group(struct ip6 address, unsigned i)
{
    uint64_t half = i < 4 ? address.hi : address.lo;
    return half >> (48 - 16 * (i % 4)) & 0xffff;
}

/* RFC 5952 section 4.2: the longest run of at least two zero groups, the first of equals. */
static void find_zeros(struct ip6 address, unsigned *ret_first, unsigned *ret_count)
{
    unsigned first = 8, count = 1;
    for (unsigned i = 0; i < 8; i++) {
        unsigned run = 0;
        while (i + run < 8 && group(address, i + run) == 0)
            run++;
        if (run > count) {
            first = i;
            count = run;
        }
    }
    *ret_first = first;
    *ret_count = first < 8 ? count : 0;
}

static void format4(uint32_t v4, char *buf, size_t cap)
{
    (void)snprintf(buf, cap, "%u.%u.%u.%u", v4 >> 24, v4 >> 16 & 255, v4 >> 8 & 255, v4 & 255);
}

const char *address_format(const struct address *address, char buf[static ADDRESS_TEXT_CAP])
{
    if (!address->is6) {
        format4(address->v4, buf, ADDRESS_TEXT_CAP);
        return buf;
    }
    struct ip6 v6 = address->v6;
    if (v6.hi == 0 && v6.lo >> 32 == 0xffff) { /* IPv4-mapped: RFC 5952 section 5 */
        memcpy(buf, "::ffff:", 8);
        format4((uint32_t)v6.lo, buf + 7, ADDRESS_TEXT_CAP - 7);
        return buf;
    }
    unsigned first, count, used = 0;
    find_zeros(v6, &first, &count);
    for (unsigned i = 0; i < 8;) {
        if (i == first) {
            buf[used++] = ':';
            buf[used++] = ':';
            i += count;
            continue;
        }
        const char *separator = i > 0 && i != first + count ? ":" : "";
        used += (unsigned)snprintf(buf + used, ADDRESS_TEXT_CAP - used, "%s%x", separator,
                                   group(v6, i));
        i++;
    }
    buf[used] = '\0';
    return buf;
}

int address_parse(const char *text, struct address *ret_address)
{
    uint8_t bytes[16] = {0};
    if (inet_pton(AF_INET, text, bytes) == 1) {
        *ret_address = (struct address){.v4 = (uint32_t)(be64_at(bytes) >> 32)};
        return 0;
    }
    if (inet_pton(AF_INET6, text, bytes) != 1)
        return -1;
    *ret_address = (struct address){
        .is6 = true,
        .v6 = {.hi = be64_at(bytes), .lo = be64_at(bytes + 8)},
    };
    return 0;
}

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

int address_compare(const struct address *a, const struct address *b)
{
    if (a->is6 != b->is6)
        return a->is6 ? 1 : -1;
    if (!a->is6)
        return compare_u64(a->v4, b->v4);
    int high = compare_u64(a->v6.hi, b->v6.hi);
    return high ? high : compare_u64(a->v6.lo, b->v6.lo);
}
