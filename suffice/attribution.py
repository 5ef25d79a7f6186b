"""Attribution: from stored trials alone to causes with shares, to what was tried, and to the sentences for a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from operator import and_

from .compare import clusters
from .data import Example, likeness
from .evidence import Line, Reading
from .layer import Cause
from .plan import Ceiling
from .record import Diagnosis, Finding, Overlap, Slice, Tried
from .stats.multiple import false_discovery, sign_p
from .stats.shares import ENOUGH_FAILURES, Share, Shares, oracle_estimate, shares

SURE_ENOUGH = 0.5
"""The confidence, (h − g) / h, from which a single fixed item is listed under the probe's cause."""
CHANCE = 0.05
"""The share of the causes listed of probes alone, and of those listed of pairs, that may be chance (false discovery),
where there are failures enough to say so."""
SLICED_FROM = 8
"""Failures from which a slice is told apart."""
SLICES_A_KIND = 8


def attribute(reading: Reading, run: str) -> Diagnosis:
    """The shares of the causes from stored records alone (docs/proof.md; DESIGN of the chain in `stats.shares`)."""
    line = _last(reading, run)
    failures: list[str] = line["failures"]
    judged = [id_ for id_, value in reading.values(run).items() if value is not None]
    total = sum(1 for id_ in judged if not reading.passed(run, id_))
    if not failures:
        return Diagnosis(run, 0, (), "nothing failed")
    trials = trials_of(reading, run)
    if not trials:
        note = "the stack answers without asking a model, so there is nothing to intervene in"
        return Diagnosis(run, total, (_undiagnosed(failures, 1.0, None, None),), note, tried=_untried(reading, run))
    columns = [c for trial in trials for c in _columns(reading, trial, failures)]
    whole = _chain(reading, columns, failures, line["seed"])
    probed = "" if len(failures) == total else f"{len(failures)} of {total} failures were probed, drawn at random."
    told = (*(_tried(reading, trial, failures) for trial in trials), *_untried(reading, run))
    slices = _slices(reading, columns, failures, line["seed"])
    note = f"{probed} {whole.reason}".strip()
    overlaps = _overlaps(reading, trials, failures, line.get("drawn", ()))
    return Diagnosis(run, total, whole.findings, note, told, overlaps, slices, _words(whole.findings, told, slices))


def ceilings(reading: Reading, run: str) -> dict[str, Ceiling]:
    """Each probe's oracle-context estimate: acc + (1 − acc)·h − acc·breakage, with the sham beside it.

    The rates are those of the items that the probe says anything about: the others are taken to be like them.
    """
    passed = [reading.passed(run, id_) for id_ in reading.records[run]]
    line, today = _last(reading, run), sum(passed) / len(passed)
    found = {}
    for trial in (t for t in trials_of(reading, run) if t["proves"]):
        outcome = outcome_of(reading, trial, line["failures"])
        broke = [not _majority(reading, trial["passing_runs"], id_) for id_ in trial["passing"]]
        said = trial["applies"] if trial["applies"] is not None else line["failures"]
        tried = [at for at, id_ in enumerate(line["failures"]) if id_ in said]
        fixed, sham = ([column[at] for at in tried] for column in (outcome.fixed, outcome.sham))
        told = oracle_estimate(today, fixed, broke, seed=line["seed"])
        idle = oracle_estimate(today, sham, broke, seed=line["seed"])
        found[trial["probe"]] = Ceiling(
            told.estimate, told.low, told.high, idle.estimate, today, len(passed), trial["probe"]
        )
    return found


def trials_of(reading: Reading, run: str) -> list[Line]:
    """The trials on one run's failures, in the order they were made."""
    return [x for x in reading.evidence.of("trial") if x["of"] == run]


# One trial


@dataclass(frozen=True)
class Outcome:
    """Of each failure: whether the probe fixed it, whether the best sham did, and whether any did."""

    fixed: list[bool]
    sham: list[bool]
    any_sham: list[bool]
    ran: list[bool]
    """Whether it was asked, or nothing is said about it; not where something lighter had fixed it."""


def outcome_of(reading: Reading, trial: Line, failures: Sequence[str]) -> Outcome:
    """What a trial came to, failure by failure."""
    if trial.get("reads") == "agreement":
        fixed, arms = _agreement(reading, trial, failures)
    else:
        fixed = [_majority(reading, trial["probe_runs"], id_) for id_ in failures]
        arms = [[_majority(reading, runs, id_) for id_ in failures] for runs in trial["sham_runs"]]
    none = [False] * len(failures)
    asked = trial.get("asked")
    ran = [asked is None or id_ in asked or not _says(trial, id_) for id_ in failures]
    sham_any = [any(column) for column in zip(*arms, strict=True)] if arms else none
    return Outcome(fixed, max(arms, key=sum) if arms else none, sham_any, ran)


