"""Training: from demonstrations to an artifact, once for the same rows, recipe and base; broken off, it goes on."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from .adapter import Adapter
from .artifacts import Artifacts, write_whole
from .demonstrations import Demonstration
from .digest import digest_of, plain
from .errors import Damaged, InputError
from .plugins import build, spec_of
from .trainer import Base, Point, Trainer
from .types import Json
from .weights import exclusive

LIBRARIES = ("torch", "transformers", "peft")
"""What trainers need; the extra `train` installs it."""
DONE = "trained.json"


@dataclass(frozen=True, slots=True)
class Adapted:
    """What training left: an artifact's digest, its card and how training went."""

    artifact: str
    card: Mapping[str, Json]
    curve: tuple[Point, ...] = ()

    @property
    def seconds(self) -> float:
        """What training took."""
        return float(self.card.get("metrics", {}).get("seconds", 0.0))


def trained(
    trainer: Trainer, rows: Sequence[Demonstration], held: Sequence[Demonstration], base: Base, folder: Path
) -> Adapted:
    """Train, or return what the same training left earlier in this task folder."""
    if not rows:
        raise InputError("no demonstrations to train on", hint="give solved examples that reach the model")
    known = [spec_of(trainer), base.digest, [row.digest for row in rows], [row.digest for row in held]]
    work = folder / ".suffice" / "training" / digest_of(plain(known))[:32]
    kept = Artifacts(folder / ".suffice" / "artifacts")
    with exclusive(work):
        if found := _finished(work, kept):
            return found
        got = trainer.train(rows, held, base, work)
        done = Adapted(kept.put(got.file.read_bytes(), ".safetensors"), plain(got.card), got.curve)
        body = {"artifact": done.artifact, "card": done.card, "curve": [asdict(p) for p in done.curve]}
        write_whole(work / DONE, json.dumps(body, indent=1).encode())
    return done


def trainer_of(name: str, recipe: Mapping[str, Json]) -> Trainer:
    """The trainer called `name` with a recipe; an unknown field of it is an error."""
    return cast(Trainer, build("trainers", {"use": name, **recipe}))


def base_of(model: Any) -> Base | None:
    """The weights that a model could be trained from; None where they are not on this machine."""
    found = getattr(model, "base", None)
    return cast(Base, found()) if callable(found) else None


def trainable(model: Any) -> bool:
    """Whether a model's weights are here to be trained."""
    return callable(getattr(model, "base", None))


def took(folder: Path, artifact: str) -> float:
    """The seconds that training an artifact took, by its card; 0 where there is none."""
    if not artifact:
        return 0.0
    card = Adapter.read(Artifacts(folder / ".suffice" / "artifacts").path(artifact)).card
    return float(card.get("metrics", {}).get("seconds", 0.0))


def missing() -> tuple[str, ...]:
    """The training libraries that are not installed."""
    return tuple(name for name in LIBRARIES if importlib.util.find_spec(name) is None)


def _finished(work: Path, kept: Artifacts) -> Adapted | None:
    try:
        body = json.loads((work / DONE).read_bytes())
        kept.path(body["artifact"])
        return Adapted(body["artifact"], body["card"], tuple(Point(**p) for p in body["curve"]))
    except (OSError, ValueError, KeyError, TypeError, Damaged):
        return None
