"""`suffice data curate` and `ready` from the outside: a training set, and tasks refused each for its own reason."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]
Row = dict[str, Any]

PROFILE = {"owner": "Ada", "requests_per_day": 20_000, "stable_months": 12}
ITEMS = ("lamp", "chair", "kettle", "blanket", "mirror", "pillow", "toaster", "wardrobe", "carpet", "curtain")
COLOURS = ("amber", "black", "green", "indigo", "orange", "purple", "scarlet", "white", "yellow", "brown")
PLACES = ("Lyon", "Oslo", "Porto", "Riga", "Turin", "Utrecht", "Vienna", "Zagreb", "Bergen", "Dublin")
SYLLABLES = tuple(a + b for a in "klmnprstvz" for b in ("a", "o"))
ASKED = {
    "refund": "please give me my money back for the {c} {i} that I sent back to you from {p}",
    "shipping": "on which day will your van bring the {c} {i} to my flat in {p}",
    "damage": "there is a long crack in the {c} {i} that came out of the box in {p}",
}


def sorting(count: int, split: str, start: int = 0) -> list[Row]:
    """Mail to be sorted by what it is about; no two read alike."""
    labels = list(ASKED)
    rows = []
    for n in range(start, start + count):
        words = {"i": ITEMS[n // 3 % 10], "c": COLOURS[n // 30 % 10], "p": PLACES[n // 300 % 10]}
        label = labels[n % 3]
        rows.append({"id": f"q{n}", "input": ASKED[label].format(**words), "expected": label, "split": split})
    return rows


def task(folder: Path, rows: Sequence[Row], **more: Any) -> Path:
    (folder / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    body = {"goal": "Say what a customer wants.", "examples": "examples.jsonl", "profile": PROFILE, **more}
    body.setdefault("target", {"quality": 0.9})
    (folder / "suffice.yaml").write_text(json.dumps(body), encoding="utf-8")
    return folder


def labelled(folder: Path, rows: Sequence[Row], **more: Any) -> Path:
    return task(folder, rows, output={"labels": list(ASKED)}, **more)


def body(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def refused(suffice: Command, folder: Path, *more: str | Path) -> tuple[list[str], str]:
    """The gates that are missing, and what a person reads. Nothing was climbed here, which is not the point."""
    known = ("--for", "narrow", "--force", "prompting exhausted", *more)
    told = body(suffice("data", "ready", folder, *known, "--json"), 1)
    shown = suffice("data", "ready", folder, *known, COLUMNS="120", NO_COLOR="1")
    assert shown.returncode == 1 and len(shown.stdout.splitlines()) <= 24
    return told["missing"], shown.stdout


@pytest.fixture(scope="module")
def good() -> list[Row]:
    return [*sorting(220, "dev"), *sorting(60, "test", 600)]


def test_a_task_that_is_ready_says_so_gate_by_gate(suffice: Command, tmp_path: Path, good: list[Row]) -> None:
    folder = labelled(tmp_path, good)
    told = body(suffice("data", "ready", folder, "--for", "narrow", "--force", "prompting exhausted", "--json"))
    assert told["ready"] and told["missing"] == [] and told["for"] == "narrow"
    assert [g["name"] for g in told["gates"] if g["forced"]] == ["prompting exhausted"]
    trust = [g["name"] for g in told["gates"] if g["assumed"]]
    assert trust and "owner" not in trust
    shown = suffice("data", "ready", folder, "--for", "narrow", "--force", "prompting exhausted", COLUMNS="300")
    assert f"taken on trust: {', '.join(trust)}" in shown.stdout and f"? {trust[0]}: " in shown.stdout


def test_a_set_of_facts_is_refused_as_facts(suffice: Command, tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    rows = []
    for n in range(280):
        name = " ".join(SYLLABLES[n // 20] + SYLLABLES[n % 20] + end for end in ("mar", "ssen"))
        (tmp_path / "pages" / f"form-{n}.md").write_text(f"Form {n} is signed by {name}, on the second floor.")
        split = "dev" if n < 220 else "test"
        rows.append({"id": f"q{n}", "input": f"Who signs form {n}?", "expected": name, "split": split})
    missing, shown = refused(suffice, task(tmp_path, rows, documents="pages"))
    assert missing == ["no frozen facts"]
    assert shown.startswith(
        "Not ready for narrow: no frozen facts\n✗ no frozen facts: This set teaches facts; retrieve"
    )


def test_forty_examples_are_refused_as_too_few(suffice: Command, tmp_path: Path) -> None:
    missing, shown = refused(suffice, labelled(tmp_path, [*sorting(40, "dev"), *sorting(60, "test", 600)]))
    assert missing == ["clean pairs"] and "✗ clean pairs: 40 solved examples\n    needed: 200 or more for " in shown
    lora = suffice("data", "ready", tmp_path, "--force", "prompting exhausted", COLUMNS="120", NO_COLOR="1")
    assert lora.returncode == 1 and "needed: 500 or more for a narrow LoRA (docs/framework.md §5)" in lora.stdout


def test_contradicting_labels_are_refused_with_their_ids(suffice: Command, tmp_path: Path, good: list[Row]) -> None:
    other = {"refund": "damage", "shipping": "refund", "damage": "shipping"}
    against = [
        {**row, "id": f"again-{row['id']}", "input": row["input"].upper(), "expected": other[row["expected"]]}
        for row in good[:20]
    ]
    missing, shown = refused(suffice, labelled(tmp_path, [*good, *against]))
    assert missing == ["no contradictions"]
    assert "40 of 240 rows contradict others (16.7%): " in shown and "again-q" in shown


def test_a_file_with_test_items_is_refused_and_names_them(suffice: Command, tmp_path: Path, good: list[Row]) -> None:
    folder = labelled(tmp_path, good)
    rows = tmp_path / "train.jsonl"
    told = [
        {"messages": [{"role": "user", "content": row["input"]}, {"role": "assistant", "content": row["expected"]}]}
        for row in good[:230]
    ]
    rows.write_text("".join(json.dumps(row) + "\n" for row in told), encoding="utf-8")
    missing, shown = refused(suffice, folder, "--data", rows)
    assert missing == ["no leaked test items"]
    assert "10 of 230 rows hold one of 60 test items: line:221 repeats the test item `q600`" in shown
    assert "and 5 more" in shown


def test_a_split_that_leaks_is_refused(suffice: Command, tmp_path: Path, good: list[Row]) -> None:
    leaked = [{**row, "id": f"seen-{row['id']}", "split": "dev"} for row in good[220:230]]
    missing, shown = refused(suffice, labelled(tmp_path, [*good, *leaked]))
    assert missing == ["no leaked test items"]
    assert "10 of 60 test items repeated dev and no longer judge (17%)" in shown


def test_a_task_without_an_owner_is_refused_and_nobody_can_force_it(
    suffice: Command, tmp_path: Path, good: list[Row]
) -> None:
    folder = labelled(tmp_path, good, profile={**PROFILE, "owner": None})
    missing, shown = refused(suffice, folder)
    assert missing == ["owner"] and "✗ owner: nobody\n    needed: somebody who owns re-training" in shown
    forced = suffice("data", "ready", folder, "--for", "narrow", "--force", "owner", "--force", "prompting exhausted")
    assert forced.returncode == 2 and "the gate `owner` cannot be forced" in forced.stderr
    assert "profile: {owner: NAME}" in forced.stderr and not forced.stdout


def test_nothing_tried_is_refused_and_a_climb_that_tried_opens_it(suffice: Command, tmp_path: Path) -> None:
    rows, quick = [*sorting(60, "dev"), *sorting(50, "test", 600)], {"p95_ms": 60_000}
    folder = labelled(tmp_path, rows, model="mine.py:always", target=quick)
    (folder / "mine.py").write_text(MODEL, encoding="utf-8")
    before = body(suffice("data", "ready", folder, "--json"), 1)
    assert before["missing"] == ["clean pairs", "prompting exhausted"]
    gate = next(g for g in before["gates"] if g["name"] == "prompting exhausted")
    assert gate["measured"].startswith("0 serious prompts, 0 with examples, 0 with structure; not yet measured: ")
    assert suffice("climb", folder).returncode == 0
    after = body(suffice("data", "ready", folder, "--json"), 1)
    assert "prompting exhausted" not in after["missing"] and "clean pairs" in after["missing"]


MODEL = """from suffice.models.scripted import Scripted

