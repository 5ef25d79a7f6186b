"""Drift: what moved is found, what did not is hardly ever named, and too little is said to be too little."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from audit.made import traffic

from suffice.audit import audit
from suffice.audit.drift import drift
from suffice.audit.signs import Flag
from suffice.audit.spans import DAY, MOST, Spans
from suffice.exchange import Exchange

DAYS = 20


def days(n: int, *, failing: float = 0.02, later: float = 0.02, seed: int = 0, wobble: float = 0.0) -> Spans:
    """A hundred calls a day, each failing with a chance that is the day's."""
    draw, spans = random.Random(seed), Spans()
    for day in range(n):
        chance = max(0.0, (failing if day < n / 2 else later) + draw.gauss(0, wobble))
        for at in range(100):
            flag = Flag.ERROR if draw.random() < chance else Flag.NONE
            spans.add(1.7e9 + day * DAY + at * 800, flag, int(draw.lognormvariate(7, 0.3)), 20, 500.0, "m")
    return spans


def test_a_rate_that_rose_is_found_with_its_day() -> None:
    found = drift(days(DAYS, failing=0.02, later=0.08), [])
    assert found is not None and [one.name for one in found.moved] == ["errors"]
    (moved,) = found.moved
    assert moved.before < 0.04 < moved.after and moved.unit == "days" and moved.since is not None
    assert abs(moved.since - (1.7e9 + DAYS / 2 * DAY)) < 3 * DAY


def test_where_nothing_moved_hardly_anything_is_named() -> None:
    """The family-wise error over all that is tested is 5 %; days that differ from one another are no drift."""
    for wobble in (0.0, 0.02):
        wrong = sum(bool((f := drift(days(DAYS, seed=s, wobble=wobble), [])) and f.moved) for s in range(60))
        assert wrong <= 7


def test_a_short_log_cannot_tell() -> None:
    found = drift(days(1), [])
    assert (found is not None and found.note.startswith("cannot tell")) or (found and found.tested)
    assert drift(Spans(), []) is None
    few = drift(days(3), [])
    assert few is not None and few.moved == ()


def test_other_words_in_requests_are_found() -> None:
    def changing() -> Iterator[Exchange]:
        for at, one in enumerate(traffic(1_200, every=3_600.0)):
            last = one.messages[-1]
            text = f"{last.content} voucher" if at >= 600 and at % 3 == 0 else last.content
            yield replace(one, messages=(one.messages[0], replace(last, content=text)))

    found = audit(changing()).drift
    assert found is not None
    words = next(one for one in found.moved if one.name == "words of requests")
    assert "voucher" in words.words and words.adjusted < 0.05


def test_the_same_words_are_no_drift() -> None:
    found = audit(traffic(1_200, every=3_600.0)).drift
    assert found is not None and found.moved == ()


def test_another_model_and_longer_replies_are_found() -> None:
    def changing() -> Iterator[Exchange]:
        for at, one in enumerate(traffic(1_200, every=3_600.0)):
            usage = replace(one.usage, output_tokens=80) if one.usage and at >= 600 else one.usage
            yield replace(one, model="new" if at >= 600 else "old", usage=usage)

    found = audit(changing()).drift
    assert found is not None
    assert {"share of new", "share of old", "reply tokens"} <= {one.name for one in found.moved}


def test_ten_years_by_the_hour_fit() -> None:
    spans = Spans()
    for at in range(90_000):
        spans.add(1.3e9 + at * 3_600.0, Flag.NONE, 10, 10, None, "m")
    assert len(spans.kept) <= MOST and sum(s.calls for s in spans.kept.values()) == 90_000
