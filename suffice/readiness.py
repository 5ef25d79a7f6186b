"""Readiness: the gates before anything is trained, each with what was measured, what is needed and who says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, get_args

from .anatomy import anatomy
from .data import Output
from .digest import digest_of
from .errors import InputError
from .evidence import Reading
from .frozen import FACTS_FROM, frozen_of
from .layer import Gate
from .minimum import MINIMA, SECTION, Approach, Minimum, stated
from .moving import moving_of
from .opinions import placed
from .record import Diagnosis, Finding
from .stats.confident import nearest_votes
from .task import Task
from .types import Json

if TYPE_CHECKING:
    from .curate import Candidate
    from .curate.candidate import Dropped

CONTRADICTING = 0.02
"""The share of rows that contradict others above which labels are not settled: BANKING77 has 0.5 %, CLINC150 0.1 %."""
DOUBTED = 0.10
"""The share of labels that look wrong above which people should look first."""
LOOKED_AT, LOOKED_FROM = 2_000, 200
"""Rows of which labels are doubted for the estimate, in an order of their ids; under the smallest minimum none are."""
MAJORITY = 0.6
"""The share of the nearest rows that must say another label. What is found is the least there is: where classes are
many and rows few it finds one wrong label in five, where classes are few nearly all (docs/data.md)."""
MOVED = 0.10
"""The share of test items that repeat dev above which the split itself leaks: BANKING77 has 6 %, near ones included."""
BY_CHANCE = 0.02
"""Dev rows, as a share of test items, that may quote one or be one letter from it: BANKING77 has 0.7 %, by chance."""
TESTED = 50
NAMED = 5


@dataclass(frozen=True, slots=True)
class Attempts:
    """What was seriously tried on dev without training, in stacks that differ."""

    prompts: int = 0
    """With a prompt that has role, output format and edge cases (see `anatomy`)."""
    short: int = 0
    """With a prompt that lacks one of them: such an attempt is not counted as serious."""
    examples: int = 0
    structure: int = 0

    @property
    def serious(self) -> int:
        return self.prompts + self.examples + self.structure


def attempts_of(reading: Reading) -> Attempts:
    """What a climb tried on dev, from its evidence."""
    known = reading.evidence.one("task")["output"]
    output = Output(known["kind"], tuple(known["labels"]), known["schema"])
    seen: dict[str, tuple[bool, bool, bool, bool]] = {}
    for line in reading.evidence.of("run"):
        if str(line["part"]).startswith("select"):
            layers = {layer["use"]: layer for layer in line["stack"]["layers"]}
            written = layers.get("prompt")
            serious = written is not None and _serious(written, output)
            shown, held = "few_shot" in layers, "structure" in layers
            seen[line["stack_digest"]] = (serious, written is not None and not serious, shown, held)
    return Attempts(*(sum(row[at] for row in seen.values()) for at in range(4)))


def _serious(layer: Mapping[str, Json], output: Output) -> bool:
    return anatomy(f"{layer.get('instructions', '')}\n\n{layer.get('question', '')}", output).serious


def refused(gates: Sequence[Gate]) -> tuple[Gate, ...]:
    """The gates that stop a rung: those that do not hold and that nobody forced."""
    return tuple(g for g in gates if not g.passed and not g.forced)


def assumed(gates: Sequence[Gate]) -> tuple[Gate, ...]:
    """The gates that stand open on trust: nothing was stated or could be told that would shut them."""
    return tuple(g for g in gates if g.assumed)


def readiness(
    task: Task,
    approach: Approach = "lora",
    *,
    rows: Sequence[Candidate] | None = None,
    pairs: int | None = None,
    diagnosis: Diagnosis | None = None,
    attempts: Attempts | None = None,
    teacher: str | None = None,
    forced: Sequence[str] = (),
) -> tuple[Gate, ...]:
    """Every gate of an approach, in a fixed order.

    They look at what would be trained on: dev, or `rows` (`pairs` of replies for preference tuning). What only a climb
    can know (`diagnosis`, `attempts`) is not asked where it is None. `teacher` names who would teach where the task has
    no strong model. Gates named in `forced` are marked, and do not refuse. Raises InputError for a name that is none,
    and for one that nobody can force.
    """
    need = MINIMA[approach]
    found = list(_gates(task, approach, need, rows, pairs, diagnosis, attempts, teacher))
    may = forceable(forced)
    return tuple(replace(g, forced=True) if g.name in may and not g.passed else g for g in found)


def _gates(
    task: Task,
    approach: Approach,
    need: Minimum,
    rows: Sequence[Candidate] | None,
    pairs: int | None,
    diagnosis: Diagnosis | None,
    attempts: Attempts | None,
    teacher: str | None,
) -> Iterator[Gate]:
    quality = _looked(task, rows)
    if approach == "distillation":
        by = task.strong_model or teacher
        yield Gate("teacher", bool(by), by or "none configured", "a strong model to learn from", f"{SECTION}3")
    yield _enough(task, approach, need, quality, pairs)
    yield from quality.gates(own=rows is None)
    yield from stated(task.profile, task.target, task.score, need)
    if approach != "embedding":
        yield from _taught(task)
    yield golden(len(task.parts.test), len(task.parts.edge))
    if attempts is not None and approach not in ("embedding", "distillation"):
        yield exhausted(task.output.kind, attempts)
    if need.treats:
        yield wall(need, diagnosis)


# What would be trained on


@dataclass(frozen=True)
class _Look:
    """What is looked at; what has the same key is looked at once."""

    key: str
    rows: tuple[Candidate, ...] | None = field(compare=False)
    task: Task = field(compare=False)


def _looked(task: Task, rows: Sequence[Candidate] | None) -> Quality:
    given = None if rows is None else [[c.id, c.example.input, c.example.expected] for c in rows]
    confirming = task.confirmation.fingerprint if task.confirmation else ""
    key = digest_of([task.dataset.fingerprint, confirming, str(task.folder), task.seed, given])
    return _measured(_Look(key, None if rows is None else tuple(rows), task))


@dataclass(frozen=True)
class Quality:
    """How clean rows are."""

    rows: int
    kept: tuple[Candidate, ...]
    dropped: tuple[Dropped, ...]
    doubted: int
    """Labels that look wrong, of `of` rows looked at."""
    of: int
    moved: int
    """Test items that repeat dev and no longer judge."""
    judging: int
    leaked: tuple[Dropped, ...]

    def gates(self, *, own: bool) -> Iterator[Gate]:
        """Whether the rows contradict one another, look wrong, or hold what judges."""
        against = [d.candidate.id for d in self.dropped if d.step == "conflict"]
        share = len(against) / max(1, self.rows)
        told = f"{len(against)} of {self.rows} rows contradict others" + (f" ({share:.1%})" if against else "")
        yield Gate(
            "no contradictions",
            share <= CONTRADICTING,
            told + _named(against),
            f"at most {CONTRADICTING:.0%}; people decide: suffice data suspects TASK --out FILE",
            f"{SECTION}10",
        )
        if self.of:
            yield Gate(
                "right labels",
                self.doubted <= DOUBTED * self.of,
                f"at least {self.doubted} of {self.of} labels looked at seem wrong ({self.doubted / self.of:.1%})",
                f"at most {DOUBTED:.0%}",
                f"{SECTION}10",
            )
        yield self._unleaked(own)

    def _unleaked(self, own: bool) -> Gate:
        """Rows that hold test items; and a split of which too much had to be moved."""
        chance = [d for d in self.leaked if d.reason.startswith(("quotes", "is one letter from"))]
        strict = [d for d in self.leaked if not own or d not in chance]
        asked = self.judging + self.moved
        held = not strict and len(chance) <= max(1, BY_CHANCE * self.judging) and self.moved <= MOVED * max(1, asked)
        told = f"{len(self.leaked)} of {self.rows} rows hold one of {self.judging} test items"
        told += _named([f"{d.candidate.id} {d.reason}" for d in self.leaked])
        if self.moved:
            told += f"; {self.moved} of {asked} test items repeated dev and no longer judge ({self.moved / asked:.0%})"
        needed = f"none, and at most {MOVED:.0%} of test moved; `suffice data curate` leaves such rows out"
        return Gate("no leaked test items", held, told, needed, "docs/proof.md")


def _named(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return f": {', '.join(ids[:NAMED])}{more}" if ids else ""


@lru_cache(maxsize=4)
def _measured(look: _Look) -> Quality:
    """How clean dev is, or the rows given."""
    task = look.task
    from .curate import Candidate, clean, judging_of

    rows = [Candidate(e) for e in task.parts.dev if e.expected is not None] if look.rows is None else look.rows
    judging = judging_of(task)
    cleaned = clean(rows, task, policy="keep", judging=judging)
    some = sorted(cleaned.kept, key=lambda c: _rank(c.id))[:LOOKED_AT] if len(cleaned.kept) >= LOOKED_FROM else []
    moved = len(task.parts.moved)
    return Quality(
        len(rows),
        cleaned.kept,
        cleaned.dropped,
        _doubted(some, task),
        len(some) if task.output.kind == "labels" else 0,
        moved,
        len(judging),
        cleaned.left_out("contamination"),
    )


def _doubted(rows: Sequence[Candidate], task: Task) -> int:
    """Labels that most of the nearest rows speak against: by meanings where the embedder is there, else by words."""
    if task.output.kind != "labels" or len(rows) < LOOKED_FROM:
        return 0
    labels = sorted({str(c.example.accepted[0]) for c in rows})
    codes = [labels.index(str(c.example.accepted[0])) for c in rows]
    _, points = placed([c.example.text for c in rows], task.folder, "minilm")
    groups = [c.example.cluster for c in rows]
    votes = nearest_votes(points, codes, [True] * len(rows), groups, classes=len(labels))
    most, total = votes.max(axis=1), votes.sum(axis=1)
    against = (votes.argmax(axis=1) != codes) & (most >= MAJORITY * total) & (total > 0)
    return int(against.sum())


def _rank(id_: str) -> str:
    return digest_of(["readiness", id_])


# Gate by gate


def _enough(task: Task, approach: Approach, need: Minimum, quality: Quality, pairs: int | None) -> Gate:
    if approach == "preference":
        count, told = pairs or 0, f"{pairs or 0} pairs"
    elif approach == "embedding":
        count = sum(bool(e.context) for e in task.parts.dev)
        told = f"{count} of {len(task.parts.dev)} dev examples name their passage"
    else:
        count, lost = len(quality.kept), quality.rows - len(quality.kept)
        told = f"{quality.rows} solved examples" + (f", {count} of them clean" if lost else "")
    name = "clean pairs" if approach != "preference" else "preference pairs"
    return Gate(name, count >= need.rows, told, f"{need.rows:,} or more {need.unit}", need.source)


def _taught(task: Task) -> tuple[Gate, Gate]:
    """What tuning would teach: not facts that documents hold, and nothing that has changed before it is in use."""
    facts, target = frozen_of(task), moving_of(task)
    fast = any(r.rung == "fine_tuning" and r.by != "stated" for r in target.rules_out)
    needed = f"under {FACTS_FROM:.0%} of answers that repeat what only the sources say"
    stated = task.profile.stable_months is not None or task.profile.knowledge_changes is not None
    still, life = target.decision == "still" or stated, "a half-life of 6 months or more"
    return (
        _unless(facts.decision == "facts", "no frozen facts", facts.sentence, needed, facts.decision == "behaviour"),
        _unless(fast, "still target", target.sentence, life, still),
    )


def _unless(found: bool, name: str, sentence: str, needed: str, known: bool) -> Gate:
    """A gate that a finding shuts; where nothing could be told it stands open on trust."""
    return Gate(name, not found, sentence.rstrip("."), needed, f"{SECTION}3", assumed=not (found or known))


def golden(n: int, edge: int) -> Gate:
    """Whether there are test items enough to say what training brought."""
    told = f"{n} test items and {edge} of the edge partition"
    return Gate("golden set", n >= TESTED, told, f"{TESTED} test items that nothing is trained on", f"{SECTION}5")


def exhausted(kind: str, attempts: Attempts) -> Gate:
    """One serious prompt and examples at least, and structure where replies have a form."""
    formed = kind in ("labels", "schema")
    lacking = [
        *(["a prompt with role, output format and edge cases"] if not attempts.prompts else []),
        *(["examples"] if not attempts.examples else []),
        *(["structure"] if formed and not attempts.structure else []),
    ]
    told = f"{attempts.prompts} serious prompts, {attempts.examples} with examples, {attempts.structure} with structure"
    told += f"; {attempts.short} prompts of a line or two do not count" if attempts.short else ""
    told += f"; not yet measured: {', '.join(lacking)}" if lacking else ""
    needed = "a serious prompt, examples and, where replies have a form, structure: suffice climb"
    return Gate("prompting exhausted", not lacking, told, needed, f"{SECTION}3")


def wall(need: Minimum, diagnosis: Diagnosis | None) -> Gate:
    """Failures of a treated kind, beyond what a useless probe fixes by chance; on trust where no probe could tell."""
    name = "behaviour wall" if "behaviour" in need.treats else "retrieval wall"
    source, causes = f"{SECTION}4", " or ".join(need.treats)
    if diagnosis is None or _undiagnosable(diagnosis):
        why = f": {diagnosis.note}" if diagnosis is not None and diagnosis.note else ""
        return Gate(name, True, f"not diagnosed{why}", "some", source, assumed=True)
    if not diagnosis.failures:
        return Gate(name, False, "nothing fails, so there is nothing to treat", "some failures", source)
    treated = [f for f in diagnosis.findings if f.cause in need.treats and f.share > 0]
    shown = [f for f in treated if f.record_ids and (f.low is None or f.low > 0)]
    if not treated:
        return Gate(name, False, f"no failure that was probed is shown to be {causes}", "some", source)
    told, may = shown or treated, "" if shown else " as far as is seen, which may be chance"
    share = f"{sum(f.share for f in told):.0%} of failures are {', '.join(map(_limited, told))}{may}"
    return Gate(name, bool(shown), share, "some, beyond chance", source)


def _undiagnosable(diagnosis: Diagnosis) -> bool:
    """Whether something fails and no probe could be tried on it, as where a stack asks no model."""
    told = any(f.cause != "undiagnosed" for f in diagnosis.findings)
    return bool(diagnosis.failures) and not told and not any(t.asked for t in diagnosis.tried)


def _limited(finding: Finding) -> str:
    """A cause, with the limits of its share where there are any."""
    if finding.low is None or finding.high is None:
        return finding.cause
    return f"{finding.cause} ({finding.low:.0%} to {finding.high:.0%})"


APPROACHES: tuple[Approach, ...] = get_args(Approach)
GATES = (
    *("teacher", "clean pairs", "preference pairs", "no contradictions", "right labels", "no leaked test items"),
    *("owner", "metric", "stable requirements", "no frozen facts", "still target", "slow knowledge", "golden set"),
    *("prompting exhausted", "volume", "behaviour wall", "retrieval wall"),
)
"""Every gate by its name."""
UNFORCED = ("owner", "metric")
"""Gates that nobody can force: without a person and a number, re-training is done by nobody and for nothing."""


def forceable(forced: Sequence[str]) -> tuple[str, ...]:
    """The gates named, each one that exists and may be forced. Raises InputError for any other."""
    if unknown := [name for name in forced if name not in GATES]:
        raise InputError(f"no gate is called `{unknown[0]}`", hint=f"known: {', '.join(GATES)}")
    if fixed := [name for name in forced if name in UNFORCED]:
        hint = "profile: {owner: NAME}" if fixed[0] == "owner" else "target: {quality: 0.9}"
        raise InputError(f"the gate `{fixed[0]}` cannot be forced", hint=f"set it in suffice.yaml: {hint}")
    return tuple(forced)
