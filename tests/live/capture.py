"""Real scanners against a live sensor: every probe is counted, the tools are labelled, the windows
equal those of a replay of what was kept, the totals equal tcpdump's. capture.py NIGHTSCOPE"""
import os
import subprocess
import sys
import tempfile

from wire import DARK, MAC_DARK, MAC_SCAN, SCAN, Sensor, Tcpdump, Wire, expect, finish, need, replay, \
    windows

NIGHTSCOPE, OPTIONS = sys.argv[1], sys.argv[2:]


def scan(wire, folder):
    """The scanners, each a few hundred probes."""
    empty = os.path.join(folder, "empty")
    with open(empty, "w", encoding="utf-8"):
        pass
    commands = {
        "zmap": ["zmap", "-i", SCAN, "-G", MAC_DARK, "-S", "10.99.0.1", "-b", empty, "-w", empty, "-r",
                 "2000", "-c", "0", "-T", "1", "-v", "0", "-o", "-", "-p", "23", "10.98.0.0/24"],
        "masscan": ["masscan", "-e", SCAN, "--router-mac", MAC_DARK, "--adapter-mac", MAC_SCAN,
                    "--adapter-ip", "10.99.0.1", "--rate", "2000", "--wait", "1", "-p80",
                    "10.98.1.0/24"],
        "nmap": ["nmap", "-n", "-Pn", "-sS", "--max-retries", "0", "--max-rtt-timeout", "50ms",
                 "--initial-rtt-timeout", "50ms", "--host-timeout", "20s", "--min-rate", "500", "-p",
                 "1-100", "10.98.2.1-3"],
        "hping3": ["hping3", "-I", SCAN, "-i", "u1000", "-c", "200", "-S", "-p", "443", "--rand-dest",
                   "10.98.4.x"],
    }
    # Masscan may wait for an answer for ever; it has sent all long before.
    for name, command in commands.items():
        before = wire.sent()
        done = subprocess.run(["ip", "netns", "exec", wire.scan, "timeout", "-k", "2", "8", *command], capture_output=True,
                              text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
        expect(f"{name} sends", wire.sent() - before >= 100,
               f"{wire.sent() - before} packets; {done.stdout[-500:]} {done.stderr[-500:]}")


def main():
    need("zmap", "masscan", "nmap", "hping3", "tcpdump")
    with tempfile.TemporaryDirectory() as folder, Wire() as wire:
        os.chmod(folder, 0o777)
        kept, dumped = os.path.join(folder, "kept.pcap"), os.path.join(folder, "dumped.pcap")
        sensor = Sensor(NIGHTSCOPE, wire, "--workers", "2", "--write", kept, "--top", "0",
                        *OPTIONS).ready()
        before = wire.sent()
        tcpdump = Tcpdump(wire, dumped, "-B", "65536")
        scan(wire, folder)
        sent = wire.sent() - before
        report = sensor.wait_frames(sent).stop()
        captured, received, dropped = tcpdump.stop()
        expect("it ends with status 0", sensor.status == 0, sensor.text)
        expect("it ends within 5 s", sensor.seconds < 5, sensor.seconds)
        expect("every packet sent is counted", report["frames"] == sent, (report["frames"], sent))
        expect("as many as tcpdump sees", (report["frames"], 0) == (received, dropped),
               (report["frames"], captured, received, dropped))
        for label in ("zmap", "masscan", "nmap", "hping3"):
            expect(f"{label} is labelled", report["labels"][label]["labelled"] == 1,
                   report["labels"][label])
        own, other = replay(NIGHTSCOPE, "--top", "0", kept), replay(NIGHTSCOPE, "--top", "0", dumped)
        for name, again in (("its own file", own), ("tcpdump's file", other)):
            expect(f"windows equal those of a replay of {name}", windows(report) == windows(again),
                   (windows(report), windows(again)))
            for key in report:
                if key not in ("files", "series", "first", "last"):
                    expect(f"{key} equals that of a replay of {name}", report[key] == again[key],
                           (report[key], again[key]))
        expect("first and last are those of its own file",
               (report["first"], report["last"]) == (own["first"], own["last"]))
        expect("seconds are those of the capture", all(0 < minute["seconds"] <= 60
                                                       for minute in report["series"]))
    finish()


main()
