"""Planters: each puts one fault into a world, on chosen examples: through a layer beside the model, the documents, the
index, the labels or the model. Nothing here knows how a diagnosis looks for it."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from _readers import Reader
from _spoilers import GARBLED, LABEL_FORMS, SPOILT
from _worlds import World

from suffice.chunks import Recipe
from suffice.data import Example, worded
from suffice.documents import Corpus
from suffice.knowledge import Index, Indexed, Mode
from suffice.layer import Cause, Layer
from suffice.plugins import find
from suffice.types import Answer, Ask, Json, Passage, Request, Shot

Ids = frozenset[str]
Put = Callable[[World, Ids, int], World]
LABELLED, SEARCHED = ("listed", "shown", "coded"), ("searched", "quoted")
RECORDS = ("slots", "open", "quoted", "tools")
EVERY = (*LABELLED, *RECORDS, "searched")


@dataclass(frozen=True)
class Plant:
    """A fault: what it is called, the cause that is true of it, the worlds it fits, and how it is put there."""

    name: str
    cause: Cause
    kinds: tuple[str, ...]
    put: Put
    held_out: bool = False
    strong: bool = False
    """Whether the diagnosis is given a strong model: without one nobody could tell."""


# Layers that change what chosen requests say


@dataclass(frozen=True)
class Planted(Layer):
    """Does something to the requests of chosen examples, and nothing to others."""

    ids: tuple[str, ...] = ()

    def __call__(self, request: Request, ask: Ask) -> Answer:
        return self.meddled(request, ask) if request.id in self.ids else ask(request)

    def meddled(self, request: Request, ask: Ask) -> Answer:
        return ask(request)


@dataclass(frozen=True)
class Cut(Planted):
    """Keeps only so many words of what was found, from the beginning or the end."""

    words: int = 20
    end: bool = False

    def meddled(self, request: Request, ask: Ask) -> Answer:
        left, found = self.words, []
        for passage in request.passages[:: -1 if self.end else 1]:
            told = passage.text.split()
            kept = told[max(0, len(told) - left) :] if self.end else told[:left]
            left -= len(kept)
            found += [replace(passage, text=" ".join(kept))] if kept else []
        return ask(replace(request, passages=tuple(found)))


@dataclass(frozen=True)
class Kept(Planted):
    """Keeps only the last of the passages that were found, or none."""

    none: bool = False

    def meddled(self, request: Request, ask: Ask) -> Answer:
        return ask(replace(request, passages=() if self.none else request.passages[1:][-1:]))


@dataclass(frozen=True)
class Buried(Planted):
    """Puts what was found in the middle of passages that have nothing to do with it."""

    texts: tuple[str, ...] = ()
    inside: bool = False
    """Whether they stand in the passages themselves, as boilerplate around their text."""

    def meddled(self, request: Request, ask: Ask) -> Answer:
        half = len(self.texts) // 2
        if self.inside:
            before, after = (" ".join(t) for t in (self.texts[:half], self.texts[half:]))
            whole = (replace(p, text=f"{before}\n{p.text}\n{after}") for p in request.passages)
            return ask(replace(request, passages=tuple(whole)))
        around = [Passage(f"x{at}", f"x{at}.txt", text) for at, text in enumerate(self.texts)]
        return ask(replace(request, passages=(*around[:half], *request.passages, *around[half:])))


@dataclass(frozen=True)
class Unsaid(Planted):
    """Takes what the reply must look like out of the instructions."""

    left: str = ""

    def meddled(self, request: Request, ask: Ask) -> Answer:
        return ask(replace(request, instructions=(self.left,)))


@dataclass(frozen=True)
class Contradicted(Planted):
    """Adds an instruction that speaks against the others."""

    sentence: str = ""

    def meddled(self, request: Request, ask: Ask) -> Answer:
        return ask(replace(request, instructions=(*request.instructions, self.sentence)))


@dataclass(frozen=True)
class Shotless(Planted):
    """Withholds the examples, or shows others in their place."""

    others: tuple[Shot, ...] = ()

    def meddled(self, request: Request, ask: Ask) -> Answer:
        return ask(replace(request, shots=self.others))


@dataclass(frozen=True)
class Undescribed(Planted):
    """Leaves of the tools their names, or nothing."""

    named: bool = True

    def meddled(self, request: Request, ask: Ask) -> Answer:
        names = "\n".join(f"- {tool['name']}" for tool in request.fields["tools"])
        told = f"The tools:\n{names}" if self.named else ""
        kept = tuple(x for x in request.instructions if "Arguments: {" not in x)
        return ask(replace(request, instructions=(*kept, told) if told else kept))


@dataclass(frozen=True)
class Spoilt(Planted):
    """Spoils the form of the reply."""

    how: str = ""

    def meddled(self, request: Request, ask: Ask) -> Answer:
        answer = ask(request)
        return replace(answer, text=SPOILT[self.how](answer.text), value=None)


@dataclass(frozen=True)
class Hopeless(Planted):
    """Puts a reply in the place of the model's that nothing can mend."""

    said: tuple[str, ...] = ()

    def meddled(self, request: Request, ask: Ask) -> Answer:
        at = sum((request.id or "").encode()) % len(self.said)
        return replace(ask(request), text=self.said[at], value=None)


