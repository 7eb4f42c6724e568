"""What a live sensor shows and writes: metrics by HTTP and as a file, hourly files of minutes and scan
events, all equal to its report and to a replay of what it kept. outputs.py NIGHTSCOPE"""
import fcntl
import glob
import gzip
import json
import os
import pty
import random
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios

from scrape import get, values
from wire import DARK, Sensor, Wire, expect, finish, need, replay, wait_until, windows

NIGHTSCOPE, OPTIONS = sys.argv[1], sys.argv[2:]
TICKS = 12  # pages that a terminal has no room for


def syn(src, dst, port, seq):
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 40, 7, 0, 50, 6, 0, src, dst)
    tcp = struct.pack(">HHIIBBHHH", 40000, port, seq, 0, 0x50, 2, 1024, 0, 0)
    ethernet = bytes.fromhex("020000000002020000000001") + b"\x08\x00"
    return ethernet + ip + tcp + bytes(6)


def frames(rng):
    """A Mirai bot (sequence number = destination), and sources that only scan."""
    sent = []
    for i in range(300):
        dst = 0x0A620000 | rng.getrandbits(16)
        sent.append(syn(0xC6336401, dst, 23, dst))
        sent.append(syn(0xC6336500 | i % 50, dst, rng.choice((22, 80)), rng.getrandbits(32)))
    return sent


def lines(pattern):
    rows = []
    for path in sorted(glob.glob(pattern)):
        with gzip.open(path, "rt") as file:
            rows += [json.loads(line) for line in file]
    return rows


def without_end(events):
    """Live, a pause of the clock may end what a replay ends with the run: but not within seconds."""
    return sorted(json.dumps({k: v for k, v in e.items() if k != "End"}) for e in events)


def check_screen(wire, folder):
    """On a terminal, a page each second; the report still goes to standard output. A file that a run which
    was killed left behind is completed."""
    os.mkdir(folder)
    os.chmod(folder, 0o777)
    pressed = gzip.compress(b'{"t":"2020-01-01T00:00:00Z"}\n{"t":"2020-01-01T00:01:00Z"}\n')
    left = os.path.join(folder, ".windows-20200101T00.ndjson.gz.tmp")
    with open(left, "wb") as file:
        file.write(pressed[:-8])  # its end was never written
    os.chmod(left, 0o666)  # by the user that the sensor becomes
    master, slave = pty.openpty()
    process = wire.start(wire.dark, NIGHTSCOPE, "live", "-i", DARK, "--json", "--output", folder,
                         *OPTIONS, stdout=subprocess.PIPE, stderr=slave, env=os.environ | {"TERM": "xterm"})
    os.close(slave)
    drawn = b""
    while drawn.count(b"\x1b[H") < 2 or b"Tools, of all packets" not in drawn:
        if not select.select([master], [], [], 60)[0]:
            break
        drawn += os.read(master, 65536)
    expect("what was left is told", b"1 files of a run that did not end; the 2 whole lines" in drawn,
           drawn[:500])
    expect("and completed", lines(os.path.join(folder, "windows-20200101T00.1.ndjson.gz")) ==
           [{"t": "2020-01-01T00:00:00Z"}, {"t": "2020-01-01T00:01:00Z"}], os.listdir(folder))
    expect("a page each second", b"packets/s" in drawn and b"Lost since the start: kernel 0" in drawn, drawn[-2000:])
    process.send_signal(signal.SIGTERM)
    out = process.communicate(timeout=60)[0]
    expect("the report follows", process.returncode == 0 and json.loads(out)["frames"] == 0, out)
    os.close(master)


