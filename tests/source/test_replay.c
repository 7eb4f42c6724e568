/* Order, merging, and that the way packets are stored changes nothing: random captures against
 * a model that follows the definition word by word. */
#include "build.h"

#include <pcap/pcap.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define LATENESS_NS (20 * SECOND_NS)

struct packet {
    int64_t ts_ns; /* -1: a bad time */
    uint32_t caplen, wirelen;
    uint8_t bytes[300];
};

/* A few clustered times, so that many are equal; now and then a step back or a bad time. */
static struct packet *make_packets(struct random *random, size_t n, bool ordered)
{
    struct packet *packets = calloc(n, sizeof *packets);
    ck_assert_ptr_nonnull(packets);
    int64_t ts_ns = 1700000000 * SECOND_NS;
    for (size_t i = 0; i < n; i++) {
        struct packet *packet = &packets[i];
        if (random_below(random, 3))
            ts_ns += (int64_t)random_below(random, 200) * 1000000;
        packet->ts_ns = ts_ns;
        if (!ordered && random_below(random, 10) == 0)
            packet->ts_ns -= (int64_t)random_below(random, 200) * SECOND_NS;
        if (!ordered && random_below(random, 50) == 0)
            packet->ts_ns = -1;
        packet->caplen = (uint32_t)random_below(random, sizeof packet->bytes + 1);
        packet->wirelen = packet->caplen + (uint32_t)random_below(random, 3) * 700;
        for (uint32_t j = 0; j < packet->caplen; j++)
            packet->bytes[j] = (uint8_t)random_next(random);
    }
    return packets;
}

static void put_pcap(struct buf *buf, const struct packet *packets, size_t n, bool big,
                     bool nano)
{
    pcap_header(buf, nano ? 0xa1b23c4d : 0xa1b2c3d4, big, 1);
    for (size_t i = 0; i < n; i++) {
        const struct packet *packet = &packets[i];
        uint32_t seconds = UINT32_MAX, fraction = 2000000000; /* beyond 2106 */
        if (packet->ts_ns >= 0) {
            seconds = (uint32_t)(packet->ts_ns / SECOND_NS);
            fraction = (uint32_t)(packet->ts_ns % SECOND_NS) / (nano ? 1 : 1000);
        }
        pcap_record(buf, big, seconds, fraction, packet->bytes, packet->caplen,
                    packet->wirelen);
    }
}

static void put_pcapng(struct buf *buf, const struct packet *packets, size_t n, bool big,
                       struct random *random)
{
    for (size_t i = 0; i < n; i++) {
        const struct packet *packet = &packets[i];
        if (i == 0 || random_below(random, 500) == 0) {
            big ^= i != 0;
            ng_section(buf, big);
            ng_interface(buf, big, 1, 0, 9, 0);
            ng_interface(buf, big, 1, 300, -1, 0);
        }
        bool nano = random_below(random, 2);
        uint64_t units = packet->ts_ns < 0 ? UINT64_MAX : (uint64_t)packet->ts_ns;
        ng_packet(buf, big, !nano, nano ? units : units / 1000, packet->bytes, packet->caplen,
                  packet->wirelen);
        if (random_below(random, 20) == 0)
            ng_statistics(buf, big, 0, 0, 0);
    }
}

/* What the definition of lateness says, frame by frame. */
static void expect(struct seen *ret_seen, const struct packet *packet, int64_t *packet_ns)
{
    *ret_seen = (struct seen){
        .ts_ns = packet->ts_ns < 0 ? 0 : packet->ts_ns,
        .digest = digest(packet->bytes, packet->caplen),
        .caplen = packet->caplen,
        .wirelen = packet->wirelen,
        .link = LINK_ETHERNET,
        .flags = packet->ts_ns < 0 ? FRAME_BAD_TIME : 0,
    };
    if (packet->ts_ns < 0)
        return;
    int64_t minute_end = (packet->ts_ns / MINUTE_NS + 1) * MINUTE_NS;
    if (minute_end + LATENESS_NS <= *packet_ns)
        ret_seen->flags |= FRAME_LATE;
    if (packet->ts_ns > *packet_ns)
        *packet_ns = packet->ts_ns;
    ret_seen->now_min = (uint32_t)(*packet_ns / MINUTE_NS);
}

