"""promptfoo: the results of an evaluation, as `promptfoo eval --output results.json` (or .jsonl) writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from ..exchange import Exchange
from ..importer import Row, Unfit, Unusable, each
from ..types import Json, Message, Usage
from ._fields import Object, amount, count, fields, first, objects, others, share, text, worded
from ._openai import error
from ._said import asked

FAILED = 2
"""promptfoo's reason of failure for a call that failed; 1 is an assertion's."""
TOLD = frozenset({"id", "prompt", "provider", "response", "latencyMs", "cost", "score"})


@dataclass(frozen=True)
class Promptfoo:
    """One exchange for each result: a prompt, a provider and the values of one test."""

    splits: ClassVar[tuple[str, ...]] = ("results.results", "results")

    def recognises(self, value: dict[str, Json]) -> float:
        """Sure of an evaluation's results and of single ones."""
        if "results" in value and not value.keys().isdisjoint(("evalId", "config", "stats", "shareableUrl")):
            return 1.0
        if {"promptIdx", "testIdx"} <= value.keys() or {"gradingResult", "provider", "vars"} <= value.keys():
            return 1.0
        return 0.5 if "results" in value else 0.0

    def exchanges(self, rows: Iterable[Row]) -> Iterator[Exchange | Unusable]:
        """The results of whole evaluations, or of one a line."""
        return each(rows, _told)


def _told(row: Row) -> Iterator[Exchange]:
    if "results" not in row.value:
        yield _exchange(row, row.value, "")
        return
    inside = row.value["results"]
    found = objects(inside) if isinstance(inside, list) else objects(fields(inside).get("results"))
    if not found:
        raise Unfit("an evaluation without results")
    for result in found:
        yield _exchange(row, result, text(row.value.get("evalId")))


def _exchange(row: Row, result: Object, evaluation: str) -> Exchange:
    prompt, response, provider = (fields(result.get(name)) for name in ("prompt", "response", "provider"))
    if not prompt and not response:
        raise Unfit("a result without a prompt and a response")
    messages, output = asked(prompt.get("raw")), response.get("output")
    failed = error(response.get("error"))
    if not failed and result.get("failureReason") == FAILED:
        failed = error(result.get("error")) or "error"
    return Exchange(
        id=text(result.get("id")) or f"{row.file}:{row.line}",
        messages=tuple(messages.messages),
        reply=Message("assistant", worded(output)) if output is not None else None,
        model=_model(text(provider.get("id")) or text(result.get("provider"))),
        name=text(prompt.get("label")),
        trace=evaluation,
        ms=amount(result.get("latencyMs")),
        usage=_usage(fields(response.get("tokenUsage"))),
        cost=amount(first(result, ("cost",)) or response.get("cost")),
        finish=text(response.get("finishReason")),
        error=failed,
        tools=tuple(messages.tools),
        expected=_expected(fields(result.get("testCase"))),
        score=share(result.get("score")),
        file=row.file,
        line=row.line,
        extra=others(result, TOLD) | {"provider": result.get("provider")},
    )


def _model(provider: str) -> str:
    """`openai:chat:gpt-5-mini` as `gpt-5-mini`; a provider that is a program or an address stays as it is."""
    if provider.startswith(("file:", "python:", "exec:", "http", "webhook:", "package:")):
        return provider
    return provider.rpartition(":")[2]


def _usage(given: Object) -> Usage | None:
    """promptfoo counts tokens that came from its own cache apart, as `cached`: nothing was sent for these."""
    entered, left = count(given.get("prompt")), count(given.get("completion"))
    return Usage(entered, left) if entered or left else None


def _expected(test: Object) -> Json:
    """The value of the first assertion that the reply equals something."""
    equals = [one.get("value") for one in objects(test.get("assert")) if one.get("type") == "equals"]
    return equals[0] if equals else None
