"""What a user sees when something is wrong: one clear message, the right exit status, and nothing
lost. cli.py NIGHTSCOPE PCAPS"""
import gzip
import json
import os
import pty
import struct
import subprocess
import sys
import tempfile

import captures

NIGHTSCOPE = sys.argv[1]
checks = failures = 0


def expect(what, condition, detail=""):
    global checks, failures
    checks += 1
    if not condition:
        failures += 1
        print(f"FAILED: {what}\n  {detail}")


def run(*arguments, stdin=b""):
    return subprocess.run([NIGHTSCOPE, *arguments], input=stdin, capture_output=True, check=False)


def refused(what, status, says, *arguments, stdin=b""):
    done = run(*arguments, stdin=stdin)
    text = done.stderr.decode()
    expect(what, done.returncode == status and says in text and text.count("\n") == 1
           and not done.stdout,
           f"exit {done.returncode}, {text!r}; expected exit {status}, one line with {says!r}")


def on_terminal(term, *arguments):
    """What is drawn on a terminal of this name, None: of none."""
    master, slave = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name not in ("TERM", "NO_COLOR")}
    with subprocess.Popen([NIGHTSCOPE, *arguments], stdout=slave, stderr=slave,
                          env=env | ({} if term is None else {"TERM": term})) as process:
        os.close(slave)
        drawn = b""
        try:
            while piece := os.read(master, 4096):
                drawn += piece
        except OSError:  # the other end is closed
            pass
    os.close(master)
    expect(f"terminal {term}", process.returncode == 0, drawn)
    return drawn


def terminals(good_path):
    """Colours and a line that is drawn anew are for terminals that know how."""
    drawn = on_terminal("xterm", "replay", good_path)
    expect("progress is cleared", b"\r\x1b[K" in drawn, drawn)
    expect("a page in colour", b"\x1b[1m" in drawn, drawn)
    for term in ("dumb", "", None):
        drawn = on_terminal(term, "replay", good_path)
        expect(f"nothing but text for a terminal {term!r}", b"\x1b" not in drawn and b"100 frames" in drawn, drawn)
    drawn = on_terminal("dumb", "replay", "--color", "always", good_path)
    expect("colour that was asked for", b"\x1b[1m" in drawn, drawn)


def syn(i):
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 40, 54321, 0, 250, 6, 0, 0x0B000000 + i, 0x0A000001)
    tcp = struct.pack(">HHIIBBHHH", 40000, 23, 1, 0, 0x50, 2, 1024, 0, 0)
    return ip + tcp


