"""Planted faults: readers do as they are told, planters break what they mean to, and verdicts count what was found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from suffice.data import Context, Dataset, Example, Output
from suffice.layers.prompt import Prompt
from suffice.layers.retrieval import Retrieval
from suffice.plugins import find
from suffice.run import run
from suffice.stack import Stack
from suffice.task import Task
from suffice.types import Answer, Passage, Request, Sampling, Shot, Tool

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import _planters as planters  # noqa: E402
import _readers as readers  # noqa: E402
import _repairs as repairs  # noqa: E402
import _spoilers as spoilers  # noqa: E402
import _unseen as unseen  # noqa: E402
import _verdicts as verdicts  # noqa: E402
import _worlds as worlds  # noqa: E402
import planted  # noqa: E402

EVERY = (*planters.PLANTS, *unseen.UNSEEN)
LABELS = ("card_arrival", "lost_luggage", "exchange_rate")
LIST = f"Reply with exactly one of these labels and nothing else: {', '.join(LABELS)}."
ASKED = "When does my card arrive?"


def says(request: Request, **reader: Any) -> str:
    return readers.Reader(**reader)(request).text


# Readers


def test_a_reader_picks_the_label_whose_words_are_nearest() -> None:
    assert says(Request(ASKED, instructions=(LIST,))) == "card_arrival"
    assert says(Request("My luggage is lost", instructions=("Labels:\n" + "\n".join(f"- {x}" for x in LABELS),))) == (
        "lost_luggage"
    )


def test_and_without_a_list_says_something_of_its_own() -> None:
    assert says(Request(ASKED, instructions=("Name the intent.",))) not in LABELS


def test_the_last_instruction_about_the_reply_counts() -> None:
    word = 'Reply only with the word "noted".'
    assert says(Request(ASKED, instructions=(LIST, word))) == "noted"
    assert says(Request(ASKED, instructions=(word, LIST))) == "card_arrival"
    assert "must not" in says(Request(ASKED, instructions=(LIST, "Do not answer what follows.")))


def test_a_reader_answers_like_the_most_similar_example() -> None:
    shots = (Shot("Where is my parcel now?", "queue_7"), Shot("Is the card on its way?", "queue_2"))
    assert says(Request(ASKED, shots=shots)) == "queue_2"


def test_a_reader_quotes_the_sentence_that_the_question_is_about_and_reads_long_passages_at_both_ends() -> None:
    told = "The harbour opened in 1901. The lighthouse keeper was called Ada. Ships came from the north."
    passage, filler = Passage("p", "p.txt", told), Passage("f", "f.txt", "Rain fell on the hills again. " * 60)
    asked = Request("What was the lighthouse keeper called?", instructions=("Answer the question.",))
    assert says(Request(asked.input, instructions=asked.instructions, passages=(passage,))).endswith("called Ada.")
    buried = Request(asked.input, instructions=asked.instructions, passages=(filler, passage, filler))
    assert "Ada" not in says(buried, attention=100) and "Ada" in says(buried, attention=2000)
    last = Request(asked.input, instructions=asked.instructions, passages=(filler, passage))
    assert "Ada" in says(last, attention=100)


def test_a_reader_calls_the_tool_that_is_described_and_cannot_fill_in_what_is_not() -> None:
    parameters = {"type": "dict", "properties": {"number": {"type": "integer"}}, "required": ["number"]}
    tools = (Tool("math.factorial", "The factorial of a number.", parameters), Tool("weather", "Tomorrow's rain."))
    asked = Request("What is the factorial of 5?", instructions=("Call a tool.",), tools=tools)
    assert json.loads(says(asked)) == {"name": "math.factorial", "arguments": {"number": 5}}
    named = Request(asked.input, instructions=("The tools:\n- math.factorial\n- weather",))
    assert json.loads(says(named)) == {"name": "math.factorial", "arguments": {}}


def test_a_weaker_reader_looks_at_no_examples() -> None:
    shots = (Shot("Where is my parcel now?", "queue_7"), Shot("Is the card on its way?", "queue_2"))
    asked = Request(ASKED, shots=shots, id="q1")
    assert says(asked) == "queue_2" and says(asked, weak=frozenset({"q1"})) != "queue_2"


def test_chance_has_a_say_only_where_the_temperature_lets_it() -> None:
    shots = tuple(Shot(f"card {at} arrival time", f"queue_{at}") for at in range(9))
    warm = [says(Request(ASKED, shots=shots, sampling=Sampling(temperature=0.9, sample=n))) for n in range(20)]
    cold = [says(Request(ASKED, shots=shots, sampling=Sampling(sample=n))) for n in range(20)]
    assert len(set(warm)) > 1 and len(set(cold)) == 1


# Planters


@pytest.mark.parametrize("how", spoilers.LABEL_FORMS)
def test_a_spoilt_label_fails_and_a_patient_reading_mends_it(how: str) -> None:
    spoilt = planters.Spoilt(("q1",), how)
    asked = Request(ASKED, id="q1")

    def right(_: Request) -> Any:
        return Answer("card_arrival")

    example, scorer = Example("q1", ASKED, "card_arrival"), find("scorers", "label")(LABELS)
    assert not scorer(example, spoilt(asked, right)).value
    mended = repairs.Lenient(LABELS)(asked, lambda request: spoilt(request, right))
    assert scorer(example, mended).value == 1.0
    assert scorer(example, spoilt(Request(ASKED, id="q2"), right)).value == 1.0


@pytest.mark.parametrize("how", sorted(set(spoilers.RECORD_FORMS) - {"listed"}))
def test_a_spoilt_record_fails_and_a_patient_reading_mends_it(how: str) -> None:
    record = {"people": 4, "time": "6 pm"}
    text = spoilers.SPOILT[how](json.dumps(record))
    example, scorer = Example("q1", ASKED, record), find("scorers", "json")()
    assert (scorer(example, Answer(text)).value or 0.0) < 1.0
    assert repairs.record_in(text) == record


@pytest.mark.parametrize("how", unseen.FORMS)
def test_the_forms_written_last_are_mended_by_a_patient_reading_too(how: str) -> None:
    record = {"people": 4, "time": "6 pm"}
    whole = "card_arrival" if how in ("reasoned", "spaced") else json.dumps(record)
    spoilt = unseen.FORMS[how](whole)
    if how in ("reasoned", "spaced"):
        mended = repairs.Lenient(LABELS)(Request(ASKED), lambda _: Answer(spoilt))
        assert (
            mended.text == whole
            and not find("scorers", "label")(LABELS)(Example("q1", "", whole), Answer(spoilt)).value
        )
    else:
        assert repairs.record_in(spoilt) == record


@pytest.mark.parametrize("how", [*spoilers.GARBLED, *unseen.NOISE])
def test_a_damaged_input_is_no_longer_understood(how: str) -> None:
    garbled = {**spoilers.GARBLED, **unseen.NOISE}[how](ASKED)
    assert not {"card", "arriv"} & readers.words(garbled)


def world(folder: Path) -> worlds.World:
    documents = folder / "documents"
    documents.mkdir()
    facts = {
        "d1.txt": "The keeper of the lighthouse was called Ada.",
        "d2.txt": "The baker of the village was called Ben.",
    }
    for name, text in facts.items():
        (documents / name).write_text(text, encoding="utf-8")
    (documents / "d3.txt").write_text("The choir sings on Sundays in the old hall.", encoding="utf-8")
    asked = (("q1", "Who was the keeper of the lighthouse?", "Ada"), ("q2", "Who was the baker of the village?", "Ben"))
    context = {f"q{n}": (Context(f"d{n}.txt", facts[f"d{n}.txt"]),) for n in (1, 2)}
    examples = tuple(Example(id_, question, answer, context=context[id_]) for id_, question, answer in asked)
    items = Dataset(examples, Output(), find("scorers", "contains")())
    layers = (Retrieval("documents", k=1, mode="lexical", folder=folder), Prompt("Answer the question."))
    task = Task("facts", "Answer the question.", items, documents=documents, folder=folder)
    return worlds.World("searched", Stack(readers.Reader(), layers), items, items.only([]), task)


def passed(made: worlds.World) -> dict[str, bool]:
    return {r.id: r.passed for r in run(made.stack, made.items).records}


@pytest.mark.parametrize(
    "name", ["document removed", "document emptied", "index misses", "chunks shuffled", "no search", "passages dropped"]
)
def test_a_fault_of_knowledge_breaks_the_chosen_item_alone(name: str, tmp_path: Path) -> None:
    before = world(tmp_path)
    assert passed(before) == {"q1": True, "q2": True}
    (plant,) = (p for p in planters.PLANTS if p.name == name)
    after = plant.put(before, frozenset({"q1"}), 1)
    assert passed(after) == {"q1": False, "q2": True}
    held = [path.read_text("utf-8") for path in sorted(after.task.documents.iterdir())]  # type: ignore[union-attr]
    assert any("Ada" in text for text in held) == (plant.cause != "coverage")


def test_every_plant_has_a_repair_and_fits_some_world() -> None:
    kinds = {maker.kind for maker, _ in planted.TASKS.values()}
    assert all(plant.cause in repairs.REPAIRS for plant in EVERY)
    assert all(kinds & set(plant.kinds) for plant in (*EVERY, *planters.HOPELESS, *planters.SHAMS))


def test_the_causes_are_planted_on_data_for_tuning_and_on_data_that_is_held_out() -> None:
    jobs = list(planted.jobs(0))
    for held_out in (False, True):
        causes = {p.cause for job in jobs if job.held_out == held_out and job.sort == "single" for p in job.plants}
        assert causes >= {p.cause for p in planters.PLANTS}
    assert len({job.name for job in jobs}) == len(jobs)
    assert {p.name for job in planted.embedded_jobs(0) for p in job.plants} >= set(sum(planted.REAL.values(), ()))


# Verdicts


def item(truth: str, found: str, run: str = "r1", **more: object) -> verdicts.Item:
    told: Mapping[str, Any] = {"task": "t", "plants": ("p",), "rate": 1.0, "sort": "single", "held_out": False, **more}
    return verdicts.Item(run, "q1", frozenset(truth.split()), frozenset(found.split()), **told)


def test_an_item_with_two_causes_counts_for_both_and_a_control_against_what_is_found() -> None:
    items = [item("format", "format"), item("format input", "format"), item("", "format"), item("input", "context")]
    rows = {row.cause: (row.true, row.found, row.right) for row in verdicts.scored(items)}
    assert rows == {"format": (2, 3, 2), "input": (2, 0, 0)}
    assert verdicts.macro(items) == pytest.approx((4 / 5 + 0) / 2)
    assert verdicts.false_rate(items[2:3]) == 1.0


def test_the_interval_draws_whole_runs() -> None:
    items = [item("format", "format", "right")] * 50 + [item("format", "", "wrong")] * 50
    assert verdicts.interval(items, verdicts.macro) == (0.0, 1.0)


def test_the_matrix_says_what_was_found_instead() -> None:
    assert verdicts.matrix([item("format", "")]).split("\n")[0] == "| planted \\ found | format | undiagnosed |"
    lines = verdicts.matrix([item("format", "format"), item("format", ""), item("", "input"), item("", "")]).split("\n")
    assert lines[0] == "| planted \\ found | format | undiagnosed | input |"
    assert lines[2] == "| format | 1 | 1 |  |"
    assert lines[3] == "| undiagnosed |  | 1 | 1 |"


def test_without_data_it_says_so_and_exits_with_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "planted.py")],
        capture_output=True,
        text=True,
        env={**os.environ, "SUFFICE_DATA": str(tmp_path / "none")},
    )
    assert done.returncode == 2 and "set SUFFICE_DATA" in done.stderr


def test_spoilt_replies_are_diagnosed_as_format(data: Path, minilm: Path, tmp_path: Path) -> None:
    if not (data / "banking77").is_dir():
        pytest.skip(f"no banking77 in {data}")
    bench = planted.Bench("banking77 listed", tmp_path, 0, 10)
    (plant,) = (p for p in planters.PLANTS if p.name == "reply: sentence")
    found = bench.done(planted.Job(bench.task, (plant,), 1.0, "single"))
    assert len(found) == 10 and all(i.truth == i.found == {"format"} and i.fixable for i in found)
