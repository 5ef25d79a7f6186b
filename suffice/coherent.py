"""Coherent: what is told of a stack was asked of that stack alone, at the levels that every climb declares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from .asking import UNLOADED
from .data import worded
from .descend import MARGIN
from .digest import canonical
from .errors import Disproved
from .evidence import Line, Reading
from .forms import AGAIN, LEARNED, names_of
from .looks import sizes_of
from .places import ANSWERING
from .plan import ANSWERS_WITHOUT_MODEL, LADDER
from .stats.budget import TOTAL, split
from .strict import parse
from .types import Json

LAYER = {r.name: r.layer for r in LADDER}
CLOSE = 1e-12


def coherent(reading: Reading) -> None:
    """Raise `Disproved` where a climb's levels are not its own, or where one line speaks of several stacks."""
    _levels(reading)
    _floor(reading)
    model = _stack(reading, reading.evidence.one("floor")["test"])["model"]
    for line in (x for x in reading.evidence.of("rung") if x["test"]):
        _rung(reading, line, model)
    for line in reading.evidence.of("own_best"):
        one_stack(reading, line, "the model's own best", "test", "edge", "unloaded", "told_by")
        if _stack(reading, line["test"])["model"] != model or line["layers"] != _uses(reading, line["test"]):
            raise Disproved("the model's own best is of another stack than it says")
    for line in reading.evidence.of("down"):
        _attempt(reading, line, model)
    _further(reading)


def one_stack(reading: Reading, line: Line, who: str, *keys: str) -> None:
    """Raise `Disproved` where these runs of a line are not all of one stack."""
    runs = [line[key] for key in keys if line[key]]
    if len({reading.runs[run]["stack_digest"] for run in runs}) > 1:
        raise Disproved(f"what is told of {who} was asked of several stacks")
    if "told_by" in keys and not line["told_by"]:
        raise Disproved(f"it is not said what dev told of {who}")
    unloaded = line.get("unloaded") if "unloaded" in keys else None
    if unloaded and set(reading.records[unloaded]) != {e.id for e in reading.parts["test"][:UNLOADED]}:
        raise Disproved(f"the latency of {who} does not rest on the first {UNLOADED} test items")


def _stack(reading: Reading, run: str) -> Mapping[str, Json]:
    found: Mapping[str, Json] = reading.runs[run]["stack"]
    return found


def _uses(reading: Reading, run: str) -> list[str]:
    return [layer["use"] for layer in _stack(reading, run)["layers"]]


# A climb


def _levels(reading: Reading) -> None:
    """Levels, margin and looks are those that every climb with so many candidates declares."""
    plan, edge = reading.evidence.one("plan"), bool(reading.parts.get("edge"))
    rungs = max(1, len(plan["declared"]))
    found = split(TOTAL, candidates=rungs, claims=rungs * (2 if edge else 1))
    wanted = {"alpha": TOTAL, "alpha_target": found.per_candidate, "alpha_claim": found.per_claim}
    _as_wanted(reading, {**wanted, "alpha_down": found.down, "margin": MARGIN}, (found.per_claim or TOTAL) / 2)


def _as_wanted(reading: Reading, wanted: Mapping[str, float | None], each: float) -> None:
    plan = reading.evidence.one("plan")
    if other := [name for name, value in wanted.items() if abs(plan[name] - (value or 0.0)) > CLOSE]:
        raise Disproved(f"the declared {other[0]} is not the one that follows from so many candidates")
    if [*plan["sizes"]] != [*sizes_of(reading.parts["test"], plan["looks"], each)]:
        raise Disproved("the declared looks are not those of so many test items at such an error")


def _floor(reading: Reading) -> None:
    """The floor says one and the same answer, one of the most common that there are to learn from."""
    line = reading.evidence.one("floor")
    one_stack(reading, line, "the floor", "test", "edge")
    counts = Counter(_read(worded(e.accepted[0])) for e in reading.parts["pool"])
    runs = [run for run in (line["test"], line["edge"]) if run]
    said = {r["output"] for run in runs for r in reading.records[run].values()} | {line["answer"]}
    common = len(said) == 1 and counts[_read(line["answer"])] == max(counts.values())
    if not common or _uses(reading, line["test"]) != ["constant"]:
        raise Disproved("the floor does not always give the most common answer")


