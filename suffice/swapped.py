"""Swapped: what follows from a swap's evidence: whether a form on the new base will do, and what moving changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal

from .afterwards import opened_by, shown
from .digest import plain
from .evidence import Evidence, Line, Reading
from .forms import AGAIN, LEARNED
from .leakage import warnings_of
from .looks import scores_of
from .measures import Held, Measures, Quality
from .migration import migration
from .plan import LADDER
from .provable import up
from .regressions import regressions
from .stats import rung
from .stats.power import items_above
from .types import Json

FORMAT, KIND = 1, "swap"
Standing = Literal["enough", "worse", "undecided"]
Status = Literal["moves", "worse", "falls short", "cannot tell", "refused"]
Decision = Literal["moved", "kept", "cannot tell"]
GONE = "what the old base can no longer be asked counts as right, where nothing of it is kept"


class Remembering(Reading):
    """A reading in which a reply that the old base no longer gives is unknown, and not wrong."""

    def values(self, run: str, ids: Sequence[str] | None = None) -> dict[str, float | None]:
        found = super().values(run, ids)
        line = next(self.evidence.of("swap"), None)
        if line is None or run not in (line["test"], line["edge"]):
            return found
        return {i: None if self.records[run][i]["output"] is None else value for i, value in found.items()}


class Swapping(Measures):
    """The arithmetic of a swap; the act asks it form by form and look by look, `verify` all at once."""

    @classmethod
    def of(cls, evidence: Evidence) -> Swapping:
        """Over evidence as it stands."""
        return cls(Remembering(evidence))

    @property
    def line(self) -> Line:
        """What was swapped for what."""
        return self.reading.evidence.one("swap")

    @cached_property
    def old(self) -> Held:
        """The stack as it stands, asked about every test item."""
        return Held("today's", self.line["test"], self.line["edge"], self.quality(self.line["test"]))

    @property
    def share(self) -> float:
        """The level of one form's proof, not worse and still meeting the target: an equal share."""
        return float(self.plan["alpha_target"])

    # One form

    def stands(self, line: Line) -> Standing:
        """Where a form stands after the items that it was asked: past the margin, within it, or neither is proven."""
        before, after = self._scores(line)
        asked, margin = self._asked(line), self.plan["margin"]
        if rung.not_worse(self._asked(line, self.plan["alpha_worse"]), after, before, -margin) == "not worse":
            return "worse"
        aimed = self.old.quality.meets is True
        loss, met = rung.not_worse(asked, before, after, margin), rung.decided(asked, after) if aimed else "above"
        return "enough" if loss == "not worse" and met in ("above", "below") else "undecided"

    def form(self, line: Line) -> dict[str, Json]:
        """One form on the new base against the old stack, on the items that both were asked."""
        told = {"form": line["form"], "title": line["title"], "alpha": self.share, "margin": self.plan["margin"]}
        told |= {"gates": line["gates"]} if line.get("gates") else {}
        if line["test"] is None:
            return {**told, **_UNASKED, "status": "refused", "reason": line["reason"], "calls": self.calls(line)}
        found = rung.lift(replace(self._asked(line), graded=True), *self._scores(line))
        quality, edge = self._reached(line), self.edge(line, self.old)
        speed = self.speed(line["test"], line["unloaded"])
        status, reason = self._status(line, found, quality, edge, speed)
        return {
            **told,
            "status": status,
            "reason": reason,
            "n": line["items"],
            "lift": found.estimate,
            "low": found.low,
            "high": found.high,
            "needs": self._needs(line, found, quality) if status == "cannot tell" else None,
            "quality": shown(quality),
            "edge": edge,
            **speed,
            "variants": [
                {"name": v["name"], "chosen": v["name"] == line["chosen"], "n": v["n"]} for v in line["variants"]
            ],
            "calls": self.calls(line),
            "stack_digest": self.reading.runs[line["test"]]["stack_digest"],
        }

    def _status(
        self, line: Line, found: rung.Estimate, quality: Quality, edge: Json, speed: Mapping[str, Json]
    ) -> tuple[Status, str]:
        """Every condition must hold; the reason names the first that does not."""
        margin, stands = self.plan["margin"], self.stands(line)
        limits = f"{found.estimate:+.3f} [{found.low:+.3f}, {found.high:+.3f}] on {line['items']} of {self._n} items"
        if self.judge:
            return "cannot tell", f"a model judged these answers: nothing is proven until people do: {limits}"
        if stands == "worse":
            return "worse", f"proven to lose more than {margin:g}: {limits}"
        if rung.not_worse(self._asked(line), *self._scores(line), margin) != "not worse":
            lost = f"a loss of up to {up(max(0.0, -found.low))} is not ruled out (margin {margin:g})"
            return "cannot tell", f"{lost}: {limits}"
        if self.old.quality.meets is True and quality.meets is not True:
            if quality.meets is False:
                return "falls short", f"not worse, but proven not to meet the target, which today's does: {limits}"
            return "cannot tell", f"not worse, but not proven to meet the target by itself, as today's is: {limits}"
        if edge and edge["decision"].endswith("regress"):
            return "falls short", f"not worse, but the edge partition is {edge['decision']}: {limits}"
        if slow := self.too_slow(speed):
            return "falls short", f"not worse, but {slow}: {limits}"
        return "moves", f"proven to lose less than {margin:g}: {limits}"

    def _needs(self, line: Line, found: rung.Estimate, quality: Quality) -> int | None:
        """About how many test items would tell, if what was seen is what is true; None where none would.

        Each question that is open has two answers: within the margin or past it, at the target or below it.
        """
        if self.judge:
            return None
        before, after = self._scores(line)
        margin, asked = self.plan["margin"], self._asked(line)
        wanted = []
        if rung.not_worse(asked, before, after, margin) != "not worse":
            lost, gained = (after.low - before.high), (after.high - before.low)
            ways = ((found.estimate, -margin, self.share), (-found.estimate, margin, self.plan["alpha_worse"]))
            wanted.append(self._fewest((lost + gained) / 2, ways))
        if self.old.quality.meets is True and quality.meets is None:
            target = self.task["target"]
            enough, seen = target["quality"] - target["tolerance"], quality.estimate
            ways = ((seen - 1, enough - 1, self.share), (-seen, -target["quality"], self.share))
            wanted.append(self._fewest((after.low + after.high) / 2, ways))
        known = [n for n in wanted if n is not None]
        return max(known) if known and len(known) == len(wanted) else None

    def _fewest(self, values: Any, ways: Sequence[tuple[float, float, float]]) -> int | None:
        """Items until either answer is proven: a mean above a limit at a level, the spread as it was seen."""
        spread = max(float(values.std()), 1e-3)
        size = self._n / max(1, len({e.cluster for e in self.examples("test")}))
        found = (items_above(mean, limit, spread, level, betting=True, size=size) for mean, limit, level in ways)
        return min((n for n in found if n is not None), default=None)

    def _asked(self, line: Line, alpha: float | None = None) -> rung.Asked:
        level = alpha or self.share
        return self.asked(line["graded"], alpha_target=level, alpha_lift=level)

    def _scores(self, line: Line) -> tuple[rung.Scores, rung.Scores]:
        examples = self.examples("test")[: line["items"]]
        before, after = (self.reading.values(run) for run in (self.old.test, line["test"]))
        return scores_of(before, examples), scores_of(after, examples)

    def _reached(self, line: Line) -> Quality:
        return self.looked(line["test"], line["items"], line["graded"], self.share)

    @property
    def _n(self) -> int:
        return len(self.examples("test"))

    # All of it

    def body(self) -> dict[str, Json]:
        """swap.json, but for dates and paths."""
        lines = list(self.reading.evidence.of("form"))
        found = [self.form(line) for line in lines]
        decision, best = _decided(found)
        moved = decision == "moved"
        line = lines[best] if moved and best is not None else None
        run = self.reading.runs[line["test"] if line else self.old.test]
        quality = self._reached(line) if line else self.old.quality
        close = lines[best] if best is not None else None
        model = self.line["to" if moved else "from"]
        duties = (line or self.line)["duties"]
        body = {
            "format": FORMAT,
            "kind": KIND,
            "task": {**{k: v for k, v in self.task.items() if k not in ("kind", "warnings")}, "model": model},
            "decision": decision,
            "headline": self._headline(decision, found, best),
            "warnings": self._warnings(),
            "notes": self._notes(),
            "from": self._end("from", self.old.test, self.old.quality),
            "to": self._end("to", close["test"] if close else None, self._reached(close) if close else None),
            "stop_at": self._rung_of(run),
            "stack": run["stack"],
            "stack_digest": run["stack_digest"],
            "target_met": quality.meets,
            "quality": shown(quality),
            "test": self._test(),
            "forms": found,
            "regressions": self._broke(close),
            "economics": self._money(close),
            "duties": duties,
            "duties_ended": _without(self.line["duties"], duties) if moved else [],
            "duties_new": _without(duties, self.line["duties"]) if moved else [],
        }
        return {**body, "ends": self.line["ends"], "migration": migration(self.line, decision, self._missing(found))}

    def _end(self, which: str, run: str | None, quality: Quality | None) -> dict[str, Json]:
        line = self.reading.runs[run] if run else None
        told: dict[str, Json] = {"model": self.line[which], "stack_digest": line["stack_digest"] if line else None}
        told["layers"] = [x["use"] for x in line["stack"]["layers"]] if line else []
        return {**told, "quality": shown(quality) if quality else None, **(self.speed(run, None) if run else {})}

    def _test(self) -> dict[str, Json]:
        keys = ("fingerprint", "uses", "alpha", "alpha_target", "alpha_worse", "alpha_claim", "alpha_down", "margin")
        told = {k: self.plan[k] for k in (*keys, "looks", "sizes", "hash")}
        return {**told, "n": self._n, "edge_n": len(self.examples("edge")), "tellable": self._tellable()}

    def _tellable(self) -> bool:
        """Whether so many items could prove anything at all, were none lost."""
        asked = self.asked(True, alpha_target=self.share, alpha_lift=self.share)
        return rung.tellable(asked, self.plan["margin"])

    def _headline(self, decision: Decision, found: Sequence[Mapping[str, Json]], best: int | None) -> str:
        to, old, margin = self.line["to"], self.line["from"], self.plan["margin"]
        one = found[best] if best is not None else None
        if one is None:
            return f"Cannot tell: nothing was measured over {to}."
        if decision == "moved":
            gone = sorted(set(self._uses(self.old.test)) & set(LEARNED) - set(self._uses_of(one)))
            spared = f"; no {' and no '.join(gone)} is needed any more" if gone else ""
            return f"Move to {to} {one['title']}: proven to lose less than {margin:g} against today's stack{spared}."
        if decision == "kept":
            lost = f"the closest, {one['title']}, is {one['reason'].partition(':')[0]} ({one['lift']:+.3f})"
            untried = self._untried(found)
            none = f"no form over {to} that was tried will do" if untried else f"no form over {to} will do"
            return f"Keep the stack over {old}: {none}; {lost}{untried}."
        more = (one["needs"] or 0) - self._n
        tell = f"about {more:,} more test items would tell" if more > 0 else "why stands with its form"
        if one["needs"] is None and not self.judge:
            tell = "more test items would not, if that is the true loss"
        seen = f"{one['title']} differs by {one['lift']:+.3f} [{one['low']:+.3f}, {one['high']:+.3f}]"
        return f"Cannot tell whether {to} will do, so the stack over {old} stays: {seen}, margin {margin:g}; {tell}."

    def _untried(self, found: Sequence[Mapping[str, Json]]) -> str:
        """That what today's stack learned was not learned again on the new base, and why; nothing where it was."""
        if "adapter" not in self._uses(self.old.test) or any(f["form"] == AGAIN and f["n"] for f in found):
            return ""
        why = next((f["reason"] for f in found if f["form"] == AGAIN), "nothing was to be trained, or could be here")
        return f"; {AGAIN} was not tried: {why}"

    def _missing(self, found: Sequence[Mapping[str, Json]]) -> int:
        """How many more test items would tell, at the form that needs the fewest; 0 where that is not known."""
        needs = [f["needs"] for f in found if f["status"] == "cannot tell" and f["needs"]]
        return max(0, min(needs, default=0) - self._n)

    def _warnings(self) -> list[str]:
        plan, found = self.plan, []
        if plan["overspent"]:
            found.append(plan["overspent"][0].upper() + plan["overspent"][1:] + ".")
        if not self._tellable():
            found.append(
                f"{self._n} test items cannot prove a loss within {plan['margin']:g} at an error of {self.share:.2%}, "
                "even if none is lost."
            )
        lost = sum(r["output"] is None for r in self.reading.records[self.old.test].values())
        if lost:
            found.append(f"The old base gave no reply to {lost} of {self._n} test items: {GONE}.")
        found += opened_by(line.get("gates", ()) for line in self.reading.evidence.of("form"))
        return found + warnings_of(plan) + list(self.task["warnings"])

    def _notes(self) -> list[str]:
        return [
            "Every form is held against today's stack on the same test items; dev chose its prompt and nothing else.",
            "The proofs of all forms share one error, which was declared before any of them was asked about test.",
            "A climb on these items kept today's stack, which they may flatter a little: that is against the new base.",
        ]

    def _broke(self, line: Line | None) -> dict[str, Json] | None:
        """What the closest form breaks that works today, and what it mends, slice by slice: it describes."""
        if line is None:
            return None
        asked = self.asked(graded=True, alpha_lift=self.plan["alpha_claim"]) if line["items"] < self._n else None
        margin, seed = self.plan["margin"], self.plan["seed"]
        test = self.examples("test")
        told = regressions(self.reading, self.old.test, line["test"], test, tolerance=margin, seed=seed, asked=asked)
        return {"of": line["title"], **{k: v for k, v in told.items() if k != "general"}}

    def _money(self, line: Line | None) -> dict[str, Json] | None:
        """What today's stack and the closest form cost, and from when on the lighter one pays."""
        from .bills import Prices, bill_of
        from .consumption import Draws
        from .cost import cost_of
        from .economics import pair_told, stack_told

        told = next(self.reading.evidence.of("figures"), None)
        if line is None or told is None:
            return None
        prices, draws = Prices.read(told), Draws(seed=self.plan["seed"])
        titles = (f"today's stack over {self.line['from']}", f"{self.line['to']} {line['title']}")
        runs = (self.old.test, line["test"])
        bills = [bill_of(self.reading, r, prices, title=t, draws=draws) for r, t in zip(runs, titles, strict=True)]
        costs = [cost_of(bill, draws) if bill.basis else None for bill in bills]
        kept = self.form(line)["status"] == "moves"
        known = [{"title": b.title, "run": r, "notes": list(b.notes)} for b, r in zip(bills, runs, strict=True)]
        both = [
            {**told, "kept": kept == (at == 1), **stack_told(bills[at], costs[at])} for at, told in enumerate(known)
        ]
        names = {"heavier": titles[0], "lighter": titles[1]}
        pair = {**names, **pair_told(bills[0], bills[1], draws)} if all(costs) else None
        tokens = [self._tokens(run, [*self.reading.records[line["test"]]]) for run in runs]
        return {"from": both[0], "to": both[1], "break_even": pair, "tokens": {"from": tokens[0], "to": tokens[1]}}

    def _tokens(self, run: str, ids: Sequence[str]) -> float:
        """Tokens a request, prompt and reply."""
        records = [self.reading.records[run][i] for i in ids]
        spent = [(r.get("input_tokens") or 0) + (r.get("output_tokens") or 0) for r in records]
        return sum(spent) / max(1, len(spent))

    def _uses(self, run: str) -> list[str]:
        return [layer["use"] for layer in self.reading.runs[run]["stack"]["layers"]]

    def _uses_of(self, form: Mapping[str, Json]) -> list[str]:
        lines = self.reading.evidence.of("form")
        return next((self._uses(x["test"]) for x in lines if x["form"] == form["form"] and x["test"]), [])

    def _rung_of(self, run: Line) -> str:
        """The heaviest rung whose layer a stack has."""
        uses = {layer["use"] for layer in run["stack"]["layers"]}
        return next((r.name for r in reversed(LADDER) if r.layer in uses), "prompt")


