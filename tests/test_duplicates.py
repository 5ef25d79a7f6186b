"""What reads the same, what nearly does, and what only looks like it."""

from __future__ import annotations

import csv
import os
import random
import time
from pathlib import Path

import pytest

from suffice.data import Example
from suffice.duplicates import duplicates, quoted
from suffice.load import load
from suffice.types import Json

ROOT = Path(__file__).parent.parent
BANKING = Path(os.environ.get("SUFFICE_DATA", ROOT.parent / "shared" / "data")) / "banking77"


def pairs(*inputs: Json) -> list[tuple[str, str]]:
    return duplicates(Example(f"e{i}", text) for i, text in enumerate(inputs))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Where is my parcel?", "where is MY parcel"),
        ("I have a new card and need to activate it", "I have a new card and I need to activate it."),
        (
            "could you skip to the next song on this playlist, please",
            "Could you skip to the next song on this playlist?",
        ),
        ("My cash withdrawl was declined, why?", "My cash withdrawal was declined. Why?"),
        ("Did you recieve the two jackets?", "Did you receive the two jackets?"),
    ],
)
def test_added_or_misspelt_words_make_a_near_duplicate(one: str, other: str) -> None:
    assert pairs(one, other) == pairs(other, one) == [("e0", "e1")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("17 x fuse F55, shelf E35, the slip is in the tray", "17 x fuse F55, shelf E36, the slip is in the tray"),
        ("I ordered 2 of them and got only one of them", "I ordered them and got only one of them"),
        (
            "Please tell me the phone number of Ada Lovelace today",
            "Please tell me the phone number of Bob Lovelace today",
        ),
        ("How do I change dollars to euros in the app", "How do I change euros to dollars in the app"),
        ("How do I top up?", "How do I top up with cash?"),
        ("Where is it sent", "Where is it rent"),
        ("?", "!"),
    ],
)
def test_other_numbers_names_or_orders_make_another_question(one: str, other: str) -> None:
    assert pairs(one, other) == []


def test_every_field_and_message_has_to_agree() -> None:
    page = " ".join(f"word{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(200))
    asked = [{"page": page, "question": q} for q in ("Where was she born?", "Where was she really born?", "When?")]
    assert pairs(*asked) == []
    assert pairs(asked[0], {**asked[0], "page": f"{page} Indeed."}) == [("e0", "e1")]
    said = [[{"role": "user", "content": about}, {"role": "user", "content": "yes please"}] for about in ("a", "b")]
    assert pairs(*said) == [] and pairs(said[0], said[0]) == [("e0", "e1")]


def test_many_twins_are_told_once_each_beside_the_first() -> None:
    assert pairs("Hello there", "hello there!", "HELLO THERE") == [("e0", "e1"), ("e0", "e2")]


def test_the_pairs_do_not_depend_on_the_order_of_the_examples() -> None:
    draw = random.Random(0)
    words = ["my", "new", "card", "has", "not", "yet", "been", "sent", "by", "your", "friendly", "bank", "again"]
    texts = [" ".join(w for w in words if draw.random() < 0.92) for _ in range(60)]
    examples = [Example(f"e{i}", text) for i, text in enumerate(texts)]
    found = duplicates(examples)
    assert found and found == duplicates(draw.sample(examples, len(examples)))
    assert len(set(found)) == len(found) and all(a < b for a, b in found)


@pytest.mark.parametrize(("name", "told"), [("handbook", 1), ("records", 0), ("triage", 0)])
def test_the_shipped_templates_are_not_taken_for_repeats(name: str, told: int) -> None:
    dataset = load(ROOT / "examples" / name).dataset
    assert len(duplicates(dataset)) == told


def test_banking77_repeats_itself_as_measured() -> None:
    if not BANKING.is_dir():
        pytest.skip("no BANKING77: set SUFFICE_DATA")
    examples = []
    for part in ("train", "test"):
        with (BANKING / f"{part}.csv").open(encoding="utf-8") as file:
            examples += [Example(f"{part}{i}", row["text"]) for i, row in enumerate(csv.DictReader(file))]
    found = duplicates(examples)
    assert len(found) == 480 and sum(a[:4] != b[:4] for a, b in found) == 193


def test_ten_thousand_texts_of_three_hundred_letters_take_a_moment() -> None:
    draw = random.Random(0)
    known = ["".join(draw.choices("abcdefghijklmnopqrst", k=draw.randrange(2, 9))) for _ in range(5000)]
    examples = [Example(f"e{i}", " ".join(draw.choices(known, k=55))) for i in range(9999)]
    start = time.process_time()
    found = duplicates([*examples, Example("again", f"{examples[7].text} indeed")])
    assert time.process_time() - start < 4 and found == [("again", "e7")]


def test_a_long_question_that_stands_in_a_document_is_found() -> None:
    page = (
        "Rules. Who may take a company car home over the weekend? Ask the fleet desk; it knows who may take a car home."
    )
    asked = {
        "whole": "who may take a company car home over the weekend",
        "short": "who may take a car home",
        "longer": "Who may take a company car home over the weekend and why?",
    }
    assert quoted(asked, page) == ["whole"] and quoted(asked, "") == []
