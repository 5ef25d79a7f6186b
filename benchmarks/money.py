"""Money: predicted against billed cost, limits that hold, formulas that agree, crossings that are all found.

    python benchmarks/money.py [--seeds 5] [--sample 2000] [--load 6000]

Prices three stacks from `--sample` stored requests and sends them `--load` others on a metered server on this machine:
how far each prediction is off, and how often the bill lies within its 95 % limits. Then: the worked examples of
docs/framework.md §6; how often bootstrap limits of a request's mean cost hold, by sample size; Python and JavaScript on
20,000 sets of inputs; crossings of random pairs of stacks, machines included, against a fine scan. Ends with `holds`.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from javascript import run as javascript
from loaded import billed
from metered import metered

from suffice.breakeven import Line, even
from suffice.consumption import MEASURED, Consumption, Draws
from suffice.cost import FORMULAS, INPUTS, measured
from suffice.formula import JAVASCRIPT, evaluate, script
from suffice.pricebook import book
from suffice.worked import worked


def main() -> int:
    asked = argparse.ArgumentParser()
    for name, default in (("seeds", 5), ("sample", 2_000), ("load", 6_000)):
        asked.add_argument(f"--{name}", type=int, default=default)
    given = asked.parse_args()
    fine = [examples(), predictions(given.seeds, given.sample, given.load), limits(), pages(), crossings()]
    print("holds" if all(fine) else "does not hold")
    return 0 if all(fine) else 1


def examples() -> bool:
    a, b = (worked(name, book()).cost.of["day"].estimate for name in "AB")
    print(f"worked examples: A ${a:,.2f} a day (printed $1,500), B ${b:,.2f} a day (printed $1,500, a slip)")
    return (a, b) == (1_500.0, 5_000.0)


def predictions(seeds: int, sample: int, load: int) -> bool:
    print(f"\npredicted from {sample:,} requests, billed for {load:,} others, {seeds} seeds")
    offs: dict[str, list[float]] = {}
    inside = total = 0
    began = time.perf_counter()
    with metered() as (url, meter):
        for seed in range(seeds):
            for one in billed(url, meter, sample, load, seed):
                offs.setdefault(one.name, []).append(one.off)
                inside, total = inside + one.inside, total + 1
    for name, off in offs.items():
        print(f"  {name:14} off by {', '.join(f'{x:+.2%}' for x in off)}; worst {max(map(abs, off)):.2%}")
    print(f"  the bill lay within the 95 % limits {inside} of {total} times; {time.perf_counter() - began:.0f} s")
    return all(abs(x) < 0.02 for off in offs.values() for x in off)


def limits(times: int = 1_000) -> bool:
    """How often 95 % limits of a mean cost hold: lognormal requests (spread 0.5), alone and in groups of five."""
    truth, fine = math.exp(6 + 0.125), True
    print(f"\nlimits of a request's mean cost, {times:,} samples each")
    for n, each in ((30, 1), (100, 1), (300, 1), (300, 5)):
        held = 0
        for seed in range(times):
            draw = random.Random(seed)
            groups = [draw.gauss(0, 0.4 if each > 1 else 0.0) for _ in range(n // each)]
            rest = math.sqrt(0.25 - (0.16 if each > 1 else 0.0))
            values = [math.exp(6 + g + draw.gauss(0, rest)) for g in groups for _ in range(each)]
            columns = {c: tuple(values if c == "tokens_in" else [0.0] * len(values)) for c in MEASURED}
            names = tuple(str(i // each) for i in range(len(values)))
            q = measured(Consumption(columns, names, {}, 0, None, 1.0, True), Draws(n=1_000))["tokens_in"]
            held += q.low <= truth <= q.high
        share = held / times
        fine &= share > (0.88 if n // each < 100 else 0.92)
        print(f"  {n} requests in {n // each} groups: held {share:.1%} (95 % said)")
    return fine


def pages(count: int = 20_000) -> bool:
    draw, worst = random.Random(0), 0.0
    for _ in range(count // 2_000):
        cases = [{n: draw.random() * 10 ** draw.randint(-2, 6) + 1e-3 for n in INPUTS} for _ in range(2_000)]
        found = javascript(f"{JAVASCRIPT}\n{script(FORMULAS, 'cost')}\nreport({json.dumps(cases)}.map(cost));")
        for values, told in zip(cases, found, strict=True):
            mine = evaluate(FORMULAS, values)
            worst = max(worst, *(abs(told[n] - mine[n]) / max(1.0, abs(mine[n])) for n in mine))
    print(f"\nPython and JavaScript on {count:,} sets of {len(INPUTS)} inputs: furthest apart {worst:.1e}")
    return worst <= 1e-9


def crossings(count: int = 2_000) -> bool:
    """Pairs of stacks with and without machines, looked at in 400 places between each two crossings."""
    draw, wrong, several, took = random.Random(1), 0, 0, 0.0
    for _ in range(count):
        one, other = (_stack(draw) for _ in range(2))
        began = time.perf_counter()
        found = even(one, other)
        took += time.perf_counter() - began
        several += found.answer == "between"
        edges, cheaper = [0.0, *(a for a in found.at if a < 3e6), 3e6], found.starts_cheaper
        for left, right in pairwise(edges):
            inside = [left + (right - left) * (i + 0.5) / 400 for i in range(400)]
            apart = [(one(v) - other(v)) * (1 if cheaper else -1) for v in inside]
            wrong += any(a > 1e-6 * (1 + other(v)) for a, v in zip(apart, inside, strict=True))
            cheaper = not cheaper
    each = took / count * 1e3
    print(
        f"\ncrossings of {count:,} pairs: {wrong} pieces wrong, {several} pairs cross several times, {each:.2f} ms each"
    )
    return wrong == 0


def _stack(draw: random.Random) -> Line:
    machines = draw.random() < 0.6
    each = draw.uniform(1, 100) / 1e6 if machines else 0.0
    return Line(draw.uniform(0, 5_000), draw.uniform(0, 0.5), draw.uniform(100, 3_000) if machines else 0.0, each)


if __name__ == "__main__":
    sys.exit(main())
