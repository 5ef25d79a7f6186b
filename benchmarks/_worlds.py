"""Worlds: working stacks over real data, into which faults can be planted. Each is read by a reader, or any model."""

from __future__ import annotations

import csv
import json
import os
import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from suffice.data import Context, Dataset, Example, Output
from suffice.layer import Layer
from suffice.layers.few_shot import FewShot
from suffice.layers.prompt import Prompt
from suffice.layers.retrieval import Retrieval
from suffice.plugins import find
from suffice.stack import Stack
from suffice.task import Task
from suffice.types import Answer, Ask, Json, Request, Sampling

T = TypeVar("T")

DATA = Path(os.environ.get("SUFFICE_DATA", Path(__file__).parents[1] / ".." / "shared" / "data"))
CANDIDATES = 500
"""Items that may pass."""
POOL, LONG_POOL = 300, 80
"""Solved examples beside them: short ones, and those of worlds of documents and tools."""


@dataclass(frozen=True)
class World:
    """A stack, the items it is asked, the solved examples beside them, and the task that they belong to."""

    kind: str
    """What the stack is made of: listed, shown, coded, searched, quoted, slots or tools."""
    stack: Stack
    items: Dataset
    pool: Dataset
    task: Task

    def under(self, *layers: Layer) -> World:
        """The same world with layers next to the model."""
        return replace(self, stack=replace(self.stack, layers=(*self.stack.layers, *layers)))

    def only(self, ids: Sequence[str]) -> World:
        """The same world with these items alone, in their order."""
        wanted = frozenset(ids)
        return self.having(e for e in self.items if e.id in wanted)

    def having(self, examples: Iterable[Example]) -> World:
        """The same world with other items."""
        items = self.items.only(examples)
        return replace(self, items=items, task=replace(self.task, dataset=items))


@dataclass(frozen=True)
class Maker:
    """Makes a world of one kind in a folder, by a seed, over a model."""

    kind: str
    made: Callable[[Path, int, Ask], World]

    def __call__(self, folder: Path, seed: int, model: Ask) -> World:
        return self.made(folder, seed, model)


def _rows(name: str, file: str) -> list[Json]:
    with (DATA / name / file).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


# Data


def banking77() -> list[tuple[str, Json]]:
    with (DATA / "banking77" / "train.csv").open(encoding="utf-8") as file:
        return [(r["text"].strip(), r["category"]) for r in csv.DictReader(file)]


def clinc150() -> list[tuple[str, Json]]:
    told = json.loads((DATA / "clinc150" / "data_full.json").read_text("utf-8"))
    return [(text, label) for text, label in told["train"]]


def pubmedqa() -> list[tuple[str, Json]]:
    """The question and the conclusion; whether that says yes, no or maybe."""
    rows = _rows("pubmedqa_l", "pqal.jsonl")
    return [(f"{r['question']} {r['long_answer']}", r["final_decision"]) for r in rows]


def xstest() -> list[tuple[str, Json]]:
    with (DATA / "xstest" / "xstest_prompts.csv").open(encoding="utf-8") as file:
        return [(r["prompt"].strip(), r["type"].removeprefix("contrast_")) for r in csv.DictReader(file)]


def snips() -> list[tuple[str, Json]]:
    """The intent, and the number that the text names."""
    rows = _rows("snips_slots", "snips.jsonl")
    texts = {r["text"].strip(): r for r in rows if len(r["text"].split()) > 3}
    return [(text, {"intent": r["intent"], "number": _number(text)}) for text, r in texts.items()]


def _number(text: str) -> int | None:
    found = re.findall(r"(?<![\w:.])\d+(?![\w:.]|\s*[ap]m)", text)
    return int(found[0]) if found else None


def restaurant() -> list[tuple[str, Json]]:
    """How many people, and at what time: bookings that say both in figures."""
    found: dict[str, Json] = {}
    for row in _rows("restaurant8k", "train_0.jsonl") + _rows("restaurant8k", "test.jsonl"):
        text = row["userInput"]["text"]
        spans = {s["slot"]: _span(text, s["valueSpan"]) for s in row.get("labels", ()) if "valueSpan" in s}
        people = re.fullmatch(r"(\d+)(?: people| guests| persons)?", spans.get("people", ""))
        if people and re.search(r"\d", spans.get("time", "")):
            found[text] = {"people": int(people[1]), "time": spans["time"]}
    return list(found.items())


def _span(text: str, span: Json) -> str:
    return text[span.get("startIndex", 0) : span.get("endIndex", len(text))]


@dataclass(frozen=True)
class Fact:
    """A question, what answers it, and the passage where that stands."""

    question: str
    answers: tuple[str, ...]
    passage: str


def xquad() -> list[Fact]:
    """One question a paragraph, so that no two items share a document."""
    told = json.loads((DATA / "xquad_en" / "xquad.en.json").read_text("utf-8"))["data"]
    found = []
    for paragraph in (p for article in told for p in article["paragraphs"]):
        for qa in paragraph["qas"]:
            answers = tuple(sorted({a["text"] for a in qa["answers"]}))
            found.append(Fact(qa["question"], answers, paragraph["context"]))
    return found


