"""A chat model of two layers with random weights, in both forms: for what no real weights are needed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from suffice.digest import file_digest
from suffice.types import Json

HIDDEN, HEADS, GROUPS, INNER, LAYERS = 64, 4, 2, 96, 2
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
SHAPES = {
    "self_attn.q_proj": (HIDDEN, HIDDEN),
    "self_attn.k_proj": (HIDDEN * GROUPS // HEADS, HIDDEN),
    "self_attn.v_proj": (HIDDEN * GROUPS // HEADS, HIDDEN),
    "self_attn.o_proj": (HIDDEN, HIDDEN),
    "mlp.gate_proj": (INNER, HIDDEN),
    "mlp.up_proj": (INNER, HIDDEN),
    "mlp.down_proj": (HIDDEN, INNER),
}
GGUF_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


def alphabet() -> list[str]:
    """The 256 characters of a byte-level vocabulary, in the order of their bytes."""
    from tokenizers.pre_tokenizers import ByteLevel

    from suffice.models._pieces import _BYTES

    assert set(_BYTES) == set(ByteLevel.alphabet())
    return sorted(_BYTES, key=lambda character: _BYTES[character])


def tokens() -> list[str]:
    return [*SPECIAL, *alphabet(), "th"]


def folder(path: Path, seed: int = 0) -> Path:
    """The model as transformers saves it."""
    path.mkdir(parents=True)
    save_file(weights(seed), path / "model.safetensors", metadata={"format": "pt"})
    (path / "config.json").write_text(json.dumps(CONFIG))
    vocabulary = {token: number for number, token in enumerate(tokens())}
    flags = ("single_word", "lstrip", "rstrip", "normalized")
    added = [
        {"id": number, "content": token, "special": True, **dict.fromkeys(flags, False)}
        for number, token in enumerate(SPECIAL)
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    (path / "tokenizer.json").write_text(
        json.dumps(
            {
                "version": "1.0",
                "added_tokens": added,
                "pre_tokenizer": byte_level,
                "decoder": byte_level,
                "model": {"type": "BPE", "vocab": vocabulary, "merges": [["t", "h"]]},
            }
        )
    )
    told = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": SPECIAL[2], "chat_template": TEMPLATE}
    (path / "tokenizer_config.json").write_text(json.dumps(told))
    return path


CONFIG: Json = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": GROUPS,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "vocab_size": len(SPECIAL) + 257,
    "eos_token_id": 2,
    "bos_token_id": 1,
    "hidden_act": "silu",
}


def weights(seed: int = 0) -> dict[str, Any]:
    """Random matrices, wide enough for the model to be of two minds about nothing."""
    dice = np.random.default_rng(seed)

    def drawn(*shape: int) -> Any:
        return (dice.normal(size=shape) / shape[-1] ** 0.5).astype(np.float32)

    found = {"model.embed_tokens.weight": drawn(CONFIG["vocab_size"], HIDDEN) * 3}
    for layer in range(LAYERS):
        for name, shape in SHAPES.items():
            found[f"model.layers.{layer}.{name}.weight"] = drawn(*shape)
        for name in ("input_layernorm", "post_attention_layernorm"):
            found[f"model.layers.{layer}.{name}.weight"] = np.ones(HIDDEN, np.float32)
    return found | {"model.norm.weight": np.ones(HIDDEN, np.float32)}


def gguf(path: Path, seed: int = 0, architecture: str = "llama") -> Path:
    """The same model in 32 bits as llama.cpp loads it; the rows of q and k in its order.

    As a `qwen2` it has biases of zero, as a `qwen3` it norms q and k; both have their rows as transformers has them.
    """
    from gguf import GGUFWriter, TokenType

    writer = GGUFWriter(path, architecture)
    writer.add_context_length(256)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(GROUPS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens())
    writer.add_token_types([TokenType.CONTROL] * len(SPECIAL) + [TokenType.NORMAL] * 257)
    writer.add_token_merges(["t h"])
    writer.add_eos_token_id(2)
    writer.add_bos_token_id(1)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    for name, numbers in weights(seed).items():
        writer.add_tensor(_named(name), _in_pairs(name, numbers) if architecture == "llama" else numbers)
    for name, numbers in EXTRA.get(architecture, {}).items():
        for layer in range(LAYERS):
            writer.add_tensor(f"blk.{layer}.{name}", numbers)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


EXTRA = {
    "qwen2": {
        f"attn_{part}.bias": np.zeros(SHAPES[f"self_attn.{part}_proj"][0], np.float32) for part in ("q", "k", "v")
    },
    "qwen3": {f"attn_{part}_norm.weight": np.ones(HIDDEN // HEADS, np.float32) for part in ("q", "k")},
}


def _named(name: str) -> str:
    plain = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
    if name in plain:
        return plain[name]
    _, _, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{GGUF_NAMES[rest.removesuffix('.weight')]}.weight"


def _in_pairs(name: str, numbers: Any) -> Any:
    """Row 0 of a head's first half, row 0 of its second half, row 1 of its first half, and so on."""
    if "q_proj" not in name and "k_proj" not in name:
        return numbers
    size = HIDDEN // HEADS
    order = [
        head * size + half * size // 2 + row
        for head in range(len(numbers) // size)
        for row in range(size // 2)
        for half in (0, 1)
    ]
    return numbers[order]


def adapter(
    path: Path, base: str, *, seed: int = 1, size: float = 0.5, rank: int = 4, card: Mapping[str, Json] | None = None
) -> Path:
    """A LoRA of random numbers over every matrix, as a trainer leaves it."""
    dice, found = np.random.default_rng(seed), {}
    for layer in range(LAYERS):
        for name, (outputs, inputs) in SHAPES.items():
            stem = f"base_model.model.model.layers.{layer}.{name}"
            found[f"{stem}.lora_A.weight"] = (dice.normal(size=(rank, inputs)) / inputs**0.5).astype(np.float32)
            found[f"{stem}.lora_B.weight"] = (dice.normal(size=(outputs, rank)) * size).astype(np.float32)
    told = {"kind": "lora", "base": {"name": "tiny", "digest": base}, "r": rank, "lora_alpha": 2 * rank}
    save_file(found, path, metadata={"suffice": json.dumps({**told, **(card or {})})})
    return path


def kept(file: Path, task: Path) -> str:
    """Put an adapter among a task's artifacts; return how requests name it."""
    digest = file_digest(file)
    artifacts = task / ".suffice" / "artifacts"
    artifacts.mkdir(parents=True, exist_ok=True)
    (artifacts / f"{digest}.safetensors").write_bytes(file.read_bytes())
    return f"adapter:{digest}"


def logprob(weights: Mapping[str, Any], said: str, reply: str, architecture: str = "llama") -> float:
    """The log-probability of the reply's first token after the worded question, by a plain reading of the model."""
    worded = f"<|im_start|>user\n{said}<|im_end|>\n<|im_start|>assistant\n"
    ids = tokenized(worded)
    x = weights["model.embed_tokens.weight"][ids].astype(np.float64)
    for layer in range(LAYERS):
        w = {name: weights[f"model.layers.{layer}.{name}.weight"].astype(np.float64) for name in SHAPES}
        x = x + _attention(_normed(x), w, normed=architecture == "qwen3") @ w["self_attn.o_proj"].T
        inner = _normed(x)
        gate = inner @ w["mlp.gate_proj"].T
        x = x + (gate / (1 + np.exp(-gate)) * (inner @ w["mlp.up_proj"].T)) @ w["mlp.down_proj"].T
    logits = _normed(x)[-1] @ weights["model.embed_tokens.weight"].T.astype(np.float64)
    return float(logits[tokenized(reply)[0]] - np.logaddexp.reduce(logits))


def tokenized(text: str) -> list[int]:
    parts = [part for part in re.split(r"(<\|\w+\|>|th)", text) if part]
    known = {token: number for number, token in enumerate(tokens())}
    return [
        n for part in parts for n in ([known[part]] if part in known else [len(SPECIAL) + b for b in part.encode()])
    ]


def _normed(x: Any) -> Any:
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5)


def _attention(x: Any, w: Mapping[str, Any], *, normed: bool) -> Any:
    size, length = HIDDEN // HEADS, len(x)
    q, k, v = (
        (x @ w[f"self_attn.{name}_proj"].T).reshape(length, -1, size).transpose(1, 0, 2) for name in ("q", "k", "v")
    )
    q, k = (_normed(part) if normed else part for part in (q, k))
    q, k = _turned(q), np.repeat(_turned(k), HEADS // GROUPS, 0)
    scores = q @ k.transpose(0, 2, 1) / size**0.5 + np.triu(np.full((length, length), -np.inf), 1)
    chances = np.exp(scores - scores.max(-1, keepdims=True))
    chances /= chances.sum(-1, keepdims=True)
    return (chances @ np.repeat(v, HEADS // GROUPS, 0)).transpose(1, 0, 2).reshape(length, -1)


def _turned(x: Any) -> Any:
    """Rotary positions over the two halves of each head."""
    size = x.shape[-1]
    angles = np.arange(x.shape[1])[:, None] / 10000.0 ** (np.arange(0, size, 2) / size)
    cos, sin = np.cos(angles), np.sin(angles)
    first, second = x[..., : size // 2], x[..., size // 2 :]
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], -1)
