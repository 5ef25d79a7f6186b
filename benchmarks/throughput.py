"""Throughput of `run` with durable records, beside bare clients: python benchmarks/throughput.py [--peers]

Every line is one fresh process. `ideal` is workers / latency. CPU is the client's, over the calls alone; `floor` lines
send the same requests from the same number of threads and keep nothing, so their share of the ideal is what this
machine allows at this moment.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from _server import SERVER, serving, sums

from suffice.data import Example
from suffice.ledger import Ledger
from suffice.models.openai import Openai
from suffice.run import run
from suffice.stack import Stack

Send = Callable[[bytes], bytes]
HEADERS = {"Content-Type": "application/json"}


def suffice(url: str, count: int, workers: int) -> tuple[float, float, int]:
    """Seconds, CPU seconds and correct answers of a run into a ledger on disk, opening it not counted."""
    with tempfile.TemporaryDirectory() as folder, Ledger.open(Path(folder) / "ledger.db") as ledger:
        stack, dataset = Stack(Openai("fake-model", url, parallel=workers)), sums(count)
        start, cpu = time.perf_counter(), time.process_time()
        done = run(stack, dataset, ledger=ledger)
        took = time.perf_counter() - start, time.process_time() - cpu
        assert ledger.totals().records == ledger.totals().replies == count
        return *took, sum(r.passed for r in done.records)


def standard(url: str, count: int, workers: int) -> tuple[float, float, int]:
    """The standard library's kept-alive connections, one a thread."""
    host = url.split("/")[2]

    def connected() -> Send:
        connection = http.client.HTTPConnection(host)

        def send(body: bytes) -> bytes:
            connection.request("POST", "/v1/chat/completions", body, HEADERS)
            return connection.getresponse().read()

        return send

    return _bare(connected, count, workers)


def urllib3(url: str, count: int, workers: int) -> tuple[float, float, int]:
    """One urllib3 pool that all threads share."""
    from urllib3 import HTTPConnectionPool

    host, _, port = url.split("/")[2].partition(":")
    pool = HTTPConnectionPool(host, int(port), maxsize=workers, retries=False)

    def send(body: bytes) -> bytes:
        return pool.urlopen("POST", "/v1/chat/completions", body=body, headers=HEADERS, redirect=False).data

    return _bare(lambda: send, count, workers)


def _bare(connected: Callable[[], Send], count: int, workers: int) -> tuple[float, float, int]:
    right: list[bool] = []

    def work(todo: Iterator[Example]) -> None:
        send = connected()
        for example in todo:
            asked = {"model": "fake-model", "messages": [{"role": "user", "content": example.input}]}
            reply = json.loads(send(json.dumps(asked).encode()))
            right.append(reply["choices"][0]["message"]["content"] == example.expected)

    start, cpu, todo = time.perf_counter(), time.process_time(), iter(sums(count))
    threads = [threading.Thread(target=work, args=(todo,)) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start, time.process_time() - cpu, sum(right)


OURS = {"suffice": suffice, "floor: http.client": standard, "floor: urllib3": urllib3}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--latency-ms", type=float, default=50.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", action="store_true", help="also other harnesses, those that are installed")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_known_args()[0]
    if given.one:
        seconds, cpu, right = OURS[given.one](os.environ["BASE"], given.n, given.workers)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print("RESULT", json.dumps({"eval_s": seconds, "eval_cpu_s": cpu, "ok": right, "rss_mb": memory}))
        return
    print(f"{'':20s} {'examples/s':>10s} {'of ideal':>8s} {'CPU ms':>7s} {'MB':>5s} {'correct':>9s}  load")
    for _ in range(given.rounds):
        for name in OURS:
            measure(name, [sys.executable, __file__, "--one", name, "--workers", str(given.workers)], given)
        for driver in sorted((SERVER.parent / "drivers").glob("*_*.py")) if given.peers else ():
            python = os.environ.get("PEERS_PYTHON", sys.executable)
            measure(driver.stem, [python, str(driver), "--conc", str(given.workers)], given)


def measure(name: str, command: list[str], given: argparse.Namespace) -> None:
    """One process against one fresh server; a peer says what it did in a line that starts with RESULT."""
    options = ("--latency-ms", str(given.latency_ms))
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), *options) as server:
        whole = [*command, "--n", str(given.n), "--base", server.url, "--work", folder]
        done = subprocess.run(whole, env={**os.environ, "BASE": server.url}, capture_output=True, text=True)
    told = [line[7:] for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not told or json.loads(told[-1])["ok"] is None:
        missing = re.findall(r"No module named '([^']+)'", done.stderr)
        print(f"{name:20s} {f'{missing[0]} is not installed' if missing else 'failed'}")
        return
    row = json.loads(told[-1])
    rate, ideal = given.n / row["eval_s"], given.workers / max(given.latency_ms, 0.001) * 1000
    print(
        f"{name:20s} {rate:10.0f} {rate / ideal:8.0%} {row['eval_cpu_s'] / given.n * 1000:7.3f} {row['rss_mb']:5.0f} "
        f"{row['ok']!s:>4s}/{given.n:<4d}  {os.getloadavg()[0]:.1f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
