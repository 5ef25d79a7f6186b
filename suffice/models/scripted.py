"""scripted: a model that says what it is told to, for tests and documentation: no key, no network, always the same."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, get_args

from ..digest import digest_of
from ..errors import Fault, InputError, ModelError
from ..types import Answer, Json, Request, Step, Usage, wording

Said = str | Answer | BaseException
BILLED = frozenset({"dropped", "malformed", "truncated", "empty", "timeout"})
FINAL = frozenset({"refused", "rejected", "unauthorized"})


@dataclass(frozen=True)
class Scripted:
    """Replies from a mapping (by input), a list (one after the other) or a function of the request."""

    replies: Mapping[str, str] | Sequence[Any] | Callable[[Request], Any] = field(default_factory=dict)
    """A mapping is asked for the input itself, then for the longest key that the input contains."""
    otherwise: str | None = None
    """What to say where a mapping has nothing; None refuses."""
    latency_ms: float = 0.0
    faults: Mapping[str, float] = field(default_factory=dict)
    """Rates of faults by class, drawn from the seed, the request and how often it was asked."""
    usd: float = 0.0
    """What a call is pretended to cost."""
    parallel: int = 64
    name: str = "scripted"
    seed: int = 0
    heard: list[Request] = field(default_factory=list, init=False, repr=False, compare=False)
    """Every request that reached the model, in order."""
    _lock: Any = field(default_factory=threading.Lock, init=False, repr=False, compare=False)
    _asked: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.faults) - set(get_args(Fault))):
            raise InputError(f"no fault is called `{unknown[0]}`", hint=f"known: {', '.join(get_args(Fault))}")

    @property
    def calls(self) -> int:
        """How often it was called, failures included."""
        return len(self.heard)

    @property
    def digest(self) -> str:
        return digest_of(self.spec)

    @property
    def spec(self) -> Mapping[str, Json]:
        """Data as it is; a function or a list of errors by a digest, from which it cannot be built again."""
        said = self.replies
        data: Json = dict(said) if isinstance(said, Mapping) else _described(said)
        given: dict[str, Json] = {"use": "scripted", "replies": data}
        for key, default in (("otherwise", None), ("usd", 0.0), ("name", "scripted"), ("seed", 0)):
            if getattr(self, key) != default:
                given[key] = getattr(self, key)
        return given

    def payload(self, request: Request) -> Json:
        """The worded messages and everything else a real model would be sent."""
        drawn = request.sampling
        return {
            "messages": [[m.role, m.content] for m in wording(request)],
            "schema": request.schema,
            "tools": [t.name for t in request.tools],
            "model": request.model,
            "sampling": [drawn.temperature, drawn.top_p, drawn.max_tokens, list(drawn.stop), drawn.seed],
        }

    def most(self, request: Request) -> float:
        """The most that an attempt can cost."""
        return self.usd

    def __call__(self, request: Request) -> Answer:
        with self._lock:
            number = len(self.heard)
            self.heard.append(request)
            times = self._asked[request.input] = self._asked.get(request.input, 0) + 1
        if self.latency_ms:
            time.sleep(self.latency_ms / 1000)
        if (fault := self._drawn(request, times)) is not None:
            raise ModelError(f"scripted {fault}", fault=fault, retryable=fault not in FINAL, billed=fault in BILLED)
        return self._answer(request, self._said(request, number))

    def _said(self, request: Request, number: int) -> Said:
        said: Said
        if callable(self.replies):
            said = self.replies(request)
            return said
        if not isinstance(self.replies, Mapping):
            said = self.replies[number] if number < len(self.replies) else _nothing(request)
            return said
        if (exact := self.replies.get(request.input)) is not None:
            return exact
        inside = max((key for key in self.replies if key in request.input), key=len, default=None)
        if inside is not None:
            return self.replies[inside]
        return _nothing(request) if self.otherwise is None else self.otherwise

    def _answer(self, request: Request, said: Said) -> Answer:
        if isinstance(said, BaseException):
            raise said
        if isinstance(said, Answer):
            return said
        words = sum(len(m.content.split()) for m in wording(request))
        usage = Usage(words, len(said.split()))
        return Answer(said, usage=usage, cost=self.usd, trace=(Step("model", self.latency_ms),))

    def _drawn(self, request: Request, times: int) -> Fault | None:
        if not self.faults:
            return None
        text = f"{self.seed}:{times}:{request.sampling.sample}:{request.input}"
        point = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") / 2**64
        for fault in get_args(Fault):
            point -= self.faults.get(fault, 0.0)
            if point < 0:
                return fault  # type: ignore[no-any-return]  # get_args of a Literal
        return None


def _nothing(request: Request) -> ModelError:
    return ModelError(f"nothing is scripted for `{request.input[:80]}`", fault="refused")


def _described(replies: Sequence[Said] | Callable[[Request], Said]) -> Json:
    """A list of texts as it is; otherwise a digest: of a function, its name, code and the plain values it holds."""
    if not callable(replies):
        return list(replies) if all(isinstance(r, str) for r in replies) else digest_of([repr(r) for r in replies])
    held = [_value(cell.cell_contents) for cell in getattr(replies, "__closure__", None) or ()]
    return digest_of([_value(replies), _value(getattr(replies, "__code__", None)), *held])


def _value(value: Any) -> Json:
    """A value as it is the same in every process: no memory address."""
    if isinstance(value, CodeType):
        return [value.co_code.hex(), list(value.co_names), [_value(v) for v in value.co_consts]]
    if value is None or isinstance(value, str | bytes | int | float | tuple | frozenset):
        return repr(sorted(map(repr, value)) if isinstance(value, frozenset) else value)
    return getattr(value, "__qualname__", type(value).__qualname__)
