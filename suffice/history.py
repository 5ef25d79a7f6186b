"""History: the verdicts that a ledger remembers, and who decided what on which of them; changes are noticed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from .contract import against
from .database import schema
from .digest import digest_of
from .errors import Damaged, InputError
from .ledger import Ledger, link_of
from .stored import text_of
from .strict import read_json
from .types import Json

if TYPE_CHECKING:
    from sqlalchemy import Connection

Choice = Literal["kept", "rejected", "deferred", "replaced"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
"""What can be decided of a verdict: use its stack, do not, wait, or something else in its place."""
PASSING = ("version", "created", "ledger", "records")
"""What differs between two climbs that found the same: neither is in a verdict's digest, the records' own hash is."""
SHORTEST = 6
"""Characters by which a digest can be named."""
SCHEMA = Path(__file__).parent / "schemas" / "verdict.schema.json"
"""The published JSON Schema of a verdict.json."""
TUNED = ("adapter", "student")
"""Layers that hold trained weights."""
UNUSED: tuple[Choice, ...] = ("rejected", "replaced")
"""What is chosen where a stack is not used, or no longer."""
METRIC = ("quality", "p95_ms", "usd_per_1k")
"""What a target may name that re-training is paid with."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """One verdict as it was given."""

    digest: str
    task: str
    at: datetime
    """When it was given (UTC)."""
    stop_at: str | None
    target_met: bool | None
    stack: str | None
    """The digest of the stack, where one was kept."""
    body: Mapping[str, Json]

    @property
    def owner(self) -> str | None:
        """Who owned the task then."""
        found = self.body["task"].get("profile", {}).get("owner")
        return found if isinstance(found, str) else None

    @property
    def judge(self) -> str | None:
        """The model that judged, where one did."""
        found = (self.body.get("judge") or {}).get("model")
        return found if isinstance(found, str) else None

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers of its stack, outermost first."""
        return tuple(str(layer["use"]) for layer in (self.body.get("stack") or {}).get("layers", ()))


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decided what on which verdict, why and when; its hash covers every decision before it."""

    verdict: str
    task: str
    by: str
    chosen: Choice
    because: str
    at: datetime
    evidence: Mapping[str, Json]
    hash: str


def verdict_in(file: Path) -> Mapping[str, Json]:
    """What a verdict.json says. Raises `InputError` for a file that is none; whether it is true, `verify` says."""
    body = read_json(file, "verdict")
    if (broken := against(body, read_json(SCHEMA, "schema"))) is not None:
        said = f"this is no verdict: {broken}"
        raise InputError(said, file=str(file), hint="`suffice climb FOLDER` writes one")
    found: Mapping[str, Json] = body
    return found


def digest_of_verdict(body: Mapping[str, Json]) -> str:
    """A verdict's name: a digest of all it says and of the records it rests on, but not of when it was said."""
    said = {key: value for key, value in body.items() if key not in PASSING}
    return digest_of([said, (body.get("records") or {}).get("sha256")])


def remember(ledger: Ledger, body: Mapping[str, Json], at: datetime) -> Remembered:
    """Keep a verdict, once. Given again it is the one that is there, and after others it is the last one again."""
    found = given(ledger, body, at)
    with ledger.transaction() as connection:
        keep(ledger, connection, found)
    return found


def given(ledger: Ledger, body: Mapping[str, Json], at: datetime) -> Remembered:
    """A verdict as it will be remembered: with its first day, where it is the task's last one already."""
    told, task = (body["stop_at"], body["target_met"], body["stack_digest"]), str(body["task"]["name"])
    found = Remembered(digest_of_verdict(body), task, at.astimezone(UTC), *told, body)
    last = max(verdicts(ledger, task), key=lambda v: v.at, default=None)
    return last if last is not None and last.digest == found.digest else found


def keep(ledger: Ledger, connection: Connection, found: Remembered) -> None:
    """Write a verdict down within a transaction; of one that is there only its day may change."""
    t, text = schema().tables["verdicts"], text_of(found.body)
    columns = ("digest", "task", "stop_at", "target_met", "stack", "body", "checksum", "at")
    made = ledger.insert("verdicts", columns, key=("digest",))
    met = None if found.target_met is None else int(found.target_met)
    told = (found.stop_at, met, found.stack, text, _checksum(found.digest, text), found.at.timestamp())
    connection.exec_driver_sql(made.sql, made.given([(found.digest, found.task, *told)])[0])
    connection.execute(t.update().where(t.c.digest == found.digest).values(at=found.at.timestamp()))


def verdicts(ledger: Ledger, task: str | None = None) -> tuple[Remembered, ...]:
    """Every verdict in the order given, of one task or of all. Raises `Damaged` for one that was changed."""
    from sqlalchemy import select

    t = schema().tables["verdicts"]
    wanted = select(t.c.digest, t.c.task, t.c.at, t.c.body, t.c.checksum).order_by(t.c.sequence)
    rows = ledger.select(wanted if task is None else wanted.where(t.c.task == task))
    return tuple(_remembered(ledger, *row) for row in rows)


def verdict_of(ledger: Ledger, named: str) -> Remembered:
    """The verdict of that digest, or of the one digest that begins so. Raises `InputError` where that is nobody's."""
    found = [v for v in verdicts(ledger) if v.digest.startswith(named.lower())] if len(named) >= SHORTEST else []
    if len(found) != 1:
        told = f"{len(found)} verdicts begin with `{named[:64]}`" if found else f"no verdict `{named[:64]}`"
        raise InputError(told, file=ledger.name, hint=f"`suffice history` lists them; {SHORTEST} characters are enough")
    return found[0]


