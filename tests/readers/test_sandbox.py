"""What a document can cost at most, whatever is in it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from suffice.errors import InputError
from suffice.plaintext import LARGEST
from suffice.readers._sandbox import Limits, sandboxed


def write(tmp_path: Path, content: bytes) -> Path:
    (tmp_path / "a.html").write_bytes(content)
    return tmp_path / "a.html"


@pytest.mark.slow
@pytest.mark.parametrize("bomb", [b"<div>" * 1_000_000, b"<!" * 500_000, b"<a " * 300_000, b"&" * 2_000_000])
def test_a_page_that_costs_too_much_time_is_stopped(tmp_path: Path, bomb: bytes) -> None:
    start = time.perf_counter()
    try:
        sandboxed(write(tmp_path, bomb), "html", Limits(cpu=1, wall=10))
    except InputError as wrong:
        assert wrong.file and "Markdown" in wrong.hint
    assert time.perf_counter() - start < 60, "a page that is not stopped takes minutes"


def test_the_wall_clock_stops_what_the_processor_time_does_not(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"within 0.01 s"):
        sandboxed(write(tmp_path, b"<p>x"), "html", Limits(wall=0.01))


def test_a_page_that_needs_too_much_memory_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        sandboxed(write(tmp_path, b"x" * 60 * 2**20), "html", Limits(memory=80 * 2**20, cpu=5))


def test_a_file_too_large_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "a.html").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(InputError, match="larger than"):
        sandboxed(tmp_path / "a.html", "html")