static void check_same(const struct result *result, const struct seen *expected, size_t n)
{
    for (unsigned i = 0; i < result->files_n; i++)
        ck_assert_str_eq(result->files[i].error.text, "");
    ck_assert_uint_eq(result->n, n);
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(result->seen[i].ts_ns, expected[i].ts_ns);
        ck_assert_uint_eq(result->seen[i].digest, expected[i].digest);
        ck_assert_uint_eq(result->seen[i].caplen, expected[i].caplen);
        ck_assert_uint_eq(result->seen[i].wirelen, expected[i].wirelen);
        ck_assert_uint_eq(result->seen[i].link, expected[i].link);
        ck_assert_uint_eq(result->seen[i].flags, expected[i].flags);
        ck_assert_uint_eq(result->seen[i].now_min, expected[i].now_min);
    }
}

static void shuffle(struct random *random, char **names, unsigned n)
{
    for (unsigned i = n; i > 1; i--) {
        unsigned j = (unsigned)random_below(random, i);
        char *name = names[i - 1];
        names[i - 1] = names[j];
        names[j] = name;
    }
}

static void free_names(char **names, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

/* One member or frame for every piece of random length; then what tools leave behind. */
static void compress_pieces(struct buf *out, const struct buf *in, struct random *random,
                            bool gzip)
{
    for (size_t at = 0; at < in->n;) {
        size_t n = 1 + random_below(random, in->n / 4 + 1);
        n = n < in->n - at ? n : in->n - at;
        (gzip ? put_gzip : put_zstd)(out, in->data + at, n);
        if (!gzip)
            put(out, "\x53\x2a\x4d\x18\3\0\0\0abc", 11); /* skippable frame */
        at += n;
    }
    if (gzip)
        put(out, "\0\0\0\0\0\0\0\0", random_below(random, 8));
}

enum storage { PCAP, PCAPNG, PCAP_GZIP, PCAPNG_ZSTD, PCAP_ZSTD, STORAGES };

static void put_stored(struct buf *out, const struct packet *packets, size_t n,
                       enum storage storage, struct random *random)
{
    bool ng = storage == PCAPNG || storage == PCAPNG_ZSTD, big = random_below(random, 2);
    struct buf plain = {0};
    if (ng)
        put_pcapng(&plain, packets, n, big, random);
    else
        put_pcap(&plain, packets, n, big, random_below(random, 2));
    if (storage == PCAP || storage == PCAPNG)
        put(out, plain.data, plain.n);
    else
        compress_pieces(out, &plain, random, storage == PCAP_GZIP);
    buf_free(&plain);
}

START_TEST(one_file_of_any_kind_is_its_packets_in_file_order)
{
    struct random random = random_seeded("one_file");
    enum { N = 6000 };
    struct packet *packets = make_packets(&random, N, false);
    struct seen *expected = calloc(N, sizeof *expected);
    int64_t packet_ns = -1;
    unsigned late = 0;
    for (size_t i = 0; i < N; i++) {
        expect(&expected[i], &packets[i], &packet_ns);
        late += (expected[i].flags & FRAME_LATE) != 0;
    }
    ck_assert_uint_gt(late, 10);
    struct buf buf = {0};
    put_stored(&buf, packets, N, (enum storage)_i, &random);
    struct folder folder = folder_new();
    char *name = folder_put(&folder, "file", &buf);
    struct result result = replay_all((const char *const *)&name, 1, 1, LATENESS_NS);
    check_same(&result, expected, N);
    result_free(&result);
    folder_free(&folder);
    buf_free(&buf);
    free(name);
    free(expected);
    free(packets);
}
END_TEST

/* Through a pipe, in pieces of random length. */
START_TEST(standard_input_is_the_same)
{
    struct random random = random_seeded("standard_input");
    enum { N = 3000 };
    struct packet *packets = make_packets(&random, N, true);
    struct seen *expected = calloc(N, sizeof *expected);
    int64_t packet_ns = -1;
    for (size_t i = 0; i < N; i++)
        expect(&expected[i], &packets[i], &packet_ns);
    struct buf buf = {0};
    put_stored(&buf, packets, N, (enum storage)_i, &random);
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        for (size_t at = 0; at < buf.n;) {
            size_t n = 1 + random_below(&random, 5000);
            ssize_t written = write(ends[1], buf.data + at, n < buf.n - at ? n : buf.n - at);
            if (written < 0)
                _exit(1);
            at += (size_t)written;
        }
        _exit(0);
    }
    int saved = dup(STDIN_FILENO);
    ck_assert_int_ge(dup2(ends[0], STDIN_FILENO), 0);
    (void)close(ends[0]);
    (void)close(ends[1]);
    const char *name = "-";
    struct result result = replay_all(&name, 1, 1, LATENESS_NS);
    ck_assert_int_ge(dup2(saved, STDIN_FILENO), 0);
    (void)close(saved);
    check_same(&result, expected, N);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    result_free(&result);
    buf_free(&buf);
    free(expected);
    free(packets);
}
END_TEST

