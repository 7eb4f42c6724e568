# unicornscan: sequence number = key ^ destination ^ ((port << 16) + source port), with the
# destination in the byte order of the sender. The header imitates one of several systems, by
# choice of the user, so that only the relation identifies it. Of unrelated packets 2^-32 agree; no
# fixed identification, sequence number or port brings it about, as each of source port, port and
# destination enters it. The windows are those of its imitations: they prove nothing, but a relation
# on every SYN would have every source of one remembered.
#
# Mirai's sequence number is the destination: on a big-endian sender's form that leaves the ports
# alone, which in Mirai's scanner are nearly constant. So that is excluded.

define imitated  tcp.window in {3072, 4128, 12345, 16384, 32767} or ip.tos == 0x10

signature unicornscan
    title      unicornscan, TCP SYN scan
    origin     tool
    match      tcp.syn and tcp.seq != ip.dst and imitated
    constant   tcp.seq ^ bswap32(ip.dst) ^ (((tcp.dstport << 16) + tcp.srcport) & 0xffffffff)
    chance     2^-32
    reference  dneufeld/unicornscan src/scan_progs/tcphash.h, TCPHASHTRACK
    reference  Ghiette, Blenn, Doerr, Remote identification of port scan toolchains, NTMS 2016
    example    pcaps/signatures/unicornscan.pcap
    near       pcaps/signatures/unicornscan-near.pcap

signature unicornscan-big-endian
    title      unicornscan on a big-endian machine, TCP SYN scan
    label      unicornscan
    origin     tool
    match      tcp.syn and tcp.seq != ip.dst and imitated
    constant   tcp.seq ^ ip.dst ^ (((tcp.dstport << 16) + tcp.srcport) & 0xffffffff)
    chance     2^-32
    reference  dneufeld/unicornscan src/scan_progs/tcphash.h, TCPHASHTRACK
    example    pcaps/signatures/unicornscan-big-endian.pcap
    near       pcaps/signatures/unicornscan-big-endian-near.pcap
