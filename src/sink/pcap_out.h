/* Frames to a capture file (pcap with nanoseconds), or to a row of them.
 *
 * Without rotation the file is the one that was named; with it, each file is named after it and
 * the time of its first frame: FILE.20261122T205230Z. A file that cannot be written on is cut
 * after its last whole record, and tried again after a minute of packet time. Thread-safe: a
 * batch is written as a whole. */
#pragma once

#include <nightscope/error.h>
#include <nightscope/packet.h>

struct pcap_out_config {
    const char *path; /* borrowed */
    uint32_t linktype, snaplen;
    uint64_t rotate_bytes; /* 0: never for its size */
    int64_t rotate_ns;     /* 0: never for its age, by the time stamps */
};

struct pcap_out;

/* Opens the file, unless rotation names it later. NULL with *err. */
struct pcap_out *pcap_out_new(const struct pcap_out_config *config, struct err *err);
void pcap_out_add(struct pcap_out *out, const struct frame *frames, unsigned n);
/* Writes out what is buffered. */
void pcap_out_flush(struct pcap_out *out);

struct pcap_out_status {
    uint64_t frames, lost; /* given to a file; not written, since a file could not be */
    bool failing;          /* since it failed, nothing could be written */
    struct err error;      /* the latest one; text "": none */
};
struct pcap_out_status pcap_out_status(struct pcap_out *out);
/* Flushes, too. */
void pcap_out_free(struct pcap_out *out);
