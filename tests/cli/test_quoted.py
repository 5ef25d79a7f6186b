"""What `suffice price` shows a person: it fits, rounds, sums crossings up, and the whole of them is in --json."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from suffice.cli.quoted import pays, quote
from suffice.consumption import Draws
from suffice.cost import METHOD, Bill, Quantity, cost_of
from suffice.economics import pair_told, stack_told
from suffice.pricebook import book

VOLUME = 20_000.0


def bill(title: str, **values: float | str) -> Bill:
    """A stack by numbers, and figures by their names."""
    quantities = {}
    for name, value in values.items():
        quantities[name] = Quantity.of(book().figure(value)) if isinstance(value, str) else Quantity.exactly(value)
    return Bill(title, quantities, basis=f"the price of {title}").at(VOLUME)


LISTED = bill("prompt", tokens_in=300.0, usd_in=2.5, price_factor=1.0)
OWN = bill("prompt, on own GPUs", model_seconds=0.2, machine_hour="gpu_hour", slots=1.0, peak="peak")
TUNED = bill("fine-tuning", tokens_in=100.0, usd_in=2.5, price_factor=1.0, build="lora_project", months=12.0)


def body(*pairs: tuple[Bill, Bill]) -> dict[str, Any]:
    draws, bills = Draws(n=200), list(dict.fromkeys(b.title for p in pairs for b in p))
    by = {b.title: b for p in pairs for b in p}
    stacks = [
        {"title": t, "run": "0" * 8, "kept": t == "prompt", "notes": ["few"], **stack_told(by[t], cost_of(by[t]))}
        for t in bills
    ]
    told = [{"heavier": h.title, "lighter": light.title, **pair_told(h, light, draws)} for h, light in pairs]
    figures = [book().figure(q.figure) for b in by.values() for q in b.quantities.values() if q.figure]
    listed = [{n: getattr(f, n) for n in f.__dataclass_fields__} for f in figures]
    whole = {"requests_per_day": VOLUME, "stacks": stacks, "ways": [], "break_even": told, "frontier": []}
    return json.loads(json.dumps({**whole, "models": [], "figures": listed, "method": METHOD.format(draws=200)}))  # type: ignore[no-any-return]


def shown(told: dict[str, Any], columns: int) -> str:
    page = StringIO()
    quote(told, Console(file=page, width=columns))
    return page.getvalue()


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_it_fits_and_says_everything_once(columns: int) -> None:
    told = shown(body((OWN, LISTED), (TUNED, LISTED)), columns)
    assert max(len(line) for line in told.splitlines()) <= columns
    flat = " ".join(told.split())
    for words in (
        "20,000 requests a day",
        "1,000 requests",
        "the price of fine-tuning",
        "$2,000 to $8,000",
        "mercatus",
    ):
        assert words in flat
    assert "e-0" not in told and "e+0" not in told and flat.count(": few") == 1


def test_rows_do_not_break_at_eighty_columns() -> None:
    lines = shown(body((OWN, LISTED), (TUNED, LISTED)), 80).splitlines()
    rows = [line for line in lines[2:6] if "$" in line]
    assert len(rows) == 3 and all(" to " in row for row in rows if "own" in row)


def test_many_crossings_are_summed_up_and_all_in_json() -> None:
    (pair,) = body((OWN, LISTED))["break_even"]
    at = pair["requests_per_day"]["at"]
    told = pays(pair, VOLUME)
    assert len(at) > 2 and f"turn that {len(at)} times" in told and told.count(",000") <= 8
    assert "costs less than prompt beyond" in told and "at 20,000 requests a day it has never cost less" in told


def test_one_crossing_is_told_with_its_limits_and_none_with_its_doubt() -> None:
    (pair,) = body((TUNED, LISTED))["break_even"]
    assert "fine-tuning costs less than prompt from " in pays(pair, VOLUME) and " to " in pays(pair, VOLUME)
    never = {
        **pair,
        "requests_per_day": {**pair["requests_per_day"], "answer": "never", "at": [], "shares": {"never": 0.9}},
    }
    assert "fine-tuning never costs less than prompt (in 90% of draws)" in pays(never, VOLUME)
    assert pays({**pair, "month": None}, None).endswith("requests a day")


def test_limits_that_hold_for_some_draws_alone_say_for_how_many() -> None:
    found = {
        "answer": "from",
        "at": [46_296.0],
        "low": 2_127.0,
        "high": 62_394.0,
        "shares": {"from": 0.55, "never": 0.45},
    }
    pair = {"heavier": "a (2)", "lighter": "b", "requests_per_day": found, "month": None}
    told = "a (2) costs less than b from 46,000 (2,000 to 62,000 where it pays at all: in 55% of draws, never in 45%)"
    assert pays(pair, None) == f"{told} requests a day"
    never = {**found, "answer": "never", "at": [], "low": None, "high": None}
    assert pays({**pair, "requests_per_day": never}, None) == "a (2) never costs less than b (in 45% of draws)"


@pytest.mark.parametrize(("starts", "count", "word"), [(True, 3, "more"), (True, 4, "less"), (False, 2, "more")])
def test_which_one_is_cheaper_in_the_end_follows_from_the_first(starts: bool, count: int, word: str) -> None:
    at = [1_000.0 * (n + 1) for n in range(count)]
    words = "up to 1,000" if starts else "from 1,000 to 2,000"
    found: dict[str, Any] = {
        "answer": "between",
        "at": at,
        "low": None,
        "high": None,
        "shares": {},
        "words": words,
        "cut": True,
    }
    told = pays({"heavier": "a", "lighter": "b", "requests_per_day": found, "month": None}, None)
    assert f"a costs {word} than b beyond {count},000" in told and f"at least {count} times" in told


def test_which_volume_is_meant_is_said() -> None:
    for told, today, words in (
        (None, None, "set profile.requests_per_day, or --requests-per-day N"),
        (None, 8_000.0, "suffice.yaml says 8,000 requests a day by now: climb again, or --requests-per-day 8000"),
        (VOLUME, VOLUME, "At 20,000 requests a day, thirty days a month"),
        (VOLUME, 8_000.0, "on the day of the climb (suffice.yaml says 8,000 by now)"),
    ):
        whole = {**body((OWN, LISTED)), "requests_per_day": told, "requests_per_day_today": today}
        assert words in " ".join(shown(whole, 200).split())