def config(folder, write, good_path):
    """Configuration files: mistakes with their place, what wins, and what is printed."""
    def conf(text):
        return write("site.conf", text.encode())

    for what, text, says in (
            ("bad type", "\n" * 10 + "[events]\nidle = 5 parsecs\n",
             'site.conf:12:8: idle "5 parsecs": expected a duration such as 30s'),
            ("out of range", "[analysis]\nworkers = 65\n", 'site.conf:2:11: workers "65": expected'),
            ("unknown key", "[analysis]\nwokers = 1\n", 'site.conf:2:1: "wokers": no such key'),
            ("unknown section", "[anal]\n", 'site.conf:1:2: "anal": no such section'),
            ("no INI", "workers\n", 'site.conf:1:1: "workers": expected a line such as'),
            ("bad probability", "[signatures]\nalpha = 2\n",
             'site.conf:2:9: alpha "2": expected a probability'),
            ("bad prefix", "[telescope]\ndark = 10.0.0.0/8\ndark = 10.1.0.0/16, 10.0.0.1/8\n",
             'site.conf:3:'),
            ("bad form", "[output]\nformat = xml\n", 'site.conf:2:10: format "xml": expected ndjson'),
            ("bad URL", "[redis]\nredis = http://x\n", "site.conf:2:9: redis"),
            ("bad sensor", "[redis]\nredis = redis://h\nsensor = a b\n",
             'site.conf:3:10: sensor "a b": expected 1 to 64'),
            ("tunnel alone", "[telescope]\ntunnel = 1.2.3.4\n", "site.conf:2:10: tunnel: needs"),
            ("bad filter", "[capture]\nfilter = foo bar\n", 'site.conf:2:10: filter "foo bar": '),
            ("bad address of metrics", "[metrics]\nmetrics = 0.0.0.0:9469\n",
             'site.conf:2:11: metrics "0.0.0.0:9469": expected 127.0.0.1:PORT'),
            ("bad address of pages", "[serve]\nlisten = 8080\n", 'site.conf:2:10: listen "8080": expected ADDRESS:PORT'),
            ("events to standard output", "[events]\nevents = -\n", 'site.conf:2:10: events "-": standard output'),
            ("bad word", "[terminal]\ncolor = red\n", 'site.conf:2:9: color "red": expected auto')):
        refused(f"configuration: {what}", 78, says, "check", "--config", conf(text))
    for what, text, says in (
            ("database that is not there", "[geo]\ngeo = nowhere.mmdb\n", "nowhere.mmdb"),
            ("prefixes that are not there", "[telescope]\ndark = @nowhere.txt\n", "nowhere.txt"),
            ("credentials that are not there", "[redis]\nredis = redis://h\nauth = nowhere.auth\n",
             "nowhere.auth"),
            ("a token that is not there", "[serve]\ntoken-file = nowhere.token\n", "nowhere.token"),
            ("signatures that are not there", "[signatures]\nsignatures = nowhere\n", "nowhere")):
        refused(f"configuration: {what}", 78, says, "check", "--config", conf(text))
    refused("configuration that is not there", 78, "none.conf: cannot be read", "replay",
            "--config", os.path.join(folder, "none.conf"), good_path)
    refused("configuration is checked by every command", 78, "site.conf:2:11", "replay", "--config",
            conf("[capture]\nsnaplen = 1\n"), good_path)

    refused("a live run with a bad filter in its configuration", 78, 'site.conf:2:10: filter "foo bar"',
            "live", "-i", "lo", "--config", conf("[capture]\nfilter = foo bar\n"))
    path = conf("[telescope]\ndark = 10.0.0.2\n[terminal]\nquiet = yes\n[report]\ntop = 1\n")
    done = run("check", "--config", path)
    expect("a good configuration", done.returncode == 0, done.stderr)
    got = json.loads(run("replay", "--json", "--config", path, good_path).stdout)
    expect("the file's dark space", got["packets"] == 0 and got["not_counted"]["outside"] == 100, got)
    got = json.loads(run("replay", "--json", "--config", path, "--dark", "10.0.0.1", "--top", "7",
                         good_path).stdout)
    expect("the command line wins", got["packets"] == 100 and len(got["top_sources"]) == 7, got)
    printed = run("replay", "--config", path, "--top", "7", "--print-config").stdout.decode()
    expect("what is printed is in effect", "\ntop = 7\n" in printed and "\nquiet = yes\n" in printed
           and "\ndark = 10.0.0.2\n" in printed and "\nmax-sources = 8000000\n" in printed, printed)
    again = run("replay", "--config", conf(printed), "--print-config").stdout.decode()
    expect("what is printed is a configuration", again == printed, again)
    for command in ("replay", "report", "explain", "check", "live", "serve"):
        defaults = run(command, "--print-config").stdout.decode()
        done = run("check", "--config", conf(defaults))
        expect(f"the defaults of {command} are right", done.returncode == 0, done.stderr)
    done = run("replay", "--json", "--config", conf(printed.replace("10.0.0.2", "10.0.0.1")), good_path)
    expect("a printed configuration works", done.returncode == 0
           and len(json.loads(done.stdout)["top_sources"]) == 7, done)


