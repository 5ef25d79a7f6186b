"""A base to train: two layers of random numbers, and a tokenizer of bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from suffice.demonstrations import Demonstration
from suffice.trainer import Base
from suffice.types import Message

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """A Llama with two layers, grouped heads and random numbers."""
    pytest.importorskip("peft")
    folder = tmp_path_factory.mktemp("tiny")
    write_tokenizer(folder)
    write_llama(folder)
    return Base("tiny", "0" * 64, folder)


def write_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    symbols = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    raw = Tokenizer(models.BPE({s: n for n, s in enumerate([*special, *symbols])}, []))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, additional_special_tokens=special, **dict.fromkeys(("eos_token", "pad_token"), special[2])
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)


def write_llama(folder: Path, **different: object) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2, "vocab_size": 259}
    heads = {"num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 512}
    kind = {"tie_word_embeddings": True, "eos_token_id": 2, "bos_token_id": 1, "initializer_range": 0.2}
    with torch.random.fork_rng():
        torch.manual_seed(3)
        LlamaForCausalLM(LlamaConfig(**{**sizes, **heads, **kind, **different})).save_pretrained(folder)


WORDS = ("refund", "parcel", "login", "invoice")


@pytest.fixture(scope="session")
def rows() -> list[Demonstration]:
    """Sixty questions of different lengths, each answered with the word that it holds."""
    found = []
    for n in range(60):
        word = WORDS[n % len(WORDS)]
        asked = (Message("system", "Name the topic."), Message("user", f"{'please ' * (n % 5)}see my {word} {n}"))
        found.append(Demonstration(f"row-{n}", asked, Message("assistant", word)))
    return found