START_TEST(split_over_files_in_any_argument_order_is_the_same)
{
    struct random random = random_seeded("split");
    enum { N = 7000, FILES_MAX = 40 };
    struct packet *packets = make_packets(&random, N, true);
    struct seen *expected = calloc(N, sizeof *expected);
    int64_t packet_ns = -1;
    for (size_t i = 0; i < N; i++)
        expect(&expected[i], &packets[i], &packet_ns);
    struct folder folder = folder_new();
    char **names = calloc(FILES_MAX, sizeof *names);
    unsigned files = 0;
    for (size_t at = 0; at < N; files++) {
        size_t left = N - at, n = files + 1 == FILES_MAX ? left : random_below(&random, 400);
        n = n < left ? n : left;
        struct buf buf = {0};
        enum storage storage = random_below(&random, STORAGES);
        put_stored(&buf, packets + at, n ? n : 1, storage, &random);
        char name[32];
        (void)snprintf(name, sizeof name, "%03u", files);
        names[files] = folder_put(&folder, name, &buf);
        buf_free(&buf);
        at += n ? n : 1;
    }
    shuffle(&random, names, files);
    struct result result =
        replay_all((const char *const *)names, files, FILES_MAX, LATENESS_NS);
    check_same(&result, expected, N);
    result_free(&result);
    folder_free(&folder);
    free_names(names, files);
    free(expected);
    free(packets);
}
END_TEST

/* The next frame is, of all files' next frames, the one with the lowest (time, first time of
 * the file, name): the definition, with no cleverness. */
static void merge_by_definition(struct packet *const *packets, const size_t *n, unsigned files,
                                struct seen *ret_seen)
{
    size_t at[16] = {0}, out = 0;
    int64_t packet_ns = -1;
    for (;;) {
        int best = -1;
        int64_t best_key[2] = {0};
        for (unsigned i = 0; i < files; i++) {
            if (at[i] == n[i])
                continue;
            int64_t now = packets[i][at[i]].ts_ns, first = packets[i][0].ts_ns;
            int64_t key[2] = {now < 0 ? 0 : now, first < 0 ? 0 : first};
            if (best < 0 || key[0] < best_key[0] ||
                (key[0] == best_key[0] && key[1] < best_key[1])) {
                best = (int)i;
                memcpy(best_key, key, sizeof key);
            }
        }
        if (best < 0)
            return;
        expect(&ret_seen[out++], &packets[best][at[best]], &packet_ns);
        at[best]++;
    }
}

START_TEST(overlapping_files_merge_by_definition)
{
    struct random random = random_seeded("overlap");
    enum { FILES = 9, N_MAX = 800 };
    struct packet *packets[FILES];
    size_t n[FILES], total = 0;
    char **names = calloc(FILES, sizeof *names);
    struct folder folder = folder_new();
    for (unsigned i = 0; i < FILES; i++) {
        n[i] = 1 + random_below(&random, N_MAX);
        total += n[i];
        packets[i] = make_packets(&random, n[i], _i % 2);
        struct buf buf = {0};
        put_stored(&buf, packets[i], n[i], random_below(&random, STORAGES), &random);
        char name[32];
        (void)snprintf(name, sizeof name, "%03u", i);
        names[i] = folder_put(&folder, name, &buf);
        buf_free(&buf);
    }
    struct seen *expected = calloc(total, sizeof *expected);
    merge_by_definition(packets, n, FILES, expected);
    shuffle(&random, names, FILES);
    struct result result = replay_all((const char *const *)names, FILES, FILES, LATENESS_NS);
    check_same(&result, expected, total);
    result_free(&result);
    folder_free(&folder);
    free_names(names, FILES);
    free(expected);
    for (unsigned i = 0; i < FILES; i++)
        free(packets[i]);
}
END_TEST

