"""Moving target: changed answers and changing documents are found, measured, and rule out what they must."""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import world

from suffice.data import Example
from suffice.documents import Corpus
from suffice.moving import Answers, History, answers_over_time, history_of, judged, moving, moving_of
from suffice.stats.moved import Moved
from suffice.task import Profile
from suffice.types import Json

START = datetime(2026, 1, 1, tzinfo=UTC)
ASKED = {
    "refund": ["please send my money back for order {}", "i want my money returned for order {}"],
    "shipping": ["where on its way is the parcel of order {}", "the parcel of order {} has not come"],
    "account": ["i cannot log in to my account {}", "my password for account {} does not work"],
}
NOTHING = History(0, 0, 0, None, {})


def told(n: int = 120, days: float = 100, noise: float = 0.0, moved: str | None = None) -> list[Example]:
    """Requests of three kinds over time; of one kind, the answer is another one in the second half."""
    drawn, found = random.Random(5), []
    for at in range(n):
        kind = drawn.choice(sorted(ASKED))
        answer = "money" if kind == moved and at >= n / 2 else kind
        answer = drawn.choice(sorted(ASKED)) if drawn.random() < noise else answer
        when = START + timedelta(days=days * at / n)
        text = drawn.choice(ASKED[kind]).format(drawn.randrange(1000))
        found.append(Example(f"e{at:04}", text, answer, time=when.isoformat()))
    return found


def over_time(examples: Sequence[Example]) -> Answers:
    return answers_over_time(examples, embedder=None)


def test_like_inputs_with_another_answer_since_a_day_are_found() -> None:
    found = over_time(told(moved="refund"))
    assert found.decision == "moving" and found.p == 1 / 200 and found.by == "words"
    assert [(s.old, s.new) for s in found.shifted] == [("refund", "money")] and found.share > 0.2
    assert found.since is not None and "2026-02-10" <= found.since <= "2026-03-02"
    life = found.half_life
    assert life is not None and life.days == pytest.approx(99.17 * math.log(2) / -math.log(2 / 3), rel=0.01)
    assert life.low < life.days and (life.high is None or life.high > life.days)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_answers_that_stay_are_still_however_noisy(noise: float) -> None:
    found = over_time(told(noise=noise))
    assert (found.decision, found.shifted, found.half_life) == ("still", (), None)


@pytest.mark.parametrize(
    ("examples", "why"),
    [
        ([], "0 examples have a time"),
        (told(40), "40 examples have a time, and 50 are needed"),
        ([replace(e, time=None) for e in told()], "0 examples have a time"),
        ([replace(e, time="2026-01-01") for e in told()], "have the same time"),
        ([replace(e, expected=f"answer {e.id}") for e in told()], "120 of 120 answers occur once"),
    ],
)
def test_too_little_to_tell_is_said(examples: Sequence[Example], why: str) -> None:
    found = over_time(examples)
    assert found.decision == "cannot tell" and why in found.reason


def test_what_is_left_out_is_counted_and_large_sets_are_thinned_over_time() -> None:
    odd = [
        Example("a", "x", "y"),
        Example("b", "x", None, time="2026-01-01"),
        Example("c", " ", "y", time="2026-01-01"),
    ]
    found = over_time([*told(1_600), *odd])
    assert found.skipped == {"no time": 1, "no input or no expected answer": 2, "more than are compared": 100}
    assert found.n == 1_500 and found.decision == "still"


@pytest.mark.parametrize(
    ("change", "n", "decision"),
    [
        ({}, 200, "moving"),
        ({"p": 0.03}, 200, "still"),
        ({"share": 0.05}, 200, "cannot tell"),
        ({"p": 0.5, "comparable": 20}, 200, "cannot tell"),
        ({"seasonal": True}, 200, "moving"),
        ({"seasonal": True}, 140, "cannot tell"),  # fewer than 15 a kind, of kinds that come and go
    ],
)
def test_a_change_must_be_surprising_many_and_told_from_traffic(change: dict[str, Any], n: int, decision: str) -> None:
    found = replace(Moved(0.005, 20_000.0, 0.2, 0.02, 100, (), 10, False), **change)
    assert judged(found, n, "2026-02-01", 90)[0] == decision


def test_times_with_and_without_a_zone_are_in_one_order() -> None:
    mixed = [replace(e, time=(e.time or "")[:19]) if n % 2 else e for n, e in enumerate(told(moved="refund"))]
    assert over_time(mixed).share == over_time(told(moved="refund")).share


# Documents


def written(folder: Path, copies: dict[str, str]) -> Corpus:
    for name, text in copies.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return Corpus(folder)


def test_dated_copies_say_how_often_documents_change(tmp_path: Path) -> None:
    """Ten looks 30 days apart, changes at every second: the closed form for equal gaps; 5 of 20 sentences gone."""
    days = [(START + timedelta(days=30 * n)).date() for n in range(11)]
    copies = {f"leave-{day}.md": f"Always the same.\n\nRule {n // 2}." for n, day in enumerate(days)}
    found = history_of(written(tmp_path, copies))
    assert (found.documents, found.looks, found.changes, found.replaced) == (1, 10, 5, 0.5)
    life = found.half_life
    assert life is not None and life.days == pytest.approx(math.log(2) / (-math.log(0.75) / 30), rel=1e-6)
    assert life.low < life.days < (life.high or math.inf)


