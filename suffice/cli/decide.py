"""`suffice decide`: what the framework says of a case, without asking any model."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import AsJson
from .say import console, tell

if TYPE_CHECKING:
    from rich.console import Console

    from ..decide import Case
    from ..decide.folder import Stated
    from ..types import Json

Ask = Callable[[str], str]
Body = Mapping[str, Any]


def decide(
    given: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FACT=VALUE...", help="What is known; `signals` takes names with commas.", show_default="asks"
        ),
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Facts in a YAML file.")] = None,
    task: Annotated[
        Path | None, typer.Option("--task", "-t", help="A task folder: what it states and measured.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--page", metavar="FILE", help="Write the questions and answers as a page.")
    ] = None,
    facts: Annotated[bool, typer.Option("--facts", help="List every fact and signal instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say which lever a case calls for, and what to measure first, without a model; asks where nothing is given."""
    from ..decide import decide as decided
    from ..decide.told import facts_listed, told

    if facts:
        listed = facts_listed()
        tell(as_json, listed, lambda screen: show_facts(listed, screen))
        return
    case, stated, by_hand = known(given or (), file, task)
    spans = _spans(task)
    if page is None and not as_json and not (given or file or task) and sys.stdin.isatty():
        case = _interviewed(case)
    answer = decided(case, spans)
    if page is not None:
        from ..report.deciding import render

        made = render(case, page, spans)
        tell(as_json, {"page": str(made)}, lambda screen: screen.print(f"page: {made}", soft_wrap=True))
        return
    body = told(answer, case, stated.measured(answer.approach, by_hand) if stated else ())
    tell(as_json, body, lambda screen: show(body, screen))


# Where facts come from: a task folder, then a file, then what stands on the command line


def known(given: Sequence[str], file: Path | None, task: Path | None) -> tuple[Case, Stated | None, tuple[str, ...]]:
    """The case, the task it comes from, and the facts that were given by hand."""
    from ..decide import Case, case_of

    stated = _stated(task) if task else None
    by_hand = {**(_written(file) if file else {}), **_split(given)}
    base = stated.case if stated else Case()
    return case_of({**base.facts, **by_hand}), stated, tuple(by_hand)


def _stated(folder: Path) -> Stated:
    from ..decide.folder import stated
    from ..errors import InputError
    from ..history import verdict_in
    from ..load import load
    from .proof import verdict_at

    loaded = load(folder)
    try:
        verdict = verdict_in(verdict_at(folder if folder.is_dir() else folder.parent))
    except InputError as wrong:
        if "no verdict there" not in wrong.message:
            raise
        verdict = None
    return stated(loaded, verdict)


def _written(path: Path) -> dict[str, Json]:
    from ..decide import case_of
    from ..errors import InputError
    from ..yamlfile import read_yaml

    file = read_yaml(path, "facts file")
    if not isinstance(file.value, Mapping):
        raise file.wrong((), "a facts file is a list of `fact: value` lines", hint="`suffice decide --facts`")
    for name, value in file.value.items():
        try:
            case_of({name: value})
        except InputError as wrong:
            raise file.wrong((name,), wrong.message, wrong.hint) from None
    return dict(file.value)


def _split(given: Sequence[str]) -> dict[str, Json]:
    from ..errors import InputError

    made: dict[str, Json] = {}
    for one in given:
        name, sign, value = one.partition("=")
        if not sign:
            raise InputError(f"`{one[:60]}` is no fact", hint="write fact=value; `suffice decide --facts` lists them")
        made[name.strip().replace("-", "_")] = value
    return made


def _spans(task: Path | None) -> Mapping[str, tuple[float, float]]:
    from ..decide.money import shipped

    return shipped((task if task.is_dir() else task.parent) if task else None)


# Asking

FIRST = ("situation", "signals", "output")
MOST = 14
"""Questions after which the answer is told; what is left unknown stands in it."""