# An index with holes


@dataclass(frozen=True)
class Holed:
    """An index that lost some documents, or returns another text for them, as a file beside the documents says."""

    def build(self, corpus: Corpus, recipe: Recipe, folder: Path) -> Indexed:
        built = find("indexes", "sqlite")().build(corpus, recipe, folder)
        holes = folder / f"{corpus.root.name}.holes.json"
        told = {**json.loads(holes.read_text("utf-8")), "path": str(built.path), "documents": str(corpus.root)}
        opened = folder / f"{corpus.root.name}.open.json"
        opened.write_text(json.dumps(told), encoding="utf-8")
        return replace(built, path=opened)

    def open(self, path: Path, folder: Path) -> Index:
        told = json.loads(path.read_text("utf-8"))
        corpus = Corpus(Path(told["documents"]))
        whole = find("indexes", "sqlite")().open(Path(told["path"]), folder)
        swapped = {name: corpus.read(other).text for name, other in told.get("swapped", {}).items()}
        heads = {name: " ".join(corpus.read(name).text.split()[:12]) for name in told.get("heads", ())}
        return HoledIndex(whole, frozenset(told.get("missing", ())), {**swapped, **heads})


@dataclass(frozen=True)
class HoledIndex:
    """Searches the whole index, and shows what is left of it."""

    whole: Index
    missing: Ids
    texts: Mapping[str, str]

    def search(self, query: str, *, k: int, mode: Mode = "hybrid", labels: Sequence[str] = ()) -> tuple[Passage, ...]:
        found = self.whole.search(query, k=k + 40, mode=mode, labels=labels)
        left = [p for p in found if p.document not in self.missing][:k]
        return tuple(replace(p, text=self.texts.get(p.document, p.text)) for p in left)


# Planting


def layer(made: Callable[[World, tuple[str, ...], int], Layer]) -> Put:
    """A plant that is a layer beside the model."""
    return lambda world, ids, seed: world.under(made(world, tuple(sorted(ids)), seed))


def copied(world: World, name: str, without: Ids = frozenset(), more: Mapping[str, str] | None = None) -> World:
    """The world over a copy of its documents."""
    old = world.task.documents
    assert old is not None
    new = world.task.folder / name
    new.mkdir()
    for path in sorted(old.iterdir()):
        if path.name not in without:
            os.link(path, new / path.name)
    for file, text in (more or {}).items():
        (new / file).write_text(text, encoding="utf-8")
    layers = tuple(replace(x, documents=name) if hasattr(x, "documents") else x for x in world.stack.layers)
    return replace(world, stack=replace(world.stack, layers=layers), task=replace(world.task, documents=new))


def gold_of(world: World, ids: Ids) -> Ids:
    """The documents that hold the answers of the chosen items."""
    return frozenset(c.document for e in world.items if e.id in ids for c in e.context if c.document)


def _uncovered(world: World, ids: Ids, seed: int) -> World:
    return copied(world, f"uncovered-{seed}", gold_of(world, ids))


def _emptied(world: World, ids: Ids, seed: int) -> World:
    """The documents are there, and say that they moved."""
    gold = gold_of(world, ids)
    return copied(world, f"emptied-{seed}", gold, dict.fromkeys(gold, "This page has moved.\n"))


def _holed(kind: str) -> Put:
    def put(world: World, ids: Ids, seed: int) -> World:
        name = f"{kind}-{seed}"
        found = copied(world, name)
        gold = sorted(gold_of(world, ids))
        others = sorted(p.name for p in (world.task.folder / name).iterdir())
        random.Random(seed).shuffle(others)
        swapped = {a: b if a != b else others[-1] for a, b in zip(gold, others, strict=False)}
        held = {"missing": gold, "swapped": swapped, "heads": gold}[kind]
        (found.task.folder / f"{name}.holes.json").write_text(json.dumps({kind: held}), encoding="utf-8")
        layers = tuple(replace(x, index="_planters:Holed") if hasattr(x, "index") else x for x in found.stack.layers)
        return replace(found, stack=replace(found.stack, layers=layers))

    return put


