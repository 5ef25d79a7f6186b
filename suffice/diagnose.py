"""Diagnose: try each intervention on its own on the failures; a failure's cause is the lightest one that fixes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from .compare import clusters
from .data import Dataset
from .documents import Corpus
from .evidence import Evidence, Line, Reading
from .layer import Cause
from .plan import Ceiling
from .plugins import find, names
from .probe import Arms, Probe, Setting
from .record import Diagnosis, Finding, Run
from .split import seeded
from .stack import Stack
from .stats.shares import Share, oracle_estimate, shares
from .task import Task

FAILURES_AT_MOST = 30
PASSING_AT_MOST = 8
SURE_ENOUGH = 0.5
"""The confidence, (h − g) / h, from which a single fixed item is listed under the probe's cause."""

Runner = Callable[[Stack, Dataset, int], Run]
"""Runs a stack over examples as repeat number n: the climb's own way of running, with its ledger and budget."""


def diagnose(
    run: Run,
    *,
    task: Task | None = None,
    pool: Dataset | None = None,
    runner: Runner | None = None,
    evidence: Evidence | None = None,
    part: str = "select",
    at_most: int = FAILURES_AT_MOST,
    seed: int = 0,
) -> Diagnosis:
    """Explain a run's failures by what fixes them (docs/diagnosis.md). Only dev runs belong here."""
    found = evidence if evidence is not None else Evidence()
    if not any(line["run"] == run.id for line in found.of("run")):
        if not any(found.of("example")):
            found.add_examples(run.dataset, part)
        found.add_run(run, part)
    failures, passing = _drawn(run, at_most, seed)
    if failures.examples and _asks(run, failures):
        setting = _setting(run, failures, task, pool, seed)
        for name in _frozen_order():
            _try(name, setting, passing, runner or _plainly, found, run.id, part)
    found.add("diagnosis", of=run.id, failures=[e.id for e in failures], passing=[e.id for e in passing], seed=seed)
    return attribute(Reading(found), run.id)


def attribute(reading: Reading, run: str) -> Diagnosis:
    """The shares of the causes from stored records alone (docs/proof.md; DESIGN of the chain in `stats.shares`)."""
    line = [x for x in reading.evidence.of("diagnosis") if x["of"] == run][-1]
    failures: list[str] = line["failures"]
    trials = [x for x in reading.evidence.of("trial") if x["of"] == run]
    judged = [id_ for id_, value in reading.values(run).items() if value is not None]
    total = sum(1 for id_ in judged if not reading.passed(run, id_))
    if not failures:
        return Diagnosis(run, 0, (), "nothing failed")
    if not trials:
        note = "the stack answers without asking a model, so there is nothing to intervene in"
        return Diagnosis(run, total, (_undiagnosed(failures, 1.0, None, None),), note)
    columns = [c for trial in trials for c in _columns(reading, trial, failures)]
    groups = clusters([reading.examples[i] for i in failures])
    fixed, sham = ([*zip(*rows, strict=True)] for rows in ([c.fixed for c in columns], [c.sham for c in columns]))
    found = shares(fixed, sham, groups=groups, seed=line["seed"])
    findings = [_finding(c, s, failures) for c, s in zip(columns, found.probes, strict=True) if s.share > 0]
    ranked = sorted(_merged(findings), key=lambda f: -f.share)
    claimed = {id_ for f in ranked for id_ in f.record_ids}
    left = [id_ for id_ in failures if id_ not in claimed]
    probed = "" if len(failures) == total else f"{len(failures)} of {total} failures were probed, drawn at random."
    rest = _undiagnosed(left, found.undiagnosed, found.undiagnosed_low, found.undiagnosed_high)
    return Diagnosis(run, total, (*ranked, rest), f"{probed} {found.reason}".strip())


def ceilings(reading: Reading, run: str) -> dict[str, Ceiling]:
    """Each probe's oracle-context estimate: acc + (1 − acc)·h − acc·breakage, with the sham beside it.

    The rates are those of the items that the probe says anything about: the others are taken to be like them.
    """
    passed = [reading.passed(run, id_) for id_ in reading.records[run]]
    line = [x for x in reading.evidence.of("diagnosis") if x["of"] == run][-1]
    found = {}
    for trial in (x for x in reading.evidence.of("trial") if x["of"] == run):
        outcome = _outcome(reading, trial, line["failures"])
        broke = [not _majority(reading, trial["passing_runs"], id_) for id_ in trial["passing"]]
        said = trial["applies"] if trial["applies"] is not None else line["failures"]
        tried = [at for at, id_ in enumerate(line["failures"]) if id_ in said]
        fixed, sham = ([column[at] for at in tried] for column in (outcome.fixed, outcome.sham))
        today = sum(passed) / len(passed)
        told = oracle_estimate(today, fixed, broke, seed=line["seed"])
        idle = oracle_estimate(today, sham, broke, seed=line["seed"])
        found[trial["probe"]] = Ceiling(
            told.estimate, told.low, told.high, idle.estimate, today, len(passed), trial["probe"]
        )
    return found


# Asking


def _frozen_order() -> list[str]:
    return sorted(names("probes"), key=lambda name: (find("probes", name).order, name))


def _drawn(run: Run, at_most: int, seed: int) -> tuple[Dataset, Dataset]:
    """The failures to probe and the solved items to try to break, drawn by the seed."""
    failing = [e for e in run.dataset if not run.by_id[e.id].passed and run.by_id[e.id].value is not None]
    solved = [e for e in run.dataset if run.by_id[e.id].passed]
    return (
        run.dataset.only(seeded(failing, seed)[:at_most], "failures"),
        run.dataset.only(seeded(solved, seed)[:PASSING_AT_MOST], "passing"),
    )


