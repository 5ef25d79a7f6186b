"""Comparisons: known answers, and what may not be said."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import pytest

from suffice.compare import Comparison, clusters, compare, pairs
from suffice.data import Dataset, Example, Partition
from suffice.errors import InputError
from suffice.models.scripted import Scripted
from suffice.record import Record, Run
from suffice.score import Score
from suffice.stack import Stack


def cases(n: int, group: int | None = None, partition: Partition = "core", name: str = "e") -> list[Example]:
    return [
        Example(f"{name}{i}", "?", "!", partition=partition, group=None if group is None else f"g{i // group}")
        for i in range(n)
    ]


def run_of(examples: Sequence[Example], values: Mapping[str, float | None]) -> Run:
    records = tuple(Record(e.id, None, Score(values[e.id])) for e in examples)
    return Run("r", Stack(Scripted()), Dataset(tuple(examples)), records)


def compared(before: Sequence[float | None], after: Sequence[float | None], **more: int) -> Comparison:
    examples = cases(len(before), more.get("group"))
    old, new = ({e.id: v for e, v in zip(examples, values, strict=True)} for values in (before, after))
    return compare(run_of(examples, old), run_of(examples, new))


def won(wins: int, losses: int, both: int = 0, neither: int = 0) -> tuple[list[float], list[float]]:
    before = [0.0] * wins + [1.0] * losses + [1.0] * both + [0.0] * neither
    return before, [1.0] * wins + [0.0] * losses + [1.0] * both + [0.0] * neither


@pytest.mark.parametrize(
    ("wins", "losses", "p", "decision"),
    [
        (10, 0, 2 / 2**10, "better"),
        (0, 10, 2 / 2**10, "worse"),
        (6, 0, 2 / 2**6, "better"),
        (5, 0, 2 / 2**5, "undecided"),
        (8, 2, 2 * (1 + 10 + 45) / 2**10, "undecided"),
        (9, 1, 2 * (1 + 10) / 2**10, "better"),
        (0, 0, 1.0, "undecided"),
    ],
)
def test_mcnemar_by_hand(wins: int, losses: int, p: float, decision: str) -> None:
    found = compared(*won(wins, losses, both=30, neither=10))
    assert found.p_value == pytest.approx(p) and found.decision == decision
    assert (found.wins, found.losses, found.ties) == (wins, losses, 40)
    assert found.lift == pytest.approx((wins - losses) / found.n)
    assert (found.low > 0) == (decision == "better") and (found.high < 0) == (decision == "worse")
    assert found.low <= found.lift <= found.high and found.method == "exact McNemar"


def test_comparing_the_other_way_round_turns_the_sign() -> None:
    before, after = won(12, 2, 30, 6)
    one, other = compared(before, after), compared(after, before)
    assert (one.lift, one.low, one.high) == pytest.approx((-other.lift, -other.high, -other.low), abs=1e-4)
    assert one.p_value == other.p_value and (one.decision, other.decision) == ("better", "worse")


def test_unjudged_pairs_are_left_out_counted_and_bounded_by_the_worst_case() -> None:
    before, after = won(10, 0, 30)
    sure = compared([*before, None], [*after, None])
    assert (sure.n, sure.unjudged, sure.decision) == (40, 1, "better")
    doubtful = compared([*before, *[0.0] * 4], [*after, *[None] * 4])
    assert (doubtful.n, doubtful.lift) == (40, 0.25) and doubtful.decision == "better"
    lost = compared([*before, *[1.0] * 4], [*after, *[None] * 4])
    assert lost.n == 40 and lost.unjudged == 4 and lost.decision == "undecided"
    assert compared([*after, *[None] * 4], [*before, *[1.0] * 4]).decision == "undecided"


def test_nothing_judged_is_cannot_tell() -> None:
    found = compared([None, None], [1.0, 1.0])
    assert (found.n, found.decision, found.unjudged, found.low, found.high) == (0, "undecided", 2, -1.0, 1.0)
    assert found.reason.startswith("cannot tell")


def test_groups_are_drawn_whole_and_refuse_mcnemar() -> None:
    """Ten wins in ten groups of one cause each would be proof; ten wins in one group are one."""
    before, after = won(30, 0, 130)
    alone, together = compared(before, after), compared(before, after, group=4)
    assert alone.method == "exact McNemar" and alone.groups is None
    assert together.method == "group bootstrap" and together.groups == 40 and together.p_value is None
    assert together.high - together.low > alone.high - alone.low


def test_under_thirty_groups_the_answer_is_cannot_tell() -> None:
    found = compared(*won(58, 0), group=2)
    assert (found.groups, found.decision, found.p_value) == (29, "undecided", None)
    assert "at least 30" in found.reason
    assert compared(*won(60, 0), group=2).decision == "better"


def test_graded_scores_are_bet_on() -> None:
    draw = random.Random(0)
    before = [draw.uniform(0, 0.6) for _ in range(150)]
    found = compared(before, [b + 0.3 for b in before])
    assert found.method == "betting" and found.decision == "better" and found.low > 0 and found.p_value is None
    same = compared(before, [max(0.0, b + draw.uniform(-0.3, 0.3)) for b in before])
    assert same.decision == "undecided" and same.low < 0 < same.high


def test_the_edge_partition_is_apart() -> None:
    core, edge = cases(40), cases(12, partition="edge", name="x")
    gains = {e.id: (0.0, 1.0) for e in core} | {e.id: (1.0, 0.0) for e in edge}
    runs = [run_of([*core, *edge], {k: v[side] for k, v in gains.items()}) for side in (0, 1)]
    found = compare(*runs)
    assert (found.n, found.decision) == (40, "better") and found.edge is not None
    assert (found.edge.n, found.edge.decision, found.edge.losses) == (12, "worse", 12)
    assert compared(*won(3, 1)).edge is None


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (cases(9), "1 example ids are in one run only: e9"),
        ([*cases(9), Example("e9", "another", "!")], "their examples differ"),
        ([*cases(9), Example("e9", "?", "!", group="g")], "their examples differ"),
    ],
)
def test_runs_over_different_examples_cannot_be_compared(other: list[Example], said: str) -> None:
    ten = cases(10)
    with pytest.raises(InputError, match=said):
        compare(run_of(ten, {e.id: 1.0 for e in ten}), run_of(other, {e.id: 1.0 for e in other}))


def test_the_order_of_the_examples_does_not_matter() -> None:
    before, after = won(9, 2, 20, 9)
    examples = cases(40)
    old, new = ({e.id: v for e, v in zip(examples, values, strict=True)} for values in (before, after))
    one = pairs(old, new, examples, alpha=0.05)
    assert pairs(old, new, random.Random(2).sample(examples, 40), alpha=0.05) == one


def test_a_smaller_error_asks_for_more_and_sees_less() -> None:
    examples = cases(60)
    old, new = ({e.id: v for e, v in zip(examples, values, strict=True)} for values in won(9, 1, 40, 10))
    loose, strict = (pairs(old, new, examples, alpha=alpha) for alpha in (0.05, 0.005))
    assert (loose.decision, strict.decision) == ("better", "undecided")
    assert strict.low < loose.low and (strict.smallest_visible_effect or 0) > (loose.smallest_visible_effect or 1)


def test_examples_that_stand_alone_have_no_clusters() -> None:
    assert clusters(cases(5)) is None and clusters(cases(4, group=2)) == [
        "group:g0",
        "group:g0",
        "group:g1",
        "group:g1",
    ]
