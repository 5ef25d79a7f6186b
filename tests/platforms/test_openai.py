"""OpenAI's fine-tuning is closing: what it answers is recognised, and its dates are known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import providers as fake
import pytest

from suffice.demonstrations import Demonstration
from suffice.errors import InputError, ModelError
from suffice.jobs import Pace, train_on
from suffice.platform import Order
from suffice.platforms.openai import Openai

HASTY = Pace(first=0.0, most=0.0, settle=0.0)
NANO, MINI = "gpt-4.1-nano-2025-04-14", "gpt-4.1-mini-2025-04-14"


@pytest.fixture
def server() -> Iterator[fake.OpenAI]:
    with fake.serving(fake.OpenAI(script=["succeeded"])) as running:
        yield running


def test_a_look_shows_until_when_a_model_is_there(server: fake.OpenAI) -> None:
    seen = Openai(f"{server.url}/v1").available(MINI)
    assert (seen.open, seen.shutdown) == (None, {MINI: "2027-01-14"})
    assert "2027-01-14" in seen.reason


def test_a_look_finds_a_model_that_is_gone(server: fake.OpenAI) -> None:
    assert Openai(f"{server.url}/v1").available("gpt-4-0314").open is False


def test_a_closed_door_is_told_with_what_else_there_is(
    server: fake.OpenAI, rows: tuple[Demonstration, ...], tmp_path: Path
) -> None:
    server.closed = "training_not_available"
    with pytest.raises(ModelError, match="training_not_available") as wrong:
        train_on(Openai(f"{server.url}/v1"), rows, Order(MINI), tmp_path, pace=HASTY, today=date(2026, 11, 28))
    assert "suffice platforms" in wrong.value.hint
    assert server.count("POST /v1/fine_tuning/jobs") == 1


@pytest.mark.parametrize("status", ["403", "404", "410"])
def test_a_look_at_a_service_that_is_gone(server: fake.OpenAI, status: str) -> None:
    server.faults = [fake.Fault("GET /v1/fine_tuning/jobs", status)]
    assert Openai(f"{server.url}/v1").available().open is False


@pytest.mark.parametrize(
    ("day", "model", "told"),
    [
        (date(2027, 1, 6), MINI, "takes no new jobs since 2027-01-06"),
        (date(2026, 11, 28), NANO, "shuts down models like gpt-4.1-nano"),
        (date(2028, 1, 1), MINI, "2027-01"),
    ],
)
def test_what_has_ended_is_refused_before_anything_is_sent(
    rows: tuple[Demonstration, ...], tmp_path: Path, day: date, model: str, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        train_on(Openai("http://127.0.0.1:1/v1"), rows, Order(model), tmp_path, today=day)


def test_what_ends_soon_is_a_warning_in_the_jobs_events(
    server: fake.OpenAI, rows: tuple[Demonstration, ...], tmp_path: Path
) -> None:
    job = train_on(Openai(f"{server.url}/v1"), rows, Order(MINI), tmp_path, pace=HASTY, today=date(2026, 11, 28))
    told = [event.what for event in job.events]
    assert any("2027-01-06 (39 days to go)" in t for t in told)
    assert any("2027-01-14 (47 days to go)" in t for t in told)
    assert any("organisations that had never tuned" in t for t in told)