def nq() -> list[Fact]:
    rows = _rows("nq_open_oracle", "nq_open_oracle.jsonl")
    some = [r for r in rows if 40 < len(r["passage"].split()) < 260]
    return [Fact(r["question"], tuple(r["answers"]), r["passage"]) for r in some]


def clapnq() -> list[Fact]:
    rows = [r for r in _rows("clapnq_dev", "clapnq_dev.jsonl") if r["answerable"]]
    found = []
    for row in rows:
        told = row["output"][0] if isinstance(row["output"], list) else row["output"]
        found.append(Fact(row["input"], tuple(told["selected_sentences"]), row["passages"][0]["text"]))
    return found


# Worlds of labels


def listed(name: str, rows: Callable[[], list[tuple[str, Json]]], subject: str, warm: float = 0.0) -> Maker:
    """The prompt lists the labels."""

    def made(folder: Path, seed: int, model: Ask) -> World:
        items, pool = _labelled(rows(), seed)
        goal = f"Name the {subject}."
        prompt = Prompt(f"{goal}\n\n{items.output.wanted}")
        stack = Stack(model, (prompt,), Sampling(temperature=warm))
        return World("listed", stack, items, pool, _task(name, goal, items, folder))

    return Maker("listed", made)


def shown(
    name: str, rows: Callable[[], list[tuple[str, Json]]], subject: str, coded: bool = False, brief: bool = False
) -> Maker:
    """The prompt lists the labels, and the nearest examples are shown; coded, the labels are numbered queues; brief, as
    the smallest models need it, the labels are not listed."""

    def made(folder: Path, seed: int, model: Ask) -> World:
        items, pool = _labelled(rows(), seed, coded)
        goal = f"Name the {subject}."
        shots = FewShot(mode="nearest", k=5, folder=folder).fit(model, pool)
        prompt = Prompt(f"{goal} Reply with the label." if brief else f"{goal}\n\n{items.output.wanted}")
        stack = Stack(model, (shots, prompt), Sampling(max_tokens=24))
        return World("coded" if coded else "shown", stack, items, pool, _task(name, goal, items, folder))

    return Maker("coded" if coded else "shown", made)


def _labelled(rows: list[tuple[str, Json]], seed: int, coded: bool = False) -> tuple[Dataset, Dataset]:
    drawn = _shuffled({text: (text, label) for text, label in rows}.values(), seed)
    names = sorted({str(label) for _, label in drawn})
    codes = {label: f"queue_{at:03}" for at, label in enumerate(_shuffled(names, 7))} if coded else {}
    output = Output("labels", tuple(sorted(codes.get(n, n) for n in names)))
    cases = [Example(f"q{at:04}", text, codes.get(str(label), label)) for at, (text, label) in enumerate(drawn)]
    return _halves(cases, output, "label")


