"""Diagnose: try each intervention on its own on the failures; a failure's cause is the lightest one that fixes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import cast

from .attribution import attribute, outcome_of, trials_of
from .data import Dataset
from .documents import Corpus
from .evidence import Evidence, Reading
from .layer import Cause
from .model import resolve
from .plugins import find, names
from .probe import Arms, Probe, Setting
from .record import Diagnosis, Run
from .split import seeded
from .stack import Stack
from .task import Task

FAILURES_AT_MOST = 30
PASSING_AT_MOST = 8
EXPLAINED_AT_MOST = 10
"""Failures of the final stack that are explained: the decision is made, this is for people to read."""
DRAWN_AT_MOST = 10
"""Failures, drawn at random, that every probe is asked about, so that overlaps are seen."""
CALLS_A_FAILURE = 16
"""Calls that a climb's diagnosis may take for each failure it probes."""
PAIRS_AT_MOST = 12
"""Pairs of probes that are tried on what no probe alone has fixed, the lightest first."""
PAIRS_PART = 4
"""Where calls are capped, pairs may take one in so many of those that are left when their turn comes."""
LAST = 70
"""Probes from this place in the order on doubt the label or chance, after everything that mends was tried."""
PAIRED_BELOW = 60
"""Probes from this place in the order on change the model or ask again, and are not paired."""
ALIKE = ({"context", "index_lookup", "gold_context"}, {"clean_input", "translated"})
"""Probes of which one says what the other does: they are not paired with each other."""

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
    calls: int | None = None,
    seed: int = 0,
) -> Diagnosis:
    """Explain a run's failures by what fixes them (docs/diagnosis.md). Only dev runs belong here.

    With `calls`, a probe that could take more asks than are left of these is not tried, and the diagnosis says so.
    """
    found = evidence if evidence is not None else Evidence()
    if not any(line["run"] == run.id for line in found.of("run")):
        if not any(found.of("example")):
            found.add_examples(run.dataset, part)
        found.add_run(run, part)
    failures, passing = _drawn(run, at_most, seed)
    everywhere = failures.only(seeded(failures.examples, seed + 1)[:DRAWN_AT_MOST])
    if failures.examples and _asks(run, failures):
        setting = _setting(run, failures, task, pool, seed)
        trying = _Trying(setting, passing, everywhere, runner or _plainly, found, run.id, part, calls)
        trying.all()
    ids = {name: [e.id for e in some] for name, some in (("failures", failures), ("passing", passing))}
    found.add("diagnosis", of=run.id, **ids, drawn=[e.id for e in everywhere], seed=seed)
    return attribute(Reading(found), run.id)


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
    replies = {e.id: answer for e in failures if (answer := run.by_id[e.id].answer) is not None}
    bare = Setting(run.stack, failures, solved, run.dataset.output, seed=seed, replies=replies)
    if task is None:
        return bare
    corpus = Corpus(task.documents) if task.documents else None
    strong = resolve(task.strong_model, folder=task.folder) if task.strong_model else None
    return replace(bare, goal=task.goal, corpus=corpus, folder=task.folder, strong=strong)


def _plainly(stack: Stack, examples: Dataset, sample: int) -> Run:
    from .run import run

    return run(stack, examples, sample=sample)


