"""Starting `nightscope serve` for tests, and asking it; checks that are counted."""
import http.client
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["NIGHTSCOPE_SOURCE"], "tests", "integration"))
from redis_server import Server  # pylint: disable=wrong-import-position,unused-import

checks = failures = 0


def expect(what, condition, detail=""):
    global checks, failures
    checks += 1
    if not condition:
        failures += 1
        print(f"FAILED {what}: {detail}")


def done():
    print(f"{checks} checks, {failures} failures")
    return 1 if failures else 0


class Serve:
    """The program on a port of its own choice."""

    def __init__(self, program, url, *options, environment=None):
        self.process = subprocess.Popen(
            [program, "serve", "--redis", url, "--listen", "127.0.0.1:0", *options],
            stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})})
        self.log = []
        while True:
            line = self.process.stderr.readline()
            if not line:
                raise RuntimeError("serve ended: " + "".join(self.log))
            self.log.append(line)
            found = re.search(r"serving http://127\.0\.0\.1:(\d+)/", line)
            if found:
                self.port = int(found.group(1))
                return

    def get(self, path, headers=None, method="GET", body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body, headers or {})
        reply = connection.getresponse()
        data = reply.read()
        connection.close()
        return reply.status, dict(reply.getheaders()), data

    def api(self, path):
        status, _, data = self.get("/api/v1/" + path)
        if status != 200:
            raise AssertionError(f"{path}: {status} {data}")
        return json.loads(data)

    def stop(self):
        self.process.terminate()
        status = self.process.wait(timeout=60)
        self.process.stderr.close()
        return status
