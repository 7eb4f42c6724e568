"""Every capture of a real tool against every label: its own, and no other. Likewise the synthetic
captures, by the truth that lies beside them, and the examples of the shipped signatures.
matrix.py NIGHTSCOPE SOURCE-ROOT"""
import json
import os
import re
import subprocess
import sys

NIGHTSCOPE, ROOT = sys.argv[1:3]
PCAPS = os.path.join(ROOT, "pcaps")

# The label of the one source of each capture of a real tool; None: it must have none.
TOOLS = {
    # hping3's UDP has neither mark nor payload
    "hping3-3.0.0-icmp": "hping3", "hping3-3.0.0-null": "hping3", "hping3-3.0.0-syn": "hping3",
    "hping3-3.0.0-udp": None,
    "linux-6.18-tcp-connect": None,
    "emulated-naabu-rawsocket": "naabu",
    "masscan-1.3.2-ping": "masscan", "masscan-1.3.2-sctp": "masscan",
    "masscan-1.3.2-syn": "masscan", "masscan-1.3.2-udp": "masscan",
    "masscan-head2be4093-syn": "masscan",
    "nmap-7.93-ack": "nmap", "nmap-7.93-fin": "nmap", "nmap-7.93-ip-protocol": "nmap",
    "nmap-7.93-maimon": "nmap", "nmap-7.93-null": "nmap", "nmap-7.93-os-detection": "nmap",
    "nmap-7.93-ping": "nmap", "nmap-7.93-sctp-cookie": "nmap", "nmap-7.93-sctp-init": "nmap",
    "nmap-7.93-syn": "nmap", "nmap-7.93-udp": "nmap", "nmap-7.93-window": "nmap",
    "nmap-7.93-xmas": "nmap",
    "zmap-2.1.1-icmp_echoscan": "zmap", "zmap-2.1.1-tcp_synscan": "zmap", "zmap-2.1.1-udp": "zmap",
    "zmap-4.3.4-icmp_echoscan": "zmap", "zmap-4.3.4-tcp_synscan-default": "zmap",
    "zmap-4.3.4-tcp_synscan-linux": "zmap", "zmap-4.3.4-udp": "zmap",
}
SCANNER = "10.99.0.1"
# What the UDP probes of the synthetic background ask for.
UDP_PROBES = {"dns-version", "memcached-stats", "ntp-monlist", "sip-options", "snmp-public",
              "ssdp-search"}
checks = failures = 0


def expect(what, is_so, detail=""):
    global checks, failures
    checks += 1
    if not is_so:
        failures += 1
        print(f"FAILED: {what}\n  {detail}")


def replay(path, *options):
    done = subprocess.run([NIGHTSCOPE, "replay", "--json", "--top", "0", *options, path],
                          capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"{path}: exit {done.returncode}: {done.stderr.decode()}")
    return json.loads(done.stdout)


def labelled(report, table="labels"):
    """Name to number of labelled sources, of those that have any."""
    return {name: row["labelled"] for name, row in report[table].items() if row["labelled"]}


def labels_of_sources(report):
    return {row["ip"]: set(row["labels"]) for row in report["top_sources"] if row["labels"]}


def truth_of(name):
    with open(os.path.join(PCAPS, name + ".pcap.truth.json"), encoding="utf-8") as file:
        return json.load(file)


def check_tools():
    there = {name[:-5] for name in os.listdir(PCAPS)
             if name.endswith(".pcap") and not os.path.exists(os.path.join(PCAPS, name)
                                                              + ".truth.json")}
    expect("each capture of a tool is in the table", there == TOOLS.keys(), there ^ TOOLS.keys())
    for name in sorted(there & TOOLS.keys()):
        label = TOOLS[name]
        report = replay(os.path.join(PCAPS, name + ".pcap"))
        wanted = {label: 1} if label else {}
        expect(f"{name} is labelled {label} and nothing else", labelled(report) == wanted,
               labelled(report))
        wanted = {SCANNER: {label}} if label else {}
        expect(f"{name}: its source has that label alone", labels_of_sources(report) == wanted,
               labels_of_sources(report))
        if label:
            row = report["labels"][label]
            share = row["packets"] / report["packets"]
            # nmap's UDP probes without a known payload have nothing but their TTL
            expect(f"{name}: three of four packets match", share >= 0.75, share)
            expect(f"{name}: one source matches", row["sources"] == 1, row)


