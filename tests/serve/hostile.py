"""Clients that mean no good: odd paths, bodies, long heads, slow ones, too many; and wrong usage.
The server refuses, holds little memory, and serves on: hostile.py NIGHTSCOPE"""
import json
import os
import random
import socket
import subprocess
import sys
import tempfile

from web import Serve, Server, done, expect

NIGHTSCOPE = sys.argv[1]
MEMORY_MAX = 400 << 20


def raw(serve, data, end=False):
    """All that comes back for these bytes, until the server closes."""
    link = socket.create_connection(("127.0.0.1", serve.port), 60)
    got = b""
    try:
        link.sendall(data)
        if end:
            link.shutdown(socket.SHUT_WR)
        while True:
            more = link.recv(65536)
            if not more:
                break
            got += more
    except OSError:
        pass
    link.close()
    return got


def status(reply):
    return int(reply.split(b" ", 2)[1]) if reply.startswith(b"HTTP/1.") else 0


def memory(serve):
    with open(f"/proc/{serve.process.pid}/status", encoding="utf-8") as file:
        for line in file:
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
    return 0


def ask(target, *lines, method="GET"):
    head = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close", *lines, "", ""]
    return "\r\n".join(head).encode("latin-1")


def check_requests(serve):
    for target, wanted in (("/../../etc/passwd", (404,)), ("/%2e%2e/%2e%2e/etc/passwd", (404,)),
                           ("/api/v1/source/..%2f..%2fx", (400, 404)), ("*", (400,)),
                           ("/api/v1/top/tcp?limit=99999999999999999999", (400,)),
                           ("/api/v1/sensors?sensor=" + "a," * 900, (400,)),
                           ("/" + "a" * 4000, (414,)), ("/?" + "x" * 60000, (414, 0, 431))):
        found = status(raw(serve, ask(target)))
        expect(f"{target[:40]}", found in wanted, found)
    expect("POST", status(raw(serve, ask("/", method="POST"))) == 405)
    expect("no method", status(raw(serve, ask("/", method="FOO"))) == 405)
    body = ask("/api/v1/sensors", "Content-Length: 100000000") + b"x" * 100000
    expect("a body", status(raw(serve, body)) == 413)
    chunked = ask("/api/v1/sensors", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n"
    expect("a chunked body", status(raw(serve, chunked)) == 413)
    many = ask("/", *[f"X-{i}: {'y' * 100}" for i in range(1000)])
    expect("many headers", status(raw(serve, many)) in (0, 413, 431), raw(serve, many)[:80])
    for junk in (b"\x16\x03\x01\x02\x00\x01\x00", b"\0" * 1000, b"GET\r\n\r\n", b"\r\n" * 1000,
                 b"GET / HTTP/9.9\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
        reply = raw(serve, junk, end=True)
        expect(f"{junk[:10]}", status(reply) in (0, 400, 404, 405, 421, 505), reply[:80])
    expect("serves on", serve.get("/api/v1/sensors")[0] == 200)


def check_random(serve):
    seed = int(os.environ.get("NIGHTSCOPE_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"NIGHTSCOPE_SEED={seed}")
    numbers = random.Random(seed)
    words = ["/api/v1/", "top/", "tcp", "sensor=", "a", ",", "&", "?", "%", "%00", "%2f", "view=iot",
             "window=", "1h", "9", "-", "limit=", "\xff", "{", "}", ":", "source/", "::", "1.2.3.4"]
    for _ in range(300):
        target = "/" + "".join(numbers.choice(words) for _ in range(numbers.randrange(12)))
        reply = raw(serve, ask(target))
        found = status(reply)
        expect(f"{target!r}", found in (200, 400, 404), reply[:80])
        if found >= 400 and b"application/json" in reply:
            error = json.loads(reply.split(b"\r\n\r\n", 1)[1])["error"]
            expect("errors are JSON", error["status"] == found and error["text"], error)


def check_many(serve):
    """More connections than there is room for, then one that is served."""
    before = memory(serve)
    links = []
    for _ in range(600):
        try:
            link = socket.create_connection(("127.0.0.1", serve.port), 1)
            link.sendall(b"GET /api/v1/sensors HTTP/1.1\r\nHost: loc")
            links.append(link)
        except OSError:
            break
    after = memory(serve)
    expect("connections cost little", after - before < 64 << 20, (before, after))
    for link in links:
        link.close()
    expect("room again", serve.get("/api/v1/sensors")[0] == 200)


def check_watchers(serve):
    """The feed has room for so many, and one that reads nothing holds up nobody."""
    links = []
    for _ in range(70):
        link = socket.create_connection(("127.0.0.1", serve.port), 60)
        link.sendall(ask("/api/v1/feed"))
        links.append(link)
    answers = [link.recv(12) for link in links]
    expect("room for 64 watchers", sum(b"200" in a for a in answers) == 64, answers)
    expect("the others are told", sum(b"503" in a for a in answers) == 6, answers)
    expect("serves on", serve.get("/api/v1/sensors")[0] == 200)
    for link in links:
        link.close()


def check_slow(serve):
    """A byte now and then is not enough: the head must be there in time."""
    link = socket.create_connection(("127.0.0.1", serve.port), 60)
    head = ask("/api/v1/sensors", "X-Slow: " + "z" * 4000)
    link.settimeout(0.2)
    sent, closed = 0, False
    while sent < len(head) and not closed:
        try:
            link.sendall(head[sent:sent + 1])
            sent += 1
            closed = link.recv(100) == b""
        except socket.timeout:
            continue
        except OSError:
            closed = True
    expect("a slow client is cut", closed and sent < len(head), sent)
    metrics = serve.get("/metrics")[2].decode()
    expect("and counted", "nightscope_serve_connections_cut_total 1" in metrics, metrics)


def check_token(url):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "token")
        for text, mode, good in (("0123456789abcdef\n", 0o600, True), ("short\n", 0o600, False),
                                 ("0123456789abcdef\n", 0o644, False), ("", 0o600, False),
                                 ("0123456789 abcdef\n", 0o600, False)):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(path, mode)
            if not good:
                ended = subprocess.run([NIGHTSCOPE, "serve", "--redis", url, "--listen",
                                        "127.0.0.1:0", "--token-file", path],
                                       capture_output=True, text=True, check=False)
                expect(f"token {text!r} {mode:o}", ended.returncode == 78 and path in ended.stderr,
                       ended)
                continue
            serve = Serve(NIGHTSCOPE, url, "--token-file", path)
            expect("no token", serve.get("/api/v1/sensors")[0] == 401)
            expect("health needs none", serve.get("/healthz")[0] == 200)
            expect("a token", serve.get("/api/v1/sensors", {
                "Authorization": "Bearer 0123456789abcdef"})[0] == 200)
            expect("not for the page either", serve.get("/")[0] == 401)
            serve.stop()


def check_usage(url):
    for options, wanted, word in (
            (("--listen", "0.0.0.0:0"), 2, "--token-file"), (("--listen", "[::]:0"), 2, "--behind-proxy"),
            (("--listen", "8080"), 2, "ADDRESS:PORT"), (("--listen", "localhost:99999"), 2, "--listen"),
            (("--dark", "x"), 2, "--dark"), (("file.pcap",), 2, "reads no files"),
            (("--token-file", "/nonexistent"), 78, "/nonexistent"),
            (("--listen", "192.0.2.1:8080", "--behind-proxy"), 1, "cannot listen")):
        ended = subprocess.run([NIGHTSCOPE, "serve", "--redis", url, *options],
                               capture_output=True, text=True, check=False, timeout=60)
        expect(f"{options}", ended.returncode == wanted and word in ended.stderr,
               (ended.returncode, ended.stderr))


def check_damaged(server, serve):
    """One key after the other holds what no sensor writes; all of it counts as not there, and is told."""
    server.call("SADD", "ns:sensors", "d")
    stream = "ns:{d}:series:1m"
    for i, (words, path) in enumerate((
            (("SET", "ns:{d}:top:udp:24h", "x"), "top/udp"), (("SET", "ns:{d}:d:20261122:tcp", "x"), "top/tcp"),
            (("ZADD", "ns:{d}:top:cc:24h", "-5", "JP"), "top/cc"),
            (("SET", "ns:{d}:hll:src:d:20261122", "HYLL"), "summary"),
            (("LPUSH", "ns:{d}:hll:iot:d:20261122", "x"), "summary"),
            (("SET", "ns:{d}:series:1h", "x"), "series"), (("SET", "ns:{d}:src:192.0.2.7", "x"), "source/192.0.2.7"),
            (("XADD", stream, "1795305660000-0", "packets", "many"), "series"))):
        server.call("XADD", stream, "1795305600000-0", "packets", 7)
        window = f"window={1795305600 - i}-{1795305720 + i}" # nobody has asked this before
        path = f"/api/v1/{path}?sensor=d" + (f"&{window}" if path != "top/udp" and path != "top/cc" else "")
        server.call(*words)
        status_, _, body = serve.get(path)
        answer = json.loads(body)
        if "/source/" in path:
            expect("a source's key of another type", status_ == 503 and answer["error"]["code"] == "damaged", answer)
        else:
            expect(f"{words}", status_ == 200 and answer.get("damaged") is True, answer)
        server.call("DEL", words[1], stream)
        server.call("XADD", stream, "1795305600000-0", "packets", 7)
        if "/source/" not in path:
            answer = json.loads(serve.get(path + ("&view=iot" if "cc" not in path else "&limit=7"))[2])
            expect(f"without {words}", "damaged" not in answer, answer)
        server.call("DEL", stream)
    server.call("SREM", "ns:sensors", "d")


def main():
    server = Server()
    server.start()
    server.call("SADD", "ns:sensors", "a", "{bad}", "b" * 100, b"\xff\0")
    for key, words in (("series:1m", ("SET", "text")), ("feed", ("SET", "text")),
                       ("info", ("SADD", "member")), ("iot", ("SET", "text"))):
        server.call(words[0], "ns:{a}:" + key, words[1])
    server.call("ZADD", "ns:{a}:top:tcp:24h", "inf", "23", "-5", "80", "1e300", b"\xff\0x",
                "3", "x" * 5000)
    try:
        serve = Serve(NIGHTSCOPE, server.url)
        for each in ("sensors", "summary", "series", "top/tcp", "top/src", "top/asn",
                     "top/labelled"):
            found, _, body = serve.get("/api/v1/" + each)
            expect(f"keys of the wrong type: {each}", found == 200, body[:200])
            answer = json.loads(body)
            expect(f"... and it is said: {each}", answer.get("damaged", False) ==
                   (each not in ("top/src", "top/asn")), answer)
        check_damaged(server, serve)
        for check in (check_requests, check_random, check_many, check_watchers, check_slow):
            check(serve)
        expect("memory is bounded", memory(serve) < MEMORY_MAX, memory(serve))
        expect("ends well", serve.stop() == 0)
        check_token(server.url)
        check_usage(server.url)
    finally:
        server.remove()
    return done()


sys.exit(main())
