"""A task folder is made from an examples file; what was guessed is said, and nothing is overwritten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from suffice import InputError, load
from suffice.infer import guess, schema_of
from suffice.new import new


def jsonl(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_few_short_answers_are_labels(tmp_path: Path) -> None:
    rows = [{"text": f"q{n}", "label": ("spam", "ham")[n % 2]} for n in range(12)]
    made = new(tmp_path / "task", jsonl(tmp_path / "e.jsonl", rows))
    assert made.task.output.labels == ("ham", "spam") and made.task.score == "label"
    told = {g.key: g.why for g in made.guessed}
    assert told["input"] == "by its name" and "2 different short texts" in told["output"]
    assert load(tmp_path / "task") == made.task


def test_objects_are_a_schema_with_what_was_seen(tmp_path: Path) -> None:
    days = ("2026-01-02", "2026-03-04", "2026-05-06")
    answers = [{"day": days[n % 3], "n": n, "kind": "ab"[n % 2], "to": f"name {n}"} for n in range(12)]
    made = new(
        tmp_path / "t",
        jsonl(tmp_path / "e.jsonl", [{"id": n, "input": "q", "expected": a} for n, a in enumerate(answers)]),
    )
    fields = (made.task.output.schema or {})["properties"]
    assert fields["day"] == {"type": "string", "format": "date"}
    assert fields["kind"] == {"type": "string", "enum": ["a", "b"]} and fields["to"] == {"type": "string"}
    assert fields["n"] == {"type": "integer", "minimum": 0, "maximum": 20} and "schema.json" in made.files


@pytest.mark.parametrize(
    ("answers", "score"),
    [(["Paris"] + [f"city {n}" for n in range(9)], "contains"), (["w " * 20] * 2 + ["v " * 30], "f1")],
)
def test_other_answers_are_text_with_a_scorer_for_their_length(answers: list[str], score: str) -> None:
    found = guess(answers)
    assert (found.kind, found.score) == ("text", score) and found.why


def test_a_schema_takes_all_that_it_was_made_of() -> None:
    from suffice.contract import against

    values = [{"a": 1.5, "b": [True], "c": None}, {"a": -7, "b": [], "c": {"d": "x"}, "e": [1, "x"]}, {"a": 0}]
    schema = schema_of(values)
    assert [against(value, schema) for value in values] == [None] * 3
    assert against({"a": 100}, schema) and against({"a": 1, "z": 1}, schema)


def test_nothing_is_overwritten_and_nothing_left_half_written(tmp_path: Path) -> None:
    source = jsonl(
        tmp_path / "e.jsonl", [{"id": 1, "input": "q", "expected": "a"}, {"id": 1, "input": "q", "expected": "b"}]
    )
    with pytest.raises(InputError, match="used before"):
        new(tmp_path / "task", source)
    assert [p.name for p in tmp_path.iterdir()] == ["e.jsonl"]
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "suffice.yaml").write_text("mine")
    with pytest.raises(InputError, match="there already"):
        new(tmp_path / "task", source)
    assert (tmp_path / "task" / "suffice.yaml").read_text() == "mine"


def test_what_is_wrong_never_points_into_a_folder_that_is_gone(tmp_path: Path) -> None:
    examples = jsonl(tmp_path / "e.jsonl", [{"input": f"q{n}", "label": "ab"[n % 2]} for n in range(12)])
    with pytest.raises(InputError, match="no model called `openia`") as wrong:
        new(tmp_path / "task", examples, model="openia/x")
    assert wrong.value.file is None
    with pytest.raises(InputError, match="no such file or folder of documents") as wrong:
        new(tmp_path / "task", examples, documents=tmp_path / "nope")
    assert wrong.value.file == str(tmp_path / "nope")
    with pytest.raises(InputError, match="no such examples file") as wrong:
        new(tmp_path / "task", tmp_path / "none.jsonl")
    assert "suffice.yaml" not in wrong.value.hint


def test_columns_that_cannot_be_told_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="looks like `expected`") as caught:
        new(tmp_path / "task", jsonl(tmp_path / "e.jsonl", [{"text": "q", "verdict": "x"}]))
    assert "columns here: text, verdict" in caught.value.hint


def test_a_wrong_row_is_told_by_the_line_of_the_given_file(tmp_path: Path) -> None:
    (tmp_path / "e.jsonl").write_text('{"id": 1, "input": "q", "expected": "a"}\nnonsense\n')
    with pytest.raises(InputError, match="not JSON") as caught:
        new(tmp_path / "task", tmp_path / "e.jsonl")
    assert (caught.value.file, caught.value.line) == (str(tmp_path / "e.jsonl"), 2)


def test_documents_are_named_from_the_new_folder(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("x")
    rows = [{"question": f"q{n}", "answer": f"a{n}"} for n in range(4)]
    made = new(tmp_path / "deep" / "task", jsonl(tmp_path / "e.jsonl", rows), documents=tmp_path / "docs")
    assert made.task.documents is not None and made.task.documents.resolve() == tmp_path / "docs"


def test_a_real_examples_file_becomes_a_task(tmp_path: Path, data: Path) -> None:
    made = new(tmp_path / "bank", data / "banking77" / "test.csv")
    assert len(made.task.output.labels) == 77 and len(made.task.dataset) == 3080
