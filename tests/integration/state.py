"""A run continues the run before it: state.py NIGHTSCOPE GENERATE

`replay --state D A`, then `replay --state D B`, reports what `replay A B` reports, but for `files`:
wherever the cut is, however many workers there are before and after it, with limits that evict; and
the scan events of both runs are those of one. Then: what must be the same, who may have the folder,
and what is said of one that is damaged."""
import gzip
import glob
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zlib

import captures

NIGHTSCOPE, GENERATE = sys.argv[1:3]
TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
GEO = [os.path.join(TESTS, "geo", name) for name in ("country.mmdb", "asn.mmdb")]
PCAPS = os.path.join(TESTS, "..", "pcaps")
failures = 0


def expect(what, condition, detail=""):
    global failures
    if not condition:
        failures += 1
        print(f"FAILED: {what}\n  {detail}")


def run(files, *options):
    return subprocess.run([NIGHTSCOPE, "replay", "--json", "--quiet", "--top", "0", *options, *files],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, text=True)


def replay(files, *options):
    done = run(files, *options)
    if done.returncode != 0:
        sys.exit(f"exit {done.returncode}: replay {options} {files}\n{done.stderr}")
    return json.loads(done.stdout)


def same(what, report, expected):
    for key in expected:
        if key != "files":
            expect(f"{what}: {key}", json.dumps(report.get(key)) == json.dumps(expected[key]),
                   f"{json.dumps(report.get(key))[:300]}\n  expected: "
                   f"{json.dumps(expected[key])[:300]}")
    expect(f"{what}: order of keys", list(report) == list(expected))


