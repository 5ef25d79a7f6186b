"""suffice_records: what a climb leaves behind, and recorded outputs."""

from __future__ import annotations

import json
from pathlib import Path

from imported import said, told

from suffice.importers.suffice_records import SufficeRecords
from suffice.logs import Logs
from suffice.testing import check_importer
from suffice.types import Usage

EXAMPLE = {"kind": "example", "id": "q1", "part": "test", "input": "Where is Oslo?", "expected": "Norway"}
RUN = {"kind": "run", "run": "r" * 64, "part": "test", "stack": {"model": {"name": "m"}}, "stack_digest": "d"}
RECORD = {
    "kind": "record",
    "run": "r" * 64,
    "id": "q1",
    "output": "Norway",
    "ms": 12.5,
    "input_tokens": 20,
    "output_tokens": 4,
    "cached_tokens": 0,
    "usd": 0.001,
    "value": 1.0,
    "stages": [["prompt", 12.5]],
}


def test_a_record_has_its_examples_question_and_answer() -> None:
    (call,) = told(SufficeRecords(), EXAMPLE, RUN, RECORD, {"kind": "floor", "unloaded": None})
    assert said(call) == [("user", "Where is Oslo?"), ("assistant", "Norway")]
    assert (call.expected, call.score, call.model, call.ms, call.cost) == ("Norway", 1.0, "m", 12.5, 0.001)
    assert call.usage == Usage(20, 4) and call.extra == {"stages": [["prompt", 12.5]]}


def test_recorded_outputs(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": "q1", "output": "Norway", "ms": 3}) + "\n")
    logs = Logs([tmp_path / "a.jsonl"])
    assert [(call.id, said(call), call.ms) for call in logs] == [("q1", [("assistant", "Norway")], 3.0)]


def test_it_keeps_its_shelfs_promises() -> None:
    check_importer(SufficeRecords(), [RECORD])
