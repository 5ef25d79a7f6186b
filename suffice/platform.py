"""The contract that every platform for managed fine-tuning meets: data in, a job, a tuned model's name out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from .demonstrations import Demonstration
from .terms import Price, Terms
from .types import Json, Message

Standing = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED: tuple[Standing, ...] = ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Order:
    """What a job is to do."""

    model: str
    """The base model, by the platform's own name."""
    epochs: int = 2
    learning_rate: float | None = None
    """None takes the platform's own; so for the fields below."""
    rank: int | None = None
    batch: int | None = None
    seed: int | None = None
    name: str = ""
    """Goes into the tuned model's name, where there is a place for it."""

    def __post_init__(self) -> None:
        if self.learning_rate is not None and not math.isfinite(self.learning_rate):
            raise ValueError(f"learning_rate: {self.learning_rate} is no number that can be sent")


@dataclass(frozen=True, slots=True)
class Misfit:
    """One thing that a platform would refuse, or that would not do there what it should."""

    what: str
    fix: str
    line: int | None = None
    """The row's line in the neutral file, from 1; None where it is about the whole."""
    id: str = ""
    fatal: bool = True
    """Whether the job would be refused or fail; otherwise it is a warning."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a job takes, before any platform has counted: an estimate, never a quote."""

    tokens: int
    """Tokens trained on, all epochs together."""
    tokens_low: int
    tokens_high: int
    usd_low: float | None
    usd_high: float | None
    """None where no price was found."""
    price: Price | None
    basis: str = "words, digits and signs counted; not the platform's own tokenizer"


@dataclass(frozen=True, slots=True)
class Report:
    """How a job stands, in our words and in the platform's."""

    standing: Standing
    told: str = ""
    """The platform's own word for it."""
    progress: float | None = None
    """The share that is done, where the platform says."""
    eta: float | None = None
    """Seconds to go, as the platform says or as reckoned from what is done."""
    model: str = ""
    """The tuned model's name, once there is one."""
    tokens: int | None = None
    usd: float | None = None
    """As billed or counted by the platform."""
    message: str = ""
    """Why it failed, where it did."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What the platform itself says a job will cost."""

    usd: float | None
    allowed: bool = True
    message: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What came out: a name to ask for, and the weights where the platform gives them."""

    model: str
    served: Mapping[str, Json] | None = None
    """The spec of the model plugin that reaches it; None where it is not reached through one of ours."""
    weights: Path | None = None
    note: str = ""
    """What is still to be done before it answers, such as a deployment that costs money by the hour."""


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether jobs can be started now, as far as a look shows."""

    open: bool | None
    """None where the platform gives no way to know without starting a job."""
    reason: str
    shutdown: Mapping[str, str] = field(default_factory=dict)
    """Days on which models shut down, as the platform lists them."""


class Platform(Protocol):
    """A frozen dataclass; its fields say where, never with which key.

    `key` below is ours: it names the file and the job at the platform, so that what was begun is found again.
    """

    @property
    def starts(self) -> bool:
        """Whether jobs are started by an HTTP call; otherwise `script` is what starts one.

        A class variable `quotes` that is False says that `quote` never gives a price; without one it may.
        """
        ...

    def misfits(self, rows: Sequence[Demonstration], order: Order) -> tuple[Misfit, ...]:
        """What of the data or the order the platform would refuse, each with its line and what to do."""
        ...

    def data(self, rows: Sequence[Demonstration]) -> bytes:
        """The rows in the platform's own form."""
        ...

    def available(self, model: str = "") -> Availability:
        """Look, without starting or paying for anything."""
        ...

    def uploaded(self, key: str) -> str | None:
        """The handle of the file that was uploaded under this key, whole; None where there is none."""
        ...

    def upload(self, content: bytes, key: str) -> str:
        """Upload under this key; return the platform's handle."""
        ...

    def quote(self, file: str, order: Order) -> Quote | None:
        """The platform's own price for the job; None where it gives none."""
        ...

    def started(self, key: str) -> str | None:
        """The handle of the job that was started under this key; None where there is none."""
        ...

    def start(self, file: str, order: Order, key: str) -> str:
        """Start the job, which is what costs money; return the platform's handle."""
        ...

    def poll(self, job: str) -> Report:
        """How the job stands."""
        ...

    def cancel(self, job: str) -> None:
        """Ask for the job to be stopped; one that has ended is no error."""
        ...

    def fetch(self, job: str, folder: Path) -> Result:
        """The tuned model's name, and its weights in `folder` where the platform gives them."""
        ...


