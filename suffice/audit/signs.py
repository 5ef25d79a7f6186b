"""Signs: what one logged call shows of having gone wrong. Cheap enough to look at every call of a log."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..exchange import Exchange
from ..types import Json


class Flag:
    """What went wrong, as bits of an int; several may hold at once. (An IntFlag is ten times slower to test.)"""

    NONE = 0
    ERROR = 1
    FILTERED = 2
    REFUSED = 4
    TRUNCATED = 8
    FORMAT = 16
    LOOPED = 32
    EMPTY = 64
    WORDED = 128
    MARKED = 256


TITLES: Mapping[int, tuple[str, str, str]] = {
    Flag.ERROR: ("errors", "Errors", "the log says that the call failed"),
    Flag.FORMAT: (
        "format",
        "Structured output broken",
        "structured output was on, and the whole reply does not parse, or does not satisfy the schema it was given",
    ),
    Flag.WORDED: (
        "worded_format",
        "JSON asked for, not got",
        "the words of the first message ask for JSON, and the whole reply does not parse; fences count as broken",
    ),
    Flag.MARKED: (
        "marked_down",
        "Marked down",
        "a person or a scorer gave the call less than one half, of those that have a score in the log",
    ),
    Flag.TRUNCATED: ("truncated", "Cut off", "the reply ended because it had reached its limit of tokens"),
    Flag.FILTERED: ("filtered", "Filtered", "the provider's content filter stopped the request or the reply"),
    Flag.REFUSED: (
        "refused",
        "Refusals",
        "the provider marks the reply as a refusal, or it opens with one of the phrases that refusals in English "
        "open with; refusals in other words or languages are not found",
    ),
    Flag.LOOPED: ("looped", "Loops", "the reply ends in the same passage, three times over or more"),
    Flag.EMPTY: ("empty", "Empty replies", "a call that did not fail brought neither text nor a tool call"),
}
"""Name, title and how it is found."""

ENDED_EARLY = frozenset(
    {"length", "max_tokens", "max_output_tokens", "model_length", "incomplete", "token_limit", "max_length"}
)
FILTERS = frozenset(
    {
        "content_filter",
        "contentfilter",
        "safety",
        "prohibited_content",
        "blocklist",
        "spii",
        "recitation",
        "guardrail",
        "guardrail_intervened",
        "content_filtered",
        "prohibited",
    }
)
DECLINED = frozenset({"refusal", "refused"})

OPENING = 300
"""Characters of a reply in which a refusal shows."""
_CANNOT = (
    r"(?:can(?:not|['’]?t| not)|could(?:n['’]t| not)|am (?:not able|unable|not allowed|not permitted)"
    r"|(?:['’]m|m) (?:not able|unable|not allowed|not permitted|not comfortable|not going)"
    r"|won['’]?t|will not|must (?:decline|refuse)|(?:have|need) to (?:decline|refuse))"
)
_DO = (
    r"(?:to )?(?:be able to )?(?:in good conscience )?(?:help|assist|do (?:that|this)|provide|comply|fulfil+|answer"
    r"|support|continue|engage|share|create|generate|write|produce|offer|discuss|give|participate|respond|process|complete"
    r"|satisfy|encourage|condone|promote|suggest|recommend|teach|guide|describe|advise|tell you how)"
)
_REFUSAL = re.compile(
    rf"^\W*(?:(?:i['’]?m|i am|we['’]re)? ?(?:very |really |truly |so )?(?:sorry|afraid)\b.{{0,80}}?"
    rf"\b(?:i|we)\b.{{0,30}}?{_CANNOT}"
    rf"|(?:unfortunately|regrettably|apologies|i apologi[sz]e|my apologies)\b.{{0,80}}?\b(?:i|we)\b.{{0,30}}?{_CANNOT}"
    rf"|(?:as an? (?:ai|artificial|large|responsible|language)\b.{{0,100}}?,? )?(?:i|we) ?{_CANNOT} {_DO}\b"
    rf"|as an? (?:ai|artificial|large|responsible|language)\b.{{0,160}}?\b(?:i|we)\b.{{0,40}}?{_CANNOT}"
    rf"|(?:no,? )?i (?:do not|don['’]t) feel comfortable"
    rf"|i must (?:respectfully )?(?:decline|refuse)|i (?:respectfully )?(?:decline|refuse) to\b"
    rf"|(?:this|that|your) (?:request|question|prompt) (?:violates|goes against|is against)"
    rf"|(?:i['’]?m|i am) (?:just )?an ai\b.{{0,120}}?\b{_CANNOT})",
    re.IGNORECASE | re.DOTALL,
)

_CLASSES = (
    ("rate limited", r"\b429\b|rate.?limit|too many requests|quota|throttl|overloaded|resource.?exhausted"),
    (
        "context too long",
        r"context.{0,20}(?:length|window)|maximum context|too many tokens|prompt is too long|token limit",
    ),
    ("content filter", r"content.?(?:filter|management|policy)|safety (?:system|filter)|responsibleai|moderation"),
    ("not authorized", r"\b40[13]\b|unauthori[sz]ed|forbidden|api.?key|permission"),
    ("timeout", r"time(?:d)?.?out|deadline|\b504\b|\b408\b"),
    ("invalid request", r"\b400\b|\b422\b|invalid|bad.?request|unsupported|not found|\b404\b"),
    ("server error", r"\b50[0-9]\b|internal.?(?:server)?.?error|bad gateway|unavailable|server error"),
    ("dropped connection", r"connection|reset|eof|socket|network|ssl|dns|broken pipe"),
)
_CLASS = [(name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _CLASSES]


def error_class(message: str) -> str:
    """What sort of failure an error's text tells of."""
    text = message[:500]
    return next((name for name, pattern in _CLASS if pattern.search(text)), "other")


