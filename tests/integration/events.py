"""Scan events of a capture made here, whose events are known: events.py NIGHTSCOPE

The lines of --events equal those of a model that reads the same packets one by one, and are byte for
byte the same whatever the workers, files and containers. Hourly files hold the same lines."""
import csv
import glob
import gzip
import io
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile

import captures

NIGHTSCOPE = sys.argv[1]
IDLE_S = 300
START_S = 1_795_305_600  # 2026-11-22T00:00:00Z
failures = 0


def expect(what, condition, detail=""):
    global failures
    if not condition:
        failures += 1
        print(f"FAILED: {what}\n  {detail}")


def ip4(src, dst, protocol, payload, ip_id=0):
    return struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(payload), ip_id, 0, 60, protocol, 0, src,
                       dst) + payload


def tcp(sport, dport, flags, seq=7):
    return struct.pack(">HHIIBBHHH", sport, dport, seq, 0, 0x50, flags, 1024, 0, 0)


# kind: protocol, class, which port is the event's, payload
KINDS = {
    "syn": ("tcp", "scan", "d", lambda s, d: (6, tcp(s, d, 0x02))),
    "null": ("tcp", "scan", "d", lambda s, d: (6, tcp(s, d, 0x00))),
    "syn-ack": ("tcp", "backscatter", "s", lambda s, d: (6, tcp(s, d, 0x12))),
    "rst": ("tcp", "backscatter", "s", lambda s, d: (6, tcp(s, d, 0x04))),
    "rst-ack": ("tcp", "backscatter", "s", lambda s, d: (6, tcp(s, d, 0x14))),
    "ack": ("tcp", "other", "d", lambda s, d: (6, tcp(s, d, 0x10))),
    "udp": ("udp", "scan", "d", lambda s, d: (17, struct.pack(">HHHH", s, d, 8, 0))),
    "echo": ("icmp", "scan", "", lambda s, d: (1, struct.pack(">BBHHH", 8, 0, 0, s, d))),
    "unreachable": ("icmp", "backscatter", "", lambda s, d: (1, struct.pack(">BBHI", 3, 1, 0, 0))),
    "gre": ("other", "other", "", lambda s, d: (47, struct.pack(">HH", 0, 0x9999))),
}


def make(rng):
    """Packets in order of time, with what each is."""
    packets, facts, now_ns = [], [], START_S * 10**9
    sources = [rng.getrandbits(32) | 0x01000000 for _ in range(40)]
    for _ in range(rng.randint(4000, 9000)):
        now_ns += rng.choice((1, 10**6, 10**9, 3 * 10**9)) * rng.randint(1, 3)
        kind, src = rng.choice(list(KINDS)), rng.choice(sources)
        dst = 0x0A000000 | rng.getrandbits(10)
        sport, dport = rng.choice((80, 443, 1000)), rng.choice((22, 23, 80))
        protocol, of_class, port, payload = KINDS[kind]
        data = ip4(src, dst, *payload(sport, dport))
        packets.append((now_ns, len(data), data))
        facts.append({"ts": now_ns, "src": socket.inet_ntoa(struct.pack(">I", src)), "dst": dst,
                      "protocol": protocol, "class": of_class, "bytes": len(data),
                      "port": {"s": sport, "d": dport, "": None}[port]})
    return packets, facts


