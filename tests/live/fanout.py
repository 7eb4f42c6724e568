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


def main():
    need()
    tunnels = ["--decapsulate", "gre,ipip,vxlan", "--tunnel", "192.0.2.1"]
    with Wire() as wire:
        for workers in (1, 2, 4):
            outgoing(wire, workers)
            outgoing(wire, workers, "--filter", "udp or tcp")
        for name, shape in SHAPES.items():
            check(wire, name, shape, 4, tunnels if name in ("GRE", "IP in IP", "VXLAN") else [])
        check(wire, "IPv4 with tunnels opened", SHAPES["IPv4"], 3, tunnels)
        check(wire, "IPv6 with tunnels opened", SHAPES["IPv6"], 3, tunnels)
    finish()


main()
