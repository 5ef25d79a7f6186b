"""openai_batch: what a batch answered, with what it was asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from imported import said, told

from suffice.importers.openai_batch import OpenaiBatch
from suffice.logs import Logs
from suffice.testing import check_importer


def asked(name: str) -> dict[str, Any]:
    body = {"model": "m", "messages": [{"role": "user", "content": f"question {name}"}], "temperature": 0}
    return {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body}


def came(name: str) -> dict[str, Any]:
    body = {"id": "x", "choices": [{"message": {"role": "assistant", "content": f"answer {name}"}}], "model": "m"}
    response = {"status_code": 200, "request_id": "req", "body": body}
    return {"id": f"batch_{name}", "custom_id": name, "response": response, "error": None}


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_an_output_is_joined_with_the_input_beside_it(tmp_path: Path) -> None:
    write(tmp_path / "in.jsonl", *(asked(str(n)) for n in range(50)))
    out = write(tmp_path / "out.jsonl", *(came(str(n)) for n in reversed(range(50))))
    (tmp_path / "notes.jsonl").write_text("rubbish\n" * 10)
    exchanges = list(Logs([out]))
    assert [said(e) for e in exchanges] == [
        [("user", f"question {n}"), ("assistant", f"answer {n}")] for n in reversed(range(50))
    ]
    assert exchanges[0].id == "49" and exchanges[0].extra == {"temperature": 0, "status_code": 200, "request_id": "req"}


def test_a_folder_tells_each_call_once_and_a_request_without_a_reply_too(tmp_path: Path) -> None:
    write(tmp_path / "in.jsonl", asked("a"), asked("b"))
    write(tmp_path / "out.jsonl", came("a"))
    logs = Logs([tmp_path])
    assert [(e.id, e.reply is not None) for e in logs] == [("b", False), ("a", True)]
    assert {why: reason.count for why, reason in logs.unusable.items()} == {
        "a batch's request, which is told with its reply": 1
    }


def test_a_name_that_two_batches_use_is_not_joined_by_guess(tmp_path: Path) -> None:
    write(tmp_path / "in1.jsonl", asked("a"))
    write(tmp_path / "in2.jsonl", asked("a"))
    (exchange,) = Logs([write(tmp_path / "out.jsonl", came("a"))])
    assert said(exchange) == [("assistant", "answer a")]


def test_failures_and_the_batches_of_others() -> None:
    failed = {"custom_id": "a", "response": {"status_code": 400, "body": {"error": {"message": "too long"}}}}
    expired = {"custom_id": "b", "response": None, "error": {"code": "batch_expired", "message": "expired"}}
    message = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "hi"}], "model": "c"}
    other = {"custom_id": "c", "result": {"type": "succeeded", "message": message}}
    first, second, third = told(OpenaiBatch(), failed, expired, other)
    assert (first.error, second.error, third.error) == ("too long", "expired", "")
    assert said(third) == [("assistant", "hi")]


def test_it_keeps_its_shelfs_promises() -> None:
    check_importer(OpenaiBatch(), [came("a"), asked("a")])