def write(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()


def hourly(folder, kind):
    lines = []
    for path in sorted(glob.glob(os.path.join(folder, kind + "-*.ndjson.gz"))):
        with gzip.open(path, "rt") as file:
            lines += file.read().splitlines()
    return sorted(lines)


def make(rng, folder):
    """Generated packets, with samples of real scanners among them, some late and some damaged."""
    original = os.path.join(folder, "original.pcap")
    subprocess.run([GENERATE, "--packets", str(rng.randint(3000, 9000)), "--sources",
                    str(rng.randint(20, 1500)), "--seed", str(rng.getrandbits(32)), "--rate",
                    str(rng.choice((3, 10, 40))), "--link", "ethernet", original],
                   check=True, stdout=subprocess.DEVNULL)
    linktype, packets = captures.read_pcap(original)
    first, span = packets[0][0], packets[-1][0] - packets[0][0]
    for name in ("mirai-like", "zmap-2.1.1-tcp_synscan", "masscan-1.3.2-syn", "nmap-7.93-syn"):
        kind, sample = captures.read_pcap(os.path.join(PCAPS, name + ".pcap"))
        if kind == linktype:
            packets += [(first + rng.randrange(span + 1), wire, data)
                        for _, wire, data in sample[:600]]
    packets.sort(key=lambda packet: packet[0])
    for _ in range(len(packets) // 40):
        i = rng.randrange(len(packets))
        ts, wire, data = packets[i]
        packets[i] = (max(first, ts - rng.randrange(200 * 10**9)), wire,
                      data[:rng.choice((len(data), len(data), 20))])
    return linktype, packets


def one_round(rng, folder, cuts, options):
    linktype, packets = make(rng, folder)
    whole = write(folder, "whole.pcap", captures.pcap(linktype, packets))
    once = os.path.join(folder, "once.ndjson")
    expected = replay([whole], "--workers", "1", "--events", once, "--output",
                      os.path.join(folder, "hours"), *options)
    state = os.path.join(folder, "state")
    at, events, report = 0, [], None
    ends = sorted(rng.randrange(len(packets) + 1) for _ in range(cuts)) + [len(packets)]
    for number, end in enumerate(ends):
        part = write(folder, f"part{number}.pcap", captures.pcap(linktype, packets[at:end]))
        out = os.path.join(folder, f"events{number}.ndjson")
        report = replay([part], "--state", state, "--workers", str(rng.randint(1, 3)), "--events",
                        out, "--output", os.path.join(folder, "parts"), *options)
        events += lines_of(out)
        at = end
    what = f"cut at {ends} of {len(packets)} with {options}"
    same(what, report, expected)
    ended = [line for line in lines_of(once) if json.loads(line)["End"] != "run"]
    # those that end in the minute of the cut may be in the lines of either run
    expect(f"{what}: events", sorted(events) == sorted(ended),
           f"{len(events)} lines, {len(ended)} expected: "
           f"{sorted(set(events) ^ set(ended))[:2]}")
    expect(f"{what}: hourly events", hourly(os.path.join(folder, "parts"), "events") == sorted(ended))
    minutes = hourly(os.path.join(folder, "hours"), "windows")
    parts = hourly(os.path.join(folder, "parts"), "windows")
    # seconds of the minute where a run begins or ends follow from its first and last frame
    no_seconds = lambda lines: [{**json.loads(line), "seconds": 0} for line in lines]
    expect(f"{what}: hourly minutes", len(parts) <= len(minutes) and
           all(row in no_seconds(minutes) for row in no_seconds(parts)),
           f"{len(parts)} lines of {len(minutes)}")


def check_late(rng, folder):
    """Captures that are older than the state are late, and in no window."""
    linktype, packets = make(rng, folder)
    packets.sort(key=lambda packet: packet[0])
    older = packets[:len(packets) // 2]
    newer = [(ts + 3600 * 10**9, wire, data) for ts, wire, data in packets[len(packets) // 2:]]
    old, new = (write(folder, name, captures.pcap(linktype, some))
                for name, some in (("older.pcap", older), ("newer.pcap", newer)))
    state = os.path.join(folder, "late")
    first = replay([new], "--state", state)
    second = replay([old], "--state", state)
    expect("older packets are late", second["late"] == first["late"] + replay([old])["packets"],
           f"{first['late']} and {second['late']}")
    expect("late packets are in no minute",
           sum(row["packets"] for row in second["series"]) ==
           sum(row["packets"] for row in first["series"]))
    expect("late packets are in the totals", second["frames"] == len(packets))


def is_locked(state, pid):
    """Whoever has the lock writes its number (trying to lock it here might get before it)."""
    with open(os.path.join(state, "lock"), encoding="ascii") as lock:
        return lock.read() == f"{pid}\n"


def wait_for(what, condition):
    until = time.monotonic() + 60
    while not condition():
        if time.monotonic() > until:
            sys.exit(f"waited in vain for {what}")
        time.sleep(0.01)


def check_refusals(rng, folder):
    linktype, packets = make(rng, folder)
    capture = write(folder, "some.pcap", captures.pcap(linktype, packets))
    state = os.path.join(folder, "own")
    replay([capture], "--state", state, "--sensor", "tokyo", "--dark", "10.0.0.0/9,10.128.0.0/9")
    replay([capture], "--state", state, "--sensor", "tokyo", "--dark", "10.0.0.0/8")

    def refused(what, status, words, *options):
        done = run([capture], "--state", state, *options)
        expect(f"{what}: exit {status}", done.returncode == status, f"exit {done.returncode}")
        expect(f"{what}: is said", words in done.stderr, done.stderr)
        expect(f"{what}: on one line, and nothing else",
               done.stderr.count("\n") == 1 and not done.stdout, done.stderr)

    dark = ("--sensor", "tokyo", "--dark", "10.0.0.0/8")
    refused("another sensor", 78, "the state of the sensor tokyo, not of osaka", "--sensor", "osaka",
            "--dark", "10.0.0.0/8")
    refused("another dark space", 78, "counted with another --dark", "--sensor", "tokyo", "--dark",
            "10.0.0.0/9")
    refused("no dark space", 78, "counted with a --dark", "--sensor", "tokyo")
    path = os.path.join(state, "checkpoint")
    with open(path, "rb") as file:
        good = bytearray(file.read())
    with subprocess.Popen([NIGHTSCOPE, "replay", "--json", "--quiet", "--state", state, *dark, "-"],
                          stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as first:
        with open(capture, "rb") as file:
            first.stdin.write(file.read(20000))
        first.stdin.flush()
        wait_for("the lock of the first", lambda: is_locked(state, first.pid))
        refused("a second instance", 1, f"another nightscope (process {first.pid}) has this folder",
                *dark)
        first.kill()
    with open(path, "rb") as file:
        expect("a run that was killed leaves the state as it was", file.read() == good)
    replay([capture], "--state", state, *dark)
    for at in (rng.randrange(24, len(good)), len(good) - 1):
        bad = bytearray(good)
        bad[at] ^= 1 << rng.randrange(8)
        write(state, "checkpoint", bad)
        refused("a damaged state", 78, "damaged: its checksum is wrong", *dark)
    write(state, "checkpoint", good[:len(good) // 2])
    refused("half a state", 78, "damaged: its checksum is wrong", *dark)
    write(state, "checkpoint", b"#!/bin/sh\n" * 10)
    refused("another file", 78, "not a checkpoint of nightscope", *dark)
    write(state, "checkpoint", good[:8] + b"\x63" + good[9:])
    refused("a later version", 78, "of version 99", *dark)
    live = b"\x01" + good[25:]
    header = good[:12] + struct.pack("<QI", len(live), zlib.crc32(live))
    write(state, "checkpoint", header + live)
    refused("the state of a live sensor", 78, "`nightscope live` continues", *dark)
    write(state, "checkpoint", good)
    write(state, "checkpoint.new", b"of a run that was killed")
    replay([capture], "--state", state, *dark)
    expect("the new checkpoint has its place", os.path.getsize(path) > 24 and
           not os.path.exists(os.path.join(state, "checkpoint.new")))
    expect("nobody else may read it", os.stat(path).st_mode & 0o077 == 0)


def check_gone(folder):
    """Counts of a signature that is not there any more cannot be kept, but not in silence."""
    signatures = shutil.copytree(os.path.join(TESTS, "..", "signatures"),
                                 os.path.join(folder, "signatures"))
    options = ("--state", os.path.join(folder, "gone"), "--signatures", signatures)
    capture = os.path.join(PCAPS, "zmap-2.1.1-tcp_synscan.pcap")
    expect("nothing is gone", run([capture], *options).stderr == "")
    os.remove(os.path.join(signatures, "zmap.sig"))
    done = run([os.path.join(PCAPS, "mirai-like.pcap")], *options)
    expect("what is gone is told", done.returncode == 0 and done.stderr.endswith(
        "counts of signatures that are not there any more are dropped: zmap-old-syn\n"), done.stderr)
    expect("once", run([capture], *options).stderr == "")


def main():
    seed = int(os.environ.get("NIGHTSCOPE_SEED", "0"), 0) or random.SystemRandom().getrandbits(63)
    print(f"state: NIGHTSCOPE_SEED={seed:#x}", flush=True)
    rng = random.Random(seed)
    geo = [option for path in GEO for option in ("--geo", path)]
    for cuts, options in ((1, ()), (1, ("--lateness", "0s", *geo)),
                          (3, ("--dark", "10.0.0.0/8", "--events-idle", "90s")),
                          (2, ("--max-sources", "640", "--max-events", "256", *geo)),
                          (2, ("--lateness", "95s", "--evidence-expires", "60s"))):
        with tempfile.TemporaryDirectory() as folder:
            one_round(rng, folder, cuts, options)
    with tempfile.TemporaryDirectory() as folder:
        check_late(rng, folder)
        check_refusals(rng, folder)
        check_gone(folder)
    sys.exit(1 if failures else 0)


main()
