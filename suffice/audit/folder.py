"""Folder: the chosen requests as a task folder, its answers left for people to fill. Nothing is ever overwritten."""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from ..contract import validator
from ..digest import canonical
from ..errors import InputError
from ..infer import Guess, guess
from ..load import FILE, SCORERS, load
from ..model import resolve
from ..template import PLACE
from ..types import Json, Tool
from .choose import Picked, Selection
from .collect import Sample
from .shown import mask, masked

EXAMPLES, PROMPT, SCHEMA, TOOLS, REPLIES, HOW = (
    "examples.jsonl",
    "prompt.md",
    "schema.json",
    "tools.json",
    "replies.jsonl",
    "LABELLING.md",
)
FILES = (FILE, EXAMPLES, PROMPT, SCHEMA, TOOLS, REPLIES, HOW)
MOST = 0.5
"""The share of a stage's calls that has to show a contract for the task to have it."""
JSON_MOST = 0.9
PROVIDERS = (("gpt-", "openai"), ("chatgpt-", "openai"), ("o1", "openai"), ("o3", "openai"), ("o4", "openai"))


@dataclass(frozen=True, slots=True)
class Written:
    """The task folder that was made."""

    folder: Path
    files: tuple[str, ...]
    examples: int
    by_reason: Mapping[str, int]
    left_out: Mapping[str, int]
    output: str
    left: str
    """What `suffice plan` says is missing; "" where it has all it needs."""


@dataclass(frozen=True, slots=True)
class _Contract:
    """What the log implies of the answers."""

    kind: str
    why: str
    labels: tuple[str, ...] = ()
    schema: Mapping[str, Json] | None = None
    tools: tuple[Tool, ...] = ()
    score: str = "exact"


def write(folder: Path, chosen: Selection) -> Written:
    """Write the task folder; an InputError where a file of that name is there already, or nothing can be labelled."""
    check_free(folder)
    if not chosen.picked:
        why = ", ".join(f"{n} {reason}" for reason, n in chosen.left_out.items())
        raise InputError(f"no request of `{chosen.stage}` can be labelled", hint=why or "the log holds no such call")
    contract = _contract(chosen.calls)
    files = _files(folder, chosen, contract)
    _put(folder, files)
    reasons: dict[str, int] = dict(Counter(p.why for p in chosen.picked))
    return Written(
        folder, tuple(sorted(files)), len(chosen.picked), reasons, chosen.left_out, contract.why, _left(folder)
    )


def check_free(folder: Path) -> None:
    """Raises InputError where the folder holds something that would be written."""
    if folder.exists() and not folder.is_dir():
        raise InputError("that is a file, not a folder", file=str(folder))
    if taken := [name for name in FILES if (folder / name).exists()]:
        raise InputError(f"{taken[0]} is there already", file=str(folder / taken[0]), hint="name a new folder")