def always():
    return Scripted(lambda request: "refund", name="always")
"""


def test_a_gate_that_is_none_is_an_error_that_names_those_there_are(suffice: Command, tmp_path: Path) -> None:
    done = suffice("data", "ready", labelled(tmp_path, sorting(20, "dev")), "--force", "onwer", "--json")
    error = body(done, 2)["error"]
    assert error["message"] == "no gate is called `onwer`" and "owner" in error["hint"]


# Curating


def log(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    told = (
        {
            "request": {"model": "gpt-4o", "messages": [{"role": "user", "content": row["input"]}]},
            "response": {
                "model": "gpt-4o",
                "choices": [{"message": {"role": "assistant", "content": row["expected"]}, "finish_reason": "stop"}],
            },
        }
        for row in rows
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in told), encoding="utf-8")
    return path


def test_a_training_set_its_sheet_and_what_was_left_out_are_written(
    suffice: Command, tmp_path: Path, good: list[Row]
) -> None:
    folder = labelled(tmp_path, good)
    extra = sorting(30, "dev", 700)
    extra[0] = {**extra[0], "input": f"{extra[0]['input']}, write to ada@example.com"}
    traffic = log(tmp_path / "traffic.jsonl", [*extra, *good[:5], *good[220:223]])
    told = body(suffice("data", "curate", folder, "--logs", traffic, "--licence", "CC-BY-4.0", "--json"))
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text("utf-8").splitlines()]
    assert told["composition"]["rows"] == len(rows) == 250
    assert told["collection"]["origins"] == {"examples": 220, "log": 30}
    assert told["collection"]["licences"] == {"CC-BY-4.0": 250}
    assert told["cleaning"]["left_out"] == {"duplicate": 5, "contamination": 3}
    dropped = [json.loads(line) for line in (folder / "dropped.jsonl").read_text("utf-8").splitlines()]
    assert len(dropped) == 8 and all(d["reason"] and d["source"] for d in dropped)
    assert {d["beside"][0] for d in dropped if d["step"] == "contamination"} == {"q600", "q601", "q602"}
    whole = "".join(path.read_text("utf-8") for path in folder.glob("*.jsonl") if path != traffic)
    assert "write to [email]" in whole and "ada@example.com" not in whole
    assert "OpenAI: no models that compete" in rows[-1]["suffice"]["terms"]
    assert (folder / "datasheet.md").read_text("utf-8").startswith("# Datasheet")
    assert json.loads((folder / "datasheet.json").read_text("utf-8"))["digest"] == told["digest"]


@pytest.mark.parametrize(("option", "said"), [("--logs", "no logged call"), ("--teacher", "no replies of a teacher")])
def test_an_empty_file_is_refused_and_overwrites_nothing(
    option: str, said: str, suffice: Command, tmp_path: Path, good: list[Row]
) -> None:
    folder = labelled(tmp_path, good)
    (tmp_path / "train.jsonl").write_text("work\n", encoding="utf-8")
    (tmp_path / "empty.jsonl").write_text("", encoding="utf-8")
    error = body(suffice("data", "curate", folder, option, tmp_path / "empty.jsonl", "--json"), 2)["error"]
    assert said in error["message"] and error["hint"]
    assert (tmp_path / "train.jsonl").read_text("utf-8") == "work\n"


def test_a_screen_tells_each_step_and_what_to_look_at(suffice: Command, tmp_path: Path, good: list[Row]) -> None:
    folder = labelled(tmp_path, good)
    traffic, out = log(tmp_path / "traffic.jsonl", good[220:223]), tmp_path / "mine.jsonl"
    shown = suffice("data", "curate", folder, "--logs", traffic, "--out", out, NO_COLOR="1", COLUMNS="80")
    assert shown.returncode == 0 and len(shown.stdout.splitlines()) <= 20, shown.stderr
    assert shown.stdout.startswith(f"220 of 223 rows deserve training: {out}\n")
    assert "contamination      223 → 220     3 repeats" in shown.stdout
    assert "220 of 220 rows have no known licence" in shown.stdout
    assert {p.name for p in tmp_path.glob("mine.*")} == {
        "mine.jsonl", "mine.dropped.jsonl", "mine.datasheet.md", "mine.datasheet.json",
    }  # fmt: skip


def test_what_was_curated_is_ready_as_it_stands(suffice: Command, tmp_path: Path, good: list[Row]) -> None:
    folder = labelled(tmp_path, good)
    assert suffice("data", "curate", folder).returncode == 0
    first = (folder / "train.jsonl").read_bytes()
    known = ("--for", "narrow", "--force", "prompting exhausted")
    ready = suffice("data", "ready", folder, "--data", folder / "train.jsonl", *known)
    assert ready.returncode == 0 and "✓ clean pairs: 220 solved examples" in ready.stdout
    assert suffice("data", "curate", folder).returncode == 0 and (folder / "train.jsonl").read_bytes() == first


def test_rows_with_personal_data_are_refused_where_that_is_asked(suffice: Command, tmp_path: Path) -> None:
    rows = sorting(40, "dev")
    rows[3]["input"] += ", my IBAN is DE89 3704 0044 0532 0130 00"
    told = body(suffice("data", "curate", labelled(tmp_path, rows), "--personal", "refuse", "--json"))
    assert told["composition"]["rows"] == 39 and told["cleaning"]["left_out"] == {"personal": 1}
    left = json.loads((tmp_path / "dropped.jsonl").read_text("utf-8"))
    assert left["reason"] == "holds iban" and "DE89" not in left["input"]
