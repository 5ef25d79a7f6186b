"""`suffice history`, `decision` and `ledger`: what was found and decided, by whom, and where it is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import AsJson, LedgerAt
from .say import in_a_line, tell

if TYPE_CHECKING:
    from rich.console import Console

    from ..history import Decision, Remembered
    from ..ledger import Ledger
    from ..types import Json

Where = Annotated[Path | None, typer.Argument(help="The task folder.", show_default="this folder, or all of --ledger")]
RECORDS = "decisions"
"""The folder beside suffice.yaml that decision records are written to."""


def history(folder: Where = None, ledger: LedgerAt = None, as_json: AsJson = False) -> None:
    """List the verdicts that were given and the decisions that were taken on them, the oldest first."""
    from ..history import decisions, verdicts
    from .due import opened

    with opened(folder, ledger) as (kept, task):
        given, taken = verdicts(kept, task), decisions(kept, task)
    body = {"verdicts": [_verdict(v) for v in given], "decisions": [_decision(d) for d in taken]}
    tell(as_json, body, lambda screen: _show(given, taken, screen))


def decision(
    verdict: Annotated[str, typer.Argument(help="A verdict.json, the task folder that holds one, or its digest.")],
    by: Annotated[str, typer.Option("--by", metavar="WHO", help="Who decides.")],
    choose: Annotated[str, typer.Option("--choose", metavar="WHAT", help="kept, rejected, deferred or replaced.")],
    because: Annotated[str, typer.Option("--because", metavar="TEXT", help="Why.")],
    ledger: LedgerAt = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Where the record goes, instead of decisions/.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write down who decided what on a verdict and why, in the ledger and in Markdown; a false one cannot be kept."""
    from .. import undertake
    from ..report.decided import record
    from ..steward import dues

    now, verified = datetime.now(UTC), _verified(verdict, keep=choose == "kept")
    with _verdict_in(verdict, ledger) as (kept, found, home, strange):
        before = [d for d in dues(kept, now.date(), task=found.task, folder=home) if d.stack == found.stack]
        evidence: dict[str, Json] = {"verified": verified}
        evidence |= {"taken_in": "from a verdict.json that this ledger had not seen"} if strange else {}
        taken = undertake.choose(
            kept, found, by=by, chosen=choose, because=because, at=now, evidence=evidence, folder=home
        )
    path = _free(out or home / RECORDS / f"{now:%Y-%m-%d}-{_slug(found.task)}-{taken.chosen}.md")
    _written(path, record(taken, found, before))
    body = {"decision": _decision(taken), "record": str(path)}
    tell(as_json, body, lambda screen: screen.print(in_a_line(f"{taken.chosen} by {taken.by}: {path}"), soft_wrap=True))


