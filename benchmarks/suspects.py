"""Suspects: of labels that were flipped on purpose, how many are found, and how many others are named with them?

    python benchmarks/suspects.py [--sets banking77 clinc150 pubmedqa] [--rates 0.05 0.10] [--dev 2000] [--test 500]
        [--words] [--seed 0]

Reads public data from SUFFICE_DATA (default ../shared/data) and asks no model. Labels of dev and of test are flipped,
to any other label (`any`) or to that of the nearest text with another one (`near`, the harder kind); then the suspects
are compared with the flips. What the data themselves have wrong counts as a false alarm here, so the real precision is
higher. `stacks` are three classifiers fitted on dev, as if each were a stack of another kind. Ends with `holds` where
`learned` names at least four true flips of five on BANKING77 at 5 %; exits 2 where there is no data.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from suffice.data import Dataset, Example, Output
from suffice.opinions import opinions
from suffice.plugins import find
from suffice.split import split
from suffice.suspects import Agreement, Suspect, suspects
from suffice.types import Answer, Request
from suffice.vectors import vectors

DATA = Path(os.environ.get("SUFFICE_DATA", Path(__file__).parents[1] / ".." / "shared" / "data"))
AIM = 0.8
Row = tuple[str, str]


def banking77() -> list[Row]:
    with (DATA / "banking77" / "train.csv").open(encoding="utf-8") as file:
        return [(r["text"], r["category"]) for r in csv.DictReader(file)]


def clinc150() -> list[Row]:
    told = json.loads((DATA / "clinc150" / "data_full.json").read_text("utf-8"))
    return [(text, label) for text, label in told["train"]]


def pubmedqa() -> list[Row]:
    """The question and its conclusion; whether that says yes, no or maybe."""
    with (DATA / "pubmedqa_l" / "pqal.jsonl").open(encoding="utf-8") as file:
        return [(f"{r['question']} {r['long_answer']}", r["final_decision"]) for r in map(json.loads, file)]


SETS: Mapping[str, Callable[[], list[Row]]] = {"banking77": banking77, "clinc150": clinc150, "pubmedqa": pubmedqa}


def planted(rows: Sequence[Row], rate: float, kind: str, folder: Path, seed: int) -> list[str]:
    """The labels, some of them flipped."""
    import numpy as np

    drawn, labels = random.Random(f"{seed} {rate} {kind}"), sorted({label for _, label in rows})
    found = [label for _, label in rows]
    points = vectors([text for text, _ in rows], folder=folder) if kind == "near" else None
    for at, (_, label) in enumerate(rows):
        if drawn.random() < rate and points is None:
            found[at] = drawn.choice([x for x in labels if x != label])
        elif points is not None and drawn.random() < rate:
            order = np.argsort(-(points @ points[at]))
            found[at] = next(rows[i][1] for i in order.tolist() if rows[i][1] != label)
    return found


def stacks(pool: Dataset, judged: Sequence[Example], folder: Path) -> list[Agreement]:
    """Three classifiers that agree, each taken for a kind of its own."""
    told: list[list[str]] = []
    for method, features in (("bayes", "words"), ("neighbours", "meaning"), ("logistic", "both")):
        fitted = find("layers", "classifier")(method=method, features=features, folder=folder).fit(_nobody, pool)
        told.append([fitted(Request(e.text), _nobody).text for e in judged])
    missed = [
        (e, said) for e, *said in zip(judged, *told, strict=True) if all(x not in map(str, e.accepted) for x in said)
    ]
    same = [(e, said[0]) for e, said in missed if len(set(said)) == 1]
    return [Agreement(e.id, "test", said, 1, {"b": 1, "c": 1}, len(missed), len(same)) for e, said in same]


def _nobody(_: Request) -> Answer:
    return Answer("")


def measured(name: str, rows: Sequence[Row], told: Sequence[str], options: argparse.Namespace, folder: Path) -> float:
    """Print precision and recall by sign and by part; the precision of `learned` on dev."""
    parts, truth = _parts(rows, told, options)
    start = time.perf_counter()
    found = opinions(parts, folder=folder, embedder=None if options.words else "minilm")
    dev = parts["pool"].only((*parts["pool"], *parts["select"]))
    agreed = [] if options.words else stacks(dev, parts["test"].examples, folder)
    listed = suspects({part: examples.examples for part, examples in parts.items()}, found, agreed)
    wrong = {e.id for examples in parts.values() for e in examples if e.expected != truth[e.id]}
    for part, ids in (("dev", {e.id for e in dev}), ("test", {e.id for e in parts["test"]})):
        for sign in ("learned", "duplicates", "stacks", "all"):
            some = [s for s in listed if s.id in ids and (sign == "all" or sign in s.signs)]
            if some or sign == "all":
                print(f"  {name} {part:5} {sign:11} {_row(some, wrong & ids, truth)}")
    print(f"  {len(dev)} dev and {len(parts['test'])} test items, {time.perf_counter() - start:.0f} s")
    learned = [s for s in listed if s.id in dev.by_id and "learned" in s.signs]
    return sum(s.id in wrong for s in learned) / len(learned) if learned else 0.0


def _row(some: Sequence[Suspect], wrong: set[str], truth: Mapping[str, str]) -> str:
    hit = [s for s in some if s.id in wrong]
    right = sum(s.proposed == truth[s.id] for s in hit)
    precision = f"{len(hit) / len(some):.2f}" if some else "none"
    return (
        f"{len(some):4} suspects, {len(wrong):4} planted: precision {precision}, recall "
        f"{len(hit) / max(1, len(wrong)):.2f}; the true label proposed for {right} of {len(hit)}"
    )


def _parts(
    rows: Sequence[Row], told: Sequence[str], options: argparse.Namespace
) -> tuple[dict[str, Dataset], dict[str, str]]:
    cases = [
        Example(f"q{at:05}", text, label, split="test" if at < options.test else "dev")
        for at, ((text, _), label) in enumerate(zip(rows, told, strict=True))
    ]
    labels = tuple(sorted({label for _, label in rows}))
    found = split(Dataset(tuple(cases), Output("labels", labels)), options.seed)
    truth = {e.id: label for e, (_, label) in zip(cases, rows, strict=True)}
    return {part: getattr(found, part) for part in ("pool", "select", "test")}, truth


def main() -> int:
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    told.add_argument("--rates", type=float, nargs="+", default=[0.05, 0.10])
    told.add_argument("--kinds", nargs="+", choices=("any", "near"), default=["any", "near"])
    told.add_argument("--dev", type=int, default=2000)
    told.add_argument("--test", type=int, default=500)
    told.add_argument("--seed", type=int, default=0)
    told.add_argument("--words", action="store_true", help="as where there is no embedder")
    options = told.parse_args()
    if not DATA.is_dir():
        print(f"no data sets at {DATA}: set SUFFICE_DATA to their folder")
        return 2
    aimed: list[float] = []
    with tempfile.TemporaryDirectory(prefix="suffice-suspects-") as scratch:
        for name in options.sets:
            rows = SETS[name]()
            random.Random(options.seed).shuffle(rows)
            rows = rows[: options.dev + min(options.test, len(rows) // 3)]
            for rate in options.rates:
                for kind in options.kinds:
                    print(f"{name}, {rate:.0%} flipped to {kind} label")
                    labels = planted(rows, rate, kind, Path(scratch), options.seed)
                    precision = measured(name, rows, labels, options, Path(scratch))
                    aimed += [precision] if (name, rate, kind) == ("banking77", 0.05, "any") else []
    holds = all(precision >= AIM for precision in aimed)
    print("holds" if holds else f"does not hold: precision {min(aimed):.2f} is under {AIM}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
