"""Training: from demonstrations to an artifact, once for the same rows, recipe and base; broken off, it goes on."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, cast

from .adapter import Adapter
from .artifacts import Artifacts, write_whole
from .demonstrations import Choice, Demonstration
from .digest import digest_of, file_digest, plain
from .errors import InputError, SufficeError
from .layer import Gate
from .plugins import build, made, name_of
from .strict import read_json
from .trainer import Base, Point, Trainer
from .types import Json
from .weights import exclusive

LIBRARIES = ("torch", "transformers", "peft")
"""What trainers need; the extra `train` installs it."""
DONE = "trained.json"
SOURCE = "docs/training.md"
UNASKED: Mapping[str, tuple[str, str]] = {
    "full": (
        "it leaves a model of its own, and stacks ask low-rank changes of a base",
        "--trainer lora or qlora; a model of its own is trained and served as docs/training.md shows",
    ),
    "preference": (
        "it learns from pairs of a preferred reply and another",
        "suffice train --trainer preference --data pairs.jsonl; `suffice data curate --reviews FILE` writes pairs",
    ),
    "embedding": (
        "it tunes an embedder, which gives no replies",
        "--trainer lora or qlora; an embedder is tuned from Python, as docs/training.md shows",
    ),
}
"""Why what comes of a trainer cannot be asked for by a stack that learns from demonstrations, and what can be done."""


@dataclass(frozen=True, slots=True)
class Adapted:
    """What training left: an artifact's digest, its card and how training went."""

    artifact: str
    card: Mapping[str, Json]
    curve: tuple[Point, ...] = ()

    @property
    def seconds(self) -> float:
        """What training took; 0 where its card does not say."""
        return seconds_of(self.card)


def trained(
    trainer: Trainer,
    rows: Sequence[Demonstration] | Sequence[Choice],
    held: Sequence[Demonstration] | Sequence[Choice],
    base: Base,
    folder: Path,
) -> Adapted:
    """Train, or return what the same training left earlier in this task folder."""
    if not rows:
        raise InputError("no demonstrations to train on", hint="give solved examples that reach the model")
    known = [recipe_of(trainer), base.digest, [row.digest for row in rows], [row.digest for row in held]]
    work = folder / ".suffice" / "training" / digest_of(plain(known))[:32]
    kept = Artifacts(folder / ".suffice" / "artifacts")
    with exclusive(work):
        if found := _finished(work, kept):
            return found
        got = cast(Any, trainer).train(rows, held, base, work)
        done = Adapted(kept.put(got.file.read_bytes(), ".safetensors"), plain(got.card), got.curve)
        body = {"artifact": done.artifact, "card": done.card, "curve": [asdict(p) for p in done.curve]}
        write_whole(work / DONE, json.dumps(body, indent=1).encode())
    return done


def trainer_of(name: str, recipe: Mapping[str, Json], *, pairs: bool = False) -> Trainer:
    """The trainer called `name` with a recipe, for demonstrations or, with `pairs`, for choices.

    An unknown field of the recipe is an error, and so is a trainer of which no stack could ask what it learned.
    """
    trainer = cast(Trainer, build("trainers", {"use": name, **recipe}))
    kind = getattr(trainer, "kind", "")
    if kind in UNASKED and not (pairs and kind == "preference"):
        why, hint = UNASKED[kind]
        raise InputError(f"`{name}` cannot train a stack: {why}", hint=hint)
    return trainer


def usable(name: str, recipe: Mapping[str, Json]) -> Gate:
    """Whether the trainer and its recipe are known, and a stack can ask what it learns."""
    needed = "a trainer of a low-rank change, lora or qlora, and fields that it has"
    try:
        trainer_of(name, recipe)
    except InputError as error:
        return Gate("trainer", False, str(error).partition("\n")[0], needed, SOURCE)
    return Gate("trainer", True, name, needed, SOURCE)


def base_of(model: Any) -> Base | None:
    """The weights that a model could be trained from; None where they are not on this machine."""
    found = getattr(model, "base", None)
    return cast(Base, found()) if callable(found) else None


def trainable(model: Any) -> bool:
    """Whether a model's weights are here to be trained."""
    return callable(getattr(model, "base", None))


def recipe_of(trainer: Trainer) -> dict[str, Json]:
    """Everything of a trainer that changes what it leaves: every field, since defaults change, and its own Python.

    Versions of libraries, threads and devices are not in it: they stand in the card, and a training that is done is not
    done again for them.
    """
    shown = {f.name: getattr(trainer, f.name) for f in fields(cast(Any, trainer)) if f.repr and f.init}
    source = getattr(sys.modules.get(type(trainer).__module__), "__suffice_file__", None)
    own = {"code": file_digest(Path(source))} if source else {}
    return {"use": name_of(type(trainer)), **shown, **own}


def seconds_of(card: Mapping[str, Json]) -> float:
    """The seconds that training took, by a card; 0 where it does not say."""
    metrics = card.get("metrics")
    told = metrics.get("seconds") if isinstance(metrics, Mapping) else None
    if not isinstance(told, int | float) or isinstance(told, bool):
        return 0.0
    return float(told) if 0 <= told < math.inf else 0.0


def took(folder: Path, artifact: str) -> float:
    """The seconds that training an artifact took, by its card; 0 where there is none."""
    if not artifact:
        return 0.0
    return seconds_of(Adapter.read(Artifacts(folder / ".suffice" / "artifacts").path(artifact)).card)


def missing() -> tuple[str, ...]:
    """The training libraries that are not installed."""
    return tuple(name for name in LIBRARIES if importlib.util.find_spec(name) is None)


def _finished(work: Path, kept: Artifacts) -> Adapted | None:
    """What a training left here, if all of it is whole and the file's own card says the same."""
    try:
        body = read_json(work / DONE, "training")
        card, artifact = body["card"], str(body["artifact"])
        own = Adapter.read(kept.path(artifact)).card
        curve = tuple(made(Point, p, "a point") for p in body["curve"])
    except (OSError, ValueError, KeyError, TypeError, SufficeError):
        return None
    same = isinstance(card, Mapping) and all(card.get(k) == v for k, v in own.items() if k != "metrics")
    return Adapted(artifact, card, curve) if same else None
