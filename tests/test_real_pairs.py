"""Real pairs: looks and bets agree with the full data, and LLMBar's judges gain from what its data says helps them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from suffice.stats.paired import paired

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", BENCHMARKS / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


real_pairs, llmbar = _script("real_pairs"), _script("llmbar")


def _there(folder: Path, name: str) -> None:
    if not (folder / name).is_dir():
        pytest.skip(f"no {name} in {folder}: set SUFFICE_DATA to the folder of the data sets")


def _pair(wins: int, losses: int, ties: int) -> object:
    before = np.array([0.0] * wins + [1.0] * (losses + ties))
    after = np.array([1.0] * wins + [0.0] * losses + [1.0] * ties)
    return real_pairs.Pair("made", "a / b", before, after)


def _found(*better: bool) -> tuple[np.ndarray, np.ndarray]:
    return np.array(better), np.array([50 if b else 100 for b in better])


def test_a_claim_for_a_side_without_a_lift_is_a_contradiction_and_one_for_an_unproven_lift_is_ahead() -> None:
    told = real_pairs.tally(_pair(6, 4, 90), "x", _found(True, False), _found(True, True), (False, False))
    assert (told.contradicted, told.ahead, told.against_proof, told.missed) == (1.0, 0.5, 0.0, None)
    level = real_pairs.tally(_pair(5, 5, 90), "x", _found(True, False), _found(False, False), (False, False))
    assert (level.contradicted, level.ahead) == (0.5, 0.0)


def test_a_proven_side_that_a_play_does_not_call_better_is_a_miss() -> None:
    nothing = _found(False, False, False, False)
    told = real_pairs.tally(_pair(20, 0, 80), "x", _found(True, True, True, False), nothing, (True, False))
    assert (told.missed, told.contradicted, told.ahead) == (0.25, 0.0, 0.0)
    assert (told.saved_proven, told.saved_else) == (0.375, 0.0)
    assert not real_pairs.reached([told])
    wrong = real_pairs.tally(_pair(0, 20, 80), "x", _found(True, False, False, False), nothing, (False, True))
    assert wrong.against_proof == wrong.contradicted == 0.25


def test_reordering_keeps_every_item_and_every_group_whole() -> None:
    pair = real_pairs.Pair("made", "a / b", np.zeros(6), np.arange(6) / 10, np.array([0, 0, 0, 1, 1, 2]))
    for d, codes in real_pairs.draws(pair, 20, again=False):
        assert sorted(d) == sorted(pair.difference)
        assert {tuple(sorted(d[codes == g])) for g in range(3)} == {(0.0, 0.1, 0.2), (0.3, 0.4), (0.5,)}
    assert len({tuple(d) for d, _ in real_pairs.draws(pair, 20, again=False)}) > 1
    assert any(len(set(d)) < len(d) for d, _ in real_pairs.draws(pair, 20, again=True))


def test_the_permutation_test_is_exact_mcnemar_for_0_and_1_and_the_enumeration_for_halves() -> None:
    for wins, losses in ((8, 1), (5, 5), (0, 0), (12, 3)):
        pair = _pair(wins, losses, 10)
        assert llmbar.flip_p(pair.difference) == pytest.approx(paired(pair.before, pair.after).p_value)
    d = np.array([1, 0.5, 0.5, -0.5, 1, 0])
    flips = np.array(np.meshgrid(*[[-1, 1]] * d.size)).reshape(d.size, -1)
    assert llmbar.flip_p(d) == pytest.approx((abs(d @ flips) >= d.sum()).mean())


def test_holm_stops_at_the_first_that_is_too_large() -> None:
    assert llmbar.holm([0.03, 0.01, 0.024], 0.05) == [True, True, True]
    assert llmbar.holm([0.03, 0.01, 0.026], 0.05) == [False, True, False]


@pytest.mark.parametrize("name", ["xstest", "mmlu_two_models"])
def test_looks_at_real_pairs_decide_as_the_full_data_does(data: Path, name: str) -> None:
    _there(data, name)
    pairs = [p for p in real_pairs.SETS[name][0]() if p.difference.size < 10_000]
    found = list(real_pairs.tallies(pairs, 10, 0.05, again=False))
    for method in (real_pairs.POCOCK, real_pairs.FULL_POWER):
        assert real_pairs.reached([t for t in found if t.method == method])
    saved = [t.saved_proven for t in found if t.method == real_pairs.POCOCK]
    assert real_pairs.mean(saved) > 0.5


def test_bets_on_real_graded_scores_decide_as_the_full_data_does(data: Path) -> None:
    _there(data, "wildbench")
    found = list(real_pairs.tallies(list(real_pairs.wildbench())[::10], 10, 0.05, again=False))
    assert len(found) > 9
    assert real_pairs.reached(found)
    assert real_pairs.mean(t.saved_proven for t in found) > 0.6


def test_llmbar_judges_gain_from_rules_where_they_do_and_never_from_chain_of_thought_or_shots(data: Path) -> None:
    _there(data, "llmbar")
    found = llmbar.rows(next(iter(llmbar.MEASURES)), seeds=1)
    rules = {row.judge: row for row in found if row.prompt == llmbar.RULES}
    assert {judge for judge, row in rules.items() if row.second == "better"} == {"Falcon", "PaLM2"}
    assert {judge for judge, row in rules.items() if row.alone == "better"} == {"Falcon", "PaLM2"}
    assert {judge for judge, row in rules.items() if row.usual == "better"} == {"Falcon", "PaLM2"}
    others = [row for row in found if row.prompt in llmbar.UNPROVEN]
    assert len(others) == 10
    assert all("better" not in (row.usual, row.alone, row.second) for row in others)
    assert all({row.usual, row.second} != {"better", "worse"} for row in found)


@pytest.mark.parametrize("script", ["real_pairs", "llmbar"])
def test_without_data_a_benchmark_says_so_and_exits_with_2(script: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / f"{script}.py")],
        capture_output=True,
        text=True,
        env={**os.environ, "SUFFICE_DATA": str(tmp_path)},
    )
    assert done.returncode == 2
    assert "set SUFFICE_DATA" in done.stderr


@pytest.mark.slow
def test_all_real_pairs_reordered_hold_their_targets(data: Path) -> None:
    for _, folder in real_pairs.SETS.values():
        _there(data, folder)
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "real_pairs.py"), "--quick", "--way", "reorder"],
        capture_output=True,
        text=True,
        env={**os.environ, "SUFFICE_DATA": str(data)},
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
