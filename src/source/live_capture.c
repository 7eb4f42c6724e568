/* A handle of libpcap that knows what became of every packet.
 *
 * Libpcap hands the blocks of its ring back to the kernel as it goes through them, so frames
 * are copied. Counting begins and ends with a filter: while it lets nothing in, the ring can be
 * read until all that came before is out of it, and the kernel's own counters say when. */
#include <nightscope/live.h>

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "source/fanout.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

enum { DRAIN_POLLS = 200, DRAIN_POLL_MS = 10 };

struct live_handle {
    struct live_config config;
    pcap_t *pcap;
    int fd;
    enum link link;
    uint32_t linktype;
    struct live_counts counts;
    bool stopped;
    unsigned settled; /* times in a row that live_drained() found nothing new */
};

bool live_stage_init(struct live_stage *stage, unsigned snaplen)
{
    stage->n = 0;
    stage->used = 0;
    stage->frame_cap = snaplen + 64; /* a tag that libpcap puts back, and some room */
    stage->bytes = malloc((size_t)stage->frame_cap * BATCH_CAP);
    return stage->bytes;
}

void live_stage_fini(struct live_stage *stage)
{
    free(stage->bytes);
    stage->bytes = NULL;
}

static int fail(const struct live_handle *handle, const char *what, struct err *err)
{
    return err_set(err, handle->config.interface, 0, 0, "%s: %s", what, strerror(errno));
}

/* Before any filter: nothing that this host sends. In a fanout group PACKET_IGNORE_OUTGOING has
 * no effect, and libpcap's "inbound" lets nothing through until its ring was once around. */
#define ARRIVING                                                                               \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),               \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1),                            \
        BPF_STMT(BPF_RET | BPF_K, 0)
enum { ARRIVING_N = 3, FILTER_MAX = 4096 }; /* instructions; the kernel takes no more */

