"""What another draw of dev would have chosen and learned."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
from worlds import world

from suffice.asking import affordable
from suffice.budget import Budget
from suffice.cli.show import _chance
from suffice.climb import climb
from suffice.ledger import Ledger
from suffice.split import apart
from suffice.variance import spread, stability


def variants(*chosen: bool) -> list[dict[str, object]]:
    return [{"name": str(i), "run": str(i), "chosen": c} for i, c in enumerate(chosen)]


def scores(right: int, of: int = 40) -> dict[str, float | None]:
    return {f"q{i}": float(i * right // of != (i - 1) * right // of) for i in range(of)}


def test_a_clear_choice_is_stable_and_one_among_equals_is_not() -> None:
    clear = stability(variants(True, False), {"0": scores(36), "1": scores(4)}, 12, 0)
    equal = {"0": scores(20), "1": {k: 1 - (v or 0) for k, v in scores(20).items()}}
    close = stability(variants(True, False), equal, 12, 0)
    assert clear is not None and clear > 0.99
    assert close is not None and 0.2 < close < 0.8
    assert stability(variants(True), {"0": scores(3)}, 12, 0) is None


def test_unjudged_items_are_left_out_of_a_choice() -> None:
    blind: dict[str, float | None] = {f"q{i}": None for i in range(40)}
    assert stability(variants(True, False), {"0": scores(30), "1": blind}, 12, 0) == 1.0


def test_spread_is_the_standard_deviation_of_the_means() -> None:
    found = spread([{"a": 1.0, "b": 0.0}, {"a": 1.0, "b": 1.0}, {"a": None, "b": 0.0}])
    assert (found["fits"], found["range"]) == (3, 1.0) and found["deviation"] == pytest.approx(0.5)
    assert spread([{"a": 1.0}])["deviation"] is None


def test_what_the_items_asked_explain_is_told_apart_from_the_fit() -> None:
    found = spread([scores(32), scores(30), scores(34)])
    alone = math.sqrt(sum(p * (1 - p) / 39 for p in (32 / 40, 30 / 40, 34 / 40)) / 3)
    assert found["by_items"] == pytest.approx(alone) and found["deviation"] == pytest.approx(0.05)
    draw, moved = random.Random(0), []
    answers = [float(draw.random() < 0.8) for _ in range(2_000)]
    for _ in range(300):
        fits = spread([{str(i): v for i, v in enumerate(draw.sample(answers, 80))} for _ in range(3)])
        moved.append((fits["deviation"], fits["by_items"]))
    assert sum(by**2 for _, by in moved) == pytest.approx(sum(d**2 for d, _ in moved), rel=0.15)
    assert spread([{"a": 1.0}])["by_items"] is None


def test_a_person_reads_how_much_of_the_movement_the_items_explain() -> None:
    def told(**fits: object) -> str:
        return _chance({"chosen": [], "fits": {"fits": 3, "wanted": 3, "range": 0.05, **fits}})[0]

    explained = "moved by ±0.029, of which the items asked explain about ±0.028"
    assert told(deviation=0.029, by_items=0.028).endswith(explained)
    assert told(deviation=0.01, by_items=0.028).endswith("no more than the items asked explain (about ±0.028)")
    assert told(deviation=0.01).endswith("moved by ±0.010")


def test_dev_is_drawn_apart_anew_with_groups_whole(tmp_path: Path) -> None:
    dev = world(tmp_path).parts.dev
    (pool, select), (other, _) = apart(dev, 1), apart(dev, 2)
    assert {e.id for e in pool} | {e.id for e in select} == {e.id for e in dev}
    assert not {e.id for e in pool} & {e.id for e in select} and {e.id for e in pool} != {e.id for e in other}


def test_caps_bound_what_other_fits_may_take() -> None:
    with Ledger.open() as ledger:
        assert affordable(Budget(), ledger, 100)
        assert not affordable(Budget(calls=99), ledger, 100)


@pytest.mark.usefixtures("minilm")
def test_a_climb_says_how_far_its_fit_moves_and_the_caps_are_kept(tmp_path: Path) -> None:
    found = climb(world(tmp_path / "free", "few_shot"))
    fits, chosen = found.body["variance"]["fits"], found.body["variance"]["chosen"]
    assert (fits["fits"], fits["wanted"]) == (3, 3) and fits["deviation"] >= 0
    assert {c["rung"] for c in chosen} == {"prompt", "few_shot"} and all(0 <= c["again"] <= 1 for c in chosen)
    parts = {part["layer"]: part for part in found.body["ablation"]["parts"]}
    assert set(parts) == {"few_shot", "prompt"} and parts["few_shot"]["decision"] == "better"
    assert parts["prompt"]["decision"] == "undecided" and parts["prompt"]["lift"] == 0
    assert found.body["ablation"]["sentences"][0].startswith("few_shot helps: ")
    with Ledger.open(tmp_path / "free" / ".suffice" / "ledger.db") as ledger:
        spent = ledger.totals().attempts
    select = len(world(tmp_path, "few_shot").parts.select)
    capped = climb(world(tmp_path / "capped", "few_shot"), budget=Budget(calls=spent - 3 * select + 5))
    assert capped.stop_at == "few_shot" and capped.body["variance"]["fits"]["fits"] == 1
