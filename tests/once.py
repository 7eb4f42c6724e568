"""Runs the tests of a build, unless all of them passed before and nothing that could change their
answer has changed since: once.py BUILD [MESON-TEST-OPTION]...

BUILD/passed.json holds the results of a run that passed, and its key: a digest of every file of
the checkout (build folders apart), the programs built, the options, the packages and tools
installed, the machine, and the environment that programs look at. A run that fails, skips a test
or is interrupted, or during which the key changes, leaves no record. With NIGHTSCOPE_ALL_TESTS set
the tests run whatever the record says."""
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Names of environment variables, or how they begin.
ENVIRONMENT = ("NIGHTSCOPE_", "ASAN_", "CK_", "GLIBC_", "HOME", "LANG", "LC_", "LD_", "LSAN_",
               "MALLOC_", "MESON_", "NO_COLOR", "PATH", "PYTHON", "TMPDIR", "TSAN_", "TZ",
               "UBSAN_", "WIRESHARK_", "XDG_", "ZSTD_")
ALL = "NIGHTSCOPE_ALL_TESTS"  # decides no answer
TOOLS = ("bash", "jq", "meson", "ninja", "sh", "tshark", "zstd")


def files(folder, leave_out):
    """(path, status) of every file below, in order."""
    for path, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not leave_out(path, name))
        links = [name for name in folders if os.path.islink(os.path.join(path, name))]
        for name in sorted(names + links):
            name = os.path.join(path, name)
            yield name, os.lstat(name)


def of_checkout():
    return files(ROOT, lambda path, name: name in (".git", "__pycache__")
                 or path == ROOT and name.startswith("build"))


def of_build(build):
    """The programs, and the options as Meson has them."""
    for path, status in files(build, lambda path, name: name in ("meson-logs", "meson-private")):
        if status.st_mode & 0o100 or path.endswith("intro-buildoptions.json"):
            yield path, status


def content(path):
    if os.path.islink(path):
        return os.readlink(path)
    if not os.path.isfile(path):
        return None
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def tool(name):
    """One of the user's own may stand before that of a package."""
    path = shutil.which(name)
    status = os.stat(path) if path else None
    return path and (path, os.path.realpath(path), status.st_size, status.st_mtime_ns)


def key(build, options):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        processor = file.read().split("\n\n", maxsplit=1)[0].splitlines()
    parts = [
        ROOT, build, options, os.getuid(), os.uname(), sorted(os.sched_getaffinity(0)),
        [line for line in processor if line.startswith(("model name", "flags", "Features"))],
        [(name, value) for name, value in sorted(os.environ.items())
         if name.startswith(ENVIRONMENT) and name != ALL],
        content("/var/lib/dpkg/status"), content("/etc/ld.so.cache"),
        sys.executable, sys.version, [tool(name) for name in TOOLS],
        [(path, status.st_mode, content(path)) for path, status in of_checkout()],
        [(path, status.st_mode, content(path)) for path, status in of_build(build)],
    ]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def recorded(record, wanted):
    """The results of the run with that key, or None."""
    try:
        with open(record, encoding="utf-8") as file:
            found = json.load(file)
        return found["results"] if found["key"] == wanted else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def passed(log):
    """The results, or None if not all tests passed."""
    if not os.path.exists(log):
        return None
    with open(log, encoding="utf-8") as file:
        results = file.read()
    tests = [json.loads(line) for line in results.splitlines()]
    return results if tests and all(test["result"] == "OK" for test in tests) else None


def run(build, options):
    """The exit status of `meson test`, which Ctrl-C ends with all its tests."""
    with subprocess.Popen(["meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs",
                           *options]) as meson:
        signal.signal(signal.SIGINT, lambda *_: meson.terminate())
        return meson.wait()


def main(build, *options):
    record = os.path.join(build, "passed.json")
    log = os.path.join(build, "meson-logs", "testlog.json")
    before = key(build, options)
    results = None if ALL in os.environ else recorded(record, before)
    if results:
        with open(log, "w", encoding="utf-8") as file:
            file.write(results)
        print(f"{build}: {len(results.splitlines())} passed before and nothing has changed since: "
              "not run again")
        return 0
    for path in (record, log):
        if os.path.exists(path):
            os.unlink(path)
    status = run(build, options)
    results = passed(log)
    if status == 0 and results and key(build, options) == before:
        with open(record + ".new", "w", encoding="utf-8") as file:
            json.dump({"key": before, "results": results}, file)
        os.rename(record + ".new", record)
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
