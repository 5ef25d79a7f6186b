"""What a task would teach is written in everybody's form, or refused; adapters go through the exporters."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from models import tiny

from suffice.demonstrations import Demonstration, Origin, Provenance, read, write
from suffice.errors import InputError
from suffice.export import export, targets, taught_rows
from suffice.layer import Layer
from suffice.load import load
from suffice.models.scripted import Scripted
from suffice.plugins import find, names
from suffice.stack import Stack
from suffice.task import Task
from suffice.testing import sample_dataset, sample_task
from suffice.types import Answer, Ask, Message, Request, ToolCall


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return replace(sample_task("labels"), dataset=sample_dataset("labels", 240), folder=tmp_path)


@pytest.fixture
def stack(task: Task) -> Stack:
    return Stack(Scripted(otherwise="refund"), (find("layers", "prompt").for_task(task),))


@pytest.mark.parametrize("target", ["jsonl", *names("platforms")])
def test_a_tasks_pool_is_written_for_everybody(task: Task, stack: Stack, tmp_path: Path, target: str) -> None:
    found = export(task, target, stack, tmp_path / "out", model="some-model-8b")
    assert not found.refused
    lines = (tmp_path / "out" / "train.jsonl").read_text().splitlines()
    assert len(lines) == found.rows == len(task.parts.pool)
    held = [e.request.input for e in (*task.parts.test, *task.parts.edge)]
    assert not any(question in line for line in lines for question in held)


def test_the_neutral_file_reads_back_and_exports_again(task: Task, stack: Stack, tmp_path: Path) -> None:
    first = export(task, "jsonl", stack, tmp_path / "a")
    assert read(first.files[0]) == taught_rows(task, stack)
    again = export(task, "jsonl", stack, tmp_path / "b", data=first.files[0])
    assert again.files[0].read_bytes() == first.files[0].read_bytes()


def test_tinker_gets_a_script_beside_its_data(task: Task, stack: Stack, tmp_path: Path) -> None:
    found = export(task, "tinker", stack, tmp_path / "out", model="Qwen/Qwen3-8B")
    assert [p.name for p in found.files] == ["train.jsonl", "train.py"]
    compile(found.files[1].read_text(), "train.py", "exec")


def test_refused_data_is_not_written_and_every_row_is_named(task: Task, stack: Stack, tmp_path: Path) -> None:
    good = Demonstration("good", (Message("user", "a"),), Message("assistant", "b"))
    rows = [replace(good, id=f"r{n}") for n in range(10)]
    rows[3] = replace(rows[3], reply=Message("assistant", "  "))
    rows[7] = replace(rows[7], messages=(Message("user", "a"), Message("user", "b")))
    (tmp_path / "rows.jsonl").write_bytes(write(rows))
    found = export(task, "together", stack, tmp_path / "out", data=tmp_path / "rows.jsonl", model="m")
    assert found.refused
    assert found.files == ()
    assert [(m.line, m.id) for m in found.misfits if m.fatal] == [(4, "r3"), (8, "r7")]
    assert not (tmp_path / "out").exists()


def test_a_file_with_test_items_is_refused(task: Task, stack: Stack, tmp_path: Path) -> None:
    leaked = task.parts.test[0]
    row = Demonstration(leaked.id, (Message("user", leaked.request.input),), Message("assistant", "refund"))
    (tmp_path / "rows.jsonl").write_bytes(write([row]))
    with pytest.raises(InputError, match="items of test or edge"):
        export(task, "jsonl", stack, tmp_path / "out", data=tmp_path / "rows.jsonl")


@pytest.mark.parametrize("worded", ["{}", "  {}!! ", "You are careful. Answer what is asked, please: {} Thank you."])
@pytest.mark.parametrize("origin", ["log", "examples"])
def test_test_items_are_known_by_what_they_ask_whatever_the_row_is_called(
    worded: str, origin: Origin, task: Task, stack: Stack, tmp_path: Path
) -> None:
    asked = replace(task.parts.test[0], input="where is the second of the two parcels that i ordered on monday")
    other = replace(task, dataset=task.dataset.only([replace(asked, split="test"), *task.parts.dev]))
    assert asked.text in {e.text for e in other.parts.test}
    told = (Message("user", worded.format(asked.text)),)
    row = Demonstration("mine", told, Message("assistant", "refund"), provenance=Provenance(origin))
    (tmp_path / "rows.jsonl").write_bytes(write([row]))
    with pytest.raises(InputError, match="items of test or edge, such as `mine`"):
        export(other, "jsonl", stack, tmp_path / "out", data=tmp_path / "rows.jsonl")


KEY, CARD = "ghp_abcdefghijklmnopqrstuvwxyz0123456789", "4111 1111 1111 1111"


@pytest.fixture
def private(task: Task) -> Task:
    """The task with a key in every tenth question and a card number in every other tenth."""
    told = {0: f" The key is {KEY}.", 5: f" The card is {CARD}."}
    cases = [replace(e, input=e.input + told.get(n // 2 % 10, "")) for n, e in enumerate(task.dataset)]
    return replace(task, dataset=task.dataset.only(cases))


def test_a_secret_in_the_pool_goes_nowhere_and_personal_data_is_told(
    private: Task, stack: Stack, tmp_path: Path
) -> None:
    pool = private.parts.pool
    keys, cards = (sum(what in e.text for e in pool) for what in (KEY, CARD))
    found = export(private, "jsonl", stack, tmp_path / "kept")
    text = found.files[0].read_text()
    assert keys and cards and KEY not in text and CARD in text
    assert (found.rows, found.left_out, found.personal) == (len(pool) - keys, keys, cards)
    fewer = export(private, "together", stack, tmp_path / "refused", model="m-8b", personal="refuse")
    assert CARD not in fewer.files[0].read_text()
    assert (fewer.rows, fewer.left_out, fewer.personal) == (len(pool) - keys - cards, keys + cards, 0)


def test_a_secret_in_the_prompt_stops_the_export(task: Task, tmp_path: Path) -> None:
    leaky = replace(task, goal=f"Answer with the token {KEY}.")
    stack = Stack(Scripted(otherwise="refund"), (find("layers", "prompt").for_task(leaky),))
    with pytest.raises(InputError, match="the prompt around every row holds api key") as wrong:
        export(leaky, "jsonl", stack, tmp_path)
    assert KEY not in str(wrong.value)


def test_a_row_whose_passages_hold_a_secret_is_left_out(task: Task, tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Shown(Layer):
        """Shows a key beside every tenth question."""

        def __call__(self, request: Request, ask: Ask) -> Answer:
            told = f"Use {KEY}." if (request.id or "").endswith("0") else "Use care."
            return ask(replace(request, instructions=(told, *request.instructions)))

    found = export(task, "jsonl", Stack(Scripted(otherwise="refund"), (Shown(),)), tmp_path)
    tenth = sum(e.id.endswith("0") for e in task.parts.pool)
    assert tenth and (found.left_out, found.rows) == (tenth, len(task.parts.pool) - tenth)
    assert KEY not in found.files[0].read_text()


@pytest.mark.parametrize("where", ["asked", "replied", "called"])
def test_a_file_with_a_secret_is_refused_by_its_line(task: Task, stack: Stack, tmp_path: Path, where: str) -> None:
    call = ToolCall("open", {"with": f"token={KEY}" if where == "called" else "care"})
    asked, replied = (f"It is {KEY}" if where == at else "It is here" for at in ("asked", "replied"))
    bad = Demonstration("bad", (Message("user", asked),), Message("assistant", replied, (call,)))
    good = Demonstration("good", (Message("user", "a"),), Message("assistant", "b"))
    path = tmp_path / "rows.jsonl"
    path.write_bytes(write([good]) + b"\n" + write([bad]))
    with pytest.raises(InputError, match="the row holds api key") as wrong:
        export(task, "jsonl", stack, tmp_path / "out", data=path)
    assert (wrong.value.file, wrong.value.line) == (str(path), 3)
    assert not (tmp_path / "out").exists()


def test_a_file_of_personal_data_alone_leaves_nothing_to_send(task: Task, stack: Stack, tmp_path: Path) -> None:
    row = Demonstration("r", (Message("user", f"Charge {CARD}."),), Message("assistant", "refund"))
    (tmp_path / "rows.jsonl").write_bytes(write([row]))
    assert export(task, "jsonl", stack, tmp_path / "out", data=tmp_path / "rows.jsonl").personal == 1
    with pytest.raises(InputError, match="every row holds personal data"):
        taught_rows(task, stack, tmp_path / "rows.jsonl", "refuse")


def test_what_confirms_is_no_row_of_a_file(task: Task, stack: Stack, tmp_path: Path) -> None:
    fresh = replace(task.parts.test[0], id="fresh", input="does anybody deliver to the lighthouse on sundays")
    confirmed = replace(task, confirmation=task.dataset.only([fresh]))
    row = Demonstration("mine", (Message("user", fresh.text),), Message("assistant", "shipping"))
    (tmp_path / "rows.jsonl").write_bytes(write([row]))
    with pytest.raises(InputError, match="items of test or edge, or of what confirms, such as `mine`"):
        export(confirmed, "jsonl", stack, tmp_path / "out", data=tmp_path / "rows.jsonl")


def test_a_row_says_who_wrote_its_reply_and_under_which_licence(tmp_path: Path) -> None:
    rows = [
        {"id": f"e{n}", "input": f"where is parcel {n}", "expected": ("a", "b")[n % 2], "licence": "CC-BY-4.0"}
        | {"teacher": "gpt-4o", "source": f"dump/{n}"}
        for n in range(60)
    ]
    (tmp_path / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "suffice.yaml").write_text("goal: Route.\nexamples: examples.jsonl\noutput: {labels: [a, b]}\n")
    task = load(tmp_path)
    told = {row.provenance for row in taught_rows(task, Stack(Scripted(otherwise="a")))}
    assert {p.licence for p in told} == {"CC-BY-4.0"} and {p.teacher for p in told} == {"gpt-4o"}
    assert all("OpenAI" in p.terms and p.source.startswith("dump/") for p in told)


def test_what_nobody_knows_is_refused_with_what_is_known(task: Task, stack: Stack, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing is known of `azure`") as wrong:
        export(task, "azure", stack, tmp_path)
    assert all(name in wrong.value.hint for name in targets())


def test_a_stack_without_adapter_has_no_weights_to_export(task: Task, stack: Stack, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no adapter") as wrong:
        export(task, "peft", stack, tmp_path)
    assert "--stack FOLDER/tuned.yaml" in wrong.value.hint


def test_the_adapter_of_a_stack_goes_through_the_exporter(task: Task, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    model = find("models", "transformers")(str(tiny.folder(tmp_path / "base")), folder=tmp_path)
    variant = tiny.kept(tiny.adapter(tmp_path / "a.safetensors", model.weights_digest), tmp_path)
    layer = replace(find("layers", "adapter").for_task(task), adapter=variant.removeprefix("adapter:"))
    found = export(task, "peft", Stack(model, (layer,)), tmp_path / "out")
    assert json.loads((tmp_path / "out" / "adapter_config.json").read_text())["peft_type"] == "LORA"
    assert found.files[0].name == "adapter_model.safetensors"
