"""Evidence: lines that can be written, read and recomputed, whoever wrote them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.data import Context, Dataset, Example
from suffice.errors import InputError
from suffice.evidence import Evidence, Reading, answer_of, example_of
from suffice.models.scripted import Scripted
from suffice.record import Record, Run
from suffice.score import Score
from suffice.stack import Stack
from suffice.types import Answer, Step, ToolCall, Usage

EXAMPLES = (
    Example("a", "Where?", ["Rome", "Roma"], context=(Context("it.md", "Rome is …"),), group="g", time="2024"),
    Example("b", {"subject": "x", "body": "y"}, {"city": "Oslo"}, partition="edge", split="test", line=3),
    Example("c", [{"role": "user", "content": "Hi\u2028\u0000 \ud800"}], None),
)
ANSWER = Answer(
    "Rome",
    value={"n": 1},
    tool_calls=(ToolCall("look", {"x": 1}, "t1"),),
    usage=Usage(7, 2, 3),
    cost=0.25,
    status="escalated",
    trace=(Step("prompt", 1.23456), Step("model", 10.0), Step("model", 5.0)),
)
RECORDS = (
    Record("a", ANSWER, Score(0.5, "half")),
    Record("b", None, Score(0.0, "the call failed"), "timed out", "timeout"),
    Record("c", Answer("?", cost=None), Score(None, "no expected answer")),
)


def run(records: tuple[Record, ...] = RECORDS) -> Run:
    return Run("r" * 64, Stack(Scripted({"q": "a"})), Dataset(EXAMPLES), records)


def written(tmp_path: Path) -> tuple[Evidence, Evidence, str]:
    evidence = Evidence()
    evidence.add_examples(Dataset(EXAMPLES), "test")
    evidence.add_run(run(), "test")
    digest = evidence.write(tmp_path / "records.jsonl")
    return evidence, Evidence.read(tmp_path / "records.jsonl"), digest


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    evidence, again, digest = written(tmp_path)
    assert again.lines == evidence.lines
    assert digest == hashlib.sha256((tmp_path / "records.jsonl").read_bytes()).hexdigest()
    assert again.write(tmp_path / "again.jsonl") == digest


def test_an_example_comes_back_as_it_was(tmp_path: Path) -> None:
    _, again, _ = written(tmp_path)
    assert Reading(again).parts["test"] == EXAMPLES
    assert Dataset(Reading(again).parts["test"]).fingerprint == Dataset(EXAMPLES).fingerprint


def test_a_record_says_what_was_answered_what_it_cost_and_why_it_failed(tmp_path: Path) -> None:
    _, again, _ = written(tmp_path)
    reading = Reading(again)
    a, b, c = (reading.records["r" * 64][i] for i in "abc")
    assert (a["asked"], a["ms"], a["usd"], a["input_tokens"], a["cached_tokens"]) == (2, 16.235, 0.25, 7, 3)
    assert (b["output"], b["value"], b["status"], b["fault"], b["error"]) == (
        None,
        0.0,
        "failed",
        "timeout",
        "timed out",
    )
    assert (c["value"], c["usd"]) == (None, None)
    assert reading.values("r" * 64) == {"a": 0.5, "b": 0.0, "c": None}
    assert not any(reading.passed("r" * 64, i) for i in "abc")


def test_a_scorer_sees_the_same_answer_again(tmp_path: Path) -> None:
    _, again, _ = written(tmp_path)
    first, failed, _ = (answer_of(line) for line in again.of("record"))
    assert failed is None and first is not None
    assert (first.text, first.value, first.tool_calls, first.status) == (
        "Rome",
        {"n": 1},
        ANSWER.tool_calls,
        "escalated",
    )


def test_a_run_is_written_down_once() -> None:
    evidence = Evidence()
    assert evidence.add_run(run(), "test") == evidence.add_run(run(), "test") == "r" * 64
    assert len(evidence.lines) == 4


def test_a_run_line_is_bound_to_its_records() -> None:
    contents = set()
    for records in (RECORDS, RECORDS[:2], (*RECORDS[:2], Record("c", Answer("!"), Score(None)))):
        evidence = Evidence()
        evidence.add_run(run(records), "test")
        contents.add(evidence.one("run")["content"])
    assert len(contents) == 3


@given(st.text(), st.text())
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, said: str, wanted: str) -> None:
    path = tmp_path_factory.mktemp("e") / "records.jsonl"
    evidence = Evidence()
    evidence.add("example", part="test", id="a", input=said, expected=wanted)
    evidence.write(path)
    assert example_of(Evidence.read(path).one("example")) == Example("a", said, wanted)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nothing_that_is_no_number_is_written(value: float, tmp_path: Path) -> None:
    evidence = Evidence()
    evidence.add("plan", alpha=value)
    with pytest.raises(ValueError, match="JSON compliant"):
        evidence.write(tmp_path / "records.jsonl")
    assert not (tmp_path / "records.jsonl").exists()


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"[1, 2]",
        b'"text"',
        b"{}",
        b'{"kind": 3}',
        b'{"kind": "plan", "alpha": NaN}',
        b'{"kind": "plan", "alpha": Infinity}',
        b"[" * 100_000,
        b"\xff\xfe",
        b"",
        b"\x00",
    ],
)
def test_a_hostile_line_is_one_clear_error_with_its_number(line: bytes, tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_bytes(b'{"kind":"task"}\n' + line + b'\n{"kind":"plan"}\n')
    with pytest.raises(InputError) as wrong:
        Evidence.read(path)
    assert wrong.value.line == 2 and wrong.value.file == str(path)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        Evidence.read(tmp_path / "none.jsonl")


@pytest.mark.parametrize("times", [0, 2])
def test_what_there_is_one_of_must_be_there_once(times: int) -> None:
    evidence = Evidence()
    for _ in range(times):
        evidence.add("task")
    with pytest.raises(InputError, match=f"{times} `task` lines, not one"):
        evidence.one("task")


@pytest.mark.parametrize("example", [Example("d", "core", []), Example("core", "core", "core"), Example("e", [], None)])
def test_an_example_is_read_back_whatever_its_words_are(example: Example, tmp_path: Path) -> None:
    """The empty list is an answer, no call; and `core` may be a word like any other."""
    evidence = Evidence()
    evidence.add_examples(Dataset((example,)), "test")
    evidence.write(tmp_path / "records.jsonl")
    (line,) = Evidence.read(tmp_path / "records.jsonl").of("example")
    assert example_of(line) == example