def _put(folder: Path, files: Mapping[str, str]) -> None:
    """All of the files or none."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        for name, text in files.items():
            Path(scratch, name).write_text(text, encoding="utf-8", errors="replace", newline="\n")
        folder.mkdir(exist_ok=True)
        for name in sorted(files):
            Path(scratch, name).rename(folder / name)


def _left(folder: Path) -> str:
    try:
        load(folder)
    except InputError as wrong:
        return str(wrong)
    return ""


def _contract(calls: Sequence[Sample]) -> _Contract:
    """Tools where most calls use them, else the schema that most calls name, else what the replies look like."""
    replied = [s for s in calls if s.exchange.reply is not None and not s.flag]
    if not replied:
        return _Contract("text", "no reply is in the log")
    called = [s for s in replied if s.exchange.reply and s.exchange.reply.tool_calls and s.exchange.tools]
    if len(called) > MOST * len(replied):
        return _tools(called, len(replied))
    if (found := _schema(replied)) is not None:
        return found
    return _seen([s.exchange.reply.content for s in replied if s.exchange.reply and s.exchange.reply.content])


def _tools(called: Sequence[Sample], n: int) -> _Contract:
    known: dict[str, Tool] = {}
    for s in called:
        for tool in s.exchange.tools:
            if re.fullmatch(r"[\w.:-]{1,128}", tool.name) and _is_schema(tool.parameters):
                known.setdefault(tool.name, tool)
    if not known:
        return _Contract("text", "the log's tools cannot be described")
    return _Contract(
        "tools", f"{len(called)} of {n} replies call tools", tools=tuple(known.values()), score="tool_call"
    )


def _schema(replied: Sequence[Sample]) -> _Contract | None:
    named = Counter(canonical(s.exchange.schema) for s in replied if s.exchange.schema)
    text, n = named.most_common(1)[0] if named else (b"", 0)
    if n <= MOST * len(replied):
        return None
    schema = orjson.loads(text)
    why = f"{n} of {len(replied)} calls name this schema"
    return _Contract("schema", why, schema=schema, score="json") if _is_schema(schema) else None


def _is_schema(schema: Mapping[str, Json]) -> bool:
    try:
        validator(schema)
    except (ValueError, TypeError):
        return False
    return True


def _seen(replies: Sequence[str]) -> _Contract:
    """What the replies themselves look like: records, one of a few labels, or text."""
    if not replies:
        return _Contract("text", "no reply is in the log")
    values = [value for reply in replies if isinstance(value := _parsed(reply), Mapping)]
    found: Guess = guess(values if len(values) >= JSON_MOST * len(replies) else [reply.strip() for reply in replies])
    why = f"guessed from {len(replies)} replies: {found.why}"
    if found.kind == "schema" and found.schema is not None and _is_schema(found.schema):
        return _Contract("schema", why, schema=found.schema, score="json")
    if found.kind == "labels":
        return _Contract("labels", why, labels=found.labels, score="label")
    return _Contract("text", why, score=found.score if found.kind == "text" else "exact")


def _parsed(text: str) -> Json:
    try:
        return orjson.loads(text)
    except ValueError:
        return None


def _files(folder: Path, chosen: Selection, contract: _Contract) -> dict[str, str]:
    ids = _ids(chosen.picked)
    files = {
        FILE: _yaml(folder, chosen, contract),
        EXAMPLES: "".join(_line(row) for row in _examples(ids, chosen.picked)),
        REPLIES: "".join(_line(row) for i, p in zip(ids, chosen.picked, strict=True) if (row := _reply(i, p))),
        HOW: _how(contract, len(chosen.picked)),
    }
    if chosen.prompt:
        files[PROMPT] = _prompt(mask(chosen.prompt))
    if contract.schema is not None:
        files[SCHEMA] = json.dumps(masked(contract.schema), indent=2, ensure_ascii=False) + "\n"
    if contract.tools:
        told = [{"name": t.name, "description": t.description, "parameters": t.parameters} for t in contract.tools]
        files[TOOLS] = json.dumps(masked(told), indent=2, ensure_ascii=False, default=str) + "\n"
    return {name: text for name, text in files.items() if text}


def _line(row: Json) -> str:
    return json.dumps(row, ensure_ascii=False, default=str) + "\n"


def _prompt(text: str) -> str:
    """The logged prompt as a template: braces that would name a place are set apart."""
    return PLACE.sub(lambda place: "{ " + place[0][1:], text) + "\n"


def _ids(picked: Sequence[Picked]) -> list[str]:
    """The log's own ids where each is short, clean and told once; else numbers."""
    given = [mask(p.sample.exchange.id) for p in picked]
    often = Counter(given)
    return [
        id_ if re.fullmatch(r"[\w.:/#-]{1,100}", id_) and often[id_] == 1 else f"call-{at}"
        for at, id_ in enumerate(given, 1)
    ]


def _examples(ids: Sequence[str], picked: Sequence[Picked]) -> Iterator[dict[str, Json]]:
    """One row a request; every second one that was chosen for a reason goes to dev, for a diagnosis to look at."""
    reasoned = 0
    for id_, one in zip(ids, picked, strict=True):
        row = _example(id_, one)
        if row["partition"] == "edge":
            reasoned += 1
            row |= {"split": "dev"} if reasoned % 2 else {}
        yield row


def _example(id_: str, p: Picked) -> dict[str, Json]:
    e = p.sample.exchange
    row: dict[str, Json] = {
        "id": id_,
        "input": masked(p.input),
        "expected": masked(e.expected),
        "partition": "core" if p.why == "random" else "edge",
    }
    if e.time is not None and 0 <= e.time < 4e9:
        row["time"] = datetime.fromtimestamp(e.time, UTC).isoformat(timespec="seconds")
    if e.trace:
        row["group"] = mask(e.trace)[:200]
    said = _said(p)
    return {**row, "logged_reply": masked(said), "chosen_because": f"{p.why}: {mask(p.detail)}".strip(": ")}


