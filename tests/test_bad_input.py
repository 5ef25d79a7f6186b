"""What nobody can compare: a clear error that names the fix, or an honest "cannot tell"; no traceback and no NaN."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from suffice.compare import pairs
from suffice.data import Example
from suffice.errors import InputError
from suffice.gate import judged
from suffice.stats.eprocess import above, units
from suffice.stats.interval import mean_interval
from suffice.stats.paired import paired
from suffice.stats.ppi import powered_lift
from suffice.stats.regress import not_worse
from suffice.stats.sequential import decide
from suffice.stats.spending import look_plan

Rows = Sequence[dict[str, Any]]


def cases(n: int, group: int | None = None) -> list[Example]:
    return [Example(f"q{i}", "?", "!", group=f"g{i // group}" if group else None) for i in range(n)]


def of(scores: Sequence[float | None]) -> dict[str, float | None]:
    return {f"q{i}": s for i, s in enumerate(scores)}


def finite(value: Any) -> bool:
    """No float anywhere in it is NaN or infinite."""
    if isinstance(value, float):
        return math.isfinite(value)
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return all(map(finite, parts))


# Statistics

WRONG = [
    ([0.5], [1.5], "score lies in"),
    ([0.5], [-0.1], "score lies in"),
    ([0.5], [float("nan")], "drop or count"),
    ([0.5], [float("inf")], "drop or count"),
    ([0.5, 1.0], [1.0], "pair them item by item"),
    ([], [], "nothing to measure"),
    (["x"], [1.0], "sequence of numbers"),
    ([[1.0]], [[1.0]], "sequence of numbers"),
]


@pytest.mark.parametrize(("before", "after", "said"), WRONG)
@pytest.mark.parametrize("test", [paired, not_worse])
def test_scores_that_are_none_are_refused_by_name(test: Any, before: Any, after: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        test(before, after)


@pytest.mark.parametrize(("groups", "n"), [(["a"], 2), (["a", "b", "c"], 2), ([], 1)])
def test_groups_that_are_missing_for_some_items_are_refused(groups: list[str], n: int) -> None:
    for call in (lambda: paired([1.0] * n, [0.0] * n, groups), lambda: mean_interval([1.0] * n, groups)):
        with pytest.raises(ValueError, match="give one per item"):
            call()
    with pytest.raises(ValueError, match="give one per item"):
        units([0.5] * n, groups)


def test_looks_refuse_what_they_do_not_hold_for() -> None:
    plan = look_plan(10, 0.05)
    for before, after, groups, said in (
        ([1.0], [0.0, 1.0], None, "pair them"),
        ([1.0] * 11, [0.0] * 11, None, "declare a plan"),
        ([0.5], [1.0], None, "bet on graded"),
        ([1.0, 1.0], [0.0, 1.0], ["a", "a"], "bet on whole groups"),
        ([2.0], [1.0], None, "score lies in"),
    ):
        with pytest.raises(ValueError, match=said):
            decide(before, after, plan, groups)
    with pytest.raises(ValueError, match="groups are mixed"):
        units([0.0, 0.1, 0.2], ["a", "b", "a"])


@pytest.mark.parametrize("value", [0.0, 1.0, 0.4])
@pytest.mark.parametrize("n", [1, 2, 40])
def test_scores_that_are_all_equal_prove_no_lift(value: float, n: int) -> None:
    found = paired([value] * n, [value] * n)
    assert not found.proven and found.lift == 0 and found.low <= 0 <= found.high
    assert above(units([0.0] * n), 0.0).decision == "undecided"


@pytest.mark.parametrize("after", [1.0, 0.7])
def test_one_item_proves_nothing(after: float) -> None:
    found = paired([0.0], [after])
    assert not found.proven and found.low <= 0
    assert not mean_interval([after]).low > 0.5


def test_twenty_nine_groups_cannot_tell_and_thirty_can() -> None:
    few, enough = ([f"g{i // 2}" for i in range(2 * n)] for n in (29, 30))
    assert not paired([0.0] * 58, [1.0] * 58, few).tells and paired([0.0] * 60, [1.0] * 60, enough).proven
    assert above(units([1.0] * 58, few), 0.0).decision == "undecided"
    assert "at least 30" in paired([0.0] * 58, [1.0] * 58, few).reason


def test_too_few_labels_cannot_tell() -> None:
    found = powered_lift([1.0] * 29, [1.0] * 29, [1.0] * 100)
    assert not found.tells and "at least 30" in found.reason and (found.low, found.high) == (-1.0, 1.0)


# Comparing and gating


@pytest.mark.parametrize(
    ("before", "after", "decision"),
    [
        (of([None] * 5), of([1.0] * 5), "undecided"),
        (of([0.0]), of([1.0]), "undecided"),
        (of([1.0] * 40), of([1.0] * 40), "undecided"),
        (of([*[0.0] * 20, *[None] * 20]), of([*[1.0] * 20, *[None] * 20]), "undecided"),
    ],
)
def test_pairs_that_tell_nothing_are_undecided(before: Any, after: Any, decision: str) -> None:
    found = pairs(before, after, cases(len(before)), alpha=0.05)
    assert found.decision == decision and finite([found.lift, found.low, found.high])


@pytest.mark.parametrize(
    ("before", "after", "margin", "said"),
    [
        ({}, {}, 0.05, "nothing to compare"),
        (of([1.0]), {}, 0.05, "has no value after"),
        (of([1.0]), of([1.2]), 0.05, r"\[0, 1\]"),
        (of([1.0]), of([float("nan")]), 0.05, r"\[0, 1\]"),
        (of([1.0]), of([1.0]), 0.0, "margin"),
        (of([1.0]), of([1.0]), 1.0, "margin"),
    ],
)
def test_a_gate_refuses_what_it_cannot_judge(before: Any, after: Any, margin: float, said: str) -> None:
    with pytest.raises(InputError, match=said):
        judged(before, after, cases(len(before)), margin=margin)


def test_a_gate_on_next_to_nothing_cannot_tell() -> None:
    for scores, group in (([1.0], None), ([1.0] * 58, 2), ([None] * 4, None)):
        found = judged(of(scores), of(scores), cases(len(scores), group))
        assert found.decision == "undecided" and "cannot tell" in found.parts[0].reason


# On the command line

GOOD: Rows = [{"id": f"q{i}", "score": i % 2} for i in range(40)]
FILES: list[tuple[str, Rows | str, str]] = [
    ("other ids", [{**r, "id": f"z{i}"} for i, r in enumerate(GOOD)], "ids of"),
    ("one id missing", GOOD[1:], "ids of"),
    ("a score above one", [{"id": r["id"], "score": 2} for r in GOOD], "score"),
    ("a score below zero", [{"id": r["id"], "score": -1} for r in GOOD], "score"),
    ("a score in words", [{"id": r["id"], "score": "good"} for r in GOOD], "score"),
    ("no number", '{"id": "q0", "score": NaN}\n', "q0|NaN|JSON"),
    ("an id twice", [*GOOD, GOOD[0]], "q0"),
    ("no id", [{"score": 1}], "id"),
    ("nothing", "", "no recorded outputs"),
    ("a list", "[1, 2]\n", "object|id"),
    ("binary", "\x00\x01\x02", "JSON|read|text"),
]


@pytest.mark.parametrize(("name", "rows", "said"), FILES, ids=[f[0].replace(" ", "_") for f in FILES])
@pytest.mark.parametrize("command", ["compare", "gate"])
def test_files_that_do_not_fit_are_an_error_with_a_place(
    command: str, name: str, rows: Rows | str, said: str, tmp_path: Path, suffice: Any
) -> None:
    write(tmp_path / "before.jsonl", GOOD)
    write(tmp_path / "after.jsonl", rows)
    done = suffice(command, str(tmp_path / "before.jsonl"), str(tmp_path / "after.jsonl"), "--json")
    told = json.loads(done.stdout)["error"]
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert told["message"] and str(tmp_path) in str(told["file"])
    assert any(word.lower() in f"{told['message']} {told['hint']}".lower() for word in said.split("|"))


@pytest.mark.parametrize("command", ["compare", "gate"])
def test_one_example_is_an_honest_cannot_tell(command: str, tmp_path: Path, suffice: Any) -> None:
    write(tmp_path / "one.jsonl", GOOD[:1])
    done = suffice(command, str(tmp_path / "one.jsonl"), str(tmp_path / "one.jsonl"), "--json")
    body = json.loads(done.stdout, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    decision = body["decision"] if command == "compare" else body["gate"]["decision"]
    assert (decision, done.returncode) == ("undecided", 0 if command == "compare" else 1)
    assert finite(body)


def write(path: Path, rows: Rows | str) -> None:
    text = rows if isinstance(rows, str) else "".join(json.dumps(row) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def suffice() -> Any:
    import subprocess
    import sys

    return lambda *words: subprocess.run(
        [sys.executable, "-m", "suffice", *words], capture_output=True, text=True, check=False
    )
