"""Swap: another base is taken where it is proven to do, and today's stack kept where it is proven not to."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pupils
import pytest
import yaml
from pupils import school, tuned
from worlds import world

import suffice
from suffice.climb import climb
from suffice.digest import canonical, digest_of, file_digest
from suffice.errors import Disproved, InputError
from suffice.history import decisions, standing, verdicts
from suffice.ledger import Ledger, link_of
from suffice.migration import migration
from suffice.model import resolve
from suffice.plugins import find
from suffice.stack import Stack
from suffice.steward import every
from suffice.swap import accept, swap
from suffice.task import Target, Task
from suffice.undertake import undertake
from suffice.verify import verify
from suffice.whole import BESIDE_THE_PLAN

N = 1000
"""Parcels; half of them judge."""
MARGIN = 0.05


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("swap")


@pytest.fixture(scope="module")
def task(home: Path) -> Task:
    return school(home, "wordy", n=N, edge=40)


@pytest.fixture(scope="module")
def stack(task: Task) -> Stack:
    return tuned(task)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db") as found:
        yield found


def to(name: str) -> str:
    return f"{pupils.HERE}:{name}"


def named(body: Any) -> list[tuple[str, str]]:
    return [(form["form"], form["status"]) for form in body["forms"]]


def showing(task: Task) -> Stack:
    """A tuned stack that shows two examples as well."""
    bare = tuned(task)
    shots = find("layers", "few_shot")(k=2)
    return tuned(task, shots.fit(Stack(bare.model, (shots,), bare.sampling), task.parts.pool))


# Three verdicts


def test_a_base_that_knows_by_itself_makes_the_adapter_unnecessary(task: Task, stack: Stack, ledger: Ledger) -> None:
    body = swap(task, stack, to("scholar"), ledger=ledger, margin=MARGIN, write=False).body
    assert body["decision"] == "moved" and named(body) == [("prompt", "moves")]
    assert "no adapter is needed any more" in body["headline"]
    assert body["forms"][0]["low"] > -MARGIN and body["from"]["layers"] == ["adapter", "prompt"]
    assert body["to"]["layers"] == ["prompt"] and body["stop_at"] == "prompt"
    assert {d["kind"] for d in body["duties_ended"]} >= {"re-tune"}, "the tuned layer's duties go with it"
    assert body["regressions"]["core"]["after"] > 0.95


def test_a_weaker_base_leaves_everything_as_it_is(task: Task, stack: Stack, ledger: Ledger) -> None:
    body = swap(task, stack, to("dunce"), ledger=ledger, margin=MARGIN, again=False, write=False).body
    assert body["decision"] == "kept" and named(body) == [("prompt", "worse")]
    assert body["stack_digest"] == stack.digest and body["task"]["model"] == task.model
    assert body["forms"][0]["n"] < N // 2, "a clear loss is proven long before all items were asked"
    assert not body["duties_ended"] and not body["duties_new"] and not body["migration"]
    assert f"no form over {to('dunce')} that was tried will do" in body["headline"]
    assert "tuned again was not tried: nothing was to be trained" in body["headline"]


def test_what_was_learned_is_learned_again_where_nothing_lighter_does(task: Task, stack: Stack, ledger: Ledger) -> None:
    body = swap(task, stack, to("dunce"), ledger=ledger, margin=MARGIN, write=False).body
    assert named(body) == [("prompt", "worse"), ("tuned again", "moves")]
    assert body["stack"]["layers"][0]["use"] == "adapter" and body["stop_at"] == "fine_tuning"
    assert body["stack"]["layers"][0]["adapter"] != stack.spec["layers"][0]["adapter"], "weights do not port"


def test_a_layer_stays_where_a_prompt_alone_does_not_do(task: Task, ledger: Ledger) -> None:
    body = swap(task, showing(task), to("attentive"), ledger=ledger, margin=MARGIN, write=False).body
    assert named(body) == [("prompt", "worse"), ("prompt + few_shot", "moves")]
    assert body["to"]["layers"] == ["few_shot", "prompt"]


@pytest.fixture(scope="module")
def untold(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A swap on too few items, of a base that is as good."""
    few = school(tmp_path_factory.mktemp("few"), "wordy", n=240)
    return tuned(few), swap(few, tuned(few), to("peer"), margin=MARGIN, again=False, write=False).body


