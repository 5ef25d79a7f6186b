"""tensorzero: datapoints and inferences of the TensorZero gateway, chat and JSON functions alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from ..exchange import Exchange
from ..importer import Row, Unfit, Unusable, each
from ..types import Json, Message
from ._fields import Object, amount, fields, items, others, seconds, share, text, worded
from ._messages import Turns, tools

TOLD = frozenset(
    {
        *(
            "id",
            "function_name",
            "episode_id",
            "input",
            "output",
            "output_schema",
            "timestamp",
            "updated_at",
            "auxiliary",
        ),
        *("processing_time_ms", "ttft_ms", "updated_at"),
    }
)


@dataclass(frozen=True)
class Tensorzero:
    """An inference has a reply; the output of a datapoint is what its data set expects."""

    splits: ClassVar[tuple[str, ...]] = ()

    def recognises(self, value: dict[str, Json]) -> float:
        """Sure of a function's name beside an episode."""
        return 1.0 if {"function_name", "episode_id", "input", "output"} <= value.keys() else 0.0

    def exchanges(self, rows: Iterable[Row]) -> Iterator[Exchange | Unusable]:
        """One exchange a row."""
        return each(rows, _told)


def _told(row: Row) -> Iterator[Exchange]:
    value = row.value
    made, output = _asked(fields(value.get("input"))), _output(value.get("output"))
    if not made.messages:
        raise Unfit("an input without messages")
    schema = value.get("output_schema")
    expects = "dataset_name" in value
    extra = others(value, TOLD) if made.whole else others(value, TOLD - {"input"})
    yield Exchange(
        id=text(value.get("id")) or f"{row.file}:{row.line}",
        messages=tuple(made.messages),
        reply=None if expects else output.reply,
        model=text(value.get("model_name")),
        name=text(value.get("function_name")),
        trace=text(value.get("episode_id")),
        time=seconds(value.get("timestamp")),
        ms=amount(value.get("processing_time_ms")),
        first_ms=amount(value.get("ttft_ms")),
        tools=tools(fields(value.get("tool_params")).get("tools_available")),
        schema=fields(schema) if schema else None,
        expected=_expected(value.get("output")) if expects else None,
        score=share(value.get("score")),
        file=row.file,
        line=row.line,
        extra={key: item for key, item in extra.items() if item not in ("", {}, [])},
    )


def _asked(given: Object) -> Turns:
    """A template's arguments stand as JSON: its wording is in the gateway's configuration, not in the log."""
    made = Turns()
    system = given.get("system")
    if system:
        made.messages.append(Message("system", worded(system)))
    for message in items(given.get("messages")):
        content = fields(message).get("content")
        blocks = [_block(block) for block in content] if isinstance(content, list) else content
        made.whole = made.whole and blocks == content
        made.add({"role": fields(message).get("role"), "content": blocks})
    return made


def _block(block: Json) -> Json:
    """A block whose text is in another place, as a block of text."""
    given = fields(block)
    if given.get("type") in ("template", "text", "raw_text") and "text" not in given:
        said = given.get("arguments", given.get("value"))
        return {"type": "text", "text": worded(said)}
    return block


def _output(output: Json) -> Turns:
    """Blocks of a chat function, or {"raw", "parsed"} of a JSON function."""
    made = Turns()
    if blocks := items(output):
        made.add({"role": "assistant", "content": [_block(block) for block in blocks]})
    elif raw := fields(output):
        made.messages.append(Message("assistant", text(raw.get("raw")) or worded(raw.get("parsed"))))
    return made


def _expected(output: Json) -> Json:
    """The right value of a JSON function, the right text of a chat function."""
    raw = fields(output)
    if raw.get("parsed") is not None:
        return raw["parsed"]
    reply = _output(output).reply
    return reply.content if reply else None