def _read(text: str) -> bytes:
    """A text, or the object that it writes down: records hold its keys in another order."""
    try:
        return canonical(parse(text))
    except ValueError:
        return text.encode("utf-8", "surrogatepass")


def _rung(reading: Reading, line: Line, model: Json) -> None:
    """A rung was judged over the climb's own model, with its own layer and none of a heavier rung."""
    name, uses = line["rung"], _uses(reading, line["test"])
    one_stack(reading, line, f"the rung {name}", "test", "edge", "unloaded", "told_by")
    if _stack(reading, line["test"])["model"] != model:
        raise Disproved(f"the rung {name} stands over another model than the climb's")
    if LAYER[name] not in uses and not (name == "prompt" and model["use"] == "recorded"):
        raise Disproved(f"the rung {name} was judged without its own layer")
    order = [r.layer for r in LADDER]
    if heavy := [use for use in uses if use in order and order.index(use) > order.index(LAYER[name])]:
        raise Disproved(f"the rung {name} was judged with the layer {heavy[0]} of a heavier one")


def _attempt(reading: Reading, line: Line, model: Json) -> None:
    """An attempt on the way down was judged by runs of one stack, over another model only where it says so."""
    who = f"the change `{line['change']}`"
    attempts = {x["attempts"] for x in reading.evidence.of("down")}
    if len(attempts) > 1:
        raise Disproved("the attempts on the way down do not agree on how many share their error")
    if line["test"] is None:
        return
    one_stack(reading, line, who, "test", "edge", "dev_run")
    one_stack(reading, line, f"what {who} is held against", "against", "dev_against", "told_by")
    if line["unloaded"]:
        raise Disproved(f"the latency of {who} was measured otherwise than that of what it is held against")
    if _stack(reading, line["test"])["model"] != model and not _cheaper(reading, line):
        raise Disproved(f"{who} stands over another model than the climb's")


def _cheaper(reading: Reading, line: Line) -> bool:
    """Whether a cheaper model was named, and tried no later than by this line."""
    changes = [x["change"] for x in reading.evidence.of("down")]
    named = reading.evidence.one("plan").get("cheaper_model")
    return bool(named) and "cheaper model" in changes[: changes.index(line["change"]) + 1]


def _further(reading: Reading) -> None:
    """What was asked on is the run that judged its rung."""
    for line in reading.evidence.of("further"):
        if not any(x["rung"] == line["rung"] and x["test"] == line["test"] for x in reading.evidence.of("rung")):
            raise Disproved("what was asked on is another run than the one that judged its rung")


# What a stack is held against


def beneath(reading: Reading, body: Mapping[str, Json]) -> None:
    """Raise `Disproved` where a rung is not held against the stack that it stands on, where that was judged."""
    smallest, held, line_held = reading.evidence.one("task")["profile"]["smallest_lift"], "floor", None
    base: tuple[str, str] | None = None
    before, known = 0.0, True
    for line, step in zip(reading.evidence.of("rung"), body["steps"], strict=True):
        if line["outcome"] not in ("measured", "dev"):
            continue
        stands = line["rung"] not in ("classifier", "prompt")
        if line["test"] and known and _judged(line["beneath"]) != (base if stands else None):
            raise Disproved(f"the rung {line['rung']} is not held against the stack that it stands on")
        after, alone, sure = _on_dev(reading, line)
        kept = step["status"] == "kept"
        gains = held in ("floor", "classifier") and after - before >= smallest
        if line["rung"] == "prompt" or (line["rung"] != "classifier" and (kept or gains)):
            base, before = (_judged(line) if line["test"] and alone else None), after
        known &= sure
        held, line_held = (line["rung"], line) if kept else (held, line_held)
    if line_held:
        _way_down(reading, body, line_held)


def _judged(line: Line | None) -> tuple[str, str] | None:
    return (line["rung"], line["test"]) if line else None


