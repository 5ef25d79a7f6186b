"""Teachers: what the makers of models say about training on their models' replies. A dated table, no legal advice."""

from __future__ import annotations

from dataclasses import dataclass

READ = "2026-11-28"
"""When the table was last held against its sources."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What one maker's terms say of training on replies, in a sentence, and where."""

    maker: str
    models: tuple[str, ...]
    """How the names of its models begin, alone or after the slashes of an address."""
    says: str
    restricted: bool
    source: str


KNOWN = (
    Terms(
        "OpenAI",
        ("openai", "gpt-", "chatgpt", "o1", "o3", "o4"),
        "no models that compete with OpenAI from its output",
        True,
        "openai.com/policies/terms-of-use",
    ),
    Terms(
        "Anthropic",
        ("anthropic", "claude"),
        "no competing models from its output; classifiers and extractors that do not compete are named as allowed",
        True,
        "support.claude.com/en/articles/12326764",
    ),
    Terms(
        "Google",
        ("google", "gemini", "vertex"),
        "no models that compete with the Gemini API or AI Studio",
        True,
        "ai.google.dev/gemini-api/terms",
    ),
    Terms(
        "Amazon",
        ("amazon", "nova", "titan"),
        "no foundation or large-scale models that compete with Bedrock",
        True,
        "aws.amazon.com/service-terms",
    ),
    Terms(
        "Meta, Llama 2 and 3",
        ("llama-2", "llama2", "meta-llama-3-", "llama-3-", "llama3-"),
        "no other large language model may be improved with its output",
        True,
        "llama.com/llama3/license",
    ),
    Terms(
        "Meta, Llama 3.1 and later",
        ("meta-llama", "llama"),
        "a distributed model trained on its output bears a name that begins with Llama",
        True,
        "llama.com/llama3_1/license",
    ),
    Terms(
        "Mistral",
        ("mistral", "mixtral", "ministral", "codestral"),
        "no restriction on text is known; image output must not train competing image models",
        False,
        "mistral.ai/terms",
    ),
    Terms(
        "Hugging Face, SmolLM",
        ("smollm", "embedded"),
        "Apache-2.0: no restriction",
        False,
        "huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
    ),
    Terms(
        "DeepSeek, R1",
        ("deepseek-r1", "deepseek-reasoner"),
        "the weights are MIT, and distillation is named as allowed",
        False,
        "huggingface.co/deepseek-ai/DeepSeek-R1",
    ),
)
"""In the order in which they are tried: narrower names first."""


def terms_of(model: str) -> Terms | None:
    """The terms for a model's name or address, or None where none are known."""
    small = model.casefold()
    named = (small, *small.replace(":", "/").split("/")[::-1])
    parts = dict.fromkeys(part for part in named if part)
    return next((t for part in parts for t in KNOWN if part.startswith(t.models)), None)


def told(model: str) -> str:
    """The terms for a model as one sentence with its source and date; what to do where none are known."""
    found = terms_of(model)
    if found is None:
        return "not known: read the terms of whoever serves it"
    return f"{found.maker}: {found.says} ({found.source}, read {READ})"
