"""A redis-server of its own on a unix socket, a client of it, and all its keys as values."""
import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time


class Error(Exception):
    """An error reply."""


class Client:
    """Speaks RESP2; replies are bytes, int, None or lists."""

    def __init__(self, path, user=None, password=None):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")
        if user:
            self("AUTH", user, password)

    @staticmethod
    def encode(words):
        words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            return Error(rest.decode())
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        n = int(rest)
        if n < 0:
            return None
        if kind == b"$":
            return self.file.read(n + 2)[:-2]
        return [self.read() for _ in range(n)]

    def many(self, commands):
        """Replies of many commands, errors among them."""
        replies = []
        for first in range(0, len(commands), 1000):
            part = commands[first:first + 1000]
            self.socket.sendall(b"".join(self.encode(words) for words in part))
            replies += [self.read() for _ in part]
        return replies

    def __call__(self, *words):
        reply = self.many([words])[0]
        if isinstance(reply, Error):
            raise reply
        return reply


class Server:
    def __init__(self, *options):
        if not shutil.which("redis-server") or not shutil.which("redis-cli"):
            print("no redis-server or redis-cli (apt-get install redis-server)")
            sys.exit(77)
        self.dir = tempfile.mkdtemp(prefix="nightscope-")
        self.path = f"{self.dir}/socket"
        self.options = options
        atexit.register(self.stop)
        self.start()

    def start(self):
        """Also again, after kill(), with what is on its disk."""
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.path, "--save", "",
             "--appendonly", "no", "--dir", self.dir, *self.options],
            stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            try:
                self.client = Client(self.path)
                if self.client("PING") == b"PONG":
                    break
            except (OSError, Error):
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.005)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


READ = {
    b"string": lambda key: ("GET", key),
    b"hash": lambda key: ("HGETALL", key),
    b"zset": lambda key: ("ZRANGE", key, 0, -1, "WITHSCORES"),
    b"set": lambda key: ("SMEMBERS", key),
    b"stream": lambda key: ("XRANGE", key, "-", "+"),
    b"list": lambda key: ("LRANGE", key, 0, -1),
}


def pairs(flat):
    return dict(zip(flat[::2], flat[1::2]))


def value(kind, raw):
    if kind == b"hash":
        return pairs(raw)
    if kind == b"zset":
        return {member: float(score) for member, score in pairs(raw).items()}
    if kind == b"set":
        return set(raw)
    if kind == b"stream":
        return [(entry[0], tuple(entry[1])) for entry in raw]
    return raw


def contents(client):
    """Every key of the server: its type and value, and how many seconds it has (-1: for ever)."""
    keys = sorted(client("KEYS", "*"))
    kinds = client.many([("TYPE", key) for key in keys])
    raw = client.many([READ[kind](key) for key, kind in zip(keys, kinds)])
    lives = client.many([("TTL", key) for key in keys])
    return ({key: (kind, value(kind, item)) for key, kind, item in zip(keys, kinds, raw)},
            dict(zip(keys, lives)))
