"""Frozen facts: closed-book answers that a document holds are found, and behaviour is left alone."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import code, fact, world

from suffice.data import Context, Dataset, Example, Output
from suffice.documents import Document, Section
from suffice.errors import InputError
from suffice.frozen import FACTS_FROM, Frozen, frozen, frozen_of
from suffice.types import Json, Tool

NUMBERS = range(40)
PAGES = [Document(f"p{n}.md", "v", (Section(fact(n)),)) for n in NUMBERS]


def asked(n: int) -> str:
    return f"What is the code word of parcel {n}?"


def told(
    answers: Sequence[Json], inputs: Sequence[Json] | None = None, output: Output = Output(), **more: Any
) -> Dataset:
    inputs = inputs or [asked(n) for n in range(len(answers))]
    return Dataset(
        tuple(Example(f"q{n}", i, a, **more) for n, (i, a) in enumerate(zip(inputs, answers, strict=True))), output
    )


def test_answers_that_only_a_document_holds_are_facts() -> None:
    found = frozen(told([f"It is {code(n)}." for n in NUMBERS]), PAGES)
    assert found.decision == "facts" and found.share.low > 0.8 > FACTS_FROM and found.n == 40
    assert found.sentence.startswith("This set teaches facts; retrieve them: ")
    first = next(e for e in found.examples if e.id == "q3")
    assert [(f.text, f.source) for f in first.facts] == [(code(3), "p3.md")] and first.share == first.facts[0].weight


def test_a_gold_context_is_a_source_without_documents() -> None:
    rows = [Example(f"q{n}", asked(n), code(n), context=(Context(None, fact(n)),)) for n in NUMBERS]
    found = frozen(Dataset(tuple(rows)))
    assert found.decision == "facts" and {f.source for e in found.examples for f in e.facts} == {"context"}


@pytest.mark.parametrize("where", ["input", "fields", "messages", "prompt"])
def test_what_the_request_holds_already_is_no_frozen_fact(where: str) -> None:
    inputs: dict[str, list[Json]] = {
        "input": [f"{fact(n)} {asked(n)}" for n in NUMBERS],
        "fields": [{"page": fact(n), "question": asked(n)} for n in NUMBERS],
        "messages": [[{"role": "system", "content": fact(n)}, {"role": "user", "content": asked(n)}] for n in NUMBERS],
        "prompt": [asked(n) for n in NUMBERS],
    }
    prompt = " ".join(map(fact, NUMBERS)) if where == "prompt" else ""
    found = frozen(told([code(n) for n in NUMBERS], inputs[where]), PAGES, prompt=prompt)
    assert found.decision == "behaviour" and found.examples == () and found.content.estimate == 0


def test_answers_of_other_examples_tell_what_is_found_by_chance() -> None:
    """All answers are drawn from words that every page holds: a page holds another answer as often as its own."""
    pages = [Document(f"p{n}.md", "v", (Section(f"Parcel {n}: yes, no, perhaps."),)) for n in NUMBERS]
    answers = [("yes", "no", "perhaps")[n % 3] for n in NUMBERS]
    found = frozen(told(answers), pages)
    assert found.chance > 0.9 and found.share.estimate == 0 and found.decision != "facts"
    same = frozen(told(["yes"] * 40), pages)
    assert same.decision == "cannot tell" and "all answers are alike" in same.sentence


def test_labels_and_what_a_contract_lists_are_no_facts() -> None:
    words = tuple(sorted({code(n) for n in NUMBERS}))
    assert frozen(told([code(n) for n in NUMBERS], output=Output("labels", words)), PAGES).decision == "behaviour"
    schema: dict[str, Json] = {"type": "object", "properties": {"code": {"enum": list(words)}}}
    records: list[Json] = [{"code": code(n)} for n in NUMBERS]
    assert frozen(told(records, output=Output("schema", schema=schema)), PAGES).decision == "behaviour"
    free = Output("schema", schema={"type": "object"})
    assert frozen(told(records, output=free), PAGES).decision == "facts"


def test_arguments_of_tool_calls_are_looked_for_and_names_are_not() -> None:
    tool = Tool("open", "", {"type": "object"})
    calls: list[Json] = [[{"name": "open", "arguments": {"with": code(n)}}] for n in NUMBERS]
    assert frozen(told(calls, output=Output("tools", tools=(tool,))), PAGES).decision == "facts"
    plain: list[Json] = [[{"name": code(n), "arguments": {"parcel": n}}] for n in NUMBERS]
    assert frozen(told(plain, output=Output("tools", tools=(tool,))), PAGES).examples == ()


def test_few_groups_cannot_tell() -> None:
    rows = [Example(f"q{n}", asked(n), code(n), group=f"g{n % 10}") for n in NUMBERS]
    found = frozen(Dataset(tuple(rows)), PAGES)
    assert found.decision == "cannot tell" and "10 groups" in found.sentence and found.share.estimate > 0.8


def test_what_cannot_be_used_is_counted() -> None:
    rows = told([code(n) if n else "" for n in NUMBERS])
    found = frozen(rows, [*PAGES, InputError("no reader", file="x.bin")])
    assert dict(found.skipped) == {"no expected answer in words": 1, "document that cannot be read": 1}
    assert found.n == 39 and frozen(told(["", None]), PAGES).decision == "cannot tell"
    assert frozen(told(["a"])).sentence.startswith("There are neither documents nor gold contexts")


def test_a_task_is_judged_by_its_dev_examples_alone(tmp_path: Path) -> None:
    task = world(tmp_path, documents=60, n=80)
    found = frozen_of(task)
    assert found.decision == "facts" and found.n == len(task.parts.dev)
    assert {e.id for e in found.examples} <= task.parts.dev.by_id.keys()


ODD = st.one_of(
    st.text(), st.none(), st.booleans(), st.integers(), st.lists(st.text()), st.dictionaries(st.text(), st.text())
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.text(), ODD), max_size=35), st.lists(st.text(), max_size=5))
def test_whatever_is_said_the_numbers_are_shares(rows: list[tuple[str, Json]], pages: list[str]) -> None:
    documents = [Document(f"d{n}", "v", (Section(text),)) for n, text in enumerate(pages)]
    found = frozen(Dataset(tuple(Example(f"e{n}", i, a) for n, (i, a) in enumerate(rows))), documents)
    check(found)
    assert found.n + found.skipped.get("no expected answer in words", 0) == len(rows)


@pytest.mark.parametrize("text", ["x" * 200_000, "مرحبا بالعالم " * 50, "\u202eabc\u0000 \ud800", "漢字" * 1000])
def test_hostile_texts_are_only_read(text: str) -> None:
    page = [Document("d", "v", (Section(text, text[:100]),))]
    check(frozen(told([text] * 31, [f"{n} {text[:50]}" for n in range(31)]), page))


def check(found: Frozen) -> None:
    for share in (found.share, found.content):
        assert 0 <= share.low <= share.estimate <= share.high <= 1
    assert 0 <= found.chance <= 1 and found.sentence
    for e in found.examples:
        assert e.facts and 0 < e.share <= 1 and sum(f.weight for f in e.facts) == pytest.approx(e.share, abs=1e-4)


# Real data


def lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def test_questions_without_their_passage_teach_facts_and_with_it_behaviour(data: Path) -> None:
    rows = lines(data / "clapnq_dev" / "clapnq_dev.jsonl")
    pages = [Document(r["id"], "v", (Section(r["passages"][0]["text"], r["passages"][0]["title"]),)) for r in rows]
    some = [r for r in rows if r["answerable"]][:100]
    answers = [r["output"][0]["answer"] for r in some]
    closed = frozen(told(answers, [r["input"] for r in some]), pages)
    opened = frozen(told(answers, [f"{r['passages'][0]['text']}\n{r['input']}" for r in some]), pages)
    assert (closed.decision, opened.decision) == ("facts", "behaviour") and closed.share.estimate > 0.85


def test_a_verdict_is_behaviour_and_its_long_answer_facts(data: Path) -> None:
    rows = lines(data / "pubmedqa_l" / "pqal.jsonl")[:150]
    pages = [Document(r["id"], "v", (Section("\n".join(r["contexts"])),)) for r in rows]
    said = {
        field: frozen(told([r[field] for r in rows], [r["question"] for r in rows]), pages).decision
        for field in ("final_decision", "long_answer")
    }
    assert said == {"final_decision": "behaviour", "long_answer": "facts"}


def test_intents_are_behaviour_whatever_the_documents(data: Path) -> None:
    with (data / "banking77" / "test.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    pages = [Document(f"{n}", "v", (Section(r["text"], r["category"]),)) for n, r in enumerate(rows[1::2])]
    some, labels = rows[::20], tuple(sorted({r["category"] for r in rows}))
    found = frozen(told([r["category"] for r in some], [r["text"] for r in some], Output("labels", labels)), pages)
    assert found.decision == "behaviour" and found.sentence == "The answers are 77 labels, which are no facts."
