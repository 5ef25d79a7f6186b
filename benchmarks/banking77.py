"""BANKING77: which stack is the lightest that suffices at targets 0.70, 0.80 and 0.95, with all training rows as dev?

    python benchmarks/banking77.py [--test 300] [--dev 10003] [--targets 0.95 0.80 0.70] [--folder DIR]

Reads SUFFICE_DATA/banking77 (default ../shared/data); asks the embedded model; prints each verdict, then climbs once
more to show that a second climb buys no call.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import tempfile
import time
from pathlib import Path

from suffice.climb import climb
from suffice.ledger import Ledger
from suffice.load import load

DATA = Path(os.environ.get("SUFFICE_DATA", Path(__file__).parents[1] / ".." / "shared" / "data"))


def write(folder: Path, *, dev: int, test: int, quality: float, seed: int = 0) -> None:
    """A task folder: training rows as dev, test rows as test."""
    source = DATA / "banking77"
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for split, size in (("dev", dev), ("test", test)):
        with (source / f"{'train' if split == 'dev' else 'test'}.csv").open(encoding="utf-8") as file:
            found = list(csv.DictReader(file))
        random.Random(seed).shuffle(found)
        rows += [
            {"id": f"{split}{i}", "input": r["text"], "expected": r["category"], "split": split}
            for i, r in enumerate(found[:size])
        ]
    labels = json.loads((source / "categories.json").read_text(encoding="utf-8"))
    (folder / "examples.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    told = f"""name: banking77
goal: Say which of the bank's 77 intents a customer's message has.
model: embedded
examples: examples.jsonl
output: {{labels: {json.dumps(labels)}}}
score: label
target: {{quality: {quality}}}
"""
    (folder / "suffice.yaml").write_text(told, encoding="utf-8")


def show(folder: Path) -> None:
    start, spent = time.perf_counter(), time.process_time()
    task = load(folder)
    with Ledger.open(folder / ".suffice" / "ledger.db") as ledger:
        before = ledger.totals().attempts
        body = climb(task, ledger=ledger).body
        bought = ledger.totals().attempts - before
    print(body["headline"])
    for step in body["steps"]:
        quality = step["quality"]["estimate"] if step["quality"] else None
        shown = "" if quality is None else f"{quality:.3f}"
        print(f"  {step['title']:16} {step['status']:10} {shown:6} {step['reason']}")
    print(f"  {time.perf_counter() - start:.0f} s, {time.process_time() - spent:.0f} CPU s, {bought} calls bought")


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--test", type=int, default=300)
    told.add_argument("--dev", type=int, default=10_003)
    told.add_argument("--targets", type=float, nargs="+", default=[0.95, 0.80, 0.70])
    told.add_argument("--folder", type=Path)
    options = told.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="suffice-banking77-"))
    for quality in options.targets:
        print(f"target {quality:.2f}")
        write(folder, dev=options.dev, test=options.test, quality=quality)
        show(folder)
    print("once more, at the last target")
    show(folder)


if __name__ == "__main__":
    main()
