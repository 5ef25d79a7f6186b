"""Ctrl-C in a paid load test: what was billed is kept, the exit code says so, and nothing of it is bought again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from suffice.ledger import Ledger

Command = Callable[..., subprocess.CompletedProcess[str]]
SAID = {"choices": [{"message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}]}
REPLY = json.dumps({**SAID, "usage": {"prompt_tokens": 9, "completion_tokens": 2}}).encode()
PRICED = """
from suffice.models.openai import Openai

def priced():
    return Openai("m", "http://127.0.0.1:{port}/v1", parallel=4, priced_as="gpt-4o-mini")
"""
PAID = ("--sample", "5", "--workers", "4", "--paid", "--max-calls", "5000", "--json")


class Provider(ThreadingHTTPServer):
    """Bills every request that it reads, and takes 0.3 s for each: some are always on their way."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.billed = 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Provider

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.billed += 1
        time.sleep(0.3)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(REPLY)))
        self.end_headers()
        self.wfile.write(REPLY)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def task(tmp_path: Path, provider: Provider) -> Path:
    rows = [{"id": f"q{n}", "input": f"what {n}", "expected": "yes"} for n in range(60)]
    (tmp_path / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "mine.py").write_text(PRICED.format(port=provider.server_address[1]))
    (tmp_path / "suffice.yaml").write_text("model: mine.py:priced\n")
    return tmp_path


def kept(task: Path) -> dict[str, list[tuple[str, str]]]:
    """Per run, the ids of the records that have a reply and of the billed attempts, in order."""
    found: dict[str, list[tuple[str, str]]] = {}
    with Ledger.open(task / ".suffice" / "ledger.db") as ledger:
        for run in dict.fromkeys(a.run for a in ledger.attempts()):
            found[run] = [("record", r.id) for r in ledger.records(run) if r.answer]
            found[run] += [("attempt", a.example) for a in ledger.attempts(run) if a.billed]
    return found


def test_an_interrupted_load_test_keeps_what_was_billed_and_buys_none_of_it_again(
    suffice: Command, task: Path, provider: Provider
) -> None:
    command = [sys.executable, "-m", "suffice", "loadtest", str(task), "--rate", "10", "--seconds", "60", *PAID]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        deadline = time.monotonic() + 120
        while provider.billed < 45 and time.monotonic() < deadline:  # at most 28 before the load begins
            time.sleep(0.02)
        started.send_signal(signal.SIGINT)
        out, _ = started.communicate(timeout=60)
    error = json.loads(out)["error"]
    assert (started.returncode, error["code"]) == (130, "interrupted") and "begins anew" in error["hint"]

    ((run, first),) = kept(task).items()
    counted = Counter(kind for kind, _ in first)
    assert counted == {"record": provider.billed, "attempt": provider.billed}, "what was on its way is noted too"
    ids = [id_ for kind, id_ in first if kind == "record"]
    assert len(set(ids)) == len(ids) and sum(id_.startswith("load ") for id_ in ids) >= 10
    assert not (task / ".suffice" / "loadtest.json").exists(), "half a test is no figure that a forecast may rest on"

    paid = provider.billed
    again = suffice("loadtest", task, "--rate", "10", "--seconds", "2", *PAID)
    told = json.loads(again.stdout)
    assert again.returncode == 0 and told["answered"] == told["requests"]
    both = kept(task)
    assert both.pop(run) == first, "the test that was stopped stays as it was"
    ((other, second),) = both.items()
    assert other == told["run"] and Counter(k for k, _ in second) == dict.fromkeys(counted, provider.billed - paid)
