"""What a sensor keeps over a restart. state.py NIGHTSCOPE SIGNATURES [OPTION]...

A sensor is killed at random moments while numbered packets come, then goes on with its state: what it counts,
and the packets after its last checkpoint, are all that was sent, each once."""
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from redis_server import Server
from wire import DARK, DEADLINE_S, Sensor, Wire, expect, finish, need, wait_until

NIGHTSCOPE, SIGNATURES, OPTIONS = sys.argv[1], sys.argv[2], sys.argv[3:]
NOBODY = 65534
SEED = int(os.environ.get("NIGHTSCOPE_SEED", "0"), 0) or random.SystemRandom().getrandbits(32)
FRAME = bytes.fromhex("020000000002" "020000000001" "0800")
SOURCES, KILLS = 20, 3


def mirai(source, target):
    """A SYN whose sequence number is its destination."""
    destination = bytes([10, 98, target >> 8 & 255, target & 255])
    return FRAME + bytes.fromhex("45000028000140004006") + b"\0\0" + \
        bytes([203, 0, source >> 8, source & 255]) + destination + \
        bytes.fromhex("9c400017") + destination + bytes.fromhex("00000000" "500216d0" "00000000")


def burst(n, first=0):
    return [mirai(i % SOURCES, first + i) for i in range(n)]


def folder_of(parent, name):
    """One that the sensor's user may write to."""
    path = os.path.join(parent, name)
    os.mkdir(path)
    os.chown(path, NOBODY, NOBODY) if "--user" not in OPTIONS else None
    return path


def start(wire, folder, *options, workers=2):
    return Sensor(NIGHTSCOPE, wire, "--signatures", SIGNATURES, "--workers", str(workers), "--top", "0",
                  "--state", folder, *options, *OPTIONS)


def metric(folder, name):
    """Of the file of --metrics-file; None: not there yet."""
    try:
        with open(os.path.join(folder, "metrics"), encoding="ascii") as file:
            for line in file:
                if line.startswith(f"nightscope_{name} "):
                    return float(line.split()[1])
    except FileNotFoundError:
        pass
    return None


def checkpoint(folder):
    """Which one is there: its time and number on disk."""
    try:
        meta = os.stat(os.path.join(folder, "checkpoint"))
        return meta.st_ino, meta.st_mtime_ns
    except FileNotFoundError:
        return None


def wait_checkpoints(folder, n):
    """Until n more were written: the last began after this was called, if n is 2."""
    for _ in range(n):
        before = checkpoint(folder)
        # one in 25 parts of the time goes into them: the next may be long in coming where one was slow
        wait_until("a checkpoint", lambda: checkpoint(folder) != before, 3 * DEADLINE_S)


def rows_of(server):
    rows = server.call("XRANGE", "ns:{here}:series:1m", "-", "+")
    return [(int(row[0].split(b"-")[0]) // 1000,
             {key.decode(): int(value) for key, value in zip(row[1][::2], row[1][1::2])
              if value.isdigit()}) for row in rows]


def killed(wire, parent, server):
    """Kills, at moments that a seed gives, with packets of every run that are surely kept. A run need not have
    as many workers as the one before."""
    rng = random.Random(SEED)
    folder = folder_of(parent, "killed")
    options = ["--checkpoint", "1s", "--lateness", "0s", "--redis", server.url, "--sensor", "here"]
    sent = kept = 0
    for run in range(KILLS):
        sensor = start(wire, folder, *options, workers=rng.randrange(1, 4)).ready()
        if run:
            expect("it says what it has taken up", "taken up;" in sensor.log() and
                   "s were not captured" in sensor.log(), sensor.log())
        n = rng.randrange(100, 1500)
        wire.send(burst(n, sent))
        sensor.wait_frames(n)
        wait_checkpoints(folder, 2)  # the second has them all
        sent, kept = sent + n, kept + n
        n = rng.randrange(1, 500)
        wire.send(burst(n, sent))  # of these, the last checkpoint has all, a part or none
        sent += n
        time.sleep(rng.random() * 1.5)  # the moment of the kill: any is as good
        sensor.stop(signal.SIGKILL)
    sensor = start(wire, folder, *options).ready()
    report = sensor.stop()
    expect("it ends with status 0", sensor.status == 0, sensor.text)
    expect("nothing is counted twice, and nothing is lost that a checkpoint had",
           kept <= report["packets"] <= sent, (SEED, kept, report["packets"], sent))
    expect("the report is whole", report["frames"] == report["packets"], report["frames"])
    expect("minutes add up to all packets",
           sum(minute["packets"] for minute in report["series"]) == report["packets"],
           (SEED, report["packets"], [minute["packets"] for minute in report["series"]]))
    label = report["labels"]["mirai"]
    expect("labels and evidence go on", (label["packets"], label["sources"], label["labelled"]) ==
           (report["packets"], SOURCES, SOURCES), (SEED, label, report["packets"]))
    expect("a source is one still", report["sources"] == SOURCES, report["sources"])
    return folder, options, report


