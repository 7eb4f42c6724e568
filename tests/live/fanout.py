"""One source is one worker's, and workers share the load: plain, tagged, labelled and tunnelled, IPv4 and
IPv6. Counted by how many packets each worker read. fanout.py NIGHTSCOPE"""
import re
import signal
import sys

from wire import DARK, Sensor, Wire, expect, finish, need, wait_until

NIGHTSCOPE, OPTIONS = sys.argv[1], sys.argv[2:]
ETHERNET = bytes.fromhex("020000000002020000000001")
SOURCES, EACH = 400, 3
TAG, SERVICE_TAG = bytes.fromhex("81000005"), bytes.fromhex("88a80006")


def ip4(source, payload=b"", protocol=17, outer=False):
    body = payload or bytes.fromhex("9c400035000800000000")[:8]
    address = bytes([192, 0, 2, 1]) if outer else bytes([198, 18, source >> 8, source & 255])
    return bytes([0x45, 0]) + (20 + len(body)).to_bytes(2, "big") + bytes([0, 1, 0, 0, 64, protocol, 0, 0]) + \
        address + bytes([10, 98, 0, 1]) + body


def ip6(source):
    """The sources differ in the high half for some, in the low half for the others."""
    high, low = (source, 1) if source % 2 else (1, source)
    body = bytes.fromhex("9c40003500080000")
    return bytes.fromhex("60000000") + len(body).to_bytes(2, "big") + bytes([17, 64]) + \
        bytes.fromhex("20010db8") + high.to_bytes(4, "big") + low.to_bytes(8, "big") + \
        bytes.fromhex("20010db8") + bytes(11) + b"\1" + body


def ethernet(kind, payload):
    return ETHERNET + kind + payload


V4, V6 = b"\x08\0", b"\x86\xdd"


def gre(source):
    return ethernet(V4, ip4(0, b"\x20\0\x08\0" + bytes(4) + ip4(source), 47, outer=True))


def vxlan(source):
    inner = ethernet(V4, ip4(source))
    udp = bytes.fromhex("c000") + (4789).to_bytes(2, "big") + (16 + len(inner)).to_bytes(2, "big") + b"\0\0"
    return ethernet(V4, ip4(0, udp + bytes.fromhex("0800000000000100") + inner, 17, outer=True))


SHAPES = {
    "IPv4": lambda source: ethernet(V4, ip4(source)),
    "IPv6": lambda source: ethernet(V6, ip6(source)),
    "VLAN": lambda source: ethernet(TAG + V4, ip4(source)),
    "QinQ": lambda source: ethernet(SERVICE_TAG + TAG + V4, ip4(source)),
    "QinQ and IPv6": lambda source: ethernet(SERVICE_TAG + TAG + V6, ip6(source)),
    "three tags": lambda source: ethernet(SERVICE_TAG + TAG + TAG + V4, ip4(source)),
    "MPLS": lambda source: ethernet(b"\x88\x47" + bytes.fromhex("00010040000111ff"), ip4(source)),
    "PPPoE": lambda source: ethernet(b"\x88\x64" + bytes.fromhex("11000001001e0021"), ip4(source)),
    "GRE": gre,
    "IP in IP": lambda source: ethernet(V4, ip4(0, ip4(source), 4, outer=True)),
    "VXLAN": vxlan,
}


def per_worker(sensor, workers):
    """Frames and sources by worker, as SIGUSR1 logs them."""
    sensor.process.send_signal(signal.SIGUSR1)
    found = lambda: re.findall(r"worker (\d+): (\d+) frames, \d+ batches, (\d+) sources", sensor.log())
    wait_until("the log", lambda: len(found()) >= workers)
    return [(int(frames), int(sources)) for _, frames, sources in found()[:workers]]


def check(wire, name, shape, workers, options):
    sensor = Sensor(NIGHTSCOPE, wire, "--workers", str(workers), *options, *OPTIONS).ready()
    frames = [shape(source) for _ in range(EACH) for source in range(1, SOURCES + 1)]
    wire.send(frames)
    sensor.wait_frames(len(frames))
    shares = per_worker(sensor, workers)
    report = sensor.stop()
    expect(f"{name}: all are counted", report["packets"] == len(frames),
           (report["packets"], len(frames), report["not_counted"]))
    expect(f"{name}: none is called lost", report["dropped"] == 0, sensor.text)
    expect(f"{name}: all sources are seen", report["sources"] == SOURCES, report["sources"])
    expect(f"{name}: no source is split", sum(sources for _, sources in shares) == SOURCES,
           (shares, sensor.notes[-3:], sensor.text))
    expect(f"{name}: none is misplaced", "reach other workers" not in sensor.text, sensor.text)
    expect(f"{name}: the load is shared",
           all(count >= SOURCES * EACH / workers / 2 for count, _ in shares), shares)


