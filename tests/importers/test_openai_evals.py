"""openai_evals: samples and the logs of runs."""

from __future__ import annotations

from typing import Any

from imported import found, said, told

from suffice.importers.openai_evals import OpenaiEvals
from suffice.testing import check_importer


def event(number: int, kind: str, sample: str, **data: Any) -> dict[str, Any]:
    at = "2026-11-01 10:00:00.000000+00:00"
    return {"run_id": "r", "event_id": number, "sample_id": sample, "type": kind, "data": data, "created_at": at}


SPEC = {"spec": {"completion_fns": ["gpt-4.1-mini"], "eval_name": "math.dev.v0", "run_id": "r"}}
PROMPT = [{"role": "system", "content": "Add."}, {"role": "user", "content": "2+2"}]


def test_a_sample_is_a_question_with_its_answer() -> None:
    (chat, text) = told(
        OpenaiEvals(), {"input": PROMPT, "ideal": ["4", "four"]}, {"input": "2+2", "ideal": "4", "x": 1}
    )
    assert said(chat) == [("system", "Add."), ("user", "2+2")] and chat.expected == ["4", "four"]
    assert said(text) == [("user", "2+2")] and text.expected == "4" and text.extra == {"x": 1}


def test_a_run_is_its_samplings_with_their_verdicts() -> None:
    rows = [
        SPEC,
        event(0, "sampling", "math.0", prompt=PROMPT, sampled=["4"]),
        event(1, "sampling", "math.1", prompt="3+3", sampled="7"),
        event(2, "match", "math.1", correct=False, expected="6", picked=None),
        event(3, "match", "math.0", correct=True, expected="4"),
        event(4, "sampling", "math.2", prompt="1+1", sampled=["2"]),
        event(5, "metrics", "math.2", accuracy=0.5),
        {"final_report": {"accuracy": 0.5}},
    ]
    wrong, right, metric = told(OpenaiEvals(), *rows)
    assert said(right) == [("system", "Add."), ("user", "2+2"), ("assistant", "4")]
    assert (right.score, right.expected, right.model, right.trace) == (1.0, "4", "gpt-4.1-mini", "r")
    assert (wrong.score, wrong.expected, wrong.line) == (0.0, "6", 3)
    assert (metric.score, metric.expected) == (0.5, None)


def test_samples_whose_verdict_never_comes_are_told_and_not_kept_forever() -> None:
    rows = (event(n, "sampling", f"s{n}", prompt="a", sampled="b") for n in range(6000))
    assert len(found(OpenaiEvals(), *rows)) == 6000


def test_it_keeps_its_shelfs_promises() -> None:
    check_importer(OpenaiEvals(), [{"input": "a", "ideal": "b"}, event(0, "sampling", "s", prompt="a", sampled="b")])
