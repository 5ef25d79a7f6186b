"""Declare: the plan of a climb, written down and hash-chained before a single test item is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .data import Dataset
from .descend import MARGIN
from .digest import digest_of, file_digest, plain
from .documents import Corpus
from .errors import InputError
from .evidence import Evidence, Line
from .labels import Labels
from .leakage import leaks
from .ledger import Declaration, Ledger
from .looks import sizes_of
from .model import Model
from .plan import candidates_of
from .plugins import find, spec_of
from .reuse import reused
from .score import AskingScorer
from .stats.budget import charge, split
from .task import Looks, Task
from .types import Json

ALPHA = 0.05
"""The chance that a climb says anything false that it calls proven."""
KINDS = ("plan", "swap")
"""The declarations that spend the error of a test set."""


def declare(task: Task, model: Model, ledger: Ledger, evidence: Evidence, forced: Sequence[str] = ()) -> Line:
    """Declare the plan, write it and the examples down as evidence, and return its line.

    An unchanged plan is declared once. Raises `InputError` where there is nothing to learn from, or to judge with.
    """
    return chained(task, ledger, evidence, "plan", _body(task, model, forced))


def chained(
    task: Task, ledger: Ledger, evidence: Evidence, kind: str, body: Mapping[str, Json], models: Sequence[str] = ()
) -> Line:
    """Chain a body that declares how test will be used, once, and write it, the task and the examples down.

    Climbs and swaps on the same items share one error: each is told how often they were used. `models` are addresses
    that will be priced beside the task's own.
    """
    _enough(task)
    earlier = _uses(task, ledger, str(body["fingerprint"]))
    same = [d for d in earlier if d.kind == kind and d.body == plain(body)]
    link = same[0].hash if same else ledger.declare(kind, body)
    previous = next(d.previous for d in ledger.declared(kind) if d.hash == link)
    known = [_claims(d.kind, d.body) for d in earlier]
    paid = charge(_claims(kind, plain(body)), earlier=[(claims, ALPHA) for claims in known])
    _tell(task, evidence, models)
    told = {**body, "candidates": len(body["candidates"]), "declared": body["candidates"], **leaks(task)}
    used = {"uses": max(paid.use, len({*known})), "overspent": paid.reason}
    used |= {"label_sets": _labelled(task, ledger, str(body["fingerprint"]), evidence)}
    line = evidence.add("plan", **told, previous=previous, hash=link, **used)
    for part in ("pool", "select", "test", "edge"):
        evidence.add_examples(getattr(task.parts, part), part)
    return line


def _uses(task: Task, ledger: Ledger, fingerprint: str) -> list[Declaration]:
    """Every declaration, of a climb or a swap, that rests on any of the items that are about to judge."""
    items = (*task.parts.test, *task.parts.edge)
    return sorted((d for kind in KINDS for d in reused(ledger, kind, fingerprint, items)), key=lambda d: d.sequence)


def _claims(kind: str, body: Mapping[str, Json]) -> str:
    """A plan by what it claims: volume, owner and pace change nothing about it, unless they change its candidates."""
    return digest_of([kind, {k: v for k, v in body.items() if k != "profile"}])


def _body(task: Task, model: Model, forced: Sequence[str]) -> dict[str, Json]:
    """What is declared: candidates, levels, looks, margins and everything that answers depend on."""
    candidates = candidates_of(task, model, forced)
    told = {"forced": sorted(forced)} if forced else {}
    return {**told, "candidates": candidates, **shared(task, candidates, model), **rests_on(task, model)}


def rests_on(task: Task, model: Model) -> dict[str, Json]:
    """What answers and their scores depend on."""
    parts = task.parts
    return {
        "fingerprint": parts.test.only((*parts.test, *parts.edge)).fingerprint,
        "seed": task.seed,
        "target": plain(task.target),
        "smallest_lift": task.profile.smallest_lift,
        "profile": plain(task.profile),
        "score": task.score,
        "scorer": plain_scorer(task.dataset),
        "judge": judge_of(task),
        "model": model.digest,
        "cheaper_model": task.cheaper_model,
        "dev": parts.dev.fingerprint,
        "prompt": digest_of(task.prompt),
        "documents": Corpus(task.documents).digest if task.documents else None,
        "rules": file_digest(task.rules) if task.rules else None,
    }


def shared(task: Task, candidates: Sequence[str], model: Model) -> dict[str, Json]:
    """The error of each claim, the margin of the way down, and the looks at test.

    No looks where a model judges, since people's labels are looked at once, nor at a recording, which costs nothing.
    """
    rungs = max(1, len(candidates))
    found = split(ALPHA, candidates=rungs, claims=rungs * (2 if len(task.parts.edge) else 1))
    looks: Looks = "none" if judge_of(task) or getattr(model, "fixed", False) else task.looks
    sizes = sizes_of(task.parts.test.examples, looks, (found.per_claim or ALPHA) / 2)
    levels = {"alpha": ALPHA, "alpha_target": found.per_candidate, "alpha_claim": found.per_claim}
    return {**levels, "alpha_down": found.down, "margin": MARGIN, "looks": looks, "sizes": sizes}


def judge_of(task: Task) -> str | None:
    """The address of the model that judges, where the scorer asks one."""
    scorer = task.dataset.scorer
    return scorer.model if isinstance(scorer, AskingScorer) else None


def _labelled(task: Task, ledger: Ledger, fingerprint: str, evidence: Evidence) -> int:
    """Write people's labels down; how many sets of them these test items have been judged with, these included."""
    rows = [x for x in (task.labels or Labels()).rows if x.score is not None]
    told = [{"id": x.id, "output_sha256": x.output_sha256, "score": x.score, "by": x.by} for x in rows]
    if told:
        for row in told:
            evidence.add("label", **row)
        body: dict[str, Json] = {"fingerprint": fingerprint, "labels": digest_of(told)}
        known = [d for d in ledger.declared("labels") if d.body == body]
        link = known[0].hash if known else ledger.declare("labels", body)
        previous = next(d.previous for d in ledger.declared("labels") if d.hash == link)
        evidence.add("labels", **body, hash=link, previous=previous)
    return sum(d.body["fingerprint"] == fingerprint for d in ledger.declared("labels"))


def _tell(task: Task, evidence: Evidence, models: Sequence[str]) -> None:
    from .bills import prices_of

    told = {k: getattr(task, k) for k in ("name", "goal", "model", "score", "target", "profile", "seed", "output")}
    evidence.add("task", **told, examples=len(task.dataset), scorer=plain_scorer(task.dataset), warnings=())
    evidence.add("figures", **prices_of(task, *models).told)
    if task.rules is not None:
        evidence.add("rules", layer=spec_of(find("layers", "rules").for_task(task)))


def plain_scorer(dataset: Dataset) -> Json:
    """The scorer as data, so that `verify` can score again."""
    return plain(spec_of(dataset.scorer)) if dataset.scorer else None


def _enough(task: Task) -> None:
    """Something to judge with and something to learn from."""
    parts = task.parts
    if not len(parts.test):
        raise InputError(
            "no test examples are left to judge with", hint="mark some with `split: test`, or add examples"
        )
    if not len(parts.pool) or not len(parts.select):
        raise InputError(
            "no dev examples are left to learn from and choose by", hint="mark some with `split: dev`, or add examples"
        )
