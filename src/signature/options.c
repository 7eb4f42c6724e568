/* TCP options: kinds in order and the values signatures ask for. The first option of a kind
 * counts. A length that cannot be right ends the list, as does the first end-of-list. */
#include "fields.h"

#include <string.h>

static uint32_t be16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t be32(const uint8_t *at)
{
    return be16(at) << 16 | be16(at + 2);
}

static void option_take(struct tcp_options *options, const uint8_t *at, unsigned len)
{
    if (at[0] == 2 && len == 4 && !options->has_mss) {
        options->has_mss = true;
        options->mss = (uint16_t)be16(at + 2);
    } else if (at[0] == 3 && len == 3 && !options->has_wscale) {
        options->has_wscale = true;
        options->wscale = at[2];
    } else if (at[0] == 4 && len == 2) {
        options->has_sack_perm = true;
    } else if (at[0] == 8 && len == 10 && !options->has_timestamp) {
        options->has_timestamp = true;
        options->tsval = be32(at + 2);
        options->tsecr = be32(at + 6);
    }
}

void tcp_options_parse(const uint8_t *bytes, unsigned len, struct tcp_options *ret_options)
{
    memset(ret_options, 0, sizeof *ret_options);
    if (len > sizeof ret_options->kinds)
        len = sizeof ret_options->kinds;
    for (unsigned i = 0; i < len;) {
        uint8_t kind = bytes[i];
        if (kind > 1 && (len - i < 2 || bytes[i + 1] < 2 || bytes[i + 1] > len - i))
            return;
        ret_options->kinds[ret_options->kinds_n++] = kind;
        if (kind == 0)
            return;
        unsigned size = kind == 1 ? 1 : bytes[i + 1];
        if (kind != 1)
            option_take(ret_options, bytes + i, size);
        i += size;
    }
}

/* Nearly all systems that send time stamps send them in one of these places; which one is not
 * to be guessed, so that no branch depends on it. */
bool tcp_timestamp_find(const uint8_t *bytes, unsigned len, uint32_t *ret_tsval,
                        uint32_t *ret_tsecr)
{
    if (len < 12) /* a multiple of 4, and a time stamp takes 10 */
        return false;
    uint32_t first = be32(bytes), second = be32(bytes + 4), third = be32(bytes + 8);
    bool mss = first >> 16 == 0x0204, bare = first == 0x0101080a;
    bool sack = mss & (second == 0x0402080a) & (len >= 16); /* "SACK permitted" is second */
    bool bsd = mss & (second >> 8 == 0x010303) & (third == 0x0101080a) & (len >= 20);
    unsigned at = bare * 4U + sack * 8U + bsd * 12U;
    if (__builtin_expect(at != 0, 1)) {
        *ret_tsval = be32(bytes + at);
        *ret_tsecr = be32(bytes + at + 4);
        return true;
    }
    struct tcp_options options;
    tcp_options_parse(bytes, len, &options);
    *ret_tsval = options.tsval;
    *ret_tsecr = options.tsecr;
    return options.has_timestamp;
}

static const struct {
    uint8_t kind;
    const char *name;
} KINDS[] = {
    {0, "eol"}, {1, "nop"},  {2, "mss"},  {3, "ws"},  {4, "sackok"}, {5, "sack"},
    {8, "ts"},  {19, "md5"}, {28, "uto"}, {29, "ao"}, {30, "mptcp"}, {34, "tfo"},
};

int tcp_kind_number(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++)
        if (strlen(KINDS[i].name) == len && memcmp(KINDS[i].name, name, len) == 0)
            return KINDS[i].kind;
    return -1;
}

const char *tcp_kind_name(uint8_t kind)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++)
        if (KINDS[i].kind == kind)
            return KINDS[i].name;
    return NULL;
}
