/* Damaged captures: cut at every byte, bytes flipped. What came before the damage is kept, the
 * status says what happened, and nothing crashes or runs for ever. */
#include "build.h"

#include <inttypes.h>

enum kind { PCAP, PCAP_BIG, PCAPNG, PCAPNG_BIG, GZIP, ZSTD, KINDS };
enum { RECORDS = 5, ENDS_MAX = 16 };

/* A small capture; ends[] are the offsets at which a cut leaves whole records, ends_packets[]
 * the packets before each. */
struct sample {
    struct buf buf;
    size_t header_n; /* shorter than this it is no capture */
    size_t ends[ENDS_MAX];
    unsigned packets[ENDS_MAX], ends_n;
};

static void mark(struct sample *sample, unsigned packets)
{
    sample->ends[sample->ends_n] = sample->buf.n;
    sample->packets[sample->ends_n++] = packets;
}

static struct sample make_sample(enum kind kind)
{
    struct sample sample = {0};
    struct buf *buf = &sample.buf;
    bool big = kind == PCAP_BIG || kind == PCAPNG_BIG;
    if (kind == PCAPNG || kind == PCAPNG_BIG) {
        ng_section(buf, big);
        sample.header_n = buf->n;
        mark(&sample, 0);
        ng_interface(buf, big, 1, 0, 9, 0);
        mark(&sample, 0);
        for (unsigned i = 0; i < RECORDS; i++) {
            if (i == 3)
                ng_simple_packet(buf, big, "simple", 6, 6);
            else
                ng_packet(buf, big, 0, i * 1000, "abcdefghij", 2 * i, 60);
            mark(&sample, i + 1);
        }
        struct buf body = {0};
        put(&body, "skipped", 7);
        ng_block(buf, big, 77, &body);
        mark(&sample, RECORDS);
        ng_statistics(buf, big, 0, 1, 2);
        mark(&sample, RECORDS);
        return sample;
    }
    pcap_header(buf, 0xa1b2c3d4, big, 1);
    sample.header_n = buf->n;
    mark(&sample, 0);
    for (unsigned i = 0; i < RECORDS; i++) {
        pcap_record(buf, big, i, i, "abcdefghij", 2 * i, 60);
        mark(&sample, i + 1);
    }
    if (kind == GZIP || kind == ZSTD) {
        struct buf plain = *buf;
        *buf = (struct buf){0};
        size_t half = plain.n / 2;
        (kind == GZIP ? put_gzip : put_zstd)(buf, plain.data, half);
        sample.ends_n = 0;
        (kind == GZIP ? put_gzip : put_zstd)(buf, plain.data + half, plain.n - half);
        mark(&sample, RECORDS);
        buf_free(&plain);
    }
    return sample;
}

START_TEST(cut_at_any_byte_keeps_what_came_before)
{
    struct sample sample = make_sample((enum kind)_i);
    bool compressed = _i == GZIP || _i == ZSTD;
    struct buf whole = sample.buf;
    unsigned before = 0;
    bool begun = false; /* from here on there is a header */
    for (size_t n = 0; n <= whole.n; n++) {
        struct result result = replay_buf(&(struct buf){.data = whole.data, .n = n});
        const struct file_status *file = &result.files[0];
        ck_assert(!(file->cut && file->failed));
        ck_assert_uint_ge(result.n, before); /* more bytes never give fewer packets */
        before = (unsigned)result.n;
        if (n < 4 || (!compressed && n < sample.header_n) ||
            (compressed && !begun && file->failed)) {
            ck_assert(file->failed);
            ck_assert_msg(strncmp(file->error.text, "not a capture file: ", 20) == 0, "%s",
                          file->error.text);
        } else if (compressed) {
            /* Between members a cut leaves a good stream, but a record is incomplete. */
            ck_assert(n == whole.n ? !file->cut && !file->failed : file->cut);
            begun = true;
        } else {
            unsigned packets = 0;
            bool at_end = false;
            for (unsigned i = 0; i < sample.ends_n; i++)
                if (sample.ends[i] <= n) {
                    packets = sample.packets[i];
                    at_end = sample.ends[i] == n;
                }
            ck_assert_uint_eq(result.n, packets);
            ck_assert(!file->failed);
            ck_assert_int_eq(file->cut, !at_end);
            char start[48];
            (void)snprintf(start, sizeof start, "cut at byte %zu: ", n);
            ck_assert(at_end || strncmp(file->error.text, start, strlen(start)) == 0);
        }
        result_free(&result);
    }
    ck_assert_uint_eq(before, RECORDS);
    ck_assert_int_eq(begun, compressed);
    buf_free(&whole);
}
END_TEST

START_TEST(flipped_bytes_do_no_harm)
{
    struct random random = random_seeded("flipped");
    struct sample sample = make_sample((enum kind)_i);
    struct buf buf = sample.buf;
    uint8_t *good = malloc(buf.n);
    memcpy(good, buf.data, buf.n);
    for (unsigned round = 0; round < 400; round++) {
        for (uint64_t flips = 1 + random_below(&random, 4); flips; flips--)
            buf.data[random_below(&random, buf.n)] = (uint8_t)random_next(&random);
        struct result result = replay_buf(&buf);
        if (_i != GZIP && _i != ZSTD)
            ck_assert_uint_le(result.n, buf.n / 16); /* no record is shorter */
        result_free(&result);
        memcpy(buf.data, good, buf.n);
    }
    free(good);
    buf_free(&buf);
}
END_TEST

