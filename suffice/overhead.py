"""Overhead: what of a call's tokens, time and money its prompt takes, and what its question, from stored records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .evidence import Line, Reading
from .stats.quantile import percentile
from .stats.rates import Rate, unit_rates

USUAL = 0.25
"""Tokens a character of English, where a run's own questions are too few or too alike to say."""
PLAUSIBLE = (0.05, 1.5)
ENOUGH = 10


@dataclass(frozen=True, slots=True)
class Overhead:
    """The prompt is everything a call reads but its question: instructions, examples, passages, schema."""

    calls: int
    """Answered records in which the model was asked."""
    tokens: float
    """Tokens read per call."""
    largest: float
    """Their 95th percentile."""
    most: int
    prompt_tokens: float
    cached_tokens: float
    """Of the tokens read, those that came from a prefix cache, per call."""
    ms: float
    """The model's time per record, in milliseconds; layers' own work and queueing left out."""
    prompt_ms: Rate
    """Milliseconds that reading the prompt takes."""
    usd: float | None
    """US dollars per record; None where no price is known."""
    prompt_usd: Rate | None
    """None where nothing is paid or no price is known."""
    pooled: int
    """Records of all stacks over this model, from which a token's time and price were told."""


def overhead_of(reading: Reading, run: str) -> Overhead | None:
    """What the prompt takes in a run; None where no record of it asked a model.

    A token's time is told from the records of every stack over the same model, since one stack's prompt hardly varies.
    """
    mine = [line for line in reading.records[run].values() if _asked(line)]
    if not mine:
        return None
    model = reading.runs[run]["stack"]["model"]
    runs = [id_ for id_, line in reading.runs.items() if line["stack"]["model"] == model]
    pooled = [x for id_ in runs for x in reading.records[id_].values() if _asked(x)]
    calls = sum(x["asked"] for x in mine)
    sizes = [x["input_tokens"] / x["asked"] for x in mine]
    tokens, cached = (sum(x.get(k, 0) for x in mine) / calls for k in ("input_tokens", "cached_tokens"))
    prompt = max(0.0, tokens - _question(reading, mine))
    paid = [x["usd"] for x in mine if x["usd"] is not None]
    known = len(paid) == len(mine)
    per_record = calls / len(mine)
    shares = (max(0.0, prompt - cached) * per_record, min(prompt, cached) * per_record)
    return Overhead(
        calls=calls,
        tokens=tokens,
        largest=percentile(sizes, 0.95).estimate,
        most=round(max(sizes)),
        prompt_tokens=prompt,
        cached_tokens=cached,
        ms=sum(map(_ms, mine)) / len(mine),
        prompt_ms=_of_prompt([_ms(x) for x in pooled], pooled, shares),
        usd=sum(paid) / len(mine) if known else None,
        prompt_usd=_of_prompt([x["usd"] for x in pooled], pooled, shares) if known and sum(paid) > 0 else None,
        pooled=len(pooled),
    )


def _asked(line: Line) -> bool:
    return line["output"] is not None and line.get("asked", 0) > 0


def _ms(line: Line) -> float:
    return float(sum(ms for name, ms in line["stages"] if name == "model"))


def _of_prompt(totals: Sequence[float | None], lines: Sequence[Line], prompt: tuple[float, float]) -> Rate:
    """What the prompt's tokens take, those read and those that a cache held; of several calls, the mean one's."""
    whole = [(x or 0.0) / line["asked"] for x, line in zip(totals, lines, strict=True)]
    cached = [x.get("cached_tokens", 0) / x["asked"] for x in lines]
    read = [x["input_tokens"] / x["asked"] - c for x, c in zip(lines, cached, strict=True)]
    columns = [read, *([cached] if any(cached) else []), [x["output_tokens"] / x["asked"] for x in lines]]
    rates = unit_rates(whole, [*zip(*columns, strict=True)], [x["id"] for x in lines])
    used = [*zip(rates, prompt if any(cached) else (sum(prompt),), strict=False)]
    untold = any(rate.estimate is None and amount > 0 for rate, amount in used)
    mean = sum(x or 0.0 for x in totals) / len(totals)
    estimate = None if untold else sum((r.estimate or 0.0) * amount for r, amount in used)
    low = sum(r.low * amount for r, amount in used)
    return Rate(estimate, low, mean if untold else sum(r.high * amount for r, amount in used))


def _question(reading: Reading, lines: Sequence[Line]) -> float:
    """Tokens of a question: its characters, at the tokens that one more character brings in this run."""
    lengths = [float(len(reading.examples[x["id"]].text)) for x in lines]
    sizes = [x["input_tokens"] / x["asked"] for x in lines]
    n, mean = len(lengths), sum(lengths) / len(lengths)
    spread = sum((x - mean) ** 2 for x in lengths)
    level = sum(sizes) / n
    slope = sum((x - mean) * (y - level) for x, y in zip(lengths, sizes, strict=True)) / spread if spread else 0.0
    told = n >= ENOUGH and PLAUSIBLE[0] <= slope <= PLAUSIBLE[1]
    return mean * (slope if told else USUAL)
