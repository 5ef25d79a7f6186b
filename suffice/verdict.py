"""The verdict: where to stop and why, every number computed here from stored evidence, and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from .afterwards import Afterwards, opened_by, shown
from .attribution import attribute
from .compare import Comparison, pairs
from .digest import plain
from .estimates import ceilings_of, estimates_of
from .evidence import Evidence, Line, Reading
from .leakage import LEAKS, warnings_of
from .measures import Held, Quality
from .plan import LADDER
from .provable import can_prove, down, exactly, until_met, up
from .record import Diagnosis
from .stats.power import needed
from .sway import same_family
from .types import Json

FORMAT = 1
SHOWN_FAILURES = 40

Status = Literal["kept", "dropped", "skipped", "refused", "unaffordable", "not_needed"]


@dataclass(frozen=True)
class Verdict:
    """Where to stop, as the body of `verdict.json`, and the evidence it was computed from."""

    body: Mapping[str, Json]
    evidence: Evidence = field(repr=False)
    folder: Path | None = None
    """Where it was written, once it was."""

    @property
    def stop_at(self) -> str | None:
        """The rung to stop at, or None when no rung was kept."""
        found: str | None = self.body["stop_at"]
        return found

    @property
    def target_met(self) -> bool | None:
        """Proven met, proven not met, or None: cannot tell."""
        met: bool | None = self.body["target_met"]
        return met

    @property
    def path(self) -> Path | None:
        """The verdict.json, once written."""
        return self.folder / "verdict.json" if self.folder else None


def conclude(evidence: Evidence) -> dict[str, Json]:
    """The whole verdict but for dates and paths, from the evidence alone."""
    return Conclusion(Reading(evidence)).body()


class Conclusion(Afterwards):
    """What follows from the measures; the climb asks it rung by rung, `verify` all at once."""

    def steps(self) -> tuple[list[dict[str, Json]], Held]:
        """One step per rung in order, and what is held at the end."""
        held, steps = self.floor(), []
        for line in self.reading.evidence.of("rung"):
            step = self.step(line, held)
            if step["status"] == "kept":
                held = self.held(line)
            steps.append(step)
        return steps, held

    def step(self, line: Line, held: Held) -> dict[str, Json]:
        """One rung: what was measured, against what is held, and what became of it."""
        common = {
            "rung": line["rung"],
            "title": line["title"],
            "gates": line["gates"],
            "ceiling": self._ceiling(line),
            "variants": self._variants(line),
            "because": line["because"],
        }
        if line["outcome"] == "dev":
            return {**_EMPTY, **common, "status": "dropped", "reason": self._behind(line), "calls": self.calls(line)}
        if line["outcome"] != "measured":
            calls = self.calls(line)
            return {**_EMPTY, **common, "status": line["outcome"], "reason": line["reason"], "calls": calls}
        quality, (over, found) = self.quality_of(line), self._harder(line, held)
        edge = self.edge(line, held)
        speed = self.speed(line["test"], line["unloaded"])
        status, reason = self._judged(found, quality, edge, speed, held, over)
        return {
            **common,
            "status": status,
            "reason": reason + self._stopped(line, quality),
            "looks": self._looks(line),
            "verified": self._verified(line, over) if self.judge else None,
            "quality": shown(quality),
            "meets_target": quality.meets,
            "comparison": {"against": over, **_comparison(found)},
            "edge": edge,
            **speed,
            "calls": self.calls(line),
            "stack_digest": self.reading.runs[line["test"]]["stack_digest"],
        }

    def _verified(self, line: Line, over: str) -> bool:
        """Whether people's labels, and not a judge alone, say how good a rung is and what it lifts."""
        held = next((x["test"] for x in self.reading.evidence.of("rung") if x["rung"] == over and x["test"]), None)
        held = held or self.reading.evidence.one("floor")["test"]
        mean = self.people.mean(line["test"], 2 * self.plan["alpha_target"])
        return mean is not None and self.people.lift(held, line["test"], self.plan["alpha_claim"]) is not None

    def _looks(self, line: Line) -> Json:
        """How many test items were asked, of how many, where a stack is judged look by look."""
        if line.get("items") is None:
            return None
        sizes = self.plan["sizes"]
        return {"items": line["items"], "of": sizes[-1], "look": sizes.index(line["items"]) + 1, "looks": len(sizes)}

    def _stopped(self, line: Line, quality: Quality) -> str:
        """Why not all test items were asked."""
        looks = self._looks(line)
        if looks is None or looks["items"] == looks["of"]:
            return ""
        why = "the target is out of reach"
        if quality.meets is not None:
            why = "that is enough" if quality.meets else "the target is proven not met"
        elif self.task["target"]["quality"] is None:
            why = "that is enough"
        return f"; asked {looks['items']} of {looks['of']} test items: {why}"

    def _harder(self, line: Line, held: Held) -> tuple[str, Comparison]:
        """The comparison that is harder to win: with what is held, or with the stack beneath, where that was judged.

        A rung must win both; conditions joined by *and* need no correction.
        """
        found = [(held.rung, self.compared(line, held.test))]
        beneath = line.get("beneath")
        if beneath and beneath["test"] != held.test:
            found.append((beneath["rung"], self.compared(line, beneath["test"])))
        return min(reversed(found), key=lambda x: (x[1].decision == "better", x[1].lift))

    def _judged(
        self, found: Comparison, quality: Quality, edge: Json, speed: Mapping[str, Json], held: Held, against: str
    ) -> tuple[Status, str]:
        """Kept only if every condition of docs/proof.md holds; the reason names the first that does not.

        The first stack that is proven to meet the target is kept for that proof, even where its lift over a lighter
        one, which is not proven to meet it, is undecided; the reason then says so.
        """
        over = _name(against)
        smallest = self.task["profile"]["smallest_lift"]
        words = f"{found.lift:+.3f} over {over} [{found.low:+.3f}, {found.high:+.3f}] on {found.n} items"
        suffices = quality.meets is True and held.quality.meets is not True
        if found.decision == "worse":
            return "dropped", f"worse than {over}: {words}"
        if found.decision == "undecided" and not suffices:
            return "dropped", f"no lift proven: {words}{self._more(found)}"
        if found.lift < smallest and not suffices:
            return "dropped", f"lift proven but below the smallest worth having ({smallest:g}): {words}"
        if edge and edge["decision"].endswith("regress"):
            return "dropped", f"the edge partition is {edge['decision']} ({edge['lift']:+.3f}), though {words}"
        if slow := self.too_slow(speed):
            return "dropped", f"{slow}, though {words}"
        if found.decision == "undecided" or found.lift < smallest:
            return "kept", f"proven to meet the target, which nothing lighter is; its lift alone is not proven: {words}"
        return "kept", f"lift proven: {words}"

    def _more(self, found: Comparison) -> str:
        """How many more examples would tell, if what was seen is what is true."""
        if not found.n or found.lift <= 0 or found.groups:
            return "; cannot tell more from this set" if found.groups else ""
        total = needed(found.lift, (found.wins + found.losses) / found.n, found.alpha_spent)
        return f"; if that is the true lift, about {total - found.n} more test items would tell" if total else ""

    def _behind(self, line: Line) -> str:
        """Why test stayed closed for a rung, in dev items won and lost: counts, not a quality."""
        before, after = self.reading.values(line["dev_against"]["run"]), self.reading.values(line["dev_run"])
        found = pairs(before, after, self.examples("select"), alpha=0.05)
        title = line["dev_against"]["title"]
        over = title if " " in title else _name(title)
        return (
            f"on {found.n} dev items it won {found.wins} from {over} and lost {found.losses}, "
            "so the test items were left unopened for it"
        )

    def _ceiling(self, line: Line) -> Json:
        found = ceilings_of(self.reading, line["ceiling_of"]) if line.get("ceiling_of") else {}
        rung = next(r for r in LADDER if r.name == line["rung"])
        return plain(found[rung.ceiling]) if rung.ceiling in found else None

    def _variants(self, line: Line) -> list[dict[str, Json]]:
        return [{"name": v["name"], "chosen": v["name"] == line["chosen"], "n": v["n"]} for v in line["variants"]]

    # All of it

    def body(self) -> dict[str, Json]:
        """verdict.json, but for dates and paths."""
        from .economics import economics
        from .response import response

        steps, by = self.steps()
        attempts, held = self.down(self.frozen())
        kept = held if held.rung != "floor" else None
        met = held.quality.meets if kept or held.quality.meets is False else None
        run = self.reading.runs[kept.test] if kept else None
        rungs = list(self.reading.evidence.of("rung"))
        steps = [{**step, "acts_on": self.acts_on(line)} for step, line in zip(steps, rungs, strict=True)]
        steps = [_on_the_way_down(s) if kept and s["rung"] == kept.rung != by.rung else s for s in steps]
        diagnosed = next(reversed(list(self.reading.evidence.of("diagnosis"))), None)
        explained = attribute(self.reading, diagnosed["of"]) if diagnosed else None
        return {
            "format": FORMAT,
            "task": {k: v for k, v in self.task.items() if k not in ("kind", "warnings")},
            "headline": self._headline(kept, met, attempts),
            "warnings": self._warnings(),
            "notes": self._notes(),
            "stop_at": kept.rung if kept else None,
            "stack": run["stack"] if run else None,
            "stack_digest": run["stack_digest"] if run else None,
            "target_met": met,
            "target_words": self._target_words(held.quality, met),
            "quality": shown(held.quality) if kept else None,
            "floor": shown(self.floor().quality),
            "own_best": self._own_best(held),
            "test": self._test(),
            "steps": steps,
            "down": attempts,
            "ablation": self.ablation(),
            "variance": self.variance(),
            "labels": self.labels(held, self._beneath(steps)),
            "judge": self._judge(),
            "confirmation": self.confirmation(),
            "learning_curve": self.learning_curve(),
            "deferral": self.deferral(),
            "regressions": self.regressions(steps, self.frozen()),
            "signals": self.signals(kept),
            "estimates": [plain(x) for x in estimates_of(self.reading)],
            "diagnosis": plain(explained.findings) if explained else [],
            "diagnosis_of": {**_without_kind(diagnosed), **_beside(explained)} if diagnosed and explained else None,
            "failures": self._failures(kept, diagnosed),
            "economics": economics(self, kept, self.frozen()),
            **response(self, kept),
            "duties": self._duties(kept),
            "what_would_change_this": self._changes(steps, kept, met),
        }

    def _duties(self, kept: Held | None) -> list[Json]:
        """Those of the stack as it stands after the way down."""
        if kept is None:
            return []
        lines = [*self.reading.evidence.of("rung"), *self.reading.evidence.of("down")]
        found: list[Json] = next((x["duties"] for x in lines if x["test"] == kept.test and "duties" in x), [])
        return found

    def _beneath(self, steps: Sequence[Mapping[str, Json]]) -> str | None:
        """The run on test that the lift of the last kept rung is over."""
        kept = next((s for s in reversed(steps) if s["status"] == "kept"), None)
        if kept is None:
            return None
        runs = {x["rung"]: x["test"] for x in self.reading.evidence.of("rung")}
        run: str = runs.get(kept["comparison"]["against"]) or self.reading.evidence.one("floor")["test"]
        return run

    def frozen(self) -> Held:
        """The stack that the climb stopped at, asked further for a last word on the target."""
        _, held = self.steps()
        line = next(self.reading.evidence.of("further"), None)
        if line is None or line["rung"] != held.rung:
            return held
        graded = next(x["graded"] for x in self.reading.evidence.of("rung") if x["test"] == held.test)
        return replace(held, quality=self.looked(held.test, line["items"], graded))

    def _own_best(self, held: Held) -> Json:
        """The best stack that asks the model, where none was kept; its comparison is descriptive."""
        line = next(self.reading.evidence.of("own_best"), None)
        if line is None:
            return None
        found, quality = self.compared(line, held.test), shown(self.quality_of(line))
        told = {"layers": line["layers"], "quality": quality, "edge": self.edge(line, held), "descriptive": True}
        return {**told, "comparison": {"against": held.rung, **_comparison(found)}}

    def _test(self) -> dict[str, Json]:
        plan, target = self.plan, self.task["target"]
        n = len(self.examples("test"))
        told = {k: plan[k] for k in ("fingerprint", "uses", "alpha", "alpha_target", "alpha_claim", "moved", "hash")}
        told |= {k: v for k, v in plan.items() if k in LEAKS or k in ("alpha_down", "looks", "sizes")}
        return {**told, "n": n, "edge_n": len(self.examples("edge")), "can_prove": can_prove(n, target, plan)}

    def _headline(self, kept: Held | None, met: bool | None, attempts: Sequence[Mapping[str, Json]]) -> str:
        confirmed = self.confirmation()
        if self.judge and not self._by_people():
            return f"Unverified judge: {self._said(kept, met, attempts)}"
        if kept and met and confirmed and confirmed["target_met"] is False:
            return f"Refuted by {confirmed['n']} fresh examples: {self._said(kept, met, attempts)}"
        return self._said(kept, met, attempts)

    def _said(self, kept: Held | None, met: bool | None, attempts: Sequence[Mapping[str, Json]]) -> str:
        words = self._target_words(kept.quality if kept else self.floor().quality, met)
        if kept is None:
            return f"No rung has a proven lift over always giving the most common answer; {words}."
        title = _name(kept.rung)
        model = self.task["model"]
        over = "" if kept.rung == "classifier" else f" over {model}"
        over += "".join(f", {a['title']}" for a in attempts if a["accepted"])
        if met:
            return f"The lightest stack that suffices: {title}{over}, {words}."
        if self.task["target"]["quality"] is None:
            return f"The best stack with a proven lift at every step: {title}{over}, {words}."
        if met is None:
            return f"Cannot tell: the best-supported stack is {title}{over}, {words}."
        return f"No measured stack suffices: the best-supported one is {title}{over}, {words}."

    def _target_words(self, quality: Quality, met: bool | None) -> str:
        target = self.task["target"]
        if target["quality"] is None:
            return f"proven ≥ {down(quality.low)} (no target was set)"
        wanted = f"target {exactly(target['quality'])}, tolerance {exactly(target['tolerance'])}"
        if met:
            return f"proven ≥ {exactly(target['quality'] - target['tolerance'])} ({wanted})"
        if met is False:
            return f"proven < {exactly(target['quality'])} ({wanted})"
        between = f"between {down(quality.low)} and {up(quality.high)}"
        return f"measured {quality.estimate:.2f}, true quality {between} ({wanted})"

    def _warnings(self) -> list[str]:
        n, plan, found = len(self.examples("test")), self.plan, self._on_judge()
        if n < 50:
            found.append(f"Only {n} test examples: too few to decide. {50 - n} or more are missing to reach 50.")
        if plan["overspent"]:
            found.append(plan["overspent"][0].upper() + plan["overspent"][1:] + ".")
        lines = [*self.reading.evidence.of("rung"), *self.reading.evidence.of("down")]
        found += opened_by(line["gates"] for line in lines)
        return found + warnings_of(plan) + list(self.task["warnings"])

    def _judge(self) -> Json:
        """The model that judged, and how many of its scores people have looked at."""
        if not self.judge:
            return None
        labels = len(self.people.labels.scores)
        return {"model": self.judge, "verified": self._by_people(), "labels": labels, "sets": self.plan["label_sets"]}

    def _by_people(self) -> bool:
        """Whether people's labels stand behind every kept rung, its quality and its lift; without any, the floor's."""
        steps = [s for s in self.steps()[0] if s["status"] == "kept"]
        floor = self.reading.evidence.one("floor")["test"]
        return all(s["verified"] for s in steps) if steps else self.people.mean(floor, self.plan["alpha"]) is not None

    def _on_judge(self) -> list[str]:
        """What to know of a model's scores, and of how often people's labels were looked at."""
        found = []
        if self.judge and not self._by_people():
            found.append(
                f"Unverified judge: {self.judge} scored these answers, and too few people did. Nothing here is proven "
                "until somebody fills the newest to_label.jsonl, its rows stand in the file that `judge.labels` names, "
                "and the climb is repeated."
            )
        if self.plan.get("label_sets", 0) > 1:
            found.append(
                f"{self.plan['label_sets']} sets of labels have been looked at on these test items: "
                "limits hold for one."
            )
        return found

    def _notes(self) -> list[str]:
        """How the numbers were made, where a reader could think otherwise."""
        unloaded = self.task["target"]["p95_ms"] is not None
        latency = (
            "one request at a time, past the reply cache"
            if unloaded
            else "the judging runs, several requests at a time and queueing left out; set target.p95_ms for an "
            "unloaded sample"
        )
        kin = self.judge and same_family(self.judge, self.task["model"])
        return [
            *(["The judge is of the judged model's own family, which it may flatter."] if kin else []),
            "Quality is measured on test items alone; nothing was learned or chosen on them.",
            "How much another draw of dev would have chosen and learned otherwise stands under variance.",
            f"Latencies come from {latency}.",
        ]

    def _failures(self, kept: Held | None, diagnosed: Line | None) -> list[dict[str, Json]]:
        causes: dict[str, str] = {}
        if diagnosed:
            for finding in attribute(self.reading, diagnosed["of"]).findings:
                causes.update({i: finding.cause for i in finding.record_ids if i not in causes})
        runs = [(diagnosed["of"], "dev")] if diagnosed else []
        runs += [(run, part) for run, part in ((kept.test, "test"), (kept.edge, "edge")) if run] if kept else []
        found = []
        for run, part in runs:
            failing = [i for i in self.reading.records[run] if not self.reading.passed(run, i)]
            found += [self._failure(run, i, part, causes.get(i)) for i in failing[: SHOWN_FAILURES // 2]]
        return found

    def _failure(self, run: str, id_: str, part: str, cause: str | None) -> dict[str, Json]:
        example, record = self.reading.examples[id_], self.reading.records[run][id_]
        told = {"id": id_, "part": part, "partition": example.partition, "input": example.input}
        said = {"expected": example.expected, "output": record["output"], "reason": record["reason"]}
        return {**told, **said, "cause": cause if part == "dev" else None}

    def _changes(self, steps: Sequence[Mapping[str, Json]], kept: Held | None, met: bool | None) -> list[str]:
        """What would change the verdict, most telling first."""
        found = []
        target = self.task["target"]
        if met is None and target["quality"] is not None and kept:
            found.append(until_met(kept.quality, target))
        for step in steps:
            if step["status"] == "dropped" and step["comparison"] and step["comparison"]["lift"] > 0:
                found.append(f"{step['title']}: {step['reason']}.")
            elif step["status"] == "refused":
                found.append(f"{step['title']} would be considered once: {step['reason']}.")
        if kept and met:
            found.append(
                f"A target above {up(kept.quality.low + target['tolerance'])} would not be proven by this stack."
            )
        if volume := self.task["profile"]["requests_per_day"]:
            found.append(f"Volume is taken as {volume:g} requests a day: of the rungs, only training asks for it.")
        return found


_EMPTY: Mapping[str, Json] = {
    "looks": None,
    "verified": None,
    "quality": None,
    "meets_target": None,
    "comparison": None,
    "edge": None,
    "p50_ms": None,
    "p95_ms": None,
    "p95_low_ms": None,
    "p95_high_ms": None,
    "usd_per_1k": None,
    "input_tokens": None,
    "output_tokens": None,
    "stages": [],
    "calls": 0,
    "stack_digest": None,
}


def _on_the_way_down(step: Mapping[str, Json]) -> dict[str, Json]:
    """The rung that the way down ended at, though it was not kept as a rung."""
    return {**step, "reason": f"kept on the way down; as a rung: {step['reason']}"}


def _beside(explained: Diagnosis) -> dict[str, Json]:
    """What a diagnosis says beside its findings."""
    return {name: plain(getattr(explained, name)) for name in ("note", "words", "tried", "overlaps", "slices")}


def _without_kind(line: Line) -> dict[str, Json]:
    return {k: v for k, v in line.items() if k != "kind"}


def _comparison(found: Comparison) -> dict[str, Json]:
    return {k: v for k, v in plain(found).items() if k != "edge"}


def _name(rung: str) -> str:
    titles = {r.name: r.title for r in LADDER}
    return titles.get(rung, "the most common answer")
