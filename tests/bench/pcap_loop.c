/* The yardstick of the benchmark: reads a capture with pcap_loop() and an empty callback. */
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

static void count(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes)
{
    (void)header;
    (void)bytes;
    ++*(unsigned long *)(void *)user;
}

int main(int argc, char **argv)
{
    char error[PCAP_ERRBUF_SIZE];
    unsigned long packets = 0;
    pcap_t *pcap = argc == 2 ? pcap_open_offline(argv[1], error) : NULL;
    if (!pcap) {
        fprintf(stderr, "pcap_loop: %s\n", argc == 2 ? error : "usage: pcap_loop FILE");
        return EXIT_FAILURE;
    }
    int result = pcap_loop(pcap, -1, count, (u_char *)&packets);
    pcap_close(pcap);
    printf("%lu\n", packets);
    return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
