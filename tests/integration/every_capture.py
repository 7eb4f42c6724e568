"""Every sample and example in one process, in every form of output: no sanitizer has anything to
say, no capture stays uncounted, and neither workers nor dark space nor output lose a frame.
every_capture.py NIGHTSCOPE PCAPS"""
import csv
import glob
import json
import os
import subprocess
import sys
import tempfile

import captures

NIGHTSCOPE, PCAPS = sys.argv[1:3]


def run(*arguments):
    done = subprocess.run([NIGHTSCOPE, *arguments], capture_output=True, text=True, check=False)
    if done.returncode or done.stderr:
        sys.exit(f"{arguments[0]}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def main():
    files = sorted(glob.glob(PCAPS + "/*.pcap") + glob.glob(PCAPS + "/signatures/*.pcap"))
    frames = [len(captures.read_pcap(path)[1]) for path in files]
    alone = run("replay", "--json", "--top", "0", "--workers", "1", *files)
    report = json.loads(alone)
    counted = {file["name"]: file["frames"] for file in report["files"]}
    expected = dict(zip(files, frames))
    if len(files) < 150 or counted != expected:
        sys.exit(f"{len(files)} captures: {counted.items() ^ expected.items()}")
    if run("replay", "--json", "--top", "0", "--workers", "3", *files) != alone:
        sys.exit("3 workers: another report")
    dark = json.loads(run("replay", "--json", "--dark", "10.98.0.0/26", *files))
    outside = dark["not_counted"]["outside"]
    if not outside or dark["frames"] != sum(frames):
        sys.exit(f"dark space: {dark['frames']} frames, {outside} packets outside")
    with tempfile.TemporaryDirectory() as folder:
        page = run("replay", "--csv", folder, "--top", "0", *files)
        if f"{sum(frames):,} frames" not in page:
            sys.exit(f"the page: {page}")
        with open(os.path.join(folder, "ports.csv"), encoding="utf-8") as file:
            ports = sum(int(row["packets"]) for row in csv.DictReader(file))
        if ports != sum(row["packets"] for row in report["ports"]):
            sys.exit(f"ports.csv: {ports} packets")
    if not run("explain", "--top", "0", *files).strip():
        sys.exit("explain: nothing")
    print(f"{len(files)} captures, {sum(frames)} frames")


main()
