"""kill -9 at random moments: nothing paid for is lost, little is paid twice, and the verdict is the same."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from worlds import code, digits, example

from suffice.ledger import Ledger
from suffice.verify import verify

KILLS = 20
WIDTH = 4
"""Requests at a time."""
SECONDS = 0.04
"""How long a reply takes."""


class Provider(ThreadingHTTPServer):
    """An OpenAI-compatible endpoint that knows every code word once it is shown examples, and counts what it bills."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.billed: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.open = 0

    @property
    def total(self) -> int:
        with self.lock:
            return sum(self.billed.values())

    def idle(self) -> None:
        """Return once nobody is being answered."""
        deadline = time.monotonic() + 10
        while self.open and time.monotonic() < deadline:
            time.sleep(0.01)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Provider

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.open += 1
        time.sleep(SECONDS)
        messages = json.loads(body)["messages"]
        shots = sum(m["role"] == "assistant" for m in messages)
        said = code(digits(messages[-1]["content"])) if shots else "unknown"
        told = {"choices": [{"message": {"role": "assistant", "content": said}, "finish_reason": "stop"}]}
        answer = json.dumps({**told, "usage": {"prompt_tokens": 9, "completion_tokens": 2}}).encode()
        with self.server.lock:
            self.server.billed[body.decode()] += 1
            self.server.open -= 1
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
        except OSError:
            self.close_connection = True  # the client is dead: it was billed all the same

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def folder(place: Path, provider: Provider) -> Path:
    place.mkdir()
    rows = [json.dumps({"id": e.id, "input": e.input, "expected": e.expected}) for e in map(example, range(104))]
    (place / "examples.jsonl").write_text("\n".join(rows), encoding="utf-8")
    address = f"http://127.0.0.1:{provider.server_address[1]}/v1"
    made = f"def model():\n    return Openai('m', '{address}', parallel={WIDTH})\n"
    (place / "mine.py").write_text(f"from suffice.models.openai import Openai\n\n{made}", encoding="utf-8")
    (place / "suffice.yaml").write_text(
        "name: crash\ngoal: Say the code word.\nmodel: mine.py:model\ntarget: {quality: 0.8}\n", encoding="utf-8"
    )
    return place


def climbing(place: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "suffice", "climb", str(place), "--json"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def verdict(place: Path) -> Any:
    """What does not depend on the day or on the machine's speed."""
    return _undated(json.loads((place / "verdict.json").read_text("utf-8")))


DATED = {"created", "ledger", "records", "stages", "p50_ms", "p95_ms", "p95_low_ms", "p95_high_ms"}
DATED |= {"latency", "stacks", "break_even", "frontier"}  # the latter of economics: layers' own seconds cost money

TIMED = {"measured", "value", "low", "high"}
"""What the signal about the prompt's latency measures."""


def _undated(value: Any) -> Any:
    if isinstance(value, dict):
        timed = TIMED if value.get("row") == "M6" else set()
        return {k: _undated(v) for k, v in value.items() if k not in DATED | timed}
    return [_undated(v) for v in value] if isinstance(value, list) else value


def rows(place: Path) -> tuple[set[tuple[str, str]], int, int]:
    """The records by run and example, the replies, and the attempts that the ledger holds."""
    path = place / ".suffice" / "ledger.db"
    if not path.is_file():
        return set(), 0, 0
    with Ledger.open(path) as ledger:
        totals, attempts = ledger.totals(), ledger.attempts()
        assert totals.attempts == len(attempts) and totals.billed == sum(a.billed for a in attempts)
        runs = {a.run for a in attempts}
        held = {(run, r.id) for run in runs for r in ledger.records(run)}
        return held, totals.replies, totals.attempts


@pytest.mark.slow
@pytest.mark.usefixtures("minilm")
def test_a_climb_killed_twenty_times_ends_as_if_it_had_not_been(provider: Provider, tmp_path: Path) -> None:
    whole = folder(tmp_path / "whole", provider)
    assert climbing(whole).wait(120) == 0
    needed = provider.total
    assert len(provider.billed) == needed == rows(whole)[2]

    provider.billed.clear()
    draw, broken = random.Random(20), folder(tmp_path / "broken", provider)
    kept: set[tuple[str, str]] = set()
    lost_before, moments = 0, []
    for number in range(KILLS):
        process = climbing(broken)
        until = provider.total + draw.randint(1, max(2, (needed - len(provider.billed)) // (KILLS - number)))
        while provider.total < until and process.poll() is None:
            time.sleep(0.001)
        time.sleep(draw.uniform(0, 0.05))
        assert process.poll() is None, "the climb ended before it could be killed: draw smaller steps"
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        provider.idle()
        held, replies, attempts = rows(broken)
        lost = provider.total - replies
        assert kept <= held, "a record was lost"
        assert replies == attempts, "the totals are not what the rows say"
        assert 0 <= lost - lost_before <= WIDTH, "more was lost than was in flight"
        kept, lost_before = held, lost
        moments.append(provider.total)
    assert climbing(broken).wait(120) == 0
    assert len(provider.billed) == needed and provider.total - needed == lost_before <= KILLS * WIDTH
    assert rows(broken)[1:] == (needed, needed) and len(set(moments)) > KILLS / 2
    assert verdict(broken) == verdict(whole)
    verify(broken)
    paid = provider.total
    assert climbing(broken).wait(120) == 0 and provider.total == paid
