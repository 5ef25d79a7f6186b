"""The money section: the same numbers as the verdict without scripts, the same arithmetic with them, and nothing else
may run."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report.looked_at import PAYLOADS, harmless, legible, opened

from suffice.consumption import Draws
from suffice.cost import ABSENT, FORMULAS, INPUTS, METHOD, Bill, Quantity, cost_of
from suffice.economics import pair_told, stack_told
from suffice.formula import evaluate
from suffice.pricebook import book
from suffice.report import numbers, render
from suffice.types import Json

VERDICTS = Path(__file__).parent.parent / "verdicts"


def bill(title: str, **values: float | str) -> Bill:
    """A stack by numbers, and figures by their names."""
    quantities = {
        n: Quantity.of(book().figure(v)) if isinstance(v, str) else Quantity.exactly(float(v))
        for n, v in values.items()
    }
    return Bill(title, {**quantities, "requests_per_day": Quantity.exactly(20_000)}, basis="a list price")


PROMPT = bill("prompt", tokens_in=2_000, tokens_out=50, usd_in=2.5, usd_cached=1.25, usd_out=10, price_factor=1)
TUNED = bill(
    "fine-tuning",
    model_seconds=0.3,
    machine_hour="gpu_hour",
    slots="gpu_slots",
    peak="peak",
    months=12,
    build="lora_project",
    refreshes="base_changes",
    refresh_weeks="lora_refresh_weeks",
    engineer_week="engineer_week",
)


def priced(title: str = "prompt") -> dict[str, Any]:
    """A verdict with two priced stacks."""
    body: dict[str, Any] = json.loads((VERDICTS / "met.json").read_text("utf-8"))
    draws, sides = Draws(n=200), (PROMPT.having({}, title), TUNED)
    stacks = [
        {"title": b.title, "run": "0" * 8, "kept": b is TUNED, "notes": [], **stack_told(b, cost_of(b, draws))}
        for b in sides
    ]
    figures = [book().figure(q.figure) for q in TUNED.quantities.values() if q.figure]
    told: dict[str, Json] = {"stacks": stacks, "frontier": [], "method": METHOD.format(draws=200)}
    told["break_even"] = [{"heavier": TUNED.title, "lighter": title, **pair_told(TUNED, sides[0], draws)}]
    told["figures"] = [{k: getattr(f, k) for k in f.__dataclass_fields__} for f in figures]
    body["economics"].update(told)
    return json.loads(json.dumps(body))


def page(body: dict[str, Any], folder: Path) -> str:
    return render(body, folder / "report.html").read_text("utf-8")


def test_without_scripts_the_table_says_what_the_verdict_says(tmp_path: Path) -> None:
    body = priced()
    text = page(body, tmp_path)
    for stack in body["economics"]["stacks"]:
        month = stack["usd_per_month"]
        assert numbers.dollars(month["estimate"]) in text
        span = f"{numbers.dollars(month['low'])} to {numbers.dollars(month['high'])}"
        assert (span if month["low"] < month["high"] else numbers.dollars(month["high"])) in text
    assert body["economics"]["break_even"][0]["words"] in text
    assert 'id="money-sliders" class="card framed" hidden' in text
    for figure in body["economics"]["figures"]:
        assert figure["source"] in text and figure["dated"] in text


def test_the_pages_policy_lets_in_this_script_and_no_other(tmp_path: Path) -> None:
    text = page(priced(), tmp_path)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.S)
    seal = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{seal}'" in text and "default-src 'none'" in text and "unsafe" not in text
    assert "http" not in script and "fetch" not in script and "eval(" not in script
    other = page(priced("something else"), tmp_path)
    assert script in other


def test_what_nobody_knows_is_a_dash_and_no_slider(tmp_path: Path) -> None:
    body = priced()
    unknown = {"title": "mystery", "run": "0" * 8, "kept": False, "notes": [], **stack_told(Bill("mystery", {}), None)}
    body["economics"] |= {"stacks": [unknown], "break_even": [], "figures": [], "requests_per_day": None}
    text = page(json.loads(json.dumps(body)), tmp_path)
    assert "nobody knows what its model costs" in text and "does not say how many requests" in text
    assert "<script" not in text and "None" not in re.sub(r"<style>.*?</style>", "", text, flags=re.S)


def test_without_a_volume_a_request_still_has_its_cost(tmp_path: Path) -> None:
    body = priced()
    alone = replace(PROMPT, quantities={n: q for n, q in PROMPT.quantities.items() if n != "requests_per_day"})
    cost = cost_of(alone)
    told = {"title": "prompt", "run": "0" * 8, "kept": True, "notes": [], **stack_told(alone, cost)}
    body["economics"] |= {"stacks": [told], "requests_per_day": None}
    body["economics"]["break_even"] = [{"heavier": "a", "lighter": "b", **pair_told(alone, alone, Draws(n=50))}]
    text = page(json.loads(json.dumps(body)), tmp_path)
    assert told["usd_per_month"] is None and numbers.dollars(cost.request.estimate) in text


def test_a_verdict_without_costs_has_no_script(tmp_path: Path) -> None:
    text = page(json.loads((VERDICTS / "met.json").read_text("utf-8")), tmp_path)
    assert "<script" not in text and "script-src" not in text and "runs nothing." in text


@pytest.mark.browser
def test_sliders_begin_where_the_verdict_stands_and_move_like_python(browser: Any, tmp_path: Path) -> None:
    body = priced()
    shown = opened(browser, render(body, tmp_path / "report.html"))
    assert shown.evaluate("!document.getElementById('money-sliders').hidden")
    cells = shown.evaluate("[...document.querySelectorAll('[data-month]')].map(e => e.textContent)")
    assert cells == [numbers.dollars(s["usd_per_month"]["estimate"]) for s in body["economics"]["stacks"]]
    shown.evaluate("""() => { const s = document.querySelector('input[name="requests_per_day"]');
        s.value = '50'; s.dispatchEvent(new Event('input')); }""")
    cells = shown.evaluate("[...document.querySelectorAll('[data-month]')].map(e => e.textContent)")
    moved = [cost_of(b.at(200_000)).of["month"].estimate for b in (PROMPT, TUNED)]
    assert cells == [numbers.dollars(x) for x in moved]
    assert shown.evaluate("document.querySelector('output[name=\"requests_per_day\"]').textContent") == "200,000"
    shown.close()


@pytest.mark.browser
def test_the_script_in_the_page_is_the_arithmetic_of_python(browser: Any, tmp_path: Path) -> None:
    """On hundreds of inputs, in the page itself, behind its policy."""
    shown = opened(browser, render(priced(), tmp_path / "report.html"))
    draw = random.Random(0)
    cases = [{n: draw.random() * 10 ** draw.randint(0, 5) + 0.01 for n in INPUTS} for _ in range(300)]
    found = shown.evaluate("cases => cases.map(sufficeMoney.cost)", cases)
    assert shown.evaluate("sufficeMoney.absent") == dict(ABSENT)
    for values, told in zip(cases, found, strict=True):
        for n, mine in evaluate(FORMULAS, values).items():
            assert abs(told[n] - mine) <= 1e-9 * max(1.0, abs(mine))
    shown.close()


@pytest.mark.browser
def test_no_payload_runs_beside_the_sliders(browser: Any, tmp_path: Path) -> None:
    body, payloads = priced(PAYLOADS[1]), iter(PAYLOADS * 20)
    economics = body["economics"]
    for stack in economics["stacks"]:
        stack["title"], stack["basis"], stack["notes"] = next(payloads), next(payloads), [next(payloads)]
        stack["inputs"] |= {next(payloads): [0, 0, 0]}
    for figure in economics["figures"]:
        figure["what"], figure["source"] = next(payloads), next(payloads)
    assert PAYLOADS[0] in harmless(browser, render(body, tmp_path / "report.html"), scripts=1)


@pytest.mark.browser
def test_the_section_can_be_read_and_fits(browser: Any, tmp_path: Path) -> None:
    shown = opened(browser, render(priced(), tmp_path / "report.html"))
    legible(shown)
    shown.close()
