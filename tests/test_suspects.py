"""Suspects: the wrong labels that were planted are named with their evidence, and right ones are left alone."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from suffice.climb import climb
from suffice.data import Dataset, Example, Output
from suffice.evidence import Evidence, Reading
from suffice.opinions import Opinion, opinions
from suffice.plugins import find
from suffice.suspects import Agreement, Suspect, agreements, opinions_of, suspects, suspects_of
from suffice.task import Target, Task
from suffice.types import Json

from .worlds import ADDRESS, GOAL, LABELS, example, label

OTHER = {"refund": "shipping", "shipping": "refund"}


def named(found: Sequence[Suspect]) -> list[tuple[str, Json]]:
    return [(s.id, s.proposed) for s in found]


# Examples that read the same


def heap(*answers: Json, text: str = "Where is my parcel?") -> list[Example]:
    return [Example(f"e{i}", f"{text}{'!' * i}", answer) for i, answer in enumerate(answers)]


def test_the_minority_of_examples_that_read_the_same_is_suspect() -> None:
    (found,) = suspects({"pool": heap("a", "a", "b")})
    assert (found.id, found.expected, found.proposed, found.signs) == ("e2", "b", "a", ("duplicates",))
    assert found.evidence == ("it reads like `e0` (pool), `e1` (pool), whose answer is `a`",)
    assert found.score == pytest.approx(2 / 3, abs=1e-6)


def test_a_draw_names_both_unless_dev_sides_with_one() -> None:
    one, other = heap("a", "b")
    assert named(suspects({"pool": [one], "test": [other]})) == [("e0", "b"), ("e1", "a")]
    said = [Opinion(id_, "pool", {"a": 1}, "words", "a", 0.9) for id_ in ("e0", "e1")]
    assert named(suspects({"pool": [one, other]}, said)) == [("e1", "a")]


@pytest.mark.parametrize("answers", [("a", "a"), ("a", ["b", "a"]), ("28 days", "28 Days."), (["a", "b"], ["b", "c"])])
def test_answers_that_agree_in_one_make_no_suspect(answers: tuple[Json, Json]) -> None:
    assert suspects({"pool": heap(*answers)}) == []


# What dev's labels say


def said(n: int, *, usual: int = 16, **odd: object) -> tuple[list[Example], list[Opinion]]:
    """`n` examples of each of two labels, whose nearest ones mostly carry it; and one that is odd."""
    cases = [Example(f"{x}{i}", f"{x} {i}", x) for x in "ab" for i in range(n)]
    told = [
        Opinion(f"{x}{i}", "pool", {x: usual, y: 20 - usual}, "meaning", x, 0.9)
        for x, y in ("ab", "ba")
        for i in range(n)
    ]
    given = {"part": "pool", "near": {"b": 20}, "by": "meaning", "label": "b", "confidence": 0.8, **odd}
    return [*cases, Example("odd", "odd", "a")], [*told, Opinion("odd", **given)]  # type: ignore[arg-type]


def test_dev_confidently_means_another_label() -> None:
    examples, told = said(10)
    (found,) = suspects({"pool": examples}, told)
    assert (found.id, found.proposed, found.signs) == ("odd", "b", ("learned",))
    assert found.evidence[0].startswith("of the 20 nearest examples in dev 20 are `b` and 0 `a`, which usually has 15")
    assert found.evidence[0].endswith("a classifier on words says `b` (0.80)")
    assert found.score == pytest.approx(0.5 + 0.5 * 0.8 * 0.98)


@pytest.mark.parametrize(
    "odd",
    [
        {"near": {"b": 14, "a": 6}},  # its own label is not absent
        {"near": {"a": 1, "b": 12, "c": 7}},  # less of the other label than is usual there
        {"label": "a"},  # the second view sees its own label
        {"by": "words", "label": "c"},  # on words alone, the second view must say the same
    ],
)
def test_less_than_that_is_no_sign(odd: dict[str, object]) -> None:
    examples, told = said(10, **odd)
    assert suspects({"pool": examples}, told) == []


def test_a_weak_sign_is_listed_where_less_is_asked_for() -> None:
    examples, told = said(10, usual=9, near={"b": 10, "c": 10}, label="c")
    assert suspects({"pool": examples}, told) == []
    assert named(suspects({"pool": examples}, told, at_least=0.2)) == [("odd", "b")]


def test_test_items_are_judged_by_the_standards_of_dev() -> None:
    examples, told = said(10)
    more = [Opinion(f"t{i}", "test", {"b": 20}, "meaning", "b", 0.8) for i in range(30)]
    cases = [Example(o.id, o.id, "a") for o in more]
    found = suspects({"pool": examples[:-1], "test": cases}, [*told[:-1], *more])
    assert {s.id for s in found} == {o.id for o in more} and {s.part for s in found} == {"test"}


# What stacks agree on


def agreed(kinds: int, *, usual: int = 16, **near: int) -> list[Suspect]:
    found = Agreement("x", "test", "b", 1, {f"m{i}": 2 for i in range(kinds - 1)}, 9, 3)
    dev, told = said(5, usual=usual)
    told = [*told[:-1], Opinion("x", "test", near, "meaning", "a", 0.1)] if near else []
    return suspects({"pool": dev[:-1], "test": [Example("x", "x", "a")]}, told, [found])


def test_stacks_of_two_kinds_that_agree_are_a_sign_and_one_kind_is_none() -> None:
    assert agreed(1) == []
    (two,), (three,) = agreed(2), agreed(3)
    assert two.evidence == (
        "all 3 stacks say `b` (1 without a model, 2 ask one model); of the 9 items that none of them gets right, they "
        "say the same on 3",
    )
    assert two.score < three.score


def test_stacks_are_not_believed_where_dev_speaks_for_the_label() -> None:
    assert agreed(2, a=2, b=18) == [] and named(agreed(2, a=1, b=19)) == [("x", "b")]
    assert agreed(2, usual=3, a=1, b=19) == []  # examples of its label hardly ever speak for one another


def flipped(folder: Path, wrong: set[int]) -> Task:
    """Parcels whose labels are right but for a few; a model that knows the truth, and a classifier that learns it."""
    cases = [example(i, "labels") for i in range(80)]
    cases = [
        Example(e.id, e.input, OTHER[str(e.expected)] if i in wrong else e.expected, split="test" if i % 2 else "dev")
        for i, e in enumerate(cases)
    ]
    output, scorer = Output("labels", LABELS), find("scorers", "label")()
    given = {"model": f"{ADDRESS}:right", "target": Target(0.99), "folder": folder, "looks": "none"}
    return Task("t", GOAL, Dataset(tuple(cases), output, scorer), output=output, score="label", **given)  # type: ignore[arg-type]


@pytest.mark.usefixtures("minilm")
def test_a_climb_says_which_labels_its_stacks_agree_against(tmp_path: Path) -> None:
    wrong = {11, 51}
    evidence = climb(flipped(tmp_path, wrong), write=False).evidence
    found = agreements(Reading(evidence))
    assert {a.id for a in found if a.part == "test"} == {f"q{i}" for i in wrong}
    for a in found:
        assert a.proposed == label(int(a.id[1:])) and a.without_model == 1 and next(iter(a.over.values())) >= 1
        assert a.missed >= a.same >= len(wrong)
    listed = suspects_of(Reading(evidence))
    assert {s.id for s in listed} == {f"q{i}" for i in wrong} and all("stacks" in s.signs for s in listed)


def test_opinions_are_read_back_from_evidence_as_they_were() -> None:
    evidence = Evidence()
    told = said(3)[1]
    for opinion in told:
        evidence.add("opinion", **{name: getattr(opinion, name) for name in Opinion.__slots__})
    assert opinions_of(Reading(evidence)) == tuple(told)


def test_free_graded_scores_are_no_answers_to_agree_on() -> None:
    evidence = Evidence()
    output = {"kind": "text", "labels": [], "schema": None}
    evidence.add("task", scorer={"use": "f1"}, output=output)
    assert agreements(Reading(evidence)) == []


@pytest.mark.parametrize(
    ("kind", "scorer", "expected", "outputs", "proposed"),
    [
        ("text", "exact", "Oslo", ("Paris", " Paris\n"), "Paris"),
        ("text", "exact", "Oslo", ("Paris", "Bergen"), None),
        ("schema", "json", {"n": 1}, ('{"n": 2}', '{"n": 2.0}'), {"n": 2}),
        ("schema", "json", {"n": 1}, ("two", "two"), None),
    ],
)
def test_replies_are_one_answer_where_the_scorer_says_so(
    kind: str, scorer: str, expected: Json, outputs: tuple[str, str], proposed: Json
) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "number"}}}
    evidence = Evidence()
    evidence.add("task", scorer={"use": scorer}, output={"kind": kind, "labels": [], "schema": schema})
    evidence.add("example", part="test", id="x", input="?", expected=expected)
    for at, output in enumerate(outputs):
        evidence.add("run", run=f"r{at}", part="test", stack={"model": {"use": f"m{at}"}}, stack_digest=f"s{at}")
        evidence.add("record", run=f"r{at}", id="x", value=0.0, output=output, status="ok", asked=1)
        evidence.add("rung", test=f"r{at}", edge=None)
    found = agreements(Reading(evidence))
    assert [a.proposed for a in found] == ([] if proposed is None else [proposed])
    assert all(a.kinds == 2 and (a.missed, a.same) == (1, 1) for a in found)


@pytest.mark.slow
@pytest.mark.usefixtures("minilm")
def test_most_suspects_of_banking77_are_labels_that_were_flipped(data: Path, tmp_path: Path) -> None:
    with (data / "banking77" / "train.csv").open(encoding="utf-8") as file:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    draw = random.Random(7)
    draw.shuffle(rows)
    labels = sorted({label for _, label in rows})
    truth = {f"q{at}": label for at, (_, label) in enumerate(rows[:1500])}
    cases = tuple(
        Example(id_, text, draw.choice([x for x in labels if x != label]) if draw.random() < 0.05 else label)
        for (id_, label), (text, _) in zip(truth.items(), rows, strict=False)
    )
    told = opinions({"pool": Dataset(cases, Output("labels", tuple(labels)))}, folder=tmp_path)
    found = [s for s in suspects({"pool": cases}, told) if "learned" in s.signs]
    flipped = {e.id for e in cases if e.expected != truth[e.id]}
    hits = [s for s in found if s.id in flipped]
    assert len(hits) >= 0.75 * len(found) and len(hits) >= 0.4 * len(flipped)
    assert sum(s.proposed == truth[s.id] for s in hits) >= 0.9 * len(hits)
