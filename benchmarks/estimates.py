"""Oracle-context estimates: what was predicted of a rung before it was built, beside what it then reached.

    python benchmarks/estimates.py --folder DIR [--items 50] [--tasks banking77,xquad,...] [--splits 60] [--collect]
    python benchmarks/estimates.py --skips

Asks the embedded model once about every item of nine tasks (three shipped ones and six of SUFFICE_DATA, default
../shared/data): the prompt, the probe, and the rung's variants. Replies stay in DIR and are not asked for twice. Each
pool of replies is then split into dev and test many times: dev predicts, the variant is chosen on dev, and test says
what was reached. Splits of one pool are not independent, so coverage is also printed by task. `--skips` asks nothing:
it simulates how often a rung that is worth a stated lift is left out for its estimate.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from suffice.asking import sampling_for
from suffice.data import Dataset
from suffice.diagnose import FAILURES_AT_MOST, PASSING_AT_MOST
from suffice.documents import Corpus
from suffice.estimates import ALPHA, REACH, most_gained
from suffice.ledger import Ledger
from suffice.load import load
from suffice.model import resolve
from suffice.plan import LADDER, layer_of
from suffice.plugins import find
from suffice.probe import Setting
from suffice.run import run
from suffice.stack import Stack
from suffice.stats.interval import mean_interval
from suffice.stats.predict import Prediction, Trial, interval_score, predicted
from suffice.task import Task

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("SUFFICE_DATA", ROOT / ".." / "shared" / "data"))
VARIANTS: Mapping[str, tuple[int, ...]] = {"few_shot": (3,), "retrieval": (0, 1)}
"""Which of a rung's variants are asked: the nearest five examples; one passage and two."""
PROBES = {"nearest_examples": "few_shot", "gold_context": "retrieval"}
GROUNDED = ("xquad", "clapnq", "pubmedqa", "handbook")
"""Tasks in which retrieval is estimated; in the others examples are."""
SIZES = {"snips": 2.0, "xquad": 1.0, "clapnq": 0.8, "pubmedqa": 0.8, "records": 0.8}
"""Tasks with long passages are asked about fewer items, those below about one passage only."""
LONG = ("clapnq", "pubmedqa")
TRAIN = 200
SMALLEST_LIFT = 0.02

Row = dict[str, object]


@dataclass(frozen=True)
class Outcome:
    """What one stack came to on every item, in the items' order."""

    name: str
    values: tuple[float, ...]
    tokens: float
    """Tokens read per call."""


@dataclass(frozen=True)
class Pool:
    """One task's replies."""

    task: str
    base: Outcome
    probes: Mapping[str, Outcome]
    rungs: Mapping[str, tuple[Outcome, ...]]


# Tasks


def banking77() -> tuple[str, list[Row], dict[str, str]]:
    with (DATA / "banking77" / "train.csv").open(encoding="utf-8") as file:
        rows = [(r["text"], r["category"]) for r in csv.DictReader(file)]
    return _labels("Name the intent of a bank customer's message.", rows, 30)


def clinc150() -> tuple[str, list[Row], dict[str, str]]:
    body = json.loads((DATA / "clinc150" / "data_full.json").read_text(encoding="utf-8"))
    return _labels("Name the intent of what somebody says to an assistant.", [(t, c) for t, c in body["train"]], 40)


def snips() -> tuple[str, list[Row], dict[str, str]]:
    lines = (DATA / "snips_slots" / "snips.jsonl").read_text(encoding="utf-8").strip().split("\n")
    rows = [json.loads(line) for line in lines]
    return _labels("Name the intent of a spoken command.", [(r["text"], r["intent"]) for r in rows], 7)


def _labels(goal: str, rows: Sequence[tuple[str, str]], labels: int) -> tuple[str, list[Row], dict[str, str]]:
    kept = sorted({label for _, label in rows})
    kept = sorted(random.Random(0).sample(kept, min(labels, len(kept))))
    found: list[Row] = [{"input": t, "expected": c} for t, c in rows if c in kept]
    output = json.dumps({"labels": kept})
    return f"goal: {goal}\noutput: {output}\nscore: label\n", found, {}


