# hping3: a window of 512, no options, and an acknowledgement number although ACK is not set.

# 16 bits of window; that a stack without ACK leaves a number there is the second property.
# Packets with ACK or RST may well have both by nature.
signature hping3-tcp
    title      hping3, TCP without ACK
    label      hping3
    origin     tool
    match      not tcp.flags.ack and not tcp.flags.reset and tcp.window == 512 and
               tcp.ack != 0 and tcp.hdr_len == 20 and not ip.df
    chance     2^-16
    reference  packets of hping3 3.0.0-alpha-2
    example    pcaps/signatures/hping3-tcp.pcap
    near       pcaps/signatures/hping3-tcp-near.pcap

# The sequence number is counted up in the byte order of the machine: 256, 512, 768. One of 256
# numbers ends in a zero byte, and half of them are above the last. (Windows does the same, with
# 32 bytes of data.) Number 0, the first, is left out: nmap sends empty echoes with it.
signature hping3-icmp
    title      hping3 -1, ICMP echo requests
    label      hping3
    origin     tool
    match      icmp.type == 8 and icmp.code == 0 and payload.len == 0 and not ip.df and
               icmp.seq != 0 and icmp.seq & 0xff == 0
    increasing icmp.seq
    chance     2^-9
    reference  packets of hping3 3.0.0-alpha-2
    example    pcaps/signatures/hping3-icmp.pcap
    near       pcaps/signatures/hping3-icmp-near.pcap
