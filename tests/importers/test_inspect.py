"""inspect: logs of evaluations, as documents and as archives."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from imported import said, told

from suffice.importers.inspect import Inspect
from suffice.logs import Logs
from suffice.testing import check_importer
from suffice.types import ToolCall, Usage

SYSTEM = {"role": "system", "content": "Be brief.", "id": "m1"}
USER = {"role": "user", "content": "Where is Oslo?", "source": "input", "id": "m2"}
CALLING = {"role": "assistant", "content": "", "tool_calls": [{"id": "c", "function": "look", "arguments": {"a": 1}}]}
RESULT = {"role": "tool", "content": "Norway", "tool_call_id": "c", "function": "look"}
REPLY = {"role": "assistant", "content": "In Norway.", "source": "generate"}


def output(message: dict[str, Any]) -> dict[str, Any]:
    usage = {"input_tokens": 20, "output_tokens": 4, "total_tokens": 24}
    return {"model": "m", "choices": [{"message": message, "stop_reason": "stop"}], "usage": usage, "time": 0.25}


def call(given: list[Any], message: dict[str, Any]) -> dict[str, Any]:
    look = {"name": "look", "description": "Look.", "parameters": {"type": "object"}}
    at = "2026-11-01T10:00:00+00:00"
    return {"event": "model", "timestamp": at, "model": "m", "input": given, "tools": [look], "output": output(message)}


SAMPLE: dict[str, Any] = {
    "id": 7,
    "epoch": 1,
    "input": "Where is Oslo?",
    "target": ["Norway"],
    "messages": [SYSTEM, USER, CALLING, RESULT, REPLY],
    "output": output(REPLY),
    "scores": {"match": {"value": "C", "answer": "Norway"}},
    "metadata": {"level": 1},
    "attachments": {"abc": "Be brief."},
    "events": [
        {"event": "sample_init"},
        call([{**SYSTEM, "content": "attachment://abc"}, USER], CALLING),
        call([SYSTEM, USER, CALLING, RESULT], REPLY),
    ],
}
LOG = {
    "version": 2,
    "status": "success",
    "eval": {"task": "geography", "run_id": "run", "model": "openai/m"},
    "plan": {},
    "samples": [SAMPLE],
}


def test_every_call_of_a_sample_is_an_exchange() -> None:
    first, last = told(Inspect(), LOG)
    assert said(first) == [("system", "Be brief."), ("user", "Where is Oslo?"), ("assistant", "")]
    assert first.reply and first.reply.tool_calls == (ToolCall("look", {"a": 1}, "c"),)
    assert said(last)[-2:] == [("tool", "Norway"), ("assistant", "In Norway.")]
    assert (first.score, first.expected) == (None, None) and (last.score, last.expected) == (1.0, "Norway")
    assert (last.ms, last.usage, last.name, last.model) == (250.0, Usage(20, 4), "geography", "m")
    assert last.trace == first.trace == "run:7:1" and [tool.name for tool in first.tools] == ["look"]


def test_a_sample_whose_calls_are_not_logged_is_one_as_a_whole() -> None:
    (whole,) = told(Inspect(), {**LOG, "samples": [{**SAMPLE, "events": []}]})
    assert [role for role, _ in said(whole)] == ["system", "user", "assistant", "tool", "assistant"]
    assert (whole.score, whole.expected, whole.extra["metadata"]) == (1.0, "Norway", {"level": 1})


def test_a_scorers_own_calls_are_not_the_answer() -> None:
    """A model that grades is asked last; what was expected of the answer is not expected of it."""
    grading = call(
        [{"role": "user", "content": "Is `In Norway.` right?"}], {"role": "assistant", "content": "GRADE: C"}
    )
    graded = {**SAMPLE, "events": [*SAMPLE["events"], grading]}
    _, answer, grade = told(Inspect(), {**LOG, "samples": [graded]})
    assert (answer.score, answer.expected, answer.name) == (1.0, "Norway", "geography")
    assert (grade.score, grade.expected, grade.name) == (None, None, "geography: scorer")


def test_an_archive_is_its_samples(tmp_path: Path) -> None:
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_journal/start.json", json.dumps({"version": 2, "eval": LOG["eval"], "plan": {}}))
        for number in (1, 2):
            archive.writestr(f"samples/{number}_epoch_1.json", json.dumps({**SAMPLE, "id": number}, indent=2))
        summaries = [{"id": 1, "epoch": 1, "input": "a", "target": "b", "scores": {}}]
        archive.writestr("summaries.json", json.dumps(summaries))
        archive.writestr("_journal/summaries/1.json", json.dumps(summaries))
        archive.writestr("header.json", json.dumps({key: value for key, value in LOG.items() if key != "samples"}))
    logs = Logs([path])
    assert [e.trace for e in logs] == ["run:1:1", "run:1:1", "run:2:1", "run:2:1"] and logs.unusable == {}
    assert list(logs.forms) == ["inspect"]


def test_a_document_is_read_by_its_samples(tmp_path: Path) -> None:
    (tmp_path / "log.json").write_text(json.dumps({**LOG, "samples": [SAMPLE, {**SAMPLE, "id": 8}]}, indent=2))
    logs = Logs([tmp_path / "log.json"])
    assert [e.trace for e in logs] == ["run:7:1", "run:7:1", "run:8:1", "run:8:1"] and logs.rows == 2


def test_it_keeps_its_shelfs_promises() -> None:
    check_importer(Inspect(), [LOG, SAMPLE])
