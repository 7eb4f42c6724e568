# ZMap.
#
# To 4.0 every packet carried the identification 54321. Since 4.1 (2024-05-20) nothing in a packet
# is tied to anything else: identification, sequence number and source port are pieces of
# AES(source, destination, port) under a key of the run. What is left is a header that no operating
# system sends: options of one system, with the TTL, the missing DF and the window of none.
#
# Such a header is a property of a sender, not chance, so every packet of another sender with the
# same header would match: the chances below are not those of random bits. They say how often a
# sender of that header that is not ZMap would show the *second* property, one that varies from
# probe to probe; `distinct` names it, so that a fixed value never counts twice.

define no_options      tcp.hdr_len == 20
define mss_only        tcp.options == 020405b4
define new_ip          not ip.df and ip.ttl <= 64 and ip.tos == 0
define new_syn         tcp.syn and tcp.ack == 0 and tcp.window == 65535 and new_ip
                       and tcp.srcport in {32768-61000}
# TSval is the sender's Unix time when the scan began. A month back, and an hour of wrong clock.
define began_lately    frame.time + 3600 - tcp.options.tsval <= 2595600

# Chance: 16 bits of identification. A stack whose identification is fixed at 54321 would show it
# in every packet, so the window of 65535 without DF, and no or one option, must be there as well.
signature zmap-old-syn
    title      ZMap 1.0 to 4.0, TCP SYN scan
    label      zmap
    origin     tool
    match      tcp.syn and ip.id == 54321 and tcp.window == 65535 and tcp.ack == 0 and
               not ip.df and ip.tos == 0 and (no_options or mss_only)
    chance     2^-16
    since      2013
    until      2024-05
    reference  zmap/zmap src/probe_modules/packet.c@8de8833, make_ip_header
    reference  zmap/zmap@6819c65 (2021-08-02): option MSS 1460 added
    example    pcaps/signatures/zmap-old-syn.pcap
    near       pcaps/signatures/zmap-old-syn-near.pcap

signature zmap-old-synack
    title      ZMap to 4.0, TCP SYN-ACK scan
    label      zmap
    origin     tool
    match      tcp.synack and ip.id == 54321 and tcp.window == 65535 and not ip.df and
               ip.tos == 0 and (no_options or mss_only)
    chance     2^-16
    until      2024-05
    reference  zmap/zmap src/probe_modules/packet.c@8de8833, make_ip_header
    example    pcaps/signatures/zmap-old-synack.pcap
    near       pcaps/signatures/zmap-old-synack-near.pcap

# The second property is the UDP checksum field: 0, which no mainstream stack sends over IPv4.
signature zmap-old-udp
    title      ZMap 1.0 to 4.0, UDP scans
    label      zmap
    origin     tool
    match      udp and ip.id == 54321 and udp.checksum == 0 and not ip.df and ip.tos == 0
    chance     2^-16
    since      2013
    until      2024-05
    reference  zmap/zmap src/probe_modules/packet.c@8de8833, make_ip_header, make_udp_header
    example    pcaps/signatures/zmap-old-udp.pcap
    near       pcaps/signatures/zmap-old-udp-near.pcap

# The second property is the payload: 12 bytes of zero to 2.x, then 20.
signature zmap-old-icmp
    title      ZMap 1.0 to 4.0, ICMP echo scan
    label      zmap
    origin     tool
    match      icmp.type == 8 and icmp.code == 0 and ip.id == 54321 and not ip.df and
               (payload == 000000000000000000000000 or
                payload == 0000000000000000000000000000000000000000)
    chance     2^-16
    since      2013
    until      2024-05
    reference  zmap/zmap src/probe_modules/module_icmp_echo.c@8de8833
    example    pcaps/signatures/zmap-old-icmp.pcap
    near       pcaps/signatures/zmap-old-icmp-near.pcap

