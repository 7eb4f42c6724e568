"""Databases that are read again while events and hourly files are written: good ones count from then on,
bad ones change nothing, and no packet is lost. reload.py NIGHTSCOPE DATABASES"""
import glob
import gzip
import json
import os
import shutil
import signal
import sys
import tempfile

from wire import Sensor, Wire, expect, finish, lost, need, syn, wait_until

NIGHTSCOPE, DATABASES, OPTIONS = sys.argv[1], sys.argv[2], sys.argv[3:]
EACH = 30


def place(folder, text):
    """Takes the place of the database at once, as whoever updates one must: it is mapped into memory."""
    path = os.path.join(folder, "geo.mmdb")
    with open(path + ".new", "wb") as file:
        file.write(text)
    os.chmod(path + ".new", 0o644)
    os.replace(path + ".new", path)


def database(name):
    with open(os.path.join(DATABASES, name + ".mmdb"), "rb") as file:
        return file.read()


def main():
    need()
    with tempfile.TemporaryDirectory() as folder, Wire() as wire:
        os.chmod(folder, 0o777)
        hours, events = os.path.join(folder, "hours"), os.path.join(folder, "events.ndjson")
        os.mkdir(hours)
        os.chmod(hours, 0o777)
        place(folder, database("country"))
        sensor = Sensor(NIGHTSCOPE, wire, "--workers", "2", "--top", "0", "--geo",
                        os.path.join(folder, "geo.mmdb"), "--events", events, "--output", hours,
                        *OPTIONS).ready()
        sent = 0

        def reload(text):
            sensor.process.send_signal(signal.SIGHUP)
            sensor.wait_for("RELOADING=1").wait_for("READY=1")
            wait_until(text, lambda: text in sensor.log())

        def probe(source):
            """An address of 198.51.100.0/25, which is in NL, as far as the first database knows."""
            nonlocal sent
            wire.send([syn(0xC6336400 + source, sequence=i, port=23) for i in range(EACH)])
            sent += EACH
            sensor.wait_frames(sent)

        probe(1)
        place(folder, b"no database at all")
        reload("stay as they were")
        expect("a bad one is named", "geo.mmdb:" in sensor.log(), sensor.log())
        probe(2)
        place(folder, database("odd_country"))  # knows no country of them
        reload("were read again")
        probe(3)
        probe(1)  # is where it was
        place(folder, database("country"))
        os.unlink(os.path.join(folder, "geo.mmdb"))
        sensor.process.send_signal(signal.SIGHUP)
        sensor.wait_for("RELOADING=1").wait_for("READY=1")
        wait_until("a second refusal", lambda: sensor.log().count("stay as they were") == 2)
        probe(4)
        report = sensor.stop()
        expect("it ends with status 0", sensor.status == 0, sensor.text)
        expect("no packet is lost", (report["frames"], lost(report)) == (sent, 0), (report["frames"], sent))
        countries = {row["cc"]: (row["packets"], row["sources"]) for row in report["countries"]}
        expect("countries are those of their time", countries == {"NL": (3 * EACH, 2), "??": (2 * EACH, 2)},
               countries)
        with open(events, encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        expect("events have every packet", sum(row["Packets"] for row in rows) == sent, rows)
        kept = []
        for path in glob.glob(os.path.join(hours, "events-*.ndjson.gz")):
            with gzip.open(path, "rt") as file:
                kept += [json.loads(line) for line in file]
        order = lambda row: json.dumps(row, sort_keys=True)
        expect("so do the hourly files", sorted(map(order, kept)) == sorted(map(order, rows)), kept)
        expect("nothing temporary is left", not glob.glob(os.path.join(hours, ".*")))
    finish()


main()
