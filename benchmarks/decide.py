"""Does decide answer the framework's cases, and does less of what tuning needs ever favour it, on generated profiles?

    python benchmarks/decide.py            # 5,000 profiles, about a minute on one core
    python benchmarks/decide.py --profiles 200

Three parts. The tables of tests/decide: the eight rows of the matrix, the fifteen questions and the rest of
docs/framework.md, as the tests have them. Then monotonicity: of each generated profile a fact is made better and worse,
and what is trained may not grow with the worse one; *telling* are those where the two answers could differ, since the
better one trains something. Then cost: with costs linear in volume, more volume never favours the dearer request; how
often whole machines break that, and up to how many of them. Ends with `holds`, or exits 1.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

sys.path.remove(str(Path(__file__).parent))  # where this file would be taken for the folder of tests it reads
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import pytest
from decide.drawn import NAMES, NUMBERS, READY, SHARES, TUNABLE, other
from decide.test_monotone import CHANGES, COUNTS, REFUSED_BY, WORST, levers, rows, tuned, weight

from suffice.decide import FACTS, SIGNALS, Case, case_of, decide
from suffice.decide.money import Price

TESTS = Path(__file__).parent.parent / "tests"
Verdict = tuple[bool, bool]
"""Whether a comparison could have told, and whether it broke the property."""
STEPS, MACHINES = 10, 200
"""Looks at each machine, and machines looked at."""
LADDER = (0.0, 5, 6, 12, 49, 50, 199, 200, 499, 500, 999, 1_000, 5_000, 9_999, 10_000, 100_000)


def main() -> int:
    asked = argparse.ArgumentParser()
    asked.add_argument("--profiles", type=int, default=5_000)
    given = asked.parse_args()
    fine = [tables(), monotone(given.profiles), linear(given.profiles), whole(given.profiles)]
    print("holds" if all(fine) else "does not hold")
    return 0 if all(fine) else 1


# The framework's cases


class Counting:
    """What became of each test, by the part of the framework that it is of."""

    def __init__(self) -> None:
        self.passed: Counter[str] = Counter()
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.passed[_part(report.nodeid)] += report.passed
            self.failed += [report.nodeid] if report.failed else []


def _part(test: str) -> str:
    name = test.rpartition("::")[2]
    if "row_of_the_matrix" in name or "wrong_lever" in name:
        return "rows of the matrix (§4), what helps and what does not"
    return "questions (§10)" if name.startswith("test_question") else "other cases (§3, §5, §9)"


def tables() -> bool:
    found = Counting()
    quiet = ["-q", "--no-header", "--no-summary", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore"]
    with redirect_stdout(StringIO()):
        pytest.main([*quiet, str(TESTS / "decide" / "test_framework.py")], plugins=[found])
    for part, count in sorted(found.passed.items()):
        print(f"  {part}: {count} answered as the sources do")
    for name in found.failed:
        print(f"  not as the sources do: {name}")
    return not found.failed and sum(found.passed.values()) > 60


# Generated profiles


def profile(draw: random.Random) -> Case:
    """A ready case with up to four facts otherwise or unknown, three times in four; else any facts at all."""
    if draw.random() < 0.75:
        told = {**READY, "signals": draw.sample(TUNABLE, draw.randint(1, 2))}
        for name in draw.sample(NAMES, draw.randint(0, 4)):
            told[name] = _value(draw, name)
        return case_of(told)
    facts = {name: _value(draw, name) for name in NAMES}
    return case_of({**facts, "signals": draw.sample([*SIGNALS], draw.randint(0, 3))})


def _value(draw: random.Random, name: str, *, known: bool = False) -> Any:
    fact = FACTS[name]
    if not known and draw.random() < 0.3:
        return None
    if fact.kind == "flag":
        return draw.random() < 0.5
    if fact.kind == "choice":
        return draw.choice([option for option, _ in fact.options])
    return draw.choice(SHARES if fact.most == 1 else NUMBERS)


def _counts(fact: str) -> Callable[[Case, random.Random], Verdict]:
    def less_never_tunes(case: Case, draw: random.Random) -> Verdict:
        less, more = (tuned(other(case, **{fact: n})) for n in sorted(draw.sample(LADDER, 2)))
        return bool(less or more), bool(less) > bool(more)

    return less_never_tunes


def _refuses(fact: str) -> Callable[[Case, random.Random], Verdict]:
    def worse_never_tunes(case: Case, _: random.Random) -> Verdict:
        worse, better = (tuned(other(case, **{fact: value})) for value in (REFUSED_BY[fact], not REFUSED_BY[fact]))
        return bool(worse or better), bool(worse) > bool(better)

    return worse_never_tunes


def faster_knowledge(case: Case, draw: random.Random) -> Verdict:
    slow, fast = (tuned(other(case, knowledge_changes=CHANGES[i])) for i in sorted(draw.sample(range(len(CHANGES)), 2)))
    return bool(slow or fast), len(fast) > len(slow)


def tighter_latency(case: Case, draw: random.Random) -> Verdict:
    piped = {"M1.retrieve", "M8.rerank"}
    tight, loose = (rows(other(case, latency_ms=ms)) & piped for ms in sorted(draw.uniform(0, 5_000) for _ in "12"))
    return bool(tight or loose), not tight <= loose


def more_prompts(case: Case, draw: random.Random) -> Verdict:
    few, many = ("prompt" in levers(other(case, prompts_tried=n)) for n in sorted(draw.sample(range(7), 2)))
    return few or many, many > few


def more_volume_for_a_student(case: Case, draw: random.Random) -> Verdict:
    few, many = ("distillation" in levers(other(case, requests_per_day=n)) for n in sorted(draw.sample(LADDER, 2)))
    return few or many, few > many


def unknown_trains_nothing(case: Case, draw: random.Random) -> Verdict:
    fact = draw.choice(NAMES)
    unknown = tuned(other(case, **{fact: None}))
    return bool(unknown), bool(unknown) and not tuned(other(case, **{fact: _value(draw, fact, known=True)}))


def unknown_is_no_better(case: Case, draw: random.Random) -> Verdict:
    fact = draw.choice([*WORST])
    best = not WORST[fact] if isinstance(WORST[fact], bool) else LADDER[-1]
    unknown, worst, better = (weight(other(case, **{fact: value})) for value in (None, WORST[fact], best))
    return better != worst, unknown > worst


def unasked_matters_not(case: Case, draw: random.Random) -> Verdict:
    asked = decide(case).measure
    silent = [name for name, value in case.facts.items() if value is None and name not in asked]
    if not silent:
        return False, False
    fact = draw.choice(silent)
    return True, levers(other(case, **{fact: _value(draw, fact, known=True)})) != levers(case)


PROPERTIES: Mapping[str, Callable[[Case, random.Random], Verdict]] = {
    **{f"less of {fact} never favours tuning": _counts(fact) for fact in COUNTS},
    **{f"{fact}={'yes' if bad else 'no'} never favours tuning": _refuses(fact) for fact, bad in REFUSED_BY.items()},
    "faster knowledge never favours weights": faster_knowledge,
    "a tighter limit on latency never favours a pipeline": tighter_latency,
    "more prompts that failed never favour prompting": more_prompts,
    "more volume never takes a student away": more_volume_for_a_student,
    "what is trained is trained whatever an unknown turns out to be": unknown_trains_nothing,
    "an unknown is taken for no better than its worst": unknown_is_no_better,
    "what is not asked would not change the answer": unasked_matters_not,
}


def monotone(profiles: int) -> bool:
    telling: Counter[str] = Counter()
    broken: dict[str, list[int]] = {}
    answers: Counter[str] = Counter()
    for seed in range(profiles):
        draw = random.Random(seed)
        case = profile(draw)
        answers[decide(case).lever] += 1
        for name, holds in PROPERTIES.items():
            tells, breaks = holds(case, draw)
            telling[name] += tells
            if breaks:
                broken.setdefault(name, []).append(seed)
    print(f"\n{profiles:,} generated profiles, {len(PROPERTIES)} properties of each")
    print(f"  first levers: {', '.join(f'{name} {n:,}' for name, n in answers.most_common())}")
    for name in PROPERTIES:
        seeds = broken.get(name, [])
        which = f" (seeds {', '.join(map(str, seeds[:5]))})" if seeds else ""
        print(f"  {name}: {len(seeds)} violations, {telling[name]:,} telling{which}")
    return not broken and all(telling[name] for name in PROPERTIES)


# Cost


def linear(count: int) -> bool:
    """Pairs of stacks at two volumes each: once the cheaper request leads, more volume keeps it in the lead."""
    told = broken = 0
    for seed in range(count):
        draw = random.Random(seed)
        cheap, dear = sorted((_price(draw), _price(draw)), key=lambda p: p.a_request)
        less, more = sorted(10 ** draw.uniform(0, 6) for _ in range(2))
        if cheap.at(less) <= dear.at(less):
            told, broken = told + 1, broken + (cheap.at(more) > dear.at(more) * (1 + 1e-9))
    print(f"\nlinear costs, {count:,} pairs: {broken} violations, {told:,} telling")
    return not broken


def whole(count: int) -> bool:
    """A stack on whole machines against one by the request, the former cheaper in the long run, look by look."""
    several, turns, last = 0, 0, 0
    for seed in range(count):
        draw = random.Random(seed)
        machine, answers = 10 ** draw.uniform(2, 3.7), 10 ** draw.uniform(2, 5)
        own = Price(draw.choice((0, 10 ** draw.uniform(2, 4))), 0, machine=machine, a_machine=answers)
        listed = Price(0, machine / (30 * answers) * draw.uniform(1.02, 5))
        leads = [own.at(v) <= listed.at(v) for v in (answers * step / STEPS for step in range(1, STEPS * MACHINES))]
        lost = [at for at in range(1, len(leads)) if leads[at - 1] and not leads[at]]
        several += bool(lost)
        turns += len(lost)
        last = max(last, math.ceil(lost[-1] / STEPS)) if lost else last
    print(f"whole machines, {count:,} pairs in which they are cheaper in the long run: more volume favours the dearer")
    print(f"  request in {several:,} of them ({several / count:.1%}), {turns / max(1, several):.1f} times each, up to")
    print(f"  machine {last} of {MACHINES} looked at: a step that is told, and no violation of the linear property")
    return several > 0


def _price(draw: random.Random) -> Price:
    return Price(draw.choice((0, 10 ** draw.uniform(1, 4.7))), 10 ** draw.uniform(-4, 0))


if __name__ == "__main__":
    sys.exit(main())
