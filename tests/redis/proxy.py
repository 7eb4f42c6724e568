#!/usr/bin/env python3
"""A proxy between a client and a server that breaks connections on purpose, by a seed.

usage: proxy.py --listen ADDRESS --to ADDRESS [--seed N] [--random MIN:MAX] [--kinds K,K...]
                [--clean PERCENT] [--control ADDRESS]

ADDRESS is unix:PATH or HOST:PORT (port 0: a free one). The first line on standard output is
"listening ADDRESS"; each fault is a line "fault CONNECTION KIND AFTER".

A fault is KIND and the number of bytes after which it strikes, counted in its direction from the
start of the connection (of the rest that is not named: forwarded as it comes):

  cut-up N      forwards exactly N bytes of commands, then resets both sides
  cut-down N    forwards exactly N bytes of replies, then resets both sides
  drop-down N   forwards N bytes of replies, swallows what follows until the server has been silent
                for a while (all commands done, the replies lost), then resets the client
  stall-down N  forwards N bytes of replies, then none, and leaves the connection open
  delay-down N  forwards replies with a pause of 1 to 20 ms before each part, from byte N on

Without --random, connections pass clean until a line says otherwise. With it, each connection draws
a fault from the seed: KIND among --kinds (default: all but stall-down), N log-uniform in MIN:MAX;
--clean PERCENT of the connections have none. The same seed gives the same sequence of draws.

Lines on standard input (or on --control, one client after another) and the answers to them:

  plan KIND N    the next connection has this fault                          ok
  random on|off  off: connections from now on pass clean                     ok
  to ADDRESS     connections from now on go there                            ok
  cut            resets every open connection now                            ok N
  counts         connections and faults so far                               ok CONNECTIONS FAULTS
  quit, or the end of standard input: the proxy ends
"""
import argparse
import asyncio
import contextlib
import math
import os
import random
import socket
import struct
import sys

KINDS = ("cut-up", "cut-down", "drop-down", "stall-down", "delay-down")
SILENCE_S = 0.2


def parse_range(text):
    low, high = (int(part) for part in text.split(":"))
    if not 0 < low <= high:
        raise ValueError(text)
    return low, high


async def connect(address):
    if address.startswith("unix:"):
        return await asyncio.open_unix_connection(address[5:])
    host, port = address.rsplit(":", 1)
    return await asyncio.open_connection(host, int(port))


