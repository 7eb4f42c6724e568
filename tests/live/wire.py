"""Two network namespaces, joined by a veth pair, and a sensor that captures at one end.

    [ scan: 10.99.0.1, vscan ] ------- [ dark: no address, vdark; 10.98.0.0/16 is routed here ]

Nothing leads out of them. What the scanner's end has sent is what the interface counted."""
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

MAC_SCAN, MAC_DARK = "02:00:00:00:00:01", "02:00:00:00:00:02"
SCAN, DARK = "vscan", "vdark"
DEADLINE_S = 60

checks = failures = 0


def expect(what, condition, detail=""):
    global checks, failures
    checks += 1
    if not condition:
        failures += 1
        print(f"FAILED: {what}\n  {detail}")


def finish():
    print(f"{checks - failures} of {checks} checks passed")
    sys.exit(1 if failures else 0)


def need(*tools):
    """Exit status 77 (skipped) says why when the test cannot run here."""
    missing = [tool for tool in ("ip", *tools) if not shutil.which(tool)]
    if missing:
        print(f"skipped: not installed: {' '.join(missing)} (sh contrib/packages live)")
        sys.exit(77)
    if os.geteuid() != 0:
        print("skipped: only root may make network namespaces and capture in them")
        sys.exit(77)
    name = f"nslive-try-{os.getpid()}"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if tried.returncode == 0:
        tried = subprocess.run(["ip", "-n", name, "link", "add", "name", SCAN, "type", "veth", "peer",
                                "name", DARK], capture_output=True, text=True, check=False)
        subprocess.run(["ip", "netns", "del", name], check=False)
    if tried.returncode != 0:
        print(f"skipped: no namespaces or veth pairs here: {tried.stderr.strip()}")
        sys.exit(77)


def wait_until(what, condition, deadline_s=DEADLINE_S):
    """Waits for a condition that must come; a test that waits in vain fails."""
    end = time.monotonic() + deadline_s
    while not (result := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"in vain: {what}")
        time.sleep(0.01)
    return result


class Wire:
    def __init__(self, ipv6=False):
        self.scan, self.dark = (f"nslive-{side}-{os.getpid()}" for side in ("scan", "dark"))
        self.ipv6 = ipv6
        self.processes = []

    def __enter__(self):
        for name in (self.scan, self.dark):
            self.ip("netns", "add", name)
            self.run(name, "sysctl", "-qw", *(f"net.ipv6.conf.{which}.disable_ipv6=1"
                                              for which in ("all", "default")))
        self.link()
        return self

    def link(self):
        self.ip("-n", self.scan, "link", "add", "name", SCAN, "address", MAC_SCAN, "type", "veth",
                "peer", "name", DARK, "address", MAC_DARK, "netns", self.dark)
        self.ip("-n", self.dark, "link", "set", DARK, "arp", "off", "up")
        self.ip("-n", self.scan, "address", "add", "10.99.0.1/30", "dev", SCAN)
        self.ip("-n", self.scan, "link", "set", SCAN, "up")
        self.ip("-n", self.scan, "neighbour", "add", "10.99.0.2", "lladdr", MAC_DARK, "dev", SCAN,
                "nud", "permanent")
        self.ip("-n", self.scan, "route", "add", "10.98.0.0/16", "via", "10.99.0.2", "dev", SCAN)

    def __exit__(self, *_):
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        for name in (self.scan, self.dark):
            subprocess.run(["ip", "netns", "del", name], check=False)

    @staticmethod
    def ip(*arguments):
        return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout

    @staticmethod
    def run(name, *command, **options):
        return subprocess.run(["ip", "netns", "exec", name, *command], check=True,
                              capture_output=True, **options)

    def start(self, name, *command, **options):
        process = subprocess.Popen(["ip", "netns", "exec", name, *command], start_new_session=True,
                                   **options)
        self.processes.append(process)
        return process

    def counters(self, name, device):
        links = json.loads(self.ip("-n", name, "-s", "-j", "link", "show", "dev", device))
        return links[0]["stats64"]

    def add_pair(self, scan, dark):
        """One more pair of the same kind, without addresses."""
        self.ip("-n", self.scan, "link", "add", "name", scan, "type", "veth", "peer", "name", dark,
                "netns", self.dark)
        self.ip("-n", self.dark, "link", "set", dark, "arp", "off", "up")
        self.ip("-n", self.scan, "link", "set", scan, "up")

    def sent(self):
        """Packets that the scanner's end has sent or dropped on the way into the pair."""
        tx = self.counters(self.scan, SCAN)["tx"]
        return tx["packets"] + tx["dropped"]

    def send(self, frames, device=SCAN, name=None):
        """Sends frames (bytes) as they are, from a device of the scanner's end or that of `name`."""
        helper = os.path.join(os.path.dirname(os.path.abspath(__file__)), "send_frames.py")
        lines = "".join(frame.hex() + "\n" for frame in frames)
        self.run(name or self.scan, sys.executable, helper, device, input=lines.encode())


def syn(source, sequence=1, port=23, ident=1):
    """A SYN from an address (32 bits) to 10.98.0.1."""
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 40, ident, 0x4000, 64, 6, 0, source, 0x0A620001)
    tcp = struct.pack(">HHIIBBHHH", 40000, port, sequence, 0, 0x50, 2, 5840, 0, 0)
    return bytes.fromhex("020000000002" "020000000001" "0800") + ip + tcp