def stopped_terminal(wire):
    """A terminal that nobody reads (Ctrl-S): the sensor goes on, and ends when it is told to."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 400, 400, 0, 0))
    sensor = Sensor(NIGHTSCOPE, wire, *OPTIONS, errors=slave, environment={"TERM": "xterm"}).ready()
    wire.send(frames(random.Random(1)))
    sensor.wait_frames(600)
    for _ in range(TICKS):
        sensor.hear()
    report = sensor.stop()
    expect("a stopped terminal stops nothing", report["frames"] == 600 and sensor.status == 0, sensor.status)
    for fd in (master, slave):
        os.close(fd)


def events_twice(wire, folder):
    """A sensor that is started again leaves the events of the runs before as they are."""
    place = os.path.join(folder, "place")
    os.mkdir(place)
    os.chmod(place, 0o777)
    path, killed = os.path.join(place, "events.ndjson"), os.path.join(place, ".events.ndjson.tmp")
    for run in range(2):
        sensor = Sensor(NIGHTSCOPE, wire, "--events", path, *OPTIONS).ready()
        wire.send([syn(0xC6336400 | run, 0x0A620001, 23, 1)])
        sensor.wait_frames(1).stop()
    with open(killed, "w", encoding="utf-8") as file:
        file.write('{"SourceIP":"198.51.100.9"}\n{"Sour')
    os.chmod(killed, 0o666)
    sensor = Sensor(NIGHTSCOPE, wire, "--events", path, *OPTIONS).ready()
    wire.send([syn(0xC6336402, 0x0A620001, 23, 1)])
    sensor.wait_frames(1).stop()
    expect("it says where they are", "1 files of a run that did not end; the 1 whole lines" in sensor.text and
           f"go to {place}/events.3.ndjson" in sensor.text, sensor.text)
    names = ["events.ndjson", "events.1.ndjson", "events.2.ndjson", "events.3.ndjson"]
    found = []
    for name in names:
        with open(os.path.join(place, name), encoding="utf-8") as file:
            found.append([json.loads(line)["SourceIP"] for line in file])
    expect("each run has its own", found == [["198.51.100.0"], ["198.51.100.1"], ["198.51.100.9"], ["198.51.100.2"]],
           found)
    expect("nothing else is there", sorted(os.listdir(place)) == sorted(names), os.listdir(place))


def check_foreign(wire, folder):
    """What the sensor's user cannot write ends it for good: the service manager would try again for ever."""
    os.mkdir(folder)
    os.chown(folder, 12345, 12345)
    os.chmod(folder, 0o755)
    user = "root" if "root" in OPTIONS else "nobody"
    for arguments in (("--events", os.path.join(folder, "events.csv")), ("--output", os.path.join(folder, "hours"))):
        done = subprocess.run(["ip", "netns", "exec", wire.dark, NIGHTSCOPE, "live", "-i", DARK, *arguments, *OPTIONS],
                              capture_output=True, check=False, timeout=60)
        text = done.stderr.decode()
        expect(f"a folder of somebody else: {arguments}", done.returncode == 78 and not done.stdout
               and text.startswith(f"nightscope: {arguments[1]}: cannot be written: Permission denied")
               and text.endswith(f" (the sensor is the user {user})\n"), done)


def check_dumb(wire):
    """On a terminal that cannot draw a page anew there is the log."""
    master, slave = pty.openpty()
    process = wire.start(wire.dark, NIGHTSCOPE, "live", "-i", DARK, "--json", *OPTIONS, stdout=subprocess.PIPE,
                         stderr=slave, env=os.environ | {"TERM": "dumb"})
    os.close(slave)
    logged = b""
    while b"begins anew" not in logged and select.select([master], [], [], 60)[0]:
        logged += os.read(master, 65536)
    process.send_signal(signal.SIGTERM)
    out = process.communicate(timeout=60)[0]
    while select.select([master], [], [], 0)[0]:
        try:
            logged += os.read(master, 65536)
        except OSError:  # the other end is closed
            break
    expect("no page on a dumb terminal", b"nothing is kept on disk" in logged and b"\x1b" not in logged, logged)
    expect("its report", process.returncode == 0 and json.loads(out)["frames"] == 0, out)
    os.close(master)


