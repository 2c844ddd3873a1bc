#!/usr/bin/env python3
"""What loadgen costs, and what it and its peers say of a service that hangs.

    cargo build --profile lean -p loadgen --example hang --example bare --bin loadgen
    loadgen/guided.sh                           for `guided` of `cpu`: the same, guided by a profile of itself
    benches/loadgen/measure.py cpu [ROUNDS]     CPU per request in a closed loop, 64 connections, as a ratio to wrk
    benches/loadgen/measure.py wires [ROUNDS]   the same for HTTP/1.1 and HTTP/2, in the clear and under TLS, as a ratio to the first
    benches/loadgen/measure.py lag [ROUNDS]     its own lag at 5,000/s
    benches/loadgen/measure.py offered [ROUNDS] 100,000/s offered with at most 256 in flight
    benches/loadgen/measure.py memory [MINUTES] its size during ten minutes at 5,000/s with an outage in the middle
    benches/loadgen/measure.py hangs [TOOL...]  the two outages that load generators misreport

The generator has core 0, the service (the example `hang`, for `wires` nginx) core 1. Rounds are interleaved: every tool
once, then again; a ratio is to the first of the same round, and the median of the ratios is told. Peers that are not
installed are left out. Debian has time (GNU; needed), wrk, hey, h2load (nghttp2-client), ab (apache2-utils), siege and nginx-light; npm has
autocannon, crates.io oha, and the Go module proxy go.k6.io/k6 and github.com/tsenart/vegeta/v12.
"""

import json
import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

BUILT = Path(__file__).resolve().parents[2] / "target" / "lean"
LOADGEN = str(BUILT / "loadgen")
GUIDED = str(BUILT.parent / "guided" / "loadgen")
ADDRESS = "127.0.0.1:18080"
URL = f"http://{ADDRESS}/"
QUIET = ["--lag-limit", "1min", "--quiet", "--json"]
CLOSED_S = 3


def run(command, patience_s=60):
    """What it printed, the seconds of CPU that it used, its largest size in MB; nothing of one that does not end.

    GNU time tells the size: what we started ourselves would be told to be as large as this interpreter at least."""
    process = subprocess.Popen(
        ["taskset", "-c", "0", "/usr/bin/time", "-f", "\n%M KB at most", "sh", "-c", command],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )
    killer = threading.Timer(patience_s, os.killpg, [process.pid, signal.SIGKILL])
    killer.start()
    printed = process.stdout.read()
    _, process.returncode, used = os.wait4(process.pid, 0)
    killer.cancel()
    return printed, used.ru_utime + used.ru_stime, (number(r"(\d+) KB at most\n$", printed) or float("nan")) / 1024


class Service:
    """A command on a core of its own. `hang` answers always or, given times, hangs from the one until the other, counted
    from its first request."""

    def __init__(self, *command):
        self.command = [str(it) for it in command]

    def __enter__(self):
        self.process = subprocess.Popen(["taskset", "-c", "1", *self.command])
        time.sleep(0.3)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def hang(*times):
    return Service(BUILT / "examples" / "hang", ADDRESS, *times)


def number(pattern, text):
    found = re.search(pattern, text)
    return float(found.group(1)) if found else None


def document(text):
    start, end = text.find("{"), text.rfind("}") + 1
    return json.loads(text[start:end]) if end > start >= 0 else {}


def answered(result):
    return sum(count for outcome, count in result["counts"].items() if outcome.startswith("ok"))


OVER_HTTP1 = "--connections 64"
# As many in flight, on one connection.
OVER_HTTP2 = "--http2 --in-flight 64 --streams 64 --connections 1"
K6 = "import http from 'k6/http'; export default () => http.get('" + URL + "')"
CLOSED_LOADGEN = f"%s --closed --duration {CLOSED_S}s {' '.join(QUIET)}"

