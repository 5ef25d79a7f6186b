"""LLMBar: does each judge gain from rules, chain-of-thought, examples and the other prompts, as its full data says?

    python benchmarks/llmbar.py [--alpha 0.05] [--seeds 20]

Reads SUFFICE_DATA/llmbar (default ../shared/data); asks no model. Every prompt of a judge is compared with its vanilla
prompt on the same items: one that has the rules with "Vanilla", which has them too, one without with "Vanilla_NoRules",
and so are the rules themselves. A judge that named no winner was wrong. Three ways to score the same judgements:

- each judgement is right or wrong, and the two orders of an item are a group: what `suffice compare` makes of raw
  outputs. The mean is the average accuracy of Zeng et al. 2024 (arXiv 2310.07641);
- the share of the two orders that was right (0, ½ or 1), a graded score with the same mean;
- whether both were (0 or 1).

Decisions are those of `suffice compare`, two-sided: by whole groups, by betting limits, by exact McNemar. Holm's
step-down across the comparisons of a judge with one score, so that at most alpha of such families hold a false claim.
Limits are shown at Bonferroni's level, which holds for all of them together. *Alone*: as if only this had been asked.

Betting limits take the items in one seeded order, so close decisions hang on the seed. Limits and decision are those of
seed 0, the default; beside them stands what most seeds decide, and how many.

"Full data" is a second opinion, computed here: the exact sign-flip permutation test of the mean, two-sided (for 0/1 it
is exact McNemar), Holm across the same comparisons. *Holds*: with the first score, what most seeds decide about the
rules is what the full data says, and neither calls chain-of-thought, one or two shots better. Exits 1 where that does
not hold, 2 where data is absent.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from suffice.compare import Comparison, pairs
from suffice.data import Example

DATA = Path(os.environ.get("SUFFICE_DATA") or Path(__file__).parents[1] / ".." / "shared" / "data")
RULES, NO_RULES = "Vanilla", "Vanilla_NoRules"
UNPROVEN = ("CoT", "Vanilla_1shot", "Vanilla_2shot")
Scores = Mapping[str, float]
Orders = tuple[bool, bool]
"""Whether the gold answer won when it stood first, or second, in the file's two orders."""
MEASURES: dict[str, Callable[[str, Orders], dict[str, float]]] = {
    "each judgement (0, 1), an item's two a group": lambda i, right: {
        f"{i}/{at}": float(r) for at, r in enumerate(right)
    },
    "share of both orders (0, ½, 1)": lambda i, right: {i: sum(right) / 2},
    "right in both orders (0, 1)": lambda i, right: {i: float(all(right))},
}


@dataclass(frozen=True)
class Row:
    """One prompt of a judge beside its vanilla prompt, and what the permutation test says of the two."""

    judge: str
    prompt: str
    base: str
    found: Comparison
    """With limits at Bonferroni's level."""
    decision: str
    """By Holm's step-down, with the default seed."""
    usual: str
    """What most seeds decide."""
    seeds: int
    """How many of them."""
    alone: str
    """The decision at alpha, as if this were the only comparison."""
    p: float
    second: str

    @property
    def as_told(self) -> bool:
        """Rules: as the permutation test decides. Chain-of-thought and shots: no gain, says either."""
        if self.prompt == RULES:
            return self.usual == self.second
        return self.prompt not in UNPROVEN or "better" not in (self.usual, self.second)


