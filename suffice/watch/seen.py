"""What is kept of one logged call: numbers that monitors compare, hashed words and no text."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from zlib import crc32

from ..exchange import Exchange
from ..types import Json

BUCKETS = 512
"""Words are counted by the bucket that they hash to."""
DOCUMENTS = 64
READ = 2_000
"""Characters of a request that are read, from its beginning."""
MOST_WORDS, MOST_PASSAGES = 64, 20
LABEL = 80
"""A longer reply is no label."""
CANARY, ANCHOR = "canary", "anchor"
"""Calls whose name begins so ask the same again and again, and judge the same again and again."""
VERSIONS = ("index_version", "index", "corpus_version")
PASSAGES = ("passages", "retrieved", "documents", "retrieval", "contexts")
SCORES = ("score", "similarity", "relevance", "document.score")
NAMES = ("document", "id", "document_id", "source", "document.id", "doc_id")
WORD = re.compile(r"\w{2,30}")
_FREQUENT = {
    "en": "the is of and to what how my with for can not this it you are",
    "de": "der die das und ist nicht wie mein ich mit für ein eine auf zu wo",
    "fr": "le la les est et pas comment mon je avec pour un une sur où des",
    "es": "el los es y no cómo mi yo con para un una en dónde por las",
    "it": "il gli è non come mio io con per un una su dove che di sono",
    "pt": "o os é e não como meu eu com para um uma em onde por das",
    "nl": "de het is en niet hoe mijn ik met voor een op waar te van zijn",
}
LANGUAGES: Mapping[str, frozenset[str]] = {name: frozenset(few.split()) for name, few in _FREQUENT.items()}
TONGUES = ("", *LANGUAGES, "latin", "cyrillic", "greek", "hebrew", "arabic", "indic", "kana", "han", "hangul")
"""What a request may be written in; "" is nothing to read."""
SCRIPTS = (
    ("greek", 0x370, 0x3FF),
    ("cyrillic", 0x400, 0x52F),
    ("hebrew", 0x590, 0x5FF),
    ("arabic", 0x600, 0x6FF),
    ("indic", 0x900, 0xDFF),
    ("kana", 0x3040, 0x30FF),
    ("han", 0x4E00, 0x9FFF),
    ("hangul", 0xAC00, 0xD7AF),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One call of a model. Lengths and durations are natural logarithms; what a log does not say is None."""

    words: tuple[int, ...]
    length: float | None
    tongue: int
    label: int | None
    """The reply, hashed, where it is short enough to be a label."""
    truth: int | None
    out: float | None
    ms: float | None
    score: float | None
    served: int
    """The version of the model, hashed; 0 where the log does not tell it."""


@dataclass(frozen=True, slots=True)
class Sought:
    """One search of passages."""

    top: float | None
    """The best score."""
    found: int
    documents: tuple[int, ...]
    index: int
    """The version of the index, hashed; 0 where the log does not tell it."""


def identity(e: Exchange) -> int:
    """The same call told twice, in two files or at two readings, has the same number: 48 bits, uniform."""
    said = e.reply.content[:READ] if e.reply else ""
    tokens = (e.usage.input_tokens, e.usage.output_tokens) if e.usage else ()
    text = "\x1e".join((e.kind, e.name, e.model, e.trace, repr(e.time), repr(tokens), question(e), said))
    digest = hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
    return int.from_bytes(digest[:6], "big")


def question(e: Exchange) -> str:
    """The beginning of the last thing that a user said."""
    asked = next((m for m in reversed(e.messages) if m.role == "user"), e.messages[-1] if e.messages else None)
    return asked.content[:READ] if asked else ""


def seen(e: Exchange) -> Seen:
    """A call of a model in numbers."""
    text = question(e)
    words = WORD.findall(text.lower())
    hashed = sorted({hash_of(word) % BUCKETS for word in words})[:MOST_WORDS]
    return Seen(
        words=tuple(hashed),
        length=_rounded(_length(e, text)),
        tongue=TONGUES.index(tongue(text, words)),
        label=label_of(e.reply.content) if e.reply and not e.reply.tool_calls else None,
        truth=label_of(e.expected) if isinstance(e.expected, str) else None,
        out=_rounded(_out(e)),
        ms=_rounded(math.log(max(e.ms, 1.0)) if e.ms is not None and 0 <= e.ms < 1e9 else None),
        score=_rounded(e.score),
        served=hash_of(told) if (told := version(e)) else 0,
    )


