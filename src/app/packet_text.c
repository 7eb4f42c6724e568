#include "app/packet_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Appends to a text that is cut at cap. */
struct text {
    char *buf;
    size_t cap, used;
};

static void add(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text->buf + text->used, text->cap - text->used, format, args);
    va_end(args);
    size_t left = text->cap - text->used;
    text->used += length < 0 ? 0 : (size_t)length < left ? (size_t)length : left - 1;
}

static void add_address(struct text *text, bool is6, uint32_t v4, struct ip6 v6, bool port,
                        unsigned number)
{
    char name[ADDRESS_TEXT_CAP];
    struct address address = {.is6 = is6, .v4 = v4, .v6 = v6};
    add(text, port && is6 ? "[%s]" : "%s", address_format(&address, name));
    if (port)
        add(text, ":%u", number);
}

static void add_flags(struct text *text, unsigned flags)
{
    static const char LETTERS[] = "FSRPAUEC"; /* bit 0 first */
    char set[9];
    unsigned n = 0;
    for (unsigned bit = 0; bit < 8; bit++)
        if (flags >> bit & 1)
            set[n++] = LETTERS[bit];
    set[n] = '\0';
    add(text, " TCP %s", n ? set : "(no flag)");
}

void packet_text(const struct batch *batch, unsigned row, char *buf, size_t cap)
{
    struct text text = {buf, cap, 0};
    bool is6 = mask_test(batch->has[HAS_IPV6], row), tcp = mask_test(batch->has[HAS_TCP], row);
    bool udp = mask_test(batch->has[HAS_UDP], row), sctp = mask_test(batch->has[HAS_SCTP], row);
    bool ports = tcp || udp || sctp;
    time_t second = (time_t)(batch->ts_ns[row] / 1000000000);
    struct tm at;
    char clock[32];
    if (gmtime_r(&second, &at) && strftime(clock, sizeof clock, "%Y-%m-%d %H:%M:%S", &at))
        add(&text, "%s.%06lld ", clock, (long long)(batch->ts_ns[row] % 1000000000 / 1000));
    add_address(&text, is6, batch->src[row], batch->src6[row], ports, batch->srcport[row]);
    add(&text, " > ");
    add_address(&text, is6, batch->dst[row], batch->dst6[row], ports, batch->dstport[row]);
    if (tcp) {
        add_flags(&text, batch->tcp_flags[row]);
        add(&text, " seq %u ack %u win %u", batch->tcp_seq[row], batch->tcp_ack[row],
            batch->tcp_window[row]);
    } else if (udp) {
        add(&text, " UDP payload %u", batch->payload_len[row]);
    } else if (sctp) {
        add(&text, " SCTP chunk %u", batch->sctp_chunk_type[row]);
    } else if (mask_test(batch->has[HAS_ICMP], row) || mask_test(batch->has[HAS_ICMP6], row)) {
        add(&text, " ICMP%s %u/%u id %u seq %u", is6 ? "v6" : "", batch->icmp_type[row],
            batch->icmp_code[row], batch->icmp_ident[row], batch->icmp_seq[row]);
    } else {
        add(&text, " protocol %u", batch->ip_proto[row]);
    }
    if (!is6)
        add(&text, " ip.id %u%s", batch->ip_id[row], batch->ip_frag[row] & 0x4000 ? " DF" : "");
    add(&text, " ttl %u", batch->ip_ttl[row]);
}