def _says(trial: Line, id_: str) -> bool:
    return trial["applies"] is None or id_ in trial["applies"]


def _majority(reading: Reading, runs: Sequence[str], id_: str) -> bool:
    passes = sum(1 for run in runs if id_ in reading.records[run] and reading.passed(run, id_))
    return bool(runs) and 2 * passes > len(runs)


def _agreement(reading: Reading, trial: Line, failures: Sequence[str]) -> tuple[list[bool], list[list[bool]]]:
    """Whether most strong answers say what the failing reply said, and what another failure's reply said."""
    replied = {id_: _said(reading, trial["of"], id_) for id_ in failures}
    strong = {id_: _agreed([_said(reading, run, id_) for run in trial["probe_runs"]]) for id_ in failures}
    asked = [id_ for id_ in failures if strong[id_] is not None]
    other = dict(zip(asked, [*asked[1:], *asked[:1]], strict=True))
    fixed = [strong[id_] is not None and strong[id_] == replied[id_] for id_ in failures]
    sham = [id_ in other and len(asked) > 1 and strong[id_] == replied[other[id_]] for id_ in failures]
    return fixed, [sham]


def _agreed(said: Sequence[str | None]) -> str | None:
    """What all say, or None."""
    return said[0] if said and len(set(said)) == 1 else None


def _said(reading: Reading, run: str, id_: str) -> str | None:
    record = reading.records[run].get(id_)
    return None if record is None or record["output"] is None else likeness(record["output"])


@dataclass(frozen=True)
class _Column:
    """One trial as evidence for one cause, or for two together."""

    cause: Cause
    also: tuple[Cause, ...]
    probe: str
    fixed: list[bool]
    sham: list[bool]
    any_sham: list[bool]
    ran: list[bool]
    broke: int
    passing: int


def _columns(reading: Reading, trial: Line, failures: Sequence[str]) -> list[_Column]:
    """The trial once for each cause it can prove, each over the failures of that kind alone."""
    if not trial["proves"]:
        return []
    outcome = outcome_of(reading, trial, failures)
    broke = sum(1 for id_ in trial["passing"] if not _majority(reading, trial["passing_runs"], id_))
    causes: Mapping[str, Cause] = trial["causes"]
    also: Mapping[str, Sequence[Cause]] = trial.get("also") or {}
    kinds = [(causes.get(id_, trial["proves"][0]), tuple(also.get(id_, ()))) for id_ in failures]
    found = []
    for cause, second in dict.fromkeys(sorted(kinds, key=lambda k: [*trial["proves"], k[0]].index(k[0]))):
        mine = [kind == (cause, second) for kind in kinds]
        fixed, sham, any_sham = ([*map(and_, c, mine)] for c in (outcome.fixed, outcome.sham, outcome.any_sham))
        rest = (outcome.ran, broke, len(trial["passing"]))
        found.append(_Column(cause, second, trial["probe"], fixed, sham, any_sham, *rest))
    return found


# All of them


@dataclass(frozen=True)
class _Chain:
    findings: tuple[Finding, ...]
    reason: str


def _chain(
    reading: Reading, columns: Sequence[_Column], failures: Sequence[str], seed: int, alpha: float = 0.05
) -> _Chain:
    """The chain of shares over these failures; ids are listed once, under the first cause that claims them."""
    groups = clusters([reading.examples[i] for i in failures])
    fixed, sham, ran = ([*zip(*x, strict=True)] for x in zip(*((c.fixed, c.sham, c.ran) for c in columns), strict=True))
    found = shares(fixed, sham, ran, groups=groups, alpha=alpha, seed=seed)
    real = _adjusted(columns)
    listed = [_finding(c, s, p, failures) for c, s, p in zip(columns, found.probes, real, strict=True) if s.share > 0]
    ranked = sorted(_once(listed), key=lambda f: -f.share)
    claimed = {id_ for f in ranked for id_ in f.record_ids}
    return _Chain((*ranked, _rest(found, [i for i in failures if i not in claimed])), found.reason)


def _rest(found: Shares, left: Sequence[str]) -> Finding:
    return _undiagnosed(left, found.undiagnosed, found.undiagnosed_low, found.undiagnosed_high)


def _adjusted(columns: Sequence[_Column]) -> list[float]:
    """What may be chance, probes alone and pairs apart: pairs come second, and must not hide what one probe shows."""
    found = [1.0] * len(columns)
    for pairs in (False, True):
        family = [at for at, column in enumerate(columns) if bool(column.also) == pairs]
        for at, p in zip(family, false_discovery([_chance(columns[at]) for at in family]), strict=True):
            found[at] = p
    return found


