"""Does the same adapter give the same replies in llama.cpp and in transformers, and what does it cost to serve it?

    python benchmarks/parity.py [--items 3080] [--adapter FILE.safetensors | --rows 2000] [--timed 40] [--repeats 5]

Reads SUFFICE_DATA/banking77 (default ../shared/data); needs the extra `train`. Without an adapter one is trained on so
many rows. Each test item is asked greedily of the embedded engine (8-bit weights). The reference is transformers in 32
bits: a reply is its own if at every token of it, and at the end of the turn, none is likelier; where one is, it is
asked outright. Every reply that differs is asked again of a merged model in 16 bits: if that agrees with transformers,
the rounding to 8 bits made the difference. Exits 1 where a difference is left unexplained: neither gone in 16 bits, nor
between two tokens that are closer than the engine's numbers lie beside the reference's (twice their 99 % distance).

Then base, adapter and merged model are timed in turns, in CPU milliseconds a request.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from suffice.demonstrations import Demonstration
from suffice.digest import file_digest
from suffice.exporters.merged import Merged
from suffice.models.embedded import Embedded
from suffice.models.transformers import Transformers
from suffice.plugins import find
from suffice.trainer import held_out
from suffice.types import Answer, Message, Request, Sampling, wording

DATA = Path(os.environ.get("SUFFICE_DATA", Path(__file__).parents[1] / ".." / "shared" / "data"))
TOLD = "Name the banking intent of the message."
DRAWN = Sampling(max_tokens=24, logprobs=True)


def asked(text: str) -> Request:
    return Request(text, instructions=(TOLD,), sampling=DRAWN)


def rows(split: str) -> list[dict[str, str]]:
    with (DATA / "banking77" / f"{split}.csv").open(encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    random.Random(0).shuffle(found)
    return found


def trained(model: Embedded, count: int, work: Path) -> Path:
    """An adapter from `count` training rows, with the trainer's defaults."""
    shown = [
        Demonstration(f"t{n}", wording(asked(row["text"])), Message("assistant", row["category"]))
        for n, row in enumerate(rows("train")[:count])
    ]
    taught = held_out(shown)
    return Path(find("trainers", "lora")().train(taught.rows, taught.held, model.base(), work).file)


@dataclass
class Read:
    """What transformers says of one reply."""

    own: bool
    """Whether it is the greedy reply."""
    logprobs: list[float]
    margin: float = 0.0
    """By how many nats its own token was likelier, where it first was."""


class Reference:
    """Transformers reading replies that are there: as many tokens as llama.cpp wrote, in one pass."""

    def __init__(self, model: Transformers) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self._torch = torch
        self._tokenizer = AutoTokenizer.from_pretrained(model.path, local_files_only=True)
        self._model = AutoModelForCausalLM.from_pretrained(
            model.path, dtype=torch.float32, local_files_only=True
        ).eval()

    def read(self, texts: Sequence[str], replies: Sequence[Answer], batch: int = 16) -> list[Read]:
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        found: dict[int, Read] = {}
        for start in range(0, len(order), batch):
            part = order[start : start + batch]
            read = self._batch([self._tokens(texts[at], replies[at]) for at in part])
            found |= dict(zip(part, read, strict=True))
        return [found[at] for at in range(len(texts))]

    def _tokens(self, text: str, reply: Answer) -> tuple[list[int], list[int]]:
        messages = [{"role": m.role, "content": m.content} for m in wording(asked(text))]
        worded = self._tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)
        end = [self._tokenizer.eos_token_id] if reply.status == "ok" else []
        return worded["input_ids"], self._tokenizer(reply.text, add_special_tokens=False)["input_ids"] + end

    def _batch(self, pairs: Sequence[tuple[list[int], list[int]]]) -> list[Read]:
        torch = self._torch
        longest = max(len(prompt) + len(reply) for prompt, reply in pairs)
        ids = torch.zeros(len(pairs), longest, dtype=torch.long)
        for at, (prompt, reply) in enumerate(pairs):
            ids[at, : len(prompt) + len(reply)] = torch.tensor(prompt + reply)
        with torch.inference_mode():
            hidden = self._model.model(input_ids=ids).last_hidden_state
            return [self._one(hidden[at], *pair) for at, pair in enumerate(pairs)]

    def _one(self, hidden: Any, prompt: list[int], reply: list[int]) -> Read:
        torch = self._torch
        told = self._model.lm_head(hidden[len(prompt) - 1 : len(prompt) + len(reply) - 1]).log_softmax(-1)
        here = told.gather(1, torch.tensor(reply)[:, None])[:, 0]
        behind = (told.amax(1) - here).tolist()
        first = next((margin for margin in behind if margin > 0), 0.0)
        return Read(first == 0, here.tolist(), first)


def asked_all(model: Embedded, texts: Sequence[str], name: str | None) -> list[Answer]:
    return [model(replace(asked(text), model=name)) for text in texts]


