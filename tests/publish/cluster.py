"""Publications on a cluster of three masters, by users with the access rules of the project: each
sensor's keys are on one node, ns:sensors perhaps on another.

usage: cluster.py PUBLISH_SAMPLE"""
import atexit
import json
import os
import socket
import subprocess
import sys
import time

import expected
from server import Client, Server, contents

PROGRAM = sys.argv[1]
RULES = os.path.join(os.environ["NIGHTSCOPE_SOURCE"], "contrib/redis/users.conf")
SAMPLE = ["minutes=60", "hours=3", "days=2", "rows=50", "labelled=600", "feed=40", "truth=1"]
SMALL = ["minutes=2", "labelled=5", "truth=1"]
SENSORS = ["alpha", "beta", "gamma", "delta", "epsilon"]
failures = 0


def check(what, lines):
    global failures
    for line in lines:
        failures += 1
        print(f"FAILED {what}: {line}")


def free_ports(n):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [item.getsockname()[1] for item in sockets]
    for item in sockets:
        item.close()
    return ports


def start(rules, replicas=0, *options):
    """Three masters, each with so many replicas: the nodes and their ports, masters first."""
    n = 3 * (1 + replicas)
    ports = free_ports(2 * n)
    nodes = []
    path = f"{os.environ.get('TMPDIR', '/tmp')}/nightscope-rules-{os.getpid()}.conf"
    with open(path, "w", encoding="utf-8") as file:
        file.write(rules)
    atexit.register(os.unlink, path)
    for i in range(n):
        nodes.append(Server("--include", path, "--bind", "127.0.0.1", "--port", str(ports[i]),
                            "--cluster-enabled", "yes", "--cluster-port", str(ports[n + i]),
                            *options))
    subprocess.run(["redis-cli", "--no-auth-warning", "--user", "admin", "--pass", "admin",
                    "--cluster", "create", *(f"127.0.0.1:{port}" for port in ports[:n]),
                    "--cluster-replicas", str(replicas), "--cluster-yes"],
                   check=True, stdout=subprocess.DEVNULL, timeout=120)
    clients = [Client(node.path, "admin", "admin") for node in nodes]
    deadline = time.monotonic() + 60
    while not all(b"cluster_state:ok" in client("CLUSTER", "INFO") for client in clients):
        if time.monotonic() > deadline:
            sys.exit("the cluster does not come up")
        time.sleep(0.05)
    return nodes, ports[:n], clients


def publish(port, sensor, incarnation, sample):
    env = {**os.environ, "NIGHTSCOPE_REDIS_USER": f"writer-{sensor}",
           "NIGHTSCOPE_REDIS_PASSWORD": "secret"}
    run = subprocess.run([PROGRAM, f"redis://127.0.0.1:{port}", sensor, incarnation, *sample],
                         stdout=subprocess.PIPE, check=True, env=env, timeout=120)
    result = json.loads(run.stdout)
    check(f"{sensor} is published", [] if result["status"] == "done" else [result["error"]])
    return result


def main():
    with open(RULES, encoding="utf-8") as file:
        lines = file.read().replace("resetpass", ">secret").split("\n")
    rules = [line for line in lines if "SENSOR" not in line]
    writer = next(line for line in lines if line.startswith("user nightscope-SENSOR"))
    rules += [writer.replace("nightscope-SENSOR", f"writer-{name}").replace("SENSOR", name)
              for name in SENSORS]
    rules.append("user admin on >admin ~* &* +@all")
    _, ports, clients = start("\n".join(rules) + "\n")
    port = ports[0]
    for incarnation, sample in (("1795305600000-a", SAMPLE), ("1795305600001-a", SMALL)):
        wanted = {b"ns:sensors": (b"set", {name.encode() for name in SENSORS})}
        for seed, sensor in enumerate(SENSORS):
            result = publish(port, sensor, incarnation, [*sample, f"seed={seed}"])
            wanted.update(expected.keys(result["truth"])[0])
        found, holders = {}, 0
        for client in clients:
            part, _ = contents(client)
            holders += any(key.endswith(b":info") for key in part)
            found.update(part)
        check("the keys of the cluster", expected.differences(found, wanted))
        check("several nodes hold sensors", [] if holders > 1 else [f"{holders}"])
    print(f"{failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
