"""`suffice data`: which labels look wrong and what people made of it; what examples would teach, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import curated
from .options import AsJson, Folder, Seed
from .say import tell

if TYPE_CHECKING:
    from rich.console import Console

    from ..adjudicate import Adjudicated, Listing
    from ..frozen import Frozen
    from ..moving import Moving

SHOWN = 20
FACTS_SHOWN = 3


def commands() -> Any:
    """The commands about a task's data, as one group."""
    group = typer.Typer(help="Look at a task's examples: labels, facts, and change.", no_args_is_help=True)
    for function in (suspects, adjudicate, facts, moving, curated.curate, curated.ready):
        group.command()(function)
    return group


def suspects(
    folder: Folder = Path(),
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write a blind sheet for a person to fill.")
    ] = None,
    random: Annotated[
        int | None, typer.Option("--random", min=0, metavar="N", help="Items on the sheet that are not suspected.")
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """List expected answers that look wrong, with the evidence; of test only once a verdict stands."""
    from ..adjudicate import listed, write_sheet
    from ..load import load

    found = listed(load(folder, seed=seed))
    written = write_sheet(found, out, random=random, seed=seed) if out else 0
    told = {"parts": found.parts, "examples": len(found.examples), "out": str(out) if out else None, "rows": written}
    # who fills the sheet is not told who is suspected, nor for what
    body = told if out else {**told, "suspects": found.suspects}
    tell(as_json, body, lambda screen: _show_sheet(out, written, screen) if out else _show(found, screen))


def _show_sheet(out: Path, written: int, screen: Console) -> None:
    screen.print(f"{out}: {written} rows, suspects and others mixed, so that whoever fills them cannot tell which")
    screen.print('Fill "right" in each row: one of the two answers, a list of both, another one, or null: cannot tell.')
    screen.print(f"Then: suffice data adjudicate TASK {out}")


def _show(found: Listing, screen: Console) -> None:
    """A line an item, and below it why."""
    from rich.text import Text

    where = "dev" if "test" not in found.parts else "dev, test and edge"
    screen.print(Text(f"{len(found.suspects)} of {len(found.examples)} labels in {where} look wrong", style="bold"))
    for one in found.suspects[:SHOWN]:
        screen.print(Text(f"{one.id} ({one.part}): {one.expected!r}, rather {one.proposed!r}"), soft_wrap=True)
        for sentence in one.evidence:
            screen.print(Text(f"  {sentence}", style="dim"), soft_wrap=True)
    if len(found.suspects) > SHOWN:
        screen.print(f"and {len(found.suspects) - SHOWN} more (--json lists all)")
    if found.suspects:
        screen.print("None is proven. To have them checked blind: suffice data suspects TASK --out to_check.jsonl")


def adjudicate(
    folder: Folder,
    sheet: Annotated[Path, typer.Argument(help="The filled sheet of `suffice data suspects --out`.")],
    corrected: Annotated[
        Path | None,
        typer.Option("--corrected", metavar="FILE", help="Where to write the corrected examples; else beside them."),
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Say which suspects are confirmed and how many labels are wrong; write corrected examples beside today's."""
    from ..adjudicate import adjudicate as judge
    from ..adjudicate import write_corrected
    from ..load import load

    task = load(folder, seed=seed)
    found = judge(task, sheet)
    path = write_corrected(task, found, corrected) if found.changes else None
    tell(as_json, {"corrected": str(path) if path else None, **_body(found)}, lambda s: _show_found(found, path, s))


def _body(found: Adjudicated) -> dict[str, object]:
    from ..digest import plain

    return dict(plain(found))


def _show_found(found: Adjudicated, path: Path | None, screen: Console) -> None:
    from rich.text import Text

    judged = len(found.confirmed) + len(found.false_alarms)
    screen.print(Text(f"{len(found.confirmed)} of {judged} suspects confirmed", style="bold"))
    if found.false_alarms:
        screen.print(f"false alarms: {', '.join(found.false_alarms[:SHOWN])}")
    screen.print(f"{len(found.random_wrong)} of {found.random} others are wrong too")
    share = "not known" if found.wrong is None else f"{found.wrong:.1%}"
    limits = f"[{found.low:.1%}, {found.high:.1%}]"
    screen.print(f"wrong labels among the {found.examples} examples looked at: {share} {limits} at {found.level:.0%}")
    if found.undecided:
        screen.print(f"{len(found.undecided)} rows were not filled; the limits count them as whatever is worse")
    if path:
        said = f"{path}: {len(found.changes)} corrected. Name it in suffice.yaml (`examples`) and climb"
        screen.print(f"{said}: it has another fingerprint, so it is another test set", soft_wrap=True)


def facts(folder: Folder = Path(), seed: Seed = 0, as_json: AsJson = False) -> None:
    """Say whether dev's answers teach facts, which belong in retrieval, or behaviour, which can be tuned."""
    from ..frozen import frozen_of
    from ..load import load

    found = frozen_of(load(folder, seed=seed))
    tell(as_json, found, lambda screen: _show_facts(found, screen))


def _show_facts(found: Frozen, screen: Console) -> None:
    """The sentence, then the typical cases: an answer a line, its facts below it."""
    from rich.text import Text

    screen.print(Text(found.sentence, style="bold"), soft_wrap=True)
    if found.share.method != "none":
        content = f"{found.content.estimate:.0%} [{found.content.low:.0%}, {found.content.high:.0%}]"
        said = f"{content} of the answers' content; {found.chance:.1%} of other answers are found by chance"
        screen.print(said, soft_wrap=True)
    for one in found.typical:
        screen.print(Text(f"{one.id}: {one.share:.0%} of the answer"), soft_wrap=True)
        for fact in one.facts[:FACTS_SHOWN]:
            screen.print(Text(f"  {fact.text!r} in {fact.source}", style="dim"), soft_wrap=True)
    _show_skipped(found.skipped, screen)


def moving(folder: Folder = Path(), seed: Seed = 0, as_json: AsJson = False) -> None:
    """Say whether like inputs get other answers over time, how often documents change, and what that rules out."""
    from ..load import load
    from ..moving import moving_of

    found = moving_of(load(folder, seed=seed))
    tell(as_json, found, lambda screen: _show_moving(found, screen))


def _show_moving(found: Moving, screen: Console) -> None:
    from rich.text import Text

    screen.print(Text(found.sentence, style="bold"), soft_wrap=True)
    for one in found.answers.shifted:
        said = f"{one.examples} like inputs: {one.old!r} before {found.answers.since}, {one.new!r} since"
        screen.print(Text(said), soft_wrap=True)
    for ruled in found.rules_out:
        screen.print(Text(f"{ruled.rung} is ruled out: {ruled.why} ({ruled.by}; {ruled.source})"), soft_wrap=True)
    _show_skipped(found.answers.skipped, screen)
    _show_skipped(found.history.skipped, screen, "documents")


def _show_skipped(skipped: Mapping[str, int], screen: Console, what: str = "") -> None:
    from rich.text import Text

    for reason, count in sorted(skipped.items()):
        screen.print(Text(f"left out: {count} {what + ', ' if what else ''}{reason}", style="dim"), soft_wrap=True)