def _on_dev(reading: Reading, line: Line) -> tuple[float, bool, bool]:
    """What the rung's own variant reached on dev; whether no classifier stands before it; whether that is sure."""
    run = line["told_by"] if line["test"] else line["dev_run"]
    layers = _stack(reading, run)["layers"]
    alone, sure = line["rung"] == "classifier" or "classifier" not in _uses(reading, run), True
    if not alone:
        run = next(v["run"] for v in line["variants"] if v["name"] == line["chosen"])
        sure = _stack(reading, run)["layers"] == [x for x in layers if x["use"] != "classifier"]
    values = [v for v in reading.values(run).values() if v is not None]
    return (sum(values) / len(values) if values else 0.0), alone, sure


def _way_down(reading: Reading, body: Mapping[str, Json], held: Line) -> None:
    """Every layer that could be spared was tried without, and all that could be tried share the error."""
    lines = list(reading.evidence.of("down"))
    if any(line["against"] != held["test"] for line in lines):
        raise Disproved("an attempt on the way down is not held against the stack that the climb stopped at")
    if not _goes_down(reading, body, held) and not lines:
        return
    layers = _stack(reading, held["test"])["layers"]
    tried = [line["change"] for line in lines]
    away = [f"without {x['use']}" for x in layers if x["use"] not in ANSWERING]
    if left := [change for change in away if change not in tried]:
        raise Disproved(f"the way down was gone without the attempt `{left[0]}`")
    shown = sum(x["use"] == "few_shot" and x.get("k", 0) >= 2 for x in layers)
    cheaper = bool(reading.evidence.one("plan").get("cheaper_model"))
    others = sum(change not in (*away, "fewer examples", "cheaper model") for change in tried)
    if any(line["attempts"] < len(away) + shown + cheaper + others for line in lines):
        raise Disproved("there are more attempts on the way down than share its error")


def _goes_down(reading: Reading, body: Mapping[str, Json], held: Line) -> bool:
    """Whether a climb goes down from where it stopped: a model answers, nobody judges, the target is met or none."""
    met = body["target_met"] is True or reading.evidence.one("task")["target"]["quality"] is None
    asks = any(r.get("asked") or r["output"] is None for r in reading.records[held["told_by"]].values())
    return met and asks and not reading.evidence.one("plan").get("judge")


# A swap


def coherent_swap(reading: Reading) -> None:
    """Raise `Disproved` where a swap's levels or forms are not its own, or where one line speaks of several stacks."""
    evidence, plan = reading.evidence, reading.evidence.one("plan")
    n, old = len(plan["declared"]), _uses(reading, evidence.one("swap")["test"])
    each = TOTAL / 2 / n
    wanted = {"alpha": TOTAL, "alpha_down": TOTAL / 2, "alpha_target": each}
    _as_wanted(reading, {**wanted, **dict.fromkeys(("alpha_worse", "alpha_claim"), TOTAL / 4 / n)}, each)
    again = [AGAIN] if "adapter" in old and AGAIN in plan["declared"] else []
    if plan["declared"] != [*names_of(old), *again]:
        raise Disproved("the declared forms are not those that today's stack has on another base")
    one_stack(reading, evidence.one("swap"), "today's stack", "test", "edge", "unloaded")
    for line in evidence.of("form"):
        _form(reading, line, old)


def _form(reading: Reading, line: Line, old: Sequence[str]) -> None:
    """A form has the layers of its name, and what was learned only where it was tuned again."""
    if line["trains"] != (line["form"] == AGAIN):
        raise Disproved(f"the form {line['form']} does not say rightly whether it was trained")
    if line["test"] is None:
        return
    one_stack(reading, line, f"the form {line['form']}", "test", "edge", "unloaded", "told_by")
    away = {*ANSWERS_WITHOUT_MODEL, "prompt"}
    wanted = set(old) - {"student"} if line["trains"] else {*line["form"].split(" + ")}
    uses = set(_uses(reading, line["test"]))
    if uses - away != wanted - away or (not line["trains"] and uses & {*LEARNED}):
        raise Disproved(f"the form {line['form']} has other layers than its name says")
