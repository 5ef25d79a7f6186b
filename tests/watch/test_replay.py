"""Replay: the stack against a strong model without tuning on the same recent requests, in the framework's words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from suffice import Stack
from suffice.errors import InputError
from suffice.load import load
from suffice.model import resolve
from suffice.plugins import find
from suffice.watch.replay import Replay, recent, replay

N, EXAMPLES = 60, 300


def write(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def replayed(folder: Path, stack_right: int, strong_right: int, *, before: tuple[int, int] = (8, 8)) -> Replay:
    """A task whose two models answer so many of sixty recent requests rightly, and of ten examples so many before."""
    asked = [{"id": f"r{n}", "input": f"ticket {n}", "expected": "refund"} for n in range(N)]
    write(folder / "recent.jsonl", asked)  # type: ignore[arg-type]
    texts = ("parcel", "invoice", "login", "colour", "courier", "password", "size", "address", "gift", "warranty")
    examples = [f"my {texts[n % 10]} number {n} about {texts[n // 10 % 10]}" for n in range(EXAMPLES)]
    write(
        folder / "examples.jsonl",
        [{"id": f"e{n}", "input": said, "expected": "refund"} for n, said in enumerate(examples)],
    )
    for name, right, of_ten in (("tuned", stack_right, before[0]), ("strong", strong_right, before[1])):
        said = [{"id": f"r{n}", "output": "refund" if n < right else "delivery"} for n in range(N)]
        said += [{"id": f"e{n}", "output": "refund" if n % 10 < of_ten else "delivery"} for n in range(EXAMPLES)]
        write(folder / f"{name}.jsonl", said)  # type: ignore[arg-type]
    (folder / "suffice.yaml").write_text(
        "name: shop\ngoal: sort\nmodel: recorded:tuned.jsonl\nstrong_model: recorded:strong.jsonl\n"
        "examples: examples.jsonl\noutput: {labels: [refund, delivery]}\n"
    )
    task = load(folder)
    stack = Stack(resolve(task.model, folder=folder), (find("layers", "prompt").for_task(task),))
    return replay(task, stack, recent(folder / "recent.jsonl", task))


def test_a_gap_that_is_proven_to_have_grown_is_data_drift(tmp_path: Path) -> None:
    found = replayed(tmp_path, 20, 59)
    assert found.drifted is True and found.headline.startswith("data drift:") and "on test it was" in found.headline
    assert found.comparison.n == N and found.comparison.lift == pytest.approx(39 / 60)
    assert (found.before, found.after) == (pytest.approx(20 / 60), pytest.approx(59 / 60))
    assert found.on_test is not None and found.comparison.low > found.on_test.high
    assert found.comparison.alpha_spent == found.on_test.alpha_spent == 0.025


def test_a_gap_that_the_stack_had_on_its_first_day_is_no_drift(tmp_path: Path) -> None:
    found = replayed(tmp_path, 40, 58, before=(6, 9))
    assert found.drifted is None and "proven better than the stack" in found.headline
    assert "that the gap grew is not shown (on test it was +0.3" in found.headline
    assert "drift" not in found.headline


def test_a_stack_that_is_proven_better_is_not_said_to_be_more_than_that(tmp_path: Path) -> None:
    found = replayed(tmp_path, 58, 40)
    assert found.drifted is False and found.headline.startswith("the stack is still proven better than")
    assert found.on_test is None


def test_too_little_between_them_cannot_tell(tmp_path: Path) -> None:
    found = replayed(tmp_path, 50, 52)
    assert found.drifted is None and found.headline.startswith("cannot tell")


def test_without_a_strong_model_it_says_what_to_set(tmp_path: Path) -> None:
    replayed(tmp_path, 50, 52)
    text = (tmp_path / "suffice.yaml").read_text().replace("strong_model: recorded:strong.jsonl\n", "")
    (tmp_path / "suffice.yaml").write_text(text)
    task = load(tmp_path)
    stack = Stack(resolve(task.model, folder=tmp_path))
    with pytest.raises(InputError, match="no strong model"):
        replay(task, stack, recent(tmp_path / "recent.jsonl", task))
