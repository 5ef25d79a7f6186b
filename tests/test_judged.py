"""A judge's scores decide nothing; people's labels of a random sample do, and the judge makes them go further."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.data import Example
from suffice.draw import drawn, to_label
from suffice.judged import Judged, judged
from suffice.labels import Arm, Label, Labels, sha256
from suffice.score import Preference
from suffice.sway import same_family


@dataclass(frozen=True)
class World:
    """Two arms, what a judge says of each output, and what is true of it."""

    examples: list[Example]
    before: Arm
    after: Arm
    truth: dict[str, float]
    """By output: outputs are all different, but where the arms say the same."""

    def labels(self, items: int, seed: int = 0) -> Labels:
        """What a person says of the first items drawn."""
        rows = to_label(self.before, self.after, self.examples, items, seed=seed) if items else []
        return Labels(tuple(self.label(row["id"], row["output"]) for row in rows))

    def label(self, id_: str, output: str) -> Label:
        return Label(id_, sha256(output), self.truth[output])

    def judged(self, items: int, **more: object) -> Judged:
        return judged(self.before, self.after, self.labels(items), self.examples, **more)  # type: ignore[arg-type]


def world(
    n: int = 300,
    rates: tuple[float, float] = (0.5, 0.8),
    right: float = 0.9,
    flatters_after: float = 0.0,
    seed: int = 0,
    group: int = 1,
) -> World:
    """Arms that are right at these rates; the judge sees the truth at a rate, and passes whatever it flatters."""
    draw = random.Random(seed)
    examples = [Example(f"q{i}", f"question {i}", group=f"g{i // group}" if group > 1 else None) for i in range(n)]
    outputs: list[dict[str, str | None]] = [{}, {}]
    scores: list[dict[str, float | None]] = [{}, {}]
    truth = {}
    for e in examples:
        for arm, rate in enumerate(rates):
            said = f"{'before' if arm == 0 else 'afterwards'} {e.id}"
            truth[said] = float(draw.random() < rate)
            seen = truth[said] if draw.random() < right else 1 - truth[said]
            outputs[arm][e.id] = said
            scores[arm][e.id] = 1.0 if arm and draw.random() < flatters_after else seen
    return World(examples, Arm(outputs[0], scores[0]), Arm(outputs[1], scores[1]), truth)


def test_a_lift_that_people_confirm_is_decided() -> None:
    found = world().judged(60)
    assert found.verified and found.comparison.decision == "better" and found.comparison.method == "PPI++"
    assert found.comparison.low <= 0.3 <= found.comparison.high
    assert (found.labelled, found.missing, found.unused, found.comparison.n) == (60, 0, (), 60)
    assert found.lift is not None and found.lift.judged == 240 and found.lift.worth > 60
    assert "after is better" in found.headline and "60 items labelled by people" in found.headline
    swapped = world(rates=(0.8, 0.5)).judged(60)
    assert swapped.comparison.decision == "worse" and "after is worse" in swapped.headline


def test_a_judge_that_flatters_one_arm_convinces_nobody() -> None:
    made = world(rates=(0.6, 0.6), flatters_after=0.8)
    found = made.judged(100)
    assert found.alone.low > 0.2
    assert found.comparison.decision == "undecided" and found.comparison.low <= 0 <= found.comparison.high
    assert found.after is not None and found.after.bias > 0.2


def test_a_flattered_arm_that_is_worse_is_found_out() -> None:
    found = world(rates=(0.9, 0.5), flatters_after=1.0, n=400).judged(150)
    assert found.alone.lift > 0 and found.comparison.decision == "worse"


@pytest.mark.parametrize("labelled", [0, 1, 29])
def test_without_labels_enough_it_is_an_unverified_judge(labelled: int) -> None:
    found = world().judged(labelled)
    assert not found.verified and found.comparison.decision == "undecided" and found.missing == 2 * (30 - labelled)
    assert found.headline.startswith(f"unverified judge: cannot tell: {found.missing} labels are missing, at least 30")
    assert found.headline == found.comparison.reason and (found.lift, found.before, found.after) == (None, None, None)


def test_under_30_items_no_labels_are_enough() -> None:
    found = world(n=20).judged(20)
    assert not found.verified and "20 items, at least 30 of both arms are needed" in found.headline


def test_what_is_labelled_as_a_whole_needs_no_judge() -> None:
    made = world(n=80)
    found = made.judged(80)
    assert found.verified and found.lift is None and found.comparison.method == "exact McNemar"
    assert found.comparison == replace(world(n=80, right=0.0).judged(80).comparison)


def test_hand_picked_labels_do_not_count() -> None:
    made = world(rates=(0.6, 0.6))
    order = [e for cluster in drawn(made.examples, 0) for e in cluster]
    picked = [
        e for e in order[40:] if made.truth[str(made.before.outputs[e.id])] < made.truth[str(made.after.outputs[e.id])]
    ]
    extra = [made.label(e.id, str(arm.outputs[e.id])) for e in picked for arm in (made.before, made.after)]
    honest = made.labels(40)
    found = judged(made.before, made.after, Labels((*honest.rows, *extra)), made.examples)
    assert len(picked) > 20 and found.labelled == 40 + _run_on(order[40:], picked)
    beyond = {e.id for e in picked[_run_on(order[40:], picked) :]}
    assert set(found.unused) == beyond and len(found.unused) == 2 * len(beyond)


def _run_on(order: list[Example], picked: list[Example]) -> int:
    """How many picked items happen to come next in the order."""
    return next((at for at, e in enumerate(order) if e not in picked), len(order))


def test_a_gap_in_the_sample_ends_it() -> None:
    made = world()
    labels = made.labels(60)
    first = drawn(made.examples, 0)[44][0].id
    holed = Labels(
        tuple(row for row in labels.rows if row.id != first or row.output_sha256 != sha256(f"before {first}"))
    )
    found = judged(made.before, made.after, holed, made.examples)
    assert found.verified and found.labelled == 44 and len(found.unused) == 2 * 15 + 1


def test_a_label_of_an_output_that_nobody_gave_is_not_used() -> None:
    made = world()
    labels = Labels((*made.labels(60).rows, Label("q1", sha256("something else"), 1.0), Label("zz", sha256(""), 0.0)))
    found = judged(made.before, made.after, labels, made.examples)
    assert found.unused == ("q1", "zz") and found.comparison == made.judged(60).comparison


def test_another_seed_is_another_sample() -> None:
    made = world()
    found = judged(made.before, made.after, made.labels(60, seed=0), made.examples, seed=1)
    assert not found.verified and len(found.unused) == 120


def test_what_the_judge_could_not_score_is_corrected_like_the_rest() -> None:
    made = world()
    scores = {id_: None if int(id_[1:]) % 3 == 0 else score for id_, score in made.after.scores.items()}
    found = replace(made, after=Arm(made.after.outputs, scores)).judged(90)
    assert found.unjudged == 100 and found.comparison.decision == "better"
    assert found.comparison.low <= 0.3 <= found.comparison.high


def test_failed_calls_count_as_wrong_and_are_nobodys_to_label() -> None:
    made = world(rates=(0.9, 0.9))
    outputs = {id_: None if int(id_[1:]) % 2 else said for id_, said in made.after.outputs.items()}
    found = replace(made, after=Arm(outputs, made.after.scores)).judged(80)
    assert found.labelled >= 80 and found.comparison.decision == "worse" and found.unjudged == 0


def test_groups_are_labelled_and_counted_whole() -> None:
    found = world(group=3).judged(120)
    assert found.verified and found.labelled == 120 and found.comparison.groups == 40
    few = world(group=3).judged(60)
    assert not few.verified and "30 groups" in few.headline and few.missing == 2 * 30


@pytest.mark.parametrize(("right", "flatters"), [(0.9, 0.6), (0.5, 0.3)])
def test_the_error_is_kept_where_the_judge_alone_would_be_wrong(right: float, flatters: float) -> None:
    """No lift is there; at 5 %, five false decisions in 20 draws come three times in a thousand."""
    found = [world(160, (0.6, 0.6), right, flatters, seed=seed).judged(50) for seed in range(20)]
    assert sum(one.comparison.decision != "undecided" for one in found) <= 4
    assert sum(one.alone.low > 0 for one in found) >= 12


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 70), st.floats(0, 1), st.floats(0, 1))
def test_numbers_stay_where_they_can_be(seed: int, items: int, right: float, flatters: float) -> None:
    found = world(70, (0.4, 0.5), right, flatters, seed).judged(items)
    comparison = found.comparison
    assert -1 <= comparison.low <= comparison.high <= 1 and found.alone.decision == "undecided"
    assert found.verified == (items >= 30) == (found.missing == 0)
    assert comparison.decision == "undecided" or comparison.low > 0 or comparison.high < 0
    for mean in (found.before, found.after):
        assert mean is None or 0 <= mean.low <= mean.high <= 1


def test_agreement_and_length_are_told_from_the_labels() -> None:
    found = world(right=0.8, n=400).judged(200)
    assert found.sway.agreement is not None and found.sway.agreement.n == 400
    assert found.sway.agreement.accuracy.low < 0.8 < found.sway.agreement.accuracy.high
    honest, flattering = (world(rates=(0.6, 0.6), flatters_after=f).judged(150).sway.length for f in (0.0, 0.9))
    assert honest is not None and honest.low < 0 < honest.high
    assert flattering is not None and flattering.low > 0  # all that it flatters is longer


def test_flattering_its_own_replies_shows() -> None:
    found = world(rates=(0.6, 0.6), flatters_after=0.8).judged(100, own=(False, True))
    assert found.sway.own is not None and found.sway.own.low > 0 and "own family" in found.notes[0]
    assert world().judged(60).sway.own is None


def test_the_place_that_it_prefers_shows() -> None:
    made = world()
    first = {e.id: Preference(0.5, 1.0, 0.0) for e in made.examples}
    swayed = made.judged(60, preferences=first).sway.position
    assert swayed is not None and swayed.flips.estimate == 1.0 and swayed.first.low > 0.9
    steady = {e.id: Preference(1.0, 1.0, 1.0) for e in made.examples} | {"q0": Preference(None, 1.0, None)}
    position = made.judged(60, preferences=steady).sway.position
    assert position is not None and position.flips.estimate == 0.0 and position.flips.n == 299


def test_outputs_that_are_the_same_are_labelled_and_counted_once() -> None:
    made = world()
    same = replace(made, after=made.before)
    found = same.judged(60)
    assert found.comparison.lift == 0.0 and found.comparison.decision == "undecided"
    assert found.sway.agreement is not None and found.sway.agreement.n == 60 and found.sway.length is None


@pytest.mark.parametrize(
    ("judge", "model", "kin"),
    [
        ("openai/gpt-4o", "http://host/v1#gpt-5-mini", True),
        ("anthropic/claude-x", "openai/gpt-4o", False),
        ("embedded", "embedded", True),
        ("http://host/v1#7b", "http://host/v1#8b", False),
        ("openai/GPT-4o", "openai/gpt-4o", True),
    ],
)
def test_families_go_by_the_name(judge: str, model: str, kin: bool) -> None:
    assert same_family(judge, model) is kin
