"""promptfoo: results of evaluations, as documents and one a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from imported import said, told

from suffice.importers.promptfoo import Promptfoo
from suffice.logs import Logs
from suffice.testing import check_importer
from suffice.types import Usage

RESULT: dict[str, Any] = {
    "id": "r1",
    "promptIdx": 0,
    "testIdx": 0,
    "prompt": {"raw": "Where is Oslo?", "label": "Where is {{city}}?"},
    "provider": {"id": "openai:chat:gpt-5-mini", "label": ""},
    "response": {
        "output": "In Norway.",
        "tokenUsage": {"total": 24, "prompt": 20, "completion": 4},
        "finishReason": "stop",
        "cost": 0.0005,
    },
    "latencyMs": 812,
    "cost": 0.0005,
    "score": 0.75,
    "success": False,
    "failureReason": 1,
    "error": "Latency 812ms is greater than threshold 300ms",
    "gradingResult": {"pass": False, "score": 0.75},
    "testCase": {"vars": {"city": "Oslo"}, "assert": [{"type": "equals", "value": "Norway"}]},
    "vars": {"city": "Oslo"},
}


def test_a_result_is_a_call_and_a_failed_assertion_is_no_failed_call() -> None:
    (call,) = told(Promptfoo(), RESULT)
    assert said(call) == [("user", "Where is Oslo?"), ("assistant", "In Norway.")]
    assert (call.model, call.name, call.ms, call.usage) == ("gpt-5-mini", "Where is {{city}}?", 812, Usage(20, 4))
    assert (call.cost, call.finish, call.score, call.expected, call.error) == (0.0005, "stop", 0.75, "Norway", "")
    assert call.extra["success"] is False and call.extra["vars"] == {"city": "Oslo"}


def test_a_failed_call_and_a_chat_prompt() -> None:
    chat = json.dumps([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}])
    failed = {**RESULT, "failureReason": 2, "error": "API error 500", "response": None, "prompt": {"raw": chat}}
    (call,) = told(Promptfoo(), failed)
    assert said(call) == [("system", "Be brief."), ("user", "Hi")] and call.error == "API error 500"
    assert told(Promptfoo(), {**RESULT, "response": {"output": {"a": 1}}})[0].reply.content == '{"a": 1}'  # type: ignore[union-attr]


def test_documents_of_every_age(tmp_path: Path) -> None:
    two = [RESULT, {**RESULT, "id": "r2"}]
    prompts = [{"raw": "x", "metrics": {"namedScores": {}}}]
    for document in (
        {"evalId": "e1", "results": {"version": 3, "prompts": prompts, "results": two, "stats": {}}, "config": {}},
        {"version": 2, "results": two, "stats": {}, "table": {}},
    ):
        for indent in (None, 2):
            (tmp_path / "a.json").write_text(json.dumps(document, indent=indent))
            logs = Logs([tmp_path / "a.json"])
            assert [call.id for call in logs] == ["r1", "r2"] and list(logs.forms) == ["promptfoo"]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(one) + "\n" for one in two))
    assert [call.id for call in Logs([tmp_path / "a.jsonl"])] == ["r1", "r2"]


def test_it_keeps_its_shelfs_promises() -> None:
    check_importer(Promptfoo(), [RESULT, {"evalId": "e", "results": {"results": [RESULT]}}])
