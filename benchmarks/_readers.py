"""Readers: small deterministic models that know nothing but what the final messages say, as any model sees them.

A reader follows the last instruction about the reply, answers like the most similar example shown, quotes the sentence
of the passages that shares most with the question, and picks the label whose words are nearest. Its attention is
limited: of long passages it reads the beginning and the end.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

from suffice.types import Answer, Json, Message, Request, Step, Usage, wording

STOP = frozenset(
    re.findall(
        r"\w+",
        """a an and are as at be been by can could did do does for from get had has have he her his how i if in is it
        its me my of on or our she should so some than that the their them then there these they this to us was we were
        what when where which who whom whose why will with would you your please about just am into not no""",
    )
)


@dataclass(frozen=True)
class Reader:
    """Replies in well under a millisecond; at a temperature above zero, chance has a say in what is nearest."""

    name: str = "reader"
    attention: int = 420
    """Words of passages that are read; of more than that, only the beginning and the end."""
    letters: int | None = None
    """Words longer than this are not understood; None understands all."""
    weak: frozenset[str] = field(default=frozenset(), repr=False)
    """Ids of the requests that a weaker reader answers instead: of words up to four letters, and of no examples."""
    parallel: int = 1

    @property
    def digest(self) -> str:
        return hashlib.sha256(repr((self.spec, sorted(self.weak))).encode()).hexdigest()

    @property
    def spec(self) -> Mapping[str, Json]:
        return {"use": "_readers:Reader", "name": self.name, "attention": self.attention, "letters": self.letters}

    def payload(self, request: Request) -> Json:
        drawn = request.sampling
        return {
            "messages": [[m.role, m.content] for m in wording(request)],
            "tools": [[t.name, t.description, dict(t.parameters)] for t in request.tools],
            "temperature": drawn.temperature,
            "seed": drawn.seed,
            "weak": request.id in self.weak,
        }

    def most(self, request: Request) -> float:
        return 0.0

    def __call__(self, request: Request) -> Answer:
        messages = wording(request)
        chance, tools = _Chance(request, messages), [_tool(t.name, t.description, t.parameters) for t in request.tools]
        if request.id in self.weak:
            text = _Reading(_unexemplified(messages), 60, 4, chance, tools).reply()
        else:
            text = _Reading(messages, self.attention, self.letters, chance, tools).reply()
        usage = Usage(sum(len(m.content.split()) for m in messages), len(text.split()))
        return Answer(text, usage=usage, trace=(Step("model", 0.0),))


class Strong(Reader):
    """The same with twice the attention: what a task may name as its `strong_model`."""

    def __init__(self) -> None:
        super().__init__("strong", 900)


@dataclass(frozen=True)
class Guesser:
    """Replies with one of the labels, drawn from everything that it is sent."""

    labels: tuple[str, ...] = ()
    seed: int = 0
    name: str = "guesser"
    parallel: int = 1

    @property
    def digest(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()

    @property
    def spec(self) -> Mapping[str, Json]:
        return {"use": "_readers:Guesser", "labels": list(self.labels), "seed": self.seed}

    def payload(self, request: Request) -> Json:
        drawn = request.sampling
        sample = drawn.sample if drawn.temperature > 0 else 0
        return [[[m.role, m.content] for m in wording(request)], drawn.temperature, drawn.seed, sample]

    def most(self, request: Request) -> float:
        return 0.0

    def __call__(self, request: Request) -> Answer:
        drawn = random.Random(json.dumps([self.seed, self.payload(request)]))
        return Answer(drawn.choice(self.labels), trace=(Step("model", 0.0),))


class _Chance:
    """Multiplies what is compared by something near one, where the temperature lets it."""

    def __init__(self, request: Request, messages: Sequence[Message]) -> None:
        sampling = request.sampling
        self.spread = 0.15 * sampling.temperature
        if self.spread:
            said = "\n".join(m.content for m in messages)
            self.drawn = random.Random(f"{sampling.seed} {sampling.sample} {said}")

    def __call__(self, value: float) -> float:
        return value * max(0.0, 1 + self.drawn.gauss(0, self.spread)) if self.spread else value


# Reading


_PASSAGE = re.compile(r"<passage \d+>\n(.*?)\n</passage \d+>", re.DOTALL)
_HEAD = re.compile(r"^Passages \(data, not instructions\):\s*", re.MULTILINE)


class _Reading:
    """One conversation, read once."""

    def __init__(
        self, messages: Sequence[Message], attention: int, letters: int | None, chance: _Chance, tools: Sequence[Json]
    ) -> None:
        self.letters, self.chance = letters, chance
        last = messages[-1].content
        self.passages = _attended(_PASSAGE.findall(last), attention)
        rest = _HEAD.sub("", _PASSAGE.sub("", last)).strip()
        self.question, cues = _question(rest)
        told = "\n\n".join([*(m.content for m in messages if m.role == "system"), cues])
        self.orders, self.tools = _orders(told), [*tools, *_tools(told)]
        turns = list(messages[:-1])
        self.shots = [
            (_question(_PASSAGE.sub("", a.content))[0], b.content)
            for a, b in pairwise(turns)
            if (a.role, b.role) == ("user", "assistant")
        ]

    def reply(self) -> str:
        order = self.orders[-1] if self.orders else _Order("")
        match order.kind:
            case "refuse":
                return "I am afraid that I must not answer this."
            case "word":
                return str(order.held)
            case "free":
                return self._own()
            case "json" if self.tools:
                return json.dumps(call(self.question, self.tools, self._words), ensure_ascii=False)
            case "json":
                return self._record(order.held)
            case "labels":
                return self._label(order.held)
            case "text" if len(_sentences(self.question)) > 1:
                return self._quote()
            case _:
                return self._as_shown()

    def _as_shown(self) -> str:
        """Nothing says what the reply looks like, but the tools, the examples or the passages may."""
        if self.tools:
            return json.dumps(call(self.question, self.tools, self._words), ensure_ascii=False)
        if self.shots and all(_record(b) is not None for _, b in self.shots):
            return self._record({key: {} for _, b in self.shots for key in _record(b) or {}})
        if self.passages or len(_sentences(self.question)) > 2:
            return self._quote()
        near = self._nearest_shot()
        return near[1] if near else self._own()

    def _label(self, labels: Sequence[str]) -> str:
        near = self._nearest_shot()
        if near and near[0] >= 0.25:
            return near[1]
        return self._chosen(labels) or (near[1] if near else self._own())

    def _chosen(self, labels: Sequence[str]) -> str | None:
        """The label whose words the question has; None where it has none of them."""
        asked = self._words(self.question)
        rarity = Counter(w for label in labels for w in set(words(label.replace("_", " "))))
        scored = [(self.chance(_likeness(asked, label, rarity, self.letters)), label) for label in labels]
        best = max(scored, key=lambda pair: pair[0], default=(0.0, ""))
        return best[1] if best[0] > 0 else None

    def _nearest_shot(self) -> tuple[float, str] | None:
        """The reply of the example that is most like the question, and how like it is."""
        if not self.shots:
            return None
        asked = self._words(self.question)
        told = [self._words(a) for a, _ in self.shots]
        weight = _weights([asked, *told])
        scored = [(self.chance(_cosine(asked, t, weight)), b) for t, (_, b) in zip(told, self.shots, strict=True)]
        best = max(scored, key=lambda pair: pair[0])
        return best if best[0] > 0 else None

    def _quote(self) -> str:
        """The sentence that shares most with the question."""
        *own, asked_for = _sentences(self.question) or [""]
        asked = self._words(asked_for)
        found = [s for p in self.passages for s in _sentences(p)] + own
        told = [self._words(s) for s in found]
        weight = _weights(told)
        scored = [(self.chance(_covered(asked, t, weight)), s) for t, s in zip(told, found, strict=True)]
        best = max(scored, key=lambda pair: pair[0], default=(0.0, ""))
        return best[1] if best[0] > 0 else "The text does not say."

    def _record(self, fields: Mapping[str, Json]) -> str:
        """Every field by its name: like the most similar example's, else by what the schema says of it."""
        near = self._nearest_shot()
        like = _record(near[1]) if near and near[0] >= 0.2 else None
        names = list(fields) or list(like or {})
        found = {name: self._field(name, fields.get(name) or {}, like) for name in names}
        return json.dumps(found, ensure_ascii=False)

    def _field(self, name: str, about: Mapping[str, Json], like: Mapping[str, Json] | None) -> Json:
        if (options := about.get("enum")) and all(isinstance(o, str) for o in options):
            return (like or {}).get(name) or self._chosen(options) or options[0]
        kind = about.get("type") or _type_of((like or {}).get(name))
        told = f"{name} {about.get('description', '')}".casefold()
        if kind in ("integer", "number") or "number" in told or "people" in told:
            number = re.search(r"(?<![\w:.])\d+(?![\w:.]|\s*[ap]m)", self.question)
            return int(number[0]) if number else None
        if "time" in told:
            time = re.search(r"\b\d{1,2}(?::\d\d)?\s?(?:[ap]\.?m\.?\b)|\b\d{1,2}:\d\d\b", self.question, re.IGNORECASE)
            return time[0] if time else None
        if "sentence" in told:
            return self._quote()
        if like and name in like:
            return like[name]
        return next(iter(words(self.question)), "")

    def _own(self) -> str:
        longest = sorted(self._words(self.question), key=lambda w: (-len(w), w))[:3]
        return f"This seems to be about {' and '.join(longest)}." if longest else "I am not sure what is meant."

    def _words(self, text: str) -> frozenset[str]:
        known = words(text)
        return known if self.letters is None else frozenset(w for w in known if len(w) <= self.letters)


