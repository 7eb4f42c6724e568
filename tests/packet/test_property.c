/* What must hold for every frame: the fuzzer's seeds, damaged at random, under every link layer
 * and configuration; whole batches against frames alone; checksums against bytes that changed.
 */
#include "frames.h"
#include "invariants.h"
#include "packet/columns.h"

#include <arpa/inet.h>
#include <dirent.h>

enum { SEEDS_MAX = 512, SEED_BYTES_MAX = 2048, SEED_HEADER = 6 };

struct seed {
    enum link link;
    uint32_t n;
    uint8_t bytes[SEED_BYTES_MAX];
};

static struct seed seeds[SEEDS_MAX];
static unsigned seed_count;
static struct prefix_set *dark, *ends;

static void load_seed(const char *path)
{
    uint8_t header[SEED_HEADER];
    struct seed *seed = &seeds[seed_count];
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    if (fread(header, 1, sizeof header, file) == sizeof header) {
        seed->n = (uint32_t)fread(seed->bytes, 1, sizeof seed->bytes, file);
        seed->link = header[0] % (LINK_COUNT_ + 1);
        seed_count++;
    }
    (void)fclose(file); /* read only */
}

static void load(void)
{
    char folder[2048], path[4096];
    const char *root = getenv("NIGHTSCOPE_SOURCE");
    ck_assert_msg(root != NULL, "run by meson test");
    (void)snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/decode", root);
    struct dirent **names;
    int n = scandir(folder, &names, NULL, alphasort);
    ck_assert_int_gt(n, 20);
    for (int i = 0; i < n; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && seed_count < SEEDS_MAX)
            load_seed(path);
        free(names[i]);
    }
    free(names);
    dark = prefix_set_parse("198.51.100.0/24,!198.51.100.7,2001:db8:1::/48", "dark", NULL);
    ends = prefix_set_parse("192.0.0.0/8,2001:db8::/32", "ends", NULL);
    ck_assert(dark && ends);
}

static void unload(void)
{
    prefix_set_free(dark);
    prefix_set_free(ends);
    seed_count = 0;
}

/* A seed with some bytes changed, cut or made longer, perhaps under another link layer, perhaps
 * with impossible lengths; the caller frees bytes with exact_free(). */
static struct frame mutate(struct random *random)
{
    const struct seed *seed = &seeds[random_below(random, seed_count)];
    uint8_t bytes[SEED_BYTES_MAX + 64];
    uint32_t n = seed->n;
    memcpy(bytes, seed->bytes, n);
    for (uint64_t i = random_below(random, 16); i < 8 && n > 0; i++) {
        uint64_t at = random_below(random, n < 80 ? n : 80);
        uint64_t flip = (uint64_t)1 << random_below(random, 8);
        bytes[at] = (uint8_t)(random_below(random, 2) ? random_next(random) : bytes[at] ^ flip);
    }
    if (random_below(random, 8) == 0)
        n = (uint32_t)random_below(random, n + 1);
    for (uint64_t i = random_below(random, 8) ? 0 : random_below(random, 64); i > 0; i--)
        bytes[n++] = (uint8_t)random_next(random);
    struct frame frame = {.bytes = exact_copy(bytes, n), .caplen = n, .wirelen = n};
    frame.link = (uint8_t)(random_below(random, 16) ? seed->link
                                                    : random_below(random, LINK_COUNT_ + 1));
    frame.ts_ns = (int64_t)random_below(random, 1000);
    frame.flags = random_below(random, 64) ? 0 : (uint8_t)random_below(random, 4);
    switch (random_below(random, 8)) {
    case 0:
        frame.wirelen = UINT32_MAX;
        break;
    case 1:
        frame.wirelen += (uint32_t)random_below(random, 100);
        break;
    default:
        break;
    }
    return frame;
}

static struct decode_config any_config(struct random *random)
{
    return (struct decode_config){
        .dark = random_below(random, 2) ? dark : NULL,
        .tunnels = random_below(random, 2) ? (unsigned)random_below(random, 8) : 0,
        .tunnel_ends = random_below(random, 8) ? ends : NULL,
    };
}

START_TEST(invariants_hold_for_damaged_frames)
{
    struct random random = random_seeded("invariants");
    load();
    for (unsigned i = 0; i < 200000; i++) {
        struct frame frame = mutate(&random);
        struct decode_config config = any_config(&random);
        uint32_t shorter =
            random_below(&random, 2) ? 96 : (uint32_t)random_below(&random, frame.caplen + 1);
        check_frame(&config, &frame, shorter);
        exact_free((uint8_t *)frame.bytes, frame.caplen);
    }
    unload();
}
END_TEST