def right_orders() -> dict[str, dict[str, dict[str, Orders]]]:
    """By judge, prompt and item: in which of the two orders of answers the gold one won."""
    found: dict[str, dict[str, dict[str, Orders]]] = defaultdict(lambda: defaultdict(dict))
    with (DATA / "llmbar" / "judge_results.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            first, second = (row[order] == row["label"] for order in ("winner_order_ab", "winner_order_ba"))
            found[row["evaluator"]][row["prompt_strategy"]][row["item_id"]] = (first, second)
    return found


def base_of(prompt: str) -> str:
    """The vanilla prompt that a prompt is held against."""
    return NO_RULES if prompt == RULES or prompt.endswith("_NoRules") else RULES


def flip_p(d: np.ndarray) -> float:
    """The exact two-sided p-value of a mean of 0 when each difference, of ±1 or ±½, had either sign with even odds."""
    from scipy.stats import binom

    whole, half = int((abs(d) == 1).sum()), int((abs(d) == 0.5).sum())
    masses = np.zeros(2 * whole + 1)
    masses[::2] = binom.pmf(np.arange(whole + 1), whole, 0.5)  # in steps of ½ upwards from the least that it can be
    masses = np.convolve(masses, binom.pmf(np.arange(half + 1), half, 0.5))
    totals = np.arange(masses.size) - (2 * whole + half) / 2
    return float(min(1.0, masses[abs(totals) >= abs(d.sum()) - 1e-9].sum()))


def holm(p_values: Sequence[float], alpha: float) -> list[bool]:
    """Which are rejected: from the smallest on, while the next is at most alpha over how many remain (Holm 1979)."""
    rejected = [False] * len(p_values)
    for rank, i in enumerate(np.argsort(p_values).tolist()):
        if p_values[i] > alpha / (len(p_values) - rank):
            break
        rejected[i] = True
    return rejected


def by_item(before: Scores, after: Scores) -> np.ndarray:
    """The mean of after − before of each item."""
    found: dict[str, list[float]] = defaultdict(list)
    for key, value in before.items():
        found[key.split("/")[0]].append(after[key] - value)
    return np.array([sum(of) / len(of) for of in found.values()])


def judged(judge: str, prompts: Mapping[str, Scores], alpha: float, seeds: int) -> Iterator[Row]:
    """Every prompt of a judge against its vanilla prompt, alpha shared evenly."""
    others = sorted(prompts.keys() - {NO_RULES}, key=lambda p: (p != RULES, p not in UNPROVEN, p))
    differences = [by_item(prompts[base_of(p)], prompts[p]) for p in others]
    p_values = [flip_p(d) for d in differences]
    compared = {prompt: (prompts[base_of(prompt)], prompts[prompt]) for prompt in others}
    decided = [stepped(compared, alpha, seed) for seed in range(seeds)]
    for prompt, d, p, rejected in zip(others, differences, p_values, holm(p_values, alpha), strict=True):
        found = compare(compared[prompt], alpha / len(others), 0)
        alone = compare(compared[prompt], alpha, 0).decision
        second = "undecided" if not rejected else "better" if d.mean() > 0 else "worse"
        ((usual, count),) = Counter(of[prompt] for of in decided).most_common(1)
        row = (decided[0][prompt], usual, count, alone, p, second)
        yield Row(judge, prompt, base_of(prompt), found, *row)


def compare(sides: tuple[Scores, Scores], alpha: float, seed: int) -> Comparison:
    """Two prompts of a judge, at one level; scores of the same item are a group."""
    examples = [Example(key, key, group=key.split("/")[0]) for key in sorted(sides[0])]
    return pairs(*sides, examples, alpha=alpha, seed=seed)


def stepped(compared: Mapping[str, tuple[Scores, Scores]], alpha: float, seed: int) -> dict[str, str]:
    """The decisions by Holm's step-down: alpha is shared by those that are not decided yet, until none is any more."""
    decided = dict.fromkeys(compared, "undecided")
    while waiting := [prompt for prompt in compared if decided[prompt] == "undecided"]:
        found = {prompt: compare(compared[prompt], alpha / len(waiting), seed).decision for prompt in waiting}
        if all(decision == "undecided" for decision in found.values()):
            break
        decided |= found
    return decided


def scores(of: Mapping[str, Orders], measure: str) -> Scores:
    """The scores of one prompt, by item or judgement."""
    return {key: value for i, right in of.items() for key, value in MEASURES[measure](i, right).items()}


def rows(measure: str, alpha: float = 0.05, seeds: int = 20) -> list[Row]:
    """All judges with one score."""
    scored = {j: {p: scores(of, measure) for p, of in prompts.items()} for j, prompts in right_orders().items()}
    return [row for judge in sorted(scored) for row in judged(judge, scored[judge], alpha, seeds)]


def shown(p: float) -> str:
    """A p-value, never as 0."""
    return f"{p:.4f}" if p >= 0.0001 else "< 0.0001"


def show(measure: str, found: list[Row], alpha: float, seeds: int) -> None:
    """Print the table of one score."""
    tests = Counter(row.judge for row in found)
    shares = ", ".join(f"{judge} {alpha:g}/{k}" for judge, k in tests.items())
    print(f"\n{measure}, {found[0].found.n} scores, {found[0].found.method}; limits at {shares}, decisions by Holm\n")
    print("| judge | prompt | against | lift [interval] | won–lost | decision | most seeds | alone | full data (p) |")
    print("|---|---|---|--:|--:|---|---|---|---|")
    for r in found:
        c = r.found
        lift = f"{c.lift:+.3f} [{c.low:+.3f}, {c.high:+.3f}]"
        usual, second = f"{r.usual} {r.seeds}/{seeds}", f"{r.second} (p {shown(r.p)})"
        cells = (r.judge, r.prompt, r.base, lift, f"{c.wins}–{c.losses}", r.decision, usual, r.alone, second)
        print(f"| {' | '.join(cells)} |")
    alike = sum(r.usual == r.second for r in found)
    opposed = sum({r.usual, r.second} == {"better", "worse"} for r in found)
    print(f"\n{alike} of {len(found)} are what the full data says, {opposed} the opposite", end="")
    print(f"; {sum(r.seeds < seeds for r in found)} hang on the seed")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--alpha", type=float, default=0.05)
    options.add_argument("--seeds", type=int, default=20, help="orders in which betting limits take the items")
    asked = options.parse_args()
    if not (DATA / "llmbar").is_dir():
        print(f"no llmbar in {DATA}: set SUFFICE_DATA to the folder of the data sets", file=sys.stderr)
        return 2
    tables = {measure: rows(measure, asked.alpha, asked.seeds) for measure in MEASURES}
    for measure, found in tables.items():
        show(measure, found, asked.alpha, asked.seeds)
    wrong = [f"{r.judge} {r.prompt}" for r in next(iter(tables.values())) if not r.as_told]
    print("\nholds" if not wrong else f"\ndoes not hold: {', '.join(wrong)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