def deciding(
    connection: Connection,
    verdict: Remembered,
    *,
    by: str,
    chosen: str,
    because: str,
    at: datetime,
    evidence: Mapping[str, Json] | None = None,
) -> Decision:
    """Write down who decided what, linked to every decision before it, within a transaction that somebody holds.

    Raises `InputError` for what nobody may decide. A tuned stack is kept only where somebody owns it and a metric pays
    for it: what is not re-trained decays (docs/framework.md §2).
    """
    choice = _choice(chosen)
    for name, given in (("by", by), ("because", because)):
        if not given.strip():
            raise InputError(f"`--{name}` is empty", hint="say who decided, and why")
    if choice == "kept" and set(verdict.layers) & set(TUNED):
        _kept_up(verdict)
    body: dict[str, Json] = {
        "by": words(by),
        "evidence": {**_evidence(verdict), **(evidence or {})},
        "because": words(because),
    }
    body |= {"verdict": verdict.digest, "task": verdict.task, "chosen": choice, "at": at.timestamp()}
    return _linked(connection, body)


def _kept_up(verdict: Remembered) -> None:
    """Raise where nobody would train a tuned stack again, or nothing says what that is worth."""
    if not verdict.owner:
        raise InputError(
            "a tuned stack without an owner cannot be kept", hint="name `profile: {owner: …}`, climb again"
        )
    target = verdict.body["task"].get("target") or {}
    if all(target.get(name) is None for name in METRIC):
        raise InputError(
            "a tuned stack without a metric cannot be kept",
            hint=f"name one of `target: {{{', '.join(METRIC)}}}`, climb again",
        )


def decisions(ledger: Ledger, task: str | None = None) -> tuple[Decision, ...]:
    """Every decision in order, the chain checked, of one task or of all. Raises `Damaged` where one was changed."""
    from sqlalchemy import select

    t = schema().tables["decisions"]
    last, found = "", []
    for n, text, previous, link in ledger.select(
        select(t.c.sequence, t.c.body, t.c.previous, t.c.hash).order_by("sequence")
    ):
        body = _body(text)
        if body is None or previous != last or link != link_of(last, "decision", body):
            raise Damaged(f"decision {n} was changed after it was made", file=ledger.name)
        last = link
        found.append(_decision(body, link))
    return tuple(d for d in found if task in (None, d.task))


def standing(ledger: Ledger, task: str | None = None) -> tuple[Remembered, ...]:
    """Of each task the last verdict, where it kept a stack; what somebody has rejected or replaced does not count."""
    gone = _given_up(ledger)
    last = {v.task: v for v in sorted(verdicts(ledger, task), key=lambda v: v.at) if v.digest not in gone}
    return tuple(v for v in last.values() if v.stack)


def given_up(ledger: Ledger, verdict: Remembered) -> bool:
    """Whether the last word on a verdict is that its stack is not used."""
    return verdict.digest in _given_up(ledger)


def _given_up(ledger: Ledger) -> set[str]:
    last = {d.verdict: d.chosen for d in decisions(ledger)}
    return {digest for digest, chosen in last.items() if chosen in UNUSED}


def words(text: str) -> str:
    """What somebody typed, in characters that any database and file takes."""
    return text.encode("utf-8", "replace").decode().replace("\0", "").strip()


def _choice(given: str) -> Choice:
    for choice in CHOICES:
        if choice == given:
            return choice
    raise InputError(f"nothing is decided by `{given[:40]}`", hint=f"choose one of {', '.join(CHOICES)}")


def _evidence(verdict: Remembered) -> dict[str, Json]:
    """The digests that a decision rests on."""
    return {
        "verdict": verdict.digest,
        "stack": verdict.stack,
        "records": (verdict.body.get("records") or {}).get("sha256"),
    }


def _linked(connection: Connection, body: dict[str, Json]) -> Decision:
    from sqlalchemy import select

    t = schema().tables["decisions"]
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql("LOCK TABLE decisions IN EXCLUSIVE MODE")
    last = connection.execute(select(t.c.hash).order_by(t.c.sequence.desc()).limit(1)).scalar() or ""
    link = link_of(last, "decision", body)
    told = {"verdict": body["verdict"], "task": body["task"], "who": body["by"], "chosen": body["chosen"]}
    told |= {"because": body["because"], "body": text_of(body), "at": body["at"]}
    connection.execute(t.insert().values(previous=last, hash=link, **told))
    return _decision(body, link)


def _body(text: str) -> dict[str, Json] | None:
    """What a row says; None where that is no JSON object."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _decision(body: Mapping[str, Json], link: str) -> Decision:
    told = {name: body[name] for name in ("verdict", "task", "by", "chosen", "because", "evidence")}
    return Decision(at=datetime.fromtimestamp(body["at"], UTC), hash=link, **told)


def _remembered(ledger: Ledger, digest: str, task: str, at: float, text: str, checksum: str) -> Remembered:
    if checksum != _checksum(digest, text):
        raise Damaged(f"the verdict {digest[:12]} was changed after it was given", file=ledger.name)
    body = json.loads(text)
    told = (body["stop_at"], body["target_met"], body["stack_digest"])
    return Remembered(digest, task, datetime.fromtimestamp(at, UTC), *told, body)


def _checksum(digest: str, text: str) -> str:
    return hashlib.sha256(f"{digest}{text}".encode()).hexdigest()[:16]
