"""When tests/once.py runs the tests of a build and when it does not, with a program in the place
of Meson that counts its runs, on a checkout of four files."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
MESON = """#!/bin/sh
echo run >>"$FOLDER/runs"
cp "$FOLDER/results" "$FOLDER/build/meson-logs/testlog.json"
eval "$DURING"
exit "$STATUS"
"""
checks = failures = 0


class Checkout:
    def __init__(self, folder):
        self.folder = folder
        self.root = os.path.join(folder, "the checkout")
        self.build = os.path.join(folder, "build")
        self.log = os.path.join(self.build, "meson-logs", "testlog.json")
        self.environment = {**os.environ, "FOLDER": folder,
                            "PATH": os.path.join(folder, "bin") + ":" + os.environ["PATH"]}
        self.environment.pop("NIGHTSCOPE_ALL_TESTS", None)
        for path in ("the checkout/tests", "bin", "build/meson-logs", "build/meson-info"):
            os.makedirs(os.path.join(folder, path))
        shutil.copy(os.path.join(HERE, "once.py"), os.path.join(self.root, "tests"))
        self.write("the checkout/a.c", "int a;")
        self.write("the checkout/data", "1")
        self.write("build/program", "program", 0o755)
        self.write("build/meson-info/intro-buildoptions.json", "[]")
        self.write("bin/meson", MESON, 0o755)

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)

    def once(self, *arguments, results=("OK", "OK"), status=0, during=":", **environment):
        """(exit status, did the tests run, results that tests/total.py will find)"""
        lines = [json.dumps({"name": f"test {i}", "result": result})
                 for i, result in enumerate(results)]
        self.write("results", "\n".join(lines) + "\n")
        self.write("runs", "")
        done = subprocess.run(
            [sys.executable, "tests/once.py", *arguments], cwd=self.root, check=False,
            env={**self.environment, "STATUS": str(status), "DURING": during, **environment},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with open(os.path.join(self.folder, "runs"), encoding="utf-8") as file:
            ran = bool(file.read())
        found = []
        if os.path.exists(self.log):
            with open(self.log, encoding="utf-8") as file:
                found = [json.loads(line)["result"] for line in file]
        return done.returncode, ran, found

    def runs(self, what, *arguments, **environment):
        expect(f"{what}: the tests run", self.once(self.build, *arguments, **environment),
               (0, True, ["OK", "OK"]))

    def rests(self, what, *arguments, **environment):
        # what a run would find differs, so that a record is told from a run
        expect(f"{what}: the tests do not run",
               self.once(self.build, *arguments, results=("FAIL",), status=1, **environment),
               (0, False, ["OK", "OK"]))


def expect(what, is_so, wanted):
    global checks, failures
    checks += 1
    if is_so != wanted:
        failures += 1
        print(f"FAILED: {what}\n  {is_so}, not {wanted}")


def check_changes(checkout):
    """After each change the tests run, once."""
    there = checkout.folder
    changes = [
        ("a file changed", lambda: checkout.write("the checkout/a.c", "int b;")),
        ("a file of the same size and time changed", lambda: (
            os.utime(f"{there}/the checkout/a.c", (1, 1)),
            checkout.write("the checkout/a.c", "int c;"),
            os.utime(f"{there}/the checkout/a.c", (1, 1)))),
        ("a file is new", lambda: checkout.write("the checkout/new", "")),
        ("a file is gone", lambda: os.unlink(f"{there}/the checkout/new")),
        ("a file has another name", lambda: os.rename(f"{there}/the checkout/data",
                                                      f"{there}/the checkout/data2")),
        ("a file became executable", lambda: os.chmod(f"{there}/the checkout/data2", 0o755)),
        ("a link is new", lambda: os.symlink("data2", f"{there}/the checkout/link")),
        ("a link points elsewhere", lambda: (os.unlink(f"{there}/the checkout/link"),
                                             os.symlink("a.c", f"{there}/the checkout/link"))),
        ("an option changed", lambda: checkout.write("build/meson-info/intro-buildoptions.json",
                                                     "[1]")),
        ("a program changed", lambda: checkout.write("build/program", "changed", 0o755)),
        ("a tool of the user's own", lambda: checkout.write("bin/tshark", "#!/bin/sh\n", 0o755)),
        ("a damaged record", lambda: checkout.write("build/passed.json", '{"key": ')),
        ("a record without results", lambda: checkout.write("build/passed.json", "{}")),
        ("no record", lambda: os.unlink(f"{there}/build/passed.json")),
    ]
    for what, change in changes:
        change()
        checkout.runs(what)
    checkout.rests("no change")


def check_settings(checkout):
    for environment in ({"NIGHTSCOPE_SEED": "1"}, {"NIGHTSCOPE_LONG_TESTS": "1"},
                        {"ASAN_OPTIONS": "x=1"}, {"LC_ALL": "C.UTF-8"}):
        checkout.runs(environment, **environment)
    checkout.runs("other tests are asked for", "--suite", "threads")
    checkout.runs("and the first ones again")
    checkout.rests("a setting of no consequence", SHLVL="7", TERM="vt100")
    checkout.runs("all are asked for", NIGHTSCOPE_ALL_TESTS="1")
    checkout.rests("and they passed")


def check_what_is_recorded(checkout):
    """None of these runs may count as passed, though nothing changes afterwards; nor may the
    record of an earlier one survive it."""
    extra = os.path.join(checkout.root, "b.c")
    for what, run, wanted in [
        ("a failure", {"results": ("OK", "FAIL"), "status": 1}, (1, True, ["OK", "FAIL"])),
        ("a skipped test", {"results": ("OK", "SKIP")}, (0, True, ["OK", "SKIP"])),
        ("a file that is there for a while", {"during": 'echo >"$FOLDER/the checkout/b.c"'},
         (0, True, ["OK", "OK"])),
        ("Ctrl-C", {"during": "kill -INT $PPID; kill -INT $$"}, None),
        ("killed", {"during": "kill -KILL $PPID"}, None),
    ]:
        done = checkout.once(checkout.build, NIGHTSCOPE_ALL_TESTS="1", **run)
        if wanted:
            expect(what, done, wanted)
        else:
            expect(f"{what} is a failure", done[0] != 0, True)
        if os.path.exists(extra):
            os.unlink(extra)
        checkout.runs(f"after {what}")
        checkout.rests(f"after {what}, and a run that passed")


def main():
    for check in (check_changes, check_settings, check_what_is_recorded):
        with tempfile.TemporaryDirectory() as folder:
            checkout = Checkout(folder)
            checkout.runs("the first time")
            checkout.rests("the second time")
            check(checkout)
    print(f"{checks} checks, {failures} failed")
    return 1 if failures else 0


sys.exit(main())
