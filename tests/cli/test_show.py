"""A verdict in a terminal: every rung with its numbers and reason, whatever the width, and nothing cut off."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from suffice.cli import show

VERDICTS = sorted((Path(__file__).parent.parent / "verdicts").glob("*.json"))


def shown(body: Any, width: int) -> str:
    screen = Console(file=io.StringIO(), width=width, highlight=False)
    show.verdict(body, screen, folder=Path("task"))
    return screen.file.getvalue()  # type: ignore[attr-defined]  # the StringIO that was given


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("width", [80, 140])
@pytest.mark.parametrize("path", VERDICTS, ids=lambda path: path.stem)
def test_everything_that_was_decided_is_said(path: Path, width: int) -> None:
    body = json.loads(path.read_text("utf-8"))
    text = shown(body, width)
    assert all(len(line) <= width for line in text.splitlines()) and "…" not in text
    for said in (body["headline"], *body["warnings"], *body["what_would_change_this"], "task/report.html"):
        assert words(said) in words(text), said
    for step in body["steps"]:
        assert step["title"] in text and show.STATUS[step["status"]][0] in text
        if step["quality"] and step["quality"]["estimate"] is not None:
            assert f"{step['quality']['estimate']:.2f} [" in text


def test_numbers_that_are_not_known_are_dashes() -> None:
    body = json.loads(VERDICTS[0].read_text("utf-8"))
    for step in body["steps"]:
        for group, names in (("quality", ("estimate", "low", "high")), ("comparison", ("lift", "low", "high"))):
            if step[group]:
                step[group].update(dict.fromkeys(names))
    assert "–" in shown(body, 120) and "None" not in shown(body, 120)


def test_what_comes_from_others_is_no_markup() -> None:
    body = json.loads(VERDICTS[0].read_text("utf-8"))
    body["headline"] = "[red]not markup[/red] [/]"
    assert "[red]not markup[/red] [/]" in shown(body, 120)


@pytest.mark.parametrize(("tried", "said"), [([], False), ([{"probe": "restated"}], True)])
def test_that_nothing_helped_is_said_only_where_something_was_tried(tried: list[Any], said: bool) -> None:
    body = json.loads(VERDICTS[0].read_text("utf-8"))
    body["diagnosis"] = [{"cause": "undiagnosed", "share": 1.0, "low": None, "high": None, "proved_by": "", "also": []}]
    body["diagnosis_of"] = {"note": "there is nothing to intervene in", "words": [], "tried": tried}
    text = words(shown(body, 120))
    assert "there is nothing to intervene in" in text and ("nothing that was tried fixes these" in text) is said


def trained() -> Any:
    return json.loads((Path(__file__).parent.parent / "verdicts" / "trained.json").read_text("utf-8"))


def test_what_was_trained_is_told_with_its_curves_and_what_it_broke() -> None:
    body = trained()
    text = words(shown(body, 100))
    last, twice = body["learning_curve"]["measured"][-1], body["learning_curve"]["gain"]
    assert f"{last['rows']:,} rows {last['estimate']:.2f}, on 62 dev items held out" in text
    assert f"twice as many rows: cannot tell: {twice['estimate']:+.3f} [" in text
    assert body["learning_curve"]["stopped"] in text
    assert "the student answers 91%, 0.99 together on 140 dev items" in text and "a loss of 0.02 is ruled out" in text
    assert "in general: 0.01 → 0.01 on 130 questions of no task" in text and "regressed" not in text
    assert words(body["regressions"]["worth"]["words"]) in text


def test_slices_that_regressed_are_named_and_a_student_that_is_never_sure_too() -> None:
    body = trained()
    body["regressions"]["slices"][0] |= {"name": "refunds", "before": 0.9, "after": 0.4, "low": -0.8, "high": -0.2}
    body["regressions"]["slices"][0] |= {"regressed": True}
    body["regressions"] |= {"core": None, "general": None}
    body["deferral"]["threshold"] = None
    text = words(shown(body, 100))
    assert "regressed: refunds 0.90 → 0.40 [-0.80, -0.20]" in text and "in general" not in text
    assert "even the student's surest answers lose more than 0.02" in text


def test_a_curve_of_two_points_promises_nothing() -> None:
    body = trained()
    body["learning_curve"] |= {"gain": None, "predicted": [], "stopped": ""}
    assert "twice as many rows: cannot tell, at" in words(shown(body, 100))