/* Undamaged seeds captured to 96 bytes: the same class, and the same headers. */
START_TEST(a_snap_length_of_96_changes_no_class)
{
    static const struct decode_config config;
    static struct batch whole, cut;
    load();
    unsigned compared = 0;
    for (unsigned i = 0; i < seed_count; i++) {
        struct frame frame = {.bytes = seeds[i].bytes,
                              .caplen = seeds[i].n,
                              .wirelen = seeds[i].n + 100,
                              .link = (uint8_t)seeds[i].link};
        decode_batch(&config, &frame, 1, &whole);
        frame.caplen = frame.caplen < 96 ? frame.caplen : 96;
        decode_batch(&config, &frame, 1, &cut);
        if (!row_has(&cut, HAS_PAYLOAD) || !cut.n)
            continue;
        ck_assert_int_eq(whole.class[0], cut.class[0]);
        check_shorter(&whole, &cut);
        compared++;
    }
    ck_assert_uint_gt(compared, 20);
    unload();
}
END_TEST

/* Every row of a batch is what its frame gives alone, in order. */
START_TEST(batches_conserve_frames)
{
    static struct batch batch, alone;
    static struct frame frames[BATCH_CAP];
    struct random random = random_seeded("batches");
    load();
    for (unsigned round = 0; round < 200; round++) {
        struct decode_config config = any_config(&random);
        unsigned n = (unsigned)random_below(&random, BATCH_CAP + 1);
        for (unsigned i = 0; i < n; i++)
            frames[i] = mutate(&random);
        check_ways(&config, frames, n);
        if (round % 2) /* else what the last round left is there */
            memset(&batch, 0xa5, sizeof batch);
        decode_batch(&config, frames, n, &batch);
        ck_assert_uint_eq(batch.n + batch.refused_n, n);
        check_columns(&config, frames, n, &batch);
        unsigned row = 0, refused = 0;
        for (unsigned i = 0; i < n; i++) {
            decode_batch(&config, &frames[i], 1, &alone);
            if (alone.refused_n) {
                HOLDS(batch.refused[refused++].reason == alone.refused[0].reason);
                continue;
            }
            for (unsigned has = 0; has < HAS_COUNT_; has++)
                HOLDS(mask_test(batch.has[has], row) == mask_test(alone.has[has], 0));
            for (unsigned sum = 0; sum < CHECKSUM_COUNT_; sum++)
                HOLDS(mask_test(batch.bad_checksum[sum], row) ==
                      mask_test(alone.bad_checksum[sum], 0));
            HOLDS(batch.ip[row] == alone.ip[0] && batch.ts_ns[row] == alone.ts_ns[0]);
            HOLDS(batch.class[row] == alone.class[0] && batch.src[row] == alone.src[0]);
            HOLDS(batch.src6[row].lo == alone.src6[0].lo);
            HOLDS(batch.dstport[row] == alone.dstport[0]);
            HOLDS(batch.tcp_seq[row] == alone.tcp_seq[0]);
            HOLDS(batch.icmp_seq[row] == alone.icmp_seq[0]);
            HOLDS(batch.inner_src[row] == alone.inner_src[0]);
            HOLDS(batch.payload_caplen[row] == alone.payload_caplen[0]);
            row++;
        }
        for (unsigned i = row; i < BATCH_CAP; i++) /* no bit beyond the last row */
            for (unsigned has = 0; has < HAS_COUNT_; has++)
                HOLDS(!mask_test(batch.has[has], i));
        for (unsigned i = 0; i < n; i++)
            exact_free((uint8_t *)frames[i].bytes, frames[i].caplen);
    }
    unload();
}
END_TEST

