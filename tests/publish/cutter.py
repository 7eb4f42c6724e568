"""A proxy in threads of the test itself, which breaks connections at an exact byte."""
import os
import select
import socket
import threading

SILENCE_S = 0.02


class Proxy:
    """Listens on a unix socket and hands on to `target`. Connections take one of `faults` each, in
    order; then, and for None, they pass clean. A fault is one of

      ("cut-up", N)          N bytes of commands go through, then both sides are cut off
      ("cut-down", N)        the same for replies
      ("drop", N)            N bytes of replies go through; the rest is swallowed until the server has
                             been silent for a while (it has done all commands), then both are cut off
      ("hook", N, call)      call() is called before more than N bytes of commands go through; with
                             bytes for N: before a part goes through that has them in it
    """

    def __init__(self, target, path, faults=()):
        self.target, self.path, self.faults = target, path, list(faults)
        self.seen = {"up": 0, "down": 0}
        self.connections = 0
        if os.path.exists(path):
            os.unlink(path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self.target)
            except OSError:
                client.close()
                server.close()
                continue
            fault = self.faults.pop(0) if self.faults else None
            threading.Thread(target=self.serve, args=(client, server, fault), daemon=True).start()

    def serve(self, client, server, fault):
        pumps = [threading.Thread(target=self.pump, args=words, daemon=True)
                 for words in (("up", client, server, fault), ("down", server, client, fault))]
        for pump in pumps:
            pump.start()
        for pump in pumps:
            pump.join()
        client.close()
        server.close()

    def pump(self, way, source, sink, fault):
        kind, after = fault[:2] if fault else (None, None)
        cuts = kind == f"cut-{way}" or (kind == "drop" and way == "down")
        passed = 0
        try:
            while data := source.recv(4096):
                if kind == "hook" and way == "up" and (
                        after in data if isinstance(after, bytes) else passed + len(data) > after):
                    kind = None
                    fault[2]()
                part = data[:after - passed] if cuts and passed + len(data) > after else data
                sink.sendall(part)
                passed += len(part)
                self.seen[way] += len(part)
                if len(part) < len(data):
                    while kind == "drop" and select.select([source], [], [], SILENCE_S)[0]:
                        if not source.recv(65536):
                            break
                    break
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
