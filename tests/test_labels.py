"""Labels belong to an example and an output, whoever gave it; every row that is wrong is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.errors import InputError
from suffice.labels import Arm, Label, Labels, read, sha256


def written(path: Path, *rows: object) -> Path:
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows), encoding="utf-8")
    return path


def test_a_label_serves_whichever_arm_gave_that_output(tmp_path: Path) -> None:
    labels = read(
        written(
            tmp_path / "l.jsonl",
            {"id": 1, "output": "Paris", "score": 1, "by": "ann", "input": "shown", "note": "clear"},
            {"id": "1", "output_sha256": sha256("Rome").upper(), "score": 0.25},
            {"id": "2", "output": "Paris", "score": None},
        )
    )
    assert (labels.of("1", "Paris"), labels.of("1", "Rome"), labels.of("1", "Oslo")) == (1.0, 0.25, None)
    assert labels.of("2", "Paris") is None and labels.conflicts == ()


def test_people_who_disagree_count_alike_and_are_named(tmp_path: Path) -> None:
    rows = [{"id": "a", "output": "x", "score": score, "by": by} for score, by in ((1, "ann"), (0, "bo"), (1, "cy"))]
    labels = read(written(tmp_path / "l.jsonl", *rows))
    assert labels.of("a", "x") == pytest.approx(2 / 3) and labels.conflicts == (("a", sha256("x")),)


WRONG = (
    ("[1]", "an object with an `id`"),
    ('{"id": "a", "output": "x"}', "`score` is missing"),
    ('{"id": "a", "output": "x", "score": 1.5}', "a number from 0 to 1"),
    ('{"id": "a", "output": "x", "score": true}', "a number from 0 to 1"),
    ('{"id": "a", "output": "x", "score": "1"}', "a number from 0 to 1"),
    ('{"id": "a", "output": "x", "score": NaN}', "not JSON"),
    ('{"id": "a", "score": 1}', "an `output`, or"),
    ('{"id": "a", "output": {"x": 1}, "score": 1}', "the text of the output"),
    ('{"id": "a", "output_sha256": "12", "score": 1}', "64 hexadecimal"),
    (f'{{"id": "a", "output": "x", "output_sha256": "{sha256("y")}", "score": 1}}', "do not belong together"),
    ('{"id": "a", "output": "x", "score": 1, "arm": "after"}', "unknown key `arm`"),
    ('{"id": "a", "output": "x", "score": 1, "by": 3}', "`by` is the name"),
)


@pytest.mark.parametrize(("row", "said"), WRONG, ids=[said for _, said in WRONG])
def test_a_wrong_row_is_told_by_its_line(row: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said) as wrong:
        read(written(tmp_path / "l.jsonl", {"id": "z", "output": "x", "score": 0}, row))
    assert wrong.value.line == 2


def test_one_person_labels_an_output_once(tmp_path: Path) -> None:
    row = {"id": "a", "output": "x", "score": 1, "by": "ann"}
    with pytest.raises(InputError, match="`ann` labels the same output on line 1"):
        read(written(tmp_path / "l.jsonl", row, {**row, "score": 0}))


def test_no_file_and_no_rows_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file of labels"):
        read(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="no labels in the file"):
        read(written(tmp_path / "l.jsonl"))


@given(st.text(), st.text(), st.floats(0, 1))
def test_any_output_is_found_by_its_text_alone(one: str, other: str, score: float) -> None:
    labels = Labels((Label("a", sha256(one), score),))
    assert labels.of("a", other) == (score if one == other else None)


def test_a_failed_call_needs_no_label() -> None:
    arm = Arm({"a": None, "b": "x", "c": "y"}, {"a": None, "b": None, "c": 0.75})
    assert [arm.truth(id_, Labels()) for id_ in "abc"] == [0.0, None, None]
    assert [arm.guess(id_) for id_ in "abc"] == [0.0, 0.5, 0.75]