def loses_what_it_says(wire, parent):
    """No checkpoint between a start and a kill: lost is what came between, and it says how long that was."""
    folder = folder_of(parent, "lost")
    options = ["--checkpoint", "1h", "--sensor", "lost"]
    sensor = start(wire, folder, *options).ready()
    wire.send(burst(120))
    sensor.wait_frames(120)
    first = sensor.stop()
    kept = checkpoint(folder)
    sensor = start(wire, folder, *options).ready()
    wire.send(burst(77, 1000))
    sensor.wait_frames(77)
    sensor.stop(signal.SIGKILL)
    expect("no checkpoint was written meanwhile", checkpoint(folder) == kept)
    least = int(time.time() - kept[1] / 1e9) - 1
    sensor = start(wire, folder, *options).ready()
    most = int(time.time() - kept[1] / 1e9) + 2
    said = re.search(r"taken up; (\d+) s were not captured", sensor.log())
    expect("it says how long nothing was kept", said and least <= int(said[1]) <= most,
           (least, sensor.log(), most))
    wire.send(burst(55, 2000))
    report = sensor.wait_frames(55).stop()
    expect("what was kept and what came since is counted, each once", (first["packets"], report["packets"])
           == (120, 175), (first["packets"], report["packets"]))
    expect("in minutes, too", sum(minute["packets"] for minute in report["series"]) == 175, report["series"])


def ended_in_a_minute(wire, folder, options, report):
    """SIGTERM loses nothing; the sensor that goes on, which ends in minute_is_whole()."""
    before = report["packets"]
    sensor = start(wire, folder, *options).ready()
    wire.send(burst(300, 5000))
    sensor.wait_frames(300)
    first = sensor.stop()
    expect("SIGTERM loses nothing", first["packets"] == before + 300, (before, first["packets"]))
    expect("within 5 s", sensor.seconds < 5, sensor.seconds)
    sensor = start(wire, folder, *options).ready()
    wire.send(burst(200, 6000))
    return sensor.wait_frames(200), before + 500


def minute_is_whole(server, sensor, packets):
    """Redis gets the minutes once, each whole."""
    closed = lambda: sum(row["packets"] for _, row in rows_of(server))
    # The minute that is open now ends within a minute, and two seconds on it is closed.
    wait_until("all minutes in Redis", lambda: closed() >= packets, deadline_s=150)
    rows = rows_of(server)
    expect("Redis has each packet once", closed() == packets, (packets, rows))
    expect("and each minute once", len({start for start, _ in rows}) == len(rows), rows)
    last = sensor.stop()
    expect("its rows are those of the report",
           [row["packets"] for _, row in rows] ==
           [minute["packets"] for minute in last["series"]][:len(rows)], (rows, last["series"]))


def refused(what, status, says, wire, folder, *options):
    done = subprocess.run(["ip", "netns", "exec", wire.dark, NIGHTSCOPE, "live", "-i", DARK, "--signatures",
                           SIGNATURES, "--quiet", "--state", folder, *OPTIONS, *options],
                          capture_output=True, text=True, check=False, timeout=120)
    expect(what, done.returncode == status and all(word in done.stderr for word in says) and
           done.stderr.count("\n") == 1, (done.returncode, done.stderr))


