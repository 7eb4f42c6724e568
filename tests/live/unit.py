"""The systemd unit: valid, hardened, what it allows is enough, and it is installed for the program that is.
unit.py UNIT NIGHTSCOPE INSTALLED-UNIT INSTALLED-NIGHTSCOPE"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from wire import expect, finish

UNIT, NIGHTSCOPE, INSTALLED, PROGRAM = (os.path.abspath(name) for name in sys.argv[1:5])
EXPOSURE_MAX = 2.0


def allowed_calls(text):
    """The system calls that the unit's filters let through."""
    listed = subprocess.run(["systemd-analyze", "syscall-filter"], capture_output=True, text=True,
                            check=True).stdout
    groups, group = {}, None
    for line in listed.splitlines():
        line = line.split("#")[0].rstrip()
        if line.startswith("@"):
            group = groups.setdefault(line, set())
        elif line.strip() and group is not None:
            group.add(line.strip())

    def expand(name):
        if not name.startswith("@"):
            return {name}
        return set().union(*(expand(inner) for inner in groups.get(name, ())))

    calls = set()
    for line in re.findall(r"^SystemCallFilter=(.*)$", text, re.M):
        for name in line.lstrip("~").split():
            calls = calls - expand(name) if line.startswith("~") else calls | expand(name)
    return calls | expand("@default")


def main():
    if not shutil.which("systemd-analyze"):
        print("skipped: no systemd-analyze (Debian's package systemd)")
        sys.exit(77)
    with open(UNIT, encoding="utf-8") as file:
        text = file.read()
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", UNIT],
                          capture_output=True, text=True, check=False)
    score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    expect("its exposure is low", score and float(score[1]) <= EXPOSURE_MAX,
           done.stdout[-200:] + done.stderr)
    with tempfile.TemporaryDirectory() as folder:
        copy = f"{folder}/nightscope.service"
        with open(copy, "w", encoding="utf-8") as file:
            file.write(text.replace("/usr/bin/nightscope", NIGHTSCOPE))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True,
                              text=True, check=False)
        expect("it is valid", done.returncode == 0 and copy not in done.stderr, done.stderr)
    # systemd sends stderr where stdout goes, unless it is told.
    expect("its log is in the journal", re.search(r"^StandardError=journal$", text, re.M), text)
    calls = allowed_calls(text)
    for call in ("capset", "seccomp", "prctl", "socket", "setsockopt", "mmap", "poll", "ppoll",
                 "signalfd4", "eventfd2", "clone3", "getrandom", "ioctl", "renameat", "unlink",
                 "clone", "wait4", "kill", "flock", "fsync", "mkdir"):
        expect(f"{call}() is allowed", call in calls)
    for call in ("mount", "ptrace", "bpf", "init_module", "setresuid", "chroot"):
        expect(f"{call}() is not", call not in calls)
    for line in ("Type=notify", "AmbientCapabilities=CAP_NET_RAW", "Restart=on-failure",
                 "RestartPreventExitStatus=2 78"):
        expect(f"{line}", line in text.splitlines())
    with open(INSTALLED, encoding="utf-8") as file:
        expect("the installed one is the same but for the program's place",
               file.read() == text.replace("ExecStart=/usr/bin/nightscope", f"ExecStart={PROGRAM}"))
    finish()


main()