def conclude(evidence: Evidence) -> dict[str, Json]:
    """The whole of swap.json but for dates and paths, from the evidence alone."""
    return Swapping.of(evidence).body()


def _decided(found: Sequence[Mapping[str, Json]]) -> tuple[Decision, int | None]:
    """The verdict, and the form that it speaks of: the one that moves, else the closest of those that were measured."""
    for at, one in enumerate(found):
        if one["status"] == "moves":
            return "moved", at
    asked = [(at, one) for at, one in enumerate(found) if one["n"]]
    open_ = [(at, one) for at, one in asked if one["status"] == "cannot tell"]
    closest = max(open_ or asked, key=lambda x: x[1]["lift"], default=(None, None))[0]
    return ("kept" if asked and not open_ else "cannot tell"), closest


def _without(some: Sequence[Mapping[str, Json]], others: Sequence[Mapping[str, Json]]) -> list[Json]:
    known = {(d.get("kind"), d["what"]) for d in others}
    return [plain(d) for d in some if (d.get("kind"), d["what"]) not in known]


_UNASKED: Mapping[str, Json] = {
    **dict.fromkeys(("lift", "low", "high", "needs", "quality", "edge", "stack_digest")),
    **dict.fromkeys(("p50_ms", "p95_ms", "p95_low_ms", "p95_high_ms", "usd_per_1k", "input_tokens", "output_tokens")),
    "n": 0,
    "stages": [],
    "variants": [],
}
