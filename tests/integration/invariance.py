"""The same packets give the same report, whatever the workers, files, container, compression:
invariance.py NIGHTSCOPE GENERATE [MOST-WORKERS [ROUNDS]]

Random captures with printed seeds. Also: conservation (every frame is counted once or refused by
name), truncation to 96 bytes changes no verdict, and limits hold without losing a count."""
import json
import os
import re
import subprocess
import sys
import tempfile

import captures

NIGHTSCOPE, GENERATE = sys.argv[1:3]
SIGNATURES = os.path.join(os.path.dirname(__file__), "..", "..", "signatures")
MOST_WORKERS = int(sys.argv[3]) if len(sys.argv) > 3 else 64
ROUNDS = int(sys.argv[4]) if len(sys.argv) > 4 else 1
failures = 0


def replay(files, *options, stdin=None, processors=None):
    def pin():
        os.sched_setaffinity(0, processors)
    run = subprocess.run([NIGHTSCOPE, "replay", "--json", "--quiet", "--top", "0", *options,
                          *files], input=stdin, stdout=subprocess.PIPE, check=False,
                         preexec_fn=pin if processors else None)
    if run.returncode != 0:
        sys.exit(f"exit {run.returncode}: replay {options} {files}")
    return json.loads(run.stdout)


def without_files(report):
    return {key: value for key, value in report.items() if key != "files"}


def header_signatures(folder):
    """The project's signatures in a folder of their own, without those that read payloads."""
    kept = os.path.join(folder, "headers")
    os.mkdir(kept)
    for name in sorted(os.listdir(SIGNATURES)):
        with open(os.path.join(SIGNATURES, name), encoding="utf-8") as file:
            head, *blocks = re.split(r"^(?=signature )", file.read(), flags=re.MULTILINE)
        words = ["payload", *re.findall(r"^define (\S+).*payload", head, flags=re.MULTILINE)]
        with open(os.path.join(kept, name), "w", encoding="utf-8") as file:
            file.write(head + "".join(block for block in blocks
                                      if not any(word in block for word in words)))
    return kept


def same(what, report, expected):
    global failures
    report, expected = without_files(report), without_files(expected)
    if json.dumps(report) == json.dumps(expected):  # the order of keys and rows counts too
        return
    failures += 1
    print(f"FAILED: {what}")
    for key in expected:
        if report.get(key) != expected[key]:
            print(f"  {key}: {json.dumps(report.get(key))[:300]}\n"
                  f"  expected: {json.dumps(expected[key])[:300]}")


def conserved(what, report):
    global failures
    packets = report["packets"]
    sums = {
        "frames": (report["frames"], packets + sum(report["not_counted"].values())),
        "protocols": (packets, sum(report["protocols"].values())),
        "classes": (packets, sum(report["classes"].values())),
        "files": (report["frames"], sum(f["frames"] for f in report["files"])),
        "series": (packets - report["late"], sum(row["packets"] for row in report["series"])),
        "late": (report["late"], sum(row["late"] for row in report["series"])),
        "ports": (sum(row["packets"] for row in report["ports"]) <= report["classes"]["scan"], True),
    }
    for name, (one, other) in sums.items():
        if one != other:
            failures += 1
            print(f"FAILED: {what}: {name}: {one} is not {other}")


