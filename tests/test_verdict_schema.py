"""The published schema of verdict.json, and the page that explains it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

ROOT = Path(__file__).parent.parent
SCHEMA: dict[str, Any] = json.loads((ROOT / "suffice" / "schemas" / "verdict.schema.json").read_text("utf-8"))
CHECK = jsonschema_rs.validator_for(SCHEMA, validate_formats=True)
NAMES = sorted(p.stem for p in (ROOT / "tests" / "verdicts").glob("*.json"))


def verdict(name: str = "met") -> dict[str, Any]:
    body: dict[str, Any] = json.loads((ROOT / "tests" / "verdicts" / f"{name}.json").read_text("utf-8"))
    return body


def parts(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "verdict", schema
    yield from schema["$defs"].items()


def test_the_schema_is_a_schema() -> None:
    jsonschema_rs.meta.validate(SCHEMA)


@pytest.mark.parametrize("name", NAMES)
def test_a_verdict_fits(name: str) -> None:
    assert [e.message for e in CHECK.iter_errors(verdict(name))] == []


@pytest.mark.parametrize("key", SCHEMA["required"])
def test_no_key_may_be_missing(key: str) -> None:
    body = verdict()
    del body[key]
    assert not CHECK.is_valid(body)


def test_a_verdict_may_be_extended_at_the_top_only() -> None:
    body = verdict()
    assert CHECK.is_valid({**body, "mine": 1})
    body["steps"][0]["mine"] = 1
    assert not CHECK.is_valid(body)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("quality", "estimate"), 1.5),
        (("quality", "n"), -1),
        (("steps", 0, "status"), "perhaps"),
        (("steps", 0, "rung"), "bigger_model"),
        (("steps", 1, "comparison", "decision"), "yes"),
        (("records", "sha256"), "abc"),
        (("format",), 2),
        (("created",), "yesterday"),
        (("failures", 0, "partition"), "dev"),
    ],
)
def test_a_wrong_value_is_refused(place: tuple[str | int, ...], value: Any) -> None:
    body: Any = verdict()
    at = body
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = value
    assert not CHECK.is_valid(body)


def test_every_field_is_described_and_most_are_required() -> None:
    for name, part in parts(SCHEMA):
        assert set(part["required"]) <= set(part["properties"]), name
        assert all(field.get("description") for field in part["properties"].values()), name
    assert len(SCHEMA["required"]) >= 20
