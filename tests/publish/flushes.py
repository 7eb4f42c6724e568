"""Running sensors that flush while faults strike, drawn from a seed. Afterwards the keys are those
of an undisturbed run, difference 0; so they are when the sensor is killed and goes on from its
spool, but for the feed, which is of the last run.

usage: flushes.py FLUSH_SAMPLE [--runs N] [--seed N] [--only RUN]

NIGHTSCOPE_SEED=N is --seed N. --only RUN repeats one run of a seed."""
import argparse
import collections
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import expected
from cutter import Proxy
from server import Client, Server, contents
from storm import draw_faults

NAMES = ("cuts", "lost replies", "another server", "keys vanish", "the server refuses",
         "the server is killed", "the log is cut", "the sensor is killed", "the owner is set back",
         "away at first", "the sensor is killed", "the disk is full")
PROGRAM = None


def flush(path, seed, minutes, pace, *more, before=()):
    """Starts a sensor that runs for so many minutes."""
    return subprocess.Popen([*before, PROGRAM, f"unix:{path}", "S", f"seed={seed}",
                             f"minutes={minutes}", f"pace={pace}", "wait=60000", *more],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def killed(proxy, folder, rng, at, words):
    """Kills it some times on its way; then lets it end."""
    spool = f"spool={folder}/spool"
    for _ in range(rng.randint(1, 3)):
        process = flush(proxy.path, *words, spool)
        proxy.faults = [("hook", at("up"), process.kill)]
        process.communicate(timeout=120)
    proxy.faults = []
    return flush(proxy.path, *words, spool)


def on_a_small_disk(proxy, folder, words):
    """On a disk of its own, which the sensor fills from time to time."""
    script = f'mount -t tmpfs -o size=192k none "{folder}" && exec "$@"'
    return flush(proxy.path, *words, f"spool={folder}/spool", "fill=3",
                 before=("unshare", "-m", "sh", "-c", script, "sh"))


def keys_of(client):
    """Without what tells one run from another."""
    found, lives = contents(client)
    found.pop(b"ns:{S}:owner", None)
    if b"ns:{S}:info" in found:
        for field in (b"incarnation", b"started", b"flushed", b"resends", b"drops"):
            found[b"ns:{S}:info"][1].pop(field, None)
    return found, lives


def run_once(name, rng, shared):
    seed, minutes, pace = rng.getrandbits(32), rng.randint(3, 25), rng.choice((0, 20, 100))
    clean = shared["clean"]
    clean.client("FLUSHALL")
    proxy = Proxy(clean.path, f"{clean.dir}/proxy")
    result = json.loads(flush(proxy.path, seed, minutes, pace).communicate(timeout=120)[0])
    proxy.close()
    if not result["sent"] or result["failures"] or result["resends"]:
        return [f"undisturbed: {result}"], result
    wanted, lives = keys_of(clean.client)
    wanted_lives = {key: life + 60 if life > 0 else life for key, life in lives.items()}
    total = proxy.seen

    def at(way):
        return rng.randint(0, total[way])

    logged = name in ("the server is killed", "the log is cut")
    server = Server("--appendonly", "yes", "--aof-load-truncated", "yes") if logged else shared["main"]
    server.client("FLUSHALL")
    hold = [server]
    proxy = Proxy(server.path, f"{server.dir}/proxy")

    def refuse():
        option, on, off = rng.choice([("maxmemory", "1", "0"), ("min-replicas-to-write", "1", "0")])
        server.client("CONFIG", "SET", option, on)
        threading.Timer(0.1, lambda: Client(server.path)("CONFIG", "SET", option, off)).start()

    def set_back():
        server.client("SET", "ns:{S}:owner", "0000000000001-a")

    if name == "the server refuses":
        proxy.faults = [("hook", at("up"), refuse)]
    elif name == "the owner is set back":
        proxy.faults = [("hook", at("up"), set_back)]
    elif name == "away at first":
        proxy.faults = [("cut-up", 0)] * rng.randint(1, 3)
    else:
        proxy.faults = draw_faults(name, rng, at, proxy, hold, shared["other"])
    words = (seed, minutes, pace)
    folder = tempfile.mkdtemp(prefix="nightscope-spool-")
    try:
        if name == "the sensor is killed":
            process = killed(proxy, folder, rng, at, words)
            wanted.pop(b"ns:{S}:feed", None)
        elif name == "the disk is full":
            process = on_a_small_disk(proxy, folder, words)
        else:
            process = flush(proxy.path, *words)
        out, told = process.communicate(timeout=180)
        result = json.loads(out)
        info = Client(hold[0].path)("HGETALL", "ns:{S}:info")
        result["resends"] = int(info[info.index(b"resends") + 1]) if info else 0
        result["failures"] = sum(not line.startswith(b"up") for line in told.split(b"\n")[:-1])
        found, lives = keys_of(Client(hold[0].path))
        if name == "the sensor is killed":
            found.pop(b"ns:{S}:feed", None)
        lines = [] if result["sent"] else [f"not sent: {result['error']}"]
        lines += expected.differences(found, wanted, lives, wanted_lives)
        if lines:
            lines.append(f"{result} {told.decode().split(chr(10))}")
        return lines, result
    finally:
        proxy.close()
        shutil.rmtree(folder)
        if logged:
            server.stop()


def without(keys):
    """What is left of the keys without sources of flush_sample's prefixes, and how many there were."""
    truth = {"withheld": "0.8.0.0/13,5.0.8.0/21,64.0.0.0/2"}
    left, gone = {}, 0

    def hidden(address):
        nonlocal gone
        found = expected.is_withheld(truth, address.decode())
        gone += found
        return found

    for key, (kind, item) in keys.items():
        if b":src:" in key and kind == b"hash":
            if hidden(key.split(b"}:src:")[1]):
                continue
        elif key.endswith(b":feed"):
            item = [entry for entry in item if not hidden(entry[1][3])]
        elif key.endswith(b":iot") or (kind == b"zset" and b"src" in key.split(b":")):
            rest = {name: score for name, score in item.items() if name == b"others" or not hidden(name)}
            more = sum(item.values()) - sum(rest.values())
            if more and b":top:" in key:
                rest[b"others"] = rest.get(b"others", 0) + more
            item = rest
        if item:
            left[key] = (kind, item)
    return left, gone


def dark_sources_are_withheld(server):
    """Flush by flush: nothing seems to be missing, and totals stay."""
    found = []
    for words in ((), ("withheld=1",)):
        server.client("FLUSHALL")
        out, _ = flush(server.path, 7, 25, 20, *words).communicate(timeout=120)
        result = json.loads(out)
        found.append(keys_of(server.client)[0])
        if not result["sent"] or result["failures"] or result["resends"]:
            return [f"{words}: {result}"]
    wanted, gone = without(found[0])
    return expected.differences(found[1], wanted) + ([] if gone > 20 else [f"{gone} to withhold"])


def a_stale_sensor_is_overtaken(server):
    """A later writer takes the sensor while this one runs: it says so, and writes no more."""
    server.client("FLUSHALL")
    process = flush(server.path, 5, 400, 5)
    deadline = time.monotonic() + 30
    while not server.client("EXISTS", "ns:sensors") and time.monotonic() < deadline:
        pass
    later = b"9000000000000-z"
    server.client("SET", "ns:{S}:owner", later)
    before, _ = contents(server.client)
    out, told = process.communicate(timeout=120)
    result = json.loads(out)
    after, _ = contents(server.client)
    lines = [] if not result["sent"] and "overtaken" in result["error"] else [str(result)]
    lines += [] if b"overtaken" in told else [str(told)]
    stable = {key: item for key, item in before.items() if b":stage:" not in key}
    return lines + expected.differences({key: item for key, item in after.items()
                                         if b":stage:" not in key}, stable)


def main():
    global PROGRAM
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("program")
    parser.add_argument("--runs", type=int, default=72)
    parser.add_argument("--seed", type=lambda text: int(text, 0),
                        default=int(os.environ.get("NIGHTSCOPE_SEED", "0"), 0) or
                        random.SystemRandom().getrandbits(32))
    parser.add_argument("--only", type=int)
    options = parser.parse_args()
    PROGRAM = options.program
    print(f"flushes: NIGHTSCOPE_SEED={options.seed}", flush=True)
    shared = {name: Server() for name in ("main", "other", "clean")}
    counts, disturbed, failures, full = collections.Counter(), 0, 0, 0
    started = time.monotonic()
    for number in range(options.runs) if options.only is None else [options.only]:
        name = NAMES[number % len(NAMES)]
        if name == "the disk is full" and os.getuid() != 0:
            continue  # mounting one takes root
        lines, result = run_once(name, random.Random(f"{options.seed}:{number}"), shared)
        counts[name] += 1
        full += result.get("spool_failures", 0) > 0
        disturbed += result.get("failures", 0) + result.get("resends", 0) > 0
        if lines:
            failures += 1
            print(f"FAILED run {number} ({name}; --seed {options.seed} --only {number}):")
            for line in lines:
                print(f"    {line}")
    # A sensor that is slow to write may find room each time, but not all of them do.
    if counts["the disk is full"] >= 5 and not full:
        failures += 1
        print("FAILED: no disk was ever full")
    if options.only is None:
        for test in (a_stale_sensor_is_overtaken, dark_sources_are_withheld):
            for line in test(shared["main"]):
                failures += 1
                print(f"FAILED {test.__name__}: {line}")
    print(f"{sum(counts.values())} runs ({', '.join(f'{n} {name}' for name, n in counts.items())}), "
          f"{disturbed} with failures or resends, {failures} failed, "
          f"{time.monotonic() - started:.0f} s")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
