"""Clusters of failing requests: on real questions, failures of two intents come apart, each told by its words."""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from audit.made import call

from suffice.audit import audit
from suffice.audit.words import apart, bag, grouped
from suffice.exchange import Exchange

FAILING = {"exchange_rate": 0.9, "lost_or_stolen_phone": 0.9}
RARELY = 0.005


def questions(data: Path) -> list[tuple[str, str]]:
    with (data / "banking77" / "train.csv").open(encoding="utf-8") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]


def logged(rows: list[tuple[str, str]], seed: int) -> Iterator[Exchange]:
    draw = random.Random(seed)
    for at, (text, category) in enumerate(draw.sample(rows, 4_000)):
        fails = draw.random() < FAILING.get(category, RARELY)
        yield call(f"{category}/{at}", text, "I'm sorry, but I can't help with that." if fails else "Of course.")


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_failures_of_two_intents_come_apart(data: Path, seed: int) -> None:
    found = audit(logged(questions(data), seed), seed=seed).clusters
    typical = [cluster.typical.id.split("/")[0] for cluster in found]
    assert set(FAILING) <= set(typical[:4])
    for category, words in (("exchange_rate", {"exchange", "rate"}), ("lost_or_stolen_phone", {"phone", "lost"})):
        mine = [cluster for cluster, of in zip(found, typical, strict=True) if of == category]
        assert any(words & set(cluster.words) for cluster in mine)


def test_how_often_such_requests_fail_is_told_where_many_are_alike() -> None:
    """A quarter of calls asks for a voucher, and four in five of these are refused; nothing else is."""
    draw, calls = random.Random(0), []
    for at in range(2_000):
        voucher = at % 4 == 0
        text = f"{'please send me a new voucher code' if voucher else 'when does my parcel arrive at home'} number {at}"
        said = "I'm sorry, but I can't help with that." if voucher and draw.random() < 0.8 else "Of course."
        calls.append(call(str(at), text, said))
    (found,) = audit(calls).clusters
    assert found.rate == pytest.approx(0.8, abs=0.06) and {"voucher", "code"} <= set(found.words)


def test_groups_of_real_intents_are_found_again(data: Path) -> None:
    """Four intents of 60 questions each: nine in ten of a group are of one intent."""
    rows = questions(data)
    chosen = ["exchange_rate", "passcode_forgotten", "top_up_failed", "age_limit"]
    texts = [(text, of) for name in chosen for text, of in [r for r in rows if r[1] == name][:60]]
    groups = grouped(bag([text for text, _ in texts]).rows, seed=0)
    pure = 0
    for g in range(len(groups.centres)):
        inside = Counter(texts[int(at)][1] for at in np.flatnonzero(groups.of == g))
        pure += max(inside.values(), default=0)
    assert len(groups.centres) >= 4 and pure / len(texts) > 0.9


def test_alike_texts_are_one_group() -> None:
    same = bag([f"where is my parcel number {n}" for n in range(40)])
    assert len(set(grouped(same.rows).of.tolist())) == 1


def test_texts_far_apart_are_chosen_first() -> None:
    texts = ["the parcel is late"] * 10 + ["parcel late please"] * 10 + ["breakfast at the hotel"] * 2
    rows = bag(texts).rows
    assert 19 <= apart(rows[1:], 2, rows[:1])[0] <= 20
    assert apart(rows[:0], 3, rows) == []
