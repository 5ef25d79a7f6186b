"""transformers: a model in a local folder (config.json, .safetensors, tokenizer.json), run by torch in this process.

Slower than llama.cpp on a processor, and the reference for it: the same weights without any rounding of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from ..adapter import VARIANT, Adapter, artifact
from ..digest import digest_of
from ..errors import InputError, MissingExtra, ModelError
from ..toolwords import told
from ..trainer import Base
from ..types import Answer, Json, Request, wording
from ..weights import checked_digest
from ._generate import Loaded, loaded
from ._labels import labels_of
from ._turns import calling, turn

READ = ("*.json", "*.safetensors", "*.jinja")
"""What is read of the folder; Python and pickles in it are not."""
TEMPLATES = ("chat_template.jinja", "chat_template.json", "tokenizer_config.json")
"""Where a chat template may stand."""


@dataclass(frozen=True)
class Transformers:
    """Weights that transformers loads: nothing is fetched, and no code of the folder's is run."""

    path: str
    """The folder."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """What the weights are computed in."""
    origin: str = ""
    """The digest of the weights that the folder was made from, where adapters name those as their base."""
    folder: Path = field(default=Path(), repr=False, compare=False)
    """The task folder, whose `.suffice/artifacts` hold the adapters that requests may name."""

    @property
    def name(self) -> str:
        return f"hf:{Path(self.path).name}"

    @property
    def parallel(self) -> int:
        """One: torch uses all cores for it."""
        return 1

    @property
    def spec(self) -> Mapping[str, Json]:
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.repr and getattr(self, f.name) != f.default}
        return {"use": "transformers", **own}

    @cached_property
    def weights_digest(self) -> str:
        """A SHA-256 over all files that are read: configuration, weights, tokenizer, template."""
        return digest_of({file.name: checked_digest(file) for file in _files(Path(self.path).expanduser())})

    @cached_property
    def digest(self) -> str:
        """What a reply depends on beside the request: the files, the libraries' versions, the precision."""
        versions = {name: _version(name) for name in ("torch", "transformers")}
        return digest_of({"weights": self.weights_digest, "versions": versions, "dtype": self.dtype})

    def base(self) -> Base:
        """The weights to train from: the folder as it is."""
        return Base(self.name, self.origin or self.weights_digest, Path(self.path).expanduser())

    def payload(self, request: Request) -> Json:
        """What decides the reply."""
        drawn, labels = request.sampling, labels_of(request.schema)
        if request.schema is not None and not labels:
            raise self._cannot("schemas other than a choice of labels")
        if request.tools and self._takes_tools:
            raise self._cannot("tools in a chat template's own way")
        body: dict[str, Json] = {
            "messages": [turn(m) for m in told(wording(request), request.tools)],
            "max_tokens": drawn.max_tokens,
            "temperature": drawn.temperature,
            "top_p": drawn.top_p,
            "seed": (drawn.seed + 7919 * drawn.sample) % (2**32 - 1),
        }
        optional = {"stop": list(drawn.stop), "labels": list(labels), "adapter": self._variant(request.model)}
        return body | {key: value for key, value in optional.items() if value}

    def __call__(self, request: Request) -> Answer:
        body = self.payload(request)
        answer = self._loaded().answer(body, self._adapter)
        return calling(answer) if request.tools else answer

    def _adapter(self, digest: str) -> Adapter:
        return Adapter.read(artifact(self.folder, digest)).over(self.origin or self.weights_digest, self.name)

    def _loaded(self) -> Loaded:
        if missing := next((name for name in ("torch", "transformers") if find_spec(name) is None), None):
            raise MissingExtra(f"`{self.name}` needs the library `{missing}`", hint="pip install 'suffice[train]'")
        return loaded(Path(self.path).expanduser(), self.digest, self.dtype)

    @cached_property
    def _takes_tools(self) -> bool:
        files = (file for file in _files(Path(self.path).expanduser()) if file.name in TEMPLATES)
        return any(b"tools" in file.read_bytes() for file in files)

    def _cannot(self, what: str) -> ModelError:
        return ModelError(
            f"{what} cannot be served by `{self.name}`",
            fault="rejected",
            hint="use the same model as a GGUF (`gguf:PATH`), or a server that constrains replies",
        )

    def _variant(self, name: str | None) -> str | None:
        """The digest of the adapter that a request names, if it names one."""
        if name in (None, self.name):
            return None
        if name is None or (found := VARIANT.fullmatch(name)) is None:
            raise ModelError(
                f"`{self.name}` has no variant `{name}`", fault="rejected", hint="name one as adapter:SHA-256"
            )
        return found[1]


def _files(folder: Path) -> list[Path]:
    found = sorted({file for pattern in READ for file in folder.glob(pattern)})
    for needed in ("config.json", "tokenizer.json", "*.safetensors"):
        if not any(file.match(needed) for file in found):
            raise InputError(
                f"the model's folder has no {needed}",
                file=str(folder),
                hint="weights are read from .safetensors alone; save them with save_pretrained",
            )
    return found


def _version(name: str) -> str:
    try:
        return installed(name)
    except PackageNotFoundError:
        return ""
