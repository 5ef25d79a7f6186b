"""Ways: the same stack run otherwise (cached, in batches, on another model, on own GPUs), and what each would cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from .bills import Prices, batched, cached, managed, on_model, self_hosted
from .consumption import Draws
from .cost import Bill, Cost, cost_of
from .digest import plain
from .economics import figures_of, pair_told, stack_told
from .errors import InputError
from .pricebook import ModelPrice
from .types import Json


@dataclass(frozen=True)
class Ways:
    """Other ways to run one stack, as far as its records can tell."""

    base: Bill
    price: ModelPrice | None
    """What its model costs by the token, if that is what it is priced by."""
    prices: Prices
    model: str | None = None
    """Another model that the same tokens are priced at."""
    draws: Draws = Draws()

    @cached_property
    def bills(self) -> tuple[Bill, ...]:
        """One for each way that can be told."""
        figures, bill, other = self.prices.book, self.base, self.other
        moved = on_model(bill, other, self.draws) if other else None
        found = [moved, cached(bill, figures), batched(bill, figures, self.price)]
        found += [self_hosted(bill, figures), managed(bill, figures)]
        found += [cached(moved, figures), batched(moved, figures, other)] if moved else []
        return tuple(way for way in found if way is not None)

    @cached_property
    def costs(self) -> Mapping[str, Cost]:
        """What each of these ways costs, by its title."""
        return {way.title: cost_of(way, self.draws) for way in self.bills}

    @cached_property
    def other(self) -> ModelPrice | None:
        """The price of the other model; `InputError` where nobody knows it."""
        found = self.prices.book.model(self.model) if self.model else None
        if self.model and found is None:
            hint = "give one in prices.yaml under `models`"
            raise InputError(f"no price is known for the model `{self.model[:80]}`", hint=hint)
        return found

    def body(self, told: Mapping[str, Json], bills: Iterable[Bill]) -> dict[str, Json]:
        """What is told of these bills, with the ways, every figure behind any of them, and when own GPUs pay."""
        known = [*bills, *self.bills]
        models = [t.price for t in self.prices.tariffs if t.price] + ([self.other] if self.other else [])
        return {
            **told,
            "requests_per_day": next((b.volume for b in known), None),
            "stack": self.base.title,
            "ways": [
                {"title": w.title, "notes": list(w.notes), **stack_told(w, self.costs[w.title])} for w in self.bills
            ],
            "break_even": [*told["break_even"], *self._pairs()],
            "figures": [plain(f) for f in figures_of(known, self.prices)],
            "models": [plain(m) for m in dict.fromkeys(models)],
        }

    def _way(self, way: Bill) -> dict[str, Json]:
        return {"title": way.title, "notes": list(way.notes), **stack_told(way, self.costs[way.title])}

    def _pairs(self) -> list[dict[str, Json]]:
        """Own machines against the same stack by the token."""
        if not self.base.basis or "machine_hour" in self.base.quantities:
            return []
        rented = [w for w in self.bills if "machine_hour" in w.quantities]
        return [{"heavier": w.title, "lighter": self.base.title, **pair_told(w, self.base, self.draws)} for w in rented]