def partners(folder, write, good_path):
    """Options that do nothing without another one, and say so."""
    for options, says in (
            (("live", "-i", "lo", "--write-rotate-time", "1h"), "--write-rotate-time: does nothing without --write FILE"),
            (("live", "-i", "lo", "--write-rotate-size", "5"), "--write-rotate-size: does nothing without --write FILE"),
            (("live", "-i", "lo", "--checkpoint", "60s"), "--checkpoint: does nothing without --state DIR"),
            (("replay", "--output-format", "csv"), "--output-format: does nothing without --output DIR"),
            (("replay", "--events-idle", "5m"), "--events-idle: does nothing without --events FILE or --output DIR"),
            (("replay", "--max-events", "100"), "--max-events: does nothing without --events FILE or --output DIR"),
            (("replay", "--redis-timeout", "9s"), "--redis-timeout: does nothing without --redis URL")):
        refused(f"{options[-2]} alone", 2, says, *options, *(good_path,) * (options[0] == "replay"))
    site = write("site.conf", b"[state]\ncheckpoint = 5m\n")
    refused("alone in a file", 78, "site.conf:2:14: checkpoint: does nothing without --state DIR", "live",
            "-i", "lo", "--config", site)
    site = write("site.conf", b"[events]\nidle = 5m\n[redis]\ntimeout = 9s\n[output]\nformat = csv\n")
    done = run("replay", "--config", site, good_path)
    expect("settings for runs that want it", done.returncode == 0, done.stderr)
    refused("a file of one command says nothing of others", 2, "no interface", "live", "--config",
            write("site.conf", b"[redis]\ntimeout = 9s\n"))
    done = run("check", "--config", site)
    expect("the partner of a file may come later", done.returncode == 0, done.stderr)
    site = write("site.conf", b"[events]\nidle = 5m\n[output]\nformat = csv\n")
    done = run("replay", "--config", site, "--output", os.path.join(folder, "out"), good_path)
    expect("it may come from the command line", done.returncode == 0, done.stderr)


def thresholds(pcaps):
    """Without the telescope's size they label nobody, and explain says so."""
    path, off = os.path.join(pcaps, "signatures", "research-jpcert.pcap"), "off: --dark not given"
    for dark in ((), ("--dark", "0.0.0.0/0")):
        source = run("explain", *dark, path).stdout.decode()
        packet = run("explain", *dark, "--packet", "1", path).stdout.decode()
        other = run("explain", *dark, "--signature", "mirai", path).stdout.decode()
        expect("a source's thresholds are off without --dark",
               source.endswith("\nsignatures with thresholds are off: they need --dark\n") == (not dark)
               and "they need" not in other, (dark, source, other))
        expect("a packet's thresholds are off without --dark",
               f"\n  research-jpcert: yes{'' if dark else '; its thresholds are off: needs --dark'}\n" in packet
               and "\n  mirai: no\n" in packet, (dark, packet))
        source = json.loads(run("explain", "--json", *dark, path).stdout)
        packet = json.loads(run("explain", "--json", *dark, "--packet", "1", path).stdout)["signatures"]
        expect("JSON says that they are off",
               source.get("thresholds") == (None if dark else off)
               and {row["name"] for row in packet if row.get("thresholds") == off}
               == (set() if dark else {"research-jpcert", "research-nicter"}), (dark, source, packet))


def relations(folder, write):
    """The packets shown behind a relation are those it held for, not all that satisfy `match`."""
    rules = os.path.join(folder, "related")
    os.makedirs(rules)
    write(os.path.join(rules, "a.sig"), b"signature a\n    title same number\n    origin tool\n"
          b"    match tcp.syn\n    constant tcp.seq\n    chance 2^-32\n")

    def probe(src, port, seq):
        return struct.pack(">BBHHHBBH4s4sHHIIBBHHH", 0x45, 0, 40, 1, 0, 52, 6, 0, bytes(src), bytes((10, 98, 0, port)),
                           4000, port, seq, 0, 0x50, 2, 1024, 0, 0)
    sent = [((192, 0, 2, 1), 1, 100), ((192, 0, 2, 2), 1, 7), ((192, 0, 2, 2), 2, 7), ((192, 0, 2, 1), 2, 200),
            ((192, 0, 2, 2), 3, 7), ((192, 0, 2, 1), 3, 200), ((192, 0, 2, 1), 4, 100)]
    path = write("related.pcap", captures.pcap(101, [
        (10**18 + i * 10**6, 40, probe(*packet)) for i, packet in enumerate(sent)]))
    for source, frames in (("192.0.2.1", [6, 7]), ("192.0.2.2", [3, 5])):
        got = json.loads(run("explain", "--json", "--signatures", rules, "--source", source, path).stdout)
        shown = [row["frame"] for row in got["sources"][0]["evidence"][0]["packets"]]
        expect("only packets that a relation held for are behind it", shown == frames, (source, got))


