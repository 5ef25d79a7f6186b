"""The outside server that the benchmarks measure against: an OpenAI-compatible fake, started and stopped here."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suffice.data import Dataset, Example
from suffice.scorers.exact import Exact

BENCH = Path(os.environ.get("SUFFICE_BENCH", Path(__file__).parent.parent.parent / "shared" / "bench"))
SERVER = BENCH / "fake_openai.py"


@dataclass(frozen=True)
class Server:
    """A running fake."""

    port: int
    paid: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def stats(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/__stats", timeout=5) as reply:
            stats: dict[str, Any] = json.load(reply)
        return stats

    def bought(self) -> list[str]:
        """One digest of the request's body for every call the server would bill."""
        return [json.loads(line)["sha"] for line in self.paid.read_text().splitlines()]


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Server]:
    """The fake on a free port, its record of paid calls in `folder`."""
    if not SERVER.is_file():
        sys.exit(f"no {SERVER}: set SUFFICE_BENCH to the folder that holds fake_openai.py")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(port, folder / "paid.jsonl")
    command = [sys.executable, str(SERVER), "--port", str(port), "--ledger", str(server.paid), *options]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        _await(server)
        yield server
    finally:
        process.terminate()
        process.wait()


def _await(server: Server) -> None:
    for _ in range(200):
        try:
            server.stats()
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError("the fake server did not start")


def sums(count: int) -> Dataset:
    """Distinct questions with known answers, so that no reply can stand for two."""
    asked = [(f"What is {i} + {2 * i + 1}? Reply with the number only.", str(3 * i + 1)) for i in range(count)]
    examples = tuple(Example(str(i), question, answer) for i, (question, answer) in enumerate(asked))
    return Dataset(examples, scorer=Exact())
