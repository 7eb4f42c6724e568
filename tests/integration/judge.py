"""The independent judge: counts every capture in pcaps/ from what tshark says of its packets, by
rules written anew from the report's description, and compares that with nightscope's report.

Also: the table of counts in DIRECTORY/README.md is what tshark counts.

usage: judge.py NIGHTSCOPE DIRECTORY [FILE...]   exit 0: the same; 1: every difference; 77: no tshark
       judge.py --table DIRECTORY                the table of counts for DIRECTORY/README.md
"""
import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

FIELDS = """frame.time_epoch frame.len frame.cap_len ip.version ipv6.version ip.src ip.dst ipv6.src
ipv6.dst ip.len ipv6.plen ip.proto ipv6.nxt ip.frag_offset ip.flags.mf tcp.flags tcp.srcport
tcp.dstport udp.srcport udp.dstport udp.payload icmp.type icmpv6.type sctp.chunk_type
ip.checksum.status tcp.checksum.status udp.checksum.status icmp.checksum.status
icmpv6.checksum.status sctp.checksum.status""".split()
PREFERENCES = ["ip.defragment:FALSE", "ip.check_checksum:TRUE", "tcp.check_checksum:TRUE",
               "udp.check_checksum:TRUE", "sctp.checksum:TRUE", "tcp.desegment_tcp_streams:FALSE",
               "ip.decode_tos_as_diffserv:FALSE"]
PROTOCOLS = ["tcp", "udp", "icmp", "icmp6", "sctp", "other"]
CLASSES = ["scan", "backscatter", "other"]
IPV6_EXTENSIONS = {0, 43, 44, 51, 60, 135}
CHECKSUM_FIELDS = {"tcp": "tcp", "udp": "udp", "icmp": "icmp", "icmp6": "icmpv6", "sctp": "sctp"}
BAD = "0"


def rows_of(path):
    """A dict of field to text for every frame. Of a field that occurs twice, the first: the outer
    packet's, where an ICMP error quotes another."""
    command = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "occurrence=f", "-E",
               "separator=/t"]
    for preference in PREFERENCES:
        command += ["-o", preference]
    for field in FIELDS:
        command += ["-e", field]
    for line in said_by(command, path).split("\n")[:-1]:
        yield dict(zip(FIELDS, line.split("\t"), strict=True))


def said_by(command, path):
    """What tshark prints. It takes seconds a file to start, so that its answer is kept in the
    build directory ($NIGHTSCOPE_BUILD), under a name made of all that it depends on."""
    folder = os.environ.get("NIGHTSCOPE_BUILD")
    kept = None
    if folder:
        with open(path, "rb") as file:
            digest = hashlib.sha256(file.read() + repr(command).encode() + version().encode())
        kept = os.path.join(folder, f"judge-{digest.hexdigest()}.txt")
        if os.path.exists(kept):
            with open(kept, encoding="utf-8") as file:
                return file.read()
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if run.returncode:
        sys.exit(f"{path}: tshark failed: {run.stderr}")
    if kept:
        with open(f"{kept}.{os.getpid()}.{threading.get_ident()}", "w", encoding="utf-8") as file:
            file.write(run.stdout)
        os.replace(file.name, kept)
    return run.stdout


@functools.lru_cache(maxsize=None)
def version():
    return subprocess.run(["tshark", "--version"], stdout=subprocess.PIPE, text=True,
                          check=True).stdout


def protocol_of(row):
    if row["ip.src"]:
        return {6: "tcp", 17: "udp", 1: "icmp", 132: "sctp"}.get(int(row["ip.proto"]), "other")
    number = int(row["ipv6.nxt"])
    if number in IPV6_EXTENSIONS:
        sys.exit("the judge does not read IPv6 extension headers: teach it")
    return {6: "tcp", 17: "udp", 58: "icmp6", 132: "sctp"}.get(number, "other")


def says_response(port, payload):
    """Does a datagram from this port of a service say that it is an answer?"""
    if port in (53, 5353):
        return len(payload) >= 12 and payload[2] >= 0x80
    if port == 123 and payload:
        mode = payload[0] % 8
        return mode == 4 or (mode == 6 and len(payload) > 1 and payload[1] >= 0x80) or \
            (mode == 7 and payload[0] >= 0x80)
    if port == 5060:
        return payload.startswith(b"SIP/2.0")
    if port == 1900:
        return payload.startswith(b"HTTP/1.1 200")
    if port in (389, 11211):
        sys.exit(f"the judge does not read answers from port {port}: teach it")
    return False