START_TEST(a_thousand_files_need_few_open_at_a_time)
{
    struct random random = random_seeded("thousand");
    enum { FILES = 1200 };
    struct folder folder = folder_new();
    char **names = calloc(FILES, sizeof *names);
    for (unsigned i = 0; i < FILES; i++) {
        struct buf buf = {0};
        pcap_header(&buf, 0xa1b2c3d4, false, 1);
        for (uint32_t j = 0; j < 3; j++)
            pcap_record(&buf, false, 10 * i + j, 0, "x", 1, 1);
        char name[32];
        (void)snprintf(name, sizeof name, "%u", i);
        names[i] = folder_put(&folder, name, &buf);
        buf_free(&buf);
    }
    shuffle(&random, names, FILES);
    struct result result = replay_all((const char *const *)names, FILES, 1, LATENESS_NS);
    ck_assert_uint_eq(result.n, 3 * FILES);
    for (unsigned i = 0; i < result.n; i++)
        ck_assert_int_eq(result.seen[i].ts_ns, (10 * (i / 3) + i % 3) * SECOND_NS);
    result_free(&result);
    folder_free(&folder);
    free_names(names, FILES);
}
END_TEST

START_TEST(a_file_too_many_fails_and_the_others_go_on)
{
    struct folder folder = folder_new();
    char *names[3];
    for (uint32_t i = 0; i < 3; i++) {
        struct buf buf = {0};
        pcap_header(&buf, 0xa1b2c3d4, false, 1);
        pcap_record(&buf, false, i, 0, "x", 1, 1);
        pcap_record(&buf, false, 100, 0, "x", 1, 1);
        char name[32];
        (void)snprintf(name, sizeof name, "%u", i);
        names[i] = folder_put(&folder, name, &buf);
        buf_free(&buf);
    }
    struct result result = replay_all((const char *const *)names, 3, 2, LATENESS_NS);
    ck_assert_uint_eq(result.n, 4);
    ck_assert(!result.files[0].failed && !result.files[1].failed && result.files[2].failed);
    ck_assert_str_eq(result.files[2].error.text,
                     "overlaps in time with more than 1 other files: at most 2 are open");
    result_free(&result);
    folder_free(&folder);
    for (unsigned i = 0; i < 3; i++)
        free(names[i]);
}
END_TEST

START_TEST(standard_input_is_read_once)
{
    struct folder folder = folder_new();
    struct buf buf = {0};
    pcap_header(&buf, 0xa1b2c3d4, false, 1);
    pcap_record(&buf, false, 1, 0, "x", 1, 1);
    char *name = folder_put(&folder, "file", &buf);
    int saved = dup(STDIN_FILENO), fd = open(name, O_RDONLY);
    ck_assert_int_ge(dup2(fd, STDIN_FILENO), 0);
    (void)close(fd);
    const char *names[] = {"-", "-"};
    struct result result = replay_all(names, 2, 4, LATENESS_NS);
    ck_assert_int_ge(dup2(saved, STDIN_FILENO), 0);
    (void)close(saved);
    ck_assert_uint_eq(result.n, 1);
    ck_assert(!result.files[0].failed && result.files[1].failed);
    ck_assert_str_eq(result.files[1].error.text,
                     "standard input is given twice and can be read only once");
    result_free(&result);
    folder_free(&folder);
    buf_free(&buf);
    free(name);
}
END_TEST

START_TEST(libpcap_reads_the_same)
{
    struct random random = random_seeded("libpcap");
    enum { N = 5000 };
    struct packet *packets = make_packets(&random, N, true);
    struct buf buf = {0};
    put_pcap(&buf, packets, N, _i & 1, _i & 2);
    struct folder folder = folder_new();
    char *name = folder_put(&folder, "file", &buf);
    struct result result = replay_all((const char *const *)&name, 1, 1, LATENESS_NS);
    char why[PCAP_ERRBUF_SIZE];
    pcap_t *pcap =
        pcap_open_offline_with_tstamp_precision(name, PCAP_TSTAMP_PRECISION_NANO, why);
    ck_assert_ptr_nonnull(pcap);
    struct pcap_pkthdr *header;
    const uint8_t *bytes;
    size_t n = 0;
    for (; pcap_next_ex(pcap, &header, &bytes) == 1; n++) {
        ck_assert_uint_lt(n, result.n);
        const struct seen *seen = &result.seen[n];
        ck_assert_int_eq(seen->ts_ns, header->ts.tv_sec * SECOND_NS + header->ts.tv_usec);
        ck_assert_uint_eq(seen->caplen, header->caplen);
        ck_assert_uint_eq(seen->wirelen, header->len);
        ck_assert_uint_eq(seen->digest, digest(bytes, header->caplen));
    }
    ck_assert_uint_eq(n, result.n);
    ck_assert_uint_eq(n, N);
    pcap_close(pcap);
    result_free(&result);
    folder_free(&folder);
    buf_free(&buf);
    free(name);
    free(packets);
}
END_TEST

