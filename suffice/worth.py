"""Worth: from which volume, and at which price, a trained stack pays for what building and keeping it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .pricebook import Book, book
from .types import Json


@dataclass(frozen=True, slots=True)
class Worth:
    """What training costs a month, what it saves a request, and the volumes at which both are equal."""

    usd_per_month: tuple[float, float]
    """Building, spread over the months, and two refreshes a year."""
    months: float
    tokens_saved: float
    """A request, prompt and reply; negative where the trained stack takes more."""
    saved_usd_per_1k: float | None
    """By list price; None where the model has none."""
    pays_from: tuple[tuple[float, float, float], ...]
    """USD per million tokens, and the requests a day from which it pays at least, and at most, at that price."""

    @property
    def words(self) -> str:
        """The same as a sentence."""
        low, high = self.usd_per_month
        cost = f"building and refreshing it costs about ${low:,.0f} to ${high:,.0f} a month over {self.months:g} months"
        if not self.pays_from:
            spared = f"{self.tokens_saved:,.0f} tokens a request and no money" if self.tokens_saved > 0 else "no tokens"
            return f"{cost}, and it spares {spared}: it pays by its quality alone"
        told = "; ".join(f"at ${p:g} per million tokens from {lo:,.0f} to {hi:,.0f}" for p, lo, hi in self.pays_from)
        spared = f"{self.tokens_saved:,.0f} tokens a request"
        if self.tokens_saved <= 0:
            spared = f"${self.saved_usd_per_1k:,.2f} for 1,000 requests, at no fewer tokens"
        return f"{cost}, and it spares {spared}: it pays {told} requests a day"


def worth(
    tokens: Mapping[str, float],
    usd: Mapping[str, float | None],
    months: float | None,
    kind: str = "lora",
    figures: Book | None = None,
) -> Worth:
    """Worth of a trained stack from tokens a request and USD for a thousand, `before` and `after` training.

    `kind` says by which project's figures building it is priced (docs/framework.md §6): `lora`, `student`, `full`,
    `managed_lora` or `api`, where a provider serves it.
    Priced by what the runs cost where that is known and not nothing, otherwise by the tokens at two stated prices.
    """
    figures = figures or book()
    kept = months or figures.figure("months_kept").estimate
    again = "full_refresh_weeks" if kind == "full" else "lora_refresh_weeks"
    weeks, week, times = (figures.figure(n) for n in (again, "engineer_week", "base_changes"))
    project = figures.figure(f"{kind}_project")
    low, high = project.low / kept, project.high / kept
    monthly = (low + times.low / 12 * weeks.low * week.low, high + times.high / 12 * weeks.high * week.high)
    saved = tokens["before"] - tokens["after"]
    before, after = usd["before"], usd["after"]
    rates, listed = [(price, price * saved / 1e6) for price in _prices(figures)], None
    if before is not None and after is not None and before > 0:
        listed = before - after
        a_million = 1000 * (listed / saved if saved > 0 else before / max(1.0, tokens["before"]))
        rates = [(a_million, listed / 1000)]
    low, high = (m / 30 for m in monthly)
    paying = tuple((price, low / a_request, high / a_request) for price, a_request in rates if a_request > 0)
    return Worth(monthly, kept, saved, listed, paying)


def _prices(figures: Book) -> tuple[float, ...]:
    """USD per million tokens at which the saving is priced where the model itself has no price."""
    return tuple(figures.figure(name).estimate for name in ("small_model_tokens", "large_model_tokens"))


def told(found: Worth) -> dict[str, Json]:
    """As the verdict holds it."""
    rows = [{"usd_per_million_tokens": p, "from_requests": lo, "to_requests": hi} for p, lo, hi in found.pays_from]
    costs = {"usd_per_month": list(found.usd_per_month), "months": found.months}
    saved = {"tokens_saved": found.tokens_saved, "saved_usd_per_1k": found.saved_usd_per_1k}
    return {**costs, **saved, "pays_from": rows, "words": found.words}
