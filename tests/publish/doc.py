"""Every command in contrib/doc/redis.md prints what the page says, on the sample it was made of.

A line `...` stands for any number of lines. usage: doc.py PUBLISH_SAMPLE [--write]"""
import os
import shlex
import subprocess
import sys

from server import Server

PAGE = os.path.join(os.environ["NIGHTSCOPE_SOURCE"], "contrib/doc/redis.md")
SAMPLE = ["telescope", "1795305600000-7f3a", "seed=16", "minutes=2", "hours=1", "days=1", "rows=4",
          "labelled=12", "feed=2"]


def blocks(lines):
    """(number of the line of the command, its words, the lines that it prints)"""
    inside, command = False, None
    for number, line in enumerate(lines):
        if line.startswith("```"):
            inside = line == "```console"
            if command:
                yield command
            command = None
        elif inside and line.startswith("$ "):
            if command:
                yield command
            command = (number, shlex.split(line[2:]), [])
        elif command:
            command[2].append(line)


def matches(printed, wanted):
    if not wanted:
        return not printed
    if wanted[0] == "...":
        return any(matches(printed[skip:], wanted[1:]) for skip in range(len(printed) + 1))
    return bool(printed) and printed[0] == wanted[0] and matches(printed[1:], wanted[1:])


def main():
    server = Server()
    subprocess.run([sys.argv[1], f"unix:{server.path}", *SAMPLE], check=True,
                   stdout=subprocess.DEVNULL)
    with open(PAGE, encoding="utf-8") as file:
        lines = file.read().split("\n")
    commands = failures = 0
    written, done = [], 0
    for number, words, wanted in blocks(lines):
        commands += 1
        assert words[0] == "redis-cli", words
        run = subprocess.run(["redis-cli", "-s", server.path, "--no-raw", *words[1:]], timeout=60,
                             stdout=subprocess.PIPE, check=True)
        printed = [line.rstrip() for line in run.stdout.decode().rstrip("\n").split("\n")]
        written += lines[done:number + 1] + printed
        done = number + 1 + len(wanted)
        if not matches(printed, wanted) or printed[0].startswith(("(error", "(empty", "(nil")):
            failures += 1
            print(f"FAILED redis.md:{number + 1}: {shlex.join(words)}: printed:")
            print("\n".join(printed))
    if sys.argv[2:] == ["--write"]:
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write("\n".join(written + lines[done:]))
    print(f"{commands} commands, {failures} failed")
    sys.exit(1 if failures or commands < 10 else 0)


if __name__ == "__main__":
    main()
