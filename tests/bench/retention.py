#!/usr/bin/env python3
"""Memory of a Redis server over many days of a /16 (500,000 sources a day), and the server's time
for the flush of a busy minute.

usage: retention.py RETENTION [DAYS]    (build-release/tests/bench/retention; default 30 days)"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "publish"))
from server import Server  # noqa: E402


def memory(client):
    info = client("INFO", "memory").decode().split("\r\n")
    return int(next(line for line in info if line.startswith("used_memory:")).split(":")[1])


def history(client):
    """Bytes of the keys by day, which are kept for 400 days."""
    keys = [key for pattern in ("d:*", "hll:*") for key in client("KEYS", "ns:{retention}:" + pattern)]
    return sum(client.many([("MEMORY", "USAGE", key, "SAMPLES", "0") for key in keys]))


def cpu(client):
    """Seconds of the server's main thread."""
    info = dict(line.split(":") for line in client("INFO", "cpu").decode().split("\r\n") if ":" in line)
    return float(info["used_cpu_user_main_thread"]) + float(info["used_cpu_sys_main_thread"])


def flush_time(client):
    """Of the last flush, by SLOWLOG, in milliseconds: all commands, those of the last transaction,
    the longest; and how many commands."""
    total = last = longest = n = 0
    for entry in client("SLOWLOG", "GET", -1):  # the latest first
        name, ms = entry[3][0].upper(), entry[2] / 1000
        if name in (b"SLOWLOG", b"CONFIG", b"INFO", b"EXEC"):
            continue
        if name == b"MULTI" and not last:
            last = total
        total, longest, n = total + ms, max(longest, ms), n + 1
    return total, last, longest, n


def main():
    days = sys.argv[2] if len(sys.argv) > 2 else "30"
    server = Server()
    client = server.client
    process = subprocess.Popen([sys.argv[1], f"unix:{server.path}", days], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    print("day  used_memory  of it history  the rest")
    worst = begun = 0
    for line in process.stdout:
        what, number = line.split()
        if what == "day":
            used, kept = memory(client), history(client)
            print(f"{number:>3} {used / 1e6:9.1f} MB {kept / 1e6:11.1f} MB "
                  f"{(used - kept) / 1e6:9.1f} MB", flush=True)
        elif what == "before":
            client("CONFIG", "SET", "slowlog-max-len", 1000000)
            client("CONFIG", "SET", "slowlog-log-slower-than", 0)
            client("SLOWLOG", "RESET")
            begun = cpu(client)
        else:
            used = (cpu(client) - begun) * 1000
            total, last, longest, n = flush_time(client)
            worst = max(worst, last)
            print(f"minute {number}: {n} commands, {total:.1f} ms by SLOWLOG, of it {last:.1f} ms in the "
                  f"flush's own transaction; the longest {longest:.2f} ms; {used:.0f} ms of the "
                  "server's processor, reading and answering included", flush=True)
        process.stdin.write("\n")
        process.stdin.flush()
    print(f"longest transaction of a flush: {worst:.1f} ms; {client('DBSIZE')} keys")
    sys.exit(process.wait())


if __name__ == "__main__":
    main()
