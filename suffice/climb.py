"""Climb: measure rung after rung, stop at the lightest stack that suffices, and write down why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from .artifacts import write_whole
from .asking import UNLOOKED, Asking, Watch, asks, sampling_for, settled, told
from .budget import Budget
from .choose import choose
from .compare import pairs
from .confirm import confirm
from .data import Dataset
from .dear import too_dear
from .declare import declare
from .descend import changes, descend, duties_of
from .diagnose import CALLS_A_FAILURE, EXPLAINED_AT_MOST, FAILURES_AT_MOST, diagnose
from .digest import canonical, plain
from .errors import InputError
from .estimates import ceilings_of
from .evidence import Evidence, Reading
from .freeze import freeze
from .layer import Layer
from .leave_out import leave_out
from .ledger import Ledger, place_of
from .measures import Held
from .model import Model, resolve
from .opinions import opinions
from .people import unfilled
from .places import placed
from .plan import LADDER, Ceiling, Proposal, Rung, layer_of, plan
from .plugins import find, name_of
from .recall import recall_of
from .record import Diagnosis, Run
from .run import Progress, run
from .signals import Signal, signals_of
from .stack import Stack
from .stats.rung import worth_opening
from .task import Task
from .types import Json
from .variance import refit
from .verdict import Conclusion, Verdict, conclude

DOUBTED_AT_MOST = 20_000
"""Examples up to which every label is looked at: each is compared with all of dev."""
BEHIND = 0.01
"""The level at which dev must prove a rung behind what is held before test is left closed for it."""
HAND_OVER_BELOW = (0.5, 0.7, 0.9)
"""Confidences under which the classifier may hand over to the model's stack beneath it."""
LIT = 0.1
"""The gain on dev from which a layer shows that the prompt beneath it matters, and is chosen again."""
UNMEASURED: Mapping[str, Json] = {
    "variants": [],
    "chosen": None,
    "dev_runs": [],
    "test": None,
    **UNLOOKED,
    "duties": [],
}
"""What the line of a rung that was not measured holds in the place of runs."""


def climb(
    task: Task,
    *,
    ledger: Ledger | None = None,
    budget: Budget | None = None,
    watch: Watch | None = None,
    write: bool = True,
    audit_skips: bool = False,
    forced: Sequence[str] = (),
    failures: int = FAILURES_AT_MOST,
) -> Verdict:
    """Climb the ladder for a task and return its verdict; `write` also leaves it in the task's folder.

    With `audit_skips`, rungs left out for a low estimate are built once all is decided, to see if that was right.
    Gates of training named in `forced` may fail: the verdict says so. No more than so many `failures` are probed for
    their causes at a time: explaining them is up to half of a small climb's calls.

    A pure function of the task, its seed and the model's replies: resuming replays them from the ledger.
    """
    own = ledger or Ledger.open(place_of(task.state))
    try:
        going = _Climb(task, own, budget or Budget(), watch or _quietly, audit_skips, tuple(forced), failures)
        return going.verdict(write)
    finally:
        if ledger is None:
            own.close()


