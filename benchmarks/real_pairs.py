"""Do looks at real pairs decide what the full data decides, and how many items do they save?

    python benchmarks/real_pairs.py [--runs 100] [--alpha 0.05] [--data llmbar …] [--way reorder|redraw] [--quick]

Reads SUFFICE_DATA (default ../shared/data); asks no model. A pair is two systems on the same items. The full data
decides once in each direction, one-sided at alpha: exact McNemar for 0/1 scores, betting limits for graded ones, a
bootstrap of whole groups where items come in groups. Then each pair is played many times, in both directions, item by
item: 0/1 scores with exact looks (Pocock-like spending that may give up, and O'Brien–Fleming, the full-power mode),
graded scores and groups with the e-process. Groups stay whole.

  reorder   every item once, in a seeded random order: forecasts what the full set says. Both targets refer to this.
  redraw    as many items (or groups) drawn with replacement: the full data is the population. Held to no target, but
            printed beside the one exact test of the same draw, which misses too. Alpha bounds the contradictions in
            each direction of a pair, so two alphas where the lift is exactly zero, and nothing promises 1 %.

Per play of a pair, in percent:

  contradictions   "better" is claimed for a side whose lift in the full data is zero or below, proven or not.
                   Target: at most 1 % of all plays. *Proven*: those in which the other side is proven better.
  ahead            it is claimed for the side that has the lift, but the full data does not prove it
  misses           the full data proves a side better and the play does not say so. Target: at most 10 % of the plays
                   of the pairs that the full data decides.
  saved            items of the full set that were not needed, in the directions that the full data proves, and in all
                   others. Each item costs one call of either system, so it is the share of calls as well.

± is the standard error over pairs, in brackets stands the worst pair. Pairs share systems and items, so both are rough.
Targets are those of the totals; a data set that misses one is named below them. Exits 1 where a total of reorderings
misses a target, 2 where data is absent.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import string
import sys
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from suffice.stats.distribution import binomial_at_least_all
from suffice.stats.eprocess import above, units
from suffice.stats.paired import paired
from suffice.stats.sequential import decide_counts
from suffice.stats.spending import Plan, look_plan

DATA = Path(os.environ.get("SUFFICE_DATA") or Path(__file__).parents[1] / ".." / "shared" / "data")
CONTRADICTED, MISSED = 0.01, 0.10
POCOCK, FULL_POWER, BETS, ONE_TEST = "looks, Pocock", "looks, O'Brien–Fleming", "bets", "one exact test"
Scores = Mapping[str, float]
Found = tuple[np.ndarray, np.ndarray]
"""Of each play: whether "better" was said, and after how many items it stopped."""


@dataclass(frozen=True)
class Pair:
    """Two systems on the same items; `groups` numbers whole groups, or is None."""

    data: str
    name: str
    before: np.ndarray
    after: np.ndarray
    groups: np.ndarray | None = None

    @property
    def exact(self) -> bool:
        return self.groups is None and set(np.unique([self.before, self.after])) <= {0.0, 1.0}

    @property
    def difference(self) -> np.ndarray:
        found: np.ndarray = self.after - self.before
        return found

    def proven(self, alpha: float) -> tuple[bool, bool]:
        """What the full data proves: that `after` is better, that `before` is."""
        groups = None if self.groups is None else self.groups.tolist()
        old, new = self.before.tolist(), self.after.tolist()
        up = paired(old, new, groups, alpha=alpha, sided="greater").proven
        down = paired(new, old, groups, alpha=alpha, sided="greater").proven
        return up, down


@dataclass(frozen=True)
class Tally:
    """What the plays of one pair with one method came to, as shares."""

    data: str
    method: str
    n: int
    runs: int
    proven: bool
    contradicted: float
    against_proof: float
    ahead: float
    missed: float | None
    saved_proven: float | None
    saved_else: float


def rows(path: str) -> Iterator[dict[str, str]]:
    """The lines of a CSV below the data folder."""
    with (DATA / path).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def lines(path: str) -> list[dict[str, str]]:
    """The objects of a JSONL below the data folder."""
    return [json.loads(line) for line in (DATA / path).read_text(encoding="utf-8").splitlines()]


def pairs_of(data: str, systems: Mapping[str, Scores], groups: Mapping[str, str] | None = None) -> Iterator[Pair]:
    """Every two systems on the items that both have, a group's items together."""
    for one, other in combinations(sorted(systems), 2):
        shared = systems[one].keys() & systems[other].keys()
        ids = sorted(shared, key=lambda i: (groups[i] if groups else "", i))
        codes = None if groups is None else np.unique([groups[i] for i in ids], return_inverse=True)[1]
        before, after = (np.array([systems[name][i] for i in ids]) for name in (one, other))
        yield Pair(data, f"{one} / {other}", before, after, codes)


