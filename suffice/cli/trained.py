"""`suffice train` and `suffice distil`: an adapter or a student, where the gates hold, and how it does on dev."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from .export import Personal
from .options import AsJson, Folder, MaxCalls, Seed, StackFile, Usd
from .say import tell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from ..curate import Candidate
    from ..data import Dataset
    from ..export import Lessons
    from ..layer import Gate
    from ..minimum import Approach
    from ..platform import Order
    from ..record import Run
    from ..stack import Stack
    from ..task import Task
    from ..train import Made
    from ..types import Json

TUNED, STUDENT = "tuned.yaml", "student.yaml"
Force = Annotated[list[str], typer.Option("--force", metavar="GATE", help="A gate that may fail; repeat it for more.")]
Recipe = Annotated[
    list[str], typer.Option("--set", metavar="FIELD=VALUE", help="A field of the recipe; repeat it for more.")
]
Out = Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Where the stack goes.")]


def train(
    folder: Folder = Path(),
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FILE", help="Rows or pairs of `suffice data curate`; else dev.")
    ] = None,
    trainer: Annotated[
        str | None, typer.Option("--trainer", metavar="NAME", help="lora, qlora, preference; else the task's.")
    ] = None,
    recipe: Recipe = [],  # noqa: B006
    on: Annotated[str, typer.Option("--on", metavar="PLATFORM", help="Tune there instead of here.")] = "",
    model: Annotated[str, typer.Option("--model", metavar="NAME", help="The base model, on a platform.")] = "",
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="On a platform: how often.")] = None,
    personal: Personal = "keep",
    curve: Annotated[bool, typer.Option("--curve/--no-curve", help="Train on growing slices first.")] = True,
    force: Force = [],  # noqa: B006
    stack: StackFile = None,
    out: Out = None,
    budget: Usd = None,
    max_calls: MaxCalls = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Train an adapter where the gates hold; exit 1 and what is missing where they do not. The same command resumes."""
    from ..digest import plain
    from ..export import lessons
    from ..load import load
    from ..train import APPROACHES, approach_of, bare, prefer, saved
    from ..train import train as make
    from .standing import frozen_at, standing

    _fitting(on, trainer, model, epochs, max_calls)
    given, task = _given(recipe), load(folder, seed=seed)
    order = _order(model, epochs, given) if on else None
    task = task if on else _with(task, trainer, given)
    name = task.training.trainer
    approach = APPROACHES.get(name, "lora") if on else approach_of(task, pairs=data is not None)
    pairs = data if approach == "preference" and not on else None
    rows = None if pairs else _rows(data, task)
    gates = _refuse(task, approach, rows, force, None, as_json, pairs=pairs)
    base = standing(task, stack)[0] if stack or frozen_at(task) else bare(task)
    home = out or task.folder / TUNED
    if order is not None:
        found = lessons(task, base, data, personal)
        ordered = {key: value for key, value in plain(order).items() if value not in (None, "")}
        card = {**_card("train", task, gates, _teachers(found.rows)), "trainer": on, "recipe": ordered}
        _there(task, base, found, (on, order), home, card, budget, as_json)
        return
    with _hands(task, budget, max_calls, "training") as hands:
        if pairs:
            made = prefer(task, base, hands, pairs)
        else:
            made = make(task, base, hands, rows=_dataset(rows, task), curve=curve)
    card = _card("train", task, gates, _teachers(_learned(rows, pairs, task)))
    path = saved(made.stack, home, card)
    tell(as_json, _body(made, path, card), lambda screen: _show(made, path, card, screen))


