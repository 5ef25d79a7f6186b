"""The page in a real browser: nothing runs, nothing leaves, everything fits and can be read."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from report.looked_at import PAYLOADS, SETTLED, harmless, legible, opened

from suffice.report import render

pytestmark = pytest.mark.browser

VERDICTS = Path(__file__).parent.parent / "verdicts"
NAMES = sorted(p.stem for p in VERDICTS.glob("*.json"))
FIXED = {
    "part",
    "rung",
    "status",
    "decision",
    "partition",
    "sha256",
    "fingerprint",
    "stack_digest",
    "created",
    "stop_at",
    "looks",
    "hash",
    "row",
    "answer",
    "by",
    "kind",
    "pays",
}


def verdict(name: str = "met") -> dict[str, Any]:
    body: dict[str, Any] = json.loads((VERDICTS / f"{name}.json").read_text("utf-8"))
    return body


def rewritten(value: Any, text: Iterator[str], key: str = "") -> Any:
    """The same verdict with another text in every field that may hold any."""
    if isinstance(value, dict):
        return {k: rewritten(v, text, k) for k, v in value.items()}
    if isinstance(value, list):
        return [rewritten(item, text, key) for item in value]
    return next(text) if isinstance(value, str) and key not in FIXED else value


@pytest.mark.parametrize("name", NAMES)
def test_no_payload_runs_and_no_request_leaves(name: str, browser: Any, tmp_path: Path) -> None:
    hostile = rewritten(verdict(name), (PAYLOADS[n % len(PAYLOADS)] for n in count()))
    hostile.setdefault("ledger", {"attempts": 1, "usd": 0.0})["faults"] = dict.fromkeys(PAYLOADS, 1)
    hostile["economics"].pop("climb", None)
    path = render(hostile, tmp_path / "report.html")
    assert PAYLOADS[0] in harmless(browser, path)


def test_even_markup_that_got_in_could_neither_run_nor_call(browser: Any, tmp_path: Path) -> None:
    path = render(verdict(), tmp_path / "report.html")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        smuggled = (PAYLOADS[1] + PAYLOADS[0]).replace(":9/", f":{server.getsockname()[1]}/")
        path.write_text(path.read_text("utf-8").replace("</main>", smuggled + "</main>"), "utf-8")
        shown = browser.new_page()
        shown.goto(path.as_uri())
        shown.evaluate(SETTLED)
        assert shown.evaluate("[document.images.length, window.pwned]") == [1, None]
        with pytest.raises(BlockingIOError):
            server.accept()
        shown.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_page_never_scrolls_sideways_and_every_text_has_contrast_enough(
    name: str, browser: Any, tmp_path: Path
) -> None:
    shown = opened(browser, render(verdict(name), tmp_path / "report.html"))
    legible(shown)
    shown.close()


@pytest.mark.parametrize("text", ["long " * 400, "x" * 3000, "漢字" * 800])
def test_long_texts_and_huge_numbers_fit_a_phone(text: str, browser: Any, tmp_path: Path) -> None:
    body = rewritten(verdict(), (text for _ in count()))
    body["steps"][3].update(p95_ms=1e200, usd_per_1k=1e200, input_tokens=10**30)
    body["economics"].update(usd_per_month=1e300)
    shown = opened(browser, render(body, tmp_path / "report.html"), 380)
    assert shown.evaluate("document.documentElement.scrollWidth") <= 380
    shown.close()


def test_a_dark_screen_gets_a_dark_page_and_paper_a_white_one(browser: Any, tmp_path: Path) -> None:
    shown = opened(browser, render(verdict(), tmp_path / "report.html"), scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert shown.evaluate(ground) == "rgb(21, 24, 27)"
    shown.emulate_media(media="print")
    assert shown.evaluate(ground) == "rgb(255, 255, 255)"
    shown.close()


def test_print_shows_what_is_folded_on_screen(browser: Any, tmp_path: Path) -> None:
    shown = browser.new_page()
    shown.goto(render(verdict(), tmp_path / "report.html").as_uri())
    height = "document.querySelector('.why details').getBoundingClientRect().height"
    folded = shown.evaluate(height)
    shown.emulate_media(media="print")
    assert shown.evaluate(height) > folded + 20
    shown.close()