/* Zeros behind a member are padding, and a member behind them is one; all else is damage. */
START_TEST(what_follows_a_gzip_member_is_not_dropped)
{
    static const struct {
        const char *text;
        size_t n;
        bool failed;
    } REST[] = {{"", 0, false},
                {"\0\0\0", 3, false},
                {"x", 1, true},
                {"\0\0garbage", 9, true},
                {"\x1f\x8c", 2, true}};
    for (size_t i = 0; i < sizeof REST / sizeof REST[0]; i++) {
        struct buf plain = {0}, buf = {0};
        pcap_header(&plain, 0xa1b2c3d4, false, 1);
        pcap_record(&plain, false, 1, 0, "abc", 3, 60);
        size_t first_n = plain.n;
        pcap_record(&plain, false, 2, 0, "abc", 3, 60);
        put_gzip(&buf, plain.data, first_n);
        put(&buf, REST[i].text, REST[i].n);
        put_gzip(&buf, plain.data + first_n, plain.n - first_n);
        struct result result = replay_buf(&buf);
        ck_assert_uint_eq(result.n, REST[i].failed ? 1 : 2);
        ck_assert_int_eq(result.files[0].failed, REST[i].failed);
        if (REST[i].failed)
            ck_assert_str_eq(result.files[0].error.text,
                             "cannot be read at byte 43: gzip: what follows a member is none");
        result_free(&result);
        buf_free(&plain);
        buf_free(&buf);
    }
}
END_TEST

/* RFC 1952 section 2.3: extra field, name, comment and checksum of the header (FHCRC) may all
 * be there, wherever the bytes that are read at a time end. A checksum that is wrong is damage.
 */
START_TEST(gzip_headers_may_have_all_fields)
{
    enum { READ_AT_A_TIME = 128 * 1024, FIELDS = 16, HCRC = 8, OFFSETS = 40 };
    for (unsigned i = 0; i < FIELDS * OFFSETS; i++) {
        unsigned fields = i % FIELDS, offset = i / FIELDS;
        uint8_t extra[] = "extra", name[] = "day.pcap", comment[] = "tokyo";
        gz_header header = {.extra = fields & 1 ? extra : NULL,
                            .extra_len = fields & 1 ? 5 : 0,
                            .name = fields & 2 ? name : NULL,
                            .comment = fields & 4 ? comment : NULL,
                            .hcrc = fields & HCRC ? 1 : 0};
        struct buf plain = {0}, buf = {0};
        pcap_header(&plain, 0xa1b2c3d4, false, 1);
        put_gzip_with(&buf, plain.data, plain.n, &header);
        size_t at = plain.n;
        pcap_record(&plain, false, 1, 0, "abc", 3, 60);
        while (buf.n < READ_AT_A_TIME - offset)
            put(&buf, "", 1);
        put_gzip_with(&buf, plain.data + at, plain.n - at, &header);
        struct result result = replay_buf(&buf);
        ck_assert_msg(result.n == 1 && !result.files[0].failed, "fields %u, offset %u: %s",
                      fields, offset, result.files[0].error.text);
        result_free(&result);
        if (fields == HCRC) {
            buf.data[READ_AT_A_TIME - offset + 4] ^= 1; /* the time */
            result = replay_buf(&buf);
            ck_assert_uint_eq(result.n, 0);
            ck_assert_str_eq(result.files[0].error.text,
                             "cannot be read at byte 24: gzip: header crc mismatch");
            result_free(&result);
        }
        buf_free(&plain);
        buf_free(&buf);
    }
}
END_TEST

/* The checksum at the end of gzip data, and the last block of zstd data. */
START_TEST(damaged_compression_keeps_what_came_before)
{
    struct random random = random_seeded("damaged_compression");
    struct buf plain = {0}, buf = {0};
    pcap_header(&plain, 0xa1b2c3d4, false, 1);
    enum { N = 4000 };
    for (uint32_t i = 0; i < N; i++) {
        uint64_t bytes[8];
        for (unsigned j = 0; j < 8; j++)
            bytes[j] = random_next(&random);
        pcap_record(&plain, false, i, 0, bytes, sizeof bytes, sizeof bytes);
    }
    if (_i) {
        put_gzip(&buf, plain.data, plain.n);
        buf.data[buf.n - 8] ^= 1;
    } else {
        put_zstd(&buf, plain.data, plain.n - 1);
        put(&buf, "garbage", 7);
    }
    struct result result = replay_buf(&buf);
    ck_assert_uint_eq(result.n, _i ? N : N - 1);
    ck_assert(result.files[0].failed);
    char text[128];
    if (_i)
        (void)snprintf(text, sizeof text,
                       "cannot be read at byte %zu: gzip: incorrect data check", plain.n);
    else
        (void)snprintf(text, sizeof text,
                       "cannot be read at byte %zu: zstd: Unknown frame descriptor",
                       plain.n - 1);
    ck_assert_str_eq(result.files[0].error.text, text);
    result_free(&result);
    buf_free(&plain);
    buf_free(&buf);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("damage");
    TCase *tests = tcase_create("damage");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, cut_at_any_byte_keeps_what_came_before, 0, KINDS);
    tcase_add_loop_test(tests, flipped_bytes_do_no_harm, 0, KINDS);
    tcase_add_test(tests, what_follows_a_gzip_member_is_not_dropped);
    tcase_add_test(tests, gzip_headers_may_have_all_fields);
    tcase_add_loop_test(tests, damaged_compression_keeps_what_came_before, 0, 2);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