static int attach(const struct live_handle *handle, struct sock_filter *code, size_t n)
{
    struct sock_fprog program = {(unsigned short)n, code};
    return setsockopt(handle->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

/* What is kept of each packet. */
static int accept_bytes(const struct live_handle *handle, uint32_t bytes)
{
    struct sock_filter code[] = {ARRIVING, BPF_STMT(BPF_RET | BPF_K, bytes)};
    return attach(handle, code, sizeof code / sizeof *code);
}

/* Puts it before the filter that is there. -1: there is none, or it is too long by that. */
static int accept_arriving(const struct live_handle *handle)
{
    struct sock_filter code[FILTER_MAX] = {ARRIVING};
    socklen_t n = FILTER_MAX - ARRIVING_N; /* instructions, whatever the type says */
    if (getsockopt(handle->fd, SOL_SOCKET, SO_GET_FILTER, code + ARRIVING_N, &n) != 0 || n == 0)
        return -1;
    return attach(handle, code, ARRIVING_N + n);
}

static void explain(pcap_t *pcap, int status, const char *interface, struct err *err)
{
    const char *text = pcap_geterr(pcap);
    if (status == PCAP_ERROR_NO_SUCH_DEVICE)
        (void)err_set(err, interface, 0, 0, "no such interface");
    else if (status == PCAP_ERROR_PERM_DENIED)
        (void)err_set(err, interface, 0, 0,
                      "capturing needs root, or the capability CAP_NET_RAW");
    else if (status == PCAP_ERROR_IFACE_NOT_UP)
        (void)err_set(err, interface, 0, 0, "the interface is down");
    else
        (void)err_set(err, interface, 0, 0, "cannot capture: %s%s%s", pcap_statustostr(status),
                      *text ? ": " : "", text);
}

static int activate(struct live_handle *handle, struct err *err)
{
    const struct live_config *config = &handle->config;
    char text[PCAP_ERRBUF_SIZE] = "";
    pcap_t *pcap = handle->pcap = pcap_create(config->interface, text);
    if (!pcap)
        return err_set(err, config->interface, 0, 0, "cannot capture: %s", text);
    /* These fail on an activated handle only. */
    (void)pcap_set_snaplen(pcap, (int)config->snaplen);
    (void)pcap_set_promisc(pcap, config->promiscuous);
    /* Libpcap's immediate mode would have a ring of slots of snaplen bytes, a thousand of them
     * in 64 MiB, where blocks hold half a million small packets. */
    (void)pcap_set_timeout(pcap, config->immediate ? 1 : (int)config->timeout_ms);
    (void)pcap_set_buffer_size(pcap, (int)(config->buffer_mib * 1024 * 1024));
    int precise = pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
    int status = pcap_activate(pcap);
    if (status < 0) {
        explain(pcap, status, config->interface, err);
        return -1;
    }
    handle->fd = pcap_get_selectable_fd(pcap);
    if (precise != 0 || handle->fd < 0 || pcap_setnonblock(pcap, 1, text) != 0)
        return err_set(err, config->interface, 0, 0,
                       "cannot be captured as a network interface");
    return 0;
}

/* Of the link types that sockets have, libpcap numbers only this one in its own way. */
static uint32_t linktype_of(int dlt)
{
    enum { LINKTYPE_RAW = 101 };
    return dlt == DLT_RAW ? LINKTYPE_RAW : (uint32_t)dlt;
}

struct live_handle *live_open(const struct live_config *config, struct err *err)
{
    struct live_handle *handle = calloc(1, sizeof *handle);
    if (!handle) {
        (void)err_set(err, NULL, 0, 0, "out of memory");
        return NULL;
    }
    handle->config = *config;
    int on = 1;
    if (activate(handle, err) != 0)
        goto failed;
    handle->linktype = linktype_of(pcap_datalink(handle->pcap));
    handle->link = link_from_linktype(handle->linktype);
    if (handle->link == LINK_UNKNOWN) {
        (void)err_set(err, config->interface, 0, 0, "link type %u: none that can be decoded",
                      handle->linktype);
        goto failed;
    }
    if (accept_bytes(handle, 0) != 0 ||
        setsockopt(handle->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0) {
        (void)fail(handle, "cannot prepare the socket", err);
        goto failed;
    }
    return handle;
failed:
    live_close(handle);
    return NULL;
}

void live_close(struct live_handle *handle)
{
    if (!handle)
        return;
    if (handle->pcap)
        pcap_close(handle->pcap);
    free(handle);
}

int live_join(struct live_handle *handle, uint32_t seed, const struct decode_config *decode,
              int *group, struct err *err)
{
    struct fanout_program program;
    if (fanout_program(seed, decode, &program) != 0)
        return err_set(err, "--tunnel", 0, 0,
                       "these are too many prefixes for several workers to share an interface "
                       "by: give fewer, or --workers 1");
    if (fanout_join(handle->fd, &program, group) == 0)
        return 0;
    return fail(handle, "cannot share the interface among several workers (PACKET_FANOUT)",
                err);
}

/* The kernel's counters begin anew each time they are asked for. */
struct live_counts live_counts(struct live_handle *handle)
{
    struct tpacket_stats_v3 stats = {0};
    socklen_t size = sizeof stats;
    if (getsockopt(handle->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0) {
        handle->counts.received += stats.tp_packets;
        handle->counts.dropped += stats.tp_drops;
    }
    return handle->counts;
}

static bool all_read(struct live_handle *handle)
{
    struct live_counts counts = live_counts(handle);
    bool all = counts.read == counts.received - counts.dropped;
    handle->settled = all ? handle->settled + 1 : 0;
    return all;
}

/* A packet that was on its way when the filter changed may still come: nothing new in two
 * looks, some time apart, is the end. */
bool live_drained(struct live_handle *handle)
{
    if (all_read(handle) && handle->settled > 1)
        return true;
    struct pollfd wait = {.fd = handle->fd, .events = POLLIN};
    (void)poll(&wait, 1, DRAIN_POLL_MS); /* whatever it says, it is looked again */
    return false;
}

static void discard(uint8_t *context, const struct pcap_pkthdr *header, const uint8_t *bytes)
{
    (void)header;
    (void)bytes;
    ((struct live_handle *)(void *)context)->counts.read++;
}

static int install_filter(struct live_handle *handle, struct err *err)
{
    const struct live_config *config = &handle->config;
    if (!config->filter)
        return accept_bytes(handle, config->snaplen) == 0
                   ? 0
                   : fail(handle, "cannot start the capture", err);
    struct bpf_program program;
    if (pcap_compile(handle->pcap, &program, config->filter, 1, PCAP_NETMASK_UNKNOWN) != 0)
        return err_set(err, "--filter", 0, 0, "\"%s\": %s", config->filter,
                       pcap_geterr(handle->pcap));
    int status = pcap_setfilter(handle->pcap, &program);
    pcap_freecode(&program);
    if (status != 0)
        return err_set(err, "--filter", 0, 0, "\"%s\": %s", config->filter,
                       pcap_geterr(handle->pcap));
    if (accept_arriving(handle) != 0)
        return err_set(err, "--filter", 0, 0, "\"%s\": the kernel does not take this filter",
                       config->filter);
    return 0;
}

int live_start(struct live_handle *handle, struct err *err)
{
    handle->settled = 0;
    for (unsigned i = 0; !live_drained(handle); i++) {
        if (i == DRAIN_POLLS)
            return err_set(err, handle->config.interface, 0, 0,
                           "the ring does not become empty: %llu packets of %llu are missing",
                           (unsigned long long)(handle->counts.received -
                                                handle->counts.dropped - handle->counts.read),
                           (unsigned long long)handle->counts.received);
        if (pcap_dispatch(handle->pcap, -1, discard, (uint8_t *)handle) < 0)
            return err_set(err, handle->config.interface, 0, 0, "%s",
                           pcap_geterr(handle->pcap));
    }
    handle->counts = (struct live_counts){0};
    return install_filter(handle, err);
}

/* Where the callback of libpcap puts a frame. */
struct target {
    struct live_stage *stage;
    enum link link;
};

static void take(uint8_t *context, const struct pcap_pkthdr *header, const uint8_t *bytes)
{
    const struct target *target = (const struct target *)(const void *)context;
    struct live_stage *stage = target->stage;
    uint32_t caplen = header->caplen < stage->frame_cap ? header->caplen : stage->frame_cap;
    uint8_t *copy = stage->bytes + stage->used;
    memcpy(copy, bytes, caplen);
    stage->used += caplen;
    int64_t second = header->ts.tv_sec;
    bool timed = second >= 0 && second <= UINT32_MAX;
    stage->frames[stage->n++] = (struct frame){
        .bytes = copy,
        .ts_ns = timed ? second * 1000000000 + header->ts.tv_usec : 0, /* nanoseconds, really */
        .caplen = caplen,
        .wirelen = header->len > caplen ? header->len : caplen,
        .link = (uint8_t)target->link,
        .flags = timed ? 0 : FRAME_BAD_TIME,
    };
}

int live_read(struct live_handle *handle, struct live_stage *stage, struct err *err)
{
    struct target target = {stage, handle->link};
    unsigned before = stage->n;
    if (before == BATCH_CAP)
        return 0;
    int status =
        pcap_dispatch(handle->pcap, (int)(BATCH_CAP - before), take, (uint8_t *)&target);
    unsigned n = stage->n - before;
    handle->counts.read += n;
    if (status == PCAP_ERROR && n == 0)
        return err_set(err, handle->config.interface, 0, 0, "%s", pcap_geterr(handle->pcap));
    return (int)n;
}

int live_fd(const struct live_handle *handle)
{
    return handle->fd;
}

enum live_state live_check(struct live_handle *handle)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(handle->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return LIVE_FAILED;
    return error == 0 ? LIVE_UP : error == ENETDOWN ? LIVE_DOWN : LIVE_FAILED;
}

void live_stop(struct live_handle *handle)
{
    if (!handle->stopped)
        (void)accept_bytes(handle, 0); /* cannot fail where it did not before */
    handle->stopped = true;
    handle->settled = 0;
}

uint32_t live_linktype(const struct live_handle *handle)
{
    return handle->linktype;
}
