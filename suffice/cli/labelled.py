"""`suffice compare` where a model judges: a blind sample to label, and what labels and judge say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..data import Example
from ..errors import InputError
from ..score import AskingScorer
from .recorded import check_same, examples_of
from .say import tell

if TYPE_CHECKING:
    from rich.console import Console

    from ..calls import Calls
    from ..judged import Judged
    from ..labels import Arm
    from ..ledger import Ledger
    from ..outputs import Recorded
    from ..score import Preference
    from ..stats.interval import Interval
    from ..task import Task
    from ..types import Json

Rows = Mapping[str, "Recorded"]


@dataclass(frozen=True, slots=True)
class Sides:
    """Two files of outputs over the same examples, those of core, or of edge where there is no core."""

    before: Path
    after: Path
    task: Task | None
    old: Rows
    new: Rows
    examples: Sequence[Example]


def judges(before: Path, after: Path, task: Task | None) -> bool:
    """Whether a judge's scores are what is compared."""
    from ..outputs import read

    if task is not None:
        return isinstance(task.dataset.scorer, AskingScorer)
    return any(row.judge is not None for file in (before, after) for row in read(file).values())


def sides(before: Path, after: Path, task: Task | None, *, scored: bool = True) -> Sides:
    """Both files, read and matched; drawing a sample needs outputs alone, and no scores."""
    from ..outputs import read

    old, new = read(before), read(after)
    check_same(old, new, before, after)
    for rows, file in ((old, before), (new, after)):
        if wrong := next((row for row in rows.values() if row.answer is None and row.score != 0), None):
            message = f"`{wrong.id[:60]}` has a score and no output, which nobody can label"
            raise InputError(
                message, file=str(file), line=wrong.line, hint='write its `output`; `"score": 0` alone is a failed call'
            )
    bare = task is None and not scored
    examples = [Example(id_, "") for id_ in old] if bare else examples_of(old, new, task, before, after)
    core = [e for e in examples if e.partition == "core"]
    return Sides(before, after, task, old, new, core or examples)


def draw(found: Sides, items: int, out: Path | None, labels: Path | None, *, seed: int, as_json: bool) -> None:
    """Write the outputs of a random sample for people to label."""
    from ..artifacts import write_whole
    from ..digest import canonical
    from ..draw import to_label
    from ..labels import Labels, read

    if items < 1:
        raise InputError("how many items shall be drawn?", hint="--draw 60 --out to_label.jsonl")
    if out is None:
        raise InputError("where shall the outputs to label be written?", hint="--draw 60 --out to_label.jsonl")
    if out.exists():
        raise InputError("the file is there already, and may hold labels", file=str(out), hint="name another --out")
    known = read(labels) if labels else Labels()
    rows = to_label(_arm(found.old, {}), _arm(found.new, {}), found.examples, items, seed=seed, labels=known)
    write_whole(out, b"".join(canonical(row) + b"\n" for row in rows))
    body = {"out": str(out), "outputs": len(rows), "items": min(items, len(found.examples)), "seed": seed}
    tell(as_json, body, lambda screen: _show_drawn(body, screen))


def decide(
    found: Sides,
    labels: Path | None,
    *,
    pairwise: bool,
    alpha: float,
    seed: int,
    budget: tuple[float | None, int | None],
    as_json: bool,
) -> None:
    """Score what no judge has scored yet, then let people's labels decide."""
    from ..digest import plain
    from ..judged import judged
    from ..labels import Labels, read
    from .standing import ledger_of

    known = read(labels) if labels else Labels()
    with ledger_of(found.task) if found.task else nullcontext() as ledger:
        calls = _calls(found, ledger, budget)
        before, after = _scored(found, found.old, found.before, calls), _scored(found, found.new, found.after, calls)
        preferred = _preferences(found, before, after, calls) if pairwise else None
    told = judged(before, after, known, found.examples, alpha=alpha, seed=seed, preferences=preferred)
    told = replace(told, notes=(*told.notes, *_kin(found.task)))
    body = {**plain(told.comparison), "judged": {k: v for k, v in plain(told).items() if k != "comparison"}}
    tell(as_json, body, lambda screen: _show(told, screen))


def _calls(found: Sides, ledger: Ledger | None, budget: tuple[float | None, int | None]) -> Calls | None:
    from ..calls import Calls
    from ..run import judge_of
    from .standing import budget_of

    scorer = found.task.dataset.scorer if found.task else None
    model = judge_of(scorer) if scorer is not None else None
    return None if model is None else Calls(model, ledger, budget_of(*budget))