def write(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def shuffled(rng, items):
    items = list(items)
    rng.shuffle(items)
    return items


def one_round(rng, folder):
    original = os.path.join(folder, "original.pcap")
    subprocess.run([GENERATE, "--packets", str(rng.randint(2000, 30000)), "--sources",
                    str(rng.randint(1, 3000)), "--seed", str(rng.getrandbits(32)), "--rate",
                    str(rng.choice((10, 100, 3000))), "--link", rng.choice(("ethernet", "raw")),
                    original], check=True, stdout=subprocess.DEVNULL)
    linktype, packets = captures.read_pcap(original)
    # Times that are all different, so that files which overlap have one order.
    last = 0
    for i, (ts, wire, data) in enumerate(packets):
        last = max(ts, last + 1)
        packets[i] = (last, wire, data)
    # Some packets out of order, some of them late, some frames damaged.
    for _ in range(len(packets) // 50):
        i = rng.randrange(len(packets))
        ts, wire, data = packets[i]
        damaged = bytearray(data)
        if damaged:
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        packets[i] = (ts, wire, bytes(damaged[:rng.randint(0, len(damaged))]))
    whole = write(folder, "whole.pcap", captures.pcap(linktype, packets))
    options = rng.choice(((), ("--dark", "10.0.0.0/9"), ("--lateness", "0s")))
    expected = replay([whole], "--workers", "1", *options)
    conserved("one worker", expected)

    # On one processor, no thread reads ahead of a worker.
    one_processor = {min(os.sched_getaffinity(0))}
    for workers in (1, 2):
        same(f"{workers} workers on one processor",
             replay([whole], "--workers", str(workers), *options, processors=one_processor),
             expected)
    for workers in (2, 3, 7, MOST_WORKERS):
        same(f"{workers} workers", replay([whole], "--workers", str(workers), *options), expected)

    cuts = sorted(rng.randint(0, len(packets)) for _ in range(rng.randint(1, 20)))
    parts = [packets[a:b] for a, b in zip([0, *cuts], [*cuts, len(packets)])]
    split = [write(folder, f"part-{i:03}.pcap",
                   captures.pcap(linktype, part, rng.choice("<>")))
             for i, part in enumerate(parts)]
    same("cut into many files", replay(shuffled(rng, split), *options), expected)

    lanes = [[] for _ in range(rng.randint(2, 6))]
    for packet in packets:
        rng.choice(lanes).append(packet)
    overlapping = [write(folder, f"lane-{i}.pcap", captures.pcap(linktype, lane))
                   for i, lane in enumerate(lanes)]
    same("overlapping files", replay(shuffled(rng, overlapping), *options), expected)

    ng = captures.pcapng(linktype, packets, rng)
    same("pcapng", replay([write(folder, "whole.pcapng", ng)], *options), expected)
    plain = captures.pcap(linktype, packets, ">")
    same("big-endian", replay([write(folder, "be.pcap", plain)], *options), expected)
    same("gzip", replay([write(folder, "a", captures.gz(plain, rng))], *options), expected)
    same("zstd", replay([write(folder, "b", captures.zst(ng, rng))], *options), expected)
    same("standard input", replay(["-"], *options, stdin=ng), expected)
    same("gzip on standard input", replay(["-"], *options, stdin=captures.gz(ng, rng)), expected)

    # Out of order: no invariance over files, but over workers, and nothing lost.
    mixed = list(packets)
    for _ in range(len(mixed) // 20):
        i, j = rng.randrange(len(mixed)), rng.randrange(len(mixed))
        mixed[i], mixed[j] = mixed[j], mixed[i]
    out_of_order = write(folder, "mixed.pcap", captures.pcap(linktype, mixed))
    late = replay([out_of_order], "--workers", "1", "--lateness", "1s")
    conserved("out of order", late)
    same("out of order, 3 workers",
         replay([out_of_order], "--workers", "3", "--lateness", "1s"), late)

    # A snap length of 96 changes no verdict of what looks at headers only.
    headers = (*options, "--signatures", header_signatures(folder))
    long = replay([whole], *headers)
    snapped = [(ts, wire, data[:96]) for ts, wire, data in packets]
    short = replay([write(folder, "short.pcap", captures.pcap(linktype, snapped))], *headers)
    for report in (short, long):
        for key in ("cut", "bad_checksum"):  # what is not there cannot be verified
            report.pop(key, None)
    same("snap length 96", short, long)

    # Limits: nothing is lost but what is said to be.
    full = replay([whole], "--workers", "1", *options)
    small = replay([whole], "--workers", "1", "--max-sources", "64", *options)
    conserved("64 sources", small)
    for key in ("packets", "protocols", "classes", "ports", "destinations", "bytes"):
        if small[key] != full[key]:
            print(f"FAILED: 64 sources: {key} differs")
            global failures
            failures += 1
    for workers in ("2", "7"):
        same(f"64 sources, {workers} workers",
             replay([whole], "--workers", workers, "--max-sources", "64", *options), small)


def main():
    rng = captures.seeded("invariance")
    for number in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            one_round(rng, folder)
        print(f"round {number + 1} of {ROUNDS}: {failures} failures so far", flush=True)
    return 1 if failures else 0


sys.exit(main())
