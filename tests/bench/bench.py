"""Times programs over captures: interleaved runs, medians, spread, peak memory; see run."""
import json
import os
import shutil
import statistics
import subprocess
import sys

RUNS = 5
KEYS = ["frames", "packets", "bytes", "protocols", "ipv6", "fragments", "classes",
        "class_sources", "sources", "destinations", "first", "last"]
HERE = os.path.dirname(os.path.abspath(__file__))


class Bench:
    def __init__(self, build, work):
        self.build, self.work = build, work
        self.nightscope = [build + "/nightscope", "replay", "--quiet", "--json"]
        self.pcap_loop = build + "/tests/bench/pcap_loop"
        self.geo = self.make_geo()

    def path(self, name):
        return os.path.join(self.work, name)

    def make_geo(self):
        """Two databases of the size of real ones, or none where they cannot be made."""
        names = [self.path("country.mmdb"), self.path("asn.mmdb")]
        made = subprocess.run(["perl", HERE + "/make_geo.pl"] + names, stderr=subprocess.PIPE,
                              text=True)
        if made.returncode:
            print("without --geo: needs libmaxmind-db-writer-perl", file=sys.stderr)
            return []
        return ["--geo", names[0], "--geo", names[1]]

    def generate(self, name, packets, sources, *options):
        subprocess.run([self.build + "/tests/gen/nightscope-generate", "--packets", str(packets),
                        "--sources", str(sources), "--rate", str(max(10000, packets // 1000)),
                        *options, self.path(name)], check=True)
        return self.path(name)

    def replay(self, name, *options):
        return self.nightscope + list(options) + [self.path(name)]

    def report(self, name, *options):
        made = subprocess.run(self.replay(name, "--top", "0", *options), check=True,
                              stdout=subprocess.PIPE).stdout
        report = json.loads(made)
        report["files"] = None
        return report

    def measure(self, command):
        """(seconds, peak KiB)"""
        made = subprocess.run([self.build + "/tests/bench/measure"] + command,
                              stdout=subprocess.PIPE, text=True)
        if made.returncode:
            sys.exit(f"{' '.join(command)}: failed")
        seconds, peak = made.stdout.split()
        return float(seconds), int(peak)

    def table(self, frames, commands):
        """Commands by name; the first is what the others are compared with."""
        times, memory = {name: [] for name in commands}, dict.fromkeys(commands, 0)
        for _ in range(RUNS):
            for name, command in commands.items():
                seconds, peak = self.measure(command)
                times[name].append(frames / seconds / 1e6)
                memory[name] = max(memory[name], peak)
        base = statistics.median(next(iter(times.values())))
        print("| program | M packets/s | min to max | ratio | peak memory, MiB |")
        print("| --- | ---: | ---: | ---: | ---: |")
        for name, rates in times.items():
            median = statistics.median(rates)
            print(f"| {name} | {median:.2f} | {min(rates):.2f} to {max(rates):.2f} "
                  f"| {median / base:.2f} | {memory[name] / 1024:.0f} |", flush=True)
        print()


def check_truth(bench, name):
    """The report has to be right before it may be fast. Returns its frames, and the report."""
    with open(bench.path(name) + ".truth.json", encoding="utf-8") as file:
        truth = json.load(file)
    report = bench.report(name, "--workers", "1")
    wrong = [f"{key}: truth {truth[key]}, report {report.get(key)}"
             for key in KEYS if truth[key] != report.get(key)]
    ports = {(row["proto"], row["port"]): row["packets"] for row in report["ports"]}
    if ports != {(row["proto"], row["port"]): row["packets"] for row in truth["ports"]}:
        wrong.append("ports differ")
    series = {row["t"]: row for row in report["series"]}
    for row in truth["series"]:
        for key in ("packets", "bytes", "scan", "backscatter", "class_other", "sources"):
            if series.get(row["t"], {}).get(key) != row[key]:
                wrong.append(f"series {row['t']} {key}")
    if wrong:
        sys.exit("the report is wrong:\n" + "\n".join(wrong))
    if bench.report(name, "--workers", "2") != report:
        sys.exit("two workers give another report than one")
    return truth["frames"], report


def check_same(bench, name, report):
    if bench.report(name) != report:
        sys.exit(f"{name}: another report than the plain capture's")


def classic(bench):
    bench.generate("bench.pcap", 10_000_000, 500_000)
    frames, report = check_truth(bench, "bench.pcap")
    print(f"### Classic pcap, {frames} frames of 500,000 sources, "
          f"{os.path.getsize(bench.path('bench.pcap')) / 1e6:.0f} MB\n")
    commands = {"pcap_loop, empty callback": [bench.pcap_loop, bench.path("bench.pcap")]}
    for workers in "12":
        commands[f"nightscope, {workers} worker{'s' * (workers > '1')}"] = \
            bench.replay("bench.pcap", "--workers", workers)
    for workers in "12" if bench.geo else "":
        commands[f"the same with country and AS, {workers}"] = \
            bench.replay("bench.pcap", "--workers", workers, *bench.geo)
    bench.table(frames, commands)
    return frames, report


def containers(bench, frames, report):
    bench.generate("bench.pcapng", 10_000_000, 500_000, "--format", "pcapng", "--no-truth")
    check_same(bench, "bench.pcapng", report)
    print("### The same as pcapng\n")
    bench.table(frames, {
        "pcap_loop, empty callback": [bench.pcap_loop, bench.path("bench.pcapng")],
        "nightscope, 2 workers": bench.replay("bench.pcapng", "--workers", "2", *bench.geo)})
    os.remove(bench.path("bench.pcapng"))
    for tool, suffix, reader in (("gzip", "gz", ["/bin/zcat"]),
                                 ("zstd", "zst", ["/usr/bin/zstd", "-dcq"])):
        subprocess.run([tool, "-k", "-q", bench.path("bench.pcap")], check=True)
        name = "bench.pcap." + suffix
        check_same(bench, name, report)
        print(f"### The same as .{suffix}\n")
        bench.table(frames, {" ".join(reader) + " > /dev/null": reader + [bench.path(name)],
                             "nightscope": bench.replay(name, *bench.geo)})
        os.remove(bench.path(name))


def tools(bench):
    """What a user would take instead, over a million packets, each doing what it does."""
    bench.generate("small.pcap", 1_000_000, 50_000, "--no-truth")
    capture, out = bench.path("small.pcap"), bench.path("out")
    shell = {
        "nightscope: all of its report": " ".join(bench.replay("small.pcap")),
        "tcpdump: copies packets, counts nothing": f"tcpdump -nr {capture} -w /dev/null",
        "tshark: packets by protocol": f"tshark -nr {capture} -q -z io,phs",
        "argus: flows": f"argus -mr {capture} -w {out}.argus",
        "nfpcapd and nfdump: flows, sources ranked":
            f"mkdir -p {out}.nf && nfpcapd -r {capture} -l {out}.nf && "
            f"nfdump -R {out}.nf -s srcip/packets",
    }
    missing = [tool for tool in ("tcpdump", "tshark", "argus", "nfpcapd", "nfdump")
               if not shutil.which(tool)]
    if missing:
        print(f"not installed, and left out: {', '.join(missing)}", file=sys.stderr)
    print("### Other tools, a million packets of 50,000 sources\n")
    bench.table(1_000_000, {
        name: ["/bin/sh", "-c", f"exec 2>/dev/null; {command}"]
        for name, command in shell.items()
        if not any(tool in name.split(":")[0].split() for tool in missing)})


def large(bench):
    bench.generate("many.pcap", 50_000_000, 5_000_000, "--no-truth")
    print("### 50 million packets of 5 million sources\n")
    bench.table(50_000_000, {"nightscope, 2 workers": bench.replay("many.pcap", "--workers", "2")})
    os.remove(bench.path("many.pcap"))


def growth(bench):
    print("### Growth: 50,000 sources, 2 workers\n")
    bench.table(1_000_000, {"1 million packets": bench.replay("small.pcap", "--workers", "2")})
    for millions in (10, 100):
        bench.generate("grow.pcap", millions * 1_000_000, 50_000, "--no-truth")
        bench.table(millions * 1_000_000, {
            f"{millions} million packets": bench.replay("grow.pcap", "--workers", "2")})
        os.remove(bench.path("grow.pcap"))


def main(build, work, *options):
    if any(option != "--quick" for option in options):
        sys.exit("usage: run [--quick]")
    bench = Bench(build, work)
    print(f"Medians of {RUNS} interleaved runs; {os.cpu_count()} processors. "
          "The ratio is to the first row of a table.\n")
    frames, report = classic(bench)
    if options:
        return
    containers(bench, frames, report)
    os.remove(bench.path("bench.pcap"))
    tools(bench)
    large(bench)
    growth(bench)


if __name__ == "__main__":
    main(*sys.argv[1:])