async def listen(address, serve):
    """Returns the server and the address it has."""
    if address.startswith("unix:"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(address[5:])
        return await asyncio.start_unix_server(serve, address[5:]), address
    host, port = address.rsplit(":", 1)
    server = await asyncio.start_server(serve, host, int(port))
    return server, f"{host}:{server.sockets[0].getsockname()[1]}"


def reset(writer):
    """Closes at once, with RST where there is one."""
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.family != socket.AF_UNIX:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Connection:
    def __init__(self, proxy, number, fault):
        self.proxy, self.number = proxy, number
        self.kind, self.after = fault or (None, 0)
        self.writers = []
        # Pauses are drawn from the connection's own number, so that they do not depend on timing.
        self.pauses = random.Random(f"{proxy.seed}:{number}")

    def struck(self):
        self.proxy.faults += 1
        print("fault", self.number, self.kind, self.after, flush=True)

    def reset(self):
        for writer in self.writers:
            reset(writer)

    async def pump(self, reader, writer, down):
        passed, delayed = 0, False
        mine = self.kind is not None and self.kind.endswith("-down") == down
        while data := await reader.read(65536):
            if mine and passed + len(data) >= self.after:
                if self.kind == "delay-down":
                    if not delayed:
                        self.struck()
                        delayed = True
                    await asyncio.sleep(self.pauses.uniform(0.001, 0.020))
                else:
                    writer.write(data[: self.after - passed])
                    await writer.drain()
                    self.struck()
                    await self.strike(reader)
                    return
            writer.write(data)
            passed += len(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    async def strike(self, reader):
        if self.kind == "drop-down":
            with contextlib.suppress(asyncio.TimeoutError):
                while await asyncio.wait_for(reader.read(65536), SILENCE_S):
                    pass
        elif self.kind == "stall-down":
            while await reader.read(65536):
                pass
            return
        # abort() drops what is buffered here: let what was forwarded go first.
        for writer in self.writers:
            for _ in range(100):
                if writer.transport.get_write_buffer_size() == 0:
                    break
                await asyncio.sleep(0.001)
        self.reset()

    async def run(self, reader, writer, to):
        self.writers.append(writer)
        try:
            up_reader, up_writer = await connect(to)
        except OSError:
            reset(writer)
            return
        self.writers.append(up_writer)
        pumps = [
            asyncio.ensure_future(self.pump(reader, up_writer, False)),
            asyncio.ensure_future(self.pump(up_reader, writer, True)),
        ]
        try:
            await asyncio.gather(*pumps)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for end in self.writers:
                end.close()


class Proxy:
    def __init__(self, options):
        self.to, self.seed = options.to, options.seed
        self.range, self.kinds, self.clean = options.random, options.kinds, options.clean
        self.random = random.Random(options.seed)
        self.plans, self.open = [], set()
        self.ready = self.range  # what "random on" brings back
        self.connections = self.faults = 0
        self.done = asyncio.Event()

    def draw(self):
        if self.plans:
            return self.plans.pop(0)
        if not self.range:
            return None
        kind = self.random.choice(self.kinds)
        low, high = self.range
        after = int(math.exp(self.random.uniform(math.log(low), math.log(high))))
        return None if self.random.uniform(0, 100) < self.clean else (kind, after)

    async def serve(self, reader, writer):
        self.connections += 1
        connection = Connection(self, self.connections, self.draw())
        self.open.add(connection)
        try:
            await connection.run(reader, writer, self.to)
        finally:
            self.open.discard(connection)

    def command(self, line):
        words = line.split()
        if words[:1] == ["plan"] and len(words) == 3 and words[1] in KINDS and words[2].isdigit():
            self.plans.append((words[1], int(words[2])))
        elif words == ["random", "off"]:
            self.range = None
        elif words == ["random", "on"] and self.ready:
            self.range = self.ready
        elif words[:1] == ["to"] and len(words) == 2:
            self.to = words[1]
        elif words == ["cut"]:
            n = len(self.open)
            for connection in self.open:
                connection.reset()
            return f"ok {n}"
        elif words == ["counts"]:
            return f"ok {self.connections} {self.faults}"
        elif words == ["quit"]:
            self.done.set()
        else:
            return f"error: {line.strip()!r}"
        return "ok"

    async def control(self, reader, writer):
        while line := await reader.readline():
            writer.write((self.command(line.decode()) + "\n").encode())
            await writer.drain()

    async def control_stdin(self):
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            print(self.command(line.decode()), flush=True)
        self.done.set()


async def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--listen", required=True)
    parser.add_argument("--to", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--random", type=parse_range)
    parser.add_argument("--kinds", default="cut-up,cut-down,drop-down,delay-down")
    parser.add_argument("--clean", type=float, default=0)
    parser.add_argument("--control")
    options = parser.parse_args()
    options.kinds = options.kinds.split(",")
    if not set(options.kinds) <= set(KINDS):
        parser.error(f"--kinds: expected some of {','.join(KINDS)}")
    proxy = Proxy(options)
    server, address = await listen(options.listen, proxy.serve)
    print("listening", address, flush=True)
    controls = []
    if options.control:
        control, _ = await listen(options.control, proxy.control)
        controls.append(control)
    else:
        controls.append(asyncio.ensure_future(proxy.control_stdin()))
    await proxy.done.wait()
    server.close()
    for connection in list(proxy.open):
        connection.reset()
    for _ in range(200):  # let them end by themselves, which is quieter
        if not proxy.open:
            break
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