def xquad() -> tuple[str, list[Row], dict[str, str]]:
    body = json.loads((DATA / "xquad_en" / "xquad.en.json").read_text(encoding="utf-8"))
    rows, files = [], {}
    for a, article in enumerate(body["data"]):
        for p, paragraph in enumerate(article["paragraphs"]):
            name = f"a{a:02}p{p}.txt"
            files[name] = paragraph["context"]
            qa = paragraph["qas"][0]
            answers = sorted({x["text"] for x in qa["answers"]})
            context = {"document": name, "text": paragraph["context"]}
            rows.append({"input": qa["question"], "expected": answers, "context": context})
    goal = "goal: Answer the question with a few words copied from the passage.\noutput: text\nscore: contains\n"
    return goal, rows, files


def clapnq() -> tuple[str, list[Row], dict[str, str]]:
    lines = (DATA / "clapnq_dev" / "clapnq_dev.jsonl").read_text(encoding="utf-8").strip().split("\n")
    rows, files = [], {}
    for at, line in enumerate(json.loads(x) for x in lines):
        text = " ".join(line["passages"][0]["text"].split()[:150])
        files[f"p{at:03}.txt"] = text
        if line["answerable"]:
            answer = line["output"][0]["answer"]
            rows.append(
                {"input": line["input"], "expected": answer, "context": {"document": f"p{at:03}.txt", "text": text}}
            )
    goal = "goal: Answer the question in one or two sentences from the passage.\noutput: text\nscore: f1\n"
    return goal, rows, files


def pubmedqa() -> tuple[str, list[Row], dict[str, str]]:
    lines = (DATA / "pubmedqa_l" / "pqal.jsonl").read_text(encoding="utf-8").strip().split("\n")
    rows, files = [], {}
    for at, line in enumerate(json.loads(x) for x in lines[:400]):
        text = " ".join(" ".join(line["contexts"]).split()[-120:])
        files[f"p{at:03}.txt"] = text
        context = {"document": f"p{at:03}.txt", "text": text}
        rows.append({"input": line["question"], "expected": line["final_decision"], "context": context})
    goal = 'goal: Answer the question about a study.\noutput: {labels: ["yes", "no", "maybe"]}\nscore: label\n'
    return goal, rows, files


SHARED: Mapping[str, Callable[[], tuple[str, list[Row], dict[str, str]]]] = {
    "banking77": banking77,
    "clinc150": clinc150,
    "snips": snips,
    "xquad": xquad,
    "clapnq": clapnq,
    "pubmedqa": pubmedqa,
}
SHIPPED = ("triage", "records", "handbook")


def task_of(name: str, folder: Path) -> Task:
    """The task in its own folder, written there where it is not a shipped one."""
    here = folder / name
    if not (here / "suffice.yaml").is_file():
        here.mkdir(parents=True, exist_ok=True)
        if name in SHIPPED:
            for path in sorted((ROOT / "examples" / name).rglob("*")):
                if path.is_file() and ".suffice" not in path.parts:
                    to = here / path.relative_to(ROOT / "examples" / name)
                    to.parent.mkdir(parents=True, exist_ok=True)
                    to.write_bytes(path.read_bytes())
        else:
            _write(name, here)
    return load(here)


