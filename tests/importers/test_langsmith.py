"""langsmith: runs of models, retrievers, tools and the chains around them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from imported import said, told

from suffice.importers.langsmith import Langsmith
from suffice.logs import Logs
from suffice.testing import check_importer
from suffice.types import ToolCall, Usage


def lc(kind: str, content: str, **more: Any) -> dict[str, Any]:
    """A message as LangChain writes it."""
    return {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "schema", "messages", kind],
        "kwargs": {"content": content, **more},
    }


RUN = {
    "id": "run-1",
    "trace_id": "trace-1",
    "parent_run_id": "chain-1",
    "name": "ChatOpenAI",
    "run_type": "llm",
    "start_time": "2026-11-01T10:00:00.000000",
    "first_token_time": "2026-11-01T10:00:00.300000",
    "end_time": "2026-11-01T10:00:01.500000",
    "inputs": {"messages": [[lc("SystemMessage", "Be brief."), lc("HumanMessage", "Where is Oslo?")]]},
    "outputs": {
        "generations": [
            [
                {
                    "text": "In Norway.",
                    "message": lc("AIMessage", "In Norway."),
                    "generation_info": {"finish_reason": "stop"},
                }
            ]
        ],
        "llm_output": {"token_usage": {"prompt_tokens": 20, "completion_tokens": 4}, "model_name": "gpt-4.1-mini"},
    },
    "extra": {
        "invocation_params": {"model": "gpt-4.1-mini", "tools": [{"type": "function", "function": {"name": "look"}}]}
    },
    "total_cost": 0.001,
    "feedback_stats": {"correct": {"n": 1, "avg": 1.0}},
    "tags": ["a"],
}
SAID = [("system", "Be brief."), ("user", "Where is Oslo?"), ("assistant", "In Norway.")]


def test_a_run_of_langchains_model() -> None:
    (run,) = told(Langsmith(), RUN)
    assert said(run) == SAID and run.kind == "model"
    assert (run.ms, run.first_ms, run.finish, run.model) == (1500.0, 300.0, "stop", "gpt-4.1-mini")
    assert (run.usage, run.cost, run.score) == (Usage(20, 4), 0.001, 1.0)
    assert (run.trace, run.parent, [tool.name for tool in run.tools]) == ("trace-1", "chain-1", ["look"])
    assert run.extra["tags"] == ["a"]


def test_runs_that_were_wrapped_by_hand() -> None:
    asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where is Oslo?"}]
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}
    message = {"role": "assistant", "content": "In Norway.", "tool_calls": [call]}
    openai = {**RUN, "inputs": {"messages": asked, "model": "m"}, "outputs": {"choices": [{"message": message}]}}
    output = {**RUN, "inputs": {"messages": asked}, "outputs": {"output": "In Norway."}, "prompt_tokens": 9}
    first, second = told(Langsmith(), openai, output)
    assert said(first) == said(second) == SAID
    assert first.reply and first.reply.tool_calls == (ToolCall("look", {"a": 1}, "c"),)
    assert second.usage == Usage(9, 0)


def test_what_is_no_call_of_a_model() -> None:
    found = {"documents": [{"page_content": "Oslo is in Norway.", "metadata": {}}]}
    runs = [
        {**RUN, "run_type": "retriever", "inputs": {"query": "Oslo"}, "outputs": found},
        {**RUN, "run_type": "tool", "inputs": {"input": "{'a': 1}"}, "outputs": {"output": "2"}, "error": "KeyError"},
        {**RUN, "run_type": "chain", "inputs": {"question": "Where is Oslo?"}, "outputs": {"answer": "In Norway."}},
    ]
    retrieval, tool, chain = told(Langsmith(), *runs)
    assert [run.kind for run in (retrieval, tool, chain)] == ["retrieval", "tool", "other"]
    assert retrieval.reply and "Oslo is in Norway." in retrieval.reply.content
    assert (tool.error, tool.reply and tool.reply.content) == ("KeyError", "2")
    assert said(chain) == SAID[1:] and chain.usage is None


def test_runs_in_an_array_and_inside_one_another(tmp_path: Path) -> None:
    chain = {**RUN, "id": "chain-1", "run_type": "chain", "child_runs": [RUN, {**RUN, "id": "run-2"}]}
    for document in ([chain], {"runs": [chain], "cursors": {}}):
        (tmp_path / "a.json").write_text(json.dumps(document))
        logs = Logs([tmp_path / "a.json"])
        assert [run.id for run in logs] == ["chain-1", "run-1", "run-2"] and logs.forms == {"langsmith": 1}


def test_it_keeps_its_shelfs_promises() -> None:
    check_importer(Langsmith(), [RUN, {"runs": [RUN]}])