# Estimating

PIECE = re.compile(r"[A-Za-z]+|[^\sA-Za-z]")
PER_PIECE = (0.65, 0.9, 1.45)
"""Tokens for one word, digit or sign: low, middle, high. On 39 public files of rows the middle came to 0.67 to 1.17
times the count of SmolLM2's tokenizer, and the count lay in the range each time; larger vocabularies need fewer."""
PER_MESSAGE = (3, 5, 12)
"""Tokens of a chat template around one message."""


def estimate(rows: Sequence[Demonstration], order: Order, terms: Terms) -> Estimate:
    """Tokens and money for a job, as ranges."""
    pieces = sum(_pieces(row) for row in rows)
    messages = sum(len(row.messages) + 1 for row in rows)
    low, middle, high = (
        math.ceil(order.epochs * (pieces * a + messages * b)) for a, b in zip(PER_PIECE, PER_MESSAGE, strict=True)
    )
    price = terms.price(order.model)
    usd = (price.low * low / 1e6, price.high * high / 1e6) if price else (None, None)
    return Estimate(middle, low, high, usd[0], usd[1], price)


def row_tokens(row: Demonstration) -> int:
    """The middle estimate for one row."""
    return math.ceil(_pieces(row) * PER_PIECE[1] + (len(row.messages) + 1) * PER_MESSAGE[1])


def _pieces(row: Demonstration) -> int:
    texts = [_worded(message) for message in (*row.messages, row.reply)]
    texts += [f"{tool.name} {tool.description} {dict(tool.parameters)}" for tool in row.tools]
    return sum(len(PIECE.findall(text)) for text in texts)


def _worded(message: Message) -> str:
    calls = " ".join(f"{call.name} {dict(call.arguments)}" for call in message.tool_calls)
    return f"{message.content} {calls}"


# What every platform refuses


def common(rows: Sequence[Demonstration], order: Order, terms: Terms, content: int) -> tuple[Misfit, ...]:
    """What the limits in the table refuse: too few rows, too many, rows that are too long, a file that is too large."""
    limits, found = terms.limits, []
    if not order.model:
        found.append(Misfit("no base model is named", "name one by the platform's own name"))
    if order.epochs < 1:
        found.append(Misfit(f"{order.epochs} epochs", "ask for one or more"))
    found += [Misfit(what, fix) for what, fix in _unheard(order)]
    if limits.fewest is not None and len(rows) < limits.fewest:
        found.append(Misfit(f"{len(rows)} rows; {terms.title} takes {limits.fewest} or more", "add demonstrations"))
    if limits.most is not None and len(rows) > limits.most:
        found.append(Misfit(f"{len(rows):,} rows; {terms.title} takes {limits.most:,}", "train on a sample"))
    if limits.file_mb is not None and content > limits.file_mb * 10**6:
        size = f"{content / 10**6:.0f} MB; {terms.title} takes {limits.file_mb} MB"
        found.append(Misfit(size, "train on a sample, or cut long prompts"))
    if limits.name_length is not None and len(order.name) > limits.name_length:
        found.append(Misfit(f"the name has {len(order.name)} characters", f"use at most {limits.name_length}"))
    return (*found, *(m for at, row in enumerate(rows, 1) for m in _row(row, at, limits.row_tokens)))


def _unheard(order: Order) -> Iterator[tuple[str, str]]:
    """Values that no training has."""
    for name in ("rank", "batch"):
        value = getattr(order, name)
        if value is not None and value < 1:
            yield f"a {name} of {value}", "ask for one or more"
    if order.learning_rate is not None and order.learning_rate <= 0:
        yield f"a learning rate of {order.learning_rate:g}", "choose one above 0"


def _row(row: Demonstration, line: int, most: int | None) -> list[Misfit]:
    found = []
    if not row.messages:
        found.append(Misfit("no prompt", "give the messages that the reply answers", line, row.id))
    if not row.reply.content.strip() and not row.reply.tool_calls:
        found.append(Misfit("an empty reply", "drop the row, or write the reply that is wanted", line, row.id))
    if most is not None and (size := row_tokens(row)) > most:
        told = f"about {size:,} tokens; more than {most:,} are cut off"
        found.append(Misfit(told, "shorten the prompt, or the reply is not learned", line, row.id, fatal=False))
    return found
