"""Afterwards: what is known of a stack once it is frozen: whether a lighter one does, chance, fresh data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from .ablation import ablation_of
from .attribution import attribute
from .compare import clusters, pairs
from .digest import plain
from .effect import Row, effect_of
from .evidence import Line, Reading
from .looks import scores_of
from .measures import Held, Measures, Quality
from .plan import FIRST_LOOK, LADDER
from .signals import quoted, signals_of
from .stats import rung
from .stats.interval import mean_interval
from .suspects import suspects_of
from .types import Json
from .variance import spread, stability


class Afterwards(Measures):
    """What follows a frozen stack; nothing here changes at which rung the climb stopped, or why."""

    # The way down

    def down(self, kept: Held) -> tuple[list[dict[str, Json]], Held]:
        """The attempts at something lighter, and what is held after them."""
        attempts, held = [], kept
        for line in self.reading.evidence.of("down"):
            attempt = self.attempt(line, kept, held.test)
            if attempt["accepted"]:
                held = Held(self._rung_of(line["test"], kept.rung), line["test"], line["edge"], self._reached(line))
            attempts.append(attempt)
        return attempts, held

    def attempt(self, line: Line, kept: Held, over: str) -> dict[str, Json]:
        """One lighter stack against the frozen one: proven not worse by the margin, on edge too, and still enough.

        `over` is the run of the stack as it stood, after what was accepted before: what trains must spare tokens of it.
        """
        margin, alpha = line.get("margin", self.plan["margin"]), self.share(line)
        told = {"change": line["change"], "title": line["title"], "margin": margin, "alpha": alpha}
        if line["test"] is None:
            return {**told, **_UNTRIED, "calls": self.calls(line), "reason": f"not tried{self._untried(line, margin)}"}
        examples = self.examples("test")[: line["items"]]
        old, new = (scores_of(self.reading.values(run), examples) for run in (kept.test, line["test"]))
        asked = self.asked(line["graded"], alpha_target=alpha, alpha_lift=alpha)
        decision, lift = rung.not_worse(asked, old, new, margin), rung.lift(replace(asked, graded=True), old, new)
        quality, edge = self._reached(line), self.edge(line, kept)
        speed = self.speed(line["test"], None)
        trains = line["change"] in TRAINED
        tokens = self._spent(over if trains else kept.test, line["test"], [e.id for e in examples])
        reason = self._against(decision, lift, margin) or self._short(kept, quality, edge, speed)
        reason = reason or _spares_little(line["change"], tokens)
        items = f" on {line['items']} of {len(self.examples('test'))} items"
        limits = f"{lift.estimate:+.3f} [{lift.low:+.3f}, {lift.high:+.3f}]{items}"
        return {
            **told,
            "decision": {"futile": "undecided"}.get(decision, decision),
            "accepted": not reason,
            "reason": f"{reason or 'proven not worse'}: {limits}",
            "n": line["items"],
            "lift": lift.estimate,
            "low": lift.low,
            "high": lift.high,
            "quality": shown(quality),
            "edge": edge,
            "usd_per_1k": speed["usd_per_1k"],
            "p95_ms": speed["p95_ms"],
            "tokens": tokens,
            "calls": self.calls(line),
            "stack_digest": self.reading.runs[line["test"]]["stack_digest"],
        }

    def _spent(self, before: str, after: str, ids: Sequence[str]) -> dict[str, float]:
        """Tokens a request, prompt and reply, of the frozen stack and of the lighter one on the same items."""
        both = [i for i in ids if i in self.reading.records[before] and i in self.reading.records[after]]
        old, new = (sum(_tokens(self.reading.records[run][i]) for i in both) for run in (before, after))
        return {"before": old / max(1, len(both)), "after": new / max(1, len(both))}

    def _untried(self, line: Line, margin: float) -> str:
        """Why test was left closed for an attempt: too few items, or a loss on dev, in items won and lost."""
        if line["dev_run"] is None:
            n = len(self.examples("test"))
            return f": {n} items cannot prove a loss within {margin:g} at an error of {self.share(line):.2%}"
        before, after = self.reading.values(line["dev_against"]), self.reading.values(line["dev_run"])
        found = pairs(before, after, self.examples("select"), alpha=0.05)
        return f" on test: on {found.n} dev items it won {found.wins} and lost {found.losses}"

    def _reached(self, line: Line) -> Quality:
        return self.looked(line["test"], line["items"], line["graded"], self.share(line))

    def share(self, line: Line) -> float:
        """What one attempt may spend: an equal part of what was declared for the way down."""
        return float(self.plan["alpha_down"] / line["attempts"])

    def _against(self, decision: str, lift: rung.Estimate, margin: float) -> str:
        if decision == "not worse":
            return ""
        if decision == "worse":
            return "proven worse"
        return f"cannot tell: a loss of up to {-lift.low:.3f} is not ruled out (margin {margin:g})"

    def _short(self, kept: Held, quality: Quality, edge: Json, speed: Mapping[str, Json]) -> str:
        """Why a stack that is not worse is not taken all the same."""
        if kept.quality.meets is True and quality.meets is not True:
            return "not worse, but not proven to meet the target by itself"
        if edge and edge["decision"].endswith("regress"):
            return f"not worse, but the edge partition is {edge['decision']}"
        slow = self.too_slow(speed)
        return f"not worse, but {slow}" if slow else ""

    def _rung_of(self, run: str, otherwise: str) -> str:
        """The heaviest rung whose layer a stack still has."""
        names = self._layers(run)
        return next((r.name for r in reversed(LADDER) if r.layer in names), otherwise)

    # Chance

    def variance(self) -> dict[str, Json]:
        """How much hung on chance: of what was chosen on dev, and of what was learned there."""
        rungs = [x for x in self.reading.evidence.of("rung") if x["chosen"] is not None]
        chosen = [{"rung": x["rung"], "variant": x["chosen"], "again": self._again(x)} for x in rungs]
        line = next(self.reading.evidence.of("refit"), None)
        fits = (
            {**spread([self.reading.values(run) for run in line["runs"]]), "wanted": line["wanted"]} if line else None
        )
        return {"chosen": [c for c in chosen if c["again"] is not None], "fits": fits}

    def _again(self, line: Line) -> float | None:
        variants = [{**v, "chosen": v["name"] == line["chosen"]} for v in line["variants"]]
        if any(v.get("run") is None for v in variants):
            return None
        values = {v["run"]: self.reading.values(v["run"]) for v in variants}
        return stability(variants, values, FIRST_LOOK, self.plan["seed"])

    # Each layer's part

    def ablation(self) -> dict[str, Json] | None:
        """What the final stack loses on dev without each of its layers; limits of all together at 95 %, descriptive."""
        line, examples = next(self.reading.evidence.of("left_out"), None), self.examples("select")
        if line is None or len(examples) < 2:
            return None
        names = [name for name, _ in line["without"]]
        values = {frozenset(names): self.reading.values(line["whole"])}
        values |= {frozenset(names) - {name}: self.reading.values(run) for name, run in line["without"]}
        found = ablation_of(values, examples, layers=names, seed=self.plan["seed"])
        decided = {1: "better", -1: "worse", 0: "undecided"}
        parts = [
            {"layer": e.factors[0], "lift": e.estimate, "low": e.low, "high": e.high, "decision": decided[e.sign]}
            for e in found.removals
        ]
        return {"n": found.n, "parts": parts, "sentences": list(found.sentences), "note": found.note}

    # What the climb acted on

    def signals(self, kept: Held | None) -> list[dict[str, Json]]:
        """Every row of the decision matrix, measured on each stack that was diagnosed; of the final one, counts are
        taken on test."""
        found = []
        for run in dict.fromkeys(line["of"] for line in self.reading.evidence.of("diagnosis")):
            stack = self.reading.runs[run]
            final = kept is not None and self.reading.runs[kept.test]["stack_digest"] == stack["stack_digest"]
            rows = signals_of(self.reading, attribute(self.reading, run), kept.test if kept and final else None)
            layers = [layer["use"] for layer in stack["stack"].get("layers", ())]
            if rows:
                found.append({"of": run, "layers": layers, "final": final, "rows": [plain(row) for row in rows]})
        return found

    def acts_on(self, line: Line) -> list[str]:
        """The rows that a rung was proposed for, as they stood on dev."""
        run = line.get("signals_of")
        return [*quoted(signals_of(self.reading, attribute(self.reading, run)), line["rung"])] if run else []

    # Labels that look wrong

    def labels(self, kept: Held, against: str | None) -> dict[str, Json]:
        """Expected answers that look wrong, and what they and leaked items do to the verdict: it decides nothing."""
        if "scorer" not in self.task:
            return {"suspects": 0, "shown": [], "effect": None}
        found = suspects_of(self.reading)
        told = [{**plain(s), "evidence": list(s.evidence), "signs": list(s.signs)} for s in found[:SUSPECTS]]
        if against is None:
            return {"suspects": len(found), "shown": told, "effect": None}
        seen = effect_of(self.reading, kept.test, against, found)
        rows = [self._row(row) for row in (seen.as_labelled, *seen.rows)]
        return {
            "suspects": len(found),
            "shown": told,
            "effect": {"rows": rows, "note": seen.note} if rows[1:] else None,
        }

    def _row(self, row: Row) -> dict[str, Json]:
        keys = ("name", "items", "n", "quality", "low", "high", "meets", "words")
        lift = {f"lift_{k}" if k != "lift" else k: getattr(row.comparison, k) for k in ("lift", "low", "high")}
        return {**{k: getattr(row, k) for k in keys}, **lift, "changed": list(row.changed)}

    # What was trained

    def learning_curve(self) -> dict[str, Json] | None:
        """How the tuned model grew with its rows on held-out dev items, and what more rows would bring: descriptive."""
        smallest, target = self.task["profile"]["smallest_lift"], self.task["target"]["quality"]
        return learning_of(self.reading, smallest, target, self.plan["seed"])

    def deferral(self) -> dict[str, Json] | None:
        """What a student and its teacher reach together at each threshold, on dev items that neither learned from."""
        return deferral_of(self.reading)

    def regressions(self, steps: Sequence[Mapping[str, Json]], kept: Held) -> dict[str, Json] | None:
        """What the trained part of the final stack broke, or the last one that was judged, against what it was judged
        against."""
        from .regressions import regressions

        pair = self._trained_pair(steps, kept)
        if pair is None:
            return None
        of, before, after = pair
        tolerance, seed, test = self.task["target"]["tolerance"], self.plan["seed"], self.examples("test")
        looked = min(len(self.reading.records[run]) for run in (before, after)) < len(test)
        asked = self.asked(graded=True) if looked else None
        told = regressions(self.reading, before, after, test, tolerance=tolerance, seed=seed, asked=asked)
        return {"of": of, **told, "worth": self._worth(before, after)}

    def _worth(self, before: str, after: str) -> dict[str, Json]:
        """From which volume and at which price training pays."""
        from .bills import Prices, project_of
        from .pricebook import book
        from .worth import told as in_words
        from .worth import worth

        tokens = self._spent(before, after, [*self.reading.records[after]])
        usd = {"before": self.speed(before, None)["usd_per_1k"], "after": self.speed(after, None)["usd_per_1k"]}
        line = next(self.reading.evidence.of("figures"), None)
        figures = Prices.read(line).book if line else book()
        kind = project_of(self.reading.runs[after]["stack"]["layers"], figures) or "lora"
        return in_words(worth(tokens, usd, self.task["profile"]["stable_months"], kind, figures))

    def _trained_pair(self, steps: Sequence[Mapping[str, Json]], kept: Held) -> tuple[str, str, str] | None:
        """What was trained, the run on test of the stack before, and its own: on the way down, or as a rung.

        What is in the final stack comes before what was judged and turned down.
        """
        lines = [*self.reading.evidence.of("down")]
        tried = [x for x in zip(lines, self.down(kept)[0], strict=True) if x[0]["change"] in TRAINED and x[0]["test"]]
        down = [(line["title"], kept.test, line["test"]) for line, _ in reversed(tried)]
        accepted = [(line["title"], kept.test, line["test"]) for line, told in reversed(tried) if told["accepted"]]
        rung = self._trained_rung(steps)
        final = [rung] if rung and rung[2] == kept.test else []
        return next(iter([*accepted, *final, *down, *([rung] if rung else [])]), None)

    def _trained_rung(self, steps: Sequence[Mapping[str, Json]]) -> tuple[str, str, str] | None:
        runs = {x["rung"]: x["test"] for x in self.reading.evidence.of("rung")}
        for step in steps:
            if step["rung"] == "fine_tuning" and step["comparison"]:
                over = runs.get(step["comparison"]["against"]) or self.reading.evidence.one("floor")["test"]
                return step["title"], over, runs["fine_tuning"]
        return None

    def _layers(self, run: str) -> set[str]:
        return {layer["use"] for layer in self.reading.runs[run]["stack"]["layers"]}

    # Fresh data

    def confirmation(self) -> dict[str, Json] | None:
        """What fresh examples say of the target, where some were given: a claim with an error of its own."""
        line = next(self.reading.evidence.of("confirmation"), None)
        if line is None:
            return None
        told = {k: line[k] for k in ("dropped", "uses", "overspent")}
        if line["run"] is None:
            return {
                **told,
                "n": 0,
                "quality": None,
                "target_met": None,
                "words": "every fresh example repeats a known one",
            }
        values, examples = self.reading.values(line["run"]), self.examples("confirmation")
        seed, alpha = self.plan["seed"], line["alpha"]
        ends = [
            mean_interval(
                [x if (v := values[e.id]) is None else v for e in examples], clusters(examples), alpha=alpha, seed=seed
            )
            for x in (0.0, 1.0)
        ]
        judged = [v for e in examples if (v := values[e.id]) is not None]
        estimate = sum(judged) / len(judged) if judged else 0.0
        unjudged = len(examples) - len(judged)
        low, high, method = ends[0].low, ends[1].high, ends[0].method
        quality = Quality(
            estimate, low, high, len(judged), alpha / 2, method, unjudged, self.meets(low, high), ends[0].reason
        )
        if self.judge:
            return {**told, "n": len(examples), "quality": shown(quality), "target_met": None, "words": UNVERIFIED}
        words = {True: "confirmed", False: "refuted", None: "neither confirmed nor refuted"}[quality.meets]
        if self.task["target"]["quality"] is None:
            words = "no target was set"
        return {**told, "n": len(examples), "quality": shown(quality), "target_met": quality.meets, "words": words}


def learning_of(reading: Reading, smallest: float, target: float | None, seed: int) -> dict[str, Json] | None:
    """The learning curve in the evidence, if there is one."""
    line = next(reading.evidence.of("curve"), None)
    if line is None:
        return None
    points = line["points"]
    values = [[reading.values(p["run"])[i] or 0.0 for i in line["items"]] for p in points]
    groups = clusters([reading.examples[i] for i in line["items"]])
    from .stats.curve import learned

    found = learned([p["rows"] for p in points], values, groups, smallest=smallest, target=target, seed=seed)
    took = [{k: p.get(k) for k in ("seconds", "cpu_seconds", "tokens", "epochs")} for p in points]
    measured = [{**plain(at), **spent} for at, spent in zip(found.measured, took, strict=True)]
    return {**plain(found), "measured": measured, "items": len(line["items"]), "stopped": line["stopped"]}


def deferral_of(reading: Reading) -> dict[str, Json] | None:
    """The curve of deferral in the evidence, if there is one."""
    line = next(reading.evidence.of("deferral"), None)
    if line is None:
        return None
    own, other = (reading.records[line[who]] for who in ("student", "teacher"))
    items = line["items"]
    sure = [own[i].get("confidence") or 0.0 for i in items]
    values = [[of[i]["value"] or 0.0 for i in items] for of in (own, other)]
    groups = clusters([reading.examples[i] for i in items])
    from .stats.defer import chosen

    steps = chosen(sure, values[0], values[1], groups, risk=line["risk"])
    tokens = [[_tokens(of[i]) for i in items] for of in (own, other)]
    told = [{**plain(step), "tokens": _mixed(sure, step.threshold, *tokens)} for step in steps.steps]
    kept = {"threshold": steps.threshold, "proven": steps.proven, "risk": line["risk"]}
    return {**kept, "items": len(items), "steps": told}


TRAINED = ("prompt into weights", "student")
"""Changes of the way down that train something."""
SAVED = 0.2
"""The least share of a request's tokens that those must save."""
SUSPECTS = 40
"""Suspect labels that a verdict shows, the most suspect first."""
UNVERIFIED = "an unverified judge's scores confirm nothing"

