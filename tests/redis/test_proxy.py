"""The fault proxy does what it says, and the same for the same seed. test_proxy.py"""
import asyncio
import os
import subprocess
import sys
import tempfile

PROXY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "proxy.py")
WAIT_S = 30
checks = failures = 0


def expect(what, condition, detail=""):
    global checks, failures
    checks += 1
    if not condition:
        failures += 1
        print(f"FAILED: {what}\n  {detail}")


class Upstream:
    """Echoes, and keeps what it got."""

    def __init__(self):
        self.got = []

    async def serve(self, reader, writer):
        got = bytearray()
        self.got.append(got)
        try:
            while data := await reader.read(65536):
                got += data
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()


async def start(directory, *options):
    upstream = Upstream()
    server = await asyncio.start_unix_server(upstream.serve, directory + "/up")
    proxy = await asyncio.create_subprocess_exec(
        sys.executable, PROXY, "--listen", "127.0.0.1:0", "--to", f"unix:{directory}/up", *options,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    line = (await asyncio.wait_for(proxy.stdout.readline(), WAIT_S)).decode().split()
    expect("it says where it listens", line[0] == "listening", line)
    host, port = line[1].rsplit(":", 1)
    return upstream, server, proxy, (host, int(port))


async def say(proxy, line):
    """The answer to a line; faults that are told meanwhile are in the second value."""
    faults = []
    proxy.stdin.write((line + "\n").encode())
    await proxy.stdin.drain()
    while True:
        answer = (await asyncio.wait_for(proxy.stdout.readline(), WAIT_S)).decode().strip()
        if not answer.startswith("fault "):
            return answer, faults
        faults.append(answer)


async def talk(address, data):
    """Sends all, and returns what came back until the end, and how it ended."""
    reader, writer = await asyncio.open_connection(*address)
    got = bytearray()

    async def send():
        writer.write(data)
        await writer.drain()
        writer.write_eof()

    sender = asyncio.ensure_future(send())
    end = "end"
    try:
        while part := await asyncio.wait_for(reader.read(65536), WAIT_S):
            got += part
    except ConnectionError:
        end = "reset"
    await asyncio.gather(sender, return_exceptions=True)
    writer.close()
    return bytes(got), end


async def planned(directory):
    upstream, server, proxy, address = await start(directory)
    data = bytes(range(256)) * 4096
    got, end = await talk(address, data)
    expect("a clean connection passes everything", (got == data, end) == (True, "end"), len(got))

    await say(proxy, "plan cut-up 5000")
    got, end = await talk(address, data)
    expect("cut-up: the server has N bytes", bytes(upstream.got[-1]) == data[:5000],
           len(upstream.got[-1]))
    expect("cut-up: the client is told", end == "reset", end)

    await say(proxy, "plan cut-down 12345")
    got, end = await talk(address, data)
    expect("cut-down: the client has N bytes", got == data[:12345], len(got))
    expect("cut-down: and no more", end == "reset", end)

    small = data[:50000]
    await say(proxy, "plan drop-down 7")
    got, end = await talk(address, small)
    expect("drop-down: the server has all", bytes(upstream.got[-1]) == small)
    expect("drop-down: the client has N bytes", (got, end) == (small[:7], "reset"), (len(got), end))

    await say(proxy, "plan delay-down 0")
    got, end = await talk(address, small)
    expect("delay-down: all comes", (got == small, end) == (True, "end"))

    await say(proxy, "plan stall-down 10")
    reader, writer = await asyncio.open_connection(*address)
    writer.write(small)
    got = await asyncio.wait_for(reader.readexactly(10), WAIT_S)
    answer, faults = await say(proxy, "counts")
    expect("stall-down: N bytes come", got == small[:10])
    expect("stall-down: the connection stays", not reader.at_eof())
    answer, _ = await say(proxy, "cut")
    expect("cut resets what is open", answer == "ok 1", answer)
    try:
        rest = await asyncio.wait_for(reader.read(), WAIT_S)
    except ConnectionError:
        rest = b""
    expect("stall-down: nothing more came", rest == b"", rest)
    writer.close()
    answer, _ = await say(proxy, "nonsense")
    expect("nonsense is an error", answer.startswith("error"), answer)
    proxy.stdin.close()
    expect("it ends with its input", await asyncio.wait_for(proxy.wait(), WAIT_S) == 0)
    server.close()


async def drawn(directory, seed):
    """The faults of 20 connections, one after another."""
    _, server, proxy, address = await start(directory, "--random", "10:100000", "--seed", str(seed),
                                            "--kinds", "cut-up,cut-down,drop-down", "--clean", "20")
    for _ in range(20):
        await talk(address, bytes(200000))
    answer, faults = await say(proxy, "counts")
    await say(proxy, "random off")
    got, end = await talk(address, bytes(200000))
    expect("random off: clean", (len(got), end) == (200000, "end"), (len(got), end))
    proxy.stdin.close()
    await asyncio.wait_for(proxy.wait(), WAIT_S)
    server.close()
    expect("connections are counted", answer.split()[1] == "20", answer)
    expect("some are clean, most are not", 10 <= len(faults) < 20, len(faults))
    expect("every kind occurs", len({fault.split()[2] for fault in faults}) == 3, faults)
    return faults


def main():
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(planned(directory))
    runs = []
    for seed in (7, 7, 8):
        with tempfile.TemporaryDirectory() as directory:
            runs.append(asyncio.run(drawn(directory, seed)))
    expect("a seed gives the same faults", runs[0] == runs[1], runs[:2])
    expect("another seed gives others", runs[0] != runs[2])
    print(f"{checks} checks, {failures} failed")
    sys.exit(1 if failures else 0)


main()
