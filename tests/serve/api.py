"""The API against a Redis that samples fill: numbers are those redis-cli shows, several sensors add
up, ETags hold, a reader's rights suffice, Redis may go and come back: api.py NIGHTSCOPE SAMPLE"""
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile

from web import Serve, Server, done, expect

NIGHTSCOPE, SAMPLE = sys.argv[1:3]
SOURCE = os.environ["NIGHTSCOPE_SOURCE"]
SIZES = ["minutes=180", "hours=30", "days=3", "rows=60", "labelled=40", "feed=100"]


def publish(server, sensor, seed, *sizes):
    subprocess.run([SAMPLE, server.url, sensor, "1795305600000-a", f"seed={seed}", *SIZES, *sizes],
                   check=True, stdout=subprocess.DEVNULL)


def pairs(flat):
    return {key.decode(): int(value) if value.isdigit() else int(float(value))
            for key, value in zip(flat[::2], flat[1::2])}


def total(numbers):
    """Counts do not wrap around: they stay at the highest there is."""
    return min(sum(numbers), (1 << 64) - 1)


def entries(server, sensor, stream):
    return {int(key.split(b"-")[0]) // 1000: pairs(flat)
            for key, flat in server.call("XRANGE", f"ns:{{{sensor}}}:series:{stream}", "-", "+")}


def ranking(server, sensors, name):
    total = {}
    for sensor in sensors:
        for key, value in pairs(server.call("ZRANGE", f"ns:{{{sensor}}}:{name}", 0, -1,
                                            "WITHSCORES")).items():
            total[key] = total.get(key, 0) + value
    return total