# What is asked for


@dataclass(frozen=True)
class _Order:
    """One instruction about the reply, and what it names."""

    kind: str
    held: Any = None


_RECORD = re.compile(r"\bJSON\b|\btool call\b")
_LISTED = re.compile(r"\b(?:one of|labels?|categories|options)\b[^:\n]*:[ \t]*", re.IGNORECASE)
_WORD = re.compile(r"(?:reply|answer|respond)\s+(?:only\s+)?with the (?:single )?word [\"'“]?(\w+)", re.IGNORECASE)
_REFUSE = re.compile(r"\b(?:do not|don't|never|must not)\s+(?:answer|reply|respond)\b", re.IGNORECASE)
_FREE = re.compile(r"\bin your own words\b|\bas a (?:poem|story|riddle)\b", re.IGNORECASE)
_TEXT = re.compile(r"\b(?:reply|answer) with the (?:answer|sentence)\b|\banswer the question\b", re.IGNORECASE)
_CUE = re.compile(r"^(?:reply|answer|respond|label:|json:|answer:|do not|never|return)", re.IGNORECASE)


@lru_cache(4096)
def _orders(text: str) -> tuple[_Order, ...]:
    """The instructions about the reply, in the order they stand."""
    found: list[tuple[int, _Order]] = []
    for match in _LISTED.finditer(text):
        labels = _listed(text[match.end() :])
        if len(labels) > 1:
            found.append((match.start(), _Order("labels", labels)))
    found += [(m.start(), _Order("json", _fields(text[m.start() :]))) for m in _RECORD.finditer(text)]
    found += [(m.start(), _Order("word", m[1])) for m in _WORD.finditer(text)]
    found += [(m.start(), _Order("refuse")) for m in _REFUSE.finditer(text)]
    found += [(m.start(), _Order("free")) for m in _FREE.finditer(text)]
    found += [(m.start(), _Order("text")) for m in _TEXT.finditer(text)]
    if "tool" not in text and any(o.kind == "json" for _, o in found):
        found = [(at, o) for at, o in found if o.kind != "labels" and (o.kind != "json" or o.held)]
    return tuple(order for _, order in sorted(found, key=lambda pair: pair[0]))


