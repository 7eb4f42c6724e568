/* Is this a filter? Asked before an interface is opened, which some users may not do. Whether
 * it fits the interface is seen when it is started there. */
#include <nightscope/live.h>

#include <pcap/pcap.h>

int live_check_filter(const char *filter, struct err *err)
{
    static const int LINKS[] = {DLT_EN10MB, DLT_RAW, DLT_LINUX_SLL, DLT_PPP};
    for (size_t i = 0; i < sizeof LINKS / sizeof *LINKS; i++) {
        struct bpf_program program;
        pcap_t *pcap = pcap_open_dead(LINKS[i], 65535);
        if (!pcap)
            return err_set(err, NULL, 0, 0, "out of memory");
        int status = pcap_compile(pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN);
        if (status == 0)
            pcap_freecode(&program);
        else if (i == 0) /* the commonest link layer says why */
            (void)err_set(err, "--filter", 0, 0, "\"%s\": %s", filter, pcap_geterr(pcap));
        pcap_close(pcap);
        if (status == 0)
            return 0;
    }
    return -1;
}
