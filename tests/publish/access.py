"""The access rules in contrib/redis/users.conf: each user can do its work, and nothing else.

usage: access.py PUBLISH_SAMPLE"""
import atexit
import json
import os
import subprocess
import sys
import tempfile

from server import Client, Error, Server

PROGRAM = sys.argv[1]
RULES = os.path.join(os.environ["NIGHTSCOPE_SOURCE"], "contrib/redis/users.conf")
SAMPLE = ["minutes=30", "hours=2", "days=2", "rows=30", "labelled=100", "feed=20"]
ADMIN = "user admin on >admin ~* &* +@all\n"
checks = failures = 0

WRITER_MAY_NOT = [
    ("GET", "ns:{T}:info"), ("HSET", "ns:{T}:info", "a", "b"), ("SET", "ns:{T}:owner", "x"),
    ("UNLINK", "ns:{T}:info"), ("RENAME", "ns:{S}:info", "ns:{T}:info"),
    ("RENAME", "ns:{T}:info", "ns:{S}:info"), ("ZADD", "ns:{T}:iot", "1", "a"),
    ("XADD", "ns:{T}:feed", "*", "a", "b"), ("SADD", "ns:{S}:x", "a"), ("SREM", "ns:sensors", "S"),
    ("UNLINK", "ns:sensors"), ("SMEMBERS", "ns:sensors"), ("SET", "x", "y"),
    ("SET", "ns:sensors", "x"), ("WATCH", "ns:{T}:owner"),
    ("SET", "ns:{S}", "x"), ("SET", "ns:{SS}:x", "x"), ("DEL", "ns:{S}:info"),
    ("HGETALL", "ns:{S}:info"), ("KEYS", "*"), ("FLUSHALL",), ("FLUSHDB",),
    ("CONFIG", "GET", "*"), ("ACL", "LIST"), ("EVAL", "return 1", "0"), ("SHUTDOWN",),
    ("REPLICAOF", "NO", "ONE"), ("MONITOR",), ("SUBSCRIBE", "a"), ("PUBLISH", "a", "b"),
    ("CLIENT", "LIST"), ("CLIENT", "KILL", "ID", "1"), ("SCRIPT", "FLUSH"), ("SAVE",),
    ("DUMP", "ns:{S}:info"), ("COPY", "ns:{S}:info", "ns:{S}:x"), ("SORT", "ns:{S}:iot"),
    ("SWAPDB", "0", "1"), ("MIGRATE", "h", "1", "k", "0", "1"),
]
READER_MAY = [
    ("SMEMBERS", "ns:sensors"), ("HGETALL", "ns:{S}:info"), ("HGET", "ns:{S}:totals", "packets"),
    ("HMGET", "ns:{S}:totals", "packets", "sources"), ("GET", "ns:{S}:report"),
    ("XRANGE", "ns:{S}:series:1m", "-", "+"), ("XREVRANGE", "ns:{S}:series:1h", "+", "-"),
    ("XREAD", "COUNT", "10", "STREAMS", "ns:{S}:feed", "0"), ("XLEN", "ns:{S}:feed"),
    ("ZRANGE", "ns:{S}:top:tcp:1h", "0", "9", "REV", "WITHSCORES"),
    ("ZRANGE", "ns:{S}:top:tcp:1h", "-20", "-1", "WITHSCORES"),
    ("ZREVRANGE", "ns:{S}:iot", "0", "9", "WITHSCORES"),
    ("ZRANGEBYSCORE", "ns:{S}:iot", "0", "+inf"), ("ZCARD", "ns:{S}:iot"),
    ("ZUNION", "2", "ns:{S}:top:tcp:24h", "ns:{T}:top:tcp:24h", "WITHSCORES"),
    ("PFCOUNT", "ns:{S}:hll:src:d:20261122"),
    ("PFCOUNT", "ns:{S}:hll:src:d:20261122", "ns:{T}:hll:src:d:20261122"),
    ("EXISTS", "ns:{S}:info"), ("TTL", "ns:{S}:iot"), ("TYPE", "ns:{S}:iot"),
    ("HGETALL", "ns:{S}:src:5.0.0.1"), ("INFO", "server"), ("PING",),
]
READER_MAY_NOT = [
    ("SET", "ns:{S}:x", "y"), ("HSET", "ns:{S}:info", "a", "b"), ("DEL", "ns:{S}:info"),
    ("UNLINK", "ns:{S}:info"), ("EXPIRE", "ns:{S}:info", "1"), ("PERSIST", "ns:{S}:iot"),
    ("RENAME", "ns:{S}:info", "ns:{S}:x"), ("ZADD", "ns:{S}:iot", "1", "a"),
    ("ZUNIONSTORE", "ns:{S}:x", "1", "ns:{S}:iot"), ("XADD", "ns:{S}:feed", "*", "a", "b"),
    ("XTRIM", "ns:{S}:feed", "MAXLEN", "0"), ("SADD", "ns:sensors", "x"),
    ("PFADD", "ns:{S}:hll:src:d:20261122", "a"),
    ("PFMERGE", "ns:{S}:hll:src:d:20261122", "ns:{T}:hll:src:d:20261122"),
    ("PFCOUNT", "ns:{S}:report"), ("PFCOUNT", "x"), ("GET", "x"), ("GET", "nsx"),
    ("GETDEL", "ns:{S}:report"), ("GETEX", "ns:{S}:report", "EX", "1"), ("SCAN", "0"),
    ("KEYS", "*"), ("FLUSHALL",), ("CONFIG", "GET", "*"), ("ACL", "LIST"),
    ("EVAL", "return 1", "0"), ("EVAL_RO", "return 1", "0"), ("SHUTDOWN",),
    ("MONITOR",), ("SUBSCRIBE", "a"), ("CLIENT", "LIST"), ("DUMP", "ns:{S}:info"),
]


