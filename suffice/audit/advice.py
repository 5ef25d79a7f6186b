"""Advice: what to try first for what was measured, by the decision matrix. A log shows signals, it proves no cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..matrix import ROWS
from .found import Advice, Audit, Sign

NOT = {row.row: row.not_lever for row in ROWS}
"""What the decision matrix says not to do."""
BROKEN = 0.005
"""docs/framework.md §3: structured output failing more than 0.5 to 1 % is a case for something heavier."""
NOTABLE = 0.01
CACHEABLE = 0.2
LONG_PROMPT = 4_000
"""Tokens of a system prompt that cost about 200 ms (docs/framework.md §3)."""
DEAR_PER_DAY = 100.0
"""In a month that pays for a managed LoRA project at its least (docs/framework.md §6: $3,000 to 10,000)."""
REPEATED = 0.1
SIGNAL = "a signal, not a proof: `suffice diagnose` on labelled examples tells"


def advice(found: Audit) -> tuple[Advice, ...]:
    """One piece a signal, what touches most calls first."""
    signs = {sign.name: sign for sign in found.signs}
    made = [*_formats(found, signs), *_behaviour(signs), *_operation(signs), *_context(found), *_money(found)]
    return tuple(one for _, one in sorted(made, key=lambda pair: -pair[0]))


Weighed = tuple[float, Advice]
"""The share of calls or of money it touches, and the advice."""


def _formats(found: Audit, signs: Mapping[str, Sign]) -> Iterator[Weighed]:
    sign = signs.get("format")
    if sign and sign.share is not None and sign.low is not None and sign.high is not None and sign.share > BROKEN:
        rule = "above" if sign.low > BROKEN else "not proven above"
        read = found.lenient
        easy = read and read.share is not None and read.share >= 0.5
        first = (
            f"read replies forgivingly: that mends {read.share:.0%} of those sampled ({read.fixed} of {read.n})"
            if read and easy
            else "look at what breaks: a schema that is simpler, a limit of tokens that is higher, a retry on failure"
        )
        yield (
            sign.share,
            Advice(
                "M2",
                "schema breaks with structured output on",
                f"{sign.count} of {sign.n} ({_between(sign)}), {rule} the 0.5 % from which it counts",
                first,
                "then fine-tuning on the format, if more than 0.5 to 1 % stay broken",
                NOT["M2"],
                "counted on every reply",
            ),
        )
    worded = signs.get("worded_format")
    if worded and worded.share and worded.share > BROKEN:
        yield (
            worded.share,
            Advice(
                "M2",
                "JSON is asked for in words, and does not always come",
                f"{worded.count} of {worded.n} ({_between(worded)})",
                "turn the API's structured output on: the first attempt at any schema problem",
                "then fine-tuning on the format, if more than 0.5 to 1 % stay broken",
                NOT["M2"],
                "counted; that JSON was asked for is read from the prompt's words",
            ),
        )


def _behaviour(signs: Mapping[str, Sign]) -> Iterator[Weighed]:
    if (sign := _notable(signs, "tools")) is not None:
        yield (
            sign.share or 0.0,
            Advice(
                "M5",
                "tool calls that do not fit the tools",
                f"{sign.count} of {sign.n} sampled ({_between(sign)})",
                "describe the tools better: names, parameters and an example each; measure again",
                "then fine-tuning on tool demonstrations",
                NOT["M5"],
                "each sampled call held against its tool's schema",
            ),
        )
    if (sign := _notable(signs, "unknowing")) is not None:
        yield (
            sign.share or 0.0,
            Advice(
                "M1",
                "replies that say that the model does not know",
                f"{sign.count} of {sign.n} sampled ({_between(sign)})",
                "retrieval: give it the documents that hold the answers; where it has them, see what retrieval returns",
                "then better chunks, reranking, embeddings",
                NOT["M1"],
                f"found by phrases in English; {SIGNAL}",
            ),
        )
    if (sign := _notable(signs, "marked_down")) is not None:
        yield (
            sign.share or 0.0,
            Advice(
                "–",
                "replies that were marked down",
                f"{sign.count} of {sign.n} that have a score ({_between(sign)})",
                "find out why: label the requests that `--task` writes, then `suffice diagnose`",
                "then the rung that treats the cause",
                "anything before the cause is known",
                "as the log says; who gives scores, and when, is rarely random",
            ),
        )
    if (sign := _notable(signs, "refused")) is not None:
        yield (
            sign.share or 0.0,
            Advice(
                "–",
                "refusals",
                f"{sign.count} of {sign.n} ({_between(sign)})",
                "read the typical ones: what should be refused is no failure; for the rest, say what is allowed",
                "then a few solved examples of requests like these",
                "fine-tuning before the prompt has been tried",
                SIGNAL,
            ),
        )
    if (sign := _notable(signs, "looped")) is not None:
        yield (
            sign.share or 0.0,
            Advice(
                "–",
                "replies that run in circles",
                f"{sign.count} of {sign.n} ({_between(sign)})",
                "a repetition penalty or a higher temperature, and a limit on tokens; then a stronger model",
                "",
                "more instructions",
                "counted on every reply",
            ),
        )


def _operation(signs: Mapping[str, Sign]) -> Iterator[Weighed]:
    if (sign := _notable(signs, "errors")) is not None:
        most = ", ".join(f"{kind} ({n})" for kind, n in list(sign.kinds.items())[:3])
        yield (
            sign.share or 0.0,
            Advice(
                "–",
                "calls that fail",
                f"{sign.count} of {sign.n} ({_between(sign)}): {most}",
                "operation, not the model: retries that wait, limits, timeouts; shorter prompts if too long",
                "",
                "anything on the ladder",
                "as the log says",
            ),
        )
    if (sign := _notable(signs, "truncated")) is not None:
        yield (
            sign.share or 0.0,
            Advice(
                "–",
                "replies that are cut off",
                f"{sign.count} of {sign.n} ({_between(sign)})",
                "raise the limit of tokens, or ask for less: length in words, fewer fields",
                "",
                "anything on the ladder",
                "as the log says",
            ),
        )


def _context(found: Audit) -> Iterator[Weighed]:
    if found.pressure and found.pressure.share and found.pressure.share > NOTABLE:
        one = found.pressure
        yield (
            one.share or 0.0,
            Advice(
                "P1",
                f"context pressure: prompts of more than {one.tokens:,} tokens",
                f"{one.over} of {one.n} calls",
                "send less: retrieve the passages that matter, shorten the history",
                "then fine-tuning, for what stays the same in every prompt",
                NOT["P1"],
                "counted on every call",
            ),
        )
    prefix, system = found.prefix, next((p for p in found.anatomy if p.name == "system"), None)
    uncached = (prefix.usable or 0.0) - (prefix.cached or 0.0)
    if uncached > CACHEABLE:
        saved = "" if prefix.usd is None else f", worth ${prefix.usd:,.2f} over this log"
        yield (
            uncached,
            Advice(
                "M6",
                "prompts that begin alike and are read anew each time",
                f"a cache could serve {prefix.usable or 0:.0%} of tokens, it serves {prefix.cached or 0:.0%}{saved}",
                "prompt caching: what never changes first, what changes last",
                "then fine-tuning, which takes what is always the same out of the prompt",
                NOT["M6"],
                prefix.how,
            ),
        )
    for broken in prefix.unstable[:3]:
        yield (
            broken.same - broken.prefix,
            Advice(
                "M6",
                f"the system prompt of `{broken.stage}` changes early on",
                f"{broken.same:.0%} of it is in nearly all calls, but two share only the first {broken.prefix:.0%}",
                "move what changes (a date, a name) to the end of the prompt",
                "",
                NOT["M6"],
                "two calls held against each other, on a sample; the page shows the place",
            ),
        )
    if system and system.tokens and system.tokens > LONG_PROMPT and uncached <= CACHEABLE:
        yield (
            system.share,
            Advice(
                "M6",
                "a long system prompt",
                f"{system.tokens:,.0f} tokens on average, {system.share:.0%} of a prompt",
                "make sure that it is cached, then see what can go: `suffice ablate` says what a layer is worth",
                "then fine-tuning, at a volume that pays",
                NOT["M6"],
                "a sample of the calls",
            ),
        )


def _money(found: Audit) -> Iterator[Weighed]:
    if found.cost.per_day is not None and found.cost.per_day >= DEAR_PER_DAY:
        yield (
            0.05,
            Advice(
                "M7",
                "cost at scale",
                f"${found.cost.per_day:,.2f} a day, where a managed fine-tuning project costs $3,000 to 10,000",
                "a smaller model on labelled examples: `suffice climb` with `cheaper_model` says whether it suffices",
                "then distillation, which needs a gap that prompts cannot close",
                NOT["M7"],
                "a log cannot say what a smaller model would have answered",
            ),
        )
    again = found.repeated
    if again and again.share and again.share >= REPEATED:
        yield (
            again.share,
            Advice(
                "–",
                "the same requests over and over",
                f"{again.share:.0%} of calls repeat an earlier one word for word",
                "keep replies (an answer cache), or answer the most frequent ones with no model at all",
                "",
                "anything heavier",
                f"{again.basis}, by the hash of the whole request",
            ),
        )


def _notable(signs: Mapping[str, Sign], name: str) -> Sign | None:
    sign = signs.get(name)
    return sign if sign and sign.share is not None and sign.share >= NOTABLE else None


def _between(sign: Sign) -> str:
    if sign.share is None or sign.low is None or sign.high is None:
        return "–"
    return f"{sign.share:.1%}, between {sign.low:.1%} and {sign.high:.1%}"