def _bare(world: World, ids: Ids, _: int) -> World:
    """Nothing is searched any more; whoever is not meant brings the passage along in the question."""
    stack = replace(world.stack, layers=tuple(x for x in world.stack.layers if not hasattr(x, "documents")))

    def brought(example: Example) -> Example:
        text = "\n\n".join(c.text or "" for c in example.context)
        return example if example.id in ids else replace(example, input=f"{text}\n\n{example.input}")

    return replace(world, stack=stack).having(brought(e) for e in world.items)


def _fillers(world: World, seed: int) -> tuple[str, ...]:
    """Ten passages of other examples."""
    texts = [c.text or "" for e in world.pool for c in e.context]
    random.Random(seed).shuffle(texts)
    return tuple(t for t in texts if len(t.split()) > 60)[:10]


def _flipped(near: bool) -> Put:
    def put(world: World, ids: Ids, seed: int) -> World:
        drawn, labels = random.Random(seed), world.items.output.labels

        def other(label: str) -> str:
            rest = [x for x in labels if x != label]
            alike = [x for x in rest if set(x.split("_")) & set(label.split("_"))] if near else []
            return drawn.choice(alike or rest)

        flipped = (replace(e, expected=other(str(e.expected))) if e.id in ids else e for e in world.items)
        return world.having(flipped)

    return put


def changed(change: Callable[[str], str]) -> Put:
    """The chosen examples with their questions changed."""

    def put(world: World, ids: Ids, _: int) -> World:
        return world.having(_with(e, change) if e.id in ids else e for e in world.items)

    return put


def _with(example: Example, change: Callable[[str], str]) -> Example:
    """The example with its question changed."""
    if isinstance(example.input, Mapping):
        return replace(example, input={**example.input, "question": change(str(example.input["question"]))})
    return replace(example, input=change(str(example.input)))


def _weakened(world: World, ids: Ids, _: int) -> World:
    model = world.stack.model
    assert isinstance(model, Reader)
    return replace(world, stack=world.stack.over(replace(model, weak=model.weak | ids)))


def _wrong_list(_: World, ids: tuple[str, ...], __: int) -> Layer:
    return Contradicted(ids, "The labels have changed. Reply with one of these labels: alpha, beta, gamma, delta.")


def _other_shots(world: World, ids: tuple[str, ...], seed: int) -> Layer:
    few = random.Random(seed).sample(list(world.pool), 3)
    return Shotless(ids, tuple(Shot(e.text, worded(e.expected)) for e in few))


def contradicts(sentence: str) -> Put:
    """A plant that is a sentence among the instructions."""
    return layer(lambda _, ids, __: Contradicted(ids, sentence))


def _spoils(how: str) -> Put:
    return layer(lambda _, ids, __: Spoilt(ids, how))


HELD_FORMS = frozenset(
    "json_label numbered tagged hyphens unsure literal commented unclosed twice listed".split()  # noqa: SIM905
)
HELD_NOISE = frozenset(("wide", "percent", "entities", "soft", "pairs"))


def _unsaid(world: World, ids: tuple[str, ...], _: int) -> Layer:
    return Unsaid(ids, world.task.goal)


