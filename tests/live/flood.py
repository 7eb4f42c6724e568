"""A flood: every packet that was sent is counted or was dropped, exactly, and beside it what tcpdump
loses of the same packets. flood.py NIGHTSCOPE [--packets N] [--rates] [OPTION]...

With --rates: a table of rates, each with nightscope alone, tcpdump alone, and both at a time."""
import os
import sys
import tempfile

from wire import Flood, Sensor, Tcpdump, Wire, expect, finish, lost, need

NIGHTSCOPE, ARGUMENTS = sys.argv[1], sys.argv[2:]
BUFFER_MIB = 64
SOURCES = 512


def flood(wire, folder, packets, rate=None, sensor=True, tcpdump=True, options=(), sources=SOURCES):
    """Packets sent, and a second; (counted, dropped) of the sensor, (received, dropped) of tcpdump."""
    running = Sensor(NIGHTSCOPE, wire, "--buffer-size", str(BUFFER_MIB), *options).ready() if sensor \
        else None
    beside = Tcpdump(wire, "/dev/null", "-B", str(BUFFER_MIB * 1024)) if tcpdump else None
    before = wire.sent()
    generator = Flood(wire, folder, packets, rate, sources)
    generator.wait()
    sent = wire.sent() - before
    seconds = generator.seconds
    own = other = None
    if running:
        report = running.wait_frames(sent).stop()
        own = (report["frames"], lost(report))
        expect("it ends with status 0", running.status == 0, running.text)
    if beside:
        _, received, dropped = beside.stop()
        other = (received, dropped)
    return sent, seconds, own, other


def rates(wire, folder, packets, options):
    """trafgen's own --rate ends at some 70,000 a second: other rates come of how packets are made."""
    print(f"{'packets':>24} {'sent':>9} {'a second':>9}   nightscope lost   tcpdump lost   together: "
          "nightscope, tcpdump lost")
    for name, rate, sources in (("at 50,000 a second", "50000pps", SOURCES), ("random sources", None, 0),
                                (f"{SOURCES} sources, made once", None, SOURCES)):
        sent, seconds, own, _ = flood(wire, folder, packets, rate, tcpdump=False, options=options,
                                      sources=sources)
        expect("counted and dropped are what was sent", sum(own) == sent, (own, sent))
        _, _, _, other = flood(wire, folder, packets, rate, sensor=False, sources=sources)
        both_sent, _, own_both, other_both = flood(wire, folder, packets, rate, options=options,
                                                   sources=sources)
        expect("counted and dropped are what was sent", sum(own_both) == both_sent,
               (own_both, both_sent))
        print(f"{name:>24} {sent:>9} {sent / seconds:>9.0f} {own[1]:>17} "
              f"{other[1]:>14} {own_both[1]:>22}, {other_both[1]}", flush=True)


def main():
    need("trafgen", "tcpdump")
    packets = int(ARGUMENTS[ARGUMENTS.index("--packets") + 1]) if "--packets" in ARGUMENTS else 1000000
    at = ARGUMENTS.index("--no-sandbox") if "--no-sandbox" in ARGUMENTS else len(ARGUMENTS)
    options = ARGUMENTS[at:]
    with tempfile.TemporaryDirectory() as folder, Wire() as wire:
        os.chmod(folder, 0o777)
        if "--rates" in ARGUMENTS:
            rates(wire, folder, packets, options)
            finish()
        for name, more in (("two workers", ["--workers", "2"]),
                           ("a small ring", ["--workers", "1", "--buffer-size", "1"]),
                           ("immediate", ["--workers", "2", "--immediate"])):
            sent, seconds, own, other = flood(wire, folder, packets, options=more + options)
            print(f"{name}: {sent} sent in {seconds:.1f} s; nightscope counted {own[0]}, dropped {own[1]}; "
                  f"tcpdump received {other[0]}, dropped {other[1]}")
            expect(f"{name}: counted and dropped are what was sent", sum(own) == sent, (own, sent))
    finish()


main()
