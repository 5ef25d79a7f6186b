"""Obligations: what keeping any stack obliges to, whatever its layers: base, judge, edge set, owner.

The intervals are ours, no source's, and are printed with each duty: half a year is the time in which docs/framework.md
§2 wants a tuned model held against a current base, a quarter the time after which a judge's labels are old.
"""

from __future__ import annotations

from collections.abc import Iterator

from .layer import Duty
from .retirements import hosted
from .score import AskingScorer
from .stack import Stack
from .task import Task

HALF_A_YEAR, A_QUARTER = 182, 91
UNASKED = {"classifier", "constant"}
"""Layers that answer without a model."""


def obligations(stack: Stack, task: Task) -> tuple[Duty, ...]:
    """The duties of the stack as a whole; those of its layers come from the layers."""
    return tuple(_found(stack, task))


def ending_base(model: str, owner: str | None) -> Duty:
    """What a hosted model obliges to; it has a day once its maker names one."""
    return Duty(
        what=f"move from {model} to another base before it ends",
        why="a hosted model answers until its maker ends it, and what was measured on it does not move along",
        when="its maker names an end date",
        owner=owner,
        command="suffice swap",
        kind="retirement",
        about=model,
    )


def ending_judge(model: str, owner: str | None) -> Duty:
    """What a hosted judge obliges to once its maker names an end date."""
    return Duty(
        what=f"judge by another model than {model} before it ends, and hold that one against people's labels",
        why="no score can be given again without the model that gave it, and another judge gives other ones",
        owner=owner,
        command="suffice climb",
        kind="re-judge",
        about=model,
    )


def closing_provider(provider: str, owner: str | None) -> Duty:
    """What a model tuned elsewhere obliges to where its provider will take no new jobs."""
    return Duty(
        what=f"find another place to tune than {provider}",
        why="it takes no new tuning jobs from then on, and this stack has to be tuned again when anything changes",
        when="the provider closes",
        owner=owner,
        command="suffice platforms",
        kind="retirement",
        about=provider,
    )


def _found(stack: Stack, task: Task) -> Iterator[Duty]:
    owner = task.profile.owner
    if hosted(task.model) and set(stack.names) - UNASKED:
        yield ending_base(task.model, owner)
    if isinstance(task.dataset.scorer, AskingScorer):
        yield Duty(
            what="have people label a fresh random sample, and hold the judge against it",
            why="a judge's scores count as far as people's labels of recent outputs stand behind them",
            every_days=A_QUARTER,
            when="the judge's model or its instructions change",
            owner=owner,
            command="suffice compare --draw",
            kind="re-judge",
        )
    yield Duty(
        what="refresh the edge partition with what has failed since",
        why="unusual input moves on, and an edge set that is never renewed tests last year's",
        every_days=HALF_A_YEAR,
        when="users report a failure that no example covers",
        owner=owner,
        command="suffice climb",
        kind="edge set",
    )
    yield Duty(
        what="confirm who owns this stack" if owner else "name somebody who owns this stack",
        why="a duty without a person is done by nobody"
        + ("" if owner else ": name one under profile.owner in suffice.yaml, then climb"),
        every_days=HALF_A_YEAR,
        when="the owner changes team",
        owner=owner,
        command="suffice due" if owner else "suffice climb",
        kind="owner",
    )
