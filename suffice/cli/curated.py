"""`suffice data curate` and `suffice data ready`: rows that deserve training, and whether training is due at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import InputError
from .options import AsJson, Folder, Seed, StackFile
from .say import tell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from ..curate import Candidate, Curated
    from ..layer import Gate
    from ..readiness import Attempts
    from ..record import Diagnosis
    from ..task import Task
    from ..types import Json

NAMED = 5
Files = list[Path]


def curate(
    folder: Folder = Path(),
    logs: Annotated[Files, typer.Option("--logs", metavar="FILE", help="Logged calls; repeat it for more.")] = [],  # noqa: B006
    reviews: Annotated[
        Files, typer.Option("--reviews", metavar="FILE", help="What people reviewed or corrected.")
    ] = [],  # noqa: B006
    teacher: Annotated[Files, typer.Option("--teacher", metavar="FILE", help="Replies that a model wrote.")] = [],  # noqa: B006
    teacher_name: Annotated[
        str, typer.Option("--teacher-name", metavar="MODEL", help="Who wrote them, where rows do not say.")
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where the rows go; train.jsonl in the task's folder."),
    ] = None,
    personal: Annotated[
        Literal["mask", "refuse", "keep"],
        typer.Option("--personal", help="Personal data: replaced by its kind, the row left out, or kept."),
    ] = "mask",
    suspects: Annotated[
        Literal["keep", "drop"], typer.Option("--suspects", help="Labels that look wrong: kept and told, or left out.")
    ] = "keep",
    licence: Annotated[str, typer.Option("--licence", metavar="NAME", help="Of rows that do not name theirs.")] = "",
    stack: StackFile = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Make a training set of dev examples, logs, reviews and a teacher's replies, with a datasheet beside it."""
    from ..curate import Sources
    from ..curate import curate as make
    from ..datasheet import datasheet
    from ..load import load

    task = load(folder, seed=seed)
    sources = Sources(tuple(logs), tuple(reviews), tuple(teacher), teacher_name, licence)
    found = make(task, sources, policy=personal, doubted=suspects, below=_worded_by(stack, task.folder))
    sheet = datasheet(found)
    files = _written(found, sheet, out or task.folder / "train.jsonl")
    tell(as_json, {"files": files, **sheet}, lambda screen: _show(found, sheet, files, screen))


def _worded_by(stack: str | None, folder: Path) -> Json:
    from ..stack import Stack

    return Stack.load(stack, folder=folder) if stack else None


def _written(found: Curated, sheet: Mapping[str, Json], out: Path) -> dict[str, str]:
    """The rows, what was left out and the sheet, beside one another; `train.jsonl` is written last."""
    import json

    from ..artifacts import write_whole
    from ..datasheet import markdown
    from ..demonstrations import write, write_choices

    if not found.rows:
        raise InputError(
            "no row is left to train on", hint="see which step left them out: try --personal keep, or --json"
        )
    beside = {
        "dropped": (out.with_name(f"{_stem(out)}dropped.jsonl"), _dropped(found)),
        "datasheet": (out.with_name(f"{_stem(out)}datasheet.md"), markdown(sheet).encode()),
        "sheet": (
            out.with_name(f"{_stem(out)}datasheet.json"),
            json.dumps(sheet, indent=2, ensure_ascii=False).encode(),
        ),
    }
    if found.pairs:
        beside["pairs"] = (out.with_name(f"{_stem(out)}pairs.jsonl"), write_choices(found.pairs))
    beside["rows"] = (out, write(found.rows))
    for path, content in beside.values():
        write_whole(path, content)
    return {name: str(path) for name, (path, _) in beside.items()}


def _stem(out: Path) -> str:
    """What the files beside `train.jsonl` begin with: nothing, or the name of another file."""
    return "" if out.stem == "train" else f"{out.stem}."


def _dropped(found: Curated) -> bytes:
    """A line a row that was left out, with step and reason; what is personal is masked here too, unless it is kept."""
    import json

    from ..curate.steps import personal
    from ..digest import plain

    lines = []
    for d in found.dropped:
        shown = d.candidate
        if found.policy != "keep":
            masked = personal([shown], found.task.output, "mask")
            shown = [*masked.kept, *(x.candidate for x in masked.dropped)][0]
        told = {"id": d.candidate.id, "step": d.step, "reason": d.reason, "beside": list(d.beside)}
        body = {"input": plain(shown.example.input), "reply": plain(shown.example.expected)}
        lines.append(json.dumps({**told, **body, "source": shown.provenance.source}, ensure_ascii=False) + "\n")
    return "".join(lines).encode("utf-8", "surrogatepass")