def class_of(row, protocol):
    if row["ip.frag_offset"] not in ("", "0"):
        return "other"
    if protocol == "tcp" and row["tcp.flags"]:
        flags = int(row["tcp.flags"], 16)
        fin, syn, rst, ack = (bool(flags & bit) for bit in (1, 2, 4, 16))
        if rst or (syn and ack):
            return "backscatter"
        return "scan" if syn or flags & 0xff == 0 or (fin and not ack) else "other"
    if protocol == "udp" and row["udp.srcport"]:
        answer = says_response(int(row["udp.srcport"]), bytes.fromhex(row["udp.payload"]))
        return "backscatter" if answer else "scan"
    if protocol == "icmp" and row["icmp.type"]:
        if int(row["icmp.type"]) in (0, 3, 4, 5, 11, 12, 14, 16, 18):
            return "backscatter"
        return "scan" if int(row["icmp.type"]) in (8, 13, 15, 17) else "other"
    if protocol == "icmp6" and row["icmpv6.type"]:
        kind = int(row["icmpv6.type"])
        return "backscatter" if kind < 128 or kind == 129 else "scan" if kind == 128 else "other"
    if protocol == "sctp" and row["sctp.chunk_type"]:
        return {1: "scan", 2: "backscatter", 6: "backscatter"}.get(int(row["sctp.chunk_type"]),
                                                                   "other")
    return "other"


def refusal_of(row):
    """Why a frame without addresses is not counted."""
    if not row["ip.version"] and not row["ipv6.version"]:
        return "not_ip"
    cut = int(row["frame.cap_len"]) < int(row["frame.len"])
    return "truncated" if cut else "malformed"


def micros(epoch):
    seconds, _, fraction = epoch.partition(".")
    return int(seconds) * 10**6 + int(fraction.ljust(9, "0")[:6])


