"""Times programs over one capture: interleaved runs, medians, peak memory; see run."""
import json
import os
import statistics
import subprocess
import sys

RUNS = 5
KEYS = ["frames", "packets", "bytes", "protocols", "ipv6", "fragments", "classes",
        "class_sources", "sources", "destinations", "first", "last"]


def run(measure, command):
    """(seconds, peak KiB)"""
    made = subprocess.run([measure] + command, stdout=subprocess.PIPE, text=True)
    if made.returncode:
        sys.exit(f"{' '.join(command)}: failed")
    seconds, peak = made.stdout.split()
    return float(seconds), int(peak)


def check(nightscope, capture, workers):
    """The report has to be right before it may be fast."""
    with open(capture + ".truth.json", encoding="utf-8") as file:
        truth = json.load(file)
    made = subprocess.run(nightscope + ["--json", "--top", "0", "--workers", str(workers),
                                        capture], stdout=subprocess.PIPE, check=True).stdout
    report = json.loads(made)
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
    return truth["frames"]


def main(measure, pcap_loop, nightscope, capture):
    replay = [nightscope, "replay", "--quiet"]
    commands = {
        "pcap_loop, empty callback": [pcap_loop, capture],
        "nightscope replay, 1 worker": replay + ["--json", "--workers", "1", capture],
        "nightscope replay, 2 workers": replay + ["--json", "--workers", "2", capture],
    }
    frames = {check(replay, capture, workers) for workers in (1, 2)}.pop()
    times = {name: [] for name in commands}
    memory = dict.fromkeys(commands, 0)
    for _ in range(RUNS):
        for name, command in commands.items():
            seconds, peak = run(measure, command)
            times[name].append(frames / seconds / 1e6)
            memory[name] = max(memory[name], peak)
    base = statistics.median(times["pcap_loop, empty callback"])
    print(f"{frames} frames, {os.path.getsize(capture) / 1e6:.0f} MB; median of {RUNS} interleaved "
          f"runs; {os.cpu_count()} processors\n")
    print("| program | M packets/s | min to max | ratio to pcap_loop | peak memory, MiB |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, rates in times.items():
        median = statistics.median(rates)
        print(f"| {name} | {median:.2f} | {min(rates):.2f} to {max(rates):.2f} "
              f"| {median / base:.2f} | {memory[name] / 1024:.0f} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