def check_series(server, serve):
    for sensors in (["a"], ["a", "b"]):
        answer = serve.api(f"series?window=1h&sensor={','.join(sensors)}")
        minutes = [entries(server, sensor, "1m") for sensor in sensors]
        newest = max(max(each) for each in minutes) + 60
        expect("series ends at the newest minute", answer["to"] == newest, answer["to"])
        expect("an hour has 60 minutes", answer["points"] == 60 and answer["step"] == 60, answer)
        for field, column in answer["fields"].items():
            for index, value in enumerate(column):
                at = answer["start"] + 60 * index
                there = [each[at][field] for each in minutes if at in each]
                wanted = total(there) if there else None
                if value != wanted:
                    expect(f"series {field} at {at}", False, (value, wanted))
    hours = entries(server, "a", "1h")
    at = min(hours)
    answer = serve.api(f"series?sensor=a&window={at}-{at + 3600 * 10}&step=3600")
    wanted = [hours[t]["packets"] if t in hours else None
              for t in range(at, at + 36000, 3600)]
    expect("hours", answer["fields"]["packets"] == wanted, (answer["fields"]["packets"], wanted))
    minutes, start = entries(server, "a", "1m"), 5400 * (max(minutes[0]) // 5400)
    for step in (5400, 3660):
        answer = serve.api(f"series?sensor=a&window={start - 5400}-{start + 60}&step={step}")
        wanted = [[row["packets"] for at, row in minutes.items() if at // step == point // step and at < answer["to"]]
                  for point in range(answer["start"], answer["to"], step)]
        expect(f"steps of {step} s share no hours", answer["fields"]["packets"] == [
            total(each) if each else None for each in wanted] and wanted[0], (answer, wanted))
    expect("nor are there minutes for months", serve.get("/api/v1/series?sensor=a&window=30d&step=5400")[0] == 400)
    iot = serve.api("series?sensor=a&view=iot&window=1h")
    expect("the IoT view has IoT fields alone",
           set(iot["fields"]) == {"seconds", "iot_matched", "iot_matched_sources"}, iot["fields"])


def check_cut(server, serve):
    """Three sensors, of which two list their first members only: whoever is not in both of these may have more."""
    parts = {"cut1": {"23": 50, "80": 9, "others": 4}, "cut2": {"23": 7, "443": 6, "others": 1},
             "cut3": {"80": 2, "8080": 1}}
    for name, members in parts.items():
        server.call("SADD", "ns:sensors", name)
        for port, packets in members.items():
            server.call("ZADD", f"ns:{{{name}}}:top:tcp:24h", packets, port)
    answer = serve.api("top/tcp?sensor=cut1,cut2,cut3&window=24h")
    got = {row["key"]: (row["packets"], row.get("packets_estimated", False)) for row in answer["rows"]}
    expect("members that a cut part does not list", got == {
        "23": (57, False), "80": (11, True), "443": (6, True), "8080": (1, True)}, got)
    expect("the total is exact", answer["total"] == 80 and answer["others"] == 5, answer)
    one = serve.api("top/tcp?sensor=cut1&window=24h")
    expect("one sensor's are exact", not any("packets_estimated" in row for row in one["rows"]), one)
    expect("there may be more", answer["members_estimated"] is True and
           "total_estimated" not in answer, answer)
    for name in parts:
        server.call("SREM", "ns:sensors", name)
        server.call("DEL", f"ns:{{{name}}}:top:tcp:24h")


def check_cut_days(server, serve):
    """Of a day Redis has 200 members and no others: what those beyond have is in no number."""
    def fill(key, n, first=1):
        server.call("ZADD", "ns:{days}:" + key, *[word for port in range(first, first + n) for word in (10, port)])

    def ask(what):
        answer = serve.api(what)
        return (answer["members"], answer.get("members_estimated", False), answer.get("total"),
                answer.get("total_estimated", False),
                {row["key"]: row.get("packets_estimated", row.get("sources_estimated", False)) for row in answer["rows"]})

    server.call("SADD", "ns:sensors", "days")
    for key, n, first in (("d:20261120:tcp", 200, 1), ("d:20261121:tcp", 199, 200),
                          ("top:tcp:sources:24h", 1000, 1), ("top:udp:sources:24h", 999, 1)):
        fill(key, n, first)
    two = ask("top/tcp?sensor=days&window=1795132800-1795305600&limit=1000")
    expect("two days, the first of them cut", two[:4] == (398, True, 3990, True) and all(
        marked == (int(port) > 200) for port, marked in two[4].items()), two)
    one = ask("top/tcp?sensor=days&window=1795219200-1795305600&limit=1000")
    expect("a day that is not cut", one[:4] == (199, False, 1990, False) and not any(one[4].values()), one)
    expect("sources have no others, too", ask("top/tcp:sources?sensor=days")[:2] == (1000, True))
    expect("sources that are all there", ask("top/udp:sources?sensor=days")[:2] == (999, False))
    server.call("SREM", "ns:sensors", "days")
    server.call("DEL", *server.call("KEYS", "ns:{days}:*"))


def check_over(server, serve):
    """A trailing hour or day that was over before that of the newest sensor began is no part of it."""
    newest = 1795305600
    for name, minute, series in (("now", newest, "1m"), ("hour", newest - 3540, "1m"), ("day", newest - 86400, "1m"),
                                 ("old", newest - 2 * 86400, "1h")):
        server.call("SADD", "ns:sensors", name)
        server.call("XADD", f"ns:{{{name}}}:series:{series}", f"{minute * 1000}-0", "packets", 1)
        for trailing in ("1h", "24h"):
            server.call("ZADD", f"ns:{{{name}}}:top:tcp:{trailing}", 1, 23, 1, f"{1000 + len(name)}")
    for trailing, wanted in (("1h", 2), ("24h", 2)):
        names = "now,hour,day" if trailing == "1h" else "now,day,hour,old"
        rows = serve.api(f"top/tcp?sensor={names}&window={trailing}")["rows"]
        expect(f"sensors that are there in {trailing}", rows[0]["packets"] == wanted, rows)
    alone = serve.api("top/tcp?sensor=day,old&window=1h")["rows"]
    expect("the newest of those asked for", alone[0]["packets"] == 1, alone)
    for name in ("now", "hour", "day", "old"):
        server.call("SREM", "ns:sensors", name)
        server.call("DEL", *server.call("KEYS", f"ns:{{{name}}}:*"))


def check_sketched(server, serve):
    """A sensor counts 127 sources of a port one by one; what may be the estimate of more is marked."""
    server.call("SADD", "ns:sensors", "sketched")
    for port, sources in ((1, 111), (2, 112), (3, 127), (4, 128), (5, 5000)):
        server.call("ZADD", "ns:{sketched}:top:tcp:24h", 9000, port)
        server.call("ZADD", "ns:{sketched}:top:tcp:sources:24h", sources, port)
    for by in ("packets", "sources"):
        rows = serve.api(f"top/tcp?sensor=sketched&by={by}")["rows"]
        expect(f"sources that are sketched, by {by}", all(row.get("sources_estimated", False) == (row["key"] != "1") and
               "packets_estimated" not in row for row in rows) and len(rows) == 5, rows)
    server.call("SREM", "ns:sensors", "sketched")
    server.call("DEL", *server.call("KEYS", "ns:{sketched}:*"))


def check_country(server, serve):
    """Of a country that is not among a sensor's first 20, its ports are not known."""
    server.call("SADD", "ns:sensors", "c1", "c2")
    server.call("ZADD", "ns:{c1}:top:cc:24h", 9, "JP", 5, "NL")
    server.call("ZADD", "ns:{c1}:top:cc:JP:tcp:24h", 9, 23)
    server.call("ZADD", "ns:{c2}:top:cc:24h", 2, "JP")
    for sensors, cc, total, known in (("c1", "JP", 9, True), ("c1,c2", "JP", 9, False), ("c1", "NL", 0, False),
                                      ("c2", "NL", 0, True)):
        answer = serve.api(f"top/tcp?sensor={sensors}&cc={cc}")
        marks = {answer.get("total_estimated", False), *(row.get("packets_estimated", False) for row in answer["rows"])}
        expect(f"ports of {cc} at {sensors}", answer["total"] == total and marks == {not known}, answer)
    server.call("SREM", "ns:sensors", "c1", "c2")
    server.call("DEL", *server.call("KEYS", "ns:{c[12]}:*"))


def check_top(server, serve):
    for sensors in (["a"], ["a", "b"]):
        which = ",".join(sensors)
        for view, prefix in (("all", ""), ("iot", "iot:")):
            for dimension in ("tcp", "udp", "cc", "asn", "src", "label"):
                for window in ("1h", "24h"):
                    wanted = ranking(server, sensors, f"top:{prefix}{dimension}:{window}")
                    answer = serve.api(f"top/{dimension}?sensor={which}&view={view}"
                                       f"&window={window}&limit=1000")
                    rows = {row["key"]: row["packets"] for row in answer["rows"]}
                    expect(f"{dimension} {view} {window} {which}: others",
                           wanted.pop("others", None) == answer.get("others"), answer.get("others"))
                    expect(f"{dimension} {view} {window} {which}", rows == wanted,
                           (len(rows), len(wanted)))
                    values = [row["packets"] for row in answer["rows"]]
                    expect("sorted", values == sorted(values, reverse=True), values)
        answer = serve.api(f"top/tcp:sources?sensor={which}&limit=1000")
        wanted = ranking(server, sensors, "top:tcp:sources:24h")
        wanted.pop("others", None)
        expect("sources of ports", {r["key"]: r["sources"] for r in answer["rows"]} == wanted)
        expect("sums of sources and sketches are marked", all(("sources_estimated" in r) == (len(sensors) > 1 or r["sources"] > 111)
                                                 for r in answer["rows"]))
    days = sorted(key.decode().split(":")[3] for key in server.call("KEYS", "ns:{a}:d:*:tcp")
                  if b"iot" not in key)
    answer = serve.api("top/tcp?sensor=a&window=400d&limit=1000")
    wanted = {}
    for day in days:
        for key, value in ranking(server, ["a"], f"d:{day}:tcp").items():
            wanted[key] = wanted.get(key, 0) + value
    expect("days add up", {r["key"]: r["packets"] for r in answer["rows"]} == wanted, days)
    for check in (check_cut, check_cut_days, check_country, check_over, check_sketched):
        check(server, serve)
    cc = [key.decode().split(":")[4] for key in server.call("KEYS", "ns:{a}:top:cc:*:tcp:24h")][0]
    answer = serve.api(f"top/tcp?sensor=a&cc={cc}&limit=1000")
    wanted = ranking(server, ["a"], f"top:cc:{cc}:tcp:24h")
    wanted.pop("others", None)
    expect("ports of a country", {r["key"]: r["packets"] for r in answer["rows"]} == wanted, cc)


def check_sources(server, serve):
    devices = pairs(server.call("ZRANGE", "ns:{a}:iot", 0, -1, "WITHSCORES"))
    answer = serve.api("top/labelled?sensor=a&limit=1000")
    expect("labelled", {r["key"]: r["last"] for r in answer["rows"]} == devices, len(devices))
    address = answer["rows"][0]["key"]
    flat = server.call("HGETALL", f"ns:{{a}}:src:{address}")
    known = {k.decode(): v.decode() for k, v in zip(flat[::2], flat[1::2])}
    seen = serve.api(f"source/{address}?sensor=a")["seen_by"][0]
    for name in ("labels", "signatures", "n", "k", "probability", "ports"):
        expect(f"evidence: {name}", ",".join(seen[name]) == known[name], (seen[name], known[name]))
    for name in ("packets", "first", "last", "asn"):
        expect(f"evidence: {name}", str(seen[name]) == known[name], (seen[name], known[name]))
    expect("no such source", serve.get("/api/v1/source/203.0.113.255")[0] == 404)
    expect("no such sensor", serve.get("/api/v1/summary?sensor=zzz")[0] == 404)


def check_summary(server, serve):
    minutes = entries(server, "a", "1m")
    newest = max(minutes) + 60
    inside = [values for at, values in minutes.items() if newest - 3600 <= at < newest]
    answer = serve.api("summary?sensor=a&window=1h")
    for field in ("packets", "bytes", "scan", "backscatter", "iot_matched", "mirai", "dropped"):
        expect(f"summary {field}", answer["window"][field] == total(v[field] for v in inside),
               answer["window"][field])
    answer = serve.api("summary?sensor=a&window=72h")
    hours, start = entries(server, "a", "1h"), answer["from"]
    closed = max(hours) + 3600
    expect("three days of whole hours", start % 3600 == 0 and answer["to"] == newest and
           answer["window"]["packets"] ==
           total(row["packets"] for at, row in hours.items() if at >= start) +
           total(row["packets"] for at, row in minutes.items() if at >= closed), answer)
    midnight = newest // 86400 * 86400 + 86400
    for start in (midnight, midnight + 60):
        empty = serve.api(f"summary?sensor=a&window={start}-{start + 600}")["sources"]
        expect("an empty window has no sources", (empty["scan"], empty["iot"], empty["days"]) ==
               (0, 0, 0), empty)
    answer = serve.api("summary?sensor=a&window=1h")
    days = {window: serve.api(f"summary?sensor=a&window={window}")["sources"]["days"]
            for window in ("1h", "9d", "400d")}
    expect("days that sources are counted over", days["1h"] <= 2 and days["9d"] in (9, 10)
           and days["400d"] == 64, days)
    expect("latest", answer["latest"]["packets"] == minutes[newest - 60]["packets"], answer)
    for day in answer["days"]:
        keys = [f"ns:{{a}}:hll:{kind}:d:{day['day']}" for kind in ("src", "iot")]
        wanted = [server.call("PFCOUNT", key) for key in keys]
        found = [day["sources"], day["iot_sources"]]
        expect("sources of a day are estimates", day["sources_estimated"] is day["iot_sources_estimated"] is True, day)
        expect("sources of a day are those of PFCOUNT",
               all(abs(a - b) <= b / 100 + 1 for a, b in zip(found, wanted)), (found, wanted))
    sensors = serve.api("sensors")["sensors"]
    expect("sensors", [s["name"] for s in sensors] == ["a", "b"], sensors)
    info = server.call("HGET", "ns:{a}:info", "flushed")
    expect("flushed", sensors[0]["flushed"] == int(info), sensors[0])


def check_http(serve):
    status, headers, body = serve.get("/api/v1/top/tcp?sensor=a&window=30d")
    tag = headers["ETag"]
    again = serve.get("/api/v1/top/tcp?sensor=a&window=30d", {"If-None-Match": tag})
    expect("ETag: unchanged", again[0] == 304 and again[2] == b"", again)
    other = serve.get("/api/v1/top/tcp?sensor=a&window=30d", {"If-None-Match": '"x"'})
    expect("ETag: another", other[0] == 200 and other[2] == body and status == 200, other[0])
    head = serve.get("/api/v1/sensors", method="HEAD")
    expect("HEAD", head[0] == 200 and head[2] == b"", head)
    for path in ("/", "/api/v1/sensors", "/nothing", "/metrics", "/healthz"):
        headers = serve.get(path)[1]
        policy = headers.get("Content-Security-Policy", "")
        expect(f"{path}: policy", "default-src 'none'" in policy and "unsafe" not in policy and
               "http" not in policy, policy)
        expect(f"{path}: nosniff", headers.get("X-Content-Type-Options") == "nosniff", headers)
    expect("another host's name", serve.get("/", {"Host": "evil.example"})[0] == 421)
    metrics = serve.get("/metrics")[2].decode()
    expect("metrics", "nightscope_serve_redis_up 1" in metrics and
           'nightscope_serve_requests_total{endpoint="top"}' in metrics, metrics)


def check_feed(server, serve):
    connection = http.client.HTTPConnection("127.0.0.1", serve.port, timeout=60)
    connection.request("GET", "/api/v1/feed?sensor=a")
    reply = connection.getresponse()
    expect("feed: type", reply.getheader("Content-Type") == "text/event-stream")
    wanted = server.call("XRANGE", "ns:{a}:feed", "-", "+")
    seen = []

    def read(n):
        while len(seen) < n:
            line = reply.readline().decode()
            if line.startswith("data: {\"sensor\""):
                seen.append(json.loads(line[6:]))

    read(len(wanted))
    fields = [dict(zip(flat[::2], flat[1::2])) for _, flat in wanted]
    expect("feed: what is there", [s["src"] for s in seen] == [f[b"src"].decode() for f in fields])
    expect("feed: AS", [s["asn"] for s in seen] == [f[b"asn"].decode() for f in fields])
    expect("feed: no destinations", all(not {"dst", "dest", "destination"} & set(s) for s in seen))
    server.call("XADD", "ns:{a}:feed", "*", "time", "1795305601.5", "src", "192.0.2.9", "cc", "JP",
                "lat", "35.1", "lon", "nan", "proto", "tcp", "dport", "23", "class", "scan",
                "label", "mirai<\"\n", "iot", "1")
    read(len(wanted) + 1)
    expect("feed: what is new", seen[-1]["src"] == "192.0.2.9" and seen[-1]["iot"] is True and
           seen[-1]["lon"] is None and seen[-1]["label"] == "mirai<\"\n", seen[-1])
    connection.close()


def check_feed_places(server, serve):
    """As many sensors as the server asks at a time; then these are gone, and another comes."""
    def packet(sensor):
        server.call("SADD", "ns:sensors", sensor)
        server.call("XADD", f"ns:{{{sensor}}}:feed", "*", "time", "1795305601.5", "src", "192.0.2.9",
                    "proto", "tcp", "dport", "23", "class", "scan")

    def watch(what, sensors):
        connection = http.client.HTTPConnection("127.0.0.1", serve.port, timeout=60)
        connection.request("GET", "/api/v1/feed" + what)
        reply, seen = connection.getresponse(), []
        while not sensors <= set(seen):
            line = reply.readline().decode()
            if line.startswith("data: {\"sensor\""):
                seen.append(json.loads(line[6:])["sensor"])
        connection.close()
        return seen

    first = [f"p{i:02}" for i in range(30)] # and a and b
    for sensor in first:
        packet(sensor)
    watch("", set(first))
    server.call("SREM", "ns:sensors", *first)
    packet("late")
    expect("feed: a sensor that comes late, alone", watch("?sensor=late", {"late"}) == ["late"])
    server.call("SREM", "ns:sensors", "late")
    for sensor in first + ["late"]:
        server.call("DEL", f"ns:{{{sensor}}}:feed")


def check_many(server, serve):
    """Of more sensors than are asked at a time the first by name, and it is said that there are more."""
    names = [f"z{i}" for i in range(300)] # SMEMBERS has them in no order
    for name in names:
        server.call("SADD", "ns:sensors", name)
        server.call("ZADD", f"ns:{{{name}}}:top:udp:1h", 1, 53)
    first = ["a", "b"] + sorted(names)[:30]
    for what in ("summary?view=iot", "series?window=2h", "top/udp?window=1h", "top/labelled?limit=3"):
        answer = serve.api(what)
        expect(f"more sensors than are asked: {what}", answer["sensors"] == first and answer["more"] is True,
               (answer["sensors"], answer.get("more")))
    answer = serve.api("sensors?window=2h")
    expect("more sensors than are listed", [each["name"] for each in answer["sensors"]] == first and
           answer["more"] is True, answer)
    answer = serve.api("top/udp?window=1h&sensor=z299,z7")
    expect("those that are named are all", answer["sensors"] == ["z299", "z7"] and "more" not in answer and
           answer["rows"][0]["packets"] == 2, answer)
    server.call("SREM", "ns:sensors", *names)
    server.call("DEL", *[f"ns:{{{name}}}:top:udp:1h" for name in names])


def check_merged(server, serve):
    """A device that two sensors have seen is one."""
    for sensor, packets, first, last, labels, ports in (("m1", 100, 50, 900, "mirai", "23/tcp"),
                                                       ("m2", 7, 500, 990, "mozi,mirai", "80/tcp,23/tcp")):
        server.call("SADD", "ns:sensors", sensor)
        server.call("ZADD", f"ns:{{{sensor}}}:iot", last, "192.0.2.7")
        server.call("HSET", f"ns:{{{sensor}}}:src:192.0.2.7", "packets", packets, "first", first, "last", last,
                    "labels", labels, "ports", ports, "iot", 1, "cc", "JP", "asn", 64501)
    answer = serve.api("top/labelled?sensor=m1,m2")
    expect("one device of two sensors", answer["rows"] == [
        {"key": "192.0.2.7", "packets": 107, "first": 50, "last": 990, "labels": "mirai,mozi",
         "cc": "JP", "asn": 64501, "ports": "23/tcp,80/tcp"}] and answer["members"] == 1 and
        "members_estimated" not in answer, answer)
    server.call("ZADD", "ns:{m2}:iot", 980, "192.0.2.8")
    answer = serve.api("top/labelled?sensor=m1,m2&limit=1")
    expect("more than are listed", (answer["members"], answer.get("members_estimated")) == (3, True)
           and len(answer["rows"]) == 1, answer)
    server.call("SREM", "ns:sensors", "m1", "m2")
    for sensor in ("m1", "m2"):
        server.call("DEL", f"ns:{{{sensor}}}:iot", f"ns:{{{sensor}}}:src:192.0.2.7")


def check_backlog(server, serve):
    """What somebody new is sent of what was before are packets of the sensors asked for."""
    def packets(sensor, n):
        server.call("SADD", "ns:sensors", sensor)
        for i in range(n):
            server.call("XADD", f"ns:{{{sensor}}}:feed", "*", "time", f"1795305601.{i:06}", "src", "192.0.2.9",
                        "proto", "tcp", "dport", str(i), "class", "scan")

    def watch(what, n):
        connection = http.client.HTTPConnection("127.0.0.1", serve.port, timeout=60)
        connection.request("GET", "/api/v1/feed" + what)
        reply, seen = connection.getresponse(), 0
        while seen < n:
            seen += reply.readline().startswith(b'data: {"sensor"')
        connection.close()

    packets("few", 7)
    watch("?sensor=few", 7)
    packets("many", 1600)
    watch("?sensor=many", 1500)
    watch("?sensor=few", 7) # or it waits for ever
    server.call("SREM", "ns:sensors", "few", "many")
    server.call("DEL", "ns:{few}:feed", "ns:{many}:feed")


def check_trimmed(server, serve, minutes, hours):
    """Hours are there for longer than minutes: a span that minutes do not cover is one of hours."""
    first, oldest = min(minutes), min(hours)
    assert oldest + 7200 < first and first % 3600 == 0
    for start, end, step in ((oldest, oldest + 7200, 3600), (first - 60, first + 60, 3600),
                             (first, first + 600, 60), (first + 60, first + 120, 60)):
        answer = serve.api(f"series?sensor=a&window={start}-{end}")
        wanted = hours if step == 3600 else minutes
        expect(f"a span of its own, {start} to {end}", answer["step"] == step and
               answer["fields"]["packets"] == [wanted[at]["packets"] if at in wanted else None for at in range(
                   answer["start"], answer["to"], step)], answer)
    gone = [f"{at * 1000}-0" for at in sorted(minutes)[:31]]
    server.call("XDEL", "ns:{a}:series:1m", *gone)
    for start, step in ((first + 300, 3600), (sorted(minutes)[31], 60)):
        answer = serve.api(f"series?sensor=a&window={start}-{start + 3600}")
        expect(f"the first minutes of an hour are gone: {step}", answer["step"] == step, answer)
    server.call("DEL", "ns:{a}:series:1m")
    for at in sorted(minutes):
        fields = [word for pair in minutes[at].items() for word in pair]
        server.call("XADD", "ns:{a}:series:1m", f"{at * 1000}-0", *fields)


def check_windows(server, serve):
    """Where they end, and an archive whose minutes Redis does not keep any more."""
    minutes, hours = entries(server, "a", "1m"), entries(server, "a", "1h")
    at = sorted(minutes)[-30]
    answer = serve.api(f"series?sensor=a&window={at - 600}-{at + 10}&step=60")
    expect("the end of the minute that is counted", answer["to"] == at + 60 and
           answer["fields"]["packets"][-1] == minutes[at]["packets"], answer)
    answer = serve.api(f"series?sensor=a&window={at - 600}-{at + 10**7}&step=3600")
    expect("no end beyond the newest", answer["to"] == max(minutes) + 60, answer["to"])
    check_trimmed(server, serve, minutes, hours)
    day = max(minutes) // 86400 * 86400
    answer = serve.api(f"top/tcp?sensor=a&window={day - 86400}-{day}")
    expect("one day is one day", answer["days"][0] == answer["days"][1], answer["days"])
    names = []
    for number, sensor in ((64501, "as1"), (64502, "as2")):
        server.call("SADD", "ns:sensors", sensor)
        server.call("ZADD", f"ns:{{{sensor}}}:top:asn:24h", 5, number)
        server.call("SET", f"ns:{{{sensor}}}:report", json.dumps({"asns": [{"asn": number, "name": sensor}]}))
        names += [row["name"] for row in serve.api(f"top/asn?sensor={sensor}")["rows"]]
        server.call("SREM", "ns:sensors", sensor)
        server.call("DEL", f"ns:{{{sensor}}}:top:asn:24h", f"ns:{{{sensor}}}:report")
    expect("names of AS of one sensor after another", names == ["as1", "as2"], names)
    server.call("SADD", "ns:sensors", "old")
    kept = [key for key in server.call("KEYS", "ns:{a}:*") if key.split(b":")[2] == b"d" or
            key.endswith((b":1h", b":info"))]
    for key in kept:
        server.call("COPY", key, key.replace(b"{a}", b"{old}"))
    end = max(hours) + 3600
    answer = serve.api("summary?sensor=old&window=7d")
    expect("an archive without minutes", answer["newest"] == answer["to"] == end and
           answer["window"]["packets"] == total(row["packets"] for at, row in hours.items()
                                                if at >= answer["from"]), answer)
    answer = serve.api("summary?sensor=old")
    expect("... has hours of a day", answer["from"] == end - 86400 and answer["window"]["packets"] ==
           total(row["packets"] for at, row in hours.items() if at >= end - 86400) > 0, answer)
    expect("... and no newest minute", answer["latest"]["seconds"] == answer["latest"]["packets"] == 0,
           answer["latest"])
    both = serve.api(f"series?sensor=a,old&window={end - 3600}-{end}")
    expect("one that has minutes beside one that has not", both["step"] == 3600 and
           both["fields"]["packets"] == [total([hours[end - 3600]["packets"]] * 2)], both)
    expect("... has days", "days" in serve.api("top/tcp?sensor=old&window=7d"))
    server.call("SREM", "ns:sensors", "old")
    server.call("DEL", *[key.replace(b"{a}", b"{old}") for key in kept])


def check_away(server, serve):
    fresh = serve.api("top/cc?sensor=a")
    expect("not stale", fresh["stale"] is False)
    server.stop()
    os.unlink(server.path) if os.path.exists(server.path) else None
    while serve.get("/api/v1/top/cc?sensor=a")[2][:60].find(b'"stale":true') < 0:
        pass  # what is remembered is good for two seconds
    stale = serve.api("top/cc?sensor=a")
    expect("stale, and the same", stale["rows"] == fresh["rows"] and stale["stale_s"] >= 1, stale)
    status, headers, body = serve.get("/api/v1/top/cc?sensor=a,b&limit=7")
    expect("nothing remembered", status == 503 and "Retry-After" in headers and
           json.loads(body)["error"]["code"] == "redis_away", (status, body))
    expect("health", json.loads(serve.get("/healthz")[2])["redis"] == "away")
    server.start()
    publish(server, "a", 1)
    publish(server, "b", 2)
    while serve.get("/healthz")[2].find(b'"up"') < 0:
        serve.get("/api/v1/sensors")
    expect("back", serve.get("/api/v1/top/cc?sensor=a,b&limit=7")[0] == 200)


def check_reader():
    with open(os.path.join(SOURCE, "contrib/redis/users.conf"), encoding="utf-8") as file:
        rules = [line for line in file if line.startswith("user nightscope-reader")]
    with tempfile.TemporaryDirectory() as path:
        rule = rules[0].strip().replace("resetpass", ">secret")
        acl = os.path.join(path, "users")
        with open(acl, "w", encoding="utf-8") as file:
            file.write(rule + "\nuser default on nopass ~* &* +@all\n")
        server = Server("--aclfile", acl)
        server.start()
        try:
            publish(server, "a", 1)
            serve = Serve(NIGHTSCOPE, server.url, environment={
                "NIGHTSCOPE_REDIS_USER": "nightscope-reader", "NIGHTSCOPE_REDIS_PASSWORD": "secret"})
            for each in ("sensors", "summary", "series", "top/tcp", "top/asn", "top/src",
                         "top/labelled", "source/" + serve.api("top/labelled")["rows"][0]["key"]):
                expect(f"a reader's rights: {each}", serve.get("/api/v1/" + each)[0] == 200)
            check_feed(server, serve)
            expect("ends well", serve.stop() == 0)
        finally:
            server.remove()


def check_start():
    """Redis is asked once before anybody comes: one that is away, or denies access, is told of."""
    def said(url, user, password, *options):
        serve = Serve(NIGHTSCOPE, url, *options, environment={
            "NIGHTSCOPE_REDIS_USER": user, "NIGHTSCOPE_REDIS_PASSWORD": password})
        serve.process.terminate() # before any request
        rest = serve.process.stderr.read()
        expect("goes on until it is ended", serve.process.wait(timeout=60) == 0, rest)
        return [line for line in serve.log + rest.splitlines() if "Redis" in line]

    with tempfile.TemporaryDirectory() as path:
        lines = said(f"unix:{path}/none", "", "")
        expect("away at the start", len(lines) == 1 and "warning: Redis is away: " in lines[0] and
               "--redis-auth" not in lines[0], lines)
        acl = os.path.join(path, "users")
        with open(acl, "w", encoding="utf-8") as file:
            file.write("user default off\nuser few on >secret ~* +ping +info\n"
                       "user all on >secret ~* &* +@all\n")
        server = Server("--aclfile", acl)
        server.start()
        try:
            for user, password, code in (("", "", "NOAUTH"), ("all", "wrong", "WRONGPASS"),
                                         ("few", "secret", "NOPERM")):
                lines = said(server.url, user, password)
                expect(f"denied at the start: {code}", len(lines) == 1 and code in lines[0] and all(
                    part in lines[0] for part in (
                        "warning: Redis denies access: ", "--redis-auth", "NIGHTSCOPE_REDIS_USER",
                        "NIGHTSCOPE_REDIS_PASSWORD")) and "secret" not in lines[0], lines)
            expect("all is well at the start", not said(server.url, "all", "secret"))
        finally:
            server.remove()


def check_quiet():
    with tempfile.TemporaryDirectory() as path:
        with socket.socket() as link:
            link.bind(("127.0.0.1", 0))
            port = link.getsockname()[1]
        process = subprocess.Popen(
            [NIGHTSCOPE, "serve", "--redis", f"unix:{path}/none", "--quiet", "--listen", f"127.0.0.1:{port}"],
            stderr=subprocess.PIPE, text=True)
        while process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 60).close()
                break
            except ConnectionRefusedError:
                pass
        process.terminate()
        expect("quiet at the start", process.communicate(timeout=60)[1] == "" and process.returncode == 0)


def check_dark(server):
    source = server.call("ZREVRANGE", "ns:{a}:top:src:24h", 0, 5)
    source = [each.decode() for each in source if each != b"others"][0]
    totals = set()
    for options, shown in (((), True), (("--dark", source), False),
                           (("--dark", source, "--show-dark"), True)):
        serve = Serve(NIGHTSCOPE, server.url, *options)
        answer = serve.api("top/src?sensor=a&limit=1000")
        expect(f"dark sources {options}",
               (source in [row["key"] for row in answer["rows"]]) == shown)
        totals.add(answer["total"])
        expect(f"all packets are in rows or others {options}", answer["total"] ==
               sum(row["packets"] for row in answer["rows"]) + answer.get("others", 0))
        serve.stop()
    expect("the total has those that are not shown", len(totals) == 1, totals)


def main():
    server = Server()
    server.start()
    try:
        publish(server, "a", 1)
        publish(server, "b", 2)
        serve = Serve(NIGHTSCOPE, server.url)
        for check in (check_series, check_top, check_sources, check_summary, check_feed,
                      check_feed_places, check_merged, check_many, check_backlog, check_windows):
            check(server, serve)
        check_http(serve)
        check_away(server, serve)
        expect("ends well", serve.stop() == 0)
        check_dark(server)
    finally:
        server.remove()
    check_reader()
    check_start()
    check_quiet()
    return done()


sys.exit(main())
