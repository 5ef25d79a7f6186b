"""Any causal model of transformers, learned by autograd: the way for every base that is no plain Llama."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ._batches import Batch
from ._learner import Reading, Weigh, all_right
from ._lowrank import LowRank, name_a, start
from ._quiet import quiet

if TYPE_CHECKING:
    from torch import Tensor


def load(folder: Path, dtype: Any, device: str, **options: Any) -> Any:
    """The base of a folder, by transformers, without anything downloaded or run that is not its own code."""
    from transformers import AutoModelForCausalLM

    with quiet():
        found = AutoModelForCausalLM.from_pretrained(
            str(folder), dtype=dtype, local_files_only=True, trust_remote_code=False, use_safetensors=True, **options
        )
    return found if options.get("quantization_config") else found.to(device)


class Plain:
    """A model of transformers with the weights of it that are learned."""

    by = "transformers"

    def __init__(self, model: Any, weights: Mapping[str, Tensor], dtype: str, *, cast: Any = None) -> None:
        """`cast` is the type that products are made in, where it is not that of the model's weights."""
        self.model, self.weights, self.dtype, self._cast = model, weights, dtype, cast
        self._pad = model.config.eos_token_id if isinstance(model.config.eos_token_id, int) else 0

    def refresh(self) -> None:
        """Nothing: the weights are the model's own."""

    def judge(self, batch: Batch) -> Reading:
        """Read a batch and learn nothing."""
        import torch

        self.model.eval()
        with torch.no_grad():
            return self._read(batch)[0]

    def learn(self, batch: Batch, weigh: Weigh) -> Reading:
        """Read a batch and add to the gradients."""
        self.model.train()
        reading, nll = self._read(batch)
        (nll * weigh(reading.nll)).sum().backward()
        return reading

    def _read(self, batch: Batch) -> tuple[Reading, Tensor]:
        import torch

        longest = max(len(row.tokens) for row in batch.rows)
        ids = torch.full((len(batch.rows), longest), self._pad)
        for number, row in enumerate(batch.rows):
            ids[number, : len(row.tokens)] = torch.tensor(row.tokens)
        lengths = torch.tensor([len(row.tokens) for row in batch.rows])
        here = torch.arange(longest)[None] < lengths[:, None]
        asked = torch.tensor([row.start for row in batch.rows])
        targets = here & (torch.arange(longest)[None] >= asked[:, None])
        kept = targets[:, 1:].any(0).nonzero()[:, 0]
        at, wanted = targets[:, 1:][:, kept], ids[:, 1:][:, kept]
        place = self.model.device
        out = self.model(
            input_ids=ids.to(place),
            attention_mask=here.long().to(place),
            logits_to_keep=kept.to(place),
            use_cache=False,
        )
        logits = out.logits[at.to(place)].float()
        nll = torch.nn.functional.cross_entropy(logits, wanted[at].to(place), reduction="none")
        hits = logits.argmax(-1) == wanted[at].to(place)
        return Reading(nll.detach(), all_right(batch, hits.tolist())), nll


def with_lora(model: Any, low: LowRank, seed: int, dropout: float, dtype: str) -> Plain:
    """A LoRA over a model, its weights in 32 bits, started as anywhere else."""
    import torch
    from peft import LoraConfig, get_peft_model

    asked = LoraConfig(
        r=low.rank, lora_alpha=low.alpha, lora_dropout=dropout, target_modules=list(low.targets), task_type="CAUSAL_LM"
    )
    try:
        with quiet():
            tuned = get_peft_model(model, asked)
    except ValueError as wrong:
        raise InputError(f"the base has none of these matrices: {', '.join(low.targets)}", hint=str(wrong)) from wrong
    own = {n.replace(".default.", "."): p for n, p in tuned.named_parameters() if p.requires_grad}
    modules = [n.removeprefix("base_model.model.").removesuffix(".lora_A.weight") for n in own if ".lora_A." in n]
    shapes = {m: (own[name_a(m).replace("lora_A", "lora_B")].shape[0], own[name_a(m)].shape[1]) for m in modules}
    with torch.no_grad():
        for name, tensor in start(shapes, low, seed).items():
            own[name].copy_(tensor)
    for parameter in own.values():
        parameter.grad = torch.zeros_like(parameter)
    return Plain(tuned, own, dtype)


def whole(model: Any, cast: Any) -> Plain:
    """All weights of a model in 32 bits, multiplied in another type where that is faster."""
    import torch

    own = dict(model.named_parameters())
    for parameter in own.values():
        parameter.grad = torch.zeros_like(parameter)
    return Plain(model, own, str(cast).removeprefix("torch."), cast=None if cast == torch.float32 else cast)
