/* Capture file formats: pcap (draft-ietf-opsawg-pcap), pcapng (draft-ietf-opsawg-pcapng). */
#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LINKTYPE_ETHERNET = 1,
    LINKTYPE_RAW = 101,
    RECORD_MAX = 64 + FRAME_CAP,
};

static void flush(struct writer *writer)
{
    size_t done = 0;
    while (done < writer->used && !writer->error) {
        ssize_t n = write(writer->fd, writer->buffer + done, writer->used - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            writer->error = n == 0 ? EIO : errno;
    }
    writer->used = 0;
}

static void put32(struct writer *writer, uint32_t value)
{
    uint8_t *to = writer->buffer + writer->used;
    bool big = writer->format == FORMAT_PCAP_BE;
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> 8 * (big ? 3 - i : i));
    writer->used += 4;
}

static void put16(struct writer *writer, uint32_t value)
{
    uint8_t *to = writer->buffer + writer->used;
    bool big = writer->format == FORMAT_PCAP_BE;
    to[big ? 1 : 0] = (uint8_t)value;
    to[big ? 0 : 1] = (uint8_t)(value >> 8);
    writer->used += 2;
}

static void classic_header(struct writer *writer, uint32_t linktype)
{
    put32(writer, writer->format == FORMAT_PCAP_NS ? 0xa1b23c4d : 0xa1b2c3d4);
    put16(writer, 2);
    put16(writer, 4);
    put32(writer, 0);
    put32(writer, 0);
    put32(writer, writer->snaplen);
    put32(writer, linktype);
}

/* Section header, then one interface with nanoseconds (if_tsresol 9). */
static void ng_header(struct writer *writer, uint32_t linktype)
{
    put32(writer, 0x0a0d0d0a);
    put32(writer, 28);
    put32(writer, 0x1a2b3c4d);
    put16(writer, 1);
    put16(writer, 0);
    put32(writer, 0xffffffff);
    put32(writer, 0xffffffff);
    put32(writer, 28);

    put32(writer, 1);
    put32(writer, 32);
    put16(writer, linktype);
    put16(writer, 0);
    put32(writer, writer->snaplen);
    put16(writer, 9);
    put16(writer, 1);
    put32(writer, 9);
    put32(writer, 0);
    put32(writer, 32);
}

int writer_open(struct writer *writer, const char *path, enum format format,
                enum frame_link link, uint32_t snaplen)
{
    uint32_t linktype = link == LINK_ETHERNET ? LINKTYPE_ETHERNET : LINKTYPE_RAW;
    *writer = (struct writer){.fd = -1, .format = format, .snaplen = snaplen};
    writer->buffer = malloc(WRITER_BUFFER);
    if (!writer->buffer)
        return -1;
    writer->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (writer->fd < 0) {
        free(writer->buffer);
        return -1;
    }
    if (format == FORMAT_PCAPNG)
        ng_header(writer, linktype);
    else
        classic_header(writer, linktype);
    return 0;
}

void writer_packet(struct writer *writer, uint64_t ts_ns, const uint8_t *bytes, uint32_t caplen,
                   uint32_t wirelen)
{
    if (caplen > writer->snaplen)
        caplen = writer->snaplen;
    if (writer->used + RECORD_MAX > WRITER_BUFFER)
        flush(writer);
    uint32_t padded = (caplen + 3) & ~3U;
    if (writer->format == FORMAT_PCAPNG) {
        put32(writer, 6);
        put32(writer, 32 + padded);
        put32(writer, 0);
        put32(writer, (uint32_t)(ts_ns >> 32));
        put32(writer, (uint32_t)ts_ns);
    } else {
        uint32_t fraction = (uint32_t)(ts_ns % 1000000000);
        put32(writer, (uint32_t)(ts_ns / 1000000000));
        put32(writer, writer->format == FORMAT_PCAP_NS ? fraction : fraction / 1000);
    }
    put32(writer, caplen);
    put32(writer, wirelen);
    memcpy(writer->buffer + writer->used, bytes, caplen);
    writer->used += caplen;
    if (writer->format == FORMAT_PCAPNG) {
        memset(writer->buffer + writer->used, 0, padded - caplen);
        writer->used += padded - caplen;
        put32(writer, 32 + padded);
    }
}

int writer_close(struct writer *writer)
{
    flush(writer);
    if (close(writer->fd) && !writer->error)
        writer->error = errno;
    free(writer->buffer);
    writer->fd = -1;
    errno = writer->error;
    return writer->error ? -1 : 0;
}
