# nmap. Every raw packet has a TTL drawn from 37 to 59, no DF, and (TCP) a window of 1024; early
# versions drew the window from 1024, 2048, 3072 and 4096.
#
# A TTL that changes from packet to packet is rare. `distinct ip.ttl` in some signatures below
# makes it the second property: a packet counts only if its TTL is none of the latest four, so
# that a sender with one TTL, or with a few paths, has one hit and no more.

define raw          not ip.df and ip.ttl < 60
define bare         tcp.hdr_len == 20

# The number of the try is written into both halves of the sequence number before a key is XORed
# over it, so the halves XORed with each other are the same in a whole run: of unrelated numbers
# 2^-16 agree. Window and MSS are there because home-made scanners with a fixed sequence number
# satisfy the relation too.
signature nmap-syn
    title      nmap -sS, TCP SYN scan
    label      nmap
    origin     tool
    match      tcp.syn and tcp.ack == 0 and not ip.df and tcp.options == 020405b4 and
               tcp.window in {1024, 2048, 3072, 4096}
    constant   (tcp.seq >> 16) ^ (tcp.seq & 0xffff)
    distinct   (ip.dst, tcp.dstport, tcp.seq)
    chance     2^-16
    reference  nmap 7.93 scan_engine_raw.cc, seq32_encode; libnetutil/tcpip.cc, htons(1024)
    reference  Ghiette, Blenn, Doerr, Remote identification of port scan toolchains, NTMS 2016
    example    pcaps/signatures/nmap-syn.pcap
    near       pcaps/signatures/nmap-syn-near.pcap

# Within one try the whole number is the same: 2^-32 of random numbers. A sender with a fixed
# number agrees always, so the other marks of the tool must hold and 2^-20 is counted.
signature nmap-syn-run
    title      nmap -sS, TCP SYN scan, probes of one run
    label      nmap
    origin     tool
    match      tcp.syn and tcp.ack == 0 and raw and tcp.options == 020405b4 and
               tcp.window == 1024
    constant   tcp.seq
    distinct   (ip.dst, tcp.dstport)
    chance     2^-20
    reference  nmap 7.93 scan_engine_raw.cc, seq32_encode; libnetutil/tcpip.cc, htons(1024)
    example    pcaps/signatures/nmap-syn-run.pcap
    near       pcaps/signatures/nmap-syn-run-near.pcap

# 2^-16 for the relation; 2^-4 that a scanner of this kind has the window of 1024.
signature nmap-null-fin-xmas
    title      nmap -sN, -sF, -sX: TCP without flags, with FIN, with FIN, PSH and URG
    label      nmap
    origin     tool
    match      tcp.flags in {0x00, 0x01, 0x29} and raw and bare and tcp.window == 1024 and
               tcp.ack == 0
    constant   (tcp.seq >> 16) ^ (tcp.seq & 0xffff)
    distinct   (ip.dst, tcp.dstport, tcp.seq)
    chance     2^-20
    reference  nmap 7.93 scan_engine_raw.cc, seq32_encode
    example    pcaps/signatures/nmap-null-fin-xmas.pcap
    near       pcaps/signatures/nmap-null-fin-xmas-near.pcap

# Here the key is in the acknowledgement number, and the sequence number is 0.
signature nmap-ack-maimon
    title      nmap -sA, -sW, -sM: TCP with ACK, with FIN and ACK
    label      nmap
    origin     tool
    match      tcp.flags in {0x10, 0x11} and raw and bare and tcp.window == 1024 and
               tcp.seq == 0
    constant   (tcp.ack >> 16) ^ (tcp.ack & 0xffff)
    distinct   (ip.dst, tcp.dstport, tcp.ack)
    chance     2^-20
    reference  nmap 7.93 scan_engine_raw.cc, seq32_encode
    example    pcaps/signatures/nmap-ack-maimon.pcap
    near       pcaps/signatures/nmap-ack-maimon-near.pcap

# Empty echo requests come from other tools as well, but these have a new identifier for every
# target (ping and hping3: one for the run) and sequence number 0.
signature nmap-ping
    title      nmap -sn, ICMP echo and time stamp requests
    label      nmap
    origin     tool
    match      icmp.code == 0 and raw and icmp.seq == 0 and
               ((icmp.type == 8 and payload.len == 0) or
                (icmp.type == 13 and payload == 000000000000000000000000))
    distinct   icmp.ident
    chance     2^-8
    reference  packets of nmap 7.93; hping3 -1 shares type and length
    example    pcaps/signatures/nmap-ping.pcap
    near       pcaps/signatures/nmap-ping-near.pcap

# Most ports get no payload, or one that other tools send as well: then there is no mark but TTL and
# source port. A random TTL of 0 to 255 is below 60 in a quarter of the packets, and a fixed source
# port is common, so a trial (four values are kept) is worth no more than that quarter: some 25
# packets are needed.
signature nmap-udp
    title      nmap -sU, UDP scan
    label      nmap
    origin     tool
    match      udp and raw and udp.checksum != 0 and
               (payload.len == 0 or payload == 00010002000100 or payload == 0014000103 or
                payload starts 1e00013002fda8e3 or payload starts 0600ff06 or payload starts 0600ff07 or
                payload starts "\xff\xff\xff\xffgetstatus" or
                payload starts "\xff\xff\xff\xffTSource Engine Query" or payload == 0000)
    constant   udp.srcport
    distinct   ip.ttl
    chance     2^-4
    reference  packets of nmap 7.93: TTL 37 to 59, one source port a try
    example    pcaps/signatures/nmap-udp.pcap
    near       pcaps/signatures/nmap-udp-near.pcap

