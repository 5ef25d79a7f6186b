"""What platforms say of themselves has a source, can be overridden, and is never guessed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from suffice.errors import InputError
from suffice.plugins import names
from suffice.terms import ASPECTS, billions, terms_of


@pytest.mark.parametrize(
    ("model", "size"),
    [
        ("Qwen/Qwen3-30B-A3B", 30.0),
        ("accounts/fireworks/models/llama-v3p1-8b-instruct", 8.0),
        ("google/gemma-3-270m-it", 0.27),
        ("Qwen/Qwen3.5-0.8B", 0.8),
        ("qwen3p5-9b", 9.0),
        ("gpt-4o-2024-08-06", None),
        ("amazon.nova-micro-v1:0:128k", None),
    ],
)
def test_a_models_size_is_read_from_its_name(model: str, size: float | None) -> None:
    assert billions(model) == size


def test_the_price_is_that_of_the_models_size() -> None:
    terms = terms_of("together")
    small, unknown = terms.price("Qwen/Qwen3-8B"), terms.price("some-model")
    assert small is not None
    assert unknown is not None
    assert (small.low, small.high) == (0.48, 1.35)
    assert (unknown.low, unknown.high) == (0.48, 100.0)
    large = terms.price("deepseek-ai/DeepSeek-V3-671B")
    assert large is not None
    assert large.low == 9.0


def test_what_was_not_found_says_so() -> None:
    assert terms_of("bedrock").price("amazon.nova-micro-v1:0:128k") is None
    assert terms_of("vertex").aspect("retraining").text == "not found"


def test_a_file_beside_the_task_overrides_entry_by_entry(tmp_path: Path) -> None:
    (tmp_path / "platforms.yaml").write_text(
        "together:\n"
        "  use: {base_url: https://api.together.xyz/v1}\n"
        "  prices: [{low: 1, high: 2.5, source: our contract, read: '2026-11-01'}]\n"
        "  said: {residency: {text: EU, source: our contract, read: '2026-11-01'}}\n",
        encoding="utf-8",
    )
    own, shipped = terms_of("together", tmp_path), terms_of("together")
    price = own.price("Qwen/Qwen3-8B")
    assert price is not None
    assert (price.low, price.high, price.source) == (1, 2.5, "our contract")
    assert own.aspect("residency").text == "EU"
    assert own.aspect("models") == shipped.aspect("models")
    assert own.limits == shipped.limits
    assert terms_of("fireworks", tmp_path) == terms_of("fireworks")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- a", "names platforms"),
        ("together: 3", "keys and values"),
        ("together: {price: []}", "has no `price`"),
        ("together: {prices: {low: 1}}", "wrong form"),
        ("together: {prices: [{low: cheap, high: 1}]}", "`low` of a price is not float"),
        ("together: {prices: [{low: -1, high: 1}]}", "`low` of a price is not float"),
        ("together: {prices: [{high: 1}]}", "lacks something"),
        ("together: {prices: [{low: 1, high: 1, each: 3}]}", "has no `each`"),
        ("together: {prices: [3]}", "keys and values"),
        ("together: {ends: [{what: model, day: soon}]}", "YYYY-MM-DD"),
        ("together: {ends: [{what: never, day: '2027-01-01'}]}", "`what` of a end"),
        ("together: {limits: {fewest: many}}", "`fewest` of a limits"),
    ],
)
def test_a_wrong_file_is_told_with_what_is_wrong(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "platforms.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=told):
        terms_of("together", tmp_path)


def test_every_platform_has_an_entry_and_says_something() -> None:
    for name in names("platforms"):
        terms = terms_of(name)
        assert terms.title != name
        assert sum(terms.aspect(a).known for a in ASPECTS) >= 4


def test_an_end_is_told_from_ninety_days_before() -> None:
    terms = terms_of("openai")
    assert [e.end.day for e in terms.endings("gpt-4.1-mini-x", date(2026, 10, 8))][-1] != "2027-01-06"
    near = [e for e in terms.endings("gpt-4.1-mini-x", date(2026, 10, 9)) if e.end.day == "2027-01-06"]
    assert [(e.days, e.stops) for e in near] == [(89, False)]
