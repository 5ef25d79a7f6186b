"""Leave out: the final stack on dev without each of its layers, so that the verdict can say what each brings."""

from __future__ import annotations

from .asking import Asking
from .places import ANSWERING
from .stack import Stack


def leave_out(asking: Asking, stack: Stack) -> None:
    """Run the final stack on dev without each of its layers, where that can be paid for, and write it down.

    What the layers learned is kept as it is; nothing is fitted again. Layers that spare the model calls stay.
    """
    select, names = asking.task.parts.select, [n for n in stack.names if n not in ANSWERING]
    if not names:
        return
    if not asking.begins({"left out": stack.digest}, len(select) * len(names)):
        return
    whole = asking.run(stack, select, "select", "each layer's part: all of them")
    without = {n: asking.run(stack.without(n), select, "select", f"each layer's part: without {n}") for n in names}
    asking.evidence.add("left_out", whole=whole.id, without=[[name, run.id] for name, run in without.items()])
