"""Several interfaces at a time, through a filter; and one of them is deleted. interfaces.py NIGHTSCOPE"""
import re
import sys

from wire import DARK, SCAN, Sensor, Wire, expect, finish, need, syn, wait_until

NIGHTSCOPE, OPTIONS = sys.argv[1], sys.argv[2:]
SOURCES = 200


def frames(first, port):
    return [syn(0xC6120000 + first + i, sequence=first + i, port=port) for i in range(SOURCES)]


def main():
    need()
    with Wire() as wire:
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
