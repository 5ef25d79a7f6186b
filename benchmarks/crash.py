"""kill -9 at random moments of a run, resumed each time: python benchmarks/crash.py [--kills 20] [--workers 32]

The provider's own record says what was paid. After every kill, records and replies that were there must still be there;
at the end the totals must equal what the rows say, and no reply may have been bought twice but those in flight.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from _server import Server, serving, sums

from suffice.ledger import Ledger
from suffice.models.openai import Openai
from suffice.run import run
from suffice.stack import Stack


def subject(url: str, path: Path, count: int, workers: int) -> None:
    """The run that is killed, and resumed by starting it again."""
    with Ledger.open(path) as ledger:
        done = run(Stack(Openai("fake-model", url, parallel=workers)), sums(count), ledger=ledger)
        assert done.quality == 1.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--n", type=int, default=1200)
    parser.add_argument("--workers", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--subject", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.subject:
        subject(given.subject[0], Path(given.subject[1]), given.n, given.workers)
        return 0
    options = ("--latency-ms", "50", "--jitter-ms", "50", "--seed", str(given.seed))
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), *options) as server:
        return crash(given, server, Path(folder) / "ledger.db")


def crash(given: argparse.Namespace, server: Server, path: Path) -> int:
    """Kill and resume until the kills are used up, then let it finish."""
    command = [sys.executable, __file__, "--n", str(given.n), "--workers", str(given.workers)]
    command += ["--subject", server.url, str(path)]
    draw, lost, flying = random.Random(given.seed), 0, 0
    for number in range(given.kills):
        process = subprocess.Popen(command, start_new_session=True)
        at = len(server.bought()) + 1 + draw.random() * given.n / given.kills / 2
        while process.poll() is None and len(server.bought()) < at:
            time.sleep(0.005)
        time.sleep(draw.random() * 0.1)
        before = held(path)
        finished = process.poll() is not None
        if not finished:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        time.sleep(0.2)
        paid, (records, replies) = len(set(server.bought())), held(path)
        lost += max(0, before[0] - records) + max(0, before[1] - replies)
        flying = max(flying, paid - replies)
        print(f"kill {number + 1:2d}: paid {paid:4d}, replies {replies:4d}, records {records:4d}{' (done)' * finished}")
    subprocess.run(command, check=True)
    return told(given, server, path, lost, flying)


def held(path: Path) -> tuple[int, int]:
    """Records of the run and replies in the ledger now, read by another's hand, quickly."""
    try:
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
        last = "SELECT id FROM runs ORDER BY started DESC LIMIT 1"
        records = database.execute(f"SELECT COUNT(*) FROM records WHERE run = ({last})").fetchone()[0]
        replies = database.execute("SELECT COUNT(*) FROM replies").fetchone()[0]
    except sqlite3.OperationalError:  # not there yet
        return 0, 0
    database.close()
    return records, replies


def told(given: argparse.Namespace, server: Server, path: Path, lost: int, flying: int) -> int:
    """Print the account; 0 where it holds."""
    bought = Counter(server.bought())
    again = sum(bought.values()) - len(bought)
    with Ledger.open(path) as ledger:
        totals, attempts = ledger.totals(), ledger.attempts()
    records = held(path)[0]
    rows = (len(attempts), sum(a.billed for a in attempts))
    print(f"lost {lost} rows; final {records} records, {totals.replies} replies of {given.n}")
    print(f"bought again {again} in all; at most {flying} in flight at one kill, {given.workers} allowed")
    print(f"totals {(totals.attempts, totals.billed)} = rows {rows}: {(totals.attempts, totals.billed) == rows}")
    whole = records == totals.replies == len(bought) == given.n
    holds = whole and not lost and flying <= given.workers and (totals.attempts, totals.billed) == rows
    print("holds" if holds else "DOES NOT HOLD")
    return 0 if holds else 1


if __name__ == "__main__":
    raise SystemExit(main())
