"""The datasheet of a training set: what is in it, where it comes from, what was left out, and what is not known.

The questions are those of Gebru et al. 2021, "Datasheets for Datasets", CACM 64:86, as far as a program can answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import quantiles

from .curate import Curated
from .demonstrations import digest
from .digest import digest_of
from .teachers import READ, terms_of
from .types import Json
from .version import __version__

SHOWN = 12
UNKNOWN = "unknown"
LIMITS = (
    "Names in running text, street addresses and dates of birth without a word that says so are not recognised.",
    "Rows that say the same in other words are not taken for duplicates, nor for copies of test items.",
    "A suspect label is not proven wrong; people decide.",
    "Whether the rows are what the task will meet in use cannot be told from the rows.",
)


def datasheet(found: Curated) -> dict[str, Json]:
    """The sheet as data. Equal inputs give an equal sheet: it bears no date but those of the rows."""
    rows, task = found.rows, found.task
    return {
        "suffice": __version__,
        "task": {"name": task.name, "goal": task.goal, "output": task.output.kind},
        "digest": digest(rows),
        "composition": {
            "rows": len(rows),
            "groups": len({c.example.cluster for c in found.kept}),
            "preference_pairs": len(found.pairs),
            "input_characters": _spread([len(c.example.text) for c in found.kept]),
            "reply_characters": _spread([len(r.reply.content) for r in rows]),
            "classes": None if found.balance is None else dict(found.balance.counts),
            "rare_classes": None if found.balance is None else list(found.balance.rare),
            "imbalance": None if found.balance is None else round(found.balance.imbalance, 2),
        },
        "collection": {
            "origins": dict(sorted(Counter(r.provenance.origin for r in rows).items())),
            "reviewed_by_people": sum(c.weight == 0 for c in found.kept),
            "licences": _counted(r.provenance.licence or UNKNOWN for r in rows),
            "teachers": _teachers(found),
            "from": min((r.provenance.time for r in rows if r.provenance.time), default=None),
            "to": max((r.provenance.time for r in rows if r.provenance.time), default=None),
            "unusable": dict(sorted(found.gathered.unusable.items())),
            "prompts_left_out": _prompts(found),
        },
        "cleaning": {
            "gathered": len(found.gathered.candidates),
            "steps": [
                {"step": s.name, "before": s.before, "after": s.after, "found": dict(sorted(s.found.items()))}
                for s in found.steps
            ],
            "personal_policy": found.policy,
            "left_out": _counted(d.step for d in found.dropped),
            "suspects": [s.id for s in found.suspects],
        },
        "held_apart": {
            "test": len(task.parts.test),
            "edge": len(task.parts.edge),
            "confirmation": len(task.confirmation or ()),
            "repeated_and_left_out": {d.candidate.id: list(d.beside) for d in found.cleaned.left_out("contamination")},
            "moved_out_of_test": len(task.parts.moved),
        },
        "limits": list(LIMITS),
    }


def _spread(lengths: Sequence[int]) -> dict[str, float]:
    if len(lengths) < 2:
        return {"median": lengths[0] if lengths else 0, "p95": lengths[0] if lengths else 0}
    cuts = quantiles(lengths, n=20, method="inclusive")
    return {"median": cuts[9], "p95": cuts[18]}


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda pair: (-pair[1], pair[0])))


def _teachers(found: Curated) -> list[dict[str, Json]]:
    counted = Counter(r.provenance.teacher for r in found.rows if r.provenance.teacher)
    told = []
    for name, n in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])):
        known = terms_of(name)
        row = {"teacher": name, "rows": n, "terms": known.says if known else UNKNOWN}
        told.append({**row, "restricted": known.restricted if known else None, "source": known.source if known else ""})
    return told


def _prompts(found: Curated) -> list[dict[str, Json]]:
    return [{"sha256": digest_of(text), "calls": n} for text, n in found.gathered.prompts.most_common(SHOWN)]


def warnings(sheet: Mapping[str, Json]) -> list[str]:
    """What somebody should look at before training, a sentence each."""
    made, said = sheet["composition"], []
    rows, collected = made["rows"], sheet["collection"]
    if unknown := collected["licences"].get(UNKNOWN, 0):
        said.append(f"{unknown} of {rows} rows have no known licence: say it with --licence or a `licence` column.")
    for t in collected["teachers"]:
        if t["restricted"] is None:
            said.append(f"{t['rows']} replies were written by {t['teacher']}, whose terms are not known.")
        elif t["restricted"]:
            said.append(f"{t['rows']} replies were written by {t['teacher']}: {t['terms']} ({t['source']}, {READ}).")
    if made["rare_classes"]:
        named = ", ".join(made["rare_classes"][:SHOWN])
        more = len(made["rare_classes"]) - SHOWN
        said.append(
            f"{len(made['rare_classes'])} classes have fewer than 10 rows: {named}{f' and {more} more' * (more > 0)}."
        )
    if (made["imbalance"] or 0) > 10:
        said.append(f"The largest class has {made['imbalance']:.0f} times the rows of the median one.")
    if suspects := sheet["cleaning"]["suspects"]:
        said.append(
            f"{len(suspects)} labels look wrong; none is proven: suffice data suspects TASK --out to_check.jsonl."
        )
    if conflicts := sheet["cleaning"]["left_out"].get("conflict"):
        said.append(f"{conflicts} rows contradict others and wait for people: `conflict` in dropped.jsonl.")
    return said


def markdown(sheet: Mapping[str, Json]) -> str:
    """The sheet for people."""
    task, made, got = sheet["task"], sheet["composition"], sheet["collection"]
    cleaned, apart = sheet["cleaning"], sheet["held_apart"]
    parts = [
        f"# Datasheet: training rows of {task['name']}",
        f"Digest of the rows: `{sheet['digest']}`. Made by Suffice {sheet['suffice']}.",
        f"## Motivation\n\nTo teach a model this task: {task['goal']} The output is {task['output']}.",
        "## Composition\n\n" + _table(("what", "count"), _composed(made)),
        "## Collection\n\n" + _table(("origin", "rows"), got["origins"].items()),
        _table(("licence", "rows"), got["licences"].items()),
    ]
    if got["teachers"]:
        keys = ("teacher", "rows", "terms", "source")
        parts.append(_table(keys, [tuple(t[k] for k in keys) for t in got["teachers"]]) + f"\n\nTerms read {READ}.")
    if got["unusable"]:
        parts.append("Read and not usable:\n\n" + _table(("why", "rows"), got["unusable"].items()))
    if got["prompts_left_out"]:
        n = sum(p["calls"] for p in got["prompts_left_out"])
        parts.append(f"The system prompts of {n} logged calls are no part of the rows.")
    steps = [(s["step"], s["before"], s["after"], _found(s["found"])) for s in cleaned["steps"]]
    parts += [
        f"## Cleaning\n\nPersonal data: {cleaned['personal_policy']}.\n\n"
        + _table(("step", "before", "after", "found"), steps),
        f"## Splits\n\n{apart['test']} test, {apart['edge']} edge and {apart['confirmation']} confirming examples are "
        f"held apart; {len(apart['repeated_and_left_out'])} rows repeated or quoted one of them and were left out, "
        f"{apart['moved_out_of_test']} test items repeated dev and were moved out of test.",
    ]
    if apart["repeated_and_left_out"]:
        parts.append(
            _table(("row", "test item"), [(k, ", ".join(v)) for k, v in apart["repeated_and_left_out"].items()])
        )
    parts.append("## Uses and limits\n\n" + "\n".join(f"- {line}" for line in (*warnings(sheet), *sheet["limits"])))
    return "\n\n".join(parts) + "\n"


def _composed(made: Mapping[str, Json]) -> list[tuple[str, Json]]:
    rows = [("rows", made["rows"]), ("groups", made["groups"]), ("preference pairs", made["preference_pairs"])]
    for key in ("input_characters", "reply_characters"):
        rows.append((f"{key.replace('_', ' ')}: median, P95", f"{made[key]['median']:g}, {made[key]['p95']:g}"))
    if made["classes"] is not None:
        rows += [(f"class `{name}`", n) for name, n in made["classes"].items()]
    return rows


def _found(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {name}" for name, n in counts.items() if n)


def _table(head: Sequence[str], rows: Iterable[Sequence[Json]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(value: Json) -> str:
    return " ".join(str(value).replace("|", "\\|").split())