def test_few_items_cannot_tell_and_say_how_many_would(untold: Any) -> None:
    _, body = untold
    form = body["forms"][0]
    assert body["decision"] == form["status"] == "cannot tell"
    assert form["needs"] > 120 and f"about {form['needs'] - 120:,} more test items would tell" in body["headline"]


def test_so_many_items_as_it_says_do_tell(untold: Any, tmp_path: Path) -> None:
    """The forecast takes what was seen for what is true, and is for four in five worlds: twice as many are asked."""
    old, before = untold
    enough = school(tmp_path, "wordy", n=4 * before["forms"][0]["needs"])
    body = swap(enough, old, to("peer"), margin=MARGIN, again=False, write=False).body
    assert body["decision"] == "moved", body["headline"]


def test_a_loss_that_is_only_likely_says_how_many_items_would_prove_it(tmp_path: Path) -> None:
    few = school(tmp_path / "few", "wordy", n=360)
    before = swap(few, tuned(few), to("middling"), margin=0.05, again=False, write=False).body["forms"][0]
    assert before["status"] == "cannot tell" and before["lift"] < -0.05 and before["needs"] > 180
    enough = school(tmp_path / "enough", "wordy", n=3 * before["needs"])
    body = swap(enough, tuned(few), to("middling"), margin=0.05, again=False, write=False).body
    assert named(body) == [("prompt", "worse")], body["headline"]


def test_where_the_target_alone_is_open_the_items_are_those_that_tell_of_it(tmp_path: Path) -> None:
    """Within a margin of 0.45 is clear on a few dozen items; 0.8 against a target of 0.82, less 0.04, is not."""
    few = school(tmp_path, "wordy", n=240, target=Target(quality=0.82, tolerance=0.04))
    body = swap(few, tuned(few), to("middling"), margin=0.45, again=False, write=False).body
    form = body["forms"][0]
    assert form["low"] > -0.45 and "not proven to meet the target" in form["reason"]
    gap = max(form["quality"]["estimate"] - 0.78, 0.82 - form["quality"]["estimate"])
    assert 4 * 0.16 / gap**2 < form["needs"] < 25 * 0.16 / gap**2, (form["needs"], gap)


def test_too_few_items_for_any_proof_are_named(tmp_path: Path, ledger: Ledger) -> None:
    few = school(tmp_path, "wordy", n=240)
    body = swap(few, tuned(few), to("peer"), ledger=ledger, margin=0.01, again=False, write=False).body
    assert body["decision"] == "cannot tell" and "cannot prove a loss within 0.01" in body["warnings"][0]


def test_a_target_that_todays_stack_meets_must_be_met_on_the_new_base(tmp_path: Path, ledger: Ledger) -> None:
    strict = school(tmp_path, "wordy", n=N, target=Target(quality=0.9, tolerance=0.02))
    body = swap(strict, tuned(strict), to("middling"), ledger=ledger, margin=0.45, again=False, write=False).body
    assert body["target_met"] is True and body["decision"] == "kept"
    assert "proven not to meet the target, which today's does" in body["forms"][0]["reason"]


def test_the_edge_partition_must_not_suffer(tmp_path: Path, ledger: Ledger) -> None:
    task = school(tmp_path, "wordy", n=N, edge=60)
    edge = {e.id for e in task.parts.edge}
    assert len(edge) == 60
    body = swap(task, tuned(task), to("narrow"), ledger=ledger, margin=MARGIN, again=False, write=False).body
    assert named(body) == [("prompt", "falls short")] and body["decision"] == "kept"
    assert "the edge partition is proven to regress" in body["forms"][0]["reason"]


# What is refused


