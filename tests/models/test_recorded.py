"""Recorded outputs are judged as they are; a wrong row is told by its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from suffice.data import Dataset, Example
from suffice.errors import InputError, ModelError
from suffice.ledger import Ledger
from suffice.model import resolve
from suffice.models.recorded import Recorded
from suffice.outputs import read
from suffice.run import run
from suffice.scorers.exact import Exact
from suffice.stack import Stack
from suffice.types import Request, Usage

ROWS = """{"id": 1, "output": "yes", "ms": 12, "usage": {"prompt_tokens": 9, "completion_tokens": 2}}

{"id": "b", "output": {"n": 1}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "old.jsonl").write_text(ROWS)
    return tmp_path


def test_a_reply_is_found_by_the_examples_id(folder: Path) -> None:
    model = resolve("recorded:old.jsonl", folder=folder)
    answer = model(Request("anything", id="1"))
    assert (answer.text, answer.ms, answer.usage, answer.cost) == ("yes", 12.0, Usage(9, 2), 0.0)
    assert model(Request("else", id="b")).text == '{"n": 1}'


def test_a_run_judges_what_is_recorded_and_says_what_is_not(folder: Path) -> None:
    model = Recorded("old.jsonl", folder=folder)
    examples = tuple(Example(i, f"question {i}", "yes") for i in ("1", "b", "c"))
    with Ledger.open() as ledger:
        done = run(Stack(model), Dataset(examples, scorer=Exact()), ledger=ledger)
    assert [r.value for r in done.records] == [1.0, 0.0, 0.0]
    assert (done.records[2].fault, done.records[2].error) == ("refused", "nothing is recorded for `c`")


def test_it_says_that_it_has_no_new_replies(folder: Path) -> None:
    assert Recorded.fixed
    with pytest.raises(ModelError, match="nothing is recorded") as refused:
        Recorded("old.jsonl", folder=folder)(Request("new"))
    assert not refused.value.retryable


def test_moving_the_folder_changes_neither_spec_nor_digest(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "old.jsonl").write_text(ROWS)
    here, there = Stack(Recorded("old.jsonl", folder=folder)), Stack(Recorded("old.jsonl", folder=other))
    assert here.digest == there.digest
    assert here.model.digest == there.model.digest  # type: ignore[attr-defined]
    assert Stack.of(here.spec, beside=other).model.path == other / "old.jsonl"  # type: ignore[attr-defined]


def test_a_row_may_hold_a_score_instead(folder: Path) -> None:
    (folder / "scores.jsonl").write_text('{"id": "a", "score": 0.5}\n')
    assert read(folder / "scores.jsonl")["a"].score == 0.5


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "not JSON"),
        ("[1]", "an object with an `id`"),
        ('{"output": "x"}', "an object with an `id`"),
        ('{"id": "z"}', "either an `output` or a `score`"),
        ('{"id": "z", "output": "x", "score": 1}', "either an `output` or a `score`"),
        ('{"id": "z", "score": 2}', "from 0 to 1"),
        ('{"id": "z", "score": true}', "from 0 to 1"),
        ('{"id": "z", "output": "x", "ms": -1}', "`ms` must be a number"),
        ('{"id": "z", "output": "x", "ms": NaN}', "NaN is not a number"),
        ('{"id": "z", "output": "x", "usage": {"prompt_tokens": "9"}}', "whole numbers"),
        ('{"id": "z", "output": "x", "uasge": {}}', "unknown key `uasge`"),
        ('{"id": "1", "output": "x"}', "already on line 1"),
    ],
)
def test_a_wrong_row_is_told_by_its_line(folder: Path, row: str, said: str) -> None:
    (folder / "bad.jsonl").write_text(ROWS + row + "\n")
    with pytest.raises(InputError, match=said) as wrong:
        resolve("recorded:bad.jsonl", folder=folder)
    assert (wrong.value.file, wrong.value.line) == (str(folder / "bad.jsonl"), 4)


@pytest.mark.parametrize("name", ["missing.jsonl", "empty.jsonl", "."])
def test_a_file_that_cannot_be_read_is_one_clear_error(folder: Path, name: str) -> None:
    (folder / "empty.jsonl").write_text("\n")
    with pytest.raises(InputError, match="recorded outputs"):
        resolve(f"recorded:{name}", folder=folder)
