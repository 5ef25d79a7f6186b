"""Descend: lighter changes of the stack that the climb stopped at, each held against it; what is not worse goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from .asking import UNLOOKED, Asking
from .layer import Duty, Gate, Layer
from .looks import asked_of, graded
from .model import Model
from .places import ANSWERING, placed
from .plugins import name_of
from .record import Run
from .stack import Stack
from .stats import rung
from .task import Task
from .types import Json

MARGIN = 0.05
"""The loss that a lighter stack may have against the frozen one; `suffice gate` tolerates as much."""


@dataclass(frozen=True)
class Change:
    """One way to make a stack lighter."""

    name: str
    words: str
    apply: Callable[[Stack], Stack]
    margin: float = MARGIN
    """The loss that it may have."""
    trains: bool = False
    """Whether applying it trains something: then it is not applied where test could not prove it anyway."""
    gates: tuple[Gate, ...] = ()
    """What held, or was forced, before it may train."""


def changes(stack: Stack, prompts: Sequence[Layer], cheaper: Model | None) -> tuple[Change, ...]:
    """What could be lighter about a stack: each layer away, a shorter prompt, fewer examples, a cheaper model."""
    removable = [name for name in stack.names if name not in ANSWERING]
    found = [Change(f"without {n}", f"without the layer {n}", lambda s, n=n: s.without(n)) for n in removable]  # type: ignore[misc]
    found += _shorter_prompt(stack, prompts)
    found += _fewer_examples(stack)
    if cheaper is not None:
        found.append(Change("cheaper model", f"over {cheaper.name}", lambda s: s.over(cheaper)))
    return tuple(found)


def descend(
    asking: Asking,
    stack: Stack,
    dev: Run,
    against: str,
    *,
    options: Sequence[Change],
    aimed: bool,
    accepted: Callable[[Mapping[str, Json]], bool],
) -> Stack:
    """Try each change in turn, on top of those that were accepted, always against the frozen stack's run on test.

    The attempts share the error that was declared for the way down. `aimed`: the frozen stack met the target, and so
    must each attempt. `accepted` decides from an attempt's line of evidence; it is asked before edge, and after.
    """
    current, alpha = stack, asking.plan["alpha_down"] / max(1, len(options))
    partly = graded(r.value for r in dev.records)
    test = asking.task.parts.test.examples
    asked = asked_of(asking.plan, asking.task_line, test, graded=partly, alpha_target=alpha, alpha_lift=alpha)
    for option in options:
        tellable = rung.tellable(asked, option.margin)
        lighter = current if option.trains and not tellable else option.apply(current)
        if lighter == current and not (option.trains and not tellable):
            continue
        common = {"change": option.name, "title": option.words, "against": against, "attempts": len(options)}
        common |= {"margin": option.margin, "gates": option.gates}
        common |= {"dev_runs": [], "dev_run": None, "dev_against": None}
        if not tellable:
            asking.evidence.add("down", **{**common, **UNLOOKED, "test": None})
            continue
        tried = asking.run(lighter, asking.task.parts.select, "select", f"{option.name}: on dev")
        seen = {"dev_runs": [tried.id], "dev_run": tried.id, "dev_against": dev.id}
        if not _promising(dev, tried, option.margin):
            asking.evidence.add("down", **{**common, **UNLOOKED, **seen, "test": None})
            continue
        found = asking.looked(lighter, option.name, asked, [against], _enough(aimed, option.margin))
        line = {**common, **UNLOOKED, **found, **seen, "graded": partly, "told_by": dev.id}
        if accepted(line):
            line["edge"] = asking.edge(lighter, option.name)
            line["duties"] = duties_of(lighter, asking.task)
            current = lighter if accepted(line) else current
        asking.evidence.add("down", **line)
    return current


def duties_of(stack: Stack, task: Task) -> list[Duty]:
    """What somebody takes on who keeps a stack, from its innermost layer on."""
    from .obligations import obligations

    return [*(duty for layer in reversed(stack.layers) for duty in layer.duties(task)), *obligations(stack, task)]


def _promising(before: Run, after: Run, margin: float) -> bool:
    """Whether dev makes it likely enough that the loss stays within the margin."""
    both = [(b.value, a.value) for b, a in zip(before.records, after.records, strict=True)]
    judged = [(b, a) for b, a in both if b is not None and a is not None]
    return rung.promising([b for b, _ in judged], [a for _, a in judged], margin)


def _enough(aimed: bool, margin: float) -> Callable[[rung.Asked, rung.Scores, rung.Scores], bool]:
    return lambda asked, before, after: rung.lighter(asked, before, after, margin, aimed=aimed) != "undecided"


def _shorter_prompt(stack: Stack, prompts: Sequence[Layer]) -> list[Change]:
    """The shortest of the prompts that were tried, where it is shorter than today's."""
    today = next((x for x in stack.layers if name_of(type(x)) == "prompt"), None)
    shortest = min(prompts, key=_length, default=None)
    if today is None or shortest is None or _length(shortest) >= _length(today):
        return []
    words = f"with a prompt of {_length(shortest)} characters instead of {_length(today)}"
    return [Change("shorter prompt", words, lambda s: placed(s, shortest) if "prompt" in s.names else s)]


def _length(prompt: Layer) -> int:
    return len(getattr(prompt, "instructions", "")) + len(getattr(prompt, "question", ""))


def _fewer_examples(stack: Stack) -> list[Change]:
    """Half as many examples as are shown today."""
    shown = next((x for x in stack.layers if name_of(type(x)) == "few_shot"), None)
    k = int(getattr(shown, "k", 0))
    if k < 2:
        return []

    def halved(of: Stack) -> Stack:
        layers = (replace(x, k=k // 2) if name_of(type(x)) == "few_shot" else x for x in of.layers)  # type: ignore[call-arg]
        return replace(of, layers=tuple(layers))

    return [Change("fewer examples", f"with {k // 2} examples instead of {k}", halved)]
