"""Completion in real shells, against what --help says: completions.py NIGHTSCOPE BASH ZSH FISH

bash and fish tell their completions; zsh has a terminal and a key is pressed. Without zsh or fish
it says so, and is skipped when the others are right (exit status 77)."""
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

NIGHTSCOPE, BASH, ZSH, FISH = (os.path.abspath(each) for each in sys.argv[1:5])
COMMANDS = ["replay", "live", "report", "serve", "explain", "check"]
WAIT_S = 30
checks = failures = 0


def expect(what, condition, detail=""):
    global checks, failures
    checks += 1
    if not condition:
        failures += 1
        print(f"FAILED: {what}\n  {detail}")


def options_of(command):
    """Long options, and whether each takes a value, as --help tells them."""
    text = subprocess.run([NIGHTSCOPE, command, "--help"], capture_output=True, text=True,
                          check=True).stdout
    found = re.findall(r"^ +(?:-\w, )?(--[\w-]+)( \S+)?(?: |$)", text, re.MULTILINE)
    return {name: bool(value) for name, value in found}


def run(shell, script, folder):
    return subprocess.run([*shell, script], capture_output=True, text=True, cwd=folder,
                          check=True).stdout.split("\n")[:-1]


def bash(folder, *words):
    quoted = " ".join(f"'{word}'" for word in words)
    return run(["bash", "--norc", "-c"],
               f"source {BASH}; COMP_WORDS=(nightscope {quoted}); COMP_CWORD={len(words)}\n"
               '_nightscope; printf "%s\\n" "${COMPREPLY[@]}"', folder)


def fish(folder, *words):
    """Names alone; the summaries are behind a tab."""
    line = " ".join(["nightscope", *words])
    return [each.split("\t")[0] for each in run(
        ["fish", "--no-config", "-c"], f"source {FISH}; complete -C '{line}'", folder)]


class Terminal:
    """zsh before a terminal, with nothing of the user's."""

    def __init__(self, folder):
        pid, self.fd = pty.fork()
        if pid == 0:
            os.chdir(folder)
            os.environ.update(TERM="dumb", PS1="%% ", HOME=folder)
            os.execvp("zsh", ["zsh", "-f", "-i"])
        self.pid, self.text = pid, ""
        self.type(f"unsetopt zle_bracketed_paste; autoload -U compinit; compinit -u -D; source {ZSH}; "
                  "echo rea''dy\n")
        self.until("ready\r\n")

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def until(self, wanted):
        """Whether that is shown, from here on, within half a minute."""
        end = time.monotonic() + WAIT_S
        while wanted not in self.text:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                return False
            self.text += os.read(self.fd, 4096).decode(errors="replace")
        self.text = self.text[self.text.index(wanted) + len(wanted):]
        return True

    def completes(self, typed, becomes):
        self.type(typed + "\t")
        good = self.until(becomes)
        expect(f"zsh: {typed} becomes {becomes}", good, self.text)
        self.type("\x15") # forget the line
        return good

    def close(self):
        self.type("exit\n")
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def check_commands(folder):
    expect("bash: commands", set(bash(folder, "")) == {*COMMANDS, "--help", "--version"},
           bash(folder, ""))
    for command in COMMANDS:
        wanted = options_of(command)
        expect(f"{command} has options", len(wanted) > 5, wanted)
        given = {each for each in bash(folder, command, "-") if each.startswith("--")}
        expect(f"bash: options of {command}", given == set(wanted), given ^ set(wanted))
        for name, takes in wanted.items():
            after = bash(folder, command, name, "--js")
            offers = bool([each for each in after if each])
            expect(f"bash: {command} {name} takes {'a value' if takes else 'none'}",
                   not (takes and "--json" in after) and (takes or offers or "--json" not in wanted),
                   after)


def check_values(folder):
    for tell, name in ((bash, "bash"), (fish, "fish")):
        if name == "fish" and not shutil.which("fish"):
            continue
        for words, has, has_not in (
                (("replay", "--color", "a"), ["always", "auto"], ["never"]),
                (("replay", "--output-format", ""), ["csv", "ndjson"], ["day.pcap"]),
                (("live", "-i", ""), ["lo"], ["day.pcap"]),
                (("replay", "--csv", ""), ["tables"], ["day.pcap"]),
                (("replay", "--top", ""), [], ["day.pcap", "tables"]),
                (("replay", "--json", "da"), ["day.pcap"], []),
                (("live", "da"), [], ["day.pcap"]),
                (("check", "--signatures", "m"), ["mine.sig"], [])):
            given = [each.rstrip("/") for each in tell(folder, *words)]
            expect(f"{name}: {' '.join(words)}",
                   set(has) <= set(given) and not set(has_not) & set(given), given)
    expect("bash: --option=value", bash(folder, "replay", "--color", "=", "al") == ["always"],
           bash(folder, "replay", "--color", "=", "al"))
    expect("bash: a name with a blank", bash(folder, "replay", "two") == ["two days.pcap"],
           bash(folder, "replay", "two"))


def check_fish(folder):
    expect("fish: commands", {*COMMANDS} <= set(fish(folder, "")), fish(folder, ""))
    for command in COMMANDS:
        wanted = set(options_of(command))
        given = {each.split("=")[0] for each in fish(folder, command, "--")}
        expect(f"fish: options of {command}", given == wanted, given ^ wanted)


def check_zsh(folder):
    terminal = Terminal(folder)
    for typed, becomes in (("expl", "explain "), ("replay --evi", "--evidence-expires="),
                           ("replay --color=al", "--color=always "), ("replay --js", "--json "),
                           ("replay day", "day.pcap "), ("replay --csv tab", "tables/"),
                           ("serve --beh", "--behind-proxy ")):
        if not terminal.completes("nightscope " + typed, becomes):
            break
    terminal.close()
    for command in COMMANDS: # every option, by what the function tells zsh
        told = run(["zsh", "-f", "-c"], "compdef() { }; _arguments() { print -l -- \"$@\" }; source "
                   f"{ZSH}; words=(nightscope {command} -) CURRENT=3; _nightscope", folder)
        given = {match[1] for each in told if (match := re.match(r"\*?(--[\w-]+)=?\[", each))}
        takes = {match[1] for each in told if (match := re.match(r"\*?(--[\w-]+)=\[[^\]]+\]:", each))}
        wanted = options_of(command)
        expect(f"zsh: options of {command}", given == set(wanted), given ^ set(wanted))
        expect(f"zsh: values of {command}", takes == {each for each in wanted if wanted[each]},
               takes ^ {each for each in wanted if wanted[each]})


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "tables"))
        for name in ("day.pcap", "two days.pcap", "mine.sig"):
            with open(os.path.join(folder, name), "wb"):
                pass
        check_commands(folder)
        check_values(folder)
        missing = [shell for shell in ("fish", "zsh") if not shutil.which(shell)]
        if "fish" not in missing:
            check_fish(folder)
        if "zsh" not in missing:
            check_zsh(folder)
    print(f"{checks - failures} of {checks} checks passed")
    if failures:
        return 1
    for shell in missing:
        print(f"{shell} is not there: its completion was not tried")
    return 77 if missing else 0


sys.exit(main())