@pytest.mark.parametrize(("base", "said"), [("wordy", "is the base that this stack stands on")])
def test_the_old_base_is_no_other_one(task: Task, stack: Stack, ledger: Ledger, base: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        swap(task, stack, to(base), ledger=ledger)


def test_a_stack_that_asks_no_model_has_no_base(tmp_path: Path, ledger: Ledger) -> None:
    task = world(tmp_path, "right", kind="labels")
    words = find("layers", "classifier")()
    with pytest.raises(InputError, match="asks no model"):
        swap(task, Stack(tuned(school(tmp_path, "wordy", n=240)).model, (words,)), to("scholar"), ledger=ledger)


@pytest.mark.parametrize("margin", [0.0, -0.1, 1.0, float("nan")])
def test_a_margin_is_a_share(task: Task, stack: Stack, ledger: Ledger, margin: float) -> None:
    with pytest.raises(InputError, match="margin"):
        swap(task, stack, to("scholar"), ledger=ledger, margin=margin)


# The error of the test set


def test_swaps_and_climbs_spend_one_error(task: Task, stack: Stack, ledger: Ledger) -> None:
    first = swap(task, stack, to("scholar"), ledger=ledger, margin=MARGIN, write=False)
    again = swap(task, stack, to("scholar"), ledger=ledger, margin=MARGIN, write=False)
    other = swap(task, stack, to("dunce"), ledger=ledger, margin=MARGIN, again=False, write=False)
    assert (first.body["test"]["uses"], again.body["test"]["uses"], other.body["test"]["uses"]) == (1, 1, 2)
    assert first.body["test"]["hash"] == again.body["test"]["hash"] and not first.body["warnings"]
    assert "used by 2 plans" in other.body["warnings"][0]
    assert [d.kind for d in ledger.declared() if d.kind in ("plan", "swap")] == ["swap", "swap"]


def test_a_climb_is_told_of_the_swaps_before_it(tmp_path: Path) -> None:
    task = world(tmp_path, "right", n=120)
    first = climb(task)
    with Ledger.open(task.state / "ledger.db") as ledger:
        old = Stack(resolve(task.model), (find("layers", "prompt").for_task(task),))
        swap(task, old, f"{Path(__file__).parent / 'worlds.py'}:wrong", ledger=ledger, margin=0.2, write=False)
    changed = climb(replace(task, target=Target(quality=0.7)))
    assert first.body["test"]["uses"] == 1 and changed.body["test"]["uses"] == 3


def test_replies_under_the_old_base_are_not_bought_again(task: Task, stack: Stack, ledger: Ledger) -> None:
    swap(task, stack, to("scholar"), ledger=ledger, margin=MARGIN, write=False)
    spent = ledger.totals().attempts
    swap(task, stack, to("scholar"), ledger=ledger, margin=MARGIN, write=False)
    assert ledger.totals().attempts == spent
    swap(task, stack, to("dunce"), ledger=ledger, margin=MARGIN, again=False, write=False)
    assert ledger.totals().attempts - spent < 500, "only the new base was asked"


def test_an_old_base_that_is_gone_cannot_make_the_new_one_look_good(tmp_path: Path, ledger: Ledger) -> None:
    task = school(tmp_path, "wordy", n=400)
    gone = tuned(task).over(find("models", to("gone"))())
    body = swap(task, gone, to("dunce"), ledger=ledger, margin=MARGIN, again=False, write=False).body
    assert body["decision"] == "cannot tell", "no reply is no wrong reply"
    assert any("gave no reply to 200 of 200" in warning for warning in body["warnings"])


# The file, and what a sceptic can do with it


@pytest.fixture(scope="module")
def swapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a swap that moved after a form that did not."""
    task = school(tmp_path_factory.mktemp("swapped"), "wordy", n=400, edge=20)
    swap(task, showing(task), to("attentive"), margin=0.1, today=date(2026, 11, 29))
    return task.folder


@pytest.fixture
def copy(swapped: Path, tmp_path: Path) -> Path:
    for name in ("swap.json", "swap-records.jsonl"):
        shutil.copy(swapped / name, tmp_path / name)
    return tmp_path


def test_verify_recomputes_a_swap(copy: Path) -> None:
    found = verify(copy / "swap.json")
    assert found.numbers > 200 and found.scored == found.records > 400


def test_without_looks_every_item_is_asked_at_once(tmp_path: Path, ledger: Ledger) -> None:
    task = replace(school(tmp_path, "wordy", n=400), looks="none")
    body = swap(task, tuned(task), to("scholar"), ledger=ledger, margin=0.1).body
    assert body["decision"] == "moved" and body["forms"][0]["n"] == body["test"]["n"] == 200
    assert verify(tmp_path / "swap.json").records > 400


def test_a_swap_keeps_the_stack_that_it_ends_at(swapped: Path) -> None:
    body = json.loads((swapped / "swap.json").read_text("utf-8"))
    kept = swapped / ".suffice" / "stacks" / f"{body['stack_digest']}.yaml"
    assert yaml.safe_load(kept.read_text("utf-8"))["digest"] == body["stack_digest"]
    assert not (swapped / "stack.yaml").exists(), "nobody has accepted it"


def _body(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    body = json.loads((folder / "swap.json").read_text("utf-8"))
    change(body)
    (folder / "swap.json").write_text(json.dumps(body), encoding="utf-8")


FORGED: dict[str, Callable[[dict[str, Any]], object]] = {
    "decision": lambda b: b.update(decision="kept"),
    "margin": lambda b: b["forms"][0].update(margin=0.5),
    "status": lambda b: b["forms"][0].update(status="moves"),
    "limit": lambda b: b["forms"][1].update(low=0.01),
    "stack": lambda b: b["stack"]["layers"].pop(0),
    "duties": lambda b: b.update(duties=[]),
    "money": lambda b: b["economics"]["to"]["usd_per_request"].update(estimate=0.0),
    "slices": lambda b: b["regressions"].update(slices=[]),
    "tokens": lambda b: b["economics"]["tokens"].update({"from": 9999}),
    "uses": lambda b: b["test"].update(uses=0),
    "kind": lambda b: b.update(kind="verdict"),
}


@pytest.mark.parametrize("what", FORGED)
def test_a_number_that_does_not_follow_is_found(copy: Path, what: str) -> None:
    _body(copy, FORGED[what])
    with pytest.raises(Disproved):
        verify(copy / "swap.json")


def _forge(folder: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Change the records, mend every digest that an attacker can mend, and conclude again from them."""
    from suffice.evidence import Evidence
    from suffice.swapped import conclude

    path = folder / "swap-records.jsonl"
    lines = [json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1]]
    change(lines)
    for run in (x for x in lines if x["kind"] == "run"):
        told = [
            {k: v for k, v in x.items() if k not in ("kind", "run")}
            for x in lines
            if x["kind"] == "record" and x["run"] == run["run"]
        ]
        run["content"] = digest_of(told)
    path.write_bytes(b"".join(canonical(line) + b"\n" for line in lines))
    body = json.loads((folder / "swap.json").read_text("utf-8"))
    with contextlib.suppress(Exception):  # verify must say so itself
        body |= conclude(Evidence.read(path))
    body["records"]["sha256"] = file_digest(path)
    (folder / "swap.json").write_text(json.dumps(body), encoding="utf-8")