def typer_ask(question: str) -> str:
    """One line from whoever sits there."""
    return str(typer.prompt(question, default="", show_default=False, prompt_suffix=" ", err=True))


def _interviewed(case: Case) -> Case:
    """The case as whoever sits there tells it; leaving keeps nothing, for nothing was asked of a model."""
    from ..errors import Interrupted

    try:
        return interview(case, typer_ask, console())
    except (KeyboardInterrupt, EOFError, typer.Abort) as left:
        raise Interrupted("left; nothing was kept") from left


def interview(case: Case, ask: Ask, screen: Console) -> Case:
    """Ask for what could still change the answer, what the next rung waits for first; an empty line is "not known"."""
    from ..decide import decide as decided

    asked: list[str] = []
    screen.print("An empty line means that nobody knows. Ctrl-C leaves.", style="dim")
    while len(asked) < MOST:
        names = [n for n in (*FIRST, *decided(case).measure) if n not in asked]
        if not names:
            break
        asked.append(names[0])
        case = _answered(case, names[0], ask, screen)
    return case


def _answered(case: Case, name: str, ask: Ask, screen: Console) -> Case:
    """The case with one more fact; what cannot be understood is asked again."""
    from ..decide import FACTS, SIGNALS, case_of
    from ..errors import InputError

    fact = FACTS[name]
    choices = [*SIGNALS] if fact.kind == "signals" else [option for option, _ in fact.options]
    labels = (
        [sign.says for sign in SIGNALS.values()] if fact.kind == "signals" else [label for _, label in fact.options]
    )
    for number, label in enumerate(labels, 1):
        screen.print(f"  {number:>2}  {label}")
    hint = {"flag": "(yes/no)", "number": f"({fact.unit or 'a number'})", "choice": "(its number)"}
    while True:
        said = ask(f"{fact.ask} {hint.get(fact.kind, '(numbers, with commas)')}").strip()
        try:
            return case_of({**case.facts, name: _meant(said, choices)})
        except InputError as wrong:
            screen.print(f"  {wrong.message}: {wrong.hint}", style="yellow")


def _meant(said: str, choices: Sequence[str]) -> Json:
    """Numbers stand for the choices beside them."""
    words = [word.strip() for word in said.split(",") if word.strip()]
    if choices:
        words = [choices[int(w) - 1] if w.isdecimal() and 0 < int(w) <= len(choices) else w for w in words]
    return ",".join(words) if words else None


# Showing

SHUT = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}
SHOWN = 4


def show(body: Body, screen: Console) -> None:
    """The lever and its place, the next step, what to measure, the gates, and what not to do."""
    from rich.text import Text

    first = body["steps"][0]
    screen.print()
    screen.print(Text.assemble((_capital(body["title"]), "bold green"), "   ", (_rungs(body), "dim")))
    _steps(body["steps"], screen)
    _line(screen, "takes", f"{first['first_result']} to a first result; upkeep: {first['upkeep']}")
    _line(screen, "owner", first["owner"])
    for one in body["money"]:
        _line(screen, "cost", f"{one['title']}: {_money(one)}")
    _measure(body["measure_first"], screen)
    _gates(body, screen)
    _avoid(body["avoid"], screen)
    changes = [one["words"] for one in body["what_would_change_this"][:3]]
    if changes:
        screen.print(Text("Would change this", style="bold"))
        for words in changes:
            screen.print(Text(f"  ↔ {words}"))


def _rungs(body: Body) -> str:
    """The ladder as dots, this lever's place filled."""
    from ..decide.levers import LEVERS

    built = [lever for lever in LEVERS.values() if lever.weight]
    taken = {step["lever"] for step in body["steps"]}
    return f"light {''.join('●' if one.name in taken else '·' for one in built)} heavy"


