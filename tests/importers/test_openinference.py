"""openinference: spans one a line, flat or nested, as Phoenix and others export them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from imported import said, told

from suffice.importers.openinference import Openinference
from suffice.logs import Logs
from suffice.testing import check_importer
from suffice.types import Usage

FLAT = {
    "openinference.span.kind": "LLM",
    "llm.model_name": "gpt-4.1-mini",
    "llm.token_count.prompt": 20,
    "llm.token_count.completion": 4,
    "llm.token_count.prompt_details.cache_read": 16,
    "llm.input_messages.0.message.role": "system",
    "llm.input_messages.0.message.content": "Be brief.",
    "llm.input_messages.1.message.role": "user",
    "llm.input_messages.1.message.content": "Where is Oslo?",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.content": "In Norway.",
}
MESSAGES = [
    {"message": {"role": "system", "content": "Be brief."}},
    {"message": {"role": "user", "content": "Where is Oslo?"}},
]
NESTED = {
    "openinference": {"span": {"kind": "LLM"}},
    "llm": {
        "model_name": "gpt-4.1-mini",
        "token_count": {"prompt": 20, "completion": 4, "prompt_details": {"cache_read": 16}},
        "input_messages": MESSAGES,
        "output_messages": [{"message": {"role": "assistant", "content": "In Norway."}}],
    },
}
SPAN = {
    "name": "ChatCompletion",
    "context": {"trace_id": "t1", "span_id": "s1"},
    "parent_id": "p1",
    "start_time": "2026-11-01T10:00:00+00:00",
    "end_time": "2026-11-01T10:00:01.500000+00:00",
    "status_code": "OK",
    "events": [],
}
LISTED = {
    "attributes.llm.model_name": "gpt-4.1-mini",
    "attributes.llm.input_messages": MESSAGES,
    "attributes.llm.output_messages": NESTED["llm"]["output_messages"],
    "attributes.llm.token_count.prompt": 20,
    "attributes.llm.token_count.completion": 4,
    "attributes.llm.token_count.prompt_details.cache_read": 16,
    "span_kind": "LLM",
    "context.trace_id": "t1",
    "context.span_id": "s1",
}
ROWS: dict[str, dict[str, Any]] = {
    "flat": {**SPAN, "attributes": FLAT},
    "nested": {**SPAN, "attributes": NESTED},
    "columns": {**{key: value for key, value in SPAN.items() if key != "context"}, **LISTED},
    "as text": {**SPAN, "attributes": {**FLAT, "llm.input_messages": json.dumps(MESSAGES)}},
}


@pytest.mark.parametrize("name", ROWS)
def test_a_span_a_line(name: str) -> None:
    (call,) = told(Openinference(), ROWS[name])
    assert said(call) == [("system", "Be brief."), ("user", "Where is Oslo?"), ("assistant", "In Norway.")]
    assert (call.kind, call.model, call.usage) == ("model", "gpt-4.1-mini", Usage(20, 4, 16))
    assert (call.id, call.trace, call.parent, call.ms) == ("s1", "t1", "p1", 1500.0)


def test_a_retriever_and_a_bare_row_of_attributes() -> None:
    documents = {
        "retrieval.documents.0.document.content": "Oslo is in Norway.",
        "retrieval.documents.1.document.content": "b",
    }
    seen = {"openinference.span.kind": "RETRIEVER", "input.value": "Oslo", **documents}
    retrieval, bare = told(Openinference(), {**SPAN, "attributes": seen}, FLAT)
    assert retrieval.kind == "retrieval" and retrieval.reply and retrieval.reply.content == "Oslo is in Norway.\n\nb"
    assert said(bare)[-1] == ("assistant", "In Norway.")


def test_spans_that_say_different_things_are_recognised_each(tmp_path: Path) -> None:
    rows = [ROWS["flat"], {**SPAN, "attributes": {"http.route": "/"}}, ROWS["nested"]]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    logs = Logs([tmp_path / "a.jsonl"])
    assert [call.kind for call in logs] == ["model", "other", "model"] and logs.forms == {"openinference": 3}


def test_it_keeps_its_shelfs_promises() -> None:
    check_importer(Openinference(), [*ROWS.values(), FLAT])
