"""`suffice price` from the outside: examples to the cent, given numbers, and what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]


def body(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def exact(amount: float) -> dict[str, float]:
    return {"low": amount, "estimate": amount, "high": amount}


GIVEN = ("--tokens-in", "60000", "--tokens-out", "0", "--requests-per-day", "10000", "--usd-per-million-in", "2.5")


def test_example_a_to_the_cent(suffice: Command) -> None:
    told = body(suffice("price", "--example", "A", "--json"))
    assert (told["usd_per_day"], told["usd_per_month"]) == (exact(1_500.0), exact(45_000.0))
    assert told["printed"] == {"printed_per_day": 1_500, "printed_per_month": 45_000, "differs": False}
    given = body(suffice("price", *GIVEN, "--json"))
    assert (given["usd_per_day"], given["usd_per_month"]) == (exact(1_500.0), exact(45_000.0))
    assert "$1,500.00 a day" in suffice("price", *GIVEN).stdout and "$45,000.00" in suffice("price", *GIVEN).stdout


def test_example_b_to_the_cent_with_its_slip_named(suffice: Command) -> None:
    told = body(suffice("price", "--example", "b", "--json"))
    assert (told["usd_per_day"], told["usd_per_month"]) == (exact(5_000.0), exact(150_000.0))
    assert told["printed"] == {"printed_per_day": 1_500, "differs": True}
    days = told["instead"]["pays_back_days"]
    assert days["low"] == pytest.approx(20_000 / 4_800) and days["high"] == pytest.approx(80_000 / 4_600)
    said = suffice("price", "--example", "B").stdout
    assert "$5,000.00 a day" in said and "prints $1,500 a day, which is a slip" in said and "600 tokens" in said


@pytest.mark.parametrize("what", ["batch_share=5", "tokens_cached=50000", "batch_discount=2", "peak=0"])
def test_no_what_if_makes_a_cost_below_nothing(what: str, suffice: Command) -> None:
    asked = ("price", "--tokens-in", "5000", "--requests-per-day", "100", "--model", "gpt-4o-mini", "--json")
    assert body(suffice(*asked, "--what-if", what), 2)["error"]["code"] == "input"


def test_both_corrections_of_the_slip_give_what_the_source_prints(suffice: Command) -> None:
    for tokens, usd in (("2000", "1.5"), ("600", "5")):
        told = suffice(
            "price", "--tokens-in", tokens, "--requests-per-day", "500000", "--usd-per-million-in", usd, "--json"
        )
        assert body(told)["usd_per_day"] == exact(1_500.0)


def test_a_listed_model_gives_its_prices_and_a_what_if_changes_them(suffice: Command) -> None:
    asked = ("price", "--tokens-in", "1000", "--tokens-cached", "400", "--tokens-out", "100", "--model", "gpt-4o-mini")
    told = body(suffice(*asked, "--requests-per-day", "100000", "--json"))
    assert told["usd_per_day"]["estimate"] == pytest.approx(0.1 * (600 * 0.15 + 400 * 0.075 + 100 * 0.6))
    assert "genai-prices" in told["model"]["source"]
    half = body(suffice(*asked, "--requests-per-day", "100000", "--what-if", "price_factor=0.5", "--json"))
    assert half["usd_per_day"]["estimate"] == pytest.approx(told["usd_per_day"]["estimate"] / 2)


def test_no_requests_cost_nothing(suffice: Command) -> None:
    told = body(suffice("price", "--tokens-in", "9", "--requests-per-day", "0", "--usd-per-million-in", "1", "--json"))
    assert told["usd_per_month"] == exact(0.0)


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        (("--tokens-in", "5", "--usd-per-million-in", "1"), "--requests-per-day N"),
        (("--tokens-in", "5", "--requests-per-day", "5"), "--model NAME, or"),
        (("--tokens-in", "5", "--requests-per-day", "5", "--model", "no-such"), "give --usd-per-million-in"),
        (("--tokens-in", "5", "--tokens-cached", "6", *GIVEN[4:]), "is part of"),
        (("--tokens-in", "5", "--tokens-out", "6", *GIVEN[4:]), "--usd-per-million-out"),
        (("--example", "C"), "known: A, B"),
        ((*GIVEN, "--what-if", "tokens_inn=1"), "did you mean `tokens_in`?"),
        (("nowhere", *GIVEN), "suffice price TASK"),
    ],
)
def test_what_is_missing_or_wrong_is_said(given: tuple[str, ...], hint: str, suffice: Command) -> None:
    assert hint in body(suffice("price", *given, "--json"), 2)["error"]["hint"]


def test_a_folder_without_a_verdict_is_told_how_to_get_one(suffice: Command, tmp_path: Path) -> None:
    assert "suffice climb" in body(suffice("price", tmp_path, "--json"), 2)["error"]["hint"]


MINE = """
from suffice.models.scripted import Scripted

