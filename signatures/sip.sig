# SIP scanners, by what they say of themselves. The texts are 72 bits and more: 2^-64.

define sip  udp.dstport in {5060-5099}

signature sipvicious
    title      SIPVicious, by its From header or its User-Agent "friendly-scanner"
    origin     tool
    match      sip and (payload contains "friendly-scanner" or payload contains "\"sipvicious\"")
    chance     2^-64
    reference  Emerging Threats sid 2008578, 2011716
    example    pcaps/signatures/sipvicious.pcap
    near       pcaps/signatures/sipvicious-near.pcap

signature sundayddr
    title      sundayddr, a SIP scanner built from SIPVicious
    origin     tool
    match      sip and payload contains "sundayddr"
    chance     2^-64
    reference  Emerging Threats sid 2011766
    example    pcaps/signatures/sundayddr.pcap
    near       pcaps/signatures/sundayddr-near.pcap

signature sipsscuser
    title      sipsscuser, a SIP scanner
    origin     tool
    match      sip and payload contains "sipsscuser"
    chance     2^-64
    reference  Emerging Threats sid 2012204
    example    pcaps/signatures/sipsscuser.pcap
    near       pcaps/signatures/sipsscuser-near.pcap

# nmap asks for "nm", masscan for "carol@chicago.com"; the names above have their own labels.
signature sip-options
    title      SIP OPTIONS request of no known tool
    origin     tool
    match      sip and payload starts "OPTIONS sip:" and
               not payload starts "OPTIONS sip:nm SIP/" and
               not payload starts "OPTIONS sip:carol@chicago.com" and
               not payload contains "friendly-scanner" and
               not payload contains "\"sipvicious\"" and not payload contains "sundayddr" and
               not payload contains "sipsscuser"
    chance     2^-64
    reference  RFC 3261 section 11
    example    pcaps/signatures/sip-options.pcap
    near       pcaps/signatures/sip-options-near.pcap
