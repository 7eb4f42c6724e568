"""Redis is killed while packets pour in: capture goes on, every packet is counted or dropped, and all of it is
in Redis when that is back, though it lost what it had. redis_killed.py NIGHTSCOPE SIGNATURES"""
import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from redis_server import Server
from scrape import get, values
from wire import Flood, Sensor, Wire, expect, finish, lost, need, wait_until

NIGHTSCOPE, SIGNATURES, OPTIONS = sys.argv[1], sys.argv[2], sys.argv[3:]
RATE, WHILE_AWAY = "30000pps", 60000


def totals(server):
    flat = server.call("HGETALL", "ns:{here}:totals")
    return dict(zip(flat[::2], map(int, flat[1::2])))


def state(address):
    """What the metrics say of Redis: the name of its state, is it up, and all of them."""
    found = values(get(address)[2])
    names = [key.split('"')[1] for key in found if key.startswith("nightscope_redis_state{")]
    return names, found["nightscope_redis_up"], found


def start(server):
    if os.path.exists(server.path):
        os.remove(server.path)
    server.start()
    os.chmod(server.folder, 0o755)
    os.chmod(server.path, 0o777)


def main():
    need("trafgen")
    server = Server()
    start(server)
    try:
        with tempfile.TemporaryDirectory() as folder, Wire() as wire:
            os.chmod(folder, 0o777)
            address = os.path.join(folder, "metrics")
            sensor = Sensor(NIGHTSCOPE, wire, "--signatures", SIGNATURES, "--workers", "2", "--redis",
                            server.url, "--sensor", "here", "--metrics", "unix:" + address,
                            *OPTIONS).ready()
            before = wire.sent()
            flood = Flood(wire, folder, 0, RATE)
            sensor.wait_frames(1000)
            wait_until("packets in Redis", lambda: totals(server).get(b"packets", 0) > 0)
            shown = totals(server)[b"packets"]
            wait_until("the metrics say that it is up", lambda: state(address)[:2] == (["up"], 1))
            server.stop()  # SIGKILL
            wait_until("a word about it", lambda: "redis: away" in sensor.log())
            wait_until("and in the metrics", lambda: state(address)[:2] == (["away"], 0))
            wait_until("failures are counted",
                       lambda: state(address)[2]["nightscope_redis_failures_total"] > 0)
            sensor.hear()
            sensor.wait_frames(sensor.frames + sensor.lost + WHILE_AWAY)
            while_away = sensor.frames
            start(server)
            wait_until("more packets in Redis than when it died",
                       lambda: totals(server).get(b"packets", 0) > shown)
            wait_until("the metrics say that it is up again", lambda: state(address)[:2] == (["up"], 1))
            wait_until("everything was sent again",
                       lambda: state(address)[2]["nightscope_redis_resends_total"] > 0)
            flood.stop()
            sent = wire.sent() - before
            report = sensor.wait_frames(sent).stop()
            expect("it ends with status 0", sensor.status == 0, sensor.text)
            expect("counted and dropped are what was sent", report["frames"] + lost(report) == sent,
                   (report["frames"], lost(report), sent))
            expect("capture went on without Redis", report["frames"] > while_away > shown,
                   (shown, while_away, report["frames"]))
            after = totals(server)
            expect("the totals are those of the report", (after[b"packets"], after[b"dropped"]) ==
                   (report["packets"], lost(report)), (after, report["packets"], lost(report)))
            rows = server.call("XRANGE", "ns:{here}:series:1m", "-", "+")
            series = [int(dict(zip(row[1][::2], row[1][1::2]))[b"packets"]) for row in rows]
            expect("and so is the series", series == [minute["packets"] for minute in report["series"]],
                   (series, report["series"]))
            expect("and the report", json.loads(server.call("GET", "ns:{here}:report")) == report)
    finally:
        server.remove()
    finish()


main()
