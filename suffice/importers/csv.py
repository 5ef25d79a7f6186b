"""csv: tables of questions and replies, and flat rows with such columns, by a map or by the usual names.

The traces of requests that Azure published (TIMESTAMP, ContextTokens, GeneratedTokens) are read as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..errors import InputError
from ..exchange import Exchange
from ..importer import Row, Unfit, Unusable, each
from ..types import Json, Message, Usage
from ._fields import amount, count, parsed, seconds, share, text, worded
from ._messages import Turns, schema_of, tools
from ._said import asked, replied

USUAL: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "requestid", "rowid", "exampleid"),
    "messages": ("messages", "chat", "conversation"),
    "system": ("system", "systemprompt", "instructions"),
    "input": ("input", "question", "prompt", "query", "request", "usermessage", "userinput", "user"),
    "reply": ("reply", "answer", "output", "response", "completion", "generation", "prediction", "modeloutput"),
    "expected": ("expected", "expectedoutput", "ideal", "reference", "groundtruth", "referenceoutput", "target"),
    "model": ("model", "modelname", "deployment"),
    "name": ("name", "stage", "route", "promptname", "task"),
    "trace": ("trace", "traceid", "conversationid", "sessionid"),
    "time": ("time", "timestamp", "createdat", "date", "datetime", "starttime"),
    "ms": ("ms", "latencyms", "durationms", "responsetimems", "elapsedms"),
    "first_ms": ("firstms", "ttftms", "timetofirsttokenms"),
    "input_tokens": ("inputtokens", "prompttokens", "contexttokens", "tokensin"),
    "output_tokens": ("outputtokens", "completiontokens", "generatedtokens", "tokensout"),
    "cached_tokens": ("cachedtokens", "cachedinputtokens"),
    "cost": ("cost", "costusd", "usd", "totalcost"),
    "finish": ("finish", "finishreason", "stopreason"),
    "error": ("error", "errormessage"),
    "score": ("score", "rating", "feedback", "correct"),
    "tools": ("tools",),
}
"""An exchange's fields and the columns that usually hold them, without spaces, marks and capitals."""
SPEAKING = ("messages", "input", "reply", "input_tokens")
"""One of these must be there for a row to tell of a call."""


@dataclass(frozen=True)
class Csv:
    """Rows whose columns are the parts of a call."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """An exchange's field → the column it stands in; the other fields are found by their usual names."""
    splits: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if unknown := [name for name in self.columns if name not in USUAL]:
            hint = f"known: {', '.join(USUAL)}"
            raise InputError(f"no field of a call is called `{unknown[0]}`", hint=hint)

    def recognises(self, value: dict[str, Json]) -> float:
        """Sure of the mapped columns; fairly, of a question beside another usual column."""
        if self.columns and set(self.columns.values()) <= value.keys():
            return 1.0
        found = self._places(tuple(value))
        if "messages" in found and "reply" in found:
            return 0.6
        return 0.35 if len(found) > 1 and any(name in found for name in SPEAKING) else 0.0

    def exchanges(self, rows: Iterable[Row]) -> Iterator[Exchange | Unusable]:
        """One exchange a row."""
        known: dict[tuple[str, ...], Mapping[str, str]] = {}

        def told(row: Row) -> Iterator[Exchange]:
            columns = tuple(row.value)
            if columns not in known:
                known.clear()
                known[columns] = self._places(columns)
            yield _exchange(row, known[columns])

        return each(rows, told)

    def _places(self, columns: tuple[str, ...]) -> Mapping[str, str]:
        """The column of each field; a mapped one that is not there is missing."""
        bare = {re.sub(r"[^a-z0-9]", "", column.lower()): column for column in reversed(columns)}
        found = {name: bare[word] for name, words in USUAL.items() for word in reversed(words) if word in bare}
        taken = set(self.columns.values())
        usual = {name: column for name, column in found.items() if column not in taken}
        return usual | {name: column for name, column in self.columns.items() if column in columns}


def _exchange(row: Row, places: Mapping[str, str]) -> Exchange:
    told = {name: row.value[column] for name, column in places.items() if row.value[column] not in (None, "")}
    if not any(name in told for name in SPEAKING):
        raise Unfit("neither a question, a reply nor a count of tokens")
    made = _asked(told)
    came = replied(told.get("reply"))
    usage = Usage(count(told.get("input_tokens")), count(told.get("output_tokens")), count(told.get("cached_tokens")))
    plain: dict[str, Any] = {name: read(told.get(name)) for name, read in READ.items()}
    plain["id"] = plain["id"] or f"{row.file}:{row.line}"
    return Exchange(
        **plain,
        messages=tuple(made.messages),
        reply=came.reply,
        usage=usage if usage != Usage() else came.usage,
        expected=_value(told.get("expected")),
        tools=tuple(made.tools) or tools(told.get("tools")),
        schema=schema_of(row.value),
        file=row.file,
        line=row.line,
        extra={key: item for key, item in row.value.items() if key not in places.values() and item not in (None, "")},
    )


READ: Mapping[str, Callable[[Json], Json]] = {
    **dict.fromkeys(("id", "model", "name", "trace", "finish"), text),
    **dict.fromkeys(("ms", "first_ms", "cost"), amount),
    "time": seconds,
    "error": worded,
    "score": share,
}
"""Fields whose cell is read on its own."""


def _asked(told: Mapping[str, Json]) -> Turns:
    """The messages of a row: written as messages, or as a question under instructions."""
    made = Turns([Message("system", worded(told["system"]))] if "system" in told else [])
    given = told.get("messages", told.get("input"))
    if given is not None:
        said = asked(given)
        made.messages += said.messages
        made.tools += said.tools
        made.whole = said.whole
    return made


def _value(cell: Json) -> Json:
    return parsed(cell) if isinstance(cell, str) else cell