@dataclass
class _Trying:
    """Probes being tried on one run's failures: what happens is written down as evidence, and nothing is judged."""

    setting: Setting
    passing: Dataset
    everywhere: Dataset
    runner: Runner
    found: Evidence
    of: str
    part: str
    calls: int | None

    def all(self) -> None:
        """Each probe alone, in the frozen order, and two together on what is left before the label is doubted."""
        probes = {name: cast(Probe, find("probes", name)()) for name in names("probes")}
        order = sorted(probes, key=lambda name: (probes[name].order, name))
        early = [name for name in order if probes[name].order < LAST]
        can_pair = [name for name in early if self.alone(name, probes[name])]
        self.pairs({name: probes[name] for name in can_pair if probes[name].order < PAIRED_BELOW})
        for name in order[len(early) :]:
            self.alone(name, probes[name])

    def pairs(self, probes: Mapping[str, Probe]) -> None:
        """The lightest pairs of these probes, each on what is open by then."""
        pairs = [(a, b) for a, b in combinations(probes, 2) if not any({a, b} <= alike for alike in ALIKE)]
        pairs.sort(key=lambda pair: sum(probes[name].order for name in pair))
        kept = 0 if self.calls is None else self.calls - self.calls // PAIRS_PART
        self.calls = None if self.calls is None else self.calls - kept
        for one, two in pairs[:PAIRS_AT_MOST]:
            self.together(one, probes[one], two, probes[two])
        self.calls = None if self.calls is None else self.calls + kept

    def alone(self, name: str, probe: Probe) -> bool:
        """One probe and its shams on the failures, and the probe on solved items; whether it can be paired."""
        arms = probe.arms(self.setting)
        if arms is None:
            return False
        failures = self._asked_about(arms)
        tried = bool(self.passing.examples) and arms.repeats == 1 and arms.at_most is None and bool(probe.proves)
        breaking = probe.arms(replace(self.setting, failures=self.passing)) if tried else None
        if self._too_dear(name, probe.proves, arms, failures, breaking):
            return False
        self.found.add(
            "trial",
            **self._trial(name, probe.proves, arms, failures),
            passing=[e.id for e in _applicable(self.passing, breaking)] if breaking else [],
            passing_runs=self._asked(breaking.probe, self.passing, breaking) if breaking else [],
        )
        return bool(probe.proves) and arms.repeats == 1 and arms.reads == "passes"

    def together(self, one: str, first: Probe, two: str, second: Probe) -> None:
        """Two probes at once on what is still open; each with the other's sham, and both shams, are the shams."""
        setting = replace(self.setting, failures=self._open())
        outer = first.arms(setting) if setting.failures.examples else None
        both = _over(second, setting, outer.probe) if outer else None
        if outer is None or both is None:
            return
        beside = [x for sham in outer.shams[:1] if (x := _over(second, setting, sham)) is not None]
        stacks = (*both.shams[:1], *(x.probe for x in beside), *(s for x in beside for s in x.shams[:1]))
        applies = frozenset(e.id for e in _applicable(_applicable(setting.failures, outer), both))
        shams = tuple({stack.digest: stack for stack in stacks if stack.digest != both.probe.digest}.values())
        arms = Arms(both.probe, shams, {i: _cause(outer, first, i) for i in applies}, applies, open_only=True)
        name = f"{one} + {two}"
        if not applies or self._too_dear(name, first.proves, arms, setting.failures, None):
            return
        trial = self._trial(name, first.proves, arms, setting.failures)
        also = {id_: [_cause(both, second, id_)] for id_ in applies}
        self.found.add("trial", **trial, also=also, passing=[], passing_runs=[])

    def _trial(self, name: str, proves: Sequence[Cause], arms: Arms, failures: Dataset) -> dict[str, object]:
        return {
            "probe": name,
            "of": self.of,
            "proves": proves,
            "causes": arms.causes,
            "applies": sorted(arms.applies) if arms.applies is not None else None,
            "asked": sorted(e.id for e in failures) if arms.open_only else None,
            "reads": arms.reads,
            "probe_runs": self._asked(arms.probe, failures, arms),
            "sham_runs": [self._asked(sham, failures, arms) for sham in arms.shams],
        }

    def _asked(self, stack: Stack, examples: Dataset, arms: Arms) -> list[str]:
        """Ask as often as the arms say; a stack that draws without chance is asked once."""
        chosen = _applicable(examples, arms)
        repeats = range(1, arms.repeats + 1) if stack.sampling.temperature > 0 and arms.repeats > 1 else (0,)
        runs = [self.runner(stack, chosen, sample) for sample in repeats] if chosen.examples else []
        return [self.found.add_run(run, self.part) for run in runs]

    def _asked_about(self, arms: Arms) -> Dataset:
        """All failures; or those that no earlier probe fixed, and the few that every probe is asked about."""
        if not arms.open_only:
            return self.setting.failures
        wanted = {e.id for e in (*self.everywhere, *self._open())}
        if arms.at_most is not None:
            wanted = {e.id for e in self.everywhere.examples[: arms.at_most]}
        return self.setting.failures.only(e for e in self.setting.failures if e.id in wanted)

    def _open(self) -> Dataset:
        """The failures that no earlier probe fixed."""
        reading, failures = Reading(self.found), self.setting.failures
        ids = [e.id for e in failures]
        outcomes = [outcome_of(reading, trial, ids) for trial in trials_of(reading, self.of) if trial["proves"]]
        fixed = {id_ for outcome in outcomes for id_, done in zip(ids, outcome.fixed, strict=True) if done}
        return failures.only(e for e in failures if e.id not in fixed)

    def _too_dear(
        self, name: str, proves: Sequence[Cause], arms: Arms, failures: Dataset, breaking: Arms | None
    ) -> bool:
        """Whether it could take more asks than are left; then that is written down instead."""
        if self.calls is None:
            return False
        asks = (1 + len(arms.shams)) * len(_applicable(failures, arms)) * arms.repeats
        asks += len(_applicable(self.passing, breaking)) if breaking else 0
        if asks <= self.calls:
            self.calls -= asks
            return False
        why = f"could take {asks} calls, {self.calls} were left"
        self.found.add("untried", probe=name, of=self.of, proves=proves, why=why)
        return True


def _over(probe: Probe, setting: Setting, stack: Stack) -> Arms | None:
    """The probe's arms where another probe has changed the stack already."""
    return probe.arms(replace(setting, stack=stack))


def _cause(arms: Arms, probe: Probe, id_: str) -> Cause:
    return arms.causes.get(id_, probe.proves[0])


def _applicable(examples: Dataset, arms: Arms) -> Dataset:
    return examples.only(e for e in examples if arms.applies is None or e.id in arms.applies)
