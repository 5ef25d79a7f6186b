"""openai_stored: lists of stored completions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from imported import found, said, told

from suffice.importer import Unusable
from suffice.importers.openai_stored import OpenaiStored
from suffice.logs import Logs
from suffice.testing import check_importer


def stored(name: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": f"answer {name}"}, "finish_reason": "stop"}
    return {
        "object": "chat.completion",
        "id": name,
        "model": "m",
        "created": 1_793_527_200,
        "choices": [choice],
        "input": [{"role": "user", "content": f"question {name}"}],
        "metadata": {"feature": "faq"},
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    }


def test_a_list_is_its_completions(tmp_path: Path) -> None:
    listed = {"object": "list", "data": [stored("a"), stored("b")], "first_id": "a", "has_more": False}
    (tmp_path / "a.json").write_text(json.dumps(listed, indent=1))
    logs = Logs([tmp_path / "a.json"])
    exchanges = list(logs)
    assert [said(e) for e in exchanges] == [[("user", f"question {n}"), ("assistant", f"answer {n}")] for n in "ab"]
    assert dict(logs.forms) == {"openai_stored": 2}
    assert exchanges[0].extra == {"metadata": {"feature": "faq"}} and exchanges[0].time == 1_793_527_200
    assert [said(e) for e in told(OpenaiStored(), stored("a"))] == [said(exchanges[0])]


def test_a_list_of_something_else_is_no_log() -> None:
    (one,) = found(OpenaiStored(), {"object": "list", "data": [{"id": "gpt-4", "object": "model"}], "has_more": False})
    assert isinstance(one, Unusable) and one.reason == "a list of something else than completions"


def test_it_keeps_its_shelfs_promises() -> None:
    check_importer(OpenaiStored(), [stored("a"), {"object": "list", "data": [stored("a")]}])
