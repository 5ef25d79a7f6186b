"""Adapter: one .safetensors file with what training changed, and a card that says what it was trained from.

Read without any library and trusted in nothing: sizes, names, shapes, types and numbers are checked before use.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from .artifacts import Artifacts
from .errors import Damaged, InputError
from .types import Json
from .weights import checked_digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VARIANT = re.compile(r"adapter:([0-9a-f]{64})")
"""How a request names an adapter as the model's variant: by the SHA-256 of its file."""
HEADER = 16 * 2**20
"""The longest header that is read, in bytes; one of a thousand tensors has a hundred thousand."""
SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
"""Bytes of a number, by the types an adapter may have."""
RANK = 1024
"""The highest rank that is believed."""

_PART = re.compile(r"(?:base_model\.model\.)?([\w.]+?)\.lora_([AB])(?:\.default)?\.weight")


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where a tensor's numbers lie in the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int


@dataclass(frozen=True, slots=True)
class Pair:
    """A low-rank change of one matrix: its weight grows by `scale` · B · A."""

    a: Tensor
    """Rank by inputs."""
    b: Tensor
    """Outputs by rank."""


@dataclass(frozen=True)
class Adapter:
    """What is in an adapter's file."""

    path: Path
    card: Mapping[str, Json]
    tensors: Mapping[str, Tensor]

    @classmethod
    def read(cls, path: Path) -> Adapter:
        """The adapter in a file; raises Damaged where the file is not one, InputError where it cannot be used."""
        header, body, size = _header(path)
        told = header.pop("__metadata__", None)
        tensors = {name: _tensor(name, entry, body, size, path) for name, entry in header.items()}
        if not tensors:
            raise Damaged("the adapter holds no tensors", file=str(path), hint="train it again")
        return cls(path, _card(told, path), tensors)

    @property
    def kind(self) -> str:
        """`lora` where it changes matrices by pairs; otherwise what the card says."""
        return "lora" if any(_PART.fullmatch(name) for name in self.tensors) else str(self.card.get("kind", ""))

    @property
    def base(self) -> str:
        """The digest of the weights it was trained on."""
        told = self.card.get("base")
        return str(told.get("digest", "")) if isinstance(told, Mapping) else ""

    def over(self, digest: str, name: str) -> Adapter:
        """Itself, if it was trained on the weights with this digest; `name` is what they are called."""
        if self.base != digest:
            raise InputError(
                f"the adapter was trained on other weights ({self.base[:12] or 'unnamed'}) than those of `{name}` "
                f"({digest[:12]})",
                file=str(self.path),
                hint="adapters do not port from one model to another: train it again on this one",
            )
        return self

    @property
    def rank(self) -> int:
        """The inner width of every pair."""
        rank = self.card.get("r")
        if type(rank) is not int or not 0 < rank <= RANK:
            raise self._wrong(f"the card's rank `r` is {str(rank)[:40]!r}")
        return rank

    @property
    def scale(self) -> float:
        """What B · A is multiplied by: alpha over the rank, or over its root where the card says `use_rslora`."""
        alpha = self.card.get("lora_alpha")
        if not isinstance(alpha, int | float) or not 0 < alpha <= 1e6:
            raise self._wrong(f"the card's `lora_alpha` is {str(alpha)[:40]!r}")
        return float(alpha) / (self.rank**0.5 if self.card.get("use_rslora") is True else self.rank)

    def pairs(self) -> dict[str, Pair]:
        """The change of each matrix, by the path of its module: `model.layers.0.self_attn.q_proj`."""
        if self.kind != "lora":
            raise InputError(
                f"only low-rank adapters can be added to a model while it runs; this is `{self.kind[:20]}`",
                file=str(self.path),
                hint="export it with `merged`, and serve the folder as a model of its own (`hf:FOLDER`)",
            )
        found: dict[str, dict[str, Tensor]] = {}
        for name, tensor in self.tensors.items():
            part = _PART.fullmatch(name)
            if part is None:
                raise self._wrong(f"`{name[:100]}` is no part of a LoRA")
            found.setdefault(part[1], {})[part[2]] = tensor
        return {module: self._pair(module, parts) for module, parts in sorted(found.items())}

    def numbers(self, tensor: Tensor) -> NDArray[np.float32]:
        """The numbers of a tensor; all of them are finite."""
        import numpy as np

        with np.errstate(over="ignore"):
            found = _floats(self.path, tensor)
        if not np.isfinite(found).all():
            raise self._wrong("it holds numbers that are not finite")
        return found

    def _pair(self, module: str, parts: Mapping[str, Tensor]) -> Pair:
        if set(parts) != {"A", "B"}:
            raise self._wrong(f"`{module}` has a lora_{next(iter(parts))} alone")
        a, b, rank = parts["A"], parts["B"], self.rank
        if len(a.shape) != 2 or len(b.shape) != 2 or a.shape[0] != rank or b.shape[1] != rank:
            raise self._wrong(f"`{module}` has shapes {a.shape} and {b.shape}, which are no pair of rank {rank}")
        return Pair(a, b)

    def _wrong(self, what: str) -> Damaged:
        return Damaged(f"the adapter cannot be used: {what}", file=str(self.path), hint="train it again")


