"""`replay --redis` and `report --redis` with a real server: publish.py NIGHTSCOPE GENERATE SOURCE

Everything published is a function of the packets: not of workers, files or runs. What comes back is
what was printed. What is wrong is said before a file is read."""
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

import captures
from redis_server import Server

NIGHTSCOPE, GENERATE, SOURCE = sys.argv[1:4]
GEO = [word for name in ("city", "asn") for word in ("--geo", f"{SOURCE}/tests/geo/{name}.mmdb")]
checks = failures = 0


def expect(what, condition, detail=""):
    global checks, failures
    checks += 1
    if not condition:
        failures += 1
        print(f"FAILED: {what}\n  {str(detail)[:2000]}")


def run(*words, environment=None, **more):
    return subprocess.run([NIGHTSCOPE, *words], capture_output=True, check=False,
                          env={**os.environ, **(environment or {})}, **more)


def publish(server, sensor, files, *options):
    done = run("replay", "--json", "--quiet", "--redis", server.url, "--sensor", sensor, *GEO,
               *options, *files)
    expect(f"{sensor} is published", done.returncode == 0, done.stderr)
    return done.stdout


def write(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def make_capture(rng, folder, name):
    """About an hour and a half with times that are all different, some out of order."""
    path = os.path.join(folder, name)
    subprocess.run([GENERATE, "--packets", "20000", "--sources", "900", "--seed",
                    str(rng.getrandbits(32)), "--rate", "4", path], check=True,
                   stdout=subprocess.DEVNULL)
    linktype, packets = captures.read_pcap(path)
    last = 0
    for i, (ts, wire, data) in enumerate(packets):
        last = max(ts, last + 1)
        packets[i] = (last, wire, data)
    write(folder, name, captures.pcap(linktype, packets))
    return path, linktype, packets


def without_files(values):
    """A dump whose report names no files."""
    values = dict(values)
    for key, (kind, value) in values.items():
        if key.endswith(":report"):
            report = json.loads(value)
            report.pop("files")
            values[key] = (kind, report)
    return values


def compare(what, dump, expected):
    dump, expected = without_files(dump), without_files(expected)
    expect(f"{what}: the same keys", dump.keys() == expected.keys(),
           dump.keys() ^ expected.keys())
    for key in expected:
        if key in dump and dump[key] != expected[key]:
            expect(f"{what}: {key}", False, f"{dump[key]}\n  expected {expected[key]}"[:1500])


def check_invariance(server, rng, folder):
    path, linktype, packets = make_capture(rng, folder, "whole.pcap")
    publish(server, "same", [path], "--workers", "1")
    expected = server.dump()
    for kind in ("top:tcp:1h", "top:src:24h", "series:1m", "series:1h", "feed", "iot", "totals"):
        expect(f"{kind} is there", f"ns:{{same}}:{kind}" in expected)
    for workers in (2, 3):
        publish(server, "same", [path], "--workers", str(workers))
        compare(f"{workers} workers", server.dump(), expected)
    cuts = sorted(rng.randint(0, len(packets)) for _ in range(5))
    parts = [write(folder, f"part{i}", captures.pcap(linktype, packets[a:b]))
             for i, (a, b) in enumerate(zip([0, *cuts], [*cuts, len(packets)]))]
    rng.shuffle(parts)
    publish(server, "same", parts)
    compare("many files", server.dump(), expected)
    packed = write(folder, "packed", captures.gz(captures.pcapng(linktype, packets, rng), rng))
    publish(server, "same", [packed])
    compare("pcapng, gzip", server.dump(), expected)
    short = write(folder, "short.pcap", captures.pcap(linktype, packets[:500]))
    publish(server, "same", [short])
    expect("what a run left is gone", len(server.dump()) < len(expected))
    publish(server, "same", [path])
    compare("again", server.dump(), expected)
    check_truth(expected, packets)


def check_truth(dump, packets):
    """Sums that do not come from the code under test's own tables."""
    def fields(entry):
        flat = entry[1]
        return {name.decode(): int(value) for name, value in zip(flat[::2], flat[1::2])}
    minutes = [fields(entry) for entry in dump["ns:{same}:series:1m"][1]]
    hours = [fields(entry) for entry in dump["ns:{same}:series:1h"][1]]
    totals = {name.decode(): int(value) for name, value in dump["ns:{same}:totals"][1]}
    for name in ("packets", "bytes", "tcp", "scan", "iot_matched", "not_counted"):
        expect(f"{name}: minutes and hours", sum(m[name] for m in minutes) ==
               sum(h[name] for h in hours) == totals[name])
    expect("frames", totals["packets"] + totals["not_counted"] == len(packets), totals)
    for hour in hours:
        expect("sources of an hour", 0 < hour["sources"] <= hour["packets"], hour)
    ids = [entry[0] for entry in dump["ns:{same}:series:1h"][1]]
    expect("hours", all(int(name.split(b"-")[0]) % 3600000 == 0 for name in ids), ids)
    tops = dump["ns:{same}:top:tcp:24h"][1]
    series_tcp_scans = sum(float(score) for score in tops[1::2])
    expect("a ranking holds no more than there is", series_tcp_scans <= totals["scan"])


def check_report(server, rng, folder):
    server.call("FLUSHALL")
    path, _, _ = make_capture(rng, folder, "one.pcap")
    other, _, _ = make_capture(rng, folder, "two.pcap")
    made = publish(server, "one", [path], "--top", "0")
    same = run("report", "--redis", server.url, "--sensor", "one", "--json")
    expect("the JSON is that of the replay", same.stdout == made and same.returncode == 0)
    expect("and of the key", server.call("GET", "ns:{one}:report") + b"\n" == made)
    page = run("replay", "--quiet", *GEO, "--top", "0", path).stdout
    again = run("report", "--redis", server.url)
    expect("the page is that of the replay", again.stdout == page, again.stdout)
    tables = os.path.join(folder, "tables"), os.path.join(folder, "tables2")
    run("replay", "--quiet", *GEO, "--top", "0", "--csv", tables[0], path)
    run("report", "--redis", server.url, "--csv", tables[1])
    for name in sorted(os.listdir(tables[0])):
        with open(os.path.join(tables[0], name), "rb") as a, \
                open(os.path.join(tables[1], name), "rb") as b:
            expect(f"{name} is that of the replay", a.read() == b.read())
    cut = json.loads(run("report", "--redis", server.url, "--json", "--top", "3").stdout)
    expect("--top cuts", len(cut["ports"]) == 3 and cut["ports_total"] > 3)

    both = json.loads(publish(server, "both", [path, other], "--top", "0"))
    publish(server, "two", [other], "--top", "0")
    merged = run("report", "--redis", server.url, "--json", "--sensor", "two", "--sensor", "one")
    merged = json.loads(merged.stdout)
    for name in ("frames", "packets", "bytes", "protocols", "classes", "not_counted"):
        expect(f"merged {name} is that of one replay", merged[name] == both[name], merged[name])
    ports = [{(r["proto"], r["port"]): r["packets"] for r in report["ports"]}
             for report in (merged, both)]
    expect("merged ports", ports[0] == ports[1])
    truth, union = both["class_sources"]["scan"], merged["class_sources"]["scan"]
    expect("sources of scans come from the union of sketches",
           abs(union - truth) <= truth * 0.04 + 2 and merged["class_sources_estimated"],
           (union, truth))
    expect("other sources are upper bounds", merged["sources"] >= both["sources"] and
           merged["sources_estimated"])
    names = [file["name"] for file in merged["files"]]
    expect("files are named by sensor", names == [f"one:{path}", f"two:{other}"], names)
    check_twins(server, path)


def check_dark_sources(server):
    """Everything is dark: sources are counted, and named nowhere unless that is asked for."""
    server.call("FLUSHALL")
    capture = f"{SOURCE}/pcaps/mirai-like.pcap"
    publish(server, "plain", [capture])
    dark = ("--dark", "0.0.0.0/0,::/0")
    publish(server, "dark", [capture], *dark)
    publish(server, "shown", [capture], *dark, "--show-dark")
    found = {sensor: {key.split("}:")[1]: item for key, item in server.dump().items()
                      if f"{{{sensor}}}" in key} for sensor in ("plain", "dark", "shown")}
    names = {sensor: {key for key in keys if "stage" not in key} for sensor, keys in found.items()}
    about = {key for key in names["plain"] if key == "feed" or key.startswith("src:") or
             key == "iot" or (key.startswith("d:") and key.endswith(":src"))}
    expect("sources are named", len(about) > 4 and names["shown"] == names["plain"], names["shown"])
    expect("dark ones are not", names["plain"] - names["dark"] == about, names["dark"])
    expect("totals stay", found["dark"]["totals"] == found["plain"]["totals"])
    for key in ("top:src:1h", "top:src:24h", "top:iot:src:24h"):
        scores = [list(map(float, found[sensor][key][1][1::2])) for sensor in ("plain", "dark")]
        expect(f"{key}: one number for all", sum(scores[0]) == sum(scores[1]) and
               found["dark"][key][1][0] == b"others" and len(scores[1]) == 1, found["dark"][key])
    report = json.loads(found["dark"]["report"][1])
    shown = json.loads(found["shown"]["report"][1])
    expect("the report names none", not report["top_sources"] and not report["iot"]["top_sources"]
           and report["ports"] == shown["ports"] and shown["top_sources"], report["top_sources"])


def check_twins(server, path):
    """Two sensors that saw the same packets."""
    server.call("FLUSHALL")
    alone = json.loads(publish(server, "a", [path]))["class_sources"]["scan"]
    publish(server, "b", [path])
    words = ("report", "--redis", server.url, "--json")
    union = json.loads(run(*words).stdout)["class_sources"]["scan"]
    expect("a source of both counts once", abs(union - alone) <= alone * 0.04 + 2, (union, alone))
    for key in server.call("KEYS", "ns:{b}:hll:*"):
        server.call("DEL", key)
    added = json.loads(run(*words).stdout)["class_sources"]["scan"]
    expect("without a sketch they add up", added == 2 * alone, (added, alone))


def refused(what, status, says, *words, environment=None):
    done = run(*words, environment=environment)
    text = done.stderr.decode()
    expect(what, done.returncode == status and says in text and text.count("\n") == 1 and
           not done.stdout, f"exit {done.returncode}: {text!r} {done.stdout[:100]!r}")
    expect(f"{what}: no secret is shown", "hunter2" not in text)


def check_errors(server, folder):
    capture = f"{SOURCE}/pcaps/mirai-like.pcap"
    at = ("--redis", server.url)
    refused("URL", 2, "Redis URL", "replay", "--redis", "http://x", capture)
    refused("URL with a password", 2, "Redis URL", "replay", "--redis",
            "redis://:hunter2@x", capture)
    refused("sensor", 2, "--sensor", "replay", *at, "--sensor", "a b", "missing.pcap")
    refused("sensor too long", 2, "--sensor", "replay", *at, "--sensor", "a" * 65, "missing.pcap")
    refused("sensor without Redis", 2, "--redis", "replay", "--sensor", "a", capture)
    refused("no password file", 78, "nothing-there", "replay", *at, "--redis-auth",
            "nothing-there", "missing.pcap")
    open_to_all = write(folder, "password", b"hunter2\n")
    os.chmod(open_to_all, 0o644)
    refused("a password others can read", 78, "password", "replay", *at, "--redis-auth",
            open_to_all, "missing.pcap")
    refused("report without a server", 2, "--redis", "report")
    refused("report of files", 2, "reads no files", "report", *at, capture)
    refused("a server that is not there", 1, "nowhere", "report", "--redis", "unix:/nowhere")
    refused("no such sensor", 1, "no such sensor", "report", *at, "--sensor", "nobody")
    server.call("FLUSHALL")
    refused("no sensors", 1, "no sensor has published", "report", *at)
    server.call("SET", "ns:sensors", "x")
    refused("sensors of another type", 1, "is no set", "report", *at)
    server.call("DEL", "ns:sensors")
    for what, value, says in (("newer", '{"schema":"nightscope.report/2"}', "newer"),
                              ("broken", '{"schema":', "not JSON"),
                              ("bad", '{"schema":"nightscope.report/1","packets":-1}', "packets")):
        server.call("SET", "ns:{odd}:report", value)
        refused(f"a report that is {what}", 1, says, "report", *at, "--sensor", "odd", "--json")
    server.call("DEL", "ns:{odd}:report")
    server.call("LPUSH", "ns:{odd}:report", "x")
    refused("a report of another type", 1, "ns:{odd}:report", "report", *at, "--sensor", "odd")
    server.call("CONFIG", "SET", "requirepass", "hunter2")
    refused("no password", 78, "", "replay", *at, "missing.pcap")
    refused("a wrong password", 78, "", "replay", *at, "missing.pcap",
            environment={"NIGHTSCOPE_REDIS_PASSWORD": "hunter22"})
    done = run("replay", "--quiet", *at, capture,
               environment={"NIGHTSCOPE_REDIS_PASSWORD": "hunter2"})
    expect("the password of the environment", done.returncode == 0, done.stderr)
    server.call("CONFIG", "SET", "requirepass", "")


def check_outage():
    """A server that comes late is waited for; one that never comes is an error. The report is
    printed in either case."""
    capture = f"{SOURCE}/pcaps/mirai-like.pcap"
    server = Server()
    plain = run("replay", "--json", "--quiet", capture).stdout
    never = run("replay", "--json", "--redis", server.url, "--redis-timeout", "1s", capture)
    text = never.stderr.decode()
    expect("it never comes", never.returncode == 1 and never.stdout == plain, never.stderr)
    expect("which is said", "trying again" in text and text.rstrip().split("\n")[-1]
           .startswith("nightscope: ") and "warning" not in text.rstrip().split("\n")[-1], text)
    begun = threading.Event()

    def come():
        begun.wait()
        server.start()
    thread = threading.Thread(target=come)
    thread.start()
    process = subprocess.Popen([NIGHTSCOPE, "replay", "--json", "--redis", server.url, capture],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    line = process.stderr.readline() + process.stderr.readline()
    begun.set()  # it has warned, and is trying again
    out, more = process.communicate(timeout=120)
    thread.join()
    expect("it comes late", process.returncode == 0 and out == plain, line + more)
    expect("a warning at the start, one while waiting", line.count(b"warning") == 2, line)
    expect("it is published", server.call("EXISTS", "ns:{replay}:report") == 1)
    server.remove()


def main():
    rng = captures.seeded("publish")
    started = time.monotonic()
    server = Server()
    server.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            check_invariance(server, rng, folder)
            check_report(server, rng, folder)
            check_dark_sources(server)
            check_errors(server, folder)
    finally:
        server.remove()
    check_outage()
    print(f"{checks} checks, {failures} failures, {time.monotonic() - started:.0f} s")
    return 1 if failures else 0


sys.exit(main())