def outgoing(wire, workers, *options):
    """What this host sends does not arrive, whoever is asked: one socket, or a group of them."""
    sensor = Sensor(NIGHTSCOPE, wire, "--workers", str(workers), *options, *OPTIONS).ready()
    wire.send([SHAPES["IPv4"](source) for source in range(1000, 1070)], DARK, wire.dark)
    wire.send([SHAPES["IPv4"](source) for source in range(1, 101)])
    sensor.wait_frames(100)
    report = sensor.stop()
    expect(f"{workers} workers {options}: what arrives is counted alone", report["frames"] == 100 and
           report["sources"] == 100 and report["dropped"] == 0, (report["frames"], report["sources"]))


def forged(wire, tunnels):
    """What looks like a tunnel's packet, and comes from no end of one, counts as it is: whatever source it carries,
    it is the scanner's. A fragment is no tunnel's packet either."""
    def probe(source, n):
        inner = ip4(1000 + n)
        fragment = ip4(source, inner, 4, outer=False)
        return [ethernet(V4, ip4(source, inner, 4)), ethernet(V4, ip4(source, b"\0\0\x08\0" + inner, 47)),
                ethernet(V4, ip4(source)), ethernet(V4, fragment[:6] + b"\x20\0" + fragment[8:])]

    sensor = Sensor(NIGHTSCOPE, wire, "--workers", "4", *tunnels, *OPTIONS).ready()
    frames = [frame for n in range(8) for source in range(1, 51) for frame in probe(source, n)]
    wire.send(frames)
    sensor.wait_frames(len(frames))
    shares = per_worker(sensor, 4)
    report = sensor.stop()
    expect("forged: all are counted", report["packets"] == len(frames), report["packets"])
    expect("forged: no source is split", sum(sources for _, sources in shares) == report["sources"] == 50,
           (shares, report["sources"]))
    expect("forged: none is misplaced", "reach other workers" not in sensor.text, sensor.text)


def nested(wire, tunnels):
    """The program follows one tunnel, the decoder a tunnel in it: that is said."""
    sensor = Sensor(NIGHTSCOPE, wire, "--workers", "4", *tunnels, *OPTIONS).ready()
    frames = [ethernet(V4, ip4(0, ip4(0, ip4(source), 4, outer=True), 4, outer=True)) for source in range(1, 101)]
    wire.send(frames)
    report = sensor.wait_frames(len(frames)).stop()
    expect("nested: inner sources count", report["sources"] == 100, report["sources"])
    expect("nested: it is said", "reach other workers" in sensor.text, sensor.text)


def many_ends(wire):
    """As many as the kernel can be told, and one more."""
    most = [f"10.0.{2 * i}.0/24" for i in range(16)] + [f"2001:db8:{2 * i:x}::/48" for i in range(8)]
    options = ["--workers", "2", "--decapsulate", "gre,ipip,vxlan", "--tunnel"]
    sensor = Sensor(NIGHTSCOPE, wire, *options, ",".join(most), *OPTIONS).ready()
    sensor.stop()
    expect("many ends: it runs", sensor.status == 0, sensor.text)
    for what, status, text, more in (
            ("an end too many", 2, "too many prefixes", [",".join(most + ["10.1.0.0/24"])]),
            ("cut tunnels", 2, "would cut the headers", ["192.0.2.1", "--snaplen", "191"])):
        sensor = Sensor(NIGHTSCOPE, wire, *options, *more, *OPTIONS)
        sensor.stop(None)
        expect(what, sensor.status == status and text in sensor.text, (sensor.status, sensor.text))


def main():
    need()
    tunnels = ["--decapsulate", "gre,ipip,vxlan", "--tunnel", "192.0.2.1"]
    with Wire() as wire:
        for workers in (1, 2, 4):
            outgoing(wire, workers)
            outgoing(wire, workers, "--filter", "udp or tcp")
        for name, shape in SHAPES.items():
            check(wire, name, shape, 4, tunnels if name in ("GRE", "IP in IP", "VXLAN") else [])
        forged(wire, tunnels)
        nested(wire, tunnels)
        many_ends(wire)
        check(wire, "IPv4 with tunnels opened", SHAPES["IPv4"], 3, tunnels)
        check(wire, "IPv6 with tunnels opened", SHAPES["IPv6"], 3, tunnels)
    finish()


main()
