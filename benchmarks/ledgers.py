"""Ledgers: writers and servers killed at random moments, and whether all that was said to be kept is there, once.

    python benchmarks/ledgers.py [rounds]

Each round starts two writers on one ledger, kills one after a random time (and, on PostgreSQL, the server), starts the
rest again and reads everything back. Prints rounds, rows said to be kept, rows lost and rows doubled for each database;
and what opening an up-to-date ledger and writing a record take, with their spread.
"""

from __future__ import annotations

import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from clusters import Cluster, cluster

from suffice.ledger import Ledger
from suffice.record import Record
from suffice.score import Score
from suffice.types import Answer

WRITER = """
import sys
from suffice.ledger import Ledger
from suffice.record import Record
from suffice.score import Score
from suffice.types import Answer
with Ledger.open(sys.argv[1]) as ledger:
    run = ledger.begin({"shared": True})
    for n in range(100_000):
        ledger.record(run, Record(f"{sys.argv[2]}.{n}", Answer(""), Score(1.0)))
        if n % 10 == 0:
            ledger.declare("step", [sys.argv[2], n])
        print(n, flush=True)
"""


def main(rounds: int) -> int:
    lost = doubled = 0
    with tempfile.TemporaryDirectory() as folder, cluster() as server:
        for name in ("sqlite", "postgresql"):
            kept = [0, 0, 0]
            for seed in range(rounds):
                place = str(Path(folder) / f"{seed}.db") if name == "sqlite" else server.database()
                found = one(place, seed, server if name == "postgresql" and seed % 2 else None)
                kept = [a + b for a, b in zip(kept, found, strict=True)]
            print(f"{name}: {rounds} rounds, {kept[0]} rows said to be kept, {kept[1]} lost, {kept[2]} doubled")
            lost, doubled = lost + kept[1], doubled + kept[2]
            timed(name, str(Path(folder) / "timed.db") if name == "sqlite" else server.database())
    return 1 if lost or doubled else 0


def one(place: str, seed: int, server: Cluster | None) -> tuple[int, int, int]:
    """Rows said to be kept, lost, and doubled, after one kill."""
    Ledger.open(place).close()
    command = [sys.executable, "-c", WRITER, place]
    both = [subprocess.Popen([*command, n], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for n in "ab"]
    for process in both:
        assert process.stdout is not None
        process.stdout.readline()
    time.sleep(random.Random(seed).uniform(0.0, 0.4))
    if server is not None:
        server.kill()
    for process in both:
        process.send_signal(signal.SIGKILL)
    said = {f"{n}.{k}" for n, p in zip("ab", both, strict=True) for k in range(1 + len(p.communicate()[0].split()))}
    if server is not None:
        server.start()
    with Ledger.open(place) as ledger:
        ids = [r.id for r in ledger.records(ledger.begin({"shared": True}))]
        ledger.declared()
    return len(said), len(said - set(ids)), len(ids) - len(set(ids))


def timed(name: str, place: str, n: int = 20) -> None:
    """What opening and writing take."""
    opening, writing = [], []
    for at in range(n):
        start = time.perf_counter()
        with Ledger.open(place) as ledger:
            opening.append((time.perf_counter() - start) * 1000)
            run = ledger.begin({"n": at})
            start = time.perf_counter()
            for k in range(50):
                ledger.record(run, Record(str(k), Answer(""), Score(1.0)))
            writing.append((time.perf_counter() - start) * 1000 / 50)
    for what, values in (("opening", opening[1:]), ("a durable record", writing)):
        low, high = min(values), max(values)
        print(f"{name}: {what} {statistics.median(values):.2f} ms (n {len(values)}, {low:.2f} to {high:.2f})")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
