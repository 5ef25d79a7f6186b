"""Forms: what a stack can be on another base, from its prompt alone up to all its layers, and its tune run again.

Weights do not port (docs/framework.md §8): an adapter or a student stays behind, whatever form the stack takes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from .errors import InputError
from .model import Model
from .places import placed
from .plan import ANSWERS_WITHOUT_MODEL, LADDER
from .plugins import find, name_of
from .stack import Stack
from .task import Task

WEIGHED = tuple(str(r.layer) for r in LADDER)
LEARNED = ("adapter", "student")
"""Layers that hold weights of the base beneath."""
STAYING = ("prompt", *ANSWERS_WITHOUT_MODEL, *LEARNED)
"""Layers that no form differs by: every form has a prompt and what spares the model calls, and no old weights."""
AGAIN = "tuned again"


@dataclass(frozen=True)
class Form:
    """One form of a stack on another base, in the variants that dev chooses among."""

    name: str
    title: str
    stacks: Callable[[], Sequence[Stack]]
    trains: bool = False


def forms(task: Task, stack: Stack, base: Model, again: Callable[[Stack], Stack] | None = None) -> tuple[Form, ...]:
    """Every form of the stack over the base, the lightest first; each has every layer of those before it.

    `again` trains what the stack had learned anew over the heaviest of them: the last form, where it is given. Raises
    `InputError` for a stack that asks no model.
    """
    if not set(stack.names) - {*ANSWERS_WITHOUT_MODEL, "constant"}:
        raise InputError("this stack asks no model", hint="nothing in it changes with the base")
    heavy = _heavy(stack.names)
    found = [_form(task, stack, base, heavy[:k], heavy) for k in range(len(heavy) + 1)]
    if again is not None:
        train = again
        title = "with every layer, tuned again on the new base"
        found.append(Form(AGAIN, title, lambda: [train(stack.over(base))], trains=True))
    return tuple(found)


def names_of(layers: Sequence[str]) -> list[str]:
    """The names of the forms that a stack with these layers has on another base, but for the one that is trained."""
    heavy = _heavy(layers)
    return [" + ".join(["prompt", *heavy[:k]]) for k in range(len(heavy) + 1)]


def _heavy(layers: Sequence[str]) -> list[str]:
    return sorted((n for n in dict.fromkeys(layers) if n not in STAYING), key=_weight)


def _form(task: Task, stack: Stack, base: Model, kept: Sequence[str], heavy: Sequence[str]) -> Form:
    names = ["prompt", *kept]
    away = {*LEARNED, *heavy} - {*kept}
    below = replace(stack.over(base), layers=tuple(x for x in stack.layers if name_of(type(x)) not in away))
    title = "with a prompt alone" if not kept else f"with {', '.join(names)}"
    return Form(" + ".join(names), title, lambda: _worded(task, below))


def _worded(task: Task, below: Stack) -> Sequence[Stack]:
    """The stack with the prompt it had, and with every other one that a climb would try."""
    prompt = find("layers", "prompt").for_task(task)
    had = [below] if "prompt" in below.names else []
    tried = [placed(below, p.fit(below, task.parts.pool)) for p in prompt.variants(task.parts.pool)] if prompt else []
    found: list[Stack] = []
    for one in [*had, *(tried or [below])]:
        if one not in found:
            found.append(one)
    return found


def _weight(name: str) -> int:
    return WEIGHED.index(name) if name in WEIGHED else len(WEIGHED)