def check_synthetic():
    report, truth = replay(os.path.join(PCAPS, "mirai-like.pcap")), truth_of("mirai-like")
    mirai = truth["behaviours"]["mirai"]
    expect("mirai-like: only mirai", labelled(report).keys() == {"mirai"}, labelled(report))
    row = report["labels"]["mirai"]
    expect("mirai-like: every packet matches", row["packets"] == mirai["packets"], row)
    expect("mirai-like: every source matches", row["sources"] == mirai["sources"], row)
    expect("mirai-like: sources of three packets are labelled",
           mirai["sources_of_3_packets"] <= row["labelled"] <= mirai["sources"], row)
    expect("mirai-like: IoT is mirai", report["iot"]["matched"] == row["packets"] and
           report["iot"]["sources"] == row["labelled"], report["iot"])

    report = replay(os.path.join(PCAPS, "backscatter.pcap"))
    expect("backscatter: no label", labelled(report) == {}, labelled(report))

    report = replay(os.path.join(PCAPS, "background-noise.pcap"))
    truth = truth_of("background-noise")
    expect("background: only what UDP probes ask for", labelled(report).keys() <= UDP_PROBES,
           labelled(report))
    behaviours = truth["behaviours"]
    probers = behaviours["udp"]["sources"] + behaviours["fragments"]["sources"]
    sources = labels_of_sources(report)
    expect("background: only UDP probers", 0 < len(sources) <= probers, len(sources))
    expect("background: one label each", all(len(labels) == 1 for labels in sources.values()),
           sources)
    expect("background: no IoT", report["iot"]["matched"] == 0, report["iot"])


def shipped():
    """Name to (label, rests on thresholds), as far as these tests need the language."""
    found = {}
    folder = os.path.join(ROOT, "signatures")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            text = file.read()
        for part in re.split(r"^signature +", text, flags=re.M)[1:]:
            own = part.split()[0]
            label = re.search(r"^    label +(\S+)", part, re.M)
            found[own] = (label.group(1) if label else own, " in 1d" in part)
    return found


def check_examples():
    signatures = shipped()
    expect("there are signatures", len(signatures) >= 60, len(signatures))
    for name, (label, thresholds) in signatures.items():
        report = replay(os.path.join(PCAPS, "signatures", name + ".pcap"))
        wanted = {} if thresholds else {label: 1}  # thresholds are off without --dark
        expect(f"the example of {name} is labelled {wanted}", labelled(report) == wanted,
               labelled(report))
        if not thresholds:
            expect(f"{name} labels its example", labelled(report, "signatures").get(name) == 1,
                   labelled(report, "signatures"))
        report = replay(os.path.join(PCAPS, "signatures", name + "-near.pcap"))
        expect(f"{name} does not label its near misses",
               name not in labelled(report, "signatures"), labelled(report, "signatures"))


def check_thresholds():
    """With a dark space of the examples' size, rules of behaviour are on."""
    for name, wanted in [("research-nicter", {"research-nicter": 1, "research-jpcert": 1}),
                         ("research-nicter-near", {"research-jpcert": 1}),
                         ("research-jpcert", {"research-jpcert": 1}),
                         ("research-jpcert-near", {})]:
        path = os.path.join(PCAPS, "signatures", name + ".pcap")
        report = replay(path, "--dark", "10.98.0.0/26")
        expect(f"{name} is labelled {wanted} in a /26", labelled(report) == wanted,
               labelled(report))
        # 64 packets are one for each address of a /26, and half as many of a /25
        report = replay(path, "--dark", "10.98.0.0/25")
        wanted.pop("research-nicter", None)
        expect(f"{name} is labelled {wanted} in a /25", labelled(report) == wanted,
               labelled(report))


check_tools()
check_synthetic()
check_examples()
check_thresholds()
print(f"{checks} checks, {failures} failed")
sys.exit(1 if failures else 0)
