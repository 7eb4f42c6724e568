"""Publications on a real server: every key against what the publication holds.

usage: publish.py PUBLISH_SAMPLE"""
import json
import subprocess
import sys

import expected
from server import Server, contents

PROGRAM = sys.argv[1]
SAMPLE = {"minutes": 300, "hours": 30, "days": 3, "rows": 300, "labelled": 700, "feed": 400}
EARLY, MIDDLE, LATE = "1795305600000-a1", "1795305600000-b1", "1795305700000-a1"
checks = failures = 0


def check(what, lines):
    global checks, failures
    checks += 1
    if lines:
        failures += 1
        print(f"FAILED {what}:")
        for line in lines:
            print(f"    {line}")


def publish(url, sensor, incarnation, truth=True, **sample):
    words = [f"{name}={number}" for name, number in sample.items()] + [f"truth={int(truth)}"]
    run = subprocess.run([PROGRAM, f"unix:{url}", sensor, incarnation, *words],
                         stdout=subprocess.PIPE, check=True, timeout=300)
    return json.loads(run.stdout)


def exact(server, what, *results, extra=()):
    """The server holds exactly these publications, and ns:sensors."""
    wanted, lives = {}, {}
    for result in results:
        if result["status"] != "done":
            check(what, [f"{result['status']}: {result['error']}"])
            return
        more, more_lives = expected.keys(result["truth"])
        wanted.update(more)
        lives.update(more_lives)
    names = {result["truth"]["sensor"].encode() for result in results}
    wanted[b"ns:sensors"] = (b"set", names)
    lives[b"ns:sensors"] = -1
    found, found_lives = contents(server.client)
    for key in extra:
        found.pop(key, None)
    check(what, expected.differences(found, wanted, found_lives, lives))


def fresh(server):
    server.client("FLUSHALL")


def samples_of_many_kinds(server):
    kinds = {
        "an empty one": {},
        "one minute": {"minutes": 1},
        "the middle": SAMPLE,
        "tables that are cut": {**SAMPLE, "rows": 3500, "days": 1},
        "minutes past what is kept": {"minutes": 10200},
        "hours and days past what is kept": {"hours": 17600, "days": 403, "rows": 2},
        "sources past what is kept": {"labelled": 3000},
        "a long feed": {"feed": 10500},
        "without sources of the dark space": {**SAMPLE, "withheld": 1, "rows": 1500},
        "1970": {**SAMPLE, "start": 0, "hours": 0, "days": 1, "labelled": 0},
        "2106": {**SAMPLE, "start": 2**32 - 86400},
    }
    for seed, (what, sample) in enumerate(kinds.items()):
        fresh(server)
        exact(server, what, publish(server.path, "S", EARLY, seed=seed, **sample))


def twice_is_once(server):
    fresh(server)
    publish(server.path, "S", EARLY, seed=5, **SAMPLE)
    keys = sorted(server.client("KEYS", "*"))
    before = server.client.many([("DUMP", key) for key in keys])
    publish(server.path, "S", EARLY, seed=5, **SAMPLE)
    check("twice: the same keys", [] if sorted(server.client("KEYS", "*")) == keys else ["not"])
    after = server.client.many([("DUMP", key) for key in keys])
    check("twice: the same bytes", [f"{key}" for key, a, b in zip(keys, before, after) if a != b])
    publish(server.path, "S", LATE, seed=5, **SAMPLE)
    after = server.client.many([("DUMP", key) for key in keys])
    check("a later run: the same bytes but for who wrote them",
          [f"{key}" for key, a, b in zip(keys, before, after)
           if a != b and not key.endswith((b":owner", b":info"))])


def the_last_one_stays(server):
    fresh(server)
    publish(server.path, "S", EARLY, seed=6, **SAMPLE)
    small = {"minutes": 5, "days": 1, "rows": 3, "labelled": 20, "feed": 2}
    exact(server, "a smaller one", publish(server.path, "S", MIDDLE, seed=7, **small))
    exact(server, "an empty one after it", publish(server.path, "S", LATE, seed=8))
    exact(server, "a large one again", publish(server.path, "S", LATE, seed=9, **SAMPLE))


def sensors_do_not_meet(server):
    fresh(server)
    first = publish(server.path, "S", LATE, seed=1, **SAMPLE)
    strangers = [b"ns:{S}", b"ns:{S}x:info", b"ns:{s}:info", b"ns:S:info", b"ns:{S", b"x:ns:{S}:info"]
    for key in strangers:
        server.client("SET", key, "mine")
    second = publish(server.path, "S.1", EARLY, seed=2, minutes=3, labelled=5)
    third = publish(server.path, "_-.", EARLY, seed=3, labelled=5)
    first_again = publish(server.path, "S", LATE, seed=1, **SAMPLE)
    check("strangers' keys", [f"{key}" for key in strangers if server.client("GET", key) != b"mine"])
    exact(server, "three sensors", first_again, second, third, extra=strangers)
    check("the same truth", [] if first["truth"] == first_again["truth"] else ["no"])


