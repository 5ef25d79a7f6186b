"""inspect: logs of Inspect evaluations, .json documents and .eval archives.

Every call of a model in a sample is an exchange; a sample whose calls are not logged is one as a whole. What was
expected and scored stands on the call that gave the sample's answer; the calls after it are a scorer's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from ..exchange import Exchange
from ..importer import Row, Unfit, Unusable, each
from ..types import Json
from ._fields import Object, amount, fields, first, items, objects, others, seconds, share, text
from ._messages import tools
from ._openai import error, usage
from ._said import asked, replied

GRADES: Mapping[str, float] = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
"""Inspect's letters: correct, partly, incorrect, no answer."""
ATTACHED = ("attachment://", "tc://")
SAMPLE = frozenset({"id", "epoch", "input", "target", "messages", "output", "scores", "events", "attachments"})


@dataclass(frozen=True)
class Inspect:
    """Documents of {"eval", "samples"}; in archives the same in one file a sample."""

    splits: ClassVar[tuple[str, ...]] = ("samples",)

    def recognises(self, value: dict[str, Json]) -> float:
        """Sure of an evaluation, of a sample, and of what else lies in an archive."""
        if {"eval", "plan"} <= value.keys() or {"input", "target", "epoch"} <= value.keys():
            return 1.0
        return 0.9 if {"scorer", "samples"} <= value.keys() else 0.0

    def exchanges(self, rows: Iterable[Row]) -> Iterator[Exchange | Unusable]:
        """The calls of all samples; an archive's header says which task and model the samples after it are of."""
        header: dict[str, Json] = {}

        def told(row: Row) -> Iterator[Exchange]:
            value = row.value
            if "eval" in value:
                header.update(fields(value["eval"]))
            samples = [value] if "target" in value else objects(value.get("samples"))
            if not samples and row.file.endswith(".json") and "scorer" not in value:
                raise Unfit("an evaluation without samples")
            for sample in samples:
                if "messages" in sample or "output" in sample:
                    yield from _sample(row, sample, header)

        return each(rows, told)


def _sample(row: Row, sample: Object, header: Object) -> Iterator[Exchange]:
    calls = [event for event in objects(sample.get("events")) if event.get("event") == "model" and event.get("input")]
    attachments = fields(sample.get("attachments"))
    made = [_call(row, _attached(call, attachments), sample, header) for call in calls] or [_whole(row, sample, header)]
    answer = replied(fields(sample.get("output"))).reply
    last = max((at for at, call in enumerate(made) if call.reply == answer), default=len(made) - 1)
    rest = {**others(sample, SAMPLE), "epoch": sample.get("epoch")}
    judged = replace(made[last], expected=_one(sample.get("target")), score=_score(sample))
    yield from made[:last]
    yield replace(judged, extra={**rest, **judged.extra})
    yield from (replace(call, name=f"{call.name}: scorer") for call in made[last + 1 :])


def _call(row: Row, call: Object, sample: Object, header: Object) -> Exchange:
    output = fields(call.get("output"))
    came, messages = replied(output), asked(call.get("input"))
    slow = first(output, ("time",)) or first(call, ("working_time",))
    return Exchange(
        id=text(call.get("uuid")) or f"{_name(sample, header)}:{call.get('timestamp', '')}",
        messages=tuple(messages.messages),
        reply=came.reply if output.get("choices") else None,
        model=text(output.get("model")) or text(call.get("model")),
        name=text(header.get("task")),
        trace=_name(sample, header),
        time=seconds(call.get("timestamp")),
        ms=_ms(slow),
        usage=usage(output.get("usage")),
        finish=_finish(output),
        error=error(output.get("error")) or error(call.get("error")),
        tools=tools(call.get("tools")),
        file=row.file,
        line=row.line,
    )


def _whole(row: Row, sample: Object, header: Object) -> Exchange:
    """A sample whose calls are not logged: the conversation, with the last reply as the reply."""
    output, said = fields(sample.get("output")), items(sample.get("messages"))
    came = replied(output)
    given = said[:-1] if said and fields(said[-1]).get("role") == "assistant" else said
    messages = asked(_attached(given or sample.get("input"), fields(sample.get("attachments"))))
    return Exchange(
        id=_name(sample, header),
        messages=tuple(messages.messages),
        reply=came.reply if output.get("choices") else None,
        model=text(output.get("model")) or text(header.get("model")),
        name=text(header.get("task")),
        trace=_name(sample, header),
        time=seconds(sample.get("started_at")),
        ms=_ms(output.get("time")),
        usage=usage(output.get("usage")),
        finish=_finish(output),
        error=error(output.get("error")) or error(sample.get("error")),
        file=row.file,
        line=row.line,
    )


def _name(sample: Object, header: Object) -> str:
    return ":".join(filter(None, (text(header.get("run_id")), text(sample.get("id")), text(sample.get("epoch")))))


def _ms(value: Json) -> float | None:
    slow = amount(value)
    return None if slow is None else round(slow * 1000, 3)


def _finish(output: Object) -> str:
    choices = objects(output.get("choices"))
    return text(choices[0].get("stop_reason")) if choices else ""


def _score(sample: Object) -> float | None:
    """The first scorer's value, where it is a grade or a share."""
    for score in fields(sample.get("scores")).values():
        value = fields(score).get("value")
        return GRADES.get(value, share(value)) if isinstance(value, str) else share(value)
    return None


def _one(target: Json) -> Json:
    return target[0] if isinstance(target, list) and len(target) == 1 else target


def _attached(value: Json, attachments: Object) -> Json:
    """The same value with the long texts that Inspect keeps apart back in their places."""
    if isinstance(value, str) and value.startswith(ATTACHED):
        return attachments.get(value.partition("://")[2], value)
    if isinstance(value, dict):
        return {key: _attached(item, attachments) for key, item in value.items()}
    return [_attached(item, attachments) for item in value] if isinstance(value, list) else value
