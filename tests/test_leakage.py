"""What test shares with dev, with itself and with the documents, in data and in words."""

from __future__ import annotations

from pathlib import Path

from suffice.data import Dataset, Example
from suffice.leakage import leaks, warnings_of
from suffice.task import Task

ASKED = "May I take the company car home over the weekend"


def task(folder: Path) -> Task:
    (folder / "docs").mkdir()
    (folder / "docs" / "cars.md").write_text("# Cars\n\nWho asks: may I take the company van home over the weekend?\n")
    (folder / "docs" / "broken.pdf").write_bytes(b"not a PDF")
    told = [("d", ASKED, "dev"), ("n", f"{ASKED} please", "test"), ("q", ASKED.replace("car", "van"), "test")]
    told += [("t", "Is lunch free?", "test"), ("u", "is lunch free", "test"), ("v", "Is dinner free?", "test")]
    cases = tuple(Example(id_, text, "yes", split=split) for id_, text, split in told)  # type: ignore[arg-type]
    return Task("t", "g", Dataset(cases), documents=folder / "docs", folder=folder)


def test_all_that_leaks_is_found_and_said(tmp_path: Path) -> None:
    found = leaks(task(tmp_path))
    assert found == {"moved": ("n",), "near": (("n", "d"),), "alike": (("t", "u"),), "quoted": [("q", "cars.md")]}
    moved, alike, quoted = warnings_of(found)
    assert "1 test item nearly repeats a dev item and was moved out of test: n (like d)." in moved
    assert alike.startswith("1 pair of test items") and "t and u" in alike
    assert quoted.startswith("1 test question stands word for word") and "q in cars.md" in quoted


def test_the_exact_and_the_near_are_counted_apart_and_a_few_are_named() -> None:
    near = tuple((f"n{i}", "d") for i in range(7))
    exact, nearly = warnings_of({"moved": ("a", "b", *(n for n, _ in near)), "near": near})
    assert exact == "2 test items also appear in dev and were moved out of test."
    assert nearly.startswith("7 test items nearly repeat a dev item") and nearly.endswith("n4 (like d) and 2 more.")


def test_nothing_found_is_nothing_said() -> None:
    assert warnings_of({"moved": ()}) == [] == warnings_of({"moved": (), "near": (), "alike": (), "quoted": ()})