def llmbar_scores() -> dict[str, dict[str, dict[str, float]]]:
    """By judge, prompt, item: the share of the two orders of answers in which the gold one won; none named is wrong."""
    found: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows("llmbar/judge_results.csv"):
        right = [row[order] == row["label"] for order in ("winner_order_ab", "winner_order_ba")]
        found[row["evaluator"]][row["prompt_strategy"]][row["item_id"]] = sum(right) / 2
    return found


def llmbar() -> Iterator[Pair]:
    """Prompts of a judge: right in both orders of the answers, 0/1."""
    for judge, prompts in llmbar_scores().items():
        both = {p: {i: float(v == 1) for i, v in of.items()} for p, of in prompts.items()}
        yield from pairs_of("llmbar", {f"{judge} {p}": of for p, of in both.items()})


def llmbar_graded() -> Iterator[Pair]:
    """Prompts of a judge: the share of both orders, 0, ½ or 1."""
    for judge, prompts in llmbar_scores().items():
        yield from pairs_of("llmbar, graded", {f"{judge} {p}": of for p, of in prompts.items()})


def mmlu() -> Iterator[Pair]:
    """Two models: all items, and each of 57 subjects as a set of its own."""
    subjects: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows("mmlu_two_models/correct.csv"):
        for system in ("mixtral_8x7b", "gpt4_1106"):
            for name in ("mmlu", f"mmlu by subject:{row['subject']}"):
                subjects[name][system][f"{row['subject']}-{row['row']}"] = float(row[system])
    for name, systems in subjects.items():
        yield from pairs_of(name.partition(":")[0], systems)


def xstest() -> Iterator[Pair]:
    """Three systems: right is to comply fully with safe prompts and only with those; also either kind alone."""
    systems: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in lines("xstest/completions_labelled.jsonl"):
        unsafe = row["type"].startswith("contrast_")
        right = float((row["final_label"] == "1_full_compliance") != unsafe)
        for kind in ("all", "unsafe" if unsafe else "safe"):
            systems[kind][row["system"]][row["id"]] = right
    for of in systems.values():
        yield from pairs_of("xstest", of)


def wildbench() -> Iterator[Pair]:
    """Models under the same judge: scores of 1 to 10, as 0 to 1."""
    judges: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows("wildbench/scores.csv"):
        judges[row["judge"]][row["model"]][row["session_id"]] = (float(row["score_1_10"]) - 1) / 9
    for systems in judges.values():
        yield from pairs_of("wildbench", systems)


def xquad() -> Iterator[Pair]:
    """Five readers: exact match with an accepted answer, 0/1, in groups: the questions on one paragraph."""
    accepted, groups = {}, {}
    articles = json.loads((DATA / "xquad_en/xquad.en.json").read_text(encoding="utf-8"))["data"]
    for a, article in enumerate(articles):
        for p, paragraph in enumerate(article["paragraphs"]):
            for qa in paragraph["qas"]:
                accepted[qa["id"]] = {_plain(answer["text"]) for answer in qa["answers"]}
                groups[qa["id"]] = f"{a:02}-{p:02}"
    systems: dict[str, dict[str, float]] = defaultdict(dict)
    for row in rows("xquad_en/squad_system_predictions.csv"):
        said, name = _plain(row["prediction"]), row["system"]
        systems[name][row["question_id"]] = float(said in accepted[row["question_id"]])
    yield from pairs_of("xquad_en", systems, groups)


def _plain(text: str) -> str:
    # as SQuAD's own scorer: no case, punctuation, articles or spare spaces
    bare = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


SETS: dict[str, tuple[Callable[[], Iterable[Pair]], str]] = {
    "llmbar": (llmbar, "llmbar"),
    "llmbar_graded": (llmbar_graded, "llmbar"),
    "mmlu_two_models": (mmlu, "mmlu_two_models"),
    "xstest": (xstest, "xstest"),
    "wildbench": (wildbench, "wildbench"),
    "xquad_en": (xquad, "xquad_en"),
}


