/* Capture files made byte by byte, and what a replay of them gives: shared by the tests of the
 * reader. Nothing here uses the reader's own knowledge of the formats. */
#pragma once

#include "harness.h"

#include <fcntl.h>
#include <ftw.h>
#include <nightscope/source.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define SECOND_NS ((int64_t)1000000000)
#define MINUTE_NS (60 * SECOND_NS)

struct buf {
    uint8_t *data;
    size_t n, cap;
};

static inline void put(struct buf *buf, const void *bytes, size_t n)
{
    if (buf->n + n > buf->cap) {
        buf->cap = (buf->n + n) * 2;
        buf->data = realloc(buf->data, buf->cap);
        ck_assert_ptr_nonnull(buf->data);
    }
    if (n)
        memcpy(buf->data + buf->n, bytes, n);
    buf->n += n;
}

/* A number of `width` bytes, most significant first or last. */
static inline void put_uint(struct buf *buf, uint64_t value, unsigned width, bool big)
{
    for (unsigned i = 0; i < width; i++) {
        uint8_t byte = (uint8_t)(value >> (8 * (big ? width - 1 - i : i)));
        put(buf, &byte, 1);
    }
}

static inline void put_padding(struct buf *buf)
{
    while (buf->n % 4)
        put(buf, "", 1);
}

static inline void buf_free(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}

static inline void pcap_header(struct buf *buf, uint32_t magic, bool big, uint32_t network)
{
    put_uint(buf, magic, 4, big);
    put_uint(buf, 2, 2, big);
    put_uint(buf, 4, 2, big);
    put_uint(buf, 0, 8, big);
    put_uint(buf, 262144, 4, big);
    put_uint(buf, network, 4, big);
}

static inline void pcap_record(struct buf *buf, bool big, uint32_t seconds, uint32_t fraction,
                               const void *bytes, uint32_t caplen, uint32_t wirelen)
{
    put_uint(buf, seconds, 4, big);
    put_uint(buf, fraction, 4, big);
    put_uint(buf, caplen, 4, big);
    put_uint(buf, wirelen, 4, big);
    put(buf, bytes, caplen);
}

/* A block around a body; the buffer must be at a multiple of 4. */
static inline void ng_block(struct buf *buf, bool big, uint32_t type, struct buf *body)
{
    put_padding(body);
    put_uint(buf, type, 4, big);
    put_uint(buf, body->n + 12, 4, big);
    put(buf, body->data, body->n);
    put_uint(buf, body->n + 12, 4, big);
    buf_free(body);
}

static inline void ng_section(struct buf *buf, bool big)
{
    struct buf body = {0};
    put_uint(&body, 0x1a2b3c4d, 4, big);
    put_uint(&body, 1, 2, big);
    put_uint(&body, 0, 2, big);
    put_uint(&body, UINT64_MAX, 8, big);
    ng_block(buf, big, 0x0a0d0d0a, &body);
}

static inline void ng_option(struct buf *body, bool big, uint16_t code, uint64_t value,
                             uint16_t len)
{
    put_uint(body, code, 2, big);
    put_uint(body, len, 2, big);
    put_uint(body, value, len, big);
    put_padding(body);
}

/* resolution -1: no option; offset 0: no option. */
static inline void ng_interface(struct buf *buf, bool big, uint16_t linktype, uint32_t snaplen,
                                int resolution, int64_t offset_s)
{
    struct buf body = {0};
    put_uint(&body, linktype, 2, big);
    put_uint(&body, 0, 2, big);
    put_uint(&body, snaplen, 4, big);
    if (resolution >= 0)
        ng_option(&body, big, 9, (uint64_t)resolution, 1);
    if (offset_s)
        ng_option(&body, big, 14, (uint64_t)offset_s, 8);
    if (resolution >= 0 || offset_s)
        ng_option(&body, big, 0, 0, 0);
    ng_block(buf, big, 1, &body);
}

