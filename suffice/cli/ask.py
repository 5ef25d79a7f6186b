"""`suffice ask`: one question, answered by the stack as it stands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import AsJson, Folder, MaxCalls, StackFile, Usd
from .say import tell

if TYPE_CHECKING:
    from rich.console import Console

    from ..budget import Budget
    from ..stack import Stack
    from ..task import Task
    from ..types import Answer, Json


def ask(
    folder: Folder,
    question: Annotated[str, typer.Argument(help="What to ask.")],
    stack: StackFile = None,
    budget: Usd = None,
    max_calls: MaxCalls = None,
    as_json: AsJson = False,
) -> None:
    """Answer one question with the frozen stack, or with the prompt where nothing is frozen yet."""
    from ..load import load
    from .standing import budget_of, standing

    task = load(Path(folder))
    standing_stack, source = standing(task, stack)
    answer = _answer(task, standing_stack, question, budget_of(budget, max_calls))
    body = {"question": question, "stack": source, "digest": standing_stack.digest, **_body(answer)}
    tell(as_json, body, lambda screen: _show(answer, source, standing_stack, screen))


def _answer(task: Task, stack: Stack, question: str, budget: Budget | None) -> Answer:
    """The question is asked afresh, with retries; it is not part of any run."""
    from ..calls import Calls
    from ..types import Request
    from .standing import ledger_of

    with ledger_of(task) as ledger:
        calls = Calls(stack.model, ledger, budget)  # type: ignore[arg-type]  # what `resolve` made is a Model
        return stack.over(calls)(Request(question, fields={"input": question}))


def _body(answer: Answer) -> dict[str, Json]:
    return {
        "answer": answer.text,
        "value": answer.value,
        "status": answer.status,
        "citations": list(answer.citations),
        "passages": _passages(answer),
        "confidence": answer.confidence,
        "ms": round(answer.ms, 1),
        "usd": answer.cost,
        "usage": answer.usage,
        "steps": [replace(step, notes={}) for step in answer.trace],
    }


def _passages(answer: Answer) -> list[str]:
    return [str(id_) for step in answer.trace for id_ in step.notes.get("passages", ())]


def _show(answer: Answer, source: str, stack: Stack, screen: Console) -> None:
    from rich.text import Text

    screen.print(Text(answer.text, style="bold"))
    for id_ in _passages(answer):
        mark = "cited" if id_ in answer.citations else "shown"
        screen.print(Text(f"  {mark}: {id_}", style="dim"))
    if answer.status != "ok":
        screen.print(Text(f"  {answer.status}", style="yellow"))
    parts = " · ".join(f"{step.name} {step.ms:.0f} ms" for step in answer.trace)
    cost = "price unknown" if answer.cost is None else f"${answer.cost:.5f}"
    screen.print(Text(f"  {source} stack {stack.digest[:12]} · {parts} · {cost}", style="dim"))
