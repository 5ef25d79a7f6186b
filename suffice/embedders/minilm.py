"""minilm: texts as unit vectors by all-MiniLM-L6-v2, run by onnxruntime on the processor; no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..digest import digest_of
from ..weights import KNOWN, derive, fetch
from ._minilm_graph import write_graph

GRAPH = "minilm-fp32-1.onnx"
"""Enters the digest: another way of computing is another embedder."""
LONGEST, TOGETHER = 256, 4096
"""Tokens read of a text (as the model was trained), and of one batch."""


@dataclass(frozen=True)
class Minilm:
    """English sentence embeddings: 384 numbers a text, of length one; of longer texts the first 256 tokens count."""

    @property
    def dimension(self) -> int:
        return 384

    @property
    def digest(self) -> str:
        """The weights and the way they are run."""
        return digest_of({"weights": dict(KNOWN["minilm"].files), "graph": GRAPH, "longest": LONGEST})

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row per text (n × 384, float32). A text's vector does not depend on its neighbours, up to rounding."""
        tokenizer, session = _loaded()
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        ids = [encoded.ids for encoded in tokenizer.encode_batch(clean)]
        vectors = np.empty((len(ids), self.dimension), np.float32)
        for batch in _batches([len(row) for row in ids]):
            vectors[batch] = session.run(None, {"ids": np.array([ids[i] for i in batch], np.int64)})[0]
        return vectors


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices of texts that have equally many tokens, so that none is padded."""
    order = sorted(range(len(lengths)), key=lambda i: lengths[i])
    for length, group in groupby(order, key=lambda i: lengths[i]):
        same, size = list(group), max(1, min(64, TOGETHER // max(1, length)))
        yield from (same[i : i + size] for i in range(0, len(same), size))


def _loaded() -> tuple[Any, Any]:
    weights = fetch("minilm")
    return _open(weights, derive("minilm", GRAPH, lambda path: write_graph(weights, path)))


@lru_cache(1)
def _open(weights: Path, graph: Path) -> tuple[Any, Any]:
    import onnxruntime
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(weights.with_name("tokenizer.json")))
    tokenizer.no_padding()
    tokenizer.enable_truncation(LONGEST)
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return tokenizer, onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
