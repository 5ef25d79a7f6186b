"""Logged: the logs that a command is given: which column holds what, rows of no use, and when nothing was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from ..logs import Logs


def columns_of(given: Sequence[str]) -> Mapping[str, str]:
    """Field → column, as `--map FIELD=COLUMN` says."""
    made = {}
    for one in given:
        field, _, column = one.partition("=")
        if not field or not column:
            raise InputError(f"`--map {one}` names no field and column", hint="write --map time=TIMESTAMP")
        made[field.strip()] = column.strip()
    return made


def unread(read: Logs) -> list[dict[str, object]]:
    """Rows that were of no use, by reason, with where the first ones stand; every text may be shown."""
    from ..audit.shown import clean

    return [
        {
            "reason": clean(reason, 160),
            "rows": rows.count,
            "first": [clean(f"{file}:{line}", 300) for file, line in rows.first],
        }
        for reason, rows in read.unusable.items()
    ]


def no_call(read: Logs) -> InputError:
    """The error of logs that hold no call at all."""
    from ..audit.shown import clean

    told = "; ".join(f"{rows.count} × {reason}" for reason, rows in read.unusable.items())
    hint = clean(told, 300) or "name the importer with --from, or a table's columns with --map FIELD=COLUMN"
    return InputError("no logged call was found", file=str(read.places[0]), hint=hint)
