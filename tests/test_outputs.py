"""Recorded outputs are matched by id, scored by the task's scorer or taken as scored."""

from __future__ import annotations

from pathlib import Path

import pytest

from suffice import Answer, Example, InputError, Record, Score
from suffice.outputs import read, write
from suffice.plugins import find


def test_an_output_is_scored_and_a_score_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    path.write_text('{"id": 1, "output": "Yes.", "ms": 5, "usage": {"prompt_tokens": 7}}\n{"id": "b", "score": null}\n')
    rows = read(path)
    label = find("scorers", "label")()
    assert rows["1"].value(Example("1", "q", "yes"), label) == 1.0 and rows["b"].value(Example("b", "q"), None) is None
    assert rows["1"].answer is not None and rows["1"].answer.ms == 5 and rows["1"].answer.usage.input_tokens == 7
    with pytest.raises(InputError, match="need a scorer"):
        rows["1"].value(Example("1", "q", "yes"), None)


def test_all_wrong_rows_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    path.write_text('{"id": "a", "score": 1}\n{"id": "a", "score": 2}\n{"output": "x"}\n{"id": "b", "score": NaN}\n')
    with pytest.raises(InputError) as caught:
        read(path)
    told = caught.value.message
    assert "3 rows are wrong" in told and "line 2: `score` must be a number" in told and "line 4: not JSON: NaN" in told


def test_what_a_run_wrote_is_read_back(tmp_path: Path) -> None:
    records = [Record("a", Answer("yes"), Score(1.0)), Record("b", None, Score(0.0), "down", "timeout")]
    rows = read(write(tmp_path / "o.jsonl", records))
    assert rows["a"].answer is not None and rows["a"].answer.text == "yes" and rows["b"].score == 0.0
