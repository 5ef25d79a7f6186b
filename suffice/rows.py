"""Examples files: .jsonl, .csv or .parquet rows as Examples, every wrong row reported by its line."""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from .contract import fits
from .data import Context, Example, Output, tools_in
from .errors import InputError, MissingExtra
from .strict import Malformed, parse
from .types import Json

LONGEST_LINE = 4 * 1024 * 1024
SHOWN = 20
KEYS = ("id", "input", "expected", "partition", "split", "context", "time", "group")
ROLES = ("system", "user", "assistant")

Row = tuple[int, Any]
"""A line number, and the row's object or the Malformed that stands in its place."""


def read(path: Path, output: Output, *, needs_expected: bool = True) -> tuple[Example, ...]:
    """The examples of a file, checked against the output contract; one InputError lists the first 20 wrong rows."""
    return examples(path, raw(path), output, needs_expected=needs_expected)


def examples(path: Path, found: Iterable[Row], output: Output, *, needs_expected: bool = True) -> tuple[Example, ...]:
    """The examples in rows that were read from `path`."""
    problems: list[tuple[int, str]] = []
    good: list[Example] = []
    seen: dict[str, int] = {}
    for line, row in found:
        try:
            example = _example(row, line, output, needs_expected)
        except Malformed as wrong:
            problems.append((line, str(wrong)))
            continue
        if (first := seen.setdefault(example.id, line)) != line:
            problems.append((line, f"the id `{example.id[:60]}` was used before, on line {first}"))
        good.append(example)
    if problems:
        raise listed(path, problems)
    if not good:
        hint = 'write one object a line: {"id", "input", "expected"}'
        raise InputError("no examples in the file", file=str(path), hint=hint)
    return tuple(good)


def listed(path: Path, problems: Sequence[tuple[int, str]]) -> InputError:
    """One error for all the rows that are wrong; the first 20 are told."""
    (line, first), count = problems[0], len(problems)
    if len({said for _, said in problems}) == 1:
        also = f" (and so in {count - 1} more rows)" if count > 1 else ""
        return InputError(f"{first}{also}", file=str(path), line=line)
    rest = "".join(f"\n  line {at}: {said}" for at, said in problems[:SHOWN])
    more = f"\n  and {count - SHOWN} more" if count > SHOWN else ""
    return InputError(f"{count} rows are wrong:{rest}{more}", file=str(path), line=line)


def raw(path: Path) -> Iterator[Row]:
    """The rows as they stand in the file, each with its line."""
    kinds = {".jsonl": jsonl, ".ndjson": jsonl, ".csv": _csv, ".parquet": _parquet}
    if not path.is_file():
        raise InputError("no such examples file", file=str(path), hint="name a .jsonl, .csv or .parquet file")
    if path.suffix.lower() not in kinds:
        raise InputError(f"no reader for `{path.suffix}` examples", file=str(path), hint="known: .jsonl .csv .parquet")
    return kinds[path.suffix.lower()](path)


def jsonl(path: Path) -> Iterator[Row]:
    """The rows of a JSONL file; a line that cannot be read is a Malformed in its place."""
    with path.open("rb") as file:
        number = 0
        while raw := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(raw) > LONGEST_LINE:
                yield number, Malformed(f"the line is longer than {LONGEST_LINE // 2**20} MB")
                while raw and not raw.endswith(b"\n"):
                    raw = file.readline(LONGEST_LINE)
                continue
            if number == 1:
                raw = raw.removeprefix(b"\xef\xbb\xbf")
            if raw.strip():
                yield number, _parsed(raw)


def keyed(row: Json, keys: Sequence[str]) -> Mapping[str, Json]:
    """A row about an example: an object with an `id`, and of these keys alone; a `Malformed` says what is wrong."""
    if isinstance(row, Malformed):
        raise row
    if not isinstance(row, Mapping) or not isinstance(row.get("id"), str | int) or isinstance(row.get("id"), bool):
        raise Malformed("a row is an object with an `id`")
    if unknown := [key for key in row if key not in keys]:
        raise Malformed(f"unknown key `{unknown[0][:60]}` (known: {', '.join(keys)})")
    return row


def scored(given: Json, key: str, otherwise: str) -> float | None:
    """A score in [0, 1], or None where the row says null, which means `otherwise`."""
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 1:
        raise Malformed(f"`{key}` must be a number from 0 to 1, or null {otherwise}")
    return float(given)


def _parsed(raw: bytes) -> Json:
    try:
        return parse(raw.decode("utf-8"))
    except UnicodeDecodeError as wrong:
        return Malformed(f"not UTF-8 text (byte {wrong.start + 1} of the line)")
    except Malformed as wrong:
        return wrong


