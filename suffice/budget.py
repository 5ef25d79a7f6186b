"""A budget: caps on money and calls that hold for any number of threads, because money is reserved first."""

from __future__ import annotations

import threading

from .errors import BudgetSpent, InputError


class Budget:
    """Caps on US dollars and on attempts at a model; None means no cap. One budget may cover many runs."""

    def __init__(self, usd: float | None = None, calls: int | None = None) -> None:
        for name, cap in (("--budget", usd), ("--max-calls", calls)):
            if cap is not None and not cap >= 0:
                raise InputError(f"{name} must be zero or more, not {cap}")
        self.usd = usd
        self.calls = calls
        self.spent_usd = 0.0
        self.spent_calls = 0
        self._reserved = 0.0
        self._settled = threading.Condition()

    def reserve(self, most: float | None) -> float:
        """Set aside one call and the most it can cost; wait for calls in flight where what they leave may suffice.

        Raises `BudgetSpent` where it cannot, and `InputError` where money is capped and no price is known.
        """
        if most is None and self.usd is not None:
            raise InputError(
                "no price is known for this model, so --budget cannot hold", hint="cap the calls instead: --max-calls"
            )
        with self._settled:
            while True:
                if self.calls is not None and self.spent_calls >= self.calls:
                    raise BudgetSpent(
                        f"all {self.calls} calls are spent", hint="raise --max-calls; what is paid is kept"
                    )
                if self.usd is None or self.spent_usd + self._reserved + (most or 0.0) <= self.usd:
                    break
                if not self._reserved:
                    raise BudgetSpent(
                        f"${self.spent_usd:.4f} of ${self.usd:.4f} are spent, and the next call may cost ${most:.4f}",
                        hint="raise --budget; what is paid is kept",
                    )
                self._settled.wait()
            self.spent_calls += 1
            self._reserved += most or 0.0
        return most or 0.0

    def settle(self, reserved: float, usd: float | None) -> None:
        """Give back what was reserved and count what the call cost."""
        with self._settled:
            self._reserved = max(0.0, self._reserved - reserved)
            self.spent_usd += usd or 0.0
            self._settled.notify_all()
