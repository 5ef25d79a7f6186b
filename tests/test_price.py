"""Prices come from the list, or there is none."""

from __future__ import annotations

import pytest

from suffice.price import usd
from suffice.types import Usage


def test_a_listed_model_has_a_price() -> None:
    assert usd("gpt-4o-mini", Usage(1_000_000, 1_000_000)) == pytest.approx(0.15 + 0.60)


def test_cached_tokens_cost_less() -> None:
    fresh, cached = usd("gpt-4o-mini", Usage(1000, 0)), usd("gpt-4o-mini", Usage(1000, 0, 1000))
    assert fresh is not None
    assert cached is not None
    assert 0 < cached < fresh


def test_an_unlisted_model_has_none() -> None:
    assert usd("no-such-model", Usage(1, 1)) is None
