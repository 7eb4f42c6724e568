"""The page in headless Chromium, against a Redis that samples fill: page.py NIGHTSCOPE SAMPLE

browser.mjs does what a visitor does, and asks here what is in Redis. Pictures of the page are kept in
the build directory, tests/serve/page. Without chromium, node or the modules of
contrib/dashboard/fetch --tests it is skipped."""
import json
import os
import shutil
import subprocess
import sys

import web
from web import Serve, Server, done, expect

NIGHTSCOPE, SAMPLE = sys.argv[1:3]
SOURCE, BUILD = os.environ["NIGHTSCOPE_SOURCE"], os.environ["NIGHTSCOPE_BUILD"]
DASHBOARD = os.path.join(SOURCE, "contrib", "dashboard")
HERE = os.path.dirname(os.path.abspath(__file__))
ARTEFACTS = os.path.join(BUILD, "tests", "serve", "page")
SIZES = ["minutes=1500", "hours=30", "days=3", "rows=60", "labelled=40", "feed=300"]
SKIPPED = 77
MANY = 100000


def skip_without():
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    for there, what in ((chromium, "chromium"), (shutil.which("node"), "node"),
                        (os.path.isdir(os.path.join(DASHBOARD, "node_modules", "playwright-core")),
                         "playwright-core (contrib/dashboard/fetch --tests)")):
        if not there:
            print(f"{what} is not there: skipped")
            sys.exit(SKIPPED)
    os.environ["CHROMIUM"] = chromium


def publish(server, sensor, seed):
    subprocess.run([SAMPLE, server.url, sensor, "1795305600000-a", f"seed={seed}", *SIZES],
                   check=True, stdout=subprocess.DEVNULL)


def pairs(flat):
    return {key.decode(): int(value) if value.isdigit() else int(float(value))
            for key, value in zip(flat[::2], flat[1::2])}