def says(request):
    return request.input.split()[1] if request.instructions else "no idea"

def model():
    return Scripted(says, name="mine", usd=0.001)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, suffice: Command) -> Path:
    """A task climbed from the command line."""
    made = tmp_path_factory.mktemp("priced")
    rows = [
        {"id": f"q{n}", "input": f"say w{n * 7919 % 1000} {n}", "expected": f"w{n * 7919 % 1000}"} for n in range(120)
    ]
    (made / "mine.py").write_text(MINE)
    (made / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (made / "suffice.yaml").write_text(
        "goal: Say the word.\nmodel: mine.py:model\nscore: exact\nprofile: {requests_per_day: 5000}\n"
    )
    (made / "prices.yaml").write_text("models: {mine: {input: 3, output: 15}}\n")
    assert suffice("climb", made, "--json").returncode == 0
    return made


def test_a_climbed_task_is_priced(folder: Path, suffice: Command) -> None:
    told = body(suffice("price", folder, "--json"))
    assert told["requests_per_day"] == 5_000 and told["stacks"][0]["usd_per_month"]["estimate"] > 0
    said = suffice("price", folder, COLUMNS="200").stdout
    for words in ("At 5,000 requests a day", "a month", "the task's prices.yaml", "seeded draws", "on own GPUs"):
        assert words in said
    more = body(suffice("price", folder / "verdict.json", "--requests-per-day", "10000", "--json"))
    one, other = (x["stacks"][0]["parts"]["requests_month"]["estimate"] for x in (told, more))
    assert other == pytest.approx(2 * one)


def test_a_volume_that_was_set_after_the_climb_is_not_asked_for_again(
    folder: Path, suffice: Command, tmp_path: Path
) -> None:
    for name in ("mine.py", "examples.jsonl", "suffice.yaml", "prices.yaml", "verdict.json", "records.jsonl"):
        shutil.copy(folder / name, tmp_path / name)
    task = (tmp_path / "suffice.yaml").read_text()
    (tmp_path / "suffice.yaml").write_text(task.replace("5000", "8000"))
    told, said = (suffice("price", tmp_path, *more, COLUMNS="200") for more in (("--json",), ()))
    assert (body(told)["requests_per_day"], body(told)["requests_per_day_today"]) == (5_000, 8_000)
    assert "At 5,000 requests a day on the day of the climb (suffice.yaml says 8,000 by now)" in said.stdout
    given = suffice("price", tmp_path, "--requests-per-day", "9000", COLUMNS="200").stdout
    assert "At 9,000 requests a day, thirty days" in given and "by now" not in given


def test_a_task_that_was_run_and_not_climbed_is_priced_from_its_ledger(
    folder: Path, suffice: Command, tmp_path: Path
) -> None:
    for name in ("mine.py", "examples.jsonl", "suffice.yaml", "prices.yaml"):
        shutil.copy(folder / name, tmp_path / name)
    assert "suffice climb" in body(suffice("price", tmp_path, "--json"), 2)["error"]["hint"]
    assert not (tmp_path / ".suffice").exists()
    ran = body(suffice("run", tmp_path, "--json"))
    told = body(suffice("price", tmp_path, "--requests-per-day", "1000", "--model", "gpt-4o-mini", "--json"))
    (stack,) = told["stacks"]
    assert (
        stack["measured"] == ran["n"] and stack["usd_per_month"]["estimate"] > 0 and told["requests_per_day"] == 1_000
    )
    assert any(way["title"].endswith("on gpt-4o-mini") for way in told["ways"])
    assert "as it was run" in suffice("price", tmp_path).stdout


def test_the_report_of_a_climbed_task_has_sliders(folder: Path) -> None:
    page = (folder / "report.html").read_text("utf-8")
    assert "What each stack costs" in page and "script-src 'sha256-" in page and page.count("<script>") == 1
