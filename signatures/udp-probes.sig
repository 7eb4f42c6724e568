# Probes of UDP services, by the service: what is looked for, by whatever tool. As in
# amplification.sig, packets with the mark of a known tool are left to that tool. Where the literal
# is also what the service's own clients send, a telescope still sees no client by right: nobody is
# there. Literals of 32 bits and more: 2^-32.

define by_zmap     ip and udp.checksum == 0 and not ip.df and ip.tos == 0 and
                   udp.srcport in {32768-61000}
define by_nmap     ip and not ip.df and ip.ttl < 60
define folded      (ip.dst ^ udp.dstport ^ ip.id) & 0xffff     # masscan's cookie
define by_cookie   ip and not ip.df and payload[0:2] == folded

signature dns-version
    title      DNS query for the version of the server (version.bind)
    origin     tool
    match      udp.dstport == 53 and
               (payload at 12 0776657273696f6e0462696e640000100003 or
                payload at 12 0756455253494f4e0442494e440000100003) and
               not by_zmap and not by_cookie and not (by_nmap and payload starts 7777)
    chance     2^-64
    reference  packets of masscan and nmap; zmap/zmap examples/udp-probes/dns_53.pkt
    example    pcaps/signatures/dns-version.pcap
    near       pcaps/signatures/dns-version-near.pcap

signature netbios-status
    title      NetBIOS node status query
    origin     tool
    match      udp.dstport == 137 and payload at 12 20434b4141414141 and not by_zmap and
               not by_cookie and not (by_nmap and payload[0:2] in {0x80f0, 0x0191})
    chance     2^-64
    reference  packets of masscan and nmap; RFC 1002 section 4.2.17
    example    pcaps/signatures/netbios-status.pcap
    near       pcaps/signatures/netbios-status-near.pcap

signature coap-discovery
    title      CoAP resource discovery (.well-known/core)
    origin     tool
    match      udp.dstport == 5683 and payload[0] & 0xf0 == 0x40 and payload[1] == 1 and
               payload contains "\xbb.well-known\x04core" and not by_zmap and
               not (ip and not ip.df and payload[2:2] == folded) and
               not (by_nmap and payload[2:2] == 0x01ce)
    chance     2^-64
    reference  packets of masscan and nmap; RFC 7252 section 7.2
    example    pcaps/signatures/coap-discovery.pcap
    near       pcaps/signatures/coap-discovery-near.pcap

signature bacnet-read
    title      BACnet property request
    origin     tool
    match      udp.dstport == 47808 and payload starts 810a001101040005 and not by_zmap
    chance     2^-64
    reference  zmap/zmap src/probe_modules/module_bacnet.c@8de8833
    example    pcaps/signatures/bacnet-read.pcap
    near       pcaps/signatures/bacnet-read-near.pcap

# The four bytes behind the zeros are a stray of one file, copied by whoever uses it.
signature netis-backdoor
    title      Probe of the backdoor in Netis and Netcore routers
    origin     tool
    match      udp.dstport == 53413 and payload.len == 18 and
               payload starts 0a00000000000000000000000000 and payload at 14 9e21bdad and
               not by_zmap
    chance     2^-64
    reference  zmap/zmap examples/udp-probes@8de8833, port 53413; JPCERT/CC, 2015 Q4
    example    pcaps/signatures/netis-backdoor.pcap
    near       pcaps/signatures/netis-backdoor-near.pcap

# 96 bits; any port, as the table of a node outlives its address.
signature bittorrent-dht
    title      BitTorrent DHT query
    origin     tool
    match      udp and payload starts "d1:ad2:id20:"
    chance     2^-64
    reference  Emerging Threats sid 2008581; BEP 5
    example    pcaps/signatures/bittorrent-dht.pcap
    near       pcaps/signatures/bittorrent-dht-near.pcap

signature ard-probe
    title      Apple Remote Desktop probe
    origin     tool
    match      udp.dstport == 3283 and payload starts 0014000103 and not by_zmap and
               not by_nmap
    chance     2^-32
    reference  zmap/zmap examples/udp-probes@8de8833
    example    pcaps/signatures/ard-probe.pcap
    near       pcaps/signatures/ard-probe-near.pcap

signature citrix-probe
    title      Citrix browser probe
    origin     tool
    match      udp.dstport == 1604 and payload starts 1e000130 and payload at 4 02fda8e3 and
               not by_zmap and not by_nmap
    chance     2^-32
    reference  zmap/zmap examples/udp-probes@8de8833
    example    pcaps/signatures/citrix-probe.pcap
    near       pcaps/signatures/citrix-probe-near.pcap

signature game-query
    title      Source engine server query
    origin     tool
    match      udp and payload starts "\xff\xff\xff\xffTSource Engine Query" and
               not by_zmap and not by_nmap
    chance     2^-64
    reference  packets of nmap and zmap to port 27015
    example    pcaps/signatures/game-query.pcap
    near       pcaps/signatures/game-query-near.pcap

signature xdmcp-query
    title      XDMCP query
    origin     tool
    match      udp.dstport == 177 and payload == 00010002000100 and not by_zmap and
               not by_nmap
    chance     2^-32
    reference  packets of nmap and zmap
    example    pcaps/signatures/xdmcp-query.pcap
    near       pcaps/signatures/xdmcp-query-near.pcap

signature ipmi-ping
    title      RMCP ping of IPMI controllers
    origin     tool
    match      udp.dstport == 623 and payload at 0 0600ff and payload[3] in {6, 7} and
               payload.len >= 12 and not by_zmap and not by_nmap
    chance     2^-31
    reference  packets of nmap and zmap; IPMI 2.0 section 13.2
    example    pcaps/signatures/ipmi-ping.pcap
    near       pcaps/signatures/ipmi-ping-near.pcap
