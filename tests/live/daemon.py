"""The sensor as a daemon: privileges, signals, reload and end under load, interfaces that go and come.
daemon.py NIGHTSCOPE SIGNATURES [OPTION]..."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile

from wire import DARK, Flood, Sensor, Wire, expect, finish, lost, need, replay, wait_until, windows

NIGHTSCOPE, SIGNATURES, OPTIONS = sys.argv[1], sys.argv[2], sys.argv[3:]
SANDBOXED = "--no-sandbox" not in OPTIONS
FRAME = bytes.fromhex("020000000002" "020000000001" "0800")


def syn(source, sequence=1, port=23, ident=1):
    """A SYN from 203.0.x.y."""
    head = bytes.fromhex("45000028") + ident.to_bytes(2, "big") + bytes.fromhex("400040060000")
    address = bytes([203, 0, source >> 8, source & 255, 10, 98, 0, 1])
    tcp = (40000).to_bytes(2, "big") + port.to_bytes(2, "big") + sequence.to_bytes(4, "big") + \
        bytes.fromhex("00000000" "500216d0" "00000000")
    return FRAME + head + address + tcp


def status_of(sensor):
    pid = sensor.process.pid
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def privileges(wire):
    sensor = Sensor(NIGHTSCOPE, wire, *OPTIONS, environment={"WATCHDOG_USEC": "3000000"}).ready()
    status = status_of(sensor)
    expect("it is nobody", not SANDBOXED or status["Uid"].split() == ["65534"] * 4 and
           status["Gid"].split() == ["65534"] * 4 and status.get("Groups", "").strip() == "", status)
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        expect(f"no capability in {kind}", int(status[kind], 16) == 0, status[kind])
    expect("no new privileges", status["NoNewPrivs"] == "1", status)
    if SANDBOXED:
        expect("a filter of system calls", status["Seccomp"] == "2", status)
    wire.send([syn(i) for i in range(100)])
    sensor.wait_frames(100)
    sensor.process.send_signal(signal.SIGUSR1)
    wait_until("the log of SIGUSR1", lambda: "interface vdark: up" in sensor.log())
    sensor.wait_for("WATCHDOG=1")  # of systemd
    expect("SIGUSR1 logs the state", "100 frames read" in sensor.log(), sensor.log())
    report = sensor.stop(signal.SIGINT)
    expect("SIGINT ends it with a report", (sensor.status, report["frames"]) == (0, 100),
           (sensor.status, report and report["frames"], sensor.text))
    expect("the end was announced", "STOPPING=1" in sensor.notes, sensor.notes[-3:])


def reload_signatures(wire, folder):
    """Under load: good ones, bad ones, one that is gone, and one that is new."""
    rules = os.path.join(folder, "rules")
    shutil.copytree(SIGNATURES, rules)
    for root, names, files in os.walk(folder):
        os.chmod(root, 0o755)
        for name in files:
            os.chmod(os.path.join(root, name), 0o644)
    os.chmod(folder, 0o777)
    own = os.path.join(rules, "zz-own.sig")

    def write(text):
        with open(own, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(own, 0o644)

    first = ("signature own-first\n    title the first\n    label own\n    origin tool\n"
             "    match tcp.syn and ip.id == 777\n    chance 2^-16\n")
    second = ("signature own-second\n    title the second\n    origin iot\n"
              "    match tcp.syn and ip.id == 778\n    chance 2^-16\n")
    write(first)
    sensor = Sensor(NIGHTSCOPE, wire, "--signatures", rules, "--workers", "2", "--top", "0",
                    *OPTIONS).ready()
    before = wire.sent()
    flood = Flood(wire, folder, 300000, rate="50000pps", sources=512)
    wire.send([syn(1, sequence=i, ident=777) for i in range(40)])

    def reload(text):
        sensor.process.send_signal(signal.SIGHUP)
        sensor.wait_for("RELOADING=1").wait_for("READY=1")
        wait_until(text, lambda: text in sensor.log())

    reload("were read again")
    write("signature broken\n    match tcp.syn and (\n")
    reload("stay as they were")
    expect("a bad signature is told with its place", f"{own}:" in sensor.log(), sensor.log())
    wire.send([syn(1, sequence=100 + i, ident=777) for i in range(40)])
    sensor.wait_frames(wire.sent() - before)  # they are counted under the old signatures
    write(second)
    reload("were read again")
    wire.send([syn(2, sequence=i, ident=778) for i in range(40)] +
              [syn(1, sequence=200 + i, ident=777) for i in range(40)])
    flood.wait()
    sent = wire.sent() - before
    report = sensor.wait_frames(sent).stop()
    expect("a reload loses nothing", report["frames"] + lost(report) == sent,
           (report["frames"], lost(report), sent))
    expect("and drops nothing at this rate", lost(report) == 0, lost(report))
    row = report["signatures"]
    expect("what matched before it went is kept", row["own-first"]["packets"] == 80, row["own-first"])
    expect("its source keeps its label", row["own-first"]["labelled"] == 1, row["own-first"])
    expect("by the label as well", report["labels"]["own"]["labelled"] == 1, report["labels"]["own"])
    expect("a new one matches from then on", row["own-second"]["packets"] == 40, row["own-second"])
    expect("and labels", row["own-second"]["labelled"] == 1, row["own-second"])
    labels = {source["ip"]: source["labels"] for source in report["top_sources"]
              if source["ip"].startswith("203.0.0.")}
    expect("sources show their labels", labels == {"203.0.0.1": ["own"], "203.0.0.2": ["own-second"]},
           labels)


def end_under_load(wire, folder):
    kept = os.path.join(folder, "end.pcap")
    sensor = Sensor(NIGHTSCOPE, wire, "--workers", "2", "--write", kept, *OPTIONS).ready()
    flood = Flood(wire, folder, 10_000_000)
    sensor.wait_frames(100000)
    report = sensor.stop()
    flood.stop()
    expect("it ends under load with status 0", sensor.status == 0, sensor.text)
    expect("within 5 s", sensor.seconds < 5, sensor.seconds)
    again = replay(NIGHTSCOPE, kept)
    expect("what it read is what it kept", (report["frames"], windows(report)) ==
           (again["frames"], windows(again)), (report["frames"], again["frames"]))


def down_and_up(wire):
    sensor = Sensor(NIGHTSCOPE, wire, "--workers", "2", *OPTIONS).ready()
    wire.send([syn(i) for i in range(300)])
    sensor.wait_frames(300)
    wire.ip("-n", wire.dark, "link", "set", DARK, "down")
    wait_until("down in the log", lambda: "the interface is down" in sensor.log())
    wire.ip("-n", wire.dark, "link", "set", DARK, "up")
    wait_until("up in the log", lambda: "is up again" in sensor.log())
    wire.send([syn(i) for i in range(300)])
    sensor.wait_frames(600)
    report = sensor.stop()
    expect("capture goes on with the same handle", (report["frames"], sensor.status) == (600, 0),
           (report["frames"], sensor.status, sensor.text))
    expect("each source is one still", report["sources"] == 300, report["sources"])


def deleted():
    with Wire() as wire:
        sensor = Sensor(NIGHTSCOPE, wire, "--workers", "2", *OPTIONS).ready()
        wire.send([syn(i) for i in range(100)])
        sensor.wait_frames(100)
        wire.ip("-n", wire.dark, "link", "del", DARK)
        report = sensor.stop(None)
        expect("without its interface it ends with status 1", sensor.status == 1, sensor.text)
        expect("after a report", report["frames"] == 100, report["frames"])
        expect("and says why", "vdark: the interface is gone" in sensor.text, sensor.text)


def refused(what, status, says, wire, *options):
    done = subprocess.run(["ip", "netns", "exec", wire.dark, NIGHTSCOPE, "live", *OPTIONS,
                           *options], capture_output=True, text=True, check=False)
    expect(what, done.returncode == status and says in done.stderr and done.stderr.count("\n") == 1,
           (done.returncode, done.stderr))


def bad_usage(wire):
    refused("no interface", 2, "no interface given", wire)
    refused("unknown interface", 1, "nowhere: no such interface", wire, "-i", "nowhere")
    refused("bad filter", 2, "--filter: \"foo bar\"", wire, "-i", DARK, "--filter", "foo bar")
    refused("unknown user", 2, "--user: \"who\"", wire, "-i", DARK, "--user", "who")
    refused("a file", 2, "x.pcap", wire, "-i", DARK, "x.pcap")
    refused("twice the same", 2, "given twice", wire, "-i", DARK, "-i", DARK)
    refused("a file that cannot be", 78, "/nowhere/x.pcap", wire, "-i", DARK, "--write",
            "/nowhere/x.pcap")


def main():
    need("trafgen")
    with tempfile.TemporaryDirectory() as folder, Wire() as wire:
        os.chmod(folder, 0o777)
        bad_usage(wire)
        privileges(wire)
        down_and_up(wire)
        reload_signatures(wire, folder)
        end_under_load(wire, folder)
    deleted()
    finish()


main()
