"""Few-shot shows solved examples, and never the question's own answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from suffice.data import Dataset, Example, Output
from suffice.errors import Damaged
from suffice.layers.few_shot import FewShot
from suffice.models.scripted import Scripted
from suffice.plugins import build, spec_of
from suffice.stack import Stack
from suffice.testing.samples import sample_task
from suffice.types import Request, Shot

pytestmark = pytest.mark.usefixtures("minilm")

TOPICS = {
    "refund": ("I want my money back", "please refund my order", "give me back what I paid", "can I be reimbursed"),
    "shipping": ("where is my parcel", "my package has not arrived", "when will it be delivered", "track my delivery"),
    "login": ("I forgot my password", "the login page rejects me", "my account is locked", "reset my password"),
}
POOL = Dataset(
    tuple(Example(f"{label}{n}", text, label) for label, texts in TOPICS.items() for n, text in enumerate(texts)),
    Output("labels", labels=tuple(TOPICS)),
)


def fitted(folder: Path, pool: Dataset = POOL, **fields: object) -> FewShot:
    return FewShot(folder=folder, **fields).fit(Scripted(), pool)  # type: ignore[arg-type]


def shown(layer: FewShot, text: str) -> Sequence[Shot]:
    model = Scripted(otherwise="ok")
    Stack(model, (layer,))(Request(text))
    return model.heard[0].shots


def test_the_nearest_examples_are_shown_the_nearest_last(tmp_path: Path) -> None:
    shots = shown(fitted(tmp_path, k=3), "my password does not work, how do I reset it?")
    assert {s.output for s in shots} == {"login"} and shots[-1].input == "reset my password"


def test_an_example_that_reads_the_same_is_never_shown(tmp_path: Path) -> None:
    for layer in (fitted(tmp_path, k=12), fitted(tmp_path, mode="static", k=8)):
        texts = [s.input for s in shown(layer, "Where is MY parcel?!")]
        assert len(texts) >= 7 and "where is my parcel" not in texts


def test_nobody_of_its_own_group_is_shown_either(tmp_path: Path) -> None:
    pool = POOL.only(replace(e, group="g") if e.expected == "login" else e for e in POOL)
    assert {s.output for s in shown(fitted(tmp_path, pool, k=12), "Reset my password.")} == {"refund", "shipping"}
    assert {s.output for s in shown(fitted(tmp_path, pool, k=12), "reset it")} == set(TOPICS)


def test_static_shots_cover_the_labels_first(tmp_path: Path) -> None:
    for k in (3, 6):
        shots = fitted(tmp_path, mode="static", k=k).shots
        assert sorted(s.output for s in shots) == sorted([*TOPICS] * (k // 3))


@pytest.mark.parametrize("pick", ["typical", "spread"])
def test_static_shots_of_free_text_cover_what_is_asked(tmp_path: Path, pick: str) -> None:
    pool = Dataset(tuple(replace(e, expected=f"{e.expected} it is") for e in POOL))
    shots = fitted(tmp_path, pool, mode="static", k=3, pick=pick).shots
    assert len({s.output for s in shots}) == 3 == len({s.input for s in shots})


def test_choosing_does_not_depend_on_chance(tmp_path: Path) -> None:
    again = fitted(tmp_path / "elsewhere", mode="static", k=5)
    assert fitted(tmp_path, mode="static", k=5) == again
    assert fitted(tmp_path).pool == fitted(tmp_path / "elsewhere").pool


def test_copies_in_the_pool_do_not_break_the_choice(tmp_path: Path) -> None:
    pool = Dataset(tuple(Example(str(n), "the same question", "yes") for n in range(9)))
    assert len(fitted(tmp_path, pool, mode="static", k=5).shots) == 5


def test_a_small_pool_is_shown_whole(tmp_path: Path) -> None:
    assert len(shown(fitted(tmp_path, POOL[:2], k=5), "anything")) == 2
    assert len(shown(fitted(tmp_path, POOL[:2], k=5, mode="static"), "anything")) == 2
    assert shown(fitted(tmp_path, POOL[:0]), "anything") == ()


def test_outputs_are_worded_as_the_contract_wants(tmp_path: Path) -> None:
    record = Dataset((Example("a", {"text": "2 für Köln"}, {"any_of": [{"city": "Köln", "people": 2}]}),), RECORD)
    assert fitted(tmp_path, record, mode="static").shots == (
        Shot("text: 2 für Köln", '{"city":"Köln","people":2}', {"text": "2 für Köln"}),
    )
    several = Dataset((Example("a", "q", ["first", "second"]), Example("b", "no answer")))
    assert [s.output for s in fitted(tmp_path, several, mode="static").shots] == ["first"]


def test_an_array_is_one_answer_where_the_schema_is_an_array(tmp_path: Path) -> None:
    array = Output("schema", schema={"type": "array"})
    pool = Dataset((Example("a", "q", [1, 2]),), array)
    assert fitted(tmp_path, pool, mode="static").shots[0].output == "[1,2]"


RECORD = Output("schema", schema={"type": "object"})


def test_it_is_rebuilt_from_its_spec_and_finds_its_pool_in_the_folder(tmp_path: Path) -> None:
    layer = fitted(tmp_path, k=2)
    rebuilt = replace(build("layers", json.loads(json.dumps(spec_of(layer)))), folder=tmp_path)
    assert rebuilt == layer and shown(rebuilt, "refund me") == shown(layer, "refund me")
    with pytest.raises(Damaged):
        shown(replace(rebuilt, folder=tmp_path / "elsewhere"), "refund me")


def test_variants_are_no_larger_than_the_pool(tmp_path: Path) -> None:
    layer = FewShot(folder=tmp_path)
    assert [(v.mode, v.k) for v in layer.variants(POOL)] == [
        *(("static", 3), ("static", 5), ("static", 8)),
        *(("nearest", 5), ("nearest", 10)),
    ]
    assert [(v.mode, v.k) for v in layer.variants(POOL[:4])] == [("static", 3)]


def test_the_gate_counts_examples_that_have_an_answer(tmp_path: Path) -> None:
    task = sample_task("labels", folder=tmp_path)
    layer = FewShot.for_task(task)
    assert layer is not None
    assert layer.gates(task, POOL)[0].passed
    unsolved = POOL.only(replace(e, expected=None) for e in POOL)
    gate = layer.gates(task, unsolved)[0]
    assert not gate.passed and (gate.measured, gate.needed) == ("0", "at least 3")
