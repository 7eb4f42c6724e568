#!/usr/bin/env python3
"""rediss:// against a real server: whom nightscope trusts, and what it says otherwise.

usage: tls.py NIGHTSCOPE SOURCE HAS_TLS"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

from redis_server import SKIPPED, Server

NIGHTSCOPE, SOURCE, HAS_TLS = sys.argv[1], sys.argv[2], sys.argv[3] == "1"
CAPTURE = f"{SOURCE}/pcaps/mirai-like.pcap"
checks = failures = 0


def expect(what, good, detail=""):
    global checks, failures
    checks += 1
    if not good:
        failures += 1
        print(f"FAILED: {what}\n  {str(detail)[:2000]}")


def replay(url, *options):
    done = subprocess.run([NIGHTSCOPE, "replay", "--json", "--redis", url, "--redis-timeout", "0s",
                           *options, CAPTURE], capture_output=True, check=False, timeout=60)
    return done.returncode, done.stderr.decode()


def expect_exit(what, status, says, url, *options):
    code, text = replay(url, *options)
    expect(what, code == status and says in text, f"exit {code}: {text}")


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, stderr=subprocess.DEVNULL)


def make_certificates(folder):
    """Two authorities; of the first, a server's certificate and a client's."""
    for name in ("ca", "stranger"):
        openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}")
    for name, names in (("server", "DNS:localhost,IP:127.0.0.1"), ("other", "DNS:elsewhere.example"),
                        ("client", "DNS:client")):
        openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        with open(f"{folder}/{name}.ext", "w", encoding="ascii") as file:
            file.write(f"subjectAltName={names}\n")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem")
    with open(f"{folder}/both.pem", "wb") as both:
        for name in ("client.pem", "client.key"):
            with open(f"{folder}/{name}", "rb") as file:
                both.write(file.read())


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def start(folder, name, clients):
    port = free_port()
    server = Server("--tls-port", str(port), "--bind", "127.0.0.1", "--tls-cert-file",
                    f"{folder}/{name}.pem", "--tls-key-file", f"{folder}/{name}.key",
                    "--tls-ca-cert-file", f"{folder}/ca.pem", "--tls-auth-clients", clients)
    server.start()
    return server, port


def silent_server():
    """Takes connections and says nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    held = []

    def accept():
        while True:
            held.append(listener.accept())
    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def check_trust(folder):
    ca, stranger, both = (f"{folder}/{name}.pem" for name in ("ca", "stranger", "both"))
    server, port = start(folder, "server", "no")
    plain_port = free_port()
    server.call("CONFIG", "SET", "port", str(plain_port))
    try:
        for host in ("localhost", "127.0.0.1"):
            expect_exit(f"by {host}", 0, "", f"rediss://{host}:{port}", "--redis-ca", ca)
        expect("it is published", server.call("EXISTS", "ns:{replay}:report") == 1)
        done = subprocess.run([NIGHTSCOPE, "report", "--json", "--redis", f"rediss://localhost:{port}",
                               "--redis-ca", ca], capture_output=True, check=False)
        expect("and read", done.returncode == 0 and done.stdout.startswith(b'{"schema"'), done.stderr)
        expect_exit("another authority", 78, "certificate", f"rediss://localhost:{port}", "--redis-ca",
                    stranger)
        expect_exit("the system's authorities", 78, "certificate", f"rediss://localhost:{port}")
        expect_exit("no file of authorities", 78, "nowhere.pem", f"rediss://localhost:{port}",
                    "--redis-ca", f"{folder}/nowhere.pem")
        expect_exit("no key", 78, "ca.pem", f"rediss://localhost:{port}", "--redis-ca", ca,
                    "--redis-cert", ca)
        expect_exit("no TLS there", 1, "TLS", f"rediss://localhost:{plain_port}", "--redis-ca", ca)
        expect_exit("TLS there, not here", 1, "", f"redis://localhost:{port}")
        expect_exit("authorities for no TLS", 2, "--redis-ca", f"redis://localhost:{port}",
                    "--redis-ca", ca)
    finally:
        server.remove()
    server, port = start(folder, "server", "yes")
    try:
        expect_exit("a server that asks who we are", 0, "", f"rediss://localhost:{port}", "--redis-ca",
                    ca, "--redis-cert", both)
        expect_exit("and is not told", 1, "", f"rediss://localhost:{port}",
                    "--redis-ca", ca)
    finally:
        server.remove()
    server, port = start(folder, "other", "no")
    try:
        expect_exit("another host's certificate", 78, "host", f"rediss://localhost:{port}",
                    "--redis-ca", ca)
        expect_exit("by address", 78, "IP", f"rediss://127.0.0.1:{port}", "--redis-ca", ca)
    finally:
        server.remove()
    expect_exit("silence", 1, "no answer in time", f"rediss://127.0.0.1:{silent_server()}",
                "--redis-ca", ca)


def main():
    if not HAS_TLS:
        expect_exit("what to use instead", 78, "stunnel", "rediss://localhost:1")  # nobody is asked
        print(f"{checks} checks, {failures} failures; this build's hiredis has no TLS to test")
        return 1 if failures else 0
    if not shutil.which("openssl"):
        print("openssl is not there: skipped")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        make_certificates(folder)
        check_trust(folder)
    print(f"{checks} checks, {failures} failures")
    return 1 if failures else 0


sys.exit(main())
