"""Quality on recent traffic: drawn at random, counted once all is labelled, with limits that hold over all looks."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from watch.traffic import exchanges

from suffice.errors import InputError
from suffice.labels import Label, Labels, sha256
from suffice.watch.days import WEEK, Days
from suffice.watch.quality import Draw, Reply, draw, drawable, draws, quality, to_label


def replies(n: int, seed: int, *, truth: float = 0.7, kindness: float = 0.2) -> tuple[list[Reply], dict[int, float]]:
    """Replies that a judge scores too kindly, and what people would say of each."""
    rng, made, right = random.Random(seed), [], {}
    for mark in range(n):
        good = float(rng.random() < truth)
        judge = min(1.0, max(0.0, 0.25 + 0.5 * good + kindness + rng.gauss(0, 0.1)))
        made.append(Reply(mark, f"{mark}", f"q{mark}", f"a{mark}", judge))
        right[mark] = good
    return made, right


def labelled(of: list[Reply], right: dict[int, float]) -> Labels:
    return Labels(tuple(Label(r.id, sha256(r.output), right[r.mark]) for r in of))


def test_the_interval_corrects_a_kind_judge_and_is_shorter_than_labels_alone() -> None:
    made, right = replies(2_000, 1)
    chosen = Draw(0, 27, 100, 0)
    found = quality(made, labelled(made[:100], right), chosen, 1)
    alone = quality([replace(r, score=None) for r in made], labelled(made[:100], right), chosen, 1)
    truth = sum(right.values()) / len(right)
    assert found.estimate is not None and found.low <= truth <= found.high and found.bias is not None
    assert found.bias > 0.02 and found.scored == 1_900
    assert found.high - found.low < 0.9 * (alone.high - alone.low)


def test_the_limits_hold_as_often_as_they_promise() -> None:
    missed = 0
    for seed in range(300):
        made, right = replies(600, seed)
        found = quality(made, labelled(made[:60], right), Draw(0, 27, 60, 0), 1)
        missed += not found.low <= 0.7 <= found.high
    assert missed <= 300 * 0.05


def test_a_later_look_costs_its_share_so_that_all_looks_hold_together() -> None:
    made, right = replies(500, 3)
    told = labelled(made[:50], right)
    levels = [quality(made, told, Draw(0, 27, 50, 0), look).level for look in range(1, 200)]
    assert levels[0] == pytest.approx(0.975) and sum(1 - level for level in levels) < 0.05
    widths = [q.high - q.low for q in (quality(made, told, Draw(0, 27, 50, 0), look) for look in (1, 5))]
    assert widths[1] > widths[0]


def test_one_reply_beyond_those_drawn_leaves_labels_alone() -> None:
    made, right = replies(41, 5)
    found = quality(made, labelled(made[:40], right), Draw(0, 27, 40, 0), 1)
    assert found.estimate is not None and found.low < found.estimate < found.high
    assert found.scored == 0 and found.bias is None


def test_nothing_is_said_before_all_that_was_drawn_is_labelled() -> None:
    made, right = replies(200, 4)
    found = quality(made, labelled(made[:39], right), Draw(0, 27, 40, 0), 1)
    assert found.estimate is None and "39 of 40" in found.reason and (found.low, found.high) == (0.0, 1.0)
    assert "give those" in quality(made[:10], labelled(made[:10], right), Draw(0, 27, 40, 0), 1).reason


def test_what_is_drawn_is_the_same_in_any_order_and_stays_so_when_the_log_grows() -> None:
    told = exchanges(40)
    days = Days()
    days.take(e for e in told if e.time is not None and WEEK.block(e.time) < 20_321 + 30)
    chosen = draw(days, 30)
    assert draws(days) == [chosen] and chosen.last - chosen.first == 27
    first = drawable(told[: len(told) // 2] + told[len(told) // 2 :], WEEK, chosen)
    assert drawable(list(reversed(told)), WEEK, chosen) == first
    names = {e.name for e in told}
    assert {"canary", "anchor"} <= names and not any(r.input.startswith(("canary", "anchor")) for r in first)
    assert [row["score"] for row in to_label(first, chosen)] == [None] * 30
    with pytest.raises(InputError):
        to_label(first[:20], chosen)


def test_a_draw_too_small_or_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="tell nothing"):
        draw(Days(), 10)
    with pytest.raises(InputError, match="no day"):
        draw(Days(), 100)


def test_who_labels_reads_no_secret_and_their_word_counts_all_the_same() -> None:
    made, _ = replies(60, 1)
    key = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD"
    told = [replace(r, input=f"{r.input} {key}", output=f"{r.output} is {key}", score=None) for r in made]
    rows = to_label(told, Draw(0, 27, 40, 0))
    assert key not in str(rows) and all("[api key]" in row["output"] for row in rows)
    given = Labels(tuple(Label(row["id"], sha256(row["output"]), 1.0) for row in rows))
    assert quality(told, given, Draw(0, 27, 40, 0), 1).labelled == 40
    older = Labels(tuple(Label(r.id, sha256(r.output), 1.0) for r in told[:40]))
    assert quality(told, older, Draw(0, 27, 40, 0), 1).labelled == 40