def check(what, good, found):
    global checks, failures
    checks += 1
    if not good:
        failures += 1
        print(f"FAILED {what}: {found}")


def denied(client, user, commands):
    for words in commands:
        reply = client.many([words])[0]
        check(f"{user} may not {' '.join(words)}",
              isinstance(reply, Error) and str(reply).startswith("NOPERM"), reply)


def publish(path, sensor, user, password):
    env = {**os.environ, "NIGHTSCOPE_REDIS_USER": user, "NIGHTSCOPE_REDIS_PASSWORD": password}
    run = subprocess.run([PROGRAM, f"unix:{path}", sensor, "1795305600000-a", *SAMPLE],
                         stdout=subprocess.PIPE, check=True, env=env, timeout=60)
    return json.loads(run.stdout)


def main():
    with open(RULES, encoding="utf-8") as file:
        rules = file.read()
    nobody = Server(*options(rules))
    for user in ("nightscope-SENSOR", "nightscope-reader"):
        for password in ("", "password", "resetpass"):
            reply = nobody.client.many([("AUTH", user, password)])[0]
            check(f"{user} without a password", isinstance(reply, Error), reply)
    nobody.stop()

    rules = rules.replace("resetpass", ">secret").replace("SENSOR", "S")
    server = Server(*options(rules + ADMIN))
    admin = Client(server.path, "admin", "admin")
    denied(server.client, "default", [("GET", "ns:{S}:info"), ("SCAN", "0"), ("KEYS", "*"),
                                      ("INFO",), ("SET", "a", "b")])
    result = publish(server.path, "S", "nightscope-S", "secret")
    check("the writer publishes", result["status"] == "done", result)
    result = publish(server.path, "S", "nightscope-S", "secret")
    check("the writer publishes again", result["status"] == "done", result)
    result = publish(server.path, "T", "nightscope-S", "secret")
    check("another sensor is denied", result["status"] == "denied", result)
    result = publish(server.path, "S", "nightscope-S", "wrong")
    check("a wrong password is denied", result["status"] == "denied", result)
    result = publish(server.path, "S", "nightscope-reader", "secret")
    check("a reader does not publish", result["status"] == "denied", result)
    check("nothing of it is there", admin("KEYS", "ns:{T}*") == [], admin("KEYS", "ns:{T}*"))

    result = publish(server.path, "T", "admin", "admin")
    check("the other sensor's own writer", result["status"] == "done", result)
    admin("SET", "x", "y")
    denied(Client(server.path, "nightscope-S", "secret"), "writer", WRITER_MAY_NOT)
    reader = Client(server.path, "nightscope-reader", "secret")
    for words in READER_MAY:
        reply = reader.many([words])[0]
        check(f"reader may {' '.join(words)}", not isinstance(reply, Error) and reply is not None,
              reply)
    denied(reader, "reader", READER_MAY_NOT)
    print(f"{checks} checks, {failures} failed")
    sys.exit(1 if failures else 0)


def options(rules):
    """As redis.conf would: a file of its own, before the other options."""
    file = tempfile.NamedTemporaryFile("w", suffix=".conf", delete=False)
    file.write(rules)
    file.close()
    atexit.register(os.unlink, file.name)
    return ("--include", file.name)


if __name__ == "__main__":
    main()
