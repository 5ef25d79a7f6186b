"""An exchange: one logged call of a model, as every importer tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .types import Json, Message, Tool, Usage

Kind = Literal["model", "retrieval", "tool", "embedding", "other"]


@dataclass(frozen=True, slots=True)
class Exchange:
    """What was asked, what came back, and what it took. What a log does not say is None or empty, never guessed."""

    id: str
    messages: tuple[Message, ...] = ()
    """What was sent, in order."""
    reply: Message | None = None
    """None where the call failed or the log keeps no reply."""
    kind: Kind = "model"
    """What did the work: traces also hold the searches and tools around a model."""
    model: str = ""
    name: str = ""
    """The stage, prompt or deployment, where the log names one."""
    trace: str = ""
    """The user's request that this call is a part of."""
    parent: str = ""
    """The id of the logged step that this one is a part of: a model's call inside another is told twice."""
    time: float | None = None
    """When it was asked: seconds since 1970, UTC."""
    ms: float | None = None
    """Milliseconds until the whole reply was there."""
    first_ms: float | None = None
    """Milliseconds until the first token was there."""
    usage: Usage | None = None
    cost: float | None = None
    """US dollars, as logged."""
    finish: str = ""
    """Why the reply ended, in the log's own word: stop, length, tool_calls, content_filter …"""
    error: str = ""
    tools: tuple[Tool, ...] = ()
    schema: Mapping[str, Json] | None = None
    """What the reply had to satisfy, where structured output was asked for; {} where any JSON would do."""
    expected: Json = None
    """The right answer, where the log is an evaluation's."""
    score: float | None = None
    """What a person or a scorer made of it, in [0, 1]."""
    file: str = ""
    line: int | None = None
    """Where the log tells of it; in a document that is no lines, the line where its element begins."""
    extra: Mapping[str, Json] = field(default_factory=dict)
    """Every field that has no place above, as it was."""