def stamp(micro, fraction=True):
    text = datetime.fromtimestamp(micro // 10**6, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{micro % 10**6:06d}Z" if fraction else text + "Z"


def new_minute():
    names = "packets bytes scan backscatter class_other not_counted".split() + PROTOCOLS
    return {**dict.fromkeys(names, 0), "sources": set(), "dports": set()}


def count(path):
    """What the report should say, under the report's names; sets where it has their sizes."""
    times, minutes = [], defaultdict(new_minute)
    total, refused, protocols, classes, bad = Counter(), Counter(), Counter(), Counter(), Counter()
    class_sources, port_packets, port_sources = defaultdict(set), Counter(), defaultdict(set)
    sources, destinations = set(), set()
    for row in rows_of(path):
        times.append(micros(row["frame.time_epoch"]))
        minute = minutes[times[-1] // 60000000]
        total["frames"] += 1
        if not row["ip.src"] and not row["ipv6.src"]:
            refused[refusal_of(row)] += 1
            minute["not_counted"] += 1
            continue
        v6 = not row["ip.src"]
        source, destination = (row["ipv6.src"], row["ipv6.dst"]) if v6 else (row["ip.src"],
                                                                            row["ip.dst"])
        length = 40 + int(row["ipv6.plen"]) if v6 else int(row["ip.len"])
        protocol = protocol_of(row)
        kind = class_of(row, protocol)
        protocols[protocol] += 1
        classes[kind] += 1
        class_sources[kind].add(source)
        sources.add(source)
        destinations.add(destination)
        total.update(packets=1, bytes=length, ipv6=v6)
        total["fragments"] += row["ip.frag_offset"] not in ("", "0") or \
            row["ip.flags.mf"] in ("1", "True")
        bad["ip"] += row["ip.checksum.status"] == BAD
        if protocol in CHECKSUM_FIELDS:
            bad[protocol] += row[CHECKSUM_FIELDS[protocol] + ".checksum.status"] == BAD
        minute["packets"] += 1
        minute["bytes"] += length
        minute[protocol] += 1
        minute["class_other" if kind == "other" else kind] += 1
        minute["sources"].add(source)
        if kind == "scan" and protocol in ("tcp", "udp"):
            port = (protocol, int(row[protocol + ".dstport"]))
            port_packets[port] += 1
            port_sources[port].add(source)
            minute["dports"].add(port)
    return {
        **total, "first": stamp(min(times)), "last": stamp(max(times)),
        "not_counted": refused, "protocols": protocols, "classes": classes,
        "class_sources": {kind: len(found) for kind, found in class_sources.items()},
        "sources": len(sources), "destinations": len(destinations), "bad_checksum": bad,
        "ports": {port: {"packets": packets, "sources": len(port_sources[port])}
                  for port, packets in port_packets.items()},
        "series": {stamp(start * 60000000, False): {
            name: len(value) if isinstance(value, set) else value
            for name, value in minute.items()} for start, minute in minutes.items()},
        "source_set": sources,
    }


class Comparison:
    def __init__(self, name):
        self.name, self.compared, self.differences = name, 0, 0

    def value(self, where, expected, found, estimated=False):
        """An estimate may be off by three standard errors of 3 %, and by one."""
        self.compared += 1
        if expected == found:
            return
        if estimated and isinstance(found, int) and abs(expected - found) <= 1 + 0.09 * expected:
            return
        self.differences += 1
        print(f"{self.name}: {where}: tshark {expected!r}, nightscope {found!r}")

    def counters(self, where, expected, found):
        """Objects of counters, where one that is missing is 0."""
        for key in sorted(set(expected) | set(found)):
            self.value(f"{where}.{key}", expected.get(key, 0), found.get(key, 0))


def compare(name, truth, report):
    comparison = Comparison(name)
    value = comparison.value
    value("schema", "nightscope.report/1", report.get("schema"))
    for key in ("first", "last", "frames", "packets", "bytes", "ipv6", "fragments", "sources",
                "destinations"):
        expected = truth.get(key, 0)
        value(key, expected, report.get(key), report.get(key + "_estimated", False))
    for key in ("not_counted", "protocols", "classes", "class_sources", "bad_checksum"):
        comparison.counters(key, truth[key], report.get(key, {}))
    ports = {(row["proto"], row["port"]): row for row in report.get("ports", [])}
    value("ports, rows", len(ports), len(report.get("ports", [])))
    for port in sorted(set(truth["ports"]) | set(ports)):
        expected, found = truth["ports"].get(port, {}), ports.get(port, {})
        for key in ("packets", "sources"):
            value(f"ports {port[0]}/{port[1]} {key}", expected.get(key), found.get(key),
                  found.get(key + "_estimated", False))
    series = {row["t"]: row for row in report.get("series", [])}
    for start in sorted(set(truth["series"]) | set(series)):
        for key, expected in truth["series"].get(start, {"packets": None}).items():
            found = series.get(start, {})
            value(f"series {start} {key}", expected, found.get(key),
                  found.get(key + "_estimated", False))
    return comparison


def captures_in(directory):
    return sorted(os.path.join(directory, name) for name in os.listdir(directory)
                  if name.endswith((".pcap", ".pcapng")))


def count_all(files):
    """count() of each file; tshark runs twice at a time, once a file."""
    with ThreadPoolExecutor(2) as pool:
        return zip(files, pool.map(count, files))


def judge(nightscope, directory, files):
    failed = compared = 0
    captures = files or captures_in(directory)
    if not captures:
        sys.exit(f"{directory}: no captures")
    truths = list(count_all(captures))
    for path, truth in truths:
        run = subprocess.run([nightscope, "replay", "--json", "--top", "0", path],
                             stdout=subprocess.PIPE, text=True)
        if run.returncode:
            print(f"{path}: nightscope exit status {run.returncode}")
            failed += 1
            continue
        comparison = compare(os.path.basename(path), truth, json.loads(run.stdout))
        failed += comparison.differences
        compared += comparison.compared
    if not files:
        failed += check_table(directory, truths)
    print(f"{len(captures)} captures, {compared} values compared, {failed} differences")
    return 1 if failed else 0


def table(truths):
    """Markdown rows: what tshark counts in every capture."""
    lines = ["| file | frames | tcp | udp | icmp | icmp6 | sctp | other | scan | backscatter "
             "| class other | sources |", "| --- |" + " ---: |" * 11]
    for path, truth in truths:
        cells = [truth["frames"]] + [truth["protocols"].get(name, 0) for name in PROTOCOLS] + \
            [truth["classes"].get(name, 0) for name in CLASSES] + [truth["sources"]]
        lines.append(f"| `{os.path.basename(path)}` | " + " | ".join(map(str, cells)) + " |")
    return lines


def check_table(directory, truths):
    """The number of rows and origins that DIRECTORY/README.md lacks."""
    with open(os.path.join(directory, "README.md"), encoding="utf-8") as file:
        text = file.read().splitlines()
    missing = [line for line in table(truths) if line not in text]
    unnamed = [os.path.basename(path) for path, _ in truths
               if sum(f"`{os.path.basename(path)}`" in line for line in text) < 2]
    for line in missing:
        print(f"README.md: missing: {line}")
    for name in unnamed:
        print(f"README.md: {name} has no line of origin")
    return len(missing) + len(unnamed)


def main(arguments):
    if len(arguments) < 2:
        sys.exit(__doc__)
    if not shutil.which("tshark"):
        print("skipped: tshark is not installed (apt-get install tshark)")
        return 77
    if arguments[0] == "--table":
        print("\n".join(table(count_all(captures_in(arguments[1])))))
        return 0
    return judge(arguments[0], arguments[1], arguments[2:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
