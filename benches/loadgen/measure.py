#!/usr/bin/env python3
"""What loadgen costs, and what it and its peers say of a service that hangs.

    cargo build --release -p loadgen --example hang --bin loadgen
    benches/loadgen/measure.py cpu [ROUNDS]     CPU per request in a closed loop, 64 connections, as a ratio to wrk
    benches/loadgen/measure.py lag [ROUNDS]     its own lag at 5,000/s
    benches/loadgen/measure.py offered [ROUNDS] 100,000/s offered with at most 256 in flight
    benches/loadgen/measure.py hangs [TOOL...]  the two outages that load generators misreport

The generator has core 0, the service (the example `hang`) core 1. Rounds are interleaved: every tool once, then again; a
ratio is to the wrk of the same round, and the median of the ratios is told. Peers that are not installed are left out.
Debian has wrk, hey, h2load (nghttp2-client), ab (apache2-utils) and siege; npm has autocannon.
"""

import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

RELEASE = Path(__file__).resolve().parents[2] / "target" / "release"
LOADGEN = str(RELEASE / "loadgen")
ADDRESS = "127.0.0.1:18080"
URL = f"http://{ADDRESS}/"
QUIET = ["--lag-limit", "1min", "--quiet", "--json"]
CLOSED_S = 4


def run(command, patience_s=40):
    """What it printed, the seconds of CPU that it used, its largest size in MB; nothing of one that does not end."""
    process = subprocess.Popen(
        ["taskset", "-c", "0", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    killer = threading.Timer(patience_s, process.kill)
    killer.start()
    printed = process.stdout.read()
    _, process.returncode, used = os.wait4(process.pid, 0)
    killer.cancel()
    return printed, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


class Service:
    """Answers always or, given times, hangs from the one until the other, counted from its first request."""

    def __init__(self, *times):
        self.times = [str(at) for at in times]

    def __enter__(self):
        command = ["taskset", "-c", "1", str(RELEASE / "examples" / "hang"), ADDRESS, *self.times]
        self.process = subprocess.Popen(command)
        time.sleep(0.3)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def number(pattern, text):
    found = re.search(pattern, text)
    return float(found.group(1)) if found else None


def document(text):
    start, end = text.find("{"), text.rfind("}") + 1
    return json.loads(text[start:end]) if end > start >= 0 else {}


def answered(result):
    return sum(count for outcome, count in result["counts"].items() if outcome.startswith("ok"))


# For a closed loop of 64 connections: a command, and how many answers its output tells of.
CLOSED = {
    "wrk": (f"wrk -t1 -c64 -d{CLOSED_S}s {URL}", lambda out: number(r"(\d+) requests in", out)),
    "loadgen": (
        f"{LOADGEN} {URL} --closed --connections 64 --duration {CLOSED_S}s {' '.join(QUIET)}",
        lambda out: answered(document(out)),
    ),
    "h2load": (f"h2load --h1 -t1 -c64 -D{CLOSED_S} {URL}", lambda out: number(r"(\d+) succeeded", out)),
    "ab": (f"ab -q -k -c64 -t{CLOSED_S} -n100000000 {URL}", lambda out: number(r"Complete requests:\s+(\d+)", out)),
    "hey": (f"hey -cpus 1 -c 64 -z {CLOSED_S}s {URL}", lambda out: number(r"\[200\]\s+(\d+) responses", out)),
    "autocannon": (f"autocannon -c 64 -d {CLOSED_S} -j -n {URL}", lambda out: document(out).get("2xx")),
}


def cpu(rounds=5):
    tools = {tool: how for tool, how in CLOSED.items() if tool == "loadgen" or shutil.which(tool)}
    costs, rates, sizes = ({tool: [] for tool in tools} for _ in range(3))
    with Service():
        for _ in range(int(rounds)):
            for tool, (command, count) in tools.items():
                printed, used_s, mb = run(command.split())
                requests = count(printed) or float("nan")
                costs[tool].append(1e6 * used_s / requests)
                rates[tool].append(requests / CLOSED_S)
                sizes[tool].append(mb)
    print(f"{'tool':<12}{'CPU us/req':>11}{'ratio to wrk, median [of rounds]':>42}{'req/s':>10}{'MB':>7}")
    for tool in tools:
        ratios = [ours / theirs for ours, theirs in zip(costs[tool], costs["wrk"])]
        spread = f"{statistics.median(ratios):.2f} [{' '.join(f'{it:.2f}' for it in ratios)}]"
        median = statistics.median
        print(f"{tool:<12}{median(costs[tool]):>11.2f}{spread:>42}{median(rates[tool]):>10.0f}{median(sizes[tool]):>7.0f}")


def ours(*args):
    printed, used_s, mb = run([LOADGEN, URL, *args, *QUIET])
    return document(printed), used_s, mb


def lag(rounds=3):
    for _ in range(int(rounds)):
        with Service():
            result, used_s, mb = ours("--rate", "5000", "--duration", "10s", "--warm-up", "1s")
        lag = result["schedule_lag_ms"]
        intended = result["conservation"]["intended"]
        print(f"lag p50 {lag['p50']} ms, p99 {lag['p99']} ms, max {lag['max']} ms;", end=" ")
        print(f"{1e6 * used_s / intended:.1f} us of CPU a request, {mb:.0f} MB")


def offered(rounds=3):
    for _ in range(int(rounds)):
        with Service():
            result, used_s, mb = ours("--rate", "100000", "--duration", "10s", "--in-flight", "256")
        books, lag = result["conservation"], result["schedule_lag_ms"]
        counts = " + ".join(f"{count} {outcome}" for outcome, count in result["counts"].items())
        print(f"{books['intended']} intended = {counts}; conserved: {books['holds']};", end=" ")
        print(f"{100 * answered(result) / books['intended']:.2f} % answered, lag p99 {lag['p99']} ms, {mb:.0f} MB")


def of_loadgen(out):
    result = document(out)
    told = result["phases"]["before"].get("ok", {}).get("response_ms", {})
    counts = " + ".join(f"{count} {outcome}" for outcome, count in result["counts"].items())
    return told.get("p90"), told.get("p99"), f"{result['conservation']['intended']} = {counts}"


def milliseconds(value):
    found = re.fullmatch(r"([\d.]+)(us|ms|s|m)", value or "")
    return float(found.group(1)) * {"us": 1e-3, "ms": 1, "s": 1e3, "m": 6e4}[found.group(2)] if found else None


def of_wrk(out):
    at = lambda share: milliseconds((re.search(rf"{share}%\s+(\S+)", out) or [None, ""])[1])
    errors = re.search(r"Socket errors: (.*)", out)
    requests = number(r"(\d+) requests in", out)
    return at(90), at(99), f"{requests:.0f} requests" + (f"; {errors[1]}" if errors else "")


def of_hey(out):
    at = lambda share: (number(rf"{share}% in ([\d.]+) secs", out) or float("nan")) * 1e3
    errors = sum(int(count) for count in re.findall(r"\[(\d+)\]\s+Get ", out))
    responses = number(r"\[200\]\s+(\d+) responses", out)
    return at(90), at(99), f"{responses:.0f} responses, {errors} errors"


def of_h2load(out):
    counts = re.search(r"requests: (.*)", out)
    return None, None, (counts[1] if counts else "nothing") + "; prints no percentiles"


def of_ab(out):
    at = lambda share: number(rf"{share}%\s+(\d+)", out)
    done, failed = number(r"Complete requests:\s+(\d+)", out), number(r"Failed requests:\s+(\d+)", out)
    return at(90), at(99), "no report" if done is None else f"{done:.0f} complete, {failed:.0f} failed"


def of_siege(out):
    result = document(out)
    told = f"{result.get('transactions')} transactions, availability {result.get('availability')} %"
    return None, None, f"{told}, longest {result.get('longest_transaction')} s; prints no percentiles"


def of_autocannon(out):
    result = document(out)
    at = lambda share: result.get("latency", {}).get(share)
    told = f"{result.get('2xx')} ok, {result.get('errors')} errors, {result.get('timeouts')} timeouts"
    return at("p90"), at("p99"), told


# At 1,000/s for 12 s where the tool has a rate, over 64 connections where it must have a number of them.
AT_A_RATE = f"{URL} --rate 1000 --arrivals constant --duration 12s {' '.join(QUIET)}"
HANGS = {
    "loadgen, middle": (f"{LOADGEN} {AT_A_RATE} --deadline 10s --in-flight 5000", of_loadgen),
    "loadgen": (f"{LOADGEN} {AT_A_RATE}", of_loadgen),
    "wrk": (f"wrk -t1 -c64 -d12s --latency {URL}", of_wrk),
    "hey": (f"hey -cpus 1 -c 64 -q 15.625 -z 12s {URL}", of_hey),
    "h2load": (f"h2load --h1 -t1 -c64 --rps 15.625 -D12 {URL}", of_h2load),
    "ab": (f"ab -q -k -c64 -t12 -n12000 {URL}", of_ab),
    "siege": (f"siege -c64 -t12S -j -b {URL}", of_siege),
    "autocannon": (f"autocannon -c 64 -R 1000 -d 12 -j -n {URL}", of_autocannon),
}


def hangs(*wanted):
    for title, until in [("from 4 s to 8 s: p90 2.80 s, p99 3.88 s of 12,000", 8), ("from 4 s to the end", 600)]:
        print(f"hung {title}")
        for tool, (command, read) in HANGS.items():
            # The second is with the bounds that it has by itself.
            if tool.split(",")[0] not in (wanted or HANGS) or tool == ("loadgen" if until == 8 else "loadgen, middle"):
                continue
            if tool.split(",")[0] != "loadgen" and not shutil.which(tool):
                print(f"  {tool}: not installed")
                continue
            with Service(4, until):
                printed, _, mb = run(command.split())
            try:
                p90, p99, told = read(printed)
            except (KeyError, TypeError, ValueError):
                p90, p99, told = None, None, f"no report within 40 s: {printed[-100:]!r}"
            at = lambda value: "-" if value is None else f"{value:.1f} ms"
            print(f"  {tool.split(',')[0]:<12} p90 {at(p90)}, p99 {at(p99)}, {mb:.0f} MB; {told}\n    $ {command}", flush=True)


if __name__ == "__main__":
    commands = {"cpu": cpu, "lag": lag, "offered": offered, "hangs": hangs}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    commands[sys.argv[1]](*sys.argv[2:])
