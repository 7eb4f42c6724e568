"""A cluster of six processes, three masters with a replica each: masters are replaced while a
publication is on its way, by order or since they were killed.

usage: failover.py PUBLISH_SAMPLE"""
import json
import os
import random
import subprocess
import sys
import time

import cluster
import expected
from server import Client, Error, contents

PROGRAM = sys.argv[1]
SAMPLE = {"minutes": 1500, "hours": 20, "days": 4, "rows": 500, "labelled": 3000, "feed": 1000}
SENSOR = "failover"
OWNER = f"ns:{{{SENSOR}}}:owner"


def slot_master(nodes):
    """The node that answers for the sensor's keys, and one of its replicas that is in step."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        masters = [node for node in nodes if node.process.poll() is None and
                   b"role:master" in node.client("INFO", "replication")]
        for node in masters:
            try:
                node.client("GET", OWNER)
            except Exception:
                continue
            name = node.client("CLUSTER", "MYID")
            for other in nodes:
                if other is node or other.process.poll() is not None:
                    continue
                state = other.client("INFO", "replication")
                mine = any(line.split()[3] == name for line in
                           other.client("CLUSTER", "NODES").split(b"\n")
                           if b"myself" in line)
                if b"role:slave" in state and b"master_link_status:up" in state and mine:
                    return node, other
        time.sleep(0.02)
    sys.exit("no master has the slot")


def holder(nodes):
    """Who answers for the sensor's keys now, or soon: after a kill a replica takes its time."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for node in nodes:
            if node.process.poll() is not None:
                continue
            client = Client(node.path)
            try:
                if b"role:master" in client("INFO", "replication"):
                    client("GET", OWNER)
                    return node
            except Error:
                continue
        time.sleep(0.02)
    sys.exit("no master has the slot")


def publish(port, sample, clock):
    words = [f"{name}={number}" for name, number in sample.items()]
    return subprocess.Popen([PROGRAM, f"redis://127.0.0.1:{port}", SENSOR, f"clock:{clock}",
                             "tries=10000", "truth=1", *words], stdout=subprocess.PIPE)


def wait_for_part(client, some):
    """Until it has taken so many commands more, most of which are this publication's."""
    def commands():
        return sum(int(line.split(b"calls=")[1].split(b",")[0])
                   for line in client("INFO", "commandstats").split(b"\r\n")
                   if line.startswith((b"cmdstat_zadd", b"cmdstat_xadd", b"cmdstat_hset",
                                       b"cmdstat_rename")))
    first = commands()
    deadline = time.monotonic() + 30
    while commands() < first + some and time.monotonic() < deadline:
        pass


def fail_over(replica, process):
    """Asks for it, again where the cluster does not come to it. True: before the publication ended."""
    while process.poll() is None:
        replica.client("CLUSTER", "FAILOVER")
        deadline = time.monotonic() + 2
        while process.poll() is None and time.monotonic() < deadline:
            if b"role:master" in replica.client("INFO", "replication"):
                return process.poll() is None
            time.sleep(0.005)
    return False


def main():
    seed = int(os.environ.get("NIGHTSCOPE_SEED", "0"), 0) or random.SystemRandom().getrandbits(32)
    print(f"failover: NIGHTSCOPE_SEED={seed}", flush=True)
    rng = random.Random(seed)
    nodes, ports, _ = cluster.start("user admin on >admin ~* &* +@all\n", 1, "--cluster-node-timeout", "1000",
                                    "--repl-diskless-sync-delay", "0", "--appendonly", "yes")
    failures = interrupted = 0
    for number, how in enumerate(("order", "kill", "order", "kill", "kill", "order")):
        sample = {**SAMPLE, "seed": rng.getrandbits(32)}
        master, replica = slot_master(nodes)
        port = ports[nodes.index(rng.choice([node for node in nodes if node is not master]))]
        process = publish(port, sample, 1795305600000 + number)
        wait_for_part(master.client, rng.randint(10, 6000 if how == "kill" else 1000))
        if how == "order":
            running = fail_over(replica, process)
        else:
            running = process.poll() is None
            master.kill()
        result = json.loads(process.communicate(timeout=300)[0])
        found, lives = contents(Client(holder(nodes).path))
        prefix = OWNER[:-len("owner")].encode()
        mine = {key: item for key, item in found.items() if key.startswith(prefix)}
        lines = [] if result["status"] == "done" else [f"{result['status']}: {result['error']}"]
        wanted, wanted_lives = expected.keys(result["truth"])
        lines += expected.differences(mine, wanted, lives, wanted_lives)
        interrupted += running
        failures += bool(lines)
        for line in lines:
            print(f"FAILED failover {number} by {how}: {line}")
        if how == "kill":
            master.start()
    if interrupted < 4:
        print(f"FAILED: only {interrupted} failovers were while a publication was on its way")
        failures += 1
    print(f"6 failovers, {interrupted} during a publication, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
