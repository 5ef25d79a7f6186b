"""Published tables are compared unpaired, and whatever cannot be read in one way only is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from suffice.errors import InputError
from suffice.stats.unpaired import newcombe
from suffice.summary import Summary, summary


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def told(table: Path, text: str, **more: object) -> Summary:
    table.write_text(text, encoding="utf-8")
    return summary(table, **more)  # type: ignore[arg-type]


def test_every_row_is_compared_with_the_first_and_they_share_the_error(table: Path) -> None:
    found = told(table, "name,score,n,year\nold,0.80,500,2024\nnew,0.87,500,2025\nother,0.82,200,\n")
    assert (found.baseline.name, found.alpha_each, found.paired) == ("old", 0.025, False)
    new, other = found.rows
    assert (new.low, new.high) == newcombe(0.8, 500, 0.87, 500, 0.025) and new.lift == pytest.approx(0.07)
    assert (new.name, new.decision) == ("new", "better") and (other.name, other.decision) == ("other", "undecided")
    assert "unpaired" in found.caution and "right or wrong" in found.caution and found.notes == ()


def test_the_baseline_can_be_named_and_percentages_declare_themselves(table: Path) -> None:
    text = "n, Name ,score\n500,old,80%\n500,new,87.0 %\n"
    found = told(table, text, baseline="new")
    assert found.rows[0].name == "old" and found.rows[0].decision == "worse" and found.baseline.score == 0.87
    with pytest.raises(InputError, match="no row is called `nwe`") as wrong:
        told(table, text, baseline="nwe")
    assert "did you mean `new`" in wrong.value.hint


def test_a_score_that_no_count_gives_is_noted(table: Path) -> None:
    found = told(table, "name,score,n\na,0.875,3\nb,66.7%,3\n".replace("66.7%", "0.667"))
    assert found.notes[0] == "a: no count of 3 items gives this score" and len(found.notes) == 2


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("a,87.3,500\nb,0.8,500\n", "is above 1: a percentage is written with its sign"),
        ("a,101%,500\nb,80%,500\n", "is above 100%"),
        ("a,87%,500\nb,0.8,500\n", "some scores are percentages and some are not"),
        ("a,-0.1,500\nb,0.8,500\n", "no number from 0 to 1"),
        ("a,nan,500\nb,0.8,500\n", "no number from 0 to 1"),
        ("a,.,500\nb,0.8,500\n", "no number from 0 to 1"),
        ("a,0.9,0\nb,0.8,500\n", "n is `0`"),
        ("a,0.9,12.5\nb,0.8,500\n", "n is `12.5`"),
        ("a,0.9,\nb,0.8,500\n", "`n` is missing"),
        ("a,0.9,10\na,0.8,500\n", "stands there twice"),
        ("a,0.9,10\n", "nothing to compare"),
        ("a,0.9\nb,0.8,500\n", "2 cells where the header has 3"),
    ],
)
def test_bad_tables_are_refused_by_line(table: Path, rows: str, said: str) -> None:
    with pytest.raises(InputError, match=said.replace("(", r"\(")):
        told(table, f"name,score,n\n{rows}")


def test_a_table_that_is_none_is_refused(table: Path) -> None:
    with pytest.raises(InputError, match="no such table"):
        summary(table)
    with pytest.raises(InputError, match=r"is a \.csv file"):
        told(table.with_suffix(".txt"), "name,score,n\n")
    with pytest.raises(InputError, match="`score` is missing"):
        told(table, "name,accuracy,n\na,0.9,10\nb,0.8,10\n")
    with pytest.raises(InputError, match="separated by ';'"):
        told(table, "name;score;n\na;0.9;10\n")
