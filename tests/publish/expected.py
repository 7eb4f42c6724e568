"""The keys a publication must become, worked out from its truth alone, and how long they live."""
import datetime
import ipaddress

MINUTES, HOURS, DAYS, SOURCES = 7 * 86400, 730 * 86400, 400 * 86400, 7 * 86400
SERIES = ("seconds packets bytes tcp udp icmp icmp6 sctp other scan backscatter class_other "
          "sources dports iot_matched iot_matched_sources mirai zmap masscan nmap not_counted "
          "dropped late").split()
RANKINGS = {"tcp": ("tcp", 1), "udp": ("udp", 1), "tcp:sources": ("tcp", 2),
            "udp:sources": ("udp", 2), "cc": ("cc", 1), "cc:sources": ("cc", 2),
            "asn": ("asn", 1), "src": ("src", 1), "label": ("label", 1)}


def text(value):
    return str(value).encode()


def flat(pairs):
    return tuple(text(word) for pair in pairs for word in pair)


def country(key):
    return "??" if key == 0 else chr(key >> 8) + chr(key & 255)


def member(truth, dimension, key):
    if dimension == "cc":
        return country(key)
    if dimension == "label":
        return truth["labels"][key]
    if dimension == "src":
        return key if isinstance(key, str) else str(ipaddress.IPv4Address(key))
    return str(key)


def is_withheld(truth, address):
    """The longest prefix that covers the address decides; `!` takes addresses out."""
    address, best = ipaddress.ip_address(address), (-1, False)
    for word in filter(None, truth["withheld"].split(",")):
        network = ipaddress.ip_network(word.lstrip("!"))
        if address in network:
            best = max(best, (network.prefixlen, not word.startswith("!")))
    return best[1]


def ranking(truth, profile, view, name, cap, others):
    dimension, column = RANKINGS[name]
    table = profile[view][dimension]
    rows = sorted(table["rows"], key=lambda row: (
        -row[column], isinstance(row[0], str),
        int(ipaddress.ip_address(row[0])) if isinstance(row[0], str) else row[0]))
    first, rest = rows[:cap], table["others"] + sum(row[1] for row in rows[cap:])
    if dimension == "src" and truth["withheld"]:
        shown = [row for row in first if not is_withheld(truth, row[0])]
        rest += sum(row[1] for row in first) - sum(row[1] for row in shown)
        first = shown
    scores = {text(member(truth, dimension, row[0])): float(row[column]) for row in first}
    if others and column == 1 and rest:
        scores[b"others"] = float(rest)
    return scores


def of_country(profile, key):
    rows = [row for row in profile["all"]["cc_tcp"]["rows"] if row[0] >> 16 == key]
    rows.sort(key=lambda row: (-row[1], row[0]))
    scores = {text(row[0] & 0xffff): float(row[1]) for row in rows[:1000]}
    rest = sum(row[1] for row in rows[1000:])
    if rest:
        scores[b"others"] = float(rest)
    return scores


def sketch(registers):
    """The dense encoding of Redis's HyperLogLog: 16384 registers of six bits, low bits first,
    after a header without a cached count."""
    packed = b"".join((r[0] | r[1] << 6 | r[2] << 12 | r[3] << 18).to_bytes(3, "little")
                      for r in zip(*(registers[i::4] for i in range(4))))
    return b"HYLL" + bytes(11) + b"\x80" + packed


def series(rows, newest, kept):
    return [(text(f"{row['start'] * 1000}-{1 if row['start'] == 0 else 0}"),
             flat((field, row[field]) for field in SERIES))
            for row in rows if row["start"] > newest - kept]


def source(row):
    def listed(key):
        return ",".join(str(item[key]) for item in row["evidence"])
    labels = list(dict.fromkeys(item["label"] for item in row["evidence"]))
    protocols = {6: "tcp", 17: "udp", 132: "sctp"}
    return {
        b"labels": text(",".join(labels)),
        b"signatures": text(listed("signature")),
        b"n": text(listed("n")), b"k": text(listed("k")),
        b"probability": text(",".join("%.3g" % float(item["probability"])
                                      for item in row["evidence"])),
        b"iot": text(row["iot"]), b"packets": text(row["packets"]),
        b"ports": text(",".join(f"{port & 0xffff}/{protocols.get(port >> 16, port >> 16)}"
                                for port in row["ports"])),
        b"ports_more": text(row["ports_more"]),
        b"first": text(row["first"]), b"last": text(row["last"]),
        b"cc": text(row["cc"] or "??"), b"asn": text(row["asn"]),
    }


