"""Publications that fail on the way, and writers and readers at the same time.

usage: faults.py PUBLISH_SAMPLE"""
import json
import subprocess
import sys
import threading

import expected
from cutter import Proxy
from server import Client, Server, contents

PROGRAM = sys.argv[1]
EARLY, LATE, LATEST = "1795305600000-a1", "1795305600001-a1", "1795305600002-a1"
OLD = {"seed": 1, "minutes": 90, "hours": 4, "days": 2, "rows": 40, "labelled": 600, "feed": 60}
NEW = {"seed": 2, "minutes": 30, "hours": 2, "days": 1, "rows": 20, "labelled": 500, "feed": 30}
checks = failures = 0


def check(what, lines):
    global checks, failures
    checks += 1
    if lines:
        failures += 1
        print(f"FAILED {what}:")
        for line in lines:
            print(f"    {line}")


def publish(path, incarnation, sample, truth=False):
    words = [f"{name}={number}" for name, number in sample.items()] + [f"truth={int(truth)}"]
    run = subprocess.run([PROGRAM, f"unix:{path}", "S", incarnation, *words],
                         stdout=subprocess.PIPE, check=True, timeout=300)
    return json.loads(run.stdout)


def through(server, incarnation, sample, up=None, down=None, hook=None, until=None):
    """Cut off after `up` bytes of commands or `down` bytes of replies, or with `hook` called when
    `up` bytes of commands, or the word `until`, are there."""
    if hook:
        fault = ("hook", until or up, hook)
    else:
        fault = ("cut-up", up) if up is not None else ("cut-down", down)
    proxy = Proxy(server.path, f"{server.dir}/proxy", [] if fault[1] is None else [fault])
    try:
        return publish(proxy.path, incarnation, sample), proxy.seen
    finally:
        proxy.close()


def wanted_of(incarnation, sample):
    """Its keys, with ns:sensors."""
    server = Server()
    result = publish(server.path, incarnation, sample, True)
    server.stop()
    wanted, _ = expected.keys(result["truth"])
    wanted[b"ns:sensors"] = (b"set", {b"S"})
    return wanted


def parts(keys):
    """What readers see as one; the sources' own hashes; what is staged."""
    ours = {key: item for key, item in keys.items() if key != b"ns:sensors"}
    staged = {key for key in ours if key.startswith(b"ns:{S}:stage:")}
    sources = {key: ours[key] for key in ours if key.startswith(b"ns:{S}:src:")}
    state = {key: ours[key] for key in ours
             if key not in staged and key not in sources and key != b"ns:{S}:owner"}
    return state, sources, staged


def consistent(server, what, old, new):
    """The state before or the one after, never part of each; returns which."""
    found, lives = contents(server.client)
    state, sources, staged = parts(found)
    old_state, old_sources, _ = parts(old)
    new_state, new_sources, _ = parts(new)
    after = state == new_state
    if not after:
        check(f"{what}: the state before, whole", expected.differences(state, old_state))
    # A cut between a key's first command and its EXPIRE leaves one to the next run, which sweeps it away.
    lasting = [f"{key}" for key in staged if lives[key] < 0]
    check(f"{what}: staged keys expire", lasting if len(lasting) > 1 else [])
    check(f"{what}: each source's evidence is whole",
          [f"{key}" for key, item in sources.items()
           if item not in (old_sources.get(key), new_sources.get(key))])
    devices = state.get(b"ns:{S}:iot", (b"zset", {}))[1]
    check(f"{what}: every device has its evidence",
          [f"{ip}" for ip in devices if b"ns:{S}:src:" + ip not in sources])
    return after


