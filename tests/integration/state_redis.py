"""A sensor continued by replays, in a real Redis: state_redis.py NIGHTSCOPE GENERATE SOURCE

Two runs with --state leave the keys that one run leaves; what both have closed is what a plain replay
publishes. A Redis that was away gets it from the next run, and a plain replay afterwards is as ever.
Signatures that come and go between two runs leave the history of days as it is."""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

import captures
from redis_server import Server

NIGHTSCOPE, GENERATE, SOURCE = sys.argv[1:4]
GEO = [word for name in ("city", "asn") for word in ("--geo", f"{SOURCE}/tests/geo/{name}.mmdb")]
failures = 0


def expect(what, condition, detail=""):
    global failures
    if not condition:
        failures += 1
        print(f"FAILED: {what}\n  {str(detail)[:2000]}")


def replay(server, sensor, files, *options, status=0):
    done = subprocess.run([NIGHTSCOPE, "replay", "--json", "--quiet", "--redis", server.url, "--sensor",
                           sensor, *GEO, *options, *files], capture_output=True, check=False, text=True)
    expect(f"{sensor}: exit {status}", done.returncode == status,
           f"exit {done.returncode}: {done.stderr}")
    return done


def write(folder, name, linktype, packets):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(captures.pcap(linktype, packets))
    return path


def make(rng, folder):
    """About two and a half hours, in order of time, with scanners that get labels."""
    path = os.path.join(folder, "generated.pcap")
    subprocess.run([GENERATE, "--packets", "18000", "--sources", "500", "--seed",
                    str(rng.getrandbits(32)), "--rate", "2", path], check=True,
                   stdout=subprocess.DEVNULL)
    linktype, packets = captures.read_pcap(path)
    first, span = packets[0][0], packets[-1][0] - packets[0][0]
    for name in ("mirai-like", "masscan-1.3.2-syn"):
        kind, sample = captures.read_pcap(os.path.join(SOURCE, "pcaps", name + ".pcap"))
        if kind == linktype:
            packets += [(first + rng.randrange(span + 1), wire, data) for _, wire, data in sample]
    packets.sort(key=lambda packet: packet[0])
    last = 0
    for i, (ts, wire, data) in enumerate(packets):
        last = max(ts, last + 1)
        packets[i] = (last, wire, data)
    return linktype, packets


def keys_of(server, sensor):
    """What a sensor's keys hold, under names without it."""
    values = {}
    for key, (kind, value) in server.dump().items():
        if f"{{{sensor}}}" not in key:
            continue
        if kind == b"hash":
            value = sorted(value)
        if key.endswith(":report"):
            value = json.loads(value)
            value.pop("files")
        values[key.replace(f"{{{sensor}}}", "{}")] = (kind, value)
    return values


def compare(what, values, expected):
    expect(f"{what}: the same keys", values.keys() == expected.keys(), values.keys() ^ expected.keys())
    for key in expected:
        if key in values:
            expect(f"{what}: {key}", values[key] == expected[key],
                   f"{values[key]}"[:900] + f"\n  expected {expected[key]}"[:900])


def main():
    seed = int(os.environ.get("NIGHTSCOPE_SEED", "0"), 0) or random.SystemRandom().getrandbits(63)
    print(f"state_redis: NIGHTSCOPE_SEED={seed:#x}", flush=True)
    rng = random.Random(seed)
    server = Server()
    try:
        with tempfile.TemporaryDirectory() as folder:
            server.start()
            check(server, rng, folder)
            check_signatures(server, rng, folder)
    finally:
        server.remove()
    sys.exit(1 if failures else 0)