def _of(lines: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["kind"] == kind]


def _drop_form(lines: list[dict[str, Any]]) -> None:
    first = _of(lines, "form")[0]
    lines.remove(first)


def _wider(lines: list[dict[str, Any]]) -> None:
    _of(lines, "plan")[0]["margin"] = 0.9


def _higher(lines: list[dict[str, Any]]) -> None:
    _of(lines, "plan")[0]["alpha_target"] = 0.2


def _fewer(lines: list[dict[str, Any]]) -> None:
    form = _of(lines, "form")[0]
    form["items"] -= 1


def _other_base(lines: list[dict[str, Any]]) -> None:
    _of(lines, "swap")[0]["to"] = "somebody/else"


def _right(lines: list[dict[str, Any]]) -> None:
    run = _of(lines, "form")[0]["test"]
    for record in (x for x in _of(lines, "record") if x["run"] == run):
        record["value"] = 1.0


def _stop_early(lines: list[dict[str, Any]]) -> None:
    last = _of(lines, "form")[-1]
    lines.remove(last)


def _no_edge(lines: list[dict[str, Any]]) -> None:
    _of(lines, "form")[-1]["edge"] = None


def _another_edge(lines: list[dict[str, Any]]) -> None:
    """The old stack's edge run in the place of the form's own."""
    form, old = _of(lines, "form")[-1], _of(lines, "swap")[0]
    own, form["edge"] = form["edge"], old["edge"]
    lines[:] = [x for x in lines if x.get("run") != own]