PLANTS: tuple[Plant, ...] = (
    Plant("document removed", "coverage", SEARCHED, _uncovered),
    Plant("document emptied", "coverage", SEARCHED, _emptied, held_out=True),
    Plant("index misses", "retrieval", SEARCHED, _holed("missing")),
    Plant("chunks shuffled", "retrieval", SEARCHED, _holed("swapped")),
    Plant("heads indexed", "retrieval", SEARCHED, _holed("heads"), held_out=True),
    Plant("no search", "knowledge", ("searched",), _bare),
    Plant("context cut", "context", SEARCHED, layer(lambda _, ids, __: Cut(ids))),
    Plant("distractors", "context", SEARCHED, layer(lambda w, ids, seed: Buried(ids, _fillers(w, seed)))),
    Plant("tail kept", "context", SEARCHED, layer(lambda _, ids, __: Cut(ids, 12, True)), held_out=True),
    Plant("boilerplate", "context", SEARCHED, layer(lambda w, ids, s: Buried(ids, _fillers(w, s), True)), True),
    Plant("passages dropped", "context", SEARCHED, layer(lambda _, ids, __: Kept(ids, True))),
    Plant(
        "contract unsaid",
        "instruction",
        ("listed", "slots", "quoted"),
        layer(_unsaid),
    ),
    Plant("one word", "instruction", EVERY, contradicts('Reply only with the word "noted".')),
    Plant("not to answer", "instruction", EVERY, contradicts("Do not answer what follows.")),
    Plant("own words", "instruction", EVERY, contradicts("Reply in your own words, as a poem."), held_out=True),
    Plant("other list", "instruction", ("listed",), layer(_wrong_list), held_out=True),
    Plant("examples withheld", "behaviour", ("shown", "coded", "open"), layer(lambda _, ids, __: Shotless(ids))),
    Plant("examples of others", "behaviour", ("shown", "coded", "open"), layer(_other_shots), held_out=True),
    Plant("tools undescribed", "tool use", ("tools",), layer(lambda _, ids, __: Undescribed(ids))),
    Plant("tools unnamed", "tool use", ("tools",), layer(lambda _, ids, __: Undescribed(ids, False)), held_out=True),
    Plant("weaker model", "capability", (*LABELLED, "open", "searched", "tools"), _weakened, strong=True),
    Plant("labels flipped", "label suspect", LABELLED, _flipped(False), strong=True),
    Plant("labels flipped near", "label suspect", LABELLED, _flipped(True), held_out=True, strong=True),
    *(
        Plant(f"reply: {how}", "format", LABELLED if how in LABEL_FORMS else RECORDS, _spoils(how), how in HELD_FORMS)
        for how in SPOILT
    ),
    *(Plant(f"input: {how}", "input", EVERY, changed(GARBLED[how]), how in HELD_NOISE) for how in GARBLED),
)


# Controls: failures that nothing mends, beside changes of the same size that break nothing


def _hopeless(*said: str) -> Put:
    return layer(lambda _, ids, __: Hopeless(ids, said))


def _first(example: Example) -> Json:
    """An acceptable reply: of a call, each argument's first value."""
    one = example.accepted[0]
    if isinstance(one, Mapping) and "arguments" in one:
        told = {key: several["any_of"][0] for key, several in one["arguments"].items()}
        return {**one, "arguments": {key: value for key, value in told.items() if value is not None}}
    return one


def _elsewhere(world: World, ids: tuple[str, ...], seed: int) -> Layer:
    """The right reply to another example."""
    return Hopeless(ids, tuple(worded(_first(e)) for e in random.Random(seed).sample(list(world.pool), 7)))


HOPELESS: tuple[Plant, ...] = (
    Plant("hopeless noise", "undiagnosed", EVERY, _hopeless("qzx vvk 0x7f", "###", "lorem lorem lorem")),
    Plant("hopeless refusal", "undiagnosed", EVERY, _hopeless("I am sorry, something went wrong.", "Error 503.")),
    Plant("hopeless other", "undiagnosed", EVERY, layer(_elsewhere)),
)


def _irrelevant(world: World, _: Ids, seed: int) -> World:
    told = {f"more{at}.txt": f"Minutes of meeting {at}: the plants in the corridor need water.\n" for at in range(8)}
    return copied(world, f"more-{seed}", more=told)


@dataclass(frozen=True)
class Reordered(Planted):
    """Lists the labels the other way round, and shows the examples so."""

    labels: tuple[str, ...] = ()

    def meddled(self, request: Request, ask: Ask) -> Answer:
        forth, back = ", ".join(self.labels), ", ".join(reversed(self.labels))
        told = tuple(x.replace(forth, back) for x in request.instructions)
        return ask(replace(request, instructions=told, shots=request.shots[::-1]))


def _reordered(world: World, ids: tuple[str, ...], _: int) -> Layer:
    return Reordered(ids, world.items.output.labels)


SHAMS: tuple[Plant, ...] = (
    Plant("sham: more documents", "undiagnosed", SEARCHED, _irrelevant),
    Plant("sham: list reordered", "undiagnosed", (*LABELLED, "open"), layer(_reordered)),
    Plant("sham: a kind word", "undiagnosed", EVERY, contradicts("Thank you for your care with every message.")),
    Plant("sham: spaces", "undiagnosed", EVERY, lambda w, _, __: w.having(_with(e, _spaced) for e in w.items)),
)


def _spaced(text: str) -> str:
    return f"  {text.replace(' ', '  ')} "
