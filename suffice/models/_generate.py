"""Replies from a model that torch runs: one at a time, token by token, under one adapter or none."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..adapter import Adapter
from ..errors import Damaged, InputError, ModelError
from ..types import Answer, Json, Step, Usage
from ._labels import only
from ._pieces import Pieces

ADAPTERS = 8
"""Adapters kept in memory at most; the one unused for longest goes."""

ENDS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "</s>", "<eos>")
"""Special tokens that end a reply wherever a vocabulary has them, as llama.cpp takes them."""

_LOADED: dict[str, Loaded] = {}
_LOCK = threading.Lock()


def loaded(folder: Path, digest: str, dtype: str) -> Loaded:
    """The model in this folder: one for each process, digest and precision."""
    with _LOCK:
        if digest not in _LOADED:
            _LOADED[digest] = Loaded(folder, dtype)
        return _LOADED[digest]


@dataclass(slots=True)
class Reply:
    """What was drawn so far."""

    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    text: str = ""
    sure: float = 0.0
    """The logarithm of the probability of what was drawn among all that could have led to a label."""
    ended: bool = False


class Loaded:
    """A model in memory, with the adapters it was asked for."""

    def __init__(self, folder: Path, dtype: str) -> None:
        self._model, self._tokenizer = _load(folder, dtype)
        self._pieces = Pieces(self._tokenizer)
        self._ends = _ends(self._model, self._tokenizer)
        self._lock = threading.Lock()
        self._adapters: OrderedDict[str, Mapping[str, tuple[Any, Any]]] = OrderedDict()
        self._active: Mapping[str, tuple[Any, Any]] = {}
        self._watched: set[str] = set()

    def answer(self, body: Json, adapter: Callable[[str], Adapter]) -> Answer:
        """The reply to a payload of `Transformers`; `adapter` reads one that is not in memory."""
        import torch

        with self._lock, torch.inference_mode():
            self._active = self._changes(body["adapter"], adapter) if "adapter" in body else {}
            start = time.perf_counter()
            prompt = self._prompt(body["messages"])
            room = self._room(prompt)
            steps = self._tokens(prompt, body)
            reply = next(steps)
            first = time.perf_counter()
            while not reply.ended and len(reply.ids) < min(body["max_tokens"], room):
                reply = next(steps)
        end = time.perf_counter()
        notes = {"prompt_ms": round(1000 * (first - start), 3), "predicted_ms": round(1000 * (end - first), 3)}
        return Answer(
            text=reply.text,
            usage=Usage(prompt.shape[1], len(reply.ids)),
            status="ok" if reply.ended else "truncated",
            confidence=math.exp(reply.sure) if "labels" in body else None,
            logprobs=tuple(reply.logprobs),
            trace=(Step("model", ms=round(1000 * (end - start), 3), notes=notes),),
        )

    def _prompt(self, messages: Json) -> Any:
        """The prompt's tokens, one row."""
        from jinja2 import TemplateError

        try:
            worded = self._tokenizer.apply_chat_template(
                messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
            )
        except (TemplateError, ValueError, TypeError) as wrong:
            raise ModelError(f"the model's chat template rejects the request: {wrong}", fault="rejected") from wrong
        return worded["input_ids"].to(self._model.device)

    def _room(self, prompt: Any) -> int:
        """How many tokens fit after the prompt."""
        most = int(getattr(self._model.config, "max_position_embeddings", 2**31))
        if prompt.shape[1] >= most:
            raise ModelError(
                f"the prompt has {prompt.shape[1]} tokens, the model's context holds {most}",
                fault="rejected",
                hint="shorten the prompt: fewer examples or passages",
            )
        return most - int(prompt.shape[1])

    def _tokens(self, prompt: Any, body: Json) -> Iterator[Reply]:
        """The reply after each token."""
        import torch

        reply, cache, given = Reply(), None, prompt
        ways = [label.encode() for label in body.get("labels", ())]
        dice = torch.Generator(self._model.device).manual_seed(body["seed"])
        while True:
            out = self._model(input_ids=given, cache=cache, use_cache=True, logits_to_keep=1)
            cache = out.cache
            told = out.logits[0, -1].float().log_softmax(-1)
            if not bool(torch.isfinite(told).any()):
                raise ModelError("the model gives no probabilities", fault="malformed")
            allowed = self._allowed(reply, ways) if ways else None
            token = _drawn(told if allowed is None else told[allowed], body["temperature"], body["top_p"], dice)
            if allowed is not None:
                among = told[allowed]
                reply.sure += float(among[token] - among.logsumexp(0))
                token = int(allowed[token])
            self._add(reply, token, float(told[token]), body.get("stop", ()))
            if ways and not body.get("stop"):
                self._settle(reply, body["labels"])
            yield reply
            given = prompt.new_tensor([[token]])

    def _allowed(self, reply: Reply, ways: Sequence[bytes]) -> Any:
        """The tokens that lead on to a label, or end one."""
        import torch

        so_far = self._said(reply)
        rests = [way[len(so_far) :] for way in ways if way.startswith(so_far)]
        found = self._pieces.leading(rests) + (sorted(self._ends) if b"" in rests else [])
        if not found:
            raise ModelError("the model's vocabulary cannot spell the labels", fault="rejected")
        return torch.tensor(found, device=self._model.device)

    def _said(self, reply: Reply) -> bytes:
        return b"".join(self._pieces.of[number] for number in reply.ids if number not in self._ends)

    def _settle(self, reply: Reply, labels: Sequence[str]) -> None:
        """End a reply of which one label alone can come."""
        label = only(self._said(reply), labels)
        if label is not None:
            reply.text, reply.ended = label, True

    def _add(self, reply: Reply, token: int, logprob: float, stop: Sequence[str]) -> None:
        reply.ids.append(token)
        reply.logprobs.append(logprob)
        if token in self._ends:
            reply.ended = True
            return
        reply.text = self._tokenizer.decode(reply.ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        cuts = [reply.text.index(mark) for mark in stop if mark in reply.text]
        if cuts:
            reply.text, reply.ended = reply.text[: min(cuts)], True

    # Adapters

    def _changes(self, digest: str, adapter: Callable[[str], Adapter]) -> Mapping[str, tuple[Any, Any]]:
        """What the adapter changes, by module; read when it is asked for first."""
        if digest not in self._adapters:
            self._adapters[digest] = self._read(adapter(digest))
        self._adapters.move_to_end(digest)
        if len(self._adapters) > ADAPTERS:
            self._adapters.popitem(last=False)
        return self._adapters[digest]

    def _read(self, adapter: Adapter) -> Mapping[str, tuple[Any, Any]]:
        import torch

        modules, found = dict(self._model.named_modules()), {}
        for name, pair in adapter.pairs().items():
            weight = getattr(modules.get(name), "weight", None)
            if not isinstance(modules.get(name), torch.nn.Linear) or weight is None:
                raise _misfit(adapter, name, "is no matrix of this model")
            if tuple(weight.shape) != (pair.b.shape[0], pair.a.shape[1]):
                raise _misfit(adapter, name, f"has {weight.shape[1]} inputs and {weight.shape[0]} outputs")
            a, b = (torch.from_numpy(adapter.numbers(part)) for part in (pair.a, pair.b))
            found[name] = (a.T.to(weight), (b.T * adapter.scale).to(weight))
        for name in sorted(found.keys() - self._watched):
            modules[name].register_forward_hook(self._hook(name))
            self._watched.add(name)
        return found

    def _hook(self, name: str) -> Callable[..., Any]:
        """What adds the active adapter's part to what a module gives."""

        def changed(_: Any, given: Any, out: Any) -> Any:
            pair = self._active.get(name)
            return out if pair is None else out + given[0] @ pair[0] @ pair[1]

        return changed


def _drawn(told: Any, temperature: float, top_p: float, dice: Any) -> int:
    """A token's place among these log-probabilities: the likeliest, or one drawn from the likeliest `top_p` of them."""
    import torch

    if temperature <= 0:
        return int(told.argmax())
    chances, order = told.softmax(-1).sort(descending=True)
    kept = chances.cumsum(0) - chances < top_p
    kept[0] = True
    tempered = (told[order[kept]] / temperature).softmax(-1)
    return int(order[kept][torch.multinomial(tempered, 1, generator=dice)])


def _load(folder: Path, dtype: str) -> tuple[Any, Any]:
    """The model and its tokenizer, from this folder alone: no network, no code, no pickles."""
    import torch
    import transformers

    quiet = transformers.utils.logging
    quiet.disable_progress_bar()
    plainly = {"local_files_only": True, "trust_remote_code": False}
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder), **plainly)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            str(folder), dtype=getattr(torch, dtype), use_safetensors=True, **plainly
        )
    except Exception as wrong:  # a damaged folder may make the library raise anything
        raise InputError(
            f"transformers cannot load this model: {str(wrong).splitlines()[0][:200] if str(wrong) else wrong!r}",
            file=str(folder),
            hint="give a folder as save_pretrained writes it: config.json, model.safetensors, tokenizer.json",
        ) from wrong
    if tokenizer.chat_template is None:
        raise InputError("the model has no chat template", file=str(folder), hint="give a chat model's folder")
    return model.eval().to(device), tokenizer


def _ends(model: Any, tokenizer: Any) -> set[int]:
    """The tokens that end a reply."""
    told = model.generation_config.eos_token_id
    several = told if isinstance(told, list) else [told]
    special = tokenizer.get_added_vocab()
    known = (special.get(name) for name in ENDS)
    return {number for number in (*several, *known, tokenizer.eos_token_id) if number is not None}


def _misfit(adapter: Adapter, module: str, what: str) -> Damaged:
    return Damaged(
        f"the adapter does not fit the model: `{module[:100]}` {what}",
        file=str(adapter.path),
        hint="it was trained on another model: train it again on this one",
    )
