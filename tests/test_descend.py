"""The way down: what is tried, what is proven not worse, and what stays."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from worlds import ADDRESS, example, world

from suffice.climb import climb
from suffice.descend import MARGIN, changes
from suffice.digest import canonical, file_digest
from suffice.errors import Disproved
from suffice.model import resolve
from suffice.plugins import find
from suffice.stack import Stack
from suffice.types import Json
from suffice.verdict import Verdict
from suffice.verify import verify

pytestmark = pytest.mark.usefixtures("minilm")


def layers(*names: str) -> Stack:
    return Stack(resolve(f"{ADDRESS}:right"), tuple(find("layers", name)() for name in names))


def attempts(verdict: Verdict) -> dict[str, dict[str, Json]]:
    return {a["change"]: a for a in verdict.body["down"]}


def test_every_layer_but_those_that_spare_calls_may_go() -> None:
    stack = layers("classifier", "retrieval", "few_shot", "prompt")
    names = [c.name for c in changes(stack, [], None)]
    assert names == ["without retrieval", "without few_shot", "without prompt", "fewer examples"]
    lighter = changes(stack, [], None)[0].apply(stack)
    assert lighter.names == ("classifier", "few_shot", "prompt")


def test_a_shorter_prompt_half_the_examples_and_a_cheaper_model_are_tried() -> None:
    prompt = find("layers", "prompt")
    long, short = prompt(instructions="Answer in one word, please, and in no more."), prompt(instructions="One word.")
    stack = replace(layers("few_shot"), layers=(*layers("few_shot").layers, long))
    cheaper = resolve(f"{ADDRESS}:wrong")
    found = {c.name: c for c in changes(stack, [long, short], cheaper)}
    assert found["shorter prompt"].apply(stack).layers[-1] == short
    assert found["fewer examples"].apply(stack).layers[0].k == 2  # type: ignore[attr-defined]
    assert found["cheaper model"].apply(stack).model == cheaper
    assert "shorter prompt" not in {c.name for c in changes(stack, [long], None)}
    assert [c.name for c in changes(layers("classifier"), [short], None)] == []


def test_a_layer_that_does_nothing_goes_and_one_that_helps_stays(tmp_path: Path) -> None:
    """Passages are all this model needs: the prompt goes, retrieval stays, and the frozen stack says so."""
    found = climb(world(tmp_path, "retrieval", n=700, documents=20))
    tried = attempts(found)
    assert tried["without prompt"]["accepted"] and tried["without prompt"]["decision"] == "not worse"
    assert tried["without prompt"]["low"] > -MARGIN and tried["without prompt"]["quality"]["low"] >= 0.78
    assert not tried["without retrieval"]["accepted"] and tried["without retrieval"]["n"] < 100
    assert found.stop_at == "retrieval" and [x["use"] for x in found.body["stack"]["layers"]] == ["retrieval"]
    assert "without the layer prompt" in found.body["headline"] and found.target_met is True
    assert f"digest: {found.body['stack_digest']}" in (tmp_path / "stack.yaml").read_text("utf-8")
    assert verify(tmp_path)


def test_too_few_items_are_not_spent_on_what_they_cannot_prove(tmp_path: Path) -> None:
    found = climb(world(tmp_path, "right"))
    (tried,) = found.body["down"]
    assert not tried["accepted"] and tried["calls"] == 0 and tried["n"] == 0
    assert "60 items cannot prove a loss within 0.05" in tried["reason"] and verify(tmp_path)


def test_a_cheaper_model_as_good_takes_the_place_of_the_dear_one(tmp_path: Path) -> None:
    """Both are right where a prompt says how; the attempts share the error of the way down."""
    found = climb(world(tmp_path, "prompt", n=900, cheaper_model=f"{ADDRESS}:right"))
    tried = attempts(found)
    assert tried["cheaper model"]["accepted"] and "right" in str(found.body["stack"]["model"])
    assert tried["cheaper model"]["alpha"] * len(found.body["down"]) <= found.body["test"]["alpha_down"] * (1 + 1e-9)
    assert not tried["without prompt"]["accepted"]
    assert "over where" in found.body["headline"] or "over right" in found.body["headline"]
    assert verify(tmp_path)


def test_a_lighter_stack_that_breaks_the_edge_stays_out(tmp_path: Path) -> None:
    """Without its prompt this model answers what it should refuse, on edge alone."""
    cases = (
        *(example(i) for i in range(800)),
        *(example(i, partition="edge") for i in range(900, 940)),
    )
    found = climb(world(tmp_path, f"{ADDRESS}:careful", examples=cases))
    tried = attempts(found)["without prompt"]
    assert not tried["accepted"] and "edge" in tried["reason"] and tried["decision"] == "not worse"
    assert found.body["stack"]["layers"] and verify(tmp_path)


@pytest.mark.parametrize(
    ("kind", "field", "value", "said"),
    [
        ("down", "attempts", 1, "attempts on the way down"),
        ("plan", "alpha_target", 0.4, "is not the one that follows"),
        ("plan", "alpha_down", 0.4, "is not the one that follows"),
    ],
)
def test_an_error_that_somebody_made_larger_is_found(
    kind: str, field: str, value: float, said: str, tmp_path: Path
) -> None:
    climb(world(tmp_path, "few_shot"))
    lines = [json.loads(x) for x in (tmp_path / "records.jsonl").read_text("utf-8").split("\n")[:-1]]
    for line in (x for x in lines if x["kind"] == kind):
        line[field] = value
    (tmp_path / "records.jsonl").write_bytes(b"".join(canonical(x) + b"\n" for x in lines))
    body = json.loads((tmp_path / "verdict.json").read_text("utf-8"))
    body["records"]["sha256"] = file_digest(tmp_path / "records.jsonl")
    (tmp_path / "verdict.json").write_text(json.dumps(body), "utf-8")
    with pytest.raises(Disproved, match=said):
        verify(tmp_path)
