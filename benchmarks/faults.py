"""1,000 examples against a provider with faults, defaults only: python benchmarks/faults.py [--n 1000]

Prints what came out right, what the provider's own record says was paid, and how each fault was classed here.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

from _server import serving, sums

from suffice.ledger import Ledger
from suffice.models.openai import Openai
from suffice.run import run
from suffice.stack import Stack

MIX = "429=0.05,500=0.02,503=0.01,drop=0.01,badjson=0.01,trunc=0.01,empty=0.005"
OURS = {
    "429": "rate_limited",
    "500": "server_error",
    "503": "unavailable",
    "drop": "dropped",
    "badjson": "malformed",
    "trunc": "truncated",
    "empty": "empty",
}
BILLED = ("drop", "badjson", "trunc", "empty")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--faults", default=MIX)
    parser.add_argument("--seed", default="0")
    given = parser.parse_args()
    options = ("--latency-ms", "20", "--faults", given.faults, "--seed", given.seed)
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), *options) as server:
        with Ledger.open(Path(folder) / "ledger.db") as ledger:
            start = time.monotonic()
            done = run(Stack(Openai("fake-model", server.url)), sums(given.n), ledger=ledger)
            seconds, totals, paid = time.monotonic() - start, ledger.totals(), len(server.bought())
        injected = Counter(server.stats()["faults"])
    billed = sum(injected[name] for name in BILLED)
    classed = {OURS[name]: count for name, count in injected.items()}
    print(f"correct   {sum(r.passed for r in done.records)} of {given.n} in {seconds:.1f} s")
    print(f"paid      {paid} calls = {given.n} + {billed} billed faults: {paid == given.n + billed}")
    print(f"ledger    {totals.attempts} attempts, {totals.billed} billed: {totals.billed == paid}")
    print(f"injected  {classed}\nclassed   {dict(totals.faults)}: {classed == totals.faults}")
    held = done.quality == 1.0 and paid == given.n + billed == totals.billed and classed == totals.faults
    print("holds" if held else "DOES NOT HOLD")
    return 0 if held else 1


if __name__ == "__main__":
    raise SystemExit(main())
