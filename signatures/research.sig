# Research scanners by behaviour. Two published rules, not marks of a tool: they say "scans widely
# and openly", which attackers do as well. They count scans by TCP SYN and UDP of one source and one
# day (UTC). Both are off without --dark, as they mean nothing without a telescope of known size.
# Slow and distributed research scanners stay below them (Shikanai and Tsunoda, 2025).

# NICTER's number, 300,000 packets, is from memory of its reports, of a telescope of about 290,000
# addresses: some 1.0 packets an address and day. Here it scales with the dark space.
signature research-nicter
    title      Widely scanning source by NICTER's rule: 30 ports, 1.0 packets per dark address a day
    origin     research
    match      (tcp.syn or udp) and class.scan
    distinct   ports >= 30 in 1d
    packets    >= 1.0 * dark in 1d
    reference  NICTER: investigation scans are 54.9 % of packets in 2022, 60.2 % in 2024
    example    pcaps/signatures/research-nicter.pcap
    near       pcaps/signatures/research-nicter-near.pcap

signature research-jpcert
    title      Widely scanning source by JPCERT/CC's rule: more than 10 ports a day
    origin     research
    match      (tcp.syn or udp) and class.scan
    distinct   ports > 10 in 1d
    reference  JPCERT/CC, blogs.jpcert.or.jp, 2022-12: TSUBAME, more than 10 ports in one day
    example    pcaps/signatures/research-jpcert.pcap
    near       pcaps/signatures/research-jpcert-near.pcap