def distil(
    folder: Folder = Path(),
    teacher: Annotated[
        str | None,
        typer.Option("--teacher", metavar="FILE|DIGEST|strong", help="A stack, or the strong model; else what stands."),
    ] = None,
    risk: Annotated[
        float, typer.Option("--risk", min=0.001, max=0.5, help="The loss that a student may cause.")
    ] = 0.02,
    recipe: Recipe = [],  # noqa: B006
    force: Force = [],  # noqa: B006
    stack: StackFile = None,
    out: Out = None,
    budget: Usd = None,
    max_calls: MaxCalls = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Teach a student what a stack answers; it answers where it is sure and asks the stack beneath otherwise."""
    from ..load import load
    from ..teachers import told
    from ..train import approach_of, saved
    from ..train import distil as make
    from .standing import standing

    task = _with(load(folder, seed=seed), None, _given(recipe))
    approach_of(task)
    base, source = standing(task, stack)
    knowing, name = (base, f"the {source} stack") if teacher is None else _teacher(teacher, task)
    gates = _refuse(task, "distillation", None, force, name, as_json)
    with _hands(task, budget, max_calls, "distillation") as hands:
        made = make(task, knowing, base, hands, risk=risk)
    if made is None:
        said = f"even the student's surest answers lose more than {risk:g} against the stack beneath it"
        tell(as_json, {"stack": None, "reason": said}, lambda screen: screen.print(said, soft_wrap=True))
        raise typer.Exit(1)
    wrote = {made.taught_by: told(made.taught_by)} if made.taught_by else {}
    card = {**_card("distil", task, gates, wrote), "teacher_stack": knowing.digest}
    path = saved(made.stack, out or task.folder / STUDENT, card)
    tell(as_json, _body(made, path, card), lambda screen: _show(made, path, card, screen))


def _there(
    task: Task,
    base: Stack,
    found: Lessons,
    order: tuple[str, Order],
    out: Path,
    card: Mapping[str, Json],
    budget: float | None,
    as_json: bool,
) -> None:
    """Tune on a platform; the stack asks the tuned model there, with the bare goal around it."""
    from ..digest import plain
    from ..jobs import platform_of, train_on
    from ..lean import lean
    from ..plugins import build
    from ..train import saved
    from .export import show_private
    from .platforms import costs, stands, watching

    on, asked = order
    with watching() as watch:
        job = train_on(platform_of(on, task.folder), found.rows, asked, task.folder, budget=budget, watch=watch)
    path = saved(lean(base, task).over(build("models", job.served)), out, card) if job.served is not None else None
    sent = {"rows": len(found.rows), "left_out": found.left_out, "personal": found.personal}
    body = {"stack": str(path) if path else None, **sent, **_told(card), "job": plain(job)}
    said = f"{job.id}: {stands(job)}, {costs(job)}" + (f"; {path}" if path else f"; {job.note}")

    def shown(screen: Console) -> None:
        screen.print(said, soft_wrap=True)
        show_private(found.personal, found.left_out, screen)
        _show_card(card, screen)

    tell(as_json, body, shown)
    if job.stage == "failed":
        raise typer.Exit(1)


# What it is made of


def _fitting(on: str, trainer: str | None, model: str, epochs: int | None, calls: int | None) -> None:
    """Refuse what would not be heeded: each place has options of its own."""
    if not on and (model or epochs is not None):
        told = "--model" if model else "--epochs"
        here = "here the task's `model` is trained" if model else "here write --set epochs=N"
        raise InputError(f"`{told}` is for a platform: it needs `--on PLATFORM`", hint=here)
    if on and trainer:
        raise InputError("`--trainer` is for training here: a platform trains its own way", hint="leave out --trainer")
    if on and calls is not None:
        raise InputError("`--max-calls` caps no job of a platform: it makes none", hint="cap its price: --budget USD")


def _order(model: str, epochs: int | None, given: Mapping[str, Json]) -> Order:
    """The job of a platform; `--set` may choose what every platform knows of, and nothing else."""
    from ..platform import Order
    from ..plugins import made

    if twice := [name for name, said in (("model", True), ("epochs", epochs is not None)) if said and name in given]:
        raise InputError(f"`--set {twice[0]}`: write it as `--{twice[0]}`")
    return made(Order, {"model": model, "epochs": epochs or Order("").epochs, **given}, "a platform's job")


def _given(recipe: Sequence[str]) -> dict[str, Json]:
    """What `--set` says, by field."""
    import yaml

    given: dict[str, Json] = {}
    for pair in recipe:
        key, sign, value = pair.partition("=")
        if not sign or not key.strip():
            raise InputError(f"`--set {pair}` sets nothing", hint="write --set epochs=3")
        try:
            given[key.strip()] = yaml.safe_load(value)
        except yaml.YAMLError as wrong:
            raise InputError(f"`--set {pair}` has no value that can be read", hint="write --set epochs=3") from wrong
    return given


def _with(task: Task, trainer: str | None, given: Mapping[str, Json]) -> Task:
    """The task with the trainer and the recipe that were asked for."""
    from dataclasses import replace

    named, whole = trainer or task.training.trainer, {**task.training.recipe, **given}
    return replace(task, training=replace(task.training, trainer=named, recipe=whole))


def _rows(data: Path | None, task: Task) -> Json:
    """The rows of a file as candidates; None where dev is trained on."""
    from ..curate.gather import candidates_of
    from ..demonstrations import read

    return None if data is None else candidates_of(read(data), task.output, data)


def _dataset(rows: Json, task: Task) -> Dataset | None:
    from ..curate.gather import dataset_of

    return None if rows is None else dataset_of(rows, task.dataset)


def _refuse(
    task: Task,
    approach: Approach,
    rows: Json,
    force: Sequence[str],
    teacher: str | None,
    as_json: bool,
    *,
    pairs: Path | None = None,
) -> Sequence[Gate]:
    """The gates; where one neither holds nor is forced, say what is missing, and leave with 1."""
    from ..adjudicate import measured_of
    from ..demonstrations import read_choices
    from ..readiness import refused
    from ..train import gates_for
    from .curated import show_gates

    count = len(read_choices(pairs)) if pairs else None
    known: dict[str, Json] = {"rows": rows, "pairs": count, "teacher": teacher, "forced": tuple(force)}
    gates = gates_for(task, approach, found=measured_of(task), **known)
    if missing := refused(gates):
        body = {"ready": False, "for": approach, "missing": [g.name for g in missing], "gates": gates}
        tell(as_json, body, lambda screen: show_gates(gates, approach, screen))
        raise typer.Exit(1)
    return gates


def _teacher(named: str, task: Task) -> tuple[Json, str]:
    from ..asking import sampling_for
    from ..model import resolve
    from ..plugins import find
    from ..stack import Stack
    from .standing import standing

    if named != "strong":
        return standing(task, named)[0], named
    if not task.strong_model:
        raise InputError("the task names no strong_model", hint="add `strong_model:` to suffice.yaml")
    prompt = find("layers", "prompt").for_task(task)
    model = resolve(task.strong_model, folder=task.folder)
    return Stack(model, (prompt,), sampling_for(task, task.parts.dev)), task.strong_model


def _hands(task: Task, budget: float | None, calls: int | None, title: str) -> Json:
    from contextlib import contextmanager

    from ..train import Hands
    from .progress import meter
    from .standing import budget_of, ledger_of

    @contextmanager
    def held() -> Json:
        with ledger_of(task) as ledger, meter(title) as bar:
            yield Hands(ledger, budget_of(budget, calls), bar.watch)

    return held()


# What is kept beside it


def _card(made: str, task: Task, gates: Sequence[Gate], teachers: Mapping[str, str]) -> dict[str, Json]:
    """How a stack came about: by which command and recipe, past which gates, from whose replies."""
    from ..digest import plain
    from ..readiness import assumed

    trained = {"trainer": task.training.trainer, "recipe": dict(task.training.recipe)}
    let = {"forced": [plain(g) for g in gates if g.forced], "assumed": [plain(g) for g in assumed(gates)]}
    return {"made_by": f"suffice {made}", **trained, **let, "teachers": dict(teachers)}


def _learned(rows: Sequence[Candidate] | None, pairs: Path | None, task: Task) -> Sequence[Json]:
    """What is learned from, as far as it says where it comes from."""
    from ..curate import gather
    from ..demonstrations import read_choices

    if pairs:
        return read_choices(pairs)
    pool = task.parts.pool.by_id
    return [c for c in gather(task).candidates if c.id in pool] if rows is None else rows


def _teachers(rows: Sequence[Json]) -> dict[str, str]:
    """The models that wrote some of the replies, each with what its terms say."""
    from ..teachers import told

    known = {row.provenance.teacher: row.provenance.terms for row in rows if row.provenance.teacher}
    return {name: terms or told(name) for name, terms in sorted(known.items())}


# What is said


def _told(card: Mapping[str, Json]) -> dict[str, Json]:
    return {name: card[name] for name in ("forced", "assumed", "teachers")}


def _show_card(card: Mapping[str, Json], screen: Console) -> None:
    from rich.text import Text

    for gate in card["forced"]:
        line = f"! {gate['name']}: forced; {gate['measured']}, needed {gate['needed']}"
        screen.print(Text(line, style="yellow"), soft_wrap=True)
    for gate in card["assumed"]:
        screen.print(Text(f"? {gate['name']}: {gate['measured']}; taken on trust", style="yellow"), soft_wrap=True)
    for name, terms in card["teachers"].items():
        screen.print(Text(f"taught by {name}: {terms}", style="dim"), soft_wrap=True)


def _body(made: Made, path: Path, card: Mapping[str, Json]) -> dict[str, Json]:
    from ..digest import plain

    return {
        "stack": str(path),
        "digest": made.stack.digest,
        "layers": list(made.stack.names),
        "dev": {"before": made.before.quality, "after": made.after.quality, "comparison": plain(made.comparison)},
        "tokens": {"before": _tokens(made.before), "after": _tokens(made.after)},
        "left_out": made.left_out,
        "told": made.told,
        "proven": made.told.get("proven"),
        **_told(card),
    }


def _tokens(run: Run) -> float:
    """Prompt and reply, a request."""
    spent = [r.answer.usage for r in run.records if r.answer is not None]
    return sum(u.input_tokens + u.output_tokens for u in spent) / max(1, len(spent))


def _show(made: Made, path: Path, card: Mapping[str, Json], screen: Console) -> None:
    from rich.text import Text

    found = made.comparison
    said = f"{path}: {made.after.quality:.2f} on dev, {made.before.quality:.2f} before"
    screen.print(Text(said, style="bold"), soft_wrap=True)
    limits = f"{found.lift:+.3f} [{found.low:+.3f}, {found.high:+.3f}] on {found.n} dev items: it was chosen on them"
    screen.print(Text(limits, style="dim"), soft_wrap=True)
    if made.left_out:
        screen.print(f"{made.left_out} rows were left out: they repeat what chooses on dev, or would not pass curation")
    screen.print(f"{_tokens(made.before):.0f} → {_tokens(made.after):.0f} tokens a request")
    _show_curve(made.told, screen)
    _show_proof(made.told, screen)
    _show_card(card, screen)
    screen.print(f"To judge it: suffice run --stack {path} --part test, then suffice compare", soft_wrap=True)


def _show_curve(told: Mapping[str, Json], screen: Console) -> None:
    """The learning curve, or the curve of deferral, a line a point."""
    for at in (*told.get("measured", ()), *told.get("predicted", ())):
        spent = f"  {at['seconds']:.0f} s" if at.get("seconds") is not None else "  predicted"
        screen.print(f"  {at['rows']:>7,} rows  {at['estimate']:.3f} [{at['low']:.3f}, {at['high']:.3f}]{spent}")
    if told.get("pays"):
        gain = told["gain"]
        more = f": {gain['estimate']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}]" if gain else ""
        screen.print(f"twice as many rows: {told['pays']}{more}")
    if told.get("stopped"):
        screen.print(f"stopped: {told['stopped']}", soft_wrap=True)
    for step in told.get("steps", ())[::4]:
        mark = " ✓" if step["threshold"] == told["threshold"] else ""
        sure = "never" if step["threshold"] > 1 else f"{step['threshold']:.2f}"
        line = f"  sure at {sure:>5}: answers {step['answered']:>4.0%}, {step['quality']:.3f} together"
        screen.print(f"{line}, {step['tokens']:.0f} tokens{mark}")


def _show_proof(told: Mapping[str, Json], screen: Console) -> None:
    """Whether the student's threshold is proven, or the best that so few items allow."""
    from rich.text import Text

    if "proven" not in told:
        return
    items, risk = told["items"], told["risk"]
    if told["proven"]:
        screen.print(f"proven on {items} items of dev: it loses less than {risk:g} against the stack beneath it")
        return
    line = (
        f"not proven: {items} items of dev are too few to show that it loses less than {risk:g}; no threshold down to "
    )
    line += f"the one taken was seen to lose more than {risk / 2:g}"
    screen.print(Text(line, style="yellow"), soft_wrap=True)