def artifact(folder: Path, digest: str) -> Path:
    """The file of an adapter kept in the task folder `folder`, its content checked once."""
    path = folder / ".suffice" / "artifacts" / f"{digest}.safetensors"
    return path if path.is_file() and checked_digest(path) == digest else Artifacts(path.parent).path(digest)


def _header(path: Path) -> tuple[dict[str, Json], int, int]:
    """The header as JSON, where the numbers begin, and the file's size."""
    try:
        with path.open("rb") as file:
            length, size = int.from_bytes(file.read(8), "little"), path.stat().st_size
            if not 2 <= length <= min(HEADER, size - 8):
                raise Damaged("this is not a .safetensors file", file=str(path), hint="it may be cut short")
            header = json.loads(file.read(length))
    except OSError as wrong:
        raise InputError(f"cannot read the adapter: {wrong.strerror}", file=str(path)) from wrong
    except (ValueError, RecursionError) as wrong:
        raise Damaged("the .safetensors header is not JSON", file=str(path)) from wrong
    if not isinstance(header, dict):
        raise Damaged("the .safetensors header is not a mapping", file=str(path))
    return header, 8 + length, size


def _tensor(name: str, entry: Json, body: int, size: int, path: Path) -> Tensor:
    match entry:
        case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [int(start), int(end)]} if (
            dtype in SIZES
            and all(type(n) is int and 0 < n < 2**32 for n in shape)
            and 0 <= start <= end <= size - body
            and end - start == prod(shape) * SIZES[dtype]
        ):
            return Tensor(dtype, tuple(shape), body + start)
    raise Damaged(
        f"the tensor `{name[:100]}` is not where, or not what, the header says",
        file=str(path),
        hint=f"known types: {', '.join(SIZES)}; a file cut short is trained again",
    )


def _card(told: Json, path: Path) -> Mapping[str, Json]:
    """The card in the file's metadata."""
    try:
        card = json.loads(told["suffice"])
    except (KeyError, TypeError, ValueError, RecursionError):
        card = None
    if not isinstance(card, dict):
        raise Damaged("the file has no card that says what it was trained from", file=str(path), hint="train it again")
    return card


def _floats(path: Path, tensor: Tensor) -> NDArray[np.float32]:
    import numpy as np

    kind = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}[tensor.dtype]
    raw = np.fromfile(path, kind, count=prod(tensor.shape), offset=tensor.start).reshape(tensor.shape)
    if tensor.dtype == "BF16":
        return (raw.astype("<u4") << 16).view(np.float32)
    return raw.astype(np.float32)