def small_chances(pcaps):
    """A chance is never 0, however many packets match."""
    page = run("explain", "--top", "1", "--signature", "mirai", os.path.join(pcaps, "mirai-like.pcap")).stdout.decode()
    expect("191 packets of Mirai", "191 of 191 candidates are distinct matches; by chance (2.3e-10 each) "
           "less than 1e-300: LABELLED\n" in page, page)


def table_rows(write):
    """What --top cuts, and what it does not: a page is one page."""
    path = write("ports.pcap", captures.pcap(101, [
        (10**18 + i * 10**6, 40, syn(i)[:22] + struct.pack(">H", i + 1) + syn(i)[24:]) for i in range(30)]))
    pages = {top: run("replay", "--top", top, path).stdout.decode() for top in ("0", "20", "1")}
    expect("a page has the same rows whatever --top is, but for a smaller one",
           pages["0"] == pages["20"] and "Ports scanned, 10 of 30" in pages["0"]
           and "Ports scanned, 1 of 30" in pages["1"], pages)
    for top, n in (("0", 30), ("7", 7)):
        got = json.loads(run("replay", "--json", "--top", top, path).stdout)
        expect("JSON has the rows of --top", len(got["ports"]) == n and got["ports_total"] == 30, got["ports"])
    for command, says in (("replay", "JSON, CSV and HTML"), ("live", "JSON, CSV and HTML"),
                          ("report", "JSON and CSV")):
        text = " ".join(run(command, "--help").stdout.decode().split())
        expect(f"help of {command} says what --top is of", f"rows of a table in {says}" in text
               and "one page whatever it is" in text, text)


