# masscan: a stateless scanner whose identification is folded from the rest of the packet,
#
#     ip.id == (destination ^ port ^ sequence number) & 0xffff
#
# with the SCTP initiate tag, or a 16-bit cookie inside some UDP payloads, in the place of the
# sequence number. 16 bits agree by chance once in 65,536 packets. A stack that keeps
# identification, sequence number and port would agree again and again wherever the low half of
# the destination recurs, so each signature needs something of masscan's packet template too.

define no_options  tcp.hdr_len == 20
define mss_only    tcp.options == 020405b4
define folded      (ip.dst ^ udp.dstport ^ ip.id) & 0xffff     # the cookie, if it is masscan
define raw         not ip.df and ip.tos == 0

# Windows: 0 to 1.0.1, 1024 to 1.3.2, and 1025 with an MSS in the source since 4f89257.
signature masscan-syn
    title      masscan, TCP SYN scan
    label      masscan
    origin     tool
    match      tcp.syn and ip.id == (ip.dst ^ tcp.dstport ^ tcp.seq) & 0xffff and
               raw and tcp.ack == 0 and tcp.window in {0, 1024, 1025} and
               (no_options or mss_only)
    chance     2^-16
    since      2013
    reference  robertdavidgraham/masscan src/templ-pkt.c@2be4093, ip_id = ip_them ^ port_them ^ seqno
    reference  robertdavidgraham/masscan@4f89257 (2023-11-07): window 1025, MSS
    example    pcaps/signatures/masscan-syn.pcap
    near       pcaps/signatures/masscan-syn-near.pcap

# Of masscan's template: receiver window 32768, 10 and 2048 streams, and one initial TSN for all.
signature masscan-sctp
    title      masscan, SCTP INIT scan
    label      masscan
    origin     tool
    match      sctp.chunk_type == 1 and
               ip.id == (ip.dst ^ sctp.dstport ^ sctp.initiate_tag) & 0xffff and raw and
               sctp.verification_tag == 0 and payload at 8 00008000000a0800461adf3d
    chance     2^-16
    reference  robertdavidgraham/masscan src/templ-pkt.c@2be4093, default_sctp_template
    example    pcaps/signatures/masscan-sctp.pcap
    near       pcaps/signatures/masscan-sctp-near.pcap

# The echo has no equation (its cookie is made for port 0). Its data counts from 8 to 0x37 from its
# first byte on, where ping has a time stamp; a new identifier for every target is the property
# that ping, with one for the whole run, does not have.
signature masscan-ping
    title      masscan, ICMP echo scan
    label      masscan
    origin     tool
    match      icmp.type == 8 and icmp.code == 0 and raw and
               payload == 08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637
    distinct   icmp.ident
    chance     2^-10
    reference  robertdavidgraham/masscan src/templ-pkt.c@2be4093, default_icmp_ping_template
    example    pcaps/signatures/masscan-ping.pcap
    near       pcaps/signatures/masscan-ping-near.pcap

# 16 bits of cookie, and the fixed text around it.
signature masscan-dns
    title      masscan, DNS version query
    label      masscan
    origin     tool
    match      udp.dstport == 53 and raw and payload[0:2] == folded and
               payload at 2 01200001000000000000
    chance     2^-16
    reference  packets of masscan 1.3.2
    example    pcaps/signatures/masscan-dns.pcap
    near       pcaps/signatures/masscan-dns-near.pcap

signature masscan-nbstat
    title      masscan, NetBIOS name query
    label      masscan
    origin     tool
    match      udp.dstport == 137 and raw and payload[0:2] == folded and
               payload at 2 00000001000000000000
    chance     2^-16
    reference  packets of masscan 1.3.2
    example    pcaps/signatures/masscan-nbstat.pcap
    near       pcaps/signatures/masscan-nbstat-near.pcap

signature masscan-snmp
    title      masscan, SNMP query
    label      masscan
    origin     tool
    match      udp.dstport == 161 and raw and payload[19:2] == folded and
               payload starts 303902010004067075626c6963a02c0204
    chance     2^-16
    reference  packets of masscan 1.3.2
    example    pcaps/signatures/masscan-snmp.pcap
    near       pcaps/signatures/masscan-snmp-near.pcap

signature masscan-coap
    title      masscan, CoAP query
    label      masscan
    origin     tool
    match      udp.dstport == 5683 and raw and payload[2:2] == folded and payload starts 4001
    chance     2^-16
    reference  packets of masscan 1.3.2
    example    pcaps/signatures/masscan-coap.pcap
    near       pcaps/signatures/masscan-coap-near.pcap

signature masscan-memcached
    title      masscan, memcached stats query
    label      masscan
    origin     tool
    match      udp.dstport == 11211 and raw and payload[0:2] == folded and
               payload at 2 000000010000
    chance     2^-16
    reference  packets of masscan 1.3.2
    example    pcaps/signatures/masscan-memcached.pcap
    near       pcaps/signatures/masscan-memcached-near.pcap

signature masscan-rpc
    title      masscan, RPC portmapper query
    label      masscan
    origin     tool
    match      udp.dstport == 111 and raw and payload[0:2] == folded
    chance     2^-16
    since      2023-11
    reference  packets of masscan 2be4093
    example    pcaps/signatures/masscan-rpc.pcap
    near       pcaps/signatures/masscan-rpc-near.pcap

signature masscan-ike
    title      masscan, IKE query
    label      masscan
    origin     tool
    match      udp.dstport == 500 and raw and payload[6:2] == folded
    chance     2^-16
    since      2023-11
    reference  packets of masscan 2be4093
    example    pcaps/signatures/masscan-ike.pcap
    near       pcaps/signatures/masscan-ike-near.pcap

# Payloads without a cookie, which name the tool. 12 bytes of text do not come by chance.
signature masscan-text
    title      masscan, probes that say masscan-test (chargen, quote of the day, TFTP)
    label      masscan
    origin     tool
    match      udp.dstport in {17, 19, 69} and
               (payload starts "masscan-test" or payload starts "\0\x01masscan-test\0")
    chance     2^-32
    reference  packets of masscan 2be4093
    example    pcaps/signatures/masscan-text.pcap
    near       pcaps/signatures/masscan-text-near.pcap

# These payloads others send as well. masscan's own sender is TTL 255 without DF, and one source
# port of 40000 to 59999 for the whole run: two unrelated ports agree in 2^-14, four times that as
# four are remembered; a sender with one fixed port, in this third of them and with a TTL of 255,
# is rarer than 2^-8.
signature masscan-literals
    title      masscan, probes of NTP, SSDP, SIP and Quake 3 without a cookie
    label      masscan
    origin     tool
    match      raw and ip.ttl > 128 and udp.srcport in {40000-59999} and
               ((udp.dstport == 123 and payload.len == 48 and payload starts 1700032a) or
                (udp.dstport == 5060 and payload starts "OPTIONS sip:carol@chicago.com") or
                (udp.dstport == 1900 and payload.len == 135 and
                 payload starts "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: ") or
                (udp.dstport == 27960 and payload starts "\xff\xff\xff\xffgetstatus 10"))
    constant   udp.srcport
    distinct   (ip.dst, udp.dstport)
    chance     2^-10
    reference  packets of masscan 1.3.2
    example    pcaps/signatures/masscan-literals.pcap
    near       pcaps/signatures/masscan-literals-near.pcap