def _show(found: Curated, sheet: Mapping[str, Json], files: Mapping[str, str], screen: Console) -> None:
    """One screen: a line a step, then what to look at."""
    from rich.text import Text

    from ..datasheet import warnings

    gathered = len(found.gathered.candidates)
    told = f"{len(found.rows)} of {gathered} rows deserve training: {files['rows']}"
    screen.print(Text(told, style="bold"), soft_wrap=True)
    origins = ", ".join(f"{n} {name}" for name, n in sheet["collection"]["origins"].items())
    screen.print(f"from: {origins}")
    for step in found.steps:
        counts = ", ".join(f"{n} {kind}" for kind, n in sorted(step.found.items()) if n)
        note = step.note or counts
        screen.print(Text(f"  {step.name:14} {step.before:>7} → {step.after:<7} {note}"), soft_wrap=True)
    for reason, n in sheet["collection"]["unusable"].items():
        screen.print(Text(f"  not usable: {n} {reason}", style="dim"), soft_wrap=True)
    leaked = found.cleaned.left_out("contamination")
    if leaked:
        named = ", ".join(f"{d.candidate.id} ({d.reason})" for d in leaked[:NAMED])
        more = f" and {len(leaked) - NAMED} more" if len(leaked) > NAMED else ""
        screen.print(
            Text(f"test items were among them, and were left out: {named}{more}", style="yellow"), soft_wrap=True
        )
    for said in warnings(sheet):
        screen.print(Text(said, style="yellow"), soft_wrap=True)
    screen.print(
        f"{files['dropped']}: {len(found.dropped)} rows, each with its reason; {files['datasheet']}", soft_wrap=True
    )


# Whether training is due


def ready(
    folder: Folder = Path(),
    approach: Annotated[
        Literal["narrow", "lora", "full", "preference", "embedding", "distillation"],
        typer.Option("--for", help="What would be trained."),
    ] = "lora",
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FILE", help="Training rows to look at instead of dev's examples.")
    ] = None,
    force: Annotated[
        list[str], typer.Option("--force", metavar="GATE", help="A gate that may fail; repeat it for more.")
    ] = [],  # noqa: B006
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Say whether training is due: every gate with what was measured; exit 1 and what is missing where it is not."""
    from ..load import load
    from ..readiness import readiness, refused

    task = load(folder, seed=seed)
    rows, pairs = _rows(data, approach, task)
    diagnosis, attempts = _measured(task)
    gates = readiness(
        task, approach, rows=rows, pairs=pairs, diagnosis=diagnosis, attempts=attempts, forced=tuple(force)
    )
    missing = refused(gates)
    body = {"ready": not missing, "for": approach, "missing": [g.name for g in missing], "gates": gates}
    tell(as_json, body, lambda screen: show_gates(gates, approach, screen))
    if missing:
        raise typer.Exit(1)


def _rows(data: Path | None, approach: str, task: Task) -> tuple[Sequence[Candidate] | None, int | None]:
    """The rows of a file as candidates, or how many pairs it holds; nothing where dev is looked at."""
    from ..demonstrations import read, read_choices

    if data is None:
        return None, None
    if approach == "preference":
        return None, len(read_choices(data))
    from ..curate.gather import candidates_of

    return candidates_of(read(data), task.output, data), None


def _measured(task: Task) -> tuple[Diagnosis | None, Attempts]:
    """What the last climb over these very examples found out and tried; nothing tried where there was none."""
    from ..adjudicate import measured_of
    from ..attribution import attribute
    from ..readiness import Attempts, attempts_of

    reading = measured_of(task)
    if reading is None:
        return None, Attempts()
    last = next(reversed(list(reading.evidence.of("diagnosis"))), None)
    return (attribute(reading, last["of"]) if last else None), attempts_of(reading)


def show_gates(gates: Sequence[Gate], approach: str, screen: Console) -> None:
    """What is missing first, each with what was found and who asks for it; then what holds, a line each."""
    from rich.text import Text

    from ..readiness import assumed, refused

    missing = refused(gates)
    if missing:
        names = ", ".join(g.name for g in missing)
        screen.print(Text(f"Not ready for {approach}: {names}", style="bold red"), soft_wrap=True)
    else:
        trust = ", ".join(g.name for g in assumed(gates))
        told = f"; taken on trust: {trust}" if trust else ""
        screen.print(Text(f"Ready for {approach}: every gate holds or is forced{told}", style="bold green"))
    for g in missing:
        screen.print(Text(f"✗ {g.name}: {g.measured}", style="red"), soft_wrap=True)
        screen.print(Text(f"    needed: {g.needed} ({g.source})"), soft_wrap=True)
    for g in gates:
        if g.passed or g.forced:
            sign, style = ("?" if g.assumed else "✓", "dim") if g.passed else ("!", "yellow")
            told = g.measured if g.passed else f"forced; {g.measured}, needed {g.needed}"
            told += f"; taken on trust, needed {g.needed}" if g.assumed else ""
            screen.print(Text(f"{sign} {g.name}: {told}", style=style), soft_wrap=True)
