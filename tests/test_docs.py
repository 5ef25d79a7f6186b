"""The documentation does what it says: its blocks run, its tables are those of the code, its links lead somewhere.

A fence marked `runnable` is run, in order, in one empty folder a page: `python` and `bash` as they are; of `console`
the lines that begin with `$`, whose output must hold the lines below them (`…` stands for anything). `file=NAME` writes
a file. A page with a block marked `slow` asks a model and runs in the slow leg.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from suffice.plugins import names

ROOT = Path(__file__).parent.parent
PAGES = sorted([*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")])
FENCE = re.compile(r"^```(\w+)([^\n`]*)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """One fenced block marked `runnable`."""

    language: str
    marks: tuple[str, ...]
    text: str

    @property
    def file(self) -> str | None:
        return next((mark.removeprefix("file=") for mark in self.marks if mark.startswith("file=")), None)


def blocks(page: Path) -> list[Block]:
    found = FENCE.findall(page.read_text("utf-8"))
    return [Block(lang, tuple(m.split()), text) for lang, m, text in found if "runnable" in m.split()]


def pages() -> Iterator[Any]:
    for page in PAGES:
        if found := blocks(page):
            slow = [pytest.mark.slow] if any("slow" in b.marks for b in found) else []
            yield pytest.param(page, id=page.stem, marks=slow)


def run(command: list[str], folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "NO_COLOR": "1", "COLUMNS": "200"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def console(text: str, folder: Path) -> None:
    """Each `$` command is run; the lines below it must stand in its output, in order."""
    for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, _, said = part.partition("\n")
        told, at = run(["bash", "-c", command], folder), 0
        for line in filter(None, map(str.strip, said.splitlines())):
            found = re.compile(r"\s+".join(re.escape(w).replace("…", ".*?") for w in line.split())).search(told, at)
            assert found, f"`{command}` did not say `{line}`:\n{told}"
            at = found.end()


@pytest.mark.parametrize("page", list(pages()))
def test_the_blocks_of_a_page_run_in_order(page: Path, tmp_path: Path) -> None:
    for block in blocks(page):
        if block.file:
            (tmp_path / block.file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "console":
            console(block.text, tmp_path)
        else:
            run(
                [sys.executable, "-c", block.text] if block.language == "python" else ["bash", "-ec", block.text],
                tmp_path,
            )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_inside_the_repository_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.S)
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith(("http", "#"))]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_generated_tables_are_up_to_date() -> None:
    done = subprocess.run([sys.executable, ROOT / "scripts" / "docs.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_diagnosis_page_lists_every_probe() -> None:
    text = (ROOT / "docs" / "diagnosis.md").read_text("utf-8")
    assert [name for name in names("probes") if f"| `{name}` |" not in text] == []


def test_every_section_that_the_code_cites_is_there() -> None:
    sections = set(re.findall(r"^## §(\d+)", (ROOT / "docs" / "framework.md").read_text("utf-8"), re.M))
    cited = [p.read_text("utf-8") for p in (ROOT / "suffice").rglob("*.py")]
    assert sections == {str(n) for n in range(1, 11)}
    assert {n for text in cited for n in re.findall(r"framework\.md §(\d+)", text)} <= sections


def test_every_page_that_the_code_cites_is_there() -> None:
    cited = {
        name for p in (ROOT / "suffice").rglob("*.py") for name in re.findall(r"docs/[\w-]+\.md", p.read_text("utf-8"))
    }
    assert [name for name in cited if not (ROOT / name).is_file()] == []
