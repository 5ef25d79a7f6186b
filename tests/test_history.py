"""Verdicts and decisions are remembered as they were, and a change to either is noticed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from suffice.errors import Damaged, InputError
from suffice.history import (
    CHOICES,
    decisions,
    digest_of_verdict,
    given_up,
    remember,
    standing,
    verdict_of,
    verdicts,
)
from suffice.ledger import Ledger
from suffice.undertake import choose

MET: dict[str, Any] = json.loads((Path(__file__).parent / "verdicts" / "met.json").read_text("utf-8"))
TRAINED: dict[str, Any] = json.loads((Path(__file__).parent / "verdicts" / "trained.json").read_text("utf-8"))
NOON = datetime(2026, 11, 28, 12, 30, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger.open(path) as found:
        yield found


def edit(path: Path, sql: str) -> None:
    with sqlite3.connect(path) as database:
        database.execute(sql)
    database.close()


def test_a_verdict_is_kept_once_whatever_day_it_is_given_again_on(ledger: Ledger) -> None:
    first = remember(ledger, MET, NOON)
    again = remember(ledger, {**MET, "created": "2027-01-01T00:00:00+00:00", "version": "9"}, NOON + timedelta(days=40))
    assert again == first and verdicts(ledger) == (first,)
    assert (first.at, first.stop_at, first.target_met) == (NOON, MET["stop_at"], MET["target_met"])
    assert first.body == MET and first.digest == digest_of_verdict(MET)
    assert verdict_of(ledger, first.digest[:6].upper()) == first


@pytest.mark.parametrize(
    "change", [{"headline": "better"}, {"records": {"path": "r", "sha256": "0" * 64}}, {"stop_at": None}]
)
def test_another_finding_or_other_records_are_another_verdict(ledger: Ledger, change: dict[str, Any]) -> None:
    assert remember(ledger, MET, NOON).digest != remember(ledger, {**MET, **change}, NOON).digest
    assert len(verdicts(ledger)) == 2


def test_decisions_say_who_what_why_and_on_which_evidence(ledger: Ledger) -> None:
    verdict = remember(ledger, MET, NOON)
    for n, choice in enumerate(CHOICES):
        choose(ledger, verdict, by=" Ada ", chosen=choice, because=f"reason {n} \udcff", at=NOON + timedelta(hours=n))
    found = decisions(ledger, verdict.task)
    assert [(d.by, d.chosen, d.because) for d in found] == [("Ada", c, f"reason {n} ?") for n, c in enumerate(CHOICES)]
    told = {"verdict": verdict.digest, "stack": verdict.stack, "records": MET["records"]["sha256"]}
    assert all(d.evidence == told and d.verdict == verdict.digest for d in found)
    assert len({d.hash for d in found}) == len(CHOICES) and decisions(ledger, "another task") == ()


def test_the_last_word_counts(ledger: Ledger) -> None:
    old, new = remember(ledger, MET, NOON), remember(ledger, {**MET, "headline": "newer"}, NOON + timedelta(days=1))
    assert standing(ledger) == (new,)
    choose(ledger, new, by="Ada", chosen="rejected", because="too dear", at=NOON)
    assert standing(ledger) == (old,) and given_up(ledger, new)
    choose(ledger, new, by="Ada", chosen="kept", because="after all", at=NOON)
    assert standing(ledger) == (new,) and not given_up(ledger, new)


def test_a_tuned_stack_that_nobody_owns_is_not_kept_by_a_decision_either(ledger: Ledger) -> None:
    profile = {**TRAINED["task"]["profile"], "owner": None}
    nobodys = remember(ledger, {**TRAINED, "task": {**paid(quality=0.8)["task"], "profile": profile}}, NOON)
    with pytest.raises(InputError, match="a tuned stack without an owner cannot be kept"):
        choose(ledger, nobodys, by="Ada", chosen="kept", because="it is good", at=NOON)
    choose(ledger, nobodys, by="Ada", chosen="rejected", because="nobody owns it", at=NOON)
    owned = remember(ledger, paid(usd_per_1k=5), NOON)
    assert choose(ledger, owned, by="Ada", chosen="kept", because="it is good", at=NOON).chosen == "kept"


def paid(**metric: float) -> dict[str, Any]:
    """A verdict that keeps a tuned stack whose target names only this."""
    none: dict[str, Any] = {"quality": None, "p95_ms": None, "usd_per_1k": None}
    target = {**TRAINED["task"]["target"], **none, **metric}
    return {**TRAINED, "task": {**TRAINED["task"], "target": target}}


@pytest.mark.parametrize("metric", [{"quality": 0.8}, {"p95_ms": 900}, {"usd_per_1k": 5}, {}])
def test_a_tuned_stack_that_no_metric_pays_for_is_not_kept_by_a_decision_either(
    ledger: Ledger, metric: dict[str, float]
) -> None:
    verdict = remember(ledger, paid(**metric), NOON)
    told: dict[str, Any] = {"by": "Ada", "because": "it is good", "at": NOON}
    if metric:
        assert choose(ledger, verdict, chosen="kept", **told).chosen == "kept"
        return
    with pytest.raises(InputError, match="a tuned stack without a metric cannot be kept"):
        choose(ledger, verdict, chosen="kept", **told)
    assert decisions(ledger) == ()
    choose(ledger, verdict, chosen="rejected", **told)


def test_what_nobody_can_decide_is_refused(ledger: Ledger) -> None:
    verdict = remember(ledger, MET, NOON)
    for told, said in (
        ({"by": "", "chosen": "kept", "because": "x"}, "`--by` is empty"),
        ({"by": "Ada", "chosen": "kept", "because": " "}, "`--because` is empty"),
        ({"by": "Ada", "chosen": "perhaps", "because": "x"}, "nothing is decided by `perhaps`"),
    ):
        with pytest.raises(InputError, match=said):
            choose(ledger, verdict, at=NOON, **told)
    assert decisions(ledger) == ()
    for name in ("", "abc", "ffffffffff"):
        with pytest.raises(InputError, match="no verdict"):
            verdict_of(ledger, name)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE decisions SET body = replace(body, 'Ada', 'Bob') WHERE sequence = 1", "decision 1 was changed"),
        ("DELETE FROM decisions WHERE sequence = 1", "decision 2 was changed"),
        ("UPDATE decisions SET body = '[' WHERE sequence = 2", "decision 2 was changed"),
        ("UPDATE decisions SET body = '[]' WHERE sequence = 2", "decision 2 was changed"),
        ("UPDATE verdicts SET body = replace(body, 'lightest', 'dearest')", "was changed after it was given"),
    ],
)
def test_a_change_behind_its_back_is_noticed(path: Path, sql: str, said: str) -> None:
    with Ledger.open(path) as ledger:
        verdict = remember(ledger, MET, NOON)
        for reason in ("one", "two"):
            choose(ledger, verdict, by="Ada", chosen="kept", because=reason, at=NOON)
    edit(path, sql)
    with Ledger.open(path) as ledger, pytest.raises(Damaged, match=said):
        assert (verdicts(ledger), decisions(ledger)) == ()
