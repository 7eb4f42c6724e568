"""Writes the examples of the shipped signatures: DIRECTORY/NAME.pcap, packets that show what the
signature describes, as many as make a label; and DIRECTORY/NAME-near.pcap, packets that each miss
it by one property. Made from what the signature files say of a tool, not from captures of it; the
same bytes in every run.

make_examples.py DIRECTORY            writes them
make_examples.py --check DIRECTORY    compares, and fails when a file differs, lacks or is left over
"""
import hashlib
import os
import struct
import sys

START = 1767225600  # 2026-01-01
HOPS = 12
SYN, ACK, RST, FIN, PSH, URG = 2, 16, 4, 1, 8, 32
MSS = bytes.fromhex("020405b4")
WINDOWS = MSS + bytes.fromhex("0103030801010402")
DARK = 64  # addresses of the dark space in the examples of thresholds: 10.98.0.0/26


def number(bits, *of):
    """A fixed number of so many bits, as good as random, for these words."""
    digest = hashlib.sha256(repr(of).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - bits)


def address(*of):
    return 0x0A620000 | number(16, "dst", *of)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ip(proto, payload, dst, ident, ttl=64, df=False, tos=0, src=0xC0000201):
    head = struct.pack(">BBHHHBBHII", 0x45, tos, 20 + len(payload), ident, 0x4000 if df else 0,
                       ttl - HOPS, proto, 0, src, dst)
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def pseudo(proto, dst, payload, src=0xC0000201):
    return struct.pack(">IIBBH", src, dst, 0, proto, len(payload)) + payload


def tcp(i, dst=None, sport=None, dport=23, seq=None, ack=0, flags=SYN, window=1024, options=b"",
        ident=None, **ip_fields):
    dst = address(i) if dst is None else dst
    sport = 40000 + number(14, "sport", i) if sport is None else sport
    seq = number(32, "seq", i) if seq is None else seq
    ident = number(16, "id", i) if ident is None else ident
    body = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, (5 + len(options) // 4) << 4, flags,
                       window, 0, 0) + options
    total = checksum(pseudo(6, dst, body))
    return ip(6, body[:16] + struct.pack(">H", total) + body[18:], dst, ident, **ip_fields)


def udp(i, payload, dport, dst=None, sport=None, ident=None, summed=True, **ip_fields):
    dst = address(i) if dst is None else dst
    sport = 40000 + number(14, "sport", i) if sport is None else sport
    ident = number(16, "id", i) if ident is None else ident
    body = struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload
    total = (checksum(pseudo(17, dst, body)) or 0xFFFF) if summed else 0
    return ip(17, body[:6] + struct.pack(">H", total) + payload, dst, ident, **ip_fields)


def icmp(i, payload=b"", kind=8, code=0, dst=None, tag=None, seq=0, ident=None, **ip_fields):
    dst = address(i) if dst is None else dst
    tag = number(16, "tag", i) if tag is None else tag
    ident = number(16, "id", i) if ident is None else ident
    body = struct.pack(">BBHHH", kind, code, 0, tag, seq) + payload
    body = body[:2] + struct.pack(">H", checksum(body)) + body[4:]
    return ip(1, body, dst, ident, **ip_fields)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def sctp(i, chunk, vtag=0, dport=36412, dst=None, ident=None, **ip_fields):
    dst = address(i) if dst is None else dst
    ident = number(16, "id", i) if ident is None else ident
    head = struct.pack(">HHI", 40942, dport, vtag)
    total = struct.pack("<I", crc32c(head + b"\0\0\0\0" + chunk))
    return ip(132, head + total + chunk, dst, ident, **ip_fields)


def init(tag, tsn=0x461ADF3D, window=32768):
    return struct.pack(">BBHIIHHI", 1, 0, 20, tag, window, 10, 2048, tsn)


def timestamp(value):
    return struct.pack(">BBII", 8, 10, value, 0)


def mirror(key, half):
    return key ^ (half << 16 | half)


def swapped(value):
    return int.from_bytes(value.to_bytes(4, "little"), "big")


EXAMPLES = {}


def signature(name, n, example, near):
    """n packets example(i); near: a list of packets."""
    EXAMPLES[name] = [example(i) for i in range(n)]
    EXAMPLES[name + "-near"] = near