def _scored(found: Sides, rows: Rows, file: Path, calls: Calls | None) -> Arm:
    """One side with a judge's score of each output: the one in the file, else asked for now."""
    from ..calls import Calls as Free
    from ..plugins import find
    from ..run import run
    from ..stack import Stack

    given = {e.id: rows[e.id].judge for e in found.examples}
    scores = {id_: None if score is None else score.value for id_, score in given.items()}
    todo = [e for e in found.examples if given[e.id] is None and rows[e.id].answer is not None]
    if not todo:
        return _arm(rows, scores)
    scorer = found.task.dataset.scorer if found.task else None
    if found.task is None or calls is None or not isinstance(scorer, AskingScorer):
        line, hint = rows[todo[0].id].line, "use a task with `score: judge`, or rows with the judge's score in `judge`"
        raise InputError(
            "labels correct a judge, and no judge has scored this output", file=str(file), line=line, hint=hint
        )
    stack = Stack(Free(find("models", "recorded")(file=str(file.resolve()))))
    made = run(stack, found.task.dataset.only(todo), scorer=scorer.over(calls), ledger=calls.ledger)
    return _arm(rows, scores | {r.id: r.value for r in made.records})


def _arm(rows: Rows, scores: Mapping[str, float | None]) -> Arm:
    from ..labels import Arm

    return Arm({row.id: row.answer.text if row.answer else None for row in rows.values()}, scores)


def _preferences(found: Sides, before: Arm, after: Arm, calls: Calls | None) -> dict[str, Preference]:
    from ..pairwise import preferences

    if found.task is None or calls is None or found.task.dataset.scorer is None:
        raise InputError("nobody can be asked which output is better", hint="use a task with `score: judge`")
    return preferences(found.task.dataset.scorer, found.examples, before, after, calls=calls)


def _kin(task: Task | None) -> tuple[str, ...]:
    """Whether the judge may flatter the task's model."""
    from ..sway import same_family

    scorer = task.dataset.scorer if task else None
    if task is None or not isinstance(scorer, AskingScorer) or not same_family(scorer.model, task.model):
        return ()
    return (f"the judge {scorer.model} is of the family of the task's model {task.model}, which it may flatter",)


def _show_drawn(body: Mapping[str, Json], screen: Console) -> None:
    screen.print(f"{body['outputs']} outputs of {body['items']} items to label: {body['out']}")
    screen.print("Give each a `score` from 0 to 1, then: suffice compare BEFORE AFTER --labels that file")
    screen.print("Only a complete sample counts: label all of it, and decide beforehand how many that is.")


def _show(found: Judged, screen: Console) -> None:
    """The decision and what it rests on; then how the judge did."""
    from rich.text import Text

    colour = {"better": "green", "worse": "red"}.get(found.comparison.decision, "yellow")
    screen.print(Text(found.headline, style=colour))
    alone = found.alone
    screen.print(f"the judge by itself says {alone.lift:+.3f} [{alone.low:+.3f}, {alone.high:+.3f}] on {alone.n} pairs")
    for name, one in (("before", found.before), ("after", found.after)):
        if one is not None:
            bias = f"people alone {one.human:.3f}, the judge {one.bias:+.3f} off"
            screen.print(f"{name}: {one.estimate:.3f} [{one.low:.3f}, {one.high:.3f}]; {bias}")
    for line in (*_sways(found), *_counts(found), *found.notes):
        screen.print(Text(line, style="dim"))


def _sways(found: Judged) -> list[str]:
    sway, told = found.sway, []
    if sway.agreement is not None:
        told.append(f"judge and people agree: {_limits(sway.agreement.accuracy)} of {sway.agreement.n} outputs")
    if sway.position is not None:
        told.append(f"the order of two replies turns the judge: {_limits(sway.position.flips)} of the pairs")
    if (length := sway.length) is not None and length.tells:
        limits = f"{length.lift:+.3f} [{length.low:+.3f}, {length.high:+.3f}]"
        told.append(f"it prefers the longer reply more often than people do: {limits}")
    return told


def _counts(found: Judged) -> list[str]:
    told = (
        (len(found.unused), "labels are not used: outside the complete sample, or of no output of either file"),
        (found.conflicts, "outputs on which people disagree: their mean counts"),
        (found.unjudged, "outputs that the judge could not score"),
    )
    return [f"{count} {what}" for count, what in told if count]


def _limits(found: Interval) -> str:
    return f"{found.estimate:.3f} [{found.low:.3f}, {found.high:.3f}]"