def check(server, rng, folder):
    linktype, packets = make(rng, folder)
    whole = write(folder, "whole.pcap", linktype, packets)
    cut = rng.randrange(len(packets) // 4, 3 * len(packets) // 4)
    parts = [write(folder, "a.pcap", linktype, packets[:cut]),
             write(folder, "b.pcap", linktype, packets[cut:])]
    state = [os.path.join(folder, name) for name in ("state1", "state2", "state3")]
    print(f"cut at {cut} of {len(packets)}", flush=True)

    replay(server, "one", [whole], "--state", state[0])
    one = keys_of(server, "one")
    for kind in ("series:1m", "series:1h", "top:tcp:24h", "top:src:1h", "feed", "iot", "totals"):
        expect(f"{kind} is there", f"ns:{{}}:{kind}" in one, sorted(one))
    for number, part in enumerate(parts):
        replay(server, "two", [part], "--state", state[1], "--workers", str(1 + number))
    compare("two runs", keys_of(server, "two"), one)

    # A plain replay closes everything; what was closed before is the same there.
    replay(server, "plain", [whole])
    plain = keys_of(server, "plain")
    for kind in ("totals", "report", "iot"):
        expect(f"{kind} of a plain replay", one[f"ns:{{}}:{kind}"] == plain[f"ns:{{}}:{kind}"],
               f"{one[f'ns:{{}}:{kind}']}\n  {plain[f'ns:{{}}:{kind}']}")
    minutes, closed = plain["ns:{}:series:1m"][1], one["ns:{}:series:1m"][1]
    expect("closed minutes", closed == minutes[:len(closed)] and
           len(minutes) - 4 < len(closed) < len(minutes), f"{len(closed)} of {len(minutes)}")

    # Away at the first run: said, kept, and sent by the second.
    server.stop()
    done = replay(server, "away", [parts[0]], "--state", state[2], "--redis-timeout", "0s", status=1)
    expect("what is kept where is said", f"kept in {state[2]}" in done.stderr, done.stderr)
    server.start()
    replay(server, "away", [parts[1]], "--state", state[2])
    away = keys_of(server, "away")
    away["ns:{}:info"] = one["ns:{}:info"]  # counts what was sent again
    compare("a Redis that was away", away, one)

    # On a sensor that was continued, a plain replay is as ever, and a state goes on after it.
    replay(server, "away", [whole])
    compare("a plain replay afterwards", keys_of(server, "away"), plain)


NEVER = """signature aaa-never
    label   aaa
    title   First of all labels, in no packet
    origin  tool
    match   tcp.syn and tcp.seq == 1 and tcp.window == 1 and ip.id == 1 and tcp.dport == 1
    chance  2^-64
"""


def check_signatures(server, rng, folder):
    """Three days, then part of another one."""
    linktype, packets = make(rng, folder)
    first, span = packets[0][0], packets[-1][0] - packets[0][0]
    first -= first % (86400 * 10**9)
    packets = [(first + int((ts - packets[0][0]) * 3.5 * 86400e9 / span), wire, data)
               for ts, wire, data in packets]
    cut = next(i for i, (ts, _, _) in enumerate(packets) if ts >= first + 3 * 86400 * 10**9)
    parts = [write(folder, "days.pcap", linktype, packets[:cut]),
             write(folder, "more.pcap", linktype, packets[cut:])]
    shipped, grown, shrunk = (os.path.join(folder, name) for name in ("shipped", "grown", "shrunk"))
    for signatures in (shipped, grown, shrunk):
        shutil.copytree(os.path.join(SOURCE, "signatures"), signatures)
    with open(os.path.join(grown, "aaa.sig"), "w", encoding="ascii") as file:
        file.write(NEVER)
    os.remove(os.path.join(shrunk, "mirai.sig"))
    found = {}
    for name, signatures in (("same", shipped), ("grown", grown), ("shrunk", shrunk)):
        for part, directory in zip(parts, (shipped, signatures)):
            replay(server, name, [part], "--state", os.path.join(folder, "state-" + name),
                   "--signatures", directory)
        found[name] = keys_of(server, name)
    days = {key: value for key, value in found["same"].items() if ":d:2" in key}
    labels = sorted(key for key in days if key.endswith(":label") and ":iot:" not in key)
    expect("a ranking of labels for each day", len(labels) == 4, sorted(days))
    for key in labels[:3]:
        expect(f"{key} has mirai", b"mirai" in days[key][1], days[key])
    for key in ("ns:{}:info", "ns:{}:report"):  # they count signatures
        found["grown"][key] = found["same"][key]
    compare("a label that is first", found["grown"], found["same"])
    closed = [key.split(":")[3] for key in labels[:2]]  # the next one's last minutes were open
    for key, value in days.items():
        if key.split(":")[3] in closed:
            expect(f"without a signature: {key}", found["shrunk"].get(key) == value,
                   f"{found['shrunk'].get(key)}\n  {value}")


main()
