"""Gold context: show the passage that holds the answer. What that fixes was missing knowledge, wherever it got lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar

from ..data import Context, Example, likeness
from ..digest import digest_of
from ..documents import Corpus
from ..errors import InputError
from ..layer import Cause, Layer
from ..probe import Arms, Setting
from ..split import seeded
from ..stack import Stack
from ..types import Answer, Ask, Passage, Request

KNOWLEDGE_LAYERS = ("retrieval", "long_context")


@dataclass(frozen=True)
class GoldContext:
    """The sham shows another example's passage, cut to the same length.

    A fix proves *coverage* when no document holds the passage, *retrieval* when the stack searches documents that hold
    it and did not find it, and *knowledge* otherwise.
    """

    order: ClassVar[int] = 20
    proves: ClassVar[tuple[Cause, ...]] = ("knowledge", "retrieval", "coverage")

    def arms(self, setting: Setting) -> Arms | None:
        gold = _passages(setting, setting.failures)
        others = _passages(setting, setting.pool) or gold
        if not gold or len({p.text for p in others.values()} | {p.text for p in gold.values()}) < 2:
            return None
        bare = setting.stack
        for name in KNOWLEDGE_LAYERS:
            bare = bare.without(name)
        sham = {id_: _unlike(passage, others, id_, setting.seed) for id_, passage in gold.items()}
        return Arms(
            bare.push(Given("gold", gold)),
            (bare.push(Given("sham", sham)),),
            causes=_causes(setting, gold),
            applies=frozenset(gold),
        )


@dataclass(frozen=True)
class Given(Layer):
    """Give each example its own passage."""

    role: str = ""
    passages: Mapping[str, Passage] = field(default_factory=dict, repr=False)
    content: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "content", digest_of({k: p.text for k, p in self.passages.items()}))

    def __call__(self, request: Request, ask: Ask) -> Answer:
        passage = self.passages.get(request.id or "")
        return ask(replace(request, passages=(passage,)) if passage else request)


@dataclass(frozen=True)
class Holdings:
    """What the documents hold, each read once."""

    corpus: Corpus | None

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """Readable documents by name, as they read but for case and punctuation."""
        found: dict[str, str] = {}
        for name in self.corpus.manifest if self.corpus else ():
            try:
                found[name] = f" {likeness(self.corpus.read(name).text)} " if self.corpus else ""
            except InputError:
                continue
        return found

    def hold(self, context: Context) -> bool:
        """Whether some document holds the context's text, or is the document it names."""
        if context.text:
            sought = f" {likeness(context.text)} "
            return any(sought in text for text in self.texts.values())
        return any(_same_document(name, context.document or "") for name in self.texts)


def _passages(setting: Setting, examples: object) -> dict[str, Passage]:
    return {e.id: p for e in examples if (p := _passage(setting, e)) is not None}  # type: ignore[attr-defined]


def _passage(setting: Setting, example: Example) -> Passage | None:
    texts = [t for c in example.context if (t := c.text or _document_text(setting, c.document))]
    document = next((c.document for c in example.context if c.document), "gold")
    return Passage(f"gold:{example.id}", document, "\n\n".join(texts)) if texts else None


def _document_text(setting: Setting, name: str | None) -> str | None:
    if setting.corpus is None or name is None:
        return None
    match = [n for n in setting.corpus.manifest if _same_document(n, name)]
    return setting.corpus.read(match[0]).text if match else None


def _same_document(name: str, wanted: str) -> bool:
    return bool(wanted) and (name == wanted or wanted.endswith(f"/{name}"))


def _unlike(gold: Passage, others: Mapping[str, Passage], id_: str, seed: int) -> Passage:
    """Another example's passage, as many words long, from another document where there is one."""
    different = [p for k, p in others.items() if k != id_ and p.text != gold.text]
    apart = [p for p in different if p.document != gold.document] or different
    order = seeded([Example(p.id, p.text) for p in apart], hash_of(seed, id_))
    words = " ".join(str(e.input) for e in order[:20]).split()
    return replace(gold, id=f"sham:{id_}", document="sham", text=" ".join(words[: max(8, len(gold.text.split()))]))


def hash_of(seed: int, id_: str) -> int:
    """A seed of its own for every example."""
    return int(digest_of([seed, id_])[:8], 16)


def _causes(setting: Setting, gold: Mapping[str, Passage]) -> dict[str, Cause]:
    holdings = Holdings(setting.corpus)
    searches = _searches(setting.stack)
    found: dict[str, Cause] = {}
    for example in setting.failures:
        if example.id in gold:
            held = all(holdings.hold(c) for c in example.context)
            missed = held and searches and not _shown(setting.stack, example, gold[example.id])
            found[example.id] = "coverage" if not held else "retrieval" if missed else "knowledge"
    return found


def _shown(stack: Stack, example: Example, gold: Passage) -> bool:
    """Whether the stack shows the model the passage, or a part of the document where only that is named."""
    heard: list[Request] = []

    def listen(request: Request) -> Answer:
        heard.append(request)
        return Answer("")

    stack.over(listen)(example.request)
    passages = heard[0].passages if heard else ()
    texts = [likeness(c.text) for c in example.context if c.text]
    shown = likeness(" ".join(p.text for p in passages))
    return (
        all(text in shown for text in texts)
        if texts
        else any(_same_document(p.document, gold.document) for p in passages)
    )


def _searches(stack: Stack) -> bool:
    return "retrieval" in stack.names