static inline void ng_packet(struct buf *buf, bool big, uint32_t interface, uint64_t units,
                             const void *bytes, uint32_t caplen, uint32_t wirelen)
{
    struct buf body = {0};
    put_uint(&body, interface, 4, big);
    put_uint(&body, units >> 32, 4, big);
    put_uint(&body, units & 0xffffffff, 4, big);
    put_uint(&body, caplen, 4, big);
    put_uint(&body, wirelen, 4, big);
    put(&body, bytes, caplen);
    ng_block(buf, big, 6, &body);
}

static inline void ng_simple_packet(struct buf *buf, bool big, const void *bytes,
                                    uint32_t caplen, uint32_t wirelen)
{
    struct buf body = {0};
    put_uint(&body, wirelen, 4, big);
    put(&body, bytes, caplen);
    ng_block(buf, big, 3, &body);
}

static inline void ng_statistics(struct buf *buf, bool big, uint32_t interface, uint64_t ifdrop,
                                 uint64_t osdrop)
{
    struct buf body = {0};
    put_uint(&body, interface, 4, big);
    put_uint(&body, 0, 8, big);
    ng_option(&body, big, 4, 1000, 8); /* received: no loss */
    ng_option(&body, big, 5, ifdrop, 8);
    ng_option(&body, big, 7, osdrop, 8);
    ng_block(buf, big, 5, &body);
}

/* Appends bytes as one gzip member, with what a header may have besides; NULL: nothing. */
static inline void put_gzip_with(struct buf *buf, const uint8_t *bytes, size_t n,
                                 gz_header *header)
{
    z_stream stream = {0};
    ck_assert_int_eq(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY),
                     Z_OK);
    if (header)
        ck_assert_int_eq(deflateSetHeader(&stream, header), Z_OK);
    size_t cap = deflateBound(&stream, n);
    uint8_t *out = malloc(cap);
    ck_assert_ptr_nonnull(out);
    stream.next_in = (uint8_t *)(uintptr_t)bytes;
    stream.avail_in = (unsigned)n;
    stream.next_out = out;
    stream.avail_out = (unsigned)cap;
    ck_assert_int_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
    put(buf, out, stream.total_out);
    (void)deflateEnd(&stream);
    free(out);
}

static inline void put_gzip(struct buf *buf, const uint8_t *bytes, size_t n)
{
    put_gzip_with(buf, bytes, n, NULL);
}

/* Appends bytes as one zstd frame. */
static inline void put_zstd(struct buf *buf, const uint8_t *bytes, size_t n)
{
    size_t cap = ZSTD_compressBound(n);
    uint8_t *out = malloc(cap);
    ck_assert_ptr_nonnull(out);
    size_t used = ZSTD_compress(out, cap, bytes, n, 3);
    ck_assert(!ZSTD_isError(used));
    put(buf, out, used);
    free(out);
}

/* A directory of files that goes with the test. */
struct folder {
    char path[64];
};

static inline struct folder folder_new(void)
{
    struct folder folder = {"/tmp/nightscope-test-XXXXXX"};
    ck_assert_ptr_nonnull(mkdtemp(folder.path));
    return folder;
}

static inline int folder_remove(const char *path, const struct stat *stat, int type,
                                struct FTW *ftw)
{
    (void)stat, (void)type, (void)ftw;
    return remove(path);
}

