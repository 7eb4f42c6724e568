"""A sensor's keys in Redis while it captures: totals as they grow, a server that is killed and comes back,
a reload, and at the end what the report says. redis.py NIGHTSCOPE SIGNATURES [OPTION]..."""
import json
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from redis_server import Server
from wire import Sensor, Wire, expect, finish, need, wait_until

NIGHTSCOPE, SIGNATURES, OPTIONS = sys.argv[1], sys.argv[2], sys.argv[3:]
FRAME = bytes.fromhex("020000000002" "020000000001" "0800")


def mirai(source, target):
    """A SYN whose sequence number is its destination."""
    destination = bytes([10, 98, target >> 8, target & 255])
    return FRAME + bytes.fromhex("45000028000140004006") + b"\0\0" + \
        bytes([203, 0, source >> 8, source & 255]) + destination + \
        bytes.fromhex("9c400017") + destination + bytes.fromhex("00000000" "500216d0" "00000000")


def fields(server, key):
    flat = server.call("HGETALL", key)
    return {name.decode(): value.decode() for name, value in zip(flat[::2], flat[1::2])}


def open_to_all(server):
    os.chmod(server.folder, 0o755)
    os.chmod(server.path, 0o777)


def restarted(server):
    server.stop()
    os.path.exists(server.path) and os.remove(server.path)
    server.start()
    open_to_all(server)


def main():
    need()
    server = Server()
    server.start()
    open_to_all(server)
    try:
        with Wire() as wire:
            sensor = Sensor(NIGHTSCOPE, wire, "--signatures", SIGNATURES, "--workers", "2", "--top", "0",
                            "--redis", server.url, "--sensor", "here", *OPTIONS).ready()
            wire.send([mirai(source, target) for target in range(20) for source in range(30)])
            sensor.wait_frames(600)
            totals = lambda: fields(server, "ns:{here}:totals")
            wait_until("totals in Redis", lambda: totals().get("packets") == "600")
            expect("the sensor is listed", server.call("SMEMBERS", "ns:sensors") == [b"here"])
            expect("it says that it is live", fields(server, "ns:{here}:info").get("state") == "live",
                   fields(server, "ns:{here}:info"))
            shown = json.loads(server.call("GET", "ns:{here}:report"))
            expect("its report is that of now", (shown["packets"], shown["sources"],
                                                 shown["labels"]["mirai"]["labelled"]) == (600, 30, 30),
                   (shown["packets"], shown["sources"], shown["labels"]["mirai"]))
            expect("its labelled sources are there", server.call("ZCARD", "ns:{here}:iot") == 30)
            sensor.process.send_signal(signal.SIGHUP)
            sensor.wait_for("RELOADING=1").wait_for("READY=1")
            restarted(server)
            wire.send([mirai(source, target) for target in range(20, 40) for source in range(30)])
            sensor.wait_frames(1200)
            wait_until("all again in Redis", lambda: totals().get("packets") == "1200")
            report = sensor.stop()
            expect("it ends with status 0", sensor.status == 0, sensor.text)
            expect("within 5 s", sensor.seconds < 5, sensor.seconds)
            expect("all are counted", report["packets"] == 1200, report["packets"])
            shown = json.loads(server.call("GET", "ns:{here}:report"))
            expect("the last report is the one that was printed", shown == report)
            expect("it says that it has ended", fields(server, "ns:{here}:info")["state"] == "ended")
            rows = server.call("XRANGE", "ns:{here}:series:1m", "-", "+")
            packets = [dict(zip(row[1][::2], row[1][1::2]))[b"packets"] for row in rows]
            expect("the series is that of the report", [int(number) for number in packets] ==
                   [minute["packets"] for minute in report["series"]], (packets, report["series"]))
            expect("the ports are those of the report",
                   server.call("ZRANGE", "ns:{here}:top:tcp:24h", 0, -1, "WITHSCORES")[:2] ==
                   [b"23", b"1200"], server.call("ZRANGE", "ns:{here}:top:tcp:24h", 0, -1, "WITHSCORES"))
            expect("the feed has each packet at most once, and some",
                   0 < server.call("XLEN", "ns:{here}:feed") <= 1200)
    finally:
        server.remove()
    finish()


main()