def _said(p: Picked) -> Json:
    reply = p.sample.exchange.reply
    if reply is None:
        return None
    if reply.tool_calls:
        return [{"name": call.name, "arguments": dict(call.arguments)} for call in reply.tool_calls]
    return reply.content


def _reply(id_: str, p: Picked) -> dict[str, Json] | None:
    """The logged reply as a recorded output, so that today's stack can be measured without asking it again."""
    e, said = p.sample.exchange, _said(p)
    if said is None:
        return {"id": id_, "score": 0.0} if e.error else None
    row: dict[str, Json] = {"id": id_, "output": masked(said)}
    if e.ms is not None and e.ms >= 0:
        row["ms"] = round(e.ms, 3)
    if e.usage is not None:
        row["usage"] = {"input_tokens": e.usage.input_tokens, "output_tokens": e.usage.output_tokens}
    return row


def _yaml(folder: Path, chosen: Selection, contract: _Contract) -> str:
    outputs = {
        "labels": "{labels: " + json.dumps(masked(list(contract.labels)), ensure_ascii=False) + "}",
        "schema": f"{{schema: {SCHEMA}}}",
        "tools": f"{{tools: {TOOLS}}}",
    }
    stage = json.dumps(mask(chosen.stage)[:80], ensure_ascii=False)
    lines = [
        f"# made by `suffice audit` from logged calls of {stage}",
        f"name: {json.dumps(folder.resolve().name[:100], ensure_ascii=False)}",
        'goal: ""   # what is wanted, in a sentence: the prompt builder starts from it',
        f"model: {json.dumps(_model(chosen))}",
        f"examples: {EXAMPLES}   # fill `expected` first: {HOW} says how",
        "# documents: handbook/      # knowledge that answers stand on",
        f"prompt: {PROMPT}" if chosen.prompt else "# prompt: prompt.md   # the log shows none that calls share",
        f"output: {outputs.get(contract.kind, 'text')}   # {' '.join(contract.why.split())[:160]}",
        f"score: {contract.score if contract.kind == 'text' else SCORERS.get(contract.kind, contract.score)}",
        "target: {quality: 0.90, tolerance: 0.02}",
        "profile: {requests_per_day: null, knowledge_changes: null, owner: null}",
    ]
    return "\n".join(lines) + "\n"


def _model(chosen: Selection) -> str:
    """The model of most of the calls, where it can be asked; else the embedded one."""
    models = Counter(s.exchange.model for s in chosen.calls if s.exchange.model)
    name = models.most_common(1)[0][0] if models else ""
    provider = next((p for start, p in PROVIDERS if name.startswith(start)), "")
    address = f"{provider}/{name}"
    if not provider or mask(address) != address:
        return "embedded"
    try:
        resolve(address)
    except InputError:
        return "embedded"
    return address


_FILL = {
    "text": "the right answer as text, or a list of acceptable ones",
    "labels": "one of the labels in `suffice.yaml`",
    "schema": "the right record, which has to satisfy `schema.json`",
    "tools": 'the right calls, `[{"name": …, "arguments": {…}}]`, and `[]` where none is right',
}


def _how(contract: _Contract, n: int) -> str:
    return f"""# Labelling these {n} requests

1. Open `{EXAMPLES}`. Each line is one logged request. Put in `expected` {_FILL.get(contract.kind, _FILL["text"])}.
2. `logged_reply` is what the stack answered. It may be wrong: read the request first, and decide before you look at it.
3. Delete lines that nobody could answer. Never delete one because it is hard.
4. Leave `partition` and `split` as they are. `core` was drawn blindly and stands for the traffic. `edge` was chosen for
   a reason (`chosen_because`): it finds failures, and its share of failures says nothing about the traffic. Half of it
   is marked `dev`, so that `suffice diagnose` has failures to look at.
5. Say in `suffice.yaml` what is wanted (`goal`), and check `output`, which was read from the log.
6. `suffice plan .` says whether something is still missing, and what these examples can prove.

`{REPLIES}` holds the logged replies. With `model: "recorded:{REPLIES}"`, `suffice run` scores what was answered then
and asks nobody. Secrets that could be recognised were masked when the files were written; what remains is user data.
"""
