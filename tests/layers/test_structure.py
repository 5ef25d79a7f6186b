"""Structure asks for the contract's schema and reads the reply strictly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from suffice.data import Output
from suffice.errors import InputError
from suffice.layers.structure import Structure
from suffice.models.scripted import Scripted
from suffice.stack import Stack
from suffice.testing.samples import sample_task
from suffice.types import Answer, Request

ORDER = {
    "type": "object",
    "properties": {"item": {"type": "string"}, "quantity": {"type": "integer", "maximum": 9}},
    "required": ["item", "quantity"],
    "additionalProperties": False,
}


def ask(layer: Structure, *said: str) -> tuple[Answer, Scripted]:
    model = Scripted(list(said))
    return Stack(model, (layer,))(Request("two lamps")), model


def test_labels_are_asked_for_as_an_enum_and_records_by_their_schema(tmp_path: Path) -> None:
    labels, record, text = (Structure.for_task(sample_task(kind, folder=tmp_path)) for kind in KINDS)
    assert labels is not None and labels.schema == {"enum": list(sample_task("labels", folder=tmp_path).output.labels)}
    assert record is not None and record.schema == sample_task("schema", folder=tmp_path).output.schema
    assert text is None


KINDS = ("labels", "schema", "text")


def test_the_schema_reaches_the_model() -> None:
    _, model = ask(Structure(ORDER), "{}")
    assert model.heard[0].schema == ORDER


def test_a_record_that_fits_is_parsed() -> None:
    answer, _ = ask(Structure(ORDER), '{"item": "lamp", "quantity": 2}')
    assert answer.value == {"item": "lamp", "quantity": 2}
    assert answer.trace[0].notes == {"valid": True}


def test_a_record_that_breaks_the_schema_is_kept_and_its_faults_are_noted() -> None:
    answer, _ = ask(Structure(ORDER), '{"quantity": 12}')
    assert answer.value == {"quantity": 12}
    said = {"quantity: 12 is greater than the maximum of 9", '"item" is a required property'}
    assert set(answer.trace[0].notes["violations"]) == said


@pytest.mark.parametrize("text", ['```json\n{"item": "lamp", "quantity": 2}\n```', "two lamps", '{"item": "lamp"', ""])
def test_a_reply_that_is_not_json_is_never_mended(text: str) -> None:
    answer, _ = ask(Structure(ORDER), text)
    assert answer.value is None and answer.text == text
    assert not answer.trace[0].notes["valid"]


def test_a_label_is_bare_text_and_anything_else_is_none() -> None:
    layer = Structure({"enum": ["refund", "shipping"]})
    assert ask(layer, " refund\n")[0].value == "refund"
    answer, _ = ask(layer, "a refund")
    assert answer.value is None and answer.trace[0].notes["violations"] == ["`a refund` is no label"]


def test_a_schema_that_is_none_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    task = sample_task("schema", folder=tmp_path)
    for schema in ({"type": "objekt"}, {"$ref": "https://example.org/schema.json"}):
        with pytest.raises(InputError, match="not a JSON Schema"):
            Structure.for_task(replace(task, output=Output("schema", schema=schema)))


def test_formats_are_checked() -> None:
    layer = Structure({"properties": {"day": {"type": "string", "format": "date"}}})
    assert ask(layer, '{"day": "2024-02-30"}')[0].trace[0].notes["valid"] is False
