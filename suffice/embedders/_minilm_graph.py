"""Write the weights of all-MiniLM-L6-v2 (a six-layer BERT) as an ONNX graph from token ids to unit vectors.

Every text of a batch has the same number of tokens, so that the graph needs no mask and no padding.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

LAYERS, HEADS, EPSILON = 6, 12, 1e-12
FUSED = "com.microsoft"
"""onnxruntime's own fused operators."""


def write_graph(weights: Path, graph: Path) -> None:
    """Read `model.safetensors`, write the graph: `ids` (n × tokens, int64) to `vectors` (n × 384, float32)."""
    from safetensors.numpy import load_file

    draft = _Draft(load_file(weights))
    hidden = _embedding(draft)
    for layer in range(LAYERS):
        hidden = _layer(draft, f"encoder.layer.{layer}.", hidden)
    draft.node("ReduceMean", [hidden, draft.constant("one", np.array([1]))], "mean", keepdims=0)
    draft.node("LpNormalization", ["mean"], "vectors", axis=-1, p=2)
    graph.write_bytes(draft.model())


@dataclass
class _Draft:
    """Nodes and constants so far; `weights` are the file's tensors by name."""

    weights: dict[str, Any]
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def constant(self, name: str, value: Any) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def weight(self, name: str) -> str:
        """A tensor as it is."""
        return self.constant(name, self.weights[name])

    def transposed(self, name: str) -> str:
        """A matrix the way ONNX multiplies: inputs × outputs."""
        return self.constant(name, self.weights[name].T)

    def node(self, operator: str, inputs: list[str], output: str, *, domain: str = "", **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [output], domain=domain, **attributes))
        return output

    def model(self) -> bytes:
        from onnx import TensorProto, helper

        ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["n", "tokens"])
        vectors = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["n", 384])
        graph = helper.make_graph(self.nodes, "minilm", [ids], [vectors], self.constants)
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid(FUSED, 1)]
        return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())


def _embedding(draft: _Draft) -> str:
    """Word + position + the one token type, normalised."""
    read = draft.weights
    places = read["embeddings.position_embeddings.weight"] + read["embeddings.token_type_embeddings.weight"][0]
    draft.node("Gather", [draft.weight("embeddings.word_embeddings.weight"), "ids"], "words")
    draft.node("Shape", ["ids"], "length", start=1, end=2)
    start = draft.constant("zero", np.array([0]))
    draft.node("Slice", [draft.constant("places", places), start, "length", start], "here")
    draft.node("Add", ["words", "here"], "placed")
    norm = [draft.weight(f"embeddings.LayerNorm.{part}") for part in ("weight", "bias")]
    return draft.node("LayerNormalization", ["placed", *norm], "embedded", axis=-1, epsilon=EPSILON)


def _layer(draft: _Draft, name: str, hidden: str) -> str:
    """Self-attention and feed-forward, each added to what came in and normalised."""
    parts = [f"{name}attention.self.{part}" for part in ("query", "key", "value")]
    matrix = np.concatenate([draft.weights[f"{part}.weight"].T for part in parts], axis=1)
    bias = np.concatenate([draft.weights[f"{part}.bias"] for part in parts])
    inputs = [hidden, draft.constant(f"{name}qkv", matrix), draft.constant(f"{name}qkv.bias", bias)]
    heads = draft.node("Attention", inputs, f"{name}heads", domain=FUSED, num_heads=HEADS)
    attended = _added(draft, f"{name}attention.output", heads, hidden)
    wide = _matmul(draft, f"{name}intermediate.dense", attended)
    active = draft.node("BiasGelu", [wide, draft.weight(f"{name}intermediate.dense.bias")], f"{name}gelu", domain=FUSED)
    return _added(draft, f"{name}output", active, attended)


def _matmul(draft: _Draft, name: str, value: str) -> str:
    return draft.node("MatMul", [value, draft.transposed(f"{name}.weight")], f"{name}.product")


def _added(draft: _Draft, name: str, value: str, residual: str) -> str:
    """norm(value · dense + bias + residual)."""
    norm = [draft.weight(f"{name}.LayerNorm.{part}") for part in ("weight", "bias")]
    inputs = [_matmul(draft, f"{name}.dense", value), residual, *norm, draft.weight(f"{name}.dense.bias")]
    return draft.node("SkipLayerNormalization", inputs, f"{name}.normed", domain=FUSED, epsilon=EPSILON)