def model(facts):
    """Events by the rules: a gap above the idle time, or packet time a whole minute past it."""
    events, open_events = [], {}

    def end(key):
        events.append(open_events.pop(key))

    for fact in facts:
        minute = fact["ts"] // (60 * 10**9)
        key = (fact["src"], fact["protocol"], fact["class"], fact["port"])
        for other in [k for k, e in open_events.items() if e["minute"] + IDLE_S // 60 < minute]:
            end(other)
        if key in open_events and fact["ts"] - open_events[key]["last"] > IDLE_S * 10**9:
            end(key)
        event = open_events.setdefault(key, {"key": key, "first": fact["ts"], "packets": 0,
                                             "bytes": 0, "dsts": set()})
        event["last"], event["minute"] = fact["ts"], minute
        event["packets"] += 1
        event["bytes"] += fact["bytes"]
        event["dsts"].add(fact["dst"])
    for key in list(open_events):
        end(key)
    return events


def stamp(ns):
    import datetime
    at = datetime.datetime.fromtimestamp(ns // 10**9, datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ns % 10**9 // 1000:06}Z"


def replay(folder, files, *options, name="events.ndjson"):
    path = os.path.join(folder, name)
    done = subprocess.run([NIGHTSCOPE, "replay", "--json", "--quiet", "--events", path,
                           "--events-idle", f"{IDLE_S}s", *options, *files],
                          stdout=subprocess.PIPE, check=False)
    expect(f"exit status of {options}", done.returncode == 0, done.returncode)
    with open(path, "rb") as file:
        data = file.read()
    os.unlink(path)
    return json.loads(done.stdout), gzip.decompress(data) if name.endswith(".gz") else data


def check_model(lines, facts):
    rows = [json.loads(line) for line in lines.decode().splitlines()]
    got = sorted((row["SourceIP"], row["Protocol"], row["Class"], row["Port"] or -1, row["First"],
                  row["Last"], row["Packets"], row["Bytes"],
                  None if "UniqueDests_estimated" in row else row["UniqueDests"],
                  None if "UniqueDest24s_estimated" in row else row["UniqueDest24s"])
                 for row in rows)
    wanted = sorted((e["key"][0], e["key"][1], e["key"][2], e["key"][3] or -1, stamp(e["first"]),
                     stamp(e["last"]), e["packets"], e["bytes"],
                     len(e["dsts"]) if len(e["dsts"]) <= 127 else None,
                     len({d >> 8 for d in e["dsts"]})) for e in model(facts))
    expect("as many events as the model has", len(got) == len(wanted),
           f"{len(got)}, not {len(wanted)}")
    for one, other in zip(got, wanted):
        if one != other:
            expect("events of the model", False, f"{one}\n  {other}")
            break
    expect("every packet is in one event", sum(r["Packets"] for r in rows) == len(facts))
    return rows


def check_hourly(folder, files, lines, report):
    output = os.path.join(folder, "hours")
    done = subprocess.run([NIGHTSCOPE, "replay", "--json", "--quiet", "--output", output,
                           "--events-idle", f"{IDLE_S}s", *files], stdout=subprocess.PIPE,
                          check=False)
    expect("hourly files: exit status", done.returncode == 0, done.returncode)
    expect("nothing temporary is left", not glob.glob(os.path.join(output, ".*")))
    hours = b""
    for path in sorted(glob.glob(os.path.join(output, "events-*.ndjson.gz"))):
        with gzip.open(path) as file:
            hours += file.read()
    expect("hourly events are those of the file", hours == lines)
    series = []
    for path in sorted(glob.glob(os.path.join(output, "windows-*.ndjson.gz"))):
        hour = os.path.basename(path)[8:19]
        with gzip.open(path, "rt") as file:
            rows = [json.loads(line) for line in file]
        expect("minutes are in the file of their hour",
               all(row["t"][:13].replace("-", "") == hour for row in rows), path)
        series += rows
    expect("hourly minutes are the series", series == report["series"])
    cells = []
    for path in sorted(glob.glob(os.path.join(output, "events-*.csv.gz"))):
        with gzip.open(path, "rt", newline="") as file:
            cells += list(csv.DictReader(file))
    expect("CSV has the same events", [(c["SourceIP"], c["Packets"], c["First"]) for c in cells] ==
           [(r["SourceIP"], str(r["Packets"]), r["First"])
            for r in map(json.loads, lines.decode().splitlines())])


def main():
    rng = captures.seeded("events")
    packets, facts = make(rng)
    with tempfile.TemporaryDirectory() as folder:
        def write(name, data):
            path = os.path.join(folder, name)
            with open(path, "wb") as file:
                file.write(data)
            return path

        whole = write("whole.pcap", captures.pcap(101, packets))
        report, lines = replay(folder, [whole], "--workers", "1")
        rows = check_model(lines, facts)
        ends = [row["First"] for row in rows if row["End"] == "run"]
        expect("the last events end with the run", ends and ends == sorted(ends))
        expect("no marks by chance", not any(row["Labels"] for row in rows))
        for workers in (2, 3, 7):
            _, other = replay(folder, [whole], "--workers", str(workers))
            expect(f"{workers} workers", other == lines)
        cut = rng.randint(1, len(packets) - 1)
        parts = [write("b.pcap", captures.pcap(101, packets[cut:])),
                 write("a.pcap", captures.gz(captures.pcap(101, packets[:cut]), rng))]
        _, other = replay(folder, parts, "--workers", "2", name="x.ndjson.gz")
        expect("two files, and compressed", other == lines)
        _, table = replay(folder, [whole], name="x.csv.gz")
        expect("CSV", len(list(csv.reader(io.StringIO(table.decode())))) == len(rows) + 1)
        check_hourly(folder, [whole], lines, report)

        forged = rows[0]["SourceIP"] # in the dark space: withheld unless it is asked for
        dark = ("--dark", f"10.0.0.0/8,{forged}")
        _, other = replay(folder, [whole], *dark)
        expect("a source of the dark space is withheld",
               [json.loads(line)["SourceIP"] for line in other.splitlines()]
               == [row["SourceIP"] for row in rows if row["SourceIP"] != forged])
        _, other = replay(folder, [whole], *dark, "--show-dark")
        expect("and shown with --show-dark", other == lines)

        small, _ = replay(folder, [whole], "--max-events", "64", "--workers", "1")
        expect("a full table is counted", small["limits"]["events_evicted"] > 0, small["limits"])
        _, one = replay(folder, [whole], "--max-events", "64", "--workers", "1")
        for workers in (2, 7):
            _, other = replay(folder, [whole], "--max-events", "64", "--workers", str(workers))
            expect(f"a full table, {workers} workers", other == one)
        expect("a full table loses no packet", sum(
            json.loads(line)["Packets"] for line in one.decode().splitlines()) == len(facts))

        for option, status, says in ((("--events", "-"), 2, "standard output has the report"),
                                     (("--events", folder + "/no/x"), 1, "cannot be written"),
                                     (("--events", "/dev/full"), 1, "No space left"),
                                     (("--output", "/dev/null/x"), 1, "/dev/null/x"),
                                     (("--output", folder + "/x", "--output-format", "xml"), 2, "expected ndjson or csv")):
            done = subprocess.run([NIGHTSCOPE, "replay", "--json", *option, whole],
                                  capture_output=True, check=False)
            expect(f"{option}", done.returncode == status and says in done.stderr.decode()
                   and done.stderr.count(b"\n") == 1, (done.returncode, done.stderr))
    print(f"{len(rows)} events, {failures} failures")
    return 1 if failures else 0


sys.exit(main())
