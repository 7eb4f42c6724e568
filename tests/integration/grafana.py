"""Every query of the Grafana dashboard, against a Redis that a replay has filled:
grafana.py NIGHTSCOPE SOURCE"""
import glob
import json
import os
import subprocess
import sys

from redis_server import Server

NIGHTSCOPE, SOURCE = sys.argv[1:3]
# What the data source runs for a command, and the type of the key. ZRANGE has no REV there; an
# empty start or end of a stream is that of the time range.
COMMANDS = {
    "hgetall": (b"hash", lambda t: ["HGETALL", t["keyName"]]),
    "zrange": (b"zset", lambda t: ["ZRANGE", t["keyName"], t["min"], t["max"], "WITHSCORES"]),
    "xrange": (b"stream", lambda t: ["XRANGE", t["keyName"], t["start"] or "-", t["end"] or "+"]),
    "xrevrange": (b"stream", lambda t: ["XREVRANGE", t["keyName"], t["end"] or "+",
                                        t["start"] or "-", "COUNT", t["count"]]),
}
failures = 0


def expect(what, condition, detail=""):
    global failures
    if not condition:
        failures += 1
        print(f"FAILED: {what}\n  {detail}")


def check_fields(panel, command, reply):
    """The fields a panel names are there."""
    if command == "zrange":
        for score in reply[1::2]:
            float(score)
        return
    flat = reply if command == "hgetall" else reply[0][1]
    names = {name.decode() for name in flat[::2]}
    for transformation in panel.get("transformations", ()):
        wanted = transformation["options"].get("include", {}).get("names", ())
        for name in wanted:
            expect(f"{panel['title']}: field {name}", name == "$time" or name in names, names)


def check_panel(server, panel):
    for target in panel.get("targets", ()):
        expect(f"{panel['title']}: one command about one key",
               target["type"] == "command" and target["command"] in COMMANDS and
               target["keyName"].startswith("ns:{$sensor}:"), target)
        kind, make = COMMANDS[target["command"]]
        words = [str(word).replace("$sensor", "dashboard") for word in make(target)]
        expect(f"{panel['title']}: type", server.call("TYPE", words[1]) == kind, words)
        reply = server.call(*words)
        expect(f"{panel['title']}: something is there", reply, words)
        if reply:
            check_fields(panel, target["command"], reply)


def main():
    server = Server()
    server.start()
    try:
        geo = [word for name in ("city", "asn")
               for word in ("--geo", f"{SOURCE}/tests/geo/{name}.mmdb")]
        captures = sorted(glob.glob(f"{SOURCE}/pcaps/*.pcap"))
        subprocess.run([NIGHTSCOPE, "replay", "--quiet", "--redis", server.url, "--sensor",
                        "dashboard", *geo, *captures], check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(SOURCE, "contrib/grafana/nightscope.json"),
                  encoding="utf-8") as file:
            dashboard = json.load(file)
        panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
        expect("there are panels", len(panels) > 10, len(panels))
        for panel in panels:
            expect(f"{panel['title']}: has a query", len(panel["targets"]) == 1)
            check_panel(server, panel)
        identifiers = [panel["id"] for panel in dashboard["panels"]]
        expect("identifiers differ", len(set(identifiers)) == len(identifiers))
        sensor = [v for v in dashboard["templating"]["list"] if v["name"] == "sensor"][0]
        expect("the variable lists sensors",
               server.call(*sensor["query"].split()) == [b"dashboard"], sensor["query"])
    finally:
        server.remove()
    print(f"{len(panels)} panels, {failures} failures")
    return 1 if failures else 0


sys.exit(main())
