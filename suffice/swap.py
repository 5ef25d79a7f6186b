"""Swap: does another base do what today's stack does, and in how light a form? Downwards first, declared and proven.

The stack's forms over the new base are held against the stack as it stands on the same test items, the lightest first,
until one is proven to lose less than the margin.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from .artifacts import write_whole
from .asking import UNLOOKED, Asking, Watch
from .budget import Budget
from .choose import Chosen, choose
from .curate import deserving
from .declare import ALPHA, chained, judge_of, rests_on
from .descend import duties_of
from .digest import digest_of, plain
from .errors import InputError
from .evidence import Evidence
from .forms import Form, forms
from .freeze import dated
from .layer import Gate
from .ledger import Ledger, place_of
from .looks import graded, sizes_of
from .model import resolve
from .retirements import Retirement, retires
from .run import Progress
from .stack import Stack, save
from .swapped import Swapping
from .task import Task
from .training import base_of, missing
from .types import Json
from .verdict import Verdict

SWAP, RECORDS = "swap.json", "swap-records.jsonl"
WORSE, BROKEN = ALPHA / 4, ALPHA / 4
"""What all forms share for "proven worse", and for what the edge partition may say; the other half is for the proof."""


def swap(
    task: Task,
    stack: Stack,
    to: str,
    *,
    ledger: Ledger | None = None,
    budget: Budget | None = None,
    watch: Watch | None = None,
    margin: float | None = None,
    again: bool = True,
    forced: Sequence[str] = (),
    write: bool = True,
    today: date | None = None,
) -> Verdict:
    """Hold a stack's forms over the model at address `to` against the stack as it stands; `write` leaves swap.json.

    `margin` is the loss that is tolerated (the target's tolerance where none is given). With `again`, what the stack
    had learned is trained anew on the new base where nothing lighter will do and the gates hold. Raises `InputError`
    for a base that is the old one, and for a stack that asks no model.
    """
    own = ledger or Ledger.open(place_of(task.state))
    try:
        loss = task.target.tolerance if margin is None else margin
        asked = _Swap(task, stack, to, own, budget or Budget(), watch or _quietly, loss, again, tuple(forced))
        return asked.verdict(write, today or datetime.now(UTC).date())
    finally:
        if ledger is None:
            own.close()


@dataclass
class _Swap:
    """One swap under way."""

    task: Task
    stack: Stack
    to: str
    ledger: Ledger
    budget: Budget
    watch: Watch
    margin: float
    again: bool
    forced: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 0 < self.margin < 1:
            raise InputError(f"a margin of {self.margin:g} is none", hint="a share of the score, such as 0.02")
        self.base = resolve(self.to, folder=self.task.folder)
        if plain(self.base.spec) == plain(getattr(self.stack.model, "spec", None)):
            raise InputError(f"`{self.to}` is the base that this stack stands on", hint="name another: --model ADDRESS")
        self.moved = replace(self.task, model=self.to)
        self.evidence = Evidence()
        self.asking = Asking(self.task, self.ledger, self.budget, self.watch, self.evidence)
        self.forms = forms(self.task, self.stack, self.base, self._tuned if self.again and self._tunes else None)

    def verdict(self, write: bool, today: date) -> Verdict:
        self.asking.plan = self._declare()
        self._today(today)
        for form in self.forms:
            if self._judged(form):
                break
        found = Verdict(Swapping.of(self.evidence).body(), self.evidence)
        return self._written(found) if write else found

    def _declare(self) -> Any:
        """The forms in their order, the margin and every level, chained before test is asked anything."""
        names = [form.name for form in self.forms]
        each = ALPHA / 2 / len(names)
        levels = {"alpha": ALPHA, "alpha_down": ALPHA / 2, "alpha_target": each, "margin": self.margin}
        levels |= {"alpha_worse": WORSE / len(names), "alpha_claim": BROKEN / len(names)}
        looks = "none" if judge_of(self.task) or getattr(self.base, "fixed", False) else self.task.looks
        sizes = sizes_of(self.task.parts.test.examples, looks, each)
        body = {"candidates": names, **levels, "looks": looks, "sizes": sizes, **rests_on(self.task, self.base)}
        body |= {"forced": sorted(self.forced)} if self.forced else {}
        body |= {"swap": {"from": self.stack.digest, "to": self.to, "base": digest_of(plain(self.base.spec))}}
        return chained(self.task, self.ledger, self.evidence, "swap", body, (self.to,))

    def _today(self, today: date) -> None:
        """The stack as it stands, asked about every test item; what the ledger holds of it costs nothing."""
        test = self.asking.run(self.stack, self.task.parts.test, "test", "today's stack")
        edge = self.asking.edge(self.stack, "today's stack")
        old = self._from
        ends, next_ = (retires(address, self.task.folder) for address in (old, self.to))
        told: dict[str, Json] = {"from": old, "to": self.to, "day": today.isoformat()}
        told |= {"test": test.id, "edge": edge, "ends": _end(ends), "to_ends": _end(next_)}
        told |= {"duties": duties_of(self.stack, replace(self.task, model=old))}
        self.evidence.add("swap", **told, unloaded=None, dev_runs=[])

    @property
    def _from(self) -> str:
        """The address of the stack's own base; its name where that is not the task's model any more."""
        own = resolve(self.task.model, folder=self.task.folder)
        stands = plain(own.spec) == plain(getattr(self.stack.model, "spec", None))
        return self.task.model if stands else str(getattr(self.stack.model, "name", self.task.model))

    def _judged(self, form: Form) -> bool:
        """Choose a form's prompt on dev, ask it about test look by look, and say whether it is the one to move to."""
        common: dict[str, Json] = {**UNLOOKED, "form": form.name, "title": form.title, "trains": form.trains}
        common |= {"test": None, "reason": "", "duties": [], "variants": [], "chosen": None, "dev_runs": []}
        if form.trains:
            common["gates"], closed = self._gates()
            if closed:
                self.evidence.add("form", **{**common, "reason": closed})
                return False
        found = self._chosen(form)
        seen: dict[str, Json] = {"variants": found.told(_named), "chosen": _named(found.stack), "told_by": found.run.id}
        seen |= {"dev_runs": [run.id for _, run in found.looks], "graded": graded(r.value for r in found.run.records)}
        line = self._asked(found.stack, form, {**common, **seen, "duties": duties_of(found.stack, self.moved)})
        if self._arithmetic.stands(line) == "enough":
            line |= {"edge": self.asking.edge(found.stack, form.title)}
            line |= {"unloaded": self.asking.unloaded(found.stack, form.title)}
        self.evidence.add("form", **line)
        return bool(self._arithmetic.form(line)["status"] == "moves")

    def _chosen(self, form: Form) -> Chosen:
        self.watch(f"{form.title}: learning", None)
        return choose(form.stacks(), self.task.parts.select, self._on_dev, form.title)

    def _on_dev(self, stack: Stack, examples: Any, stage: str) -> Any:
        return self.asking.run(stack, examples, "select", stage)

    def _asked(self, stack: Stack, form: Form, line: dict[str, Json]) -> dict[str, Json]:
        test = self.task.parts.test
        for size in self.asking.plan["sizes"]:
            found = self.asking.run(stack, test, "test", f"{form.title}: {size} of {len(test)}", first=size)
            line = {**line, "test": found.id, "items": len(found.records)}
            if self._arithmetic.stands(line) != "undecided":
                break
        return line

    @property
    def _arithmetic(self) -> Swapping:
        return Swapping.of(self.evidence)

    # Training again

    @property
    def _tunes(self) -> bool:
        """Whether the stack has an adapter that could be trained on the new base on this machine."""
        return "adapter" in self.stack.names and base_of(self.base) is not None and not missing()

    def _gates(self) -> tuple[tuple[Gate, ...], str]:
        """The gates of training again, and why it is refused, or nothing."""
        from .plan import LADDER, plan
        from .readiness import refused

        tuning = next(r for r in LADDER if r.name == "fine_tuning")
        gates = plan(tuning, self.moved, model=self.base, forced=self.forced).gates
        return gates, "; ".join(f"{g.name}: {g.measured}, needed {g.needed}" for g in refused(gates))

    def _tuned(self, stack: Stack) -> Stack:
        """The stack over the new base, its adapter learned again there from the task's own examples."""
        from .trainer import listening
        from .tuning import told_by

        at = stack.names.index("adapter")
        below = replace(stack, layers=stack.layers[at + 1 :])
        layer: Any = replace(stack.layers[at], adapter="", served="", replies="expected")  # type: ignore[call-arg]
        with listening(lambda s: self.watch("training again on the new base", told_by(s))):
            fitted = layer.fit(below, deserving(self.task.parts.pool, self.task))
        above = tuple(x for x, name in zip(stack.layers[:at], stack.names[:at], strict=True) if name != "student")
        return replace(stack, layers=(*above, fitted, *below.layers))

    # Leaving it

    def _written(self, found: Verdict) -> Verdict:
        """Leave swap.json, its records and the stack that it ends at in the task's folder."""
        folder = self.task.folder
        body = dated(found, self.ledger, folder / RECORDS)
        stack = next((s for s in self.asking.stacks.values() if s.digest == found.body["stack_digest"]), self.stack)
        stacks = self.task.state / "stacks"
        stacks.mkdir(parents=True, exist_ok=True)
        stack.save(stacks / f"{stack.digest}.yaml")
        write_whole(folder / SWAP, json.dumps(body, indent=1, ensure_ascii=False).encode() + b"\n")
        return replace(found, body=body, folder=folder)


def accept(task: Task, by: str, *, ledger: Ledger, because: str = "", now: datetime | None = None) -> Verdict:
    """Take the stack of a swap that moved: swap.json is verified, stack.yaml replaced, duties ended and taken on.

    Decision and duties are one transaction, and accepting again finishes what was cut short. The task's own file is not
    touched: its `model` line is for its owner to change. Raises `InputError` where no swap
    has moved, and `Disproved` where swap.json does not follow from its records.
    """
    from .history import given
    from .undertake import choose_to_keep
    from .verify import verify

    path = task.folder / SWAP
    if not path.is_file():
        raise InputError("there is no swap to accept", file=str(path), hint="suffice swap FOLDER --model ADDRESS")
    verify(path)
    body = json.loads(path.read_text(encoding="utf-8"))
    if body["decision"] != "moved":
        raise InputError(f"nothing is to be accepted: {body['headline']}", file=str(path))
    _still(task, body)
    evidence = Evidence.read(task.folder / body["records"]["path"])
    at = now or datetime.now(UTC)
    because = because or body["headline"]
    choose_to_keep(ledger, given(ledger, body, at), by=by, because=because, at=at, folder=task.folder)
    save(body["stack"], body["stack_digest"], task.folder / "stack.yaml")
    return Verdict(body, evidence, task.folder)


def _still(task: Task, body: Json) -> None:
    """Raise where another stack stands by now than the one that was swapped, or the one that it was swapped for."""
    import yaml

    path = task.folder / "stack.yaml"
    told = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None
    if told is None:
        return
    stands = told.get("digest") if isinstance(told, dict) else None
    if (stands or Stack.load(path).digest) not in (body["from"]["stack_digest"], body["stack_digest"]):
        raise InputError("another stack stands by now than the one that was swapped", file=str(path), hint="swap again")


def ladder(
    task: Task,
    to: str,
    *,
    ledger: Ledger,
    budget: Budget | None = None,
    watch: Watch | None = None,
    forced: Sequence[str] = (),
) -> Verdict:
    """Climb the whole ladder with the model at address `to` in the task's place, and leave the verdict in swap/.

    Nothing of the task's own folder is replaced; the stack is kept under its digest.
    """
    from .climb import climb

    moved, folder = replace(task, model=to), task.folder / "swap"
    found = climb(moved, ledger=ledger, budget=budget, watch=watch, forced=forced, write=False)
    folder.mkdir(exist_ok=True)
    body = dated(found, ledger, folder / "records.jsonl")
    write_whole(folder / "verdict.json", json.dumps(body, indent=1, ensure_ascii=False).encode() + b"\n")
    if body["stack"]:
        stacks = task.state / "stacks"
        stacks.mkdir(parents=True, exist_ok=True)
        save(body["stack"], body["stack_digest"], stacks / f"{body['stack_digest']}.yaml")
    return replace(found, body=body, folder=folder)


def _end(found: Retirement | None) -> Json:
    return None if found is None else {"on": found.on.isoformat(), "source": found.source, "instead": found.use}


def _named(stack: Stack) -> str:
    """A variant by its prompt's first words."""
    from .plugins import name_of

    prompt = next((x for x in stack.layers if name_of(type(x)) == "prompt"), None)
    told = " ".join(str(getattr(prompt, "instructions", "")).split())
    return f"{stack.digest[:6]} {told[:40]}".strip()


def _quietly(stage: str, progress: Progress | None) -> None:
    """Say nothing."""