/* The minute from 60 to 120 s closes at packet time 140 s, with 20 s of lateness. */
START_TEST(a_minute_closes_exactly_when_lateness_is_over)
{
    static const struct {
        uint32_t seconds, micros;
        uint8_t flags;
        uint32_t now_min;
    } frames[] = {
        {139, 999999, 0, 2},
        {119, 999999, 0, 2},
        {60, 0, 0, 2},
        {140, 0, 0, 2},
        {119, 999999, FRAME_LATE, 2},
        {120, 0, 0, 2},
        {199, 999999, 0, 3},
        {120, 0, 0, 3},
        {200, 0, 0, 3},
        {179, 999999, FRAME_LATE, 3},
        {180, 0, 0, 3},
        {0, 0, FRAME_LATE, 3},
    };
    enum { N = sizeof frames / sizeof *frames };
    struct buf buf = {0};
    pcap_header(&buf, 0xa1b2c3d4, false, 1);
    for (unsigned i = 0; i < N; i++)
        pcap_record(&buf, false, frames[i].seconds, frames[i].micros, "x", 1, 1);
    struct folder folder = folder_new();
    char *name = folder_put(&folder, "file", &buf);
    struct result result = replay_all((const char *const *)&name, 1, 1, LATENESS_NS);
    ck_assert_uint_eq(result.n, N);
    for (unsigned i = 0; i < N; i++) {
        ck_assert_uint_eq(result.seen[i].flags, frames[i].flags);
        ck_assert_uint_eq(result.seen[i].now_min, frames[i].now_min);
    }
    result_free(&result);
    folder_free(&folder);
    free(name);
    buf_free(&buf);
}
END_TEST

/* A pipe among files: its frames take part in the merge. */
START_TEST(a_named_pipe_is_read_once_and_merged)
{
    struct folder folder = folder_new();
    struct buf buf = {0};
    pcap_header(&buf, 0xa1b2c3d4, false, 1);
    for (uint32_t i = 0; i < 100; i++)
        pcap_record(&buf, false, 2 * i, 0, "x", 1, 1);
    char *names[2] = {folder_put(&folder, "file", &buf), NULL};
    ck_assert_int_gt(asprintf(&names[1], "%s/pipe", folder.path), 0);
    ck_assert_int_eq(mkfifo(names[1], 0600), 0);
    for (uint32_t i = 0; i < 100; i++)
        buf.data[24 + 17 * i] |= 1; /* odd seconds */
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        int fd = open(names[1], O_WRONLY);
        _exit(fd < 0 || write(fd, buf.data, buf.n) != (ssize_t)buf.n);
    }
    struct result result = replay_all((const char *const *)names, 2, 2, LATENESS_NS);
    ck_assert_uint_eq(result.n, 200);
    for (unsigned i = 0; i < result.n; i++)
        ck_assert_int_eq(result.seen[i].ts_ns, i * SECOND_NS);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    result_free(&result);
    folder_free(&folder);
    buf_free(&buf);
    free(names[0]);
    free(names[1]);
}
END_TEST

START_TEST(huge_frames_end_a_chunk_early)
{
    enum { N = 300 };
    static const uint8_t bytes[CAPLEN_MAX];
    struct buf plain = {0}, buf = {0};
    pcap_header(&plain, 0xa1b2c3d4, false, 1);
    put_gzip(&buf, plain.data, plain.n);
    for (uint32_t i = 0; i < N; i++) {
        plain.n = 0;
        pcap_record(&plain, false, i, 0, bytes, sizeof bytes, sizeof bytes);
        put_gzip(&buf, plain.data, plain.n);
    }
    struct folder folder = folder_new();
    char *name = folder_put(&folder, "file", &buf);
    struct replay_config config = {.open_max = 1};
    struct replay *replay = replay_new(&config, (const char *const *)&name, 1);
    struct chunk *chunk = chunk_new();
    unsigned n = 0;
    while (replay_next(replay, chunk)) {
        ck_assert_uint_le(chunk->n, CHUNK_BYTES_MAX / CAPLEN_MAX);
        for (unsigned i = 0; i < chunk->n; i++)
            ck_assert_int_eq(chunk->frames[i].ts_ns, n++ * SECOND_NS);
        chunk_release(replay, chunk);
    }
    ck_assert_uint_eq(n, N);
    chunk_free(chunk);
    replay_free(replay);
    folder_free(&folder);
    free(name);
    buf_free(&plain);
    buf_free(&buf);
}
END_TEST