def _write(name: str, here: Path) -> None:
    told, rows, files = SHARED[name]()
    random.Random(0).shuffle(rows)
    rows = [{"id": f"q{at}", **row} for at, row in enumerate(rows[:600])]
    for file, text in files.items():
        (here / "passages").mkdir(exist_ok=True)
        (here / "passages" / file).write_text(text, encoding="utf-8")
    (here / "examples.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    documents = "documents: passages/\n" if files else ""
    (here / "suffice.yaml").write_text(f"name: {name}\nmodel: embedded\nexamples: examples.jsonl\n{documents}{told}")


# Asking


def collected(name: str, folder: Path, items: int) -> Pool:
    """Every stack asked about every item, from the ledger where it was asked before."""
    task = task_of(name, folder)
    core = [e for e in task.dataset if e.partition == "core"]
    n = min(round(items * SIZES.get(name, 1.0)), len(core) - 40)
    asked, pool = task.dataset.only(core[:n], "items"), task.dataset.only(core[n : n + TRAIN], "pool")
    model = resolve(task.model, folder=task.folder)
    prompt = layer_of(next(r for r in LADDER if r.name == "prompt"), task)
    assert prompt is not None
    bare = Stack(model, (), sampling_for(task, task.parts.dev))
    base = bare.push(prompt.variants(pool)[1].fit(bare, pool))  # the short one: calls are what this costs
    with Ledger.open(folder / name / "replies.db") as ledger:

        def outcome(title: str, stack: Stack, which: Dataset = asked) -> Outcome:
            start = time.perf_counter()
            found = run(stack, which, ledger=ledger)
            by = {r.id: r for r in found.records}
            reads = [r.answer.usage.input_tokens for r in found.records if r.answer]
            values = tuple((by[e.id].value or 0.0) if e.id in by else 0.0 for e in asked)
            spent = time.perf_counter() - start
            print(f"  {name:10} {title:26} {sum(values) / len(values):.3f} {spent:6.1f} s", flush=True)
            return Outcome(title, values, sum(reads) / max(1, len(reads)))

        probes = {}
        first = outcome("prompt", base)
        setting = Setting(
            base, asked, pool, task.output, task.goal, Corpus(task.documents) if task.documents else None, task.folder
        )
        mine = ("retrieval",) if name in GROUNDED else ("few_shot",)
        for probe in (p for p, rung in PROBES.items() if rung in mine):
            arms = find("probes", probe)().arms(setting)
            if arms is None:
                continue
            which = asked.only(e for e in asked if arms.applies is None or e.id in arms.applies)
            probes[probe] = outcome(probe, arms.probe, which)
        rungs = {rung: tuple(_rungs(rung, task, base, pool, outcome)) for rung in mine}
    return Pool(name, first, probes, {k: v for k, v in rungs.items() if v})


def _rungs(
    name: str, task: Task, base: Stack, pool: Dataset, outcome: Callable[[str, Stack], Outcome]
) -> Iterator[Outcome]:
    layer = layer_of(next(r for r in LADDER if r.name == name), task)
    variants = list(layer.variants(pool)) if layer else []
    for at in VARIANTS[name][: 1 if task.name in LONG else None]:
        if variants:
            fitted = variants[min(at, len(variants) - 1)].fit(base, pool)
            yield outcome(f"{name} {at}", base.push(fitted))


# Splitting


@dataclass(frozen=True)
class Case:
    """One split of one pool: what dev predicted of a rung and what test then showed."""

    task: str
    rung: str
    today: float
    told: Prediction
    reached: float
    skipped: bool
    lift: float
    """On test, of the rung over the stack beneath it."""
    right: bool
    """Whether all items of the pool together leave it open that the rung is worth nothing."""


def cases(pool: Pool, splits: int, reach: Mapping[str, tuple[float, float]] = REACH) -> Iterator[Case]:
    """Dev is two fifths of the items, and at least 20 of them; the variant is chosen on dev alone."""
    n = len(pool.base.values)
    for seed in range(splits):
        order = random.Random(seed).sample(range(n), n)
        cut = max(20, round(0.4 * n))
        dev, test = order[:cut], order[cut:]
        for probe, rung in PROBES.items():
            if probe in pool.probes and rung in pool.rungs:
                yield _case(pool, probe, rung, dev, test, seed, reach[probe])


def _case(
    pool: Pool, probe: str, rung: str, dev: Sequence[int], test: Sequence[int], seed: int, reach: tuple[float, float]
) -> Case:
    base, fixing = pool.base.values, pool.probes[probe].values
    chosen = max(pool.rungs[rung], key=lambda o: _mean(o.values, dev))
    failures = [i for i in dev if base[i] < 1][:FAILURES_AT_MOST]
    passing = [i for i in dev if base[i] >= 1][:PASSING_AT_MOST]
    gained = [(fixing[i] - base[i]) / (1 - base[i]) for i in failures]
    today = [base[i] for i in dev]
    told = predicted(
        today, Trial(gained, (), [1 - fixing[i] for i in passing]), n=len(test), reach=reach, alpha=ALPHA, seed=seed
    )
    gains = [chosen.values[i] - base[i] for i in range(len(base))]
    low = mean_interval([(1 + g) / 2 for g in gains]).low * 2 - 1
    skipped = bool(failures) and most_gained(gained, sum(x < 1 for x in today), len(today)) < SMALLEST_LIFT
    lift = _mean(chosen.values, test) - _mean(base, test)
    return Case(pool.task, rung, sum(today) / len(today), told, _mean(chosen.values, test), skipped, lift, low <= 0)


def _mean(values: Sequence[float], at: Sequence[int]) -> float:
    return sum(values[i] for i in at) / len(at)


def printed(found: Sequence[Case]) -> None:
    """Coverage, width and interval score by task and rung, beside what knows nothing."""
    kinds = sorted({(c.task, c.rung) for c in found})
    heads = ("splits", "today", "reached", "inside", "width", "score", "[today,1]")
    print(f"{'task':10} {'rung':10} " + " ".join(f"{head:>9}" for head in heads))
    scores = []
    for task, rung in kinds:
        mine = [c for c in found if (c.task, c.rung) == (task, rung)]
        scores.append(_row(task, rung, mine))
    each = [sum(column) / len(column) for column in zip(*scores, strict=True)]
    print(f"\n{len(kinds)} pools, each counted once: inside {each[0]:.1%}, width {each[1]:.2f}, score {each[2]:.2f}")
    print(f"interval score of [today, 1]: {each[3]:.2f}; of [0, 1]: 1.00")
    often = sum(s[0] >= 0.9 for s in scores)
    print(f"worst pool {min(s[0] for s in scores):.1%}; nine splits of ten inside: {often} of {len(scores)} pools")
    skipped = [c for c in found if c.skipped]
    wrong = [c for c in skipped if not c.right]
    print(f"skips {len(skipped)} of {len(found)}, of which wrong (the pool proves a lift) {len(wrong)}")


def _row(task: str, rung: str, mine: Sequence[Case]) -> tuple[float, float, float, float]:
    n = len(mine)
    inside = sum(c.told.low - 1e-9 <= c.reached <= c.told.high + 1e-9 for c in mine) / n
    width = sum(c.told.high - c.told.low for c in mine) / n
    score = sum(interval_score(c.told.low, c.told.high, c.reached, ALPHA) for c in mine) / n
    idle = sum(interval_score(min(c.today, 1.0), 1.0, c.reached, ALPHA) for c in mine) / n
    today, reached = (sum(getattr(c, k) for c in mine) / n for k in ("today", "reached"))
    numbers = " ".join(f"{x:9.2f}" for x in (today, reached, inside, width, score, idle))
    print(f"{task:10} {rung:10} {n:9} {numbers}")
    return inside, width, score, idle


def skips(times: int = 2000) -> None:
    """How often a rung is left out whose probe truly lifts by so much, for today's quality and the items of dev."""
    print(f"{'today':>6} {'dev':>4} " + " ".join(f"lift {lift:.2f}" for lift in LIFTS))
    for today in (0.3, 0.6, 0.8, 0.9, 0.95):
        for dev in (30, 60, 200):
            told = [_left_out(today, dev, lift, times) for lift in LIFTS if lift <= 1 - today]
            print(f"{today:6.2f} {dev:4} " + " ".join(f"{share:9.1%}" for share in told))


LIFTS = (0.0, 0.02, 0.05, 0.1)


def _left_out(today: float, dev: int, lift: float, times: int) -> float:
    draw, left = random.Random(f"{today} {dev} {lift}"), 0
    for _ in range(times):
        solved = sum(draw.random() < today for _ in range(dev))
        tried = min(FAILURES_AT_MOST, dev - solved)
        fixed = [float(draw.random() < lift / (1 - today)) for _ in range(tried)]
        left += most_gained(fixed, dev - solved, dev) < SMALLEST_LIFT
    return left / times


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--folder", type=Path, default=Path("estimates"))
    told.add_argument("--skips", action="store_true", help="simulate skips, ask nothing")
    told.add_argument("--items", type=int, default=50)
    told.add_argument("--tasks", default=",".join([*SHARED, *SHIPPED]))
    told.add_argument("--splits", type=int, default=60)
    told.add_argument("--collect", action="store_true", help="only ask")
    args = told.parse_args()
    if args.skips:
        skips()
        return
    pools = [collected(name, args.folder, args.items) for name in args.tasks.split(",")]
    if not args.collect:
        printed([case for pool in pools for case in cases(pool, args.splits)])
        alone = [case for pool in pools for case in cases(pool, args.splits, dict.fromkeys(PROBES, (1.0, 1.0)))]
        inside = sum(c.told.low <= c.reached <= c.told.high for c in alone) / len(alone)
        print(
            f"with the probe taken for the rung, errors of sampling alone: inside {inside:.1%} of {len(alone)} splits"
        )


if __name__ == "__main__":
    main()
