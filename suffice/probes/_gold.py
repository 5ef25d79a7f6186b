"""What is known of where an example's answer stands, and what of it the stack searched, found and showed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from ..data import Context, Example, likeness
from ..digest import digest_of
from ..documents import Corpus
from ..errors import InputError
from ..layer import Layer
from ..probe import Setting
from ..split import seeded
from ..stack import Stack
from ..types import Answer, Ask, Passage, Request

KNOWLEDGE_LAYERS = ("retrieval", "long_context")
WHOLE = 0.98
"""The share of a gold text from which all of it was there."""
RUN = 4
"""Words in a row that two texts are compared by."""
ENOUGH_RUNS = 9
"""Runs in common, a dozen words in a row, from which a passage holds part of another text."""


@dataclass(frozen=True)
class Given(Layer):
    """Give each example its own passages, and those only."""

    role: str = ""
    passages: Mapping[str, tuple[Passage, ...]] = field(default_factory=dict, repr=False)
    content: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "content", digest_of({k: [p.text for p in v] for k, v in self.passages.items()}))

    def __call__(self, request: Request, ask: Ask) -> Answer:
        passages = self.passages.get(request.id or "")
        return ask(request if passages is None else replace(request, passages=passages))


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
        return any(same_document(name, context.document or "") for name in self.texts)


def gold_passages(setting: Setting, examples: Iterable[Example]) -> dict[str, Passage]:
    """The passage that holds each example's answer, where its `context` names one."""
    return {e.id: p for e in examples if (p := _passage(setting, e)) is not None}


def same_document(name: str, wanted: str) -> bool:
    """Whether a document's name is the one an example gives, with or without its folder."""
    return bool(wanted) and (name == wanted or wanted.endswith(f"/{name}"))


def unlike(gold: Passage, others: Mapping[str, Passage], id_: str, seed: int) -> Passage:
    """Another example's passage, as many words long, from another document where there is one."""
    different = [p for k, p in others.items() if k != id_ and p.text != gold.text]
    apart = [p for p in different if p.document != gold.document] or different
    order = seeded([Example(p.id, p.text) for p in apart], hash_of(seed, id_))
    words = " ".join(str(e.input) for e in order[:20]).split()
    return replace(gold, id=f"sham:{id_}", document="sham", text=" ".join(words[: max(8, len(gold.text.split()))]))


def hash_of(seed: int, id_: str) -> int:
    """A seed of its own for every example."""
    return int(digest_of([seed, id_])[:8], 16)


def without_knowledge(stack: Stack) -> Stack:
    """The stack without what finds passages for it."""
    for name in KNOWLEDGE_LAYERS:
        stack = stack.without(name)
    return stack


def searches(stack: Stack) -> bool:
    """Whether the stack looks passages up."""
    return "retrieval" in stack.names


def shown(stack: Stack, request: Request) -> tuple[Passage, ...]:
    """The passages that reach the model."""
    heard: list[Request] = []

    def listen(final: Request) -> Answer:
        heard.append(final)
        return Answer("")

    stack.over(listen)(request)
    return heard[0].passages if heard else ()


def searched(stack: Stack, request: Request) -> tuple[Passage, ...]:
    """The passages that the stack's own search returns, whatever the layers beneath it make of them."""
    finders = [at for at, name in enumerate(stack.names) if name in KNOWLEDGE_LAYERS]
    return shown(replace(stack, layers=stack.layers[: finders[-1] + 1]), request) if finders else ()


def held(passages: Sequence[Passage], example: Example, gold: Passage) -> float:
    """The share of the gold text that stands in the passages; 1 where only a document is named and shown."""
    texts = [c.text for c in example.context if c.text]
    if not texts:
        return float(any(same_document(p.document, gold.document) for p in passages))
    wanted = set().union(*(_runs(text) for text in texts))
    read = set().union(*(_runs(p.text) for p in passages))
    return len(wanted & read) / len(wanted) if wanted else 0.0


def holds(passage: Passage, example: Example, gold: Passage) -> bool:
    """Whether a passage holds of the gold text some words in a row, or is mostly of it."""
    texts = [c.text for c in example.context if c.text]
    if not texts:
        return same_document(passage.document, gold.document)
    wanted, read = set().union(*(_runs(text) for text in texts)), _runs(passage.text)
    common = len(wanted & read)
    return common >= ENOUGH_RUNS or 2 * common > min(len(wanted), len(read))


def _runs(text: str) -> set[tuple[str, ...]]:
    """Every so many words in a row; of a shorter text, all of it."""
    words = likeness(text).split()
    return {tuple(words[at : at + RUN]) for at in range(max(1, len(words) - RUN + 1))} if words else set()


def _passage(setting: Setting, example: Example) -> Passage | None:
    texts = [t for c in example.context if (t := c.text or _document_text(setting, c.document))]
    document = next((c.document for c in example.context if c.document), "gold")
    return Passage(f"gold:{example.id}", document, "\n\n".join(texts)) if texts else None


def _document_text(setting: Setting, name: str | None) -> str | None:
    if setting.corpus is None or name is None:
        return None
    match = [n for n in setting.corpus.manifest if same_document(n, name)]
    return setting.corpus.read(match[0]).text if match else None
