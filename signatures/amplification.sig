# Requests that make small questions into large answers. They are sent to find reflectors, or, with
# a forged source, by the attack itself: then the "source" is the victim.
#
# A packet that carries the mark of a known tool (below) has that tool's label already, and its
# signature there says which service was looked for. So these match what is left, and one packet
# has one label. The literals are of 32 bits at least: 2^-32.

define by_zmap     ip and udp.checksum == 0 and not ip.df and ip.tos == 0 and
                   udp.srcport in {32768-61000}
define by_masscan  ip and not ip.df and ip.ttl > 128 and udp.srcport in {40000-59999}
define by_nmap     ip and not ip.df and ip.ttl < 60

# Mode 7, implementation 0 to 3, request MON_GETLIST_1 (42).
signature ntp-monlist
    title      NTP monlist request
    origin     amplification
    match      udp.dstport == 123 and payload[0] & 0x87 == 0x07 and
               payload[1:3] in {0x00022a, 0x00032a} and not by_zmap and
               not (by_masscan and payload.len == 48)
    chance     2^-24
    since      2013
    reference  Emerging Threats sid 2017918, 2017919; CVE-2013-5211
    example    pcaps/signatures/ntp-monlist.pcap
    near       pcaps/signatures/ntp-monlist-near.pcap

# The same with PEER_LIST (0), PEER_LIST_SUM (1) and GET_RESTRICT (16).
signature ntp-private
    title      NTP mode 7 requests for peers and restrictions
    origin     amplification
    match      udp.dstport == 123 and payload[0] & 0x87 == 0x07 and
               payload[1:3] in {0x000200, 0x000201, 0x000210, 0x000300, 0x000301, 0x000310} and
               not by_zmap
    chance     2^-24
    reference  Emerging Threats sid 2019016 to 2019021
    example    pcaps/signatures/ntp-private.pcap
    near       pcaps/signatures/ntp-private-near.pcap

signature ssdp-search
    title      SSDP search for everything (M-SEARCH, ssdp:all)
    origin     amplification
    match      udp.dstport == 1900 and payload starts "M-SEARCH * HTTP/1.1" and
               payload contains "ssdp:all" and not by_zmap and
               not (by_nmap and payload contains "MX: 5\r\nST: ssdp:all") and not (by_masscan and payload.len == 135)
    chance     2^-32
    reference  Emerging Threats sid 2019102
    example    pcaps/signatures/ssdp-search.pcap
    near       pcaps/signatures/ssdp-search-near.pcap

# LDAP SearchRequest over UDP with the lengths of the known request; nmap's has message 7.
signature cldap-search
    title      CLDAP search request
    origin     amplification
    match      udp.dstport == 389 and payload starts 30840000002d02010163840000002404000a0100 and
               not by_zmap
    chance     2^-64
    reference  Emerging Threats, CLDAP amplification; zmap/zmap examples/udp-probes/ldap_389.pkt
    example    pcaps/signatures/cldap-search.pcap
    near       pcaps/signatures/cldap-search-near.pcap

define folded  (ip.dst ^ udp.dstport ^ ip.id) & 0xffff     # masscan's cookie

signature memcached-stats
    title      memcached stats request
    origin     amplification
    match      udp.dstport == 11211 and payload at 2 000000010000 and
               payload at 8 7374617473 and not by_zmap and
               not (ip and not ip.df and payload[0:2] == folded)
    chance     2^-64
    since      2018-02
    reference  Emerging Threats sid 2025401
    example    pcaps/signatures/memcached-stats.pcap
    near       pcaps/signatures/memcached-stats-near.pcap

# GetNextRequest or GetBulkRequest of SNMP v1 and v2c with the community "public".
signature snmp-public
    title      SNMP request with the community "public"
    origin     amplification
    match      udp.dstport == 161 and payload[0] == 0x30 and payload[2:2] == 0x0201 and
               payload[4] <= 1 and payload at 5 04067075626c6963 and
               payload[13] in {0xa0, 0xa1, 0xa5} and not by_zmap and
               not (ip and not ip.df and payload at 13 a02c0204 and payload[19:2] == folded) and
               not (by_nmap and payload.len == 33)
    chance     2^-64
    reference  packets of masscan 1.3.2 and nmap 7.93, which ask alike
    example    pcaps/signatures/snmp-public.pcap
    near       pcaps/signatures/snmp-public-near.pcap