def _asks(run: Run, failures: Dataset) -> bool:
    """Whether some failure reaches a model whose request could be changed."""
    if getattr(run.stack.model, "fixed", False):
        return False
    return any(run.stack.wording(e.request) for e in failures)


def _setting(run: Run, failures: Dataset, task: Task | None, pool: Dataset | None, seed: int) -> Setting:
    solved = pool or run.dataset.only(e for e in run.dataset if e.id not in failures.by_id)
    corpus = Corpus(task.documents) if task and task.documents else None
    stack, output = run.stack, run.dataset.output
    if task is None:
        return Setting(stack, failures, solved, output, seed=seed)
    return Setting(stack, failures, solved, output, task.goal, corpus, task.folder, seed)


def _try(name: str, setting: Setting, passing: Dataset, runner: Runner, found: Evidence, of: str, part: str) -> None:
    """Run one probe and its shams on the failures, and the probe on solved items; write down what happened."""
    probe = cast(Probe, find("probes", name)())
    arms = probe.arms(setting)
    if arms is None:
        return
    failures = _still_open(setting.failures, found, of) if arms.open_only else setting.failures
    tried = passing.examples and arms.repeats == 1
    breaking = probe.arms(replace(setting, failures=passing)) if tried else None
    found.add(
        "trial",
        probe=name,
        of=of,
        proves=probe.proves,
        causes=arms.causes,
        applies=sorted(arms.applies) if arms.applies is not None else None,
        probe_runs=_asked(arms.probe, failures, arms, runner, found, part),
        sham_runs=[_asked(sham, failures, arms, runner, found, part) for sham in arms.shams],
        passing=[e.id for e in _applicable(passing, breaking)] if breaking else [],
        passing_runs=_asked(breaking.probe, passing, breaking, runner, found, part) if breaking else [],
    )


def _asked(stack: Stack, examples: Dataset, arms: Arms, runner: Runner, found: Evidence, part: str) -> list[str]:
    """Ask as often as the arms say; a stack that draws without chance is asked once."""
    chosen = _applicable(examples, arms)
    repeats = range(1, arms.repeats + 1) if stack.sampling.temperature > 0 and arms.repeats > 1 else (0,)
    return [found.add_run(runner(stack, chosen, sample), part) for sample in repeats] if chosen.examples else []


def _still_open(failures: Dataset, found: Evidence, of: str) -> Dataset:
    """The failures that no earlier probe fixed."""
    reading, ids = Reading(found), [e.id for e in failures]
    outcomes = [_outcome(reading, trial, ids).fixed for trial in found.of("trial") if trial["of"] == of]
    fixed = {id_ for outcome in outcomes for id_, done in zip(ids, outcome, strict=True) if done}
    return failures.only(e for e in failures if e.id not in fixed)


def _applicable(examples: Dataset, arms: Arms) -> Dataset:
    return examples.only(e for e in examples if arms.applies is None or e.id in arms.applies)


def _plainly(stack: Stack, examples: Dataset, sample: int) -> Run:
    from .run import run

    return run(stack, examples, sample=sample)


# Reading


@dataclass(frozen=True)
class _Outcome:
    """Of each failure: whether the probe fixed it, and whether the best sham did."""

    fixed: list[bool]
    sham: list[bool]


@dataclass(frozen=True)
class _Column:
    """One probe as evidence for one cause."""

    cause: Cause
    probe: str
    fixed: list[bool]
    sham: list[bool]
    broke: int
    passing: int


def _outcome(reading: Reading, trial: Line, failures: Sequence[str]) -> _Outcome:
    fixed = [_majority(reading, trial["probe_runs"], id_) for id_ in failures]
    arms = [[_majority(reading, runs, id_) for id_ in failures] for runs in trial["sham_runs"]]
    return _Outcome(fixed, max(arms, key=sum) if arms else [False] * len(failures))


def _majority(reading: Reading, runs: Sequence[str], id_: str) -> bool:
    passes = sum(1 for run in runs if id_ in reading.records[run] and reading.passed(run, id_))
    return bool(runs) and 2 * passes > len(runs)


def _columns(reading: Reading, trial: Line, failures: Sequence[str]) -> list[_Column]:
    """The trial once for each cause it can prove, each over the failures of that kind alone."""
    outcome = _outcome(reading, trial, failures)
    broke = sum(1 for id_ in trial["passing"] if not _majority(reading, trial["passing_runs"], id_))
    causes: Mapping[str, Cause] = trial["causes"]
    usual = trial["proves"][0]
    found = []
    for cause in trial["proves"]:
        mine = [causes.get(id_, usual) == cause for id_ in failures]
        if not any(mine):
            continue
        fixed = [f and m for f, m in zip(outcome.fixed, mine, strict=True)]
        sham = [s and m for s, m in zip(outcome.sham, mine, strict=True)]
        found.append(_Column(cause, trial["probe"], fixed, sham, broke, len(trial["passing"])))
    return found


def _finding(column: _Column, share: Share, failures: Sequence[str]) -> Finding:
    """The ids are listed where each fix is the probe's rather than chance's: confidence of one half or more, and a
    share that is more than nothing with all its uncertainty, where there are failures enough to say so."""
    ids = tuple(id_ for id_, fixed in zip(failures, column.fixed, strict=True) if fixed)
    counts = {"failures": len(failures), "fixed": len(ids), "sham_fixed": sum(column.sham)}
    ids = ids if share.confidence >= SURE_ENOUGH and (share.low is None or share.low > 0) else ()
    return Finding(
        column.cause,
        share.share,
        share.low,
        share.high,
        column.probe,
        ids,
        broke=column.broke,
        passing=column.passing,
        **counts,
    )


def _merged(findings: Sequence[Finding]) -> list[Finding]:
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
