# naabu counts its probes in the sequence number, from 0 or 1 on. Of random numbers one in 256 is
# below 2^24, and half of them are above the last; a stack that counts connections like this has
# another window. nmap has the same window and MSS, but one number for a run: it never grows.

signature naabu
    title      naabu, TCP SYN scan
    origin     tool
    match      tcp.syn and tcp.window == 1024 and tcp.options == 020405b4 and tcp.ack == 0 and
               tcp.seq < 0x1000000
    increasing tcp.seq
    chance     2^-9
    reference  projectdiscovery/naabu pkg/scan@cd8b974 (2026-05-12), TCPSequencer
    example    pcaps/signatures/naabu.pcap
    near       pcaps/signatures/naabu-near.pcap
