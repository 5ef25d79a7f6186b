"""embedded: a small model (SmolLM2-135M-Instruct, or a GGUF of yours) run by llama.cpp inside this process."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path

from ..adapter import VARIANT, Adapter, artifact
from ..digest import digest_of
from ..errors import ModelError
from ..toolwords import told
from ..trainer import Base
from ..types import Answer, Json, Request, Step, ToolCall, Usage, wording
from ..weights import KNOWN, cache_dir, checked_digest, derive, derived, fetch
from ._engine import Engine, cores, engine, try_out, version
from ._labels import confidence, label_grammar, labels_of, only
from ._lora import write_lora
from ._quantize import Form, write_eight_bit, write_merged
from ._transformers import to_transformers
from ._turns import calling, turn

FAST = "SmolLM2-135M-Instruct.Q8_0-1.gguf"
"""The known weights as they are run."""
FORM = "1"
"""Numbers the way in which adapters are written for the engine: replies under another form are other replies."""
WIDTH = 100
"""How many candidates per token are looked at for the probability of a label."""


@dataclass(frozen=True)
class Embedded:
    """The model that runs anywhere: no key, no server, no price. Weak at open questions: give it examples, passages."""

    gguf: str | None = None
    """A model file; None takes `SUFFICE_MODEL`, or else the weights that are fetched once."""
    context: int = 8192
    """Tokens of prompt and reply together; a model trained on less takes less."""
    slots: int | None = None
    """Requests answered at the same time; None: one for each core, eight at most."""
    folder: Path = field(default=Path(), repr=False, compare=False)
    """The task folder, whose `.suffice/artifacts` hold the adapters that requests may name."""

    @property
    def name(self) -> str:
        return f"gguf:{Path(self.gguf).stem}" if self.gguf else "embedded"

    @property
    def parallel(self) -> int:
        return self.slots or min(cores(), 8)

    @property
    def spec(self) -> Mapping[str, Json]:
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.repr and getattr(self, f.name) != f.default}
        return {"use": "embedded", **own}

    @cached_property
    def path(self) -> Path:
        """The model file: given, from `SUFFICE_MODEL`, or fetched."""
        given = self.gguf or os.environ.get("SUFFICE_MODEL")
        return Path(given).expanduser() if given else fetch("smollm2")

    @cached_property
    def weights_digest(self) -> str:
        """The SHA-256 of the model file."""
        return checked_digest(self.path)

    @cached_property
    def digest(self) -> str:
        """What a reply depends on beside the request: the weights, the engine's version, the form they are run in."""
        form = FAST if self._pinned else None
        return digest_of({"weights": self.weights_digest, "engine": version(), "form": form})

    def payload(self, request: Request) -> Json:
        """What the engine is given: named parameters only, nothing of the request is passed through unread."""
        adapter, worded = self._variant(request.model), wording(request)
        spoken = self._spoken(request)
        drawn, labels = request.sampling, labels_of(request.schema)
        body: dict[str, Json] = {
            "messages": [turn(m) for m in (told(worded, request.tools) if spoken else worded)],
            "max_tokens": drawn.max_tokens,
            "temperature": drawn.temperature,
            "top_p": drawn.top_p,
            "top_k": 0,
            "min_p": 0.0,
            "seed": (drawn.seed + 7919 * drawn.sample) % (2**32 - 1),
            "cache_prompt": True,
        }
        if adapter:
            body["adapter"] = f"{adapter}-{FORM}"
        if drawn.stop:
            body["stop"] = list(drawn.stop)
        if labels:
            body["grammar"] = label_grammar(labels)
        elif request.schema is not None:
            body["response_format"] = {"type": "json_schema", "json_schema": {"schema": dict(request.schema)}}
        if labels or drawn.logprobs:
            body |= {"logprobs": True, "top_logprobs": WIDTH if labels else 1}
        if request.tools and not spoken:
            body["tools"] = [
                {
                    "type": "function",
                    "function": {"name": t.name, "description": t.description, "parameters": dict(t.parameters)},
                }
                for t in request.tools
            ]
        return body

    def __call__(self, request: Request) -> Answer:
        body, labels = self.payload(request), labels_of(request.schema)
        adapter = body.pop("adapter", None)
        change = self._adapter(adapter.partition("-")[0]) if adapter else None
        settled = None if not labels or request.sampling.stop else lambda said: only(said, labels) is not None
        answer = _answer(self._engine().chat(body, change, settled), labels, early=settled is not None)
        return calling(answer) if self._spoken(request) else answer

    def lora(self, adapter: Path) -> Path:
        """An adapter's file in the form that the engine loads, a LoRA GGUF: made from it once, kept in the cache."""
        found = Adapter.read(adapter).over(self.weights_digest, self.name)
        made = cache_dir() / "adapters" / f"{checked_digest(adapter)}-{FORM}.gguf"
        return derived(made, lambda path: write_lora(found, self.path, path))

    def merge(self, adapter: Path, target: Path, form: Form) -> None:
        """Write the model with the adapter's changes in its weights: a GGUF that needs no adapter."""
        origin = {"suffice.adapter": checked_digest(adapter), "suffice.base": self.weights_digest}
        write_merged(self.path, self.lora(adapter), target, form=form, told=origin)

    def base(self) -> Base:
        """The weights to train from, as transformers loads them: made once, kept in the cache."""
        folder = cache_dir() / "weights" / f"transformers-{self.weights_digest[:32]}"
        return Base(self.name, self.weights_digest, to_transformers(self.path, folder))

    def _adapter(self, digest: str) -> Path:
        """The form to load of the adapter with this digest, tried out once."""
        if digest not in self._adapters:
            made = self.lora(artifact(self.folder, digest))
            try_out(self._file, self.weights_digest, made)
            self._adapters[digest] = made
        return self._adapters[digest]

    @cached_property
    def _adapters(self) -> dict[str, Path]:
        """The adapters that were found sound already."""
        return {}

    def _variant(self, name: str | None) -> str | None:
        """The digest of the adapter that a request names, if it names one."""
        if name in (None, self.name):
            return None
        if name is None or (found := VARIANT.fullmatch(name)) is None:
            raise ModelError(
                f"the embedded model has no variant `{name}`", fault="rejected", hint="name one as adapter:SHA-256"
            )
        return found[1]

    def _spoken(self, request: Request) -> bool:
        """Whether tools are told in words: beside a schema, which the engine cannot enforce on calls; and to adapters,
        which learn them so where the chat template has no place for them."""
        if not request.tools or request.schema is not None:
            return bool(request.tools)
        return self._variant(request.model) is not None and not self._takes_tools

    @cached_property
    def _takes_tools(self) -> bool:
        from gguf import GGUFReader

        if self._pinned:
            return False
        template = GGUFReader(self.path).fields.get("tokenizer.chat_template")
        return template is not None and "tools" in str(template.contents())

    @property
    def _pinned(self) -> bool:
        return self.weights_digest in KNOWN["smollm2"].files.values()

    @cached_property
    def _file(self) -> Path:
        """The file to load: the known weights in their fast form, or one that nobody vouches for, tried out first."""
        if self._pinned:
            return derive("smollm2", FAST, lambda path: write_eight_bit(self.path, path))
        try_out(self.path, self.weights_digest)
        return self.path

    def _engine(self) -> Engine:
        return engine(self._file, self.digest, lanes=self.parallel, context=self.context)


