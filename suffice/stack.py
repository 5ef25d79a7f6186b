"""A stack of layers over a model, itself callable like a model."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self, cast

from .artifacts import write_whole
from .digest import digest_of, plain
from .errors import InputError
from .layer import Layer
from .model import Model, resolve
from .plugins import build, made, name_of, spec_of
from .types import Answer, Ask, Json, Message, Request, Sampling, Step, Usage
from .types import wording as word

DEEPEST = 50
"""How deep a stack file may be nested: a schema among its layers' fields is the deepest thing in it."""


@dataclass(frozen=True)
class Stack:
    """Layers, outermost first, over a model."""

    model: Ask
    layers: tuple[Layer, ...] = ()
    sampling: Sampling = Sampling()
    """How replies are drawn where a request does not say."""

    def __call__(self, request: Request) -> Answer:
        ask = model = _timed_model(self.model)
        for layer in reversed(self.layers):
            ask = _timed(layer, ask, model)
        return ask(self._sampled(request))

    def push(self, layer: Layer) -> Stack:
        """The stack with `layer` on top."""
        return replace(self, layers=(layer, *self.layers))

    def under(self, layer: Layer) -> Stack:
        """The stack with `layer` right above the model: what it does, no other layer undoes."""
        return replace(self, layers=(*self.layers, layer))

    def without(self, name: str) -> Stack:
        """The stack without the layers called `name`."""
        return replace(self, layers=tuple(x for x in self.layers if name_of(type(x)) != name))

    def over(self, model: Ask) -> Stack:
        """The same layers over another model."""
        return replace(self, model=model)

    @property
    def names(self) -> tuple[str, ...]:
        """The layers' names, outermost first."""
        return tuple(name_of(type(layer)) for layer in self.layers)

    @property
    def parallel(self) -> int:
        """How much the model beneath can do at once."""
        return int(getattr(self.model, "parallel", 1))

    def _sampled(self, request: Request) -> Request:
        sample = request.sampling.sample
        if request.sampling != Sampling(sample=sample):
            return request
        return replace(request, sampling=replace(self.sampling, sample=sample))

    @cached_property
    def spec(self) -> Mapping[str, Json]:
        """The stack as data: enough to build it again."""
        layers = [plain(spec_of(layer)) for layer in self.layers]
        drawn = {f.name: getattr(self.sampling, f.name) for f in fields(Sampling)}
        told = {k: plain(v) for k, v in drawn.items() if v != getattr(Sampling(), k)}
        return {"model": plain(spec_of(self.model)), "layers": layers, **({"sampling": told} if told else {})}

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the spec: the address it is served by."""
        return digest_of(self.spec)

    def wording(self, request: Request) -> tuple[Message, ...]:
        """The messages that would reach the model, without asking it; empty when a layer answers by itself."""
        heard: list[Request] = []

        def listen(final: Request) -> Answer:
            heard.append(final)
            return Answer("")

        self.over(listen)(request)
        return word(heard[0]) if heard else ()

    def save(self, path: Path) -> Path:
        """Write the stack as YAML with its digest; `load` checks it."""
        return save(self.spec, self.digest, path)

    @classmethod
    def load(cls, path_or_digest: Path | str, *, folder: Path | None = None) -> Self:
        """The stack in a `stack.yaml`, or the one kept under a digest (or its first 8 or more digits)."""
        import yaml

        path = _located(path_or_digest, folder or Path())
        try:
            text = path.read_text(encoding="utf-8")
            _plain(text, path)
            body = yaml.safe_load(text)
        except (OSError, ValueError, RecursionError, yaml.YAMLError) as wrong:
            raise InputError(f"cannot read the stack: {wrong}", file=str(path)) from wrong
        stack = cls.of(body, beside=_home(path))
        if body.get("digest") not in (None, stack.digest):
            raise InputError(
                f"the stack was edited: it says {str(body['digest'])[:12]}, its content is {stack.digest[:12]}",
                file=str(path),
                hint="remove the digest line to accept the edit as a new stack",
            )
        return stack

    @classmethod
    def of(cls, spec: Json, *, beside: Path | None = None) -> Self:
        """The stack that a spec describes."""
        if not isinstance(spec, Mapping) or "model" not in spec:
            raise InputError("a stack needs `model` and `layers`")
        if not isinstance(spec.get("layers", []), list | tuple):
            raise InputError("a stack's `layers` are a list, outermost first")
        model = spec["model"]
        found = resolve(model, folder=beside) if isinstance(model, str) else build("models", model, beside=beside)
        layers = tuple(_homed(build("layers", s, beside=beside), beside) for s in spec.get("layers", ()))
        sampling = made(Sampling, spec.get("sampling", {}), "`sampling`")
        return cls(cast(Model, _homed(found, beside)), layers, sampling)


def save(spec: Mapping[str, Json], digest: str, path: Path) -> Path:
    """Write the stack that a spec describes, under its digest, without building it."""
    import yaml

    body = {"suffice": 1, "digest": digest, **spec}
    write_whole(path, yaml.safe_dump(body, sort_keys=False, allow_unicode=True).encode())
    return path


def _plain(text: str, path: Path) -> None:
    """Refuse what could multiply or pile up, event by event, before anything is built of it."""
    import yaml

    deep = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        deep += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            raise InputError("aliases (*name) are not allowed", file=str(path))
        if deep > DEEPEST:
            raise InputError("nested too deeply", file=str(path))


def _home(path: Path) -> Path:
    """The task folder of a stack file: beside it, or above `.suffice/stacks`."""
    return path.parent.parent.parent if path.parent.parent.name == ".suffice" else path.parent


def _homed(part: Any, folder: Path | None) -> Any:
    """A layer or model with a `folder` field finds its files in the task folder the stack was loaded from."""
    return replace(part, folder=folder or Path()) if hasattr(part, "folder") else part


def _located(path_or_digest: Path | str, folder: Path) -> Path:
    if (direct := Path(path_or_digest)).is_file():
        return direct
    digest = str(path_or_digest)
    sought = f"{digest}*.yaml" if len(digest) >= 8 and digest.isalnum() else ""
    kept = sorted((folder / ".suffice" / "stacks").glob(sought)) if sought else []
    if len(kept) == 1:
        return kept[0]
    several = "several stacks" if kept else "no stack"
    raise InputError(f"{several} at `{path_or_digest}`", hint="give the path of a stack.yaml, or a stack digest")


@dataclass
class _Beneath:
    """What a layer's asks came to, so that no layer keeps accounts itself."""

    ask: Ask
    model: Ask
    wall: float = 0.0
    usage: Usage = Usage()
    cost: float | None = 0.0
    steps: list[Step] = field(default_factory=list)
    asked: int = 0

    def __call__(self, request: Request) -> Answer:
        return self._accounted(self.ask, request)

    def straight(self, request: Request) -> Answer:
        """Ask the model itself, past the layers between: see `straight`."""
        return self._accounted(self.model, request)

    def _accounted(self, ask: Ask, request: Request) -> Answer:
        start = time.perf_counter()
        answer = ask(request)
        self.wall += time.perf_counter() - start
        self.asked += 1
        self.usage += answer.usage
        self.cost = None if self.cost is None or answer.cost is None else self.cost + answer.cost
        self.steps += answer.trace
        return answer


def straight(ask: Ask) -> Ask:
    """The model under all layers, where a layer was given `ask` by a stack; otherwise `ask` itself."""
    found: Ask = getattr(ask, "straight", ask)
    return found


def _timed(layer: Layer, ask: Ask, model: Ask) -> Ask:
    name = name_of(type(layer))

    def asked(request: Request) -> Answer:
        beneath, start = _Beneath(ask, model), time.perf_counter()
        answer = layer(request, beneath)
        own = max(0.0, time.perf_counter() - start - beneath.wall) * 1000
        step = Step(name, own, beneath.asked, answer.notes)
        return replace(answer, usage=beneath.usage, cost=beneath.cost, trace=(step, *beneath.steps), notes={})

    return asked


def _timed_model(model: Ask) -> Ask:
    def asked(request: Request) -> Answer:
        start = time.perf_counter()
        answer = model(request)
        if answer.trace:
            return answer
        return replace(answer, trace=(Step("model", (time.perf_counter() - start) * 1000, 0, answer.notes),), notes={})

    return asked
