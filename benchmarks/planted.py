"""Planted faults: when a cause is planted into a working stack, does the diagnosis find that cause, and no other?

    python benchmarks/planted.py [--quick] [--only WORD ...] [--seed 0] [--json FILE] [--embedded]

Reads public data from SUFFICE_DATA (default ../shared/data); exits 2 without it. A fault is planted into chosen items
that pass five of five times on a stack; those that then fail five of five times are diagnosed, beside the rest. What
was planted is compared with what was found, cause by cause.

Split, declared before anything was run: the diagnosis may be tuned on the tasks and plants that are not marked held
out, read by the reader. Held out are the tasks CLINC150, XSTest, Restaurant8k, CLAPNQ and the quotes of NQ; the plants
marked `held_out` in `_planters.py`; and the embedded model (SmolLM2-135M). The plants in `_unseen.py` were written when
the diagnosis was done with.

Ends with `holds` where the macro-F1 is at least 0.90 with its lower limit above 0.85, no cause is under 0.75, and at
most 5 % of the controls are given a cause.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import _worlds as w
from _planters import HOPELESS, PLANTS, SHAMS, Plant
from _readers import Guesser, Reader
from _repairs import confirmed, repaired, static
from _unseen import UNSEEN
from _verdicts import Item, by, by_reading, false_rate, interval, macro, majority, matrix, scored, table

from suffice.data import Dataset
from suffice.diagnose import diagnose
from suffice.ledger import Ledger
from suffice.model import resolve
from suffice.record import Diagnosis, Run
from suffice.run import run
from suffice.stack import Stack
from suffice.types import Sampling

TIMES = 5
RATES = (0.1, 0.3, 0.6, 1.0)
MANY = frozenset(("format", "input"))
"""Causes with so many plants that each is put at one rate alone, and into every other task."""

TASKS: Mapping[str, tuple[w.Maker, bool]] = {
    "banking77 listed": (w.listed("banking77", w.banking77, "intent of the customer's message"), False),
    "banking77 shown": (w.shown("banking77", w.banking77, "intent of the customer's message"), False),
    "banking77 coded": (w.shown("banking77", w.banking77, "queue that the customer's message goes to", True), False),
    "banking77 warm": (w.listed("banking77", w.banking77, "intent of the customer's message", warm=0.7), False),
    "snips": (w.slots("snips", w.snips, w.SNIPS, "command", False), False),
    "snips open": (w.slots("snips", w.snips, w.SNIPS, "command", True), False),
    "xquad": (w.searched("xquad", w.xquad), False),
    "xquad quoted": (w.searched("xquad", w.xquad, quoted=True), False),
    "nq": (w.searched("nq", w.nq), False),
    "pubmedqa": (w.listed("pubmedqa", w.pubmedqa, "answer that the study gives to the question"), False),
    "bfcl": (w.tools("bfcl", w.bfcl), False),
    "clinc150 listed": (w.listed("clinc150", w.clinc150, "intent of what was said"), True),
    "clinc150 coded": (w.shown("clinc150", w.clinc150, "desk that the request goes to", True), True),
    "xstest shown": (w.shown("xstest", w.xstest, "kind of the question"), True),
    "restaurant8k": (w.slots("restaurant8k", w.restaurant, w.RESTAURANT, "booking", False), True),
    "clapnq": (w.searched("clapnq", w.clapnq, words=90), True),
    "bfcl rest": (w.tools("bfcl", w.bfcl, first=False), True),
    "nq quoted": (w.searched("nq", w.nq, k=3, quoted=True), True),
}
EMBEDDED: Mapping[str, tuple[w.Maker, bool]] = {
    "embedded banking77": (w.shown("banking77", w.banking77, "intent of the customer's message", brief=True), True),
    "embedded xquad": (w.searched("xquad", w.xquad, k=1, brief=True), True),
}
"""What the smallest real model solves often enough to be broken."""
REAL = {
    "embedded banking77": ("examples withheld", "reply: sentence", "reply: bold", "input: homoglyphs", "one word"),
    "embedded xquad": ("document removed", "index misses", "passages dropped", "context cut", "one word"),
}

UNSOLVED = frozenset(("pubmedqa",))
"""Tasks whose failures are controls: the reader solves nothing there that could be broken."""
FAILING = {"capability": 0.6, "context": 0.9}
"""Of the items that are planted, about how many fail, where that is not nearly all."""
QUICK = 30
"""Items of each cause, at least, in a quick round."""
STRONG = frozenset(("banking77 shown", "snips open", "nq", "clinc150 coded", "nq quoted"))
"""Tasks that always name a strong model; the others do where nothing else could tell."""


@dataclass(frozen=True)
class Job:
    """One run to plant into: which faults, on what share of its items."""

    task: str
    plants: tuple[Plant, ...]
    rate: float
    sort: str
    """single, mixed (each plant on other items), double (all on the same items), control, guesser or natural."""
    sham: Plant | None = None
    seed: int = 0

    @property
    def name(self) -> str:
        told = " + ".join(p.name for p in (*self.plants, *([self.sham] if self.sham else []))) or "its own failures"
        return f"{self.task}: {told} at {self.rate:.0%} ({self.sort}, {self.seed})"

    @property
    def held_out(self) -> bool:
        return {**TASKS, **EMBEDDED}[self.task][1] or any(p.held_out for p in self.plants)


class Bench:
    """One task, its items that pass every time, and the jobs that are done with them."""

    def __init__(self, task: str, folder: Path, seed: int, size: int) -> None:
        self.task, self.folder, self.size = task, folder, size
        real = task in EMBEDDED
        world = {**TASKS, **EMBEDDED}[task][0](folder, seed, resolve("embedded") if real else Reader())
        self.world = world.having(world.items[: round((2.5 if real else 10) * size)])
        self.made = 0

    @cached_property
    def passes(self) -> Mapping[str, int]:
        """How often each item passes before anything is planted."""
        with Ledger.open() as ledger:
            return _passes(self.world, ledger)

    @cached_property
    def sound(self) -> list[str]:
        """Ids of the items that pass every time."""
        return [i for i, passes in self.passes.items() if passes == TIMES]

    def done(self, job: Job) -> list[Item]:
        """Plant, ask, diagnose and compare."""
        self.made += 1
        return self._natural(job) if job.sort in ("natural", "guesser") else self._compared(job)

    def _natural(self, job: Job) -> list[Item]:
        """Failures that nobody planted: of the model itself, or of one that guesses. A cause that is found counts as
        false unless the repair that belongs to it, done another way, mends the item most of the time; that asking
        again may help is no mistake."""
        world, passes, drawn = self.world, self.passes, random.Random(job.name)
        with Ledger.open() as ledger:
            if job.sort == "guesser":
                guesser = Guesser(world.items.output.labels)
                warm = Sampling(temperature=0.7 * (job.seed % 2))
                world = replace(world, stack=replace(world.stack.over(guesser), sampling=warm))
                passes = _passes(world, ledger)
            failing = [i for i, many in passes.items() if many == 0]
            failing = drawn.sample(failing, min(round(job.rate * self.size), len(failing)))
            judged = world.only([*failing, *[i for i, many in passes.items() if many == TIMES][: self.size]])
            said = _diagnosed(judged, job, ledger)
            claimed = {i: said.causes.get(i, frozenset()) - {"consistency"} for i in failing if i in said.drawn}
            right = {i: confirmed(judged, i, causes, ledger) for i, causes in claimed.items()}
        return [
            Item(
                job.name,
                id_,
                frozenset(),
                causes - right[id_],
                job.task,
                (job.sort,),
                1.0,
                job.sort,
                job.held_out,
                None,
                static(said.run.by_id[id_], judged),
                causes,
            )
            for id_, causes in claimed.items()
        ]

    def _compared(self, job: Job) -> list[Item]:
        drawn = random.Random(f"{job.name}")
        chosen = drawn.sample(self.sound, min(self.size, len(self.sound)))
        shares = _assigned(job, chosen)
        before = self.world.only(chosen)
        with Ledger.open() as ledger:
            after, faulty = self._planted(job, before, shares, ledger)
            passes = _passes(after, ledger)
            failing = {i for i in faulty if passes[i] == 0}
            kept = [i for i in chosen if i in failing or passes[i] == TIMES]
            if not failing:
                return []
            judged = after.only(kept)
            said = _diagnosed(judged, job, ledger)
            fixed = repaired(judged, before, {i: faulty[i] for i in failing}, ledger)
        return [
            Item(
                job.name,
                id_,
                frozenset(p.cause for p in faulty[id_]) - {"undiagnosed"},
                said.causes.get(id_, frozenset()),
                job.task,
                tuple(p.name for p in faulty[id_]),
                job.rate,
                job.sort,
                job.held_out,
                fixed.get(id_),
                static(said.run.by_id[id_], judged),
            )
            for id_ in kept
            if id_ in failing and id_ in said.drawn
        ]

    def _planted(
        self, job: Job, before: w.World, shares: Mapping[Plant, frozenset[str]], ledger: Ledger
    ) -> tuple[w.World, dict[str, tuple[Plant, ...]]]:
        """The world with every fault in it, and which items have which; of two faults on one item, each must break
        it alone."""
        after = before
        faulty: dict[str, tuple[Plant, ...]] = {}
        alone: dict[Plant, Mapping[str, int]] = {}
        for number, (plant, ids) in enumerate(shares.items()):
            after = plant.put(after, ids, 1000 * self.made + number)
            if job.sort == "double":
                alone[plant] = _passes(plant.put(before, ids, 1000 * self.made + 500 + number), ledger)
            for id_ in ids:
                faulty[id_] = (*faulty.get(id_, ()), plant)
        if job.sham:
            after = job.sham.put(after, frozenset(before.items.by_id), 1000 * self.made + 900)
        if any(p.strong for p in job.plants) or job.task in STRONG:
            after = replace(after, task=replace(after.task, strong_model="_readers:Strong"))
        broken = {i: ps for i, ps in faulty.items() if all(alone[p][i] == 0 for p in ps if p in alone)}
        return after, broken


def _assigned(job: Job, chosen: Sequence[str]) -> dict[Plant, frozenset[str]]:
    """Which items get which plant."""
    many = max(1, round(job.rate * len(chosen)))
    if job.sort == "double":
        return {plant: frozenset(chosen[:many]) for plant in job.plants}
    each = max(1, many // len(job.plants))
    return {plant: frozenset(chosen[at * each : (at + 1) * each]) for at, plant in enumerate(job.plants)}


def _passes(world: w.World, ledger: Ledger) -> dict[str, int]:
    """How many times of five each item passes."""
    passes = Counter({e.id: 0 for e in world.items})
    for sample in range(TIMES):
        done = run(world.stack, world.items, ledger=ledger, sample=sample, workers=1)
        passes.update(r.id for r in done.records if r.passed)
    return dict(passes)


@dataclass(frozen=True)
class Said:
    """What a diagnosis said of each item."""

    run: Run
    diagnosis: Diagnosis
    causes: Mapping[str, frozenset[str]]
    drawn: frozenset[str]
    """The failures that it looked at."""


def _diagnosed(world: w.World, job: Job, ledger: Ledger) -> Said:
    def runner(stack: Stack, examples: Dataset, sample: int) -> Run:
        return run(stack, examples, ledger=ledger, sample=sample, workers=1)

    failing = run(world.stack, world.items, ledger=ledger, workers=1)
    found = diagnose(failing, task=world.task, pool=world.pool, runner=runner, at_most=10_000, seed=job.seed)
    causes: dict[str, frozenset[str]] = {}
    drawn: set[str] = set()
    for finding in found.findings:
        drawn.update(finding.record_ids)
        told = frozenset((finding.cause, *getattr(finding, "also", ()))) - {"undiagnosed"}
        for id_ in finding.record_ids:
            causes[id_] = causes.get(id_, frozenset()) | told
    return Said(failing, found, causes, frozenset(drawn))


# What is done


def jobs(seed: int) -> Iterator[Job]:
    """Everything, task by task."""
    for at, (task, (maker, _)) in enumerate(TASKS.items()):
        kind = maker.kind
        fitting = [p for p in (*PLANTS, *UNSEEN) if kind in p.kinds]
        if task not in UNSOLVED:
            yield from _single(task, fitting, at, seed)
            yield from _together(task, fitting, seed)
            yield from _shams(task, kind, seed)
        yield Job(task, (), 1.0, "natural", seed=seed)
        if kind in ("listed", "shown"):
            yield from (Job(task, (), 1.0, "guesser", seed=number) for number in (0, 1))


def embedded_jobs(seed: int) -> Iterator[Job]:
    """Some plants in stacks over the embedded model, each on other items; and some of its own failures."""
    for task, names in REAL.items():
        plants = tuple(p for p in PLANTS if p.name in names)
        yield Job(task, (*plants, HOPELESS[0]), 1.0, "mixed", seed=seed)
        yield Job(task, (), 0.4, "natural", seed=seed)


def enough(every: Sequence[Job], cases: int, size: int, seed: int) -> list[Job]:
    """Of all runs, in an order drawn by the seed, those that a cause still needs to come to so many items."""
    drawn, count, chosen = random.Random(seed).sample(range(len(every)), len(every)), Counter[str](), set[int]()
    for at in drawn:
        job = every[at]
        each = job.rate * size / (1 if job.sort == "double" else max(1, len(job.plants)))
        told = {p.cause: each for p in job.plants} or {job.sort: each}
        if any(count[cause] < cases for cause in told):
            chosen.add(at)
            count.update({cause: round(many * FAILING.get(cause, 1.0)) for cause, many in told.items()})
    return [every[at] for at in sorted(chosen)]


def _single(task: str, fitting: Sequence[Plant], at: int, seed: int) -> Iterator[Job]:
    for number, plant in enumerate(fitting):
        turn = at + number
        rates = (RATES[turn % 2], RATES[2 + turn // 2 % 2])
        if plant.cause in MANY:
            rates = (RATES[1 + turn // 2 % 3],) if turn % 2 else ()
        yield from (Job(task, (plant,), rate, "single", seed=seed) for rate in rates)


def _together(task: str, fitting: Sequence[Plant], seed: int) -> Iterator[Job]:
    """Three faults on different items, and two on the same: of different causes, drawn by the seed."""
    drawn = random.Random(f"{task} {seed}")
    mixable = [p for p in fitting if p.name != "no search"]
    for number in range(6):
        some = _different(drawn, mixable, 3)
        yield Job(task, (*some, HOPELESS[number % len(HOPELESS)]), (0.6, 1.0)[number % 2], "mixed", seed=number)
    reply = [p for p in mixable if p.cause in ("format", "input")]
    rest = [p for p in mixable if p.cause not in ("format", "label suspect", "capability")]
    for number in range(6):
        first = drawn.choice(rest)
        others = [p for p in reply if p.cause != first.cause]
        if others:
            yield Job(task, (first, drawn.choice(others)), (0.3, 0.6, 1.0)[number % 3], "double", seed=number)


def _different(drawn: random.Random, plants: Sequence[Plant], many: int) -> tuple[Plant, ...]:
    causes = sorted({p.cause for p in plants})
    chosen = drawn.sample(causes, min(many, len(causes)))
    return tuple(drawn.choice([p for p in plants if p.cause == cause]) for cause in chosen)


def _shams(task: str, kind: str, seed: int) -> Iterator[Job]:
    shams = [p for p in SHAMS if kind in p.kinds]
    for number, hopeless in enumerate(HOPELESS):
        yield Job(task, (hopeless,), RATES[1 + number % 3], "control", shams[number % len(shams)], seed)


# What is said


def report(items: Sequence[Item], seconds: float) -> bool:
    """Print everything; whether it holds."""
    planted, natural = [i for i in items if i.truth], [i for i in items if i.sort == "natural"]
    controls, items = [i for i in items if not i.truth and i not in natural], [i for i in items if i not in natural]
    runs = len({i.run for i in items})
    print(f"\n{len(planted)} planted items and {len(controls)} controls in {runs} runs, {seconds:.0f} s\n")
    print(table(items))
    late = {p.name for p in UNSEEN}
    parts = {
        "tuned": [i for i in items if not i.held_out],
        "held out": [i for i in items if i.held_out and not late & {*i.plants}],
        "written last": [i for i in items if late & {*i.plants}],
    }
    for name, some in ((n, x) for n, x in {"all": items, **parts}.items() if x):
        low, high = interval(some, macro)
        print(f"macro-F1 {name}: {macro(some):.3f} ({low:.3f} to {high:.3f}), {len(some)} items")
    low, high = interval(controls, false_rate)
    print(f"controls given a cause: {false_rate(controls):.3f} ({low:.3f} to {high:.3f}), {len(controls)} items")
    told, low_high = sum(bool(i.claimed) for i in natural), interval(natural, false_rate)
    print(
        f"natural failures: {len(natural)}, {told} given a cause, and by the benchmark's own repair not confirmed "
        f"{false_rate(natural):.3f} ({low_high[0]:.3f} to {low_high[1]:.3f})"
    )
    usual = macro(items, majority(items))
    print(f"baselines: the commonest cause {usual:.3f}, reading the reply {macro(items, by_reading):.3f}\n")
    print(matrix(i for i in items if i.sort != "double"))
    print("\nby sort\n" + by(items, lambda i: i.sort))
    print("\nby task\n" + by(items, lambda i: i.task))
    print("\nby rate\n" + by((i for i in items if i.sort == "single"), lambda i: f"{i.rate:.0%}"))
    print("\nby plant\n" + by((i for i in items if i.sort in ("single", "control")), lambda i: " + ".join(i.plants)))
    print("\ndouble\n" + by((i for i in items if i.sort == "double"), lambda i: " + ".join(sorted(i.truth))))
    return _holds(items, controls)


def _holds(items: Sequence[Item], controls: Sequence[Item]) -> bool:
    low, _ = interval(items, macro)
    least = min((r.f1 for r in scored(items)), default=0.0)
    return macro(items) >= 0.9 and low > 0.85 and least >= 0.75 and false_rate(controls) <= 0.05


def main() -> int:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--quick", action="store_true", help=f"{QUICK} items a cause: a few minutes")
    told.add_argument("--cases", type=int, help="as many runs as give each cause so many items; otherwise all runs")
    told.add_argument("--only", nargs="*", default=[], help="runs whose names hold all of these words")
    told.add_argument("--tuned", action="store_true", help="leave out whatever is held out")
    told.add_argument("--unseen", action="store_true", help="the plants that were written last alone")
    told.add_argument("--size", type=int, default=40, help="items a run")
    told.add_argument("--seed", type=int, default=0)
    told.add_argument("--embedded", action="store_true", help="over the embedded model alone: a quarter of an hour")
    told.add_argument("--json", type=Path, help="add the items here, a line each")
    told.add_argument("--read", type=Path, nargs="+", help="ask nothing: report on items that were written before")
    options = told.parse_args()
    if options.read:
        return _told(report([_item(line) for path in options.read for line in path.open(encoding="utf-8")], 0))
    if not w.DATA.is_dir():
        print(f"no data sets at {w.DATA}: set SUFFICE_DATA to their folder", file=sys.stderr)
        return 2
    every = embedded_jobs(options.seed) if options.embedded else jobs(options.seed)
    chosen = [j for j in every if all(x.casefold() in j.name.casefold() for x in options.only)]
    chosen = [j for j in chosen if not (options.tuned and j.held_out)]
    if options.unseen:
        late = {p.name for p in UNSEEN}
        chosen = [j for j in chosen if j.sort == "single" and late & {p.name for p in j.plants}]
    if options.quick:
        options.cases, options.size = QUICK, 20
    if options.cases:
        chosen = enough(chosen, options.cases, options.size, options.seed)
    start, items = time.perf_counter(), list[Item]()
    with tempfile.TemporaryDirectory(prefix="suffice-planted-") as scratch:
        bench: Bench | None = None
        for number, job in enumerate(chosen):
            if bench is None or bench.task != job.task:
                bench = Bench(job.task, Path(scratch) / job.task.replace(" ", "-"), options.seed, options.size)
                print(f"{job.task}: {len(bench.sound)} of {len(bench.world.items)} pass every time", flush=True)
            found = bench.done(job)
            items += found
            if options.json:
                with options.json.open("a", encoding="utf-8") as file:
                    file.writelines(json.dumps(_plain(i)) + "\n" for i in found)
            right = sum(i.found == i.truth for i in found)
            print(f"  {number + 1}/{len(chosen)} {job.name}: {right} of {len(found)}", file=sys.stderr, flush=True)
    return _told(report(items, time.perf_counter() - start))


def _told(holds: bool) -> int:
    print("holds" if holds else "does not hold")
    return 0 if holds else 1


def _item(line: str) -> Item:
    told = json.loads(line)
    sets = {k: frozenset(told[k]) for k in ("truth", "found", "static", "claimed")}
    return Item(**{**told, **sets, "plants": tuple(told["plants"])})


def _plain(item: Item) -> dict[str, object]:
    return {k: sorted(v) if isinstance(v, frozenset) else v for k, v in asdict(item).items()}


if __name__ == "__main__":
    sys.exit(main())
