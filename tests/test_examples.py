"""The shipped tasks: what their files promise holds, read as plain data."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from suffice.scorers.contains import words

EXAMPLES = Path(__file__).parents[1] / "examples"
TASKS = ("handbook", "triage", "records")
ALIKE = 0.85
"""Shared words, of all words of two inputs, above which they are near-duplicates."""


@cache
def rows(task: str) -> list[dict[str, Any]]:
    lines = (EXAMPLES / task / "examples.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@cache
def settings(task: str) -> dict[str, Any]:
    return yaml.safe_load((EXAMPLES / task / "suffice.yaml").read_text(encoding="utf-8"))


@cache
def page(name: str) -> str:
    return (EXAMPLES / "handbook" / name).read_text(encoding="utf-8")


def part(task: str, partition: str) -> list[dict[str, Any]]:
    return [row for row in rows(task) if row["partition"] == partition]


def accepted(row: dict[str, Any]) -> list[str]:
    return row["expected"] if isinstance(row["expected"], list) else [row["expected"]]


def says(text: str, answer: str) -> bool:
    return f" {' '.join(words(answer))} " in f" {' '.join(words(text))} "


@pytest.mark.parametrize("task", TASKS)
def test_a_task_has_enough_core_examples_to_prove_its_verdict_and_an_edge_partition(task: str) -> None:
    assert 150 <= len(part(task, "core")) <= 300
    assert 20 <= len(part(task, "edge")) <= 40
    kinds = Counter(row["id"].split("-", 1)[1] for row in part(task, "edge"))
    assert {"adversarial", "malformed"} <= set(kinds)


@pytest.mark.parametrize("task", TASKS)
def test_ids_are_unique_and_every_row_has_the_documented_keys(task: str) -> None:
    counted = Counter(row["id"] for row in rows(task))
    assert [name for name, times in counted.items() if times > 1] == []
    wanted, allowed = {"id", "input", "expected", "partition"}, {"context", "group", "split", "time"}
    assert [row["id"] for row in rows(task) if not wanted <= set(row) <= wanted | allowed] == []


def pairs(task: str) -> Iterator[tuple[str, str, float]]:
    core = [(row["id"], set(re.findall(r"\w+", row["input"].lower()))) for row in part(task, "core")]
    for at, (name, one) in enumerate(core):
        for other, two in core[at + 1 :]:
            yield name, other, len(one & two) / len(one | two)


@pytest.mark.parametrize("task", TASKS)
def test_no_two_core_inputs_of_a_task_are_near_duplicates(task: str) -> None:
    assert [(one, other) for one, other, likeness in pairs(task) if likeness > ALIKE] == []


@pytest.mark.parametrize("task", TASKS)
def test_no_text_uses_characters_that_a_keyboard_does_not_have(task: str) -> None:
    assert [row["id"] for row in rows(task) if not row["input"].isascii()] == []


def test_every_triage_label_is_in_the_contract_and_the_labels_are_balanced() -> None:
    labels = settings("triage")["output"]["labels"]
    core = Counter(row["expected"] for row in part("triage", "core"))
    assert {row["expected"] for row in rows("triage")} == set(labels)
    assert 8 <= len(labels) <= 12
    assert max(core.values()) - min(core.values()) <= 5


def test_the_handbook_has_at_least_thirty_pages_of_a_page_each() -> None:
    pages = sorted((EXAMPLES / "handbook" / "handbook").glob("*.md"))
    lengths = {file.name: len(file.read_text(encoding="utf-8").split()) for file in pages}
    assert len(pages) >= 30
    assert [name for name, length in lengths.items() if not 250 <= length <= 600] == []
    assert [file.name for file in pages if not file.read_text(encoding="utf-8").startswith("# ")] == []


def test_every_context_stands_verbatim_in_its_page_and_holds_an_accepted_answer() -> None:
    cited = [row for row in rows("handbook") if "context" in row]
    assert len(cited) >= len(part("handbook", "core"))
    for row in cited:
        context = row["context"]
        assert context["text"] in page(context["document"]), row["id"]
        assert any(says(context["text"], answer) for answer in accepted(row)), row["id"]


def test_no_handbook_question_gives_its_own_answer_away() -> None:
    assert [row["id"] for row in part("handbook", "core") if says(row["input"], accepted(row)[0])] == []


def test_every_expected_record_fits_the_schema_and_stands_in_its_message() -> None:
    import jsonschema_rs

    schema = json.loads((EXAMPLES / "records" / "schema.json").read_text(encoding="utf-8"))
    fits = jsonschema_rs.validator_for(schema, validate_formats=True)
    assert [row["id"] for row in rows("records") if not fits.is_valid(row["expected"])] == []
    for row in rows("records"):
        shown, record = row["input"], row["expected"]
        assert record["part"] in shown and record["shelf"] in shown, row["id"]
        assert str(record["quantity"]) in shown, row["id"]
        assert record["received"] in shown.replace("/", "-"), row["id"]


def test_every_expected_record_keeps_the_rules() -> None:
    named = {rule["field"]: rule for rule in rules() if "field" in rule}
    for row in rows("records"):
        record = row["expected"]
        assert all(field in record for field, rule in named.items() if rule["required"]), row["id"]
        assert named["quantity"]["min"] <= record["quantity"] <= named["quantity"]["max"], row["id"]
        assert str(named["received"]["after"]) < record["received"] < str(named["received"]["before"]), row["id"]
        assert re.search(named["part"]["matches"], record["part"]), row["id"]
        assert not record["shelf"].startswith('"Cage') or record["quantity"] <= 100, row["id"]


def rules() -> list[dict[str, Any]]:
    return yaml.safe_load((EXAMPLES / "records" / "rules.yaml").read_text(encoding="utf-8"))["rules"]


def test_most_records_hold_a_quotation_mark_or_a_backslash_that_breaks_json() -> None:
    core = part("records", "core")
    assert 0.6 <= sum('"' in row["input"] or "\\" in row["input"] for row in core) / len(core) <= 0.9


@pytest.mark.parametrize("task", TASKS)
def test_a_shipped_task_names_an_owner_and_a_target_without_latency(task: str) -> None:
    assert settings(task)["profile"]["owner"]
    assert set(settings(task)["target"]) == {"quality", "tolerance"}
    assert settings(task)["model"] == "embedded"


def test_no_two_handbook_questions_share_an_answer_so_that_a_shown_example_never_gives_one_away() -> None:
    counted = Counter(answer.lower() for row in part("handbook", "core") for answer in {*accepted(row)})
    assert [answer for answer, times in counted.items() if times > 1] == []