class Redis:
    """What browser.mjs may ask for; every answer is read from the server's keys."""

    def __init__(self, server):
        self.server = server

    def numbers(self):
        stream = self.server.call("XRANGE", "ns:{a}:series:1m", "-", "+")
        minutes = {int(key.split(b"-")[0]) // 1000: pairs(flat) for key, flat in stream}
        newest = max(minutes) + 60
        rows = [row for at, row in minutes.items() if newest - 86400 <= at < newest]
        return {field: sum(row[field] for row in rows) for field in rows[0]}

    def latest(self):
        """The newest minute of both sensors together."""
        last = [self.server.call("XREVRANGE", f"ns:{{{sensor}}}:series:1m", "+", "-", "COUNT", 1)[0]
                for sensor in "ab"]
        newest = max(at for at, _ in last)
        rows = [pairs(flat) for at, flat in last if at == newest]
        return {field: sum(row[field] for row in rows) for field in ("packets", "iot_matched")}

    def table(self, table, view, sensors, window="24h"):
        total = {}
        for sensor in sensors:
            name = f"ns:{{{sensor}}}:top:{'iot:' if view == 'iot' else ''}{table}:{window}"
            for key, value in pairs(self.server.call("ZRANGE", name, 0, -1, "WITHSCORES")).items():
                total[key] = total.get(key, 0) + value
        total.pop("others", None)
        first = sorted(total.items(), key=lambda each: (-each[1], len(each[0]), each[0]))
        if table in ("cc", "src", "label"):
            first = sorted(total.items(), key=lambda each: (-each[1], each[0]))
        return dict(first[:20])

    def country(self):
        names = [key.decode().split(":")[4] for key in
                 self.server.call("KEYS", "ns:{a}:top:cc:*:tcp:24h")]
        cc = sorted(names)[0]
        rows = pairs(self.server.call("ZRANGE", f"ns:{{a}}:top:cc:{cc}:tcp:24h", 0, -1,
                                      "WITHSCORES"))
        rows.pop("others", None)
        return {"cc": cc, "rows": rows}

    def feed_of(self, asn):
        """Sources of sampled packets from that AS, which gets a row."""
        self.server.call("ZADD", "ns:{a}:top:asn:24h", 1, asn)
        flat = [dict(zip(each[::2], each[1::2])) for _, each in
                self.server.call("XRANGE", "ns:{a}:feed", "-", "+")]
        return sorted({each[b"src"].decode() for each in flat if each[b"asn"] == asn.encode()})

    def source(self):
        address = self.server.call("ZREVRANGE", "ns:{a}:iot", 0, 0)[0].decode()
        flat = self.server.call("HGETALL", f"ns:{{a}}:src:{address}")
        known = {k.decode(): v.decode() for k, v in zip(flat[::2], flat[1::2])}
        return {"ip": address, "texts": [f"{int(known['packets']):,}",
                                         *known["signatures"].split(","),
                                         *known["labels"].split(",")]}

    def stop(self):
        self.server.stop()
        if os.path.exists(self.server.path):
            os.unlink(self.server.path)

    def start(self):
        self.server.start()
        publish(self.server, "a", 1)
        publish(self.server, "b", 2)

    def many(self):
        """As many labelled sources as a busy telescope has."""
        call = self.server.call
        call("SADD", "ns:sensors", "big")
        for key in ("info", "series:1m", "top:tcp:24h", "top:src:24h", "top:cc:24h"):
            call("COPY", "ns:{a}:" + key, "ns:{big}:" + key)
        words = []
        for i in range(MANY):
            address = f"{1 + i // 65536}.{i // 256 % 256}.{i % 256}.7"
            words += [1795300000 + i % 5000, address]
            if len(words) == 2000:
                call("ZADD", "ns:{big}:iot", *words)
                words = []
        tops = []
        for address in call("ZREVRANGE", "ns:{big}:iot", 0, 1099):
            call("HSET", b"ns:{big}:src:" + address, "labels", "mirai", "signatures", "mirai", "n",
                 9, "k", 9, "probability", "1e-80", "iot", 1, "packets", 9, "ports", "23/tcp",
                 "first", 1795300000, "last", 1795305000, "cc", "JP", "asn", 64500)
            tops += [9, address]
        call("ZADD", "ns:{big}:top:src:24h", *tops[:2000])
        return True

    def answer(self, question):
        if isinstance(question, dict):
            return self.feed_of(**question) if "asn" in question else self.table(**question)
        return {"numbers": self.numbers, "latest": self.latest, "country": self.country, "source": self.source,
                "stop redis": self.stop, "start redis": self.start,
                "many sources": self.many}[question]()


def drive(server, serve, single, report):
    redis = Redis(server)
    process = subprocess.Popen(
        ["node", os.path.join(HERE, "browser.mjs"), f"http://127.0.0.1:{serve.port}/", DASHBOARD,
         ARTEFACTS, single], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        message = json.loads(line)
        if "ask" in message:
            answer = report if message["ask"] == "report" else redis.answer(message["ask"])
            process.stdin.write(json.dumps(answer) + "\n")
            process.stdin.flush()
        elif "note" in message:
            print(message["note"])
        else:
            expect(message["check"], message["good"], message["detail"])
    expect("the browser's part ended well", process.wait() == 0, process.returncode)


def ports(rows):
    tcp = [row for row in rows if row["proto"] == "tcp"]
    return {str(row["port"]): row["packets"] for row in tcp[:20]}


def replay(folder):
    """A replay as one file, and what its report says."""
    captures = [os.path.join(SOURCE, "pcaps", name) for name in sorted(os.listdir(
        os.path.join(SOURCE, "pcaps"))) if name.endswith(".pcap")]
    single = os.path.join(folder, "replay.html")
    run = subprocess.run([NIGHTSCOPE, "replay", "--quiet", "--json", "--html", single, "--geo",
                          os.path.join(SOURCE, "tests", "geo", "country.mmdb"), *captures],
                         check=True, capture_output=True)
    report = json.loads(run.stdout)
    return single, {"packets": report["packets"], "iot_matched": report["iot"]["matched"],
                    "tcp": ports(report["ports"]), "iot_tcp": ports(report["iot"]["ports"])}


def main():
    skip_without()
    server = Server()
    server.start()
    try:
        publish(server, "a", 1)
        publish(server, "b", 2)
        serve = Serve(NIGHTSCOPE, server.url)
        if serve.get("/")[0] != 200:
            print("the program was built without its page (contrib/dashboard/fetch): skipped")
            serve.stop()
            sys.exit(SKIPPED)
        single, report = replay(server.folder)
        drive(server, serve, single, report)
        expect("ends well", serve.stop() == 0)
        expect("all of it was looked at", web.checks > 40, web.checks)
    finally:
        server.remove()
    return done()


sys.exit(main())