static inline void folder_free(const struct folder *folder)
{
    ck_assert_int_eq(nftw(folder->path, folder_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* Writes a file; the name is the caller's to free. */
static inline char *folder_put(const struct folder *folder, const char *name,
                               const struct buf *buf)
{
    char *path = NULL;
    ck_assert_int_gt(asprintf(&path, "%s/%s", folder->path, name), 0);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    if (buf->n) /* an empty one has no data */
        ck_assert_uint_eq(fwrite(buf->data, 1, buf->n, file), buf->n);
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

/* FNV-1a */
static inline uint64_t digest(const uint8_t *bytes, size_t n)
{
    uint64_t hash = 0xcbf29ce484222325U;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3U;
    return hash;
}

struct seen {
    int64_t ts_ns;
    uint64_t digest;
    uint32_t caplen, wirelen, now_min;
    uint8_t link, flags;
};

struct result {
    struct seen *seen;
    size_t n;
    struct file_status *files;
    unsigned files_n;
};

static inline void result_free(struct result *result)
{
    free(result->seen);
    free(result->files);
}

static inline void release_into(struct replay *replay, struct chunk *chunk,
                                struct result *result)
{
    result->seen = realloc(result->seen, (result->n + chunk->n) * sizeof *result->seen);
    ck_assert(result->seen || result->n + chunk->n == 0);
    for (unsigned i = 0; i < chunk->n; i++) {
        const struct frame *frame = &chunk->frames[i];
        result->seen[result->n++] = (struct seen){
            .ts_ns = frame->ts_ns,
            .digest = digest(frame->bytes, frame->caplen),
            .caplen = frame->caplen,
            .wirelen = frame->wirelen,
            .now_min = frame->now_min,
            .link = frame->link,
            .flags = frame->flags,
        };
    }
    chunk_release(replay, chunk);
}

/* Replays files, three chunks in flight: a chunk's bytes are read two chunks later. */
static inline struct result replay_all(const char *const *names, unsigned n, int open_max,
                                       int64_t lateness_ns)
{
    struct replay_config config = {.lateness_ns = lateness_ns, .open_max = open_max};
    struct replay *replay = replay_new(&config, names, n);
    ck_assert_ptr_nonnull(replay);
    struct result result = {0};
    enum { CHUNKS = 3 };
    struct chunk *chunks[CHUNKS];
    for (unsigned i = 0; i < CHUNKS; i++) {
        chunks[i] = chunk_new();
        ck_assert_ptr_nonnull(chunks[i]);
    }
    int64_t highest = -1;
    unsigned turn = 0;
    for (unsigned last_n = CHUNK_FRAMES;; turn = (turn + 1) % CHUNKS) {
        struct chunk *chunk = chunks[turn];
        release_into(replay, chunk, &result);
        if (!replay_next(replay, chunk))
            break;
        ck_assert_uint_eq(last_n, CHUNK_FRAMES); /* all but the last are full */
        last_n = chunk->n;
        for (unsigned i = 0; i < chunk->n; i++)
            if (!(chunk->frames[i].flags & FRAME_BAD_TIME) && chunk->frames[i].ts_ns > highest)
                highest = chunk->frames[i].ts_ns;
        ck_assert_int_eq(chunk->packet_time_ns, highest);
    }
    for (unsigned i = 0; i < CHUNKS; i++) {
        release_into(replay, chunks[(turn + i) % CHUNKS], &result);
        chunk_free(chunks[(turn + i) % CHUNKS]);
    }
    struct replay_progress progress;
    replay_progress(replay, &progress);
    ck_assert_uint_eq(progress.frames, result.n);
    if (progress.bytes_total)
        ck_assert_uint_eq(progress.bytes_read, progress.bytes_total);
    result.files_n = replay_file_count(replay);
    ck_assert_uint_eq(result.files_n, n);
    result.files = calloc(n, sizeof *result.files);
    uint64_t frames = 0;
    for (unsigned i = 0; i < n; i++) {
        result.files[i] = *replay_file(replay, i);
        frames += result.files[i].frames;
        ck_assert_str_eq(result.files[i].name, names[i]);
        bool bad = result.files[i].cut || result.files[i].failed;
        ck_assert_int_eq(bad, result.files[i].error.text[0] != '\0');
    }
    ck_assert_uint_eq(frames, result.n);
    replay_free(replay);
    return result;
}

static inline struct result replay_buf(const struct buf *buf)
{
    struct folder folder = folder_new();
    char *path = folder_put(&folder, "capture", buf);
    struct result result = replay_all((const char *const *)&path, 1, 16, MINUTE_NS);
    free(path);
    result.files[0].name = "capture";
    folder_free(&folder);
    return result;
}