def _answer(reply: Json, labels: Sequence[str], *, early: bool = False) -> Answer:
    """The engine's reply as an answer; one that ended `early` is the label that alone was left."""
    choice, usage, timed = reply["choices"][0], reply["usage"], reply["timings"]
    message = choice["message"]
    tokens = (choice.get("logprobs") or {}).get("content") or []
    notes = {key: round(timed[key], 3) for key in ("prompt_ms", "predicted_ms")}
    label = only(b"".join(bytes(token["bytes"]) for token in tokens), labels) if early else None
    return Answer(
        text=label if label is not None else message.get("content") or "",
        tool_calls=tuple(_tool_call(call) for call in message.get("tool_calls") or ()),
        usage=Usage(
            usage["prompt_tokens"], usage["completion_tokens"], usage["prompt_tokens_details"]["cached_tokens"]
        ),
        status="truncated" if choice["finish_reason"] == "length" else "ok",
        confidence=confidence(tokens, labels) if labels else None,
        logprobs=tuple(token["logprob"] for token in tokens),
        trace=(Step("model", ms=round(timed["prompt_ms"] + timed["predicted_ms"], 3), notes=notes),),
    )


def _tool_call(call: Json) -> ToolCall:
    try:
        arguments = json.loads(call["function"]["arguments"])
    except ValueError as wrong:
        raise ModelError("the embedded model wrote a tool call that is not JSON", fault="malformed") from wrong
    return ToolCall(call["function"]["name"], arguments if isinstance(arguments, dict) else {}, call.get("id") or "")
