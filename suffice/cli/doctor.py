"""`suffice doctor`: whether this machine, and a task's ledger, are ready; keys are looked for, never shown."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import InputError, SufficeError
from .options import AsJson
from .say import tell

if TYPE_CHECKING:
    from rich.console import Console

State = Literal["ok", "note", "bad"]
LIBRARIES = ("xllamacpp", "onnxruntime", "scikit-learn", "numpy", "scipy", "sqlalchemy", "pydantic", "urllib3")
EXTRAS = ("pyarrow",)
TRAINING = ("torch", "transformers", "peft", "trl")
NEEDED_GB = 1.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    found: str
    fix: str = ""


def doctor(
    folder: Annotated[Path | None, typer.Argument(help="A task folder whose ledger to look at as well.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check Python, libraries, memory, disk, weights, keys and the ledger; exit 1 if something is broken."""
    if folder is not None and not folder.is_dir():
        raise InputError("no such folder", file=str(folder), hint="name a task folder, or none")
    checks = tuple(_checks(folder))
    broken = [check for check in checks if check.state == "bad"]
    tell(as_json, {"ok": not broken, "checks": list(checks)}, lambda screen: _show(checks, screen))
    if broken:
        raise typer.Exit(1)


def _checks(folder: Path | None) -> Iterator[Check]:
    yield _python()
    yield from (_library(name, needed=True) for name in LIBRARIES)
    yield from (_library(name, needed=False) for name in EXTRAS)
    yield _training()
    yield _machine()
    yield _disk(folder)
    yield from (_weights(name) for name in ("smollm2", "minilm"))
    yield from _keys()
    if folder is not None:
        yield _ledger(folder)


def _python() -> Check:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    fine = sys.version_info >= (3, 11)
    return Check("python", "ok" if fine else "bad", found, "" if fine else "install Python 3.11 or newer")


def _library(name: str, *, needed: bool) -> Check:
    if found := _version(name):
        return Check(name, "ok", found)
    state: State = "bad" if needed else "note"
    return Check(name, state, "not installed", f"pip install {name}" if needed else "only for .parquet files")


def _training() -> Check:
    """Whether the extra for training is installed, whole."""
    there = {name: _version(name) for name in TRAINING}
    if lacking := [name for name, found in there.items() if not found]:
        told = "not installed" if len(lacking) == len(TRAINING) else f"{', '.join(lacking)} not installed"
        return Check("train", "note", told, "pip install 'suffice[train]'; only for training here")
    return Check("train", "ok", ", ".join(f"{name} {found}" for name, found in there.items()))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _machine() -> Check:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = _memory_gb()
    little = memory is not None and memory < NEEDED_GB
    found = f"{cores} cores" + ("" if memory is None else f", {memory:.1f} GB of memory")
    return Check("machine", "note" if little else "ok", found, "the embedded model wants 1 GB" if little else "")


def _memory_gb() -> float | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError, AttributeError):
        return None


def _disk(folder: Path | None) -> Check:
    place = (folder or Path()).resolve()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / 2**30
    return Check(
        "disk", "ok" if free >= NEEDED_GB else "bad", f"{free:.1f} GB free", "" if free >= NEEDED_GB else "make room"
    )


def _weights(name: str) -> Check:
    """Present and sound, or not; nothing is fetched here."""
    from ..weights import KNOWN, cache_dir, checked_digest

    known, own = KNOWN[name], os.environ.get("SUFFICE_MODEL") if name == "smollm2" else None
    title = f"weights {name}"
    if own:
        there = Path(own).expanduser().is_file()
        return Check(title, "ok" if there else "bad", f"SUFFICE_MODEL={own}", "" if there else "no such file")
    found = next(cache_dir().rglob(known.main), None)
    if found is None:
        return Check(title, "note", "not here yet", f"{known.megabytes} MB are fetched when first needed")
    if checked_digest(found) != next(iter(known.files.values())):
        return Check(title, "bad", f"{found} has other content than it should", "delete it: it is fetched again")
    return Check(title, "ok", f"in {cache_dir()}")


def _keys() -> Iterator[Check]:
    """Whether a key is set; the value is never read here."""
    from ..models import keys_set

    for name, there in keys_set().items():
        yield Check(
            name, "ok" if there else "note", "set" if there else "not set", "" if there else "only for its models"
        )


def _ledger(folder: Path) -> Check:
    from ..ledger import Ledger, place_of

    path = place_of(folder / ".suffice")
    if isinstance(path, Path) and not path.is_file():
        return Check("ledger", "note", "none yet", f"`suffice climb {folder}` begins one")
    try:
        with Ledger.open(path) as ledger:
            totals = ledger.totals()
    except SufficeError as wrong:
        return Check("ledger", "bad", str(wrong), wrong.hint)
    return Check("ledger", "ok", f"{totals.replies} replies, {totals.records} records, {totals.attempts} attempts")


def _show(checks: tuple[Check, ...], screen: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    marks = {"ok": ("✓", "green"), "note": ("·", "yellow"), "bad": ("✗", "red")}
    for check in checks:
        mark, colour = marks[check.state]
        table.add_row(Text(mark, style=colour), check.name, Text(check.found), Text(check.fix, style="dim"))
    screen.print(table)