def _listed(rest: str) -> tuple[str, ...]:
    line, _, below = rest.partition("\n")
    if line.strip():
        return tuple(x.strip().rstrip(".") for x in line.split(",") if 0 < len(x.split()) <= 6)
    bullets = re.match(r"(?:\s*[-*•] [^\n]+\n?)+", below)
    return tuple(x.strip(" -*•\t") for x in bullets[0].strip().split("\n")) if bullets else ()


def _fields(text: str) -> dict[str, Json]:
    """The fields of the record that stand after the word JSON: as a JSON Schema, a list of lines, or names."""
    brace = text.find("{")
    if 0 <= brace < 200:
        try:
            schema = json.JSONDecoder().raw_decode(text[brace:])[0]
        except ValueError:
            schema = {}
        if isinstance(schema, dict) and isinstance(schema.get("properties"), dict):
            return dict(schema["properties"])
    lines = re.findall(r"^- (\w+) \(([^)]*)\)(?:: (.*))?$", text[:3000], re.MULTILINE)
    if lines:
        return {name: _told(kind, more) for name, kind, more in lines}
    names = re.match(r"JSON(?: with the fields)?: ([\w, ]+)\.", text)
    return {name.strip(): {} for name in names[1].split(",")} if names else {}


def _told(kind: str, more: str) -> dict[str, Json]:
    options = re.search(r"one of ([^)]*)", kind)
    found: dict[str, Json] = {"type": kind.split(",")[0].split(" or ")[0], "description": more}
    if options:
        found["enum"] = [x.strip() for x in options[1].split(",")]
    return found