START_TEST(shards_are_those_of_the_decoder)
{
    struct buf buf = {0};
    pcap_header(&buf, 0xa1b2c3d4, false, 101);
    for (uint8_t i = 0; i < 200; i++) {
        const uint8_t ip[20] = {0x45, 0, 0,  20, 0, 0, 0,   0, 64, 6,
                                0,    0, 10, 0,  0, i, 192, 0, 2};
        pcap_record(&buf, false, i, 0, ip, sizeof ip, sizeof ip);
    }
    struct folder folder = folder_new();
    char *name = folder_put(&folder, "file", &buf);
    struct decode_config decode = {0};
    struct replay_config config = {.open_max = 1, .decode = &decode};
    struct replay *replay = replay_new(&config, (const char *const *)&name, 1);
    struct chunk *chunk = chunk_new();
    ck_assert(replay_next(replay, chunk));
    ck_assert_uint_eq(chunk->n, 200);
    bool used[SHARD_COUNT] = {0};
    for (unsigned i = 0; i < chunk->n; i++) {
        ck_assert_uint_eq(chunk->frames[i].shard, decode_shard(&decode, &chunk->frames[i]));
        used[chunk->frames[i].shard] = true;
    }
    unsigned shards = 0;
    for (unsigned i = 0; i < SHARD_COUNT; i++)
        shards += used[i];
    ck_assert_uint_gt(shards, SHARD_COUNT / 2);
    chunk_release(replay, chunk);
    chunk_free(chunk);
    replay_free(replay);
    folder_free(&folder);
    free(name);
    buf_free(&buf);
}
END_TEST

START_TEST(a_replay_can_be_given_up_at_any_point)
{
    struct random random = random_seeded("given_up");
    enum { N = 5000 };
    struct packet *packets = make_packets(&random, N, true);
    struct folder folder = folder_new();
    char *names[2];
    for (unsigned i = 0; i < 2; i++) {
        struct buf buf = {0};
        put_stored(&buf, packets, N, i ? PCAP_ZSTD : PCAP_GZIP, &random);
        names[i] = folder_put(&folder, i ? "b" : "a", &buf);
        buf_free(&buf);
    }
    for (unsigned rounds = 0; rounds < 3; rounds++) {
        struct replay_config config = {.open_max = 2};
        struct replay *replay = replay_new(&config, (const char *const *)names, 2);
        struct chunk *chunk = chunk_new();
        for (unsigned i = 0; i < rounds; i++) {
            ck_assert(replay_next(replay, chunk));
            chunk_release(replay, chunk);
        }
        replay_free(replay);
        chunk_free(chunk);
    }
    replay_free(NULL);
    chunk_free(NULL);
    folder_free(&folder);
    free(names[0]);
    free(names[1]);
    free(packets);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replay");
    TCase *tests = tcase_create("replay");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, one_file_of_any_kind_is_its_packets_in_file_order, 0, STORAGES);
    tcase_add_loop_test(tests, standard_input_is_the_same, 0, STORAGES);
    tcase_add_loop_test(tests, split_over_files_in_any_argument_order_is_the_same, 0, 4);
    tcase_add_loop_test(tests, overlapping_files_merge_by_definition, 0, 6);
    tcase_add_test(tests, a_thousand_files_need_few_open_at_a_time);
    tcase_add_test(tests, a_file_too_many_fails_and_the_others_go_on);
    tcase_add_test(tests, standard_input_is_read_once);
    tcase_add_loop_test(tests, libpcap_reads_the_same, 0, 4);
    tcase_add_test(tests, a_minute_closes_exactly_when_lateness_is_over);
    tcase_add_test(tests, a_named_pipe_is_read_once_and_merged);
    tcase_add_test(tests, huge_frames_end_a_chunk_early);
    tcase_add_test(tests, shards_are_those_of_the_decoder);
    tcase_add_test(tests, a_replay_can_be_given_up_at_any_point);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
