"""The page of a swap, also in a real browser: it shows each form and its proof, and hostile texts stay text."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import pupils
import pytest
from pupils import school, tuned
from report.looked_at import PAYLOADS, harmless, legible, opened
from report.test_browser import rewritten

from suffice.errors import InputError
from suffice.ledger import Ledger
from suffice.report.swapped import render
from suffice.swap import swap

BASES = ("scholar", "dunce")
"""One that needs no adapter, and one that does nothing by itself."""


def body_of(base: str, folder: Path) -> dict[str, Any]:
    task = school(folder, "wordy", n=300, edge=20)
    with Ledger.open(folder / "ledger.db") as ledger:
        swap(task, tuned(task), f"{pupils.HERE}:{base}", ledger=ledger, margin=0.2, again=False)
    found: dict[str, Any] = json.loads((folder / "swap.json").read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def bodies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return {base: body_of(base, tmp_path_factory.mktemp(base)) for base in BASES}


def unmeasured(body: dict[str, Any]) -> dict[str, Any]:
    """The same swap, had its only form been refused before anything was asked."""
    unasked = ("lift", "low", "high", "needs", "quality", "edge", "stack_digest", "p50_ms", "p95_ms", "usd_per_1k")
    form = {**body["forms"][0], **dict.fromkeys(unasked), "status": "refused", "reason": "owner: nobody", "n": 0}
    gone = dict.fromkeys(("regressions", "economics"))
    return {**body, **gone, "decision": "cannot tell", "forms": [{**form, "variants": [], "stages": []}]}


@pytest.mark.parametrize(("base", "badge", "chip"), [("scholar", "✓ Move", "✓ moves"), ("dunce", "✕ Stay", "✕ proven")])
def test_the_page_holds_the_verdict_and_each_form(
    bodies: dict[str, Any], base: str, badge: str, chip: str, tmp_path: Path
) -> None:
    body = bodies[base]
    text = render(body, tmp_path / "swap.html").read_text("utf-8")
    assert badge in text and chip in text and body["forms"][0]["title"] in text
    assert f"{body['forms'][0]['n']} items" in text and body["test"]["fingerprint"] in text
    assert all(step["what"].split(",")[0] in text for step in body["migration"])
    assert all(duty["what"] in text for duty in body["duties_ended"])
    assert "<script" not in text and "http" not in text.replace("http-equiv", "")


def test_the_tolerated_loss_ends_where_it_is_drawn(bodies: dict[str, Any], tmp_path: Path) -> None:
    """With a margin of 0.2 and a scale that reaches 0.5, the line stands three tenths from the left."""
    body = {**bodies["scholar"], "forms": [{**bodies["scholar"]["forms"][0], "lift": 0.1, "low": -0.1, "high": 0.3}]}
    text = render(body, tmp_path / "swap.html").read_text("utf-8")
    assert '<line class="target" x1="30.00%" x2="30.00%"' in text and '<circle class="dot" cx="60.00%"' in text
    assert '<line class="interval" x1="40.00%" x2="80.00%"' in text


def test_a_swap_in_which_nothing_was_asked_has_a_page(bodies: dict[str, Any], tmp_path: Path) -> None:
    text = render(unmeasured(bodies["dunce"]), tmp_path / "swap.html").read_text("utf-8")
    assert "⊘ refused" in text and "owner: nobody" in text and "not measured" in text


def test_what_is_no_swap_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a swap"):
        render({"format": 1}, tmp_path / "swap.html")
    assert not (tmp_path / "swap.html").exists()


@pytest.mark.browser
@pytest.mark.parametrize("base", BASES)
def test_no_payload_runs_no_request_leaves_and_all_can_be_read(
    bodies: dict[str, Any], base: str, browser: Any, tmp_path: Path
) -> None:
    hostile = rewritten(bodies[base], (PAYLOADS[n % len(PAYLOADS)] for n in count()))
    path = render(hostile, tmp_path / "swap.html")
    assert PAYLOADS[0] in harmless(browser, path)
    shown = opened(browser, path)
    legible(shown)
    shown.close()