_UNTRIED: Mapping[str, Json] = {
    "decision": "undecided",
    "accepted": False,
    "n": 0,
    "lift": None,
    "low": None,
    "high": None,
    "quality": None,
    "edge": None,
    "usd_per_1k": None,
    "p95_ms": None,
    "tokens": None,
    "calls": 0,
    "stack_digest": None,
}


def _spares_little(change: str, tokens: Mapping[str, float]) -> str:
    """Why something trained is not taken though it is not worse: it must spare tokens, which is all it is for."""
    spared = 1 - tokens["after"] / tokens["before"] if tokens["before"] else 0.0
    if change not in TRAINED or spared >= SAVED:
        return ""
    return f"not worse, but it spares {spared:.0%} of the tokens, and {SAVED:.0%} must be"


def _tokens(record: Line) -> int:
    """What a reply took, cached or not: prompt and reply, in tokens."""
    return int(record.get("input_tokens") or 0) + int(record.get("output_tokens") or 0)


def _mixed(sure: Sequence[float], threshold: float, own: Sequence[int], other: Sequence[int]) -> float:
    """Tokens a request: the student's always, its teacher's where it is asked."""
    rows = zip(sure, own, other, strict=True)
    return sum(s + (0 if c >= threshold else t) for c, s, t in rows) / max(1, len(own))


def shown(quality: Quality) -> dict[str, Json]:
    """A quality as the verdict holds it."""
    return {k: v for k, v in plain(quality).items() if k != "meets"}


def opened_by(lines: Iterable[Sequence[Mapping[str, Json]]]) -> list[str]:
    """What to know of the gates before what was trained, of each line's: those forced, and those taken on trust."""
    told = list(lines)
    forced = {g["name"]: g for gates in told for g in gates if g.get("forced")}
    tried = [gates for gates in told if all(g["passed"] or g.get("forced") for g in gates)]
    trust = {g["name"]: g for gates in tried for g in gates if g.get("assumed")}
    return [
        *(f"Forced: {name}: {g['measured']}, needed {g['needed']}." for name, g in forced.items()),
        *(f"Taken on trust: {name}: {g['measured']}; needed {g['needed']}." for name, g in trust.items()),
    ]
