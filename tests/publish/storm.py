"""Many publications, each with faults drawn from a seed. Afterwards the keys are those of an
undisturbed run, difference 0.

usage: storm.py PUBLISH_SAMPLE [--runs N] [--seed N] [--only RUN]

NIGHTSCOPE_SEED=N is --seed N. --only RUN repeats one run of a seed. A run is replayed twice or more
under one sensor: an older run has left its keys, a newer one publishes while connections are cut,
replies are lost, the server is killed (with its log, whose end may be cut), moved to a server with
another run_id, short of memory or read-only, keys vanish, the writer is killed and run again, by a
clock that may have been set back."""
import argparse
import collections
import glob
import json
import os
import random
import subprocess
import sys
import time

import expected
from cutter import Proxy
from server import Client, Server, contents

NAMES = ("cuts", "lost replies", "cuts", "lost replies", "another server", "keys vanish",
         "the server refuses", "the writer is killed", "the server is killed", "the log is cut")
SIZES = {"minutes": 40, "hours": 3, "days": 3, "rows": 30, "labelled": 60, "feed": 30}
START_MS = 1795305600000


def draw_sample(rng):
    return {"seed": rng.getrandbits(32), **{name: rng.randint(0 if name in ("hours", "feed") else 1, most)
                                            for name, most in SIZES.items()}}


def move_to(other, server, rng):
    """Another server: empty, or a replica that was promoted and has some of the keys."""
    other.client("FLUSHALL")
    if rng.random() < 0.5:
        for key in server.client("KEYS", "*"):
            if rng.random() < 0.7:
                other.client("RESTORE", key, 0, server.client("DUMP", key))


def remove_keys(server, rng):
    some = [key for key in server.client("KEYS", "ns:{S}:*") if rng.random() < 0.3]
    if some:
        server.client("DEL", *some)
    if rng.random() < 0.3:
        server.client("FLUSHALL")


def cut_log(server, rng):
    log = max(glob.glob(f"{server.dir}/appendonlydir/*.incr.aof"))
    os.truncate(log, max(0, os.path.getsize(log) - rng.randint(1, 20000)))


def draw_faults(name, rng, at, proxy, hold, other):
    """What the next connections through the proxy suffer; at("up") and at("down") draw where.
    hold[0] is the server that the keys are on."""
    server = hold[0]

    def killed():
        server.kill()
        if name == "the log is cut":
            cut_log(server, rng)
        server.start()

    def moved():
        move_to(other, server, rng)
        proxy.target = other.path
        hold[0] = other
        raise OSError  # what is open breaks

    if name == "cuts":
        return [(f"cut-{way}", at(way)) for way in rng.choices(("up", "down"), k=rng.randint(1, 4))]
    if name == "lost replies":
        return [("drop", at("down")) for _ in range(rng.randint(1, 2))]
    if name == "the server refuses":
        option, on, off = rng.choice([("maxmemory", "1", "0"), ("min-replicas-to-write", "1", "0")])
        return [("hook", at("up"), lambda: server.client("CONFIG", "SET", option, on)), None,
                ("hook", 0, lambda: server.client("CONFIG", "SET", option, off))]
    hooks = {"another server": moved, "keys vanish": lambda: remove_keys(server, rng),
             "the server is killed": killed, "the log is cut": killed}
    return [("hook", at("up"), hooks[name])] if name in hooks else []