@dataclass
class _Climb:
    """One climb under way."""

    task: Task
    ledger: Ledger
    budget: Budget
    watch: Watch
    audit_skips: bool = False
    forced: tuple[str, ...] = ()
    failures: int = FAILURES_AT_MOST
    evidence: Evidence = field(default_factory=Evidence)

    def __post_init__(self) -> None:
        self.parts = self.task.parts
        self.asking = Asking(self.task, self.ledger, self.budget, self.watch, self.evidence)
        self.model: Model = resolve(self.task.model, folder=self.task.folder)
        self.base = Stack(self.model, (), sampling_for(self.task, self.parts.dev))
        self.best = self.base
        """The stack behind what is held; `base` is the model's own best, which heavier rungs are built on."""
        self.base_run: Run | None = None
        self.base_judged: Json = None
        """Where the stack beneath the next rung was judged on test, if it was."""
        self.best_run: Run | None = None
        self.classifier: Layer | None = None
        self.prompts: list[Layer] = []
        self.prompt_kept = False
        self.diagnosis: Diagnosis | None = None
        self.diagnosed: Run | None = None
        self.signals: tuple[Signal, ...] = ()
        self.stopped = ""
        self.tried: list[Stack] = []
        """Trained stacks that were judged."""
        self.skipped: list[tuple[Rung, Stack, Run]] = []
        """Rungs left out for a low estimate, with the stack beneath."""

    def verdict(self, write: bool) -> Verdict:
        self.asking.plan = declare(self.task, self.model, self.ledger, self.evidence, self.forced)
        held = self._floor()
        for rung in LADDER:
            held = self._rung(rung, held)
        self._further(held)
        self._own_best(held)
        self._lighter(held)
        self._explain(held)
        if held.rung != "floor":
            if self.task.target.quality is None or held.quality.meets is not False:
                leave_out(self.asking, self.best)
            refit(self.asking, self.best)
        if self.task.confirmation is not None and held.rung != "floor":
            confirm(self.asking, self.ledger, self.best, self.task.confirmation)
        self._forgetting()
        self._doubt()
        if self.audit_skips:
            self._audit()
        found = Verdict(conclude(self.evidence), self.evidence)
        if write and found.body["judge"] and not found.body["judge"]["verified"]:
            self._ask_people()
        return freeze(found, self.task, self.ledger, self.best) if write else found

    def _doubt(self) -> None:
        """What dev says of every label, dev's own and test's, now that nothing hangs on it any more."""
        parts = {name: getattr(self.parts, name) for name in ("pool", "select", "test", "edge")}
        if self.task.output.kind != "labels" or sum(map(len, parts.values())) > DOUBTED_AT_MOST:
            return
        self.watch("labels that look wrong", None)
        for one in opinions(parts, folder=self.task.folder):
            self.evidence.add("opinion", **plain(one))

    def _audit(self) -> None:
        """Rungs left out for a low estimate, chosen on dev and judged on test like others. It decides nothing."""
        for rung, base, base_run in self.skipped:
            self.base, self.base_run = base, base_run
            chosen, _, _ = self._chosen(rung)
            stage = f"{rung.title}: was it right to skip it"
            runs = [self.asking.run(stack, self.parts.test, "test", stage).id for stack in (base, chosen)]
            self.evidence.add("audit", rung=rung.name, against=runs[0], test=runs[1], edge=None, unloaded=None)

    def _ask_people(self) -> None:
        """Leave the outputs that people must label before a judge's scores count, blind and drawn at random."""
        arithmetic = self._arithmetic
        rungs = {x["rung"]: x["test"] for x in self.evidence.of("rung") if x["test"]}
        rungs["floor"] = self.evidence.one("floor")["test"]
        kept = [s for s in arithmetic.steps()[0] if s["status"] == "kept"]
        own = next(self.evidence.of("own_best"), None)
        asked = [(rungs[s["comparison"]["against"]], rungs[s["rung"]]) for s in kept]
        rows = arithmetic.people.wanted(asked or [(rungs["floor"], own["test"] if own else rungs["floor"])])
        if rows:
            write_whole(unfilled(self.task.folder), b"".join(canonical(row) + b"\n" for row in rows))

    def _further(self, held: Held) -> None:
        """What is held is asked on where nothing met the target, until it is proven; without one, to the last item."""
        line = next((x for x in self.evidence.of("rung") if x["test"] == held.test), None)
        if line is None or line["items"] is None or held.quality.meets is not None:
            return
        found = self.asking.further(line, f"{line['title']}: the last word", told)
        if found["test"]:
            self.evidence.add("further", rung=held.rung, **found)

    def _own_best(self, held: Held) -> None:
        """Where no stack that asks the model is held: what its own best reaches on test. It decides nothing."""
        if self.stopped or held.rung not in ("floor", "classifier") or self.base_run is None:
            return
        title = "the model's own best"
        judged = self.asking.judged(self.base, title, self.base_run, [held.test], settled)
        self.evidence.add("own_best", layers=self.base.names, **judged | {"edge": self.asking.edge(self.base, title)})

    def _lighter(self, held: Held) -> None:
        """The way down: what the stack that the climb stopped at can do without."""
        dev = self.best_run
        if held.rung == "floor" or dev is None or not asks(dev) or self.asking.plan["judge"]:
            return
        from .taught import lessons_for

        address = self.task.cheaper_model
        cheaper = resolve(address, folder=self.task.folder) if address else None
        kept = self._arithmetic.frozen()
        if self.task.target.quality is not None and kept.quality.meets is not True:
            return
        self.best = descend(
            self.asking,
            self.best,
            dev,
            held.test,
            options=(*changes(self.best, self.prompts, cheaper), *lessons_for(self.asking, self.best, self.forced)),
            aimed=kept.quality.meets is True,
            accepted=lambda line: self._accepted(line, kept),
        )

    def _accepted(self, line: Mapping[str, Json], kept: Held) -> bool:
        """Whether one more attempt on the way down is taken, on top of those before it."""
        arithmetic = self._arithmetic
        return bool(arithmetic.attempt(plain(line), kept, arithmetic.down(kept)[1].test)["accepted"])

    # The floor

    def _floor(self) -> Held:
        constant = find("layers", "constant")().fit(self.base, self.parts.pool)
        stack = Stack(self.model, (constant,))
        test = self.asking.run(stack, self.parts.test, "test", "floor: judging")
        edge = self.asking.edge(stack, "floor")
        self.evidence.add("floor", test=test.id, edge=edge, unloaded=None, answer=constant.text)
        return self._arithmetic.floor()

    # Rung by rung

    def _rung(self, rung: Rung, held: Held) -> Held:
        if self.stopped:
            self._note(rung, "not_needed", self.stopped)
            return held
        known = self._ceilings() if self.diagnosed is self.base_run else {}
        from .readiness import attempts_of

        proposal = plan(
            rung,
            self.task,
            diagnosis=self.diagnosis,
            ceilings=known,
            signals=self.signals,
            model=self.model,
            attempts=attempts_of(Reading(self.evidence)),
            forced=self.forced,
        )
        if proposal.action != "try":
            self._note(rung, "skipped" if proposal.action == "skip" else "refused", proposal.reason, proposal)
            if proposal.action == "skip" and proposal.ceiling and self.base_run:
                self.skipped.append((rung, self.base, self.base_run))
            return held
        begun = self.evidence.one("plan")["hash"]
        if dear := too_dear(rung, self.task, begun, budget=self.budget, ledger=self.ledger):
            self._note(rung, "unaffordable", dear, proposal)
            return held
        held = self._measured(rung, proposal, held)
        if rung.name == "prompt" and not self.stopped and self.base_run is not None:
            self.watch("diagnosing the failures that are left", None)
            self._diagnose(self.base_run, self.failures)
        return held

    def _measured(self, rung: Rung, proposal: Proposal, held: Held) -> Held:
        """Choose a variant on dev, judge it once on test, and keep it or not."""
        before = self.base_run
        chosen, selected, variants = self._chosen(rung)
        stack, run_ = self._with_hand_over(rung, chosen, selected)
        name = _variant_name(chosen, rung) + (", after the classifier" if stack is not chosen else "")
        variants = [{**v, "name": name} if v["name"] == _variant_name(chosen, rung) else v for v in variants]
        common = {"variants": variants, "chosen": name, "dev_runs": self._dev_runs}
        if against := self._behind(rung, held, run_):
            self._note(rung, "dev", "", proposal, **common, dev_run=run_.id, dev_against=against)
            if self._carries(rung, held, before, selected):
                self.base, self.base_run, self.base_judged = chosen, selected, None
            return held
        beneath = None if rung.name in ("classifier", "prompt") else self.base_judged
        against = [held.test, *([beneath["test"]] if beneath and beneath["test"] != held.test else [])]
        judged = self.asking.judged(stack, rung.title, run_, against, settled)
        measured = {**common, **judged, "beneath": beneath, "duties": duties_of(stack, self.task)}
        self.tried += [stack] if rung.name == "fine_tuning" else []
        measured |= self._on_edge(rung, stack, proposal, measured, held)
        self._note(rung, "measured", "", proposal, **measured)
        step, now = self._last_step(held)
        kept = step["status"] == "kept"
        if kept:
            self.best, self.best_run = stack, run_
        self.prompt_kept |= kept and rung.name == "prompt"
        if rung.name == "classifier":
            self.classifier = next(iter(stack.layers), None)
        elif kept or self._carries(rung, held, before, selected):
            self.base, self.base_run = chosen, selected
            self.base_judged = {"rung": rung.name, **judged} if stack is chosen else None
        if kept and step["meets_target"]:
            self.stopped = f"{rung.title} already meets the target"
        return now if kept else held

    def _with_hand_over(self, rung: Rung, chosen: Stack, selected: Run) -> tuple[Stack, Run]:
        """The chosen stack, or the classifier over it, answering where it is sure: whichever dev prefers."""
        best = (chosen, selected)
        if self.classifier is None:
            return best
        least = max(selected.quality or 0.0, (self.best_run.quality if self.best_run else None) or 0.0)
        for sure in HAND_OVER_BELOW:
            stack = placed(chosen, replace(self.classifier, threshold=sure))  # type: ignore[call-arg]
            tried = self._on_dev(stack, self.parts.select, f"{rung.title}: after the classifier")
            if (tried.quality or 0.0) > least:
                best, least = (stack, tried), tried.quality or 0.0
        return best

    def _chosen(self, rung: Rung) -> tuple[Stack, Run, list[dict[str, Json]]]:
        """The best variant on `select`; a prompt that was chosen in the dark is chosen again under it."""
        self._dev_runs: list[str] = []
        stacks = self._variants(rung)
        if rung.name == "prompt":
            self.prompts = [stack.layers[-1] for stack in stacks if stack.layers]
        best, selected, told = self._best_of(stacks, rung, "variant")
        before = (self.base_run.quality if self.base_run else None) or 0.0
        if rung.name in ("few_shot", "retrieval") and not self.prompt_kept:
            others = [x for x in (placed(best, prompt) for prompt in self.prompts) if x != best]
            if others and (selected.quality or 0.0) >= before + LIT:
                best, selected, more = self._best_of([best, *others], rung, "prompt")
                told = [{**v, "name": _variant_name(best, rung)} if v["name"] == more[0]["name"] else v for v in told]
        return best, selected, told

    def _best_of(self, stacks: list[Stack], rung: Rung, kind: str) -> tuple[Stack, Run, list[dict[str, Json]]]:
        """The best on select, its run there, and the variants as the rung's line tells them."""
        found = choose(stacks, self.parts.select, self._on_dev, rung.title, kind)
        return found.stack, found.run, found.told(lambda s: _variant_name(s, rung))

    def _variants(self, rung: Rung) -> list[Stack]:
        if getattr(self.model, "fixed", False) and rung.name == "prompt":
            return [self.base]
        if rung.name == "fine_tuning":
            from .tuning import Tuning

            return Tuning(self.asking, self.base, self.best_run or self.base_run).stacks()
        layer = layer_of(rung, self.task)
        below = Stack(self.model, (), self.base.sampling) if rung.name in ("classifier", "prompt") else self.base
        found: list[Stack] = []
        for variant in layer.variants(self.parts.pool) if layer else ():
            self.watch(f"{rung.title}: learning", None)
            stack = placed(below, variant.fit(below, self.parts.pool))
            if stack not in found:
                found.append(stack)
        if not found:
            raise InputError(f"the {rung.layer} layer proposed no variant")
        return found

    def _behind(self, rung: Rung, held: Held, after: Run) -> Json:
        """The dev run that shows a rung hopeless, so that test need not be opened for it; None if it is not.

        Either no variant gained on the stack without it, nor reached the target, or it is proven behind what is held.
        """
        before, target = self.base_run, self.task.target
        bound = None if target.quality is None else target.quality - target.tolerance
        builds = rung.name not in ("classifier", "prompt")
        if builds and before and not worth_opening(before.quality or 0.0, after.quality or 0.0, bound):
            return {"run": before.id, "title": "the stack without it"}
        if self.best_run is None:
            return None
        found = pairs(
            {r.id: r.value for r in self.best_run.records},
            {r.id: r.value for r in after.records},
            self.parts.select.examples,
            alpha=BEHIND,
        )
        return {"run": self.best_run.id, "title": held.rung} if found.decision == "worse" else None

    def _carries(self, rung: Rung, held: Held, before: Run | None, after: Run) -> bool:
        """Whether heavier rungs build on a stack that was not kept: always on a prompt, and where what is held is no
        stack of the model's own and dev shows a gain worth having."""
        if rung.name == "prompt":
            return True
        gain = (after.quality or 0.0) - ((before.quality or 0.0) if before else 0.0)
        return held.rung in ("floor", "classifier") and gain >= self.task.profile.smallest_lift

    def _forgetting(self) -> None:
        """What training cost in general: of the final stack, or of the adapter that was judged and not kept."""
        from .regressions import TRAINED, forgetting

        for stack in (s for s in (self.best, *self.tried) if set(s.names) & set(TRAINED)):
            forgetting(self.asking, stack)
            return

    def _on_edge(
        self, rung: Rung, stack: Stack, proposal: Proposal, measured: Mapping[str, Json], held: Held
    ) -> dict[str, Json]:
        """Edge items and unloaded latencies, asked only of a rung that test alone would keep."""
        line = self._line(rung, "measured", "", proposal, **measured)
        if self._arithmetic.step(line, held)["status"] != "kept":
            return {}
        return {"edge": self.asking.edge(stack, rung.title), "unloaded": self.asking.unloaded(stack, rung.title)}

    def _note(self, rung: Rung, outcome: str, reason: str, proposal: Proposal | None = None, **more: Json) -> None:
        self.evidence.add("rung", **self._line(rung, outcome, reason, proposal, **more))

    def _line(self, rung: Rung, outcome: str, reason: str, proposal: Proposal | None, **more: Json) -> dict[str, Json]:
        line = {
            "rung": rung.name,
            "title": rung.title,
            "outcome": outcome,
            "reason": reason,
            "gates": proposal.gates if proposal else (),
            "because": [f.cause for f in proposal.because] if proposal else [],
            "ceiling_of": self.diagnosed.id if proposal and proposal.ceiling and self.diagnosed else None,
            "estimate_of": self.diagnosed.id
            if proposal and self.diagnosed and self.diagnosed is self.base_run
            else None,
            "signals_of": self.diagnosed.id if proposal and proposal.acts_on and self.diagnosed else None,
        }
        return {**line, **UNMEASURED, **more}

    def _last_step(self, held: Held) -> tuple[Mapping[str, Json], Held]:
        line = list(self.evidence.of("rung"))[-1]
        arithmetic = self._arithmetic
        return arithmetic.step(line, held), arithmetic.held(line)

    @property
    def _arithmetic(self) -> Conclusion:
        return Conclusion(Reading(self.evidence))

    # Diagnosis

    def _diagnose(self, of: Run, at_most: int) -> None:
        self.diagnosis = diagnose(
            of,
            task=self.task,
            pool=self.parts.pool,
            runner=lambda stack, examples, sample: run(
                stack,
                examples,
                ledger=self.ledger,
                budget=self.budget,
                sample=sample,
                progress=lambda p: self.watch("diagnosing the failures that are left", p),
            ),
            evidence=self.evidence,
            at_most=at_most,
            calls=CALLS_A_FAILURE * at_most,
            seed=self.task.seed,
        )
        self.diagnosed = of
        if (found := recall_of(of.stack, of.dataset)) and not any(x["of"] == of.id for x in self.evidence.of("recall")):
            self.evidence.add("recall", of=of.id, share=found)
        self.signals = signals_of(Reading(self.evidence), self.diagnosis)

    def _explain(self, held: Held) -> None:
        """Diagnose what the final stack still gets wrong on dev, unless that is known already."""
        final = self.best_run if held.rung != "floor" else None
        if final is not None and (self.diagnosed is None or self.diagnosed.id != final.id):
            self._diagnose(final, min(self.failures, EXPLAINED_AT_MOST))

    def _ceilings(self) -> dict[str, Ceiling]:
        return ceilings_of(Reading(self.evidence), self.diagnosed.id) if self.diagnosed else {}

    # Running

    def _on_dev(self, stack: Stack, examples: Dataset, stage: str) -> Run:
        """Run a stack on dev, to choose by."""
        found = self.asking.run(stack, examples, "select", stage)
        self._dev_runs.append(found.id)
        return found

    _dev_runs: list[str] = field(default_factory=list)


def _variant_name(stack: Stack, rung: Rung) -> str:
    """The variant in a few words: the layer's own name for it, else the fields that differ from its defaults."""
    layer = next((x for x in stack.layers if name_of(type(x)) == rung.layer), None)
    if layer is None:
        return "as it is"
    return str(getattr(layer, "label", None) or f"{rung.layer} {stack.digest[:6]}")


def _quietly(stage: str, progress: Progress | None) -> None:
    """Say nothing."""
