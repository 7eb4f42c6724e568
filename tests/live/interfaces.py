"""Several interfaces at a time, through a filter, and one of them is deleted; names that are one interface;
what is kept of a packet, and whether an interface is promiscuous. interfaces.py NIGHTSCOPE"""
import json
import os
import struct
import subprocess
import sys
import tempfile

from wire import DARK, Sensor, Wire, expect, finish, need, syn

NIGHTSCOPE, OPTIONS = sys.argv[1], sys.argv[2:]
SOURCES = 200


def frames(first, port):
    return [syn(0xC6120000 + first + i, sequence=first + i, port=port) for i in range(SOURCES)]


def promiscuity(wire):
    """How many want it to be."""
    return json.loads(wire.ip("-n", wire.dark, "-d", "-j", "link", "show", "dev", DARK))[0]["promiscuity"]


def opened(wire, folder):
    """By default with promiscuous handles, of which the kernel forgets all; and with a short snap length."""
    kept = os.path.join(folder, "kept.pcap")
    sensor = Sensor(NIGHTSCOPE, wire, "--workers", "2", "--snaplen", "64", "--write", kept, *OPTIONS).ready()
    expect("its handles are promiscuous", promiscuity(wire) == 2, promiscuity(wire))
    wire.send([frame + bytes(300) for frame in frames(0, 23)])
    report = sensor.wait_frames(SOURCES).stop()
    expect("none stays so", promiscuity(wire) == 0, promiscuity(wire))
    expect("all are counted", report["packets"] == SOURCES, report["packets"])
    with open(kept, "rb") as file:
        data = file.read()
    lengths, at = set(), 24
    while at < len(data):
        captured, sent = struct.unpack_from("<II", data, at + 8)
        lengths.add((captured, sent))
        at += 16 + captured
    expect("64 bytes of each are kept", lengths == {(64, 354)}, lengths)
    sensor = Sensor(NIGHTSCOPE, wire, "--no-promiscuous", *OPTIONS).ready()
    expect("with --no-promiscuous it is not", promiscuity(wire) == 0, promiscuity(wire))
    sensor.stop()


def refused(wire, folder):
    """Names that would bring a packet twice."""
    wire.ip("-n", wire.dark, "link", "property", "add", "dev", DARK, "altname", "telescope-port")
    config = os.path.join(folder, "live.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"[capture]\ninterface = {DARK}, any\n")
    for arguments, status, says in (
            (("-i", DARK, "-i", DARK), 2, f'--interface: "{DARK}" is given twice'),
            (("-i", DARK, "-i", "telescope-port"), 2,
             f'--interface: "telescope-port": another name of {DARK}, whose packets would count twice'),
            (("-i", f"telescope-port,{DARK}"), 2, f'--interface: "{DARK}": another name of telescope-port'),
            (("-i", "any", "-i", DARK), 2, f'--interface: "any": has the packets of {DARK}, too'),
            (("-i", "telescope-port", "-i", "any"), 2, '--interface: "any": has the packets of telescope-port, too'),
            (("--config", config), 78, f'live.conf:2:{15 + len(DARK)}: interface "any": has the packets of {DARK}')):
        done = subprocess.run(["ip", "netns", "exec", wire.dark, NIGHTSCOPE, "live", *arguments, *OPTIONS],
                              capture_output=True, check=False, timeout=60)
        expect(f"refused: {arguments}", done.returncode == status and says in done.stderr.decode()
               and not done.stdout, done)


def stacked(wire):
    """A bridge and its port: what both have counts twice, which is said."""
    wire.add_pair("vscan3", "vdark3")
    made = subprocess.run(["ip", "-n", wire.dark, "link", "add", "name", "bridge3", "type", "bridge"], check=False)
    if made.returncode != 0:
        return  # a kernel without
    wire.ip("-n", wire.dark, "link", "set", "bridge3", "arp", "off", "up")
    wire.ip("-n", wire.dark, "link", "set", "vdark3", "master", "bridge3")
    wire.ip("-n", wire.dark, "link", "property", "add", "dev", "vdark3", "altname", "bridge3-port")
    for interfaces, says in ((("vdark3", "bridge3"), "bridge3 lies on vdark3"),
                             (("bridge3", "bridge3-port"), "bridge3 lies on bridge3-port"),
                             (("vdark3", DARK), None), (("bridge3", DARK), None)):
        sensor = Sensor(NIGHTSCOPE, wire, *(word for name in interfaces for word in ("-i", name)), "--quiet",
                        *OPTIONS).ready()
        sensor.stop()
        expect(f"stacked: {interfaces}", sensor.status == 0 and
               (f"warning: {says}: packets that both of them have count twice" in sensor.text if says
                else "lies on" not in sensor.text), sensor.text)


def main():
    need()
    with tempfile.TemporaryDirectory() as folder, Wire() as wire:
        os.chmod(folder, 0o777)
        refused(wire, folder)
        stacked(wire)
        opened(wire, folder)
        wire.add_pair("vscan2", "vdark2")
        sensor = Sensor(NIGHTSCOPE, wire, "-i", DARK, "-i", "vdark2", "--workers", "2", "--top", "0",
                        "--filter", "tcp dst port 23 or tcp dst port 2323", *OPTIONS).ready()
        wire.send(frames(0, 23))
        wire.send(frames(0, 80))
        wire.send(frames(1000, 2323), "vscan2")
        wire.send(frames(1000, 22), "vscan2")
        wire.send(frames(0, 23), "vscan2")  # sources that the other has seen
        sensor.wait_frames(3 * SOURCES)
        wire.ip("-n", wire.scan, "link", "del", "vscan2")
        report = sensor.stop(None)
        expect("one that is deleted ends it with status 1", sensor.status == 1, sensor.text)
        expect("and it says which", "vdark2: the interface is gone" in sensor.text, sensor.text)
        files = {file["name"]: file["frames"] for file in report["files"]}
        expect("each interface has its frames", files == {DARK: SOURCES, "vdark2": 2 * SOURCES}, files)
        expect("the filter keeps the others out", report["frames"] == 3 * SOURCES, report["frames"])
        ports = {row["port"]: row["packets"] for row in report["ports"]}
        expect("what it lets in is counted", ports == {23: 2 * SOURCES, 2323: SOURCES}, ports)
        expect("a source of two interfaces is one", report["sources"] == 2 * SOURCES, report["sources"])
        expect("nothing is called lost", report["dropped"] == 0, report["dropped"])
    finish()


main()
