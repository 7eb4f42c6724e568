"""Capture files for the integration tests: reads classic pcap, writes pcap and pcapng in every
variant. Stands on its own: it shares no code with nightscope."""
import gzip
import os
import random
import struct
import subprocess


def seeded(what):
    """A random generator whose seed is printed; NIGHTSCOPE_SEED=N repeats it."""
    given = os.environ.get("NIGHTSCOPE_SEED")
    seed = int(given, 0) if given else int.from_bytes(os.urandom(4), "big")
    print(f"{what}: NIGHTSCOPE_SEED={seed}", flush=True)
    return random.Random(seed)


def read_pcap(path):
    """(linktype, [(ts_ns, wirelen, bytes)]) of a little-endian or big-endian classic pcap."""
    with open(path, "rb") as file:
        data = file.read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    unit = 1 if struct.unpack(order + "I", data[:4])[0] == 0xA1B23C4D else 1000
    linktype = struct.unpack(order + "I", data[20:24])[0]
    at, packets = 24, []
    while at + 16 <= len(data):
        sec, frac, cap, wire = struct.unpack(order + "IIII", data[at:at + 16])
        packets.append((sec * 10**9 + frac * unit, wire, data[at + 16:at + 16 + cap]))
        at += 16 + cap
    return linktype, packets


def pcap(linktype, packets, order="<", nano=True):
    out = [struct.pack(order + "IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, 262144,
                       linktype)]
    for ts, wire, data in packets:
        frac = ts % 10**9 if nano else ts % 10**9 // 1000
        out.append(struct.pack(order + "IIII", ts // 10**9, frac, len(data), wire))
        out.append(data)
    return b"".join(out)


def block(order, kind, body):
    body += b"\0" * (-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def pcapng(linktype, packets, rng):
    """Sections of random byte order; in each, interfaces of several time resolutions and an
    unused one of another link type; unknown blocks between."""
    out = []
    at = 0
    while at < len(packets) or not out:
        order = rng.choice("<>")
        out.append(block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)))
        out.append(block(order, 1, struct.pack(order + "HHI", 147, 0, 0)))  # unused
        offset = packets[at][0] // 10**9 - 5 if packets else 0
        for tsresol, tsoffset in ((9, 0), (12, offset)):
            options = option(order, 9, bytes([tsresol])) + option(order, 14, struct.pack(
                order + "q", tsoffset)) + option(order, 0, b"")
            out.append(block(order, 1, struct.pack(order + "HHI", linktype, 0, 262144) + options))
        for _ in range(rng.randint(1, max(1, len(packets) // 2))):
            if at == len(packets):
                break
            ts, wire, data = packets[at]
            at += 1
            interface = rng.choice((1, 2))
            units = ts if interface == 1 else (ts - offset * 10**9) * 1000
            head = struct.pack(order + "IIIII", interface, units >> 32, units & 0xFFFFFFFF,
                               len(data), wire)
            padded = data + b"\0" * (-len(data) % 4)
            comment = option(order, 1, b"comment") + option(order, 0, b"") \
                if rng.random() < 0.1 else b""
            out.append(block(order, 6, head + padded + comment))
            if rng.random() < 0.05:
                out.append(block(order, 0x0BAD, os.urandom(rng.randint(0, 99))))
    return b"".join(out)


def gz(data, rng):
    """Several members."""
    cut = sorted(rng.randint(0, len(data)) for _ in range(2))
    return b"".join(gzip.compress(part, 1) for part in
                    (data[:cut[0]], data[cut[0]:cut[1]], data[cut[1]:]))


def zst(data, rng):
    """Several frames, by the zstd program."""
    cut = rng.randint(0, len(data))
    return b"".join(subprocess.run(["zstd", "-q", "-c", "-1"], input=part, check=True,
                                   stdout=subprocess.PIPE).stdout
                    for part in (data[:cut], data[cut:]))
