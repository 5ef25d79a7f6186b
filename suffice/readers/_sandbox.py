"""Sandbox: hostile formats are parsed in a child process with little memory, little time, no keys and no files.

A parser is the function `parse(content) -> sections` of a file on this shelf. The child gets the document as its
standard input and an empty environment; what it may use is in `Limits`. On systems without POSIX limits (Windows)
only the wall clock holds.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..documents import Section
from ..errors import InputError
from ..plaintext import LARGEST, Undecodable
from ..types import Json

ANSWER_BYTES = 64 * 1024**2
HINT = "split the document, or convert it to Markdown"

_HOME = str(Path(__file__).resolve().parents[2])
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from suffice.readers._sandbox import child; child(*sys.argv[2:])"


@dataclass(frozen=True)
class Limits:
    """What one document may cost: bytes of memory, seconds of processor time, and seconds altogether."""

    memory: int = 1024**3
    cpu: int = 25
    wall: float = 60.0
    """Longer than the processor time: the machine may be busy."""


def sandboxed(path: Path, parser: str, limits: Limits = Limits()) -> tuple[Section, ...]:
    """The sections that the parser called `parser` finds in a file; InputError when it fails in whatever way."""
    _check(path)
    with path.open("rb") as document, tempfile.TemporaryFile() as answer:
        command = [sys.executable, "-I", "-X", "utf8", "-c", _BOOT, _HOME, parser, str(limits.memory), str(limits.cpu)]
        child = subprocess.Popen(  # noqa: S603  # our own interpreter and our own code
            command, stdin=document, stdout=answer, stderr=subprocess.DEVNULL, env={}
        )
        try:
            status = child.wait(limits.wall)
        except subprocess.TimeoutExpired:
            raise InputError(f"not parsed within {limits.wall:g} s", file=str(path), hint=HINT) from None
        finally:
            child.kill()
            child.wait()
        return _sections(path, status, answer, limits)


def child(parser: str, memory: str, cpu: str) -> None:
    """What the child process does: bound itself, parse standard input, print the sections or the error as JSON."""
    _bound(int(memory), int(cpu))
    try:
        found = importlib.import_module(f"suffice.readers.{parser}").parse(sys.stdin.buffer.read(LARGEST + 1))
        said: dict[str, Json] = {"sections": [[s.text, s.heading] for s in found]}
    except (InputError, Undecodable) as wrong:
        said = {"error": str(wrong), "hint": getattr(wrong, "hint", "")}
    except (MemoryError, RecursionError) as wrong:
        said = {
            "error": "too large or too deeply nested to be parsed safely",
            "hint": HINT,
            "kind": type(wrong).__name__,
        }
    except Exception as wrong:
        said = {"error": f"damaged: {type(wrong).__name__}: {str(wrong)[:200]}", "hint": "open it and save it again"}
    sys.stdout.buffer.write(json.dumps(said, ensure_ascii=True).encode())


def _check(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as wrong:
        raise InputError(f"cannot be read: {wrong.strerror}", file=str(path)) from wrong
    if size > LARGEST:
        raise InputError(f"larger than {LARGEST // 2**20} MB", file=str(path), hint=HINT)


def _sections(path: Path, status: int, answer: IO[bytes], limits: Limits) -> tuple[Section, ...]:
    answer.seek(0)
    try:
        said = json.loads(answer.read(ANSWER_BYTES)) if status == 0 else None
    except ValueError:
        said = None
    if said is None:
        allowed = f"{limits.cpu} s and {limits.memory // 2**20} MB"
        raise InputError(f"its parser was stopped: {allowed} were not enough", file=str(path), hint=HINT)
    if "error" in said:
        raise InputError(said["error"], file=str(path), hint=said["hint"])
    return tuple(Section(text, heading) for text, heading in said["sections"])


def _bound(memory: int, cpu: int) -> None:
    """Limits that hold for the rest of this process's life."""
    with contextlib.suppress(ImportError):
        import resource

        wanted = {"AS": memory, "CPU": cpu, "FSIZE": ANSWER_BYTES, "CORE": 0, "NOFILE": 64, "NPROC": 0}
        for name, limit in wanted.items():
            with contextlib.suppress(AttributeError, ValueError, OSError):
                resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (limit, limit))