@lru_cache(65536)
def _question(text: str) -> tuple[str, str]:
    """What is asked, and the cues that stand beside it as paragraphs of their own."""
    parts = re.split(r"\n\s*\n", text.strip())
    cues = [p for p in parts if _CUE.match(p)] if len(parts) > 1 else []
    return "\n\n".join(p for p in parts if p not in cues), "\n\n".join(cues)


def _attended(passages: Sequence[str], attention: int) -> list[str]:
    """The passages as far as they are read: from the beginning, and from the end back."""
    total = sum(len(p.split()) for p in passages)
    if total <= attention:
        return list(passages)
    first, last = int(attention * 0.6), attention - int(attention * 0.6)
    return [*_up_to(passages, first), *(_up_to([p[::-1] for p in passages[::-1]], last, back=True))]


def _up_to(passages: Sequence[str], limit: int, back: bool = False) -> list[str]:
    found: list[str] = []
    for passage in passages:
        some = passage.split()[:limit]
        limit -= len(some)
        if some:
            found.append(" ".join(some)[::-1] if back else " ".join(some))
    return found


def _unexemplified(messages: Sequence[Message]) -> list[Message]:
    return [m for m in messages[:-1] if m.role == "system"] + [messages[-1]]


# Likeness


@lru_cache(262144)
def words(text: str) -> frozenset[str]:
    """The telling words of a text, their commonest endings taken off."""
    return frozenset(_stem(w) for w in re.findall(r"[a-z0-9']+", text.lower().replace("_", " ")) if w not in STOP)


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


@lru_cache(262144)
def _trigrams(word: str) -> frozenset[str]:
    padded = f" {word} "
    return frozenset(padded[i : i + 3] for i in range(len(padded) - 2))


@lru_cache(65536)
def _same(a: str, b: str) -> float:
    """How alike two words are: 1 for the same, something for a shared stem."""
    if a == b:
        return 1.0
    shared = len(_trigrams(a) & _trigrams(b)) / max(1, len(_trigrams(a) | _trigrams(b)))
    return shared if shared >= 0.4 else 0.0


def _likeness(asked: frozenset[str], label: str, rarity: Mapping[str, int], letters: int | None) -> float:
    named = words(label.replace("_", " "))
    if letters is not None:
        named = frozenset(w for w in named if len(w) <= letters)
    weight = {w: 1 / math.sqrt(rarity[w]) for w in named}
    met = sum(weight[w] * max((_same(w, a) for a in asked), default=0.0) for w in named)
    return met / math.sqrt(1 + sum(weight.values()))


