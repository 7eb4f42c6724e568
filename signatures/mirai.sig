# Mirai and the bots that took its scanner.c: the sequence number of a SYN is the address it goes
# to, so that the bot knows its own answers without keeping state.
#
# 32 bits agree by chance once in 2^32 packets, and no stack derives a sequence number from the
# destination alone. This says whose scanner code sent the packet, not which bot: Satori, Okiru,
# Masuta, ADB.Miner and many more share it, so all of it is labelled mirai. The signatures by port
# below only split the same label by what is being looked for.

define seq_is_destination  tcp.syn and tcp.seq == ip.dst

signature mirai
    title      Mirai and the scanners built from its code
    origin     iot
    match      seq_is_destination
    chance     2^-32
    since      2016-08
    reference  Antonakakis et al., Understanding the Mirai Botnet, USENIX Security 2017
    reference  National Police Agency of Japan, 2016-10-20: ports 23 and 2323, ten to one
    reference  mirai.security.gives: TTL 64, random window, sequence number = destination
    example    pcaps/signatures/mirai.pcap
    near       pcaps/signatures/mirai-near.pcap

signature mirai-telnet
    title      Mirai's scanner on its first ports, telnet
    label      mirai
    origin     iot
    match      seq_is_destination and tcp.dstport in {23, 2323}
    chance     2^-32
    since      2016-08
    reference  National Police Agency of Japan, 2016-10-20: ports 23 and 2323, ten to one
    example    pcaps/signatures/mirai-telnet.pcap
    near       pcaps/signatures/mirai-telnet-near.pcap

signature mirai-telnet-other
    title      Mirai's scanner on other telnet ports
    label      mirai
    origin     iot
    match      seq_is_destination and tcp.dstport in {32, 3232}
    chance     2^-32
    since      2017-02
    reference  National Police Agency of Japan, 2017-03-22: over 99 % of these SYNs had the mark
    example    pcaps/signatures/mirai-telnet-other.pcap
    near       pcaps/signatures/mirai-telnet-other-near.pcap

# ADB.Miner is published for this port, but others with the same scanner use it too: the port and
# the mark do not name the family.
signature mirai-adb
    title      Mirai's scanner on the Android Debug Bridge (ADB.Miner and others)
    label      mirai
    origin     iot
    match      seq_is_destination and tcp.dstport == 5555
    chance     2^-32
    reference  securityonline.info after Netlab 360: ADB.Miner has Mirai's SYN scan
    reference  National Police Agency of Japan, 2019-07-19: port 5555 with the mark
    example    pcaps/signatures/mirai-adb.pcap
    near       pcaps/signatures/mirai-adb-near.pcap

signature mirai-routers
    title      Mirai's scanner on Huawei HG532 and Realtek SDK routers (Satori's ports)
    label      mirai
    origin     iot
    match      seq_is_destination and tcp.dstport in {37215, 52869}
    chance     2^-32
    since      2017-12
    reference  Kaspersky ICS CERT, 2017-12-14: Satori, ports 37215 and 52869
    reference  CVE-2017-17215 (Huawei HG532), CVE-2014-8361 (Realtek miniigd)
    example    pcaps/signatures/mirai-routers.pcap
    near       pcaps/signatures/mirai-routers-near.pcap

signature mirai-recorders
    title      Mirai's scanner on ports of video recorders and network storage
    label      mirai
    origin     iot
    match      seq_is_destination and tcp.dstport in {5500, 5501, 60001}
    chance     2^-32
    since      2019-06
    reference  National Police Agency of Japan, 2019-07-19: ports 5500 and 60001 with the mark
    reference  JPCERT/CC TSUBAME, 2022 Q2: 5501, 99 to 100 % with the mark in Japan
    example    pcaps/signatures/mirai-recorders.pcap
    near       pcaps/signatures/mirai-recorders-near.pcap
