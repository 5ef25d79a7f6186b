"""Price: what tokens cost, in US dollars."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .types import Usage

if TYPE_CHECKING:
    from collections.abc import Callable


def usd(model_name: str, usage: Usage) -> float | None:
    """The price of one reply by list prices; None where no price is known."""
    prices = _prices(model_name)
    return None if prices is None else prices(usage)


@lru_cache(maxsize=256)
def _prices(model_name: str) -> Callable[[Usage], float] | None:
    """How to price this model: looked up once, since the catalogue's own look-up takes most of a millisecond."""
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

    def price(usage: Usage) -> float:
        tokens = Tokens(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=min(usage.cached_tokens, usage.input_tokens) or None,
        )
        found: Any = calc_price(tokens, model_ref=model_name)
        return float(found.total_price)

    try:
        price(Usage(1, 1))
    except LookupError:
        return None
    return price