def cuts(server, old, new):
    server.client("FLUSHALL")
    publish(server.path, EARLY, OLD)
    _, total = through(server, LATE, NEW)
    swap = total["up"] * 96 // 100
    points = [("up", total["up"] * i // 8) for i in range(8)]
    points += [("up", swap + (total["up"] - swap) * i // 6) for i in range(6)]
    points += [("down", total["down"] * i // 12) for i in range(12)]
    afters = 0
    for way, at in points:
        what = f"cut {way} after {at} of {total[way]} bytes"
        server.client("FLUSHALL")
        publish(server.path, EARLY, OLD)
        result, _ = through(server, LATE, NEW, **{way: at})
        check(f"{what}: lost", [] if result["status"] == "lost" else
              [f"{result['status']}: {result['error']}"])
        afters += consistent(server, what, old, new)
        result = publish(server.path, LATE, NEW)
        found, _ = contents(server.client)
        check(f"{what}: again", [f"{result}"] if result["status"] != "done" else
              expected.differences(found, new))
    # Both sides of the swap were met, or these cuts show nothing.
    check("cuts before and after the swap", [] if 0 < afters < len(points) else [f"{afters}"])


def a_writer_is_overtaken(server, old, new):
    server.client("FLUSHALL")
    result, total = through(server, EARLY, OLD)
    check("not overtaken: done", [] if result["status"] == "done" else [result["error"]])
    for percent in (5, 60, 90, 97):
        server.client("FLUSHALL")
        what = f"overtaken after {percent} %"
        result, _ = through(server, EARLY, OLD, up=total["up"] * percent // 100,
                            hook=lambda: publish(server.path, LATE, NEW))
        check(f"{what}: aborted", [] if result["status"] == "aborted" else
              [f"{result['status']}: {result['error']}"])
        found, lives = contents(server.client)
        _, _, staged = parts(found)
        check(f"{what}: staged keys expire", [f"{key}" for key in staged if lives[key] < 0])
        for key in staged:
            del found[key]
        check(f"{what}: the later writer's keys", expected.differences(found, new))
        publish(server.path, LATE, NEW)
        found, _ = contents(server.client)
        check(f"{what}: nothing staged is left", expected.differences(found, new))


def the_owner_cannot_be_read(server, old, new):
    """A transaction is aborted, and then nobody says by whom: that is no later writer."""
    server.client("FLUSHALL")
    publish(server.path, EARLY, OLD)

    def hide():
        server.client("DEL", "ns:{S}:owner")
        server.client("ACL", "SETUSER", "default", "-get")
    result, _ = through(server, LATE, NEW, hook=hide, until=b"ns:{S}:src:")
    server.client("ACL", "SETUSER", "default", "+@all")
    check("the owner cannot be read: denied", [] if result["status"] == "denied" else
          [f"{result['status']}: {result['error']}"])
    check("the owner can be read again: done", [] if publish(server.path, LATE, NEW)["status"] == "done"
          else ["not done"])
    found, _ = contents(server.client)
    check("the owner can be read again", expected.differences(found, new))


def a_long_list_of_keys_is_given_up(server, old, new):
    """Others have many keys in the database: each page of them is a question whether to go on."""
    server.client("FLUSHALL")
    few = publish(server.path, LATE, NEW)["asked"]
    for i in range(60):
        server.client("MSET", *(word for j in range(1000) for word in (f"other:{i}:{j}", "1")))
    many = publish(server.path, LATE, NEW)["asked"]
    check("pages of keys: asked", [] if many - few >= 60 else [f"{few} and {many} times"])
    result = publish(server.path, LATE, {**NEW, "yes": many - 30})
    check("pages of keys: given up", [] if result["status"] == "lost" and "too long" in result["error"]
          else [f"{result['status']}: {result['error']}"])
    check("nothing was asked after that", [] if result["asked"] == many - 29 else [f"{result['asked']}"])


def staged_keys_vanish(server, old, new):
    for what, until in (("one", b"SCAN"), ("all", b"ns:{S}:src:")):
        server.client("FLUSHALL")
        publish(server.path, EARLY, OLD)

        def remove():
            keys = server.client("KEYS", "ns:{S}:stage:*")
            server.client("DEL", *(keys if what == "all" else keys[:1]))
        result, _ = through(server, LATE, NEW, hook=remove, until=until)
        check(f"{what} of the staged keys vanishes: busy", [] if result["status"] == "busy" else
              [f"{result['status']}: {result['error']}"])
        if consistent(server, f"{what} of the staged keys vanishes", old, new):
            check("the swap did not happen", ["it did"])


def half_of_a_staged_key_vanishes(server, *_):
    """The second half begins it anew, and nobody may see that half."""
    server.client("FLUSHALL")
    publish(server.path, EARLY, OLD)
    sample, removed = {"seed": 3, "feed": 3000}, []
    total = 3000 * 150  # bytes of commands, or a little more

    def remove():
        removed.append(server.client("DEL", f"ns:{{S}}:stage:{LATE}:feed"))
    before = server.client("XLEN", "ns:{S}:feed")
    result, _ = through(server, LATE, sample, up=total // 2, hook=remove)
    check("half of a staged key vanishes: busy", [] if removed == [1] and result["status"] == "busy"
          else [f"{removed} {result['status']}: {result['error']}"])
    check("the swap did not happen", [] if server.client("XLEN", "ns:{S}:feed") == before else ["it did"])
    check("again", [] if publish(server.path, LATE, sample)["status"] == "done" else ["not done"])
    check("all of it", [] if server.client("XLEN", "ns:{S}:feed") == 3000 else ["not"])


def keys_vanish_at_the_end(server, _, new):
    """After the swap has named them, before the publication is over."""
    for key in (b"ns:{S}:totals", b"ns:{S}:iot", sorted(new)[-1], b"ns:{S}:owner"):
        server.client("FLUSHALL")
        removed = []
        result, _ = through(server, LATE, NEW, until=b"SADD",
                            hook=lambda name=key: removed.append(server.client("DEL", name)))
        check(f"{key} vanishes at the end: busy", [] if removed == [1] and
              result["status"] == "busy" else [f"{removed} {result['status']}: {result['error']}"])
        publish(server.path, LATE, NEW)
        found, _ = contents(server.client)
        check(f"{key} vanished: again", expected.differences(found, new))


def no_memory(server, old, new):
    server.client("FLUSHALL")
    publish(server.path, EARLY, OLD)
    used = int(dict(line.split(":") for line in server.client("INFO", "memory").decode().split("\r\n")
                    if ":" in line)["used_memory"])
    server.client("CONFIG", "SET", "maxmemory", used + 200000)
    result = publish(server.path, LATE, {**NEW, "rows": 2000})
    check("out of memory: busy", [] if result["status"] == "busy" else
          [f"{result['status']}: {result['error']}"])
    consistent(server, "out of memory", old, new)
    server.client("CONFIG", "SET", "maxmemory", 0)
    publish(server.path, LATE, NEW)
    found, _ = contents(server.client)
    check("memory again", expected.differences(found, new))


def commands_are_bounded(server, old, new):
    """No command and no transaction holds the server for long; what is staged expires from its
    first command on."""
    server.client("FLUSHALL")
    monitor = Client(server.path)
    monitor.socket.sendall(Client.encode(["MONITOR"]))
    assert monitor.read() == b"OK"
    publish(server.path, EARLY, {**OLD, "rows": 1500, "labelled": 3000})
    server.client("ECHO", "the end")
    begun, expiring, sources, most, in_exec = set(), set(), 0, 0, 0
    while True:
        line = monitor.read()
        words = line.split(b'] ', 1)[1].strip(b'"').split(b'" "')
        if words[0] == b"ECHO":
            break
        name = words[0].upper()
        if len(words) > 1 and b":stage:" in words[1] and name in (b"ZADD", b"HSET", b"XADD", b"SET"):
            begun.add(words[1])
            most = max(most, len(words))
        if name == b"EXPIRE" and b":stage:" in words[1]:
            expiring.add(words[1])
        if name == b"MULTI":
            in_exec = 0
        if name == b"HSET" and b":src:" in words[1]:
            in_exec += 1
            sources = max(sources, in_exec)
    check("every staged key expires", [f"{key}" for key in begun - expiring])
    check("keys are staged", [] if len(begun) > 40 else [f"{len(begun)}"])
    check("words of a command", [] if 500 < most <= 2 + 2 * 256 else [f"{most}"])
    check("sources of a transaction", [] if 32 < sources <= 256 else [f"{sources}"])


LOOK = """
local seen = {redis.call('GET', 'ns:{S}:report'), redis.call('HGET', 'ns:{S}:totals', 'packets'),
  redis.call('XLEN', 'ns:{S}:series:1m'), redis.call('XLEN', 'ns:{S}:feed'),
  redis.call('ZCARD', 'ns:{S}:iot'), redis.call('ZCARD', 'ns:{S}:top:tcp:1h'),
  redis.call('ZCARD', 'ns:{S}:top:iot:src:24h'), #redis.call('KEYS', 'ns:{S}:d:*')}
local without = 0
for _, ip in ipairs(redis.call('ZRANGE', 'ns:{S}:iot', 0, -1)) do
  without = without + 1 - redis.call('EXISTS', 'ns:{S}:src:' .. ip)
end
seen[#seen + 1] = without
return seen
"""


def readers_see_whole_states(server, old, new):
    server.client("FLUSHALL")
    publish(server.path, EARLY, OLD)
    first = server.client("EVAL", LOOK, 0)
    publish(server.path, EARLY, NEW)
    second = server.client("EVAL", LOOK, 0)
    stop, seen, looks = threading.Event(), set(), [0]

    def look():
        client = Client(server.path)
        while not stop.is_set():
            seen.add(json.dumps([str(item) for item in client("EVAL", LOOK, 0)]))
            looks[0] += 1
    reader = threading.Thread(target=look)
    reader.start()
    for i in range(6):
        publish(server.path, EARLY, OLD if i % 2 == 0 else NEW)
    stop.set()
    reader.join()
    whole = {json.dumps([str(item) for item in state]) for state in (first, second)}
    check("every device had its evidence", [] if first[-1] == second[-1] == 0 else ["no"])
    check("two states were seen, and no other", [] if seen == whole and looks[0] > 20 else
          [f"{looks[0]} looks", *seen])


def main():
    server = Server()
    old, new = wanted_of(EARLY, OLD), wanted_of(LATE, NEW)
    for test in (cuts, a_writer_is_overtaken, the_owner_cannot_be_read,
                 a_long_list_of_keys_is_given_up, staged_keys_vanish,
                 half_of_a_staged_key_vanishes, keys_vanish_at_the_end, no_memory,
                 commands_are_bounded, readers_see_whole_states):
        test(server, old, new)
    print(f"{checks} checks, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