class Run:
    def __init__(self, program, shared, rng):
        self.program, self.shared, self.rng = program, shared, rng
        self.clock = START_MS

    def words(self, url, sample, tries, truth=0):
        return [self.program, f"unix:{url}", "S", f"clock:{self.clock}", f"tries={tries}",
                f"truth={truth}", *(f"{name}={number}" for name, number in sample.items())]

    def publish(self, url, sample, tries=1, truth=0):
        run = subprocess.run(self.words(url, sample, tries, truth), stdout=subprocess.PIPE,
                             check=True, timeout=300)
        return json.loads(run.stdout)

    def next_clock(self):
        """Mostly later; sometimes set back, by a second or by years."""
        self.clock = max(0, self.clock + self.rng.choice([0, 1, 1000, 86400000, -1000, -10**11]))

    def disturb(self, name, server, sample, total):
        """The new run, with faults, until it says that it is done. The server that has its keys."""
        rng = self.rng

        def at(way):
            """Anywhere, or in the last part, where the swap is."""
            low = 0 if rng.random() < 0.6 else total[way] * 85 // 100
            return rng.randint(low, total[way] * 102 // 100)

        hold = [server]
        proxy = Proxy(server.path, f"{server.dir}/proxy")
        proxy.faults = draw_faults(name, rng, at, proxy, hold, self.shared["other"])
        try:
            if name == "the writer is killed":
                for _ in range(rng.randint(1, 2)):
                    process = subprocess.Popen(self.words(proxy.path, sample, 1),
                                               stdout=subprocess.DEVNULL)
                    proxy.faults = [("hook", at("up"), process.kill)]
                    process.wait()
                    self.next_clock()
            # What refuses goes on refusing on the same connection; give it a new one now and then.
            result = self.publish(proxy.path, sample, 1 if name == "the server refuses" else 2000)
            for _ in range(4):
                if name == "the server refuses" and result["status"] in ("busy", "lost"):
                    result = self.publish(proxy.path, sample, 1)
        finally:
            proxy.close()
            if name == "the server refuses":  # where it ended before it was to take again
                for option in ("maxmemory", "min-replicas-to-write"):
                    server.client("CONFIG", "SET", option, 0)
        return result, hold[0], proxy.connections

    def go(self, name):
        rng = self.rng
        logged = name in ("the server is killed", "the log is cut")
        server = Server("--appendonly", "yes", "--aof-load-truncated", "yes", "--appendfsync",
                        rng.choice(("always", "everysec", "no"))) if logged else self.shared["main"]
        try:
            return self.compare(name, server, draw_sample(rng), draw_sample(rng))
        finally:
            if logged:
                server.stop()

    def compare(self, name, server, old, new):
        clean = self.shared["clean"]
        clean.client("FLUSHALL")
        proxy = Proxy(clean.path, f"{clean.dir}/proxy")
        truth = self.publish(proxy.path, new, truth=1)["truth"]
        proxy.close()
        server.client("FLUSHALL")
        for _ in range(self.rng.randint(0, 2)):
            self.publish(server.path, old)
            self.next_clock()
        result, server, connections = self.disturb(name, server, new, proxy.seen)
        if result["status"] != "done":
            return [f"{result['status']}: {result['error']}"], connections
        found, lives = contents(Client(server.path))
        truth["incarnation"] = found.get(b"ns:{S}:owner", (None, b""))[1].decode()
        wanted, wanted_lives = expected.keys(truth)
        wanted[b"ns:sensors"] = (b"set", {b"S"})
        wanted_lives[b"ns:sensors"] = -1
        return expected.differences(found, wanted, lives, wanted_lives), connections


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("program")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=lambda text: int(text, 0),
                        default=int(os.environ.get("NIGHTSCOPE_SEED", "0"), 0) or
                        random.SystemRandom().getrandbits(32))
    parser.add_argument("--only", type=int)
    options = parser.parse_args()
    print(f"storm: NIGHTSCOPE_SEED={options.seed}", flush=True)
    shared = {name: Server() for name in ("main", "other", "clean")}
    counts, broken, failures = collections.Counter(), 0, 0
    started = time.monotonic()
    for number in range(options.runs) if options.only is None else [options.only]:
        name = NAMES[number % len(NAMES)]
        rng = random.Random(f"{options.seed}:{number}")
        lines, connections = Run(options.program, shared, rng).go(name)
        counts[name] += 1
        broken += connections > 1
        if lines:
            failures += 1
            print(f"FAILED run {number} ({name}; --seed {options.seed} --only {number}):")
            for line in lines:
                print(f"    {line}")
    print(f"{sum(counts.values())} runs ({', '.join(f'{n} {name}' for name, n in counts.items())}), "
          f"{broken} with several connections, {failures} with differences, "
          f"{time.monotonic() - started:.0f} s")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