def parity(texts: Sequence[str], expected: Sequence[str], adapter: Path, folder: Path) -> bool:
    model = Embedded(context=1024, slots=1, folder=folder)
    base = model.base()
    merged = Embedded(gguf=str(Merged("f16").export(adapter, model, folder / "f16")[0]), context=1024, slots=1)
    plain = Transformers(str(base.folder), origin=base.digest, folder=folder)
    whole = Transformers(str(Merged("safetensors").export(adapter, plain, folder / "whole")[0].parent))
    name = f"adapter:{file_digest(adapter)}"
    replies = asked_all(model, texts, name)
    read = Reference(whole).read(texts, replies)
    unlike = [at for at, one in enumerate(read) if not one.own]
    own = {at: plain(replace(asked(texts[at]), model=name)) for at in unlike}
    unlike = [at for at in unlike if own[at].text != replies[at].text]
    noise = sorted(
        abs(a - b)
        for reply, one in zip(replies, read, strict=True)
        for a, b in zip(reply.logprobs, one.logprobs, strict=False)
        if len(reply.logprobs) == len(one.logprobs)
    )
    reach = 2 * noise[int(0.99 * len(noise))]
    print(f"items {len(texts)}; same reply {len(texts) - len(unlike)} ({1 - len(unlike) / len(texts):.2%})")
    print(f"right: engine {right(expected, replies):.3f}, transformers {right_own(expected, replies, own):.3f}")
    print(
        f"engine against reference, log-probability of a token: median {statistics.median(noise):.4f}, "
        f"99 % {reach / 2:.3f}, largest {noise[-1]:.3f} nats, n = {len(noise)} tokens"
    )
    again = {at: merged(asked(texts[at])).text for at in unlike}
    causes: Counter[str] = Counter()
    for at in unlike:
        gone, close = again[at] == own[at].text, read[at].margin <= reach
        causes["gone in 16 bits" if gone else "closer than the noise" if close else "unexplained"] += 1
        print(
            f"  {replies[at].text!r} | {own[at].text!r}: margin {read[at].margin:.3f}, in 16 bits "
            f"{'as transformers' if gone else repr(again[at])}; right is {expected[at]!r}"
        )
    print(f"differences: {dict(causes)}; margins up to {max((read[at].margin for at in unlike), default=0):.3f} nats")
    return not causes["unexplained"]


def right(expected: Sequence[str], replies: Sequence[Answer]) -> float:
    return statistics.fmean(r.text == e for r, e in zip(replies, expected, strict=True))


def right_own(expected: Sequence[str], replies: Sequence[Answer], own: dict[int, Answer]) -> float:
    return statistics.fmean(own.get(at, r).text == expected[at] for at, r in enumerate(replies))


def cost(texts: Sequence[str], adapter: Path, folder: Path, repeats: int) -> None:
    """CPU milliseconds of a request, in turns; with and without the labels' grammar."""
    labels = json.loads((DATA / "banking77" / "categories.json").read_text(encoding="utf-8"))
    model = Embedded(context=1024, slots=1, folder=folder)
    merged = Embedded(gguf=str(Merged("q8_0").export(adapter, model, folder / "q8")[0]), context=1024, slots=1)
    name = f"adapter:{file_digest(adapter)}"
    arms: dict[str, Callable[[Request], Answer]] = {
        "base": model,
        "adapter": lambda request: model(replace(request, model=name)),
        "merged": merged,
    }
    spent: dict[tuple[str, bool], list[float]] = {(arm, bound): [] for arm in arms for bound in (True, False)}
    tokens: Counter[tuple[str, bool]] = Counter()
    for arm, ask in arms.items():
        ask(asked(f"warm {arm}"))
    for _ in range(repeats):
        for bound in (True, False):
            for arm, ask in arms.items():
                start = time.process_time()
                for text in texts:
                    request = replace(asked(text), schema={"enum": labels} if bound else None)
                    tokens[arm, bound] += ask(request).usage.output_tokens
                spent[arm, bound].append(1000 * (time.process_time() - start) / len(texts))
    print(f"CPU ms a request, {len(texts)} requests, {repeats} repeats in turns: median (lowest to highest)")
    for (arm, bound), ms in spent.items():
        each = tokens[arm, bound] / repeats / len(texts)
        print(
            f"  {arm:8} {'77 labels' if bound else 'free':10} {statistics.median(ms):6.0f} "
            f"({min(ms):.0f} to {max(ms):.0f}), {each:.1f} tokens a reply"
        )
    for bound in (True, False):
        ratios = [a / m for a, m in zip(spent["adapter", bound], spent["merged", bound], strict=True)]
        print(
            f"  adapter over merged, {'77 labels' if bound else 'free'}: {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f})"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=3080)
    parser.add_argument("--adapter", type=Path)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--timed", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=5)
    told = parser.parse_args()
    if not (DATA / "banking77").is_dir():
        print(f"no data at {DATA}: set SUFFICE_DATA")
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        adapter = told.adapter or trained(Embedded(), told.rows, folder / "training")
        artifacts = folder / ".suffice" / "artifacts"
        artifacts.mkdir(parents=True)
        shutil.copy(adapter, artifacts / f"{file_digest(adapter)}.safetensors")
        test = rows("test")[: told.items]
        texts, expected = [row["text"] for row in test], [row["category"] for row in test]
        holds = parity(texts, expected, adapter, folder)
        if told.timed:
            cost(texts[: told.timed], adapter, folder, told.repeats)
    print("holds" if holds else "does not hold")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
