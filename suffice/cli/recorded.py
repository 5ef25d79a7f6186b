"""Two files of recorded outputs as the two sides of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..data import Example
from ..errors import InputError
from ..score import AskingScorer

if TYPE_CHECKING:
    from ..compare import Comparison
    from ..outputs import Recorded
    from ..task import Task


def judging(task: Path | None, seed: int) -> Task | None:
    """The task whose scorer judges: the one that is named, else that of this folder, if it is one."""
    from ..load import load

    return load(task or Path(), seed=seed) if task or Path("suffice.yaml").is_file() else None


Values = dict[str, float | None]


def compared(before: Path, after: Path, task: Task | None, *, alpha: float, seed: int) -> Comparison:
    """The paired difference over the examples that both files answer; what only one of them holds is an error."""
    from ..compare import pairs

    old_values, new_values, examples = sides(before, after, task)
    core, edge = ([e for e in examples if e.partition == part] for part in ("core", "edge"))
    apart = pairs(old_values, new_values, edge, alpha=alpha, seed=seed) if core and edge else None
    return pairs(old_values, new_values, core or edge, alpha=alpha, seed=seed, edge=apart)


def sides(before: Path, after: Path, task: Task | None) -> tuple[Values, Values, Sequence[Example]]:
    """The scores of both files by example id, and the examples."""
    from ..outputs import read

    old, new = read(before), read(after)
    check_same(old, new, before, after)
    examples = examples_of(old, new, task, before, after)
    scorer = task.dataset.scorer if task else None
    if isinstance(scorer, AskingScorer):
        hint = "suffice compare BEFORE AFTER --labels LABELS.jsonl"
        raise InputError(
            "a judge model's scores decide nothing here: people's labels must stand beside them", hint=hint
        )
    first, second = ({e.id: side[e.id].value(e, scorer) for e in examples} for side in (old, new))
    return first, second, examples


def check_same(old: Mapping[str, Recorded], new: Mapping[str, Recorded], before: Path, after: Path) -> None:
    """An InputError names the ids that one file only answers."""
    for here, there, file, other in ((old, new, before, after), (new, old, after, before)):
        if missing := [id_ for id_ in there if id_ not in here]:
            shown = ", ".join(missing[:5])
            raise InputError(
                f"{len(missing)} ids of {other} are not here: {shown}{'…' if len(missing) > 5 else ''}",
                file=str(file),
                hint="both files must answer the same examples",
            )


def examples_of(
    old: Mapping[str, Recorded], new: Mapping[str, Recorded], task: Task | None, before: Path, after: Path
) -> Sequence[Example]:
    """The examples that both files answer; without a task they are known by id alone, and need scores of some kind."""
    if task is None:
        for rows, file in ((old, before), (new, after)):
            if answered := next((row for row in rows.values() if row.answer and row.judge is None), None):
                hint = "name the task folder whose scorer judges them: --task FOLDER"
                raise InputError("outputs need a task to be scored by", file=str(file), line=answered.line, hint=hint)
        return [Example(id_, "") for id_ in old]
    if unknown := [row for id_, row in old.items() if id_ not in task.dataset.by_id]:
        first = unknown[0]
        raise InputError(f"the task has no example `{first.id[:60]}`", file=str(before), line=first.line)
    return [e for e in task.dataset if e.id in old]