def _a_learned_layer(lines: list[dict[str, Any]]) -> None:
    """Weights of the new base under the name of a form that has none."""
    form = _of(lines, "form")[-1]
    runs = {form[key] for key in ("test", "edge", "told_by")}
    for run in (x for x in _of(lines, "run") if x["run"] in runs):
        run["stack"]["layers"].insert(0, {"use": "adapter", "adapter": "ab" * 32})
        run["stack_digest"] = digest_of(run["stack"])


def _nothing_told_by_dev(lines: list[dict[str, Any]]) -> None:
    _of(lines, "form")[-1]["told_by"] = None


def _declared(lines: list[dict[str, Any]], **what: Any) -> None:
    """Another plan, chained as if it had been the one."""
    plan = _of(lines, "plan")[0]
    plan.update(what)
    body = {k: v for k, v in plan.items() if k not in BESIDE_THE_PLAN} | {"candidates": plan["declared"]}
    plan["hash"] = link_of(plan["previous"], "swap", body)


def _one_form_with_all_of_the_error(lines: list[dict[str, Any]]) -> None:
    first, last = _of(lines, "form")
    gone = {first["test"], first["edge"]} - {None}
    lines[:] = [x for x in lines if x is not first and x.get("run") not in gone]
    _declared(lines, declared=[last["form"]], candidates=1)


def _levels(lines: list[dict[str, Any]]) -> None:
    _declared(lines, alpha_target=0.0249, alpha_down=0.0499, alpha_worse=1e-6, alpha_claim=1e-6)


EDITS = (
    _a_learned_layer,
    _nothing_told_by_dev,
    _one_form_with_all_of_the_error,
    _levels,
    _another_edge,
    _drop_form,
    _wider,
    _higher,
    _fewer,
    _other_base,
    _right,
    _stop_early,
    _no_edge,
)


@pytest.mark.parametrize("edit", EDITS, ids=lambda f: f.__name__)
def test_records_that_were_edited_are_found(copy: Path, edit: Callable[[list[dict[str, Any]]], object]) -> None:
    _forge(copy, edit)
    with pytest.raises((Disproved, InputError)):
        verify(copy / "swap.json")


# Gates of what is trained again