def mirai():
    def bot(i, port, **fields):
        fields.setdefault("seq", address(i))
        return tcp(i, dport=port, window=number(16, "window", i), sport=31337, **fields)

    for name, ports, other in [
            ("mirai", [23, 23, 2323, 8081], None), ("mirai-telnet", [23, 2323], 32),
            ("mirai-telnet-other", [32, 3232], 23), ("mirai-adb", [5555, 5555], 5556),
            ("mirai-routers", [37215, 52869], 37216),
            ("mirai-recorders", [5500, 60001, 5501], 5502)]:
        port = ports[0]
        near = [bot(90, port, seq=address(90) ^ 1), bot(91, port, seq=swapped(address(91))),
                bot(92, port, flags=SYN | ACK), bot(93, port, flags=ACK),
                bot(94, port, ident=address(94) & 0xFFFF, seq=1)]
        if other:
            near.append(bot(95, other))
        signature(name, len(ports), lambda i, ports=ports: bot(i, ports[i]), near)


def zmap_old():
    def syn(i, **fields):
        values = {"ident": 54321, "window": 65535, "ttl": 255, "options": MSS if i % 2 else b"",
                  "sport": 32768 + number(14, "z", i)}
        return tcp(i, **{**values, **fields})

    signature("zmap-old-syn", 4, syn, [
        syn(90, ident=54322), syn(91, df=True), syn(92, window=64240), syn(93, options=WINDOWS),
        syn(94, ack=1), syn(95, tos=8), syn(96, flags=SYN | ACK)])
    signature("zmap-old-synack", 4, lambda i: syn(i, flags=SYN | ACK, ack=number(32, "ack", i)), [
        syn(90, flags=SYN | ACK, ident=12345), syn(91, flags=SYN | ACK, df=True),
        syn(92, flags=SYN | ACK, window=29200), syn(93), syn(94, flags=RST)])

    def datagram(i, **fields):
        values = {"ident": 54321, "summed": False, "ttl": 255, "sport": 32768 + number(14, "z", i)}
        return udp(i, b"hello", 1900, **{**values, **fields})

    signature("zmap-old-udp", 4, datagram, [
        datagram(90, ident=54320), datagram(91, summed=True), datagram(92, df=True)])

    def echo(i, length=None, **fields):
        values = {"ident": 54321, "ttl": 255, "seq": 0}
        length = (12 if i % 2 else 20) if length is None else length
        return icmp(i, bytes(length), **{**values, **fields})

    signature("zmap-old-icmp", 4, echo, [
        echo(90, ident=5432), echo(91, length=56), echo(92, length=0), echo(93, df=True),
        echo(94, kind=0)])


def zmap_new():
    def syn(i, **fields):
        values = {"window": 65535, "options": WINDOWS, "sport": 32768 + number(14, "z", i)}
        return tcp(i, **{**values, **fields})

    windows = {"ttl": 128, "df": True}
    signature("zmap-new-windows", 6, syn, [
        syn(90, **windows), syn(91, df=True), syn(92, ttl=128), syn(93, window=64240),
        syn(94, sport=61001), syn(95, sport=32767), syn(96, options=MSS),
        syn(97, options=MSS + bytes.fromhex("0101040203030801"))])

    def linux(value, scale=7):
        return MSS + bytes.fromhex("0402") + timestamp(value) + bytes([1, 3, 3, scale])

    def bsd(value, end=b"\0\0"):
        return (MSS + bytes.fromhex("0103030601 01".replace(" ", "")) + timestamp(value)
                + bytes.fromhex("0402") + end)

    for name, options in [("zmap-new-linux", linux), ("zmap-new-bsd", bsd)]:
        began = START - 90
        signature(name, 3, lambda i, options=options: syn(i, options=options(began)), [
            # plausible times, but of several clocks; one clock, but not a date
            syn(90, options=options(began)), syn(91, options=options(began + 1)),
            syn(92, options=options(began + 2)),
            syn(93, options=options(began - 40 * 86400)),
            syn(94, options=options(began - 40 * 86400)),
            syn(95, options=options(began + 86400)), syn(96, options=options(began + 86400)),
            syn(97, options=options(began + 3), df=True),
            syn(98, options=options(began + 3), df=True),
            syn(99, options=options(began + 4), window=64240),
            syn(100, options=options(began + 4), window=64240)])

    # 64 distinct source ports, as the chance asks for
    signature("zmap-new-smallest", 66,
              lambda i: syn(i, options=MSS, sport=32768 + number(14, "small", i)), [
                  syn(90, options=MSS, sport=61001), syn(91, options=MSS, df=True),
                  syn(92, options=MSS, ttl=255), syn(93, options=MSS, window=4128),
                  syn(94, options=b"")])
    answer = {"options": MSS, "flags": SYN | ACK, "dport": 80}
    signature("zmap-new-synack", 16, lambda i: syn(i, ack=number(32, "ack", i), **answer), [
        syn(90, **{**answer, "sport": 443}), syn(91, **answer, df=True),
        syn(92, **{**answer, "dport": 40000}), syn(93, **answer, window=29200),
        syn(94, options=MSS)])

    def datagram(i, **fields):
        values = {"summed": False, "sport": 32768 + number(14, "z", i)}
        return udp(i, b"hello", 1900, **{**values, **fields})

    signature("zmap-new-udp", 28, datagram, [
        datagram(90, summed=True), datagram(91, sport=123), datagram(92, df=True),
        datagram(93, ttl=255), datagram(94, sport=61001)])

    def echo(i, length=20, **fields):
        return icmp(i, bytes(length), **{"seq": number(16, "seq", i), **fields})

    signature("zmap-new-icmp", 6, echo, [
        echo(90, length=56), echo(91, df=True), echo(92, ttl=128), echo(93, kind=13),
        icmp(94, bytes(range(20)))])

    def timed(i, dst=None, extra=b""):
        carried = address(i) if dst is None else dst
        return icmp(i, struct.pack("<II", START + i, 1000 * i) + struct.pack(">I", carried) + extra)

    signature("zmap-icmp-time", 3, timed, [
        timed(90, dst=address(91)), timed(92, dst=swapped(address(92))), timed(93, extra=bytes(4))])