def main():
    folder = tempfile.mkdtemp()

    def write(name, data):
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    packets = [(10**18 + i * 10**6, 40, syn(i)) for i in range(100)]
    good = captures.pcap(101, packets)
    good_path = write("good.pcap", good)

    refused("no file", 2, "no capture file given", "replay")
    refused("unknown option", 2, "no such option", "replay", "--wat", good_path)
    refused("misspelt option", 2, '--tpo: no such option, perhaps "--top"', "replay", "--tpo", "3",
            good_path)
    refused("unknown letter", 2, "-Z: no such option", "replay", "-qZ", good_path)
    refused("short for several", 2, "--redis or --redis-", "replay", "--redi", "x", good_path)
    refused("value of a flag", 2, "takes no value", "replay", "--json=1", good_path)
    refused("missing value", 2, "needs a value", "replay", good_path, "--top")
    refused("bad number", 2, '--top: "many": expected a whole number', "replay", "--top", "many",
            good_path)
    refused("number out of range", 2, "expected a whole number from 1 to 64", "replay",
            "--workers", "65", good_path)
    refused("bad duration", 2, '"5 parsecs": expected a duration', "replay", "--lateness",
            "5 parsecs", good_path)
    refused("bad prefix", 2, "--dark", "replay", "--dark", "10.0.0.0/33", good_path)
    refused("host bits", 2, "--dark", "replay", "--dark", "10.0.0.1/8", good_path)
    refused("prefix file", 78, "dark.txt:2", "replay", "--dark",
            "@" + write("dark.txt", b"10.0.0.0/8\nbogus\n"), good_path)
    for option in (("--dark",), ("--decapsulate", "gre", "--tunnel")):
        for path in (os.path.join(folder, "nowhere.txt"), folder):
            refused("a prefix file that cannot be read, as other such files", 78,
                    f"{path}: cannot be read for {option[-1]}: ", "replay", *option, "@" + path, good_path)
    refused("a prefix file that serve cannot read", 78, f"{folder}: cannot be read for --dark: ", "serve",
            "--redis", "redis://localhost", "--dark", "@" + folder)
    refused("tunnel without its end", 2, "needs --tunnel ADDR", "replay", "--decapsulate", "gre",
            good_path)
    refused("bad tunnel kind", 2, "expected gre, ipip or vxlan", "replay", "--decapsulate",
            "gre,teredo", "--tunnel", "192.0.2.1", good_path)
    refused("scanner list", 78, 'scanners.txt:2:12: name "BAD"', "replay", "--scanners",
            write("scanners.txt", b"# known\n10.0.0.0/8 BAD\n"), good_path)
    for text, place in ((b"192.0.2.0/24 a\r10.0.0.0/8 b\r", "1:15"), (b"\n# x\r10.0.0.0/8 b\r\n", "2:4")):
        refused("scanner list of one line", 78, f"cr.txt:{place}: a carriage return without a line feed", "replay",
                "--scanners", write("cr.txt", text), good_path)
    refused("scanner list with host bits", 78, 'bits.txt:1:1: "10.0.0.1/8"', "replay", "--scanners",
            write("bits.txt", b"10.0.0.1/8 good\n"), good_path)
    refused("bad alpha", 2, "expected a probability", "replay", "--alpha", "2", good_path)
    refused("no signatures", 78, "no signatures", "replay", "--signatures", folder, good_path)
    refused("bad signature", 78, 'bad.sig:1:1: "signatur": expected', "check", "--signatures",
            write("bad.sig", b"signatur x\n"))
    many = run("check", "--signatures", write("bad.sig", b"signatur x\n" * 51)).stderr.decode()
    expect("one error more than are shown", many.endswith("\nnightscope: 1 more error\n"), many[-200:])
    one = b"signature %s\n title t\n origin tool\n match tcp.syn\n chance 1\n"
    for n, says in ((1, "\n1 signature in "), (2, "\n2 signatures in ")):
        page = run("check", "--signatures", write("n.sig", b"".join(one % b"x%d" % i for i in range(n)))).stdout.decode()
        expect("signatures are counted", says in page and (" is right." in page) == (n == 1), page)
    refused("no such source", 2, "expected an IPv4 or IPv6 address", "explain", "--source", "1.2.3",
            good_path)
    refused("no such signature", 2, "no such signature", "explain", "--signature", "x", good_path)
    refused("bad filter", 2, '--filter: "foo bar": ', "live", "-i", "lo", "--filter", "foo bar")
    refused("not a database", 78, "good.pcap", "replay", "--geo", good_path, good_path)
    refused("misspelt command", 2, '"reply": no such command, perhaps "replay"', "reply")
    refused("unwritable csv", 1, "/dev/null", "replay", "--json", "--csv", "/dev/null/x",
            good_path)
    for option, status in (("--csv", 1), ("--output", 1), ("--state", 78)):
        for mode in (0o644, 0o755):
            os.chmod(good_path, mode)
            refused("a file where a folder is expected", status, "in the way: give another directory",
                    "replay", "--json", option, good_path, good_path)
    with open("/dev/full", "wb") as full:
        done = subprocess.run([NIGHTSCOPE, "replay", good_path], stdout=full,
                              stderr=subprocess.PIPE, check=False)
        expect("full disk", done.returncode == 1 and b"write" in done.stderr, done)

    help_text = run("replay", "--help").stdout.decode()
    expect("help fits the page", all(len(line) <= 100 for line in help_text.splitlines()))
    expect("help names every option", all(option in help_text for option in
                                          ("--json", "--dark", "--tunnel", "--geo", "--top")))

    def report(*arguments, status=0, stdin=b""):
        done = run("replay", "--json", *arguments, stdin=stdin)
        expect(f"exit status of {arguments}", done.returncode == status,
               f"{done.returncode}: {done.stderr.decode()}")
        return json.loads(done.stdout), done.stderr.decode()

    # Published prefixes of scanners label their sources, by name.
    known = write("known.txt", b"# prefix name\r\n11.0.0.0/26 survey\r\n2001:db8::/32 survey # both\n"
                               b"192.0.2.1 other\n")
    got, _ = report("--top", "0", "--scanners", known, write("two.pcap", captures.pcap(
        101, packets + [(ts + 10**9, wire, data[:16] + b"\x0a\x00\x00\x02" + data[20:])
                        for ts, wire, data in packets])))
    expect("known scanners", got["labels"]["survey"] == {"packets": 128, "sources": 64,
                                                         "labelled": 64}
           and got["labels"]["other"]["packets"] == 0
           and got["signatures"]["known-survey"]["labelled"] == 64
           and sum("survey" in row["labels"] for row in got["top_sources"]) == 64, got["labels"])

    # A file cut inside a record: what came before counts, a warning, exit 0.
    cut = write("cut.pcap", good[:-30])
    got, said = report(cut)
    expect("cut file", got["packets"] == 99 and got["files"][0]["error"] is not None
           and "cut.pcap" in said and str(len(good) - 56) in said, (got["files"], said))
    for options, what, says in (((cut,), "", True), (("--quiet", cut), "", False),
                                (("--packet", "100", cut), "there are only 99 frames", True)):
        done = run("explain", *options)
        expect("a cut file is told of by explain, too", done.returncode == bool(what)
               and ("cut.pcap" in done.stderr.decode()) == says and what in done.stderr.decode(), done)
    done = run("explain", cut, good_path, os.path.join(folder, "missing.pcap"),
               os.path.join(folder, "none.pcap"))
    expect("all failed files are told of by explain", done.returncode == 1 and done.stdout
           and done.stderr.count(b"\n") == 3, done)
    got, said = report("--quiet", cut)
    expect("quiet", said == "" and got["packets"] == 99, said)
    # A time stamp that is wrong puts what follows out of its minutes: it is named. A gap is none.
    day_ns, n = 86400 * 10**9, len(packets)
    for what, days, late, says in (
            ("one frame is ahead", {39: 365}, n - 40, "frame 40 ("),
            ("two are, most is late by the second", {5: 2, 20: 365}, n - 7, "frame 21 ("),
            ("the first is", {0: 365}, n - 1, "frame 1 ("),
            ("all that follow are: a gap", {i: 365 for i in range(50, n)}, 0, None)):
        path = write("jump.pcap", captures.pcap(101, [(ts + days.get(i, 0) * day_ns, wire, data)
                                                      for i, (ts, wire, data) in enumerate(packets)]))
        got, said = report(path)
        expect(what, got["late"] == late and (says in said and f" {late - 14 if len(days) == 2 else late} frames"
                                              in said if says else said == ""), (got["late"], late, said))
        expect("not when it is to be quiet", report("--quiet", path)[1] == "", path)

    # Files that are no captures: a message each, the others are analysed, exit 1.
    hostile = {
        "empty.pcap": b"",
        "header.pcap": good[:20],
        "stump.pcap.gz": gzip.compress(good[:10]),
        "cut.pcap.gz": gzip.compress(good)[:10],
        "text.pcap": b"this is not a capture\n",
        "liar.pcap": good + struct.pack("<IIII", 10**9, 0, 10**9, 10**9) + b"x" * 64,
        "notgzip.gz": b"\x1f\x8b\x08\x00" + b"\xff" * 64,
    }
    for name, data in hostile.items():
        got, said = report(write(name, data), good_path, status=1)
        expect(f"{name} does not stop the others",
               got["packets"] == 100 + (100 if name == "liar.pcap" else 0) and name in said
               and said.count("\n") == 1 and got["files"][0]["error"]
               and got["files"][1]["error"] is None, (got["files"], said))
    got, said = report(os.path.join(folder, "missing.pcap"), folder, good_path, status=1)
    expect("missing file and folder", got["packets"] == 100 and said.count("\n") == 2, said)
    got, said = report("-", "-", good_path, status=1, stdin=good)
    expect("standard input twice", got["packets"] == 200, said)
    link, second = os.path.join(folder, "link.pcap"), write("second.pcap", good)
    os.symlink(good_path, link)
    for files, says in (((good_path, second), None), (("-", second), None),
                        ((second, good_path, good_path), "good.pcap: given 2 times, and its packets are counted"
                                                         " each time\n"),
                        ((good_path, link, good_path), "good.pcap: given 3 times, and its packets are counted"
                                                       f" each time; also named {link}\n"),
                        ((second, link, good_path, second), "second.pcap: given 2 times, and its packets are"
                         " counted each time; other files given several times: 1\n")):
        got, said = report(*files, stdin=good)
        expect("one file given several times is warned of", got["packets"] == 100 * len(files)
               and (said.endswith(says) and said.count("\n") == 1 if says else said == ""), (files, said))
        said = run("explain", *files, stdin=good).stderr.decode()
        expect("explain warns, too", says in said if says else said == "", (files, said))
        expect("unless it is to be quiet", report("--quiet", *files, stdin=good)[1] == "", files)

    terminals(good_path)
    page = run("replay", good_path).stdout.decode()
    expect("no colour in a pipe", "\x1b" not in page, page)
    expect("the page is for people", "100" in page and "23" in page, page)
    coloured = run("replay", "--color", "always", good_path).stdout
    expect("colour on demand", b"\x1b[" in coloured)

    for words in (("help", "replay"), ("--help", "replay"), ("-h", "replay")):
        expect("help on a command", run(*words).stdout == run("replay", "--help").stdout != b"", words)
    refused("help on what is no command", 2, '"replya": no such command, perhaps "replay"', "help", "replya")
    for name in ("--csv", "--html", "--events", "--output"):
        refused("standard output has the report", 2, f'{name}: "-": standard output has', "replay", name, "-", good_path)
    for name in ("--write", "--metrics-file"):
        refused("standard output has the report", 2, f'{name}: "-": standard output has', "live", "-i", "lo", name, "-")
    for address, says in (("11.0.0.1", "no signature matches"), ("11.0.1.0", "sent no packet that is counted"),
                          ("2001:db8::1", "sent no packet that is counted")):
        page = run("explain", "--source", address, good_path).stdout.decode()
        expect("a source that no signature matches is not one that sent nothing",
               page.startswith(f"{address}: {says}\n"), page)
    mirai = os.path.join(sys.argv[2], "mirai-like.pcap")
    for address, says in (("87.77.46.154", ": that signature does not match\n"), ("51.26.79.250", "\n    mirai-adb ")):
        page = run("explain", "--signature", "mirai-adb", "--source", address, mirai).stdout.decode()
        expect("a source of other signatures", page.startswith(address + says), page)
    refused("a packet of a source", 2, "--source: not with --packet", "explain", "--packet", "1", "--source",
            "11.0.0.1", good_path)
    config(folder, write, good_path)
    partners(folder, write, good_path)
    table_rows(write)
    thresholds(sys.argv[2])
    small_chances(sys.argv[2])
    relations(folder, write)

    csv = os.path.join(folder, "csv")
    run("replay", "--csv", csv, "--quiet", good_path)
    with open(os.path.join(csv, "ports.csv"), encoding="utf-8") as file:
        rows = file.read().splitlines()
    expect("ports.csv", len(rows) == 2 and "23" in rows[1] and "100" in rows[1], rows)

    print(f"{checks} checks, {failures} failed")
    return 1 if failures else 0


sys.exit(main())