@pytest.fixture(scope="module")
def forced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A swap that trained again though there are few requests."""
    task = school(tmp_path_factory.mktemp("forced"), "wordy", n=N)
    low = replace(task, profile=replace(task.profile, requests_per_day=10))
    assert swap(low, tuned(low), to("dunce"), margin=MARGIN, forced=("volume",)).body["decision"] == "moved"
    return task.folder


def test_what_was_forced_or_taken_on_trust_is_said_by_a_swap_as_by_a_verdict(forced: Path) -> None:
    body = json.loads((forced / "swap.json").read_text("utf-8"))
    assert any(w.startswith("Forced: volume: 10 requests a day, needed") for w in body["warnings"])
    assert any(w.startswith("Taken on trust: slow knowledge: not stated") for w in body["warnings"])
    assert "gates" not in body["forms"][0] and len(body["forms"][-1]["gates"]) > 10
    check = jsonschema_rs.validator_for(SCHEMA, validate_formats=True)
    assert [e.message for e in check.iter_errors(body)] == [] and verify(forced / "swap.json")


def _no_gates(lines: list[dict[str, Any]]) -> None:
    _of(lines, "form")[-1]["gates"] = []


def _not_forced(lines: list[dict[str, Any]]) -> None:
    gate = next(g for g in _of(lines, "form")[-1]["gates"] if g["name"] == "volume")
    gate.update(passed=True, forced=False)


def _not_on_trust(lines: list[dict[str, Any]]) -> None:
    gates = _of(lines, "form")[-1]["gates"]
    gates[:] = [g for g in gates if not g["assumed"]]


def _untrained(lines: list[dict[str, Any]]) -> None:
    _of(lines, "form")[-1].update(trains=False, gates=[])


@pytest.mark.parametrize("edit", [_no_gates, _not_forced, _not_on_trust, _untrained], ids=lambda f: f.__name__)
def test_a_gate_of_training_again_that_is_hidden_is_found(
    forced: Path, tmp_path: Path, edit: Callable[[list[dict[str, Any]]], object]
) -> None:
    for name in ("swap.json", "swap-records.jsonl"):
        shutil.copy(forced / name, tmp_path / name)
    _forge(tmp_path, edit)
    with pytest.raises(Disproved, match=r"gate|trained|had to hold"):
        verify(tmp_path / "swap.json")


# Accepting it


def test_accepting_replaces_the_stack_ends_its_duties_and_says_who(tmp_path: Path, ledger: Ledger) -> None:
    task = school(tmp_path, "wordy", n=N)
    old = tuned(task)
    old.save(task.folder / "stack.yaml")
    before = _as_verdict(task, old)
    undertake(ledger, before, datetime(2026, 11, 1, tzinfo=UTC), task.folder)
    assert any(d.duty.kind == "re-tune" for d in every(ledger, open_only=True))
    swap(task, old, to("scholar"), ledger=ledger, margin=MARGIN)
    assert _digest(task) == old.digest, "a swap alone changes nothing"
    accept(task, "Ada", ledger=ledger, because="cheaper", now=datetime(2026, 11, 29, tzinfo=UTC))
    assert _digest(task) != old.digest
    assert {d.stack for d in every(ledger, open_only=True)} == {_digest(task)}
    assert not any(d.duty.kind == "re-tune" for d in every(ledger, open_only=True))
    (said,) = decisions(ledger)
    assert (said.by, said.chosen, said.because) == ("Ada", "kept", "cheaper")
    (now,) = standing(ledger)
    assert now.stack == _digest(task) and len(verdicts(ledger)) == 2


def test_accepting_that_is_cut_short_leaves_all_or_nothing_and_is_finished_by_accepting_again(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = school(tmp_path, "wordy", n=N)
    old = tuned(task)
    old.save(task.folder / "stack.yaml")
    undertake(ledger, _as_verdict(task, old), datetime(2026, 11, 1, tzinfo=UTC), task.folder)
    duties = every(ledger)
    swap(task, old, to("scholar"), ledger=ledger, margin=MARGIN)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for seam in ("suffice.undertake.keep", "suffice.undertake.first_day"):
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(seam, killed)
            accept(task, "Ada", ledger=ledger)
        assert (decisions(ledger), every(ledger), _digest(task)) == ((), duties, old.digest), seam
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("suffice.swap.save", killed)
        accept(task, "Ada", ledger=ledger)
    assert len(decisions(ledger)) == 1 and _digest(task) == old.digest
    kept = every(ledger)
    accept(task, "Ada", ledger=ledger)
    accept(task, "Ada", ledger=ledger)
    assert len(decisions(ledger)) == 1 and every(ledger) == kept
    assert {d.stack for d in every(ledger, open_only=True)} == {_digest(task)} != {old.digest}


def test_a_swap_that_kept_the_old_stack_is_not_accepted(task: Task, stack: Stack, ledger: Ledger) -> None:
    with pytest.raises(InputError, match="no swap to accept"):
        accept(replace(task, folder=task.folder / "nowhere"), "Ada", ledger=ledger)


def test_a_swap_of_another_stack_than_stands_is_not_accepted(copy: Path, task: Task, ledger: Ledger) -> None:
    tuned(task).save(copy / "stack.yaml")
    with pytest.raises(InputError, match="another stack stands by now"):
        accept(replace(task, folder=copy), "Ada", ledger=ledger)
    assert not decisions(ledger) and not verdicts(ledger)


def test_without_an_owner_nothing_is_tuned_again_and_nothing_accepted(tmp_path: Path, ledger: Ledger) -> None:
    task = school(tmp_path, "wordy", n=N)
    unowned = replace(task, profile=replace(task.profile, owner=None))
    old = tuned(task)
    old.save(tmp_path / "stack.yaml")
    swap(unowned, old, to("dunce"), ledger=ledger, margin=MARGIN)
    body = json.loads((tmp_path / "swap.json").read_text("utf-8"))
    with pytest.raises(InputError):
        accept(unowned, "Ada", ledger=ledger)
    assert body["decision"] == "kept" and not decisions(ledger) and not verdicts(ledger)
    assert "that was tried will do" in body["headline"] and "not tried: owner: nobody" in body["headline"]
    assert verify(tmp_path / "swap.json")
    assert _digest(unowned) == old.digest


def test_an_edited_swap_is_not_accepted(copy: Path, task: Task, ledger: Ledger) -> None:
    _body(copy, lambda b: b.update(headline="Move at once."))
    with pytest.raises(Disproved):
        accept(replace(task, folder=copy), "Ada", ledger=ledger)


def _digest(task: Task) -> str:
    told = yaml.safe_load((task.folder / "stack.yaml").read_text("utf-8"))
    assert digest_of({k: v for k, v in told.items() if k not in ("suffice", "digest")}) == told["digest"]
    return str(told["digest"])


def _as_verdict(task: Task, stack: Stack) -> dict[str, Any]:
    """What a climb that kept the stack would leave of itself in the ledger."""
    from suffice.descend import duties_of
    from suffice.digest import plain

    told = {"name": task.name, "model": task.model, "profile": {"owner": "Ada"}}
    body = {"task": told, "stop_at": "fine_tuning", "target_met": None, "stack": plain(stack.spec)}
    return {**body, "stack_digest": stack.digest, "duties": plain(duties_of(stack, task)), "records": {"sha256": "0"}}


# The day on which the old base ends


LINE = {"from": "openai/gpt-4o", "to": "openai/gpt-5", "day": "2026-11-29"}


def test_a_plan_is_made_back_from_the_day_on_which_the_old_base_ends() -> None:
    ends = {"on": "2027-06-30", "source": "a letter", "instead": "gpt-5"}
    steps = migration({**LINE, "ends": ends}, "moved", 0)
    assert [s["by"] for s in steps] == ["2027-05-03", "2027-05-17", "2027-05-31", "2027-06-29"]
    assert not any(s["late"] for s in steps) and "ends" in steps[-1]["what"]
    near = migration({**LINE, "ends": {**ends, "on": "2026-12-15"}}, "moved", 0)
    assert [s["late"] for s in near] == [True, True, True, False], "it says what is late already"


def test_what_is_not_proven_yet_comes_first() -> None:
    ends = {"on": "2027-06-30", "source": "", "instead": "gpt-5"}
    more = migration({**LINE, "ends": ends}, "cannot tell", 340)
    assert "about 340 test items" in more[0]["what"] and more[0]["by"] < more[1]["by"]
    none = migration({**LINE, "ends": ends}, "kept", 0)
    assert "--full" in none[0]["command"] and "its maker names gpt-5" in none[0]["what"]


def test_without_an_end_a_plan_is_for_those_who_move() -> None:
    assert migration({**LINE, "ends": None}, "kept", 0) == []
    steps = migration({**LINE, "ends": None}, "moved", 0)
    assert [s["by"] for s in steps] == ["2026-11-29", "2026-12-13", "2026-12-27"]


# The published schema


SCHEMAS = Path(suffice.__file__).parent / "schemas"
SCHEMA = json.loads((SCHEMAS / "swap.schema.json").read_text("utf-8"))


def test_a_swap_fits_the_published_schema(swapped: Path, untold: Any) -> None:
    check = jsonschema_rs.validator_for(SCHEMA, validate_formats=True)
    body = json.loads((swapped / "swap.json").read_text("utf-8"))
    assert [e.message for e in check.iter_errors(body)] == []
    for key in SCHEMA["required"]:
        assert not check.is_valid({k: v for k, v in body.items() if k != key}), key
    body["forms"][0]["mine"] = 1
    assert not check.is_valid(body)
    made = {k: body[k] for k in ("version", "created", "ledger", "records")}
    assert [e.message for e in check.iter_errors({**untold[1], **made})] == []


def test_what_a_swap_shares_with_a_verdict_is_defined_alike() -> None:
    verdict = json.loads((SCHEMAS / "verdict.schema.json").read_text("utf-8"))["$defs"]
    both = SCHEMA["$defs"].keys() & verdict.keys() - {"form"}
    assert len(both) > 10 and [name for name in both if SCHEMA["$defs"][name] != verdict[name]] == []


def test_after_a_swap_was_taken_the_next_one_names_the_base_that_stands(task: Task, ledger: Ledger) -> None:
    bare = Stack(resolve(to("scholar")), (find("layers", "prompt").for_task(task),))
    body = swap(task, bare, to("dunce"), ledger=ledger, margin=MARGIN, write=False).body
    assert body["from"]["model"] == "scholar" and body["decision"] == "kept"
