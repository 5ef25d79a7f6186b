"""Examples, contracts and datasets."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from suffice.data import Dataset, Example, Output, likeness, worded
from suffice.types import Json, Message, Tool

ONE = Example("a", "Where?", "Rome")


def dataset(*examples: Example) -> Dataset:
    return Dataset(examples or (ONE, Example("b", "Who?", "Ada", partition="edge"), Example("c", "When?", "1843")))


CALL = {"name": "look", "arguments": {"for": "Rome"}}


@pytest.mark.parametrize(
    ("expected", "accepted"),
    [
        ("Rome", ("Rome",)),
        (["Rome", "Roma"], ("Rome", "Roma")),
        ({"any_of": [["a"], ["b"]]}, (["a"], ["b"])),
        ({"city": "Rome"}, ({"city": "Rome"},)),
        ([], ([],)),
        ([CALL, CALL], ([CALL, CALL],)),
        ({"any_of": [[CALL], []]}, ([CALL], [])),
        (None, (None,)),
        (3, (3,)),
    ],
)
def test_a_list_or_any_of_means_alternatives_but_calls_are_one_answer(
    expected: Json, accepted: tuple[Json, ...]
) -> None:
    assert Example("a", "?", expected).accepted == accepted


def test_a_text_input_is_the_request() -> None:
    assert ONE.request.input == "Where?" and ONE.request.id == "a" and ONE.request.instructions == ()


def test_an_object_input_is_its_fields_a_line_each() -> None:
    request = Example("a", {"subject": "late", "body": "no parcel"}).request
    assert request.input == "subject: late\nbody: no parcel"
    assert request.fields == {"subject": "late", "body": "no parcel"}


def test_of_messages_the_last_is_the_question_and_system_turns_are_instructions() -> None:
    turns = [("system", "Be kind."), ("user", "Hello"), ("assistant", "Hi"), ("user", "Where?")]
    request = Example("a", [{"role": role, "content": text} for role, text in turns]).request
    assert request.input == "Where?" and request.instructions == ("Be kind.",)
    assert request.history == (Message("user", "Hello"), Message("assistant", "Hi"))


def test_a_group_is_a_cluster_and_no_group_is_named_like_an_id() -> None:
    assert Example("a", "?", group="b").cluster == Example("c", "?", group="b").cluster != Example("b", "?").cluster


def test_the_fingerprint_is_of_the_content_and_not_of_the_order() -> None:
    first = dataset()
    assert first.fingerprint == dataset(*reversed(first.examples)).fingerprint
    changes = ({"id": "z"}, {"input": "Why?"}, {"expected": "Oslo"}, {"partition": "edge"}, {"group": "g"})
    for change in changes:
        assert dataset(replace(ONE, **change), *first.examples[1:]).fingerprint != first.fingerprint
    assert dataset(replace(ONE, line=7), *first.examples[1:]).fingerprint == first.fingerprint


def test_an_example_twice_is_another_dataset() -> None:
    assert dataset(ONE).fingerprint != dataset(ONE, ONE).fingerprint


def test_a_dataset_is_a_sequence_that_keeps_its_contract() -> None:
    labels = Dataset(dataset().examples, Output("labels", labels=("a", "b")))
    part = labels[:2]
    assert [e.id for e in part] == ["a", "b"] and part.output == labels.output and labels[-1].id == "c"
    assert [e.id for e in labels.part("edge")] == ["b"] and labels.by_id["c"].expected == "1843"


def test_examples_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        ONE.expected = "Oslo"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("one", "other"), [("Café, please!", "cafe  PLEASE"), ("ﬁne", "fine"), ("Straße 1", "STRASSE 1"), ("a\nb", "a b")]
)
def test_likeness_ignores_case_accents_punctuation_and_spacing(one: str, other: str) -> None:
    assert likeness(one) == likeness(other)


@pytest.mark.parametrize(("one", "other"), [("order 17", "order 18"), ("not good", "good"), ("1.5", "2.5")])
def test_likeness_keeps_words_and_numbers(one: str, other: str) -> None:
    assert likeness(one) != likeness(other)


def test_the_contract_is_a_sentence_for_every_kind() -> None:
    outputs = [
        (Output("labels", labels=("refund", "other")), "refund, other"),
        (Output("schema", schema={"type": "object"}), '{"type": "object"}'),
        (Output("tools", tools=(Tool("look"),)), "tool call"),
        (Output(), "answer alone"),
    ]
    assert all(part in output.wanted for output, part in outputs)


def test_an_expected_answer_is_worded_as_the_reply_that_would_be_right() -> None:
    assert worded("Zoë") == "Zoë" and worded({"name": "Zoë", "n": 2}) == '{"name": "Zoë", "n": 2}'
