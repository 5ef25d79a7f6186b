"""Price: what tokens cost, in US dollars."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .types import Request, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from .model import Model

SIZE = 1_000
"""Tokens of the request that a list price is read off: small, so that it is the first tier's."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A model's list price, in US dollars per million tokens."""

    name: str
    input: float
    cached: float
    """Input tokens that a prefix cache held."""
    output: float
    batch_discount: float | None
    """The share taken off replies that may take a day; None where the list has no such price."""
    source: str


def usd(model_name: str, usage: Usage) -> float | None:
    """The price of one reply by list prices; None where no price is known."""
    prices = _prices(model_name)
    return None if prices is None else prices(usage)


def most(model: Model, request: Request) -> float | None:
    """The most that one attempt can cost, in US dollars: what the model says itself, or else every byte sent taken for
    a token and every token allowed taken for written, at its list price; None where that is not known.
    """
    if hasattr(model, "most"):
        told: float | None = model.most(request)
        return told
    name: str | None = getattr(model, "price_name", None)
    if not name:
        return None
    sent = len(json.dumps(model.payload(request), ensure_ascii=False).encode("utf-8", "surrogatepass"))
    return usd(name, Usage(sent, request.sampling.max_tokens))


@lru_cache(maxsize=256)
def listed(model_name: str) -> Listed | None:
    """The list price of a model, by its name or `provider/name`; None where the catalogue has none.

    From genai-prices as it is installed, at today's prices; of prices by size, the smallest requests'.
    """
    known = next((n for n in _spellings(model_name) if _prices(n) is not None), None)
    if known is None:
        return None
    whole, read, written = (_rate(known, usage) for usage in (Usage(SIZE, 0, SIZE), Usage(SIZE), Usage(0, SIZE)))
    cheap = [_rate(known, usage, processing="batch") for usage in (Usage(SIZE), Usage(0, SIZE))]
    dear = read + written
    discount = 1 - sum(cheap) / dear if dear and sum(cheap) < dear else None
    return Listed(known, read, whole, written, discount, f"genai-prices {_version()}")


def _spellings(model_name: str) -> tuple[str, ...]:
    """The name, and without the provider before it."""
    provider, slash, name = model_name.partition("/")
    return (model_name, name) if slash and ":" not in provider else (model_name,)


def _version() -> str:
    from importlib.metadata import version

    return version("genai-prices")


def _rate(model_name: str, usage: Usage, **context: str) -> float:
    """US dollars for a million tokens like these."""
    return round(_total(model_name, usage, context or None) * 1e6 / SIZE, 9)


@lru_cache(maxsize=256)
def _prices(model_name: str) -> Callable[[Usage], float] | None:
    """How to price this model: looked up once, since the catalogue's own look-up takes most of a millisecond."""

    def price(usage: Usage) -> float:
        return _total(model_name, usage, None)

    try:
        price(Usage(1, 1))
    except LookupError:
        return None
    return price


def _total(model_name: str, usage: Usage, context: dict[str, str] | None) -> float:
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

    tokens = Tokens(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=min(usage.cached_tokens, usage.input_tokens) or None,
    )
    found: Any = calc_price(tokens, model_ref=model_name, price_context=context)
    return float(found.total_price)