@pytest.mark.parametrize("name", ["{}/leave.md", "a/leave_{}.md", "{}-leave.md", "leave.{}.md"])
@pytest.mark.parametrize("shape", ["%Y-%m-%d", "%Y%m%d", "%Y_%m_%d"])
def test_dates_stand_anywhere_in_a_path(name: str, shape: str, tmp_path: Path) -> None:
    copies = {name.format((START + timedelta(days=9 * n)).strftime(shape)): f"Rule {n}." for n in range(3)}
    found = history_of(written(tmp_path, copies))
    assert (found.documents, found.looks, found.changes) == (1, 2, 2)


def test_what_has_no_date_is_counted(tmp_path: Path) -> None:
    copies = {"a.md": "A.", "b_v2.md": "B.", "c-2026-01-01.md": "C.", "c-2026-02-01.md": "", "d-2026-02-31.md": "D."}
    found = history_of(written(tmp_path, copies))
    assert dict(found.skipped) == {"no date": 1, "version without a date": 1, "no words": 1} or found.looks == 0
    assert found.half_life is None


def test_documents_that_stay_bound_the_half_life_from_below(tmp_path: Path) -> None:
    copies = {f"{2020 + n}-01/leave.md": "The same." for n in range(6)}
    found = history_of(written(tmp_path, copies))
    life = found.half_life
    assert life is not None and (life.days, life.high) == (None, None) and life.low > 300
    assert moving(over_time([]), found).decision == "still"


# What is ruled out


def test_a_fast_target_rules_out_tuning_and_a_volatile_one_the_index(tmp_path: Path) -> None:
    weekly = history_of(
        written(tmp_path / "w", {f"{START.date() + timedelta(7 * n)}.md": f"R {n}." for n in range(30)})
    )
    found = moving(over_time([]), weekly)
    assert found.decision == "moving" and [r.rung for r in found.rules_out] == ["fine_tuning", "distillation"]
    assert (
        all(r.by == "proven" and "§3" in r.source for r in found.rules_out)
        and "Ruled out: fine_tuning" in found.sentence
    )
    stated = moving(over_time([]), NOTHING, "hourly")
    assert [(r.rung, r.by) for r in stated.rules_out] == [
        (rung, "stated") for rung in ("fine_tuning", "distillation", "retrieval")
    ]
    assert moving(over_time([]), NOTHING, "yearly").rules_out == ()


def test_a_task_is_judged_by_its_dev_examples_and_documents(tmp_path: Path) -> None:
    found = moving_of(world(tmp_path, documents=3, profile=Profile(knowledge_changes="weekly")))
    assert found.decision == "cannot tell" and found.stated == "weekly" and found.history.documents == 0
    assert [r.rung for r in found.rules_out] == ["fine_tuning", "distillation"]


TIMES = st.one_of(st.none(), st.datetimes().map(lambda t: t.isoformat()), st.text(max_size=9))


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.text(), st.one_of(st.none(), st.text(max_size=2)), TIMES), min_size=45, max_size=70))
def test_whatever_is_said_nothing_breaks(rows: list[tuple[str, Json, str | None]]) -> None:
    found = over_time([Example(f"e{n}", i, a, time=t) for n, (i, a, t) in enumerate(rows)])
    assert 0 <= found.share <= 1 and 0 < found.p <= 1 and found.reason
    assert found.n + sum(found.skipped.values()) == len(rows)


@pytest.mark.parametrize("text", ["مرحبا {}", "東京都{}", "\u202e\u0000{}", "x" * 20_000 + "{}"])
def test_hostile_inputs_are_only_read(text: str) -> None:
    rows = [replace(e, input=text.format(n % 7)) for n, e in enumerate(told(60))]
    assert over_time(rows).decision in ("still", "cannot tell")


# Real data


SEASONS = {
    "card_arrival": (1, 2),
    "exchange_rate": (1, 1),
    "lost_or_stolen_card": (2, 1),
    "pin_blocked": (2, 2),
    "top_up_failed": (2, 3),
}


def test_a_relabelled_intent_is_found_and_changing_traffic_is_not(data: Path, minilm: Path, tmp_path: Path) -> None:
    with (data / "banking77" / "test.csv").open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["category"] in SEASONS]

    def found(seed: int, *, season: bool = False, change: bool = False) -> bool:
        drawn, cases = random.Random(seed), []
        for n, row in enumerate(rows):
            answer, shape = row["category"], SEASONS[row["category"]] if season else (1, 1)
            at = drawn.betavariate(*shape)
            answer = "card_lost" if change and answer == "lost_or_stolen_card" and at > 0.5 else answer
            time = (START + timedelta(days=200 * at)).isoformat()
            cases.append(Example(f"{n}", row["text"], answer, time=time))
        return answers_over_time(cases, folder=tmp_path, seed=seed).decision == "moving"

    assert all(found(seed, change=True) for seed in range(3))
    assert sum(found(seed, season=season) for seed in range(3) for season in (True, False)) <= 1
