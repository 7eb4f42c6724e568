/* Writes a capture file: classic pcap in both byte orders and resolutions, and pcapng. */
#pragma once

#include "options.h"

#include <stddef.h>

enum { WRITER_BUFFER = 1 << 20 };

struct writer {
    int fd; /* -1: closed */
    enum format format;
    uint32_t snaplen;
    int error; /* errno of the first write that failed */
    size_t used;
    uint8_t *buffer;
};

/* -1 with errno set. */
int writer_open(struct writer *writer, const char *path, enum format format,
                enum frame_link link, uint32_t snaplen);
/* Keeps the first caplen of wirelen bytes, at most the snap length. */
void writer_packet(struct writer *writer, uint64_t ts_ns, const uint8_t *bytes, uint32_t caplen,
                   uint32_t wirelen);
/* -1 with errno set when anything could not be written. */
int writer_close(struct writer *writer);