def main():
    need()
    seed = random.randrange(1 << 32)
    print(f"outputs: seed {seed}")
    with tempfile.TemporaryDirectory() as folder, Wire() as wire:
        os.chmod(folder, 0o777)
        kept, metrics = os.path.join(folder, "kept.pcap"), os.path.join(folder, "metrics.prom")
        hours, address = os.path.join(folder, "hours"), os.path.join(folder, "socket")
        os.mkdir(hours)
        os.chmod(hours, 0o777)
        config = os.path.join(folder, "live.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"[capture]\ninterface = {DARK}\nwrite = {kept}\n[output]\noutput = {hours}\n"
                       f"[metrics]\nmetrics = unix:{address}\nfile = {metrics}\n"
                       "[analysis]\nworkers = 2\n")
        sensor = Sensor(NIGHTSCOPE, wire, "-i", DARK, "--config", config, *OPTIONS).ready()
        sent = frames(random.Random(seed))
        wire.send(sent)
        sensor.wait_frames(len(sent))
        wait_until("metrics that have seen all frames", lambda: values(get(address)[2]).get(
            "nightscope_frames_total") == len(sent))
        status, kind, text = get(address)
        expect("metrics by HTTP", status == 200 and kind.startswith("text/plain; version=0.0.4"),
               (status, kind))
        expect("no other page", get(address, "/x")[0] == 404)
        expect("no other method", get(address, method="POST")[0] == 405)
        got = values(text)
        for i in range(200):  # clients that hang up at once, or send nonsense
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(address)
                if i % 2:
                    client.send(b"\0" * 100 + b"\r\n\r\n")
        wait_until("an answer after them", lambda: get(address)[0] == 200)
        expect("still serving after hostile clients", get(address)[0] == 200)
        expect("the file is there", os.path.exists(metrics))
        report = sensor.stop()
        expect("it ends with status 0", sensor.status == 0, sensor.text)
        expect("it says nothing of trouble", "cannot" not in sensor.text, sensor.text)

        expect("frames", got["nightscope_frames_total"] == report["frames"] == len(sent), report["frames"])
        expect("packets", got["nightscope_packets_total"] == report["packets"], got)
        expect("bytes", got["nightscope_bytes_total"] == report["bytes"])
        expect("mirai", got['nightscope_label_packets_total{label="mirai"}'] == 300
               == report["labels"]["mirai"]["packets"], report["labels"]["mirai"])
        expect("by signature", sum(value for name, value in got.items()
                                   if name.startswith("nightscope_signature_packets_total"))
               == sum(row["packets"] for row in report["signatures"].values()))
        expect("sources", got["nightscope_sources"] == report["sources"] == 51, report["sources"])
        expect("open events", got["nightscope_events"] > 0, got["nightscope_events"])
        expect("workers", 'nightscope_worker_frames_total{worker="1"}' in got)
        expect("interface", got[f'nightscope_interface_up{{interface="{DARK}"}}'] == 1)
        expect("no losses", all(value == 0 for name, value in got.items() if "dropped_packets" in name))
        with open(metrics, encoding="utf-8") as file:
            last = values(file.read())
        expect("the file has the end", last["nightscope_packets_total"] == report["packets"]
               and last["nightscope_events"] == 0 and last["nightscope_events_written_total"] > 50, last)

        expect("nothing temporary is left", not glob.glob(os.path.join(hours, ".*")))
        expect("hourly minutes are those of the report", lines(os.path.join(hours, "windows-*.ndjson.gz"))
               == report["series"], report["series"])
        events = lines(os.path.join(hours, "events-*.ndjson.gz"))
        expect("events have every packet", sum(e["Packets"] for e in events) == report["packets"])
        bot = [e for e in events if e["SourceIP"] == "198.51.100.1"]
        expect("the bot is one event with its label", len(bot) == 1 and bot[0]["Mirai"]
               and bot[0]["Port"] == 23 and bot[0]["Packets"] == 300, bot)
        again = os.path.join(folder, "again.ndjson")
        other = replay(NIGHTSCOPE, "--events", again, kept)
        expect("windows equal those of the replay", windows(report) == windows(other))
        with open(again, encoding="utf-8") as file:
            expect("events equal those of the replay", without_end(events) == without_end(
                json.loads(line) for line in file))
        done = subprocess.run([NIGHTSCOPE, "live", "-i", DARK, "--metrics", "0.0.0.0:9100"],
                              capture_output=True, text=True, check=False)
        expect("no address of another host", done.returncode == 2 and "--metrics" in done.stderr
               and done.stderr.count("\n") == 1, done)
        check_screen(wire, os.path.join(folder, "left"))
        stopped_terminal(wire)
        events_twice(wire, folder)
        check_dumb(wire)
        check_foreign(wire, os.path.join(folder, "foreign"))
    finish()


main()
