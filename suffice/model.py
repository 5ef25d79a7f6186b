"""A model is an Ask that knows what it would send, what it is, and how much it can do at once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

from .errors import InputError
from .plugins import find
from .types import Answer, Json, Request


@runtime_checkable
class Model(Protocol):
    """One attempt per call: retries, the reply cache and budgets are put around it by `calls`."""

    @property
    def name(self) -> str:
        """The name prices are looked up by."""
        ...

    @property
    def digest(self) -> str:
        """What the weights or the endpoint are: enters every reply key. Hexadecimal."""
        ...

    @property
    def parallel(self) -> int:
        """How many requests it serves well at the same time."""
        ...

    @property
    def spec(self) -> Mapping[str, Json]:
        """The model as data, with `use`; never a key."""
        ...

    def payload(self, request: Request) -> Json:
        """What goes over the wire for this request, as JSON."""
        ...

    def __call__(self, request: Request) -> Answer: ...


class Around:
    """What stands around a model and is one in its place: of the same name, digest and payload."""

    def __init__(self, model: Model) -> None:
        self.model = model

    @property
    def name(self) -> str:
        return self.model.name

    @cached_property
    def digest(self) -> str:
        return self.model.digest

    @property
    def parallel(self) -> int:
        return self.model.parallel

    @property
    def spec(self) -> Mapping[str, Json]:
        return self.model.spec

    def payload(self, request: Request) -> Json:
        return self.model.payload(request)


def resolve(address: str, *, folder: Path | None = None) -> Model:
    """The model at an address: `embedded`, `provider/name`, `http://host/v1#name`, `recorded:FILE`, `gguf:PATH`,
    `hf:PATH` or `mine.py:Thing`. Relative paths are taken from `folder`."""
    scheme, _, rest = address.partition(":")
    beside = folder or Path()
    if scheme in ("http", "https"):
        url, _, name = address.partition("#")
        if not name:
            raise InputError(f"model `{address}` names no model", hint="write http://host/v1#name")
        return _made(find("models", "openai"), beside, name=name, base_url=url)
    if scheme == "recorded":
        recorded = _made(find("models", "recorded"), beside, file=rest)
        _ = recorded.digest  # reads the file, so that a wrong row is told now
        return recorded
    if scheme == "gguf":
        return _made(find("models", "embedded"), beside, gguf=str((beside / Path(rest).expanduser()).resolve()))
    if scheme == "hf":
        return _made(find("models", "transformers"), beside, path=str((beside / Path(rest).expanduser()).resolve()))
    provider, slash, name = address.partition("/")
    named = slash and provider.isidentifier() and not address.rpartition(":")[0].endswith(".py")
    if ":" in address and not named:
        return _made(find("models", address, beside=beside), beside)
    if slash and not name:
        raise InputError(f"model `{address}` names no model", hint=f"write {provider}/NAME")
    return _made(find("models", provider), beside, **({"name": name} if name else {}))


_HOW = "write provider/NAME, http://host/v1#NAME, recorded:FILE.jsonl, gguf:PATH or embedded"


def _made(plugin: Json, beside: Path, **fields: str) -> Model:
    """The plugin made; one with a `folder` finds there what belongs to the task: replies, adapters."""
    at_home = {"folder": beside} if "folder" in getattr(plugin, "__dataclass_fields__", {}) else {}
    try:
        return cast(Model, plugin(**fields, **at_home))
    except TypeError as wrong:
        raise InputError(f"model `{getattr(plugin, '__name__', plugin)}`: {wrong}", hint=_HOW) from wrong