# SYN packets to port 23 of 10.98.0.0/16, the sources random: each is a packet of its own.
FLOOD = """{
    0x02,0,0,0,0,0x02, 0x02,0,0,0,0,0x01, 0x08,0x00,
    0x45,0, 0,40, drnd(2), 0x40,0, 64, 6, csumip(14,33),
    drnd(4), 10,98, drnd(2),
    c16(40000), c16(23), drnd(4), 0,0,0,0, 0x50,0x02, c16(5840), csumtcp(14,34), 0,0
}
"""


class Flood:
    """trafgen: the fastest generator that Debian carries."""

    def __init__(self, wire, folder, packets, rate=None, sources=0, cpu=None):
        """sources: so many that take turns, which is fastest; 0: random ones."""
        path = os.path.join(folder, f"flood-{time.monotonic_ns()}.cfg")
        with open(path, "w", encoding="utf-8") as file:
            if not sources:
                file.write(FLOOD)
            for i in range(sources):
                file.write(FLOOD.replace("drnd(4), 10", f"198,18,{i >> 8},{i & 255}, 10", 1)
                           .replace("drnd(2)", f"{i >> 8},{i & 255}").replace("drnd(4)", "1,2,3,4"))
        options = ["--rate", rate] if rate else []
        if cpu is not None:
            options += ["--bind-cpu", str(cpu)]
        self.begin = time.monotonic()
        self.process = wire.start(wire.scan, "trafgen", "--in", path, "--out", SCAN, "--num",
                                  str(packets), "--cpus", "1", "--no-sock-mem", *options, cwd=folder,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        """It has a child that sends."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def wait(self):
        self.process.wait(timeout=600)
        self.seconds = time.monotonic() - self.begin


class Tcpdump:
    """tcpdump beside the sensor, on what arrives."""

    def __init__(self, wire, path, *options):
        self.process = wire.start(wire.dark, "tcpdump", "-i", DARK, "-Q", "in", "-n", "-U", "-Z", "root",
                                  "-w", path, *options, stderr=subprocess.PIPE, text=True)
        self.path = path
        line = ""
        while "listening on" not in line:
            line = self.process.stderr.readline()
            if not line:
                raise RuntimeError("tcpdump did not start")

    def stop(self):
        """Its own counts: captured, received by filter, dropped by kernel."""
        self.process.send_signal(signal.SIGINT)
        text = self.process.communicate(timeout=DEADLINE_S)[1]
        return [int(line.split()[0]) for line in text.splitlines() if line[:1].isdigit()][:3]


class Sensor:
    def __init__(self, program, wire, *options, interface=DARK, environment=None, errors=None):
        """errors: where its standard error goes instead of what log() reads."""
        self.folder = tempfile.mkdtemp(prefix="nslive-")
        os.chmod(self.folder, 0o777)
        path = os.path.join(self.folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        os.chmod(path, 0o777)
        self.socket.settimeout(DEADLINE_S)
        self.notes = []
        self.frames = self.lost = 0
        self.errors = os.path.join(self.folder, "stderr")
        extra = [] if "-i" in options else ["-i", interface]
        with open(self.errors, "w", encoding="utf-8") as log:
            self.process = wire.start(
                wire.dark, program, "live", *extra, "--json", *options, stdout=subprocess.PIPE,
                stderr=log if errors is None else errors, env={**os.environ, "NOTIFY_SOCKET": path, **(environment or {})})

    def log(self):
        """Read through a file of its own: a shared one would share the place the sensor writes at."""
        with open(self.errors, encoding="utf-8") as errors:
            return errors.read()

    def hear(self):
        note = self.socket.recv(4096).decode()
        self.notes.append(note)
        for line in note.splitlines():
            if line.startswith("STATUS=") and "frames read" in line:
                words = line[len("STATUS="):].split()
                self.frames, self.lost = int(words[0]), int(words[3])
        return note

    def wait_for(self, text):
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            try:
                if text in self.hear():
                    return self
            except TimeoutError:
                break
        raise TimeoutError(f"the sensor did not say {text!r}; it said {self.notes[-3:]} and {self.log()}")

    def ready(self):
        return self.wait_for("READY=1")

    def wait_frames(self, n):
        """Until it has read, or says that it has lost, n frames."""
        end = time.monotonic() + DEADLINE_S
        while self.frames + self.lost < n:
            if time.monotonic() > end:
                raise TimeoutError(f"{self.frames} frames and {self.lost} lost of {n}: {self.log()}")
            self.hear()
        return self

    def stop(self, how=signal.SIGTERM):
        """Ends it; its report, its exit status and how long that took."""
        begin = time.monotonic()
        if how:
            self.process.send_signal(how)
        out = self.process.communicate(timeout=DEADLINE_S)[0]
        self.seconds = time.monotonic() - begin
        self.status = self.process.returncode
        self.report = json.loads(out) if out else None
        text = self.log()
        if self.report is None:
            print(text)
        self.socket.setblocking(False)
        try:
            while True:
                self.hear()
        except BlockingIOError:
            pass
        self.socket.close()
        shutil.rmtree(self.folder)
        self.text = text
        return self.report


def lost(report):
    return sum(minute["dropped"] for minute in report["series"])


def windows(report):
    """What live and replay must agree on: minutes with packets, but for seconds and dropped."""
    rows = []
    for minute in report["series"]:
        row = {key: value for key, value in minute.items() if key not in ("seconds", "dropped")}
        if any(value for key, value in row.items() if key != "t"):
            rows.append(row)
    return rows


def replay(program, *arguments):
    done = subprocess.run([program, "replay", "--json", *arguments], check=True, capture_output=True)
    return json.loads(done.stdout)