def masscan():
    def folded(i, port, value):
        return (address(i) ^ port ^ value) & 0xFFFF

    def syn(i, wrong=0, **fields):
        seq = number(32, "seq", i)
        values = {"ident": folded(i, 80, seq) ^ wrong, "dport": 80, "ttl": 255, "seq": seq,
                  "window": [1024, 0, 1024, 1025][i % 4], "options": MSS if i % 4 == 3 else b""}
        return tcp(i, **{**values, **fields})

    signature("masscan-syn", 4, syn, [
        syn(90, wrong=1), syn(91, wrong=0x8000), syn(92, df=True), syn(93, window=64240),
        syn(94, options=WINDOWS), syn(96, flags=SYN | ACK), syn(97, ack=1)])

    def association(i, wrong=0, **fields):
        tag = number(32, "tag", i)
        chunk = init(tag, **{key: fields.pop(key) for key in ("tsn", "window") if key in fields})
        return sctp(i, chunk, **{"ident": folded(i, 36412, tag) ^ wrong, "ttl": 255, **fields})

    signature("masscan-sctp", 3, association, [
        association(90, wrong=1), association(91, df=True), association(92, tsn=1),
        association(93, window=106496), association(94, vtag=1)])
    data = bytes(range(8, 0x38))
    signature("masscan-ping", 4, lambda i: icmp(i, data, seq=number(16, "seq", i), ttl=255), [
        icmp(90, bytes(8) + data, ttl=255), icmp(91, data[:40], ttl=255), icmp(92, data, df=True),
        icmp(93, data, kind=0)])

    def probe(name, port, at, before, after):
        def datagram(i, wrong=0, **fields):
            cookie = number(16, "cookie", i)
            head, tail = fields.pop("text", (before, after))
            payload = bytes(head) + struct.pack(">H", cookie ^ wrong) + bytes(tail)
            to = fields.pop("dport", port)
            assert len(head) == at
            values = {"sport": 40921, "ident": folded(i, to, cookie), "ttl": 255}
            return udp(i, payload, to, **{**values, **fields})

        signature(name, 3, datagram, [
            datagram(90, wrong=1), datagram(91, wrong=0xFF00), datagram(92, df=True),
            datagram(93, dport=port + 1)]
                  + ([] if port in (111, 500)
                     else [datagram(94, text=(b"\x7f" * len(before), b"\x7f" * len(after)))]))

    version = b"\x01\x20\0\x01\0\0\0\0\0\0\x07version\x04bind\0\0\x10\0\x03"
    probe("masscan-dns", 53, 0, b"", version)
    probe("masscan-nbstat", 137, 0, b"",
          bytes(3) + b"\x01" + bytes(6) + b" CK" + b"A" * 30 + b"\0\0\x21\0\x01")
    probe("masscan-snmp", 161, 19, bytes.fromhex("303902010004067075626c6963a02c02047a31"),
          bytes.fromhex("020100020100301e300d06092b06018002010101000500"
                        "300d06092b06018002010105000500"))
    probe("masscan-coap", 5683, 2, b"\x40\x01", b"\xbb.well-known\x04core")
    probe("masscan-memcached", 11211, 0, b"", b"\0\0\0\x01\0\0stats\r\n")
    probe("masscan-rpc", 111, 0, b"", bytes.fromhex("1a2b0000000000000002000186a0"))
    probe("masscan-ike", 500, 6, bytes.fromhex("5b5e64c03e99"), bytes(20))
    texts = [(19, b"masscan-test"), (17, b"masscan-test"),
             (69, b"\0\x01masscan-test\0netascii\0")]
    signature("masscan-text", 3, lambda i: udp(i, texts[i][1], texts[i][0], ttl=255), [
        udp(90, b"masscan-tes", 19), udp(91, b"masscan-test", 7),
        udp(92, b"\0\x01other\0octet\0", 69)])
    search = (b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\n"
              b"MX: 1\r\nST: ss")
    literals = [(123, b"\x17\0\x03\x2a" + bytes(44)), (1900, search + search[:135 - len(search)]),
                (5060, b"OPTIONS sip:carol@chicago.com SIP/2.0\r\nMax-Forwards: 70\r\n\r\n"),
                (27960, b"\xff\xff\xff\xffgetstatus 10")]

    def literal(i, **fields):
        port, payload = literals[i % 4]
        return udp(i, payload, port, **{"sport": 44321, "ttl": 255, **fields})

    signature("masscan-literals", 8, literal, [
        literal(90), literal(91, sport=44322), literal(92, sport=44323),  # three runs of one probe
        literal(93, ttl=64), literal(94, ttl=64), literal(96, df=True), literal(97, df=True),
        literal(99, sport=123), literal(100, sport=123)])