def _chance(column: _Column) -> float:
    """How likely the probe would beat its sham so often if both fixed items by chance alone."""
    wins = sum(f and not s for f, s in zip(column.fixed, column.sham, strict=True))
    losses = sum(s and not f for f, s in zip(column.fixed, column.sham, strict=True))
    return sign_p(wins, losses)


def _finding(column: _Column, share: Share, p: float, failures: Sequence[str]) -> Finding:
    """The ids are listed where each fix is the probe's rather than chance's: no sham fixed that item, the confidence is
    one half or more, and, where there are failures enough to say so, so many fixes are not chance."""
    enough = len(failures) < ENOUGH_FAILURES or p <= CHANCE
    mine = zip(failures, column.fixed, column.any_sham, strict=True)
    ids = tuple(id_ for id_, fixed, sham in mine if fixed and not sham)
    return Finding(
        column.cause,
        share.share,
        share.low,
        share.high,
        column.probe,
        ids if share.confidence >= SURE_ENOUGH and enough else (),
        failures=len(failures),
        fixed=sum(column.fixed),
        sham_fixed=sum(column.sham),
        broke=column.broke,
        passing=column.passing,
        also=column.also,
    )


def _once(findings: Sequence[Finding]) -> list[Finding]:
    """Each failure counted for the first probe in the frozen order that fixed it, so that no id is listed twice."""
    seen: set[str] = set()
    found = []
    for finding in findings:
        own = tuple(id_ for id_ in finding.record_ids if id_ not in seen)
        seen.update(own)
        found.append(replace(finding, record_ids=own))
    return found


def _undiagnosed(ids: Sequence[str], share: float, low: float | None, high: float | None) -> Finding:
    return Finding("undiagnosed", share, low, high, "no probe fixed them", tuple(ids), len(ids), 0, 0)


# What was tried, and what overlaps


def _tried(reading: Reading, trial: Line, failures: Sequence[str]) -> Tried:
    outcome = outcome_of(reading, trial, failures)
    runs = [*trial["probe_runs"], *(r for arm in trial["sham_runs"] for r in arm), *trial["passing_runs"]]
    records = [record for run in dict.fromkeys(runs) for record in reading.records[run].values()]
    prices = [record.get("usd", 0.0) for record in records]
    known = [price for price in prices if price is not None]
    asked = {id_ for run in trial["probe_runs"] for id_ in reading.records[run]}
    return Tried(
        trial["probe"],
        tuple(trial["proves"]),
        len(asked),
        sum(outcome.fixed),
        sum(outcome.sham),
        sum(1 for id_ in trial["passing"] if not _majority(reading, trial["passing_runs"], id_)),
        len(trial["passing"]),
        sum(record.get("asked", 0) for record in records),
        sum(known) if len(known) == len(prices) else None,
    )


def _untried(reading: Reading, run: str) -> tuple[Tried, ...]:
    lines = (x for x in reading.evidence.of("untried") if x["of"] == run)
    return tuple(Tried(x["probe"], tuple(x["proves"]), 0, 0, 0, 0, 0, 0, 0.0, x["why"]) for x in lines)


def _overlaps(
    reading: Reading, trials: Sequence[Line], failures: Sequence[str], drawn: Sequence[str]
) -> tuple[Overlap, ...]:
    """Of every two probes that both fixed something on the failures drawn for it."""
    at = [i for i, id_ in enumerate(failures) if id_ in set(drawn)]
    columns = [(t["probe"], outcome_of(reading, t, failures)) for t in trials if t["proves"] and "+" not in t["probe"]]
    found = []
    for (one, a), (two, b) in combinations(columns, 2):
        asked = [i for i in at if a.ran[i] and b.ran[i]]
        mine, other = (sum(c[i] for i in asked) for c in (a.fixed, b.fixed))
        if mine and other:
            both = sum(a.fixed[i] and b.fixed[i] for i in asked)
            found.append(Overlap(one, two, len(asked), mine, other, both))
    return tuple(found)


# By slice