/* The checksum of RFC 1071 as its text says it: 16-bit words, big-endian, carries at once. */
static uint16_t naive_checksum(const uint8_t *bytes, uint32_t n, uint32_t sum)
{
    for (uint32_t i = 0; i < n; i++) {
        sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

/* UDP over IPv4 of every length to 300: accepted when right, refused when any bit differs. */
START_TEST(checksums_equal_a_naive_sum)
{
    static const struct decode_config config;
    static struct batch batch;
    struct random random = random_seeded("checksums");
    for (uint32_t length = 28; length < 300; length++) {
        uint8_t bytes[300] = {0x45, 0, (uint8_t)(length >> 8), (uint8_t)length};
        for (uint32_t i = 4; i < length; i++)
            bytes[i] = (uint8_t)random_next(&random);
        bytes[6] = bytes[7] = bytes[10] = bytes[11] = bytes[26] = bytes[27] = 0;
        bytes[9] = 17;
        bytes[24] = (uint8_t)((length - 20) >> 8), bytes[25] = (uint8_t)(length - 20);
        uint16_t ip_sum = naive_checksum(bytes, 20, 0);
        bytes[10] = (uint8_t)(ip_sum >> 8), bytes[11] = (uint8_t)ip_sum;
        uint8_t pseudo[12] = {[9] = 17, [10] = bytes[24], [11] = bytes[25]};
        memcpy(pseudo, bytes + 12, 8);
        uint16_t first = (uint16_t)~naive_checksum(pseudo, sizeof pseudo, 0);
        uint16_t sum = naive_checksum(bytes + 20, length - 20, first);
        sum = sum ? sum : 0xffff;
        bytes[26] = (uint8_t)(sum >> 8), bytes[27] = (uint8_t)sum;
        struct frame frame = {
            .bytes = bytes, .caplen = length, .wirelen = length, .link = LINK_RAW};
        decode_batch(&config, &frame, 1, &batch);
        ck_assert_uint_eq(batch.n, 1);
        ck_assert(!mask_test(batch.bad_checksum[CHECKSUM_IP], 0));
        ck_assert(!mask_test(batch.bad_checksum[CHECKSUM_UDP], 0));
        uint32_t at = 28 + (uint32_t)random_below(&random, length - 27) - 1;
        bytes[at < 28 ? 20 : at] ^= (uint8_t)(1U << random_below(&random, 8));
        bytes[4] ^= (uint8_t)(1U << random_below(&random, 8));
        decode_batch(&config, &frame, 1, &batch);
        ck_assert(mask_test(batch.bad_checksum[CHECKSUM_IP], 0));
        ck_assert(mask_test(batch.bad_checksum[CHECKSUM_UDP], 0));
    }
}
END_TEST

static void set_be16(uint8_t *bytes, unsigned value)
{
    bytes[0] = (uint8_t)(value >> 8), bytes[1] = (uint8_t)value;
}

/* Ethernet, IPv4 and TCP, UDP or ICMP of any length with random fields and, often, right
 * checksums; padded or cut, as plain as they come or nearly so. mixed: some begin with IPv4. */
static struct frame nearly_plain(struct random *random, bool mixed, uint8_t bytes[static 256])
{
    static const uint8_t protos[] = {6, 6, 17, 1};
    static const uint8_t sum_at[] = {[6] = 16, [17] = 6, [1] = 2};
    uint8_t proto = protos[random_below(random, 4)], *ip = bytes + 14, *transport = ip + 20;
    uint32_t length = 20 + 6 + (uint32_t)random_below(random, 150);
    for (unsigned i = 0; i < 256; i++)
        bytes[i] = (uint8_t)random_next(random);
    set_be16(bytes + 12, 0x0800);
    ip[0] = 0x45;
    set_be16(ip + 2, length);
    set_be16(ip + 6, random_below(random, 8) ? 0x4000 : 1U << random_below(random, 16));
    ip[9] = proto;
    memcpy(ip + 16, (const uint8_t[]){198, 51, 100}, 3);
    if (random_below(random, 4))
        transport[12] = (uint8_t)((5 + random_below(random, 4)) << 4); /* TCP header length */
    if (proto == 17 && random_below(random, 8))
        set_be16(transport + 4, length - 20 - (random_below(random, 4) ? 0 : 1));
    uint64_t sums = random_below(random, 8);
    if (sums & 1) {
        set_be16(ip + 10, 0);
        set_be16(ip + 10, naive_checksum(ip, 20, 0));
    }
    if (sums & 6) {
        uint32_t covered =
            proto == 17 ? (uint32_t)(transport[4] << 8 | transport[5]) : length - 20;
        uint8_t pseudo[12] = {[9] = proto, [10] = (uint8_t)(covered >> 8), (uint8_t)covered};
        memcpy(pseudo, ip + 12, 8);
        uint32_t first = proto == 1 ? 0 : (uint16_t)~naive_checksum(pseudo, 12, 0);
        set_be16(transport + sum_at[proto], 0);
        if (covered < 200)
            set_be16(transport + sum_at[proto], naive_checksum(transport, covered, first));
    }
    uint32_t offset = random_below(random, 4) || !mixed ? 0 : 14;
    uint32_t n = 14 + length - offset;
    if (random_below(random, 4) == 0)
        n = (uint32_t)random_below(random, 256 - offset);
    return (struct frame){.bytes = exact_copy(bytes + offset, n),
                          .caplen = n,
                          .wirelen = n + (uint32_t)(random_below(random, 4) ? 0 : 9),
                          .ts_ns = (int64_t)random_below(random, 1000),
                          .now_min = (uint32_t)random_below(random, 1000),
                          .link = offset ? LINK_RAW : LINK_ETHERNET,
                          .flags = random_below(random, 16) ? 0 : FRAME_LATE};
}

/* A batch of plain packets with a few others between them, decoded the short and the general
 * way; enough of them must be plain and right for the comparison to mean anything. */
START_TEST(the_short_way_equals_the_general_way)
{
    static struct batch batch;
    static struct frame frames[BATCH_CAP];
    uint8_t bytes[256];
    unsigned sound[CHECKSUM_COUNT_] = {0}, bad[CHECKSUM_COUNT_] = {0};
    struct random random = random_seeded("ways");
    load();
    for (unsigned round = 0; round < 400; round++) {
        struct decode_config config = any_config(&random);
        unsigned n = (unsigned)random_below(&random, BATCH_CAP + 1);
        for (unsigned i = 0; i < n; i++)
            frames[i] = random_below(&random, round % 3 ? 16 : 100)
                            ? nearly_plain(&random, round % 2, bytes)
                            : mutate(&random);
        check_ways(&config, frames, n);
        decode_batch(&config, frames, n, &batch);
        for (unsigned row = 0; row < batch.n; row++) {
            bool whole = batch.ip_caplen[row] == batch.ip_len[row] &&
                         !mask_test(batch.has[HAS_FRAGMENT], row) &&
                         mask_test(batch.has[HAS_PAYLOAD], row);
            for (enum checksum sum = CHECKSUM_TCP; whole && sum <= CHECKSUM_ICMP; sum++) {
                enum has has = sum == CHECKSUM_TCP   ? HAS_TCP
                               : sum == CHECKSUM_UDP ? HAS_UDP
                                                     : HAS_ICMP;
                bool wrong = mask_test(batch.bad_checksum[sum], row);
                sound[sum] += mask_test(batch.has[has], row) && !wrong;
                bad[sum] += wrong;
            }
        }
        for (unsigned i = 0; i < n; i++)
            exact_free((uint8_t *)frames[i].bytes, frames[i].caplen);
    }
    for (enum checksum sum = CHECKSUM_TCP; sum <= CHECKSUM_ICMP; sum++) {
        ck_assert_uint_gt(sound[sum], 500);
        ck_assert_uint_gt(bad[sum], 500);
    }
    unload();
}
END_TEST

/* Every instruction set writes the same columns. */
START_TEST(all_ways_of_splitting_words_are_equal)
{
    static struct words words;
    static struct batch start, expected, other;
    struct random random = random_seeded("columns");
    for (unsigned round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof words / 4; i++)
            ((uint32_t *)&words)[i] = (uint32_t)random_next(&random);
        for (size_t i = 0; i < sizeof start / 8; i++)
            ((uint64_t *)&start)[i] = random_next(&random);
        for (unsigned i = 0; i < BATCH_CAP; i++) {
            words.rest_sum[i] &= 0xfffff;
            start.protocol[i] = (uint8_t)random_below(&random, PROTOCOL_COUNT_);
            if (random_below(&random, 2)) /* whole: a checksum to be verified */
                start.ip_caplen[i] = ntohl(words.ip0[i]) & 0xffff;
        }
        expected = start;
        columns_at(0)(&words, BATCH_CAP, &expected);
        for (unsigned way = 1; columns_at(way); way++) {
            other = start;
            columns_at(way)(&words, BATCH_CAP, &other);
            HOLDS(memcmp(&other, &expected, sizeof other) == 0);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("property");
    TCase *tests = tcase_create("property");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, invariants_hold_for_damaged_frames);
    tcase_add_test(tests, a_snap_length_of_96_changes_no_class);
    tcase_add_test(tests, batches_conserve_frames);
    tcase_add_test(tests, checksums_equal_a_naive_sum);
    tcase_add_test(tests, the_short_way_equals_the_general_way);
    tcase_add_test(tests, all_ways_of_splitting_words_are_equal);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
