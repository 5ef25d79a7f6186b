"""The latency section: the same numbers as the verdict, one scale for all bars, and pages without it as they were."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from report.looked_at import PAYLOADS, legible, opened

from suffice.forecast import forecast
from suffice.latency import Peak, Timing, latency
from suffice.report import numbers, render
from suffice.report.times import FAR, limit_far, rows, time_bar
from suffice.response import in_verdict

VERDICTS = Path(__file__).parent.parent / "verdicts"


def told(slo: float | None = 900.0, rate: float | None = 2.0) -> dict[str, Any]:
    """Sixty requests through retrieval and a model, and what a rate does to them."""
    times = [Timing(f"q{i}", 40 + 7.0 * i, {"retrieval": 10 + i, "model": 30 + 6.0 * i}) for i in range(60)]
    ahead = None
    if rate is not None:
        ahead = forecast([t.ms for t in times], 2, Peak(rate, rate * 28_800, 3.0, "as given"), slo_ms=slo)
    found = in_verdict(latency(times, slo_ms=slo), "60 test items, asked one at a time", ahead)
    return json.loads(json.dumps(found))  # type: ignore[no-any-return]


def page(folder: Path, found: dict[str, Any] | None = None) -> Path:
    body = json.loads((VERDICTS / "met.json").read_text("utf-8"))
    return render({**body, "latency": told() if found is None else found}, folder / "report.html")


def test_the_section_says_what_the_verdict_says(tmp_path: Path) -> None:
    text = page(tmp_path).read_text("utf-8")
    found = told()
    assert found["words"] in text and found["peak"]["words"] in text and found["measured"] in text
    for stage in (*found["stages"], found["whole"]):
        assert f"<b>{numbers.milliseconds(stage['p95']['estimate'])}</b>" in text
    assert "Predicted, not measured" in text and text.count('class="slo"') == 3  # two bars and the legend
    assert "Where the time goes in the final stack" not in text


def test_a_verdict_from_before_latency_keeps_its_picture(tmp_path: Path) -> None:
    body = json.loads((VERDICTS / "met.json").read_text("utf-8"))
    for latency_ in ({}, {"latency": None}):
        text = render({**body, **latency_}, tmp_path / "report.html").read_text("utf-8")
        assert "Where the time goes in the final stack" in text and 'id="latency"' not in text


def test_bars_lie_inside_each_other_on_one_scale() -> None:
    for row in rows(told()):
        widths = [float(w) for w in re.findall(r'class="p\d\d" x="0"[^>]* width="([\d.]+)%"', str(time_bar(row)))]
        assert widths == sorted(widths, reverse=True) and len(widths) == 3 and 0 < widths[0] < 100
    assert len({row["scale"] for row in rows(told())}) == 1


@pytest.mark.parametrize(("times", "drawn"), [(0.9, 2), (FAR * 0.99, 2), (FAR * 1.5, 0)])
def test_a_limit_far_beyond_is_told_and_not_drawn(times: float, drawn: int) -> None:
    longest = max(row[p] for row in rows(told(None)) for p in ("p99", "high") if row[p])
    found = told(longest * times)
    assert sum('class="slo"' in str(time_bar(row)) for row in rows(found)) == drawn
    assert bool(limit_far(found)) is (drawn == 0)


def test_without_a_volume_or_a_limit_that_is_said(tmp_path: Path) -> None:
    text = page(tmp_path, told(None, None)).read_text("utf-8")
    assert "profile.requests_per_day" in text and 'class="slo"' not in text


def test_a_queue_without_end_has_no_bar(tmp_path: Path) -> None:
    found = told(rate=900.0)
    assert "the queue grows without end</dd>" in page(tmp_path, found).read_text("utf-8")
    assert 'class="p95"' not in str(time_bar(rows(found)[-1]))


@pytest.mark.browser
def test_it_can_be_read_fits_and_runs_nothing(browser: Any, tmp_path: Path) -> None:
    found = told()
    found["stages"][0]["name"], found["words"], found["measured"] = PAYLOADS[0], PAYLOADS[1], PAYLOADS[3]
    found["peak"]["words"], found["peak"]["how"] = PAYLOADS[4], PAYLOADS[6]
    for one in (told(), told(rate=900.0), found):
        shown = opened(browser, page(tmp_path, one))
        legible(shown)
        assert shown.evaluate("window.pwned") is None
        assert shown.evaluate("document.querySelectorAll('main img, main script, main iframe, main base').length") == 0
        shown.close()