# What nmap sends to well-known ports, where the bytes are its own: 32 bits at least.
signature nmap-udp-payloads
    title      nmap -sU, payloads of well-known ports
    label      nmap
    origin     tool
    match      raw and
               (payload == 000010000000000000000000 or
                payload starts 7777010000010000000000000776657273696f6e or
                payload starts e30004fa000100000001 or payload starts d9000afa000000000001 or
                payload starts 80f00010000100000000000020434b or
                payload starts 01910000000100000000000020434b or
                payload starts 72fe1d130000000000000002 or
                payload starts 3eece3ca0000000000000002 or
                payload starts 3127fcb038109e89 or
                payload starts 00112233445566770000000000000000 or
                payload starts 303a020103300f02024a69 or
                payload starts 30840000002d02010763 or
                payload starts "M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nMan: \"ssdp:discover\"\r\nMX: 5\r\nST: ssdp:all" or
                payload starts "OPTIONS sip:nm SIP/" or
                payload starts 400101cebb or
                payload starts "[PROBE] 0000" or
                payload starts "Amanda 2.6 REQ HANDLE 000-00000000 SEQ 0" or
                payload starts "\0\x01r7tftp.txt\0" or
                payload == 000100000001000076657273696f6e0d0a) and udp
    chance     2^-16
    reference  packets of nmap 7.93
    reference  Emerging Threats sid 2018317: OPTIONS sip:nm
    example    pcaps/signatures/nmap-udp-payloads.pcap
    near       pcaps/signatures/nmap-udp-payloads-near.pcap

# Receiver window, streams out and in are what masscan and others have copied; the TTL they have
# not: a packet whose TTL is new counts, and 2^-10 that the rest agrees. masscan's initial TSN is
# one for all.
signature nmap-sctp-init
    title      nmap -sY, SCTP INIT scan
    label      nmap
    origin     tool
    match      sctp.chunk_type == 1 and raw and sctp.verification_tag == 0 and
               payload.len == 20 and payload at 8 00008000000a0800 and
               not payload at 16 461adf3d
    distinct   ip.ttl
    chance     2^-10
    reference  packets of nmap 7.93
    example    pcaps/signatures/nmap-sctp-init.pcap
    near       pcaps/signatures/nmap-sctp-init-near.pcap

# A cookie of 4 bytes: real ones hold the state of an association and its signature.
signature nmap-sctp-cookie
    title      nmap -sZ, SCTP COOKIE-ECHO scan
    label      nmap
    origin     tool
    match      sctp.chunk_type == 10 and raw and payload.len == 8 and payload starts 0a000008
    distinct   ip.ttl
    chance     2^-10
    reference  packets of nmap 7.93
    example    pcaps/signatures/nmap-sctp-cookie.pcap
    near       pcaps/signatures/nmap-sctp-cookie-near.pcap

# A bare IP header for a protocol number that is another each time.
signature nmap-ip-protocols
    title      nmap -sO, IP protocol scan
    label      nmap
    origin     tool
    match      ip.len == 20 and ip.hdr_len == 20 and raw and ip.proto not in {1, 2, 6, 17, 132}
    distinct   ip.proto
    chance     2^-8
    reference  packets of nmap 7.93
    example    pcaps/signatures/nmap-ip-protocols.pcap
    near       pcaps/signatures/nmap-ip-protocols-near.pcap

# All of the thirteen TCP probes carry this time stamp.
signature nmap-os
    title      nmap -O, operating system detection, TCP probes
    label      nmap
    origin     tool
    match      tcp.options.tsval == 0xffffffff and tcp.options.tsecr == 0 and
               not tcp.flags.reset and
               tcp.window in {1, 3, 4, 16, 63, 128, 256, 512, 1024, 31337, 32768, 65535}
    distinct   (ip.dst, tcp.dstport, tcp.flags, tcp.window)
    chance     2^-32
    reference  packets of nmap 7.93; nmap.org/book/osdetect-methods.html
    example    pcaps/signatures/nmap-os.pcap
    near       pcaps/signatures/nmap-os-near.pcap

signature nmap-os-icmp
    title      nmap -O, operating system detection, ICMP probes
    label      nmap
    origin     tool
    match      icmp.type == 8 and ip.ttl < 64 and
               payload starts 0000000000000000000000000000000000000000000000000000000000000000 and
               ((icmp.code == 9 and ip.df and payload.len == 120 and icmp.seq == 295) or
                (icmp.code == 0 and not ip.df and payload.len == 150 and icmp.seq == 296))
    chance     2^-16
    reference  packets of nmap 7.93; nmap.org/book/osdetect-methods.html
    example    pcaps/signatures/nmap-os-icmp.pcap
    near       pcaps/signatures/nmap-os-icmp-near.pcap

signature nmap-os-udp
    title      nmap -O, operating system detection, UDP probe
    label      nmap
    origin     tool
    match      udp and not ip.df and ip.id == 0x1042 and payload.len == 300 and
               payload starts "CCCCCCCCCCCCCCCC"
    chance     2^-16
    reference  packets of nmap 7.93; nmap.org/book/osdetect-methods.html
    example    pcaps/signatures/nmap-os-udp.pcap
    near       pcaps/signatures/nmap-os-udp-near.pcap