def who_is_refused(wire, parent):
    folder = folder_of(parent, "refused")
    sensor = start(wire, folder, "--sensor", "here", "--dark", "10.98.0.0/16").ready()
    wire.send(burst(50))
    sensor.wait_frames(50)
    refused("a second sensor", 1, [folder, str(sensor.process.pid)], wire, folder, "--sensor", "here")
    sensor.stop()
    same = ["--sensor", "here", "--dark", "10.98.0.0/16"]
    refused("another name", 78, [folder, "sensor"], wire, folder, "--sensor", "there", *same[2:])
    refused("another dark space", 78, [folder, "dark"], wire, folder, *same[:2], "--dark", "10.98.0.0/17")
    path = os.path.join(folder, "checkpoint")
    with open(path, "rb") as file:
        whole = file.read()
    for what, bytes_ in (("a cut", whole[:len(whole) // 2]), ("an empty", b""),
                         ("a damaged", whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])):
        with open(path, "wb") as file:
            file.write(bytes_)
        refused(f"{what} checkpoint", 78, ["checkpoint"], wire, folder, *same)
        with open(path, "rb") as file:
            expect(f"{what} checkpoint is left as it is", file.read() == bytes_)
    with open(path, "wb") as file:
        file.write(whole)
    report = start(wire, folder, *same).ready().stop()
    expect("the whole one is taken up", report["packets"] == 50, report["packets"])
    if "--user" not in OPTIONS:
        os.chown(folder, 0, 0)
        os.chmod(folder, 0o755)
        os.remove(os.path.join(folder, "lock"))
        refused("a folder of somebody else", 78, [f"chown nobody {folder}"], wire, folder, *same)
        inner = os.path.join(folder, "inner")
        refused("a folder in one of somebody else", 78, [f"`install -d -o nobody -m 700 {inner}` does"], wire, inner,
                *same)


def fill(folder):
    filler = os.path.join(folder, "filler")
    file = os.open(filler, os.O_WRONLY | os.O_CREAT)
    try:
        while os.write(file, bytes(4096)):
            continue
    except OSError:
        os.close(file)
    return filler


def full_disk(wire, parent, server):
    folder = folder_of(parent, "full")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=4m,mode=0777", "nslive", folder], check=True)
    try:
        shown = folder_of(parent, "shown")
        sensor = start(wire, folder, "--checkpoint", "1s", "--redis", server.url, "--sensor", "full",
                       "--metrics-file", os.path.join(shown, "metrics")).ready()
        wire.send(burst(100))
        sensor.wait_frames(100)
        wait_checkpoints(folder, 1)
        filler = fill(folder)
        wait_until("the warning", lambda: "the state is not written" in sensor.log())
        wait_until("the metric", lambda: metric(shown, "checkpoint_failures_total"))
        wire.send(burst(100, 100))
        sensor.wait_frames(200)
        os.remove(filler)
        wait_until("it writes again", lambda: "the state is written again" in sensor.log())
        report = sensor.stop()
        expect("a full disk ends nothing", (sensor.status, report["packets"]) == (0, 200), sensor.text)
        report = start(wire, folder, "--sensor", "full").ready().stop()
        expect("and the state is whole", report["packets"] == 200, report["packets"])
        filler = fill(folder)
        sensor = start(wire, folder, "--sensor", "full").ready()
        wire.send(burst(50, 200))
        report = sensor.wait_frames(50).stop()
        expect("it starts with a full disk, and says that its last state is not written",
               (sensor.status, report["packets"]) == (1, 250) and
               f"nightscope: {folder}: the last state is not written, and what came after the one before is lost "
               "to the next run" in sensor.text, (sensor.status, sensor.text))
        os.remove(filler)
        report = start(wire, folder, "--sensor", "full").ready().stop()
        expect("the state before is as it was", report["packets"] == 200, report["packets"])
    finally:
        subprocess.run(["umount", folder], check=True)


def events_stay_open(wire, parent):
    """A scan that goes on is not written as ended when the sensor is."""
    folder, out = folder_of(parent, "events"), os.path.join(folder_of(parent, "lines"), "events.ndjson")
    sensor = start(wire, folder, "--events", out, "--events-idle", "1h").ready()
    wire.send(burst(40))
    report = sensor.wait_frames(40).stop()
    expect("it ends with status 0 and all packets", (sensor.status, report["packets"]) == (0, 40), sensor.text)
    expect("open scan events stay open", os.path.getsize(out) == 0, out)


def ends_without_redis(wire, parent):
    """Redis is gone when the sensor is stopped: that is no failure, as the next run sends what is kept."""
    folder, server = folder_of(parent, "away"), Server()
    options = ["--lateness", "0s", "--redis", server.url, "--sensor", "away"]
    try:
        sensor = start(wire, folder, *options).ready()
        wait_until("word that it is away", lambda: "redis: away" in sensor.log())
        wire.send(burst(60))
        sensor.wait_frames(60).stop()
        expect("status 0, and it says where all is kept",
               sensor.status == 0 and f"is kept in {folder}/" in sensor.text, (sensor.status, sensor.text))
        server.start()
        os.chmod(server.folder, 0o755)
        os.chmod(server.path, 0o777)
        sensor = start(wire, folder, *options).ready()
        wire.send(burst(40, 60))
        sensor.wait_frames(40).stop()
        expect("the next run ends with status 0", sensor.status == 0, sensor.text)
        totals = server.call("HGETALL", "ns:{away}:totals")
        totals = dict(zip(totals[::2], totals[1::2]))
        expect("and sends what both have counted", totals.get(b"packets") == b"100", totals)
        server.stop()
        sensor = Sensor(NIGHTSCOPE, wire, "--signatures", SIGNATURES, *options, *OPTIONS).ready()
        sensor.stop()
        expect("without state it is a failure", sensor.status == 1 and "redis: away" in sensor.text,
               (sensor.status, sensor.text))
    finally:
        server.remove()


def without_state(wire):
    sensor = Sensor(NIGHTSCOPE, wire, "--signatures", SIGNATURES, *OPTIONS).ready()
    expect("without state it says so", "nothing is kept on disk" in sensor.log(), sensor.log())
    sensor.stop()


def main():
    need("mount", "umount")
    print(f"NIGHTSCOPE_SEED={SEED:#x}")
    server = Server()
    server.start()
    os.chmod(server.folder, 0o755)
    os.chmod(server.path, 0o777)
    try:
        other = Wire()
        other.scan, other.dark = other.scan + "-2", other.dark + "-2"
        with tempfile.TemporaryDirectory() as parent, Wire() as wire, other:
            os.chmod(parent, 0o755)
            running = ended_in_a_minute(wire, *killed(wire, parent, server))
            loses_what_it_says(other, parent)
            who_is_refused(other, parent)
            full_disk(other, parent, server)
            events_stay_open(other, parent)
            ends_without_redis(other, parent)
            without_state(other)
            minute_is_whole(server, *running)
    finally:
        server.remove()
    finish()


main()