def _slices(reading: Reading, columns: Sequence[_Column], failures: Sequence[str], seed: int) -> tuple[Slice, ...]:
    """The chain over each part of the failures; the intervals of all parts of a kind hold at once."""
    examples = [reading.examples[i] for i in failures]
    found = []
    for by, value_of in _kinds(examples):
        parts: dict[str, list[int]] = {}
        for at, example in enumerate(examples):
            parts.setdefault(value_of(example), []).append(at)
        told = sorted((p for p in parts.items() if len(p[1]) >= SLICED_FROM), key=lambda p: (-len(p[1]), p[0]))
        if len(parts) < 2:
            continue
        for value, rows in told[:SLICES_A_KIND]:
            cut = [_cut(column, rows) for column in columns]
            chain = _chain(reading, cut, [failures[at] for at in rows], seed, 0.05 / min(len(told), SLICES_A_KIND))
            found.append(Slice(by, value, len(rows), chain.findings, chain.reason))
    return tuple(found)


def _cut(column: _Column, rows: Sequence[int]) -> _Column:
    parts = {name: [getattr(column, name)[at] for at in rows] for name in ("fixed", "sham", "any_sham", "ran")}
    return replace(column, **parts)  # type: ignore[arg-type]  # lists of bool


def _kinds(examples: Sequence[Example]) -> list[tuple[str, Callable[[Example], str]]]:
    lengths = sorted(len(e.text) for e in examples)
    middle = lengths[len(lengths) // 2]
    times = sorted(e.time for e in examples if e.time)
    since = times[len(times) // 2] if times else ""
    found: list[tuple[str, Callable[[Example], str]]] = [
        ("partition", lambda e: e.partition),
        ("label", lambda e: e.accepted[0][:80] if isinstance(e.accepted[0], str) else "other"),
        ("length", lambda e: f"from {middle} characters" if len(e.text) >= middle else f"under {middle} characters"),
        ("group", lambda e: str(e.group)),
    ]
    if times:
        found.append(("time", lambda e: f"since {since}" if (e.time or "") >= since else f"before {since}"))
    return found


# In words

SAID: Mapping[Cause, str] = {
    "format": "say the right thing in the wrong form",
    "input": "reach the stack malformed or in another language",
    "context": "have the answer in front of the model, buried or cut",
    "knowledge": "lack something that your documents hold",
    "retrieval": "lack a passage that your documents hold and the search does not find",
    "coverage": "lack something that no document of yours holds",
    "instruction": "pass once the requirement is said again",
    "behaviour": "pass once the most similar solved examples are shown",
    "tool use": "pass once the tools are described",
    "reasoning": "pass once the model may think before it replies",
    "capability": "pass with the stronger model",
    "label suspect": "may be right, and the label wrong",
    "consistency": "pass on another try",
}


def _words(findings: Sequence[Finding], tried: Sequence[Tried], slices: Sequence[Slice]) -> tuple[str, ...]:
    """Two or three sentences: the largest causes, where the largest one gathers, and what stays unexplained."""
    *causes, rest = findings
    largest = [f for f in causes if f.share >= 0.05][:2]
    said = [f"{_share(f)} of the failures {_reads(f)} ({f.proved_by})." for f in largest]
    if largest and (where := _gathers(largest[0], slices)):
        said.append(where)
    if rest.share >= 0.05:
        alone = [t.probe for t in tried if not t.note and t.proves and "+" not in t.probe]
        names = ", ".join(alone) + (", and pairs of them" if any("+" in t.probe and not t.note for t in tried) else "")
        said.append(f"{_share(rest)} stay undiagnosed: nothing that was tried fixed them ({names}).")
    return tuple(said[:3])


def _reads(finding: Finding) -> str:
    if not finding.also:
        return SAID[finding.cause]
    said = " and ".join(SAID[cause] for cause in (finding.cause, *finding.also))
    return f"{said}: only both together fix them"


def _share(finding: Finding) -> str:
    between = "" if finding.low is None or finding.high is None else f" ({finding.low:.0%} to {finding.high:.0%})"
    return f"{finding.share:.0%}{between}"


def _gathers(finding: Finding, slices: Sequence[Slice]) -> str:
    """A sentence on the slice whose share of the cause is surely above another's of the same kind."""
    for one in slices:
        mine = next((f for f in one.findings if (f.cause, f.also) == (finding.cause, finding.also)), None)
        others = [x for x in slices if x.by == one.by and x.value != one.value]
        highs = [_high(x, finding) for x in others]
        if mine is not None and mine.low is not None and highs and all(h is not None and h < mine.low for h in highs):
            return f"It gathers where the {one.by} is {one.value}: {mine.share:.0%} of the failures there."
    return ""


def _high(part: Slice, finding: Finding) -> float | None:
    same = [f for f in part.findings if (f.cause, f.also) == (finding.cause, finding.also)]
    return same[0].high if same else (0.0 if not part.note else None)


def _last(reading: Reading, run: str) -> Line:
    return [x for x in reading.evidence.of("diagnosis") if x["of"] == run][-1]
