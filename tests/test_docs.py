"""The documentation does what it says: its blocks run, its tables are those of the code, its links lead somewhere.

A fence marked `runnable` is run, in order, in one empty folder a page: `python` and `bash` as they are; of `console`
the lines that begin with `$`, whose output must hold the lines below them (`…` stands for anything). `file=NAME` writes
a file. A page with a block marked `slow` asks a model and runs in the slow leg.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from suffice.plugins import find, names

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


def between(page: str, name: str) -> str:
    text = (ROOT / "docs" / page).read_text("utf-8")
    return text.split(f"<!-- {name} -->\n")[1].split(f"<!-- /{name} -->")[0]


def typed(field: dict[str, Any], parts: dict[str, Any]) -> str:
    """The type of a schema's field in a word or two."""
    kinds = field.get("anyOf") or field.get("oneOf") or [field]
    said = [k["$ref"].rsplit("/", 1)[1] if "$ref" in k else _plain(k, parts) for k in kinds]
    return " or ".join(dict.fromkeys(s for one in said for s in one.split(" or ")))


def _plain(field: dict[str, Any], parts: dict[str, Any]) -> str:
    if field.get("type") == "array":
        return f"list of {typed(field['items'], parts)}"
    if "const" in field or "enum" in field:
        return " or ".join("null" if v is None else f"`{v}`" for v in field.get("enum", [field.get("const")]))
    kind = field.get("type", "any JSON")
    return (
        " or ".join(kind if isinstance(kind, list) else [kind])
        .replace("string", "text")
        .replace("boolean", "true or false")
    )


def fields_table(schema: dict[str, Any]) -> str:
    """Every part of the verdict's schema as a table."""
    found = ["\n## The verdict\n\n" + _rows(schema, schema["$defs"])]
    for name, part in schema["$defs"].items():
        found.append(f"\n## {name}\n\n{part['description']}\n\n" + _rows(part, schema["$defs"]))
    return "".join(found) + "\n"


def _rows(part: dict[str, Any], parts: dict[str, Any]) -> str:
    rows = [f"| `{n}` | {typed(f, parts)} | {f['description']} |\n" for n, f in part["properties"].items()]
    return "| Field | Type | Is |\n|---|---|---|\n" + "".join(rows)


def keys_table(schema: dict[str, Any]) -> str:
    """The keys of suffice.yaml, those of `target` and `profile` with their group in front."""
    rows = ["| Key | Default | Is |\n|---|---|---|\n"]
    for name, field in schema["properties"].items():
        part = schema["$defs"].get(field.get("$ref", "").rsplit("/", 1)[-1], {})
        inner = part.get("properties", {}).items() if name in ("target", "profile") else [("", field)]
        rows += [_key(f"{name}.{n}" if n else name, f) for n, f in inner]
    return "".join(rows)


def _key(name: str, field: dict[str, Any]) -> str:
    default = field.get("default")
    shown = "none" if default in (None, "") else f"`{json.dumps(default)}`".replace('"', "")
    return f"| `{name}` | {shown} | {field['description']} |\n"


def scorers_table() -> str:
    rows = [f"| `{n}` | {(find('scorers', n).__doc__ or '').strip().splitlines()[0]} |\n" for n in names("scorers")]
    return "| Scorer | Gives |\n|---|---|\n" + "".join(rows)


def test_the_verdict_page_lists_every_field_of_the_schema() -> None:
    schema = json.loads((ROOT / "suffice" / "schemas" / "verdict.schema.json").read_text("utf-8"))
    assert between("verdict.md", "fields") == fields_table(schema)


def test_the_task_page_lists_every_key_of_the_schema() -> None:
    schema = json.loads((ROOT / "suffice" / "schemas" / "suffice.schema.json").read_text("utf-8"))
    assert between("task-folder.md", "keys") == keys_table(schema)


def test_the_task_page_lists_every_scorer() -> None:
    assert between("task-folder.md", "scorers") == scorers_table()


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
