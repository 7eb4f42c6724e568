"""The files of --write, by size and by time: none is larger or older than it may be, and together they are
what the sensor read; one on a disk that fills up; and in a folder of somebody else. rotation.py NIGHTSCOPE"""
import glob
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import time

from wire import DARK, DEADLINE_S, Sensor, Wire, expect, finish, need, replay, syn, windows

NIGHTSCOPE, OPTIONS = sys.argv[1], sys.argv[2:]
HEADER, RECORD = 24, 16
KEYS = ("packets", "bytes", "protocols", "classes", "sources", "destinations", "labels", "signatures",
        "ports", "top_sources", "not_counted")


def times(path):
    """Time stamps of a file in nanoseconds, read by the book."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:4] != bytes.fromhex("4d3cb2a1"):
        raise ValueError(f"{path}: no pcap with nanoseconds")
    found, at = [], HEADER
    while at < len(data):
        second, nano, caplen, _ = struct.unpack_from("<IIII", data, at)
        found.append(second * 10**9 + nano)
        at += RECORD + caplen
    if at != len(data):
        raise ValueError(f"{path}: a record is cut")
    return found


def frames(rng, n):
    return [syn(0xC6120000 | rng.getrandbits(6), sequence=rng.getrandbits(32), port=rng.choice((22, 23, 80)))
            for _ in range(n)]


def check(name, sensor, kept):
    report = sensor.stop()
    expect(f"{name}: it ends with status 0", sensor.status == 0, sensor.text)
    files = sorted(glob.glob(kept + ".*"))
    expect(f"{name}: nothing has the bare name", not os.path.exists(kept))
    expect(f"{name}: there are several", len(files) > 2, files)
    stamps = [times(path) for path in files]
    expect(f"{name}: they have each frame", sum(map(len, stamps)) == report["frames"],
           (sum(map(len, stamps)), report["frames"]))
    for path, found in zip(files, stamps):
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(found[0] // 10**9))
        expect(f"{name}: it is named after its first frame", stamp in path, (path, stamp))
    again = replay(NIGHTSCOPE, "--top", "0", *files)
    expect(f"{name}: the windows are those of a replay", windows(report) == windows(again),
           (windows(report), windows(again)))
    for key in KEYS:
        expect(f"{name}: {key} as in a replay", report[key] == again[key], (report[key], again[key]))
    return files, stamps


def by_size(wire, folder, rng):
    kept = os.path.join(folder, "size.pcap")
    sensor = Sensor(NIGHTSCOPE, wire, "--workers", "2", "--top", "0", "--write", kept,
                    "--write-rotate-size", "1", *OPTIONS).ready()
    n = 40000
    wire.send(frames(rng, n))
    sensor.wait_frames(n)
    files, _ = check("by size", sensor, kept)
    sizes = [os.path.getsize(path) for path in files]
    expect("by size: none is larger", max(sizes) <= 1 << 20, sizes)
    expect("by size: all but the last are full", sum(size > (1 << 20) - 4096 for size in sizes) >=
           len(sizes) - 1, sizes)


def by_time(wire, folder, rng):
    kept = os.path.join(folder, "time.pcap")
    sensor = Sensor(NIGHTSCOPE, wire, "--workers", "2", "--top", "0", "--write", kept,
                    "--write-rotate-time", "1s", *OPTIONS).ready()
    n, end = 0, time.monotonic() + DEADLINE_S
    while len(glob.glob(kept + ".*")) < 4 and time.monotonic() < end:
        wire.send(frames(rng, 50))
        n += 50
        sensor.wait_frames(n)
    _, stamps = check("by time", sensor, kept)
    for found in stamps:
        expect("by time: none is older", max(found) - found[0] < 10**9, (found[0], max(found)))


def full_disk(wire, folder, rng):
    """All is counted; the file has whole records, and what it lacks is told."""
    disk = os.path.join(folder, "disk")
    os.mkdir(disk)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k,mode=777", "none", disk], check=True)
    try:
        kept = os.path.join(disk, "full.pcap")
        sensor = Sensor(NIGHTSCOPE, wire, "--workers", "2", "--write", kept, "--output",
                        os.path.join(disk, "hours"), *OPTIONS).ready()
        n = 4000
        wire.send(frames(rng, n))
        sensor.wait_frames(n)
        report = sensor.stop()
        expect("full disk: all is counted", report["frames"] == n, report["frames"])
        expect("full disk: exit status", sensor.status == 1, sensor.status)
        told = re.search(r"full\.pcap: (\d+) packets could not be written", sensor.text)
        expect("full disk: what is missing is told", told, sensor.text)
        expect("full disk: it is told when it begins", "No space left" in sensor.text, sensor.text)
        expect("full disk: so is what other files lack", re.search(r"disk/hours\S*: ", sensor.text), sensor.text)
        found = len(times(kept))
        expect("full disk: the file has the others", told and 0 < found == n - int(told[1]),
               (found, told and told[1]))
    finally:
        subprocess.run(["umount", disk], check=True)


def foreign_folder(wire, folder):
    """Files that the sensor's user could not make are told before any packet is lost."""
    closed = os.path.join(folder, "closed")
    os.mkdir(closed)
    os.chown(closed, 12345, 12345)
    os.chmod(closed, 0o755)
    done = subprocess.run(["ip", "netns", "exec", wire.dark, os.path.abspath(NIGHTSCOPE), "live", "-i", DARK,
                           "--write", f"{closed}/none/day.pcap", *OPTIONS], capture_output=True, check=False,
                          timeout=DEADLINE_S)
    expect("a folder that is not there", done.returncode == 78 and not done.stdout
           and b"none/day.pcap: cannot be written: No such file" in done.stderr, done)
    config = os.path.join(folder, "live.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"[capture]\nwrite = {closed}/day.pcap\nwrite-rotate-time = 1h\n")
    for arguments, folder_is_there in (
            (("--write", f"{closed}/day.pcap", "--write-rotate-size", "1"), True),
            (("--write", "day.pcap", "--write-rotate-time", "1h"), True),
            (("--write", f"{closed}/none/day.pcap", "--write-rotate-time", "1h"), False),
            (("--config", config), True)):
        done = subprocess.run(["ip", "netns", "exec", wire.dark, os.path.abspath(NIGHTSCOPE), "live", "-i", DARK, *arguments,
                               *OPTIONS], capture_output=True, check=False, timeout=DEADLINE_S, cwd=closed)
        text = done.stderr.decode()
        expect(f"a folder of another user: {arguments}", done.returncode == 78 and not done.stdout
               and re.search(r"day\.pcap: the user \w+ cannot make files of --write there: ", text)
               and ("Permission denied" in text or not folder_is_there), done)


def main():
    need()
    seed = random.randrange(1 << 32)
    print(f"rotation: seed {seed}")
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder, Wire() as wire:
        os.chmod(folder, 0o777)
        by_size(wire, folder, rng)
        by_time(wire, folder, rng)
        full_disk(wire, folder, rng)
        foreign_folder(wire, folder)
    finish()


main()