def keys_of_wrong_types(server):
    fresh(server)
    client = server.client
    result = publish(server.path, "S", EARLY, seed=11, **SAMPLE)
    kinds = [("RPUSH", 1), ("SADD", 1), ("SET", 1), ("HSET", 2), ("ZADD", 2)]
    for number, key in enumerate(sorted(client("KEYS", "ns:{S}:*"))):
        client("DEL", key)
        client("DEL", key.replace(b":{S}:", b":{S}:stage:" + EARLY.encode() + b":"))
        command, words = kinds[number % len(kinds)]
        for name in (key, key.replace(b"ns:{S}:", b"ns:{S}:stage:" + EARLY.encode() + b":")):
            client(command, name, *["7"] * words)
    client("SET", b"ns:{S}:\x00odd\r\n\xff", "x")
    client("SET", "ns:{S}:", "x")
    client("RPUSH", "ns:{S}:src:10.0.0.1", "x")
    client("RPUSH", "ns:{S}:src:2001:DB8::1", "x")
    client("SET", "ns:{S}:stage:0000000000000-z:info", "x")
    client("SET", "ns:{S}:stage:9999999999999-z:info", "x")
    client("SET", "ns:{S}:d:20010101:tcp", "x")
    result = publish(server.path, "S", EARLY, seed=11, **SAMPLE)
    exact(server, "wrong types under our names", result, extra=(b"ns:{S}:",))
    for owner in (("SET", "ns:{S}:owner", "zzz"), ("SET", "ns:{S}:owner", ""),
                  ("SET", "ns:{S}:owner", b"9999999999999-a\x00b"),
                  ("RPUSH", "ns:{S}:owner", "9999999999999-a"),
                  ("HSET", "ns:{S}:owner", "a", "b")):
        client("DEL", "ns:{S}:owner")
        client(*owner)
        result = publish(server.path, "S", EARLY, seed=11, **SAMPLE)
        exact(server, f"owner made by {owner[0]} {owner[2]}", result, extra=(b"ns:{S}:",))
    client("DEL", "ns:sensors")
    client("SET", "ns:sensors", "x")
    result = publish(server.path, "S", EARLY, seed=12, **SAMPLE)
    check("ns:sensors is not ours to remove", [] if result["status"] == "wrong" and
          client("GET", "ns:sensors") == b"x" else [f"{result['status']}"])
    client("DEL", "ns:sensors")


def names_are_refused(server):
    fresh(server)
    for sensor, incarnation in (("a*", EARLY), ("a}b", EARLY), ("", EARLY), ("s" * 65, EARLY),
                                ("S", "soon"), ("S", "1795305600000-"), ("S", "1795305600000-a:b")):
        result = publish(server.path, sensor, incarnation, False, minutes=1)
        check(f"{sensor} {incarnation}", [] if result["status"] == "wrong" else [result["status"]])
    check("nothing was written", [] if server.client("DBSIZE") == 0 else ["it was"])


def a_stale_writer_changes_nothing(server):
    fresh(server)
    latest = publish(server.path, "S", LATE, seed=1, **SAMPLE)
    for stale in (EARLY, MIDDLE, "0000000000000-a", "1795305700000-a0"):
        result = publish(server.path, "S", stale, False, seed=2, minutes=3)
        check(f"stale {stale}: aborted", [] if result["status"] == "aborted" and
              LATE in result["error"] else [f"{result['status']}: {result['error']}"])
    exact(server, "the later writer's keys", latest)
    exact(server, "the next run takes over", publish(server.path, "S", "1795305700000-a2", seed=3,
                                                     **SAMPLE))


def a_clock_that_was_set_back(server):
    """The writer that starts last owns the sensor, whatever its clock says."""
    fresh(server)
    publish(server.path, "S", "clock:1795305700000", False, seed=1, **SAMPLE)
    for clock in (1795305700000, 1795305600000, 0, 1795305800000):
        result = publish(server.path, "S", f"clock:{clock}", seed=clock & 255, minutes=3)
        exact(server, f"by a clock at {clock}", result)
    owner = server.client("GET", "ns:{S}:owner")
    check("a clock that is right again", [] if owner.startswith(b"1795305800000-") else [owner])
    server.client("SET", "ns:{S}:owner", "9999999999999-z")
    result = publish(server.path, "S", "clock:5", False, minutes=3)
    check("the end of time", [] if result["status"] == "aborted" else [result["status"]])


def long_scans(server):
    """More keys on the server than one SCAN page, and more leftovers than the swap takes."""
    fresh(server)
    server.client.many([("SET", f"other:{i}", i) for i in range(20000)])
    server.client.many([("SET", f"ns:{{S}}:junk:{i}", i) for i in range(20000)])
    server.client.many([("SET", f"ns:{{S}}:src:7.{i >> 8}.{i & 255}.1", i) for i in range(20000)])
    result = publish(server.path, "S", EARLY, seed=4, **SAMPLE)
    check("others' keys", [] if len(server.client("KEYS", "other:*")) == 20000 else ["gone"])
    server.client.many([("DEL", f"other:{i}") for i in range(20000)])
    exact(server, "many leftovers", result)


def main():
    server = Server()
    for test in (samples_of_many_kinds, twice_is_once, the_last_one_stays, sensors_do_not_meet,
                 keys_of_wrong_types, names_are_refused, a_stale_writer_changes_nothing,
                 a_clock_that_was_set_back, long_scans):
        test(server)
    print(f"{checks} checks, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
