"""Whole simulated climbs, by the rules of a climb: a third of the grid's calls, and hardly ever a false claim."""

from __future__ import annotations

import importlib.util
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "ladder.py"


def _loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_ladder", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


ladder = _loaded()


def _cell(name: str, runs: int, **more: object) -> object:
    of = ladder.Setting(name, **more)
    return ladder.Cell(of, tuple(ladder.climbed(of, runs, seed=7)))


@pytest.mark.parametrize(("name", "fewer"), [(ladder.CLEAR[0], 10), (ladder.CLEAR[1], 4), (ladder.CLEAR[3], 4)])
def test_a_clear_ladder_takes_a_fraction_of_the_calls_of_the_grid(name: str, fewer: float) -> None:
    cell = _cell(name, 40)
    assert cell.grid[0] > fewer  # type: ignore[attr-defined]
    assert cell.right >= 39  # type: ignore[attr-defined]


def test_where_only_the_last_rung_suffices_it_is_found_for_about_a_third() -> None:
    cell = _cell(ladder.CLEAR[2], 60)
    ratio, error = cell.grid  # type: ignore[attr-defined]
    assert ratio + error > 3
    assert cell.right >= 57  # type: ignore[attr-defined]


@pytest.mark.parametrize("spending", ["pocock", "obrien_fleming"])
def test_at_the_bound_hardly_anything_false_is_claimed(spending: str) -> None:
    runs = 150
    cell = _cell(ladder.BOUNDARY, runs, spending=spending, n=200)
    assert cell.insufficient / runs <= 0.025 + 3 * math.sqrt(0.025 * 0.975 / runs)  # type: ignore[attr-defined]
    assert cell.false / runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)  # type: ignore[attr-defined]
    assert cell.totals.mean() <= 1.1 * cell.walks.mean()  # type: ignore[attr-defined]


def test_the_same_seed_climbs_the_same_ladder() -> None:
    of = ladder.Setting(ladder.CLEAR[1])
    assert ladder.climbed(of, 3, 5) == ladder.climbed(of, 3, 5)


def test_items_share_their_difficulty_as_asked() -> None:
    for rho, least, most in ((0.0, -0.03, 0.03), (0.5, 0.25, 0.4)):
        climb = ladder.Climb(ladder.Setting(ladder.CLEAR[1], n=20_000, rho=rho), np.random.default_rng(0))
        first, second = climb.rungs[0].test, climb.rungs[1].test
        assert first.mean() == pytest.approx(0.62, abs=0.012)
        assert least < np.corrcoef(first, second)[0, 1] < most


def test_what_does_not_hold_is_named() -> None:
    good = _cell(ladder.CLEAR[0], 5)
    assert ladder.broken([good], calls=True) == []
    shipped = [replace(f, met=True, truth=0.5) for f in good.found] * 10  # type: ignore[attr-defined]
    dear = [replace(f, calls=f.calls + f.calls.__class__(test=2000)) for f in good.found]  # type: ignore[attr-defined]
    assert "insufficient" in ladder.broken([ladder.Cell(good.of, tuple(shipped))], calls=False)[0]  # type: ignore[attr-defined]
    said = ladder.broken([ladder.Cell(good.of, tuple(dear))], calls=True)  # type: ignore[attr-defined]
    assert "not 3" in said[0] and "not 4" in said[1]


def test_the_table_can_be_printed() -> None:
    command = [sys.executable, str(SCRIPT), "--climbs", "10", "--boundary", "10", "--part", "alone"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.endswith("holds\n"), done.stdout + done.stderr
    assert sum(line.startswith("| ") for line in done.stdout.splitlines()) == 1 + len(ladder.LADDERS)
