/* Live capture: an interface as several handles, each of which gets the packets of its sources.
 *
 *   live_open()   a handle that accepts nothing yet, once a worker
 *   live_join()   all of them, into one fanout group: from then on each packet goes to one
 *   live_start()  what came before is discarded, and counting begins
 *   live_read()   frames, copied out of the ring into a stage
 *   live_stop()   nothing more is accepted; what the ring holds is still read
 *   live_drained()
 *
 * Everything that passed the kernel filter is read or was dropped, exactly: the kernel counts
 * both, and a handle has no packets left when what was read is all that was not dropped.
 * A handle is for one thread at a time. Nothing here reads a clock. */
#pragma once

#include <nightscope/batch.h>
#include <nightscope/decode.h>
#include <nightscope/error.h>
#include <nightscope/packet.h>

struct live_config {
    const char *interface;
    unsigned snaplen;    /* bytes of a packet that are kept */
    unsigned buffer_mib; /* of the ring */
    unsigned timeout_ms; /* after which a block of the ring that is not full is handed over */
    bool immediate;      /* after a millisecond instead, which is the shortest there is */
    bool promiscuous;    /* also what is for other stations */
    const char *filter;  /* pcap-filter(7); NULL: none */
};

/* Frames that have been read, and their bytes. */
struct live_stage {
    unsigned n;
    struct frame frames[BATCH_CAP]; /* their bytes lie in: */
    uint8_t *bytes;                 /* room for BATCH_CAP frames of any length */
    size_t used;
    uint32_t frame_cap;
};

bool live_stage_init(struct live_stage *stage, unsigned snaplen);
void live_stage_fini(struct live_stage *stage);

enum live_state {
    LIVE_UP,
    LIVE_DOWN,   /* the interface is down: it may come back, and the handle with it */
    LIVE_FAILED, /* for good */
};

struct live_handle;

/* Does pcap-filter(7) take it, for some link layer? -1 with *err, of origin "--filter" if not,
 * as of live_start() when the interface or the kernel does not take it. */
int live_check_filter(const char *filter, struct err *err);

/* NULL with *err: no such interface, no permission ... */
struct live_handle *live_open(const struct live_config *config, struct err *err);
void live_close(struct live_handle *handle);
/* group: -1 for the first handle of an interface, then as it was left. 0, or -1 with *err. */
int live_join(struct live_handle *handle, uint32_t seed, const struct decode_config *decode,
              int *group, struct err *err);
int live_start(struct live_handle *handle, struct err *err);

/* Moves what is there into the stage until it is full. How many frames that were; -1 with *err:
 * the handle has failed. */
int live_read(struct live_handle *handle, struct live_stage *stage, struct err *err);
/* To be polled for input. */
int live_fd(const struct live_handle *handle);
/* After the descriptor has shown an error. */
enum live_state live_check(struct live_handle *handle);

void live_stop(struct live_handle *handle);
/* After live_stop(): everything was read? When not, read on. */
bool live_drained(struct live_handle *handle);

struct live_counts {
    uint64_t received; /* passed the filter, since live_start() */
    uint64_t dropped;  /* of them: there was no room in the ring */
    uint64_t read;
};
/* Asks the kernel. */
struct live_counts live_counts(struct live_handle *handle);

uint32_t live_linktype(const struct live_handle *handle); /* LINKTYPE_ */

/* An interface, whoever captures on it. */
struct live_watch {
    char name[16];
    unsigned index;
    int fd; /* a socket to ask by */
};
int live_watch_init(struct live_watch *watch, const char *interface, struct err *err);
void live_watch_fini(struct live_watch *watch);
enum live_state live_watch_state(const struct live_watch *watch); /* LIVE_FAILED: it is gone */
/* What it says that it dropped, over all time. */
struct live_watch_drops {
    uint64_t missed;  /* for want of room: rx_missed_errors, rx_fifo_errors */
    uint64_t dropped; /* rx_dropped: also each packet of a VLAN that has no device here, though
                         whoever captures has seen it */
};
bool live_watch_drops(const struct live_watch *watch, struct live_watch_drops *ret_drops);
/* Packets of all interfaces that the kernel had no room for in its backlog, over all time: what
 * is in rx_dropped for that reason is in here as well. 0: none, or not known. */
uint64_t live_backlog_drops(void);
