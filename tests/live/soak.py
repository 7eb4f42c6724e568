"""A sensor for a long time at a high rate: memory and descriptors stay flat, and nothing is lost but what
the counters say. soak.py NIGHTSCOPE [--minutes N] [--rate PPS] [--max-sources N]

Floods of random sources, which fill and turn over the table of sources; prints a line every ten seconds
and, at the end, whether memory grew after its first half."""
import argparse
import os
import signal
import tempfile
import time

from wire import Flood, Sensor, Wire, expect, finish, lost, need

arguments = argparse.ArgumentParser()
arguments.add_argument("nightscope")
arguments.add_argument("--minutes", type=float, default=30)
arguments.add_argument("--rate", help="packets a second, at most some 70000; default: all that trafgen can")
arguments.add_argument("--max-sources", default="1000000")
arguments.add_argument("--workers", default="2")
arguments.add_argument("--reload-every", type=float, default=60, help="seconds; 0: never")
ARGUMENTS = arguments.parse_args()
EVERY_S = 10
GROWTH_MAX = 1.02


def memory_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0


def main():
    need("trafgen")
    rows = []
    with tempfile.TemporaryDirectory() as folder, Wire() as wire:
        os.chmod(folder, 0o777)
        sensor = Sensor(ARGUMENTS.nightscope, wire, "--workers", ARGUMENTS.workers, "--max-sources",
                        ARGUMENTS.max_sources).ready()
        before, begin = wire.sent(), time.monotonic()
        end = begin + ARGUMENTS.minutes * 60
        flood = Flood(wire, folder, 0, ARGUMENTS.rate and f"{ARGUMENTS.rate}pps")
        next_row, next_reload = begin + EVERY_S, begin + ARGUMENTS.reload_every
        while (now := time.monotonic()) < end:
            sensor.hear()
            if ARGUMENTS.reload_every and now >= next_reload:
                next_reload += ARGUMENTS.reload_every
                sensor.process.send_signal(signal.SIGHUP)
            if now < next_row:
                continue
            next_row += EVERY_S
            descriptors = len(os.listdir(f"/proc/{sensor.process.pid}/fd"))
            rows.append((now - begin, sensor.frames, sensor.lost, memory_mib(sensor.process.pid), descriptors))
            print("{:6.0f} s {:12d} frames {:9d} lost {:8.1f} MiB {:3d} descriptors".format(*rows[-1]),
                  flush=True)
        flood.stop()
        sent = wire.sent() - before
        report = sensor.wait_frames(sent).stop()
        expect("it ends with status 0", sensor.status == 0, sensor.text)
        expect("counted and dropped are what was sent", report["frames"] + lost(report) == sent,
               (report["frames"], lost(report), sent))
        half = rows[len(rows) // 2:]
        if len(half) > 2:
            expect("memory stays flat", half[-1][3] <= half[0][3] * GROWTH_MAX, (half[0], half[-1]))
            expect("descriptors stay the same", half[-1][4] == rows[0][4], (rows[0], half[-1]))
        seconds = rows[-1][0] if rows else 1
        print(f"{sent} packets sent, {sent / seconds:.0f} a second; {report['frames']} counted, "
              f"{lost(report)} dropped; {report['limits']['sources_evicted']} sources evicted")
    finish()


main()
