"""The contract that every trainer meets: demonstrations in, one adapter file out, resumable at any moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from .demonstrations import Demonstration
from .types import Json


@dataclass(frozen=True, slots=True)
class Base:
    """The weights that training starts from."""

    name: str
    digest: str
    """The SHA-256 of the weights as they are served, in hexadecimal."""
    folder: Path
    """The same weights in the form that transformers loads: config.json, safetensors, tokenizer.json."""


@dataclass(frozen=True, slots=True)
class Point:
    """Where training stood after some steps."""

    step: int
    epoch: float
    tokens: int
    """Real tokens learned from so far: prompts and replies, padding not counted."""
    loss: float
    """Mean negative log-likelihood of the reply's tokens, in nats, over the steps since the point before."""
    held_loss: float | None = None
    held_right: float | None = None
    """The share of held-out demonstrations whose whole reply greedy decoding would give, token for token."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What training left: one file, and how it came about."""

    file: Path
    """A .safetensors file whose metadata holds the card, so that it can be read without anything beside it."""
    card: Mapping[str, Json]
    """`kind` (lora, full, …), `base` {name, digest}, `data` {digest, rows, held}, `recipe`, `versions`, `metrics`
    {steps, epochs, tokens, seconds, cpu_seconds, peak_mb, loss, held_loss, held_right, stopped_early, resumed}."""
    curve: tuple[Point, ...] = ()


class Trainer(Protocol):
    """A frozen dataclass whose fields are the recipe; `seed` is among them."""

    @property
    def kind(self) -> str:
        """What comes out: `lora`, `full`, `preference` or `embedding`."""
        ...

    def train(self, rows: Sequence[Demonstration], held: Sequence[Demonstration], base: Base, work: Path) -> Trained:
        """Learn from `rows`; `held` is never learned from: it says when to stop.

        `work` belongs to this training alone. What was finished there is returned as it is; what was broken off goes on
        from its last checkpoint, with the result of an unbroken run. Raises `MissingExtra` where a library is not here.
        """
        ...


# Telling how far it is


@dataclass(frozen=True, slots=True)
class Stage:
    """How far training is."""

    step: int
    steps: int
    point: Point
    tokens_per_second: float
    eta: float | None
    """Seconds to go; None before anything can be said."""


Listener = Callable[[Stage], object]
_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Inside, trainers tell `listener` how far they are; a layer that trains in its `fit` need not know who listens."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def tell(stage: Stage) -> None:
    """Tell whoever listens."""
    listener = _LISTENER.get()
    if listener is not None:
        listener(stage)


# Holding out


@dataclass(frozen=True, slots=True)
class Taught:
    """Demonstrations as they are learned from, and those held out to know when to stop."""

    rows: tuple[Demonstration, ...]
    held: tuple[Demonstration, ...] = field(default=())


HELD_SHARE, HELD_MOST = 0.1, 200
"""The share of the demonstrations that is held out, and the most of them."""


def held_out(
    rows: Sequence[Demonstration], *, share: float = HELD_SHARE, most: int = HELD_MOST, seed: int = 0
) -> Taught:
    """Hold out a share of the demonstrations, whole groups, by a seeded order of their ids; at most `most` rows."""
    from .demonstrations import groups
    from .digest import digest_of

    wanted = min(most, round(share * len(rows)))
    order = sorted(groups(rows), key=lambda pair: digest_of([seed, pair[0]]))
    out: set[str] = set()
    for _, members in order:
        if len(out) + len(members) <= wanted:
            out |= {row.id for row in members}
    kept = tuple(row for row in rows if row.id not in out)
    return Taught(kept, tuple(row for row in rows if row.id in out))
