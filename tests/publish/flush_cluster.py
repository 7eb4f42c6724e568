"""A sensor that flushes to a cluster of six processes, as the writer that the project's rules allow,
while masters are replaced: by order, or since they were killed. Afterwards its keys are those of an
undisturbed run on a server of its own.

usage: flush_cluster.py FLUSH_SAMPLE"""
import json
import os
import random
import subprocess
import sys

import cluster
import expected
import failover
from flushes import keys_of
from server import Client, Server

PROGRAM = sys.argv[1]
MINUTES = 300
failover.OWNER = "ns:{S}:owner"


def flush(url, seed):
    env = {**os.environ, "NIGHTSCOPE_REDIS_USER": "writer", "NIGHTSCOPE_REDIS_PASSWORD": "secret"}
    return subprocess.Popen([PROGRAM, url, "S", f"seed={seed}", f"minutes={MINUTES}", "pace=1000",
                             "wait=120000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)


def writer_rules():
    path = os.path.join(os.environ["NIGHTSCOPE_SOURCE"], "contrib/redis/users.conf")
    with open(path, encoding="utf-8") as file:
        line = next(line for line in file if line.startswith("user nightscope-SENSOR"))
    return (line.replace("nightscope-SENSOR", "writer").replace("SENSOR", "S")
            .replace("resetpass", ">secret") + "user admin on >admin ~* &* +@all\n")


def undisturbed(seed, rules):
    """The keys, on a server that knows the writer and is left alone."""
    server = Server("--include", rules)
    result = json.loads(flush(f"unix:{server.path}", seed).communicate(timeout=300)[0])
    if not result["sent"] or result["failures"]:
        sys.exit(f"FAILED: undisturbed: {result}")
    keys = keys_of(server.client)
    server.stop()
    return keys


def main():
    seed = int(os.environ.get("NIGHTSCOPE_SEED", "0"), 0) or random.SystemRandom().getrandbits(32)
    print(f"flush_cluster: NIGHTSCOPE_SEED={seed}", flush=True)
    rng = random.Random(seed)
    nodes, ports, _ = cluster.start(writer_rules(), 1, "--cluster-node-timeout", "1000",
                                    "--repl-diskless-sync-delay", "0", "--appendonly", "yes")
    rules = f"{os.environ.get('TMPDIR', '/tmp')}/nightscope-rules-{os.getpid()}.conf"
    failures = interrupted = 0
    for how in ("order", "kill", "order", "kill"):
        run_seed = rng.getrandbits(32)
        wanted, lives = undisturbed(run_seed, rules)
        master, replica = failover.slot_master(nodes)
        for key in [b"ns:sensors", *keys_of(master.client)[0], b"ns:{S}:owner"]:
            if key.startswith(b"ns:{S}:"):
                master.client("DEL", key)
        port = ports[nodes.index(rng.choice([node for node in nodes if node is not master]))]
        process = flush(f"redis://127.0.0.1:{port}", run_seed)
        failover.wait_for_part(master.client, rng.randint(10, 2000))
        if how == "order":
            running = failover.fail_over(replica, process)
        else:
            running = process.poll() is None
            master.kill()
        out, told = process.communicate(timeout=300)
        result = json.loads(out)
        found, found_lives = keys_of(Client(failover.holder(nodes).path))
        found = {key: item for key, item in found.items() if key.startswith(b"ns:{S}:")}
        lines = [] if result["sent"] else [f"not sent: {result['error']}"]
        wanted = {key: item for key, item in wanted.items() if key.startswith(b"ns:{S}:")}
        lines += expected.differences(found, wanted, found_lives,
                                      {key: life + 60 if life > 0 else life
                                       for key, life in lives.items()})
        interrupted += running
        failures += bool(lines)
        for line in lines:
            print(f"FAILED by {how}: {line}")
        if lines:
            print(result, told.decode())
        if how == "kill":
            master.start()
    if interrupted < 3:
        print(f"FAILED: only {interrupted} failovers were while the sensor flushed")
        failures += 1
    print(f"4 failovers, {interrupted} while the sensor flushed, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
