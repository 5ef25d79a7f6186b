"""The prompt layer words today's prompt, and builds others from the task."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from suffice.data import Dataset, Example, Output
from suffice.errors import InputError
from suffice.layers.prompt import Prompt
from suffice.models.scripted import Scripted
from suffice.plugins import build, spec_of
from suffice.stack import Stack
from suffice.template import fill
from suffice.testing.samples import sample_task
from suffice.types import Request, Shot

LABELS = Output("labels", labels=("refund", "shipping"))


def heard(prompt: Prompt, request: Request) -> Request:
    model = Scripted(otherwise="ok")
    Stack(model, (prompt,))(request)
    return model.heard[0]


def test_the_instructions_come_first_and_the_question_is_filled_in() -> None:
    got = heard(Prompt("Sort it.", "Message: {{input}}\nLabel:"), Request("help", instructions=("Be quick.",)))
    assert got.instructions == ("Sort it.", "Be quick.")
    assert got.input == "Message: help\nLabel:"


def test_the_shots_are_worded_as_the_question_is() -> None:
    shots = (Shot("lost", "shipping"), Shot("subject: x", "refund", {"subject": "x"}))
    got = heard(Prompt("", "Q: {{input}}"), Request("help", shots=shots))
    assert [s.input for s in got.shots] == ["Q: lost", "Q: subject: x"] and got.instructions == ()


def test_fields_are_named_by_the_template() -> None:
    fields = {"subject": "late", "lines": [1, 2]}
    assert fill("{{subject}}: {{ lines }} / {{input}}", "whole", fields) == "late: [1, 2] / whole"


def test_what_a_value_contains_is_never_filled_in_again() -> None:
    assert fill("{{a}} {{b}}", "", {"a": "{{b}}", "b": "{{a}}"}) == "{{b}} {{a}}"
    assert fill("{{input}}", "{{secret}} \\1 {input}", {}) == "{{secret}} \\1 {input}"


def test_an_unknown_field_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(InputError) as wrong:
        heard(Prompt("", "{{subjekt}}"), Request("x", fields={"subject": "late"}))
    assert "`{{subjekt}}`" in str(wrong.value) and wrong.value.hint == "known: input, subject"


@pytest.mark.parametrize(
    ("text", "instructions", "question"),
    [
        ("You sort.\n\nBe kind.\n\nText: {{input}}\n\nLabel:", "You sort.\n\nBe kind.", "Text: {{input}}\n\nLabel:"),
        ("Only this.", "Only this.", "{{input}}"),
        ("Q: {{input}}", "", "Q: {{input}}"),
        ("One.\n \nTwo {{input}}\n", "One.", "Two {{input}}"),
    ],
)
def test_a_prompt_file_is_instructions_then_the_question(text: str, instructions: str, question: str) -> None:
    read = Prompt().reading(text)
    assert (read.instructions, read.question) == (instructions, question)


def test_a_task_starts_from_todays_prompt_or_from_its_bare_goal(tmp_path: Path) -> None:
    task = sample_task("labels", folder=tmp_path)
    assert Prompt.for_task(task).instructions == "Answer in one word."
    assert Prompt.for_task(replace(task, prompt="Sort.\n\n{{input}}!")) == Prompt("Sort.", "{{input}}!")


def test_variants_are_today_full_short_and_cued(tmp_path: Path) -> None:
    task = sample_task("labels", folder=tmp_path)
    today, full, short, cued = Prompt.for_task(task).variants(task.parts.pool)
    assert today == Prompt("Answer in one word.")
    assert full.anatomy(shown=3).serious or full.anatomy(shown=3).missing == ()
    assert "- refund\n- shipping" in full.instructions
    assert short == Prompt("Answer in one word. Reply with one of: refund, shipping.")
    assert cued.question == "{{input}}\n\nLabel:"


def test_the_full_variant_keeps_todays_words_and_adds_what_they_lack(tmp_path: Path) -> None:
    task = replace(sample_task("labels", folder=tmp_path), prompt="You are a clerk. If nothing fits, say refund.")
    full = Prompt.for_task(task).variants(task.parts.pool)[1].instructions
    assert full.startswith("You are a clerk. If nothing fits, say refund.")
    assert "labels" in full and full.count("You are") == 1 and "nearest" not in full


def test_a_record_is_described_field_by_field() -> None:
    schema = {
        "properties": {
            "day": {"type": "string", "format": "date", "description": "when it starts"},
            "size": {"enum": ["S", "L"]},
            "people": {"type": ["integer", "null"], "minimum": 1, "maximum": 9},
        },
        "required": ["day"],
    }
    full = Prompt(goal="Read the order", output=Output("schema", schema=schema)).variants(Dataset(()))[1].instructions
    assert "- day (string, written as date): when it starts" in full
    assert "- size (any value, one of S, L, leave it out if the text does not say)" in full
    assert "- people (integer or null, at least 1, at most 9, leave it out" in full


@pytest.mark.parametrize(
    ("words", "said"),
    [(1, "at most three words"), (8, "at most 8 words"), (20, "one short sentence of at most 20 words")],
)
def test_the_length_of_answers_is_read_from_examples_that_may_be_seen(words: int, said: str) -> None:
    train = Dataset(tuple(Example(str(n), "q", "word " * words) for n in range(10)))
    assert said in Prompt(goal="Answer").variants(train)[1].instructions


def test_no_variant_holds_an_expected_text() -> None:
    train = Dataset(tuple(Example(str(n), "q", f"secret{n}") for n in range(10)))
    assert "secret" not in repr(Prompt(goal="Answer").variants(train))


def test_reasoning_is_proposed_for_free_text_alone(tmp_path: Path) -> None:
    for kind, wanted in (("text", True), ("labels", False), ("schema", False)):
        task = sample_task(kind, folder=tmp_path)  # type: ignore[arg-type]
        told = " ".join(v.instructions for v in Prompt.for_task(task).variants(task.parts.pool))
        assert ("work out" in told) == wanted


def test_documents_make_the_prompt_ask_for_grounding(tmp_path: Path) -> None:
    task = sample_task("text", folder=tmp_path)
    assert "Use the passages only" in Prompt.for_task(task).variants(task.parts.pool)[1].instructions


def test_what_it_knew_of_the_task_is_not_part_of_it() -> None:
    prompt = Prompt("Sort.", goal="Sort", output=LABELS)
    assert prompt == Prompt("Sort.") == build("layers", spec_of(prompt))
    assert spec_of(prompt) == {"use": "prompt", "instructions": "Sort."}