def _steps(steps: Sequence[Body], screen: Console) -> None:
    from rich.text import Text

    for number, step in enumerate(steps, 1):
        mark = f"{number}. {step['title']}: " if len(steps) > 1 else ""
        screen.print(Text.assemble((mark, "bold"), f"{step['next']}."))
        screen.print(Text(f"{step['why']} ({_section(step['source'])}, {step['rule']}).", style="dim"))


def _line(screen: Console, name: str, words: str) -> None:
    from rich.text import Text

    screen.print(Text.assemble((f"{name:<7}", "dim"), words))


def _measure(asked: Sequence[Body], screen: Console) -> None:
    from rich.text import Text

    if not asked:
        return
    more = f"  and {len(asked) - SHOWN} more" if len(asked) > SHOWN else ""
    screen.print(Text.assemble(("Measure first", "bold"), (more, "dim")))
    for one in asked[:SHOWN]:
        screen.print(Text.assemble("  ? ", one["ask"], (f" {one['fact']}=", "dim")))
        screen.print(Text(f"    {one['how']}.", style="dim"))


def _gates(body: Body, screen: Console) -> None:
    """What stands before tuning: shut gates by name, the others counted."""
    from rich.text import Text

    gates = body["gates"]
    held = sum(gate["held"] is True for gate in gates)
    shut = [gate for gate in gates if gate["held"] is False]
    unknown = [gate["name"] for gate in gates if gate["held"] is None]
    then = f" before {body['then']['title']}" if body["then"] else f" of {body['approach']}"
    screen.print(Text.assemble((f"Gates{then}", "bold"), (f"  {held} of {len(gates)} hold", "dim")))
    for gate in shut[:SHOWN]:
        screen.print(Text.assemble(("  ✗ ", "red"), f"{gate['name']}: {gate['measured']}; needed: {gate['needed']}"))
    if len(shut) > SHOWN:
        screen.print(Text(f"  ✗ {', '.join(gate['name'] for gate in shut[SHOWN:])}", style="red"))
    if unknown:
        screen.print(Text.assemble(("  ? ", "yellow"), f"not known: {', '.join(unknown)}"))


def _avoid(avoid: Sequence[Body], screen: Console) -> None:
    from rich.text import Text

    if not avoid:
        return
    more = f"  and {len(avoid) - SHOWN} more" if len(avoid) > SHOWN else ""
    screen.print(Text.assemble(("Do not", "bold"), (more, "dim")))
    for one in avoid[:SHOWN]:
        where = (f" ({_section(one['source'])})", "dim")
        screen.print(Text.assemble(("  ✗ ", "red"), f"{one['lever']}: {one['why']}", where))


def _money(one: Body) -> str:
    told = []
    if one["build_usd"]:
        told.append(f"{_span(one['build_usd'])} to build")
    if one["usd_per_month"]:
        told.append(f"{_span(one['usd_per_month'])} a month to keep")
    if one["payback_months"]:
        low, high = one["payback_months"]
        told.append(f"paid back in {low:.1f} to {high:.1f} months")
    if one["pays_from_requests_per_day"]:
        low, high = one["pays_from_requests_per_day"]
        told.append(f"pays from {low:,.0f} to {high:,.0f} requests a day")
    return ", ".join(told)


def _span(span: Sequence[float]) -> str:
    low, high = span
    return f"${low:,.0f}" if low == high else f"${low:,.0f}–{high:,.0f}"


def _section(source: str) -> str:
    return f"§{source.rsplit('§', 1)[1]}"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def show_facts(body: Body, screen: Console) -> None:
    """Every fact with its values, then every signal."""
    from rich.table import Table

    for key, columns in (("facts", ("fact", "values", "ask")), ("signals", ("signal", "row", "says"))):
        table = Table(box=None, header_style="bold", pad_edge=False)
        for column in columns:
            table.add_column(column, no_wrap=column in ("fact", "signal"), overflow="fold")
        for one in body[key]:
            table.add_row(*(one[column] for column in columns))
        screen.print(table)
        screen.print()
