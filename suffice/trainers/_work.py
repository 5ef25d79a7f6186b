"""A training's folder: what is finished in it, what is broken off, and the one file with its card that comes out."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..artifacts import write_whole
from ..demonstrations import Choice, Demonstration
from ..digest import digest_of, plain
from ..errors import InputError, MissingExtra
from ..pairs import Pair
from ..trainer import Base, Point, Trained
from ..types import Json
from . import _checkpoint
from ._batches import Unit
from ._learner import Learner
from ._loop import Objective, Outcome, Pace, Training, peak_mb
from ._lowrank import LowRank
from ._text import Chat

Lesson = Demonstration | Choice | Pair
FILE, CARD = "adapter.safetensors", "card.json"
TOGETHER = 1024
"""Tokens that go through the model at once on a processor: more do not go faster there."""
TOGETHER_GPU = 4096
"""The same on a GPU: what a 7B Llama keeps of them is 12 GB."""
LIBRARIES = ("torch", "transformers", "safetensors")


@dataclass(frozen=True)
class Work:
    """One training: the recipe (a trainer), the base, and what is learned from."""

    recipe: Any
    base: Base
    folder: Path
    rows: Sequence[Lesson]
    held: Sequence[Lesson]

    def __post_init__(self) -> None:
        if missing := next((name for name in LIBRARIES if find_spec(name) is None), None):
            raise MissingExtra(f"training needs the library `{missing}`", hint="pip install 'suffice[train]'")
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def together(self) -> int:
        """Tokens that go through the model at once."""
        return TOGETHER if device() == "cpu" else TOGETHER_GPU

    def chat(self) -> Chat:
        """The base's tokenizer and template."""
        return Chat(self.base.folder)

    def finished(self) -> Trained | None:
        """What an earlier run left here, where it came to its end."""
        try:
            body = json.loads((self.folder / CARD).read_bytes())
            curve = tuple(Point(**point) for point in body.pop("curve"))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        file = self.folder / FILE
        return Trained(file, body, curve) if file.is_file() else None

    def run(
        self,
        learner: Learner,
        objective: Objective,
        rows: Sequence[Unit],
        held: Sequence[Unit],
        pace: Pace,
        told: Mapping[str, Json],
    ) -> Trained:
        """Train to the end, from where it was broken off, and write the file."""
        training = Training(learner, objective, rows, held, pace, self.folder)
        return self.written(training.run(), told, learner)

    def written(self, outcome: Outcome, told: Mapping[str, Json], learner: Learner) -> Trained:
        """The file and its card; what two equal runs may differ in (seconds, memory) is told beside the file only."""
        last = outcome.progress.curve[-1]
        best = next((p for p in outcome.progress.curve if p.step == outcome.progress.best_step), last)
        metrics = {
            "steps": outcome.progress.step,
            "best_step": best.step,
            "epochs": last.epoch,
            "tokens": outcome.progress.tokens,
            "loss": best.loss,
            "held_loss": best.held_loss,
            "held_right": best.held_right,
            "stopped_early": outcome.stopped_early,
        }
        card = self.card({**told, "metrics": metrics}, learner)
        _checkpoint.write(self.folder / FILE, outcome.weights, card)
        took = {
            "seconds": outcome.progress.seconds,
            "cpu_seconds": outcome.progress.cpu_seconds,
            "peak_mb": peak_mb(),
            "resumed": outcome.progress.resumed,
        }
        full = {**card, "metrics": {**metrics, **took}}
        body = {**full, "curve": [asdict(point) for point in outcome.progress.curve]}
        write_whole(self.folder / CARD, json.dumps(body, indent=1).encode())
        return Trained(self.folder / FILE, full, tuple(outcome.progress.curve))

    def card(self, told: Mapping[str, Json], learner: Learner | None = None) -> dict[str, Json]:
        """What anybody must know of the file."""
        from ..plugins import spec_of

        return {
            "kind": self.recipe.kind,
            "base": {"name": self.base.name, "digest": self.base.digest},
            "data": {"digest": _digest(self.rows), "rows": len(self.rows), "held": len(self.held)},
            "recipe": plain(spec_of(self.recipe)),
            "ran": ran(learner),
            "versions": {name: version(name) for name in LIBRARIES} | {"python": platform.python_version()},
            **told,
        }


def _digest(rows: Sequence[Lesson]) -> str:
    """That of `suffice.demonstrations.digest`, and its like for other lessons."""
    return digest_of(sorted(r.digest if isinstance(r, Demonstration) else digest_of(plain(asdict(r))) for r in rows))


def ran(learner: Learner | None) -> dict[str, Json]:
    """Where numbers may differ in their last digits: device, threads, precision, and whose way forward and back."""
    import torch

    own = {"device": device(), "threads": torch.get_num_threads()}
    return own | ({"dtype": learner.dtype, "by": learner.by} if learner else {})


def device() -> str:
    """The GPU, where there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def precision(asked: str) -> Any:
    """The type that numbers are multiplied in."""
    import torch

    if asked != "auto":
        return {"bfloat16": torch.bfloat16, "float32": torch.float32}[asked]
    if device() == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if torch.ops.mkldnn._is_mkldnn_bf16_supported() else torch.float32


def learner_for(base: Base, low: LowRank, *, seed: int, dtype: str, dropout: float) -> Learner:
    """The fast way where the base is a plain Llama; otherwise transformers and PEFT."""
    from transformers import AutoConfig

    from . import _llama, _plain

    try:
        config = AutoConfig.from_pretrained(str(base.folder), local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as wrong:
        raise InputError(f"transformers cannot load this base: {wrong}", file=str(base.folder)) from wrong
    if _llama.fits(config) and not dropout:
        return _llama.Llama(base.folder, low, seed, dtype=precision(dtype), device=device())
    model = _plain.load(base.folder, precision(dtype), device())
    return with_lora(model, low, seed=seed, dropout=dropout, dtype=dtype)


def with_lora(model: Any, low: LowRank, *, seed: int, dropout: float, dtype: str) -> Learner:
    """A LoRA over a model of transformers."""
    from . import _plain

    if find_spec("peft") is None:
        raise MissingExtra("training this base needs the library `peft`", hint="pip install 'suffice[train]'")
    return _plain.with_lora(model, low, seed, dropout, str(precision(dtype)).removeprefix("torch."))