def _rounded(value: float | None) -> float | None:
    """To five digits: what is kept in a file is what was compared."""
    return None if value is None else round(value, 5)


def _length(e: Exchange, text: str) -> float | None:
    """Of what was asked, in characters; of the whole prompt, in tokens, where the log keeps no text."""
    if text:
        return math.log1p(len(next(m.content for m in reversed(e.messages) if m.content.startswith(text))))
    return math.log1p(e.usage.input_tokens) if e.usage and e.usage.input_tokens else None


def _out(e: Exchange) -> float | None:
    if e.usage is not None and e.usage.output_tokens:
        return math.log1p(e.usage.output_tokens)
    return math.log1p(len(e.reply.content) / 4) if e.reply is not None and e.reply.content else None


def label_of(text: str) -> int | None:
    """A short text as a number; of a JSON object with one value that value."""
    short = text.strip()
    if not 0 < len(short) <= LABEL:
        return None
    single = re.fullmatch(r'\{\s*"[^"]{1,40}"\s*:\s*"?([^"{}\[\],]{1,60})"?\s*\}', short)
    return hash_of((single[1] if single else short).strip().lower())


def hash_of(text: str) -> int:
    """32 bits of a text."""
    return crc32(text.encode("utf-8", "surrogatepass"))


def tongue(text: str, words: list[str]) -> str:
    """The language, as far as its script and a few frequent words tell; a rough guess that is the same every day."""
    if not words:
        return ""
    letters = [ord(c) for c in text[:400] if c.isalpha()]
    for name, low, high in SCRIPTS:
        if letters and sum(low <= c <= high for c in letters) > 0.4 * len(letters):
            return name
    counts = {name: sum(word in few for word in words[:60]) for name, few in LANGUAGES.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else "latin"


def searches(e: Exchange) -> Iterator[Sought]:
    """The search that a row tells of, as a step of its own or beside a call of a model."""
    index = hash_of(told) if (told := index_version(e)) else 0
    listed = next((v for k in PASSAGES if isinstance(v := e.extra.get(k), list)), None)
    if listed is not None:
        yield _listed([one for one in listed if isinstance(one, Mapping | str)][:MOST_PASSAGES], index)
    elif e.kind == "retrieval":
        said = [p for p in (e.reply.content if e.reply else "").split("\n\n") if p.strip()][:MOST_PASSAGES]
        yield Sought(None, len(said), tuple(hash_of(p[:200]) % DOCUMENTS for p in said), index)


def _listed(passages: list[Mapping[str, Json] | str], index: int) -> Sought:
    scores = [s for p in passages if isinstance(p, Mapping) for s in [_number(p, SCORES)] if s is not None]
    top = _rounded(max(scores, default=None))
    return Sought(top, len(passages), tuple(hash_of(_name(p)) % DOCUMENTS for p in passages), index)


def _number(passage: Mapping[str, Json], names: tuple[str, ...]) -> float | None:
    value = next((passage[n] for n in names if n in passage), None)
    if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > 1e9 or value != value:
        return None
    return float(value)


def _name(passage: Mapping[str, Json] | str) -> str:
    if isinstance(passage, str):
        return passage[:200]
    named = next((passage[n] for n in NAMES if isinstance(passage.get(n), str)), None)
    return str(named if named is not None else passage.get("text", ""))[:200]


def version(e: Exchange) -> str:
    """The model as the log names it, with the provider's fingerprint of what served it."""
    inner = e.extra.get("response")
    told = e.extra.get("system_fingerprint") or (inner.get("system_fingerprint") if isinstance(inner, Mapping) else "")
    mark = f" {told[:60]}" if isinstance(told, str) and told else ""
    return f"{e.model[:100]}{mark}".strip()


def index_version(e: Exchange) -> str:
    """The version of the index that was searched, where the log tells it."""
    return next((str(v)[:100] for k in VERSIONS if isinstance(v := e.extra.get(k), str | int)), "")
