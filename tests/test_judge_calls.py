"""A scorer that asks a model: its replies are bought once, within the caps, kept, and read again by who verifies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from suffice.again import again
from suffice.breaker import Patience
from suffice.budget import Budget
from suffice.calls import Calls
from suffice.data import Dataset, Example
from suffice.digest import canonical, digest_of, plain
from suffice.errors import BudgetSpent, Disproved, InputError, ModelError
from suffice.evidence import Evidence, Reading
from suffice.ledger import Ledger
from suffice.models.scripted import Said, Scripted
from suffice.plugins import spec_of
from suffice.run import manifest_of, run
from suffice.scorers.judge import Judge
from suffice.stack import Stack
from suffice.types import Request
from suffice.verify import _scores  # the one step of verify that scores again

REPLIES = {str(n): str(n * n) for n in range(40)}
DATASET = Dataset(tuple(Example(f"e{n}", str(n), str(n * n)) for n in range(40)))
QUICK = Patience(first_wait=0.001, longest_wait=0.001)


def grade(value: object) -> str:
    return json.dumps({"reason": "seen", "grade": value})


def strict(request: Request) -> str:
    """Passes replies of two digits and more."""
    reply = request.input.split("<reply ")[-1].split("\n")[1]
    return grade(int(len(reply) > 1))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db") as opened:
        yield opened


def test_a_judge_is_asked_once_per_reply_and_never_paid_again(ledger: Ledger) -> None:
    stack, judge = Stack(Scripted(REPLIES)), Scripted(strict, usd=0.5)
    done = run(stack, DATASET, scorer=Judge().over(judge), ledger=ledger)
    assert [r.value for r in done.records] == [float(n > 3) for n in range(40)]
    assert judge.calls == 40 and ledger.totals().replies == 80
    assert run(stack, DATASET, scorer=Judge().over(judge), ledger=ledger) == done and judge.calls == 40
    part = run(stack, DATASET[:10], scorer=Judge().over(judge), ledger=ledger)
    assert judge.calls == 40 and all(r.cached for r in part.records) and not any(r.cached for r in done.records)


def test_two_arms_that_say_the_same_pay_one_judgement(ledger: Ledger) -> None:
    judge = Scripted(strict)
    for name in ("one", "other"):
        run(Stack(Scripted(REPLIES, name=name)), DATASET, scorer=Judge().over(judge), ledger=ledger)
    assert judge.calls == 40


def test_what_the_judge_said_is_kept_and_its_money_counted(ledger: Ledger) -> None:
    stack, judge = Stack(Scripted(REPLIES, usd=0.25)), Scripted(strict, usd=0.5)
    budget = Budget(usd=1000.0)
    done = run(stack, DATASET, scorer=Judge().over(judge), ledger=ledger, budget=budget)
    assert [a.text for a in done.records[0].judged] == [grade(0)] and done.records[0].judged[0].cost == 0.5
    assert {r.id: r for r in ledger.records(done.id)} == done.by_id
    assert budget.spent_usd == pytest.approx(40 * 0.75) and budget.spent_calls == 80
    assert done.records[0].answer is not None and done.records[0].answer.cost == 0.25


def test_a_cap_holds_for_the_judge_as_well_and_what_was_paid_for_is_kept(ledger: Ledger) -> None:
    stack, judge = Stack(Scripted(REPLIES)), Scripted(strict)
    with pytest.raises(BudgetSpent):
        run(stack, DATASET, scorer=Judge().over(judge), ledger=ledger, budget=Budget(calls=50), workers=4)
    first = judge.calls
    assert first < 40 and ledger.totals().replies == 50
    run(stack, DATASET, scorer=Judge().over(judge), ledger=ledger)
    assert judge.calls == 40 and ledger.totals().replies == 80


def test_the_spending_that_is_told_holds_both() -> None:
    told = []
    run(Stack(Scripted(REPLIES)), DATASET, scorer=Judge().over(Calls(Scripted(strict, usd=1.0))), progress=told.append)
    assert (told[-1].calls, told[-1].usd) == (80, 40.0)


def test_a_judge_that_fails_leaves_the_answer_unjudged_and_is_asked_again(ledger: Ledger) -> None:
    failing = {"7"}

    def said(request: Request) -> Said:
        number = request.input.split("\n")[3]
        return ModelError("no end", fault="truncated", retryable=True) if number in failing else strict(request)

    stack, judge = Stack(Scripted(REPLIES)), Calls(Scripted(said), patience=QUICK)
    bad = run(stack, DATASET, scorer=Judge().over(judge), ledger=ledger)
    record = bad.by_id["e7"]
    assert (record.value, record.fault, bad.unjudged) == (None, "truncated", ("e7",))
    assert record.answer is not None and record.answer.text == "49" and "could not be asked" in record.score.reason
    failing.clear()
    good = run(stack, DATASET, scorer=Judge().over(judge), ledger=ledger)
    assert good.id == bad.id and good.unjudged == () and ledger.totals().replies == 80


def test_a_judge_that_nobody_can_reach_ends_the_run(ledger: Ledger) -> None:
    judge = Scripted(lambda _: ModelError("no key", fault="unauthorized"))
    with pytest.raises(ModelError, match="no key"):
        run(Stack(Scripted(REPLIES)), DATASET, scorer=Judge().over(judge), ledger=ledger)
    assert judge.calls < 40 and ledger.totals().records == 0


def test_garbage_of_a_judge_is_kept_and_is_no_score(ledger: Ledger) -> None:
    done = run(
        Stack(Scripted(REPLIES)), DATASET[:3], scorer=Judge().over(Scripted(lambda _: "five stars")), ledger=ledger
    )
    assert [r.value for r in done.records] == [None] * 3 and not done.records[0].error
    assert done.records[0].judged[0].text == "five stars"


def test_another_judge_or_rubric_is_another_run() -> None:
    stack = Stack(Scripted(REPLIES))
    judges = (
        Judge().over(Scripted(strict)),
        Judge().over(Scripted(lambda _: grade(1))),
        Judge(rubric="r").over(Scripted(strict)),
    )
    manifests = [digest_of(manifest_of(stack, DATASET, judge)) for judge in judges]
    assert len(set(manifests)) == 3 and manifests[0] == digest_of(
        manifest_of(stack, DATASET, Judge().over(Scripted(strict)))
    )


def test_the_address_names_who_is_asked(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from suffice.models.scripted import Scripted\n"
        'def Kind():\n    return Scripted(otherwise=\'{"reason": "nice", "grade": 1}\')\n'
    )
    done = run(Stack(Scripted(REPLIES)), DATASET[:3], scorer=Judge(model="mine.py:Kind", folder=tmp_path))
    assert done.quality == 1.0
    with pytest.raises(InputError, match="none is named"):
        run(Stack(Scripted(REPLIES)), DATASET[:3], scorer=Judge())
    with pytest.raises(InputError, match="not a model"):
        run(Stack(Scripted(REPLIES)), DATASET[:3], scorer=Judge().over(lambda request: Scripted(strict)(request)))


def test_a_repeat_asks_the_stack_anew_and_the_judge_only_about_what_is_new(ledger: Ledger) -> None:
    judge = Scripted(strict)
    found = again(Stack(Scripted(REPLIES)), replace(DATASET, scorer=Judge().over(judge)), ledger=ledger)
    assert found.rescored == () and judge.calls == 40 and found.second.id != found.first.id


# Verifying


def written(tmp_path: Path, judge: Scripted) -> Evidence:
    """The evidence of one judged run, written and read again, with the scorer as data."""
    scorer = Judge(model="openai/never-called").over(judge)
    evidence = Evidence()
    evidence.add("task", scorer=plain(spec_of(scorer)))
    evidence.add_examples(DATASET, "test")
    evidence.add_run(run(Stack(Scripted(REPLIES)), DATASET, scorer=scorer), "test")
    evidence.write(tmp_path / "records.jsonl")
    return Evidence.read(tmp_path / "records.jsonl")


def test_scores_are_read_again_from_what_the_judge_said_without_asking_it(tmp_path: Path) -> None:
    evidence = written(tmp_path, Scripted(strict, usd=0.5))
    assert _scores(Reading(evidence), tmp_path) == 40
    line = next(evidence.of("record"))
    assert line["judged"] == [grade(0)] and line["judge_usd"] == 0.5 and line["usd"] == 0.0


def test_what_could_not_be_judged_verifies_as_such(tmp_path: Path) -> None:
    assert _scores(Reading(written(tmp_path, Scripted(lambda _: "five stars"))), tmp_path) == 40
    down = Scripted(lambda _: ModelError("too long", fault="rejected"))
    assert _scores(Reading(written(tmp_path, down)), tmp_path) == 40


@pytest.mark.parametrize(
    "forged",
    [
        {"value": 1.0},
        {"value": None},
        {"judged": [grade(1)]},
        {"judged": []},
        {"judged": 3},
        {"judged": [5]},
    ],
    ids=str,
)
def test_a_score_that_the_judge_did_not_give_is_found(forged: dict[str, object], tmp_path: Path) -> None:
    evidence = written(tmp_path, Scripted(strict))
    at = next(n for n, line in enumerate(evidence.lines) if line["kind"] == "record" and line["output"] == "1")
    evidence.lines[at] = {**evidence.lines[at], **forged}
    path = tmp_path / "forged.jsonl"
    path.write_bytes(b"".join(canonical(line) + b"\n" for line in evidence.lines))
    with pytest.raises(Disproved):
        _scores(Reading(Evidence.read(path)), tmp_path)
