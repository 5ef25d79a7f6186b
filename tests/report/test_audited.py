"""The page of an audit, also in a real browser: hostile logs stay text, secrets stay masked, everything fits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from audit.made import SCHEMA, call, traffic
from report.looked_at import PAYLOADS, harmless, legible, opened

from suffice.audit import audit
from suffice.audit.found import body_of
from suffice.errors import InputError
from suffice.exchange import Exchange
from suffice.report.audited import render
from suffice.types import Message, Tool, ToolCall

KEY = "sk-proj-abcdefghijklmnop0123456789"


def hostile() -> Iterator[Exchange]:
    """Calls of two weeks in which every text is somebody's attack, and something of everything goes wrong."""
    texts = (PAYLOADS[n % len(PAYLOADS)] for n in count())
    for at, one in enumerate(traffic(900, every=1_500.0)):
        bad = next(texts)
        asked = f"{one.messages[-1].content} {bad} {KEY}"
        system = Message("system", f"It is {at}. {bad}\n{one.messages[0].content}")
        again = {"messages": (system, Message("user", asked)), "name": f"stage {bad}", "model": f"{bad}"}
        if at % 9 == 0:
            yield replace(one, **again, reply=None, error=f"500 {bad} {KEY}")
        elif at % 9 == 1:
            yield replace(one, **again, schema=SCHEMA, reply=Message("assistant", f"{bad} {KEY}"))
        elif at % 9 == 2:
            reply = Message("assistant", "", (ToolCall(bad, {bad: KEY}),))
            yield replace(one, **again, tools=(Tool("t", bad),), reply=reply)
        else:
            yield replace(one, **again, finish=bad, reply=Message("assistant", f"I'm sorry, but I cannot help. {bad}"))


@pytest.fixture(scope="module")
def attacked() -> dict[str, Any]:
    return body_of(audit([*hostile(), *(call(f"{n}{bad}", bad) for n, bad in enumerate(PAYLOADS))], sources=PAYLOADS))


@pytest.fixture(scope="module")
def usual() -> dict[str, Any]:
    return body_of(audit(traffic(1_000, every=1_800.0), sources=["traffic.jsonl"]))


def test_the_page_holds_what_was_found(usual: dict[str, Any], tmp_path: Path) -> None:
    text = render(usual, tmp_path / "audit.html").read_text("utf-8")
    assert usual["headline"] in text and "traffic.jsonl" in text and "Cacheable" in text
    assert "<script" not in text and "http" not in text.replace("http-equiv", "")


@pytest.mark.parametrize("calls", [[], [Exchange("1")], [Exchange("2", kind="tool", ms=5.0)], [call(time=1.7e9)]])
def test_an_audit_of_hardly_anything_has_a_page(calls: list[Exchange], tmp_path: Path) -> None:
    assert render(body_of(audit(calls)), tmp_path / "audit.html").stat().st_size > 5_000


def test_what_is_no_audit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not an audit"):
        render({"calls": 1}, tmp_path / "audit.html")


def test_secrets_are_in_neither_the_numbers_nor_the_page(attacked: dict[str, Any], tmp_path: Path) -> None:
    text = render(attacked, tmp_path / "audit.html").read_text("utf-8")
    assert KEY not in text and KEY not in json.dumps(attacked)
    assert "abcdefghijklmnop" not in text and "[api key]" in text


@pytest.mark.browser
def test_no_payload_runs_and_no_request_leaves(attacked: dict[str, Any], browser: Any, tmp_path: Path) -> None:
    path = render(attacked, tmp_path / "audit.html")
    assert PAYLOADS[0] in harmless(browser, path)


@pytest.mark.browser
@pytest.mark.parametrize("which", ["attacked", "usual"])
def test_the_page_fits_and_can_be_read(which: str, request: Any, browser: Any, tmp_path: Path) -> None:
    body = request.getfixturevalue(which)
    shown = opened(browser, render(body, tmp_path / "audit.html"))
    legible(shown)
    shown.close()