def draws(pair: Pair, runs: int, *, again: bool, seed: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Of each play: after − before in the order drawn, and the groups in it; `again`: with replacement."""
    rng, d = np.random.default_rng([seed, again, zlib.crc32(f"{pair.data} {pair.name}".encode())]), pair.difference
    if pair.groups is None:
        for _ in range(runs):
            yield d[rng.integers(0, d.size, d.size) if again else rng.permutation(d.size)], None
        return
    members = np.split(np.arange(d.size), np.flatnonzero(np.diff(pair.groups)) + 1)
    for _ in range(runs):
        drawn = rng.integers(0, len(members), len(members)) if again else rng.permutation(len(members))
        sizes = [members[g].size for g in drawn]
        yield d[np.concatenate([members[g] for g in drawn])], np.repeat(np.arange(len(drawn)), sizes)


def looks(drawn: np.ndarray, plan: Plan) -> Found:
    """Exact looks at each row of 0/1 differences."""
    ends = np.array(plan.sizes) - 1
    wins = np.cumsum(drawn > 0, 1, dtype=np.int32)[:, ends].tolist()
    losses = np.cumsum(drawn < 0, 1, dtype=np.int32)[:, ends].tolist()
    found = [decide_counts(w, x, plan) for w, x in zip(wins, losses, strict=True)]
    return np.array([f.decision == "better" for f in found]), np.array([f.items for f in found])


def one_test(drawn: np.ndarray, alpha: float) -> Found:
    """One exact McNemar test of all items of each row."""
    wins, losses = (drawn > 0).sum(1), (drawn < 0).sum(1)
    p = binomial_at_least_all(wins, wins + losses, 0.5)
    return p <= alpha, np.full(len(drawn), drawn.shape[1])


def bets(drawn: Sequence[tuple[np.ndarray, np.ndarray | None]], sign: int, largest: int, alpha: float) -> Found:
    """The e-process on each draw, on whole groups where there are groups; what it did not need is saved."""
    better, items = [], []
    for d, codes in drawn:
        of = units(sign * d, None if codes is None else codes.tolist(), largest=largest)
        found = above(of, 0.0, alpha, horizon=of.totals.size)
        better.append(found.decision == "above")
        items.append(found.items)
    return np.array(better), np.array(items)


def played(pair: Pair, runs: int, alpha: float, *, again: bool) -> Iterator[tuple[str, Found, Found]]:
    """With each method that serves the pair: what the plays found of `after` better, and of `before` better."""
    drawn = list(draws(pair, runs, again=again))
    if not pair.exact:
        largest = 1 if pair.groups is None else int(np.bincount(pair.groups).max())
        yield BETS, bets(drawn, 1, largest, alpha), bets(drawn, -1, largest, alpha)
        return
    d, n = np.array([one for one, _ in drawn]), pair.difference.size
    for name, plan in (POCOCK, look_plan(n, alpha)), (FULL_POWER, look_plan(n, alpha, spending="obrien_fleming")):
        yield name, looks(d, plan), looks(-d, plan)
    if again:
        yield ONE_TEST, one_test(d, alpha), one_test(-d, alpha)


def tally(pair: Pair, method: str, up: Found, down: Found, proven: tuple[bool, bool]) -> Tally:
    """Hold what the plays said against the full data."""
    n, lift = pair.difference.size, float(pair.difference.mean())
    wrong = (up[0] & (lift <= 0)) | (down[0] & (lift >= 0))
    against = (up[0] & proven[1]) | (down[0] & proven[0])
    ahead = (up[0] & (lift > 0) & (not proven[0])) | (down[0] & (lift < 0) & (not proven[1]))
    sides = list(zip((up, down), proven, strict=True))
    right = [found for found, is_proven in sides if is_proven]
    saved_else = [1 - float(found[1].mean()) / n for found, is_proven in sides if not is_proven]
    return Tally(
        data=pair.data,
        method=method,
        n=n,
        runs=up[0].size,
        proven=bool(right),
        contradicted=float(wrong.mean()),
        against_proof=float(against.mean()),
        ahead=float(ahead.mean()),
        missed=1 - float(right[0][0].mean()) if right else None,
        saved_proven=1 - float(right[0][1].mean()) / n if right else None,
        saved_else=float(np.mean(saved_else)),
    )


def tallies(pairs: Iterable[Pair], runs: int, alpha: float, *, again: bool) -> Iterator[Tally]:
    """Play every pair."""
    for pair in pairs:
        proven = pair.proven(alpha)
        for method, up, down in played(pair, runs, alpha, again=again):
            yield tally(pair, method, up, down, proven)


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of the values that there are, if any."""
    present = [v for v in values if v is not None]
    return float(np.mean(present)) if present else None


def spread(values: Iterable[float | None]) -> str:
    """Mean ± standard error over pairs [worst], in percent."""
    present = 100 * np.array([v for v in values if v is not None])
    if not present.size:
        return "–"
    error = f" ± {present.std(ddof=1) / present.size**0.5:.1f}" if present.size > 1 else ""
    return f"{present.mean():.2f}{error} [{present.max():.0f}]"


def line(name: str, of: Sequence[Tally]) -> str:
    """A row of the table: all pairs of one data set, or of all, with one method."""
    sizes, few = sorted(t.n for t in of), [mean(getattr(t, f) for t in of) for f in ("against_proof", "ahead")]
    saved = (mean(getattr(t, f) for t in of) for f in ("saved_proven", "saved_else"))
    cells = [
        name,
        of[0].method,
        f"{sizes[0]:,}" if sizes[0] == sizes[-1] else f"{sizes[0]:,}–{sizes[-1]:,}",
        f"{len(of)} / {sum(t.proven for t in of)}",
        f"{sum(t.runs for t in of):,}",
        spread(t.contradicted for t in of),
        *(f"{100 * (value or 0.0):.2f}" for value in few),
        spread(t.missed for t in of),
        *("–" if value is None else f"{100 * value:.0f}" for value in saved),
    ]
    return f"| {' | '.join(cells)} |"


def table(found: Sequence[Tally], alpha: float, *, again: bool) -> bool:
    """Print a table by data set and method and a total each; whether every total reaches both targets."""
    way = (
        "Redrawn with replacement, from the full data as the population"
        if again
        else "Reordered: a forecast of the full set"
    )
    print(f"\n{way}, alpha {alpha:g} one-sided; in %, ± standard error over pairs [worst pair]\n")
    print("| data | method | items | pairs / decided | plays | contradictions | proven | ahead | misses | ", end="")
    print("saved, proven | saved, else |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    held, missing = True, []
    for method in dict.fromkeys(t.method for t in found):
        mine = [t for t in found if t.method == method]
        for data in dict.fromkeys(t.data for t in mine):
            part = [t for t in mine if t.data == data]
            print(line(data, part))
            missing += [] if reached(part) else [f"{data} with {method}"]
        print(line("**all**", mine))
        held &= again or reached(mine)
    if missing and not again:
        print(f"\nmore than 1 % contradictions or 10 % misses: {'; '.join(missing)}")
    return held


def reached(of: Sequence[Tally]) -> bool:
    """Whether these pairs together have at most 1 % contradictions and 10 % misses."""
    contradicted, missed = mean(t.contradicted for t in of) or 0.0, mean(t.missed for t in of) or 0.0
    return contradicted <= CONTRADICTED and missed <= MISSED


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=100, help="plays a pair")
    options.add_argument("--alpha", type=float, default=0.05)
    options.add_argument("--data", choices=tuple(SETS), action="append")
    options.add_argument("--way", choices=("reorder", "redraw"), action="append")
    options.add_argument("--quick", action="store_true", help="10 plays a pair")
    asked = options.parse_args()
    wanted = asked.data or list(SETS)
    if absent := sorted({SETS[name][1] for name in wanted if not (DATA / SETS[name][1]).is_dir()}):
        print(f"no {', '.join(absent)} in {DATA}: set SUFFICE_DATA to the folder of the data sets", file=sys.stderr)
        return 2
    pairs = [pair for name in wanted for pair in SETS[name][0]()]
    runs, held, ways = 10 if asked.quick else asked.runs, True, asked.way or ["reorder", "redraw"]
    for way in ways:
        found = list(tallies(pairs, runs, asked.alpha, again=way == "redraw"))
        held &= table(found, asked.alpha, again=way == "redraw")
    if "reorder" in ways:
        print("\nholds" if held else "\ndoes not hold")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