def _halves(cases: Sequence[Example], output: Output, scorer: str) -> tuple[Dataset, Dataset]:
    pool = min(POOL if scorer in ("label", "json") and not cases[0].context else LONG_POOL, len(cases) // 4)
    whole = Dataset(tuple(cases[: pool + CANDIDATES]), output, find("scorers", scorer)())
    return whole.only(cases[pool : pool + CANDIDATES]), whole.only(cases[:pool])


# Worlds of records


SNIPS: Json = {
    "type": "object",
    "properties": {
        "intent": {"type": "string", "enum": []},
        "number": {"type": ["integer", "null"], "description": "the number that the text names, if any"},
    },
    "required": ["intent"],
}
RESTAURANT: Json = {
    "type": "object",
    "properties": {
        "people": {"type": "integer", "description": "how many people come"},
        "time": {"type": "string", "description": "at what time"},
    },
    "required": ["people", "time"],
}


def slots(name: str, rows: Callable[[], list[tuple[str, Json]]], schema: Json, subject: str, open_: bool) -> Maker:
    """A record is asked for; open, the schema does not say what the intent may be, and examples show it."""

    def made(folder: Path, seed: int, model: Ask) -> World:
        drawn = _shuffled(rows(), seed)
        output = Output("schema", schema=_schema(schema, drawn, open_))
        items, pool = _halves([Example(f"q{at:04}", *row) for at, row in enumerate(drawn)], output, "json")
        goal = f"Read the {subject}."
        layers: tuple[Layer, ...] = (Prompt(f"{goal}\n\n{output.wanted}"),)
        if open_:
            layers = (FewShot(mode="nearest", k=5, folder=folder).fit(model, pool), *layers)
        return World("open" if open_ else "slots", Stack(model, layers), items, pool, _task(name, goal, items, folder))

    return Maker("open" if open_ else "slots", made)


def _schema(schema: Json, rows: Sequence[tuple[str, Json]], open_: bool) -> Json:
    properties = {k: dict(v) for k, v in schema["properties"].items()}
    for name, about in properties.items():
        if "enum" in about and open_:
            del about["enum"]
        elif "enum" in about:
            about["enum"] = sorted({value[name] for _, value in rows})
    return {**schema, "properties": properties}


# Worlds of documents


def searched(
    name: str, facts: Callable[[], list[Fact]], k: int = 2, words: int = 220, quoted: bool = False, brief: bool = False
) -> Maker:
    """Questions whose answers stand in documents, which the stack searches; quoted, the reply is a record; brief, it is
    a few words, and so is the prompt."""

    def made(folder: Path, seed: int, model: Ask) -> World:
        chosen = _one_each(_shuffled(facts(), seed))
        documents = folder / "documents"
        documents.mkdir(parents=True, exist_ok=True)
        for at, fact in enumerate(chosen):
            (documents / f"d{at:04}.txt").write_text(fact.passage, encoding="utf-8")
        cases = [_asked(at, fact, quoted) for at, fact in enumerate(chosen)]
        output = Output("schema", schema=QUOTED) if quoted else Output()
        items, pool = _halves([c for c in cases if c is not None], output, "json" if quoted else "contains")
        goal = "Answer the question with the sentence of the passages that holds the answer."
        if brief:
            goal = "Answer the question with a few words copied from the passage."
        search = Retrieval("documents", k=k, mode="lexical", words=words, folder=folder)
        layers: tuple[Layer, ...] = (search, Prompt(goal if brief else f"{goal}\n\n{output.wanted}"))
        if quoted:
            layers = (find("layers", "structure")(QUOTED), *layers)
        task = replace(_task(name, goal, items, folder), documents=documents)
        stack = Stack(model, layers, Sampling(max_tokens=40) if brief else Sampling())
        return World("quoted" if quoted else "searched", stack, items, pool, task)

    return Maker("quoted" if quoted else "searched", made)


QUOTED: Json = {
    "type": "object",
    "properties": {"sentence": {"type": "string", "description": "the sentence that holds the answer, word for word"}},
    "required": ["sentence"],
}


def _one_each(facts: Sequence[Fact]) -> list[Fact]:
    return list({fact.passage: fact for fact in reversed(facts)}.values())


def _asked(at: int, fact: Fact, quoted: bool) -> Example | None:
    context = (Context(f"d{at:04}.txt", fact.passage),)
    if not quoted:
        return Example(f"q{at:04}", fact.question, list(fact.answers), context=context)
    found = re.split(r"(?<=[.!?])\s+(?=[A-Z\"'(])|\n+", fact.passage)
    right = [s.strip() for s in found if any(a in s for a in fact.answers)]
    return (
        Example(f"q{at:04}", fact.question, {"any_of": [{"sentence": s} for s in right]}, context=context)
        if right
        else None
    )


# Worlds of tools


def bfcl() -> list[tuple[Json, Json]]:
    """A question with the tools at hand, and the call that is right; an argument has several right values."""
    found = []
    for file in ("simple_python", "multiple", "live_simple", "live_multiple"):
        for row in _rows("bfcl_v4", f"{file}.jsonl"):
            ((name, arguments),) = row["ground_truth"][0].items()
            right = {key: {"any_of": [None if v == "" else v for v in several]} for key, several in arguments.items()}
            question = row["question"][0][-1]["content"]
            tools = [{**t, "description": " ".join(t.get("description", "").split())} for t in row["function"]]
            found.append(({"question": question, "tools": tools}, {"name": name, "arguments": right}))
    return found


@dataclass(frozen=True)
class Described(Layer):
    """Lists each example's own tools in the instructions."""

    def __call__(self, request: Request, ask: Ask) -> Answer:
        lines = [tool_line(t) for t in request.fields["tools"]]
        return ask(replace(request, instructions=(*request.instructions, "The tools:\n" + "\n".join(lines))))


def tool_line(tool: Json) -> str:
    """A tool in words: its name, what it does and what it takes."""
    return f"- {tool['name']}: {tool['description']} Arguments: {json.dumps(tool['parameters'], ensure_ascii=False)}"


def tools(name: str, rows: Callable[[], list[tuple[Json, Json]]], first: bool = True) -> Maker:
    """The prompt lists the tools of each question; the reply is a call. Half of the data each."""

    def made(folder: Path, seed: int, model: Ask) -> World:
        drawn = _shuffled(rows(), 7)
        half = _shuffled(drawn[::2] if first else drawn[1::2], seed)
        output = Output("tools")
        items, pool = _halves([Example(f"q{at:04}", *row) for at, row in enumerate(half)], output, "tool_call")
        goal = "Call the tool that does what is asked."
        told = f'{goal}\n\nReply with the tool call as JSON and nothing else: {{"name": …, "arguments": {{…}}}}.'
        stack = Stack(model, (Prompt(told, "{{question}}"), Described()))
        return World("tools", stack, items, pool, _task(name, goal, items, folder))

    return Maker("tools", made)


def _task(name: str, goal: str, items: Dataset, folder: Path) -> Task:
    return Task(name, goal, items, "_readers:Reader", output=items.output, score="label", folder=folder)


def _shuffled(values: Iterable[T], seed: int) -> list[T]:
    found = list(values)
    random.Random(seed).shuffle(found)
    return found
