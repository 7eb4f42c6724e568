"""A real redis-server for integration tests, on a unix socket in a folder of its own, and a client
that speaks the protocol: it shares no code with nightscope."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

SKIPPED = 77


class Refused(Exception):
    """An error reply."""


class Server:
    def __init__(self, *options):
        if not shutil.which("redis-server"):
            print("redis-server is not there: skipped")
            sys.exit(SKIPPED)
        self.folder = tempfile.mkdtemp(prefix="nightscope-redis-")
        self.path = os.path.join(self.folder, "socket")
        self.url = "unix:" + self.path
        self.options = options
        self.process = self.connection = None

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.path, "--save", "", "--dir",
             self.folder, *self.options], stdout=subprocess.DEVNULL)
        self.wait()

    def wait(self):
        until = time.monotonic() + 30
        while True:
            try:
                self.connect()
                return
            except OSError:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise
                time.sleep(0.01)

    def connect(self):
        link = socket.socket(socket.AF_UNIX)
        link.connect(self.path)
        self.connection = link.makefile("rwb")

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder)

    def read(self):
        line = self.connection.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"-":
            return Refused(rest.decode())
        size = int(rest)
        if size < 0:
            return None
        if kind == b"*":
            return [self.read() for _ in range(size)]
        return self.connection.read(size + 2)[:-2]

    def call(self, *words):
        words = [str(word).encode() if not isinstance(word, bytes) else word for word in words]
        self.connection.write(b"*%d\r\n" % len(words) + b"".join(
            b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        self.connection.flush()
        reply = self.read()
        if isinstance(reply, Refused):
            raise reply
        return reply

    def dump(self):
        """Every key with its type and value, but for what says when it was written."""
        values = {}
        for key in sorted(self.call("KEYS", "*")):
            kind = self.call("TYPE", key)
            if kind == b"hash":
                flat = self.call("HGETALL", key)
                value = list(zip(flat[::2], flat[1::2]))
                if key.endswith(b":info"):
                    value = [(name, text) for name, text in value
                             if name not in (b"incarnation", b"started", b"flushed")]
            elif kind == b"zset":
                value = self.call("ZRANGE", key, 0, -1, "WITHSCORES")
            elif kind == b"set":
                value = sorted(self.call("SMEMBERS", key))
            elif kind == b"stream":
                value = self.call("XRANGE", key, "-", "+")
            else:
                value = self.call("GET", key)
            if not key.endswith(b":owner"):
                values[key.decode()] = (kind, value)
        return values
