"""Traffic: what an audit says of an hour of real production traffic, and what it cannot say.

    python benchmarks/traffic.py

Reads Azure's published traces (19,366 conversation and 8,819 code requests of one hour: times and tokens, no text)
from SUFFICE_DATA (default ../shared/data) through `suffice.logs` and the audit. Prints rates, distributions of tokens,
calls at once under several durations, and what prompt caching could save at most: with no text nobody knows what
prompts have in common, so the last table says "if all of them began with the same N tokens". Ends with `holds` where
the audit counts every request and its percentiles are within 1 % of those of the sorted values; exits 2 without data.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from suffice.audit import audit
from suffice.audit import traffic as assumed
from suffice.audit.found import Audit, Limits, Spread
from suffice.exchange import Exchange
from suffice.logs import Logs
from suffice.price import usd
from suffice.types import Usage

DATA = Path(os.environ.get("SUFFICE_DATA", Path(__file__).parents[1] / ".." / "shared" / "data")) / "azure_llm_trace"
FILES = {"conversation": "AzureLLMInferenceTrace_conv.csv", "code": "AzureLLMInferenceTrace_code.csv"}
PREFIXES = (1_024, 2_048, 4_096)
MODEL = "gpt-4o-mini"
SPEEDS = ((0.2, 0.01), (0.5, 0.02), (1.0, 0.05))
"""Seconds to the first token, and seconds a token of the reply."""


def main() -> int:
    if not DATA.is_dir():
        print(f"no data at {DATA}: set SUFFICE_DATA")
        return 2
    fine, every = True, []
    for name, file in FILES.items():
        calls = list(Logs([DATA / file]))
        every += calls
        fine &= told(name, calls)
    fine &= told("both", every)
    print("holds" if fine else "does not hold")
    return 0 if fine else 1


def told(name: str, calls: Sequence[Exchange]) -> bool:
    """Print one part; whether the audit agrees with the sorted values."""
    began = time.perf_counter()
    found = audit(calls)
    took = time.perf_counter() - began
    one = found.traffic
    print(f"\n{name}: {found.calls:,} requests, audited in {took:.2f} s ({took / found.calls * 1e6:.0f} µs each)")
    print(f"  rate: {one.per_second:.2f} a second; busiest second {one.peak_per_second}, minute {one.peak_per_minute}")
    inputs, outputs = (sorted(tokens(calls, side)) for side in ("input_tokens", "output_tokens"))
    fine = found.calls == len(calls)
    for side, spread, exact in (("prompt", one.input_tokens, inputs), ("reply", one.output_tokens, outputs)):
        fine &= spread is not None and agrees(spread, exact)
        if spread:
            shown = ", ".join(f"P{q} {p.estimate:,.0f} [{p.low:,.0f}, {p.high:,.0f}]" for q, p in quantiles(spread))
            print(f"  {side} tokens: mean {spread.mean:,.0f}, {shown}, largest {spread.largest:,.0f}")
    at_once(calls)
    caching(inputs, found)
    return fine


def tokens(calls: Sequence[Exchange], side: str) -> list[int]:
    return [getattr(call.usage, side) for call in calls if call.usage]


def quantiles(spread: Spread) -> list[tuple[int, Limits]]:
    return [(50, spread.p50), (95, spread.p95), (99, spread.p99)]


def agrees(spread: Spread, exact: Sequence[int]) -> bool:
    def rank(q: float) -> int:
        return max(int(-(-len(exact) * q // 1)), 1) - 1

    pairs = [(p.estimate, exact[rank(q / 100)]) for q, p in quantiles(spread)]
    return spread.n == len(exact) and all(abs(a - b) <= 0.0101 * b for a, b in pairs)


def at_once(calls: Sequence[Exchange]) -> None:
    """The trace has no durations: the most calls at once by an exact sweep, under three speeds."""
    for first, each in SPEEDS:
        ends = [(c.time or 0.0, first + each * (c.usage.output_tokens if c.usage else 0)) for c in calls]
        events = sorted([(t, 1) for t, _ in ends] + [(t + s, -1) for t, s in ends])
        most = max(accumulate(change for _, change in events))
        mean = sum(s for _, s in ends) / (max(t for t, _ in ends) - min(t for t, _ in ends))
        taken = " (as the audit takes it)" if (first, each) == (assumed.FIRST_S, assumed.TOKEN_S) else ""
        print(f"  at once, {first:g} s + {each * 1000:g} ms a token: mean {mean:.1f}, at most {most}{taken}")


def caching(inputs: Sequence[int], found: Audit) -> None:
    """What lengths alone allow: a shared beginning of N tokens, in requests that have as many."""
    print(f"  caching: {found.prefix.how}")
    total = sum(inputs)
    for n in PREFIXES:
        able = [size for size in inputs if size >= n]
        cached = n * len(able)
        full, less = (usd(MODEL, Usage(total, 0, held)) for held in (0, cached))
        saved = "" if not full or less is None else f", {1 - less / full:.0%} of what {MODEL}'s prompts cost"
        print(f"    if all began with the same {n:,} tokens: {cached / total:.0%} of prompt tokens cached{saved}")


if __name__ == "__main__":
    sys.exit(main())
