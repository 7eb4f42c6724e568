"""Reads the metrics of a running sensor from its unix socket."""
import http.client
import re
import socket

SAMPLE = re.compile(r'^(nightscope_[a-z0-9_]+(?:\{[^}]*\})?) (\S+)$')


class Local(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)  # waits where others wait already
        self.sock.settimeout(30)


def get(path, url="/metrics", method="GET"):
    connection = Local(path)
    connection.request(method, url)
    answer = connection.getresponse()
    return answer.status, answer.getheader("Content-Type"), answer.read().decode()


def values(text):
    found = {}
    for line in text.splitlines():
        match = SAMPLE.match(line)
        if match:
            found[match[1]] = float(match[2])
    return found
