"""The gate passes what is proven not worse, stops what is proven worse, and says what would tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from suffice.data import Dataset, Example, Partition
from suffice.errors import InputError
from suffice.gate import Gated, gate, judged
from suffice.models.scripted import Scripted
from suffice.record import Record, Run
from suffice.report.junit import junit
from suffice.report.markdown import markdown
from suffice.score import Score
from suffice.stack import Stack
from suffice.stats.margin import margin_p

Values = Sequence[float | None]


def cases(n: int, partition: Partition = "core", size: int | None = None) -> list[Example]:
    groups = [None if size is None else f"g{i // size}" for i in range(n)]
    return [Example(f"{partition}{i}", "?", partition=partition, group=group) for i, group in enumerate(groups)]


def gated(before: Values, after: Values, size: int | None = None, **more: float) -> Gated:
    examples = cases(len(before), size=size)
    old, new = ({e.id: v for e, v in zip(examples, side, strict=True)} for side in (before, after))
    return judged(old, new, examples, **more)  # type: ignore[arg-type]


def sides(wins: int, losses: int, ties: int) -> tuple[list[float], list[float]]:
    return [0.0] * wins + [1.0] * (losses + ties), [1.0] * wins + [0.0] * losses + [1.0] * ties


@pytest.mark.parametrize(
    ("wins", "losses", "ties", "decision", "said"),
    [
        (2, 2, 196, "not_worse", "proven not worse: a loss of more than 0.0"),
        (30, 0, 70, "not_worse", "it is proven better"),
        (0, 20, 80, "worse", "beyond the margin of 0.05"),
        (0, 6, 60, "worse", "not proven to stay within 0.05"),
        (5, 5, 50, "undecided", "more examples would tell"),
        (0, 20, 1980, "not_worse", "a loss is proven, but within the margin"),
        (8, 13, 79, "undecided", "more examples would tell"),
    ],
)
def test_the_answer_is_a_margin_test_on_pairs(wins: int, losses: int, ties: int, decision: str, said: str) -> None:
    found = gated(*sides(wins, losses, ties))
    (part,) = found.parts
    assert (found.decision, part.decision) == (decision, decision) and said in part.reason
    assert (part.wins, part.losses, part.ties, part.method) == (wins, losses, ties, "exact score test")
    assert part.p_value == margin_p(wins, losses, part.n, -0.05)
    assert (part.low > -0.05) == (decision == "not_worse") and part.low <= part.lift <= part.high


def test_identical_outputs_pass_from_the_number_that_rules_out_a_rare_loss() -> None:
    """0.95 to the power of n is under 5 % from 59 on."""
    assert gated([1.0] * 59, [1.0] * 59).decision == "not_worse"
    part = gated([1.0] * 20, [1.0] * 20).parts[0]
    assert (part.decision, part.needed) == ("undecided", 39) and "39 more examples" in part.reason
    assert gated([0.5] * 80, [0.5] * 80).decision == "not_worse" and gated([0.5] * 40, [0.5] * 40).parts[0].needed


def test_one_example_cannot_tell() -> None:
    for after in (0.0, 0.5, 1.0):
        found = gated([1.0], [after])
        assert found.decision == "undecided" and "cannot tell" in found.parts[0].reason


@pytest.mark.parametrize(("wins", "losses", "n"), [(6, 6, 60), (2, 3, 50), (4, 9, 60)])
def test_so_many_more_examples_do_tell_four_times_in_five(wins: int, losses: int, n: int) -> None:
    part = gated(*sides(wins, losses, n - wins - losses)).parts[0]
    assert part.needed is not None
    total, rng = n + part.needed, np.random.default_rng(1)
    drawn = rng.multinomial(total, [wins / n, losses / n, 1 - (wins + losses) / n], 60)
    told = [gated(*sides(*map(int, counts))).decision != "undecided" for counts in drawn]
    assert 0.65 < np.mean(told) <= 1.0 and part.needed < 3000


def test_groups_count_whole_and_under_thirty_cannot_tell() -> None:
    alone, together = gated(*sides(3, 3, 194)), gated(*sides(3, 3, 194), size=5)
    assert together.parts[0].groups == 40 and together.parts[0].method == "group bootstrap"
    assert together.parts[0].low < alone.parts[0].low
    few = gated(*sides(3, 3, 94), size=5).parts[0]
    assert few.decision == "undecided" and few.needed == 50 and "at least 30" in few.reason
    examples = [*cases(60), Example("x", "?", group="g")]
    same = {e.id: 1.0 for e in examples}
    assert "60 of 61 examples name no group" in judged(same, same, examples).notes[0]


def partitioned(core: tuple[int, int, int], edge: tuple[int, int, int]) -> Gated:
    examples = [*cases(sum(core)), *cases(sum(edge), "edge")]
    values = [a + b for a, b in zip(sides(*core), sides(*edge), strict=True)]
    old, new = ({e.id: v for e, v in zip(examples, side, strict=True)} for side in values)
    return judged(old, new, examples)


def test_an_edge_that_is_proven_worse_fails_the_gate_and_an_undecided_one_does_not() -> None:
    open_, worse = partitioned((1, 1, 150), (0, 1, 11)), partitioned((1, 1, 150), (0, 9, 3))
    assert [p.decision for p in open_.parts] == ["not_worse", "undecided"] and open_.decision == "not_worse"
    assert [p.decision for p in worse.parts] == ["not_worse", "worse"] and worse.decision == "worse"
    assert open_.alpha_worse == 0.025 and gated(*sides(1, 1, 50)).alpha_worse == 0.05


def test_what_could_not_be_judged_is_set_against_the_claim() -> None:
    before, after = sides(1, 1, 100)
    assert gated([*before, None], [*after, None]).decision == "not_worse"
    doubtful = gated([*before, *[1.0] * 9], [*after, *[None] * 9]).parts[0]
    assert (doubtful.decision, doubtful.unjudged, doubtful.n) == ("undecided", 9, 102) and "9 pairs" in doubtful.reason
    nothing = gated([None, 1.0], [1.0, None]).parts[0]
    assert (nothing.decision, nothing.n, nothing.low) == ("undecided", 0, -1.0)


@pytest.mark.parametrize(
    ("before", "after", "more", "said"),
    [
        ([1.0], [1.5], {}, "a score lies in"),
        ([float("nan")], [1.0], {}, "a score lies in"),
        ([], [], {}, "nothing to compare"),
        ([1.0], [1.0], {"margin": 0.0}, "the margin is 0"),
        ([1.0], [1.0], {"margin": float("nan")}, "the margin is nan"),
        ([1.0], [1.0], {"alpha": 0.5}, "alpha is 0.5"),
        ([1.0], [1.0], {"alpha": 1e-6}, "alpha is 1e-06"),
    ],
)
def test_bad_input_is_one_clear_error(before: Values, after: Values, more: Mapping[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        gated(before, after, **more)


def test_runs_are_gated_and_those_over_other_examples_refused() -> None:
    examples = cases(70)
    one, other = (
        Run("r", Stack(Scripted()), Dataset(tuple(some)), tuple(Record(e.id, None, Score(1.0)) for e in some))
        for some in (examples, examples[:69])
    )
    assert gate(one, one).decision == "not_worse"
    with pytest.raises(InputError, match="1 example ids are in one run only"):
        gate(one, other)
    with pytest.raises(InputError, match="has no value after"):
        judged({"core0": 1.0}, {}, cases(1))


@pytest.mark.parametrize(("p_win", "p_loss"), [(0.0, 0.05), (0.1, 0.15)])
def test_at_a_loss_of_exactly_the_margin_it_passes_at_most_alpha_of_the_time(p_win: float, p_loss: float) -> None:
    rng = np.random.default_rng(5)
    drawn, counts = np.unique(
        rng.multinomial(120, [p_win, p_loss, 1 - p_win - p_loss], 4000), axis=0, return_counts=True
    )
    passed = sum(
        int(count)
        for row, count in zip(drawn, counts, strict=True)
        if margin_p(int(row[0]), int(row[1]), 120, -0.05) <= 0.05
    )
    assert passed / 4000 <= 0.05 + 2.6 * (0.05 * 0.95 / 4000) ** 0.5
    rows = [tuple(map(int, row)) for row in drawn[:: max(1, len(drawn) // 20)]]
    assert all((gated(*sides(*r)).decision == "not_worse") == (margin_p(r[0], r[1], 120, -0.05) <= 0.05) for r in rows)


@pytest.mark.parametrize("rate", [0.02, 0.15])
def test_two_systems_alike_are_called_worse_at_most_alpha_of_the_time(rate: float) -> None:
    rng = np.random.default_rng(7)
    drawn, counts = np.unique(rng.multinomial(60, [rate, rate, 1 - 2 * rate], 2000), axis=0, return_counts=True)
    worse = sum(
        int(count)
        for row, count in zip(drawn, counts, strict=True)
        if row[1] > row[0] and gated(*sides(*map(int, row))).decision == "worse"
    )
    assert worse / 2000 <= 0.05 + 2.6 * (0.05 * 0.95 / 2000) ** 0.5


def test_a_small_proven_loss_says_what_would_show_that_it_stays_within_the_margin() -> None:
    part = gated(*sides(0, 4, 96)).parts[0]
    assert part.decision == "worse" and part.needed and f"about {part.needed} more examples would" in part.reason


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["graded", "groups"])
def test_at_a_loss_of_exactly_the_margin_graded_scores_and_groups_pass_no_oftener(kind: str) -> None:
    rng, passed, rounds = np.random.default_rng(6), 0, 400
    for _ in range(rounds):
        if kind == "graded":
            before, size = np.full(100, 0.6), None
            after = 0.6 + rng.choice([-0.55, 0.35, 0.0], 100, p=[0.25, 0.25, 0.5])  # the mean difference is -0.05
        else:
            bad, size = np.repeat(rng.random(120) < 0.1, 3), 3
            before = np.ones(360)
            after = np.where(bad & (rng.random(360) < 0.5), 0.0, 1.0)
        passed += gated(before.tolist(), after.tolist(), size=size).decision == "not_worse"
    assert 0 < passed / rounds <= 0.05 + 2.6 * (0.05 * 0.95 / rounds) ** 0.5


HOSTILE = "a\x00\x1b[31m\ufffe\ud800\u202e]]><script>|`@all`\n# &amp;*x*"


def hostile() -> Gated:
    examples = [*cases(150), Example(HOSTILE, "?"), *cases(12, "edge")]
    old = {e.id: 1.0 for e in examples}
    return judged(old, {**old, HOSTILE: 0.0, **{e.id: 0.0 for e in examples[-11:]}}, examples)


def parsed(document: bytes) -> ET.Element:
    return ET.fromstring(document)  # noqa: S314  # written by ourselves a moment ago


def test_junit_holds_a_testcase_a_partition_whatever_stands_in_ids() -> None:
    suite = parsed(junit(hostile())).find("testsuite")
    assert suite is not None and (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "1", "0")
    core, edge = suite.findall("testcase")
    told = core.findtext("system-out") or ""
    assert core.find("failure") is None and "]]><script>|`@all` # &amp;*x* (1 -> 0)" in told and "\x1b" not in told
    failure = edge.find("failure")
    assert failure is not None and failure.get("type") == "worse" and "proven worse" in (failure.get("message") or "")


def test_undecided_is_a_failure_in_junit_unless_it_is_allowed() -> None:
    found = gated([1.0] * 9, [1.0] * 9)
    strict, lenient = (parsed(junit(found, allow_undecided=allow)) for allow in (False, True))
    failure = strict.find(".//failure")
    assert failure is not None and failure.get("type") == "undecided" and strict.get("failures") == "1"
    assert lenient.find(".//failure") is None and lenient.get("skipped") == "1"


def test_markdown_shows_ids_and_never_obeys_them() -> None:
    text = markdown(hostile())
    assert text.startswith("## suffice gate: failed: worse\n\n| Partition |") and "\x1b" not in text
    row = next(line for line in text.splitlines() if line.startswith("Worse in core"))
    assert "&#60;script&#62;&#124;&#96;&#64;all" in row and "<script>" not in text and "*x*" not in text
    text.encode("utf-8")
    assert "cannot tell (allowed)" in markdown(gated([1.0], [1.0]), allow_undecided=True)