def feed(truth):
    entries, last, n = [], 0, 0
    for packet in truth["feed"][-10000:]:
        ms = packet["ts_ns"] // 1000000
        n = n + 1 if ms == last else 0
        last = ms
        if is_withheld(truth, packet["src"]):
            continue
        us = packet["ts_ns"] // 1000
        entries.append((text(f"{ms}-{n}"), flat([
            ("time", f"{us // 1000000}.{us % 1000000:06}"), ("src", packet["src"]),
            ("cc", packet["cc"] or "??"),
            ("lat", "%.4f" % float(packet["lat"]) if "lat" in packet else ""),
            ("lon", "%.4f" % float(packet["lon"]) if "lon" in packet else ""),
            ("proto", packet["proto"]), ("dport", packet.get("dport", "")),
            ("class", packet["class"]), ("label", packet["label"]),
            ("iot", packet["iot"]), ("asn", packet["asn"])])))
    return entries


def keys(truth):
    """{key: (type, value)}, {key: seconds, -1 for ever} of a sensor's keys; ns:sensors too."""
    wanted, lives = {}, {}

    def put(name, kind, content, life=-1):
        if content:
            key = f"ns:{{{truth['sensor']}}}:{name}".encode()
            wanted[key] = (kind, content)
            lives[key] = life

    newest = max([row["start"] for part in ("minutes", "hours", "days") for row in truth[part]] +
                 [row["last"] for row in truth["labelled"]] + [0])
    put("owner", b"string", text(truth["incarnation"]))
    info = {"schema": "nightscope.redis/1", "located": truth["located"],
            **{name: truth[name] for name in ("version", "incarnation", "state", "started", "flushed",
                                              "dark_size", "frames", "signatures", "resends",
                                              "drops")}}
    if truth["has_time"]:
        info["first"] = truth["first_ns"] // 10**9
        info["last"] = truth["last_ns"] // 10**9
    put("info", b"hash", {text(name): text(item) for name, item in info.items()})
    totals = {**truth["totals"], "dports": truth["ports_total"],
              "seconds": truth["refused_seconds"] + sum(row["seconds"] for row in truth["minutes"])}
    put("totals", b"hash", {text(name): text(totals[name]) for name in SERIES})
    put("report", b"string", truth["report"].encode())
    put("series:1m", b"stream", series(truth["minutes"], newest, MINUTES), MINUTES)
    put("series:1h", b"stream", series(truth["hours"], newest, HOURS), HOURS)
    for span, part in (("1h", "hour"), ("24h", "day")):
        for view, before in (("all", ""), ("iot", "iot:")):
            for name in RANKINGS if part in truth else ():
                put(f"top:{before}{name}:{span}", b"zset",
                    ranking(truth, truth[part], view, name, 1000, True))
    if "day" in truth:
        first = sorted((row for row in truth["day"]["all"]["cc"]["rows"] if row[0]),
                       key=lambda row: (-row[1], row[0]))[:20]
        for row in first:
            put(f"top:cc:{country(row[0])}:tcp:24h", b"zset", of_country(truth["day"], row[0]))
    for day in truth["days"]:
        if day["start"] <= newest - DAYS:
            continue
        date = datetime.datetime.fromtimestamp(day["start"], datetime.timezone.utc)
        date = date.strftime("%Y%m%d")
        for view, before in (("all", ""), ("iot", "iot:")):
            for name in RANKINGS:
                put(f"d:{date}:{before}{name}", b"zset",
                    ranking(truth, day["profile"], view, name, 200, False), DAYS)
        for name, which in (("src", 1), ("iot", 2)):
            registers = bytes.fromhex(day["profile"]["sketches"][which])
            if any(registers):
                put(f"hll:{name}:d:{date}", b"string", sketch(registers), DAYS)
    kept = [row for row in truth["labelled"] if row["last"] > newest - SOURCES and
            not is_withheld(truth, row["ip"])]
    put("iot", b"zset", {text(row["ip"]): float(row["last"]) for row in kept if row["iot"]},
        SOURCES)
    for row in kept:
        put(f"src:{row['ip']}", b"hash", source(row), SOURCES)
    put("feed", b"stream", feed(truth))
    return wanted, lives


def differences(found, wanted, found_lives=None, lives=None):
    """What is different, as a few lines."""
    lines = [f"missing {key}" for key in sorted(wanted.keys() - found.keys())]
    lines += [f"too many {key}" for key in sorted(found.keys() - wanted.keys())]
    for key in sorted(wanted.keys() & found.keys()):
        if found[key] != wanted[key]:
            lines.append(f"{key}: found {str(found[key])[:600]}, wanted {str(wanted[key])[:600]}")
        elif lives and (found_lives[key] < 0 or lives[key] < 0) and found_lives[key] != lives[key]:
            lines.append(f"{key}: lives {found_lives[key]} s, wanted {lives[key]}")
        elif lives and lives[key] >= 0 and not lives[key] - 300 < found_lives[key] <= lives[key]:
            lines.append(f"{key}: lives {found_lives[key]} s, wanted {lives[key]}")
    return lines[:10]