def nmap():
    def ttl(i):
        return 37 + i * 7 % 23

    def raw(i, **fields):
        return tcp(i, **{"ttl": ttl(i), "sport": 52609, "dport": 443, **fields})

    key = 0x5A3C91E7

    def syn(i, **fields):
        values = {"options": MSS, "seq": mirror(key, i // 3), "window": [1024, 2048, 4096][i % 3]}
        return raw(i, **{**values, **fields})

    signature("nmap-syn", 6, syn, [
        syn(90, seq=1), syn(91, seq=0x20005), syn(92, seq=0x40008),   # three keys
        syn(93, window=65535, seq=mirror(key, 3)), syn(94, window=65535, seq=mirror(key, 4)),
        syn(95, df=True), syn(96, df=True), syn(97, options=WINDOWS), syn(98, options=WINDOWS)])
    signature("nmap-syn-run", 4, lambda i: syn(i, window=1024, seq=key), [
        syn(90, window=1024, seq=key), syn(91, window=1024, seq=key + 1),
        syn(92, window=1024, seq=key + 2), syn(93, window=1024, seq=key, ttl=128),
        syn(94, window=2048, seq=key), syn(95, window=1024, seq=key, df=True)])
    kinds = [0, FIN, FIN | PSH | URG]

    def odd(i, **fields):
        return raw(i, **{"flags": kinds[i % 3], "seq": mirror(key, i // 3), **fields})

    signature("nmap-null-fin-xmas", 6, odd, [
        odd(90, seq=1), odd(91, seq=0x20005), odd(92, seq=0x40008),
        odd(93, window=512), odd(94, window=512), odd(96, df=True), odd(97, df=True),
        odd(99, ack=1), odd(100, ack=1)])

    def sure(i, **fields):
        values = {"flags": [ACK, ACK, FIN | ACK][i % 3], "seq": 0, "ack": mirror(key, i // 3)}
        return raw(i, **{**values, **fields})

    signature("nmap-ack-maimon", 6, sure, [
        sure(90, ack=1), sure(91, ack=0x20005), sure(92, ack=0x40008),
        sure(93, seq=1), sure(94, seq=2), sure(96, window=512), sure(97, window=512),
        sure(99, df=True), sure(100, df=True)])

    def ping(i, **fields):
        kind = 13 if i % 4 == 3 else 8
        return icmp(i, bytes(12 if kind == 13 else 0), **{"kind": kind, "ttl": ttl(i), **fields})

    signature("nmap-ping", 6, ping, [
        ping(88, seq=1), ping(89, df=True), ping(90, ttl=128), icmp(92, bytes(56), ttl=50),
        ping(93, code=9), ping(94, kind=0)])

    def empty(i, **fields):
        return udp(i, b"", 40000 + i, **{"sport": 64478, "ttl": ttl(i), **fields})

    signature("nmap-udp", 30, empty, [
        empty(90), empty(91, sport=64479), empty(92, sport=64480),
        empty(93, ttl=128), empty(94, ttl=128), empty(95, df=True), empty(96, df=True),
        empty(97, summed=False), empty(98, summed=False)])
    payloads = [
        (53, bytes.fromhex("000010000000000000000000")),
        (53, bytes.fromhex("7777010000010000000000000776657273696f6e0462696e640000100003")),
        (123, bytes.fromhex("e30004fa000100000001") + bytes(38)),
        (123, bytes.fromhex("d9000afa000000000001") + bytes(38)),
        (137, bytes.fromhex("80f00010000100000000000020434b") + b"A" * 30
         + bytes.fromhex("0000210001")),
        (137, bytes.fromhex("01910000000100000000000020434b") + b"A" * 30
         + bytes.fromhex("0000210001")),
        (161, bytes.fromhex("303a020103300f02024a69020300ffe30401040201030410300e04000201000201"
                            "00040004000400301204000400a00c020237f00201000201003000")),
        (389, bytes.fromhex("30840000002d02010763840000002404000a01000a01000201000201640101"
                            "00870b6f626a656374436c617373308400000000")),
        (1900, b"M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\n"
         b"Man: \"ssdp:discover\"\r\nMX: 5\r\nST: ssdp:all\r\n\r\n"),
        (5060, b"OPTIONS sip:nm SIP/2.0\r\n\r\n"),
        (5683, bytes.fromhex("400101cebb") + b".well-known\x04core"),
        (11211, bytes.fromhex("0001000000010000") + b"version\r\n"),
        (111, bytes.fromhex("72fe1d130000000000000002000186a00001977c") + bytes(20)),
        (47808, bytes.fromhex("3eece3ca000000000000000200bc614e") + bytes(24)),
        (500, bytes.fromhex("3127fcb038109e890000000000000000") + bytes(76)),
        (500, bytes.fromhex("00112233445566770000000000000000") + bytes(76)),
        (6481, b"[PROBE] 0000"), (69, b"\0\1r7tftp.txt\0octet\0"),
        (10080, b"Amanda 2.6 REQ HANDLE 000-00000000 SEQ 0\nSERVICE noop\n")]

    def known(i, **fields):
        port, payload = payloads[i % len(payloads)]
        return udp(i, payload, fields.pop("dport", port), **{"ttl": ttl(i), **fields})

    signature("nmap-udp-payloads", len(payloads), known, [
        known(95, df=True), known(97, ttl=128), known(100, df=True), known(105, ttl=64 + HOPS),
        udp(105, payloads[1][1].replace(b"ww", b"wx"), 53, ttl=50)])

    def association(i, **fields):
        chunk = init(number(32, "tag", i), **{"tsn": number(32, "tsn", i), **{
            key: fields.pop(key) for key in ("tsn", "window") if key in fields}})
        return sctp(i, chunk, **{"ttl": ttl(i), **fields})

    signature("nmap-sctp-init", 6, association, [
        association(90, df=True), association(91, ttl=255), association(92, tsn=0x461ADF3D),
        association(93, window=106496), association(94, vtag=1)])

    def cookie(i, length=4, **fields):
        chunk = struct.pack(">BBH", 10, 0, 4 + length) + bytes([i]) * length
        return sctp(i, chunk, **{"vtag": number(32, "vtag", i), "ttl": ttl(i), **fields})

    signature("nmap-sctp-cookie", 6, cookie, [
        cookie(90, length=100), cookie(91, df=True), cookie(92, ttl=128)])
    signature("nmap-ip-protocols", 6, lambda i: ip(200 + i, b"", address(0), i, ttl=ttl(i)), [
        ip(200, b"\0", address(0), 1, ttl=50), ip(201, b"", address(0), 1, ttl=128),
        ip(202, b"", address(0), 1, ttl=50, df=True), ip(17, b"", address(0), 1, ttl=50)])
    sent = bytes.fromhex("03030a0102040109") + timestamp(0xFFFFFFFF) + bytes.fromhex("0402")
    probes = [(SYN, 1), (SYN, 63), (0, 128), (ACK, 1024), (SYN, 31337), (ACK, 32768),
              (FIN | PSH | URG, 65535)]

    def system(i, **fields):
        flags, window = probes[i % 7]
        return raw(i, **{"flags": flags, "window": window, "options": sent, **fields})

    signature("nmap-os", 7, system, [
        system(91, options=sent[:10] + bytes(4) + sent[14:]), system(92, window=64240),
        system(93, flags=RST), system(94, options=sent[:14] + b"\0\0\0\1" + sent[18:])])

    def echo(i, **fields):
        values = ({"code": 9, "df": True, "seq": 295} if i % 2 else {"code": 0, "seq": 296})
        length = fields.pop("length", 120 if i % 2 else 150)
        return icmp(i, bytes(length), **{"ttl": ttl(i), **values, **fields})

    signature("nmap-os-icmp", 4, echo, [
        echo(91, code=0), echo(92, length=120), echo(93, df=False), echo(94, seq=1)])

    def datagram(i, payload=b"C" * 300, **fields):
        return udp(i, payload, 42105, **{"ident": 0x1042, "ttl": ttl(i), **fields})

    signature("nmap-os-udp", 3, datagram, [
        datagram(90, payload=b"C" * 299), datagram(91, payload=b"D" * 300),
        datagram(92, ident=0x1043), datagram(93, df=True)])


def other_tools():
    key = 0x13572468

    def unicorn(i, turn, wrong=0, **fields):
        sport, dport = 1024 + number(15, "u", i), [22, 80, 443][i % 3]
        seq = key ^ turn(address(i)) ^ (((dport << 16) + sport) & 0xFFFFFFFF) ^ wrong
        values = {"window": 16384 if i % 2 else 4128, "options": MSS, "ttl": 255}
        return tcp(i, seq=seq, sport=sport, dport=dport, **{**values, **fields})

    for name, turn, other in [("unicornscan", swapped, lambda value: value),
                              ("unicornscan-big-endian", lambda value: value, swapped)]:
        signature(name, 4, lambda i, turn=turn: unicorn(i, turn), [
            unicorn(90, turn), unicorn(91, turn, wrong=1), unicorn(92, turn, wrong=2),  # three keys
            unicorn(93, other), unicorn(94, other), unicorn(95, turn, window=65535),
            unicorn(96, turn, window=65535),
            # Mirai: the relation, but for Mirai's own reason
            tcp(97, seq=address(97), window=4128, sport=1025), tcp(98, seq=address(98), window=4128,
                                                                   sport=1025)])

    def hping(i, **fields):
        values = {"flags": [SYN, 0, FIN, FIN | PSH | URG][i % 4], "window": 512,
                  "ack": number(32, "ack", i), "sport": 2163 + i}
        return tcp(i, **{**values, **fields})

    signature("hping3-tcp", 4, hping, [
        hping(90, ack=0), hping(91, window=513), hping(92, flags=SYN | ACK), hping(93, flags=RST),
        hping(94, options=MSS), hping(96, df=True), hping(97, flags=ACK)])

    def echo(i, payload=b"", **fields):
        return icmp(i, payload, **{"tag": 16224, "seq": 256 * (i + 1), **fields})

    signature("hping3-icmp", 8, echo, [
        echo(90, seq=512), echo(91, seq=512), echo(92, seq=256),         # not growing
        echo(93, seq=513), echo(94, seq=770), echo(95, seq=0),
        echo(96, payload=bytes(32)), echo(97, payload=bytes(32)), echo(98, df=True),
        echo(99, df=True)])

    def naabu(i, **fields):
        return tcp(i, **{"options": MSS, "seq": i + 1, "sport": 51234, "df": True, **fields})

    signature("naabu", 8, naabu, [
        naabu(90, seq=9), naabu(91, seq=9), naabu(92, seq=8),            # not growing
        naabu(93, seq=1 << 24), naabu(94, seq=(1 << 24) + 1), naabu(95, window=1025),
        naabu(96, window=1025), naabu(97, options=b""), naabu(98, options=b"")])


def worms():
    def worm(i, **change):
        payload = b"\x04" + b"\x01" * 96 + b"\xdc\xc9\xb0\x42" + b"Qhel32hkernQhounthickChGet"
        payload += b"Qh32.dhws2_f\xb9etQhsockf\xb9toQhsend\xbe\x18\x10\xaeB"
        payload += bytes.fromhex("81f10301049b81f10101010151") + bytes(40)
        payload = payload.replace(change.get("old", b"\xff\xff"), change.get("new", b""))
        return udp(i, payload, change.get("dport", 1434), sport=1024 + i, ttl=128)

    signature("sql-slammer", 2, worm, [
        worm(90, dport=1433), worm(91, old=b"\x81\xf1\x03", new=b"\x81\xf1\x04"),
        worm(92, old=b"sock", new=b"sick"), worm(93, old=b"\x04\x01", new=b"\x02\x01"),
        udp(94, b"\x02", 1434)])


def services():
    def probe(name, port, payload, near, nmap=None):
        """near: payloads, or (port, payload); nmap: a payload that is nmap's."""
        signature(name, 2, lambda i: udp(i, payload, port, sport=2000 + i, ttl=128), [
            udp(90 + i, other[1], other[0], sport=2000, ttl=128) if isinstance(other, tuple)
            else udp(90 + i, other, port, sport=2000, ttl=128) for i, other in enumerate(near)]
            # ZMap's own
            + ([] if name in ("sipvicious", "sundayddr", "sipsscuser", "sip-options",
                              "bittorrent-dht")
               else [udp(120, payload, port, sport=40000, summed=False, ttl=128)])
            + ([udp(121, nmap, port, sport=2000, ttl=50)] if nmap else []))

    monlist = b"\x17\0\x03\x2a" + bytes(4)
    probe("ntp-monlist", 123, monlist, [
        b"\x97\0\x03\x2a" + bytes(4), b"\xe3" + bytes(47), b"\x17\0\x03\x00" + bytes(4),
        (124, monlist), b"\x17\0\x03"])
    probe("ntp-private", 123, b"\x17\0\x03\x10" + bytes(4), [
        monlist, b"\x97\0\x03\x01" + bytes(4), b"\x17\0\x04\x00" + bytes(4)])
    search = (b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\n"
              b"MX: 2\r\nST: ssdp:all\r\n\r\n")
    probe("ssdp-search", 1900, search, [
        search.replace(b"ssdp:all", b"upnp:rootdevice"), search.replace(b"M-SEARCH", b"NOTIFY"),
        (1901, search)], nmap=search.replace(b"MX: 2", b"MX: 5"))
    cldap = bytes.fromhex("30840000002d02010163840000002404000a01000a0100020100020100010100"
                          "870b6f626a656374636c617373308400000000")
    probe("cldap-search", 389, cldap, [
        cldap.replace(b"\x02\x01\x01\x63", b"\x02\x01\x07\x63"), (388, cldap), cldap[:16]])
    stats = b"\x12\x34\0\0\0\x01\0\0stats\r\n"
    probe("memcached-stats", 11211, stats, [
        stats.replace(b"stats", b"version"), b"stats\r\n", (11212, stats)])
    snmp = bytes.fromhex("302602010104067075626c6963a519020413370001020100020132300b3009060"
                         "52b060102010500")
    probe("snmp-public", 161, snmp, [
        snmp.replace(b"public", b"publix"), snmp.replace(b"\x02\x01\x01\x04", b"\x02\x01\x03\x04"),
        snmp.replace(b"public\xa5", b"public\xa2"), (162, snmp)],
        nmap=bytes.fromhex("301f02010004067075626c6963a112020100020100020100300730050601000500"))

    def sip(agent=b"", caller=b"\"100\"", method=b"OPTIONS", who=b"100@192.0.2.9"):
        return (method + b" sip:" + who + b" SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060\r\nFrom: "
                + caller + b"<sip:100@1.1.1.1>\r\nTo: <sip:100@1.1.1.1>\r\n" + agent
                + b"CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")

    friendly = sip(b"User-Agent: friendly-scanner\r\n")
    probe("sipvicious", 5060, friendly, [
        sip(b"User-Agent: unfriendly\r\n"), (53, friendly), sip(caller=b"sipvicious")])
    probe("sundayddr", 5060, sip(b"User-Agent: sundayddr\r\n"), [
        sip(b"User-Agent: sunday\r\n"), friendly])
    probe("sipsscuser", 5060, sip(caller=b"\"sipsscuser\""), [sip(), friendly])
    probe("sip-options", 5060, sip(b"User-Agent: pbx\r\n"), [
        friendly, sip(b"User-Agent: sundayddr\r\n"), sip(caller=b"\"sipsscuser\""),
        sip(caller=b"\"sipvicious\""), sip(who=b"nm"), sip(who=b"carol@chicago.com"),
        sip(method=b"INVITE"), (53, sip())])
    version = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\x07version\x04bind\0\0\x10\0\x03"
    probe("dns-version", 53, version, [
        version[:12] + b"\x07example\x03com\0\0\x10\0\1", (5353, version), version[:29]],
        nmap=b"ww" + version[2:])
    status = (b"\x12\x34\0\x10\0\1\0\0\0\0\0\0 CK" + b"A" * 30 + b"\0\0\x21\0\1")
    probe("netbios-status", 137, status, [status.replace(b" CKA", b" EKA"), (138, status)])
    coap = b"\x40\x01\x7d\x70\xbb.well-known\x04core"
    probe("coap-discovery", 5683, coap, [
        coap.replace(b"core", b"rdxx"), b"\x40\x02" + coap[2:], (5684, coap)],
        nmap=b"\x40\x01\x01\xce" + coap[4:])
    bacnet = bytes.fromhex("810a001101040005010c0c023fffff194b")
    probe("bacnet-read", 47808, bacnet, [b"\x81\x0b" + bacnet[2:], (47809, bacnet)])
    netis = b"\x0a" + bytes(13) + bytes.fromhex("9e21bdad")
    probe("netis-backdoor", 53413, netis, [
        netis[:14] + b"\0\0\0\0", netis + b"\0", (53414, netis)])
    dht = b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"
    probe("bittorrent-dht", 6881, dht, [dht.replace(b"d1:ad2", b"d1:rd2"), b"d1:a"])
    probe("ard-probe", 3283, bytes.fromhex("0014000103"), [
        bytes.fromhex("0014000104"), bytes.fromhex("001400"), (3284, bytes.fromhex("0014000103"))],
        nmap=bytes.fromhex("0014000103"))
    citrix = bytes.fromhex("1e00013002fda8e3") + bytes(22)
    probe("citrix-probe", 1604, citrix, [b"\x1f" + citrix[1:], (1605, citrix)], nmap=citrix)
    game = b"\xff\xff\xff\xffTSource Engine Query\0"
    probe("game-query", 27015, game, [b"\xff\xff\xff\xffgetstatus", game[1:]], nmap=game)
    xdmcp = bytes.fromhex("00010002000100")
    probe("xdmcp-query", 177, xdmcp, [xdmcp + b"\0", (178, xdmcp)], nmap=xdmcp)
    ipmi = bytes.fromhex("0600ff06000011be80000000")
    probe("ipmi-ping", 623, ipmi, [ipmi[:8], b"\6\0\xfe\6" + ipmi[4:],
                                  b"\6\0\xff\5" + ipmi[4:], (624, ipmi)], nmap=ipmi)


def research():
    def scan(i, ports):
        port = 1000 + i % ports
        dst = 0x0A620000 + i % DARK
        if port % 2:
            return udp(i, b"x", port, dst=dst, ttl=128)
        return tcp(i, dport=port, dst=dst)

    signature("research-nicter", DARK, lambda i: scan(i, 30),
              [scan(i, 29) for i in range(DARK)] + [tcp(99, dport=2000, flags=ACK)])
    signature("research-jpcert", 22, lambda i: scan(i, 11),
              [scan(i, 10) for i in range(20)] + [tcp(99, dport=2000, flags=SYN | ACK)])


def pcap(packets):
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101)]
    for i, packet in enumerate(packets):
        out.append(struct.pack("<IIII", START + i, 0, len(packet), len(packet)) + packet)
    return b"".join(out)


def main():
    for make in (mirai, zmap_old, zmap_new, masscan, nmap, other_tools, worms, services, research):
        make()
    check = sys.argv[1] == "--check"
    folder = sys.argv[2] if check else sys.argv[1]
    made = {name + ".pcap": pcap(packets) for name, packets in EXAMPLES.items()}
    if not check:
        for name, data in made.items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(data)
        return
    there = {name for name in os.listdir(folder) if name.endswith(".pcap")}
    wrong = [f"{name}: not made by this script" for name in there - made.keys()]
    for name, data in made.items():
        try:
            with open(os.path.join(folder, name), "rb") as file:
                if file.read() != data:
                    wrong.append(f"{name}: differs")
        except FileNotFoundError:
            wrong.append(f"{name}: missing")
    if wrong:
        sys.exit("\n".join(sorted(wrong)))
    print(f"{len(made)} examples are as made")


main()
