"""The embedded embedder against an independent forward pass, and its promises to whoever caches its vectors."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from suffice.embedders.minilm import GRAPH, Minilm
from suffice.testing import check_embedder
from suffice.weights import derive

TEXTS = [
    "My card has not arrived yet.",
    "I still haven't received my new card, I ordered over a week ago.",
    "What is the capital of France?",
    "¿Dónde está? 日本 🙂",
    "",
    " ".join(f"word{n}" for n in range(120)),
]


def reference(weights: dict[str, NDArray[Any]], ids: list[int]) -> NDArray[np.float64]:
    """BERT in double precision, one text at a time, straight from the paper: no fused operators, no batch."""

    def w(name: str) -> NDArray[np.float64]:
        return weights[name].astype(np.float64)

    def dense(x: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        return x @ w(f"{name}.weight").T + w(f"{name}.bias")

    def norm(x: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        centred = x - x.mean(-1, keepdims=True)
        return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12) * w(f"{name}.weight") + w(f"{name}.bias")

    e = "embeddings."
    x = w(f"{e}word_embeddings.weight")[ids] + w(f"{e}position_embeddings.weight")[: len(ids)]
    x = norm(x + w(f"{e}token_type_embeddings.weight")[0], f"{e}LayerNorm")
    for layer in (f"encoder.layer.{n}" for n in range(6)):
        q, k, v = (
            dense(x, f"{layer}.attention.self.{part}").reshape(-1, 12, 32).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = np.exp(q @ k.transpose(0, 2, 1) / math.sqrt(32))
        heads = (scores / scores.sum(-1, keepdims=True)) @ v
        joined = heads.transpose(1, 0, 2).reshape(len(ids), 384)
        x = norm(x + dense(joined, f"{layer}.attention.output.dense"), f"{layer}.attention.output.LayerNorm")
        wide = dense(x, f"{layer}.intermediate.dense")
        gelu = wide * 0.5 * (1 + np.vectorize(math.erf)(wide / math.sqrt(2)))
        x = norm(x + dense(gelu, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    mean = x.mean(0)
    return np.asarray(mean / np.linalg.norm(mean))


def test_vectors_are_those_of_an_independent_forward_pass(minilm: Path) -> None:
    tokenizer = Tokenizer.from_file(str(minilm.with_name("tokenizer.json")))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    weights = load_file(minilm)
    for text, vector in zip(TEXTS, Minilm()(TEXTS), strict=True):
        assert vector @ reference(weights, tokenizer.encode(text).ids) > 0.999999, text


def test_it_keeps_the_contract_of_embedders(minilm: Path) -> None:
    check_embedder(Minilm())


def test_a_vector_does_not_depend_on_its_neighbours_or_their_order(minilm: Path) -> None:
    embed = Minilm()
    together, alone = embed(TEXTS), np.vstack([embed([text]) for text in TEXTS])
    assert np.abs(together - alone).max() < 1e-5
    assert np.abs(embed(TEXTS[::-1])[::-1] - together).max() < 1e-5


def test_meaning_is_nearer_than_wording(minilm: Path) -> None:
    a, b, c = Minilm()(["The cat sat on the mat.", "A feline rested on the rug.", "The cap sat on the map."])
    assert a @ b > a @ c


def test_of_a_long_text_the_first_256_tokens_count(minilm: Path) -> None:
    long, longer, other = Minilm()(["tax " * 254, "tax " * 254 + "cat " * 900, "tax " * 100 + "cat " * 154])
    assert long @ longer > 0.999999
    assert long @ other < 0.99


def test_broken_unicode_and_no_texts_at_all_are_embedded_too(minilm: Path) -> None:
    assert Minilm()(["half \ud800 a pair", "\x00"]).shape == (2, 384)
    assert Minilm()([]).shape == (0, 384)


def test_a_damaged_graph_is_written_again(minilm: Path) -> None:
    made = []

    def write(path: Path) -> None:
        made.append(path)
        path.write_bytes(b"graph")

    first = derive("minilm", "trial.bin", write)
    assert derive("minilm", "trial.bin", write) == first
    first.write_bytes(b"grain")
    assert derive("minilm", "trial.bin", write).read_bytes() == b"graph"
    assert len(made) == 2
    first.unlink()
    first.with_name("trial.bin.sha256").unlink()


@pytest.mark.slow
def test_real_messages_of_all_lengths_become_unit_vectors(minilm: Path, data: Path) -> None:
    import csv

    with (data / "banking77" / "train.csv").open(newline="") as file:
        texts = [row[0] for row in list(csv.reader(file))[1:2001]]
    vectors = Minilm()(texts)
    assert vectors.shape == (2000, 384)
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5
    assert minilm.with_name(GRAPH).is_file()
