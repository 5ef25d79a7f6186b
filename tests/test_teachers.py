"""Whose replies may be trained on: the terms that are known, by a model's name or address."""

from __future__ import annotations

import pytest

from suffice.teachers import KNOWN, READ, terms_of, told


@pytest.mark.parametrize(
    ("model", "maker", "restricted"),
    [
        ("openai/gpt-4o", "OpenAI", True),
        ("gpt-4o-2024-08-06", "OpenAI", True),
        ("anthropic/claude-sonnet", "Anthropic", True),
        ("bedrock/anthropic/claude-3", "Anthropic", True),
        ("gemini-2.0-flash", "Google", True),
        ("together/meta-llama/Meta-Llama-3-8B-Instruct", "Meta, Llama 2 and 3", True),
        ("meta-llama/Llama-3.1-8B-Instruct", "Meta, Llama 3.1 and later", True),
        ("mistralai/Mistral-7B", "Mistral", False),
        ("embedded", "Hugging Face, SmolLM", False),
    ],
)
def test_terms_are_found_by_name(model: str, maker: str, restricted: bool) -> None:
    found = terms_of(model)
    assert found is not None and (found.maker, found.restricted) == (maker, restricted)
    assert READ in told(model) and found.source in told(model)


@pytest.mark.parametrize("model", ["", "our-own", "acme/tuned:7b", "hf:models/x"])
def test_of_other_models_nothing_is_claimed(model: str) -> None:
    assert terms_of(model) is None and told(model).startswith("not known")


def test_every_entry_has_a_source_and_names() -> None:
    assert all(t.source and t.models and t.says for t in KNOWN)
