"""How often does `suffice watch` cry wolf, what does it find, how soon, and does it call it by its name?

    python benchmarks/drift.py [--months 1000] [--planted 200] [--seed 0] [--part PART,PART]

Simulated months (`_drifts.py`; asks no model). `quiet`: months with a daily and a weekly rhythm and days that differ
beyond chance, after six weeks of baseline. `rhythm`: a rhythm twice as large and no other difference between days.
`planted`: one drift of each kind from a random day of the first two weeks on. `carried`: quiet months in which a day's
effect is in part the day before's, which the guarantee does not cover. `weeks`: how soon the alarm comes by the length
of the baseline. `trace`: Azure's hour of real traffic, as it is, and with code requests mixed into it. `text`: real
messages of people (CLINC150), as they are, and with messages outside the service's scope mixed in. Exits 1 where a
rate of alarms is shown to be above the stated one, fewer than 90 % of a drift's months are named rightly, or one in ten
takes longer than the stated delay.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _drifts import DRIFTS, MONDAY, World, month

from suffice.exchange import Exchange
from suffice.logs import Logs
from suffice.stats.interval import proportion
from suffice.types import Message
from suffice.watch.days import Days, steady
from suffice.watch.naming import named
from suffice.watch.vigil import ALPHA, BASELINE, STEADY_BASELINE, over, series, vigil

DELAY = 21
"""Days within which nine in ten planted drifts must be named."""
MONTH = 28
NEVER = 10**6
DATA = Path(os.environ.get("SUFFICE_DATA") or Path(__file__).parents[1] / ".." / "shared" / "data") / "azure_llm_trace"


@dataclass(frozen=True)
class Outcome:
    """What came of one simulated month."""

    alarm: int | None
    """Days behind the baseline."""
    kinds: tuple[str, ...]
    named: int | None
    moved: tuple[str, ...] = ()


def watched(seed: int, drift: str | None, at: int, world: World, baseline: int = BASELINE) -> Outcome:
    """Simulate and watch one month."""
    rng = np.random.default_rng(seed)
    held = month(rng, baseline + MONTH, drift, baseline + at, world)
    blocks = [MONDAY + day for day in range(len(held))]
    found = over(blocks, series(held, baseline), baseline, seed=seed)
    name = named(found)
    if found.alarm is None or name is None:
        return Outcome(None, (), None)
    return Outcome(found.alarm - baseline, name.kinds, name.at - baseline, tuple(name.moved))


def quiet(title: str, months: int, seed: int, world: World, *, promised: bool = True) -> bool:
    """False alarms of quiet months."""
    begun = time.process_time()
    outcomes = [watched(seed + n, None, 10**6, world) for n in range(months)]
    alarms = [o for o in outcomes if o.alarm is not None]
    limits = proportion(len(alarms), months)
    print(
        f"{title}: {len(alarms)} of {months} months with an alarm, {100 * limits.estimate:.1f} % "
        f"({100 * limits.low:.1f}-{100 * limits.high:.1f}), stated {100 * ALPHA:.0f} %; "
        f"{time.process_time() - begun:.0f} CPU s; {dict(Counter(m for o in alarms for m in o.moved))}"
    )
    return not promised or limits.low <= ALPHA


def planted(months: int, seed: int) -> bool:
    """What is found of each drift, how soon, and under which name; of few months all kinds are judged together."""
    print(
        "\n| drift | kind | what changes | alarm | named rightly | days to the name: median, 90 % | named otherwise |"
    )
    print("|---|---|---|---|---|---|---|")
    every: list[list[int]] = []
    for number, (drift, (kind, what, _)) in enumerate(DRIFTS.items()):
        starts = [int(np.random.default_rng([seed, number, n]).integers(0, 14)) for n in range(months)]
        seeds = [seed + 1_000_000 * (number + 1) + n for n in range(months)]
        outcomes = [watched(one, drift, at, World()) for one, at in zip(seeds, starts, strict=True)]
        late = [o.alarm is not None and o.alarm >= at for o, at in zip(outcomes, starts, strict=True)]
        right = [ok and o.kinds == (kind,) for ok, o in zip(late, outcomes, strict=True)]
        told = zip(right, outcomes, starts, strict=True)
        delays = [(o.named or 0) - at + 1 if ok else NEVER for ok, o, at in told]
        wrong = Counter(" and ".join(o.kinds) or "no alarm" for ok, o in zip(right, outcomes, strict=True) if not ok)
        limits, (half, most) = proportion(sum(right), months), _quantiles(delays)
        said = ", ".join(f"{name} {n}" for name, n in wrong.most_common(4))
        print(
            f"| {drift} | {kind} | {what} | {sum(late)} of {months} | {100 * limits.estimate:.1f} % "
            f"({100 * limits.low:.1f}-{100 * limits.high:.1f}) | {half}, {most if most < NEVER else 'never'} | {said} |"
        )
        every.append(delays)
    judged = every if months >= 50 else [[d for delays in every for d in delays]]
    return all(np.mean(np.array(d) < NEVER) >= 0.9 and _quantiles(d)[1] <= DELAY for d in judged)


def weeks(months: int, seed: int) -> None:
    """How soon the alarm comes after longer and shorter baselines: days, median and 90 %."""
    drifts = ("new topic", "empty searches", "labels", "model")
    print(f"\n| weeks of baseline | {' | '.join(drifts)} |\n|---|---|---|---|---|")
    for n in (5, 6, 8, 12):
        cells = []
        for number, drift in enumerate(drifts):
            some = [watched(seed + 1_000 * number + m, drift, 7, World(), 7 * n) for m in range(months)]
            delays = [NEVER if o.alarm is None or o.alarm < 7 else o.alarm - 7 + 1 for o in some]
            half, most = _quantiles(delays)
            cells.append(f"{half}, {most if most < NEVER else 'never'}")
        print(f"| {n} | {' | '.join(cells)} |")


def _quantiles(delays: list[int]) -> tuple[int, int]:
    half, most = np.quantile(delays, (0.5, 0.9), method="inverted_cdf")
    return int(half), int(most)


def trace(seed: int) -> bool:
    """Azure's hour: each service as it is, and code requests mixed into conversations from a minute on."""
    if not DATA.is_dir():
        print("\ntrace: no data set azure_llm_trace: set SUFFICE_DATA to the folder that holds it")
        return True
    conversations, code = (list(Logs([DATA / f"AzureLLMInferenceTrace_{n}.csv"])) for n in ("conv", "code"))
    holds = True
    print("\n| hour of real traffic | alarm | named | minutes to the name |\n|---|---|---|---|")
    for title, calls in (("conversations, untouched", conversations), ("code, untouched", code)):
        alarm, kinds, _ = hour(calls, seed)
        print(f"| {title} | {'yes' if alarm is not None else 'none'} | {' and '.join(kinds)} | |")
        holds &= alarm is None
    first = min(e.time or 0 for e in conversations)
    for share in (0.2, 0.4, 0.8, 1.0):
        for minute in (28, 34, 40):
            since = (first // 60 + minute) * 60
            rng = np.random.default_rng([seed, minute])
            mixed = [e for e in code if (e.time or 0) >= since and rng.random() < share]
            later = sum((e.time or 0) >= since for e in conversations)
            alarm, kinds, named_at = hour([*conversations, *mixed], seed)
            took = None if named_at is None else round(named_at - (since // 60 - first // 60) + 1)
            part = len(mixed) / (len(mixed) + later)
            told = f"code requests from minute {minute} on, {part:.0%} of the calls"
            print(f"| {told} | {'yes' if alarm is not None else 'none'} | {' and '.join(kinds)} | {took} |")
            holds &= share < 0.4 or (kinds == ("input",) and took is not None and took > 0)  # 7 % is near the floor
    return holds


def text(months: int, seed: int) -> bool:
    """A bank's messages of people, whole weeks of them; from a day on some are about what a bank has no answer to."""
    folder = DATA.parent / "clinc150"
    if not folder.is_dir():
        print("\ntext: no data set clinc150: set SUFFICE_DATA to the folder that holds it")
        return True
    told, domains = (json.loads((folder / f"{n}.json").read_text("utf-8")) for n in ("data_full", "domains"))
    bank = [(t, i) for part in ("train", "val", "test") for t, i in told[part] if i in domains["banking"]]
    strange = [(t, "balance") for part in ("oos_train", "oos_val", "oos_test") for t, _ in told[part]]
    holds = True
    print("\n| messages of people | alarms | named input | days to it: median, 90 % |\n|---|---|---|---|")
    for share in (0.0, 0.05, 0.1, 0.2):
        rights, alarms, delays = 0, 0, []
        for n in range(months):
            days = Days()
            days.take(_messages(bank, strange, share, np.random.default_rng([seed, n])))
            found = vigil(days, baseline=BASELINE, seed=seed + n)
            name = named(found) if found is not None else None
            late = found is not None and found.alarm is not None and found.alarm >= BASELINE + 5
            alarms += found is not None and found.alarm is not None
            right = name is not None and late and name.kinds == ("input",)
            rights += right
            delays.append(name.at - BASELINE - 5 + 1 if name is not None and right else NEVER)
        half, most = _quantiles(delays)
        took = f"{half}, {most if most < NEVER else 'never'}" if share else ""
        print(f"| {share:.0%} out of scope | {alarms} of {months} | {rights if share else ''} | {took} |")
        holds &= rights >= 0.9 * months if share >= 0.1 else share > 0 or proportion(alarms, months).low <= ALPHA
    return holds


def _messages(
    bank: list[tuple[str, str]], strange: list[tuple[str, str]], share: float, rng: np.random.Generator
) -> list[Exchange]:
    """Ten weeks of 250 messages a day; intents by weekday and day, a few answered wrongly."""
    intents = sorted({intent for _, intent in bank})
    own = {intent: [t for t, i in bank if i == intent] for intent in intents}
    base, weekday = rng.normal(0, 0.5, len(intents)), rng.normal(0, 0.3, (7, len(intents)))
    made = []
    for day in range(BASELINE + MONTH + 1):
        logits = base + weekday[day % 7] + rng.normal(0, 0.15, len(intents))
        shares = np.exp(logits) / np.exp(logits).sum()
        for at in range(250):
            intent = intents[int(rng.choice(len(intents), p=shares))]
            said = str(rng.choice(own[intent]))
            if day >= BASELINE + 5 and rng.random() < share:
                said, intent = strange[int(rng.integers(len(strange)))]
            reply = intent if rng.random() < 0.95 else intents[int(rng.integers(len(intents)))]
            when = (MONDAY + day) * 86_400.0 + at * 345.0
            asked, answered = Message("user", said), Message("assistant", reply)
            made.append(Exchange(f"{day}-{at}", (asked,), answered, model="small", time=when))
    return made


def hour(calls: list[Exchange], seed: int) -> tuple[int | None, tuple[str, ...], int | None]:
    """Watch an hour minute by minute: the minute of the alarm, the kinds, and the minute of the name."""
    days = Days(steady(60))
    days.take(calls)
    found = vigil(days, baseline=STEADY_BASELINE, seed=seed)
    name = named(found) if found is not None else None
    if found is None or found.alarm is None or name is None:
        return None, (), None
    begun = min(days.kept)
    return found.blocks[found.alarm] - begun, name.kinds, found.blocks[name.at] - begun


def main() -> int:
    """Print what was found; 1 where it does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--months", type=int, default=1000)
    parser.add_argument("--planted", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", default="quiet,rhythm,planted,carried,weeks,trace,text")
    given = parser.parse_args()
    parts, holds = given.part.split(","), True
    if "quiet" in parts:
        holds &= quiet("quiet", given.months, given.seed, World())
    if "rhythm" in parts:
        holds &= quiet("rhythm alone", max(1, given.months // 5), given.seed + 10_000, World(day=0.0, rhythm=2.0))
    if "carried" in parts:
        for carried in (0.3, 0.6):
            title = f"days that carry over {carried} (not promised)"
            quiet(title, max(1, given.months // 5), given.seed + 20_000, World(carried=carried), promised=False)
    if "planted" in parts:
        holds &= planted(given.planted, given.seed)
    if "weeks" in parts:
        weeks(max(1, given.planted // 8), given.seed)
    if "trace" in parts:
        holds &= trace(given.seed)
    if "text" in parts:
        holds &= text(max(1, given.planted // 10), given.seed)
    print("holds" if holds else "does not hold")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
