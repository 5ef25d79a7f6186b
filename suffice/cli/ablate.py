"""`suffice ablate`: what each layer of a stack is worth, and which layers need or hurt each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..digest import plain
from .options import AsJson, Folder, LedgerAt, MaxCalls, Seed, StackFile, Usd, Workers
from .say import tell

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ..ablate import Cost
    from ..ablation import Ablation
    from ..data import Dataset
    from ..ledger import Ledger
    from ..stack import Stack
    from ..stats.factorial import Effect
    from ..task import Task
    from ..types import Json

Examples = Annotated[
    Path | None,
    typer.Option("--examples", "-e", help="Fresh examples instead of the test items: then it is a proof."),
]


def ablate(
    folder: Folder = Path(),
    stack: StackFile = None,
    full: Annotated[
        bool, typer.Option("--full", help="Every combination of layers, not each left out alone; six at most.")
    ] = False,
    examples: Examples = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would take.")] = False,
    budget: Usd = None,
    max_calls: MaxCalls = None,
    workers: Workers = None,
    ledger_at: LedgerAt = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Leave out each layer of the frozen stack, or run every combination, and say what each layer is worth."""
    from ..ablate import ablate as measure
    from ..ablate import cost
    from ..load import load
    from .progress import meter
    from .run import part_of
    from .standing import budget_of, ledger_of, standing

    task = load(folder, seed=seed)
    asked, source = standing(task, stack)
    with ledger_of(task, ledger_at) as ledger:
        chosen, left_out = (part_of(task, "test"), ()) if examples is None else _fresh(task, examples)
        would = cost(asked, chosen, ledger, full=full)
        if dry_run:
            tell(as_json, plain(would), lambda screen: screen.print(_would(would)))
            return
        unused = examples is not None and _unused(asked, chosen, ledger, full)
        with meter("ablate") as bar:
            how = {"ledger": ledger, "budget": budget_of(budget, max_calls), "workers": workers, "watch": bar.watch}
            found = measure(asked, chosen, full=full, unused=unused, seed=seed, **how)  # type: ignore[arg-type]
    body = {**_body(found), "stack": source, "stack_digest": asked.digest, "left_out": left_out, "cost": plain(would)}
    tell(as_json, body, lambda screen: _show(found, source, left_out, screen))


def _fresh(task: Task, path: Path) -> tuple[Dataset, tuple[str, ...]]:
    """The examples of a file that repeat none of the task's, and the ids of those that do."""
    from .. import rows
    from ..confirm import fresh
    from ..errors import InputError

    scorer = task.dataset.scorer
    needs = getattr(scorer, "needs_expected", ":" not in task.score)
    given = task.dataset.only(rows.read(path, task.output, needs_expected=needs), "fresh")
    kept, dropped = fresh(given, task.dataset)
    if not len(kept):
        hint = "give examples that the climb has not seen"
        raise InputError("every example repeats one of the task's, nearly or exactly", file=str(path), hint=hint)
    return kept, dropped


def _unused(stack: Stack, examples: Dataset, ledger: Ledger, full: bool) -> bool:
    """Declare the use of fresh examples; whether no other stack has been asked about the same ones."""
    body = {"fingerprint": examples.fingerprint, "stack": stack.digest, "full": full}
    uses = [d.body for kind in ("confirmation", "ablation") for d in ledger.declared(kind)]
    same = [use for use in uses if use["fingerprint"] == examples.fingerprint]
    if body not in same:
        ledger.declare("ablation", body)
    return all(use["stack"] == stack.digest for use in same)


def _body(found: Ablation) -> dict[str, Json]:
    return {"quality": found.quality, **plain(found), "shares": list(found.shares)}


def _would(would: Cost) -> str:
    held = f"; {would.held} records are there already" if would.held else ""
    return f"At most {would.calls_at_most} calls: {would.stacks} stacks on {would.items} examples{held}"


# On a terminal


def _show(found: Ablation, source: str, left_out: tuple[str, ...], screen: Console) -> None:
    """The whole stack, a row a layer, a row a stack where all were run, and what it comes to in words."""
    from rich.text import Text

    quality = "–" if found.quality is None else f"{found.quality:.3f}"
    told = f" on {found.n} examples; {source} stack of {len(found.layers)} layers"
    screen.print(Text.assemble((quality, "bold"), told))
    if left_out:
        screen.print(Text(f"{len(left_out)} examples left out: they repeat one of the task's", style="dim"))
    screen.print(Text(found.note, style="" if found.unused else "yellow"))
    screen.print()
    screen.print(_layers(found))
    if found.full:
        screen.print()
        screen.print(_cells(found))
    screen.print()
    reasons = dict.fromkeys(e.reason for e in found.removals if e.reason)
    for sentence in (*reasons, *found.sentences[len(found.removals) :]):
        screen.print(Text(f"· {sentence}"))
    screen.print(Text(f"All limits hold at once at {1 - found.alpha:.0%}; {found.calls} calls bought.", style="dim"))


def _layers(found: Ablation) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1))
    table.add_column("layer", overflow="fold")
    for name, how in (("", "left"), ("adds to the others", "right"), ("", "left")):
        table.add_column(name, no_wrap=True, justify=how)  # type: ignore[arg-type]  # rich's literal
    if found.shapley:
        table.add_column("of the gain", no_wrap=True, justify="right")
    largest = max([abs(e.estimate) for e in found.removals] + [0.01])
    for at, effect in enumerate(found.removals):
        colour = {1: "green", -1: "red", 0: "dim"}[effect.sign]
        layer, added, does = (Text(cell, style=colour) for cell in (effect.factors[0], _limits(effect), _does(effect)))
        bar, share = _bar(effect, largest, colour), [_share(found, at)] if found.shapley else []
        table.add_row(layer, bar, added, does, *share)
    return table


def _cells(found: Ablation) -> Table:
    """The stacks, best first: which layers each has, and its score."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1))
    for name in found.layers:
        table.add_column(name, justify="center")
    table.add_column("quality")
    for cell in sorted(found.cells, key=lambda c: (-(c.quality or 0.0), len(c.layers))):
        marks = (Text("✓", style="green") if name in cell.layers else Text("–", style="dim") for name in found.layers)
        shown = "–" if cell.quality is None else f"{cell.quality:.3f}"
        table.add_row(*marks, Text.assemble(shown, (f" {'█' * round((cell.quality or 0.0) * 20)}", "cyan")))
    return table


def _bar(effect: Effect, largest: float, colour: str, width: int = 6) -> Text:
    """To the right of the middle what a layer adds, to the left what it costs."""
    from rich.text import Text

    blocks = "█" * round(abs(effect.estimate) / largest * width)
    left, right = ("", blocks) if effect.estimate >= 0 else (blocks, "")
    return Text(f"{left:>{width}}|{right:<{width}}", style=colour)


def _limits(effect: Effect) -> str:
    return f"{effect.estimate:+.2f} [{effect.low:+.2f}, {effect.high:+.2f}]"


def _does(effect: Effect) -> str:
    return "cannot tell" if effect.reason else {1: "helps", -1: "hurts", 0: "no effect shows"}[effect.sign]


def _share(found: Ablation, at: int) -> str:
    part, share = found.shapley[at].estimate, found.shares[at]
    return f"{part:+.2f}" if share is None else f"{part:+.2f} ({share:.0%})"
