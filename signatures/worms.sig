# Worms that are one packet each.

signature sql-slammer
    title      SQL Slammer (Sapphire), UDP worm against Microsoft SQL Server
    origin     worm
    match      udp.dstport == 1434 and payload starts 04 and payload contains 81f10301049b81f101 and
               payload contains "sock" and payload contains "send"
    chance     2^-64
    since      2003-01
    reference  Snort GPL sid 2102003
    example    pcaps/signatures/sql-slammer.pcap
    near       pcaps/signatures/sql-slammer-near.pcap