def refuses(reply: str) -> bool:
    """Whether a reply opens as refusals in English do. Quotes of a refusal later on do not count."""
    return reply[0] not in "{[" and bool(_REFUSAL.match(reply[:OPENING])) if reply else False


LOOP_TAIL = 40
LOOP_TIMES = 3
LOOKED_AT = 20_000
"""Characters at the end of a reply in which a circle shows."""


def loops(reply: str) -> bool:
    """Whether a reply ends in the same passage, word for word, at least three times in a row."""
    if len(reply) < 400:
        return False
    reply = reply[-LOOKED_AT:]
    tail = reply[-LOOP_TAIL:]
    before = reply.rfind(tail, 0, len(reply) - 1)
    if before < 0:
        return False
    period = len(reply) - LOOP_TAIL - before
    unit = reply[-period:]
    times = max(LOOP_TIMES, -(-200 // period))
    return reply.endswith(unit * times)


def first_choice(extra: Mapping[str, Json]) -> tuple[Json, str]:
    """The log-probabilities and the refusal that OpenAI's first choice holds, where an importer kept it as it was."""
    match extra.get("choices"):
        case [{"message": {"refusal": str(refusal)}, **rest}, *_]:
            return rest.get("logprobs"), refusal
        case [{"logprobs": found}, *_]:
            return found, ""
        case _:
            return None, ""


LOW = 0.5
"""A score in [0, 1] under which a call counts as marked down."""


def flags_of(exchange: Exchange) -> tuple[int, str]:
    """What one call shows, all but its format, and the kind of it that is counted beside it."""
    finish = exchange.finish.lower() if exchange.finish else ""
    if exchange.error:
        kind = error_class(exchange.error)
        return (Flag.ERROR | Flag.FILTERED if kind == "content filter" else Flag.ERROR), kind
    flag, kind = Flag.NONE, ""
    if finish in ENDED_EARLY:
        flag, kind = Flag.TRUNCATED, finish
    elif finish in FILTERS:
        flag, kind = Flag.FILTERED, finish
    elif finish in DECLINED or ("choices" in exchange.extra and first_choice(exchange.extra)[1]):
        flag, kind = Flag.REFUSED, "marked by the provider"
    reply = exchange.reply
    if reply is None:
        return flag, kind
    text = reply.content
    if text:
        if not flag & Flag.REFUSED and refuses(text):
            flag, kind = flag | Flag.REFUSED, kind or "opening phrase"
        if len(text) >= 400 and loops(text):
            flag |= Flag.LOOPED
    elif not reply.tool_calls and not flag:
        flag, kind = Flag.EMPTY, finish or "no reason given"
    return flag, kind