def ledger(
    folder: Where = None,
    at: LedgerAt = None,
    schema: Annotated[
        int | None, typer.Option("--schema", min=1, metavar="N", help="Bring it to this schema, back too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a ledger holds; or bring it to the schema of an older Suffice, losing nothing."""
    from ..database import SCHEMA, migrated, shown
    from ..errors import InputError
    from ..ledger import place_of

    home = folder if folder is not None else Path()
    place = place_of((home.parent if home.is_file() else home) / ".suffice", at)
    if isinstance(place, Path) and not place.is_file():
        raise InputError("no ledger there yet", file=str(place), hint="`suffice climb FOLDER` begins one")
    if schema is not None:
        before, now = migrated(place, schema)
        body: dict[str, Json] = {"ledger": shown(place), "before": before, "schema": now}
        tell(as_json, body, lambda screen: screen.print(f"{shown(place)}: schema {before} → {now}", soft_wrap=True))
        return
    body = {"ledger": shown(place), "schema": SCHEMA, **_counted(place)}
    lines = [f"{count:>9,} {name}" for name, count in body.items() if isinstance(count, int) and name != "schema"]
    head = f"{body['ledger']}: schema {SCHEMA}"
    tell(as_json, body, lambda screen: screen.print("\n".join([head, *lines]), soft_wrap=True))


def _counted(place: Path | str) -> dict[str, Json]:
    """How many rows each table has, the chains checked."""
    from sqlalchemy import func, select

    from ..database import schema
    from ..history import decisions
    from ..ledger import Ledger

    with Ledger.open(place) as kept:
        kept.declared()
        decisions(kept)
        tables = [t for name, t in schema().tables.items() if name != "meta"]
        return {t.name: kept.select(select(func.count()).select_from(t))[0][0] for t in tables}


@contextmanager
def _verdict_in(named: str, at: str | None) -> Iterator[tuple[Ledger, Remembered, Path, bool]]:
    """The ledger, the verdict in it, its folder, and whether the ledger had not seen it."""
    from ..errors import InputError
    from ..history import verdicts
    from ..ledger import Ledger, place_of
    from .proof import verdict_at

    path = Path(named)
    file = verdict_at(path) if path.exists() else None
    home = file.parent if file else Path()
    place = place_of(home / ".suffice", at)
    if file is None and isinstance(place, Path) and not place.is_file():
        hint = "name the task folder or its verdict.json instead of the digest, or go there, or name --ledger PATH"
        raise InputError(f"no verdict `{named[:64]}` and no ledger here to look in", file=str(place), hint=hint)
    with Ledger.open(place) as kept:
        before = len(verdicts(kept))
        yield kept, _found(kept, named, file), home, len(verdicts(kept)) > before


def _found(kept: Ledger, named: str, file: Path | None) -> Remembered:
    """The verdict of that digest or file; one that the ledger does not know yet is taken in, duties and all."""
    from ..history import verdict_of
    from ..undertake import taken_in

    return verdict_of(kept, named) if file is None else taken_in(kept, file)


def _verified(named: str, *, keep: bool) -> str | None:
    """Whether a verdict.json's numbers follow from its records; None of a digest. What is false may not be kept."""
    from ..errors import Disproved, SufficeError
    from ..verify import verify
    from .proof import verdict_at

    path = Path(named)
    if not path.exists():
        return None
    try:
        verify(verdict_at(path))
    except Disproved:
        if keep:
            raise
        return "no, its numbers do not follow from its records"
    except SufficeError as wrong:
        return f"not told ({wrong.code}): `suffice verify` says why"
    return "every number recomputes from its records"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "task"


def _free(path: Path) -> Path:
    """The path, or the next one that no file has: a record is never overwritten."""
    if not path.exists():
        return path
    numbered = (path.with_name(f"{path.stem}-{n}{path.suffix}") for n in range(2, 10_000))
    return next(p for p in numbered if not p.exists())


def _written(path: Path, text: str) -> None:
    from ..artifacts import write_whole

    write_whole(path, text.encode())


def _verdict(found: Remembered) -> Mapping[str, Json]:
    told = {name: getattr(found, name) for name in ("digest", "task", "stop_at", "target_met", "stack")}
    records = (found.body.get("records") or {}).get("sha256")
    return {**told, "at": found.at.isoformat(), "headline": found.body["headline"], "records": records}


def _decision(found: Decision) -> Mapping[str, Json]:
    told = {name: getattr(found, name) for name in ("verdict", "task", "chosen", "by", "because", "evidence", "hash")}
    return {**told, "at": found.at.isoformat()}


def _show(given: Sequence[Remembered], taken: Sequence[Decision], screen: Console) -> None:
    """In the order in which it happened."""
    from rich.text import Text

    told = [(v.at, f"{v.digest[:12]}", f"{v.task}: {v.body['headline']}", "") for v in given]
    told += [(d.at, f"{d.verdict[:12]}", f"{d.task}: {d.chosen} by {d.by}, because {d.because}", "bold") for d in taken]
    for at, digest, line, style in sorted(told, key=lambda t: t[0]):
        screen.print(Text(f"{at:%Y-%m-%d %H:%M}  {digest}  {in_a_line(line)}", style=style), soft_wrap=True)
    if not told:
        screen.print("no verdict yet")