def _weights(texts: Sequence[frozenset[str]]) -> dict[str, float]:
    counted = Counter(w for t in texts for w in t)
    return {w: math.log(1 + len(texts) / n) for w, n in counted.items()}


def _cosine(a: frozenset[str], b: frozenset[str], weight: Mapping[str, float]) -> float:
    shared = sum(weight[w] ** 2 for w in a & b)
    norm = math.sqrt(sum(weight[w] ** 2 for w in a) * sum(weight[w] ** 2 for w in b))
    return shared / norm if norm else 0.0


def _covered(asked: frozenset[str], told: frozenset[str], weight: Mapping[str, float]) -> float:
    return sum(weight[w] for w in asked & told) / math.sqrt(4 + len(told))


@lru_cache(65536)
def _sentences(text: str) -> list[str]:
    return [s.strip() for s in re.split(r"(?<=[.!?])\s+(?=[A-Z\"'(])|\n+", text) if s.strip()]


def _record(text: str) -> dict[str, Json] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _type_of(value: Json) -> str | None:
    return "integer" if isinstance(value, int) and not isinstance(value, bool) else None


# Tools


_TOOL = re.compile(r"^[-*] ([\w.]+)(?:: (.*?))?(?: Arguments: (\{.*\}))?$", re.MULTILINE)
_NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?")
_NAMED = re.compile(r"\"([^\"]+)\"|'([^']+)'|\b([A-Z][\w&.-]*(?: (?:of |the )?[A-Z][\w&.-]*)*)")


def _tool(name: str, description: str, parameters: Json) -> Json:
    return {"name": name, "description": description, "parameters": parameters or {}}


@lru_cache(4096)
def _tools(text: str) -> tuple[Json, ...]:
    """The tools that a text lists, the best described of each name."""
    found: dict[str, Json] = {}
    if "tool" not in text.casefold():
        return ()
    for name, description, parameters in _TOOL.findall(text):
        try:
            schema = json.loads(parameters) if parameters else {}
        except ValueError:
            schema = {}
        if name not in found or len(description) >= len(found[name]["description"]):
            found[name] = _tool(name, description, schema)
    return tuple(found.values())


def call(question: str, tools: Sequence[Json], known: Callable[[str], frozenset[str]]) -> Json:
    """The tool whose name and description share most with the question, its arguments by their descriptions."""
    asked = known(question)
    told = [known(f"{re.sub(r'[._]', ' ', t['name'])} {t['description']}") for t in tools]
    weight = _weights(told)
    best = max(range(len(tools)), key=lambda at: (_covered(asked, told[at], weight), -at))
    parameters = tools[best]["parameters"]
    names = [n for n in parameters.get("required", ()) if n in parameters.get("properties", {})]
    return {"name": tools[best]["name"], "arguments": _arguments(question, names, parameters.get("properties", {}))}


def _arguments(question: str, names: Sequence[str], properties: Mapping[str, Json]) -> dict[str, Json]:
    """A value of the right type for each name, in the order in which they stand in the question."""
    numbers = [float(n.replace(",", "")) for n in _NUMBER.findall(re.sub(r"\[[^]]*\]", " ", question))]
    lists = [[_plain(float(n)) for n in _NUMBER.findall(x)] for x in re.findall(r"\[([^]]*)\]", question)]
    texts = [next(filter(None, groups)) for groups in _NAMED.findall(question)]
    texts = [t for t in texts if not question.startswith(t) or " " in t]
    found: dict[str, Json] = {}
    for name in names:
        about = properties[name]
        options, kind = about.get("enum"), about.get("type")
        if options:
            said = words(question)
            found[name] = max(options, key=lambda o: len(words(str(o)) & said) / (1 + len(words(str(o)))))
        elif kind in ("integer", "float", "number"):
            found[name] = _plain(numbers.pop(0)) if numbers else 0
        elif kind == "array":
            found[name] = lists.pop(0) if lists else []
        elif kind == "boolean":
            found[name] = True
        else:
            found[name] = texts.pop(0) if texts else ""
    return found


def _plain(number: float) -> int | float:
    return int(number) if number.is_integer() else number
