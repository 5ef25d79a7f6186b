"""The page decides as Python does, by the same rules in node and in a browser; a task folder as plan does."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from decide.drawn import NUMBERS, READY, SHARES
from worlds import world

from suffice.decide import FACTS, SIGNALS, Case, case_of, decide
from suffice.decide.folder import stated
from suffice.decide.table import table
from suffice.digest import plain
from suffice.errors import InputError
from suffice.plan import LADDER, plan
from suffice.readiness import refused
from suffice.report.deciding import render
from suffice.report.page import TEMPLATES
from suffice.task import Profile

CASES = 400
READ = "const d = JSON.parse(require('fs').readFileSync(0)); "
RUN = READ + "console.log(JSON.stringify(d.cases.map(c => decide(c, d.table))))"


def drawn(seed: random.Random) -> Case:
    """Any case, or one that is a few facts away from being tuned."""
    near = seed.random() < 0.6
    made: dict[str, Any] = dict(READY) if near else {}
    for name, fact in FACTS.items():
        if name != "signals" and seed.random() < (0.06 if near else 0.5):
            options = [o for o, _ in fact.options] or (SHARES if fact.most == 1 else NUMBERS)
            made[name] = (
                None if seed.random() < 0.3 else seed.random() < 0.5 if fact.kind == "flag" else seed.choice(options)
            )
    return case_of({**made, "signals": seed.sample([*SIGNALS], seed.choice([0, 1, 1, 2, 3]))})


def test_the_script_answers_every_drawn_case_as_python_does() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine")
    seed = random.Random(20)
    cases = [drawn(seed) for _ in range(CASES)]
    ours = json.loads(json.dumps([plain(decide(case)) for case in cases]))
    script = (TEMPLATES / "decide.js").read_text("utf-8") + RUN
    sent = json.dumps({"table": table(), "cases": [case.facts for case in cases]})
    done = subprocess.run([node, "-e", script], input=sent, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ours
    assert sum(decide(case).tunes for case in cases) > 20


@pytest.mark.parametrize(
    "profile",
    [
        Profile(requests_per_day=20_000, owner="Ada", stable_months=12, knowledge_changes="yearly"),
        Profile(requests_per_day=20_000, owner="Ada", stable_months=2),
        Profile(requests_per_day=20_000, stable_months=12),
        Profile(requests_per_day=20, owner="Ada", stable_months=12),
        Profile(requests_per_day=20_000, owner="Ada", stable_months=12, knowledge_changes="weekly"),
    ],
)
@pytest.mark.parametrize("n", [120, 1100])
def test_a_task_that_plan_refuses_to_train_is_not_tuned_for_any_failure(
    n: int, profile: Profile, tmp_path: Path
) -> None:
    task = replace(world(tmp_path, n=n, profile=profile), model="embedded")
    told = stated(task)
    rung = next(r for r in LADDER if r.name == "fine_tuning")
    shut = {gate.name for gate in refused(told.gates["lora"])}
    tried = {"failing": 0.5, "prompts_tried": 2, "examples_tried": True, "structure_tried": True}
    case = case_of({**told.case.facts, **tried, "signals": ["wrong_tone"]})
    answer = decide(case)
    if plan(rung, task).action == "refuse":
        assert not answer.tunes
    assert shut <= {gate.name for gate in answer.gates if gate.held is False}


def test_hostile_facts_are_refused_by_name_and_never_reach_the_page(tmp_path: Path) -> None:
    for given in (
        {"ownr": True},
        {"failing": 2},
        {"signals": "<script>"},
        {"sources": "</script>"},
        {"failing": "nan"},
    ):
        with pytest.raises(InputError):
            case_of(given)
    text = render(Case(signals=("wrong_tone",)), tmp_path / "decide.html").read_text("utf-8")
    assert text.count("<script") == 2 and "default-src 'none'" in text and "http://" not in text


@pytest.mark.browser
def test_the_page_answers_in_a_browser_as_python_does(tmp_path: Path) -> None:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install '.[test]'")
    if program is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    case = case_of({"signals": ["wrong_tone"], "prompts_tried": 3})
    page = render(case, tmp_path / "decide.html")
    with api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        shown, wrong, asked = browser.new_page(), [], []
        shown.on("pageerror", lambda error: wrong.append(error))
        shown.on("request", lambda request: asked.append(request.url))
        shown.goto(page.as_uri())
        assert json.loads(shown.evaluate("document.body.dataset.answer")) == json.loads(json.dumps(plain(decide(case))))
        shown.check("input[value=unknown_facts]")
        moved = case_of({"signals": ["wrong_tone", "unknown_facts"], "prompts_tried": 3})
        assert json.loads(shown.evaluate("document.body.dataset.answer")) == json.loads(
            json.dumps(plain(decide(moved)))
        )
        assert not wrong and asked == [page.as_uri()]
        browser.close()