# Windows itself sends these options with TTL 128 and DF; Linux and BSD send others. Chance: it
# has a new identification and a source port in ZMap's range each time. A sender with one fixed
# identification never has two. 2^-6 asks for five probes; should some sender draw window, DF and
# options apart from each other, fewer than one in 64 of its packets would look like this.
signature zmap-new-windows
    title      ZMap since 4.1, TCP SYN scan as it is by default (options of Windows)
    label      zmap
    origin     tool
    match      new_syn and tcp.options == 020405b40103030801010402
    distinct   ip.id
    chance     2^-6
    since      2024-05
    reference  zmap/zmap@c88db29 (PR #855), @5d90505 (PR #850), @b0190cc (PR #798)
    reference  p0f: Windows is *:128:0:*:65535,8:mss,nop,ws,nop,nop,sok:df,id+
    example    pcaps/signatures/zmap-new-windows.pcap
    near       pcaps/signatures/zmap-new-windows-near.pcap

# Linux draws a time stamp offset for every flow, so two flows never agree; here all do, and the
# common value is a plausible date. Of random values 2^-10.7 are within the month, and two agree in
# 2^-32; old kernels with one clock for all flows repeat a value within a tick, but with a date for
# an uptime, DF cleared and a window of 65535 not at all. 2^-20 is far above all that.
signature zmap-new-linux
    title      ZMap since 4.1, TCP SYN scan with options of Linux
    label      zmap
    origin     tool
    match      new_syn and tcp.options.kinds == "mss,sackok,ts,nop,ws" and
               tcp.options starts 020405b40402080a and tcp.options.wscale == 7 and
               tcp.options.tsecr == 0 and began_lately
    constant   tcp.options.tsval
    distinct   (ip.dst, tcp.dstport, tcp.srcport, tcp.seq)
    chance     2^-20
    since      2024-05
    reference  zmap/zmap src/probe_modules/packet.c@8de8833, time(NULL)
    reference  zmap/zmap src/probe_modules/module_tcp_synscan.c@8de8833, prepare_packet
    example    pcaps/signatures/zmap-new-linux.pcap
    near       pcaps/signatures/zmap-new-linux-near.pcap

signature zmap-new-bsd
    title      ZMap since 4.1, TCP SYN scan with options of BSD and macOS
    label      zmap
    origin     tool
    match      new_syn and tcp.options.kinds starts "mss,nop,ws,nop,nop,ts,sackok,eol" and
               tcp.options starts 020405b4010303060101080a and tcp.options.len == 24 and
               tcp.options.tsecr == 0 and began_lately
    constant   tcp.options.tsval
    distinct   (ip.dst, tcp.dstport, tcp.srcport, tcp.seq)
    chance     2^-20
    since      2024-05
    reference  zmap/zmap src/probe_modules/packet.c@8de8833, time(NULL)
    reference  zmap/zmap src/probe_modules/module_tcp_synscan.c@8de8833, prepare_packet
    example    pcaps/signatures/zmap-new-bsd.pcap
    near       pcaps/signatures/zmap-new-bsd-near.pcap

# A bare MSS is what small TCP stacks send, so the header says little. What remains is that the
# source port always lies in 32768-61000. The range where most stacks draw it, 49152-65535
# (RFC 6335), lies in there with 11,849 of 16,384: that is the chance, and 64 probes without one
# outside are needed. A sender with a fixed source port never has two.
signature zmap-new-smallest
    title      ZMap since 4.1, TCP SYN scan with smallest-probes
    label      zmap
    origin     tool
    match      new_syn and mss_only
    distinct   tcp.srcport
    chance     0.7233
    since      2024-05
    reference  zmap/zmap src/probe_modules/module_tcp_synscan.c@8de8833, smallest-probes
    example    pcaps/signatures/zmap-new-smallest.pcap
    near       pcaps/signatures/zmap-new-smallest-near.pcap

# The same packet with SYN and ACK. Answers come from a service's port, so one victim has one
# source port; here every probe has another, in ZMap's range, and the port below it is the target.
# Chance: both by accident, 28,233/65,536 and a half.
signature zmap-new-synack
    title      ZMap since 4.1, TCP SYN-ACK scan
    label      zmap
    origin     tool
    match      tcp.synack and tcp.window == 65535 and new_ip and mss_only and
               tcp.srcport in {32768-61000} and tcp.dstport < 32768
    distinct   tcp.srcport
    chance     0.22
    since      2024-05
    reference  zmap/zmap src/probe_modules/module_tcp_synackscan.c@8de8833
    example    pcaps/signatures/zmap-new-synack.pcap
    near       pcaps/signatures/zmap-new-synack-near.pcap

# No mainstream stack sends a UDP checksum of 0, but home-made senders do, so it is taken for
# granted: what counts is that every probe has another source port and all are in ZMap's range.
# Of the ports from 1024 on, 28,233 of 64,512 are.
signature zmap-new-udp
    title      ZMap since 4.1, UDP scans
    label      zmap
    origin     tool
    match      udp.checksum == 0 and new_ip and udp.srcport in {32768-61000}
    distinct   udp.srcport
    chance     0.44
    since      2024-05
    reference  zmap/zmap src/probe_modules/packet.c@8de8833, uh_sum = 0
    example    pcaps/signatures/zmap-new-udp.pcap
    near       pcaps/signatures/zmap-new-udp-near.pcap

# Identifier and sequence number are random in every probe; ping keeps one identifier. Of senders of
# nothing but zeros with a random identifier, one in 64 has this length: 2^-6, five probes.
signature zmap-new-icmp
    title      ZMap since 4.1, ICMP echo scan
    label      zmap
    origin     tool
    match      icmp.type == 8 and icmp.code == 0 and new_ip and
               payload == 0000000000000000000000000000000000000000
    distinct   icmp.ident
    chance     2^-6
    since      2024-05
    reference  zmap/zmap src/probe_modules/module_icmp_echo.c@8de8833
    example    pcaps/signatures/zmap-new-icmp.pcap
    near       pcaps/signatures/zmap-new-icmp-near.pcap

# The payload is the time in seconds and microseconds, and the destination: 32 bits that agree.
signature zmap-icmp-time
    title      ZMap, ICMP echo scan that carries its time
    label      zmap
    origin     tool
    match      icmp.type == 8 and icmp.code == 0 and payload.len == 12 and
               payload[8:4] == ip.dst
    chance     2^-32
    reference  zmap/zmap src/probe_modules/module_icmp_echo_time.c@8de8833
    example    pcaps/signatures/zmap-icmp-time.pcap
    near       pcaps/signatures/zmap-icmp-time-near.pcap