def _csv(path: Path) -> Iterator[Row]:
    """Columns are named as the keys; `input.subject` is a field of an object, an empty cell is an absent key."""
    csv.field_size_limit(LONGEST_LINE)
    reader = csv.reader(io.StringIO(_decoded(path), newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(header, path)
        while (row := next(reader, None)) is not None:
            if any(row):
                yield reader.line_num, _columns(header, row)
    except csv.Error as wrong:
        raise InputError(f"not CSV: {wrong}", file=str(path), line=reader.line_num) from wrong


def _decoded(path: Path) -> str:
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        line = raw[: wrong.start].count(b"\n") + 1
        raise InputError("not UTF-8 text", file=str(path), line=line, hint="save it as UTF-8") from wrong


def _check_header(header: Sequence[str], path: Path) -> None:
    if twice := [name for at, name in enumerate(header) if name in header[:at]]:
        raise InputError(f"the column `{twice[0]}` stands there twice", file=str(path), line=1)
    if len(header) == 1 and (other := next((mark for mark in ";\t|" if mark in header[0]), None)):
        raise InputError(
            f"the columns are separated by {other!r}", file=str(path), line=1, hint="separate them by commas"
        )


def _columns(header: Sequence[str], cells: Sequence[str]) -> Json:
    if len(cells) != len(header):
        return Malformed(f"{len(cells)} cells where the header has {len(header)} columns")
    row: dict[str, Json] = {}
    for name, cell in zip(header, cells, strict=True):
        root, dot, part = name.partition(".")
        if not dot:
            row[root] = cell if cell or root == "input" else None
        elif isinstance(row.setdefault(root, {}), dict) and (cell or root == "input"):
            row[root][part] = cell
    return {key: value for key, value in row.items() if value is not None and value != {}} | {"": "csv"}


def _parquet(path: Path) -> Iterator[Row]:
    try:
        import pyarrow.parquet as parquet
    except ModuleNotFoundError as missing:
        hint = 'pip install "suffice[parquet]", or save the examples as .jsonl'
        raise MissingExtra(
            "reading .parquet needs pyarrow, which is not installed", file=str(path), hint=hint
        ) from missing
    import pyarrow

    try:
        rows = parquet.read_table(path).to_pylist()
    except (pyarrow.ArrowException, OSError) as wrong:
        raise InputError(f"cannot read the parquet file: {wrong}", file=str(path)) from wrong
    return ((number, {k: v for k, v in row.items() if v is not None}) for number, row in enumerate(rows, 1))


def _example(row: Any, line: int, output: Output, needs_expected: bool) -> Example:
    if isinstance(row, Malformed):
        raise row
    if not isinstance(row, Mapping):
        hint = "; one object a line, not one array around all" if isinstance(row, list) else ""
        raise Malformed(f"a row must be an object{hint}")
    _check_keys(row)
    expected = row.get("expected")
    if row.get("") == "csv" and output.kind in ("schema", "tools") and isinstance(expected, str):
        expected = parse(expected)
    given = _input(row.get("input"))
    own = tools_in(given) if output.kind == "tools" and isinstance(given, Mapping) else ()
    contract = replace(output, tools=own) if own else output
    return Example(
        id=_id(row),
        input=given,
        expected=_expected(expected, "expected" in row, contract, needs_expected),
        partition=_choice(row, "partition", ("core", "edge")) or "core",
        split=_choice(row, "split", ("dev", "test")),
        context=_context(row.get("context")),
        time=_time(row.get("time")),
        group=_group(row.get("group")),
        line=line,
    )


def _check_keys(row: Mapping[str, Json]) -> None:
    """A key that reads like a known one, which is missing, is a slip; other columns are somebody else's."""
    for key in row:
        if not isinstance(key, str):
            raise Malformed("a key must be text")
        near = difflib.get_close_matches(key.strip().lower(), [k for k in KEYS if k not in row], 1, 0.8)
        if key not in KEYS and near:
            raise Malformed(f"unknown key `{key[:60]}`: did you mean `{near[0]}`?")
    for key in ("id", "input"):
        if key not in row:
            raise Malformed(f"`{key}` is missing (keys here: {', '.join(k for k in row if k)[:200] or 'none'})")


def _id(row: Mapping[str, Json]) -> str:
    given = row["id"]
    if isinstance(given, bool) or not isinstance(given, str | int) or given == "":
        raise Malformed("`id` must be text or a whole number")
    if len(str(given)) > 200:
        raise Malformed("`id` is longer than 200 characters")
    return str(given)


def _input(given: Json) -> Json:
    match given:
        case str():
            return given
        case dict() if given and all(isinstance(key, str) for key in given):
            return _finite(given)
        case list() if given:
            return _messages(given)
        case _:
            raise Malformed("`input` must be text, an object with fields, or a list of messages")


def _messages(given: list[Json]) -> list[Json]:
    for number, message in enumerate(given, 1):
        _check_message(number, message)
    if given[-1]["role"] != "user":
        raise Malformed("`input`: the last message must be the user's")
    return given


def _check_message(number: int, message: Json) -> None:
    match message:
        case {"role": str(role), "content": str()} if role in ROLES and set(message) <= {"role", "content"}:
            return
        case {"role": str(role), "content": str()} if role not in ROLES:
            raise Malformed(f"`input`: message {number} has the role `{role[:40]}` (known: {', '.join(ROLES)})")
        case _:
            raise Malformed(f'`input`: message {number} must be {{"role", "content"}}, both text, and nothing else')


def _expected(given: Json, present: bool, output: Output, needed: bool) -> Json:
    if not present or (given is None and output.kind != "schema"):
        if needed:
            raise Malformed("`expected` is missing: the scorer has nothing to compare an answer with")
        return None
    given = _finite(given)
    if not needed and output.kind == "text":
        return given
    listed = isinstance(given, list) and not _takes_lists(output)
    several = given if listed else given["any_of"] if _is_any_of(given) else [given]
    if not isinstance(several, list) or not several:
        raise Malformed("`expected`: a list of acceptable answers may not be empty")
    good = [_one(answer, output) for answer in several]
    if listed:
        return good
    return {"any_of": good} if _is_any_of(given) or _takes_lists(output) else good[0]


def _is_any_of(given: Json) -> bool:
    return isinstance(given, Mapping) and set(given) == {"any_of"} and isinstance(given["any_of"], list)


def _takes_lists(output: Output) -> bool:
    """Whether a list in `expected` is one answer, not several acceptable ones."""
    kinds = (output.schema or {}).get("type", ())
    return output.kind == "tools" or kinds == "array" or (isinstance(kinds, list) and "array" in kinds)


def _one(answer: Json, output: Output) -> Json:
    if wrong := fits(answer, output):
        raise Malformed(f"`expected`: {wrong}")
    if output.kind == "text" and not isinstance(answer, str):
        return str(answer)
    return answer


def _choice(row: Mapping[str, Json], key: str, known: Sequence[str]) -> Any:
    given = row.get(key)
    if given is None or given in known:
        return given
    near = difflib.get_close_matches(str(given).lower(), known, 1)
    guess = f"; did you mean `{near[0]}`?" if near else ""
    raise Malformed(f"`{key}` must be {' or '.join(known)}, not `{str(given)[:40]}`{guess}")


def _context(given: Json) -> tuple[Context, ...]:
    match given:
        case None:
            return ()
        case str():
            return (Context(text=given),)
        case {"document": str() | None as document, **rest} if set(rest) <= {"text"} and (document or rest.get("text")):
            text = rest.get("text")
            if text is not None and not isinstance(text, str):
                raise Malformed("`context`: `text` must be text")
            return (Context(document, text),)
        case {"text": str(text), **rest} if not rest:
            return (Context(text=text),)
        case list():
            return tuple(one for item in given for one in _context_item(item))
        case _:
            raise Malformed('`context` must be text, {"document", "text"?}, or a list of these')


def _context_item(item: Json) -> tuple[Context, ...]:
    if item is None or isinstance(item, list):
        raise Malformed('`context`: a list holds texts or {"document", "text"?} only')
    return _context(item)


def _time(given: Json) -> str | None:
    if isinstance(given, datetime):
        return given.isoformat()
    if given is None:
        return None
    try:
        datetime.fromisoformat(cast(str, given))
    except (ValueError, TypeError) as wrong:
        raise Malformed(f"`time` must be like 2026-11-21T09:30:00, not `{str(given)[:40]}`") from wrong
    return str(given)


def _group(given: Json) -> str | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, str | int) or given == "":
        raise Malformed("`group` must be text or a whole number")
    return str(given)


def _finite(value: Json) -> Json:
    """What CSV and JSON cannot hold, but parquet can."""
    if isinstance(value, float) and not math.isfinite(value):
        raise Malformed(f"{value} is not a number; write null or leave it out")
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, str | int | float | None):
        return value
    raise Malformed(f"a value of type {type(value).__name__} is not JSON")