# For a closed loop of 64 connections: a command, and how many answers its output tells of.
CLOSED = {
    "wrk": (f"wrk -t1 -c64 -d{CLOSED_S}s {URL}", lambda out: number(r"(\d+) requests in", out)),
    "loadgen": (CLOSED_LOADGEN % f"{LOADGEN} {URL} {OVER_HTTP1}", lambda out: answered(document(out))),
    "guided": (CLOSED_LOADGEN % f"{GUIDED} {URL} {OVER_HTTP1}", lambda out: answered(document(out))),
    # What it is built on, alone.
    "hyper": (f"{BUILT}/examples/bare {ADDRESS} {CLOSED_S}", lambda out: number(r"(\d+) requests in", out)),
    "h2load": (f"h2load --h1 -t1 -c64 -D{CLOSED_S} {URL}", lambda out: number(r"(\d+) succeeded", out)),
    "ab": (f"ab -q -k -c64 -t{CLOSED_S} -n100000000 {URL}", lambda out: number(r"Complete requests:\s+(\d+)", out)),
    "oha": (
        f"oha --no-tui --output-format json --worker-threads 1 -c 64 -z {CLOSED_S}s {URL}",
        lambda out: document(out)["statusCodeDistribution"]["200"],
    ),
    "autocannon": (f"autocannon -c 64 -d {CLOSED_S} -j -n {URL}", lambda out: document(out).get("2xx")),
    "hey": (f"hey -cpus 1 -c 64 -z {CLOSED_S}s {URL}", lambda out: number(r"\[200\]\s+(\d+) responses", out)),
    # With what it takes to read its own results.
    "vegeta": (
        f"echo GET {URL} | vegeta attack -rate 0 -workers 64 -max-workers 64 -duration {CLOSED_S}s | vegeta report -type json",
        lambda out: document(out)["status_codes"]["200"],
    ),
    "k6": (
        f'echo "{K6}" | k6 run --quiet --no-usage-report --vus 64 --duration {CLOSED_S}s -',
        lambda out: number(r"http_reqs\.*: (\d+)", out),
    ),
}


def rounds_of(tools, service, rounds):
    """CPU per request of each, as a ratio to the first of the same round."""
    costs, rates, sizes = ({tool: [] for tool in tools} for _ in range(3))
    with service:
        for _ in range(int(rounds)):
            for tool, (command, count) in tools.items():
                printed, used_s, mb = run(command)
                requests = count(printed) or float("nan")
                costs[tool].append(1e6 * used_s / requests)
                rates[tool].append(requests / CLOSED_S)
                sizes[tool].append(mb)
    first = next(iter(tools))
    print(f"{'':<18}{'CPU us/req':>11}{f'ratio to {first}, median [of rounds]':>42}{'req/s':>10}{'MB':>7}")
    for tool in tools:
        ratios = [ours / theirs for ours, theirs in zip(costs[tool], costs[first])]
        spread = f"{statistics.median(ratios):.2f} [{' '.join(f'{it:.2f}' for it in ratios)}]"
        median = statistics.median
        print(f"{tool:<18}{median(costs[tool]):>11.2f}{spread:>42}{median(rates[tool]):>10.0f}{median(sizes[tool]):>7.0f}")


def cpu(rounds=5, *wanted):
    programs = {"loadgen": LOADGEN, "guided": GUIDED, "hyper": f"{BUILT}/examples/bare"}
    there = [tool for tool in CLOSED if shutil.which(programs.get(tool, tool))]
    rounds_of({tool: CLOSED[tool] for tool in there if tool in (wanted or there)}, hang(), rounds)


NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000; default_type text/plain; client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  ssl_certificate {tls}/server.pem; ssl_certificate_key {tls}/server.key;
  server {{ listen 127.0.0.1:18081; location / {{ return 200 "ok"; }} }}
  server {{ listen 127.0.0.1:18082 ssl; location / {{ return 200 "ok"; }} }}
  server {{ listen 127.0.0.1:18083 http2; location / {{ return 200 "ok"; }} }}
  server {{ listen 127.0.0.1:18084 ssl http2; location / {{ return 200 "ok"; }} }}
}}
"""


def wires(rounds=5):
    tls = Path(__file__).resolve().parents[2] / "loadgen" / "tests" / "it" / "tls"
    trusted = f"--cacert {tls / 'authority.pem'}"
    ways = {
        "HTTP/1.1": (18081, "http", OVER_HTTP1),
        "HTTP/1.1 + TLS": (18082, "https", f"{trusted} {OVER_HTTP1}"),
        "HTTP/2": (18083, "http", OVER_HTTP2),
        "HTTP/2 + TLS": (18084, "https", f"{trusted} {OVER_HTTP2}"),
    }
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, tls=tls))
        tools = {}
        for way, (port, scheme, more) in ways.items():
            command = CLOSED_LOADGEN % f"{LOADGEN} {scheme}://127.0.0.1:{port}/ {more}"
            tools[way] = (command, lambda out: answered(document(out)))
        rounds_of(tools, Service("nginx", "-c", config), rounds)


def ours(*args):
    printed, used_s, mb = run(" ".join([LOADGEN, URL, *args, *QUIET]))
    return document(printed), used_s, mb


def lag(rounds=3):
    for _ in range(int(rounds)):
        with hang():
            result, used_s, mb = ours("--rate", "5000", "--duration", "10s", "--warm-up", "1s")
        lag = result["schedule_lag_ms"]
        intended = result["conservation"]["intended"]
        print(f"lag p50 {lag['p50']} ms, p99 {lag['p99']} ms, max {lag['max']} ms;", end=" ")
        print(f"{1e6 * used_s / intended:.1f} us of CPU a request, {mb:.0f} MB")


def offered(rounds=3):
    for _ in range(int(rounds)):
        with hang():
            result, used_s, mb = ours("--rate", "100000", "--duration", "10s", "--in-flight", "256")
        books, lag = result["conservation"], result["schedule_lag_ms"]
        counts = " + ".join(f"{count} {outcome}" for outcome, count in result["counts"].items())
        print(f"{books['intended']} intended = {counts}; conserved: {books['holds']};", end=" ")
        print(f"{100 * answered(result) / books['intended']:.2f} % answered, lag p99 {lag['p99']} ms, {mb:.0f} MB")


def memory(minutes=10):
    seconds = int(60 * float(minutes))
    begins, ends = seconds // 2, seconds // 2 + min(10, seconds // 6)
    command = [LOADGEN, URL, "--rate", "5000", "--duration", f"{seconds}s", "--outage", f"{begins}s..{ends}s", *QUIET]
    with hang(begins, ends):
        process = subprocess.Popen(["taskset", "-c", "0", *command], stdout=subprocess.PIPE, text=True)
        begun = time.monotonic()
        sizes = {}
        # Ten looks, and one when the outage has passed.
        for at in sorted([seconds * it // 10 for it in range(1, 11)] + [ends + 3]):
            time.sleep(max(0, begun + at - time.monotonic()))
            sizes = dict(re.findall(r"(Vm\w+):\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text()))
            print(f"after {at:>4} s: VmRSS {int(sizes['VmRSS']) / 1024:.1f} MB", flush=True)
        result = document(process.stdout.read())
        process.wait()
    books = result["conservation"]
    counts = " + ".join(f"{count} {outcome}" for outcome, count in result["counts"].items())
    print(f"VmHWM {int(sizes['VmHWM']) / 1024:.1f} MB; {books['intended']} intended = {counts}; conserved: {books['holds']}")
    print(f"$ {' '.join(command)}")


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


def of_oha(out):
    result = document(out)
    at = lambda share: 1e3 * result["latencyPercentiles"][share]
    statuses, errors = result["statusCodeDistribution"], result["errorDistribution"]
    told = f"{sum(statuses.values())} answered, success rate {100 * result['summary']['successRate']:.1f} %"
    return at("p90"), at("p99"), told + "".join(f", {count} {error}" for error, count in errors.items())


def of_vegeta(out):
    result = document(out)
    at = lambda share: result["latencies"][share] / 1e6
    statuses = ", ".join(f"{count} {'failed' if status == '0' else status}" for status, count in result["status_codes"].items())
    return at("90th"), at("99th"), f"{result['requests']} requests = {statuses}"


def of_k6(out):
    at = lambda share: milliseconds((re.search(rf"http_req_duration.*p\({share}\)=(\S+)", out) or [None, ""])[1].replace("µ", "u"))
    count = lambda name: int(number(rf"{name}\.*: (\d+)", out) or 0)
    failed = (re.search(r"http_req_failed\.*: (\S+)", out) or [None, "?"])[1]
    return at(90), at(99), f"{count('http_reqs')} requests, failed {failed}, {count('dropped_iterations')} dropped"


# At 1,000/s for 12 s where the tool has a rate, over 64 connections where it must have a number of them.
AT_A_RATE = f"{URL} --rate 1000 --arrivals constant --duration 12s {' '.join(QUIET)}"
AT_A_RATE_K6 = (
    "export const options = { summaryTrendStats: ['p(90)', 'p(99)'], scenarios: { it: { executor: 'constant-arrival-rate', "
    "rate: 1000, timeUnit: '1s', duration: '12s', preAllocatedVUs: 64, maxVUs: %d } } };"
)
VEGETA = f"echo GET {URL} | vegeta attack -rate 1000 -duration 12s %s | vegeta report -type json"
OHA = f"oha --no-tui --output-format json -q 1000 -c 64 -z 12s %s {URL}"
HANGS = {
    "loadgen, middle": (f"{LOADGEN} {AT_A_RATE} --deadline 10s --in-flight 5000", of_loadgen),
    "loadgen": (f"{LOADGEN} {AT_A_RATE}", of_loadgen),
    "oha": (OHA % "", of_oha),
    "oha, corrected": (OHA % "--latency-correction", of_oha),
    "vegeta": (VEGETA % "", of_vegeta),
    "vegeta, 64 workers": (VEGETA % "-workers 64 -max-workers 64", of_vegeta),
    "k6, 64 VUs": (f'echo "{K6}; {AT_A_RATE_K6 % 64}" | k6 run --quiet --no-usage-report -', of_k6),
    "k6, 5000 VUs": (f'echo "{K6}; {AT_A_RATE_K6 % 5000}" | k6 run --quiet --no-usage-report -', of_k6),
    "autocannon": (f"autocannon -c 64 -R 1000 -d 12 -j -n {URL}", of_autocannon),
    "wrk": (f"wrk -t1 -c64 -d12s --latency {URL}", of_wrk),
    "hey": (f"hey -cpus 1 -c 64 -q 15.625 -z 12s {URL}", of_hey),
    "h2load": (f"h2load --h1 -t1 -c64 --rps 15.625 -D12 {URL}", of_h2load),
    "ab": (f"ab -q -k -c64 -t12 -n12000 {URL}", of_ab),
    "siege": (f"siege -c64 -t12S -j -b {URL}", of_siege),
}


def hangs(*wanted):
    for title, until in [("from 4 s to 8 s: p90 2.80 s, p99 3.88 s of 12,000", 8), ("from 4 s to the end", 600)]:
        print(f"hung {title}")
        for tool, (command, read) in HANGS.items():
            name = tool.split(",")[0]
            # The second is with the bounds that it has by itself.
            if name not in (wanted or name) or tool == ("loadgen" if until == 8 else "loadgen, middle"):
                continue
            if name != "loadgen" and not shutil.which(name):
                print(f"  {tool}: not installed")
                continue
            with hang(4, until):
                printed, _, mb = run(command)
            try:
                p90, p99, told = read(printed)
            except (KeyError, TypeError, ValueError):
                p90, p99, told = None, None, f"no report within 60 s: {printed[-100:]!r}"
            at = lambda value: "-" if value is None else f"{value:.1f} ms"
            print(f"  {tool:<18} p90 {at(p90)}, p99 {at(p99)}, {mb:.0f} MB; {told}\n    $ {command}", flush=True)


if __name__ == "__main__":
    commands = {"cpu": cpu, "wires": wires, "lag": lag, "offered": offered, "memory": memory, "hangs": hangs}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    commands[sys.argv[1]](*sys.argv[2:])
