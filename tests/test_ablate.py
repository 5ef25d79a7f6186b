"""Ablation: a layer's worth is what the stack loses without it; what layers do to one another is named."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from suffice import Answer, Ask, Dataset, Example, Layer, Request, Stack
from suffice.ablate import ablate, cost, layers_of, stacks
from suffice.ablation import Ablation, ablation_of
from suffice.budget import Budget
from suffice.errors import BudgetSpent, InputError
from suffice.ledger import Ledger
from suffice.models.scripted import Scripted
from suffice.plugins import find

N = 60
EXAMPLES = tuple(Example(f"q{n}", f"question {n}", "yes") for n in range(N))


@dataclass(frozen=True)
class Telling(Layer):
    """Adds its own word to what the model is told."""

    def __call__(self, request: Request, ask: Ask) -> Answer:
        return ask(replace(request, instructions=(*request.instructions, type(self).__name__)))


class Key(Telling):
    pass


class Lock(Telling):
    pass


class Dead(Telling):
    pass


@dataclass(frozen=True)
class Twice(Telling):
    """Asks again, always."""

    retries: int = 1

    def __call__(self, request: Request, ask: Ask) -> Answer:
        ask(request)
        return ask(replace(request, instructions=(*request.instructions, "Twice")))


def luck(request: Request) -> float:
    return hashlib.sha256(request.input.encode()).digest()[0] / 256


def world(rate: Callable[[set[str]], float], *layers: Layer) -> Stack:
    """A stack over a model that is right at a rate which hangs on what it is told; `Dead` is never listened to."""

    def says(request: Request) -> str:
        return "yes" if luck(request) < rate(set(request.instructions) - {"Dead"}) else "no"

    return Stack(Scripted(says, usd=0.001), layers or (Key(), Lock(), Dead()))


def both(told: set[str]) -> float:
    return 0.9 if {"Key", "Lock"} <= told else 0.1


def either(told: set[str]) -> float:
    """Each helps alone; together they spoil each other."""
    return {0: 0.2, 1: 0.9, 2: 0.3}[len(told)]


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open() as opened:
        yield opened


def dataset(n: int = N) -> Dataset:
    return Dataset(EXAMPLES[:n], scorer=find("scorers", "exact")())


def short(name: str) -> str:
    return name.rpartition(":")[2]


def words(found: Ablation) -> str:
    return "\n".join(found.sentences).replace("test_ablate:", "").replace("tests.", "")


def signs(found: Ablation) -> dict[str, int]:
    return {short(e.factors[0]): e.sign for e in found.removals}


def test_a_layer_is_worth_what_the_stack_loses_without_it(ledger: Ledger) -> None:
    found = ablate(world(both), dataset(), ledger=ledger)
    assert signs(found) == {"Key": 1, "Lock": 1, "Dead": 0} and not found.full and found.quality == 53 / N
    assert found.removals[0].estimate == pytest.approx(found.quality - found.cells[1].quality)  # type: ignore[operator]
    assert [len(cell.layers) for cell in found.cells] == [3, 2, 2, 2] and found.calls == 4 * N
    assert "Key helps" in words(found) and "Dead shows no effect" in words(found) and "descriptive" in found.note


def test_layers_that_only_help_together_are_named_and_dead_weight_is_not(ledger: Ledger) -> None:
    found = ablate(world(both), dataset(), ledger=ledger, full=True)
    assert "Key and" in words(found) and "help only together" in words(found)
    assert [bool(p.relation) for p in found.pairs] == [True, False, False]
    assert found.gain is not None and sum(e.estimate for e in found.shapley) == pytest.approx(found.gain.estimate)
    assert [None if x is None else round(x, 2) for x in found.shares] == [0.5, 0.5, 0.0]


def test_layers_that_hurt_each_other_are_named(ledger: Ledger) -> None:
    found = ablate(world(either, Key(), Lock()), dataset(), ledger=ledger, full=True)
    assert signs(found) == {"Key": -1, "Lock": -1} and "hurt each other" in words(found)


def test_layers_that_do_each_others_work_show_only_in_the_full_ablation(ledger: Ledger) -> None:
    stack = world(lambda told: 0.9 if told else 0.1, Key(), Lock())
    first, full = ablate(stack, dataset(), ledger=ledger), ablate(stack, dataset(), ledger=ledger, full=True)
    assert signs(first) == {"Key": 0, "Lock": 0} and "only a full ablation tells" in words(first)
    assert full.pairs[0].relation == "either will do" and full.calls == N


def test_what_was_bought_is_never_bought_again(ledger: Ledger) -> None:
    first = ablate(world(both), dataset(), ledger=ledger, full=True)
    again = ablate(world(both), dataset(), ledger=ledger, full=True)
    assert (first.calls, again.calls) == (8 * N, 0) and replace(first, calls=0) == again


def test_what_it_takes_is_said_beforehand_and_holds(ledger: Ledger) -> None:
    stack = world(both, Twice(), Key(), Lock())
    would = cost(stack, dataset(), ledger)
    assert (would.stacks, would.items, would.held, would.calls_at_most) == (4, N, 0, (2 + 1 + 2 + 2) * N)
    assert ablate(stack, dataset(), ledger=ledger).calls <= would.calls_at_most
    full = cost(stack, dataset(), ledger, full=True)
    assert (full.stacks, full.held) == (8, 4 * N)
    assert ablate(stack, dataset(), ledger=ledger, full=True).calls <= full.calls_at_most
    assert cost(stack, dataset(), ledger, full=True).calls_at_most == 0


def test_a_cap_holds_over_all_its_runs_and_what_was_paid_for_is_kept(ledger: Ledger) -> None:
    with pytest.raises(BudgetSpent):
        ablate(world(both), dataset(), ledger=ledger, budget=Budget(None, 100))
    assert ledger.totals().attempts == 100
    assert ablate(world(both), dataset(), ledger=ledger).calls == 4 * N - 100


def test_every_stack_is_the_given_one_without_some_layers() -> None:
    stack = world(both, Key(), Lock(), Key())
    assert [short(n) for n in layers_of(stack)] == ["Key", "Lock"]
    made = {frozenset(map(short, kept)): one for kept, one in stacks(stack, full=True).items()}
    assert made[frozenset({"Key", "Lock"})] == stack and made[frozenset()].layers == ()
    assert made[frozenset({"Key"})].layers == (Key(), Key())


def test_stored_scores_give_the_same_as_the_runs(ledger: Ledger) -> None:
    found = ablate(world(both), dataset(), ledger=ledger, unused=True)
    kept: dict[frozenset[str], dict[str, float | None]] = {}
    for layers, one in stacks(world(both)).items():
        rate = both({short(name) for name in layers})
        kept[layers] = {e.id: float(luck(Request(e.input)) < rate) for e in EXAMPLES}  # type: ignore[arg-type]
        assert len(one.layers) == len(layers)
    assert ablation_of(kept, EXAMPLES, layers=layers_of(world(both)), unused=True) == replace(found, calls=0)
    assert "nobody had looked" in found.note


def test_what_could_not_be_judged_is_counted_and_proves_nothing() -> None:
    whole, none = {e.id: 1.0 for e in EXAMPLES}, {e.id: 0.0 for e in EXAMPLES}
    holed: dict[str, float | None] = {**none, **{e.id: None for e in EXAMPLES[:56]}}
    sure = ablation_of({frozenset({"a"}): whole, frozenset(): none}, EXAMPLES)
    unsure = ablation_of({frozenset({"a"}): whole, frozenset(): holed}, EXAMPLES)
    assert (sure.removals[0].sign, unsure.removals[0].sign) == (1, 0)
    assert unsure.cells[1].unjudged == 56 and unsure.removals[0].estimate == 1.0


def test_groups_are_drawn_whole() -> None:
    grouped = [replace(e, group=str(int(e.id[1:]) // 3)) for e in EXAMPLES]
    values = {frozenset({"a"}): {e.id: 1.0 for e in EXAMPLES}, frozenset[str](): {e.id: 0.0 for e in EXAMPLES}}
    found = ablation_of(values, grouped)
    assert found.groups == 20 and not found.removals[0].sign and "20 groups" in found.sentences[0]


def test_what_cannot_be_ablated_is_refused(ledger: Ledger) -> None:
    with pytest.raises(InputError, match="no layers"):
        ablate(Stack(Scripted({}, otherwise="yes")), dataset(), ledger=ledger)
    kinds = [type(f"L{n}", (Telling,), {"__module__": __name__}) for n in range(7)]
    with pytest.raises(InputError, match="7 layers make 128 stacks") as wrong:
        ablate(world(both, *(kind() for kind in kinds)), dataset(), ledger=ledger, full=True)
    assert "that takes 8 stacks" in wrong.value.hint

    class Recording(Scripted):
        fixed = True

    with pytest.raises(InputError, match="recording"):
        ablate(Stack(Recording({}, otherwise="yes"), (Key(),)), dataset(), ledger=ledger)
    with pytest.raises(InputError, match="at least two"):
        ablate(world(both), dataset(1), ledger=ledger)


def test_scores_that_are_not_all_there_are_refused() -> None:
    whole = {e.id: 1.0 for e in EXAMPLES}
    with pytest.raises(InputError, match=r"\['a'\] are missing"):
        ablation_of({frozenset({"a", "b"}): whole, frozenset({"b"}): whole}, EXAMPLES)
    with pytest.raises(InputError, match="no score for 59 examples, such as `q1`"):
        ablation_of({frozenset({"a"}): whole, frozenset(): {"q0": 1.0}}, EXAMPLES)
