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

N = 60


def write(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def replayed(folder: Path, stack_right: int, strong_right: int) -> Replay:
    """A task whose two models answer so many of sixty recent requests rightly."""
    asked = [{"id": f"r{n}", "input": f"ticket {n}", "expected": "refund"} for n in range(N)]
    write(folder / "recent.jsonl", asked)  # type: ignore[arg-type]
    write(folder / "examples.jsonl", [{**row, "id": f"e{n}"} for n, row in enumerate(asked)])
    for name, right in (("tuned", stack_right), ("strong", strong_right)):
        said = [{"id": f"r{n}", "output": "refund" if n < right else "delivery"} for n in range(N)]
        write(folder / f"{name}.jsonl", said)  # type: ignore[arg-type]
    (folder / "suffice.yaml").write_text(
        "name: shop\ngoal: sort\nmodel: recorded:tuned.jsonl\nstrong_model: recorded:strong.jsonl\n"
        "examples: examples.jsonl\noutput: {labels: [refund, delivery]}\n"
    )
    task = load(folder)
    stack = Stack(resolve(task.model, folder=folder), (find("layers", "prompt").for_task(task),))
    return replay(task, stack, recent(folder / "recent.jsonl", task))


def test_a_proven_gap_in_favour_of_the_strong_model_is_data_drift(tmp_path: Path) -> None:
    found = replayed(tmp_path, 40, 58)
    assert found.drifted is True and found.headline.startswith("data drift:")
    assert found.comparison.n == N and found.comparison.lift == pytest.approx(18 / 60)
    assert (found.before, found.after) == (pytest.approx(40 / 60), pytest.approx(58 / 60))


def test_a_stack_that_is_proven_better_shows_no_drift(tmp_path: Path) -> None:
    found = replayed(tmp_path, 58, 40)
    assert found.drifted is False and found.headline.startswith("no sign of data drift")


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
